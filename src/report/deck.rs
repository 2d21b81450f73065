//! A report as a slide deck (PPTX) with native charts that can be edited: a title, then for each section its headline figures, its charts and its tables. `rpptx` is used
//! here and nowhere else; what its charts cannot be told (no smoothed lines, an axis that ends where the scale does) is set in their XML afterwards.

use super::model::{Chart, ChartKind as Kind, Report, Section};
use super::sheet::{Cell, Sheet};
use chrono_tz::Tz;
use rpptx::{
    CT_TextCharacterProperties, CT_TextParagraphProperties, ChartData, ChartKind, Emu, Fill, LegendPosition,
    OpcPackage, Presentation, RgbColor, TextAlignment, TextFrame,
};
use std::io::Cursor;

/// A slide of 16 to 9, in inches.
const WIDTH: f64 = 13.333;
const HEIGHT: f64 = 7.5;
const MARGIN: f64 = 0.6;
/// Stack of the thread that writes a deck, in bytes; what is not used costs nothing.
const STACK: usize = 64 << 20;
/// Rows of a table on one slide, beside its head.
const ROWS: usize = 12;
/// An empty deck, made of assets/deck.fodp by `soffice --convert-to pptx`, and its layouts.
const TEMPLATE: &[u8] = include_bytes!("../../assets/deck.pptx");
const BLANK: &str = "Blank Slide";
const TITLE_ONLY: &str = "Title Only";
const BAND: [u8; 3] = [0xf1, 0xf4, 0xf3];
const INK: [u8; 3] = [0x1b, 0x24, 0x21];
const SOFT: [u8; 3] = [0x5c, 0x69, 0x65];
const GREEN: [u8; 3] = [0x0f, 0x6b, 0x63];
const PALETTE: [[u8; 3]; 4] = [[0x0f, 0x8a, 0x72], [0xd0, 0x8a, 0x1d], [0x8e, 0xa3, 0xb8], [0xb3, 0x26, 0x1e]];
/// A typeface that every office program on the desks here has, and what the others replace well.
const CHINESE: &str = "Microsoft YaHei";

/// Why a deck could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DeckError {
    /// The library.
    #[error("the deck cannot be written: {0}")]
    Library(String),
}

fn failed(error: impl std::fmt::Display) -> DeckError {
    DeckError::Library(error.to_string())
}

/// The deck's bytes. `logo`: a PNG or JPEG and its file name.
///
/// Written on a thread of its own: the library's frames are so large that a deck of twenty slides overflows the 2 MiB that a worker's stack has (seen in a debug build).
pub fn pptx(report: &Report, zone: Tz, logo: Option<(&[u8], &str)>) -> Result<Vec<u8>, DeckError> {
    std::thread::scope(|scope| {
        let writer = std::thread::Builder::new().name("deck".to_owned()).stack_size(STACK);
        let writing = writer.spawn_scoped(scope, || written(report, zone, logo)).map_err(failed)?;
        writing.join().unwrap_or_else(|_| Err(failed("the library gave up")))
    })
}

fn written(report: &Report, zone: Tz, logo: Option<(&[u8], &str)>) -> Result<Vec<u8>, DeckError> {
    let mut deck = Deck { deck: Presentation::from_bytes(TEMPLATE).map_err(failed)?, axes: Vec::new(), zone };
    deck.deck.remove_slide(0).map_err(failed)?;
    deck.deck.set_slide_size(inches(WIDTH), inches(HEIGHT)).map_err(failed)?;
    for major in [true, false] {
        deck.deck.set_theme_font(0, major, "east_asian", CHINESE).map_err(failed)?;
    }
    deck.front(report, logo)?;
    for section in &report.sections {
        deck.section(section)?;
    }
    let bytes = deck.deck.to_bytes().map_err(failed)?;
    straighten(&bytes, &deck.axes)
}

struct Deck {
    deck: Presentation,
    /// Ends of each chart's axis, in the order in which they were added.
    axes: Vec<Option<(f64, f64)>>,
    zone: Tz,
}

fn inches(inches: f64) -> Emu {
    Emu::from_inches(inches)
}

fn colour([r, g, b]: [u8; 3]) -> Option<Fill> {
    let xml = format!(
        "<a:solidFill xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\"><a:srgbClr val=\"{r:02X}{g:02X}{b:02X}\"/></a:solidFill>"
    );
    Fill::from_xml(xml.as_bytes()).ok()
}

/// One run of text in the last paragraph of a frame.
fn write(frame: &mut TextFrame<'_>, text: &str, points: i32, bold: bool, rgb: [u8; 3]) {
    let mut properties = CT_TextCharacterProperties::default();
    properties.font_size = Some(points * 100);
    properties.bold = Some(bold);
    properties.fill = colour(rgb);
    let last = frame.paragraph_count().saturating_sub(1);
    if let Some(mut paragraph) = frame.paragraph_mut(last) {
        paragraph.add_run(text).set_properties(properties);
    }
}

impl Deck {
    fn front(&mut self, report: &Report, logo: Option<(&[u8], &str)>) -> Result<(), DeckError> {
        let slide = self.slide(BLANK)?;
        let period = format!("{} – {}", report.period.first, report.period.last);
        self.text(slide, 2.4, 1.2, &[(&report.title, 40, true, INK)])?;
        self.text(slide, 3.6, 0.7, &[(&report.dealer, 24, false, GREEN)])?;
        self.text(slide, 4.3, 0.6, &[(&period, 18, false, SOFT)])?;
        self.text(slide, 6.6, 0.5, &[(&report.made, 12, false, SOFT)])?;
        if let Some((bytes, name)) = logo {
            let height = Some(inches(1.0));
            self.deck.add_picture(slide, bytes, name, inches(MARGIN), inches(0.6), None, height).map_err(failed)?;
        }
        Ok(())
    }

    fn slide(&mut self, layout: &str) -> Result<usize, DeckError> {
        let found = (0..).map_while(|n| self.deck.layout_name(n)).position(|name| name == layout);
        self.deck.add_slide(found.ok_or_else(|| failed("the template has lost a layout"))?).map_err(failed)?;
        Ok(self.deck.len() - 1)
    }

    /// A slide with a title.
    fn titled(&mut self, title: &str) -> Result<usize, DeckError> {
        let slide = self.slide(TITLE_ONLY)?;
        let mut page = self.deck.slide_mut(slide).ok_or_else(|| failed("a slide is gone"))?;
        let mut shape = page.shape_mut(0).ok_or_else(|| failed("the layout has no title"))?;
        shape.set_position(inches(MARGIN), inches(0.35)).map_err(failed)?;
        shape.set_size(inches(WIDTH - 2.0 * MARGIN), inches(0.8)).map_err(failed)?;
        shape.set_text("").map_err(failed)?;
        if let Some(mut frame) = shape.text_frame() {
            write(&mut frame, title, 26, true, INK);
            if let Some(mut paragraph) = frame.paragraph_mut(0) {
                let mut left = CT_TextParagraphProperties::default();
                left.alignment = Some(TextAlignment::Left);
                paragraph.set_properties(left);
            }
        }
        Ok(slide)
    }

    fn text(
        &mut self,
        slide: usize,
        top: f64,
        height: f64,
        runs: &[(&str, i32, bool, [u8; 3])],
    ) -> Result<(), DeckError> {
        self.text_at(slide, (MARGIN, top, WIDTH - 2.0 * MARGIN, height), runs)
    }

    fn text_at(
        &mut self,
        slide: usize,
        (left, top, width, height): (f64, f64, f64, f64),
        runs: &[(&str, i32, bool, [u8; 3])],
    ) -> Result<(), DeckError> {
        let mut page = self.deck.slide_mut(slide).ok_or_else(|| failed("a slide is gone"))?;
        let mut shape = page.add_textbox(inches(left), inches(top), inches(width), inches(height)).map_err(failed)?;
        if let Some(mut frame) = shape.text_frame() {
            for (n, (text, points, bold, rgb)) in runs.iter().enumerate() {
                if n > 0 {
                    frame.add_paragraph();
                }
                write(&mut frame, text, *points, *bold, *rgb);
            }
        }
        Ok(())
    }

    fn section(&mut self, section: &Section) -> Result<(), DeckError> {
        let charts: Vec<&Chart> = section.charts.iter().filter(|chart| !chart.is_empty()).collect();
        if !section.headlines.is_empty() || !charts.is_empty() {
            let slide = self.titled(&section.title)?;
            self.headlines(slide, section)?;
            let top = if section.headlines.is_empty() { 1.3 } else { 2.75 };
            let (room, count) = (WIDTH - 2.0 * MARGIN, charts.len().max(1) as f64);
            for (n, chart) in charts.iter().enumerate() {
                let width = room / count;
                self.chart(slide, chart, (MARGIN + width * n as f64, top, width - 0.15, HEIGHT - top - 0.3))?;
            }
        }
        for table in section.tables.iter().filter(|table| !table.rows.is_empty()) {
            for (page, rows) in table.rows.chunks(ROWS).enumerate() {
                let more = if page > 0 { format!(" ({})", page + 1) } else { String::new() };
                let slide = self.titled(&format!("{} · {}{more}", section.title, table.name))?;
                self.table(slide, table, rows)?;
            }
        }
        for note in &section.notes {
            let slide = self.titled(&section.title)?;
            self.text(slide, 1.4, 5.0, &[(note, 18, false, INK)])?;
        }
        Ok(())
    }

    fn headlines(&mut self, slide: usize, section: &Section) -> Result<(), DeckError> {
        let width = (WIDTH - 2.0 * MARGIN) / section.headlines.len().max(1) as f64;
        for (n, headline) in section.headlines.iter().enumerate() {
            let place = (MARGIN + width * n as f64, 1.2, width - 0.1, 1.4);
            let runs = [
                (headline.name.as_str(), 13, false, SOFT),
                (&headline.value, 28, true, GREEN),
                (&headline.note, 11, false, SOFT),
            ];
            self.text_at(slide, place, &runs)?;
        }
        Ok(())
    }

    fn chart(
        &mut self,
        slide: usize,
        chart: &Chart,
        (left, top, width, height): (f64, f64, f64, f64),
    ) -> Result<(), DeckError> {
        // The library knows no gaps: a category for which a series has no value is left out, and not drawn as 0.
        let whole: Vec<usize> = (0..chart.categories.len())
            .filter(|at| chart.series.iter().all(|(_, values)| values.get(*at).copied().flatten().is_some()))
            .collect();
        if whole.is_empty() {
            return Ok(());
        }
        let values =
            |values: &[Option<f64>]| whole.iter().filter_map(|at| values.get(*at).copied().flatten()).collect();
        let data = ChartData {
            categories: whole.iter().map(|at| chart.categories[*at].clone()).collect(),
            series: chart.series.iter().map(|(name, all)| (name.clone(), values(all))).collect(),
            number_format: Some(chart.format.to_owned()),
            // a colour for each series; of more the library would give each column its own
            palette: PALETTE.iter().take(chart.series.len()).map(|[r, g, b]| RgbColor::new(*r, *g, *b)).collect(),
            ..ChartData::default()
        };
        let kind = match chart.kind {
            Kind::Column => ChartKind::Bar,
            Kind::Line => ChartKind::Line,
        };
        self.text_at(slide, (left, top, width, 0.4), &[(&chart.title, 14, true, INK)])?;
        let place = [left, top + 0.4, width, height - 0.4].map(inches);
        let shape = self.deck.add_chart(slide, kind, place[0], place[1], place[2], place[3], &data).map_err(failed)?;
        let id = shape.non_visual_id();
        if chart.series.len() > 1
            && let Some(id) = id
        {
            let bottom = Some(LegendPosition::Bottom);
            self.deck.set_chart_legend(slide, id, Some(true), bottom, Some(false)).map_err(failed)?;
        }
        self.axes.push(chart.ends);
        Ok(())
    }

    fn table(&mut self, slide: usize, table: &Sheet, rows: &[Vec<Cell>]) -> Result<(), DeckError> {
        let room = WIDTH - 2.0 * MARGIN;
        let wanted: f64 = table.columns.iter().map(|(_, width)| width).sum();
        let height = 0.4 * (rows.len() + 1) as f64;
        let zone = self.zone;
        let mut page = self.deck.slide_mut(slide).ok_or_else(|| failed("a slide is gone"))?;
        let place = [MARGIN, 1.35, room, height].map(inches);
        let shape = page
            .add_table(rows.len() + 1, table.columns.len(), place[0], place[1], place[2], place[3])
            .map_err(failed)?;
        let mut grid = shape.into_table_mut().ok_or_else(|| failed("a table is none"))?;
        grid.set_first_row(true);
        for (column, (title, width)) in table.columns.iter().enumerate() {
            grid.set_column_width(column, inches(room * width / wanted)).map_err(failed)?;
            fill(&mut grid, 0, column, title, true);
            for (row, cells) in rows.iter().enumerate() {
                let text = cells.get(column).map(|cell| cell.written(zone)).unwrap_or_default();
                fill(&mut grid, row + 1, column, &text, false);
            }
        }
        Ok(())
    }
}

fn fill(grid: &mut rpptx::TableMut<'_>, row: usize, column: usize, text: &str, head: bool) {
    if let Some(mut cell) = grid.cell_mut(row, column) {
        // by hand: what a table style looks like depends on the program that shows it
        cell.set_fill(match (head, row % 2) {
            (true, _) => colour(GREEN),
            (false, 0) => colour(BAND),
            (false, _) => None,
        });
        let mut frame = cell.text_frame();
        write(&mut frame, text, 12, head, if head { [0xff; 3] } else { INK });
    }
}

/// Charts as they are wanted: one colour a series, lines from point to point, an axis from end to end of the scale, labels that can be read.
fn straighten(bytes: &[u8], axes: &[Option<(f64, f64)>]) -> Result<Vec<u8>, DeckError> {
    let mut package = OpcPackage::from_reader(Cursor::new(bytes)).map_err(failed)?;
    for (n, ends) in (1..).zip(axes) {
        let name = format!("/ppt/charts/chart{n}.xml");
        let Some(part) = package.get_part(&name) else { continue };
        let xml = straight(&String::from_utf8_lossy(part), *ends);
        package.set_part(&name, xml.into_bytes());
    }
    let mut written = Cursor::new(Vec::new());
    package.write_to(&mut written).map_err(failed)?;
    Ok(written.into_inner())
}

/// A chart's XML with what the library cannot be told. Elements stand in the order of ECMA-376 (CT_LineSer, CT_BarChart, CT_Scaling, CT_CatAx, CT_ValAx).
fn straight(xml: &str, ends: Option<(f64, f64)>) -> String {
    const SMALL: &str =
        "<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz=\"900\"/></a:pPr><a:endParaRPr lang=\"en-US\"/></a:p></c:txPr>";
    const GRID: &str = "<c:majorGridlines><c:spPr><a:ln w=\"6350\"><a:solidFill><a:srgbClr val=\"E1E5E3\"/></a:solidFill></a:ln></c:spPr></c:majorGridlines>";
    let (low, high) = ends.map_or((0.0, None), |(low, high)| (low, Some(high)));
    let high = high.map(|high| format!("<c:max val=\"{high}\"/>")).unwrap_or_default();
    let labels = xml
        .split_once("<c:cat>")
        .and_then(|(_, cat)| cat.split_once("</c:cat>"))
        .map_or(0, |(cat, _)| cat.matches("<c:pt ").count());
    let skip = format!("<c:tickLblSkip val=\"{}\"/>", labels.div_ceil(10).max(1));
    let mut xml = xml.replace("<c:smooth val=\"1\"/>", "<c:smooth val=\"0\"/>");
    if xml.contains("<c:lineChart>") {
        xml = xml.replace("</c:ser>", "<c:smooth val=\"0\"/></c:ser>");
    }
    if let Some((before, after)) = xml.split_once("<c:ser>")
        && !before.contains("<c:varyColors")
    {
        xml = format!("{before}<c:varyColors val=\"0\"/><c:ser>{after}");
    }
    let Some((before, value)) = xml.split_once("<c:valAx") else { return xml };
    let names = before.replace("<c:crossAx ", &format!("<c:tickLblPos val=\"low\"/>{SMALL}<c:crossAx "));
    let names = match labels > 12 {
        true => names.replace("</c:catAx>", &format!("{skip}</c:catAx>")),
        false => names,
    };
    let value = value
        .replacen("</c:scaling>", &format!("{high}<c:min val=\"{low}\"/></c:scaling>"), 1)
        .replacen("<c:axPos val=\"l\"/>", &format!("<c:axPos val=\"l\"/>{GRID}"), 1)
        .replacen("<c:crossAx ", &format!("{SMALL}<c:crossAx "), 1);
    format!("{names}<c:valAx{value}")
}
