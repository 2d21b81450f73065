//! Recordings whose time is over, by processes on real files and a real database: `huifang purge` says what would go, removes it, names what cannot go; a running
//! engine does the same by itself.

mod common;

use common::db::Db;
use common::{Finished, Home, Running, SOON, huifang, until};
use nix::sys::signal::Signal;
use sqlx::AssertSqlSafe;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// A recording of each of these customers, so many days old. China's pack keeps them for 180 days.
const DAYS: [(&str, u32); 4] = [("due", 181), ("disputed", 200), ("stuck", 190), ("recent", 179)];

struct Place {
    home: Home,
    db: Db,
}

impl Place {
    fn new() -> Place {
        let place = Place { home: Home::new(), db: Db::new() };
        place.home.settings("127.0.0.1:9".parse().unwrap(), "", "node = \"night-1\"");
        let list: String =
            (0..DAYS.len()).map(|n| format!("客户{n},{},1380013800{n}\n", chrono::Utc::now().date_naive())).collect();
        place.home.write("list.csv", format!("姓名,维修日期,手机号\n{list}"));
        let list = place.home.path("list.csv");
        place.run(&["import", "--list", "repair", list.to_str().unwrap()], 0);
        fs::create_dir_all(place.file("")).unwrap();
        for (n, (name, days)) in DAYS.iter().enumerate() {
            fs::write(place.file(&format!("{name}.wav")), [7; 1000]).unwrap();
            place.sql(&format!(
                "with attempt as (
                     insert into attempts (id, follow_up_id, ordinal, phone_id, number, trunk, node, lease_token, taken_from, survey_key, survey_version,
                                           began_at, ended_at, disposition)
                     select gen_random_uuid(), f.id, 1, p.id, p.number, 'peer', 'night-1', gen_random_uuid(), 'waiting', v.survey_key, v.version,
                            now() - interval '{days} days', now() - interval '{days} days', 'partial'
                     from phones p join follow_ups f on f.phone_id = p.id join survey_versions v on v.survey_key = f.survey_key
                     where p.number = '+861380013800{n}' returning id, follow_up_id, began_at)
                 insert into recordings (id, attempt_id, follow_up_id, kind, path, duration_ms, recorded_at)
                 select gen_random_uuid(), id, follow_up_id, 'suggestion', '{name}.wav', 900, began_at from attempt"
            ));
        }
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path("data/recordings").join(name)
    }

    fn there(&self, name: &str) -> bool {
        self.file(&format!("{name}.wav")).exists()
    }

    fn sql(&self, statement: &str) {
        let done = self.db.with(async |conn| sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.unwrap());
        assert!(done.rows_affected() > 0, "{statement}");
    }

    fn id(&self, name: &str) -> String {
        self.db.rows(&format!("select array[id::text] from recordings where path = '{name}.wav'")).remove(0)
    }

    /// The recordings marked as purged, by file.
    fn purged(&self) -> Vec<String> {
        self.db.rows("select array[split_part(path, '.', 1)] from recordings where purged_at is not null order by path")
    }

    /// Runs `huifang` with these words; no number and no name is ever shown.
    fn run(&self, words: &[&str], code: i32) -> Finished {
        common::run_masked(&self.home, &self.db, words, code)
    }
}

#[test]
fn a_purge_removes_what_is_due_and_nothing_else() {
    let place = Place::new();
    place.sql(
        "insert into complaints (id, follow_up_id, customer_id, attempt_id, reason, opened_at, contact_due_at, due_at)
         select gen_random_uuid(), r.follow_up_id, f.customer_id, r.attempt_id, 'low_score', r.recorded_at, r.recorded_at, r.recorded_at
         from recordings r join follow_ups f on f.id = r.follow_up_id where r.path = 'disputed.wav'",
    );
    fs::remove_file(place.file("stuck.wav")).unwrap();
    fs::create_dir(place.file("stuck.wav")).unwrap();

    let looked = place.run(&["purge", "--dry-run", "--json"], 0).json().pop().unwrap();
    let due: Vec<&str> = looked["due"].as_array().unwrap().iter().map(|due| due["path"].as_str().unwrap()).collect();
    assert_eq!(due, ["stuck.wav", "due.wav"], "{looked}");
    assert_eq!((&looked["held"], &looked["purged"], &looked["dry_run"]), (&1.into(), &0.into(), &true.into()));
    assert!(place.there("due") && place.purged().is_empty());
    let text = place.run(&["purge", "--dry-run"], 0).out.join("\n");
    assert!(text.contains(&place.id("due")) && text.contains("over: 2") && text.contains("complaint: 1"), "{text}");

    let ended = place.run(&["purge", "--json"], 1);
    let stuck = place.id("stuck");
    assert!(
        ended.err.iter().any(|line| line.contains(&stuck) && line.contains("cannot be removed or finished")),
        "{}",
        ended.told()
    );
    let done = ended.json().pop().unwrap();
    assert_eq!((&done["purged"], &done["bytes"], &done["failed"][0]["what"]), (&1.into(), &1000.into(), &stuck.into()));
    assert_eq!(place.purged(), ["due"]);
    assert!(!place.there("due") && place.there("disputed") && place.there("recent"));

    fs::remove_dir(place.file("stuck.wav")).unwrap(); // as if it had been killed in between
    place.sql("update complaints set state = 'closed', closed_at = now()");
    let ended = place.run(&["purge"], 0);
    assert!(ended.out[0].starts_with("Recordings removed: 2 "), "{}", ended.told());
    assert_eq!(place.purged(), ["disputed", "due", "stuck"]);
    let audit = place.db.rows(
        "select array[action, detail ->> 'purged', split_part(detail ->> 'by', ' ', 1)] from audit_log order by seq",
    );
    assert_eq!(audit, ["recordings.purge|1|user", "recordings.purge|2|user"]);
    assert_eq!(place.db.count("select count(*) from recordings"), 4, "rows stay");
    let follow_up = place.db.rows("select array[follow_up_id::text] from recordings where path = 'due.wav'").remove(0);
    let story = place.run(&["follow-up", &follow_up], 0).out.join("\n");
    assert!(story.contains("removed by retention on "), "{story}");
}

#[test]
fn the_dealer_shortens_and_files_without_a_recording_are_named() {
    let place = Place::new();
    let settings = fs::read_to_string(place.home.path("huifang.toml")).unwrap();
    let with = |days: u32| {
        place.home.write("huifang.toml", format!("{settings}\n[retention]\nrecordings_days = {days}\n"));
    };
    with(0);
    let refused = place.run(&["purge"], 2);
    assert!(refused.err.join("\n").contains("retention.recordings_days"), "{}", refused.told());
    with(185);
    assert_eq!(place.run(&["purge", "--json"], 0).json()[0]["purged"], 3, "180 days of the pack count");
    with(100);
    assert_eq!(place.run(&["purge", "--json"], 0).json()[0]["purged"], 1);

    for (name, hours) in [("lost.wav", 25), ("half.wav.part", 25), ("young.wav", 1), ("notes.txt", 25)] {
        let file = File::create(place.file(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    }
    let text = place.run(&["purge"], 0).out.join("\n");
    assert!(text.contains("lost.wav") && text.contains("half.wav.part") && !text.contains("young"), "{text}");
    assert!(place.there("lost"), "only named");
    let dry = place.run(&["purge", "--orphans", "--dry-run", "--json"], 0).json().pop().unwrap();
    assert_eq!((dry["orphans"]["files"].as_array().unwrap().len(), place.there("lost")), (2, true));
    assert_eq!(place.run(&["purge", "--orphans", "--json"], 0).json()[0]["orphans_removed"], 2);
    let mut left: Vec<_> = fs::read_dir(place.file("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["notes.txt", "young.wav"]);
}

#[test]
fn a_running_engine_purges_by_itself() {
    let place = Place::new();
    let mut command = huifang(&place.home.path("huifang.toml"), Some(&place.db.url));
    command.arg("serve");
    let engine = Running::start("serve", command);
    until("three recordings to go", SOON, || (place.purged() == ["disputed", "due", "stuck"]).then_some(()));
    assert!(!place.there("due") && place.there("recent"));
    engine.signal(Signal::SIGTERM);
    assert_eq!(engine.finish(SOON * 2).code(), 0);
    let audit = place.db.rows("select array[action, detail ->> 'purged', detail ->> 'by'] from audit_log");
    assert_eq!(audit, ["recordings.purge|3|engine night-1"]);
}
