//! `transfers`: each try to hand a caller to an agent, with its times and what became of it; and what page and engine say to each other about it.
//! A complaint never depends on any of it.

mod figures;

pub use figures::{Share, Shares, Waiting, abandoned, waiting};

use super::state::{PageWord, TransferMode, TransferOutcome};
use super::{Result, StoreError};
use crate::ids::{AgentId, AttemptId, FollowUpId, TransferId};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

/// What the engine that has the caller reports of a hand-over, by the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferMoment {
    /// The customer is asked whether they want to be put through.
    Offered,
    /// They said yes, or had asked for a person: from here on they wait.
    Wanted,
    /// The agent's phone or page rings.
    Ringing,
    /// The phone was picked up, or the PBX took the caller.
    Answered,
    /// The agent took the call: from here on the two talk.
    Accepted,
    /// It is over.
    Ended(TransferOutcome),
}

/// A hand-over as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Transfer {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: TransferId,
    /// The call.
    #[sqlx(try_from = "Uuid")]
    pub attempt_id: AttemptId,
    /// Its follow-up.
    #[sqlx(try_from = "Uuid")]
    pub follow_up_id: FollowUpId,
    /// Its survey.
    pub survey_key: String,
    /// 1 is the call's first try.
    pub ordinal: i32,
    agent_id: Option<Uuid>,
    /// How; none where there was nobody.
    pub mode: Option<TransferMode>,
    /// When the agent was reserved.
    pub reserved_at: Option<DateTime<Utc>>,
    /// When the customer was asked.
    pub offered_at: Option<DateTime<Utc>>,
    /// When they said yes.
    pub wanted_at: Option<DateTime<Utc>>,
    /// When it rang.
    pub ringing_at: Option<DateTime<Utc>>,
    /// When somebody picked up.
    pub answered_at: Option<DateTime<Utc>>,
    /// When the agent took the call.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended_at: Option<DateTime<Utc>>,
    /// What became of it.
    pub outcome: Option<TransferOutcome>,
    /// What the agent said on the page.
    pub page_word: Option<PageWord>,
}

impl Transfer {
    /// Who was tried; none where there was nobody.
    pub fn agent(&self) -> Option<AgentId> {
        self.agent_id.map(AgentId)
    }
}

/// A hand-over that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewTransfer<'a> {
    /// Its id.
    pub id: TransferId,
    /// The call.
    pub attempt: AttemptId,
    /// Who is tried; none: there is nobody, and it is over at once.
    pub agent: Option<AgentId>,
    /// How; none where there is nobody.
    pub mode: Option<TransferMode>,
    /// The engine that has the caller.
    pub node: &'a str,
    /// Now.
    pub at: DateTime<Utc>,
}

/// Writes a hand-over that begins, as the next of its call; one with nobody to try is over at once.
pub async fn begin(conn: &mut PgConnection, new: &NewTransfer<'_>) -> Result<()> {
    let done = sqlx::query(
        "insert into transfers (id, attempt_id, follow_up_id, survey_key, ordinal, agent_id, mode, node, reserved_at, ended_at, outcome)
         select $1, a.id, a.follow_up_id, a.survey_key, (select count(*) + 1 from transfers t where t.attempt_id = a.id), $3, $4, $5,
                case when $3::uuid is not null then $6::timestamptz end, case when $3::uuid is null then $6::timestamptz end,
                case when $3::uuid is null then 'nobody_free' end
         from attempts a where a.id = $2",
    )
    .bind(new.id.0)
    .bind(new.attempt.0)
    .bind(new.agent.map(|agent| agent.0))
    .bind(new.mode)
    .bind(new.node)
    .bind(new.at)
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::row("attempts", new.attempt, "there is none")) }
}

/// Writes a moment; the first time stands. The end that the engine tells replaces `interrupted`, which somebody else wrote when the engine looked dead.
pub async fn moment(conn: &mut PgConnection, id: TransferId, moment: TransferMoment, at: DateTime<Utc>) -> Result<()> {
    let statement = match moment {
        TransferMoment::Offered => "update transfers set offered_at = coalesce(offered_at, $2) where id = $1",
        TransferMoment::Wanted => "update transfers set wanted_at = coalesce(wanted_at, $2) where id = $1",
        TransferMoment::Ringing => "update transfers set ringing_at = coalesce(ringing_at, $2) where id = $1",
        TransferMoment::Answered => "update transfers set answered_at = coalesce(answered_at, $2) where id = $1",
        TransferMoment::Accepted => "update transfers set accepted_at = coalesce(accepted_at, $2) where id = $1",
        TransferMoment::Ended(outcome) => return end(conn, id, outcome, at).await,
    };
    let done = sqlx::query(statement).bind(id.0).bind(at).execute(conn).await?;
    exactly_one(done.rows_affected(), id)
}

async fn end(conn: &mut PgConnection, id: TransferId, outcome: TransferOutcome, at: DateTime<Utc>) -> Result<()> {
    let done = sqlx::query(
        "update transfers set ended_at = case when ended_at is null or outcome = 'interrupted' then $2 else ended_at end,
                outcome = case when ended_at is null or outcome = 'interrupted' then $3 else outcome end
         where id = $1",
    )
    .bind(id.0)
    .bind(at)
    .bind(outcome)
    .execute(conn)
    .await?;
    exactly_one(done.rows_affected(), id)
}

/// Ends a hand-over whose engine is dead; one that is over stays as it is.
pub(super) async fn interrupt(conn: &mut PgConnection, id: TransferId, at: DateTime<Utc>) -> Result<()> {
    sqlx::query("update transfers set ended_at = $2, outcome = 'interrupted' where id = $1 and ended_at is null")
        .bind(id.0)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends hand-overs whose call has been over for `grace` and that nobody ended: their engine died in between, or they had no hold that could run out
/// (a queue of the PBX). Returns how many.
pub async fn close_ended(conn: &mut PgConnection, now: DateTime<Utc>, grace: TimeDelta) -> Result<u64> {
    let done = sqlx::query(
        "update transfers t set ended_at = $1, outcome = 'interrupted' from attempts a where a.id = t.attempt_id and t.ended_at is null and a.ended_at <= $2",
    )
    .bind(now)
    .bind(now - grace)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// One hand-over.
pub async fn get(conn: &mut PgConnection, id: TransferId) -> Result<Transfer> {
    let found: Option<Transfer> = sqlx::query_as(
        "select id, attempt_id, follow_up_id, survey_key, ordinal, agent_id, mode, reserved_at, offered_at, wanted_at, ringing_at, answered_at, accepted_at,
                ended_at, outcome, page_word
         from transfers where id = $1",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    found.ok_or_else(|| unknown(id))
}

/// The hand-over for which an agent is held at this moment.
pub async fn open_of_agent(conn: &mut PgConnection, agent: AgentId) -> Result<Option<Transfer>> {
    Ok(sqlx::query_as(
        "select t.id, t.attempt_id, t.follow_up_id, t.survey_key, t.ordinal, t.agent_id, t.mode, t.reserved_at, t.offered_at, t.wanted_at, t.ringing_at,
                t.answered_at, t.accepted_at, t.ended_at, t.outcome, t.page_word
         from transfers t join agent_sessions s on s.transfer_id = t.id
         where s.agent_id = $1 and s.ended_at is null",
    )
    .bind(agent.0)
    .fetch_optional(conn)
    .await?)
}

/// The last hand-over in which an agent talked to a customer: what they write up.
pub async fn last_talk_of(conn: &mut PgConnection, agent: AgentId) -> Result<Option<Transfer>> {
    Ok(sqlx::query_as(
        "select id, attempt_id, follow_up_id, survey_key, ordinal, agent_id, mode, reserved_at, offered_at, wanted_at, ringing_at, answered_at, accepted_at,
                ended_at, outcome, page_word
         from transfers where agent_id = $1 and accepted_at is not null order by reserved_at desc limit 1",
    )
    .bind(agent.0)
    .fetch_optional(conn)
    .await?)
}

/// The hand-overs of a follow-up, in order.
pub async fn of_follow_up(conn: &mut PgConnection, follow_up: FollowUpId) -> Result<Vec<Transfer>> {
    Ok(sqlx::query_as(
        "select t.id, t.attempt_id, t.follow_up_id, t.survey_key, t.ordinal, t.agent_id, t.mode, t.reserved_at, t.offered_at, t.wanted_at, t.ringing_at,
                t.answered_at, t.accepted_at, t.ended_at, t.outcome, t.page_word
         from transfers t join attempts a on a.id = t.attempt_id where t.follow_up_id = $1 order by a.ordinal, t.ordinal",
    )
    .bind(follow_up.0)
    .fetch_all(conn)
    .await?)
}

/// Keeps what an agent says on the page, for the engine that has the caller. `offer`: the page's WebRTC offer (SDP), with [`PageWord::Take`].
/// False where it comes too late: the hand-over is another agent's or over, or was taken or turned down already. Ending it may be said at any time.
pub async fn say(
    conn: &mut PgConnection,
    id: TransferId,
    agent: AgentId,
    word: PageWord,
    offer: Option<&str>,
) -> Result<bool> {
    let done = sqlx::query(
        "update transfers set page_word = $3, page_offer = coalesce($4, page_offer)
         where id = $1 and agent_id = $2 and ended_at is null and (page_word is null or ($3 = 'hang_up' and page_word <> 'hang_up'))",
    )
    .bind(id.0)
    .bind(agent.0)
    .bind(word)
    .bind(offer)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What stands between the page and the engine that has the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What the agent said, if anything.
    pub word: Option<PageWord>,
    /// The page's WebRTC offer.
    pub offer: Option<String>,
    /// The agent is still held for this hand-over, or has taken it.
    pub there: bool,
}

/// What the agent said about a hand-over.
pub async fn page_word(conn: &mut PgConnection, id: TransferId) -> Result<Said> {
    let row: Option<(Option<PageWord>, Option<String>, bool)> = sqlx::query_as(
        "select page_word, page_offer,
                accepted_at is not null or exists (select from agent_sessions s where s.transfer_id = t.id and s.ended_at is null)
         from transfers t where id = $1",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    row.map(|(word, offer, there)| Said { word, offer, there }).ok_or_else(|| unknown(id))
}

/// The engine's answer (SDP) to the page's offer.
pub async fn set_page_answer(conn: &mut PgConnection, id: TransferId, answer: &str) -> Result<()> {
    let done = sqlx::query("update transfers set page_answer = $2 where id = $1")
        .bind(id.0)
        .bind(answer)
        .execute(conn)
        .await?;
    exactly_one(done.rows_affected(), id)
}

/// The engine's answer, once it is there; for the agent who gave the offer only.
pub async fn page_answer(conn: &mut PgConnection, id: TransferId, agent: AgentId) -> Result<Option<String>> {
    let row: Option<Option<String>> =
        sqlx::query_scalar("select page_answer from transfers where id = $1 and agent_id = $2")
            .bind(id.0)
            .bind(agent.0)
            .fetch_optional(conn)
            .await?;
    row.ok_or_else(|| unknown(id))
}

fn unknown(id: TransferId) -> StoreError {
    StoreError::row("transfers", id, "there is none")
}

fn exactly_one(rows: u64, id: TransferId) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(unknown(id)) }
}

#[cfg(test)]
mod tests;
