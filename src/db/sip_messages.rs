//! `sip_messages`: whole SIP messages of attempts. Added in lots, read by attempt, deleted by age. Nothing that must not be lost.

use super::Result;
use crate::ids::AttemptId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A message to be stored.
pub struct NewMessage<'a> {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// 0 is its first.
    pub seq: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// `customer` or `agent`.
    pub leg: &'a str,
    /// True: sent by us.
    pub sent: bool,
    /// `udp`, `tcp` or `tls`.
    pub transport: &'a str,
    /// Our address.
    pub local: String,
    /// The other end.
    pub peer: String,
    /// Without credentials and keys.
    pub bytes: &'a [u8],
}

/// A message as stored. Numbers and names stand in clear.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Stored {
    /// 0 is the attempt's first.
    pub seq: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// `customer` or `agent`.
    pub leg: String,
    /// True: sent by us.
    pub sent: bool,
    /// `udp`, `tcp` or `tls`.
    pub transport: String,
    /// Our address.
    pub local: String,
    /// The other end.
    pub peer: String,
    /// The message.
    #[sqlx(rename = "message")]
    pub bytes: Vec<u8>,
}

/// Shows nothing of the content.
impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({}, {}, {} bytes)", self.seq, self.leg, self.bytes.len())
    }
}

/// Adds messages in one statement; those that are there already stay as they are.
pub async fn add(conn: &mut PgConnection, lot: &[NewMessage<'_>]) -> Result<()> {
    sqlx::query(
        "insert into sip_messages (attempt_id, seq, at, leg, sent, transport, local, peer, message)
         select * from unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[], $5::bool[], $6::text[], $7::text[], $8::text[], $9::bytea[])
         on conflict (attempt_id, seq) do nothing",
    )
    .bind(lot.iter().map(|new| new.attempt.0).collect::<Vec<_>>())
    .bind(lot.iter().map(|new| new.seq).collect::<Vec<_>>())
    .bind(lot.iter().map(|new| new.at).collect::<Vec<_>>())
    .bind(lot.iter().map(|new| new.leg).collect::<Vec<_>>())
    .bind(lot.iter().map(|new| new.sent).collect::<Vec<_>>())
    .bind(lot.iter().map(|new| new.transport).collect::<Vec<_>>())
    .bind(lot.iter().map(|new| new.local.as_str()).collect::<Vec<_>>())
    .bind(lot.iter().map(|new| new.peer.as_str()).collect::<Vec<_>>())
    .bind(lot.iter().map(|new| new.bytes).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes how many messages of an attempt were not kept.
pub async fn dropped(conn: &mut PgConnection, attempt: AttemptId, count: i32) -> Result<()> {
    sqlx::query("update attempts set sip_dropped = $2 where id = $1").bind(attempt.0).bind(count).execute(conn).await?;
    Ok(())
}

/// The messages of an attempt, first to last.
pub async fn of_attempt(conn: &mut PgConnection, attempt: AttemptId) -> Result<Vec<Stored>> {
    Ok(sqlx::query_as(
        "select seq, at, leg, sent, transport, local, peer, message from sip_messages where attempt_id = $1 order by at, seq",
    )
    .bind(attempt.0)
    .fetch_all(conn)
    .await?)
}

/// How many messages of an attempt were not kept.
pub async fn missing(conn: &mut PgConnection, attempt: AttemptId) -> Result<i32> {
    let missing: Option<Option<i32>> = sqlx::query_scalar("select sip_dropped from attempts where id = $1")
        .bind(attempt.0)
        .fetch_optional(conn)
        .await?;
    Ok(missing.flatten().unwrap_or(0))
}

/// Deletes at most `limit` messages from before `until`; how many went.
pub async fn purge(conn: &mut PgConnection, until: DateTime<Utc>, limit: i64) -> Result<u64> {
    let done = sqlx::query(
        "delete from sip_messages where ctid = any(array(select ctid from sip_messages where at < $1 limit $2))",
    )
    .bind(until)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// How many messages are from before `until`.
pub async fn due(conn: &mut PgConnection, until: DateTime<Utc>) -> Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from sip_messages where at < $1").bind(until).fetch_one(conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at, id};
    use sqlx::PgPool;

    fn new(seq: i32, minute: i64, bytes: &[u8]) -> NewMessage<'_> {
        NewMessage {
            attempt: id(1),
            seq,
            at: at(minute),
            leg: "customer",
            sent: seq % 2 == 0,
            transport: "udp",
            local: "192.0.2.1:5060".into(),
            peer: "192.0.2.9:5060".into(),
            bytes,
        }
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn messages_come_back_as_they_were_and_go_by_age(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let latin = b"INVITE \xe9\0".as_slice();
        add(&mut conn, &[new(0, 0, latin), new(1, 1, b"100")]).await.unwrap();
        add(&mut conn, &[new(1, 1, b"other"), new(2, 60, b"200")]).await.unwrap();
        let read = of_attempt(&mut conn, id(1)).await.unwrap();
        let bytes: Vec<&[u8]> = read.iter().map(|stored| stored.bytes.as_slice()).collect();
        assert_eq!(bytes, [latin, b"100", b"200"]);
        assert_eq!(format!("{:?}", read[0]), "Stored(0, customer, 9 bytes)");
        assert_eq!(missing(&mut conn, id(1)).await.unwrap(), 0);
        dropped(&mut conn, id(1), 7).await.unwrap();
        assert_eq!(missing(&mut conn, id(1)).await.unwrap(), 7);
        assert_eq!((due(&mut conn, at(60)).await.unwrap(), purge(&mut conn, at(60), 1).await.unwrap()), (2, 1));
        assert_eq!(purge(&mut conn, at(60), 9).await.unwrap(), 1);
        assert_eq!(of_attempt(&mut conn, id(1)).await.unwrap().len(), 1);
    }

    /// The journal holds attempts' rows for as long as its transaction takes; with a foreign key here the two waited for each other.
    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn messages_are_written_while_their_attempt_is_held(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let mut journal = pool.begin().await.unwrap();
        sqlx::query("select from attempts where id = $1 for update")
            .bind(id::<AttemptId>(1).0)
            .execute(&mut *journal)
            .await
            .unwrap();
        sqlx::query("set lock_timeout = '1s'").execute(&mut *conn).await.unwrap();
        add(&mut conn, &[new(0, 0, b"INVITE")]).await.unwrap();
        journal.rollback().await.unwrap();
        assert_eq!(of_attempt(&mut conn, id(1)).await.unwrap().len(), 1);
    }
}
