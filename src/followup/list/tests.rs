//! Lists as dealers send them, good and bad.

use super::row::date;
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
    let mut reader = Reader::new(List::Repair, text, defaults()).unwrap();
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
    assert_eq!((row.happened.on.to_string().as_str(), row.happened.at), ("2026-11-04", None));
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

/// It was told as a fault of the line before (fuzz target `list`).
#[test]
fn a_quote_that_is_left_open_is_told_in_its_own_line() {
    let rows = read(
        "name,phone,date\n张三,13800138000,2026-11-14\n\"李四,13800138001,2026-11-14\n王五,13800138002,2026-11-14"
            .as_bytes(),
    );
    assert_eq!((rows.len(), rows[0].as_ref().unwrap().line, rows[1].as_ref().unwrap_err().line), (2, 2, 3));
}

#[test]
fn bytes_that_are_no_text_cost_one_row() {
    let text = [
        &b"name,phone,date\n"[..],
        b"\xff\xff\xff,13800138000,2026-11-14\n",
        "张三,13800138000,2026-11-14\n".as_bytes(),
    ]
    .concat();
    let rows = read(&text);
    assert_eq!(rows[0].as_ref().unwrap_err().to_string(), "line 2: the row is no text, neither UTF-8 nor GB18030");
    assert!(rows[1].is_ok());
}

#[test]
fn a_file_that_is_no_such_list_is_refused_whole() {
    for (text, want) in [
        (&b""[..], "column 姓名 (name) is missing; the first line must name the columns"),
        (b"name,phone\n", "column 维修日期 (repair date) is missing; the first line must name the columns"),
        (b"name,phone,mobile,date\n", "column 手机号 (phone) is there twice"),
        (b"\xd0\xd5\xc3\xfb,phone\n", "column 维修日期 (repair date) is missing; the first line must name the columns"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is an old Excel workbook (.xls): save it as .xlsx or as CSV UTF-8"),
        (b"PK\x03\x04 no zip", "the workbook cannot be read: "),
    ] {
        let error = Reader::new(List::Repair, text, defaults()).err().unwrap();
        assert!(error.to_string().starts_with(want), "{error}");
    }
}

#[test]
fn a_rejected_row_shows_nothing_personal() {
    let rows = read("name,phone,date\n张三,1380013800099,2026-11-14\n".as_bytes());
    let text = format!("{rows:?} {:?}", rows[0].as_ref().unwrap_err().cells);
    assert!(!text.contains("张三") && !text.contains("138"), "{text}");
}

#[test]
fn a_file_in_gb18030_reads_as_in_utf8() {
    let text = "姓名,车型,维修日期,手机号,车牌,服务顾问\n张三,轿车,2026年11月4日,13800138000,苏A12386,王顾问\n䶮四,轿车,2026-11-04,13800138001,苏A12387,王顾问\n";
    let (gb18030, _, _) = encoding_rs::GB18030.encode(text);
    assert_eq!(read(&gb18030), read(text.as_bytes()));
    assert_eq!(read(text.as_bytes()).iter().filter(|row| row.is_ok()).count(), 2);

    // ASCII for so long that only the rows themselves can tell.
    let mut long = b"name,phone,date\n".to_vec();
    for n in 0..12_000 {
        long.extend(format!("Zhang San,138{n:08},2026-11-14\n").bytes());
    }
    long.extend_from_slice(&encoding_rs::GB18030.encode("张三,13800138000,2026-11-14\n").0);
    let rows = read(&long);
    assert_eq!(rows.last().unwrap().as_ref().unwrap().name.expose(), "张三");
}

#[test]
fn a_workbook_reads_as_the_same_csv() {
    let workbook = read(include_bytes!("../../../tests/fixtures/lists/repair.xlsx"));
    let csv = "姓名,车型,维修日期,手机号,车牌,服务顾问,工号\n张三,轿车,2026-11-14,13800138000,苏A12386,王顾问,1024\n\
        李四,轿车,2026-11-14 16:30:00,13800138001,苏A12387,王顾问,1024\n";
    let got: Vec<_> = workbook.iter().take(2).map(|row| row.clone().map(|row| Row { line: 0, ..row })).collect();
    let want: Vec<_> = read(csv.as_bytes()).into_iter().map(|row| row.map(|row| Row { line: 0, ..row })).collect();
    assert_eq!(got, want);
    let bad: Vec<String> = workbook[2..].iter().map(|row| row.as_ref().unwrap_err().to_string()).collect();
    assert_eq!(bad.len(), 1, "an empty row counts, but is none");
    assert!(bad[0].starts_with("line 5, 维修日期 (repair date): is not a date"), "{bad:?}");
}

/// Two cells in opposite corners once asked for 400 GB (fuzz target `workbook`).
#[test]
fn what_a_sheet_spans_says_nothing_of_its_size() {
    let workbook = |far: u16| {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        let sheet = workbook.add_worksheet();
        for (column, text) in ["name", "phone", "date"].into_iter().enumerate() {
            sheet.write(0, column as u16, text).unwrap();
        }
        sheet.write(1_048_575, far, "x").unwrap();
        workbook.save_to_buffer().unwrap()
    };
    let rows = read(&workbook(2));
    let said: Vec<String> = rows.iter().map(|row| row.as_ref().unwrap_err().to_string()).collect();
    assert_eq!(said, ["line 1048576, 姓名 (name): is empty"]);
    let error = Reader::new(List::Repair, workbook(16_383).as_slice(), defaults()).err().unwrap();
    assert_eq!(error.to_string(), "the sheet has more than 1,000 columns: is something written far to the right?");
}

#[test]
fn each_list_has_its_own_columns() {
    for (list, header, date) in [
        (List::Showroom, "姓名,联系方式,销售顾问,到店日期", "到店日期 (visit date)"),
        (List::Delivery, "Customer Name,phone number,sales_advisor,Delivery-Date", "交车日期 (delivery date)"),
        (List::Repair, "客户姓名,手机号码,服务顾问,取车日期", "维修日期 (repair date)"),
    ] {
        let text = format!("{header}\n张三,13800138000,王顾问,2026-11-14\n张三,13800138000,王顾问,gestern\n");
        let mut reader = Reader::new(list, text.as_bytes(), defaults()).unwrap();
        let row = reader.next(now()).unwrap().unwrap().unwrap();
        assert_eq!(row.advisor.expose(), "王顾问", "{list:?}");
        assert_eq!(row.dates.purchased.is_some(), list == List::Delivery);
        let bad = reader.next(now()).unwrap().unwrap().unwrap_err().to_string();
        assert!(bad.starts_with(&format!("line 3, {date}: is not a date")), "{bad}");
    }
}
