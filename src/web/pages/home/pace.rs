//! The section of the pace: how fast the queue is dialled, and until when today's work lasts.

use crate::dialer::outlook::{DRAINED, PAUSED};
use crate::web::lang::Lang;
use crate::web::live::Board;
use crate::web::pages::view;
use crate::web::words::now;
use chrono_tz::Tz;

pub(super) struct PaceView {
    pub dialled: i64,
    pub per_hour: Option<String>,
    pub due: i64,
    pub done_at: Option<String>,
    pub closes_at: Option<String>,
    /// What is to be known of the estimate.
    pub note: Option<&'static str>,
    pub late: bool,
}

/// None: this server does not know the dialler's rules.
pub(super) fn pace(board: &Board, lang: Lang, zone: Tz) -> Option<PaceView> {
    let (pace, words) = (board.pace.as_ref()?, now::of(lang));
    let tonight = &pace.tonight;
    let moment = |at| view::moment(at, board.at, zone);
    let done_at = tonight.done_at.filter(|_| tonight.due > 0);
    let late = done_at.zip(tonight.closes_at).is_some_and(|(done, closes)| done > closes);
    // what is paused or drained is not counted as due
    let held = board.held.iter().any(|held| [PAUSED, DRAINED].contains(&held.waits_for.as_str()));
    let note = match (tonight.due, done_at) {
        (0, _) if held => Some(words.all_held),
        (0, _) => Some(words.nothing_due),
        (_, None) => Some(words.cannot_dial),
        _ if late => Some(words.not_all),
        _ if tonight.closes_at.is_none() => Some(words.next_window),
        _ => None,
    };
    Some(PaceView {
        dialled: pace.dialled,
        per_hour: pace.per_hour.map(|calls| format!("{calls:.0}")),
        due: tonight.due,
        done_at: done_at.map(moment),
        closes_at: tonight.closes_at.map(moment),
        note,
        late: late || (tonight.due > 0 && done_at.is_none()),
    })
}
