//! Follow-ups and leads as programs list them: newest first, page by page, by what stands in their rows. Names and numbers come out wrapped.

use super::Result;
use super::state::{FollowUpState, StateReason};
use crate::ids::{FollowUpId, LeadId};
use crate::phone::{E164, Pii};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A follow-up in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: FollowUpId,
    /// Survey key.
    pub survey: String,
    /// Where it stands.
    pub state: FollowUpState,
    /// Why, where the state does not say it.
    pub state_reason: Option<StateReason>,
    /// From when on it was owed.
    pub due_at: DateTime<Utc>,
    /// When it may be dialled next.
    pub next_attempt_at: DateTime<Utc>,
    /// Not dialled from then on.
    pub deadline: DateTime<Utc>,
    /// INVITEs that left.
    pub attempts_made: i32,
    /// What it ended with.
    pub final_disposition: Option<String>,
    /// AAPOR code of that.
    pub final_aapor: Option<String>,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// The customer.
    #[sqlx(try_from = "String")]
    pub name: Pii<String>,
    /// The number.
    #[sqlx(try_from = "String")]
    pub number: E164,
    /// The event's advisor.
    pub advisor: Option<String>,
}

/// Which follow-ups.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// In this state.
    pub state: Option<FollowUpState>,
    /// Of this survey.
    pub survey: Option<String>,
    /// That ended with this.
    pub disposition: Option<String>,
    /// Of this advisor's events.
    pub advisor: Option<String>,
    /// Owed from this moment on.
    pub due_from: Option<DateTime<Utc>>,
    /// Owed before this one.
    pub due_before: Option<DateTime<Utc>>,
    /// Older than this one.
    pub after: Option<Uuid>,
    /// So many at most.
    pub limit: i64,
}

/// Lists follow-ups. Ids are UUIDv7: by id is by when they were made.
pub async fn follow_ups(conn: &mut PgConnection, wanted: &Wanted) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as(
        "select f.id, f.survey_key as survey, f.state, f.state_reason, f.due_at, f.next_attempt_at, f.deadline, f.attempts_made, f.final_disposition,
                f.final_aapor, f.closed_at, c.name, p.number, a.name as advisor
         from follow_ups f join customers c on c.id = f.customer_id join phones p on p.id = f.phone_id
         join service_events e on e.id = f.service_event_id left join advisors a on a.id = e.advisor_id
         where ($1::text is null or f.state = $1) and ($2::text is null or f.survey_key = $2) and ($3::text is null or f.final_disposition = $3)
           and ($4::text is null or a.name = $4) and ($5::timestamptz is null or f.due_at >= $5) and ($6::timestamptz is null or f.due_at < $6)
           and ($7::uuid is null or f.id < $7)
         order by f.id desc limit $8",
    )
    .bind(wanted.state)
    .bind(&wanted.survey)
    .bind(&wanted.disposition)
    .bind(&wanted.advisor)
    .bind(wanted.due_from)
    .bind(wanted.due_before)
    .bind(wanted.after)
    .bind(wanted.limit)
    .fetch_all(conn)
    .await?)
}

/// A lead in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ListedLead {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: LeadId,
    /// In whose call it was given.
    #[sqlx(try_from = "Uuid")]
    pub follow_up: FollowUpId,
    /// The number as keyed; empty where there is a recording instead.
    #[sqlx(try_from = "String")]
    pub keyed: Pii<String>,
    /// Whether there is a recording that names them.
    pub recorded: bool,
    /// When.
    pub given_at: DateTime<Utc>,
}

/// Lists leads.
pub async fn leads(conn: &mut PgConnection, after: Option<Uuid>, limit: i64) -> Result<Vec<ListedLead>> {
    Ok(sqlx::query_as(
        "select id, follow_up_id as follow_up, coalesce(keyed, '') as keyed, recording_path is not null as recorded, given_at from leads
         where $1::uuid is null or (given_at, id) < (select l.given_at, l.id from leads l where l.id = $1)
         order by given_at desc, id desc limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, id};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn pages_follow_one_another_and_filters_hold(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        for n in 1..=5 {
            fixture::owed(&mut conn, n).await;
        }
        fixture::begun(&mut conn, "a", id(2), 1, 0).await;
        let ids = |rows: Vec<Listed>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
        let page =
            |after: Option<u16>| Wanted { after: after.map(|n| id::<FollowUpId>(n).0), limit: 2, ..Wanted::default() };
        assert_eq!(ids(follow_ups(&mut conn, &page(None)).await.unwrap()), [id(5), id(4)]);
        assert_eq!(ids(follow_ups(&mut conn, &page(Some(4))).await.unwrap()), [id(3), id(2)]);
        assert_eq!(ids(follow_ups(&mut conn, &page(Some(2))).await.unwrap()), [id(1)]);
        let in_call = Wanted { state: Some(FollowUpState::InCall), limit: 9, ..Wanted::default() };
        assert_eq!(ids(follow_ups(&mut conn, &in_call).await.unwrap()), [id(2)]);
        for (wanted, count) in [
            (Wanted { advisor: Some("王顾问".to_owned()), limit: 9, ..Wanted::default() }, 5),
            (Wanted { advisor: Some("李顾问".to_owned()), limit: 9, ..Wanted::default() }, 0),
            (Wanted { due_from: Some(fixture::at(1)), limit: 9, ..Wanted::default() }, 0),
            (Wanted { due_before: Some(fixture::at(1)), limit: 9, ..Wanted::default() }, 5),
            (Wanted { survey: Some("prospect".to_owned()), limit: 9, ..Wanted::default() }, 0),
            (Wanted { disposition: Some("complete".to_owned()), limit: 9, ..Wanted::default() }, 0),
        ] {
            assert_eq!(follow_ups(&mut conn, &wanted).await.unwrap().len(), count, "{wanted:?}");
        }
    }
}
