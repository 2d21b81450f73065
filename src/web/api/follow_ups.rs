//! `/api/v1/follow-ups/{id}`: one follow-up whole: whom, what for, each attempt with answers, recordings and timeline, the complaint, the call-backs.
//! Names, numbers and plates are masked unless `unmasked=true` is asked for; that is kept in the audit log.

use super::{schema, views};
use crate::db::follow_ups;
use crate::db::media_quality::MediaQuality;
use crate::db::state::{
    ComplaintReason, ComplaintState, EventKind, FollowUpState, RecordingKind, StateReason, StepKind, UserRole,
};
use crate::db::status::{self, Subject};
use crate::db::story::{self, AttemptStory, FollowUpStory};
use crate::ids::{AttemptId, ComplaintId, FollowUpId, RecordingId};
use crate::web::params::{self, Params};
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// One follow-up, whole.
#[derive(Serialize, ToSchema)]
pub struct FollowUpView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: FollowUpId,
    /// Survey key.
    survey: String,
    /// Version, pinned when the first attempt began.
    survey_version: Option<i32>,
    /// Where it stands.
    #[schema(schema_with = schema::follow_up_state)]
    state: FollowUpState,
    /// Why, where the state does not say it.
    #[schema(schema_with = schema::state_reason)]
    state_reason: Option<StateReason>,
    /// When the call became owed.
    due_at: DateTime<Utc>,
    /// When it may be dialled next; null when it is not in the queue (in a call, under review, closed).
    next_attempt_at: Option<DateTime<Utc>>,
    /// Not dialled from this moment on.
    deadline: DateTime<Utc>,
    /// INVITEs that left.
    attempts_made: i32,
    /// The disposition it ended with.
    final_disposition: Option<String>,
    /// AAPOR code of that.
    #[schema(example = "1.1")]
    final_aapor: Option<String>,
    /// When it ended.
    closed_at: Option<DateTime<Utc>>,
    /// Whom and what it is about.
    subject: SubjectView,
    /// Its attempts, first to last.
    attempts: Vec<AttemptView>,
    /// Its complaint.
    complaint: Option<ComplaintView>,
    /// Call-backs that the customer booked.
    call_backs: Vec<CallBackView>,
}

/// Whom and what a follow-up is about.
#[derive(Serialize, ToSchema)]
pub struct SubjectView {
    /// Customer, masked unless asked otherwise.
    #[schema(example = "王••")]
    name: String,
    /// Number, masked unless asked otherwise.
    number: String,
    /// Somebody keyed "wrong number".
    number_wrong: bool,
    /// Language of the prompts.
    language: String,
    /// The customer's zone.
    time_zone: String,
    /// Plate, masked unless asked otherwise.
    plate: Option<String>,
    /// Model.
    model: Option<String>,
    /// What happened.
    #[schema(schema_with = schema::event_kind)]
    event: EventKind,
    /// On which day, in the customer's zone.
    event_on: NaiveDate,
    /// Advisor of that event.
    advisor: Option<String>,
}

/// One attempt.
#[derive(Serialize, ToSchema)]
pub struct AttemptView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: AttemptId,
    /// 1 is the first.
    ordinal: i32,
    /// Number dialled, masked unless asked otherwise.
    number: String,
    /// Trunk.
    trunk: String,
    /// When the row was committed.
    began_at: DateTime<Utc>,
    /// When the INVITE left.
    invite_sent_at: Option<DateTime<Utc>>,
    /// When somebody answered.
    answered_at: Option<DateTime<Utc>>,
    /// When it ended; null while it is open.
    ended_at: Option<DateTime<Utc>>,
    /// Final SIP status.
    sip_status: Option<i16>,
    /// What the survey ended with.
    survey_outcome: Option<String>,
    /// Disposition.
    disposition: Option<String>,
    /// AAPOR code.
    aapor: Option<String>,
    /// Who made it fail.
    blame: Option<String>,
    /// Whether the disposition allows another attempt.
    retry_allowed: Option<bool>,
    /// Why it ended so, in a sentence.
    detail: Option<String>,
    /// Closed by another hand after its engine died.
    reconciled: bool,
    /// Answers in the order given.
    answers: Vec<AnswerView>,
    /// Recordings.
    recordings: Vec<RecordingView>,
    /// How good the media were; null where there were none.
    media: Option<MediaView>,
    /// What happened, in order.
    timeline: Vec<EventView>,
}

/// One answer.
#[derive(Serialize, ToSchema)]
pub struct AnswerView {
    /// Question.
    #[schema(example = "q1")]
    question: String,
    /// Digits as accepted.
    keys: String,
    /// What they mean.
    #[schema(example = "very_satisfied")]
    value: String,
    /// Stored score.
    score: Option<i32>,
    /// Counts as unhappy.
    unhappy: bool,
    /// When.
    given_at: DateTime<Utc>,
}

/// One recording.
#[derive(Serialize, ToSchema)]
pub struct RecordingView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: RecordingId,
    /// What it holds.
    #[schema(schema_with = schema::recording_kind)]
    kind: RecordingKind,
    /// WAV file, relative to the recordings directory.
    path: String,
    /// Length.
    duration_ms: i32,
    /// When it ended.
    recorded_at: DateTime<Utc>,
    /// Until when it is kept, once the retention pass has said so.
    keep_until: Option<DateTime<Utc>>,
    /// When retention removed its file; playing it is answered by 410 since.
    purged_at: Option<DateTime<Utc>>,
}

/// How good the media of an attempt were.
#[derive(Serialize, ToSchema)]
pub struct MediaView {
    /// RTP packets received, each once.
    rx_packets: i32,
    /// Packets that never came.
    rx_lost: i32,
    /// Packets more than 60 ms late.
    rx_late: i32,
    /// Packets that came twice.
    rx_duplicates: i32,
    /// Nothing but digital silence or comfort noise came.
    rx_silent: bool,
    /// Median jitter in ms (RFC 3550 A.8).
    jitter_ms: Option<i32>,
    /// Highest jitter in ms.
    jitter_max_ms: Option<i32>,
    /// RTP packets sent.
    tx_packets: i32,
    /// Ours lost on their way, in thousandths, by the far side's last report.
    tx_lost_permille: Option<i16>,
    /// Round trip in ms.
    rtt_ms: Option<i32>,
    /// Estimated mean opinion score of the worse direction (ITU-T G.107), 1–4.5.
    #[schema(example = 4.38)]
    mos: Option<f64>,
}

impl From<MediaQuality> for MediaView {
    fn from(quality: MediaQuality) -> MediaView {
        MediaView {
            rx_packets: quality.rx_packets,
            rx_lost: quality.rx_lost,
            rx_late: quality.rx_late,
            rx_duplicates: quality.rx_duplicates,
            rx_silent: quality.rx_silent,
            jitter_ms: quality.jitter_ms,
            jitter_max_ms: quality.jitter_max_ms,
            tx_packets: quality.tx_packets,
            tx_lost_permille: quality.tx_lost_permille,
            rtt_ms: quality.rtt_ms,
            mos: quality.mos(),
        }
    }
}

/// One entry of a timeline.
#[derive(Serialize, ToSchema)]
pub struct EventView {
    /// Milliseconds since the attempt began.
    offset_ms: i64,
    /// What.
    #[schema(example = "key")]
    kind: String,
    /// Its particulars.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}

/// The complaint.
#[derive(Serialize, ToSchema)]
pub struct ComplaintView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ComplaintId,
    /// The attempt in which it arose.
    #[schema(value_type = Uuid)]
    attempt_id: AttemptId,
    /// Why.
    #[schema(schema_with = schema::complaint_reason)]
    reason: ComplaintReason,
    /// The question whose answer caused it.
    question: Option<String>,
    /// Where it stands.
    #[schema(schema_with = schema::complaint_state)]
    state: ComplaintState,
    /// When it was opened.
    opened_at: DateTime<Utc>,
    /// First contact by a person at the latest.
    contact_due_at: DateTime<Utc>,
    /// What was done, first to last.
    steps: Vec<StepView>,
}

/// A step of a complaint.
#[derive(Serialize, ToSchema)]
pub struct StepView {
    /// Which.
    #[schema(schema_with = schema::step_kind)]
    kind: StepKind,
    /// When.
    done_at: DateTime<Utc>,
    /// Who; null for the engine.
    person: Option<String>,
    /// What.
    note: String,
}

/// A booked call-back.
#[derive(Serialize, ToSchema)]
pub struct CallBackView {
    /// The attempt in which it was booked.
    #[schema(value_type = Uuid)]
    attempt_id: AttemptId,
    /// For when.
    call_at: DateTime<Utc>,
    /// When it was booked.
    booked_at: DateTime<Utc>,
}

/// All that the store knows of one follow-up; the page shows the same.
pub struct Whole {
    /// Follow-up, attempts, complaint.
    pub story: FollowUpStory,
    /// Whom and what for.
    pub subject: Subject,
    /// Steps of the complaint.
    pub steps: Vec<status::Step>,
    /// Booked call-backs.
    pub call_backs: Vec<status::Booked>,
}

/// Reads a follow-up; 400 for an id that is none, 404 for one that nobody has.
pub async fn read(state: &WebState, id: &str) -> Result<Whole, Problem> {
    let id = FollowUpId(params::id(id)?);
    let whole = state.ask(async {
        let mut conn = state.pool().acquire().await?;
        let Some(subject) = status::subject(&mut conn, id).await? else { return Ok(None) };
        let story = story::follow_up(&mut conn, id).await?;
        let steps = status::complaint_steps(&mut conn, id).await?;
        let call_backs = status::call_backs(&mut conn, id).await?;
        Ok(Some(Whole { story, subject, steps, call_backs }))
    });
    whole.await?.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("There is no follow-up {id}.")))
}

/// Reads a follow-up for somebody. In clear only what concerns them, and not before the audit log has it. What people wrote about the complaint is for those who
/// work on it: it may name anybody.
pub async fn read_for(state: &WebState, who: &Who, id: &str, unmasked: bool) -> Result<Whole, Problem> {
    let mut whole = read(state, id).await?;
    if !who.may(UserRole::Agent) {
        whole.steps.clear();
    }
    if unmasked {
        let id = whole.story.follow_up.id;
        concerns(state, who, id).await?;
        state.audit(who, "follow_up.unmask", format!("follow_up:{id}"), serde_json::json!({})).await?;
        tracing::info!(follow_up = %id, "name and number were shown in clear");
    }
    Ok(whole)
}

/// Whether somebody may know who a follow-up is about: managers always; an agent where it was handed to them, or where there is a complaint to work on.
pub async fn concerns(state: &WebState, who: &Who, id: FollowUpId) -> Result<(), Problem> {
    who.may_see_people()?;
    if who.may(UserRole::Manager) {
        return Ok(());
    }
    let concerned = state.ask(async {
        let Some(user) = who.user() else { return Ok(false) };
        let mut conn = state.pool().acquire().await?;
        follow_ups::concerns(&mut conn, id, user).await
    });
    match concerned.await? {
        true => Ok(()),
        false => Err(Problem::forbidden("This call was not handed to you, and there is no complaint about it.")),
    }
}

/// One follow-up: attempts, answers, timeline, complaint, recordings.
#[utoipa::path(get, path = "/api/v1/follow-ups/{id}", tag = "status", security(("token" = [])),
    params(("id" = Uuid, Path, description = "Id of the follow-up"),
           ("unmasked" = Option<bool>, Query, description = "true: name, number and plate in clear; is logged")),
    responses((status = 200, description = "The follow-up", body = FollowUpView),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role, or in clear and no concern of yours", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such follow-up", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn follow_up(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<FollowUpView>, Problem> {
    let unmasked = Params::read(&uri, &["unmasked"])?.flag("unmasked")?;
    let whole = read_for(&state, &who, &id, unmasked).await?;
    Ok(Json(view(whole, unmasked)))
}

fn view(whole: Whole, unmasked: bool) -> FollowUpView {
    let Whole { story, subject, steps, call_backs } = whole;
    let follow_up = story.follow_up;
    let steps =
        steps.into_iter().map(|status::Step { kind, done_at, person, note }| StepView { kind, done_at, person, note });
    let complaint = story.complaint.map(|complaint| ComplaintView {
        id: complaint.id,
        attempt_id: complaint.attempt_id,
        reason: complaint.reason,
        question: complaint.question,
        state: complaint.state,
        opened_at: complaint.opened_at,
        contact_due_at: complaint.contact_due_at,
        steps: steps.collect(),
    });
    FollowUpView {
        id: follow_up.id,
        survey: follow_up.survey_key,
        survey_version: follow_up.survey_version,
        state: follow_up.state,
        state_reason: follow_up.state_reason,
        due_at: follow_up.due_at,
        next_attempt_at: follow_up.state.is_queued().then_some(follow_up.next_attempt_at),
        deadline: follow_up.deadline,
        attempts_made: follow_up.attempts_made,
        final_disposition: follow_up.final_disposition,
        final_aapor: follow_up.final_aapor,
        closed_at: follow_up.closed_at,
        subject: SubjectView {
            name: views::name(&subject.name, unmasked),
            number: views::number(&subject.number, unmasked),
            number_wrong: subject.number_wrong,
            language: subject.language,
            time_zone: subject.time_zone,
            plate: subject.plate.map(|plate| views::plate(&plate, unmasked)),
            model: subject.model,
            event: subject.event,
            event_on: subject.event_on,
            advisor: subject.advisor,
        },
        attempts: story.attempts.into_iter().map(|attempt| attempt_view(attempt, unmasked)).collect(),
        complaint,
        call_backs: call_backs
            .into_iter()
            .map(|status::Booked { attempt, call_at, booked_at }| CallBackView {
                attempt_id: attempt,
                call_at,
                booked_at,
            })
            .collect(),
    }
}

fn attempt_view(story: AttemptStory, unmasked: bool) -> AttemptView {
    let AttemptStory { attempt, answers, recordings, quality, timeline } = story;
    AttemptView {
        id: attempt.id,
        ordinal: attempt.ordinal,
        number: views::number(&attempt.number, unmasked),
        trunk: attempt.trunk,
        began_at: attempt.began_at,
        invite_sent_at: attempt.invite_sent_at,
        answered_at: attempt.answered_at,
        ended_at: attempt.ended_at,
        sip_status: attempt.sip_status,
        survey_outcome: attempt.survey_outcome,
        disposition: attempt.disposition,
        aapor: attempt.aapor,
        blame: attempt.blame,
        retry_allowed: attempt.retry_allowed,
        detail: attempt.detail,
        reconciled: attempt.reconciled,
        answers: answers
            .into_iter()
            .map(|answer| AnswerView {
                question: answer.question,
                keys: answer.keys,
                value: answer.value,
                score: answer.score,
                unhappy: answer.unhappy,
                given_at: answer.given_at,
            })
            .collect(),
        recordings: recordings
            .into_iter()
            .map(|recording| RecordingView {
                id: recording.id,
                kind: recording.kind,
                path: recording.path,
                duration_ms: recording.duration_ms,
                recorded_at: recording.recorded_at,
                keep_until: recording.keep_until,
                purged_at: recording.purged_at,
            })
            .collect(),
        media: quality.map(MediaView::from),
        timeline: timeline
            .into_iter()
            .map(|event| EventView { offset_ms: event.offset_ms, kind: event.kind, detail: event.detail })
            .collect(),
    }
}
