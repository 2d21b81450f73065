//! For which places a name stands and in which order they are tried (RFC 3263 4, RFC 2782): records and dice in, places out. And which places are left for the
//! last, because they did not serve a moment ago. Pure: asks no name server, reads no clock.

use super::hop::{Hop, Transport};
use rand::{Rng, RngExt};
use std::time::{Duration, Instant};

/// A place that did not serve is tried after all others for so long (RFC 3263 4.3 leaves the time open).
pub const PENALTY: Duration = Duration::from_secs(60);

/// What a NAPTR record says (RFC 3403).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Naptr {
    /// Smaller first; what is behind a group that serves is not looked at.
    pub order: u16,
    /// Smaller first, within an order.
    pub preference: u16,
    /// `s`: what follows is an SRV name.
    pub flags: String,
    /// As `SIP+D2U`.
    pub services: String,
    /// The next name.
    pub replacement: String,
}

/// What an SRV record says (RFC 2782).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Srv {
    /// Smaller first.
    pub priority: u16,
    /// The share within a priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; `.` says that there is none.
    pub target: String,
}

/// The transports that a domain offers and that we speak, with the SRV name of each, best first (RFC 3263 4.1). `wanted`: only this one.
pub fn services(records: &[Naptr], wanted: Option<Transport>) -> Vec<(Transport, String)> {
    let mut usable: Vec<(&Naptr, Transport)> = records
        .iter()
        .filter(|record| record.flags.eq_ignore_ascii_case("s"))
        .filter_map(|record| Some((record, of_service(&record.services)?)))
        .filter(|(_, transport)| wanted.is_none_or(|wanted| wanted == *transport))
        .collect();
    usable.sort_by_key(|(record, _)| (record.order, record.preference));
    usable.into_iter().map(|(record, transport)| (transport, record.replacement.clone())).collect()
}

fn of_service(service: &str) -> Option<Transport> {
    let is = |name: &str| service.eq_ignore_ascii_case(name);
    match () {
        () if is("SIP+D2U") => Some(Transport::Udp),
        () if is("SIP+D2T") => Some(Transport::Tcp),
        () if is("SIPS+D2T") => Some(Transport::Tls),
        () => None,
    }
}

/// The SRV name of a domain for a transport, where no NAPTR record names another (RFC 3263 4.1).
pub fn service_name(domain: &str, transport: Transport) -> String {
    let service = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    };
    format!("{service}.{domain}")
}

/// The order in which servers are tried: by priority, and within one drawn by weight (RFC 2782). A single record with the target `.` is no server at all.
pub fn order(mut records: Vec<Srv>, dice: &mut dyn Rng) -> Vec<Srv> {
    records.retain(|record| record.target != "." && !record.target.is_empty());
    // those of weight 0 first, so that they have their small chance
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|record| record.priority) {
        let alike = records.iter().take_while(|record| record.priority == priority).count();
        let total: u32 = records[..alike].iter().map(|record| u32::from(record.weight)).sum();
        let drawn = dice.random_range(0..=total);
        let mut sum = 0;
        let reached = |record: &Srv| {
            sum += u32::from(record.weight);
            sum >= drawn
        };
        let at = records[..alike].iter().position(reached).unwrap_or(0);
        ordered.push(records.remove(at));
    }
    ordered
}

/// The places of a trunk, and those of them that did not serve lately.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Places {
    hops: Vec<Hop>,
    penalised: Vec<(Hop, Instant)>,
}

impl Places {
    /// These, in this order.
    pub fn new(hops: Vec<Hop>) -> Places {
        Places { hops, penalised: Vec::new() }
    }

    /// Others from now on; what is known of those that stay is kept.
    pub fn set(&mut self, hops: Vec<Hop>) {
        self.penalised.retain(|(hop, _)| hops.contains(hop));
        self.hops = hops;
    }

    /// This one did not serve: it is tried last until then.
    pub fn penalise(&mut self, hop: Hop, until: Instant) {
        self.penalised.retain(|(other, _)| *other != hop);
        if self.hops.contains(&hop) {
            self.penalised.push((hop, until));
        }
    }

    /// This one served.
    pub fn pardon(&mut self, hop: Hop) {
        self.penalised.retain(|(other, _)| *other != hop);
    }

    /// All of them in the order in which they are to be tried: those that did not serve come last, the one whose time is over soonest first.
    pub fn in_order(&self, now: Instant) -> Vec<Hop> {
        let until = |hop: &Hop| self.penalised.iter().find(|(other, at)| other == hop && *at > now).map(|(_, at)| *at);
        let mut hops = self.hops.clone();
        hops.sort_by_key(until); // stable, and none is smaller than any moment
        hops
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.hops.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn naptr(order: u16, preference: u16, flags: &str, services: &str, replacement: &str) -> Naptr {
        let text = str::to_owned;
        Naptr { order, preference, flags: text(flags), services: text(services), replacement: text(replacement) }
    }

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5060, target: target.to_owned() }
    }

    fn hop(n: u8) -> Hop {
        Hop::new(Transport::Udp, format!("192.0.2.{n}:5060").parse().unwrap())
    }

    #[test]
    fn the_example_of_rfc_3263_is_read_as_it_says() {
        let records = [
            naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
            naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
            naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
            naptr(10, 50, "s", "SIP+D2S", "_sip._sctp.example.com"),
            naptr(5, 50, "u", "SIP+D2U", "not.an.srv"),
        ];
        let names = |wanted| services(&records, wanted);
        let all = [
            (Transport::Tls, "_sips._tcp.example.com".to_owned()),
            (Transport::Tcp, "_sip._tcp.example.com".to_owned()),
            (Transport::Udp, "_sip._udp.example.com".to_owned()),
        ];
        assert_eq!(names(None), all);
        assert_eq!(names(Some(Transport::Udp)), all[2..]);
        assert_eq!(service_name("example.com", Transport::Tls), "_sips._tcp.example.com");
    }

    #[test]
    fn priority_comes_first_and_weight_decides_how_often() {
        let mut dice = ChaCha8Rng::seed_from_u64(1);
        let records = vec![srv(20, 0, "last"), srv(10, 75, "often"), srv(10, 25, "seldom"), srv(10, 0, "hardly")];
        let mut first = [0; 3];
        for _ in 0..1_000 {
            let ordered = order(records.clone(), &mut dice);
            assert_eq!(ordered.len(), 4, "everybody is tried");
            assert_eq!(ordered[3].target, "last");
            first[["often", "seldom", "hardly"].iter().position(|name| *name == ordered[0].target).unwrap()] += 1;
        }
        assert!((680..800).contains(&first[0]) && (190..310).contains(&first[1]), "{first:?}");
        assert!((1..40).contains(&first[2]), "a weight of 0 has a small chance: {first:?}");
    }

    #[test]
    fn no_server_is_no_server() {
        let mut dice = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(order(vec![srv(0, 0, ".")], &mut dice), []);
        assert_eq!(order(Vec::new(), &mut dice), []);
    }

    #[test]
    fn a_place_that_did_not_serve_is_tried_last_for_a_while() {
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let mut places = Places::new(vec![hop(1), hop(2), hop(3)]);
        places.penalise(hop(1), later(60));
        places.penalise(hop(9), later(60));
        assert_eq!(places.in_order(now), [hop(2), hop(3), hop(1)]);
        places.penalise(hop(2), later(30));
        assert_eq!(places.in_order(now), [hop(3), hop(2), hop(1)], "whose time is over sooner comes sooner");
        assert_eq!(places.in_order(later(30)), [hop(2), hop(3), hop(1)]);
        places.set(vec![hop(4), hop(1)]);
        assert_eq!(places.in_order(now), [hop(4), hop(1)], "what is known of those that stay is kept");
        places.set(vec![hop(1), hop(4)]);
        places.pardon(hop(1));
        assert_eq!(places.in_order(now), [hop(1), hop(4)]);
        assert!(Places::default().is_empty());
    }
}
