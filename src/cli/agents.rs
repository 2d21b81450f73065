//! `huifang agents list|add|change|disable|enable|on-duty|off-duty|password`: who takes calls, and whether they do just now.

use super::{Failure, parts, secret_input};
use crate::agent::reach::Reacher;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::agent_sessions::{self, DutyError, Standing, Wish};
use crate::db::agents::{self, Agent, Ha1, Profile};
use crate::db::state::Reach;
use crate::db::{StoreError, users};
use crate::ids::{AgentId, UserId};
use crate::phone::Pii;
use crate::sip::auth::{self, HashAlgorithm};
use secrecy::ExposeSecret;
use sqlx::PgConnection;
use std::path::PathBuf;
use uuid::Uuid;

/// Options of `agents`.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Shows agents and where they stand.
    List {
        /// Those who are disabled too.
        #[arg(long)]
        all: bool,
        /// As JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Adds an agent. Where a phone registers, its password is asked for.
    Add {
        /// Name, as the pages show it.
        #[arg(long)]
        name: String,
        /// How the agent is reached.
        #[arg(long, value_enum)]
        reach: ReachBy,
        #[command(flatten)]
        set: Set,
        /// A file that holds the password of the softphone; default: it is asked for, or read from standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Changes what is given, leaves the rest.
    Change {
        /// Id, staff number, SIP user or name.
        agent: String,
        /// Name, as the pages show it.
        #[arg(long)]
        name: Option<String>,
        /// How the agent is reached; ends the agent's duty.
        #[arg(long, value_enum)]
        reach: Option<ReachBy>,
        #[command(flatten)]
        set: Set,
        /// A file that holds the new password of the softphone, where the SIP user changes.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// The agent takes no calls any more; one that goes on is not touched.
    Disable {
        /// Id, staff number, SIP user or name.
        agent: String,
    },
    /// The agent takes calls again, once on duty.
    Enable {
        /// Id, staff number, SIP user or name.
        agent: String,
    },
    /// Puts an agent on duty who is not reached by the page, or back from a break.
    OnDuty {
        /// Id, staff number, SIP user or name.
        agent: String,
    },
    /// Takes an agent off duty; in a call: after it.
    OffDuty {
        /// Id, staff number, SIP user or name.
        agent: String,
    },
    /// Sets the password with which the agent's softphone registers.
    Password {
        /// Id, staff number, SIP user or name.
        agent: String,
        /// A file that holds it; default: it is asked for, or read from standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

/// How an agent is reached.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum ReachBy {
    /// A softphone that registers with the engine as --sip-user.
    Registered,
    /// Rung at --sip-uri.
    Uri,
    /// The call is taken in the page, as --user.
    Browser,
    /// A queue of the PBX at --sip-uri, by REFER.
    Pbx,
}

impl From<ReachBy> for Reach {
    fn from(by: ReachBy) -> Reach {
        match by {
            ReachBy::Registered => Reach::Registered,
            ReachBy::Uri => Reach::Uri,
            ReachBy::Browser => Reach::Browser,
            ReachBy::Pbx => Reach::Pbx,
        }
    }
}

/// What may be set; an empty text takes away.
#[derive(clap::Args, Debug)]
struct Set {
    /// Who signs in on the page as this agent (`huifang users`).
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The dealer's own number of the person.
    #[arg(long, value_name = "NUMBER")]
    staff_number: Option<String>,
    /// Survey keys or words of your own, with commas between; none: everything.
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    skills: Option<Vec<String>>,
    /// Languages, with commas between (zh-CN,en); none: all.
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    languages: Option<Vec<String>>,
    /// As whom the softphone registers.
    #[arg(long, value_name = "NAME")]
    sip_user: Option<String>,
    /// Where the agent is rung, or the PBX's queue (sip:201@192.0.2.10).
    #[arg(long, value_name = "URI")]
    sip_uri: Option<String>,
    /// The trunk that carries calls there.
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// Picking up takes the call, without the accept key.
    #[arg(long, value_name = "YES_OR_NO", num_args = 0..=1, default_missing_value = "true")]
    auto_answer: Option<bool>,
    /// `pbx`: the engine calls first, and hands over once somebody answers.
    #[arg(long, value_name = "YES_OR_NO", num_args = 0..=1, default_missing_value = "true")]
    attended: Option<bool>,
}

/// Shows or changes agents; status 1 when one is not found or cannot be what was asked for.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        match options.what {
            What::List { all, json } => list(&mut conn, all, json).await,
            What::Add { name, reach, set, password_file } => {
                let profile = Profile {
                    user: None,
                    name: Pii::new(name),
                    staff_number: None,
                    skills: Vec::new(),
                    languages: Vec::new(),
                    reach: reach.into(),
                    sip_user: None,
                    sip_uri: None,
                    trunk: None,
                    auto_answer: false,
                    attended: false,
                };
                let profile = set.apply(&mut conn, profile).await?;
                add(&mut conn, &settings, profile, password_file).await
            }
            What::Change { agent, name, reach, set, password_file } => {
                let agent = find(&mut conn, &agent).await?;
                let mut profile = Profile::of(&agent);
                profile.name = name.map_or(profile.name, Pii::new);
                profile.reach = reach.map_or(profile.reach, Reach::from);
                let profile = set.apply(&mut conn, profile).await?;
                change(&mut conn, &settings, &agent, profile, password_file).await
            }
            What::Disable { agent } => {
                let agent = find(&mut conn, &agent).await?;
                agents::disable(&mut conn, agent.id, true, Clock::System.now()).await.map_err(Failure::start)?;
                off_duty(&mut conn, agent.id).await.map_err(Failure::start)?;
                say!("{} takes no calls any more", agent.id);
                Ok(())
            }
            What::Enable { agent } => {
                let agent = find(&mut conn, &agent).await?;
                agents::disable(&mut conn, agent.id, false, Clock::System.now()).await.map_err(Failure::start)?;
                say!("{} takes calls again, once on duty", agent.id);
                Ok(())
            }
            What::OnDuty { agent } => on_duty(&mut conn, &agent).await,
            What::OffDuty { agent } => {
                let agent = find(&mut conn, &agent).await?;
                off_duty(&mut conn, agent.id).await.map_err(Failure::start)?;
                say!("{}", stands(&mut conn, agent.id).await?);
                Ok(())
            }
            What::Password { agent, password_file } => {
                let agent = find(&mut conn, &agent).await?;
                let profile = Profile::of(&agent);
                let ha1 = password(&settings, &profile, password_file).await?;
                agents::update(&mut conn, agent.id, &profile, Some(&ha1)).await.map_err(said)?;
                say!("the password of {} is set; running engines take it within seconds", agent.id);
                Ok(())
            }
        }
    };
    let result = result.await;
    let _ = store.close().await;
    result
}

impl Set {
    /// Puts what was given into a profile.
    async fn apply(self, conn: &mut PgConnection, mut to: Profile) -> Result<Profile, Failure> {
        let text = |given: Option<String>, before: Option<String>| match given {
            Some(text) => Some(text).filter(|text| !text.is_empty()),
            None => before,
        };
        let words = |given: Option<Vec<String>>, before: Vec<String>| match given {
            Some(words) => {
                words.into_iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
            }
            None => before,
        };
        to.user = match self.user {
            Some(name) if name.is_empty() => None,
            Some(name) => Some(user(conn, &name).await?),
            None => to.user,
        };
        to.staff_number = text(self.staff_number, to.staff_number);
        to.skills = words(self.skills, to.skills);
        to.languages = words(self.languages, to.languages);
        to.sip_user = text(self.sip_user, to.sip_user);
        to.sip_uri = text(self.sip_uri, to.sip_uri);
        to.trunk = text(self.trunk, to.trunk);
        to.auto_answer = self.auto_answer.unwrap_or(to.auto_answer);
        to.attended = self.attended.unwrap_or(to.attended);
        Ok(to)
    }
}

async fn user(conn: &mut PgConnection, name: &str) -> Result<UserId, Failure> {
    let found = users::by_name(conn, name).await.map_err(Failure::start)?;
    found.map(|user| user.id).ok_or_else(|| Failure::Found("no user has that name (`huifang users list`)".to_owned()))
}

async fn add(
    conn: &mut PgConnection,
    settings: &Settings,
    profile: Profile,
    file: Option<PathBuf>,
) -> Result<(), Failure> {
    judge(settings, &profile)?;
    let ha1 = match profile.reach {
        Reach::Registered => Some(password(settings, &profile, file).await?),
        Reach::Uri | Reach::Browser | Reach::Pbx => None,
    };
    let id = AgentId(Uuid::now_v7());
    agents::add(conn, id, &profile, ha1.as_ref(), Clock::System.now()).await.map_err(said)?;
    say!("{id} is added");
    Ok(())
}

async fn change(
    conn: &mut PgConnection,
    settings: &Settings,
    agent: &Agent,
    profile: Profile,
    file: Option<PathBuf>,
) -> Result<(), Failure> {
    judge(settings, &profile)?;
    let renamed = profile.sip_user != agent.sip_user || agent.reach != Reach::Registered;
    let ha1 = match profile.reach {
        Reach::Registered if renamed || file.is_some() => Some(password(settings, &profile, file).await?),
        Reach::Registered | Reach::Uri | Reach::Browser | Reach::Pbx => None,
    };
    agents::update(conn, agent.id, &profile, ha1.as_ref()).await.map_err(said)?;
    if profile.reach != agent.reach {
        // How the agent counts as there has changed: they come again the new way.
        off_duty(conn, agent.id).await.map_err(Failure::start)?;
    }
    say!("{} is changed", agent.id);
    Ok(())
}

/// Whether an agent set so could be called.
fn judge(settings: &Settings, profile: &Profile) -> Result<(), Failure> {
    reacher(settings)?.check(profile).map_err(|why| Failure::Found(why.to_string()))
}

/// Where calls to agents may go under these settings.
pub fn reacher(settings: &Settings) -> Result<Reacher, Failure> {
    let local = std::net::SocketAddr::new(settings.sip.public_ip(), settings.sip.listen.port());
    Ok(Reacher::new(parts::trunks(settings)?, settings.agents.allow_hosts.clone(), local, &parts::node(settings)))
}

async fn password(settings: &Settings, profile: &Profile, file: Option<PathBuf>) -> Result<Ha1, Failure> {
    let Some(user) = profile.sip_user.as_deref().filter(|_| profile.reach == Reach::Registered) else {
        return Err(Failure::Found(
            "only a softphone that registers has a password (--reach registered --sip-user NAME)".to_owned(),
        ));
    };
    let password = secret_input::password("Password of the softphone", file).await?;
    let ha1 = |algorithm| auth::ha1(algorithm, user, &settings.agents.realm, password.expose_secret());
    Ok(Ha1 { md5: ha1(HashAlgorithm::Md5 { sess: false }), sha256: ha1(HashAlgorithm::Sha256 { sess: false }) })
}

async fn list(conn: &mut PgConnection, all: bool, json: bool) -> Result<(), Failure> {
    let standing = agent_sessions::roster(conn).await.map_err(Failure::start)?;
    for agent in agents::list(conn, all).await.map_err(Failure::start)? {
        let stands = standing.iter().find(|(other, _)| other.id == agent.id).and_then(|(_, stands)| stands.as_ref());
        if json {
            say!("{}", serde_json::json!({ "agent": agent, "stands": stands }));
        } else {
            let place = agent.sip_user.as_ref().or(agent.sip_uri.as_ref()).map_or("", String::as_str);
            let (number, name) = (agent.staff_number.as_deref().unwrap_or("-"), agent.name.expose());
            let words = |words: &[String], none: &str| if words.is_empty() { none.to_owned() } else { words.join(",") };
            let (skills, languages) = (words(&agent.skills, "everything"), words(&agent.languages, "all languages"));
            say!(
                "{}  {number:<8} {name}  {} {place}  {skills}  {languages}  {}",
                agent.id,
                agent.reach,
                word(&agent, stands)
            );
        }
    }
    Ok(())
}

fn word(agent: &Agent, stands: Option<&Standing>) -> String {
    match (agent.disabled_at, agent.reach, stands) {
        (Some(_), _, _) => "disabled".to_owned(),
        (None, Reach::Pbx, _) => "queue".to_owned(),
        (None, _, None) => "offline".to_owned(),
        (None, _, Some(stands)) => format!("{} since {}", stands.state, stands.since.format("%F %H:%M:%S UTC")),
    }
}

async fn stands(conn: &mut PgConnection, agent: AgentId) -> Result<String, Failure> {
    let stands = agent_sessions::current(conn, agent).await.map_err(Failure::start)?;
    Ok(match stands {
        None => format!("{agent} is offline"),
        Some(Standing { state, next_state: Some(next), .. }) => {
            format!("{agent} is {state}, and {next} after the call")
        }
        Some(Standing { state, .. }) => format!("{agent} is {state}"),
    })
}

async fn on_duty(conn: &mut PgConnection, word: &str) -> Result<(), Failure> {
    let agent = find(conn, word).await?;
    if agent.reach == Reach::Browser {
        return Err(Failure::Found("this agent takes calls in the page, and goes on duty there".to_owned()));
    }
    let now = Clock::System.now();
    match agent_sessions::wish(conn, agent.id, Wish::Available, now, now).await {
        Ok(()) => {
            say!("{}", stands(conn, agent.id).await?);
            Ok(())
        }
        Err(DutyError::Store(error)) => Err(Failure::start(error)),
        Err(error) => Err(Failure::Found(error.to_string())),
    }
}

/// Off duty, or after the call; who is off already, and a queue, stay as they are.
async fn off_duty(conn: &mut PgConnection, agent: AgentId) -> Result<(), StoreError> {
    let now = Clock::System.now();
    match agent_sessions::wish(conn, agent, Wish::Offline, now, now).await {
        Ok(()) | Err(DutyError::Refused(_) | DutyError::Disabled | DutyError::Queue) => Ok(()),
        Err(DutyError::Store(error)) => Err(error),
    }
}

async fn find(conn: &mut PgConnection, word: &str) -> Result<Agent, Failure> {
    let mut found = agents::find(conn, word).await.map_err(Failure::start)?;
    match (found.pop(), found.is_empty()) {
        (Some(agent), true) => Ok(agent),
        (Some(_), false) => {
            Err(Failure::Found("more than one agent is meant by that; give the id (`huifang agents list`)".to_owned()))
        }
        (None, _) => Err(Failure::Found("there is no such agent (`huifang agents list`)".to_owned())),
    }
}

/// What a refusal of the store means for what was asked.
fn said(error: StoreError) -> Failure {
    let why = match error.constraint() {
        Some("agents_staff_number_once") => "another agent has this staff number",
        Some("agents_sip_user_once") => "another agent has this SIP user",
        Some("agents_user_once") => "this user is another agent already",
        Some("agents_sip_user_check") => "a SIP user has letters, digits, dots, hyphens and underscores only",
        Some("agents_name_check") => "a name is wanted",
        Some("agents_reach_whole") => {
            "something is missing: registered needs --sip-user and a password, uri and pbx need --sip-uri, browser needs --user"
        }
        Some(_) | None => return Failure::start(error),
    };
    Failure::Found(why.to_owned())
}
