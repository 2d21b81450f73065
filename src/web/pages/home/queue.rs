//! The section of the queue: how many stand where, who is next, and what is waited for.

use crate::db::controls;
use crate::db::state::{CampaignState, FollowUpState};
use crate::dialer::outlook::Held;
use crate::web::lang::Lang;
use crate::web::live::Board;
use crate::web::pages::view;
use crate::web::terms;
use chrono_tz::Tz;
use std::borrow::Cow;

pub(super) struct QueueView {
    pub rows: Vec<QueueRow>,
    pub next_due: Option<String>,
    pub waits_for: Option<Cow<'static, str>>,
    pub held: Vec<HeldRow>,
    pub causes: Vec<CauseRow>,
}

/// What some of the queue wait for.
pub(super) struct CauseRow {
    pub why: Cow<'static, str>,
    pub count: i64,
    pub from: Option<String>,
    pub width: i64,
}

pub(super) struct HeldRow {
    pub campaign: Option<String>,
    pub words: &'static str,
    pub since: String,
}

pub(super) struct QueueRow {
    pub name: Cow<'static, str>,
    pub count: i64,
    pub due: i64,
    pub alarm: bool,
}

pub(super) fn queue(board: &Board, lang: Lang, zone: Tz) -> QueueView {
    let open = board.depth.iter().filter(|depth| match depth.state {
        FollowUpState::Waiting
        | FollowUpState::Retry
        | FollowUpState::CallBack
        | FollowUpState::InCall
        | FollowUpState::NeedsReview => depth.count > 0,
        FollowUpState::Done | FollowUpState::Expired => false,
    });
    let mut rows: Vec<(FollowUpState, QueueRow)> = open
        .map(|depth| {
            let name = terms::state(depth.state.as_str(), lang);
            let alarm = depth.state == FollowUpState::NeedsReview;
            (depth.state, QueueRow { name, count: depth.count, due: depth.due, alarm })
        })
        .collect();
    rows.sort_by_key(|(state, _)| *state);
    let words = lang.words();
    let moment = |at| if at <= board.at { words.due_now.to_owned() } else { view::moment(at, board.at, zone) };
    let next_due = match &board.next {
        Some(next) => Some(next.dialled_from.map_or_else(|| words.not_by_itself.to_owned(), moment)),
        None => board.next_due.map(moment),
    };
    let held = board.campaigns.iter().filter_map(|campaign| {
        let words = match campaign.state {
            CampaignState::Running => return None,
            CampaignState::Paused => words.dialling_paused,
            CampaignState::Draining => words.dialling_drained,
        };
        let key = (campaign.key != controls::ALL).then(|| campaign.key.clone());
        Some(HeldRow { campaign: key, words, since: view::moment(campaign.changed_at, board.at, zone) })
    });
    let most = board.held.iter().map(|held| held.count).max().unwrap_or(1).max(1);
    let cause = |held: &Held| CauseRow {
        why: terms::wait(&held.waits_for, lang),
        count: held.count,
        from: held.from.filter(|from| *from > board.at).map(|from| view::moment(from, board.at, zone)),
        width: held.count * 1000 / most,
    };
    QueueView {
        causes: board.held.iter().map(cause).collect(),
        next_due,
        waits_for: board.next.as_ref().map(|next| terms::wait(&next.waits_for, lang)),
        held: held.collect(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}
