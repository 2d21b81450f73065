//! What a report is, whatever it is written as: sections of headline figures, charts and tables. Pure: `build` fills it, the writers (`deck`, `book`, `text`) take it,
//! so that a deck, a workbook and a page of the same period say the same.

use super::period::Period;
use super::sheet::Sheet;

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it is: `回访周报`.
    pub title: String,
    /// Whose.
    pub dealer: String,
    /// The days that it covers.
    pub period: Period,
    /// When it was made, in the dealer's zone, written.
    pub made: String,
    /// What it says, in order.
    pub sections: Vec<Section>,
}

/// One subject.
#[derive(Clone, Debug)]
pub struct Section {
    /// Stable key, for JSON and for names of sheets.
    pub key: String,
    /// Its heading.
    pub title: String,
    /// The figures that matter.
    pub headlines: Vec<Headline>,
    /// Charts.
    pub charts: Vec<Chart>,
    /// Tables; each has its own heading.
    pub tables: Vec<Sheet>,
    /// What has to be said beside figures.
    pub notes: Vec<String>,
}

/// A figure that matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    /// What it is.
    pub name: String,
    /// The figure, written.
    pub value: String,
    /// Its n, and its interval where few answered.
    pub note: String,
}

/// A chart out of figures that stand in a table, too.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its heading.
    pub title: String,
    /// How it is drawn.
    pub kind: ChartKind,
    /// Names along the axis.
    pub categories: Vec<String>,
    /// Series with a value for each category; none: a gap.
    pub series: Vec<(String, Vec<Option<f64>>)>,
    /// How values are written (Excel's number format).
    pub format: &'static str,
    /// Ends of the axis, where they are known.
    pub ends: Option<(f64, f64)>,
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartKind {
    /// Columns.
    Column,
    /// A line.
    Line,
}

impl Section {
    /// A section with nothing in it yet.
    pub fn new(key: impl Into<String>, title: impl Into<String>) -> Section {
        let (headlines, charts, tables, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Section { key: key.into(), title: title.into(), headlines, charts, tables, notes }
    }
}

impl Chart {
    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.categories.is_empty() || !self.series.iter().any(|(_, values)| values.iter().any(Option::is_some))
    }
}
