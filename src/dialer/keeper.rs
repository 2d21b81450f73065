//! What an attempt reports, on its way to the journal: answers, complaints and recordings at once, the timeline in small lots beside them.
//!
//! Decides nothing. One keeper an attempt, in the order in which things happened; it ends when the call's side of the channel is dropped.

use super::tally::Stages;
use super::tracer::Tracer;
use crate::call::driver::Report;
use crate::call::handover;
use crate::call::machine::Keep;
use crate::call::timeline::{Moment, TimelineEvent};
use crate::clock::Clock;
use crate::db::answers::{NewAnswer, NewRecording};
use crate::db::call_backs::NewCallBack;
use crate::db::complaints::NewComplaint;
use crate::db::journal::{Fact, Journal};
use crate::db::leads::NewLead;
use crate::db::media_quality::MediaQuality;
use crate::db::queue::Leased;
use crate::db::state::{ComplaintReason, RecordingKind, TransferOutcome};
use crate::db::story::Event;
use crate::db::transfers::TransferMoment;
use crate::followup::calendar::first_contact_due;
use crate::ids::{AnswerId, AttemptId, CallBackId, ComplaintId, LeadId, RecordingId};
use crate::media::quality::Quality;
use crate::spans;
use crate::survey::flow::{self, Answer, ComplaintTrigger};
use crate::survey::scale::UnhappyReason;
use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

/// The timeline waits so long for more before it is written.
const LOT: Duration = Duration::from_secs(1);

/// Keeps the reports of one attempt.
pub struct Keeper {
    journal: Journal,
    clock: Clock,
    attempt: AttemptId,
    zone: Tz,
    waiting: Vec<Event>,
    seq: i32,
    kept: Kept,
    tracer: Option<Tracer>,
}

/// What of an attempt decides what comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The call-back that was booked.
    pub booked: Option<DateTime<Utc>>,
    /// A phone rang, or the trunk said so.
    pub rang: bool,
    /// The call was answered.
    pub answered: bool,
    /// What the conversation came to.
    pub outcome: Option<flow::Outcome>,
    /// When its stages were.
    pub stages: Stages,
}

impl Keeper {
    /// A keeper for `attempt` at `leased`.
    pub fn new(journal: Journal, clock: Clock, leased: &Leased, attempt: AttemptId, tracer: Option<Tracer>) -> Keeper {
        let (waiting, kept) = (Vec::new(), Kept::default());
        Keeper { journal, clock, attempt, zone: leased.zone, waiting, seq: 0, kept, tracer }
    }

    /// Keeps everything until the channel closes; gives what decides about the next step.
    pub async fn keep(mut self, mut inbox: mpsc::UnboundedReceiver<Report>) -> Kept {
        loop {
            let report = if self.waiting.is_empty() {
                inbox.recv().await
            } else {
                match tokio::time::timeout(LOT, inbox.recv()).await {
                    Ok(report) => report,
                    Err(_) => {
                        self.append(Vec::new());
                        continue;
                    }
                }
            };
            match report {
                Some(Report::Note(event)) => self.note(&event),
                Some(Report::Keep(keep)) => {
                    let facts = self.facts(keep);
                    self.append(facts);
                }
                Some(Report::Session(session, leg)) => {
                    if let Some(tracer) = &self.tracer {
                        tracer.session(session, self.attempt, leg);
                    }
                }
                None => break,
            }
        }
        self.append(Vec::new());
        self.kept
    }

    fn note(&mut self, event: &TimelineEvent) {
        self.kept.rang |= matches!(event.moment, Moment::Ringing { .. });
        let Stages { sent, rang, answered } = &mut self.kept.stages;
        let stage = match event.moment {
            Moment::InviteSent => Some(sent),
            Moment::Ringing { .. } => Some(rang),
            Moment::Answered { .. } => Some(answered),
            _ => None,
        };
        if let Some(stage) = stage {
            stage.get_or_insert(event.offset_ms);
        }
        tracing::trace!(target: spans::TARGET, moment = event.moment.kind(), offset_ms = event.offset_ms, "{}", event.moment.kind());
        self.waiting.push(Event {
            seq: self.seq,
            offset_ms: i64::try_from(event.offset_ms).unwrap_or(i64::MAX),
            kind: event.moment.kind().to_owned(),
            detail: event.moment.detail(),
        });
        self.seq += 1;
    }

    /// Appends `facts` as one record, then what waits of the timeline as another: a fault of the timeline's must never take an answer with it.
    fn append(&mut self, facts: Vec<Fact>) {
        let events = std::mem::take(&mut self.waiting);
        let timeline = (!events.is_empty()).then_some(Fact::Events { attempt: self.attempt, events });
        for record in [facts, timeline.into_iter().collect()] {
            if let Err(error) = self.journal.append(&record) {
                tracing::error!(attempt = %self.attempt, %error, "the journal cannot be written: results of this call are in danger");
            }
        }
    }

    fn facts(&mut self, keep: Keep) -> Vec<Fact> {
        let (attempt, at) = (self.attempt, self.clock.now());
        match keep {
            // Written before the INVITE left (`launch`).
            Keep::InviteSent => Vec::new(),
            Keep::Answered => {
                self.kept.answered = true;
                vec![Fact::AttemptAnswered { attempt, at }]
            }
            Keep::Answer(answer, complaint) => {
                let complaint = complaint.map(|trigger| Fact::Complaint(self.complaint(trigger, at)));
                [Fact::Answer(self.answer(answer, at))].into_iter().chain(complaint).collect()
            }
            Keep::Complaint(trigger) => vec![Fact::Complaint(self.complaint(trigger, at))],
            Keep::ComplaintNote(trigger) => vec![Fact::ComplaintNote(self.complaint(trigger, at))],
            Keep::Recording { kind, recording, duration_ms } => {
                vec![self.recording(recording_kind(kind), recording, duration_ms, at)]
            }
            Keep::CallOnRecord { recording, duration_ms } => {
                vec![self.recording(RecordingKind::Call, recording, duration_ms, at)]
            }
            Keep::CallBack(wish) => {
                let call_at = in_zone(wish.local, self.zone, at);
                self.kept.booked = Some(call_at);
                vec![Fact::CallBack(NewCallBack { id: CallBackId(Uuid::now_v7()), attempt, call_at, booked_at: at })]
            }
            Keep::WrongNumber => vec![Fact::WrongNumber { attempt, at }],
            Keep::DoNotCall => vec![Fact::DoNotCall { attempt, at }],
            Keep::Lead(lead) => self.lead(lead, at),
            Keep::Transfer(transfer, step) => vec![Fact::Transfer { transfer, moment: moment(step), at }],
            Keep::TransferEnded(transfer, end) => {
                vec![Fact::Transfer { transfer, moment: TransferMoment::Ended(transfer_outcome(end)), at }]
            }
            Keep::Outcome(outcome) => {
                self.kept.outcome = Some(outcome);
                vec![Fact::SurveyFinished { attempt, outcome: outcome_text(outcome).to_owned() }]
            }
            Keep::Quality(quality) => vec![Fact::MediaQuality { attempt, quality: stored_quality(&quality) }],
        }
    }

    fn answer(&self, answer: Answer, at: DateTime<Utc>) -> NewAnswer {
        let value = answer.value.stored().to_owned();
        NewAnswer {
            id: AnswerId(Uuid::now_v7()),
            attempt: self.attempt,
            question: answer.question,
            keys: answer.keys,
            value,
            score: answer.score,
            unhappy: answer.unhappy,
            given_at: at,
        }
    }

    fn recording(&self, kind: RecordingKind, file: flow::RecordingRef, duration_ms: u64, at: DateTime<Utc>) -> Fact {
        Fact::Recording(NewRecording {
            id: RecordingId(Uuid::now_v7()),
            attempt: self.attempt,
            kind,
            path: file.0,
            duration_ms: i32::try_from(duration_ms).unwrap_or(i32::MAX),
            recorded_at: at,
        })
    }

    /// A lead, with its recording where it was spoken.
    fn lead(&self, lead: flow::Lead, at: DateTime<Utc>) -> Vec<Fact> {
        let new = |keyed, recording| {
            Fact::Lead(NewLead { id: LeadId(Uuid::now_v7()), attempt: self.attempt, keyed, recording, given_at: at })
        };
        match lead {
            flow::Lead::Keyed(digits) => vec![new(Some(digits), None)],
            flow::Lead::Spoken { recording, duration_ms } => {
                let path = recording.0.clone();
                vec![self.recording(RecordingKind::Lead, recording, duration_ms, at), new(None, Some(path))]
            }
        }
    }

    fn complaint(&self, trigger: ComplaintTrigger, at: DateTime<Utc>) -> NewComplaint {
        NewComplaint {
            id: ComplaintId(Uuid::now_v7()),
            step: Uuid::now_v7(),
            attempt: self.attempt,
            reason: match trigger.reason {
                UnhappyReason::LowScore => ComplaintReason::LowScore,
                UnhappyReason::LowIntent => ComplaintReason::LowIntent,
                UnhappyReason::Noes => ComplaintReason::Noes,
                UnhappyReason::AskedForPerson => ComplaintReason::AskedForPerson,
            },
            question: trigger.question,
            opened_at: at,
            contact_due_at: first_contact_due(at, self.zone),
        }
    }
}

/// Counters that do not fit stand at the highest that does.
fn stored_quality(quality: &Quality) -> MediaQuality {
    let count = |packets: u32| i32::try_from(packets).unwrap_or(i32::MAX);
    let small = |value: u16| i16::try_from(value).unwrap_or(i16::MAX);
    MediaQuality {
        rx_packets: count(quality.rx_packets),
        rx_lost: count(quality.rx_lost),
        rx_late: count(quality.rx_late),
        rx_duplicates: count(quality.rx_duplicates),
        rx_silent: quality.silent,
        jitter_ms: quality.jitter_ms.map(i32::from),
        jitter_max_ms: quality.jitter_max_ms.map(i32::from),
        tx_packets: count(quality.tx_packets),
        tx_lost_permille: quality.tx_lost_permille.map(small),
        rtt_ms: quality.rtt_ms.map(i32::from),
        mos_hundredths: quality.mos_hundredths.map(small),
    }
}

fn moment(step: handover::Step) -> TransferMoment {
    match step {
        handover::Step::Offered => TransferMoment::Offered,
        handover::Step::Wanted => TransferMoment::Wanted,
        handover::Step::Ringing => TransferMoment::Ringing,
        handover::Step::Answered => TransferMoment::Answered,
        handover::Step::Accepted => TransferMoment::Accepted,
    }
}

fn transfer_outcome(end: handover::End) -> TransferOutcome {
    match end {
        handover::End::Accepted => TransferOutcome::Accepted,
        handover::End::Rejected => TransferOutcome::Rejected,
        handover::End::NoAnswer => TransferOutcome::NoAnswer,
        handover::End::CallerGaveUp => TransferOutcome::CustomerGaveUp,
        handover::End::AgentFailed => TransferOutcome::AgentFailed,
        handover::End::PbxRefused => TransferOutcome::PbxRefused,
        handover::End::Declined => TransferOutcome::Declined,
        handover::End::Interrupted => TransferOutcome::Interrupted,
    }
}

fn recording_kind(kind: flow::RecordingKind) -> RecordingKind {
    match kind {
        flow::RecordingKind::Suggestion => RecordingKind::Suggestion,
        flow::RecordingKind::Statement => RecordingKind::Statement,
        flow::RecordingKind::AdvisorNote => RecordingKind::AdvisorNote,
        flow::RecordingKind::Lead => RecordingKind::Lead,
    }
}

/// The word for an outcome in `attempts.survey_outcome`.
pub(super) fn outcome_text(outcome: flow::Outcome) -> &'static str {
    crate::call::machine::disposition_of(outcome).0.as_str()
}

/// A local time as an instant: the earlier one where clocks go back, an hour later where it does not exist.
pub fn in_zone(local: NaiveDateTime, zone: Tz, now: DateTime<Utc>) -> DateTime<Utc> {
    let exists = zone.from_local_datetime(&local).earliest();
    let later = || zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest();
    exists.or_else(later).map_or(now, |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wished_time_that_the_clock_change_skips_moves_an_hour() {
        let now = "2026-03-08T00:00:00Z".parse().unwrap();
        let local = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        let zone = chrono_tz::America::New_York;
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(in_zone(local("2026-03-08 02:30"), zone, now), at("2026-03-08T07:30:00Z"));
        assert_eq!(in_zone(local("2026-11-01 01:30"), zone, now), at("2026-11-01T05:30:00Z"));
        assert_eq!(in_zone(local("2026-07-01 10:00"), zone, now), at("2026-07-01T14:00:00Z"));
    }
}
