//! What the demo came to: counted from the stored stories, shown as a bar while it runs, as a table and as one JSON object at the end.

use super::agents::HandOvers;
use crate::db::figures;
use crate::db::state::RecordingKind;
use crate::db::story::FollowUpStory;
use crate::phone::E164;
use crate::sim::check::Mismatch;
use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use sqlx::PgPool;
use std::io::IsTerminal;
use std::time::Duration;

/// The JSON object of `--json`; counts of follow-ups by the disposition of their last attempt.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Follow-ups on the list.
    pub customers: usize,
    /// INVITEs that left.
    pub attempts: usize,
    /// Every required question answered.
    pub complete: usize,
    /// Some answered.
    pub partial: usize,
    /// Refused.
    pub refusal: usize,
    /// Call-backs booked.
    pub callback: usize,
    /// Somebody else's number.
    pub wrong_number: usize,
    /// Rang and rang.
    pub no_answer: usize,
    /// Busy.
    pub busy: usize,
    /// No such number.
    pub invalid_number: usize,
    /// Picked up, no key.
    pub no_input: usize,
    /// Anything else.
    pub other: usize,
    /// Complaints opened.
    pub complaints: usize,
    /// Answers stored.
    pub answers: usize,
    /// Recordings stored of what was said.
    pub recordings: usize,
    /// Whole calls on record.
    pub calls_on_record: usize,
    /// Hand-overs to live agents.
    pub hand_overs: HandOvers,
    /// Differences between what was keyed and what is stored.
    pub mismatches: usize,
    /// From the first lease to the last hang-up.
    pub seconds: f64,
}

impl Summary {
    /// Counts.
    pub fn new(
        stories: &[(E164, FollowUpStory)],
        hand_overs: HandOvers,
        mismatches: &[Mismatch],
        seconds: f64,
    ) -> Summary {
        let mut summary = Summary {
            customers: stories.len(),
            hand_overs,
            mismatches: mismatches.len(),
            seconds: (seconds * 10.0).round() / 10.0,
            ..Summary::default()
        };
        for (_, story) in stories {
            summary.attempts += story.attempts.iter().filter(|a| a.attempt.invite_sent_at.is_some()).count();
            summary.complaints += usize::from(story.complaint.is_some());
            summary.answers += story.attempts.iter().map(|a| a.answers.len()).sum::<usize>();
            let kinds = story.attempts.iter().flat_map(|a| &a.recordings).map(|recording| recording.kind);
            let calls = kinds.clone().filter(|kind| *kind == RecordingKind::Call).count();
            summary.calls_on_record += calls;
            summary.recordings += kinds.count() - calls;
            let last = story.attempts.last().and_then(|a| a.attempt.disposition.as_deref());
            *summary.count_of(last.unwrap_or_default()) += 1;
        }
        summary
    }

    fn count_of(&mut self, disposition: &str) -> &mut usize {
        match disposition {
            "complete" => &mut self.complete,
            "partial" => &mut self.partial,
            "refusal" => &mut self.refusal,
            "call_back" => &mut self.callback,
            "wrong_number" => &mut self.wrong_number,
            "no_answer" => &mut self.no_answer,
            "busy" => &mut self.busy,
            "invalid_number" => &mut self.invalid_number,
            "no_input" => &mut self.no_input,
            _ => &mut self.other,
        }
    }

    /// The object as one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The table for people, with every difference named; beside the JSON object it goes to standard error.
    pub fn table(&self, mismatches: &[Mismatch]) -> String {
        let rows = [
            ("complete", self.complete),
            ("partial", self.partial),
            ("refusal", self.refusal),
            ("call-back booked", self.callback),
            ("wrong number", self.wrong_number),
            ("no answer", self.no_answer),
            ("busy", self.busy),
            ("invalid number", self.invalid_number),
            ("no key pressed", self.no_input),
            ("other", self.other),
        ];
        let mut lines =
            vec![format!("{} customers, {} attempts, {:.1} s", self.customers, self.attempts, self.seconds)];
        let outcomes = rows.iter().filter(|(name, count)| *count > 0 || *name != "other");
        let kept = [
            ("answers", self.answers),
            ("complaints", self.complaints),
            ("recordings", self.recordings),
            ("calls on record", self.calls_on_record),
        ];
        lines.extend(outcomes.chain(&kept).map(|(name, count)| format!("  {name:<18}{count:>5}")));
        if self.hand_overs.agents > 0 {
            let HandOvers { agents, offered, wanted, talked, declined, nobody_free, other } = self.hand_overs;
            lines.push(format!(
                "Live agents: {agents} on duty; {offered} callers were offered one, {wanted} wanted one, {talked} talked, {declined} declined, \
                 {nobody_free} times nobody was free, {other} other"
            ));
        }
        lines.push(match self.customers {
            0 => "Completion: nothing to count".into(),
            n => format!("Completion: {} of {n} ({:.0} %)", self.complete, 100.0 * self.complete as f64 / n as f64),
        });
        match mismatches {
            [] => lines.push("Self-check: every stored answer is what was keyed.".into()),
            found => {
                lines.push(format!("Self-check: {} differences", found.len()));
                lines.extend(found.iter().map(|Mismatch(text)| format!("  {text}")));
            }
        }
        lines.join("\n")
    }
}

/// Shows how far the run is until it is aborted: a bar on a terminal, else a line now and then.
pub async fn show_progress(pool: PgPool, customers: u64, since: DateTime<Utc>) {
    let terminal = std::io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new(customers) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} [{bar:30}] {pos}/{len}\n{wide_msg}") {
        bar.set_style(style.progress_chars("█▉ "));
    }
    let mut period = tokio::time::interval(Duration::from_millis(if terminal { 250 } else { 10_000 }));
    loop {
        period.tick().await;
        if let Some((ended, text)) = outcomes(&pool, since).await {
            bar.set_position(ended);
            bar.set_message(text.clone());
            if !terminal {
                eprintln!("{ended}/{customers}  {text}");
            }
        }
    }
}

/// Attempts that ended, and all of them by outcome.
async fn outcomes(pool: &PgPool, since: DateTime<Utc>) -> Option<(u64, String)> {
    let mut conn = pool.acquire().await.ok()?;
    let counts = figures::attempts(&mut conn, since, Utc::now() + chrono::TimeDelta::hours(1)).await.ok()?;
    let ended = counts.iter().filter(|count| count.disposition.is_some()).map(|count| count.count).sum::<i64>();
    let words = counts.iter().map(|count| match &count.disposition {
        Some(disposition) => format!("{} {}", disposition.replace('_', " "), count.count),
        None => format!("on the line {}", count.count),
    });
    Some((ended.try_into().unwrap_or_default(), words.collect::<Vec<_>>().join(" · ")))
}
