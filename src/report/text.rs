//! A report as CSV, JSON, and a page that stands by itself (HTML).

use super::model::{Chart, Report, Section};
use super::sheet::{Cell, Sheet};
use crate::web::lang::Lang;
use askama::Template;
use chrono_tz::Tz;
use serde_json::{Value, json};

/// CSV in UTF-8 with a mark: one table after the other, each under its heading, an empty line between.
pub fn csv(report: &Report, zone: Tz) -> Result<Vec<u8>, csv::Error> {
    let mut bytes = b"\xEF\xBB\xBF".to_vec();
    let mut first = true;
    for section in &report.sections {
        for table in &section.tables {
            let heading = Sheet {
                name: String::new(),
                columns: vec![(format!("{} · {}", section.title, table.name).into(), 1.0)],
                rows: Vec::new(),
            };
            for sheet in [&heading, table] {
                let written = super::sheet::csv(sheet, zone)?;
                // each has a mark of its own
                bytes.extend(if first && sheet.name.is_empty() {
                    &written[3..]
                } else {
                    written.get(3..).unwrap_or_default()
                });
                first = false;
            }
            bytes.extend(b"\r\n");
        }
    }
    Ok(bytes)
}

/// One JSON object.
pub fn json(report: &Report, zone: Tz) -> Value {
    json!({
        "title": report.title,
        "dealer": report.dealer,
        "from": report.period.first,
        "to": report.period.last,
        "made": report.made,
        "time_zone": zone.name(),
        "sections": report.sections.iter().map(|section| of_section(section, zone)).collect::<Vec<_>>(),
    })
}

fn of_section(section: &Section, zone: Tz) -> Value {
    let table = |table: &Sheet| {
        let columns: Vec<&str> = table.columns.iter().map(|(title, _)| title.as_ref()).collect();
        let rows: Vec<Vec<Value>> =
            table.rows.iter().map(|row| row.iter().map(|cell| value(cell, zone)).collect()).collect();
        json!({ "name": table.name, "columns": columns, "rows": rows })
    };
    let chart = |chart: &Chart| {
        let series: Vec<Value> =
            chart.series.iter().map(|(name, values)| json!({ "name": name, "values": values })).collect();
        json!({ "title": chart.title, "categories": chart.categories, "series": series })
    };
    let headline = |headline: &super::model::Headline| json!({ "name": headline.name, "value": headline.value, "note": headline.note });
    json!({
        "key": section.key,
        "title": section.title,
        "headlines": section.headlines.iter().map(headline).collect::<Vec<_>>(),
        "tables": section.tables.iter().map(table).collect::<Vec<_>>(),
        "charts": section.charts.iter().map(chart).collect::<Vec<_>>(),
        "notes": section.notes,
    })
}

fn value(cell: &Cell, zone: Tz) -> Value {
    match cell {
        Cell::Empty => Value::Null,
        Cell::Count(count) => json!(count),
        Cell::Figure(figure) | Cell::Share(figure) => json!(figure),
        Cell::Moment(at) => json!(at),
        Cell::Text(_) | Cell::Day(_) => json!(cell.written(zone)),
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    lang: Lang,
    css: &'static str,
    zone: Tz,
}

/// A page that needs nothing but itself.
pub fn html(report: &Report, zone: Tz, lang: Lang) -> Result<String, askama::Error> {
    Page { report, lang, css: include_str!("../../assets/huifang.css"), zone }.render()
}
