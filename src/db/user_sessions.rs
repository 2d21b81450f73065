//! `user_sessions`: who is signed in, for all engines on the database. A cookie is never stored, only its SHA-256.

use super::Result;
use super::state::UserRole;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A session about to be opened.
#[derive(Clone, Copy)]
pub struct NewSession<'a> {
    /// Hex SHA-256 of what the cookie holds.
    pub token_hash: &'a str,
    /// Who; none for the API's token.
    pub user: Option<UserId>,
    /// What every write of this session sends along.
    pub csrf: &'a str,
    /// When.
    pub began_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// A session that is alive, and whose user may still sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Who; none for the API's token.
    pub user: Option<SignedIn>,
    /// What every write of this session sends along.
    pub csrf: String,
}

/// The user of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Their id.
    pub id: UserId,
    /// What they sign in as.
    pub name: String,
    /// What they may do, as of now.
    pub role: UserRole,
}

/// A session with its user, if it has one.
#[derive(sqlx::FromRow)]
struct Row {
    csrf: String,
    id: Option<Uuid>,
    name: Option<String>,
    role: Option<UserRole>,
}

/// Opens a session, and removes those that have ended.
pub async fn open(conn: &mut PgConnection, new: &NewSession<'_>) -> Result<()> {
    sqlx::query("delete from user_sessions where expires_at <= $1").bind(new.began_at).execute(&mut *conn).await?;
    sqlx::query(
        "insert into user_sessions (token_hash, user_id, csrf, began_at, expires_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(new.token_hash)
    .bind(new.user.map(|user| user.0))
    .bind(new.csrf)
    .bind(new.began_at)
    .bind(new.expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The session with one of these hashes.
pub async fn find(conn: &mut PgConnection, hashes: &[&str], now: DateTime<Utc>) -> Result<Option<Session>> {
    let row: Option<Row> = sqlx::query_as(
        "select s.csrf, u.id, u.name, u.role from user_sessions s left join users u on u.id = s.user_id
         where s.token_hash = any($1) and s.expires_at > $2 and u.disabled_at is null",
    )
    .bind(hashes)
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|Row { csrf, id, name, role }| {
        let user = id.zip(name).zip(role).map(|((id, name), role)| SignedIn { id: UserId(id), name, role });
        Session { user, csrf }
    }))
}

/// Ends the session with one of these hashes, if there is one.
pub async fn close(conn: &mut PgConnection, hashes: &[&str]) -> Result<()> {
    sqlx::query("delete from user_sessions where token_hash = any($1)").bind(hashes).execute(conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{at, id};
    use crate::db::users::{self, NewUser};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_session_lives_until_it_ends(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let user = NewUser {
            id: id(1),
            name: "Li".to_owned(),
            password_hash: "x".into(),
            role: UserRole::Agent,
            created_at: at(0),
        };
        users::add(&mut conn, &user).await.unwrap();
        let (one, other) = ("1".repeat(64), "2".repeat(64));
        let new = |token_hash, user| NewSession { token_hash, user, csrf: "c", began_at: at(0), expires_at: at(60) };
        open(&mut conn, &new(&one, Some(id(1)))).await.unwrap();
        open(&mut conn, &new(&other, None)).await.unwrap();
        let found = find(&mut conn, &[&one], at(59)).await.unwrap().unwrap();
        let signed_in = SignedIn { id: id(1), name: "Li".to_owned(), role: UserRole::Agent };
        assert_eq!((found.user, found.csrf.as_str()), (Some(signed_in), "c"));
        assert!(find(&mut conn, &[&"3".repeat(64), &other], at(59)).await.unwrap().unwrap().user.is_none());
        assert!(find(&mut conn, &[&one], at(60)).await.unwrap().is_none(), "it has ended");
        users::set_role(&mut conn, id(1), UserRole::Manager).await.unwrap();
        let role = find(&mut conn, &[&one], at(1)).await.unwrap().unwrap().user.unwrap().role;
        assert_eq!(role, UserRole::Manager, "at once");
        close(&mut conn, &[&one]).await.unwrap();
        assert!(find(&mut conn, &[&one], at(1)).await.unwrap().is_none());
    }
}
