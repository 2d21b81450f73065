//! Random names on the wire: branches, tags, Call-IDs (RFC 3261 8.1.1.7, 19.3). The generator is the caller's, so that a seed repeats a run.

use rand::Rng;

/// Makes names that nobody guesses, if the generator given is a good one.
pub(crate) struct Tokens {
    rng: Box<dyn Rng + Send>,
}

impl Tokens {
    pub fn new(rng: Box<dyn Rng + Send>) -> Tokens {
        Tokens { rng }
    }

    /// A tag (or client nonce), 64 random bits.
    pub fn tag(&mut self) -> String {
        format!("{:016x}", self.rng.next_u64())
    }

    /// A branch with the magic cookie, 96 random bits.
    pub fn branch(&mut self) -> String {
        format!("z9hG4bK{:016x}{:08x}", self.rng.next_u64(), self.rng.next_u32())
    }

    /// 64 random bits.
    pub fn number(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// 256 random bits: a secret.
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        self.rng.fill_bytes(&mut key);
        key
    }

    /// A Call-ID, 128 random bits.
    pub fn call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.rng.next_u64(), self.rng.next_u64())
    }
}
