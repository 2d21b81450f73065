//! What a session knows beside its audio: the reports of both sides (RTCP), packets that left or were refused, and whether the far side hears us.

use super::{Event, Session};
use crate::media::quality::Whose;
use crate::media::rtcp::{MAX_LEN, RtcpError};
use crate::media::rtp::HEADER_LEN;
use std::time::Instant;

impl Session {
    /// Takes one datagram of RTCP. A report is life as a packet is: a peer that suppresses silence sends nothing else while it listens.
    pub fn control(&mut self, datagram: &[u8], now: Instant) -> Result<Whose, RtcpError> {
        let whose = self.monitor.control(datagram, now)?;
        if whose == Whose::Living {
            self.last_packet = now;
        }
        self.judge_hearing(now);
        Ok(whose)
    }

    /// The stream (SSRC) that is heard.
    pub fn source(&self) -> Option<u32> {
        self.monitor.source()
    }

    /// A packet of [`Session::tick`], so many bytes long, left.
    pub fn sent(&mut self, length: usize) {
        self.monitor.sent(length.saturating_sub(HEADER_LEN));
    }

    /// The peer's port refused a packet of ours (ICMP).
    pub fn refused(&mut self, now: Instant) {
        self.monitor.refused(now);
        self.judge_hearing(now);
    }

    fn judge_hearing(&mut self, now: Instant) {
        let hearing = self.monitor.hearing(self.params.one_way_after, now);
        if hearing != self.hearing {
            self.hearing = hearing;
            self.events.push_back(Event::Hearing(hearing));
        }
    }

    /// Whether a report of ours is due.
    pub fn is_report_due(&self, now: Instant) -> bool {
        self.monitor.is_due(now)
    }

    /// Our report, as bytes and their number; the last one says goodbye.
    pub fn report(&mut self, goodbye: bool, now: Instant) -> ([u8; MAX_LEN], usize) {
        self.monitor.report(self.stream.timestamp(), goodbye, now)
    }
}

#[cfg(test)]
mod tests;
