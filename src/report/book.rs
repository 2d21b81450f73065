//! A report as a workbook (XLSX): a sheet for each section, with typed cells, and native charts out of cells of the sheet.

use super::model::{Chart, ChartKind, Report, Section};
use super::sheet::{Formats, write};
use chrono_tz::Tz;
use rust_xlsxwriter::{Chart as XlsxChart, ChartType, Format, Workbook, Worksheet, XlsxError};

/// Narrowest column: the headlines' names stand in the first.
const NARROW: f64 = 9.0;
/// Rows that a chart covers.
const CHART_ROWS: u32 = 16;
/// Characters of a sheet's name at most (ECMA-376).
const MOST_NAME: usize = 31;

/// The workbook's bytes.
pub fn xlsx(report: &Report, zone: Tz) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let formats = Formats::new();
    let heading = Format::new().set_bold().set_font_size(14);
    let mut names = Vec::new();
    for section in &report.sections {
        let name = sheet_name(&section.title, &mut names);
        let page = book.add_worksheet();
        page.set_name(&name)?;
        fill(page, report, section, &name, &formats, &heading, zone)?;
    }
    book.save_to_buffer()
}

/// A name that a sheet may have, and none has yet.
fn sheet_name(title: &str, names: &mut Vec<String>) -> String {
    let plain: String = title.chars().map(|c| if "[]:*?/\\".contains(c) { ' ' } else { c }).collect();
    let short: String = plain.chars().take(MOST_NAME - 3).collect();
    let name =
        (1..).map(|n| if n == 1 { short.clone() } else { format!("{short} {n}") }).find(|name| !names.contains(name));
    let name = name.unwrap_or_default();
    names.push(name.clone());
    name
}

fn fill(
    page: &mut Worksheet,
    report: &Report,
    section: &Section,
    name: &str,
    formats: &Formats,
    heading: &Format,
    zone: Tz,
) -> Result<(), XlsxError> {
    page.set_landscape().set_print_fit_to_pages(1, 0);
    page.write_string_with_format(0, 0, &section.title, heading)?;
    page.write_string(1, 0, format!("{} · {} – {}", report.dealer, report.period.first, report.period.last))?;
    let mut row = 3;
    for headline in &section.headlines {
        page.write_string_with_format(row, 0, &headline.name, &formats.title)?;
        page.write_string(row, 1, &headline.value)?;
        page.write_string(row, 2, &headline.note)?;
        row += 1;
    }
    let mut widths: Vec<f64> = vec![24.0];
    for table in &section.tables {
        row += 1;
        page.write_string_with_format(row, 0, &table.name, heading)?;
        row += 1;
        for (column, (title, width)) in (0u16..).zip(&table.columns) {
            page.write_string_with_format(row, column, title.as_ref(), &formats.title)?;
            let at = usize::from(column);
            if widths.len() <= at {
                widths.push(NARROW);
            }
            widths[at] = widths[at].max(*width);
        }
        row += 1;
        for cells in &table.rows {
            for (column, cell) in (0..).zip(cells) {
                write(page, row, column, cell, formats, zone)?;
            }
            row += 1;
        }
    }
    for chart in section.charts.iter().filter(|chart| !chart.is_empty()) {
        row = draw(page, chart, name, row + 1, formats, heading)?;
    }
    for note in &section.notes {
        row += 1;
        page.write_string(row, 0, note)?;
    }
    for (column, width) in (0..).zip(widths) {
        page.set_column_width(column, width)?;
    }
    Ok(())
}

/// The chart's figures as cells, and the chart beside them; the row after it.
fn draw(
    page: &mut Worksheet,
    chart: &Chart,
    sheet: &str,
    first: u32,
    formats: &Formats,
    heading: &Format,
) -> Result<u32, XlsxError> {
    page.write_string_with_format(first, 0, &chart.title, heading)?;
    let head = first + 1;
    let number = Format::new().set_num_format(chart.format);
    let last = head + u32::try_from(chart.categories.len()).unwrap_or(0);
    for (row, category) in (head + 1..).zip(&chart.categories) {
        page.write_string(row, 0, category)?;
    }
    let mut drawn = XlsxChart::new(match chart.kind {
        ChartKind::Column => ChartType::Column,
        ChartKind::Line => ChartType::Line,
    });
    for (column, (name, values)) in (1u16..).zip(&chart.series) {
        page.write_string_with_format(head, column, name, &formats.title)?;
        for (row, value) in (head + 1..).zip(values) {
            if let Some(value) = value {
                page.write_number_with_format(row, column, *value, &number)?;
            }
        }
        drawn.add_series().set_name((sheet, head, column)).set_categories((sheet, head + 1, 0, last, 0)).set_values((
            sheet,
            head + 1,
            column,
            last,
            column,
        ));
    }
    if let Some((low, high)) = chart.ends {
        drawn.y_axis().set_min(low).set_max(high);
    }
    drawn.y_axis().set_num_format(chart.format);
    drawn.title().set_name(&chart.title);
    if chart.series.len() < 2 {
        drawn.legend().set_hidden();
    }
    drawn.set_width(720).set_height(320);
    page.insert_chart(head, u16::try_from(chart.series.len()).unwrap_or(0) + 2, &drawn)?;
    Ok(last.max(head + CHART_ROWS) + 1)
}
