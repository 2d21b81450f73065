//! SRTP of a call (RFC 3711; AES-GCM: RFC 7714) over the ciphers of `webrtc-srtp`: what leaves is sealed, what comes is opened, and nothing twice. The keys come
//! from the SDP. Where something is wrong nothing passes: never is a packet sent in the clear instead.

use crate::sdp::{Keying, Srtp, Suite};
use bytes::Bytes;
use std::borrow::Cow;
use webrtc_srtp::context::Context;
use webrtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use webrtc_srtp::protection_profile::ProtectionProfile;

/// A packet that comes later than so many others is refused (RFC 3711, 3.3.2: at least 64).
const WINDOW: usize = 256;
/// A peer has no more sources than this in one call, RTP and RTCP each counted.
const MAX_SOURCES: usize = 16;
/// Shorter is no SRTCP packet of any suite: header, index, the shortest tag (RFC 3711, 3.4).
const SHORTEST_CONTROL: usize = 8 + 4 + 10;

/// Both directions of a call.
pub(super) struct Protection {
    keys: Srtp,
    out: Option<Context>,
    /// What opens each source, from its first genuine packet on. A source that is not here yet is tried with a context of its own: what a stranger sends
    /// leaves no trace, neither in the memory nor in what counts as old.
    sources: Vec<(Source, Context)>,
}

/// Whose packets: RTP or RTCP of an SSRC.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Media(u32),
    Control(u32),
}

impl Protection {
    /// With the keys that both sides named.
    pub(super) fn new(keys: Srtp) -> Protection {
        Protection { keys, out: context(&keys.ours), sources: Vec::new() }
    }

    /// Keys after a re-INVITE. One that stays keeps its count of packets: to begin it anew would use a key stream twice.
    pub(super) fn rekey(&mut self, keys: Srtp) {
        if keys.ours != self.keys.ours {
            self.out = context(&keys.ours);
        }
        if keys.theirs != self.keys.theirs {
            self.sources.clear();
        }
        self.keys = keys;
    }

    /// An RTP packet as it leaves.
    pub(super) fn seal(&mut self, packet: &[u8]) -> Option<Bytes> {
        self.out.as_mut()?.encrypt_rtp(packet).ok()
    }

    /// An RTCP packet as it leaves.
    pub(super) fn seal_control(&mut self, packet: &[u8]) -> Option<Bytes> {
        self.out.as_mut()?.encrypt_rtcp(packet).ok()
    }

    /// What an RTP packet holds; none if it is not genuine, or was here before.
    pub(super) fn open(&mut self, datagram: &[u8]) -> Option<Bytes> {
        self.open_of(Source::Media(ssrc(datagram, 8)?), |context| context.decrypt_rtp(datagram).ok())
    }

    /// The same of an RTCP packet.
    pub(super) fn open_control(&mut self, datagram: &[u8]) -> Option<Bytes> {
        // the crate looks for the index before it looks whether there is one
        let whole = (datagram.len() >= SHORTEST_CONTROL).then_some(datagram)?;
        self.open_of(Source::Control(ssrc(whole, 4)?), |context| context.decrypt_rtcp(whole).ok())
    }

    fn open_of(&mut self, source: Source, open: impl FnOnce(&mut Context) -> Option<Bytes>) -> Option<Bytes> {
        if let Some((_, context)) = self.sources.iter_mut().find(|(known, _)| *known == source) {
            return open(context);
        }
        if self.sources.len() == MAX_SOURCES {
            return None;
        }
        let mut context = context(&self.keys.theirs)?;
        let opened = open(&mut context)?;
        self.sources.push((source, context));
        Some(opened)
    }
}

/// A packet on its way through `protection`, by sealing or by opening; as it is where nothing is protected, and none where it may not pass.
pub(super) fn through<'a>(
    protection: &mut Option<Box<Protection>>,
    packet: &'a [u8],
    way: impl FnOnce(&mut Protection, &[u8]) -> Option<Bytes>,
) -> Option<Cow<'a, [u8]>> {
    match protection {
        None => Some(Cow::Borrowed(packet)),
        // the bytes are moved, not copied
        Some(protection) => Some(Cow::Owned(way(protection, packet)?.into())),
    }
}

fn ssrc(datagram: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(datagram.get(at..at + 4)?.try_into().ok()?))
}

/// One direction. The lengths are those of the suite, so that there is one; if not, nothing passes.
fn context(keying: &Keying) -> Option<Context> {
    let profile = match keying.suite() {
        Suite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Suite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
    };
    let (rtp, rtcp) = (srtp_replay_protection(WINDOW), srtcp_replay_protection(WINDOW));
    Context::new(keying.key(), keying.salt(), profile, Some(rtp), Some(rtcp)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::MAX_SECRET;

    fn pair(suite: Suite) -> (Protection, Protection) {
        let (near, far) = (Keying::new(suite, [7; MAX_SECRET]), Keying::new(suite, [9; MAX_SECRET]));
        (Protection::new(Srtp { ours: near, theirs: far }), Protection::new(Srtp { ours: far, theirs: near }))
    }

    fn packet(sequence: u16, source: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 8];
        packet.extend(sequence.to_be_bytes());
        packet.extend(160u32.to_be_bytes());
        packet.extend(source.to_be_bytes());
        packet.extend([0xd5; 160]);
        packet
    }

    fn report(source: u32) -> Vec<u8> {
        let mut report = vec![0x80, 201, 0, 1];
        report.extend(source.to_be_bytes());
        report
    }

    #[test]
    fn the_reference_packet_of_libsrtp_comes_out() {
        // master key and salt, packet and sealed packet as libsrtp's own check has them
        let secret = hex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6");
        let keying = Keying::new(Suite::AesCm128HmacSha1_80, secret.try_into().expect("30 bytes"));
        let mut protection = Protection::new(Srtp { ours: keying, theirs: keying });
        let plain = hex("800f1234decafbadcafebabeabababababababababababababababab");
        let sealed = hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
        assert_eq!(protection.seal(&plain).expect("sealed"), sealed);
        assert_eq!(protection.open(&sealed).expect("opened"), plain);
    }

    #[test]
    fn what_one_side_seals_the_other_opens_once() {
        for suite in Suite::ALL {
            let (mut near, mut far) = pair(suite);
            // over the end of the sequence numbers
            for sequence in (65_500..=65_535).chain(0..40) {
                let plain = packet(sequence, 1);
                let sealed = near.seal(&plain).expect("sealed");
                assert!(sealed.len() > plain.len() && sealed[12..172] != plain[12..], "{suite:?}");
                assert_eq!(far.open(&sealed).as_deref(), Some(&plain[..]), "{suite:?} {sequence}");
                assert_eq!(far.open(&sealed), None, "{suite:?}: again");
            }
            let sealed = near.seal_control(&report(1)).expect("sealed");
            assert_eq!(far.open_control(&sealed).expect("opened"), report(1), "{suite:?}");
            assert_eq!(far.open_control(&sealed), None, "{suite:?}: again");
            let mut touched = near.seal(&packet(50, 1)).expect("sealed").to_vec();
            touched[20] ^= 1;
            assert_eq!(far.open(&touched), None, "{suite:?}: touched");
            assert_eq!(far.open(&packet(51, 1)), None, "{suite:?}: in the clear");
            assert_eq!(far.open_control(&report(1)), None, "{suite:?}: a report in the clear");
        }
    }

    #[test]
    fn no_length_of_rubbish_hurts() {
        for suite in Suite::ALL {
            let (mut near, _) = pair(suite);
            for length in 0..200 {
                for first in [0x80, 0x90, 0xbf, 0xff] {
                    let mut rubbish = vec![0xff; length];
                    rubbish.iter_mut().take(1).for_each(|byte| *byte = first);
                    assert_eq!(near.open(&rubbish), None);
                    assert_eq!(near.open_control(&rubbish), None);
                }
            }
        }
    }

    #[test]
    fn strangers_leave_no_trace_and_shut_nobody_out() {
        let (mut near, mut far) = pair(Suite::AesCm128HmacSha1_80);
        for stranger in 100..1_000 {
            assert_eq!(far.open(&packet(1, stranger)), None);
        }
        // under the peer's own name, and far ahead of it
        assert_eq!(far.open(&packet(40_000, 1)), None);
        assert!(far.sources.is_empty());
        for sequence in 1..4 {
            assert!(far.open(&near.seal(&packet(sequence, 1)).expect("sealed")).is_some());
            assert_eq!(far.open(&packet(sequence + 30_000, 1)), None);
        }
        assert_eq!(far.sources.len(), 1);
        // a peer with ever new sources is not followed for ever
        for source in 2..100 {
            let _ = far.open(&near.seal(&packet(1, source)).expect("sealed"));
        }
        assert_eq!(far.sources.len(), MAX_SOURCES);
        assert!(far.open(&near.seal(&packet(4, 1)).expect("sealed")).is_some());
    }

    #[test]
    fn a_key_that_stays_goes_on_and_a_new_one_begins() {
        let (mut near, mut far) = pair(Suite::AesCm128HmacSha1_80);
        let first = near.seal(&packet(1, 1)).expect("sealed");
        assert!(far.open(&first).is_some());
        far.rekey(far.keys);
        assert_eq!(far.open(&first), None, "it was here before");
        let new = Keying::new(Suite::AeadAes128Gcm, [3; MAX_SECRET]);
        near.rekey(Srtp { ours: new, ..near.keys });
        let second = near.seal(&packet(2, 1)).expect("sealed");
        assert_eq!(far.open(&second), None, "not known yet");
        far.rekey(Srtp { theirs: new, ..far.keys });
        assert!(far.open(&second).is_some());
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
    }
}
