//! Weak items with their figures: which items are proposed for improvement, and what an item was before its plan began and is since. Counts are `db::satisfaction`'s, what
//! is weak is `weak_item`'s.

use super::items::{self, Item, Items};
use super::satisfaction::{self, OfItem};
use crate::db::Result;
use crate::db::satisfaction::{self as rows, By, Filter};
use crate::db::weak_items::{self as plans, Plan};
use crate::rates::score::Scores;
use crate::weak_item::{State, is_weak};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sqlx::PgConnection;

/// Plans that are looked at.
const MOST: i64 = 500;

/// What counts as weak.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Favourable share that is aimed at, in percent.
    pub target: u8,
    /// Over so many days.
    pub days: u32,
}

/// A plan with what it has done.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The plan.
    pub plan: Plan,
    /// The item's answers in the rule's days before the plan was made.
    pub before: Option<Scores>,
    /// The item's answers since.
    pub since: Option<Scores>,
}

/// Plans, and items that are weak and in none of the open ones.
#[derive(Clone, Debug)]
pub struct Weak {
    /// Open ones by due date, then those that have ended.
    pub plans: Vec<Followed>,
    /// The weakest first.
    pub proposed: Vec<OfItem>,
}

/// Reads plans and proposals.
pub async fn read(conn: &mut PgConnection, rule: Rule, zone: Tz, now: DateTime<Utc>) -> Result<Weak> {
    let from = now - TimeDelta::days(rule.days.into());
    let filter = Filter { from, to: now, survey: None, advisor: None, model: None, zone };
    let figures = satisfaction::read(conn, &filter, By::Month).await?;
    let items = items::of_store(conn).await?;
    let mut followed = Vec::new();
    for plan in plans::list(conn, MOST).await? {
        followed.push(follow(conn, plan, &items, rule, zone, now).await?);
    }
    let open = |item: &Item| {
        let same = |plan: &Plan| plan.survey == item.survey && plan.question == item.question;
        followed.iter().any(|one| one.plan.case.state == State::InProgress && same(&one.plan))
    };
    let weak = |item: &&OfItem| is_weak(&item.scores, rule.target) && !open(&item.item);
    let proposed = figures.ranked().into_iter().filter(weak).cloned().collect();
    Ok(Weak { plans: followed, proposed })
}

/// One plan with its item's figures before and since.
pub async fn one(conn: &mut PgConnection, plan: Plan, rule: Rule, zone: Tz, now: DateTime<Utc>) -> Result<Followed> {
    let items = items::of_store(conn).await?;
    follow(conn, plan, &items, rule, zone, now).await
}

async fn follow(
    conn: &mut PgConnection,
    plan: Plan,
    items: &Items,
    rule: Rule,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Followed> {
    let Some(item) = items.get(&plan.survey, &plan.question).cloned() else {
        return Ok(Followed { plan, before: None, since: None });
    };
    let span = |from, to| Filter { from, to, survey: Some(&item.survey), advisor: None, model: None, zone };
    let before = count(conn, &item, &span(plan.opened_at - TimeDelta::days(rule.days.into()), plan.opened_at)).await?;
    let since = count(conn, &item, &span(plan.opened_at, plan.closed_at.unwrap_or(now))).await?;
    Ok(Followed { plan, before: Some(before), since: Some(since) })
}

async fn count(conn: &mut PgConnection, item: &Item, filter: &Filter<'_>) -> Result<Scores> {
    let counts = rows::counts(conn, filter, By::Total).await?;
    let own = counts.iter().filter(|count| count.question == item.question);
    Ok(Scores::of(item.scale, own.map(|count| (count.score, u64::try_from(count.count).unwrap_or(0)))))
}
