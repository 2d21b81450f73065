//! How good a call's media are: what we hear (counted), what the far side hears of us (its RTCP reports), round trip, and a score by the E-model.
//! Also when our own reports are due (RFC 3550 6.2, 6.3, for two parties) and whether the far side hears us at all. No socket, no clock, no randomness.

#[cfg(test)]
pub(crate) mod channel;
mod emodel;
mod reception;

use super::rtcp::{self, CNAME_LEN, MAX_LEN, Outgoing, RtcpError, SenderInfo};
use super::rtp::Header;
use super::{FRAME_MS, samples_in};
pub use reception::Counts;
use reception::Reception;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Mean time between two of our reports (RFC 3550 6.2), before which the first one comes in half of it. Each is drawn from half to one and a half of it.
const INTERVAL: Duration = Duration::from_secs(5);
/// Reports in a row that must say that nothing of ours comes.
const DEAF_REPORTS: u8 = 3;
/// Between two of them we have sent at least so many packets, or the report says nothing.
const DEAF_PACKETS: u32 = 50;
/// A port that refuses is reported by ICMP about once a second (hosts limit it); after so long without one it takes our packets again.
const REFUSALS_APART: Duration = Duration::from_secs(5);
/// What a phone's jitter buffer adds to the delay, assumed: it is not reported.
const JITTER_BUFFER_MS: f64 = 60.0;

/// Whether the far side hears us, as far as can be known.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Hearing {
    /// Nothing says otherwise.
    #[default]
    Heard,
    /// Its reports say nothing of our stream: it hears nothing (RFC 3550 6.4), or never reports. Not enough to end a call.
    Doubtful,
    /// Its reports say that nothing of ours comes any more, or its port refuses our packets.
    Deaf,
}

impl Hearing {
    /// The word in a timeline.
    pub fn as_str(self) -> &'static str {
        match self {
            Hearing::Heard => "heard",
            Hearing::Doubtful => "doubtful",
            Hearing::Deaf => "deaf",
        }
    }
}

/// What a call's media were like, in whole numbers. Times in ms.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Quality {
    /// Packets that came, each once.
    pub rx_packets: u32,
    /// Packets that never came.
    pub rx_lost: u32,
    /// Packets that came too late for a jitter buffer of 60 ms.
    pub rx_late: u32,
    /// Packets that came twice.
    pub rx_duplicates: u32,
    /// Median of the jitter (RFC 3550 A.8); none with fewer than two packets.
    pub jitter_ms: Option<u16>,
    /// Highest jitter.
    pub jitter_max_ms: Option<u16>,
    /// Packets that we sent.
    pub tx_packets: u32,
    /// Of our packets lost on their way, in thousandths, by the far side's last report; none without one.
    pub tx_lost_permille: Option<u16>,
    /// Round trip between the two media ends, by the last report.
    pub rtt_ms: Option<u16>,
    /// Estimated mean opinion score (ITU-T G.107) of the worse direction, in hundredths (100–450); none when nothing was heard.
    pub mos_hundredths: Option<u16>,
    /// Packets came, and held nothing but digital silence or comfort noise.
    pub silent: bool,
}

impl Quality {
    /// One line for people.
    pub fn line(&self) -> String {
        let percent = |part: u32, of: u32| 100.0 * f64::from(part) / f64::from(of.max(1));
        let all = self.rx_packets + self.rx_lost;
        let mut line = format!("{} packets heard, {:.1} % lost", self.rx_packets, percent(self.rx_lost, all));
        if self.rx_late > 0 {
            line += &format!(", {:.1} % late", percent(self.rx_late, all));
        }
        if let (Some(median), Some(most)) = (self.jitter_ms, self.jitter_max_ms) {
            line += &format!(", jitter {median} ms (at most {most})");
        }
        match self.tx_lost_permille {
            Some(lost) => line += &format!("; far side lost {:.1} % of ours", f64::from(lost) / 10.0),
            None => line += "; no report from the far side",
        }
        if let Some(rtt) = self.rtt_ms {
            line += &format!(", round trip {rtt} ms");
        }
        if let Some(mos) = self.mos_hundredths {
            line += &format!(", MOS {:.1}", f64::from(mos) / 100.0);
        }
        line
    }
}

/// Whose a compound packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Somebody's who is not heard and knows nothing of our stream: a late packet of the port's last call. Nothing was made of it.
    Nobodys,
    /// The peer's, and no sign that its media live: it says that it sends, and nothing comes, or that it leaves.
    Peers,
    /// The peer's, and a sign of life.
    Living,
}

/// What the far side says of our stream.
#[derive(Debug, Default)]
struct Far {
    /// Highest sequence number, at its last report.
    highest: Option<u32>,
    /// What we had sent at its last report that told something of its ear.
    sent: u32,
    lost_permille: Option<u16>,
    rtt: Option<Duration>,
    /// Reports in a row without a packet of ours, when the first of them came, and whether all of them spoke of our stream.
    deaf: Option<(Instant, u8, bool)>,
    /// Its port refuses: since when, and when last.
    refused: Option<(Instant, Instant)>,
    /// Middle 32 bits of the NTP time of its last sender report, when that came, and the packets that it had sent.
    sender: Option<(u32, Instant, u32)>,
}

/// One call's quality, as it goes.
#[derive(Debug)]
pub struct Monitor {
    ssrc: u32,
    /// Wall clock at the start, NTP format.
    ntp: u64,
    began: Instant,
    reception: Reception,
    /// Something other than digital silence was heard.
    sound: bool,
    packets: u32,
    octets: u32,
    /// What had been sent at our last report.
    reported: u32,
    next_report: Instant,
    draw: u32,
    far: Far,
    /// What had been received at the far side's last sender report.
    received: u32,
}

impl Monitor {
    /// For a stream of ours that starts now. `ntp`: the wall clock in NTP format; `draw`: a random number.
    pub fn new(ssrc: u32, ntp: u64, draw: u32, now: Instant) -> Monitor {
        let mut monitor = Monitor {
            ssrc,
            ntp,
            began: now,
            reception: Reception::default(),
            sound: false,
            packets: 0,
            octets: 0,
            reported: 0,
            next_report: now,
            draw: draw | 1,
            far: Far::default(),
            received: 0,
        };
        monitor.next_report = now + monitor.interval() / 2;
        monitor
    }

    /// Half to one and a half of the mean (RFC 3550 6.3.1), so that parties do not fall into step.
    fn interval(&mut self) -> Duration {
        // xorshift: no need for more than spreading
        self.draw ^= self.draw << 13;
        self.draw ^= self.draw >> 17;
        self.draw ^= self.draw << 5;
        INTERVAL / 2 + INTERVAL * (self.draw % 1000) / 1000
    }

    /// A packet came; `arrival`: see [`Reception::packet`].
    pub fn heard(&mut self, header: &Header, arrival: Option<Instant>) {
        let ticks = arrival.map(|arrival| samples_in(arrival.saturating_duration_since(self.began)) as u32);
        self.reception.packet(header, ticks);
    }

    /// The far side's stream.
    pub fn source(&self) -> Option<u32> {
        self.reception.ssrc()
    }

    /// Whether anything but digital silence has come yet.
    pub fn has_sound(&self) -> bool {
        self.sound
    }

    /// Something other than digital silence came.
    pub fn sound(&mut self) {
        self.sound = true;
    }

    /// A packet with so many bytes of payload left.
    pub fn sent(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
    }

    /// The far side's port refused a packet (ICMP).
    pub fn refused(&mut self, now: Instant) {
        let since = match self.far.refused {
            Some((since, last)) if now.saturating_duration_since(last) < REFUSALS_APART => since,
            _ => now,
        };
        self.far.refused = Some((since, now));
    }

    /// Takes a compound packet.
    pub fn control(&mut self, datagram: &[u8], now: Instant) -> Result<Whose, RtcpError> {
        let compound = rtcp::read(datagram, self.ssrc)?;
        if self.source() != Some(compound.from) && compound.block.is_none() {
            return Ok(Whose::Nobodys);
        }
        match compound.block {
            Some(block) => self.far_block(&block, now),
            None => self.deaf_report(false, now),
        }
        let in_vain = compound.sender.is_some_and(|sender| self.sends_in_vain(&sender, now));
        let lives = !in_vain && !compound.bye;
        Ok(if lives { Whose::Living } else { Whose::Peers })
    }

    /// Whether the peer has sent since its last report, and nothing came.
    fn sends_in_vain(&mut self, sender: &SenderInfo, now: Instant) -> bool {
        let (received, before) = (self.reception.counts().received, self.far.sender.map(|(.., packets)| packets));
        let lost = before.is_some_and(|before| before != sender.packets) && received == self.received;
        self.received = received;
        self.far.sender = Some(((sender.ntp >> 16) as u32, now, sender.packets));
        lost
    }

    fn far_block(&mut self, block: &rtcp::Block, now: Instant) {
        if self.far.highest == Some(block.highest) {
            self.deaf_report(true, now);
        } else {
            (self.far.deaf, self.far.refused, self.far.sent) = (None, None, self.packets);
        }
        self.far.highest = Some(block.highest);
        let share = 1000 * i64::from(block.lost.max(0)) / i64::from(self.packets.max(1));
        self.far.lost_permille = Some(share.min(1000) as u16);
        if block.last_sr != 0 {
            // RFC 3550 6.4.1: A − LSR − DLSR, in 1/65,536 s; below zero only if somebody reckons wrongly
            let units = self.ntp_at(now).wrapping_sub(block.last_sr).wrapping_sub(block.delay) as i32;
            if (0..30 << 16).contains(&units) {
                self.far.rtt = Some(Duration::from_secs_f64(f64::from(units) / 65_536.0));
            }
        }
    }

    /// A report without a packet of ours since the last one.
    fn deaf_report(&mut self, certain: bool, now: Instant) {
        if self.packets.wrapping_sub(self.far.sent) < DEAF_PACKETS {
            return;
        }
        self.far.sent = self.packets;
        let (since, count, all) = self.far.deaf.unwrap_or((now, 0, true));
        self.far.deaf = Some((since, count.saturating_add(1), all && certain));
    }

    /// The middle 32 bits of the NTP time at `now`.
    fn ntp_at(&self, now: Instant) -> u32 {
        (self.full_ntp(now) >> 16) as u32
    }

    fn full_ntp(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began);
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        self.ntp.wrapping_add(passed.as_secs() << 32).wrapping_add(fraction)
    }

    /// Whether the far side hears us; that it does not is said only when it has lasted for `after`.
    pub fn hearing(&self, after: Duration, now: Instant) -> Hearing {
        let lasted = |since: Instant| now.saturating_duration_since(since) >= after;
        let refused = self.far.refused.is_some_and(|(since, last)| {
            last.saturating_duration_since(since) >= after && now.saturating_duration_since(last) < REFUSALS_APART
        });
        match self.far.deaf {
            _ if after.is_zero() => Hearing::Heard,
            _ if refused => Hearing::Deaf,
            Some((since, count, certain)) if count >= DEAF_REPORTS && lasted(since) => {
                if certain {
                    Hearing::Deaf
                } else {
                    Hearing::Doubtful
                }
            }
            Some(_) | None => Hearing::Heard,
        }
    }

    /// Whether a report of ours is due.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.next_report
    }

    /// Our report, as bytes and their number. `timestamp`: the clock of our stream at `now`.
    pub fn report(&mut self, timestamp: u32, bye: bool, now: Instant) -> ([u8; MAX_LEN], usize) {
        self.next_report = now + self.interval();
        let sends = self.packets != self.reported;
        self.reported = self.packets;
        let info = SenderInfo { ntp: self.full_ntp(now), timestamp, packets: self.packets, octets: self.octets };
        let mut block = self.reception.report();
        if let (Some(block), Some((ntp, at, _))) = (&mut block, self.far.sender) {
            let since = now.saturating_duration_since(at);
            (block.last_sr, block.delay) = (ntp, (since.as_secs_f64() * 65_536.0) as u32);
        }
        let cname = self.cname();
        Outgoing { ssrc: self.ssrc, sender: sends.then_some(info), block, cname: &cname, bye }.write()
    }

    /// A name that nobody else has and that says nothing (RFC 7022 4.2): the numbers of this stream, which were drawn at random.
    fn cname(&self) -> [u8; CNAME_LEN] {
        let name = u64::from(self.ssrc) << 32 | (self.ntp & 0xffff_ffff);
        let digit = |index: usize| b"0123456789abcdef"[(name >> (60 - 4 * index)) as usize & 0xf];
        std::array::from_fn(digit)
    }

    /// What it came to so far.
    pub fn quality(&self) -> Quality {
        let counts = self.reception.counts();
        let jitter = self.reception.jitter_ms();
        let whole_ms = |rtt: Duration| rtt.as_millis().min(u128::from(u16::MAX)) as u16;
        Quality {
            rx_packets: counts.received,
            rx_lost: counts.lost(),
            rx_late: counts.all_late(),
            rx_duplicates: counts.duplicates,
            jitter_ms: jitter.map(|(median, _)| median),
            jitter_max_ms: jitter.map(|(_, most)| most),
            tx_packets: self.packets,
            tx_lost_permille: self.far.lost_permille,
            rtt_ms: self.far.rtt.map(whole_ms),
            mos_hundredths: (counts.received > 0).then(|| (100.0 * self.mos(&counts)).round() as u16),
            silent: counts.received > 0 && !self.sound,
        }
    }

    fn mos(&self, counts: &Counts) -> f64 {
        let one_way = self.far.rtt.map_or(0.0, |rtt| 1000.0 * rtt.as_secs_f64() / 2.0);
        let delay = one_way + f64::from(FRAME_MS) + JITTER_BUFFER_MS;
        let (lost, expected) = (counts.lost(), f64::from(counts.expected.max(1)));
        let share = f64::from(lost) / expected;
        // a run of lost packets against the run that chance makes at this share, 1/(1 − share) (G.107 7.5)
        let bursts = f64::from(lost) / f64::from(counts.gaps.max(1)) * (1.0 - share);
        let here = emodel::rating(delay, share + f64::from(counts.all_late()) / expected, bursts);
        let there = self.far.lost_permille.map_or(here, |lost| emodel::rating(delay, f64::from(lost) / 1000.0, 1.0));
        emodel::mos(here.min(there))
    }
}

#[cfg(test)]
mod tests;
