//! The section "today's run": how far it is, and what it came to.

use crate::rates::Group;
use crate::web::lang::Lang;
use crate::web::live::Board;
use crate::web::pages::view::{self, Piece};
use crate::web::terms;
use std::borrow::Cow;

pub(super) struct RunView {
    pub owed: u64,
    pub closed: u64,
    pub open: u64,
    pub bar: Vec<Piece>,
    pub outcomes: Vec<OutcomeRow>,
    pub attempts: u64,
    pub unclassified: u64,
}

pub(super) struct OutcomeRow {
    pub tone: &'static str,
    pub name: Cow<'static, str>,
    pub count: u64,
}

pub(super) fn run(board: &Board, lang: Lang) -> RunView {
    let tally = board.run_tally();
    let mut parts: Vec<(&'static str, u64)> = Vec::new();
    for group in Group::ALL {
        let (tone, count) = (terms::tone(Some(group)), tally.count(group));
        match parts.iter_mut().find(|(known, _)| *known == tone) {
            Some((_, sum)) => *sum += count,
            None => parts.push((tone, count)),
        }
    }
    // what is still open stays at the end of the bar
    parts.insert(parts.len() - 1, (terms::tone(None), tally.unclassified()));
    let mut rows: Vec<(usize, OutcomeRow)> = Vec::new();
    for row in &board.run {
        let Some(disposition) = &row.disposition else { continue };
        let tone = terms::tone(row.aapor.as_deref().and_then(Group::of_code));
        let place = parts.iter().position(|(known, _)| *known == tone).unwrap_or(parts.len());
        let count = u64::try_from(row.count).unwrap_or(0);
        rows.push((place, OutcomeRow { tone, name: terms::disposition(disposition, lang), count }));
    }
    rows.sort_by(|(a, one), (b, other)| a.cmp(b).then(other.count.cmp(&one.count)));
    RunView {
        owed: tally.total(),
        closed: tally.closed(),
        open: tally.count(Group::Open),
        bar: view::bar(&parts),
        outcomes: rows.into_iter().map(|(_, row)| row).collect(),
        attempts: board.attempts.iter().map(|row| u64::try_from(row.count).unwrap_or(0)).sum(),
        unclassified: tally.unclassified(),
    }
}
