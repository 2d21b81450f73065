//! What a media thread asks of the kernel: a core, SCHED_FIFO, exact timers (sched(7), prctl(2), clock_nanosleep(2)). All of it is a wish:
//! where it is refused the thread runs all the same, and what was granted is reported.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// Above everything that is not real-time, below the kernel's own threads.
const FIFO_PRIORITY: libc::c_int = 10;

/// What a media thread was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Granted {
    /// The core that it is pinned to; only with `fifo`.
    pub core: Option<usize>,
    /// SCHED_FIFO; without it (CAP_SYS_NICE, RLIMIT_RTPRIO) ticks come late when the machine is busy.
    pub fifo: bool,
}

/// Prepares the calling thread, the `index`th media thread.
pub fn prepare(index: usize) -> Granted {
    let _ = prctl::set_timerslack(1);
    let fifo = set_fifo().is_ok();
    // without the priority a pinned thread would wait for its core while another one idles
    Granted { core: if fifo { pin(index) } else { None }, fifo }
}

/// Pins the calling thread to one of the cores that the process may use, the last one first: interrupts like the first.
fn pin(index: usize) -> Option<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).ok()?;
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).collect();
    let core = *cores.iter().rev().nth(index % cores.len().max(1))?;
    let mut set = CpuSet::new();
    set.set(core).ok()?;
    sched_setaffinity(Pid::from_raw(0), &set).ok()?;
    Some(core)
}

/// nix has no sched_setscheduler.
#[allow(unsafe_code)]
fn set_fifo() -> nix::Result<()> {
    // a child that the process starts must not inherit the priority
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    let param = libc::sched_param { sched_priority: FIFO_PRIORITY };
    // SAFETY: pid 0 is the calling thread, and `param` is a valid sched_param that outlives the call; the kernel only reads it.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const param) };
    nix::errno::Errno::result(result).map(drop)
}

/// Asks the processor for the memory of `value` without waiting for it.
#[allow(unsafe_code)]
pub fn fetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const LINE: usize = 64;
        let start = std::ptr::from_ref(value).cast::<i8>();
        for line in 0..size_of::<T>().div_ceil(LINE) {
            // SAFETY: a hint that reads nothing and faults on no address; all of these lie within `value`, which is borrowed.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(line * LINE)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// CPU that the calling thread has used.
pub fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

/// The monotonic clock in the two forms that are needed: `Instant` for sessions, absolute time for sleeping.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    instant: Instant,
    monotonic: Duration,
}

impl Base {
    /// Both clocks now.
    pub fn now() -> Base {
        let instant = Instant::now();
        let monotonic = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        Base { instant, monotonic }
    }

    /// Sleeps until `deadline`; at once back if that is over.
    pub fn sleep_until(&self, deadline: Instant) {
        let until = TimeSpec::from(self.monotonic + deadline.saturating_duration_since(self.instant));
        while let Err(nix::errno::Errno::EINTR) =
            clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &until)
        {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_prepared_and_sleeps_until_its_deadline() {
        let thread = std::thread::spawn(|| {
            let granted = prepare(0);
            let base = Base::now();
            let deadline = Instant::now() + Duration::from_millis(3);
            base.sleep_until(deadline);
            (granted.core.is_some() == granted.fifo, Instant::now() >= deadline)
        });
        assert_eq!(thread.join().expect("no panic"), (true, true));
    }
}
