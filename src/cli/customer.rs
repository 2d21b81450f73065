//! `huifang customer NUMBER|ID`: the customer tracking table (客户跟踪表): every touch of one customer, done and planned. Masked unless asked otherwise.

use super::{Failure, parts};
use crate::config::Settings;
use crate::db::customers::{self, Touch, Track};
use crate::followup::calendar::rule::Calendar;
use crate::ids::CustomerId;
use crate::phone::{E164, Pii};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// Options of `customer`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Phone number as people write it, or the customer's id.
    #[arg(value_name = "NUMBER|ID")]
    who: String,
    /// Show names, numbers and plates in clear.
    #[arg(long)]
    unmasked: bool,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Prints the table of each customer that is meant (a household may share a number); status 1 where there is none.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let calendar = parts::calendar(&settings)?;
    let id = options.who.parse::<Uuid>().ok();
    let number = match id {
        Some(_) => None,
        None => Some(E164::parse(&options.who, &settings.dealer.country).map_err(Failure::start)?),
    };
    let store = parts::open_store(&settings).await?;
    let tracks = async {
        let mut conn = parts::connection(&store).await?;
        let ids = match &number {
            Some(number) => customers::on_number(&mut conn, number).await.map_err(Failure::start)?,
            None => id.map(CustomerId).into_iter().collect(),
        };
        let mut tracks = Vec::new();
        for id in ids {
            let track = customers::track(&mut conn, id).await;
            tracks.push(track.map_err(|error| Failure::Found(error.to_string()))?);
        }
        Ok::<_, Failure>(tracks)
    };
    let tracks = tracks.await;
    let _ = store.close().await;
    let tracks = tracks?;
    if tracks.is_empty() {
        return Err(Failure::Found("no customer has this number".into()));
    }
    if options.json {
        say!("{}", Value::Array(tracks.iter().map(|track| as_json(track, options.unmasked)).collect()));
    } else {
        tracks.iter().for_each(|track| print(track, &calendar, &settings.dealer.language, options.unmasked));
    }
    Ok(())
}

fn shown(text: &Pii<String>, unmasked: bool) -> String {
    match text.expose().as_str() {
        "" => String::new(),
        clear if unmasked => clear.to_owned(),
        _ => text.to_string(),
    }
}

fn number(number: &E164, unmasked: bool) -> String {
    if unmasked { number.as_str().to_owned() } else { number.masked() }
}

fn print(track: &Track, calendar: &Calendar, language: &str, unmasked: bool) {
    let customer = &track.customer;
    say!("{}  {}", shown(&customer.name, unmasked), customer.id);
    let particulars = [
        customer.segment.clone().unwrap_or_default(),
        customer.source.clone().unwrap_or_default(),
        customer.region.clone().unwrap_or_default(),
        shown(&customer.owner, unmasked),
        customer.language.clone(),
        customer.time_zone.clone(),
    ];
    say!("  {}", particulars.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "));
    for phone in &track.phones {
        let wrong = if phone.wrong { "  wrong number" } else { "" };
        let blocked = if phone.blocked { "  do not call" } else { "" };
        say!("  {}{wrong}{blocked}", number(&phone.number.0, unmasked));
    }
    for car in &track.vehicles {
        let dates =
            [("bought", car.purchased_on), ("insured to", car.insurance_until), ("inspect by", car.inspection_due)];
        let dates: Vec<String> = dates.iter().filter_map(|(what, day)| Some(format!("{what} {}", (*day)?))).collect();
        say!("  {} {}  {}", shown(&car.plate, unmasked), car.model, dates.join(", "));
    }
    let zone: chrono_tz::Tz = customer.time_zone.parse().unwrap_or(chrono_tz::UTC);
    let time = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    say!();
    for touch in &track.touches {
        let when = touch.closed_at.or(touch.next_at).map(time).unwrap_or_default();
        let event = match (&touch.event, touch.event_on) {
            (Some(event), Some(day)) => format!("{event} of {day}"),
            (_, _) => String::new(),
        };
        let who = touch.owner_role.as_deref().unwrap_or("engine");
        say!(
            "  {when}  {:<12} {:<15} {}  {event}  {}",
            touch.state,
            who,
            calendar.title(&touch.key, language),
            outcome(touch, unmasked)
        );
    }
    say!();
}

fn outcome(touch: &Touch, unmasked: bool) -> String {
    let attempts = match touch.attempts {
        0 => String::new(),
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    // A task's note is a person's own words about the customer.
    let said = match (touch.kind.as_str(), &touch.outcome) {
        (_, None) => String::new(),
        ("task", Some(_)) if !unmasked => "•••".to_owned(),
        (_, Some(outcome)) => outcome.clone(),
    };
    let parts = [said, attempts, shown(&touch.closed_by, unmasked)];
    parts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

fn as_json(track: &Track, unmasked: bool) -> Value {
    let customer = &track.customer;
    let touches: Vec<Value> = track
        .touches
        .iter()
        .map(|touch| {
            json!({
                "id": touch.id, "kind": touch.kind, "key": touch.key, "event": touch.event, "event_on": touch.event_on, "owner_role": touch.owner_role,
                "state": touch.state, "outcome": touch.outcome.as_ref().filter(|_| unmasked || touch.kind == "survey"), "attempts": touch.attempts,
                "due_at": touch.due_at, "next_at": touch.next_at, "closed_at": touch.closed_at, "closed_by": shown(&touch.closed_by, unmasked),
            })
        })
        .collect();
    let phones: Vec<Value> = track
        .phones
        .iter()
        .map(|phone| json!({ "number": number(&phone.number.0, unmasked), "wrong": phone.wrong, "do_not_call": phone.blocked }))
        .collect();
    let vehicles: Vec<Value> = track
        .vehicles
        .iter()
        .map(|car| {
            json!({
                "plate": shown(&car.plate, unmasked), "model": car.model, "purchased_on": car.purchased_on, "insurance_until": car.insurance_until,
                "inspection_due": car.inspection_due,
            })
        })
        .collect();
    json!({
        "id": customer.id, "name": shown(&customer.name, unmasked), "language": customer.language, "time_zone": customer.time_zone,
        "segment": customer.segment, "source": customer.source, "region": customer.region, "owner": shown(&customer.owner, unmasked),
        "phones": phones, "vehicles": vehicles, "touches": touches,
    })
}
