//! `weak_item_plans` and their history. What may be done is the core's ([`crate::weak_item`]); here a plan changes only if nobody else changed it meanwhile.

use super::{Result, StoreError};
use crate::ids::WeakItemId;
use crate::weak_item::{Case, Entry, State, StepKind, Terms};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::{Connection, FromRow, PgConnection};
use uuid::Uuid;

/// A plan as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: WeakItemId,
    /// Survey key.
    pub survey: String,
    /// The item.
    pub question: String,
    /// Where it stands.
    pub case: Case,
    /// Who made it.
    pub opened_by: String,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// Grows with each act.
    pub revision: i32,
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Step {
    /// What was done.
    pub kind: StepKind,
    /// By whom.
    pub person: String,
    /// What was said.
    pub note: String,
    /// What the plan said afterwards.
    pub detail: Value,
    /// When.
    pub done_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    survey_key: String,
    question: String,
    target: i16,
    department: String,
    measure: String,
    owner: String,
    due_on: NaiveDate,
    state: State,
    round: i16,
    opened_by: String,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    revision: i32,
}

impl From<Row> for Plan {
    fn from(row: Row) -> Plan {
        let Row { target, department, measure, owner, due_on, state, round, .. } = row;
        Plan {
            id: WeakItemId(row.id),
            survey: row.survey_key,
            question: row.question,
            case: Case { terms: Terms { target, department, measure, owner, due_on }, state, round },
            opened_by: row.opened_by,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            revision: row.revision,
        }
    }
}

/// Who does what, when, and what they see.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Name.
    pub person: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

const PLANS: &str = "select id, survey_key, question, target, department, measure, owner, due_on, state, round, opened_by, opened_at, closed_at, revision
     from weak_item_plans";

/// Writes a new plan with the first line of its history; none where one for this item is open already.
pub async fn open(
    conn: &mut PgConnection,
    id: WeakItemId,
    (survey, question): (&str, &str),
    case: &Case,
    by: By<'_>,
) -> Result<Option<WeakItemId>> {
    let mut tx = conn.begin().await?;
    let terms = &case.terms;
    let done = sqlx::query(
        "insert into weak_item_plans (id, survey_key, question, target, department, measure, owner, due_on, state, round, opened_by, opened_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (survey_key, question) where state = 'in_progress' do nothing",
    )
    .bind(id.0)
    .bind(survey)
    .bind(question)
    .bind(terms.target)
    .bind(&terms.department)
    .bind(&terms.measure)
    .bind(&terms.owner)
    .bind(terms.due_on)
    .bind(case.state)
    .bind(case.round)
    .bind(by.person)
    .bind(by.at)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    step(&mut tx, id, &Entry { kind: StepKind::Open, note: String::new() }, case, by).await?;
    tx.commit().await?;
    Ok(Some(id))
}

async fn step(conn: &mut PgConnection, id: WeakItemId, entry: &Entry, case: &Case, by: By<'_>) -> Result<()> {
    let detail = json!({ "terms": case.terms, "state": case.state, "round": case.round });
    sqlx::query("insert into weak_item_steps (id, plan_id, kind, person, note, detail, done_at) values ($1, $2, $3, $4, $5, $6, $7)")
        .bind(Uuid::now_v7())
        .bind(id.0)
        .bind(entry.kind)
        .bind(by.person)
        .bind(&entry.note)
        .bind(detail)
        .bind(by.at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes what an act has made of a plan that stood at `plan.revision`; false where somebody was faster.
pub async fn change(conn: &mut PgConnection, plan: &Plan, case: &Case, entry: &Entry, by: By<'_>) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let terms = &case.terms;
    let done = sqlx::query(
        "update weak_item_plans set target = $3, department = $4, measure = $5, owner = $6, due_on = $7, state = $8, round = $9,
                closed_at = case when $8 = 'in_progress' then null else $10::timestamptz end, revision = revision + 1
         where id = $1 and revision = $2",
    )
    .bind(plan.id.0)
    .bind(plan.revision)
    .bind(terms.target)
    .bind(&terms.department)
    .bind(&terms.measure)
    .bind(&terms.owner)
    .bind(terms.due_on)
    .bind(case.state)
    .bind(case.round)
    .bind(by.at)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    step(&mut tx, plan.id, entry, case, by).await?;
    tx.commit().await?;
    Ok(true)
}

/// The plans: open ones by due date, then the newest that have ended.
pub async fn list(conn: &mut PgConnection, limit: i64) -> Result<Vec<Plan>> {
    let sql = sqlx::AssertSqlSafe(format!(
        "{PLANS} order by state <> 'in_progress', case when closed_at is null then due_on end, closed_at desc, id limit $1"
    ));
    let rows: Vec<Row> = sqlx::query_as(sql).bind(limit).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Plan::from).collect())
}

/// One plan, or an error that names it.
pub async fn get(conn: &mut PgConnection, id: WeakItemId) -> Result<Option<Plan>> {
    let sql = sqlx::AssertSqlSafe(format!("{PLANS} where id = $1"));
    let row: Option<Row> = sqlx::query_as(sql).bind(id.0).fetch_optional(conn).await?;
    Ok(row.map(Plan::from))
}

/// A plan's history.
pub async fn steps(conn: &mut PgConnection, id: WeakItemId) -> Result<Vec<Step>> {
    sqlx::query_as("select kind, person, note, detail, done_at from weak_item_steps where plan_id = $1 order by seq")
        .bind(id.0)
        .fetch_all(conn)
        .await
        .map_err(StoreError::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at, id};
    use crate::weak_item::Act;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_plan_is_made_once_changed_by_one_and_its_history_stays(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        fixture::owed(&mut conn, 1).await;
        let today = at(0).date_naive();
        let terms =
            Terms { target: 80, department: "service".into(), measure: "m".into(), owner: "王".into(), due_on: today };
        let case = Case::open(terms, today).unwrap();
        let by = By { person: "赵", at: at(0) };
        let item = (fixture::SURVEY, "q4");
        assert_eq!(open(&mut conn, id(1), item, &case, by).await.unwrap(), Some(id(1)));
        assert_eq!(open(&mut conn, id(2), item, &case, by).await.unwrap(), None, "one open plan for an item");
        let plan = get(&mut conn, id(1)).await.unwrap().unwrap();
        assert_eq!((plan.case.clone(), plan.revision, plan.opened_by.as_str()), (case, 0, "赵"));

        let mut next = plan.case.clone();
        let entry = next.act(Act::Check { settled: true, note: "better".into(), again: None }, "赵", today).unwrap();
        assert!(change(&mut conn, &plan, &next, &entry, by).await.unwrap());
        assert!(!change(&mut conn, &plan, &next, &entry, by).await.unwrap(), "somebody was faster");
        let plan = get(&mut conn, id(1)).await.unwrap().unwrap();
        assert_eq!((plan.case.state, plan.closed_at, plan.revision), (State::Settled, Some(at(0)), 1));
        let history = steps(&mut conn, id(1)).await.unwrap();
        assert_eq!(history.iter().map(|step| step.kind).collect::<Vec<_>>(), [StepKind::Open, StepKind::Check]);
        let edited = sqlx::query("update weak_item_steps set note = ''").execute(&mut *conn).await;
        assert!(edited.unwrap_err().to_string().contains("never edited"));
        let again = Case::open(plan.case.terms.clone(), today).unwrap();
        assert_eq!(
            open(&mut conn, id(3), item, &again, by).await.unwrap(),
            Some(id(3)),
            "one that has ended makes room"
        );
        assert_eq!(list(&mut conn, 10).await.unwrap().len(), 2);
    }
}
