//! A file as rows of cells, whatever it is: CSV, or the first sheet of an XLSX workbook. Holds one row of a CSV, all rows of a workbook. Pure: bytes in, cells out.

use super::ListError;
use super::encoding::Encoding;
use calamine::{Data, ExcelDateTime, Reader as _, Xlsx};
use std::io::{Chain, Cursor, Read};

/// How much of a file is looked at to tell what it is.
const BEGINNING: u64 = 256 * 1024;
/// A workbook is held in memory; a larger one is refused.
const MAX_WORKBOOK: u64 = 64 * 1024 * 1024;

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
    /// The rows of a sheet, not empty ones, by number.
    Sheet(std::vec::IntoIter<(u64, Vec<String>)>),
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
            Table::Sheet(rows) => Ok(rows.next().map(|(line, cells)| Record { line, cells, is_text: true })),
            Table::Csv { csv, encoding, record } => loop {
                if !csv.read_byte_record(record).map_err(|error| ListError::Io(error.to_string()))? {
                    return Ok(None);
                }
                // A line of separators only, as spreadsheets leave them at the end.
                if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                    continue;
                }
                let mut row =
                    Record { line: csv_line(csv, record), cells: Vec::with_capacity(record.len()), is_text: true };
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

fn sheet<R: Read>(bytes: Vec<u8>) -> Result<Table<R>, ListError> {
    let broken = |error: calamine::XlsxError| ListError::Workbook(error.to_string());
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(broken)?;
    let first = workbook.sheet_names().first().cloned().ok_or(ListError::NoSheet)?;
    let range = workbook.worksheet_range(&first).map_err(broken)?;
    let top = range.start().map_or(0, |(row, _)| u64::from(row)) + 1;
    let width = range.width();
    let rows: Vec<(u64, Vec<String>)> = range
        .rows()
        .zip(top..)
        .map(|(cells, line)| (line, cells.iter().map(text).take(width).collect::<Vec<_>>()))
        .filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()))
        .collect();
    Ok(Table::Sheet(rows.into_iter()))
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
