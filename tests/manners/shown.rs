//! The commands that show: surveys, the queue, a follow-up's story, tasks, customers. Status, key words, JSON that parses, numbers that stay masked.

use super::common::db::Db;
use super::common::{Callees, Finished, Home, ROOT};
use super::night::{BUSY, INVALID, Night};
use super::{idle, told};
use chrono::Utc;
use serde_json::Value;

/// What no masked output holds: the middle of every number of these lists.
const CLEAR: [&str; 2] = ["139000000", "139001000"];

fn masked(shown: &Finished) -> String {
    let text = shown.told();
    for clear in CLEAR {
        assert!(!text.contains(clear), "not masked: {text}");
    }
    shown.out.join("\n")
}

fn words(text: &str, wanted: &[&str]) {
    for word in wanted {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
}

/// Every element is closed, in turn, and nothing stands outside of the first.
fn well_formed(svg: &str) {
    let svg = svg.trim();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{}", &svg[..svg.len().min(200)]);
    let mut open: Vec<&str> = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("a tag that does not end: {tag}"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') && !tag.starts_with(['!', '?']) {
            open.push(tag.split_whitespace().next().unwrap());
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    let bare = svg.split('&').skip(1).find(|after| after.split_once(';').is_none_or(|(name, _)| name.len() >= 8));
    assert!(bare.is_none(), "a bare &: {bare:?}");
}

#[test]
fn surveys_are_shown() {
    let (home, db) = (Home::new(), Db::new());
    let night = Night::new(&home, Some(&db.url), "127.0.0.1:9".parse().unwrap(), "");
    let file = format!("{ROOT}/surveys/aftersales_3day.toml");
    words(
        &told(&night, &["survey", "check"], 0).out.join("\n"),
        &["aftersales_3day version 3", "prospect version 3", "sales_3day version 3", "questions"],
    );
    words(&told(&night, &["survey", "list"], 0).out.join("\n"), &["not published yet"]);
    told(&night, &["survey", "show", "aftersales_3day"], 2);
    words(&told(&night, &["survey", "publish", &file], 0).out.join("\n"), &["version 3 is published"]);
    words(&told(&night, &["survey", "list"], 0).out.join("\n"), &["newest, as in the file"]);

    let text = std::fs::read_to_string(&file).unwrap();
    let shown = told(&night, &["survey", "show", "aftersales_3day"], 0).out.join("\n");
    assert_eq!(shown, text.trim_end(), "as it was published");
    words(&told(&night, &["survey", "diff", "aftersales_3day", "3"], 0).out.join("\n"), &["No change"]);
    let changed = text.replacen("version = 3\n", "version = 4\n", 1).replacen("timeout_s = 6 ", "timeout_s = 5 ", 1);
    let changed = home.write("changed.toml", changed);
    told(&night, &["survey", "publish", &changed.display().to_string()], 0);
    words(
        &told(&night, &["survey", "diff", "aftersales_3day", "3", "4"], 0).out.join("\n"),
        &["q1, patience", "5 s for an answer"],
    );
    words(&told(&night, &["survey", "list"], 0).out.join("\n"), &["newest; the file differs"]);
    told(&night, &["survey", "diff", "aftersales_3day", "3", "7"], 2);

    let broken = home.write("broken.toml", text.replace("goto = \"consent\"", "goto = \"nowhere\""));
    let found = told(&night, &["survey", "check", &broken.display().to_string()], 1);
    words(&found.out.join("\n"), &["error", "nowhere"]);

    let out = home.path("flow.svg").display().to_string();
    for (survey, language) in [(file.as_str(), "zh-CN"), ("aftersales_3day", "en")] {
        told(&night, &["survey", "draw", survey, "--out", &out, "--language", language], 0);
        let svg = std::fs::read_to_string(&out).unwrap();
        well_formed(&svg);
        words(&svg, &["identity", "q9"]);
    }
    told(&night, &["survey", "draw", "no_such", "--out", &out], 2);
}

#[test]
fn what_the_engine_did_is_shown() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 2");
    night.import(&[INVALID, BUSY]);
    // A delivered car has people's touches too; its number is not among the allowed.
    // yesterday where the dealer is: late in the evening by UTC it is the day after there
    let delivered = Utc::now().with_timezone(&chrono_tz::Asia::Shanghai).date_naive().pred_opt().unwrap();
    let list = format!("姓名,手机号,销售顾问,交车日期,车型,车牌\n李女士,13900100009,林晓,{delivered},途安,沪A12345\n");
    let list = home.write("delivered.csv", list).display().to_string();
    told(&night, &["import", "--list", "delivery", &list], 0);
    idle(&night);
    assert_eq!(callees.finish().len(), 2);

    words(&masked(&told(&night, &["queue"], 0)), &["retry", "needs_review", "done", "waits for:"]);
    let queue = told(&night, &["queue", "--json"], 0);
    masked(&queue);
    assert!(queue.json()[0]["depth"].is_array());

    let id =
        |state: &str| db.rows(&format!("select array[id::text] from follow_ups where state = '{state}'")).remove(0);
    let (busy, refused) = (id("retry"), id("needs_review"));
    let story = masked(&told(&night, &["follow-up", &busy], 0));
    words(&story, &[&busy, "attempt 1", "busy", "SIP 486", "dialled next", "invite_sent"]);
    assert!(!masked(&told(&night, &["follow-up", &busy, "--brief"], 0)).contains("invite_sent"));
    let story = told(&night, &["follow-up", &busy, "--json"], 0);
    masked(&story);
    assert_eq!(story.json().len(), 1);
    words(&masked(&told(&night, &["follow-up", &refused], 0)), &["needs_review", "number_refused", "dialer.allow"]);
    let nobody = "00000000-0000-7000-8000-000000000000";
    told(&night, &["follow-up", nobody], 2);

    words(&told(&night, &["release", &refused], 0).out.join("\n"), &[&refused, "dialled again"]);
    told(&night, &["release", &refused], 1);
    told(&night, &["release", nobody], 1);
    assert_eq!(db.count("select count(*) from follow_ups where state = 'needs_review'"), 0);

    tasks(&night);
    customers(&night);
}

fn tasks(night: &Night) {
    let open = told(night, &["tasks", "--json"], 0);
    masked(&open);
    let open = open.json();
    assert!(!open.is_empty());
    words(&masked(&told(night, &["tasks"], 0)), &["sales_manager", "途安"]);
    let id = open[0]["id"].as_str().unwrap();
    words(&told(night, &["tasks", "done", id, "--by", "林晓"], 0).out.join("\n"), &[id, "done"]);
    told(night, &["tasks", "done", id], 1);
    let left = told(night, &["tasks", "--json"], 0).json();
    assert_eq!(left.len(), open.len() - 1);
    words(&told(night, &["tasks", "--unmasked"], 0).told(), if left.is_empty() { &[] } else { &["+8613900100009"] });
}

fn customers(night: &Night) {
    words(&masked(&told(night, &["customer", &format!("139000{BUSY}")], 0)), &["retry", "1 attempt"]);
    let shown = told(night, &["customer", "139 0010 0009", "--json"], 0);
    masked(&shown);
    let json = shown.json();
    let Value::Array(tracks) = &json[0] else { panic!("no array: {}", shown.told()) };
    assert_eq!(tracks.len(), 1);
    assert!(tracks[0]["touches"].as_array().unwrap().len() > 1);
    assert!(!shown.told().contains("沪A12345") && !shown.told().contains("李女士"), "{}", shown.told());
    words(&told(night, &["customer", "13900100009", "--unmasked"], 0).told(), &["+8613900100009", "沪A12345"]);
    told(night, &["customer", "13900099999"], 1);
    told(night, &["customer", "12"], 2);
}
