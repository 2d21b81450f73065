//! The RTP ports: bound at open, and kept in quarantine after a call, so that late packets of one call never reach the next one.
//! Port 0 leaves the choice to the kernel. Only even ports are given out (RFC 3550 11).

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// Whether and when a port is free.
#[derive(Debug)]
pub struct PortPool {
    free: VecDeque<u16>,
    resting: VecDeque<(Instant, u16)>,
    quarantine: Duration,
    kernel: bool,
}

impl PortPool {
    /// The even ports of `min..=max`; 0 and 0: the kernel chooses.
    pub fn new(min: u16, max: u16, quarantine: Duration) -> PortPool {
        let kernel = (min, max) == (0, 0);
        let free = if kernel { VecDeque::new() } else { (min..=max).filter(|port| port % 2 == 0).collect() };
        PortPool { free, resting: VecDeque::new(), quarantine, kernel }
    }

    /// How many calls the range can hold; none for a limit of the kernel's.
    pub fn size(&self) -> Option<usize> {
        (!self.kernel).then(|| self.free.len() + self.resting.len())
    }

    /// Binds a port with `bind`; ports that somebody else holds are tried again later. None when none is free.
    pub fn bind<T>(
        &mut self,
        now: Instant,
        mut bind: impl FnMut(u16) -> io::Result<T>,
    ) -> io::Result<Option<(u16, T)>> {
        if self.kernel {
            return bind(0).map(|socket| Some((0, socket)));
        }
        while let Some((_, port)) =
            self.resting.pop_front_if(|(since, _)| now.duration_since(*since) >= self.quarantine)
        {
            self.free.push_back(port);
        }
        for _ in 0..self.free.len() {
            let Some(port) = self.free.pop_front() else { break };
            match bind(port) {
                Ok(socket) => return Ok(Some((port, socket))),
                Err(error) => {
                    self.free.push_back(port);
                    if error.kind() != io::ErrorKind::AddrInUse {
                        return Err(error);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes a port back; it rests first.
    pub fn give_back(&mut self, now: Instant, port: u16) {
        if !self.kernel {
            self.resting.push_back((now, port));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_rests_before_it_is_given_out_again() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pool = PortPool::new(4001, 4005, Duration::from_secs(10));
        assert_eq!(pool.size(), Some(2));
        let take = |pool: &mut PortPool, seconds| pool.bind(at(seconds), Ok).expect("no error").map(|(port, _)| port);
        assert_eq!(take(&mut pool, 0), Some(4002));
        pool.give_back(at(1), 4002);
        assert_eq!(take(&mut pool, 2), Some(4004));
        assert_eq!(take(&mut pool, 10), None);
        assert_eq!(take(&mut pool, 11), Some(4002));
    }

    #[test]
    fn a_port_that_is_held_is_passed_over_and_another_error_is_told() {
        let now = Instant::now();
        let mut pool = PortPool::new(4000, 4004, Duration::ZERO);
        let held = |port| if port == 4000 { Err(io::ErrorKind::AddrInUse.into()) } else { Ok(()) };
        assert_eq!(pool.bind(now, held).expect("no error"), Some((4002, ())));
        assert_eq!(pool.bind(now, held).expect("no error"), Some((4004, ())));
        assert_eq!(pool.bind(now, held).expect("no error"), None);
        assert!(pool.bind(now, |_| Err::<(), _>(io::ErrorKind::PermissionDenied.into())).is_err());
        assert_eq!(pool.bind(now, Ok).expect("no error"), Some((4000, 4000)), "it is still there");
    }
}
