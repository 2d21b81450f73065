//! A file as rows of cells, whatever it is: CSV, or the first sheet of an XLSX workbook. Holds one row of a CSV, all rows of a workbook. Pure: bytes in, cells out.

use super::ListError;
use super::encoding::Encoding;
use calamine::{Data, ExcelDateTime, Reader as _, Xlsx};
use std::collections::BTreeMap;
use std::io::{Chain, Cursor, Read};
use std::ops::Range;

/// How much of a file is looked at to tell what it is.
const BEGINNING: u64 = 256 * 1024;
/// A workbook is held in memory; a larger one is refused.
const MAX_WORKBOOK: u64 = 64 * 1024 * 1024;
/// The text of all its cells together.
const MAX_TEXT: u64 = 4 * MAX_WORKBOOK;
/// No list has more columns.
const MAX_COLUMNS: u32 = 1_000;

/// One row: the line it begins in, its cells as text, and whether all of them were text.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// 1 is the header.
    pub line: u64,
    /// The cells, trimmed.
    pub cells: Vec<String>,
    /// False where a cell is no text: what can be read of it stands in `cells`.
    pub is_text: bool,
}

type Csv<R> = csv::Reader<Chain<Chain<Cursor<Vec<u8>>, R>, &'static [u8]>>;

/// A file being read.
pub enum Table<R: Read> {
    /// CSV, row by row.
    Csv {
        /// The reader.
        csv: Box<Csv<R>>,
        /// What cells are.
        encoding: Encoding,
        /// The row read last, kept for its room.
        record: csv::ByteRecord,
    },
    /// A sheet.
    Sheet {
        /// What stands in its rows, not empty ones, by number from 0, each cell with its column.
        rows: std::collections::btree_map::IntoIter<u32, Vec<(u32, String)>>,
        /// The columns in which something stands.
        columns: Range<u32>,
    },
}

impl<R: Read> Table<R> {
    /// Looks at a file's beginning and opens it as what it is.
    pub fn open(mut input: R) -> Result<Table<R>, ListError> {
        let failed = |error: std::io::Error| ListError::Io(error.to_string());
        let mut beginning = Vec::new();
        input.by_ref().take(BEGINNING).read_to_end(&mut beginning).map_err(failed)?;
        if beginning.starts_with(b"PK\x03\x04") {
            input.take(MAX_WORKBOOK).read_to_end(&mut beginning).map_err(failed)?;
            return if beginning.len() as u64 > MAX_WORKBOOK { Err(ListError::TooLarge) } else { sheet(beginning) };
        }
        if beginning.starts_with(b"\xd0\xcf\x11\xe0") {
            return Err(ListError::OldWorkbook);
        }
        let encoding = Encoding::detect(&beginning);
        // Lines end at \n, also the last one, and \r is trimmed with the blanks: so they can be counted (see `csv_line`).
        let csv = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(Cursor::new(beginning).chain(input).chain(&b"\n"[..]));
        Ok(Table::Csv { csv: Box::new(csv), encoding, record: csv::ByteRecord::new() })
    }

    /// The next row that is not empty; none at the end.
    pub fn next(&mut self) -> Result<Option<Record>, ListError> {
        match self {
            Table::Sheet { rows, columns } => Ok(rows.next().map(|(row, cells)| Record {
                line: u64::from(row) + 1,
                cells: filled(cells, columns),
                is_text: true,
            })),
            Table::Csv { csv, encoding, record } => loop {
                let from = csv.position().line();
                if !csv.read_byte_record(record).map_err(|error| ListError::Io(error.to_string()))? {
                    return Ok(None);
                }
                // A line of separators only, as spreadsheets leave them at the end.
                if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                    continue;
                }
                // A last row whose quote is left open has no end to reckon from.
                let line = csv_line(csv, record).max(from);
                let mut row = Record { line, cells: Vec::with_capacity(record.len()), is_text: true };
                for cell in record.iter() {
                    let text = encoding.decode(cell);
                    row.is_text &= text.is_some();
                    row.cells.push(text.unwrap_or_else(|| String::from_utf8_lossy(cell)).trim().to_owned());
                }
                return Ok(Some(row));
            },
        }
    }
}

/// The line in which the last row began. The crate's own position is that of empty lines before it: reckoned back from its end instead.
fn csv_line<R: Read>(csv: &Csv<R>, record: &csv::ByteRecord) -> u64 {
    let inside: usize = record.iter().map(|cell| cell.iter().filter(|byte| **byte == b'\n').count()).sum();
    csv.position().line().saturating_sub(1 + inside as u64)
}

/// The rows of the first sheet, from its first column that holds something to its last. Cells are taken as they come: what the sheet spans says nothing of how
/// much is in it, and a range of two cells in opposite corners would be 17 thousand million.
fn sheet<R: Read>(bytes: Vec<u8>) -> Result<Table<R>, ListError> {
    let broken = |error: calamine::XlsxError| ListError::Workbook(error.to_string());
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(broken)?;
    let first = workbook.sheet_names().first().cloned().ok_or(ListError::NoSheet)?;
    let mut cells = workbook.worksheet_cells_reader(&first).map_err(broken)?;
    let mut rows: BTreeMap<u32, Vec<(u32, String)>> = BTreeMap::new();
    let (mut left, mut right, mut size) = (u32::MAX, 0, 0);
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let text = text(&Data::from(cell.get_value().clone()));
        if text.is_empty() {
            continue;
        }
        // one long text may stand in every cell and take room in the file once
        size += text.len() as u64;
        if size > MAX_TEXT {
            return Err(ListError::TooLarge);
        }
        (left, right) = (left.min(column), right.max(column));
        rows.entry(row).or_default().push((column, text));
    }
    if right.saturating_sub(left) >= MAX_COLUMNS {
        return Err(ListError::TooWide);
    }
    let columns = left..right.saturating_add(1).max(left);
    Ok(Table::Sheet { rows: rows.into_iter(), columns })
}

/// The cells of a row in these columns; of two in one place the last.
fn filled(cells: Vec<(u32, String)>, columns: &Range<u32>) -> Vec<String> {
    let mut row = vec![String::new(); columns.len()];
    for (column, text) in cells {
        if let Some(place) = column.checked_sub(columns.start).and_then(|at| row.get_mut(at as usize)) {
            *place = text;
        }
    }
    row
}

/// A cell as a person reads it: dates as `2026-11-14 16:30:00`, whole numbers without a point (a phone number is often one).
fn text(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.trim().to_owned(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::Float(number) => number.to_string(),
        Data::Bool(yes) => yes.to_string(),
        Data::DateTime(date) => moment(date),
    }
}

fn moment(date: &ExcelDateTime) -> String {
    let Some(at) = date.as_datetime() else { return String::new() };
    // A day alone is midnight in a workbook.
    let format = if at.time() == chrono::NaiveTime::MIN { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    at.format(format).to_string()
}
