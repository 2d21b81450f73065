//! One row's cells as what they mean, or the first column that is wrong and why. Pure.

use super::{CarDates, Column, List, Profile, Reader, Reason, Row};
use crate::followup::calendar::rule::Segment;
use crate::followup::calendar::{Happened, moment};
use crate::phone::{E164, Pii};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use std::io::Read;

/// A column, where it is one column's fault, and the reason.
type Fault = (Option<Column>, Reason);

impl<R: Read> Reader<R> {
    pub(super) fn row(&self, now: DateTime<Utc>) -> Result<Row, Fault> {
        let record = &self.record;
        if !record.is_text {
            return Err((None, Reason::Text));
        }
        if record.cells.len() != self.columns.len() {
            return Err((None, Reason::Cells));
        }
        let zone = match self.cell(Column::TimeZone)? {
            "" => self.defaults.zone,
            name => name.parse().map_err(|_| (Some(Column::TimeZone), Reason::Zone))?,
        };
        let language = match self.cell(Column::Language)? {
            "" => self.defaults.language.clone(),
            tag => {
                let known = self.defaults.languages.iter().find(|known| known.eq_ignore_ascii_case(tag));
                known.cloned().ok_or((Some(Column::Language), Reason::Language))?
            }
        };
        let name = self.cell(Column::Name)?;
        let event = Column::Date(self.list);
        let (on, time) = date(self.cell(event)?).ok_or((Some(event), Reason::Date))?;
        let at = time.map(|time| moment(on, time, zone));
        let today = now.with_timezone(&zone).date_naive();
        if on > today || at.is_some_and(|at| at > now) {
            return Err((Some(event), Reason::Future));
        }
        let number = E164::parse(self.cell(Column::Phone)?, &self.defaults.country)
            .map_err(|error| (Some(Column::Phone), Reason::Phone(error)))?;
        let staff_number = self.cell(Column::StaffNumber)?;
        if staff_number.len() > 10 || !staff_number.bytes().all(|b| b.is_ascii_digit()) {
            return Err((Some(Column::StaffNumber), Reason::StaffNumber));
        }
        let bought = if self.list == List::Delivery { Some(on) } else { None };
        Ok(Row {
            line: record.line,
            name: Pii::new(name.to_owned()),
            number,
            plate: Pii::new(plate(self.cell(Column::Plate)?)),
            model: self.cell(Column::Model)?.to_owned(),
            advisor: Pii::new(self.cell(Column::Advisor(self.list))?.to_owned()),
            staff_number: Some(staff_number.to_owned()).filter(|text| !text.is_empty()),
            language,
            zone,
            happened: Happened { on, at },
            profile: self.profile(today)?,
            dates: CarDates {
                purchased: self.past(Column::PurchaseDate, today)?.or(bought),
                insurance_end: self.day(Column::InsuranceEnd)?,
                inspection_due: self.day(Column::InspectionDue)?,
            },
        })
    }

    fn profile(&self, today: NaiveDate) -> Result<Profile, Fault> {
        let filled = |column| self.cell(column).map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
        Ok(Profile {
            segment: match self.cell(Column::Segment)? {
                "" => None,
                text => Some(segment(text).ok_or((Some(Column::Segment), Reason::Segment))?),
            },
            source: filled(Column::Source)?,
            region: filled(Column::Region)?,
            owner: filled(Column::Owner)?.map(Pii::new),
            birthday: self.past(Column::Birthday, today)?.map(Pii::new),
            licence_end: self.day(Column::LicenceEnd)?,
        })
    }

    fn cell(&self, column: Column) -> Result<&str, Fault> {
        let Some(at) = self.columns.iter().position(|known| *known == Some(column)) else { return Ok("") };
        match self.record.cells.get(at).map_or("", String::as_str) {
            "" if column.is_required() => Err((Some(column), Reason::Empty)),
            long if long.chars().count() > 200 => Err((Some(column), Reason::TooLong)),
            text => Ok(text),
        }
    }

    fn day(&self, column: Column) -> Result<Option<NaiveDate>, Fault> {
        match self.cell(column)? {
            "" => Ok(None),
            text => date(text).map(|(day, _)| Some(day)).ok_or((Some(column), Reason::Date)),
        }
    }

    fn past(&self, column: Column, today: NaiveDate) -> Result<Option<NaiveDate>, Fault> {
        match self.day(column)? {
            Some(day) if day > today => Err((Some(column), Reason::Future)),
            day => Ok(day),
        }
    }
}

/// A segment by its key or as people write it.
fn segment(text: &str) -> Option<Segment> {
    match text.trim_end_matches("客户") {
        "高价值" => Some(Segment::HighValue),
        "高贡献" => Some(Segment::HighContribution),
        "一般" | "普通" => Some(Segment::Ordinary),
        "休眠" => Some(Segment::Dormant),
        key => key.to_lowercase().replace([' ', '-'], "_").parse().ok(),
    }
}

/// A plate as it is stored: upper case, without blanks, dots and dashes (苏A·386 → 苏A386).
fn plate(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !"·.-•".contains(*c)).flat_map(char::to_uppercase).collect()
}

/// `2026-11-14`, `2026/1/4`, `2026年1月4日`, each with ` 16:30` or ` 16:30:05` (or `T`) or without.
pub(super) fn date(text: &str) -> Option<(NaiveDate, Option<NaiveTime>)> {
    let text = text.replace(['年', '月', '/'], "-").replace('日', " ");
    let (day, time) = match text.trim().split_once([' ', 'T']) {
        Some((day, time)) => (day, Some(time.trim())),
        None => (text.trim(), None),
    };
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok().filter(|day| (1900..2200).contains(&day.year()))?;
    let time = match time {
        None | Some("") => None,
        Some(time) => Some(
            NaiveTime::parse_from_str(time, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M")).ok()?,
        ),
    };
    Some((day, time))
}
