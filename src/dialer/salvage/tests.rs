//! Real files and real rows: what a dead engine left gets its row, what may still be somebody's is left alone, and whatever dies in between comes to the same end.

use super::*;
use crate::db::attempts::{self, AttemptEnd, Next};
use crate::db::fixture::{self, at, id};
use crate::db::journal::{Fact, Journal};
use crate::dialer::retention::tests::purge;
use crate::ids::AttemptId;
use sqlx::PgPool;
use std::fs::{self, File};
use tokio_util::sync::CancellationToken;

struct World {
    _folder: tempfile::TempDir,
    purge: Purge,
    attempt: AttemptId,
}

impl World {
    /// An attempt of engine `a`, which has ended.
    async fn new(pool: &PgPool) -> World {
        let world = World::calling(pool).await;
        world.end().await;
        world
    }

    /// An attempt of engine `a`, which goes on.
    async fn calling(pool: &PgPool) -> World {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let folder = tempfile::tempdir().unwrap();
        let purge = purge(pool, &folder);
        World { _folder: folder, purge, attempt }
    }

    async fn end(&self) {
        let end = AttemptEnd {
            attempt: self.attempt,
            ended_at: at(2),
            sip_status: None,
            disposition: "unknown".to_owned(),
            aapor: None,
            blame: None,
            retry_allowed: false,
            detail: None,
            next: Next::Review,
        };
        attempts::end(&mut self.purge.pool.acquire().await.unwrap(), &end).await.unwrap();
    }

    /// A second of sound, last written at `at(minutes)`.
    fn left(&self, kind: &str, end: &str, minutes: i64) -> String {
        let name = format!("{}{end}", files::name(self.attempt, kind, 3));
        let (channels, bits_per_sample) = (1, 16);
        let spec =
            hound::WavSpec { channels, sample_rate: 8_000, bits_per_sample, sample_format: hound::SampleFormat::Int };
        let path = self.purge.directory.join(&name);
        let mut wav = hound::WavWriter::create(&path, spec).unwrap();
        (0..8_000).for_each(|sample| wav.write_sample(sample).unwrap());
        wav.finalize().unwrap();
        File::options().append(true).open(path).unwrap().set_modified(at(minutes).into()).unwrap();
        name
    }

    async fn salvage(&self, minutes: i64) -> Salvaged {
        self.purge.salvage(at(minutes)).await.unwrap()
    }

    async fn rows(&self) -> Vec<(String, String, i32, DateTime<Utc>)> {
        sqlx::query_as("select kind, path, duration_ms, recorded_at from recordings order by kind")
            .fetch_all(&self.purge.pool)
            .await
            .unwrap()
    }
}

fn some(recordings: u64) -> Salvaged {
    Salvaged { recordings, failed: Vec::new() }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_a_dead_engine_left_is_finished_and_gets_its_row_once(pool: PgPool) {
    let world = World::new(&pool).await;
    world.left("statement", ".wav.part", 1);
    world.left("call", ".wav", 2); // it had its name, and the engine died before its row
    let bad = world.left("suggestion", ".wav.part", 1);
    fs::write(world.purge.directory.join(&bad), "no WAV at all").unwrap();
    File::options().append(true).open(world.purge.directory.join(&bad)).unwrap().set_modified(at(1).into()).unwrap();

    let done = world.salvage(10).await;
    assert_eq!((done.recordings, done.failed.len(), done.failed[0].what == bad), (2, 1, true), "{done:?}");
    let file = |kind: &str| format!("{}.wav", files::name(world.attempt, kind, 3));
    let row = |kind: &str, minutes| (kind.to_owned(), file(kind), 1_000, at(minutes));
    assert_eq!(world.rows().await, [row("call", 2), row("statement", 1)]);
    assert!(["call", "statement"].iter().all(|kind| world.purge.directory.join(file(kind)).exists()));
    fs::remove_file(world.purge.directory.join(bad)).unwrap();
    assert_eq!(world.salvage(20).await, some(0), "once");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_may_still_be_somebodys_is_left_alone(pool: PgPool) {
    let mut world = World::calling(&pool).await;
    let part = world.left("statement", ".wav.part", 1);
    assert_eq!(world.salvage(10).await, some(0), "the call goes on");
    world.end().await;
    assert_eq!(world.salvage(2).await, some(0), "written to a minute ago");
    world.purge.node = "b".to_owned();
    assert_eq!(world.salvage(10).await, some(0), "another engine's journal may know of it");
    world.purge.node = "a".to_owned();

    let (journal, _applier) = Journal::open(&world.purge.journal).unwrap();
    let path = part.trim_end_matches(".part").to_owned();
    let kind = RecordingKind::Statement;
    let new = NewRecording { id: id(9), attempt: world.attempt, kind, path, duration_ms: 1_000, recorded_at: at(1) };
    journal.append(&[Fact::Recording(new)]).unwrap();
    assert_eq!(world.salvage(10).await, some(0), "its row is under way");
    assert!(world.purge.directory.join(part).exists() && world.rows().await.is_empty());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn it_goes_with_the_person_and_with_its_time(pool: PgPool) {
    let world = World::new(&pool).await;
    world.left("statement", ".wav.part", 1);
    let stop = CancellationToken::new();
    let done = world.purge.run(at(0) + TimeDelta::days(181), &stop).await.unwrap();
    assert_eq!((done.salvaged, done.purged), (1, 1), "{done:?}");

    world.left("call", ".wav.part", 1);
    let customer = id(1);
    sqlx::query("update follow_ups set state = 'done', final_disposition = 'unknown', closed_at = $1")
        .bind(at(3))
        .execute(&pool)
        .await
        .unwrap();
    let done = world.purge.erase(customer, at(0) + TimeDelta::days(182)).await.unwrap().expect("nothing is in the way");
    assert_eq!(done.purged, 1);
    assert_eq!(fs::read_dir(&world.purge.directory).unwrap().count(), 0);
}
