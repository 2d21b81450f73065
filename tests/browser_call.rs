//! An agent's call in a real Chromium: the customer is an RTP socket, joined by the bridge to the page's WebRTC peer. Both send a tone, both are
//! measured. tests/browser/agent_call.mjs drives the browser and says what it found.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use huifang::media::rtp::{self, Header};
use huifang::media::session::Command;
use huifang::media::tone::share;
use huifang::media::{Codec, FRAME_SAMPLES, bridge, rtcp};
use huifang::net::media_engine::{MediaConfig, MediaEngine, MediaHandle, Peer};
use huifang::net::webrtc::{WebEvent, WebLeg, WebRtc, WebRtcConfig};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};

/// What the customer's telephone sends and what the agent's microphone hears, in Hz.
const CUSTOMER_HZ: f64 = 1_000.0;
const AGENT_HZ: f64 = 440.0;
const KEYS: u8 = 101;

/// What the customer heard of late.
#[derive(Default)]
struct Heard {
    /// The last second.
    samples: Vec<i16>,
    keys: String,
    last_key: Option<u32>,
    /// What the owner of the browser call was told.
    events: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    share: f64,
    level: f64,
    keys: String,
    events: String,
}

/// Everything that the page's server needs.
struct House {
    webrtc: WebRtc,
    customer: MediaHandle,
    leg: Mutex<Option<WebLeg>>,
    heard: Arc<Mutex<Heard>>,
    refuses: AtomicBool,
}

#[derive(Deserialize, Serialize)]
struct Sdp {
    sdp: String,
}

/// Root mean square; 1 is full scale.
fn level(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (power / samples.len().max(1) as f64).sqrt() / 32_768.0
}

async fn take(State(house): State<Arc<House>>, Json(offer): Json<Sdp>) -> Result<Json<Sdp>, StatusCode> {
    if house.refuses.load(Ordering::Relaxed) {
        return Err(StatusCode::CONFLICT);
    }
    let (left, right) = bridge::pair();
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let answered = house.webrtc.answer(&offer.sdp, right, sender).await;
    let (sdp, leg) = answered.unwrap_or_else(|error| panic!("{error}\n{}", offer.sdp));
    house.customer.command(Command::Bridge(left));
    *house.leg.lock().unwrap() = Some(leg);
    house.heard.lock().unwrap().events.clear();
    let heard = Arc::clone(&house.heard);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let word = match event {
                WebEvent::Connected => "Connected".to_owned(),
                WebEvent::Key(key) => key.to_string(),
                WebEvent::Ended(end) => format!("{end:?}"),
            };
            heard.lock().unwrap().events.push(word);
        }
    });
    Ok(Json(Sdp { sdp }))
}

async fn customer(State(house): State<Arc<House>>) -> Json<Report> {
    let heard = house.heard.lock().unwrap();
    let (share, level) = (share(AGENT_HZ, &heard.samples).0, level(&heard.samples));
    Json(Report { share, level, keys: heard.keys.clone(), events: heard.events.join(" ") })
}

/// The page, its script, the call's API, and the test's own doors.
async fn serve(house: Arc<House>) -> SocketAddr {
    let script = include_str!("../assets/agent-call.js");
    let routes = Router::new()
        .route("/", get(|| async { Html(include_str!("browser/agent_call.html")) }))
        .route("/agent-call.js", get(move || async move { ([(header::CONTENT_TYPE, "text/javascript")], script) }))
        .route("/api/v1/agent/transfers/0199/take", post(take))
        .route("/api/v1/agent/transfers/0199/hang-up", post(|| async { Json(()) }))
        .route("/customer", get(customer))
        .route("/drop", post(|State(house): State<Arc<House>>| async move { drop(house.leg.lock().unwrap().take()) }))
        .route(
            "/refuse",
            post(|State(house): State<Arc<House>>| async move {
                house.refuses.store(true, Ordering::Relaxed);
                StatusCode::NO_CONTENT.into_response()
            }),
        )
        .with_state(house);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address
}

/// The customer's telephone: sends its tone each 20 ms and keeps what it hears, until `stop`.
fn telephone(socket: &UdpSocket, engine: SocketAddr, heard: &Mutex<Heard>, stop: &AtomicBool) {
    let mut next = Instant::now();
    let mut sent = 0u32;
    while !stop.load(Ordering::Relaxed) {
        let wait = next.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            let header =
                Header { marker: sent == 0, payload_type: 8, sequence: sent as u16, timestamp: sent * 160, ssrc: 3 };
            let sample =
                |index: u32| (8_000.0 * (TAU * CUSTOMER_HZ * f64::from(sent * 160 + index) / 8_000.0).sin()) as i16;
            let samples: Vec<i16> = (0..FRAME_SAMPLES as u32).map(sample).collect();
            let packet = [&header.to_bytes()[..], &Codec::Pcma.encode_frame(&samples)].concat();
            socket.send_to(&packet, engine).unwrap();
            (sent, next) = (sent + 1, next + Duration::from_millis(20));
            continue;
        }
        socket.set_read_timeout(Some(wait)).unwrap();
        let mut datagram = [0; 2048];
        let Ok(length) = socket.recv(&mut datagram) else { continue };
        hear(&mut heard.lock().unwrap(), &datagram[..length]);
    }
}

fn hear(heard: &mut Heard, datagram: &[u8]) {
    if rtcp::is_rtcp(datagram) {
        return;
    }
    let packet = rtp::read(datagram).expect("RTP");
    if packet.header.payload_type == KEYS {
        if heard.last_key.replace(packet.header.timestamp) != Some(packet.header.timestamp) {
            heard.keys.push(char::from(b"0123456789*#"[usize::from(packet.payload[0])]));
        }
        return;
    }
    let codec = Codec::of_payload_type(packet.header.payload_type).expect("G.711");
    heard.samples.extend(packet.payload.iter().map(|byte| codec.decode(*byte)));
    let old = heard.samples.len().saturating_sub(8_000);
    heard.samples.drain(..old);
}

/// One second of 440 Hz at a quarter of full scale, for the browser's fake microphone, which plays it again and again.
fn microphone(path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    for index in 0..48_000 {
        wav.write_sample((8_192.0 * (TAU * AGENT_HZ * f64::from(index) / 48_000.0).sin()) as i16).unwrap();
    }
    wav.finalize().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tones_go_both_ways_between_a_browser_and_a_telephone() {
    let folder = tempfile::tempdir().unwrap();
    let media =
        Arc::new(MediaEngine::start(MediaConfig::new(Ipv4Addr::LOCALHOST.into(), folder.path().into())).unwrap());
    let webrtc = WebRtc::start(WebRtcConfig::new(Ipv4Addr::LOCALHOST.into()), Arc::clone(&media)).unwrap();
    let (sender, _events) = tokio::sync::mpsc::unbounded_channel();
    let customer = media.open(sender).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    customer.start(Peer {
        remote: socket.local_addr().unwrap(),
        rtcp: socket.local_addr().unwrap(),
        codec: Codec::Pcma,
        packet_ms: 20,
        telephone_event: Some(KEYS),
        receive_telephone_event: Some(KEYS),
        comfort_noise: None,
        srtp: None,
    });
    let (engine, heard, stop) =
        (customer.local_addr(), Arc::new(Mutex::new(Heard::default())), Arc::new(AtomicBool::new(false)));
    let telephone = std::thread::spawn({
        let (heard, stop) = (Arc::clone(&heard), Arc::clone(&stop));
        move || telephone(&socket, engine, &heard, &stop)
    });
    let house = House { webrtc, customer, leg: Mutex::new(None), heard, refuses: AtomicBool::new(false) };
    let address = serve(Arc::new(house)).await;

    let wav = folder.path().join("microphone.wav");
    microphone(&wav);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/agent_call.mjs");
    let mut browser = tokio::process::Command::new("node")
        .env("TMPDIR", folder.path())
        .args(["--experimental-websocket", script, &format!("http://{address}/")])
        .arg(&wav)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node is installed (scripts/test sees to it)");
    let mut lines = BufReader::new(browser.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        said.push(line);
    }
    println!("{}", said.join("\n"));
    assert!(browser.wait().await.unwrap().success() && said.len() >= 16, "all is well, to the end of the script");
    stop.store(true, Ordering::Relaxed);
    telephone.join().unwrap();
}
