//! Draws a survey as SVG: a box for each step from top to bottom in the order of the file, what follows straight below, and wires on the right for every
//! other way, one for each step that they lead to. Own layout, no font metrics: widths are reckoned by characters. Pure; gives the text of the file.

use super::definition::{Definition, PromptId, Step, StepKind, Target};
use super::describe;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Left edge and width of the boxes, px.
const LEFT: usize = 30;
const WIDTH: usize = 620;
/// Height of a line of text, and the gap between boxes.
const LINE: usize = 17;
const GAP: usize = 20;
/// Distance of the wires, and the room for the first.
const LANE: usize = 15;
/// Narrow characters that fit in a line.
const FITS: usize = 88;

/// Colours of wires, told apart side by side.
const COLOURS: [&str; 8] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#e07b00", "#8c564b", "#c2409a", "#0f8f9f"];

/// A line of a box, and where a wire that begins at it leads.
struct Row {
    text: String,
    to: Option<usize>,
}

struct Box {
    title: String,
    fill: &'static str,
    rows: Vec<Row>,
    top: usize,
    /// An arrow leads straight to the box below.
    falls: bool,
}

impl Box {
    fn height(&self) -> usize {
        LINE * (self.rows.len() + 1) + 14
    }

    fn row_at(&self, row: usize) -> usize {
        self.top + 18 + LINE * (row + 1)
    }
}

/// The survey as SVG. `text` gives what a prompt says, in the language of the drawing.
pub fn svg(definition: &Definition, text: &dyn Fn(&PromptId) -> Option<String>) -> String {
    let mut boxes = vec![head(definition)];
    boxes.extend(definition.steps.iter().enumerate().map(|(index, step)| of_step(definition, index, step, text)));
    let mut top = 20;
    for one in &mut boxes {
        one.top = top;
        top += one.height() + GAP;
    }
    let lanes = lanes(&boxes);
    let width = LEFT + WIDTH + LANE * (lanes.values().map(|lane| lane + 1).max().unwrap_or(0) + 2) + 10;
    let mut out = String::new();
    // writing to a string cannot fail
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{top}\" viewBox=\"0 0 {width} {top}\" \
         font-family=\"system-ui, 'Noto Sans CJK SC', sans-serif\" font-size=\"12\">\n\
         <title>{}, version {}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
        escaped(&definition.key),
        definition.version
    );
    for (target, lane) in &lanes {
        wire(&mut out, &boxes, *target, *lane);
    }
    for (index, one) in boxes.iter().enumerate() {
        draw(&mut out, one);
        if one.falls && index + 1 < boxes.len() {
            let (x, y) = (LEFT + WIDTH / 2, one.top + one.height());
            let _ = writeln!(out, "<path d=\"M{x} {y}v{}\" stroke=\"#444\" fill=\"none\"/>", GAP - 5);
            let _ = writeln!(out, "<path d=\"M{} {}h8l-4 6z\" fill=\"#444\"/>", x - 4, y + GAP - 6);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Where calls go without an answer, and the survey's name.
fn head(definition: &Definition) -> Box {
    let handlers = &definition.handlers;
    let mut rows = Vec::new();
    let mut row = |what: &str, to: Option<Target>| {
        if let Some(to) = to {
            rows.push(leads(definition, what, to, None));
        }
    };
    row("unhappy", handlers.unhappy);
    row("key 0, a person", handlers.person);
    let help = definition.help.map(|help| format!("keys {}, something else", help.keys)).unwrap_or_default();
    row(&help, definition.help.map(|help| help.target));
    row("silent for too many questions", handlers.silence.map(|(_, to)| to));
    row("the engine stops", Some(handlers.shutdown));
    row("the call is too long", Some(handlers.too_long));
    let title = definition.languages.first().and_then(|language| definition.titles.get(language));
    let title = title.unwrap_or(&definition.key);
    Box {
        title: format!("{} · {title} · version {}", definition.key, definition.version),
        fill: "#fff7d6",
        rows,
        top: 0,
        falls: true,
    }
}

fn of_step(definition: &Definition, index: usize, step: &Step, text: &dyn Fn(&PromptId) -> Option<String>) -> Box {
    let below = Target::Step(index + 1);
    let plain = |text: String| Row { text, to: None };
    let mut rows = Vec::new();
    if !step.when.is_empty() {
        let condition = describe::conditions(definition, &step.when);
        let otherwise = if step.otherwise == below {
            plain(format!("only if {condition}"))
        } else {
            leads(definition, &format!("only if {condition}, else"), step.otherwise, None)
        };
        rows.push(otherwise);
    }
    if let Some(id) = describe::first_prompt(step) {
        let said = text(id).map_or_else(|| id.to_string(), |said| format!("“{said}”"));
        rows.extend(wrapped(&said).into_iter().map(plain));
    }
    let mut falls = false;
    match &step.kind {
        StepKind::Choice { options } => {
            for option in options {
                falls |= option.target == below;
                rows.push(leads(definition, &format!("{}  {}", option.keys, option.value), option.target, Some(index)));
            }
        }
        StepKind::Digits { empty: Some(empty), .. } => {
            falls |= *empty == below;
            rows.push(leads(definition, "#  nothing", *empty, Some(index)));
        }
        StepKind::Agent(agent) => {
            let ways = [("nobody free", agent.no_agent), ("nobody took it", agent.failed)];
            for (what, to) in ways.into_iter().chain(agent.ask.then_some(("2  no", agent.declined))) {
                falls |= to == below;
                rows.push(leads(definition, what, to, Some(index)));
            }
        }
        StepKind::End { outcome } => rows.push(plain(format!("hangs up: {}", describe::end_outcome(*outcome)))),
        StepKind::Say | StepKind::Scale { .. } | StepKind::Digits { empty: None, .. } | StepKind::Record { .. } => {}
    }
    if !matches!(step.kind, StepKind::Choice { .. } | StepKind::End { .. } | StepKind::Agent(_)) {
        falls |= step.next == below;
        if step.next != below {
            rows.push(leads(definition, "then", step.next, None));
        }
    }
    if step.is_question()
        && step.give_up != step.next
        && !matches!(step.kind, StepKind::Record { .. } | StepKind::Agent(_))
    {
        falls |= step.give_up == below;
        rows.push(leads(definition, "no answer", step.give_up, Some(index)));
    }
    Box { title: format!("{} · {}", step.id, describe::kind(step)), fill: fill(step), rows, top: 0, falls }
}

/// A row with its way; one to the step below needs no wire.
fn leads(definition: &Definition, what: &str, to: Target, from: Option<usize>) -> Row {
    let wire = match to {
        Target::Step(step) if from.map(|from| from + 1) == Some(step) => None,
        Target::Step(step) => Some(step + 1),
        Target::Resume | Target::Back => None,
    };
    Row { text: format!("{what} → {}", describe::target(definition, to)), to: wire }
}

fn fill(step: &Step) -> &'static str {
    match &step.kind {
        StepKind::Say => "#f1f1f1",
        StepKind::Choice { .. } | StepKind::Digits { .. } => "#e3eefb",
        StepKind::Scale { .. } => "#e2f4e3",
        StepKind::Record { .. } => "#f0e6fa",
        StepKind::Agent(_) => "#fdebd3",
        StepKind::End { .. } => "#fbe3e1",
    }
}

/// Which lane each wire takes, by the box that it leads to: the first in which nothing else runs beside it; short ones are nearest.
fn lanes(boxes: &[Box]) -> BTreeMap<usize, usize> {
    let mut spans: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for one in boxes {
        for (row, to) in one.rows.iter().enumerate().filter_map(|(row, r)| Some((row, r.to?))) {
            let Some(target) = boxes.get(to) else { continue };
            let span = spans.entry(to).or_insert((target.top, target.top + LINE));
            *span = (span.0.min(one.row_at(row)), span.1.max(one.row_at(row)));
        }
    }
    let mut by_length: Vec<(usize, (usize, usize))> = spans.into_iter().collect();
    by_length.sort_by_key(|(to, (from, until))| (until - from, *to));
    let mut taken: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut lanes = BTreeMap::new();
    for (to, (from, until)) in by_length {
        let free = |spans: &Vec<(usize, usize)>| spans.iter().all(|(a, b)| until + 6 < *a || *b + 6 < from);
        let lane = taken.iter().position(free).unwrap_or(taken.len());
        if lane == taken.len() {
            taken.push(Vec::new());
        }
        if let Some(spans) = taken.get_mut(lane) {
            spans.push((from, until));
        }
        lanes.insert(to, lane);
    }
    lanes
}

/// All ways to one box: from each row to the lane, along it, and into the box.
fn wire(out: &mut String, boxes: &[Box], target: usize, lane: usize) {
    let Some(goal) = boxes.get(target) else { return };
    let right = LEFT + WIDTH;
    let x = right + LANE * (lane + 1) + 6;
    let y = goal.top + 12;
    let colour = COLOURS.get(target % COLOURS.len()).copied().unwrap_or("#444");
    for one in boxes {
        for row in one.rows.iter().enumerate().filter(|(_, row)| row.to == Some(target)).map(|(row, _)| row) {
            let from = one.row_at(row) - 4;
            let _ = writeln!(
                out,
                "<path d=\"M{right} {from}H{x}V{y}H{}\" stroke=\"{colour}\" stroke-width=\"1.4\" stroke-linejoin=\"round\" fill=\"none\"/>\
                 <circle cx=\"{right}\" cy=\"{from}\" r=\"2.5\" fill=\"{colour}\"/>",
                right + 7
            );
        }
    }
    let _ = writeln!(out, "<path d=\"M{} {}v8l-7 -4z\" fill=\"{colour}\"/>", right + 8, y - 4);
}

fn draw(out: &mut String, one: &Box) {
    let (top, height) = (one.top, one.height());
    let _ = writeln!(
        out,
        "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"{}\" stroke=\"#777\"/>",
        one.fill
    );
    let x = LEFT + 10;
    let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\" font-weight=\"600\">{}</text>", top + 17, escaped(&one.title));
    for (row, Row { text, .. }) in one.rows.iter().enumerate() {
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\">{}</text>", one.row_at(row), escaped(text));
    }
}

/// Lines that fit into a box; a wide (CJK) character counts twice. Words stay whole where there are blanks.
fn wrapped(text: &str) -> Vec<String> {
    let wide = |c: char| if u32::from(c) > 0x2e7f { 2 } else { 1 };
    let (mut lines, mut line, mut length) = (Vec::new(), String::new(), 0);
    for c in text.chars() {
        if length + wide(c) > FITS {
            let rest = match line.rfind(' ') {
                Some(blank) => line.split_off(blank).trim_start().to_owned(),
                None => String::new(),
            };
            lines.push(std::mem::replace(&mut line, rest));
            length = line.chars().map(wide).sum();
        }
        line.push(c);
        length += wide(c);
    }
    if !line.trim().is_empty() {
        lines.push(line);
    }
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_and_every_option_is_drawn_and_no_two_wires_share_a_place() {
        for text in [
            include_str!("../../surveys/aftersales_3day.toml"),
            include_str!("../../surveys/prospect.toml"),
            include_str!("../../surveys/sales_3day.toml"),
        ] {
            let definition = Definition::from_toml("s.toml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            let drawn = svg(&definition, &|id| Some(format!("says <{id}> & more")));
            for step in &definition.steps {
                assert!(drawn.contains(&format!(">{} · ", step.id)), "{}", step.id);
                if let StepKind::Choice { options } = &step.kind {
                    assert!(options.iter().all(|o| drawn.contains(&format!(">{}  {} → ", o.keys, o.value))));
                }
            }
            assert!(drawn.contains("says &lt;help.menu&gt; &amp; more"));
            assert_eq!(drawn.matches("<svg").count() + drawn.matches("</svg>").count(), 2);
            let boxes = drawn.matches("rx=\"6\"").count();
            assert_eq!(boxes, definition.steps.len() + 1);
        }
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let lines = wrapped(&"seven letters ".repeat(20));
        assert!(lines.len() > 2 && lines.iter().all(|line| line.chars().count() <= FITS), "{lines:?}");
        assert!(
            lines.iter().all(
                |line| !line.starts_with(' ') && line.trim_end().ends_with("rs") || line.trim_end().ends_with("en")
            )
        );
        assert_eq!(wrapped(&"字".repeat(FITS)).len(), 2);
    }
}
