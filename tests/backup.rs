//! A backup of a running engine, restored on another machine's place: the figures are the same, what was under way is left to a person, and nobody is dialled until
//! somebody says so. By the very scripts that docs/operations.md names.

mod common;

use common::db::Db;
use common::{Finished, Home, ROOT, Running, SOON, huifang, until};
use nix::sys::signal::Signal;
use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::Command;

/// A place where an engine is at home: with a database of a server, or with its private cluster.
struct Place {
    home: Home,
    db: Option<Db>,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.home.path(name)
    }

    fn huifang(&self) -> Command {
        huifang(&self.path("huifang.toml"), self.db.as_ref().map(|db| db.url.as_str()))
    }
}

/// Runs `huifang` there.
fn run(place: &Place, words: &[&str], code: i32) -> Finished {
    let mut command = place.huifang();
    command.args(words);
    let ended = Finished::of(command);
    assert_eq!(ended.code(), code, "huifang {}\n{}", words.join(" "), ended.told());
    ended
}

fn psql(place: &Place, sql: &str) -> Vec<String> {
    let database = if place.db.is_some() {
        "psql -Atqv ON_ERROR_STOP=1 \"$DATABASE_URL\" -c \"$0\""
    } else {
        "psql -Atqv ON_ERROR_STOP=1 -c \"$0\""
    };
    run(place, &["database", "--", "sh", "-c", database, sql], 0).out
}

fn script(name: &str) -> String {
    format!("{ROOT}/packaging/backup/{name}")
}

fn serve(place: &Place) -> Running {
    let mut command = place.huifang();
    command.arg("serve");
    let mut engine = Running::start("serve", command);
    engine.line("page", |line| line.contains("at work"));
    engine
}

fn stop(engine: Running) {
    engine.signal(Signal::SIGTERM);
    let ended = engine.finish(SOON * 2);
    assert_eq!(ended.code(), 0, "{}", ended.told());
}

/// Everything that is counted, as one text.
const FIGURES: &str = "select (select jsonb_agg(jsonb_build_array(question, keys, score, unhappy, given_at) order by id) from answers),
    (select jsonb_agg(jsonb_build_array(state, final_disposition, final_aapor, attempts_made) order by id) from follow_ups where state <> 'in_call'),
    (select count(*) from attempts), (select jsonb_agg(jsonb_build_array(name, language) order by id) from customers),
    (select jsonb_agg(number order by number) from do_not_call), (select jsonb_agg(path) from recordings)";

#[test]
fn what_was_backed_up_is_restored_and_nobody_is_dialled() {
    let trunk = UdpSocket::bind("127.0.0.1:0").unwrap();
    trunk.set_nonblocking(true).unwrap();
    let old = Place { home: Home::new(), db: Some(Db::new()) };
    let new = Place { home: Home::new(), db: None };
    // Nobody may be called from the old place: the test says what was under way there.
    old.home.settings(trunk.local_addr().unwrap(), "", "node = \"old\"\nmax_minutes_a_day = 1");
    new.home.settings(trunk.local_addr().unwrap(), "", "node = \"new\"");
    let settings = fs::read_to_string(old.path("huifang.toml")).unwrap().replace("[\"+86139000\"]", "[]");
    old.home.write("huifang.toml", settings);
    let engine = serve(&old);
    // 0: talked through. 1: a call is going on, its INVITE left. 2: leased, nothing sent. 3: waits; and a number that nobody dials.
    psql(
        &old,
        "insert into customers (id, name, language, time_zone, created_at) select gen_random_uuid(), '客户' || n, 'zh-CN', 'Asia/Shanghai', now() from generate_series(0, 3) n;
         insert into phones (id, customer_id, number, created_at) select gen_random_uuid(), id, '+861390000000' || right(name, 1), now() from customers;
         insert into service_events (id, customer_id, kind, happened_on, source, source_key, created_at)
         select gen_random_uuid(), id, 'repair', current_date, 'repair_list', name, now() from customers;
         insert into follow_ups (id, customer_id, service_event_id, phone_id, survey_key, due_at, next_attempt_at, deadline, created_at)
         select gen_random_uuid(), c.id, e.id, p.id, 'aftersales_3day', now(), now(), now() + interval '2 days', now()
         from customers c join service_events e on e.customer_id = c.id join phones p on p.customer_id = c.id;
         create temp table who as select f.id, p.id as phone, p.number, v.survey_key, v.version from phones p join follow_ups f on f.phone_id = p.id
             join survey_versions v on v.survey_key = f.survey_key;
         insert into attempts (id, follow_up_id, ordinal, phone_id, number, trunk, node, lease_token, taken_from, survey_key, survey_version, began_at, invite_sent_at)
         select gen_random_uuid(), id, 1, phone, number, 'peer', 'gone', gen_random_uuid(), 'waiting', survey_key, version, now(), now()
         from who where number ~ '[01]$';
         update follow_ups f set state = 'in_call', survey_version = a.survey_version, lease_token = a.lease_token, lease_node = 'gone',
                lease_expires_at = now() + interval '1 hour', attempts_made = 1 from attempts a where a.follow_up_id = f.id;
         update attempts set ended_at = now(), disposition = 'complete', aapor = '1.1' where number ~ '0$';
         update follow_ups set state = 'done', closed_at = now(), final_disposition = 'complete', final_aapor = '1.1', lease_token = null, lease_node = null,
                lease_expires_at = null where id in (select follow_up_id from attempts where ended_at is not null);
         insert into answers (id, attempt_id, follow_up_id, survey_key, survey_version, question, keys, value, score, unhappy, given_at)
         select gen_random_uuid(), id, follow_up_id, survey_key, survey_version, 'q1', '1', 'very_satisfied', 12, false, now() from attempts;
         insert into recordings (id, attempt_id, follow_up_id, kind, path, duration_ms, recorded_at)
         select gen_random_uuid(), id, follow_up_id, 'suggestion', 'voice.wav', 900, now() from attempts where ended_at is not null;
         update follow_ups f set lease_token = gen_random_uuid(), lease_node = 'gone', lease_expires_at = now() + interval '1 hour' from who
         where who.id = f.id and who.number ~ '2$';
         insert into do_not_call (number, source, added_at) values ('+8613900000009', 'api', now())",
    );
    fs::create_dir_all(old.path("data/recordings")).unwrap();
    fs::write(old.path("data/recordings/voice.wav"), "RIFF voice").unwrap();

    let backup = old.path("backup");
    let backup = backup.to_str().unwrap();
    run(&old, &["database", "--", &script("huifang-backup"), backup], 0);
    run(&old, &["database", "--", &script("huifang-backup"), backup], 1); // not over a backup
    let before = psql(&old, FIGURES);
    stop(engine);

    let incomplete = new.path("incomplete");
    fs::create_dir(&incomplete).unwrap();
    run(&new, &["database", "--", &script("huifang-restore"), incomplete.to_str().unwrap()], 1);
    let restored = run(&new, &["database", "--", &script("huifang-restore"), backup], 0);
    assert!(restored.out.join("\n").contains("dialling is paused"), "{}", restored.told());
    run(&new, &["database", "--", &script("huifang-restore"), backup], 1); // not over what is there
    assert_eq!(psql(&new, FIGURES), before);
    assert_eq!(fs::read_to_string(new.path("data/recordings/voice.wav")).unwrap(), "RIFF voice");

    // The leases of the backup's engine run out; what it had under way is left to a person.
    psql(&new, "update follow_ups set lease_expires_at = now() - interval '1 second' where lease_token is not null");
    let engine = serve(&new);
    let review = "select count(*) from follow_ups f join phones p on p.id = f.phone_id where f.state = 'needs_review' and p.number ~ '1$'";
    until("the open call to be closed", SOON, || (psql(&new, review) == ["1"]).then_some(()));
    assert_eq!(psql(&new, "select count(*) from attempts where ended_at is null"), ["0"]);
    let mut packet = [0; 4096];
    assert!(trunk.recv(&mut packet).is_err(), "paused: nobody is dialled");

    // Once a person has looked: the two who wait, and neither of the others.
    run(&new, &["resume"], 0);
    let mut dialled = Vec::new();
    until("two calls", SOON, || {
        while let Ok(length) = trunk.recv(&mut packet) {
            let text = String::from_utf8_lossy(&packet[..length]).into_owned();
            let line = text.lines().next().unwrap_or_default().to_owned();
            if line.starts_with("INVITE") && !dialled.contains(&line) {
                dialled.push(line);
            }
        }
        (dialled.len() == 2).then_some(())
    });
    assert!(dialled.iter().all(|line| line.contains("00002@") || line.contains("00003@")), "{dialled:?}");
    // The private cluster is backed up as well, here while the engine is at work.
    run(&new, &["database", "--", &script("huifang-backup"), new.path("again").to_str().unwrap()], 0);
    assert_eq!(fs::read_to_string(new.path("again/recordings/voice.wav")).unwrap(), "RIFF voice");
    // Nobody answers: what the calls' ringing comes to is no part of this.
    engine.kill();
    run(&new, &["database", "--", "true"], 0);
}
