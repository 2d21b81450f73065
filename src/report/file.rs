//! Reports as files: in which formats, under which names, and written into a folder so that a reader never sees half of one.

use super::build::{Kind, Wanted};
use super::model::Report;
use super::{book, deck, sheet, text};
use crate::web::lang::Lang;
use chrono_tz::Tz;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Slides with charts that can be edited.
    Pptx,
    /// A workbook with typed cells and charts.
    Xlsx,
    /// Tables, one after the other.
    Csv,
    /// A page that stands by itself.
    Html,
    /// For programs.
    Json,
}

/// A report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written as {format}: {why}")]
pub struct Unwritten {
    format: &'static str,
    why: String,
}

/// The dealer's logo: a PNG or JPEG.
#[derive(Clone, Debug)]
pub struct Logo {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// Its name, whose ending says what it is.
    pub name: String,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] = [Format::Pptx, Format::Xlsx, Format::Csv, Format::Html, Format::Json];

    /// The ending of the file's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Pptx => "pptx",
            Format::Xlsx => "xlsx",
            Format::Csv => "csv",
            Format::Html => "html",
            Format::Json => "json",
        }
    }

    /// The format of this word.
    pub fn of(word: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Format::Xlsx => sheet::Kind::Xlsx.media_type(),
            Format::Csv => sheet::Kind::Csv.media_type(),
            Format::Html => "text/html; charset=utf-8",
            Format::Json => "application/json",
        }
    }

    /// The bytes of a report.
    pub fn write(self, report: &Report, zone: Tz, lang: Lang, logo: Option<&Logo>) -> Result<Vec<u8>, Unwritten> {
        let unwritten = |why: String| Unwritten { format: self.as_str(), why };
        match self {
            Format::Pptx => {
                let logo = logo.map(|logo| (logo.bytes.as_slice(), logo.name.as_str()));
                deck::pptx(report, zone, logo).map_err(|error| unwritten(error.to_string()))
            }
            Format::Xlsx => book::xlsx(report, zone).map_err(|error| unwritten(error.to_string())),
            Format::Csv => text::csv(report, zone).map_err(|error| unwritten(error.to_string())),
            Format::Html => {
                text::html(report, zone, lang).map(String::into_bytes).map_err(|error| unwritten(error.to_string()))
            }
            Format::Json => Ok(text::json(report, zone).to_string().into_bytes()),
        }
    }
}

/// `huifang-weekly-2026-11-16.pptx`: the same for the same report.
pub fn name(wanted: &Wanted, format: Format) -> String {
    let usual = match wanted.kind {
        Kind::Daily => wanted.period.days() == 1,
        Kind::Weekly => wanted.period.days() == 7,
        Kind::Monthly => (28..=31).contains(&wanted.period.days()),
    };
    let last = if usual { String::new() } else { format!("-{}", wanted.period.last) };
    format!("huifang-{}-{}{last}.{}", wanted.kind.as_str(), wanted.period.first, format.as_str())
}

/// Writes a file whole or not at all; in the place of one of that name, if there is one.
pub fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder: PathBuf = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => ".".into(),
    };
    let mut file = tempfile::Builder::new().prefix(".huifang-report-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    std::fs::set_permissions(file.path(), mode)?;
    file.persist(path)?;
    Ok(())
}
