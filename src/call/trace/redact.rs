//! What is never stored of a SIP message: credentials (RFC 3261 20.7, 20.28) and the keys of SRTP (RFC 4568, RFC 4567, RFC 4566 5.12). Pure.

use super::mask::{Line, head_and_body, lines};

/// The message without credentials and keys. Keys give way to as many `x`, so that Content-Length stays true.
pub fn redact(bytes: &[u8]) -> Vec<u8> {
    let (head, body) = head_and_body(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    for Line { text, end, name } in lines(head) {
        match name.as_deref() {
            Some("authorization" | "proxy-authorization" | "authentication-info" | "proxy-authentication-info") => {
                let name = text.split(|b| *b == b':').next().unwrap_or_default();
                out.extend_from_slice(name.trim_ascii_end());
                out.extend_from_slice(b": removed");
                out.extend_from_slice(end);
            }
            _ => {
                out.extend_from_slice(text);
                out.extend_from_slice(end);
            }
        }
    }
    let start = out.len();
    out.extend_from_slice(body);
    for line in out[start..].split_mut(|b| matches!(b, b'\n' | b'\r')) {
        hide_keys(line);
    }
    out
}

/// `a=crypto:1 SUITE inline:KEY`, `a=key-mgmt:mikey KEY`, `k=base64:KEY`: all behind the first word.
fn hide_keys(line: &mut [u8]) {
    let lower = line.trim_ascii_start().to_ascii_lowercase();
    let from = line.len() - lower.len();
    let key = match () {
        () if lower.starts_with(b"a=crypto:") => lower.windows(7).position(|w| w == b"inline:").map_or(9, |at| at + 7),
        () if lower.starts_with(b"a=key-mgmt:") => 11,
        () if lower.starts_with(b"k=") => 2,
        () => return,
    };
    line[from + key..].fill(b'x');
}
