//! What the store's tests start from: one published survey and customers who are owed a call. Times are minutes after a fixed moment.

use super::attempts::{self, NewAttempt};
use super::imports::{self, NewRow, Owed as OwedSurvey, RowIds};
use super::queue::{self, LeaseRequest, Leased};
use super::state::EventKind;
use super::surveys;
use crate::followup::list::{CarDates, Profile};
use crate::ids::{AttemptId, CustomerId, FollowUpId, PhoneId, uuid_v7};
use crate::phone::{E164, Pii};
use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// The survey that every follow-up here asks.
pub const SURVEY: &str = "aftersales_3day";

/// An id of any kind, the same for the same number; numbers up to 4,095 have ids of their own (a UUIDv7 keeps four bits for its version).
pub fn id<T: From<Uuid>>(n: u16) -> T {
    let [high, low] = n.to_be_bytes();
    T::from(uuid_v7(1_700_000_000_000, [high, low, 0, 0, 0, 0, 0, 0, 0, 1]))
}

/// `minutes` after the moment at which the tests' follow-ups become due (18 November 2026, 02:00 UTC).
pub fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 18, 2, 0, 0).single().unwrap() + Duration::minutes(minutes)
}

/// A customer who is owed a call.
#[derive(Clone, Copy, Debug)]
pub struct Owed {
    pub customer: CustomerId,
    pub phone: PhoneId,
    pub follow_up: FollowUpId,
}

/// Number `n` of a series.
pub fn number(n: u16) -> E164 {
    E164::from_stored(&format!("+86138001{n:05}")).unwrap()
}

/// Customer `n` with their own number, due at `at(0)`, deadline two days later.
pub async fn owed(conn: &mut PgConnection, n: u16) -> Owed {
    owed_on(conn, n, &number(n)).await
}

/// Customer `n` on a given number.
pub async fn owed_on(conn: &mut PgConnection, n: u16, number: &E164) -> Owed {
    surveys::publish_next(conn, SURVEY, "售后三日回访", "key = \"aftersales_3day\"\n", at(-60)).await.unwrap();
    let row = row(n, number, &format!("客户{n}"), &format!("苏A{n:05}"));
    let loaded = imports::load(conn, "repair_list", None, &[row], at(-60)).await.unwrap();
    assert_eq!(loaded.new, [true]);
    Owed { customer: id(n), phone: id(n), follow_up: id(n) }
}

/// A row of a repair list: due at `at(0)`, deadline two days later, advisor 王顾问 with staff number 1024.
pub fn row(n: u16, number: &E164, name: &str, plate: &str) -> NewRow {
    let ids = RowIds { customer: id(n), phone: id(n), vehicle: id(n), advisor: id(n), event: id(n) };
    NewRow {
        ids,
        name: Pii::new(name.to_owned()),
        number: number.clone(),
        language: "zh-CN".to_owned(),
        zone: chrono_tz::Asia::Shanghai,
        plate: Pii::new(plate.to_owned()),
        model: "轿车".to_owned(),
        advisor: Pii::new("王顾问".to_owned()),
        staff_number: Some("1024".to_owned()),
        event: EventKind::Repair,
        happened_on: NaiveDate::from_ymd_opt(2026, 11, 17).unwrap(),
        happened_at: None,
        profile: Profile::default(),
        dates: CarDates::default(),
        owed: vec![OwedSurvey { id: id(n), survey: SURVEY.to_owned(), due_at: at(0), deadline: at(2 * 24 * 60) }],
    }
}

/// Leases everything due at `at(minutes)` for `node`, for one minute.
pub async fn lease(conn: &mut PgConnection, node: &str, minutes: i64) -> Vec<Leased> {
    let request =
        LeaseRequest { node, limit: 100, ttl: Duration::minutes(1), now: at(minutes), survey: None, follow_up: None };
    queue::lease(conn, &request).await.unwrap()
}

/// Leases follow-up `n` at `at(minutes)` and begins attempt `attempt` on it; nothing is sent yet.
pub async fn begun(
    conn: &mut PgConnection,
    node: &str,
    follow_up: FollowUpId,
    attempt: u16,
    minutes: i64,
) -> AttemptId {
    let request = LeaseRequest {
        node,
        limit: 1,
        ttl: Duration::minutes(1),
        now: at(minutes),
        survey: None,
        follow_up: Some(follow_up),
    };
    let leased = queue::lease(conn, &request).await.unwrap().pop().expect("the follow-up is due");
    let new = NewAttempt::of(&leased, id(attempt), "main", at(minutes));
    attempts::begin(conn, &new).await.unwrap();
    id(attempt)
}
