//! The tables of an export: complaints as a list, and what was done with them. Masked unless a manager asks otherwise; each export is kept in the audit log.

use crate::complaint::{Class, RootCause, StepKind};
use crate::db::StoreError;
use crate::db::complaint_desk::{self, Complaint, Filter, Step};
use crate::db::state::UserRole;
use crate::ids::ComplaintId;
use crate::report::sheet::{Cell, Sheet, titled};
use crate::web::api::views;
use crate::web::lang::Lang;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use axum::http::StatusCode;
use std::collections::HashMap;

/// Complaints that an export holds at most; who wants more asks for a shorter time.
const MOST_EXPORTED: i64 = 20_000;

/// The tables of an export: complaints, and what was done with them.
pub async fn tables(
    state: &WebState,
    who: &Who,
    filter: &Filter,
    lang: Lang,
    unmasked: bool,
) -> Result<[Sheet; 2], Problem> {
    if unmasked && !who.may(UserRole::Manager) {
        return Err(Problem::forbidden("Only a manager may export names and numbers in clear."));
    }
    if unmasked {
        who.may_see_people()?;
    }
    let now = state.clock().now();
    let (found, steps) = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            let found = complaint_desk::list(&mut conn, filter, now, MOST_EXPORTED + 1, 0).await?;
            let ids: Vec<ComplaintId> = found.iter().map(|complaint| complaint.id).collect();
            let steps = complaint_desk::steps(&mut conn, &ids).await?;
            Ok((found, steps))
        })
        .await?;
    if found.len() as i64 > MOST_EXPORTED {
        let detail =
            format!("These are more than {MOST_EXPORTED} complaints: ask for a shorter time with from and to.");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let detail = serde_json::json!({ "complaints": found.len(), "unmasked": unmasked });
    state.audit(who, "complaint.export", "complaints", detail).await?;
    let table = Table { lang, unmasked, now };
    Ok([table.complaints(&found), table.history(&found, &steps)])
}

struct Table {
    lang: Lang,
    unmasked: bool,
    now: chrono::DateTime<chrono::Utc>,
}

impl Table {
    fn complaints(&self, found: &[Complaint]) -> Sheet {
        let pick = |zh, en| self.lang.pick(zh, en);
        let columns = vec![
            (pick("编号", "Id"), 38.0),
            (pick("状态", "State"), 9.0),
            (pick("逾期", "Overdue"), 9.0),
            (pick("提出时间", "Opened"), 17.0),
            (pick("客户", "Customer"), 14.0),
            (pick("号码", "Number"), 17.0),
            (pick("车牌", "Plate"), 12.0),
            (pick("车型", "Model"), 14.0),
            (pick("事由", "Event"), 12.0),
            (pick("日期", "Date"), 12.0),
            (pick("顾问", "Advisor"), 12.0),
            (pick("起因", "Reason"), 22.0),
            (pick("对应问题", "At question"), 24.0),
            (pick("性质", "Nature"), 24.0),
            (pick("原因", "Cause"), 18.0),
            (pick("级别", "Level"), 11.0),
            (pick("根本原因", "Root cause"), 26.0),
            (pick("步骤", "Step"), 26.0),
            (pick("负责人", "Responsible"), 14.0),
            (pick("责任部门", "Department"), 16.0),
            (pick("移交中", "Passed on to"), 16.0),
            (pick("期限", "Due"), 17.0),
            (pick("首次联系", "First contact"), 17.0),
            (pick("冷静期至", "Cooling-off until"), 17.0),
            (pick("上报给", "Escalated to"), 14.0),
            (pick("预约回电", "Call-back"), 17.0),
            (pick("结案时间", "Closed"), 17.0),
        ];
        let rows = found.iter().map(|complaint| self.row(complaint)).collect();
        Sheet { name: pick("投诉", "Complaints").to_owned(), columns: titled(columns), rows }
    }

    fn row(&self, complaint: &Complaint) -> Vec<Cell> {
        let (lang, case) = (self.lang, &complaint.case);
        let Class { nature, cause, level, root_cause } = case.class;
        let text = |text: &str| Cell::Text(text.to_owned());
        let class = |word: &str| Cell::Text(terms::class(word, lang).into_owned());
        let step = StepKind::of_number(case.stage).map(|kind| terms::act(kind.as_str(), lang));
        let question = complaint.question.as_ref().map(|word| terms::question(&complaint.survey, word, lang));
        vec![
            Cell::Text(complaint.id.to_string()),
            Cell::Text(terms::state(if case.closed { "closed" } else { "open" }, lang).into_owned()),
            if case.is_overdue(self.now) { text(lang.words().overdue) } else { Cell::Empty },
            Cell::Moment(complaint.opened_at),
            Cell::Text(views::name(&complaint.name, self.unmasked)),
            Cell::Text(views::number(&complaint.number, self.unmasked)),
            Cell::text(complaint.plate.as_ref().map(|plate| views::plate(plate, self.unmasked))),
            Cell::text(complaint.model.clone()),
            Cell::Text(terms::reason(complaint.event.as_str(), lang).into_owned()),
            Cell::Day(complaint.event_on),
            Cell::text(complaint.advisor.clone()),
            Cell::Text(terms::reason(complaint.reason.as_str(), lang).into_owned()),
            Cell::text(question),
            nature.map_or(Cell::Empty, |word| class(word.as_str())),
            cause.map_or(Cell::Empty, |word| class(word.as_str())),
            class(level.as_str()),
            root_cause.map_or(Cell::Empty, |word: RootCause| class(word.as_str())),
            Cell::text(step.map(|step| format!("{} {step}", case.stage))),
            Cell::text(case.owner.clone()),
            Cell::text(case.department.clone()),
            Cell::text(case.passed.as_ref().map(|passed| passed.department.clone())),
            Cell::Moment(case.due_at),
            Cell::moment(case.contacted_at),
            Cell::moment(case.cooling_off_until),
            Cell::text(case.escalated_to.clone()),
            Cell::moment(case.call_back_at),
            Cell::moment(complaint.closed_at),
        ]
    }

    fn history(&self, found: &[Complaint], steps: &[Step]) -> Sheet {
        let pick = |zh, en| self.lang.pick(zh, en);
        let columns = vec![
            (pick("投诉编号", "Complaint"), 38.0),
            (pick("客户", "Customer"), 14.0),
            (pick("时间", "Time"), 17.0),
            (pick("处理", "Done"), 28.0),
            (pick("处理人", "Person"), 14.0),
            (pick("记录", "Note"), 60.0),
        ];
        let names: HashMap<ComplaintId, String> =
            found.iter().map(|complaint| (complaint.id, views::name(&complaint.name, self.unmasked))).collect();
        let row = |step: &Step| {
            vec![
                Cell::Text(step.complaint.to_string()),
                Cell::text(names.get(&step.complaint).cloned()),
                Cell::Moment(step.done_at),
                Cell::Text(terms::act(step.kind.as_str(), self.lang).into_owned()),
                Cell::Text(step.person.clone().unwrap_or_else(|| self.lang.words().engine.to_owned())),
                Cell::Text(step.note.clone()),
            ]
        };
        Sheet {
            name: pick("处理记录", "History").to_owned(),
            columns: titled(columns),
            rows: steps.iter().map(row).collect(),
        }
    }
}
