//! What a simulated night says to people: a table with bands, when it ends and what limits it, warnings; and the same as one JSON object.

use crate::sim::night::figures::{Band, Night};
use crate::sim::night::run::{House, Span};
use serde_json::{Map, Value, json};

/// The figures of all replications under one set of settings.
pub struct Told {
    figures: Vec<(&'static str, Option<Band>)>,
    replications: usize,
    from: String,
    sentence: String,
    warnings: Vec<String>,
}

impl Told {
    /// Puts it together.
    pub fn new(house: &House, span: Span, figures: Vec<(&'static str, Option<Band>)>, nights: &[Night]) -> Told {
        let mut told = Told {
            figures,
            replications: nights.len(),
            from: span.from.with_timezone(&house.zone).format("%Y-%m-%d %H:%M %Z").to_string(),
            sentence: String::new(),
            warnings: Vec::new(),
        };
        told.sentence = told.ends(house, span);
        told.warnings = told.warned(house);
        told
    }

    fn band(&self, name: &str) -> Option<Band> {
        self.figures.iter().find(|(own, _)| *own == name)?.1
    }

    fn mean(&self, name: &str) -> f64 {
        self.band(name).map_or(0.0, |band| band.mean)
    }

    fn ends(&self, house: &House, span: Span) -> String {
        let Some(hours) = self.band("hours") else { return "Nobody was called.".to_owned() };
        let local = |hours: f64| {
            let at = span.from + chrono::TimeDelta::seconds((hours * 3600.0) as i64);
            at.with_timezone(&house.zone).format("%a %H:%M").to_string()
        };
        let slots = slots(house);
        let limit = if self.mean("calls_at_once_most") >= 0.98 * f64::from(slots) {
            format!("at its busiest all {slots} places are taken: more of them would end it sooner")
        } else {
            format!("of {slots} places some are always free: retries and the calling window set the end")
        };
        format!(
            "The last call ends at {} (90 %: {} to {}); {limit}.",
            local(hours.mean),
            local(hours.low),
            local(hours.high)
        )
    }

    fn warned(&self, house: &House) -> Vec<String> {
        let mut warnings = Vec::new();
        let share = |name: &str| self.mean(name);
        if house.dialer.allow.is_empty() {
            warnings.push("dialer.allow is empty: nobody is called".to_owned());
        }
        if share("left") > 0.0 {
            warnings.push(format!("{:.0} customers are still to be called when the time is over", share("left")));
        }
        if share("deadline_missed") > 0.0 {
            warnings.push(format!("{:.0} customers wait in the queue past their deadline", share("deadline_missed")));
        }
        if share("agent_nobody_free_percent") > 10.0 {
            let free = share("agent_nobody_free_percent");
            warnings.push(format!("in {free:.0} % of the calls that want an agent nobody is free: too few agents"));
        }
        warnings
    }

    /// For people.
    pub fn table(&self, against: Option<&Told>) -> String {
        let mut lines = vec![format!("From {}, {} replications", self.from, self.replications)];
        let other = if against.is_some() { "against" } else { "" };
        lines.push(format!("{:<28}{:>12}{:>24}   {other}", "", "expected", "90 % band"));
        for (name, band) in &self.figures {
            let other = against.map(|told| cell(told.band(name))).unwrap_or_default();
            lines.push(format!("{:<28}{}   {other}", name.replace('_', " "), cell(*band)).trim_end().to_owned());
        }
        for (label, told) in [("", Some(self)), ("Against: ", against)] {
            let Some(told) = told else { continue };
            lines.push(format!("{label}{}", told.sentence));
            lines.extend(told.warnings.iter().map(|warning| format!("{label}Warning: {warning}")));
        }
        lines.join("\n")
    }

    /// For programs.
    pub fn json(&self, seed: u64, against: Option<&Told>) -> Value {
        let mut object = self.object();
        object.insert("seed".to_owned(), json!(seed));
        if let Some(told) = against {
            object.insert("against".to_owned(), Value::Object(told.object()));
        }
        Value::Object(object)
    }

    fn object(&self) -> Map<String, Value> {
        let figures: Map<String, Value> =
            self.figures.iter().map(|(name, band)| ((*name).to_owned(), json!(band))).collect();
        Map::from_iter([
            ("from".to_owned(), json!(self.from)),
            ("replications".to_owned(), json!(self.replications)),
            ("figures".to_owned(), Value::Object(figures)),
            ("sentence".to_owned(), json!(self.sentence)),
            ("warnings".to_owned(), json!(self.warnings)),
        ])
    }
}

fn cell(band: Option<Band>) -> String {
    match band {
        Some(band) => format!("{:>12.1}{:>24}", band.mean, format!("{:.1} to {:.1}", band.low, band.high)),
        None => format!("{:>12}{:>24}", "-", ""),
    }
}

/// Calls at once that trunks and engine take.
fn slots(house: &House) -> u32 {
    let trunks: u32 = house.trunks.iter().map(|trunk| trunk.settings.max_calls).sum();
    trunks.min(house.dialer.max_calls)
}
