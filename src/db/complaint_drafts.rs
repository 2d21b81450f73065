//! `complaint_drafts`: what somebody has typed into the form of a complaint and not sent yet. One for each person and complaint; the last write stands.

use super::Result;
use crate::ids::ComplaintId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::collections::BTreeMap;

/// The form's fields as typed, by name.
pub type Fields = BTreeMap<String, String>;

/// A draft.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// The fields as typed.
    pub fields: Fields,
    /// When they were saved.
    pub saved_at: DateTime<Utc>,
}

/// Saves what somebody has typed into the form `form` (any text that tells two showings of the form apart). False where there is no such complaint,
/// or where that form was sent meanwhile: a late save brings nothing back.
pub async fn save(
    conn: &mut PgConnection,
    id: ComplaintId,
    person: &str,
    form: &str,
    fields: &Fields,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query(
        "insert into complaint_drafts (complaint_id, person, fields, saved_at) select c.id, $2, $3, $4 from complaints c where c.id = $1
         on conflict (complaint_id, person) do update set fields = excluded.fields, saved_at = excluded.saved_at
         where complaint_drafts.sent_form is distinct from $5",
    )
    .bind(id.0)
    .bind(person)
    .bind(Json(fields))
    .bind(now)
    .bind(form)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What somebody has typed and not sent.
pub async fn load(conn: &mut PgConnection, id: ComplaintId, person: &str) -> Result<Option<Draft>> {
    let found: Option<(Json<Fields>, DateTime<Utc>)> = sqlx::query_as(
        "select fields, saved_at from complaint_drafts where complaint_id = $1 and person = $2 and fields <> '{}'",
    )
    .bind(id.0)
    .bind(person)
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|(Json(fields), saved_at)| Draft { fields, saved_at }))
}

/// The form was sent: its draft is gone, and what its page still saves is nothing.
pub async fn sent(
    conn: &mut PgConnection,
    id: ComplaintId,
    person: &str,
    form: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "insert into complaint_drafts (complaint_id, person, fields, saved_at, sent_form) values ($1, $2, '{}', $3, $4)
         on conflict (complaint_id, person) do update set fields = '{}', saved_at = excluded.saved_at, sent_form = excluded.sent_form",
    )
    .bind(id.0)
    .bind(person)
    .bind(now)
    .bind(form)
    .execute(conn)
    .await?;
    Ok(())
}
