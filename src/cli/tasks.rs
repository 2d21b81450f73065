//! `huifang tasks`: the manual touches of the calendar for their owners: what is due, and closing one as done or skipped.

use super::{Failure, parts, plan};
use crate::config::Settings;
use crate::db::state::TaskState;
use crate::db::tasks::{self, Task, Wanted};
use crate::followup::calendar::rule::{Calendar, Role};
use crate::ids::TaskId;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use uuid::Uuid;

/// Options of `tasks`.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only this role's: sales_manager, advisor, service_advisor, care_specialist.
    #[arg(long, value_name = "ROLE")]
    owner: Option<Role>,
    /// What is due up to the end of this day, as 2026-12-31; default: today.
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: i64,
    /// Show names, numbers and plates in clear.
    #[arg(long)]
    unmasked: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// The touch was made.
    Done(Closing),
    /// The touch is left out.
    Skip(Closing),
}

#[derive(clap::Args, Debug)]
struct Closing {
    /// Id of the task, as the list shows it.
    id: Uuid,
    /// Who made it, or who decided.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// What came of it, or why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Lists or closes.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let calendar = parts::calendar(&settings)?;
    let now = Utc::now();
    let today = now.with_timezone(&parts::zone(&settings)?).date_naive();
    let until = plan::end_of(options.until.unwrap_or(today), &settings)?;
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        let close = |closing: &Closing| (TaskId(closing.id), closing.by.clone(), closing.note.clone());
        let (state, (id, by, note)) = match &options.action {
            None => {
                let wanted = Wanted { owner: options.owner, until, limit: options.limit };
                let found = tasks::open(&mut conn, &wanted).await.map_err(Failure::start)?;
                show(&found, &calendar, &settings.dealer.language, &options, now);
                return Ok(());
            }
            Some(Action::Done(closing)) => (TaskState::Done, close(closing)),
            Some(Action::Skip(closing)) => (TaskState::Skipped, close(closing)),
        };
        let closed = tasks::close(&mut conn, id, state, by.as_deref(), note.as_deref(), now).await;
        closed.map_err(|error| Failure::Found(error.to_string()))?;
        say!("{id}: {state}");
        Ok(())
    };
    let result = result.await;
    let _ = store.close().await;
    result
}

fn show(tasks: &[Task], calendar: &Calendar, language: &str, options: &Options, now: DateTime<Utc>) {
    for task in tasks {
        let seen = Seen::of(task, options.unmasked);
        let title = calendar.title(&task.rule_key, language);
        let overdue = task.deadline <= now;
        if options.json {
            let line = json!({
                "id": task.id, "rule": task.rule_key, "title": title, "owner": task.owner_role, "purpose": task.purpose, "customer_id": task.customer_id,
                "name": seen.name, "number": seen.number, "plate": seen.plate, "model": task.model, "advisor": seen.advisor,
                "due_at": task.due_at, "deadline": task.deadline, "overdue": overdue,
            });
            say!("{line}");
            continue;
        }
        let zone: chrono_tz::Tz = task.time_zone.parse().unwrap_or(chrono_tz::UTC);
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).format("%m-%d %H:%M");
        let late = if overdue { "  overdue" } else { "" };
        say!(
            "{}  {} to {}  {:<15}  {title} ({})  {} {} {} {} {}{late}",
            task.id,
            day(task.due_at),
            day(task.deadline),
            task.owner_role.as_str(),
            task.purpose,
            seen.name,
            seen.number,
            seen.plate,
            task.model,
            seen.advisor,
        );
    }
    if tasks.is_empty() && !options.json {
        say!("Nothing is due.");
    }
}

/// A task's personal data as it is shown.
struct Seen {
    name: String,
    number: String,
    plate: String,
    advisor: String,
}

impl Seen {
    fn of(task: &Task, unmasked: bool) -> Seen {
        let number = task.number.as_ref().map(|number| &number.0);
        if unmasked {
            return Seen {
                name: task.name.expose().clone(),
                number: number.map_or("", |number| number.as_str()).to_owned(),
                plate: task.plate.expose().clone(),
                advisor: task.advisor.expose().clone(),
            };
        }
        Seen {
            name: task.name.to_string(),
            number: number.map(ToString::to_string).unwrap_or_default(),
            plate: task.plate.to_string(),
            advisor: task.advisor.to_string(),
        }
    }
}
