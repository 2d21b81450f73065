//! Tables for spreadsheets: CSV in UTF-8 with a mark (without it Excel reads Chinese wrongly) and XLSX with typed cells. Pure: bytes come out.
//!
//! What people typed is never a formula: a CSV cell that begins like one gets an apostrophe (OWASP, CSV injection); XLSX cells are written as text.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};
use std::borrow::Cow;

/// What a spreadsheet takes for a formula at the beginning of a cell.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// Characters that an XLSX cell holds at most (ECMA-376).
const MOST_CELL: usize = 32_767;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Words.
    Text(String),
    /// A moment.
    Moment(DateTime<Utc>),
    /// A day.
    Day(NaiveDate),
    /// How many.
    Count(u64),
    /// A score or another figure, to two places.
    Figure(f64),
    /// A share, 0 to 1; shown in percent.
    Share(f64),
}

impl Cell {
    /// Words, where there are any.
    pub fn text(text: Option<impl Into<String>>) -> Cell {
        text.map_or(Cell::Empty, |text| Cell::Text(text.into()))
    }

    /// A share, where something was counted.
    pub fn share(rate: &crate::rates::Rate) -> Cell {
        rate.value.map_or(Cell::Empty, Cell::Share)
    }

    /// A figure, where something was counted.
    pub fn figure(figure: Option<f64>) -> Cell {
        figure.map_or(Cell::Empty, Cell::Figure)
    }

    /// As people read it; a moment and a day by the clocks of `zone`.
    pub fn written(&self, zone: Tz) -> String {
        match self {
            Cell::Count(count) => count.to_string(),
            Cell::Figure(figure) => format!("{figure:.2}"),
            // 99.96 % must not read as 100 %: cut, never rounded up
            Cell::Share(share) => format!("{:.1} %", (share * 1000.0).floor() / 10.0),
            Cell::Moment(at) => at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
            Cell::Empty | Cell::Text(_) | Cell::Day(_) => csv_cell(self, zone).trim_start_matches('\'').to_owned(),
        }
    }

    /// A moment, where there is one.
    pub fn moment(at: Option<DateTime<Utc>>) -> Cell {
        at.map_or(Cell::Empty, Cell::Moment)
    }
}

/// A table.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Its name; 31 characters at most, none of `[]:*?/\` (XLSX).
    pub name: String,
    /// Titles, and widths in characters of Latin script. Set by hand: fitting by itself takes a Chinese sign for a narrow one.
    pub columns: Vec<(Cow<'static, str>, f64)>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// Columns whose titles are known.
pub fn titled(columns: Vec<(&'static str, f64)>) -> Vec<(Cow<'static, str>, f64)> {
    columns.into_iter().map(|(title, width)| (title.into(), width)).collect()
}

/// What tables are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One table in text.
    Csv,
    /// A workbook.
    Xlsx,
}

/// Tables that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// As CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// As a workbook.
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
}

impl Kind {
    /// The ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Kind::Csv => "csv",
            Kind::Xlsx => "xlsx",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Kind::Csv => "text/csv; charset=utf-8",
            Kind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The bytes of these tables; CSV holds the first.
    pub fn write(self, sheets: &[Sheet], zone: Tz) -> Result<Vec<u8>, Unwritten> {
        Ok(match (self, sheets) {
            (Kind::Csv, [first, ..]) => csv(first, zone)?,
            (Kind::Csv, []) => Vec::new(),
            (Kind::Xlsx, sheets) => xlsx(sheets, zone)?,
        })
    }
}

/// CSV of one table; moments as the clocks of `zone` show them.
pub fn csv(sheet: &Sheet, zone: Tz) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(b"\xEF\xBB\xBF".to_vec());
    writer.write_record(sheet.columns.iter().map(|(title, _)| title.as_bytes()))?;
    for row in &sheet.rows {
        let cells: Vec<Cow<'_, str>> = row.iter().map(|cell| csv_cell(cell, zone)).collect();
        writer.write_record(cells.iter().map(|cell| cell.as_bytes()))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn csv_cell(cell: &Cell, zone: Tz) -> Cow<'_, str> {
    match cell {
        Cell::Empty => Cow::Borrowed(""),
        Cell::Text(text) if text.starts_with(FORMULA) => Cow::Owned(format!("'{text}")),
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Moment(at) => Cow::Owned(at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()),
        Cell::Day(day) => Cow::Owned(day.to_string()),
        Cell::Count(count) => Cow::Owned(count.to_string()),
        Cell::Figure(figure) => Cow::Owned(format!("{figure:.4}")),
        Cell::Share(share) => Cow::Owned(format!("{share:.4}")),
    }
}

/// A workbook of these tables; moments as the clocks of `zone` show them.
pub fn xlsx(sheets: &[Sheet], zone: Tz) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let formats = Formats::new();
    for sheet in sheets {
        fill(book.add_worksheet(), sheet, &formats, zone)?;
    }
    book.save_to_buffer()
}

pub(super) struct Formats {
    pub(super) title: Format,
    text: Format,
    moment: Format,
    day: Format,
    figure: Format,
    share: Format,
}

impl Formats {
    pub(super) fn new() -> Formats {
        let base = || Format::new().set_align(FormatAlign::Top);
        Formats {
            title: base().set_bold(),
            text: base().set_text_wrap(),
            moment: base().set_num_format("yyyy-mm-dd hh:mm"),
            day: base().set_num_format("yyyy-mm-dd"),
            figure: base().set_num_format("0.00"),
            share: base().set_num_format("0.0%"),
        }
    }
}

fn fill(page: &mut Worksheet, sheet: &Sheet, formats: &Formats, zone: Tz) -> Result<(), XlsxError> {
    page.set_name(&sheet.name)?;
    for (column, (title, width)) in (0..).zip(&sheet.columns) {
        page.set_column_width(column, *width)?;
        page.write_string_with_format(0, column, title.as_ref(), &formats.title)?;
    }
    for (row, cells) in (1..).zip(&sheet.rows) {
        for (column, cell) in (0..).zip(cells) {
            write(page, row, column, cell, formats, zone)?;
        }
    }
    page.set_freeze_panes(1, 0)?;
    let (rows, columns) = (u32::try_from(sheet.rows.len()), u16::try_from(sheet.columns.len()));
    if let (Ok(last_row), Ok(columns @ 1..)) = (rows, columns) {
        page.autofilter(0, 0, last_row, columns - 1)?;
    }
    Ok(())
}

pub(super) fn write(
    page: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
    formats: &Formats,
    zone: Tz,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => {}
        Cell::Text(text) => {
            let short: String = text.chars().take(MOST_CELL).collect();
            page.write_string_with_format(row, column, short, &formats.text)?;
        }
        Cell::Moment(at) => {
            let shown = at.with_timezone(&zone);
            let time = (clock(shown.hour()), clock(shown.minute()), clock(shown.second()));
            let shown = day(shown.date_naive())?.and_hms(u16::from(time.0), time.1, time.2)?;
            page.write_datetime_with_format(row, column, shown, &formats.moment)?;
        }
        Cell::Day(on) => {
            page.write_datetime_with_format(row, column, day(*on)?, &formats.day)?;
        }
        Cell::Count(count) => {
            page.write_number_with_format(row, column, *count as f64, &formats.text)?;
        }
        Cell::Figure(figure) => {
            page.write_number_with_format(row, column, *figure, &formats.figure)?;
        }
        Cell::Share(share) => {
            page.write_number_with_format(row, column, *share, &formats.share)?;
        }
    }
    Ok(())
}

/// A day as spreadsheets count them; the library refuses years that they have not.
fn day(day: NaiveDate) -> Result<ExcelDateTime, XlsxError> {
    ExcelDateTime::from_ymd(u16::try_from(day.year()).unwrap_or(0), clock(day.month()), clock(day.day()))
}

fn clock(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::{Data, Reader, Xlsx};
    use chrono_tz::Asia::Shanghai;
    use std::io::Cursor;

    fn sheet() -> Sheet {
        let at: DateTime<Utc> = "2026-11-18T10:00:00Z".parse().unwrap();
        let text = |text: &str| Cell::Text(text.to_owned());
        Sheet {
            name: "投诉".to_owned(),
            columns: titled(vec![("客户", 10.0), ("记录", 30.0), ("时间", 17.0), ("日", 11.0)]),
            rows: vec![
                vec![
                    text("王小明"),
                    text("=1+1"),
                    Cell::Moment(at),
                    Cell::Day(NaiveDate::from_ymd_opt(2026, 11, 17).unwrap()),
                ],
                vec![text("a,\"b\""), text("x\ny"), Cell::Empty, Cell::Empty],
            ],
        }
    }

    #[test]
    fn csv_is_marked_quoted_and_never_a_formula() {
        let bytes = csv(&sheet(), Shanghai).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let want = "\u{feff}客户,记录,时间,日\r\n王小明,'=1+1,2026-11-18 18:00:00,2026-11-17\r\n\"a,\"\"b\"\"\",\"x\ny\",,\r\n";
        assert_eq!(text, want);
        for begin in FORMULA {
            assert!(csv_cell(&Cell::Text(format!("{begin}cmd")), Shanghai).starts_with('\''), "{begin:?}");
        }
    }

    #[test]
    fn xlsx_has_typed_cells() {
        let bytes = xlsx(&[sheet()], Shanghai).unwrap();
        let mut book = Xlsx::new(Cursor::new(bytes)).unwrap();
        assert_eq!(book.sheet_names(), ["投诉"]);
        let range = book.worksheet_range("投诉").unwrap();
        assert_eq!(range.get((1, 1)), Some(&Data::String("=1+1".to_owned())), "text, no formula");
        assert!(book.worksheet_formula("投诉").unwrap().is_empty());
        let moment = range.get((1, 2)).unwrap();
        let Data::DateTime(moment) = moment else { panic!("{moment:?}") };
        assert_eq!(moment.as_datetime().unwrap().to_string(), "2026-11-18 18:00:00");
        assert!(matches!(range.get((1, 3)), Some(Data::DateTime(_))));
        assert_eq!(range.get((2, 1)), Some(&Data::String("x\ny".to_owned())));
    }
}
