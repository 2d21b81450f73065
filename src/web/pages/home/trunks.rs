//! The section of the trunks: whether each gets calls, and how many it carries now.

use crate::db::state::TrunkState;
use crate::db::trunk_states::Seen;
use crate::web::lang::Lang;
use crate::web::live::Board;
use crate::web::pages::view;
use crate::web::terms;
use chrono_tz::Tz;
use std::borrow::Cow;

pub(super) struct TrunksView {
    pub rows: Vec<TrunkRow>,
    pub down: usize,
}

pub(super) struct TrunkRow {
    pub trunk: String,
    /// Named where more than one engine tells of trunks.
    pub node: Option<String>,
    pub state: Cow<'static, str>,
    pub up: bool,
    pub down: bool,
    pub why: Option<String>,
    pub since: String,
    pub calls: usize,
}

pub(super) fn trunks(board: &Board, lang: Lang, zone: Tz) -> TrunksView {
    let several = board.trunks.iter().any(|seen| board.trunks.iter().any(|other| other.node != seen.node));
    let row = |seen: &Seen| TrunkRow {
        trunk: seen.trunk.clone(),
        node: several.then(|| seen.node.clone()),
        state: terms::state(seen.state.as_str(), lang),
        up: seen.state == TrunkState::Up,
        down: seen.state == TrunkState::Down,
        why: seen.why.clone(),
        since: view::moment(seen.since, board.at, zone),
        calls: board.calls.iter().filter(|call| call.trunk == seen.trunk).count(),
    };
    let rows: Vec<TrunkRow> = board.trunks.iter().map(row).collect();
    TrunksView { down: rows.iter().filter(|row| row.down).count(), rows }
}
