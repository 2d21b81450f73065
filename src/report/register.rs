//! The registers of the trade as tables: 电话回访登记表, a row for each follow-up of a survey with every answer in a column of its own, and 客户跟踪表, a row for each touch.
//! People are masked unless the caller may see them and asks for it; keeping that in the audit log is the caller's.

use super::items::{self, Items};
use super::period::Period;
use super::sheet::{Cell, Sheet, titled};
use crate::db::register::{self as rows, Entry, Given, Tracked};
use crate::db::{StoreError, surveys};
use crate::ids::FollowUpId;
use crate::phone::{E164, Pii};
use crate::web::lang::Lang;
use crate::web::terms;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::PgConnection;
use std::collections::{BTreeSet, HashMap};
use thiserror::Error;

/// Rows of a register at most; who wants more asks for a shorter time.
pub const MOST: i64 = 20_000;

/// What the tracking table is called where a survey's key would stand.
pub const TRACKING: &str = "tracking";

/// Why there is no register.
#[derive(Debug, Error)]
pub enum NoRegister {
    /// Neither a survey nor the tracking table.
    #[error("there is no such register; known are {0}")]
    Unknown(String),
    /// Too much for one file.
    #[error("these are more than {MOST} rows: ask for a shorter time")]
    TooMany,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which register.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Key of a survey, or [`TRACKING`].
    pub what: String,
    /// Of which days.
    pub period: Period,
    /// The dealer's zone.
    pub zone: Tz,
    /// In which language.
    pub lang: Lang,
    /// Names, numbers and plates in clear.
    pub unmasked: bool,
}

impl Wanted {
    /// `huifang-register-aftersales_3day-2026-11-01.xlsx`.
    pub fn file_name(&self, ending: &str) -> String {
        let last = if self.period.days() == 1 { String::new() } else { format!("-{}", self.period.last) };
        format!("huifang-register-{}-{}{last}.{ending}", self.what, self.period.first)
    }
}

/// The keys of all registers, the surveys' first.
pub async fn known(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let mut keys: Vec<String> = surveys::newest(conn).await?.into_iter().map(|(key, _)| key).collect();
    keys.push(TRACKING.to_owned());
    Ok(keys)
}

/// Reads and lays out one register.
pub async fn register(conn: &mut PgConnection, wanted: &Wanted) -> Result<Sheet, NoRegister> {
    let known = known(conn).await?;
    if !known.contains(&wanted.what) {
        return Err(NoRegister::Unknown(known.join(", ")));
    }
    let (from, to) = wanted.period.bounds(wanted.zone);
    if wanted.what == TRACKING {
        let touches = rows::touches(conn, from, to, MOST + 1).await?;
        return if touches.len() as i64 > MOST { Err(NoRegister::TooMany) } else { Ok(tracking(wanted, &touches)) };
    }
    let entries = rows::entries(conn, &wanted.what, from, to, MOST + 1).await?;
    if entries.len() as i64 > MOST {
        return Err(NoRegister::TooMany);
    }
    let ids: Vec<FollowUpId> = entries.iter().map(|entry| entry.id).collect();
    let answers = rows::answers(conn, &ids).await?;
    let questions = questions(&items::of_store(conn).await?, &wanted.what, &answers);
    Ok(calls(wanted, &entries, &questions, &answers))
}

/// The scored questions in the order in which they are asked, whether somebody answered or not; then what else was answered.
fn questions(items: &Items, survey: &str, answers: &[Given]) -> Vec<String> {
    let mut all: Vec<String> = items.of_survey(survey).map(|item| item.question.clone()).collect();
    let others: BTreeSet<&str> = answers.iter().map(|given| given.question.as_str()).collect();
    all.extend(others.into_iter().filter(|one| items.get(survey, one).is_none()).map(str::to_owned));
    all
}

fn calls(wanted: &Wanted, entries: &[Entry], questions: &[String], answers: &[Given]) -> Sheet {
    let pick = |zh, en| wanted.lang.pick(zh, en);
    let mut columns = titled(vec![
        (pick("编号", "Id"), 38.0),
        (pick("客户", "Customer"), 14.0),
        (pick("号码", "Number"), 17.0),
        (pick("车牌", "Plate"), 12.0),
        (pick("车型", "Model"), 14.0),
        (pick("事由", "Event"), 10.0),
        (pick("日期", "Date"), 12.0),
        (pick("顾问", "Advisor"), 12.0),
        (pick("状态", "State"), 14.0),
        (pick("结果", "Outcome"), 18.0),
        ("AAPOR", 8.0),
        (pick("拨打次数", "Attempts"), 9.0),
        (pick("首次拨打", "First dialled"), 17.0),
        (pick("最近接通", "Last answered"), 17.0),
    ]);
    columns.extend(
        questions.iter().map(|name| (terms::question(&wanted.what, name, wanted.lang).into_owned().into(), 20.0)),
    );
    columns.extend(titled(vec![
        (pick("录音", "Recordings"), 9.0),
        (pick("投诉", "Complaint"), 10.0),
        (pick("预约回电", "Call-back"), 17.0),
        (pick("接听专员", "Agent"), 14.0),
        (pick("结束时间", "Ended"), 17.0),
    ]));
    let by_question: HashMap<(FollowUpId, &str), &Given> =
        answers.iter().map(|given| ((given.follow_up, given.question.as_str()), given)).collect();
    let row = |entry: &Entry| {
        let mut row = head(wanted, entry);
        row.extend(
            questions.iter().map(|name| answer(by_question.get(&(entry.id, name.as_str())).copied(), wanted.lang)),
        );
        row.extend(tail(wanted, entry));
        row
    };
    Sheet {
        name: pick("电话回访登记表", "Call register").to_owned(), columns, rows: entries.iter().map(row).collect()
    }
}

fn head(wanted: &Wanted, entry: &Entry) -> Vec<Cell> {
    let lang = wanted.lang;
    vec![
        Cell::Text(entry.id.to_string()),
        shown(&entry.name, wanted.unmasked),
        number(&entry.number, wanted.unmasked),
        shown(&entry.plate, wanted.unmasked),
        words(&entry.model),
        Cell::Text(terms::reason(entry.event.as_str(), lang).into_owned()),
        Cell::Day(entry.event_on),
        Cell::text(entry.advisor.clone()),
        Cell::Text(terms::state(entry.state.as_str(), lang).into_owned()),
        Cell::text(entry.disposition.as_deref().map(|word| terms::disposition(word, lang).into_owned())),
        Cell::text(entry.aapor.clone()),
        Cell::Count(entry.attempts.unsigned_abs().into()),
        Cell::moment(entry.first_sent_at),
        Cell::moment(entry.answered_at),
    ]
}

/// A score as a number, anything else in words.
fn answer(given: Option<&Given>, lang: Lang) -> Cell {
    match given {
        None => Cell::Empty,
        Some(Given { score: Some(score), .. }) => Cell::Figure((*score).into()),
        Some(given) => Cell::Text(terms::value(&given.value, lang).into_owned()),
    }
}

fn tail(wanted: &Wanted, entry: &Entry) -> [Cell; 5] {
    let state = |word: &str| terms::state(word, wanted.lang).into_owned();
    [
        Cell::Count(entry.recordings.unsigned_abs()),
        Cell::text(entry.complaint.map(|complaint| state(complaint.as_str()))),
        Cell::moment(entry.call_back_at),
        words(&entry.agents),
        Cell::moment(entry.closed_at),
    ]
}

fn tracking(wanted: &Wanted, touches: &[Tracked]) -> Sheet {
    let pick = |zh, en| wanted.lang.pick(zh, en);
    let columns = titled(vec![
        (pick("客户编号", "Customer id"), 38.0),
        (pick("客户", "Customer"), 14.0),
        (pick("号码", "Number"), 17.0),
        (pick("客户级别", "Segment"), 14.0),
        (pick("回访", "Touch"), 20.0),
        (pick("方式", "By"), 16.0),
        (pick("事由", "Event"), 10.0),
        (pick("日期", "Date"), 12.0),
        (pick("应回访", "Owed from"), 17.0),
        (pick("计划", "Planned"), 17.0),
        (pick("状态", "State"), 14.0),
        (pick("结果", "Outcome"), 24.0),
        (pick("拨打次数", "Attempts"), 9.0),
        (pick("完成时间", "Closed"), 17.0),
        (pick("完成人", "Closed by"), 14.0),
    ]);
    let rows = touches.iter().map(|tracked| tracked_row(wanted, tracked)).collect();
    Sheet { name: pick("客户跟踪表", "Customer tracking").to_owned(), columns, rows }
}

fn tracked_row(wanted: &Wanted, tracked: &Tracked) -> Vec<Cell> {
    let (lang, touch) = (wanted.lang, &tracked.touch);
    let survey = touch.kind == "survey";
    let outcome = touch.outcome.as_deref().map(|outcome| match survey {
        true => terms::disposition(outcome, lang).into_owned(),
        // what a person noted may name anybody
        false if wanted.unmasked => outcome.to_owned(),
        false => "•••".to_owned(),
    });
    let moment = |at: Option<DateTime<Utc>>| Cell::moment(at);
    vec![
        Cell::Text(tracked.customer.to_string()),
        shown(&tracked.name, wanted.unmasked),
        number(&tracked.number, wanted.unmasked),
        Cell::text(tracked.segment.clone()),
        Cell::Text(if survey { terms::survey(&touch.key, &touch.key, lang).into_owned() } else { touch.key.clone() }),
        Cell::Text(touch.owner_role.clone().unwrap_or_else(|| lang.pick("自动外呼", "engine").to_owned())),
        Cell::text(touch.event.as_deref().map(|event| terms::reason(event, lang).into_owned())),
        touch.event_on.map_or(Cell::Empty, Cell::Day),
        Cell::Moment(touch.due_at),
        moment(touch.next_at),
        Cell::Text(terms::state(&touch.state, lang).into_owned()),
        Cell::text(outcome),
        if survey { Cell::Count(touch.attempts.unsigned_abs().into()) } else { Cell::Empty },
        moment(touch.closed_at),
        words(touch.closed_by.expose()),
    ]
}

fn shown(pii: &Pii<String>, unmasked: bool) -> Cell {
    match pii.expose().as_str() {
        "" => Cell::Empty,
        clear if unmasked => Cell::Text(clear.to_owned()),
        _ => Cell::Text(pii.to_string()),
    }
}

fn number(number: &E164, unmasked: bool) -> Cell {
    Cell::Text(if unmasked { number.as_str().to_owned() } else { number.masked() })
}

fn words(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}
