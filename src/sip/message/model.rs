//! The header model: `rsip::Headers`, seen as names and values. One table joins rsip's variants with their names on the wire and the compact forms
//! (RFC 3261, 7.3.3 and the IANA registry). Order is kept, unknown fields are kept. rsip's typed views are not used (see `header`).

use rsip::Header;
use rsip::headers::UntypedHeader;

macro_rules! table {
    ($($variant:ident $name:literal,)*) => {
        /// Name on the wire and value of a field.
        pub(super) fn field(header: &Header) -> (&str, &str) {
            match header {
                $(Header::$variant(inner) => ($name, inner.value()),)*
                Header::SubscriptionState(inner) => ("Subscription-State", inner.value()),
                Header::Other(name, value) => (name, value),
            }
        }

        /// A field with this name, compact or full.
        pub(super) fn make(name: &str, value: String) -> Header {
            let name = expand(name);
            $(if name.eq_ignore_ascii_case($name) {
                return Header::$variant(rsip::headers::$variant::new(value));
            })*
            Header::Other(name.to_owned(), value)
        }
    };
}

table! {
    Via "Via", From "From", To "To", CallId "Call-ID", CSeq "CSeq", Contact "Contact", MaxForwards "Max-Forwards", RecordRoute "Record-Route",
    Route "Route", ContentType "Content-Type", ContentLength "Content-Length", UserAgent "User-Agent", Server "Server", Allow "Allow",
    Supported "Supported", Require "Require", Unsupported "Unsupported", ProxyRequire "Proxy-Require", Authorization "Authorization",
    WwwAuthenticate "WWW-Authenticate", ProxyAuthenticate "Proxy-Authenticate", ProxyAuthorization "Proxy-Authorization",
    AuthenticationInfo "Authentication-Info", Accept "Accept", AcceptEncoding "Accept-Encoding", AcceptLanguage "Accept-Language",
    AlertInfo "Alert-Info", CallInfo "Call-Info", ContentDisposition "Content-Disposition", ContentEncoding "Content-Encoding",
    ContentLanguage "Content-Language", Date "Date", ErrorInfo "Error-Info", Event "Event", Expires "Expires", InReplyTo "In-Reply-To",
    MimeVersion "MIME-Version", MinExpires "Min-Expires", Organization "Organization", Priority "Priority", ReplyTo "Reply-To",
    RetryAfter "Retry-After", Subject "Subject", Timestamp "Timestamp", Warning "Warning",
}

/// The full name of a compact one; other names stay.
pub(super) fn expand(name: &str) -> &str {
    let [letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => name,
    }
}
