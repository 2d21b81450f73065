//! One person's data by command: everything out in a form that machines read, and gone but for what is counted; and tokens of the API. Real files, a real database.

mod common;

use common::db::Db;
use common::{Finished, Home};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const NUMBER: &str = "13800138000";

struct Place {
    home: Home,
    db: Db,
}

impl Place {
    /// Two customers, the first with a call behind them; and a third who shares a number with a fourth.
    fn new() -> Place {
        let place = Place { home: Home::new(), db: Db::new() };
        place.home.settings("127.0.0.1:9".parse().unwrap(), "", "node = \"night-1\"");
        let day = chrono::Utc::now().date_naive();
        place.home.write(
            "list.csv",
            format!(
                "姓名,维修日期,手机号,车牌号\n甲客户,{day},{NUMBER},苏A11111\n乙客户,{day},13800138001,苏A22222\n丙客户,{day},13800138002,苏A33333\n丁客户,{day},13800138002,苏A44444\n"
            ),
        );
        let list = place.home.path("list.csv");
        place.run(&["import", "--list", "repair", list.to_str().unwrap()], 0);
        fs::create_dir_all(place.home.path("data/recordings")).unwrap();
        fs::write(place.home.path("data/recordings/voice.wav"), "RIFF voice").unwrap();
        place.sql(
            "with attempt as (
                 insert into attempts (id, follow_up_id, ordinal, phone_id, number, trunk, node, lease_token, taken_from, survey_key, survey_version,
                                       began_at, invite_sent_at, ended_at, disposition)
                 select gen_random_uuid(), f.id, 1, p.id, p.number, 'peer', 'night-1', gen_random_uuid(), 'waiting', v.survey_key, v.version,
                        now(), now(), now(), 'partial'
                 from phones p join follow_ups f on f.phone_id = p.id join survey_versions v on v.survey_key = f.survey_key
                 where p.number = '+8613800138000' returning id, follow_up_id)
             insert into recordings (id, attempt_id, follow_up_id, kind, path, duration_ms, recorded_at)
             select gen_random_uuid(), id, follow_up_id, 'suggestion', 'voice.wav', 900, now() from attempt",
        );
        place
    }

    fn sql(&self, statement: &str) {
        let done = self.db.with(async |conn| sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.unwrap());
        assert!(done.rows_affected() > 0, "{statement}");
    }

    /// Runs `huifang` with these words; nobody is ever named by it.
    fn run(&self, words: &[&str], code: i32) -> Finished {
        common::run_masked(&self.home, &self.db, words, code)
    }
}

#[test]
fn a_person_gets_everything_and_then_it_is_gone() {
    let place = Place::new();
    let id = place.db.rows("select array[c.id::text] from customers c where c.name = '甲客户'").remove(0);
    let out = place.home.path("for-them");
    let out = out.to_str().unwrap();
    let shared = place.run(&["person", "export", "13800138002", "--out", out], 1);
    assert!(shared.err.join("\n").contains("2 customers share this number"), "{}", shared.told());
    assert!(!place.home.path("for-them").exists(), "nobody was meant yet");

    place.run(&["person", "export", NUMBER, "--out", out], 0);
    let file = place.home.path("for-them/person.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let data: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&data["customers"][0]["name"], &data["vehicles"][0]["plate"]), (&"甲客户".into(), &"苏A11111".into()));
    assert_eq!((data["attempts"].as_array().unwrap().len(), &data["about"]["format"]), (1, &1.into()));
    assert!(!text.contains("乙客户") && !text.contains("lease_token"));
    let voice = data["recordings"][0]["id"].as_str().unwrap();
    let copy = place.home.path(&format!("for-them/recordings/{voice}.wav"));
    assert_eq!(fs::read_to_string(copy).unwrap(), "RIFF voice");
    place.run(&["person", "export", &id, "--out", out], 2); // not over what is there

    let dry = place.run(&["person", "erase", &id], 0).out.join("\n");
    assert!(dry.contains("dry run") && dry.contains("recordings") && dry.contains("do-not-call list: no"), "{dry}");
    assert_eq!(place.db.count("select count(*) from customers where erase_asked_at is not null"), 0);

    place.sql("update attempts set ended_at = null, disposition = null");
    let live = place.run(&["person", "erase", &id, "--yes"], 1);
    assert!(live.err.join("\n").contains("a call to them is going on"), "{}", live.told());
    place.sql("update attempts set ended_at = now(), disposition = 'partial'");

    place.run(&["person", "erase", NUMBER, "--yes", "--do-not-call"], 0);
    assert!(!place.home.path("data/recordings/voice.wav").exists());
    let left = place.db.rows("select array[name] from customers order by name");
    assert_eq!(left.len(), 4);
    assert!(left.contains(&"erased".to_owned()) && !left.contains(&"甲客户".to_owned()));
    assert_eq!(place.db.count("select count(*) from phones where number = '+8613800138000'"), 0);
    assert_eq!(place.db.count("select count(*) from attempts where number = '+8613800138000'"), 0);
    assert_eq!(
        place.db.count("select count(*) from attempts where disposition = 'partial'"),
        1,
        "what is counted stays"
    );
    assert_eq!(place.db.count("select count(*) from do_not_call where number = '+8613800138000'"), 1);
    place.run(&["person", "erase", &id, "--yes"], 0);

    let audit = place.db.rows("select array[action, object, detail ->> 'rows'] from audit_log order by seq");
    assert_eq!(
        audit,
        [
            format!("person.export|customer {id}|7"),
            format!("person.erase|customer {id}"),
            "recordings.purge|recordings".to_owned()
        ]
    );
}

#[test]
fn a_token_is_shown_once() {
    let place = Place::new();
    let refused = place.run(&["tokens", "add", "BI"], 2);
    assert!(refused.err.join("\n").contains("--scope"), "{}", refused.told());
    let added = place.run(&["tokens", "add", "BI", "--scope", "read,import", "--days", "30"], 0);
    assert_eq!(added.out.len(), 1, "the token alone: a script can take it\n{}", added.told());
    let token = &added.out[0];
    assert!(token.starts_with("huifang_") && token.len() == 72, "{} characters", token.len());
    place.run(&["tokens", "add", "bi", "--scope", "admin"], 1);
    let listed = place.run(&["tokens", "list"], 0);
    assert!(listed.out[0].starts_with("BI  [read, import]  until 2") && listed.out[0].ends_with("never used"));
    assert!(!listed.told().contains(token.as_str()));
    let stored = place.db.rows("select array[token_hash] from api_tokens").remove(0);
    assert!(stored.len() == 64 && !token.contains(&stored));
    place.run(&["tokens", "revoke", "BI"], 0);
    place.run(&["tokens", "revoke", "BI"], 1);
    assert!(place.run(&["tokens", "list"], 0).out[0].contains("revoked"));
    let audit = place.db.rows("select array[action] from audit_log order by seq");
    assert_eq!(audit, ["token.add", "token.revoke"]);
}
