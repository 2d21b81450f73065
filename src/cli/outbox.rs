//! `huifang outbox`: messages to other systems and texts to customers. What waits and what was given up, replaying, a text for one who asked, a try of a webhook.

use super::{Failure, parts, post};
use crate::config::Settings;
use crate::db::outbox::{self, Count, Filter, Message};
use crate::db::state::OutboxState;
use crate::ids::FollowUpId;
use crate::outbox::courier::post_signed;
use crate::outbox::wire;
use chrono::Utc;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

/// Options of `outbox`.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only messages in this state: waiting, sending, sent, failed, unknown.
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<OutboxState>,
    /// Only messages for this target: the name of a webhook, or sms.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// At most so many, newest first.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: i64,
    /// One JSON object a line: each target's counts, then the messages.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Sends messages once more; their ids stay, so that a receiver knows a second copy.
    Replay(Replay),
    /// Queues the text of a follow-up for a customer who asked for one instead of a call; once for each follow-up.
    Text {
        /// Id of the follow-up.
        follow_up: Uuid,
    },
    /// Posts a signed message of type `test` to a webhook now, past the outbox, and says what it answered.
    Test {
        /// Name of the webhook in the settings.
        name: String,
    },
}

#[derive(clap::Args, Debug)]
#[group(required = true)]
struct Replay {
    /// Ids of messages, as the list shows them; whatever became of them.
    ids: Vec<Uuid>,
    /// All that were given up.
    #[arg(long, conflicts_with = "ids")]
    failed: bool,
    /// With --failed: only this target's.
    #[arg(long, value_name = "NAME", requires = "failed")]
    target: Option<String>,
}

fn state(text: &str) -> Result<OutboxState, String> {
    let all: Vec<&str> = OutboxState::ALL.iter().map(|state| state.as_str()).collect();
    OutboxState::of(text).ok_or_else(|| format!("one of these is wanted: {}", all.join(", ")))
}

/// Lists, or does what is asked.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    if let Some(Action::Test { name }) = &options.action {
        return test(&settings, name).await;
    }
    let store = parts::connect(&settings).await?;
    let mut conn = parts::connection(&store).await?;
    let done = match &options.action {
        None => list(&mut conn, &options).await,
        Some(Action::Replay(wanted)) => replay(&mut conn, wanted).await,
        Some(Action::Text { follow_up }) => text(&mut conn, FollowUpId(*follow_up)).await,
        Some(Action::Test { .. }) => Ok(()),
    };
    drop(conn);
    let _ = store.close().await;
    done
}

async fn list(conn: &mut PgConnection, options: &Options) -> Result<(), Failure> {
    let counts = outbox::counts(conn).await.map_err(Failure::start)?;
    let filter =
        Filter { state: options.state, target: options.target.clone(), after: None, limit: options.limit.max(0) };
    let messages = outbox::list(conn, &filter).await.map_err(Failure::start)?;
    if options.json {
        counts.iter().for_each(|count| say!("{}", json!({ "count": count })));
        messages.iter().for_each(|message| say!("{}", json!(message)));
        return Ok(());
    }
    if counts.is_empty() {
        say!("Nothing was ever queued: see [webhooks.NAME] and [sms] in the settings (docs/webhooks.md).");
    }
    for Count { target, active, state, messages, oldest } in counts {
        let note = if active { "" } else { "  (the settings name it no more)" };
        say!("{target:<16} {state:<8} {messages:>7}  oldest {}{note}", oldest.format("%F %T UTC"));
    }
    for message in messages {
        print(&message);
    }
    Ok(())
}

fn print(message: &Message) {
    let Message { id, target, event, state, tries, happened_at, .. } = message;
    let error = message.last_error.as_deref().map(|error| format!("  {error}")).unwrap_or_default();
    say!("{id}  {}  {target:<12} {event:<10} {state:<8} tries {tries}{error}", happened_at.format("%F %T"));
}

async fn replay(conn: &mut PgConnection, wanted: &Replay) -> Result<(), Failure> {
    let now = Utc::now();
    if wanted.failed {
        let count = outbox::replay_failed(conn, wanted.target.as_deref(), now).await.map_err(Failure::start)?;
        say!("Messages that are sent once more: {count}");
        return Ok(());
    }
    let mut missing = 0;
    for id in &wanted.ids {
        match outbox::replay(conn, *id, now).await.map_err(Failure::start)? {
            true => say!("{id}  is sent once more"),
            false => {
                missing += 1;
                eprintln!("huifang: {id}: there is no such message, or it is on its way");
            }
        }
    }
    if missing == 0 { Ok(()) } else { Err(Failure::Found(format!("messages that are not sent once more: {missing}"))) }
}

async fn text(conn: &mut PgConnection, follow_up: FollowUpId) -> Result<(), Failure> {
    match outbox::put_text(conn, follow_up, Utc::now()).await.map_err(Failure::start)? {
        true => say!("The text is queued; it goes out within the calling hours."),
        false => {
            return Err(Failure::Found(
                "no text was queued: this follow-up has one already, or no running engine has [sms] in its settings"
                    .into(),
            ));
        }
    }
    Ok(())
}

async fn test(settings: &Settings, name: &str) -> Result<(), Failure> {
    let post = post::post(settings)?;
    let Some(webhook) = post.webhooks.get(name) else {
        return Err(Failure::start(format!("the settings have no [webhooks.{name}]")));
    };
    let now = Utc::now();
    let body = wire::body("test", now, &json!({ "dealer": settings.dealer.name }));
    let answer = post_signed(webhook, Uuid::now_v7(), body, now).await;
    match (answer.error, answer.status) {
        (None, Some(status)) => say!("{name} took it ({status})."),
        (error, _) => return Err(Failure::Found(format!("{name} did not take it: {}", error.unwrap_or_default()))),
    }
    Ok(())
}
