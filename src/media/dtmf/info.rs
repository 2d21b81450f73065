//! Keys in the body of a SIP INFO: `application/dtmf-relay` (Signal and Duration, as gateways send it) and `application/dtmf` (the bare key). No RFC says how;
//! read is what gateways are known to write.

/// The content type of a bare key. Every other one is read for its fields: gateways name it as they like.
const BARE: &str = "application/dtmf";

/// How long a key is taken for held when the message does not say, in ms.
const USUAL_MS: u32 = 250;
/// Nobody holds a key longer, in ms.
const LONGEST_MS: u32 = 60_000;

/// A key that was pressed and let go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Press {
    /// `0`–`9`, `*`, `#`, `A`–`D`.
    pub key: char,
    /// For so long, in ms.
    pub held_ms: u32,
}

impl std::fmt::Debug for Press {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Press({} ms)", self.held_ms)
    }
}

/// Reads a body of this content type (without parameters, any case). None where it holds no key, as for a hook flash.
pub fn read(content_type: &str, body: &[u8]) -> Option<Press> {
    let text = std::str::from_utf8(body).ok()?;
    if content_type.eq_ignore_ascii_case(BARE) && !text.contains('=') {
        return Some(Press { key: key(text)?, held_ms: USUAL_MS });
    }
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (field, value) = line.split_once('=')?;
            field.trim().eq_ignore_ascii_case(name).then_some(value.trim())
        })
    };
    let held_ms = field("Duration").and_then(|value| value.parse().ok()).unwrap_or(USUAL_MS).min(LONGEST_MS);
    Some(Press { key: key(field("Signal")?)?, held_ms })
}

/// The key by its sign or by its event code.
fn key(text: &str) -> Option<char> {
    match text.trim() {
        "10" => Some('*'),
        "11" => Some('#'),
        code @ ("12" | "13" | "14" | "15") => "ABCD".chars().nth(code.parse::<usize>().ok()? - 12),
        sign => {
            let mut signs = sign.chars();
            let key = signs.next()?.to_ascii_uppercase();
            (signs.next().is_none() && matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_as_gateways_write_them() {
        let relay =
            |body: &str| read("application/dtmf-relay", body.as_bytes()).map(|press| (press.key, press.held_ms));
        let bare = |body: &str| read("Application/DTMF", body.as_bytes()).map(|press| (press.key, press.held_ms));
        let table = [
            (relay("Signal=5\r\nDuration=160\r\n"), Some(('5', 160))),
            (relay("Signal= *\r\nDuration= 80"), Some(('*', 80))),
            (relay("signal=#"), Some(('#', 250))),
            (relay("Duration=100\nSIGNAL=d\n"), Some(('D', 100))),
            (relay("Signal=10"), Some(('*', 250))),
            (relay("Signal=11\r\nDuration=x"), Some(('#', 250))),
            (relay("Signal=12"), Some(('A', 250))),
            (relay("Signal=15"), Some(('D', 250))),
            (relay("Signal=1\r\nDuration=4294967295"), Some(('1', 60_000))),
            (relay("Signal=16\r\nDuration=100"), None), // hook flash
            (relay("Signal=hf"), None),
            (relay("Signal=55"), None),
            (relay("Duration=100"), None),
            (relay(""), None),
            (relay("5"), None),
            (bare("5"), Some(('5', 250))),
            (bare(" # \r\n"), Some(('#', 250))),
            (bare("11"), Some(('#', 250))),
            (bare("Signal=7\r\nDuration=90"), Some(('7', 90))),
            (bare(""), None),
            (bare("x"), None),
        ];
        for (number, (read, expected)) in table.into_iter().enumerate() {
            assert_eq!(read, expected, "row {number}");
        }
        assert_eq!(read("application/dtmf", &[0xff, 0xfe]), None);
        assert!(!format!("{:?}", read("application/dtmf", b"7")).contains('7'), "a key is nobody's business in a log");
    }
}
