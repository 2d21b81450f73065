//! Trunks in virtual time: limits, prefixes, priority, weight, failover.

use super::*;

fn trunk(name: &str, max_calls: u32, calls_per_second: f64) -> Trunk {
    let address = Some("127.0.0.1:5070".parse().unwrap());
    let settings = config::Trunk { address, max_calls, calls_per_second, ramp_up_s: 0, ..config::Trunk::default() };
    Trunk::new(name, None, settings)
}

fn with(name: &str, priority: u16, weight: u16, prefixes: &[&str]) -> Trunk {
    let mut trunk = trunk(name, 10, 10.0);
    trunk.settings.priority = priority;
    trunk.settings.weight = weight;
    trunk.settings.prefixes = prefixes.iter().map(|prefix| prefix.to_string()).collect();
    trunk
}

fn number(text: &str) -> E164 {
    E164::from_stored(text).unwrap()
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn no_trunk_gets_more_than_it_takes() {
    let (now, to) = (Instant::now(), number("+8613800138000"));
    let mut trunks = Trunks::new(vec![trunk("a", 1, 10.0), trunk("b", 2, 10.0)], 10);
    assert_eq!((trunks.room(now), trunks.choose(&to, &[], now)), (Room::Now(None), Choice::Take(0)));
    assert_eq!(trunks.start(0, now).0.name, "a");
    assert_eq!(trunks.choose(&to, &[], now), Choice::Take(1));
    assert_eq!(trunks.start(1, now).1, 100 * MS);
    assert_eq!(trunks.room(now), Room::At(now + 100 * MS), "the pace of b; a is full");
    assert_eq!(trunks.choose(&to, &[], now), Choice::At(now + 100 * MS));
    let later = now + 100 * MS;
    trunks.start(1, later);
    assert_eq!((trunks.room(later + 900 * MS), trunks.choose(&to, &[], later + 900 * MS)), (Room::Full, Choice::Full));
    trunks.end("a");
    assert_eq!(trunks.choose(&to, &[], later + 900 * MS), Choice::Take(0));
}

#[test]
fn all_trunks_together_keep_the_limit() {
    let now = Instant::now();
    let mut trunks = Trunks::new(vec![trunk("a", 5, 1000.0), trunk("b", 5, 1000.0)], 1);
    trunks.start(0, now);
    assert_eq!(trunks.room(now + Duration::from_secs(1)), Room::Full);
}

#[test]
fn a_number_leaves_where_it_is_carried() {
    let now = Instant::now();
    let mut trunks = Trunks::new(vec![with("cn", 10, 1, &["+86"]), with("us", 10, 1, &["+1"])], 10);
    let (cn, us, gb) = (number("+8613800138000"), number("+14155552671"), number("+442079460018"));
    assert_eq!(trunks.choose(&us, &[], now), Choice::Take(1));
    assert_eq!(trunks.choose(&gb, &[], now), Choice::Nobody);
    trunks.start(0, now);
    assert_eq!(trunks.room(now), Room::Now(Some(vec!["+1".into()])), "only such numbers are asked of the queue");
    assert_eq!(trunks.choose(&cn, &[], now), Choice::At(now + 100 * MS));
}

#[test]
fn priority_goes_first_and_failover_comes_only_where_there_is_no_room() {
    let (now, to) = (Instant::now(), number("+8613800138000"));
    let mut trunks = Trunks::new(vec![with("spare", 20, 1, &[]), with("main", 10, 1, &[])], 30);
    trunks.start(1, now);
    assert_eq!(trunks.choose(&to, &[], now), Choice::At(now + 100 * MS), "merely paced: its moment comes");
    assert_eq!(trunks.room(now), Room::At(now + 100 * MS));
    let then = now + 200 * MS;
    assert_eq!(trunks.choose(&to, &["main".into()], then), Choice::Take(0), "main had no room for this one");
    assert!(trunks.has_other(&to, 1, &[]) && !trunks.has_other(&to, 1, &["spare".into()]));
    assert_eq!(trunks.congested("main", then), Some(1000 * MS));
    assert_eq!((trunks.room(then), trunks.choose(&to, &[], then)), (Room::Now(None), Choice::Take(0)));
    assert_eq!(trunks.choose(&to, &[], then + 1000 * MS), Choice::Take(1));
    trunks.refused("main", NoRoom::Full, then + 1000 * MS);
    assert_eq!(trunks.choose(&to, &[], then + 1000 * MS), Choice::Take(0));
    trunks.refused("main", NoRoom::Held(then + 5000 * MS), then + 1000 * MS);
    trunks.refused("spare", NoRoom::Held(then + 9000 * MS), then + 1000 * MS);
    assert_eq!(trunks.choose(&to, &[], then + 2000 * MS), Choice::At(then + 5000 * MS));
    assert_eq!(trunks.room(then + 2000 * MS), Room::At(then + 5000 * MS));
}

#[test]
fn weights_share_the_calls() {
    let (start, to) = (Instant::now(), number("+8613800138000"));
    let mut trunks = Trunks::new(vec![with("one", 10, 1, &[]), with("three", 10, 3, &[])], 30);
    let mut taken = [0, 0];
    for n in 0..12 {
        let now = start + n * 1000 * MS;
        let Choice::Take(index) = trunks.choose(&to, &[], now) else { panic!("there is room") };
        trunks.start(index, now);
        taken[index] += 1;
    }
    assert_eq!(taken, [3, 9]);
}

#[test]
fn numbers_are_written_as_the_trunk_wants_them() {
    let number = number("+8613800138000");
    for (format, want) in [
        (config::NumberFormat::E164, "sip:+8613800138000@127.0.0.1:5070;user=phone"),
        (config::NumberFormat::Plain, "sip:8613800138000@127.0.0.1:5070;user=phone"),
        (config::NumberFormat::National, "sip:13800138000@127.0.0.1:5070;user=phone"),
    ] {
        let mut trunk = trunk("a", 1, 1.0);
        trunk.settings.number_format = format;
        assert_eq!(trunk.target(&number).unwrap().to_string(), want);
    }
}

#[test]
fn identities_privacy_and_headers_go_out_and_none_of_the_sessions_own() {
    let mut trunk = trunk("a", 1, 1.0);
    trunk.settings.asserted_identity = Some("sip:+862100000000@trunk.example".into());
    trunk.settings.privacy = Some("id".into());
    trunk.settings.headers = vec!["X-Tag: 1".into(), "X-Tag:2".into()];
    let headers = trunk.headers();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let identity = ("P-Asserted-Identity", "<sip:+862100000000@trunk.example>");
    assert_eq!(headers, [identity, ("Privacy", "id"), ("X-Tag", "1"), ("X-Tag", "2")]);
    for name in crate::sip::session::MADE_HERE {
        assert!(config::RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()), "{name} could be set twice");
    }
    assert_eq!(trunk.extensions(), Extensions::default(), "the settings' defaults are the session's");
}
