//! What the planner asks: whose own date (an event, a birthday, an insurance's end) lies in a range of days, and has not had the rule's touch planned yet.
//!
//! Customers who cannot be called at all (every number wrong or on the do-not-call list) are left out. Reckoning with the dates is `followup::calendar`'s.

use super::Result;
use crate::followup::calendar::rule::{Anchor, Rule};
use crate::followup::calendar::{Occurrence, Pass};
use crate::ids::{AdvisorId, CustomerId, PhoneId, ServiceEventId, VehicleId};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Somebody for whom a rule may have a touch.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Candidate {
    /// What the date belongs to: an event, a customer or a vehicle.
    pub subject_id: Uuid,
    /// Whose.
    #[sqlx(try_from = "Uuid")]
    pub customer_id: CustomerId,
    /// IANA zone of the customer, as stored.
    pub time_zone: String,
    /// The number to call: the newest that is neither wrong nor blocked.
    #[sqlx(try_from = "Uuid")]
    pub phone_id: PhoneId,
    event_id: Option<Uuid>,
    vehicle_id: Option<Uuid>,
    advisor_id: Option<Uuid>,
    /// The subject's own date, in the customer's zone.
    pub own_on: NaiveDate,
    /// Its moment, where known.
    pub own_at: Option<DateTime<Utc>>,
}

impl Candidate {
    /// The event, where the subject is one.
    pub fn event(&self) -> Option<ServiceEventId> {
        self.event_id.map(ServiceEventId)
    }

    /// The car, where the subject is one or the event has one.
    pub fn vehicle(&self) -> Option<VehicleId> {
        self.vehicle_id.map(VehicleId)
    }

    /// The event's advisor.
    pub fn advisor(&self) -> Option<AdvisorId> {
        self.advisor_id.map(AdvisorId)
    }
}

/// Month and day of a date as one number; the same expression as the indexes'.
macro_rules! month_day {
    ($date:literal) => {
        concat!("extract(month from ", $date, ") * 100 + extract(day from ", $date, ")")
    };
}

macro_rules! within_the_year {
    ($date:literal) => {
        concat!("(", month_day!($date), ") between ", month_day!("$1::date"), " and ", month_day!("$2::date"))
    };
}

/// The statement for one kind of subjects, `s (id, own_on, own_at, customer_id, event_id, vehicle_id, advisor_id)`; `planned` finds the touch that is there already.
/// $1 and $2 days, $3 rule or survey, $4 occurrence (null: the own date), $5 to $7 whom the rule is for, $8 last subject of the page before, $9 size of the page.
macro_rules! statement {
    ($subjects:expr, $planned:expr) => {
        concat!(
            "select s.id as subject_id, s.customer_id, c.time_zone, phone.id as phone_id, s.event_id, s.vehicle_id, s.advisor_id, s.own_on, s.own_at
             from (", $subjects, ") s join customers c on c.id = s.customer_id
             cross join lateral (select p.id from phones p where p.customer_id = c.id and p.wrong_at is null
                                   and not exists (select from do_not_call d where d.number = p.number)
                                 order by p.created_at desc, p.id desc limit 1) phone
             where s.id > $8
               and ($5::text[] is null or coalesce(c.segment, 'ordinary') = any($5))
               and ($6::text[] is null or c.source = any($6)) and ($7::text[] is null or c.region = any($7))
               and not exists (", $planned, ")
             order by s.id limit $9"
        )
    };
}

macro_rules! tasks {
    ($subjects:expr) => {
        statement!(
            $subjects,
            "select from follow_up_tasks t where t.rule_key = $3 and t.subject_id = s.id and t.occurrence = coalesce($4::text, to_char(s.own_on, 'YYYY-MM-DD'))"
        )
    };
}

macro_rules! surveys {
    ($subjects:expr) => {
        statement!(
            $subjects,
            "select from follow_ups f where f.customer_id = s.customer_id and f.service_event_id = s.id and f.survey_key = $3 and $4::text is not null"
        )
    };
}

macro_rules! events {
    ($kind:literal) => {
        concat!(
            "select e.id, e.happened_on as own_on, e.happened_at as own_at, e.customer_id, e.id as event_id, e.vehicle_id, e.advisor_id
             from service_events e where e.happened_on between $1 and $2 and e.kind = ",
            $kind
        )
    };
}

macro_rules! of_customers {
    ($own:literal, $where:expr) => {
        concat!(
            "select x.id, ", $own, " as own_on, null::timestamptz as own_at, x.id as customer_id, null::uuid as event_id, null::uuid as vehicle_id,
                    null::uuid as advisor_id
             from customers x where ",
            $where
        )
    };
}

macro_rules! of_vehicles {
    ($own:literal, $where:expr) => {
        concat!(
            "select x.id, ", $own, " as own_on, null::timestamptz as own_at, x.customer_id, null::uuid as event_id, x.id as vehicle_id, null::uuid as advisor_id
             from vehicles x where ",
            $where
        )
    };
}

/// Who has a date for `rule` in the days of `pass` and no such touch yet: up to `limit`, by subject, after the subject `after` (nil: from the first).
pub async fn candidates(
    conn: &mut PgConnection,
    rule: &Rule,
    pass: &Pass,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Candidate>> {
    let statement = match (rule.anchor, rule.survey().is_some()) {
        (Anchor::Visit, true) => surveys!(events!("'visit'")),
        (Anchor::Delivery, true) => surveys!(events!("'delivery'")),
        (Anchor::Repair, true) => surveys!(events!("'repair'")),
        (Anchor::Visit, false) => tasks!(events!("'visit'")),
        (Anchor::Delivery, false) => tasks!(events!("'delivery'")),
        (Anchor::Repair, false) => tasks!(events!("'repair'")),
        (Anchor::Birthday, _) => tasks!(of_customers!("x.birthday", within_the_year!("x.birthday"))),
        (Anchor::LicenceEnd, _) => tasks!(of_customers!("x.licence_until", "x.licence_until between $1 and $2")),
        (Anchor::Holiday, _) => tasks!(of_customers!("$1::date", "$1::date = $2::date")),
        (Anchor::PurchaseAnniversary, _) => {
            tasks!(of_vehicles!("x.purchased_on", within_the_year!("x.purchased_on")))
        }
        (Anchor::InsuranceEnd, _) => tasks!(of_vehicles!("x.insurance_until", "x.insurance_until between $1 and $2")),
        (Anchor::InspectionDue, _) => tasks!(of_vehicles!("x.inspection_due", "x.inspection_due between $1 and $2")),
    };
    let occurrence = match pass.occurrence {
        Occurrence::OwnDate => None,
        other => Some(other.label(pass.from)),
    };
    let segments: Vec<&str> = rule.only.segment.iter().map(|segment| segment.as_str()).collect();
    let found = sqlx::query_as(statement)
        .bind(pass.from)
        .bind(pass.to)
        .bind(rule.survey().unwrap_or(&rule.key))
        .bind(occurrence)
        .bind(Some(segments).filter(|some| !some.is_empty()))
        .bind(Some(&rule.only.source).filter(|some| !some.is_empty()))
        .bind(Some(&rule.only.region).filter(|some| !some.is_empty()))
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(found)
}

/// Tells PostgreSQL's planner about touches that were planned in bulk (as `imports::analyze` does for lists).
pub async fn analyze(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("analyze follow_up_tasks, follow_ups").execute(conn).await?;
    Ok(())
}
