//! `agents`: who takes calls, for what, and how they are reached. Passwords are here as HA1 only, and are read by nobody but the registrar.

use super::state::Reach;
use super::{Result, StoreError};
use crate::ids::{AgentId, UserId};
use crate::phone::Pii;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use std::fmt;
use uuid::Uuid;

/// An agent as stored, without passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Agent {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: AgentId,
    /// Who signs in on the page as this agent.
    #[sqlx(rename = "user_id")]
    user: Option<Uuid>,
    /// Name.
    #[sqlx(try_from = "String")]
    pub name: Pii<String>,
    /// The dealer's own number of the person.
    pub staff_number: Option<String>,
    /// Survey keys or words of the dealer's; empty: everything.
    pub skills: Vec<String>,
    /// BCP 47 tags; empty: all.
    pub languages: Vec<String>,
    /// How they are reached.
    pub reach: Reach,
    /// User of the registrar.
    pub sip_user: Option<String>,
    /// Where they are rung, or the PBX's queue.
    pub sip_uri: Option<String>,
    /// The trunk that carries a call there; none: straight to the URI's host.
    pub trunk: Option<String>,
    /// Picking up takes the call.
    pub auto_answer: bool,
    /// `pbx` only: the engine calls first.
    pub attended: bool,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// Since when they take no calls.
    pub disabled_at: Option<DateTime<Utc>>,
}

impl Agent {
    /// Who signs in on the page as this agent.
    pub fn user(&self) -> Option<UserId> {
        self.user.map(UserId)
    }
}

/// What is set of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Who signs in on the page as this agent.
    pub user: Option<UserId>,
    /// Name; not empty.
    pub name: Pii<String>,
    /// The dealer's own number of the person.
    pub staff_number: Option<String>,
    /// Survey keys or words of the dealer's; empty: everything.
    pub skills: Vec<String>,
    /// BCP 47 tags; empty: all.
    pub languages: Vec<String>,
    /// How they are reached.
    pub reach: Reach,
    /// User of the registrar; needed where `reach` is registered.
    pub sip_user: Option<String>,
    /// Needed where `reach` is uri or pbx.
    pub sip_uri: Option<String>,
    /// The trunk that carries a call there.
    pub trunk: Option<String>,
    /// Picking up takes the call.
    pub auto_answer: bool,
    /// `pbx` only: the engine calls first.
    pub attended: bool,
}

impl Profile {
    /// What is set of a stored agent.
    pub fn of(agent: &Agent) -> Profile {
        let agent = agent.clone();
        Profile {
            user: agent.user(),
            name: agent.name,
            staff_number: agent.staff_number,
            skills: agent.skills,
            languages: agent.languages,
            reach: agent.reach,
            sip_user: agent.sip_user,
            sip_uri: agent.sip_uri,
            trunk: agent.trunk,
            auto_answer: agent.auto_answer,
            attended: agent.attended,
        }
    }
}

/// A SIP password as the registrar needs it (RFC 7616, 3.4.2): H(user:realm:password) in lower-case hex. Whoever has it can register: it never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    /// By MD5.
    pub md5: String,
    /// By SHA-256.
    pub sha256: String,
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// Adds an agent. A staff number, a SIP user or a page's user that another agent has is refused by its constraint (`agents_…_once`), as is a `reach`
/// whose parts are missing (`agents_reach_whole`).
pub async fn add(
    conn: &mut PgConnection,
    id: AgentId,
    new: &Profile,
    password: Option<&Ha1>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "insert into agents (id, user_id, name, staff_number, skills, languages, reach, sip_user, sip_ha1_md5, sip_ha1_sha256, sip_uri, trunk, auto_answer,
                             attended, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(id.0)
    .bind(new.user.map(|user| user.0))
    .bind(new.name.expose())
    .bind(&new.staff_number)
    .bind(&new.skills)
    .bind(&new.languages)
    .bind(new.reach)
    .bind(&new.sip_user)
    .bind(password.map(|ha1| &ha1.md5))
    .bind(password.map(|ha1| &ha1.sha256))
    .bind(&new.sip_uri)
    .bind(&new.trunk)
    .bind(new.auto_answer)
    .bind(new.attended)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes what is set of an agent; the password stays where the SIP user stays, else it is gone (it was made with the name) unless a new one is given.
/// What the agent does at the moment is `agent_sessions`' business.
pub async fn update(conn: &mut PgConnection, id: AgentId, to: &Profile, password: Option<&Ha1>) -> Result<()> {
    let done = sqlx::query(
        "update agents set user_id = $2, name = $3, staff_number = $4, skills = $5, languages = $6, reach = $7, sip_user = $8, sip_uri = $9, trunk = $10,
                auto_answer = $11, attended = $12,
                sip_ha1_md5 = coalesce($13, case when sip_user = $8 then sip_ha1_md5 end),
                sip_ha1_sha256 = coalesce($14, case when sip_user = $8 then sip_ha1_sha256 end)
         where id = $1",
    )
    .bind(id.0)
    .bind(to.user.map(|user| user.0))
    .bind(to.name.expose())
    .bind(&to.staff_number)
    .bind(&to.skills)
    .bind(&to.languages)
    .bind(to.reach)
    .bind(&to.sip_user)
    .bind(&to.sip_uri)
    .bind(&to.trunk)
    .bind(to.auto_answer)
    .bind(to.attended)
    .bind(password.map(|ha1| &ha1.md5))
    .bind(password.map(|ha1| &ha1.sha256))
    .execute(conn)
    .await?;
    exactly_one(done.rows_affected(), id)
}

/// From now on the agent takes no calls (`disabled`), or does again. A call that goes on is not touched.
pub async fn disable(conn: &mut PgConnection, id: AgentId, disabled: bool, now: DateTime<Utc>) -> Result<()> {
    let done =
        sqlx::query("update agents set disabled_at = case when $2 then coalesce(disabled_at, $3) end where id = $1")
            .bind(id.0)
            .bind(disabled)
            .bind(now)
            .execute(conn)
            .await?;
    exactly_one(done.rows_affected(), id)
}

/// One agent.
pub async fn get(conn: &mut PgConnection, id: AgentId) -> Result<Agent> {
    let found: Option<Agent> = sqlx::query_as(
        "select id, user_id, name, staff_number, skills, languages, reach, sip_user, sip_uri, trunk, auto_answer, attended, created_at, disabled_at
         from agents where id = $1",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    found.ok_or_else(|| StoreError::row("agents", id, "there is none"))
}

/// All agents by name; those who are disabled only if asked for.
pub async fn list(conn: &mut PgConnection, disabled_too: bool) -> Result<Vec<Agent>> {
    Ok(sqlx::query_as(
        "select id, user_id, name, staff_number, skills, languages, reach, sip_user, sip_uri, trunk, auto_answer, attended, created_at, disabled_at
         from agents where $1 or disabled_at is null order by name, id",
    )
    .bind(disabled_too)
    .fetch_all(conn)
    .await?)
}

/// The agent as whom a user takes calls, if there is one who is not disabled.
pub async fn of_user(conn: &mut PgConnection, user: UserId) -> Result<Option<Agent>> {
    Ok(sqlx::query_as(
        "select id, user_id, name, staff_number, skills, languages, reach, sip_user, sip_uri, trunk, auto_answer, attended, created_at, disabled_at
         from agents where user_id = $1 and disabled_at is null",
    )
    .bind(user.0)
    .fetch_optional(conn)
    .await?)
}

/// Agents whom a person means by `word`: an id, a staff number, a SIP user or a name.
pub async fn find(conn: &mut PgConnection, word: &str) -> Result<Vec<Agent>> {
    Ok(sqlx::query_as(
        "select id, user_id, name, staff_number, skills, languages, reach, sip_user, sip_uri, trunk, auto_answer, attended, created_at, disabled_at
         from agents where id::text = $1 or staff_number = $1 or sip_user = $1 or lower(name) = lower($1) order by name, id",
    )
    .bind(word)
    .fetch_all(conn)
    .await?)
}

/// A user of the registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipUser {
    /// User name.
    pub user: String,
    /// The password.
    pub password: Ha1,
}

/// Who may register a phone, by name.
pub async fn sip_users(conn: &mut PgConnection) -> Result<Vec<SipUser>> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "select sip_user, sip_ha1_md5, sip_ha1_sha256 from agents
         where reach = 'registered' and disabled_at is null and sip_user is not null and sip_ha1_md5 is not null and sip_ha1_sha256 is not null
         order by sip_user",
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(user, md5, sha256)| SipUser { user, password: Ha1 { md5, sha256 } }).collect())
}

fn exactly_one(rows: u64, id: AgentId) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::row("agents", id, "there is none")) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::db::fixture::{at, id};
    use sqlx::PgPool;

    /// Agent `n`, reached as told, with everything that this needs but a user of the page.
    pub(crate) fn profile(n: u16, reach: Reach) -> Profile {
        Profile {
            user: None,
            name: Pii::new(format!("坐席{n}")),
            staff_number: Some(format!("{n}")),
            skills: Vec::new(),
            languages: Vec::new(),
            reach,
            sip_user: (reach == Reach::Registered).then(|| format!("agent{n}")),
            sip_uri: matches!(reach, Reach::Uri | Reach::Pbx).then(|| format!("sip:{n}@127.0.0.1")),
            trunk: None,
            auto_answer: false,
            attended: false,
        }
    }

    pub(crate) fn password(digit: &str) -> Ha1 {
        Ha1 { md5: digit.repeat(32), sha256: digit.repeat(64) }
    }

    /// Adds agent `n` with that profile.
    pub(crate) async fn added(conn: &mut PgConnection, n: u16, reach: Reach) -> AgentId {
        let mut profile = profile(n, reach);
        if reach == Reach::Browser {
            sqlx::query(
                "insert into users (id, name, password_hash, role, created_at) values ($1, $2, 'x', 'agent', $3)",
            )
            .bind(id::<UserId>(n).0)
            .bind(format!("user{n}"))
            .bind(at(0))
            .execute(&mut *conn)
            .await
            .unwrap();
            profile.user = Some(id(n));
        }
        let password = (reach == Reach::Registered).then(|| password("a"));
        add(conn, id(n), &profile, password.as_ref(), at(0)).await.unwrap();
        id(n)
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn an_agent_is_added_changed_and_disabled(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let new = profile(1, Reach::Registered);
        add(&mut conn, id(1), &new, Some(&password("a")), at(0)).await.unwrap();
        let agent = get(&mut conn, id(1)).await.unwrap();
        assert_eq!((Profile::of(&agent), agent.created_at, agent.disabled_at), (new.clone(), at(0), None));
        assert!(!format!("{agent:?} {:?}", password("a")).contains("坐席1"));

        let users = sip_users(&mut conn).await.unwrap();
        assert_eq!(users, [SipUser { user: "agent1".to_owned(), password: password("a") }]);
        let renamed = Profile { skills: vec!["sales_24h".to_owned()], ..new.clone() };
        update(&mut conn, id(1), &renamed, None).await.unwrap();
        assert_eq!(sip_users(&mut conn).await.unwrap(), users, "the password stays");
        let other = Profile { sip_user: Some("other".to_owned()), ..new };
        let error = update(&mut conn, id(1), &other, None).await.unwrap_err();
        assert_eq!(error.constraint(), Some("agents_reach_whole"), "it was made with the old name");
        update(&mut conn, id(1), &other, Some(&password("b"))).await.unwrap();

        for word in ["1", "坐席1", "other", &id::<AgentId>(1).to_string()] {
            assert_eq!(find(&mut conn, word).await.unwrap().len(), 1, "{word}");
        }
        disable(&mut conn, id(1), true, at(5)).await.unwrap();
        disable(&mut conn, id(1), true, at(6)).await.unwrap();
        assert_eq!(get(&mut conn, id(1)).await.unwrap().disabled_at, Some(at(5)));
        assert_eq!((sip_users(&mut conn).await.unwrap(), list(&mut conn, false).await.unwrap()), (vec![], vec![]));
        assert_eq!(list(&mut conn, true).await.unwrap().len(), 1);
        disable(&mut conn, id(1), false, at(7)).await.unwrap();
        assert_eq!(list(&mut conn, false).await.unwrap().len(), 1);
        assert!(disable(&mut conn, id(2), true, at(7)).await.is_err());
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn half_an_agent_is_refused_by_name(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        added(&mut conn, 1, Reach::Registered).await;
        let fault = |profile: Profile, password: Option<Ha1>| {
            let pool = pool.clone();
            async move {
                let mut conn = pool.acquire().await.unwrap();
                let error = add(&mut conn, id(2), &profile, password.as_ref(), at(0)).await.unwrap_err();
                error.constraint().unwrap_or_default().to_owned()
            }
        };
        let same = |n: u16| Profile { staff_number: Some("9".to_owned()), ..profile(n, Reach::Registered) };
        assert_eq!(fault(same(1), Some(password("a"))).await, "agents_sip_user_once");
        assert_eq!(fault(profile(2, Reach::Registered), None).await, "agents_reach_whole");
        assert_eq!(fault(profile(2, Reach::Browser), None).await, "agents_reach_whole");
        assert_eq!(fault(Profile { sip_uri: None, ..profile(2, Reach::Pbx) }, None).await, "agents_reach_whole");
        let twice = Profile { staff_number: Some("1".to_owned()), ..profile(2, Reach::Uri) };
        assert_eq!(fault(twice, None).await, "agents_staff_number_once");
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_user_is_one_agent(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let agent = added(&mut conn, 1, Reach::Browser).await;
        assert_eq!(of_user(&mut conn, id(1)).await.unwrap().map(|found| found.id), Some(agent));
        disable(&mut conn, agent, true, at(1)).await.unwrap();
        assert_eq!(of_user(&mut conn, id(1)).await.unwrap(), None);
    }
}
