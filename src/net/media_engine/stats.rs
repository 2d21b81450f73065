//! Counters of the media plane: each thread adds to its own without a lock; anybody may read the sum.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A tick later than this is counted as late.
pub const LATE: Duration = Duration::from_millis(5);

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $combine:ident),* $(,)?) => {
        /// What the media plane has done since it started.
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
        pub struct MediaStats { $($(#[$doc])* pub $name: u64),* }

        /// One thread's counters.
        #[derive(Default, Debug)]
        pub(super) struct Counters { $(pub $name: AtomicU64),* }

        impl MediaStats {
            pub(super) fn add(&mut self, counters: &Counters) {
                $(self.$name = $combine(self.$name, counters.$name.load(Relaxed));)*
            }
        }
    };
}

counters! {
    /// Calls open now.
    calls: sum,
    /// Ticks of calls (50 a second each).
    ticks: sum,
    /// Ticks more than 5 ms after their time.
    late_ticks: sum,
    /// The latest tick, in µs.
    max_late_us: max,
    /// Ticks left out because the machine stood still.
    skipped_ticks: sum,
    /// Packets handed to the kernel.
    sent: sum,
    /// RTP packets taken.
    received: sum,
    /// Datagrams that are neither RTP nor RTCP.
    malformed: sum,
    /// Datagrams of strangers while the peer is not known, and reports of others.
    foreign: sum,
    /// Encrypted packets that are not the peer's, or came twice.
    not_genuine: sum,
    /// RTCP packets handed to the kernel.
    reports_sent: sum,
    /// RTCP packets of peers.
    reports_received: sum,
    /// Peers that fell silent and were looked for elsewhere.
    looked_again: sum,
    /// The peer's port was closed (ICMP); ignored.
    refused: sum,
    /// Other errors in sending or receiving.
    socket_errors: sum,
}

fn sum(a: u64, b: u64) -> u64 {
    a.saturating_add(b)
}

fn max(a: u64, b: u64) -> u64 {
    a.max(b)
}

impl Counters {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// `calls` ticks that ran `late` after their time.
    pub(super) fn ran(&self, calls: u64, late: Duration) {
        self.ticks.fetch_add(calls, Relaxed);
        self.max_late_us.fetch_max(late.as_micros() as u64, Relaxed);
        if late > LATE {
            self.late_ticks.fetch_add(calls, Relaxed);
        }
    }
}
