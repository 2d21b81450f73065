//! Tones between a simulated customer and an agent whose voice no ear knows, as in a browser: the agent's tone is heard by its share of the sound, and
//! answered with another one. Pure.

use super::agent;
use super::ear::Ear;
use crate::media::Codec;
use crate::media::prompt::Prompt;
use crate::media::session::Listener;
use crate::media::tone::share;
use std::f64::consts::TAU;
use std::sync::Arc;

/// What an agent sends, in Hz.
pub const AGENT_HZ: f64 = 440.0;
/// What the customer answers with, in Hz, and its peak.
pub const CUSTOMER_HZ: f64 = 1000.0;
/// Peak of the customer's tone, of 32,768.
pub const CUSTOMER_PEAK: f64 = 8000.0;
/// Samples looked at together (200 ms).
const BLOCK: usize = 1600;
/// Blocks in a row that must hold the tone and little else.
const BLOCKS: u32 = 3;
/// Share of the tone in the power of a block.
const SHARE: f64 = 0.9;
/// Mean power below which nothing is heard.
const AUDIBLE: f64 = 10_000.0;

/// An ear that knows the agent's tone beside the prompts.
pub struct ToneEar {
    ear: Ear,
    samples: Vec<i16>,
    blocks: u32,
}

impl ToneEar {
    /// An ear around `ear`.
    pub fn new(ear: Ear) -> ToneEar {
        ToneEar { ear, samples: Vec::with_capacity(BLOCK), blocks: 0 }
    }

    /// True when the tone has just been heard for long enough.
    fn tone(&mut self, codec: Codec, payload: &[u8]) -> bool {
        self.samples.extend(payload.iter().map(|byte| codec.decode(*byte)));
        if self.samples.len() < BLOCK {
            return false;
        }
        let (share, power) = share(AGENT_HZ, &self.samples);
        self.samples.clear();
        self.blocks = if share > SHARE && power > AUDIBLE { self.blocks + 1 } else { 0 };
        self.blocks == BLOCKS
    }
}

impl Listener for ToneEar {
    fn hear(&mut self, codec: Codec, timestamp: u32, payload: &[u8]) -> Option<&str> {
        if self.tone(codec, payload) {
            return Some(agent::VOICE);
        }
        self.ear.hear(codec, timestamp, payload)
    }
}

/// The customer's tone, ten seconds of it.
pub fn answer() -> Arc<Prompt> {
    let sample = |n: u32| (CUSTOMER_PEAK * (TAU * CUSTOMER_HZ * f64::from(n) / 8000.0).sin()) as i16;
    let samples: Vec<i16> = (0..80_000).map(sample).collect();
    Arc::new(Prompt::from_samples("zh-CN", "tone.customer", "", &samples))
}
