//! Lists that dealers send: CSV in any encoding, workbooks.

use chrono::{DateTime, Utc};
use huifang::followup::list::{Defaults, List, ListError, Reader};
use huifang::phone::E164;

/// More sheet than this is not read of one input.
const ROWS: usize = 100_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).expect("2026-11-18")
}

fn defaults() -> Defaults {
    Defaults {
        country: "CN".to_owned(),
        language: "zh-CN".to_owned(),
        languages: vec!["zh-CN".to_owned(), "en".to_owned()],
        zone: chrono_tz::Asia::Shanghai,
    }
}

/// A CSV or a workbook as it comes; behind `1` or `2` in the first line it is another of the three lists.
pub fn list(data: &[u8]) {
    let (list, bytes) = match data {
        [b'1', b'\n', rest @ ..] => (List::Showroom, rest),
        [b'2', b'\n', rest @ ..] => (List::Delivery, rest),
        whole => (List::Repair, whole),
    };
    read(list, bytes, Some(bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1));
}

/// The XML of the only sheet of a workbook.
pub fn workbook(data: &[u8]) {
    read(List::Repair, &packed(data), None);
}

/// Each row is good or rejected with a line and a reason; lines count up and are in the file.
fn read(list: List, bytes: &[u8], lines: Option<u64>) {
    let mut reader = match Reader::new(list, bytes, defaults()) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let lines = lines.filter(|_| !bytes.starts_with(b"PK"));
    let (mut before, mut count) = (0, 0);
    loop {
        let row = match reader.next(now()) {
            Ok(None) => break,
            Ok(Some(row)) => row,
            Err(ListError::Io(_) | ListError::Workbook(_) | ListError::TooLarge) => break,
            Err(error) => panic!("{error} in the middle"),
        };
        count += 1;
        assert!(count <= ROWS && count <= bytes.len(), "more rows than bytes");
        let line = match row {
            Ok(row) => {
                assert!(!row.name.expose().is_empty() && row.happened.at.is_none_or(|at| at <= now()));
                assert_eq!(E164::from_stored(row.number.as_str()).as_ref(), Ok(&row.number));
                assert!(row.staff_number.is_none_or(|number| number.len() <= 10));
                row.line
            }
            Err(reject) => {
                assert!(reject.to_string().len() < 300, "says more than where and why");
                reject.line
            }
        };
        assert!(line > before, "line {line} after {before}");
        assert!(lines.is_none_or(|lines| line <= lines), "line {line} of {lines:?}");
        before = line;
    }
}

/// A workbook with this sheet: a ZIP archive whose files are stored as they are.
fn packed(sheet: &[u8]) -> Vec<u8> {
    const TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
    const RELS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    const BOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#;
    const SHEETS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
    let files: [(&str, &[u8]); 5] = [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", RELS.as_bytes()),
        ("xl/workbook.xml", BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", SHEETS.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let (offset, length) = (out.len() as u32, content.len() as u32);
        // version, flags, method (stored), time, date, CRC, both sizes, length of the name, no extra field
        let mut head = Vec::new();
        [20u16, 0, 0, 0, 33].iter().for_each(|word| head.extend_from_slice(&word.to_le_bytes()));
        [crc32(content), length, length].iter().for_each(|word| head.extend_from_slice(&word.to_le_bytes()));
        [name.len() as u16, 0].iter().for_each(|word| head.extend_from_slice(&word.to_le_bytes()));
        out.extend_from_slice(&[b"PK\x03\x04", head.as_slice(), name.as_bytes(), content].concat());
        // made by, the same, comment, disk, attributes, where
        directory.extend_from_slice(&[b"PK\x01\x02\x14\0", head.as_slice(), &[0; 10]].concat());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (start, length) = (out.len() as u32, directory.len() as u32);
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0\x05\0\x05\0");
    [length, start].iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    out.extend_from_slice(&[0, 0]);
    out
}

/// The checksum of ZIP (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0xedb8_8320 })
    })
}
