//! What comes in from others: licences, second versions and sources of every crate, against deny.toml, without the network (`cargo metadata --offline`).
//! Advisories want the network: `scripts/deny`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Their manifests name a file instead of a licence; the file is the text of MIT (looked at on 2026-11-27; cargo-deny reads it itself).
const UNSAID: [(&str, &str); 2] = [("rsip", "MIT"), ("rsip-derives", "MIT")];

struct Supply {
    packages: Vec<Value>,
    deny: toml::Table,
}

impl Supply {
    fn read() -> Supply {
        let root = env!("CARGO_MANIFEST_DIR");
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let told = Command::new(cargo)
            .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", &platform])
            .current_dir(root)
            .output()
            .unwrap();
        assert!(told.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&told.stderr));
        let mut metadata: Value = serde_json::from_slice(&told.stdout).unwrap();
        let Value::Array(packages) = metadata["packages"].take() else { panic!("no packages") };
        assert!(packages.len() > 100);
        let deny = std::fs::read_to_string(format!("{root}/deny.toml")).unwrap();
        Supply { packages, deny: deny.parse().unwrap() }
    }

    /// The texts of a list in deny.toml; of an entry that is a table, its `crate`.
    fn list(&self, section: &str, key: &str) -> BTreeSet<String> {
        let list = self.deny[section][key].as_array().unwrap();
        let text = |entry: &toml::Value| entry.get("crate").unwrap_or(entry).as_str().unwrap().to_owned();
        list.iter().map(text).collect()
    }
}

/// Whether an SPDX expression can be met by what is allowed: one side of each OR, both sides of each AND.
fn met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut at = 0;
    let answer = either(&words, &mut at, allowed);
    assert_eq!(at, words.len(), "not read to its end: {expression}");
    answer
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut answer = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        answer |= both(words, at, allowed);
    }
    answer
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut answer = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        answer &= one(words, at, allowed);
    }
    answer
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    if words.get(*at) == Some(&"(") {
        *at += 1;
        let answer = either(words, at, allowed);
        assert_eq!(words.get(*at), Some(&")"), "{words:?}");
        *at += 1;
        return answer;
    }
    let mut name = words[*at].to_owned();
    *at += 1;
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words[*at + 1]);
        *at += 2;
    }
    allowed.contains(&name)
}

#[test]
fn an_expression_is_read_as_spdx_says() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for (expression, want) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("(ISC OR MIT) AND GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(met(expression, &allowed), want, "{expression}");
    }
}

#[test]
fn licences_versions_and_sources_are_what_deny_toml_allows() {
    let supply = Supply::read();
    let mut faults = Vec::new();
    let (allowed, skipped) = (supply.list("licenses", "allow"), supply.list("bans", "skip"));
    let banned = supply.list("bans", "deny");
    let clarified: BTreeMap<&str, &str> = UNSAID.into();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &supply.packages {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        versions.entry(name).or_default().insert(version);
        match package["license"].as_str().or(clarified.get(name).copied()) {
            Some(licence) if met(licence, &allowed) => {}
            licence => faults.push(format!("{name} {version}: licence {licence:?} is not in deny.toml")),
        }
        let source = package["source"].as_str();
        if name != "huifang" && source != Some("registry+https://github.com/rust-lang/crates.io-index") {
            faults.push(format!("{name} {version}: comes from {source:?}"));
        }
        if banned.contains(name) {
            faults.push(format!("{name} {version}: is banned in deny.toml"));
        }
    }
    let mut needed = BTreeSet::new();
    for (name, versions) in &versions {
        let known: BTreeSet<String> = versions.iter().map(|version| format!("{name}@{version}")).collect();
        let new: Vec<_> = known.difference(&skipped).collect();
        if new.len() > 1 {
            faults.push(format!("{new:?}: more than one version, and all but one are not in deny.toml's skip"));
        }
        if known.len() > 1 {
            needed.extend(known);
        }
    }
    for stale in skipped.difference(&needed) {
        faults.push(format!("{stale}: stands in deny.toml's skip for nothing"));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_rust_version_is_said_once() {
    let root = env!("CARGO_MANIFEST_DIR");
    let supply = Supply::read();
    let ours = supply.packages.iter().find(|package| package["name"] == "huifang").unwrap();
    let version = ours["rust_version"].as_str().unwrap();
    for (file, words) in
        [("README.md", format!("({version} or newer)")), ("docs/security.md", format!("Rust {version}"))]
    {
        let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
        assert!(text.contains(&words), "{file} does not say `{words}`");
    }
    let wants = |package: &&Value| {
        let number = |text: &str| text.split('.').take(2).map(|n| n.parse().unwrap_or(0)).collect::<Vec<u32>>();
        package["rust_version"].as_str().is_some_and(|wanted| number(wanted) > number(version))
    };
    let newer: Vec<_> = supply.packages.iter().filter(wants).map(|package| &package["name"]).collect();
    assert!(newer.is_empty(), "these want a newer Rust than {version}: {newer:?}");
}
