//! Whether a media thread has room for more calls: judged by how much of the time it worked and how many ticks were late. Pure. Running calls come first:
//! past the limit nobody new is called, and what is up keeps its quality.

use std::time::Duration;

/// How long one look lasts.
pub const LOOK: Duration = Duration::from_secs(1);
/// Busier than this, the thread takes nobody new. A real-time thread near 95 % of a core is stopped by the kernel for 50 ms in each second (sched(7)).
const BUSY: f64 = 0.80;
/// Less busy than this, it has room again.
const CALM: f64 = 0.70;
/// More than this share of late ticks, and it takes nobody new.
const LATE: f64 = 0.01;
/// Room again only after so many calm looks in a row: calls that are being set up weigh little at first.
const CALM_LOOKS: u32 = 3;

/// One look at a media thread.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Look {
    /// Share of the time in which the thread worked, 0–1.
    pub busy: f64,
    /// Ticks of calls.
    pub ticks: u64,
    /// Those that were late.
    pub late: u64,
}

/// Remembers what the last looks said.
#[derive(Debug, Default)]
pub struct Gauge {
    strained: bool,
    calm: u32,
}

impl Gauge {
    /// Takes a look; whether the thread is strained, and so to be left alone.
    pub fn look(&mut self, look: Look) -> bool {
        let late = look.late as f64 / look.ticks.max(1) as f64;
        if look.busy > BUSY || late > LATE {
            self.strained = true;
            self.calm = 0;
        } else if self.strained && look.busy < CALM {
            self.calm += 1;
            self.strained = self.calm < CALM_LOOKS;
        }
        self.strained
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strain_comes_at_once_and_goes_slowly() {
        let mut gauge = Gauge::default();
        let calm = Look { busy: 0.2, ticks: 5_000, late: 3 };
        let looks = [
            (calm, false),
            (Look { busy: 0.85, ..calm }, true), // busy
            (Look { busy: 0.75, ..calm }, true), // between: stays
            (calm, true),
            (calm, true),
            (Look { late: 100, ..calm }, true), // late ticks alone do
            (calm, true),
            (calm, true),
            (calm, false),
            (Look { busy: 0.75, ..calm }, false), // between: stays
            (Look { busy: 0.0, ticks: 0, late: 0 }, false),
        ];
        for (number, (look, strained)) in looks.into_iter().enumerate() {
            assert_eq!(gauge.look(look), strained, "look {number}");
        }
    }
}
