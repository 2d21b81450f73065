//! Settings: precedence, and every mistake named with file and key.

use super::*;
use secrecy::ExposeSecret;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

#[test]
fn nothing_given_is_the_defaults_and_they_are_valid() {
    let settings = parse("", "defaults", &[]).unwrap();
    assert_eq!(validate(&settings, "defaults"), vec![]);
    assert!(settings.dialer.allow.is_empty(), "nobody is called before somebody says who");
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let text = "[dialer]\nmax_calls = 5\nlease_ttl_s = 30\n[trunks.main]\naddress = \"127.0.0.1:5070\"\n";
    let variables = env(&[
        ("HUIFANG__DIALER__MAX_CALLS", "7"),
        ("HUIFANG__DIALER__ALLOW", "[\"+86\"]"),
        ("HUIFANG__DIALER__WINDOW__CLOSE", "18:30"),
        ("HUIFANG__TRUNKS__MAIN__USERNAME", "1001"),
        ("HUIFANG__TRUNKS__MAIN__PASSWORD", "0042"),
        ("DATABASE_URL", "postgres://x"),
        ("HOME", "/nowhere"),
    ]);
    let settings = parse(text, "huifang.toml", &variables).unwrap();
    assert_eq!((settings.dialer.max_calls, settings.dialer.lease_ttl_s, settings.dialer.max_attempts), (7, 30, 6));
    assert_eq!(settings.dialer.allow, ["+86"]);
    assert_eq!(settings.dialer.window.close, NaiveTime::from_hms_opt(18, 30, 0).unwrap());
    let main = &settings.trunks["main"];
    assert_eq!(main.username.as_deref(), Some("1001"));
    assert_eq!(main.password.as_ref().unwrap().expose_secret(), "0042");
    assert_eq!(settings.database.url.as_ref().unwrap().expose_secret(), "postgres://x");
    assert!(!format!("{settings:?}").contains("0042"), "secrets never show");
}

#[test]
fn every_mistake_is_named_in_one_go() {
    let text = "[dialer]\nmax_cals = 5\nmax_attempts = \"six\"\n[dialer.window]\nopen = \"nine\"\nfoo = 1\n[web]\ntoken = \"x\"\n[phone]\n";
    let variables = env(&[("HUIFANG__SIP__LISTEN", "here")]);
    let Problems(problems) = parse(text, "huifang.toml", &variables).unwrap_err();
    let places: Vec<(&str, &str)> = problems.iter().map(|p| (p.origin.as_str(), p.key.as_str())).collect();
    for place in [
        ("huifang.toml", "dialer.max_cals"),
        ("huifang.toml", "dialer.max_attempts"),
        ("huifang.toml", "dialer.window.open"),
        ("huifang.toml", "dialer.window.foo"),
        ("huifang.toml", "web.token"),
        ("huifang.toml", "phone"),
        ("environment HUIFANG__SIP__LISTEN", "sip.listen"),
    ] {
        assert!(places.contains(&place), "{place:?} in {problems:#?}");
    }
    assert_eq!(problems.len(), 7, "{problems:#?}");
}

#[test]
fn what_cannot_be_read_does_not_hide_what_makes_no_sense() {
    let text = "[dialer]\nmax_cals = 5\nmax_calls = 0\n[trunks.main]\naddress = \"here\"\nmax_calls = 0\n";
    let (settings, problems) = judge(text, "huifang.toml", &[]);
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["trunks.main.address", "dialer.max_cals", "trunks.main.max_calls", "dialer.max_calls"]);
    assert_eq!((settings.dialer.max_calls, settings.dialer.max_attempts), (0, 6));
}

#[test]
fn a_syntax_error_names_the_line() {
    let Problems(problems) = parse("[dialer]\nmax_calls = = 5\n", "huifang.toml", &[]).unwrap_err();
    assert_eq!(problems[0].origin, "huifang.toml:2");
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    let text = r#"
        [dealer]
        country = "China"
        time_zone = "Peking"
        [sip]
        listen = "0.0.0.0:5060"
        [web]
        listen = "0.0.0.0:8080"
        [trunks.main]
        max_calls = 0
        calls_per_second = 0.0
        [dialer]
        allow = ["86"]
        [dialer.window]
        open = "07:00"
        close = "06:00"
        weekdays = ["mon", "someday"]
    "#;
    let settings = parse(text, "huifang.toml", &[]).unwrap();
    let keys: Vec<String> = validate(&settings, "huifang.toml").into_iter().map(|p| p.key).collect();
    assert_eq!(
        keys,
        [
            "dealer.country",
            "dealer.time_zone",
            "sip.advertise",
            "web.listen",
            "trunks.main.address",
            "trunks.main.max_calls",
            "trunks.main.calls_per_second",
            "dialer.allow",
            "dialer.window.close",
            "dialer.window.weekdays",
            "dialer.window.allow_night",
        ]
    );
}

const EXAMPLE: &str = include_str!("../../huifang.example.toml");

#[test]
fn the_example_file_is_the_defaults_and_nothing_in_it_is_unknown() {
    let example = parse(EXAMPLE, "huifang.example.toml", &[]).unwrap();
    assert_eq!(validate(&example, "huifang.example.toml"), vec![]);
    let mut defaults = Settings::default();
    let address = example.trunks["main"].address;
    defaults.trunks.insert("main".into(), Trunk { address, ..Trunk::default() });
    assert_eq!(format!("{example:?}"), format!("{defaults:?}"));

    let commented =
        |line: &&str| line.starts_with("# ") && line.split_once(" = ").is_some_and(|(k, _)| !k[2..].contains(' '));
    assert!(EXAMPLE.lines().filter(commented).count() >= 10, "optional keys are shown, commented out");
    let uncommented: Vec<&str> = EXAMPLE.lines().map(|line| if commented(&line) { &line[2..] } else { line }).collect();
    parse(&uncommented.join("\n"), "huifang.example.toml", &[]).unwrap();
}
