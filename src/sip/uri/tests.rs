//! Tests of the URI parser: tables of texts, byte for byte.

use super::*;

#[test]
fn every_uri_shows_itself_byte_for_byte() {
    for text in [
        "sip:h",
        "SIP:Alice@Example.COM",
        "sip:john.doe@h",
        "sip:+8613800138000@192.0.2.1:5060;transport=foo;lr",
        "sip:a%2Bb;x=1@h:05060",
        "sips:user:pass@[2001:DB8::0001]:5061;ttl=1?Subject=hi&Priority=urgent",
        "sip:1234567890;phone-context=+86@trunk.example.cn;user=phone",
        "tel:+7900",
        "tel:+86-10-6552-9988;ext=12",
        "urn:service:sos",
        "sip:user?x=1/2@h",
        "sip:*21*600*22*23@h",
    ] {
        let uri: Uri = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(uri.to_string(), text);
    }
}
