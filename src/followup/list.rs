//! The three lists (domain.md) as CSV or XLSX, Chinese or English headers, read row by row.
//! Pure: bytes in, rows or named reasons out. A reason never quotes what it is about: line and column say where to look.

mod column;
mod encoding;
mod row;
mod table;

pub use column::{Column, List};

use crate::phone::{E164, Pii};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use std::fmt;
use std::io::Read;
use table::{Record, Table};
use thiserror::Error;

use super::calendar::Happened;
use super::calendar::rule::Segment;

/// What a row takes where it does not say otherwise.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// ISO 3166 letters of the country of numbers without `+` (CN).
    pub country: String,
    /// BCP 47 tag of the prompts (zh-CN).
    pub language: String,
    /// The languages that there are prompts for.
    pub languages: Vec<String>,
    /// Zone of the dealer.
    pub zone: Tz,
}

/// One row of the list, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Line in the file, 1 is the header.
    pub line: u64,
    /// Customer's name.
    pub name: Pii<String>,
    /// Number.
    pub number: E164,
    /// Licence plate, upper case, without blanks and dots; may be empty.
    pub plate: Pii<String>,
    /// Model; may be empty.
    pub model: String,
    /// Name of the sales or service advisor; may be empty.
    pub advisor: Pii<String>,
    /// Their staff number.
    pub staff_number: Option<String>,
    /// Prompts' language.
    pub language: String,
    /// Customer's zone.
    pub zone: Tz,
    /// The visit, delivery or repair: its day in that zone, and its moment where the list gives a time.
    pub happened: Happened,
    /// What else the row says of the customer.
    pub profile: Profile,
    /// What else it says of the car.
    pub dates: CarDates,
}

/// What a list may say of a customer beside name and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Segment.
    pub segment: Option<Segment>,
    /// How they came to the dealer.
    pub source: Option<String>,
    /// Where they live.
    pub region: Option<String>,
    /// Who looks after them.
    pub owner: Option<Pii<String>>,
    /// Day of birth.
    pub birthday: Option<Pii<NaiveDate>>,
    /// Last day of the driving licence.
    pub licence_end: Option<NaiveDate>,
}

/// What a list may say of a car beside plate and model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarDates {
    /// When it was bought; the day of delivery where a delivery list does not say.
    pub purchased: Option<NaiveDate>,
    /// Last day of the insurance.
    pub insurance_end: Option<NaiveDate>,
    /// By when it must be inspected.
    pub inspection_due: Option<NaiveDate>,
}

/// Why a row cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// The cell is empty.
    #[error("is empty")]
    Empty,
    /// Not a number that can be dialled.
    #[error("{0}")]
    Phone(crate::phone::PhoneError),
    /// Not a date.
    #[error("is not a date (2026-11-14 or 2026/11/14, with a time like 16:30 or without)")]
    Date,
    /// After today.
    #[error("lies in the future")]
    Future,
    /// There are no prompts for it.
    #[error("is not a language there are prompts for")]
    Language,
    /// Not an IANA zone.
    #[error("is not an IANA time zone (as Asia/Shanghai)")]
    Zone,
    /// A staff number is keyed on a telephone.
    #[error("must be digits only, at most 10: customers key it")]
    StaffNumber,
    /// Longer than any real one.
    #[error("is longer than 200 characters")]
    TooLong,
    /// More or fewer cells than the header.
    #[error("the row has more or fewer cells than the header")]
    Cells,
    /// Bytes that are neither UTF-8 nor GB18030.
    #[error("the row is no text, neither UTF-8 nor GB18030")]
    Text,
    /// Not a segment.
    #[error("is not a segment (high_value 高价值, high_contribution 高贡献, ordinary 一般, dormant 休眠)")]
    Segment,
    /// The event is so long ago that everything the calendar owes it is over, or the delay leaves no time.
    #[error("is too long ago: the days in which the customer is contacted are over")]
    TooLate,
}

/// A row that was not loaded: where, and why. `cells` are the row as it was, to be given back for mending.
#[derive(Clone, PartialEq, Eq)]
pub struct Reject {
    /// Line in the file.
    pub line: u64,
    /// The column, where it is one column's fault.
    pub column: Option<Column>,
    /// Why.
    pub reason: Reason,
    /// The row's cells.
    pub cells: Pii<Vec<String>>,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

impl fmt::Debug for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a file is no such list at all.
#[derive(Debug, Error)]
pub enum ListError {
    /// A column that must be there is not.
    #[error("column {0} is missing; the first line must name the columns")]
    Missing(Column),
    /// A column is there twice.
    #[error("column {0} is there twice")]
    Twice(Column),
    /// The first line is neither UTF-8 nor GB18030.
    #[error("the first line is no text, neither UTF-8 nor GB18030: save the file as CSV UTF-8 or XLSX")]
    Text,
    /// The binary format of old spreadsheets.
    #[error("this is an old Excel workbook (.xls): save it as .xlsx or as CSV UTF-8")]
    OldWorkbook,
    /// A workbook that cannot be read.
    #[error("the workbook cannot be read: {0}")]
    Workbook(String),
    /// A workbook without a sheet.
    #[error("the workbook has no sheet")]
    NoSheet,
    /// A workbook of more than 64 MiB.
    #[error("the workbook is larger than 64 MiB: save it as CSV UTF-8, which may be of any size")]
    TooLarge,
    /// A sheet of more than 1,000 columns.
    #[error("the sheet has more than 1,000 columns: is something written far to the right?")]
    TooWide,
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(String),
}

/// Reads a list row by row.
pub struct Reader<R: Read> {
    list: List,
    table: Table<R>,
    header: Vec<String>,
    columns: Vec<Option<Column>>,
    defaults: Defaults,
    record: Record,
}

impl<R: Read> Reader<R> {
    /// Reads the header. Columns that are not known are left alone.
    pub fn new(list: List, input: R, defaults: Defaults) -> Result<Reader<R>, ListError> {
        let mut table = Table::open(input)?;
        let header = table.next()?.unwrap_or_default();
        if !header.is_text && !header.cells.is_empty() {
            return Err(ListError::Text);
        }
        let mut columns = Vec::new();
        for cell in &header.cells {
            let column = list.column(cell);
            if let Some(column) = column
                && columns.contains(&Some(column))
            {
                return Err(ListError::Twice(column));
            }
            columns.push(column);
        }
        match list.columns().into_iter().find(|column| column.is_required() && !columns.contains(&Some(*column))) {
            Some(column) => Err(ListError::Missing(column)),
            None => Ok(Reader { list, table, header: header.cells, columns, defaults, record: Record::default() }),
        }
    }

    /// The header as it is in the file.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The next row, or why it cannot be used; none at the end. `now` tells what lies in the future.
    pub fn next(&mut self, now: DateTime<Utc>) -> Result<Option<Result<Row, Reject>>, ListError> {
        let Some(record) = self.table.next()? else { return Ok(None) };
        self.record = record;
        Ok(Some(self.row(now).map_err(|(column, reason)| self.reject(column, reason))))
    }

    /// Rejects the row that was read last.
    pub fn reject(&self, column: Option<Column>, reason: Reason) -> Reject {
        Reject { line: self.record.line, column, reason, cells: Pii::new(self.record.cells.clone()) }
    }
}

#[cfg(test)]
mod tests;
