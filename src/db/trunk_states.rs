//! `trunk_states`: what each engine knows of each trunk at present. Written by its engine, read by pages and commands.

use super::Result;
use super::state::TrunkState;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// An engine that has not said anything for longer has ended.
pub const FRESH: TimeDelta = TimeDelta::seconds(60);

/// What one engine knows of one trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Seen {
    /// The engine.
    pub node: String,
    /// The trunk's name in the settings.
    pub trunk: String,
    /// Up, down or unknown.
    pub state: TrunkState,
    /// Why it is down.
    pub why: Option<String>,
    /// Where it is, in the order in which it is tried.
    pub places: String,
    /// Until when our registration holds, where there is one.
    pub registered_until: Option<DateTime<Utc>>,
    /// Since when it is so.
    pub since: DateTime<Utc>,
    /// When the engine said so last.
    pub seen_at: DateTime<Utc>,
}

/// Writes what an engine knows at `now`; `since` stays while the state does.
pub async fn put(conn: &mut PgConnection, seen: &[Seen], now: DateTime<Utc>) -> Result<()> {
    let texts = |of: fn(&Seen) -> &str| seen.iter().map(of).collect::<Vec<_>>();
    sqlx::query(
        "insert into trunk_states as known (node, trunk, state, why, places, registered_until, since, seen_at)
         select node, trunk, state, why, places, registered_until, $7, $7
         from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]) as new (node, trunk, state, why, places, registered_until)
         on conflict (node, trunk) do update set state = excluded.state, why = excluded.why, places = excluded.places,
             registered_until = excluded.registered_until, seen_at = excluded.seen_at,
             since = case when known.state = excluded.state then known.since else excluded.since end",
    )
    .bind(texts(|s| &s.node))
    .bind(texts(|s| &s.trunk))
    .bind(texts(|s| s.state.as_str()))
    .bind(seen.iter().map(|s| s.why.as_deref()).collect::<Vec<_>>())
    .bind(texts(|s| &s.places))
    .bind(seen.iter().map(|s| s.registered_until).collect::<Vec<_>>())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// What engines have said since a moment, by trunk and engine.
pub async fn since(conn: &mut PgConnection, since: DateTime<Utc>) -> Result<Vec<Seen>> {
    Ok(sqlx::query_as(
        "select node, trunk, state, why, places, registered_until, since, seen_at from trunk_states where seen_at >= $1 order by trunk, node",
    )
    .bind(since)
    .fetch_all(conn)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::at;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_state_is_written_anew_and_says_since_when_it_holds(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let seen = |node: &str, state, why: Option<&str>| Seen {
            node: node.into(),
            trunk: "main".into(),
            state,
            why: why.map(str::to_owned),
            places: "udp 192.0.2.1:5060".into(),
            registered_until: None,
            since: at(0),
            seen_at: at(0),
        };
        put(&mut conn, &[seen("a", TrunkState::Up, None), seen("b", TrunkState::Unknown, None)], at(1)).await.unwrap();
        put(&mut conn, &[seen("a", TrunkState::Up, None)], at(2)).await.unwrap();
        let read = since(&mut conn, at(0)).await.unwrap();
        assert_eq!(
            read.iter().map(|s| (s.node.as_str(), s.since, s.seen_at)).collect::<Vec<_>>(),
            [("a", at(1), at(2)), ("b", at(1), at(1))]
        );
        put(&mut conn, &[seen("a", TrunkState::Down, Some("it does not answer OPTIONS"))], at(3)).await.unwrap();
        let read = since(&mut conn, at(2)).await.unwrap();
        assert_eq!(read.len(), 1, "who has not said anything lately is not there");
        assert_eq!((read[0].state, read[0].since), (TrunkState::Down, at(3)));
        assert_eq!(read[0].why.as_deref(), Some("it does not answer OPTIONS"));
        put(&mut conn, &[], at(4)).await.unwrap();
    }
}
