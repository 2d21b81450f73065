//! `api_tokens`: programs that ask the API, by the hash of their token. A row is never deleted, the audit log names it; a revoked or expired one opens nothing.

use super::{Result, StoreError};
use crate::ids::TokenId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use std::fmt;
use uuid::Uuid;

/// When a token was last used is written this often at most: a busy program does not write with each question.
const USED_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// What a token opens. They do not contain each other, but `Admin` contains all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, clap::ValueEnum)]
pub enum Scope {
    /// Figures, the queue, calls and complaints, people masked.
    Read,
    /// With `read`: names, numbers and plates in clear, what people said.
    Personal,
    /// Pausing, the do-not-call list, work on complaints.
    Operate,
    /// Lists of customers.
    Import,
    /// Everything.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 5] = [Scope::Read, Scope::Personal, Scope::Operate, Scope::Import, Scope::Admin];

    /// The text in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Personal => "personal",
            Scope::Operate => "operate",
            Scope::Import => "import",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These, each once.
    pub fn new(mut scopes: Vec<Scope>) -> Scopes {
        scopes.sort_unstable();
        scopes.dedup();
        Scopes(scopes)
    }

    /// Whether they open what wants this one.
    pub fn allow(&self, wanted: Scope) -> bool {
        self.0.contains(&wanted) || self.0.contains(&Scope::Admin)
    }

    fn texts(&self) -> Vec<&'static str> {
        self.0.iter().map(|scope| scope.as_str()).collect()
    }
}

impl TryFrom<Vec<String>> for Scopes {
    type Error = String;

    /// A text that is no scope opens nothing: it is an error, not passed over.
    fn try_from(texts: Vec<String>) -> std::result::Result<Scopes, String> {
        let read = |text: &String| {
            let known = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
            known.ok_or_else(|| "a scope that this version does not know".to_owned())
        };
        texts.iter().map(read).collect::<std::result::Result<Vec<_>, _>>().map(Scopes::new)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(", "))
    }
}

/// A token about to be added.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// Its id.
    pub id: TokenId,
    /// What it is for; capitals make no difference.
    pub name: &'a str,
    /// Hex SHA-256 of the token.
    pub hash: &'a str,
    /// What it opens.
    pub scopes: &'a Scopes,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when; none: until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Token {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// What it opens.
    #[sqlx(try_from = "Vec<String>")]
    pub scopes: Scopes,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Until when it opens anything.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When somebody took it back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Adds a token; false where one of that name is not revoked.
pub async fn add(conn: &mut PgConnection, new: &NewToken<'_>) -> Result<bool> {
    let done = sqlx::query(
        "insert into api_tokens (id, name, token_hash, scopes, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (lower(name)) where revoked_at is null do nothing",
    )
    .bind(new.id.0)
    .bind(new.name)
    .bind(new.hash)
    .bind(new.scopes.texts())
    .bind(new.created_at)
    .bind(new.expires_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All tokens, those revoked too, by name.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Token>> {
    Ok(sqlx::query_as(
        "select id, name, scopes, created_at, expires_at, last_used_at, revoked_at from api_tokens order by lower(name), created_at",
    )
    .fetch_all(conn)
    .await?)
}

/// Takes back the token of a name; which it was, or none where no live one has it.
pub async fn revoke(conn: &mut PgConnection, name: &str, at: DateTime<Utc>) -> Result<Option<TokenId>> {
    let id: Option<Uuid> = sqlx::query_scalar(
        "update api_tokens set revoked_at = $2 where lower(name) = lower($1) and revoked_at is null returning id",
    )
    .bind(name)
    .bind(at)
    .fetch_optional(conn)
    .await?;
    Ok(id.map(TokenId))
}

/// The token of a hash that opens something now; that it was used is written down.
pub async fn find(conn: &mut PgConnection, hash: &str, now: DateTime<Utc>) -> Result<Option<Token>> {
    let found: Option<Token> = sqlx::query_as(
        "select id, name, scopes, created_at, expires_at, last_used_at, revoked_at from api_tokens
         where token_hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(token) = found else { return Ok(None) };
    if token.last_used_at.is_none_or(|last| now - last >= USED_AGAIN) {
        let done = sqlx::query("update api_tokens set last_used_at = $2 where id = $1")
            .bind(token.id.0)
            .bind(now)
            .execute(conn)
            .await?;
        if done.rows_affected() != 1 {
            return Err(StoreError::row("api_tokens", token.id, "it went while it was used"));
        }
    }
    Ok(Some(token))
}

/// Whether there is or ever was one: from then on nobody is let in unasked.
pub async fn any(conn: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select from api_tokens)").fetch_one(conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{at, id};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_token_opens_until_it_expires_or_is_revoked(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        assert!(!any(&mut conn).await.unwrap());
        let scopes = Scopes::new(vec![Scope::Import, Scope::Read, Scope::Read]);
        let (one, two) = ("1".repeat(64), "2".repeat(64));
        let new = |n: u16, name, hash, expires_at| NewToken {
            id: id(n),
            name,
            hash,
            scopes: &scopes,
            created_at: at(0),
            expires_at,
        };
        assert!(add(&mut conn, &new(1, "BI", &one, Some(at(60)))).await.unwrap());
        assert!(!add(&mut conn, &new(2, "bi", &two, None)).await.unwrap(), "the name is taken");
        assert!(any(&mut conn).await.unwrap());

        let found = find(&mut conn, &one, at(1)).await.unwrap().unwrap();
        assert_eq!((found.id, found.scopes.to_string().as_str(), found.last_used_at), (id(1), "read, import", None));
        let used = async |conn: &mut PgConnection| list(conn).await.unwrap()[0].last_used_at;
        find(&mut conn, &one, at(1) + TimeDelta::seconds(59)).await.unwrap();
        assert_eq!(used(&mut conn).await, Some(at(1)), "written once a minute");
        find(&mut conn, &one, at(2)).await.unwrap();
        assert_eq!(used(&mut conn).await, Some(at(2)));
        assert!(find(&mut conn, &one, at(60) - TimeDelta::seconds(1)).await.unwrap().is_some());
        assert!(find(&mut conn, &one, at(60)).await.unwrap().is_none(), "expired");
        assert!(find(&mut conn, &two, at(1)).await.unwrap().is_none());

        assert_eq!(revoke(&mut conn, "bI", at(3)).await.unwrap(), Some(id(1)));
        assert_eq!(revoke(&mut conn, "bi", at(4)).await.unwrap(), None);
        assert!(find(&mut conn, &one, at(3)).await.unwrap().is_none());
        assert!(add(&mut conn, &new(2, "bi", &two, None)).await.unwrap(), "a revoked one's name is free");
        assert!(find(&mut conn, &two, at(9_999_999)).await.unwrap().is_some());
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn the_store_takes_our_scopes_and_no_others(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let all = Scopes::new(Scope::ALL.to_vec());
        let hash = "a".repeat(64);
        let new = NewToken { id: id(1), name: "all", hash: &hash, scopes: &all, created_at: at(0), expires_at: None };
        assert!(add(&mut conn, &new).await.unwrap());
        assert_eq!(list(&mut conn).await.unwrap()[0].scopes, all);
        let hash = "b".repeat(64);
        let none = Scopes::new(Vec::new());
        let new = NewToken { id: id(2), name: "none", hash: &hash, scopes: &none, ..new };
        assert!(add(&mut conn, &new).await.is_err());
        let update = sqlx::query("update api_tokens set scopes = array['root']").execute(&mut *conn).await;
        assert!(update.is_err());
    }

    #[test]
    fn admin_opens_all_and_the_others_only_themselves() {
        for wanted in Scope::ALL {
            assert!(Scopes::new(vec![Scope::Admin]).allow(wanted));
            for has in [Scope::Read, Scope::Personal, Scope::Operate, Scope::Import] {
                assert_eq!(Scopes::new(vec![has]).allow(wanted), has == wanted, "{has} {wanted}");
            }
        }
        assert!(Scopes::try_from(vec!["root".to_owned()]).is_err());
    }
}
