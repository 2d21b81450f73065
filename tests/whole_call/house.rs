//! What all calls share: the survey, the prompts, the callees' ears, the two addresses. Loaded once in a process.

use huifang::media;
use huifang::media::prompt::PromptStore;
use huifang::media::session::{Session, SessionParams};
use huifang::net::prompt_files;
use huifang::sdp::{self, LocalMedia, Negotiated};
use huifang::sim::ear::EarIndex;
use huifang::survey::definition::Definition;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Without RTP for this long the engine takes the customer for gone (the default of the configuration).
pub const RTP_TIMEOUT: Duration = Duration::from_secs(20);
/// The language of all calls here.
pub const LANGUAGE: &str = "zh-CN";

pub struct House {
    pub survey: Arc<Definition>,
    pub prompts: PromptStore,
    pub ears: Arc<EarIndex>,
    pub epoch: Instant,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("surveys/aftersales_3day.toml")).expect("the survey file");
    let survey = Definition::from_toml("surveys/aftersales_3day.toml", &text).expect("the survey");
    let prompts = prompt_files::load(&root.join("prompts")).expect("the prompts");
    House { survey, ears: Arc::new(EarIndex::new(&prompts)), prompts, epoch: Instant::now() }
});

pub fn house() -> &'static House {
    &HOUSE
}

/// How long a prompt lasts on the wire.
pub fn length(prompt: &str) -> Duration {
    let prompt = house().prompts.get(LANGUAGE, prompt).expect("a prompt of that name");
    Duration::from_millis(prompt.wire_ms().into())
}

/// How many seeds a test runs: `usual`, or what `HUIFANG_SEEDS` says.
pub fn seeds(usual: u64) -> std::ops::Range<u64> {
    0..std::env::var("HUIFANG_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Where SIP and RTP of side 0 (engine) and 1 (callee) are.
pub fn addresses(side: usize) -> (SocketAddr, SocketAddr) {
    let ip = [192, 0, 2, side as u8 + 1];
    (SocketAddr::from((ip, 5060)), SocketAddr::from((ip, 4000)))
}

pub fn local_media(side: usize) -> LocalMedia {
    let (_, rtp) = addresses(side);
    LocalMedia {
        addr: rtp.ip(),
        port: rtp.port(),
        codecs: vec![sdp::Codec::Pcma, sdp::Codec::Pcmu],
        telephone_event: Some(101),
        ptime_ms: 20,
        srtp: Vec::new(),
        session_id: 1,
        version: 1,
    }
}

/// The media session of a side as it was agreed; its clock starts close to the wrap-around.
pub fn session(side: usize, agreed: &Negotiated, seed: u64, now: Instant) -> Session {
    assert_eq!(agreed.remote, addresses(1 - side).1, "RTP goes to the other side");
    let params = SessionParams {
        packet_ms: 20,
        in_band: false,
        codec: match agreed.codec {
            sdp::Codec::Pcma => media::Codec::Pcma,
            sdp::Codec::Pcmu => media::Codec::Pcmu,
        },
        telephone_event: agreed.telephone_event,
        receive_telephone_event: agreed.receive_telephone_event,
        ssrc: seed as u32 ^ (side as u32 + 1),
        first_sequence: u16::MAX - 300,
        first_timestamp: u32::MAX - 200_000,
        rtp_timeout: RTP_TIMEOUT,
        comfort_noise: None,
        one_way_after: Duration::from_secs(15),
        ntp: 0,
    };
    Session::new(params, now)
}
