//! The after-sales list (domain.md: name, model, repair date, phone, plate, service advisor) as CSV, Chinese or English headers, read row by row.
//! Pure: text in, rows or named reasons out. A reason never quotes what it is about: line and column say where to look.

use crate::phone::{E164, Pii};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use std::fmt;
use std::io::{Chain, Read};
use thiserror::Error;

use super::calendar;

/// The columns of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// 姓名
    Name,
    /// 车型
    Model,
    /// 维修日期
    RepairDate,
    /// 手机号
    Phone,
    /// 车牌
    Plate,
    /// 服务顾问
    Advisor,
    /// 工号
    StaffNumber,
    /// 语言
    Language,
    /// 时区
    TimeZone,
}

impl Column {
    const ALL: [Column; 9] = [
        Column::Name,
        Column::Model,
        Column::RepairDate,
        Column::Phone,
        Column::Plate,
        Column::Advisor,
        Column::StaffNumber,
        Column::Language,
        Column::TimeZone,
    ];

    /// What the column may be called; the first two are the names that errors use.
    fn names(self) -> &'static [&'static str] {
        match self {
            Column::Name => &["姓名", "name", "客户姓名", "车主", "customer", "customer name"],
            Column::Model => &["车型", "model", "car model"],
            Column::RepairDate => &["维修日期", "repair date", "日期", "取车日期", "date"],
            Column::Phone => &["手机号", "phone", "手机", "电话", "联系电话", "手机号码", "phone number", "mobile"],
            Column::Plate => &["车牌", "plate", "车牌号", "车牌号码", "licence plate", "license plate"],
            Column::Advisor => &["服务顾问", "service advisor", "顾问", "advisor"],
            Column::StaffNumber => &["工号", "staff number", "顾问工号", "advisor number"],
            Column::Language => &["语言", "language"],
            Column::TimeZone => &["时区", "time zone", "timezone"],
        }
    }

    fn is_required(self) -> bool {
        match self {
            Column::Name | Column::RepairDate | Column::Phone => true,
            Column::Model
            | Column::Plate
            | Column::Advisor
            | Column::StaffNumber
            | Column::Language
            | Column::TimeZone => false,
        }
    }

    fn of_header(text: &str) -> Option<Column> {
        let name = text.trim().trim_start_matches('\u{feff}').to_lowercase().replace(['_', '-'], " ");
        Column::ALL.into_iter().find(|column| column.names().contains(&name.as_str()))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        write!(f, "{} ({})", names[0], names[1])
    }
}

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
    /// Service advisor's name; may be empty.
    pub advisor: Pii<String>,
    /// Their staff number.
    pub staff_number: Option<String>,
    /// Prompts' language.
    pub language: String,
    /// Customer's zone.
    pub zone: Tz,
    /// Day of the repair, in that zone.
    pub repaired_on: NaiveDate,
    /// Moment of the pick-up, where the list gives a time.
    pub repaired_at: Option<DateTime<Utc>>,
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
    /// Bytes that are not UTF-8.
    #[error("the row is not UTF-8 text")]
    Utf8,
    /// The event is so long ago that the call's deadline is over, or the delay leaves no time.
    #[error("is too long ago: the three days in which the customer is called are over")]
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
    pub cells: Pii<Vec<Vec<u8>>>,
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
    /// The first line is not UTF-8.
    #[error("the file is not UTF-8 text: save it as CSV UTF-8")]
    Utf8,
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(String),
}

/// Reads a list row by row; holds one row in memory.
pub struct Reader<R: Read> {
    csv: csv::Reader<Chain<R, &'static [u8]>>,
    columns: Vec<Option<Column>>,
    defaults: Defaults,
    record: csv::ByteRecord,
}

impl<R: Read> Reader<R> {
    /// Reads the header. Columns that are not known are left alone.
    pub fn new(input: R, defaults: Defaults) -> Result<Reader<R>, ListError> {
        // Lines end at \n, also the last one, and \r is trimmed with the blanks: so they can be counted (see `line`).
        let mut csv = csv::ReaderBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(input.chain(&b"\n"[..]));
        let header = csv.byte_headers().map_err(|error| ListError::Io(error.to_string()))?.clone();
        let mut columns = Vec::new();
        for cell in &header {
            let text = std::str::from_utf8(cell).map_err(|_| ListError::Utf8)?;
            let column = Column::of_header(text);
            if let Some(column) = column
                && columns.contains(&Some(column))
            {
                return Err(ListError::Twice(column));
            }
            columns.push(column);
        }
        match Column::ALL.into_iter().find(|column| column.is_required() && !columns.contains(&Some(*column))) {
            Some(column) => Err(ListError::Missing(column)),
            None => Ok(Reader { csv, columns, defaults, record: csv::ByteRecord::new() }),
        }
    }

    /// The header as it is in the file.
    pub fn header(&mut self) -> Result<Vec<Vec<u8>>, ListError> {
        let header = self.csv.byte_headers().map_err(|error| ListError::Io(error.to_string()))?;
        Ok(header.iter().map(|cell| cell.trim_ascii().to_vec()).collect())
    }

    /// The next row, or why it cannot be used; none at the end. `now` tells what lies in the future.
    pub fn next(&mut self, now: DateTime<Utc>) -> Result<Option<Result<Row, Reject>>, ListError> {
        loop {
            if !self.csv.read_byte_record(&mut self.record).map_err(|error| ListError::Io(error.to_string()))? {
                return Ok(None);
            }
            // A line of separators only, as spreadsheets leave them at the end.
            if !self.record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                break;
            }
        }
        let line = self.line();
        Ok(Some(self.row(line, now).map_err(|(column, reason)| self.reject(column, reason))))
    }

    /// The line in which the last row began. The crate's own position is that of empty lines before it: reckoned back from its end instead.
    fn line(&self) -> u64 {
        let inside: usize = self.record.iter().map(|cell| cell.iter().filter(|byte| **byte == b'\n').count()).sum();
        self.csv.position().line().saturating_sub(1 + inside as u64)
    }

    /// Rejects the row that was read last.
    pub fn reject(&self, column: Option<Column>, reason: Reason) -> Reject {
        let cells = Pii::new(self.record.iter().map(|cell| cell.trim_ascii().to_vec()).collect());
        Reject { line: self.line(), column, reason, cells }
    }

    fn row(&self, line: u64, now: DateTime<Utc>) -> Result<Row, (Option<Column>, Reason)> {
        if self.record.len() != self.columns.len() {
            return Err((None, Reason::Cells));
        }
        let cell = |column: Column| -> Result<&str, (Option<Column>, Reason)> {
            let Some(at) = self.columns.iter().position(|known| *known == Some(column)) else { return Ok("") };
            let text =
                std::str::from_utf8(self.record.get(at).unwrap_or_default()).map_err(|_| (None, Reason::Utf8))?.trim();
            match text {
                "" if column.is_required() => Err((Some(column), Reason::Empty)),
                long if long.chars().count() > 200 => Err((Some(column), Reason::TooLong)),
                text => Ok(text),
            }
        };
        let zone = match cell(Column::TimeZone)? {
            "" => self.defaults.zone,
            name => name.parse().map_err(|_| (Some(Column::TimeZone), Reason::Zone))?,
        };
        let language = match cell(Column::Language)? {
            "" => self.defaults.language.clone(),
            tag => self
                .defaults
                .languages
                .iter()
                .find(|known| known.eq_ignore_ascii_case(tag))
                .cloned()
                .ok_or((Some(Column::Language), Reason::Language))?,
        };
        let name = cell(Column::Name)?;
        let (repaired_on, time) = date(cell(Column::RepairDate)?).ok_or((Some(Column::RepairDate), Reason::Date))?;
        let repaired_at = time.map(|time| calendar::moment(repaired_on, time, zone));
        if repaired_on > now.with_timezone(&zone).date_naive() || repaired_at.is_some_and(|at| at > now) {
            return Err((Some(Column::RepairDate), Reason::Future));
        }
        let number = E164::parse(cell(Column::Phone)?, &self.defaults.country)
            .map_err(|error| (Some(Column::Phone), Reason::Phone(error)))?;
        let staff_number = cell(Column::StaffNumber)?;
        if staff_number.len() > 10 || !staff_number.bytes().all(|b| b.is_ascii_digit()) {
            return Err((Some(Column::StaffNumber), Reason::StaffNumber));
        }
        Ok(Row {
            line,
            name: Pii::new(name.to_owned()),
            number,
            plate: Pii::new(plate(cell(Column::Plate)?)),
            model: cell(Column::Model)?.to_owned(),
            advisor: Pii::new(cell(Column::Advisor)?.to_owned()),
            staff_number: Some(staff_number.to_owned()).filter(|text| !text.is_empty()),
            language,
            zone,
            repaired_on,
            repaired_at,
        })
    }
}

/// A plate as it is stored: upper case, without blanks, dots and dashes (苏A·386 → 苏A386).
fn plate(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !"·.-•".contains(*c)).flat_map(char::to_uppercase).collect()
}

/// `2026-11-14`, `2026/1/4`, `2026年1月4日`, each with ` 16:30` or ` 16:30:05` (or `T`) or without.
fn date(text: &str) -> Option<(NaiveDate, Option<NaiveTime>)> {
    let text = text.replace(['年', '月', '/'], "-").replace('日', " ");
    let (day, time) = match text.trim().split_once([' ', 'T']) {
        Some((day, time)) => (day, Some(time.trim())),
        None => (text.trim(), None),
    };
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d")
        .ok()
        .filter(|day| (2000..2200).contains(&chrono::Datelike::year(day)))?;
    let time = match time {
        None | Some("") => None,
        Some(time) => Some(
            NaiveTime::parse_from_str(time, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M")).ok()?,
        ),
    };
    Some((day, time))
}

#[cfg(test)]
mod tests;
