//! What needs a person, for the page: what it is called, how many there are, what mends it, and where that is done, as far as who looks may go there.

use crate::dialer::summary::{Need, NeedKind, Row};
use crate::web::lang::Lang;
use crate::web::pages::view;
use crate::web::people;
use crate::web::roles;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::summary as words_of;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::borrow::Cow;

pub(super) struct NeedCard {
    pub title: &'static str,
    pub mend: &'static str,
    pub count: u64,
    pub looked_at: Option<u64>,
    pub link: Option<String>,
    pub rows: Vec<NeedRow>,
    /// How many are not named.
    pub more: u64,
}

pub(super) struct NeedRow {
    pub link: Option<String>,
    pub name: String,
    pub why: Option<Cow<'static, str>>,
    pub at: Option<String>,
}

/// Who looks, and what the rows are shown with.
pub(super) struct Look<'a> {
    pub who: &'a Who,
    pub surveys: &'a [(String, String)],
    pub now: DateTime<Utc>,
    pub zone: Tz,
    pub lang: Lang,
}

pub(super) fn card(need: &Need, look: &Look<'_>) -> NeedCard {
    let (title, mend) = words_of::need(need.kind, look.lang);
    let rows: Vec<NeedRow> = need.rows.iter().map(|row| of(need.kind, row, look)).collect();
    // those of dialling count customers, their rows are what holds them
    let more = match need.kind {
        NeedKind::DiallingHeld => 0,
        _ if rows.is_empty() => 0,
        _ => need.count.saturating_sub(rows.len() as u64),
    };
    let link = place(need.kind, look.who, look.lang);
    NeedCard { title, mend, count: need.count, looked_at: need.looked_at, link, rows, more }
}

/// The page on which all of a kind are mended, where there is one that who looks may see.
fn place(kind: NeedKind, who: &Who, lang: Lang) -> Option<String> {
    let (page, query) = match kind {
        NeedKind::ComplaintOverdue => ("/complaints", "standing=overdue&"),
        NeedKind::TrunkDown | NeedKind::TrunkFallen => ("/trunks", ""),
        NeedKind::DiallingHeld => ("/", ""),
        NeedKind::CallBackLost
        | NeedKind::WillMiss
        | NeedKind::Review
        | NeedKind::CallStuck
        | NeedKind::MessagesFailed
        | NeedKind::RecordingsKept
        | NeedKind::ErasureOpen => return None,
    };
    roles::admits(page, who.role()).then(|| format!("{page}?{query}lang={}", lang.code()))
}

fn of(kind: NeedKind, row: &Row, look: &Look<'_>) -> NeedRow {
    let (who, lang) = (look.who, look.lang);
    let w = words_of::of(lang);
    let code = lang.code();
    let complaint = row.complaint.filter(|_| roles::admits("/complaints/{id}", who.role()));
    let link = match (complaint, row.follow_up) {
        (Some(complaint), _) => Some(format!("/complaints/{complaint}?lang={code}")),
        (None, Some(follow_up)) => Some(format!("/follow-ups/{follow_up}?lang={code}")),
        (None, None) => None,
    };
    let before = match kind {
        NeedKind::ComplaintOverdue => w.opened,
        NeedKind::CallBackLost => w.booked_for,
        NeedKind::WillMiss | NeedKind::Review => w.deadline,
        NeedKind::TrunkDown
        | NeedKind::TrunkFallen
        | NeedKind::DiallingHeld
        | NeedKind::CallStuck
        | NeedKind::MessagesFailed
        | NeedKind::RecordingsKept
        | NeedKind::ErasureOpen => w.since,
    };
    let survey = |key: &String| look.surveys.iter().find(|(known, _)| known == key).map(|(_, name)| name.clone());
    let named = [row.name.as_ref().map(people::masked_name), row.number.clone()].into_iter().flatten().next();
    let what = row.what.as_ref().map(|what| survey(what).unwrap_or_else(|| what.clone()));
    let name = match (named, what, row.follow_up) {
        (Some(name), ..) => name,
        (None, Some(what), _) => what,
        (None, None, Some(_)) => lang.words().follow_up.to_owned(),
        (None, None, None) => w.all_surveys.to_owned(),
    };
    NeedRow {
        link,
        name,
        why: row.why.as_deref().map(|why| said(kind, why, lang)),
        at: row.at.map(|at| format!("{before} {}", view::moment(at, look.now, look.zone))),
    }
}

/// A word of the store or a sentence of the dialler, in the page's language.
fn said(kind: NeedKind, why: &str, lang: Lang) -> Cow<'static, str> {
    match kind {
        NeedKind::ComplaintOverdue => terms::reason(why, lang),
        _ if why.contains(' ') => terms::wait(why, lang),
        _ => terms::state(why, lang),
    }
}
