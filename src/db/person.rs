//! Everything that is held on one customer, for them to have: each table's rows as they stand, less what belongs to others (members of staff, leases). A test asks
//! of every table whether it holds such rows, so that a new one is not forgotten; what erasure does to each is in `erase`.

use super::Result;
use crate::ids::{CustomerId, RecordingId};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

/// Tables with rows about a customer (`$1`), and how to read them.
const PERSONAL: [(&str, &str); 21] = [
    ("customers", "select to_jsonb(t) - 'owner' from customers t where t.id = $1"),
    ("phones", "select to_jsonb(t) from phones t where t.customer_id = $1 order by t.id"),
    ("vehicles", "select to_jsonb(t) from vehicles t where t.customer_id = $1 order by t.id"),
    ("service_events", "select to_jsonb(t) - 'source_key' from service_events t where t.customer_id = $1 order by t.id"),
    (
        "follow_ups",
        "select to_jsonb(t) - 'lease_token' - 'lease_node' from follow_ups t where t.customer_id = $1 order by t.id",
    ),
    (
        "follow_up_tasks",
        "select to_jsonb(t) - 'closed_by' from follow_up_tasks t where t.customer_id = $1 order by t.id",
    ),
    (
        "sip_messages",
        "select to_jsonb(t) - 'message' || jsonb_build_object('message', encode(t.message, 'escape')) from sip_messages t
         join attempts a on a.id = t.attempt_id join follow_ups f on f.id = a.follow_up_id where f.customer_id = $1 order by t.attempt_id, t.seq",
    ),
    (
        "attempts",
        "select to_jsonb(t) - 'lease_token' - 'node' from attempts t join follow_ups f on f.id = t.follow_up_id where f.customer_id = $1 order by t.id",
    ),
    (
        "attempt_events",
        "select to_jsonb(t) from attempt_events t join attempts a on a.id = t.attempt_id join follow_ups f on f.id = a.follow_up_id
         where f.customer_id = $1 order by t.attempt_id, t.seq",
    ),
    (
        "answers",
        "select to_jsonb(t) from answers t join follow_ups f on f.id = t.follow_up_id where f.customer_id = $1 order by t.id",
    ),
    (
        "recordings",
        "select to_jsonb(t) from recordings t join follow_ups f on f.id = t.follow_up_id where f.customer_id = $1 order by t.id",
    ),
    (
        "leads",
        "select to_jsonb(t) from leads t join follow_ups f on f.id = t.follow_up_id where f.customer_id = $1 order by t.id",
    ),
    (
        "call_backs",
        "select to_jsonb(t) from call_backs t join follow_ups f on f.id = t.follow_up_id where f.customer_id = $1 order by t.id",
    ),
    (
        "outbox",
        "select to_jsonb(t) from outbox t join follow_ups f on f.id = t.follow_up_id where f.customer_id = $1 order by t.id",
    ),
    (
        "transfers",
        "select to_jsonb(t) - 'agent_id' - 'node' - 'page_offer' - 'page_answer' from transfers t join follow_ups f on f.id = t.follow_up_id
         where f.customer_id = $1 order by t.id",
    ),
    (
        "complaints",
        "select to_jsonb(t) - 'owner' - 'passed_by' - 'escalated_to' from complaints t where t.customer_id = $1 order by t.id",
    ),
    (
        "complaint_steps",
        "select to_jsonb(t) - 'person' from complaint_steps t join complaints c on c.id = t.complaint_id where c.customer_id = $1 order by t.seq",
    ),
    (
        "complaint_drafts",
        "select to_jsonb(t) - 'person' - 'sent_form' from complaint_drafts t join complaints c on c.id = t.complaint_id where c.customer_id = $1
         order by t.saved_at",
    ),
    (
        "do_not_call",
        "select to_jsonb(t) from do_not_call t where t.number in (select p.number from phones p where p.customer_id = $1) order by t.number",
    ),
    (
        "do_not_call_removals",
        "select to_jsonb(t) from do_not_call_removals t where t.number in (select p.number from phones p where p.customer_id = $1)
         order by t.removed_at",
    ),
    // Who saw or changed it: what and when; by whom is the dealer's own record.
    (
        "audit_log",
        "select jsonb_build_object('at', t.at, 'action', t.action, 'object', t.object) from audit_log t
         where exists (
             select from (
                 select $1::uuid as id
                 union all select f.id from follow_ups f where f.customer_id = $1
                 union all select c.id from complaints c where c.customer_id = $1
                 union all select r.id from recordings r join follow_ups f on f.id = r.follow_up_id where f.customer_id = $1
                 union all select x.id from transfers x join follow_ups f on f.id = x.follow_up_id where f.customer_id = $1
             ) theirs where position(theirs.id::text in t.object) > 0)
         order by t.seq",
    ),
];

/// Tables without any.
#[cfg(test)]
const OTHERS: [&str; 20] = [
    "_sqlx_migrations",
    "advisors",
    "agent_bindings",
    "agent_events",
    "agent_sessions",
    "agents",
    "api_tokens",
    "campaigns",
    "day_reviews",
    "idempotency_keys",
    "imports",
    "outbox_targets",
    "survey_versions",
    "surveys",
    "trunk_lines",
    "trunk_states",
    "user_sessions",
    "users",
    "weak_item_plans",
    "weak_item_steps",
];

/// All rows about a customer, by table; an empty table stands there as an empty list.
pub async fn everything(conn: &mut PgConnection, customer: CustomerId) -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for (table, statement) in PERSONAL {
        let rows: Vec<Value> = sqlx::query_scalar(statement).bind(customer.0).fetch_all(&mut *conn).await?;
        all.insert(table.to_owned(), rows.into());
    }
    Ok(all)
}

/// The recordings of a customer whose files are still there: their ids and files, relative to the recordings directory.
pub async fn recordings(conn: &mut PgConnection, customer: CustomerId) -> Result<Vec<(RecordingId, String)>> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "select r.id, r.path from recordings r join follow_ups f on f.id = r.follow_up_id
         where f.customer_id = $1 and r.purged_at is null order by r.id",
    )
    .bind(customer.0)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, path)| (RecordingId(id), path)).collect())
}

/// Whether there is such a customer.
pub async fn exists(conn: &mut PgConnection, customer: CustomerId) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select from customers where id = $1)")
        .bind(customer.0)
        .fetch_one(conn)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn every_table_is_said_to_hold_a_customers_rows_or_not(pool: PgPool) {
        let there: Vec<String> = sqlx::query_scalar(
            "select table_name::text from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let mut said: Vec<&str> = PERSONAL.iter().map(|(table, _)| *table).chain(OTHERS).collect();
        said.sort_unstable();
        assert_eq!(
            said, there,
            "a new table: say in db/person.rs whose rows it holds, and in db/erase.rs what becomes of them"
        );
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_customer_gets_their_own_rows_and_nobody_elses(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let mine = fixture::owed(&mut conn, 1).await;
        let other = fixture::owed(&mut conn, 2).await;
        fixture::begun(&mut conn, "a", mine.follow_up, 1, 0).await;
        let all = everything(&mut conn, mine.customer).await.unwrap();
        let count = |table: &str| all[table].as_array().unwrap().len();
        for (table, rows) in [
            ("customers", 1),
            ("phones", 1),
            ("vehicles", 1),
            ("service_events", 1),
            ("follow_ups", 1),
            ("attempts", 1),
            ("answers", 0),
        ] {
            assert_eq!(count(table), rows, "{table}");
        }
        let text = serde_json::to_string(&all).unwrap();
        assert!(text.contains("客户1") && text.contains(fixture::number(1).as_str()));
        assert!(
            !text.contains(&other.customer.to_string()) && !text.contains("lease_token") && !text.contains("客户2")
        );
        assert!(exists(&mut conn, mine.customer).await.unwrap());
        assert!(!exists(&mut conn, fixture::id(9)).await.unwrap());
    }
}
