//! `users`: who signs in on the pages. A row is never deleted: the audit log names it. Passwords come in as Argon2id hashes and go out no other way.

use super::state::UserRole;
use super::{Result, StoreError};
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use uuid::Uuid;

/// Somebody about to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their id.
    pub id: UserId,
    /// What they sign in as; capitals make no difference.
    pub name: String,
    /// Argon2id in PHC string format (`web::password`).
    pub password_hash: SecretString,
    /// What they may do.
    pub role: UserRole,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct User {
    /// Their id.
    #[sqlx(try_from = "Uuid")]
    pub id: UserId,
    /// What they sign in as.
    pub name: String,
    /// What they may do.
    pub role: UserRole,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// From when on they may not sign in any more.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// Adds a user; false where the name is taken.
pub async fn add(conn: &mut PgConnection, new: &NewUser) -> Result<bool> {
    let done = sqlx::query(
        "insert into users (id, name, password_hash, role, created_at) values ($1, $2, $3, $4, $5) on conflict (lower(name)) do nothing",
    )
    .bind(new.id.0)
    .bind(&new.name)
    .bind(new.password_hash.expose_secret())
    .bind(new.role)
    .bind(new.created_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All users, by name.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<User>> {
    Ok(sqlx::query_as("select id, name, role, created_at, disabled_at from users order by lower(name)")
        .fetch_all(conn)
        .await?)
}

/// The user of a name, disabled ones too.
pub async fn by_name(conn: &mut PgConnection, name: &str) -> Result<Option<User>> {
    Ok(sqlx::query_as("select id, name, role, created_at, disabled_at from users where lower(name) = lower($1)")
        .bind(name)
        .fetch_optional(conn)
        .await?)
}

/// Whether there is or ever was one: from then on nobody is let in unasked.
pub async fn any(conn: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select from users)").fetch_one(conn).await?)
}

/// What a sign-in is compared with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Who.
    pub user: UserId,
    /// The name as it was added.
    pub name: String,
    /// What they may do.
    pub role: UserRole,
    /// Argon2id in PHC string format.
    pub password_hash: SecretString,
}

/// Of a user who may sign in; none for a name that nobody has, or whose user is disabled.
pub async fn credentials(conn: &mut PgConnection, name: &str) -> Result<Option<Credentials>> {
    let row: Option<(Uuid, String, UserRole, String)> = sqlx::query_as(
        "select id, name, role, password_hash from users where lower(name) = lower($1) and disabled_at is null",
    )
    .bind(name)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(id, name, role, hash)| Credentials { user: UserId(id), name, role, password_hash: hash.into() }))
}

/// Sets another password, and ends every session that the old one opened.
pub async fn set_password(conn: &mut PgConnection, id: UserId, password_hash: &SecretString) -> Result<()> {
    let done = sqlx::query(
        "with gone as (delete from user_sessions where user_id = $1) update users set password_hash = $2 where id = $1",
    )
    .bind(id.0)
    .bind(password_hash.expose_secret())
    .execute(conn)
    .await?;
    one(id, done.rows_affected())
}

/// Sets what a user may do; it holds from their next request on.
pub async fn set_role(conn: &mut PgConnection, id: UserId, role: UserRole) -> Result<()> {
    let done = sqlx::query("update users set role = $2 where id = $1").bind(id.0).bind(role).execute(conn).await?;
    one(id, done.rows_affected())
}

/// Lets a user in no more, and ends their sessions. Doing it again changes nothing.
pub async fn disable(conn: &mut PgConnection, id: UserId, now: DateTime<Utc>) -> Result<()> {
    let done = sqlx::query(
        "with gone as (delete from user_sessions where user_id = $1) update users set disabled_at = coalesce(disabled_at, $2) where id = $1",
    )
    .bind(id.0)
    .bind(now)
    .execute(conn)
    .await?;
    one(id, done.rows_affected())
}

fn one(id: UserId, touched: u64) -> Result<()> {
    match touched {
        1 => Ok(()),
        _ => Err(StoreError::row("users", id, "there is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{at, id};
    use crate::db::user_sessions::{self, NewSession};
    use sqlx::PgPool;

    pub fn user(n: u16, name: &str, role: UserRole) -> NewUser {
        NewUser { id: id(n), name: name.to_owned(), password_hash: "$argon2id$stored".into(), role, created_at: at(0) }
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_name_is_given_once_whatever_its_capitals(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        assert!(!any(&mut conn).await.unwrap());
        assert!(add(&mut conn, &user(1, "Li", UserRole::Agent)).await.unwrap());
        assert!(!add(&mut conn, &user(2, "lI", UserRole::Admin)).await.unwrap());
        assert!(add(&mut conn, &user(3, "王芳", UserRole::Manager)).await.unwrap());
        assert!(any(&mut conn).await.unwrap());
        let found = credentials(&mut conn, "LI").await.unwrap().unwrap();
        assert_eq!((found.user, found.name.as_str(), found.role), (id(1), "Li", UserRole::Agent));
        assert!(!format!("{found:?} {:?}", user(1, "Li", UserRole::Agent)).contains("$argon2id"), "no hash is shown");
        let names: Vec<_> = list(&mut conn).await.unwrap().into_iter().map(|user| user.name).collect();
        assert_eq!(names, ["Li", "王芳"]);
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn who_is_disabled_or_has_another_password_is_out_at_once(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        add(&mut conn, &user(1, "Li", UserRole::Agent)).await.unwrap();
        let hash = "a".repeat(64);
        let session =
            NewSession { token_hash: &hash, user: Some(id(1)), csrf: "c", began_at: at(0), expires_at: at(60) };
        for ends in [true, false] {
            user_sessions::open(&mut conn, &session).await.unwrap();
            match ends {
                true => set_password(&mut conn, id(1), &"$argon2id$other".into()).await.unwrap(),
                false => disable(&mut conn, id(1), at(5)).await.unwrap(),
            }
            assert!(user_sessions::find(&mut conn, &[hash.as_str()], at(1)).await.unwrap().is_none());
        }
        assert!(credentials(&mut conn, "Li").await.unwrap().is_none());
        disable(&mut conn, id(1), at(9)).await.unwrap();
        assert_eq!(by_name(&mut conn, "li").await.unwrap().unwrap().disabled_at, Some(at(5)));
        let nobody = set_role(&mut conn, id(7), UserRole::Admin).await.unwrap_err();
        assert!(nobody.to_string().ends_with("there is none"), "{nobody}");
    }
}
