//! The section of open complaints.

use crate::db::state::UserRole;
use crate::web::lang::Lang;
use crate::web::live::Board;
use crate::web::pages::view;
use crate::web::people;
use crate::web::terms;
use crate::web::who::Who;
use chrono_tz::Tz;
use std::borrow::Cow;

pub(super) struct ComplaintsView {
    pub open: i64,
    pub overdue: i64,
    pub rows: Vec<ComplaintRow>,
    /// The complaint desk is open to who looks.
    pub desk: bool,
}

pub(super) struct ComplaintRow {
    pub follow_up: String,
    pub name: String,
    pub model: Option<String>,
    pub reason: Cow<'static, str>,
    pub question: Option<Cow<'static, str>>,
    pub opened: String,
    pub contact_by: String,
    pub overdue: bool,
}

pub(super) fn complaints(board: &Board, who: &Who, lang: Lang, zone: Tz) -> ComplaintsView {
    let row = |complaint: &crate::db::status::RecentComplaint| ComplaintRow {
        follow_up: complaint.follow_up.to_string(),
        name: people::masked_name(&complaint.name),
        model: complaint.model.clone(),
        reason: terms::reason(complaint.reason.as_str(), lang),
        question: complaint.question.as_ref().map(|question| terms::question(&complaint.survey, question, lang)),
        opened: view::moment(complaint.opened_at, board.at, zone),
        contact_by: view::moment(complaint.due_at, board.at, zone),
        overdue: complaint.is_overdue(board.at),
    };
    ComplaintsView {
        open: board.complaint_counts.0,
        overdue: board.complaint_counts.1,
        rows: board.complaints.iter().map(row).collect(),
        desk: who.may(UserRole::Agent),
    }
}
