//! What a CSV's bytes are: UTF-8 (with a mark or without) or GB18030, as spreadsheets in China save it. Told from the file's beginning. Pure.
//!
//! Commas, quotes and line ends are no part of a GB18030 character, so cells are cut before they are decoded.

use encoding_rs::GB18030;
use std::borrow::Cow;

/// How cells are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// GB18030, which includes GBK and GB2312.
    Gb18030,
    /// The beginning was ASCII: each cell is taken for UTF-8 if it can be, else for GB18030.
    Either,
}

impl Encoding {
    /// Tells the encoding by a file's beginning (its last line may be cut off): what the more lines that are not ASCII can be read as.
    pub fn detect(beginning: &[u8]) -> Encoding {
        if beginning.starts_with(b"\xef\xbb\xbf") {
            return Encoding::Utf8;
        }
        let whole = beginning.iter().rposition(|&byte| byte == b'\n').map_or(beginning, |end| &beginning[..end]);
        let (mut utf8, mut gb18030) = (0usize, 0usize);
        for line in whole.split(|&byte| byte == b'\n').filter(|line| !line.is_ascii()) {
            if std::str::from_utf8(line).is_ok() {
                utf8 += 1;
            } else if decode_gb18030(line).is_some() {
                gb18030 += 1;
            }
        }
        match (utf8, gb18030) {
            (0, 0) => Encoding::Either,
            (utf8, gb18030) if gb18030 > utf8 => Encoding::Gb18030,
            _ => Encoding::Utf8,
        }
    }

    /// A cell as text; none where it is none.
    pub fn decode<'a>(self, cell: &'a [u8]) -> Option<Cow<'a, str>> {
        let utf8 = || std::str::from_utf8(cell).ok().map(Cow::Borrowed);
        match self {
            Encoding::Utf8 => utf8(),
            Encoding::Gb18030 => decode_gb18030(cell),
            Encoding::Either => utf8().or_else(|| decode_gb18030(cell)),
        }
    }
}

fn decode_gb18030(bytes: &[u8]) -> Option<Cow<'_, str>> {
    GB18030.decode_without_bom_handling_and_without_replacement(bytes)
}
