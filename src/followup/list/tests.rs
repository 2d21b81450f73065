//! Lists as dealers send them, good and bad.

use super::*;
use chrono::TimeZone;

fn defaults() -> Defaults {
    Defaults {
        country: "CN".to_owned(),
        language: "zh-CN".to_owned(),
        languages: vec!["zh-CN".to_owned(), "en".to_owned()],
        zone: chrono_tz::Asia::Shanghai,
    }
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 16, 4, 0, 0).single().unwrap()
}

fn read(text: &[u8]) -> Vec<Result<Row, Reject>> {
    let mut reader = Reader::new(text, defaults()).unwrap();
    std::iter::from_fn(|| reader.next(now()).unwrap()).collect()
}

#[test]
fn chinese_and_english_headers_read_the_same() {
    let chinese = "\u{feff}姓名,车型,维修日期,手机号,车牌,服务顾问,工号\r\n张三,轿车,2026/11/4,138 0013 8000,苏a·12386,王顾问,1024\r\n";
    let english = "Staff_Number,name,MODEL,repair date,phone,plate,service advisor,remark\n1024,张三,轿车,2026-11-04,+8613800138000,苏A 12386,王顾问,x\n";
    let (one, two) = (read(chinese.as_bytes()), read(english.as_bytes()));
    assert_eq!(one, two);
    let row = one[0].as_ref().unwrap();
    assert_eq!((row.line, row.number.as_str(), row.plate.expose().as_str()), (2, "+8613800138000", "苏A12386"));
    assert_eq!((row.repaired_on.to_string().as_str(), row.repaired_at), ("2026-11-04", None));
    assert_eq!((row.staff_number.as_deref(), row.language.as_str()), (Some("1024"), "zh-CN"));
}

#[test]
fn dates_are_read_as_people_write_them() {
    for (text, want) in [
        ("2026-11-14", Some(("2026-11-14", None))),
        ("2026/1/4 9:05", Some(("2026-01-04", Some("09:05:00")))),
        ("2026-11-14T16:30:05", Some(("2026-11-14", Some("16:30:05")))),
        ("2026年11月4日", Some(("2026-11-04", None))),
        ("2026年11月4日 16:30", Some(("2026-11-04", Some("16:30:00")))),
        ("2026-02-30", None),
        ("14.11.2026", None),
        ("26-11-14", None),
        ("2026-11-14 25:00", None),
        ("45970", None),
        ("", None),
    ] {
        let got = date(text).map(|(day, time)| (day.to_string(), time.map(|t| t.to_string())));
        assert_eq!(got, want.map(|(day, time)| (day.to_owned(), time.map(str::to_owned))), "{text}");
    }
}

#[test]
fn each_bad_row_is_named_by_line_column_and_reason() {
    let head = "name,phone,repair date,staff number,language,time zone\n";
    let rows = [
        "张三,13800138000,2026-11-14,,,",
        ",13800138000,2026-11-14,,,",
        "李四,12,2026-11-14,,,",
        "李四,13800138000,14.11.2026,,,",
        "李四,13800138000,2026-11-17,,,",
        "李四,13800138000,2026-11-16 12:01,,,",
        "李四,13800138000,2026-11-14,A7,,",
        "李四,13800138000,2026-11-14,,fr,",
        "李四,13800138000,2026-11-14,,EN,Mars/Olympus",
        "李四,13800138000",
        ",,,,,",
        "\"李\n四\",13800138000,2026-11-14,,EN,America/New_York",
        "王五,13800138000,2026-11-14,,,",
    ];
    let got: Vec<String> = read(format!("{head}{}\n", rows.join("\n")).as_bytes())
        .into_iter()
        .map(|row| match row {
            Ok(row) => format!("line {} good {}", row.line, row.language),
            Err(reject) => reject.to_string(),
        })
        .collect();
    let want = [
        "line 2 good zh-CN",
        "line 3, 姓名 (name): is empty",
        "line 4, 手机号 (phone): no such number in the numbering plan",
        "line 5, 维修日期 (repair date): is not a date (2026-11-14 or 2026/11/14, with a time like 16:30 or without)",
        "line 6, 维修日期 (repair date): lies in the future",
        "line 7, 维修日期 (repair date): lies in the future",
        "line 8, 工号 (staff number): must be digits only, at most 10: customers key it",
        "line 9, 语言 (language): is not a language there are prompts for",
        "line 10, 时区 (time zone): is not an IANA time zone (as Asia/Shanghai)",
        "line 11: the row has more or fewer cells than the header",
        "line 13 good en",
        "line 15 good zh-CN",
    ];
    assert_eq!(got, want);
}

#[test]
fn lines_are_counted_right_whatever_ends_them() {
    for end in ["\n", "\r\n"] {
        let lines = [
            "name,phone,date",
            "张三,13800138000,2026-11-14",
            "\"李四\",13800138001,\"2026-11-14\"",
            "",
            "王五,12,2026-11-14",
            "",
        ];
        let rows = read(lines.join(end).as_bytes());
        assert_eq!((rows[0].as_ref().unwrap().line, rows[1].as_ref().unwrap().line), (2, 3), "{end:?}");
        assert_eq!((rows[2].as_ref().unwrap_err().line, rows.len()), (5, 3), "{end:?}");
    }
}

#[test]
fn bytes_that_are_no_text_cost_one_row() {
    let text = [
        &b"name,phone,date\n"[..],
        b"\xd5\xc5\xc8\xfd,13800138000,2026-11-14\n",
        "张三,13800138000,2026-11-14\n".as_bytes(),
    ]
    .concat();
    let rows = read(&text);
    assert_eq!(rows[0].as_ref().unwrap_err().to_string(), "line 2: the row is not UTF-8 text");
    assert!(rows[1].is_ok());
}

#[test]
fn a_file_that_is_no_such_list_is_refused_whole() {
    for (text, want) in [
        (&b""[..], "column 姓名 (name) is missing; the first line must name the columns"),
        (b"name,phone\n", "column 维修日期 (repair date) is missing; the first line must name the columns"),
        (b"name,phone,mobile,date\n", "column 手机号 (phone) is there twice"),
        (b"\xd0\xd5\xc3\xfb,phone\n", "the file is not UTF-8 text: save it as CSV UTF-8"),
    ] {
        let error = Reader::new(text, defaults()).err().unwrap();
        assert_eq!(error.to_string(), want);
    }
}

#[test]
fn a_rejected_row_shows_nothing_personal() {
    let rows = read("name,phone,date\n张三,1380013800099,2026-11-14\n".as_bytes());
    let text = format!("{rows:?} {:?}", rows[0].as_ref().unwrap_err().cells);
    assert!(!text.contains("张三") && !text.contains("138"), "{text}");
}
