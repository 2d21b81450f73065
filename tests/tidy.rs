//! Walks the tree and holds the house rules: who may enter which room, pure cores, files that say what they are.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by floor (docs/ARCHITECTURE.md). A file belongs to the first entry whose path it begins with; lower floors never name higher ones.
const FLOORS: &[(&str, u8)] = &[
    ("src/clock.rs", 0),
    ("src/ids.rs", 0),
    ("src/phone.rs", 0),
    ("src/spans.rs", 0),
    ("src/template.rs", 0),
    ("src/wording.rs", 0),
    ("src/config/", 0),
    ("src/sip/", 1),
    ("src/sdp/", 1),
    ("src/media/", 1),
    ("src/survey/", 1),
    ("src/rates", 1),
    ("src/call/driver", 3),
    ("src/call/", 1),
    ("src/agent/state", 1),
    ("src/agent/", 3),
    ("src/complaint/", 1),
    ("src/weak_item/", 1),
    ("src/dialer/policy", 1),
    ("src/dialer/", 3),
    ("src/followup/list", 1),
    ("src/followup/calendar", 1),
    ("src/followup/", 3),
    ("src/outbox/courier", 3),
    ("src/outbox/", 1),
    ("src/net/", 2),
    ("src/db/", 2),
    ("src/report/", 4),
    ("src/web/", 4),
    ("src/cli/", 5),
    ("src/main.rs", 5),
];

/// Words that a core never says: clocks, randomness, sockets, runtimes, the store.
const IMPURE: &[&str] = &[
    "tokio::",
    "sqlx::",
    "axum::",
    "UdpSocket",
    "TcpStream",
    "Instant::now",
    "SystemTime::now",
    "Utc::now",
    "Local::now",
    "rand::rng()",
    "std::fs",
    "std::env",
    "std::thread",
];

/// Cores that never import each other; `call/machine` joins them.
const STRANGERS: &[&str] = &["sip", "sdp", "media", "survey"];

struct Source {
    path: String,
    lines: Vec<String>,
}

fn sources(under: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut stack = vec![root.join(under)];
    while let Some(directory) = stack.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display())) {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.push(Source { path: name, lines: text.lines().map(str::to_owned).collect() });
            }
        }
    }
    assert!(!found.is_empty(), "no sources under {under}");
    found
}

fn floor(path: &str) -> Option<u8> {
    FLOORS.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, floor)| *floor)
}

/// Cores: the lower floors, and the night in virtual time, which stands beside them.
fn is_core(path: &str) -> bool {
    floor(path).is_some_and(|floor| floor <= 1) || path.starts_with("src/sim/night/")
}

/// Tests may do what cores may not (an epoch, a seeded generator, files).
fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.starts_with("tests/")
}

/// The lines that are the product: not comments, nothing from `#[cfg(test)] mod` on.
fn product_lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let end = source.lines.iter().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(source.lines.len());
    let lines = source.lines[..end].iter().enumerate();
    lines.map(|(i, line)| (i + 1, line.as_str())).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let all = sources("src").into_iter().chain(sources("tests"));
    report(all.filter(|s| !s.lines.first().is_some_and(|l| l.starts_with("//!"))).map(|s| s.path).collect());
}

#[test]
fn no_file_grows_over_500_lines() {
    let all = sources("src").into_iter().chain(sources("tests"));
    report(all.filter(|s| s.lines.len() > 500).map(|s| format!("{} ({} lines)", s.path, s.lines.len())).collect());
}

#[test]
fn cores_are_pure() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|s| is_core(&s.path) && !is_test_file(&s.path)) {
        if source.path == "src/clock.rs" {
            continue;
        }
        for (number, line) in product_lines(source) {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{number}: a core says `{word}`", source.path));
            }
        }
    }
    report(faults);
}

#[test]
fn lower_floors_never_enter_higher_ones() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|s| !is_test_file(&s.path)) {
        let Some(own) = floor(&source.path) else { continue };
        for (number, line) in product_lines(source) {
            for (prefix, other) in FLOORS.iter().filter(|(_, other)| *other > own) {
                let module =
                    prefix.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches('/').replace('/', "::");
                if module == "main" {
                    continue;
                }
                // `crate::dialer::policy` begins with `crate::dialer`, but is a lower room.
                let named = line.split("crate::").skip(1).any(|rest| {
                    let path = format!("src/{}", rest.replace("::", "/"));
                    rest.starts_with(&module) && floor(&path).is_none_or(|f| f == *other)
                });
                if named {
                    faults.push(format!("{}:{number}: floor {own} names `{module}` of floor {other}", source.path));
                }
            }
        }
    }
    report(faults);
}

#[test]
fn the_four_cores_do_not_know_each_other() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|s| !is_test_file(&s.path)) {
        let Some(own) = STRANGERS.iter().find(|room| source.path.starts_with(&format!("src/{room}/"))) else {
            continue;
        };
        for (number, line) in product_lines(source) {
            for other in STRANGERS.iter().filter(|other| *other != own) {
                if line.contains(&format!("crate::{other}::")) {
                    faults.push(format!("{}:{number}: {own} names {other}", source.path));
                }
            }
        }
    }
    report(faults);
}

#[test]
fn only_net_opens_sockets_for_calls() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|s| !s.path.starts_with("src/net/") && !is_test_file(&s.path)) {
        for (number, line) in product_lines(source).filter(|(_, line)| line.contains("UdpSocket")) {
            faults.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    report(faults);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut faults = Vec::new();
    for source in sources("src") {
        for (number, line) in product_lines(&source) {
            for word in ["todo!", "unimplemented!", "FIXME", "dbg!("].iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{number}: `{word}`", source.path));
            }
        }
    }
    report(faults);
}

/// Rooms that keep `unsafe` out by the compiler; elsewhere it is denied, and each place that needs it says so and why.
const WITHOUT_UNSAFE: &[&str] = &[
    "src/agent/mod.rs",
    "src/call/mod.rs",
    "src/cli/mod.rs",
    "src/complaint/mod.rs",
    "src/config/mod.rs",
    "src/db/mod.rs",
    "src/dialer/mod.rs",
    "src/followup/mod.rs",
    "src/main.rs",
    "src/media/mod.rs",
    "src/phone.rs",
    "src/rates.rs",
    "src/sdp/mod.rs",
    "src/sim/mod.rs",
    "src/sip/mod.rs",
    "src/survey/mod.rs",
    "src/web/mod.rs",
];

#[test]
fn unsafe_is_forbidden_in_the_cores_and_explained_elsewhere() {
    let mut faults = Vec::new();
    let mut forbidding = Vec::new();
    for source in sources("src") {
        if source.lines.iter().any(|line| line == "#![forbid(unsafe_code)]") {
            forbidding.push(source.path.clone());
        }
        for (number, line) in product_lines(&source) {
            if line.contains("allow(unsafe_code)") && !source.path.starts_with("src/net/media_engine/") {
                faults
                    .push(format!("{}:{number}: unsafe outside of the media threads' sockets and clocks", source.path));
            }
            let said = |line: &&String| line.trim_start().starts_with("// SAFETY: ");
            if line.contains("unsafe {") && !source.lines[..number - 1].iter().rev().take(2).any(|line| said(&line)) {
                faults.push(format!("{}:{number}: no `// SAFETY:` before it", source.path));
            }
        }
    }
    let missing = WITHOUT_UNSAFE.iter().filter(|path| !forbidding.iter().any(|found| found == *path));
    faults.extend(missing.map(|path| format!("{path}: `#![forbid(unsafe_code)]` is gone")));
    report(faults);
}
