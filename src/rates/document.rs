//! docs/figures.md, made from the tables of definitions: what pages, API and decks call a figure, and what it is. A test holds that the file is what this writes.

use super::{RATES, calls, run, score, trunk};
use std::fmt::Write;

/// The whole document.
pub fn document() -> String {
    let mut text = String::from(
        "# Figures\n\nMade from the tables in `src/rates` (`rates::document`); change it there. Every figure is shown with its n, and none where nothing was counted.\n\n\
         ## Rates of follow-ups\n\nI complete, P partial, R refusal and break-off, NC non-contact, O other, UH and UO unknown, NE not eligible, open: not ended.\n\n",
    );
    let rows = RATES.iter().map(|d| [d.name_en, d.name_zh, d.meaning, &d.formula(), d.source].map(str::to_owned));
    table(&mut text, rows);
    text.push_str("\n## Attempts\n\nAn attempt is an INVITE that left; it belongs to the moment at which it did, in the dealer's zone.\n\n");
    let rows = calls::FIGURES.iter().map(|d| [d.name_en, d.name_zh, d.meaning, d.formula, d.source].map(str::to_owned));
    table(&mut text, rows);
    text.push_str("\n## Parts of a run\n\nEach follow-up of a run is in exactly one part (docs/summary.md).\n\n");
    let rows = run::PARTS.iter().map(|d| [d.name_en, d.name_zh, d.meaning, d.formula, d.source].map(str::to_owned));
    table(&mut text, rows);
    text.push_str("\n## Satisfaction\n\nEvery scored answer counts, whether or not the interview was completed, and belongs to the moment at which it was given.\n\n");
    let rows = score::FIGURES.iter().map(|d| [d.name_en, d.name_zh, d.meaning, d.formula, d.source].map(str::to_owned));
    table(&mut text, rows);
    text.push_str("\n## Trunks\n\n");
    let rows = trunk::FIGURES.iter().map(|d| [d.name_en, d.name_zh, d.meaning, d.formula, d.source].map(str::to_owned));
    table(&mut text, rows);
    text
}

fn table(text: &mut String, rows: impl Iterator<Item = [String; 5]>) {
    text.push_str("| figure | 名称 | what it says | formula | source |\n| --- | --- | --- | --- | --- |\n");
    for [name, zh, meaning, formula, source] in rows {
        // writing into a string never fails
        let _ = writeln!(text, "| {name} | {zh} | {meaning} | `{formula}` | {source} |");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_what_the_tables_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/figures.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let wanted = super::document();
        if std::env::var_os("HUIFANG_WRITE_DOCS").is_some() {
            std::fs::write(path, &wanted).unwrap();
            return;
        }
        assert!(
            written == wanted,
            "docs/figures.md is not what the tables say; write it by HUIFANG_WRITE_DOCS=1 cargo test --lib rates::document"
        );
    }
}
