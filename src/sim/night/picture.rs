//! The picture of a simulated night as SVG: calls at once, complete interviews and the queue by quarter of an hour. Pure; written by hand, no script, no font of its own.

use super::figures::{Night, STEP_MIN, Step};
use chrono::TimeDelta;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
const GAP: f64 = 40.0;

/// Draws one night.
pub fn svg(night: &Night, from: chrono::DateTime<chrono::Utc>) -> String {
    type Value = fn(&Step) -> f64;
    let rows: [(&str, &str, Value); 3] = [
        ("calls at once (most)", "#2563eb", |step| f64::from(step.at_once)),
        ("complete interviews", "#16a34a", |step| f64::from(step.complete)),
        ("due and waiting", "#d97706", |step| step.due as f64),
    ];
    let whole = TOP + rows.len() as f64 * (HEIGHT + GAP);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {whole}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        LEFT + WIDTH + 20.0
    );
    for (row, (title, colour, value)) in rows.into_iter().enumerate() {
        let top = TOP + row as f64 * (HEIGHT + GAP);
        draw(&mut out, &night.steps, top, (title, colour), value);
    }
    axis(&mut out, night, from, whole - GAP);
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, steps: &[Step], top: f64, (title, colour): (&str, &str), value: fn(&Step) -> f64) {
    let most = steps.iter().map(value).fold(1.0, f64::max);
    let width = WIDTH / steps.len().max(1) as f64;
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{}\" fill=\"#111\">{title}</text>", top - 6.0);
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" fill=\"#555\" text-anchor=\"end\">{most}</text>",
        LEFT - 6.0,
        top + 10.0
    );
    let _ =
        writeln!(out, "<text x=\"{}\" y=\"{}\" fill=\"#555\" text-anchor=\"end\">0</text>", LEFT - 6.0, top + HEIGHT);
    for (index, step) in steps.iter().enumerate() {
        let height = HEIGHT * value(step) / most;
        let (x, y) = (LEFT + width * index as f64, top + HEIGHT - height);
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>",
            width * 0.9
        );
    }
    let y = top + HEIGHT;
    let _ = writeln!(out, "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"#999\"/>", LEFT + WIDTH);
}

fn axis(out: &mut String, night: &Night, from: chrono::DateTime<chrono::Utc>, y: f64) {
    let width = WIDTH / night.steps.len().max(1) as f64;
    // a label each hour or more, twelve at most
    let every = (night.steps.len() / 12).max(1).div_ceil(4) * 4;
    for index in (0..night.steps.len()).step_by(every) {
        let at = from + TimeDelta::minutes(STEP_MIN * i64::try_from(index).unwrap_or_default());
        let local = at.with_timezone(&night.zone).format("%H:%M");
        let x = LEFT + width * index as f64;
        let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{}\" fill=\"#555\">{local}</text>", y + 16.0);
    }
}
