//! What a call has to say to the store. Each may be applied twice without harm.

use crate::db::answers::{self, NewAnswer, NewRecording};
use crate::db::attempts::{self, AttemptEnd, Ended};
use crate::db::call_backs::{self, NewCallBack};
use crate::db::complaints::{self, NewComplaint};
use crate::db::leads::{self, NewLead};
use crate::db::media_quality::{self, MediaQuality};
use crate::db::story::{self, Event};
use crate::db::transfers::{self, TransferMoment};
use crate::db::{Result, phones};
use crate::ids::{AttemptId, TransferId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// One fact about an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum Fact {
    /// The INVITE left.
    AttemptSent {
        /// Which attempt.
        attempt: AttemptId,
        /// When.
        at: DateTime<Utc>,
    },
    /// No byte of the INVITE left after all.
    NeverSent {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// The callee answered.
    AttemptAnswered {
        /// Which attempt.
        attempt: AttemptId,
        /// When.
        at: DateTime<Utc>,
    },
    /// A question was answered.
    Answer(NewAnswer),
    /// A complaint arises: in one record with the answer that caused it.
    Complaint(NewComplaint),
    /// A later sign of unhappiness in the same call.
    ComplaintNote(NewComplaint),
    /// A call-back was booked.
    CallBack(NewCallBack),
    /// "Wrong number" was keyed.
    WrongNumber {
        /// Which attempt.
        attempt: AttemptId,
        /// When.
        at: DateTime<Utc>,
    },
    /// "Never call again" was keyed.
    DoNotCall {
        /// Which attempt.
        attempt: AttemptId,
        /// When.
        at: DateTime<Utc>,
    },
    /// A customer named somebody who plans to buy a car.
    Lead(NewLead),
    /// A recording was finished.
    Recording(NewRecording),
    /// The survey came to its end, before hanging up.
    SurveyFinished {
        /// Which attempt.
        attempt: AttemptId,
        /// With what (`complete`, `refusal` …).
        outcome: String,
    },
    /// How good the media were.
    MediaQuality {
        /// Which attempt.
        attempt: AttemptId,
        /// What was measured.
        quality: MediaQuality,
    },
    /// Entries of the timeline.
    Events {
        /// Which attempt.
        attempt: AttemptId,
        /// The entries.
        events: Vec<Event>,
    },
    /// A hand-over to an agent came a step on.
    Transfer {
        /// Which.
        transfer: TransferId,
        /// What happened.
        moment: TransferMoment,
        /// When.
        at: DateTime<Utc>,
    },
    /// The attempt ended.
    AttemptEnded(AttemptEnd),
}

impl Fact {
    /// Writes this fact to the store; the caller's transaction holds it together with its record's other facts.
    pub(super) async fn apply(&self, conn: &mut PgConnection) -> Result<()> {
        match self {
            Fact::AttemptSent { attempt, at } => attempts::mark_sent(conn, *attempt, *at).await,
            Fact::NeverSent { attempt } => attempts::never_sent(conn, *attempt).await,
            Fact::AttemptAnswered { attempt, at } => attempts::answered(conn, *attempt, *at).await,
            Fact::Answer(answer) => answers::add(conn, answer).await.map(drop),
            Fact::Complaint(complaint) => complaints::open(conn, complaint).await.map(drop),
            Fact::ComplaintNote(note) => complaints::add_step(conn, note).await,
            Fact::CallBack(booking) => call_backs::book(conn, booking).await.map(drop),
            Fact::WrongNumber { attempt, at } => phones::mark_wrong(conn, *attempt, *at).await,
            Fact::DoNotCall { attempt, at } => phones::block_by_attempt(conn, *attempt, *at).await,
            Fact::Lead(lead) => leads::add(conn, lead).await.map(drop),
            Fact::Recording(recording) => answers::add_recording(conn, recording).await.map(drop),
            Fact::SurveyFinished { attempt, outcome } => attempts::survey_finished(conn, *attempt, outcome).await,
            Fact::MediaQuality { attempt, quality } => media_quality::set(conn, *attempt, quality).await,
            Fact::Events { attempt, events } => story::add_events(conn, *attempt, events).await,
            Fact::Transfer { transfer, moment, at } => transfers::moment(conn, *transfer, *moment, *at).await,
            Fact::AttemptEnded(end) => {
                if attempts::end(conn, end).await? == Ended::FollowUpMovedOn {
                    tracing::warn!(attempt = %end.attempt, "the true end of a reconciled attempt came after a person had decided about its follow-up");
                }
                Ok(())
            }
        }
    }
}
