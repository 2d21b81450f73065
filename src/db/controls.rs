//! `campaigns`: what is dialled and what is not. A survey is a campaign of its own key; [`ALL`] stands for all of them. The queue's lease asks this table,
//! so a pause holds for every engine from its commit on; NOTIFY wakes the engines to close the calls of a campaign that drains.

use super::queue::CHANNEL;
use super::state::CampaignState;
use super::{Result, StoreError};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// The key of the row that stands for all campaigns.
pub const ALL: &str = "*";

/// A campaign as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Campaign {
    /// Its key: a survey's, or `*`.
    pub key: String,
    /// What is done with it.
    pub state: CampaignState,
    /// Since when.
    pub changed_at: DateTime<Utc>,
}

/// Sets what is done with a campaign; none: with all of them. A survey that nobody knows is an error.
pub async fn set(
    conn: &mut PgConnection,
    campaign: Option<&str>,
    state: CampaignState,
    now: DateTime<Utc>,
) -> Result<()> {
    let done = sqlx::query(
        "insert into campaigns (key, survey_key, state, changed_at)
         select coalesce($1, $4), $1, $2, $3 where $1 is null or exists (select from surveys where key = $1)
         on conflict (key) do update set state = excluded.state, changed_at = excluded.changed_at",
    )
    .bind(campaign)
    .bind(state)
    .bind(now)
    .bind(ALL)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::row("campaigns", campaign.unwrap_or(ALL), "there is no survey of this key"));
    }
    sqlx::query("select pg_notify($1, '')").bind(CHANNEL).execute(conn).await?;
    Ok(())
}

/// Every campaign that somebody has ever paused, resumed or drained.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<Campaign>> {
    Ok(sqlx::query_as("select key, state, changed_at from campaigns order by key").fetch_all(conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, SURVEY, at, lease};
    use crate::db::queue::{depth, release_all};
    use sqlx::PgPool;
    use sqlx::postgres::PgListener;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn what_is_paused_is_not_leased(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        fixture::owed(&mut conn, 1).await;
        for (campaign, state, leased) in [
            (None, CampaignState::Paused, 0),
            (None, CampaignState::Running, 1),
            (Some(SURVEY), CampaignState::Draining, 0),
            (Some(SURVEY), CampaignState::Paused, 0),
            (Some(SURVEY), CampaignState::Running, 1),
        ] {
            set(&mut conn, campaign, state, at(0)).await.unwrap();
            assert_eq!(lease(&mut conn, "a", 0).await.len(), leased, "{campaign:?} {state}");
            release_all(&mut conn, "a").await.unwrap();
        }
        assert_eq!(depth(&mut conn, at(0)).await.unwrap()[0].due, 1);
        assert_eq!(all(&mut conn).await.unwrap().len(), 2);
        let unknown = set(&mut conn, Some("nothing"), CampaignState::Paused, at(0)).await.unwrap_err();
        assert_eq!(unknown.to_string(), "campaigns nothing: there is no survey of this key");
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn engines_hear_of_it(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let mut listener = PgListener::connect_with(&pool).await.unwrap();
        listener.listen(CHANNEL).await.unwrap();
        set(&mut conn, None, CampaignState::Paused, at(0)).await.unwrap();
        listener.recv().await.unwrap();
    }
}
