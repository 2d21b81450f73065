//! Tests of the URI parser: tables of texts, byte for byte, and the comparison table of RFC 3261, 19.1.4.

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
        "sip:a@h;;lr;",
        "sip:a@under_score.local",
        "sip:%00%E5%BC%A0@h",
    ] {
        let uri: Uri = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(uri.to_string(), text);
    }
}

#[test]
fn the_parts_are_where_they_belong() {
    let uri: Uri =
        "sips:a%2Bb;x=1:pa:ss@[2001:db8::1]:5061;LR;Transport=tcp;m=\"?\"".replace("\"?\"", "1").parse().unwrap();
    assert_eq!((uri.scheme(), uri.user(), uri.password()), (&Scheme::Sips, Some("a%2Bb;x=1"), Some("pa:ss")));
    assert_eq!((uri.port(), uri.transport(), uri.is_loose_router()), (Some(5061), Some("tcp"), true));
    assert_eq!(uri.params().iter().count(), 3);
}

#[test]
fn texts_that_are_no_uri_are_refused_by_name() {
    for (text, want) in [
        ("", UriError::Scheme),
        ("h", UriError::Scheme),
        ("1sip:h", UriError::Scheme),
        ("sip:", UriError::Host),
        ("sip:@h", UriError::User),
        ("sip::pw@h", UriError::User),
        ("sip:a@", UriError::Host),
        ("sip:a@b@c", UriError::Host),
        ("sip:a@[::1", UriError::Host),
        ("sip:a@[::1]x", UriError::Host),
        ("sip:a@2001:db8::1", UriError::Port),
        ("sip:a@h:", UriError::Port),
        ("sip:a@h:65536", UriError::Port),
        ("sip:a@h:+1", UriError::Port),
        ("sip:a@h!", UriError::Host),
        ("sip:a@h;=1", UriError::Params),
        ("sip:a b@h", UriError::Character),
        ("sip:a@h\r\n", UriError::Character),
        ("<sip:a@h>", UriError::Character),
        ("tel:", UriError::Number),
        ("tel:+", UriError::Number),
        ("tel:call-me", UriError::Number),
        ("urn:", UriError::Host),
    ] {
        assert_eq!(text.parse::<Uri>(), Err(want), "{text}");
    }
}

#[test]
fn comparison_follows_19_1_4() {
    for (a, b) in [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        ("sip:b@h;transport=tcp;x=1?a=1&B=2", "sip:b@h;X=1;transport=tcp?b=2&A=1"),
        ("sip:a%2bb@h", "sip:a%2Bb@h"),
        ("sip:a@[2001:DB8::1]", "sip:a@[2001:db8:0::1]"),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
    ] {
        assert!(a.parse::<Uri>().unwrap().equivalent(&b.parse().unwrap()), "{a} {b}");
        assert!(b.parse::<Uri>().unwrap().equivalent(&a.parse().unwrap()), "{b} {a}");
    }
    for (a, b) in [
        ("SIP:ALICE@AtLanTa.CoM", "sip:alice@AtLanTa.CoM"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:bob@biloxi.com", "sip:bob:x@biloxi.com"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:a%3Bb@h", "sip:a;b@h"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:bob@h", "sip:h"),
        ("tel:+1", "tel:1"),
    ] {
        assert!(!a.parse::<Uri>().unwrap().equivalent(&b.parse().unwrap()), "{a} {b}");
        assert!(!b.parse::<Uri>().unwrap().equivalent(&a.parse().unwrap()), "{b} {a}");
    }
}

#[test]
fn a_changed_uri_is_written_from_its_parts() {
    let mut uri = Uri::sip(
        Some(&Uri::escape_user("王;a b#")),
        Host::from("2001:db8::1".parse::<std::net::IpAddr>().unwrap()),
        Some(5060),
    );
    assert_eq!(uri.to_string(), "sip:%E7%8E%8B;a%20b%23@[2001:db8::1]:5060");
    uri.set_param("transport", Some("udp"));
    uri.set_param("lr", None);
    uri.remove_param("Transport");
    assert_eq!(uri.to_string(), "sip:%E7%8E%8B;a%20b%23@[2001:db8::1]:5060;lr");
    assert_eq!(uri.to_string().parse(), Ok(uri));
    let mut sly = Uri::sip(Some("a\r\nX: 1@evil%40"), Host::Name("h".into()), None);
    sly.set_param("x", Some("1>\r\nX: 2"));
    assert_eq!(sly.to_string(), "sip:a%0D%0AX%3A%201%40evil%40@h;x=1X:2");
    let refer: Uri = "sip:agent@h:5080;transport=udp".parse().unwrap();
    let refer = refer.with_header("Replaces", "a@b;to-tag=1&2;from-tag=[3]");
    assert_eq!(refer.as_str(), "sip:agent@h:5080;transport=udp?Replaces=a%40b%3Bto-tag%3D1%262%3Bfrom-tag%3D[3]");
    assert_eq!(refer.with_header("X", "1").headers().map(|h| h.ends_with("&X=1")), Some(true));
    let number: Uri = "tel:+861".parse().unwrap();
    assert_eq!(number.with_header("Replaces", "x").as_str(), "tel:+861", "only SIP URIs have headers");
    let mut opaque: Uri = "urn:service:sos".parse().unwrap();
    opaque.set_param("lr", None);
    assert_eq!(opaque.to_string(), "urn:service:sos");
}

#[test]
fn debug_masks_the_user_part() {
    for (text, want) in [
        ("sip:+8613800138000:pw@h:5060;a=1?b=2", "sip:+86•••••••••00@h:5060"),
        ("tel:+8613800138000;ext=1", "tel:+86•••••••••00"),
        ("sips:1001@h", "sips:••••@h"),
        ("sip:h", "sip:h"),
        ("urn:service:sos", "urn:•••"),
    ] {
        assert_eq!(format!("{:?}", text.parse::<Uri>().unwrap()), want);
    }
}
