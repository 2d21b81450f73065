//! A month at a dealer's, written through the store's own functions: the three surveys as they are shipped, three advisors, calls of every kind, the same for the same
//! seed. Names and numbers are made up.

use crate::db::answers::{self, NewAnswer};
use crate::db::attempts::{self, AttemptEnd, NewAttempt, Next};
use crate::db::complaints::{self, NewComplaint};
use crate::db::queue::{self, LeaseRequest};
use crate::db::state::{ComplaintReason, EventKind};
use crate::db::{fixture, imports, surveys};
use crate::ids::{AnswerId, AttemptId};
use crate::phone::Pii;
use crate::report::items::{self, Items};
use chrono::{DateTime, Duration, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sqlx::PgConnection;
use uuid::Uuid;

const ADVISORS: [&str; 3] = ["王顾问", "孙顾问", "钱顾问"];
const MODELS: [&str; 4] = ["轩逸", "奇骏", "逍客", "艾睿雅"];
const SURNAMES: [&str; 8] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄"];
/// Ends of attempts at those with whom nobody talked: disposition, code, status, how often among 100.
const OTHERWISE: [(&str, &str, u16, u32); 6] = [
    ("refusal", "2.11", 200, 8),
    ("break_off", "2.12", 200, 5),
    ("no_answer", "3.13", 487, 9),
    ("busy", "3.12", 486, 4),
    ("wrong_number", "4.10", 200, 3),
    ("answering_machine", "2.22", 200, 3),
];

/// Fills an empty database with `calls` follow-ups of the 30 days before `now`.
pub async fn fill(conn: &mut PgConnection, now: DateTime<Utc>, calls: u16) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (key, name) in
        [("aftersales_3day", "售后三日回访"), ("prospect", "销售潜客回访"), ("sales_3day", "销售三日回访")]
    {
        let text = std::fs::read_to_string(format!("{}/surveys/{key}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        surveys::publish_next(conn, key, name, &text, now - Duration::days(60)).await.unwrap();
    }
    let items = items::of_store(conn).await.unwrap();
    let mut moments = Vec::new();
    let mut rows = Vec::new();
    for n in 1..=calls {
        let began =
            now - Duration::days(i64::from(n) * 29 / i64::from(calls)) - Duration::minutes(rng.random_range(0..240));
        let place = usize::from(n);
        let name = format!("{}先生", SURNAMES[place % SURNAMES.len()]);
        let mut row = fixture::row(n, &fixture::number(n), &name, &format!("苏A{n:05}"));
        let (survey, event) = [
            ("aftersales_3day", EventKind::Repair),
            ("sales_3day", EventKind::Delivery),
            ("aftersales_3day", EventKind::Repair),
            ("prospect", EventKind::Visit),
        ][place % 4];
        row.event = event;
        row.model = MODELS[rng.random_range(0..MODELS.len())].to_owned();
        let advisor = rng.random_range(0..ADVISORS.len());
        row.ids.advisor = fixture::id(u16::try_from(advisor).unwrap() + 1);
        row.advisor = Pii::new(ADVISORS[advisor].to_owned());
        row.staff_number = Some((1024 + advisor).to_string());
        row.happened_on = (began - Duration::days(2)).date_naive();
        row.owed[0].survey = survey.to_owned();
        row.owed[0].due_at = began - Duration::minutes(1);
        row.owed[0].deadline = began + Duration::days(1);
        moments.push((n, survey, began, advisor));
        rows.push(row);
    }
    imports::load(conn, "repair_list", None, &rows, now - Duration::days(31)).await.unwrap();
    for (n, survey, began, advisor) in moments {
        live_through(conn, n, survey, began, advisor, &items, &mut rng).await;
    }
}

async fn live_through(
    conn: &mut PgConnection,
    n: u16,
    survey: &str,
    began: DateTime<Utc>,
    advisor: usize,
    items: &Items,
    rng: &mut ChaCha8Rng,
) {
    let follow_up = fixture::id(n);
    let (ttl, survey_of) = (Duration::minutes(10), survey);
    let request = LeaseRequest { node: "a", limit: 1, ttl, now: began, survey: None, follow_up: Some(follow_up) };
    let leased = queue::lease(conn, &request).await.unwrap().pop().expect("the follow-up is due");
    let attempt: AttemptId = fixture::id(n);
    attempts::begin(conn, &NewAttempt::of(&leased, attempt, "main", began)).await.unwrap();
    attempts::mark_sent(conn, attempt, began).await.unwrap();
    let mut chance = rng.random_range(0..100);
    for (disposition, aapor, status, weight) in OTHERWISE {
        if chance < weight {
            if status == 200 {
                attempts::answered(conn, attempt, began + Duration::seconds(8)).await.unwrap();
            }
            let at = began + Duration::seconds(20 + i64::from(chance));
            return end(conn, attempt, disposition, aapor, status, at).await;
        }
        chance -= weight;
    }
    attempts::answered(conn, attempt, began + Duration::seconds(8)).await.unwrap();
    let asked: Vec<_> = items.of_survey(survey_of).cloned().collect();
    let whole = rng.random_bool(0.85);
    let stop = if whole { asked.len() } else { rng.random_range(1..asked.len()) };
    let (mut seconds, mut complained) = (20, false);
    for (place, item) in (0u16..).zip(asked.iter().take(stop)) {
        seconds += 9;
        // the second advisor's customers are less content, and the fourth step is a weak one for all
        let best = item.scale.best_first();
        let worse = f64::from(u8::from(advisor == 1)) * 0.6 + f64::from(u8::from(place == 3)) * 0.9;
        let step = (rng.random_range(0.0..1.6f64) + worse) * (best.len() as f64) / 5.0;
        let point = best[(step as usize).min(best.len() - 1)];
        let unhappy = item.scale.name != "yes_no" && step as usize * 5 >= best.len() * 3;
        let given_at = began + Duration::seconds(seconds);
        let new = NewAnswer {
            id: AnswerId(Uuid::from_u128(u128::from(n) * 100 + u128::from(place))),
            attempt,
            question: item.question.clone(),
            keys: point.keys.to_owned(),
            value: point.label.to_owned(),
            score: Some(point.score),
            unhappy,
            given_at,
        };
        assert!(answers::add(conn, &new).await.unwrap());
        if unhappy && !complained {
            complained = true;
            let step = Uuid::from_u128(u128::from(n) + 7_000_000);
            let new = NewComplaint {
                id: fixture::id(n),
                step,
                attempt,
                reason: ComplaintReason::LowScore,
                question: Some(item.question.clone()),
                opened_at: given_at,
                contact_due_at: given_at + Duration::hours(20),
            };
            complaints::open(conn, &new).await.unwrap();
        }
    }
    let (disposition, aapor) = if whole { ("complete", "1.1") } else { ("partial", "1.2") };
    end(conn, attempt, disposition, aapor, 200, began + Duration::seconds(seconds + 15)).await;
}

async fn end(
    conn: &mut PgConnection,
    attempt: AttemptId,
    disposition: &str,
    aapor: &str,
    status: u16,
    at: DateTime<Utc>,
) {
    let end = AttemptEnd {
        attempt,
        ended_at: at,
        sip_status: Some(status),
        disposition: disposition.to_owned(),
        aapor: Some(aapor.to_owned()),
        blame: Some("customer".to_owned()),
        retry_allowed: false,
        detail: None,
        next: Next::Done,
    };
    attempts::end(conn, &end).await.unwrap();
}
