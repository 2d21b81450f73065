//! Ignored by default: what a browser call costs and how evenly its packets leave. The pages are str0m in this process, on another thread's account.

use super::tests::*;
use crate::media::Codec;
use crate::net::cpu_tests;
use std::time::{Duration, Instant};

/// `HUIFANG_PAGES=20 cargo test --release --lib what_a_browser_call_costs -- --ignored --nocapture`
#[test]
#[ignore = "a measurement of 20 s"]
fn what_a_browser_call_costs() {
    const SECONDS: u64 = 20;
    let count: usize = std::env::var("HUIFANG_PAGES").ok().and_then(|pages| pages.parse().ok()).unwrap_or(20);
    let house = House::new(|_| {});
    let began = cpu_tests::spent("webrtc");
    let mut calls: Vec<_> = (0..count).map(|_| house.connected()).collect();
    println!(
        "{:.2} ms of CPU for each peer until it is connected",
        (cpu_tests::spent("webrtc") - began) as f64 / 1e6 / count as f64
    );
    for (page, _) in &mut calls {
        page.says = Some((8, vec![Codec::Pcma.encode(900); 160]));
        page.socket.set_nonblocking(true).expect("a socket");
        page.heard.clear();
    }
    let (spent, until) = (cpu_tests::spent("webrtc"), Instant::now() + Duration::from_secs(SECONDS));
    let (mut uneven, mut last) = (Vec::new(), vec![None; count]);
    let (mut next, mut sequence, mut through) = (Instant::now(), 0u16, 0u64);
    while Instant::now() < until {
        let due = Instant::now() >= next;
        if due {
            (next, sequence) = (next + Duration::from_millis(20), sequence.wrapping_add(1));
        }
        for ((page, call), last) in calls.iter_mut().zip(&mut last) {
            page.step();
            if due {
                call.customer_says(Codec::Pcma, sequence, 700);
                through += u64::from(call.port.next_frame(Codec::Pcma).is_some());
            }
            let now = Instant::now();
            for _ in page.heard.drain(..) {
                uneven.extend(last.replace(now).map(|last: Instant| (now - last).abs_diff(Duration::from_millis(20))));
            }
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let spent = cpu_tests::spent("webrtc") - spent;
    uneven.sort_unstable();
    let at = |share: f64| uneven.get((uneven.len() as f64 * share) as usize).copied().unwrap_or_default();
    println!(
        "{count} pages, {} packets to them, {through} frames from them, of {}",
        uneven.len(),
        SECONDS * 50 * count as u64
    );
    println!("off the 20 ms: p50 {:?}, p99 {:?}, most {:?}", at(0.5), at(0.99), at(0.9999));
    println!("CPU: {:.3} ms for each second of a browser call", spent as f64 / 1e6 / (SECONDS * count as u64) as f64);
}
