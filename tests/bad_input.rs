//! What is wrong is said in clear sentences with exit status 2 (1 where the run itself found failures), without a panic, and nothing is left half-done.

mod common;

use chrono::{Days, Utc};
use common::db::Db;
use common::{Finished, Home, ROOT, Running, bare, huifang};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;

/// Nobody listens there.
fn nobody() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 9))
}

/// Runs it; whatever it is, it must not panic.
fn run(mut command: Command, words: &[&str]) -> Finished {
    command.args(words);
    let ended = Finished::of(command);
    let told = ended.told();
    assert!(!told.contains("panicked") && !told.contains("RUST_BACKTRACE"), "{told}");
    ended
}

/// A command that cannot start: status 2, and on standard error nothing but one sentence that holds each of `words`.
fn cannot_start(command: Command, arguments: &[&str], words: &[&str]) -> Finished {
    let ended = run(command, arguments);
    assert_eq!(ended.code(), 2, "{}", ended.told());
    assert_eq!(ended.err.iter().filter(|line| line.starts_with("huifang: ")).count(), 1, "{}", ended.told());
    for word in words {
        assert!(ended.err.join("\n").contains(word), "{word} is not named\n{}", ended.told());
    }
    ended
}

/// The command left nothing in its data directory.
fn left_nothing(home: &Home) {
    assert!(!home.path("data").exists(), "a data directory is left behind");
}

/// Settings that are right, with `old` replaced by `new`.
fn settings_but(home: &Home, old: &str, new: &str) -> std::path::PathBuf {
    let path = home.settings(nobody(), "", "");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old} is not in the settings");
    home.write("huifang.toml", text.replace(old, new))
}

#[test]
fn a_wrong_database_url() {
    let home = Home::new();
    let settings = home.settings(nobody(), "", "");
    let list = home.write("list.csv", "姓名,维修日期,手机号\n");
    let list = list.to_str().unwrap();
    for arguments in [&["serve"][..], &["migrate"], &["import", "--list", "repair", list], &["call", "13900000001"]] {
        for (url, word) in [
            ("postgres://somebody:geheim@127.0.0.1:9/nothing", "cannot connect to the database nothing on 127.0.0.1:9"),
            ("mysql://somebody:geheim@127.0.0.1/nothing", "DATABASE_URL is not a PostgreSQL URL"),
        ] {
            let ended = cannot_start(huifang(&settings, Some(url)), arguments, &[word]);
            assert!(!ended.told().contains("geheim"), "a password shows: {}", ended.told());
        }
    }
    let ended = run(huifang(&settings, Some("postgres://somebody:geheim@127.0.0.1:9/nothing")), &["check"]);
    assert_eq!(ended.code(), 2);
    assert!(ended.out.iter().any(|line| line.starts_with("error") && line.contains("127.0.0.1:9")), "{}", ended.told());
    left_nothing(&home);
}

#[test]
fn settings_that_cannot_be_read() {
    let home = Home::new();
    cannot_start(huifang(&home.path("nowhere.toml"), None), &["serve"], &["nowhere.toml", "cannot be read"]);
    cannot_start(huifang(&home.path(""), None), &["migrate"], &["cannot be read"]);
    let broken = home.write("broken.toml", "[dialer]\nmax_calls = = 5\n");
    cannot_start(huifang(&broken, None), &["serve"], &["broken.toml:2"]);
    left_nothing(&home);
}

#[test]
fn every_mistake_of_the_settings_is_named_in_one_go() {
    let home = Home::new();
    let more = "max_cals = 5\nmax_attempts = \"six\"\nlease_ttl_s = 1\n[nonsense]\nkey = 1";
    let settings = home.settings(nobody(), "max_calls = 0\npassword = \"geheim\"", more);
    let wanted = [
        "dialer.max_cals: unknown key",
        "dialer.max_attempts",
        "dialer.lease_ttl_s",
        "nonsense: unknown section",
        "trunks.peer.max_calls",
        "trunks.peer.password",
        "web.lisen",
    ];
    let file = settings.display().to_string();
    for command in ["serve", "migrate", "check"] {
        let mut told = huifang(&settings, None);
        told.env("HUIFANG__WEB__LISEN", "127.0.0.1:0");
        let ended = run(told, &[command]);
        assert_eq!(ended.code(), 2, "{}", ended.told());
        let lines: Vec<&String> = ended.out.iter().chain(&ended.err).collect();
        for key in wanted {
            let place = if key == "web.lisen" { "environment HUIFANG__WEB__LISEN" } else { file.as_str() };
            let named = lines.iter().filter(|line| line.contains(key) && line.contains(place)).count();
            assert_eq!(named, 1, "{key} by {command}\n{}", ended.told());
        }
        assert!(!ended.told().contains("geheim"), "{}", ended.told());
    }
    left_nothing(&home);
}

#[test]
fn a_survey_with_an_unknown_key() {
    let home = Home::new();
    let survey = std::fs::read_to_string(Path::new(ROOT).join("surveys/aftersales_3day.toml")).unwrap();
    std::fs::create_dir(home.path("surveys")).unwrap();
    home.write("surveys/aftersales_3day.toml", survey.replace("id = \"q3\"", "id = \"q3\"\ncolour = \"blue\""));
    let ours = home.path("surveys").display().to_string();
    let settings = settings_but(&home, &format!("{ROOT}/surveys"), &ours);
    let list = home.write("list.csv", "姓名,维修日期,手机号\n");
    let list = list.to_str().unwrap();
    for arguments in [&["serve"][..], &["call", "13900000001"], &["import", "--list", "repair", list]] {
        cannot_start(huifang(&settings, None), arguments, &["surveys/aftersales_3day.toml", "colour"]);
    }
    let ended = run(huifang(&settings, None), &["check", "--no-database"]);
    assert_eq!(ended.code(), 2);
    let named =
        |line: &String| line.starts_with("error") && line.contains("aftersales_3day.toml") && line.contains("colour");
    assert!(ended.out.iter().any(named), "{}", ended.told());
    left_nothing(&home);
}

#[test]
fn a_missing_prompt() {
    let home = Home::new();
    for language in ["zh-CN", "en"] {
        let ours = home.path(&format!("prompts/{language}"));
        std::fs::create_dir_all(&ours).unwrap();
        for entry in std::fs::read_dir(Path::new(ROOT).join("prompts").join(language)).unwrap().flatten() {
            if entry.file_name() != "aftersales.q4.wav" || language == "en" {
                std::os::unix::fs::symlink(entry.path(), ours.join(entry.file_name())).unwrap();
            }
        }
    }
    let ours = home.path("prompts").display().to_string();
    let settings = settings_but(&home, &format!("{ROOT}/prompts"), &ours);
    for arguments in [&["serve"][..], &["call", "13900000001"]] {
        cannot_start(huifang(&settings, None), arguments, &["zh-CN/aftersales.q4.wav"]);
    }
    let ended = run(huifang(&settings, None), &["check", "--no-database"]);
    assert_eq!(ended.code(), 2);
    let errors: Vec<&String> = ended.out.iter().filter(|line| line.starts_with("error")).collect();
    assert!(errors.iter().any(|line| line.contains("zh-CN/aftersales.q4.wav")), "{}", ended.told());
    assert!(errors.iter().all(|line| line.contains("aftersales.q4")), "nothing else is wrong\n{}", ended.told());
    left_nothing(&home);
}

#[test]
fn an_occupied_port() {
    let (home, db) = (Home::new(), Db::new());
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let sip = udp.local_addr().unwrap().to_string();
    let settings =
        settings_but(&home, "[sip]\n            listen = \"127.0.0.1:0\"", &format!("[sip]\nlisten = \"{sip}\""));
    for arguments in [&["serve"][..], &["call", "13900000001"]] {
        cannot_start(huifang(&settings, Some(&db.url)), arguments, &["SIP", &sip, "in use"]);
    }
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let web = tcp.local_addr().unwrap().to_string();
    let settings =
        settings_but(&home, "[web]\n            listen = \"127.0.0.1:0\"", &format!("[web]\nlisten = \"{web}\""));
    cannot_start(huifang(&settings, Some(&db.url)), &["serve"], &["web.listen", &web, "in use"]);
    left_nothing(&home);
    assert_eq!(db.count("select count(*) from pg_tables where schemaname = 'public'"), 0, "not even migrated");
}

#[test]
fn a_list_with_broken_rows() {
    let (home, db) = (Home::new(), Db::new());
    let settings = home.settings(nobody(), "", "");
    let day = |ago: u64| Utc::now().date_naive().checked_sub_days(Days::new(ago)).unwrap();
    let tomorrow = Utc::now().date_naive().checked_add_days(Days::new(2)).unwrap();
    let mut list = format!(
        "姓名,维修日期,手机号,工号\n王先生,{0},13900000001,208\n李女士,{0},1390000,208\n张先生,yesterday,13900000003,208\n,{0},13900000004,208\n\
         刘先生,{0},13900000005\n陈女士,{tomorrow},13900000006,208\n杨先生,{1},13900000007,208\n黄先生,{0},13900000008,A1\n",
        day(1),
        day(30)
    )
    .into_bytes();
    list.extend(b"\xff\xfe,2026-11-22,13900000009,208\n");
    list.extend(format!("周女士,{},13900000010,\n", day(1)).into_bytes());
    let list = home.write("list.csv", list);
    let import = ["import", "--list", "repair", list.to_str().unwrap()];

    let ended = run(huifang(&settings, Some(&db.url)), &[&import[..], &["--dry-run"]].concat());
    assert_eq!(ended.code(), 1, "{}", ended.told());
    assert_eq!(db.count("select count(*) from follow_ups"), 0);

    let ended = run(huifang(&settings, Some(&db.url)), &import);
    assert_eq!(ended.code(), 1, "{}", ended.told());
    let bad = [
        (3, "phone"),
        (4, "repair date"),
        (5, "name"),
        (6, "cells"),
        (7, "future"),
        (8, "too long ago"),
        (9, "staff number"),
        (10, "UTF-8"),
    ];
    let rejects = std::fs::read(home.path("list.csv.rejects.csv")).unwrap();
    let rejects = String::from_utf8_lossy(&rejects).into_owned();
    assert_eq!(rejects.lines().count(), bad.len() + 1, "{rejects}");
    for (line, why) in bad {
        let said = ended.err.iter().any(|told| told.contains(&format!("line {line}")) && told.contains(why));
        assert!(said, "line {line}: {why}\n{}", ended.told());
        assert!(
            rejects.lines().any(|row| row.contains(&format!(",{line},")) && row.contains(why)),
            "{line}: {rejects}"
        );
    }
    let told = ended.told();
    assert!(told.contains("10 rows read, 2 loaded, 0 known already, 8 rejected"), "{told}");
    assert!(!told.contains("1390000") && !told.contains("先生"), "no personal data on the terminal: {told}");
    let loaded = db.rows("select array[p.number] from follow_ups f join phones p on p.id = f.phone_id order by 1");
    assert_eq!(loaded, ["+8613900000001", "+8613900000010"]);

    // The mended rows once more, and the whole list once more: nothing twice.
    let ended = run(huifang(&settings, Some(&db.url)), &import);
    assert!(ended.told().contains("0 loaded, 2 known already, 8 rejected"), "{}", ended.told());
    assert_eq!(db.count("select count(*) from follow_ups"), 2);
}

#[test]
fn a_file_that_is_no_list() {
    let (home, db) = (Home::new(), Db::new());
    let settings = home.settings(nobody(), "", "");
    for (name, content, why) in [
        ("nameless.csv", "姓名,手机号\n王先生,13900000001\n".as_bytes(), "维修日期"),
        ("twice.csv", "姓名,手机号,phone,维修日期\n".as_bytes(), "twice"),
        ("binary.csv", b"PK\x03\x04\xff\xfe\n".as_slice(), "the workbook cannot be read"),
        ("empty.csv", b"".as_slice(), "missing"),
    ] {
        let file = home.write(name, content);
        let import = ["import", "--list", "repair", file.to_str().unwrap()];
        cannot_start(huifang(&settings, Some(&db.url)), &import, &[why]);
        assert!(!home.path(&format!("{name}.rejects.csv")).exists());
    }
    let missing = home.path("missing.csv");
    cannot_start(
        huifang(&settings, Some(&db.url)),
        &["import", "--list", "repair", missing.to_str().unwrap()],
        &["missing.csv"],
    );
    assert_eq!(db.count("select count(*) from follow_ups"), 0);
    assert_eq!(db.count("select count(*) from imports"), 0);
}

#[test]
fn nobody_is_allowed() {
    let (home, db) = (Home::new(), Db::new());
    let settings = settings_but(&home, "allow = [\"+86139000\"]", "allow = []");
    let list = format!("姓名,维修日期,手机号\n王先生,{},13900000001\n", Utc::now().date_naive().pred_opt().unwrap());
    let list = home.write("list.csv", list);
    assert_eq!(
        run(huifang(&settings, Some(&db.url)), &["import", "--list", "repair", list.to_str().unwrap()]).code(),
        0
    );
    let mut command = huifang(&settings, Some(&db.url));
    command.args(["serve", "--until-idle"]);
    let ended = Running::start("serve", command).finish(common::SOON);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    assert!(ended.err.iter().any(|line| line.contains("dialer.allow is empty: nobody is called")), "{}", ended.told());
    assert_eq!(db.count("select count(*) from attempts"), 0);
    assert_eq!(db.rows("select array[state, lease_node] from follow_ups"), ["waiting"]);
    cannot_start(huifang(&settings, Some(&db.url)), &["call", "13900000001"], &["dialer.allow"]);
}

#[test]
fn a_number_that_may_not_be_called() {
    let home = Home::new();
    let settings = home.settings(nobody(), "", "");
    for (number, why) in [
        ("+8613900100001", "dialer.allow"),
        ("+14155550100", "dialer.allow"),
        ("139", "the number given"),
        ("nobody", "the number given"),
        ("", "the number given"),
    ] {
        let ended = cannot_start(huifang(&settings, None), &["call", number], &[why]);
        assert!(number.len() < 6 || !ended.told().contains(&number[1..]), "the number shows: {}", ended.told());
    }
    let night = settings_but(
        &home,
        "open = \"00:00\", close = \"24:00\"",
        "open = \"00:00\", close = \"24:00\", weekdays = []",
    );
    cannot_start(huifang(&night, None), &["call", "13900000001"], &["dialer.window"]);
    left_nothing(&home);
}

#[test]
fn words_that_no_command_knows() {
    for arguments in [&["dail"][..], &["call"], &["import", "--list", "sales", "x.csv"], &["demo", "--customers", "0"]]
    {
        let ended = run(bare(), arguments);
        assert_eq!(ended.code(), 2, "{}", ended.told());
        assert!(ended.err.iter().any(|line| line.starts_with("error")), "{}", ended.told());
    }
}
