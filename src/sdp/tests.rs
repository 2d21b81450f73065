//! Tests of offer and answer: what phones, trunks and gateways write, as tables.

use super::*;

pub(super) fn local() -> LocalMedia {
    LocalMedia {
        addr: "192.0.2.1".parse().unwrap(),
        port: 4000,
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        telephone_event: Some(101),
        ptime_ms: 20,
        srtp: Vec::new(),
        session_id: 7,
        version: 1,
    }
}

#[test]
fn the_offer_says_what_we_have() {
    let want = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n\
                a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\na=rtcp-mux\r\n";
    assert_eq!(String::from_utf8(offer(&local())).unwrap(), want);
}

/// The usual head and these lines.
fn with(lines: &[&str]) -> Vec<u8> {
    format!("v=0\r\no=- 1 1 IN IP4 203.0.113.9\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n{}\r\n", lines.join("\r\n"))
        .into_bytes()
}

fn read(lines: &[&str]) -> Result<Negotiated, SdpError> {
    read_answer(&local(), &with(lines))
}

fn plain() -> Negotiated {
    Negotiated {
        remote: "203.0.113.9:5000".parse().unwrap(),
        rtcp: "203.0.113.9:5001".parse().unwrap(),
        codec: Codec::Pcma,
        payload_type: 8,
        receive_payload_type: 8,
        telephone_event: None,
        receive_telephone_event: None,
        comfort_noise: None,
        ptime_ms: 20,
        direction: Direction::SendRecv,
        srtp: None,
    }
}

#[test]
fn answers_are_read_as_peers_write_them() {
    let pcmu = Negotiated { codec: Codec::Pcmu, payload_type: 0, receive_payload_type: 0, ..plain() };
    let at = |remote: &str, rtcp: &str| Negotiated {
        remote: remote.parse().unwrap(),
        rtcp: rtcp.parse().unwrap(),
        ..plain()
    };
    let noise = |number| Negotiated { comfort_noise: Some(number), ..plain() };
    let keys = |number| Negotiated { telephone_event: Some(number), receive_telephone_event: Some(101), ..plain() };
    for (what, lines, want) in [
        ("static type without rtpmap", vec!["m=audio 5000 RTP/AVP 8"], plain()),
        ("the first codec of the answer wins", vec!["m=audio 5000 RTP/AVP 0 8"], pcmu),
        ("codecs that we did not offer are passed over", vec!["m=audio 5000 RTP/AVP 18 3 8"], plain()),
        ("letter case and spaces", vec!["m=AUDIO  5000  rtp/avp  8 ", "a=RTPMAP:8  pcma/8000/1"], plain()),
        (
            "telephone-event as offered",
            vec!["m=audio 5000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"],
            keys(101),
        ),
        (
            "telephone-event under the peer's number",
            vec!["m=audio 5000 RTP/AVP 8 96", "a=rtpmap:96 TELEPHONE-EVENT/8000"],
            keys(96),
        ),
        (
            "telephone-event only at 8000",
            vec![
                "m=audio 5000 RTP/AVP 8 110 97",
                "a=rtpmap:110 telephone-event/48000",
                "a=rtpmap:97 telephone-event/8000",
            ],
            keys(97),
        ),
        (
            "telephone-event at 16000 only is none",
            vec!["m=audio 5000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/16000"],
            plain(),
        ),
        ("a payload type without rtpmap is no telephone-event", vec!["m=audio 5000 RTP/AVP 8 101"], plain()),
        (
            "an rtpmap for a type that is not in m= counts for nothing",
            vec!["m=audio 5000 RTP/AVP 8", "a=rtpmap:101 telephone-event/8000"],
            plain(),
        ),
        (
            "codec under a dynamic number",
            vec!["m=audio 5000 RTP/AVP 97", "a=rtpmap:97 PCMA/8000"],
            Negotiated { payload_type: 97, ..plain() },
        ),
        ("the number 8 for something else", vec!["m=audio 5000 RTP/AVP 8 0", "a=rtpmap:8 PCMA/16000"], pcmu),
        ("stereo is not ours", vec!["m=audio 5000 RTP/AVP 97 0", "a=rtpmap:97 PCMA/8000/2"], pcmu),
        (
            "c= of the media before that of the session",
            vec!["m=audio 5000 RTP/AVP 8", "c=IN IP4 198.51.100.7"],
            at("198.51.100.7:5000", "198.51.100.7:5001"),
        ),
        (
            "c= behind the attributes",
            vec!["m=audio 5000 RTP/AVP 8", "a=sendrecv", "c=IN IP4 198.51.100.7"],
            at("198.51.100.7:5000", "198.51.100.7:5001"),
        ),
        (
            "IPv6",
            vec!["m=audio 5000 RTP/AVP 8", "c=IN IP6 2001:db8::9"],
            at("[2001:db8::9]:5000", "[2001:db8::9]:5001"),
        ),
        (
            "RTCP with RTP",
            vec!["m=audio 5000 RTP/AVP 8", "a=rtcp:5009", "a=RTCP-MUX"],
            at("203.0.113.9:5000", "203.0.113.9:5000"),
        ),
        (
            "RTCP on a port of its own",
            vec!["m=audio 5000 RTP/AVP 8", "a=rtcp:5009"],
            at("203.0.113.9:5000", "203.0.113.9:5009"),
        ),
        (
            "RTCP at an address of its own",
            vec!["m=audio 5000 RTP/AVP 8", "a=rtcp:5009 IN IP4 198.51.100.7"],
            at("203.0.113.9:5000", "198.51.100.7:5009"),
        ),
        ("RTCP nowhere", vec!["m=audio 5000 RTP/AVP 8", "a=rtcp:0", "a=rtcp:", "a=rtcp:x IN"], plain()),
        ("comfort noise", vec!["m=audio 5000 RTP/AVP 8 13", "a=rtpmap:13 CN/8000"], noise(13)),
        (
            "comfort noise under a dynamic number",
            vec!["m=audio 5000 RTP/AVP 8 97 98", "a=rtpmap:97 CN/16000", "a=rtpmap:98 cn/8000"],
            noise(98),
        ),
        ("ptime", vec!["m=audio 5000 RTP/AVP 8", "a=ptime:30"], Negotiated { ptime_ms: 30, ..plain() }),
        (
            "maxptime",
            vec!["m=audio 5000 RTP/AVP 8", "a=ptime:40", "a=maxptime:30"],
            Negotiated { ptime_ms: 30, ..plain() },
        ),
        ("maxptime alone", vec!["m=audio 5000 RTP/AVP 8", "a=maxptime:150"], plain()),
        ("a short maxptime", vec!["m=audio 5000 RTP/AVP 8", "a=maxptime:10"], Negotiated { ptime_ms: 10, ..plain() }),
        ("ptime that makes no sense", vec!["m=audio 5000 RTP/AVP 8", "a=ptime:0"], plain()),
        ("more lines than we asked for", vec!["m=audio 5000 RTP/AVP 8", "m=video 0 RTP/AVP 31"], plain()),
        (
            "lines that do not concern us",
            vec![
                "b=nonsense",
                "k=",
                "z=1",
                "r=x",
                "i=\u{7}",
                "a=",
                "a=rtpmap:x",
                "m=audio 5000 RTP/AVP 8",
                "b=AS",
                "a=rtpmap:8",
                "y=SSRC",
            ],
            plain(),
        ),
    ] {
        assert_eq!(read(&lines), Ok(want), "{what}");
    }
}

#[test]
fn directions_are_seen_from_us() {
    for (session, media, address, want) in [
        ("", "", "203.0.113.9", Direction::SendRecv),
        ("", "a=sendonly", "203.0.113.9", Direction::RecvOnly),
        ("", "a=recvonly", "203.0.113.9", Direction::SendOnly),
        ("", "a=inactive", "203.0.113.9", Direction::Inactive),
        ("a=sendonly", "", "203.0.113.9", Direction::RecvOnly),
        ("a=inactive", "a=sendrecv", "203.0.113.9", Direction::SendRecv),
        ("", "", "0.0.0.0", Direction::RecvOnly),
        ("", "a=recvonly", "0.0.0.0", Direction::Inactive),
        ("", "a=inactive", "0.0.0.0", Direction::Inactive),
    ] {
        let connection = format!("c=IN IP4 {address}");
        let negotiated = read(&[session, "m=audio 5000 RTP/AVP 8", media, &connection]).unwrap();
        assert_eq!(negotiated.direction, want, "{session} {media} {address}");
    }
}

#[test]
fn answers_without_media_for_us_are_refused_by_name() {
    for (what, lines, want) in [
        ("port 0", vec!["m=audio 0 RTP/AVP 8"], SdpError::Refused),
        ("no m=", vec![], SdpError::NoAudio),
        ("no audio", vec!["m=video 5000 RTP/AVP 31"], SdpError::NoAudio),
        (
            "no codec of ours",
            vec!["m=audio 5000 RTP/AVP 18 101", "a=rtpmap:101 telephone-event/8000"],
            SdpError::NoCommonCodec,
        ),
        ("encrypted", vec!["m=audio 5000 RTP/SAVP 8"], SdpError::Transport),
        ("host name", vec!["m=audio 5000 RTP/AVP 8", "c=IN IP4 media.example.cn"], SdpError::NoAddress),
        ("multicast", vec!["m=audio 5000 RTP/AVP 8", "c=IN IP4 224.2.1.1/127"], SdpError::NoAddress),
        ("multicast without ttl", vec!["m=audio 5000 RTP/AVP 8", "c=IN IP4 224.2.1.1"], SdpError::NoAddress),
        ("IPv6 under IP4", vec!["m=audio 5000 RTP/AVP 8", "c=IN IP4 2001:db8::9"], SdpError::NoAddress),
        ("port that is none", vec!["m=audio 65536 RTP/AVP 8"], SdpError::Syntax(6)),
        ("m= cut short", vec!["m=audio 5000"], SdpError::Syntax(6)),
        ("address cut short", vec!["m=audio 5000 RTP/AVP 8", "c=IN IP4"], SdpError::Syntax(7)),
    ] {
        assert_eq!(read(&lines), Err(want), "{what}");
    }
    let no_address = b"v=0\r\nm=audio 5000 RTP/AVP 8\r\n";
    assert_eq!(read_answer(&local(), no_address), Err(SdpError::NoAddress));
    assert_eq!(read_answer(&local(), b""), Err(SdpError::Syntax(0)));
    assert_eq!(read_answer(&local(), b"<html>"), Err(SdpError::Syntax(0)));
    assert_eq!(read_answer(&local(), &vec![b'a'; MAX_BYTES + 1]), Err(SdpError::TooLarge));
}

#[test]
fn bytes_that_are_not_utf_8_do_no_harm() {
    let sdp = b"v=0\no=J\xfcrgen 99999999999999999999999 x IN IP4 h\ns=\xff\xfe\xd5\xc5\nc=IN IP4 203.0.113.9\nt=0 0\na=tool:\xfc\nm=audio 5000 RTP/AVP 8\na=\xe9:\xff\n";
    assert_eq!(read_answer(&local(), sdp), Ok(plain()));
}

#[test]
fn keys_are_agreed_on_only_if_we_want_them() {
    let without = LocalMedia { telephone_event: None, ..local() };
    let sdp = with(&["m=audio 5000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"]);
    assert_eq!(read_answer(&without, &sdp), Ok(plain()));
    assert!(!String::from_utf8(offer(&without)).unwrap().contains("telephone-event"));
    let only_pcmu = LocalMedia { codecs: vec![Codec::Pcmu], ..local() };
    assert_eq!(read_answer(&only_pcmu, &with(&["m=audio 5000 RTP/AVP 8"])), Err(SdpError::NoCommonCodec));
}

#[test]
fn an_offer_is_answered_line_by_line() {
    let offer = with(&[
        "m=video 6000 RTP/AVP 31 32",
        "m=audio 6002 RTP/SAVP 8",
        "m=audio 5000 RTP/AVP 18 0 8 97 98",
        "a=rtpmap:97 telephone-event/48000",
        "a=rtpmap:98 telephone-event/8000",
        "a=ptime:30",
        "a=sendonly",
        "m=audio 6004 RTP/AVP 8",
        "m=application 6006/2 UDP/BFCP *",
    ]);
    let (sdp, negotiated) = answer(&local(), &offer).unwrap();
    let want = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 0 RTP/AVP 31 32\r\nm=audio 0 RTP/SAVP 8\r\n\
                m=audio 4000 RTP/AVP 0 98\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:98 telephone-event/8000\r\na=fmtp:98 0-16\r\na=ptime:20\r\n\
                a=recvonly\r\nm=audio 0 RTP/AVP 8\r\nm=application 0 UDP/BFCP *\r\n";
    assert_eq!(String::from_utf8(sdp).unwrap(), want);
    let keys = Some(98);
    let pcmu = Negotiated { codec: Codec::Pcmu, payload_type: 0, receive_payload_type: 0, ptime_ms: 30, ..plain() };
    let want =
        Negotiated { telephone_event: keys, receive_telephone_event: keys, direction: Direction::RecvOnly, ..pcmu };
    assert_eq!(negotiated, want);
}

#[test]
fn an_offer_that_we_cannot_take_is_refused_by_name() {
    for (lines, want) in [
        (vec!["m=video 6000 RTP/AVP 31"], SdpError::NoAudio),
        (vec!["m=audio 6000 RTP/AVP 18"], SdpError::NoCommonCodec),
        (vec!["m=audio 6000 RTP/SAVP 8"], SdpError::Transport),
        (vec!["m=audio 0 RTP/AVP 8"], SdpError::Refused),
    ] {
        assert_eq!(answer(&local(), &with(&lines)).map(|_| ()), Err(want), "{lines:?}");
    }
}

#[test]
fn both_sides_agree() {
    let caller = local();
    let callee = LocalMedia { addr: "2001:db8::2".parse().unwrap(), port: 7000, telephone_event: Some(96), ..local() };
    let (sdp, at_callee) = answer(&callee, &offer(&caller)).unwrap();
    let at_caller = read_answer(&caller, &sdp).unwrap();
    assert_eq!((at_caller.codec, at_caller.telephone_event, at_caller.remote.port()), (Codec::Pcma, Some(101), 7000));
    assert_eq!((at_callee.codec, at_callee.telephone_event, at_callee.remote.port()), (Codec::Pcma, Some(101), 4000));
    assert_eq!(at_caller.remote.ip(), callee.addr);
    assert_eq!((at_caller.rtcp, at_callee.rtcp), (at_caller.remote, at_callee.remote), "one port for both");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let special = prop::sample::select(vec![
            "v=0\r\n",
            "m=audio ",
            "5000 ",
            "0 ",
            "RTP/AVP ",
            "8 ",
            "101",
            "\r\n",
            "\n",
            "c=IN IP4 ",
            "c=IN IP6 ",
            "192.0.2.1",
            "::1",
            "/127",
            "a=rtpmap:",
            "101 telephone-event/8000",
            "a=ptime:",
            "a=inactive",
            "=",
            "m=",
            "o=- 1 1 IN IP4 h",
            "t=0 0",
            "99999999999",
        ]);
        let piece = prop_oneof![5 => special.prop_map(|s| s.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..6)];
        prop::collection::vec(piece, 0..24).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in pieces()) {
            let _ = read_answer(&local(), &bytes);
            let whole = [b"v=0\r\nc=IN IP4 203.0.113.9\r\n".as_slice(), &bytes].concat();
            let _ = read_answer(&local(), &whole);
            if let Ok((sdp, negotiated)) = answer(&local(), &whole) {
                let lines = |sdp: &[u8]| String::from_utf8_lossy(sdp).lines().filter(|line| line.starts_with("m=")).count();
                prop_assert!(lines(&sdp) >= 1);
                prop_assert!(negotiated.remote.port() != 0);
            }
        }
    }
}
