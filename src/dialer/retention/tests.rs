//! Real files and real rows: what is due goes, what is not stays, and whatever dies in between is made good by the next pass.

use super::*;
use crate::db::answers::{self, NewRecording};
use crate::db::fixture::{self, at, id};
use crate::db::journal::{Fact, Journal};
use crate::db::state::RecordingKind;
use crate::dialer::policy::country::packs;
use crate::ids::AttemptId;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

/// A purge over an empty folder: recordings for 180 days, answers and timelines by China's pack for 1,095, elsewhere for 730.
pub(in crate::dialer) fn purge(pool: &PgPool, folder: &tempfile::TempDir) -> Purge {
    let packs = packs(&[]).unwrap();
    fs::create_dir(folder.path().join("recordings")).unwrap();
    Purge {
        pool: pool.clone(),
        directory: folder.path().join("recordings"),
        keep: Keep::new(None, &packs),
        journal: folder.path().join("journal"),
        node: "a".to_owned(),
        by: "a test".to_owned(),
        missing: false,
        forget: Forget {
            answers: Keep::of(|kept| kept.answers_days, None, &packs),
            attempts: Keep::of(|kept| kept.attempts_days, None, &packs),
            messages: TimeDelta::days(30),
        },
        traces: TimeDelta::days(14),
    }
}

/// A folder of recordings beside a database, kept for 180 days.
struct World {
    folder: tempfile::TempDir,
    purge: Purge,
    attempt: AttemptId,
}

impl World {
    async fn new(pool: &PgPool) -> World {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let folder = tempfile::tempdir().unwrap();
        let purge = purge(pool, &folder);
        World { folder, purge, attempt }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.purge.directory.join(name)
    }

    fn new_recording(&self, n: u16, day: i64) -> NewRecording {
        let (kind, path) = (RecordingKind::Suggestion, format!("{n}.wav"));
        let recorded_at = at(0) + TimeDelta::days(day);
        NewRecording { id: id(n), attempt: self.attempt, kind, path, duration_ms: 900, recorded_at }
    }

    /// Recording `n` of the first day plus `day`, four bytes long.
    async fn recorded(&self, n: u16, day: i64) -> PathBuf {
        let new = self.new_recording(n, day);
        fs::write(self.file(&new.path), "four").unwrap();
        assert!(answers::add_recording(&mut self.purge.pool.acquire().await.unwrap(), &new).await.unwrap());
        self.file(&new.path)
    }

    async fn run(&self, day: i64) -> Result<Purged, PurgeError> {
        self.purge.run(at(0) + TimeDelta::days(day), &CancellationToken::new()).await
    }

    async fn marked(&self) -> i64 {
        let marked = "select count(*) from recordings where purged_at is not null";
        sqlx::query_scalar(marked).fetch_one(&self.purge.pool).await.unwrap()
    }

    async fn audited(&self) -> Vec<(String, Value)> {
        let entries = audit::newest(&mut self.purge.pool.acquire().await.unwrap(), 9).await.unwrap();
        entries.into_iter().map(|entry| (entry.action, entry.detail)).collect()
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_due_goes_and_what_is_not_stays(pool: PgPool) {
    let world = World::new(&pool).await;
    let (first, gone, later) = (world.recorded(1, 0).await, world.recorded(2, 0).await, world.recorded(3, 5).await);
    fs::remove_file(gone).unwrap();
    assert_eq!(world.run(179).await.unwrap(), Purged::default());
    assert!(first.exists() && world.audited().await.is_empty());

    let (due, held) = world.purge.look(at(0) + TimeDelta::days(180)).await.unwrap();
    assert_eq!((due.iter().map(|due| due.path.as_str()).collect::<Vec<_>>(), held), (vec!["1.wav", "2.wav"], 0));
    assert!(first.exists() && world.marked().await == 0, "only looked at");

    let done = world.run(180).await.unwrap();
    assert_eq!(done, Purged { purged: 2, bytes: 4, ..Purged::default() });
    assert!(!first.exists() && later.exists());
    assert_eq!(world.marked().await, 2);
    let entry = ("recordings.purge".to_owned(), json!({ "by": "a test", "purged": 2, "bytes": 4 }));
    assert_eq!(world.audited().await, [entry]);
    assert_eq!(world.run(180).await.unwrap(), Purged::default());
    assert_eq!(world.audited().await.len(), 1, "nothing done, nothing said");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_file_that_cannot_be_removed_is_named_and_the_rest_goes(pool: PgPool) {
    let world = World::new(&pool).await;
    for n in 1..=3 {
        world.recorded(n, 0).await;
    }
    fs::remove_file(world.file("2.wav")).unwrap();
    fs::create_dir(world.file("2.wav")).unwrap();
    let mut away = world.new_recording(4, 0);
    away.path = "../secret.wav".to_owned();
    fs::write(world.folder.path().join("secret.wav"), "mine").unwrap();
    answers::add_recording(&mut pool.acquire().await.unwrap(), &away).await.unwrap();

    for _ in 0..2 {
        let done = world.run(200).await.unwrap();
        let named: Vec<&str> = done.failed.iter().map(|failed| failed.what.as_str()).collect();
        assert_eq!(named, [id::<RecordingId>(2).to_string(), id::<RecordingId>(4).to_string()]);
        assert!(done.failed[1].why.contains("leads out"), "{done:?}");
        assert_eq!(world.marked().await, 2);
    }
    assert!(world.folder.path().join("secret.wav").exists());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn killed_between_the_file_and_the_row_the_next_pass_marks_it(pool: PgPool) {
    let world = World::new(&pool).await;
    let file = world.recorded(1, 0).await;
    world.run(1).await.unwrap(); // decides
    let mut transaction = pool.begin().await.unwrap();
    let day = at(0) + TimeDelta::days(200);
    let due = rows::take_due(&mut transaction, day, None, BATCH).await.unwrap();
    remove(&world.purge.directory, vec![due[0].path.clone()]).await.unwrap();
    assert_eq!(world.run(200).await.unwrap().purged, 0, "held by the one that is dying");
    transaction.rollback().await.unwrap(); // dropped, it would be undone some time later
    assert!(!file.exists() && world.marked().await == 0);
    assert_eq!(world.run(200).await.unwrap(), Purged { purged: 1, ..Purged::default() });
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_may_lie_on_another_machine_is_not_said_to_be_gone(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let (there, missing) = (world.recorded(1, 0).await, world.recorded(2, 0).await);
    fs::remove_file(missing).unwrap();
    world.purge.node = "b".to_owned();
    assert_eq!(world.run(200).await.unwrap(), Purged { purged: 1, bytes: 4, elsewhere: 1, ..Purged::default() });
    assert!(!there.exists(), "a file that is here is removed, whoever made it");
    world.purge.missing = true;
    assert_eq!(world.run(200).await.unwrap(), Purged { purged: 1, ..Purged::default() });

    world.recorded(3, 0).await;
    world.purge.directory = world.folder.path().join("not mounted");
    assert!(matches!(world.run(200).await, Err(PurgeError::Directory { .. })));
    assert_eq!(world.marked().await, 2, "without the directory nothing is known");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn more_than_a_batch_goes_in_one_pass(pool: PgPool) {
    let world = World::new(&pool).await;
    let count = u16::try_from(BATCH).unwrap() + 3;
    for n in 1..=count {
        world.recorded(n, 0).await;
    }
    let stop = CancellationToken::new();
    stop.cancel();
    assert_eq!(world.purge.run(at(0) + TimeDelta::days(200), &stop).await.unwrap().purged, 0, "told to stop");
    assert_eq!(world.run(200).await.unwrap().purged, u64::from(count));
    assert_eq!(fs::read_dir(&world.purge.directory).unwrap().count(), 0);
    assert_eq!(world.audited().await.len(), 2);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn files_without_a_recording_are_named_unless_their_row_is_under_way(pool: PgPool) {
    let world = World::new(&pool).await;
    world.recorded(1, 0).await;
    world.run(200).await.unwrap();
    world.recorded(2, 200).await;
    let (journal, _applier) = Journal::open(&world.purge.journal).unwrap();
    journal.append(&[Fact::Recording(world.new_recording(3, 0))]).unwrap();
    let now = SystemTime::now();
    for (name, hours) in [("1.wav", 25), ("2.wav", 25), ("3.wav", 25), ("4.wav.part", 25), ("5.wav", 23)] {
        let file = File::create(world.file(name)).unwrap();
        file.set_modified(now - Duration::from_secs(hours * 3600)).unwrap();
    }
    let orphans = world.purge.orphans(now.into()).await.unwrap();
    assert_eq!(
        (orphans.files.as_slice(), orphans.in_journal),
        (["1.wav", "4.wav.part"].map(String::from).as_slice(), 1)
    );

    let (removed, failed) = world.purge.remove_orphans(&orphans.files, now.into()).await.unwrap();
    assert_eq!((removed, failed), (2, vec![]));
    assert!(!world.file("1.wav").exists() && world.file("3.wav").exists());
    let entry = ("recordings.purge_orphans".to_owned(), json!({ "by": "a test", "files": 2, "bytes": 0 }));
    assert_eq!(world.audited().await[0], entry);
    assert_eq!(world.purge.orphans(now.into()).await.unwrap(), Orphans { files: vec![], in_journal: 1 });
}
