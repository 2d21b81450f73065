//! `huifang call NUMBER`: one call now, printed as it happens. Nothing is stored: it is the test of a trunk, a survey, a prompt.
//!
//! The allow-list and the calling window hold here too (in the dealer's time zone), and a number on the do-not-call list is refused.

use super::{Failure, parts};
use crate::call::disposition::Disposition;
use crate::call::driver::{Order, Report, drive};
use crate::call::machine::{Ending, Keep};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::phones;
use crate::dialer::policy::{Asked, Contact, Permit, Refusal};
use crate::dialer::trunk_keeper::Keepers;
use crate::dialer::trunks::Trunk;
use crate::net::sip_transport::SipHandle;
use crate::phone::{E164, Pii};
use crate::survey::flow::Facts;
use chrono::NaiveDate;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Options of `call`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The number, as people write it.
    number: String,
    /// Which trunk of the settings; may be left out where there is one only.
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// Which survey to ask.
    #[arg(long, value_name = "KEY", default_value = "aftersales_3day")]
    survey: String,
    /// Language to speak; default: the dealer's.
    #[arg(long)]
    language: Option<String>,
    /// The car's plate, for the greeting.
    #[arg(long)]
    plate: Option<String>,
    /// Day of the repair, for the reason.
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<NaiveDate>,
    /// Staff number of the advisor, for the advisor check.
    #[arg(long, value_name = "NUMBER")]
    advisor: Option<String>,
    /// Print one JSON object for each event instead of lines; the last one is the outcome.
    #[arg(long)]
    json: bool,
}

/// Places the call. Status 1 when it did not come to a conversation.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let number = E164::parse(&options.number, &settings.dealer.country)
        .map_err(|error| Failure::start(format!("the number given: {error}")))?;
    permitted(&settings, &number)?;
    let trunks = parts::trunks(&settings)?;
    let trunk = match &options.trunk {
        Some(name) => trunks.iter().find(|trunk| trunk.name == *name),
        None if trunks.len() == 1 => trunks.first(),
        None => {
            return Err(Failure::start("--trunk NAME says which of the trunks in the settings; there is not just one"));
        }
    };
    let trunk = trunk.ok_or_else(|| Failure::start("no trunk of this name is in the settings"))?.clone();
    let mut surveys = parts::load_surveys(&settings.survey.surveys_dir)?;
    let survey = surveys.remove(&options.survey);
    let survey = survey.ok_or_else(|| Failure::start(format!("there is no survey `{}`", options.survey)))?;
    let prompts = parts::load_prompts(&settings.survey.prompts_dir)?;
    let sip = parts::open_sip(&settings)?;
    // The store comes last: whatever cannot start by its settings leaves nothing behind.
    let store = parts::open_store(&settings).await?;
    let blocked = phones::is_blocked(&mut *parts::connection(&store).await?, &number).await;
    store.close().await.map_err(Failure::start)?;
    if blocked.map_err(Failure::start)? {
        return Err(Failure::start("the number is on the do-not-call list"));
    }
    let line = parts::open_line(&settings, sip, prompts)?;
    let keepers = ready(&settings, &trunk, &line.sip).await?;
    let zone = parts::zone(&settings)?;
    let order = Order {
        route: trunk.route(&number, Instant::now()).map_err(Failure::start)?,
        definition: survey.definition,
        facts: Facts {
            language: options.language.unwrap_or(settings.dealer.language),
            plate: options.plate.map(Pii::new),
            event_date: options.date,
            advisor_number: options.advisor,
            now_local: Clock::System.now().with_timezone(&zone).naive_local(),
            answered: BTreeMap::new(),
            message_left: false,
            record_calls: line.record_calls,
        },
        // nothing of this call is stored, so there is nobody to be held for it
        agents: None,
        attempt: None,
    };
    let (reports, inbox) = mpsc::unbounded_channel();
    let printing = tokio::spawn(print(inbox, options.json));
    let ending = drive(&line, order, reports, parts::stop_on_signal()).await.map_err(Failure::start)?;
    let _ = printing.await;
    keepers.end().await;
    // A BYE that was lost is sent again before the process may end.
    let sip = line.sip.clone();
    drop(line);
    sip.settled().await;
    conclude(&ending, options.json)
}

/// A trunk with a name is looked up, and registered with where it wants that, before it gets the call.
async fn ready(settings: &Settings, trunk: &Trunk, sip: &SipHandle) -> Result<Keepers, Failure> {
    let keepers = Keepers::start(std::slice::from_ref(trunk), sip, parts::resolver(settings)?.as_ref());
    let until = Instant::now() + READY;
    while let Some(fault) = trunk.known.read(|state| state.fault(Instant::now())) {
        if Instant::now() >= until {
            keepers.end().await;
            return Err(Failure::Found(format!("trunks.{}: {fault}", trunk.name)));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(keepers)
}

/// How long a trunk may take to be found and to register us.
const READY: Duration = Duration::from_secs(15);

/// A person dials by hand: the number's history is not asked, everything else is.
fn permitted(settings: &Settings, number: &E164) -> Result<(), Failure> {
    let manners = parts::manners(settings)?;
    let (zone, now, contact) = (parts::zone(settings)?, Clock::System.now(), Contact::default());
    match manners.permit(&Asked { number, zone, appointment: false, contact: &contact, now }) {
        Permit::Dial => Ok(()),
        Permit::NotBefore(at, _) => Err(Failure::start(format!(
            "the calling window (dialer.window and the country's) is closed until {}",
            at.format("%F %H:%M UTC")
        ))),
        Permit::NeverOpen => Err(Failure::start("the calling window (dialer.window) never opens")),
        Permit::Refused(Refusal::NotAllowed) => {
            Err(Failure::start("dialer.allow has no prefix for this number; add one, as allow = [\"+86\"]"))
        }
        Permit::Refused(refusal) => Err(Failure::start(refusal)),
        Permit::Blocked | Permit::Spent => Err(Failure::start("this number must not be dialled")),
    }
}

async fn print(mut inbox: mpsc::UnboundedReceiver<Report>, json: bool) {
    while let Some(report) = inbox.recv().await {
        match report {
            Report::Note(event) if json => say!("{}", serde_json::to_value(&event).unwrap_or_default()),
            Report::Note(event) => say!("{:>9.3} s  {}", event.offset_ms as f64 / 1000.0, event.moment.line()),
            Report::Session(..) => {}
            // Whatever is kept in a stored call stands in the timeline as well.
            Report::Keep(Keep::InviteSent | Keep::Answered | Keep::Answer(..) | Keep::Complaint(_))
            | Report::Keep(
                Keep::ComplaintNote(_) | Keep::Recording { .. } | Keep::CallOnRecord { .. } | Keep::CallBack(_),
            )
            | Report::Keep(Keep::WrongNumber | Keep::DoNotCall | Keep::Lead(_) | Keep::Outcome(_))
            | Report::Keep(Keep::Transfer(..) | Keep::TransferEnded(..) | Keep::Quality(_)) => {}
        }
    }
}

fn conclude(ending: &Ending, json: bool) -> Result<(), Failure> {
    let disposition = ending.verdict.disposition;
    if json {
        let object = serde_json::json!({
            "disposition": disposition, "aapor": disposition.aapor(), "blame": ending.verdict.blame,
            "sip_status": ending.sip_status, "detail": ending.verdict.detail,
        });
        say!("{object}");
    } else {
        say!("\n{disposition} (AAPOR {}): {}", disposition.aapor(), ending.verdict.detail);
    }
    // Who was never heard, or heard nothing, had no conversation either, though the survey had begun: then there is no outcome.
    if ending.outcome.is_some() && disposition != Disposition::NoAudio {
        Ok(())
    } else {
        Err(Failure::Found(format!("no conversation: {}", ending.verdict.detail)))
    }
}
