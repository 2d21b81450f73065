//! Makes a capture file (pcap, Ethernet, IPv4, UDP) of a customer's RTP: A-law silence every 20 ms, and keys as RFC 4733 events or as tones among it.
//!
//! Written from the RFCs and not by the engine's own sender: what is tested must not test itself.

/// Payload type of telephone-event in the scenarios' session descriptions.
const TELEPHONE_EVENT: u8 = 101;
const PCMA: u8 = 8;
const SSRC: u32 = 0x5143_0001;

/// A capture in the making.
pub struct Capture {
    bytes: Vec<u8>,
    sequence: u16,
    /// 20 ms slots since the beginning.
    slot: u32,
}

impl Capture {
    /// An empty capture.
    pub fn new() -> Capture {
        let mut bytes = Vec::new();
        // Magic, version 2.4, zone, accuracy, longest packet, link type 1 (Ethernet).
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            bytes.extend(word.to_le_bytes());
        }
        Capture { bytes, sequence: 100, slot: 0 }
    }

    /// Silence.
    pub fn silence(mut self, ms: u32) -> Capture {
        for _ in 0..ms / 20 {
            self.packet(PCMA, false, self.clock(), &[0xd5; 160]);
            self.slot += 1;
        }
        self
    }

    /// Presses keys, each for 80 ms and then silence; the end of each is said three times (RFC 4733 2.5.1.4).
    pub fn keys(mut self, keys: &str, gap_ms: u32) -> Capture {
        for key in keys.chars() {
            let (event, began) = (code(key), self.clock());
            for step in 1..=4u16 {
                self.event(began, event, false, step * 160, step == 1);
                self.slot += 1;
            }
            for _ in 0..3 {
                self.event(began, event, true, 640, false);
            }
            self = self.silence(gap_ms);
        }
        self
    }

    /// Presses keys as tones (Q.23), each for 80 ms and then silence; with `events` as RFC 4733 events at the same time.
    pub fn tones(mut self, keys: &str, gap_ms: u32, events: bool) -> Capture {
        for key in keys.chars() {
            let began = self.clock();
            for step in 1..=4u16 {
                self.packet(PCMA, false, self.clock(), &tone(key, usize::from(step - 1) * 160));
                if events {
                    self.event(began, code(key), false, step * 160, step == 1);
                }
                self.slot += 1;
            }
            if events {
                (0..3).for_each(|_| self.event(began, code(key), true, 640, false));
            }
            self = self.silence(gap_ms);
        }
        self
    }

    /// Sound, as A-law.
    pub fn sound(mut self, samples: &[i16]) -> Capture {
        for frame in samples.chunks_exact(160) {
            let encode = |n: usize| huifang::media::Codec::Pcma.encode(frame[n]);
            self.packet(PCMA, false, self.clock(), &std::array::from_fn::<u8, 160, _>(encode));
            self.slot += 1;
        }
        self
    }

    /// The file.
    pub fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn clock(&self) -> u32 {
        7_000 + self.slot * 160
    }

    fn event(&mut self, clock: u32, event: u8, end: bool, duration: u16, marker: bool) {
        let volume = 10 | if end { 0x80 } else { 0 };
        let [high, low] = duration.to_be_bytes();
        self.packet(TELEPHONE_EVENT, marker, clock, &[event, volume, high, low]);
    }

    fn packet(&mut self, payload_type: u8, marker: bool, clock: u32, payload: &[u8]) {
        let udp = 8 + 12 + payload.len();
        let length = u32::try_from(14 + 20 + udp).unwrap();
        let at = self.slot * 20;
        for word in [1_600_000_000 + at / 1000, at % 1000 * 1000, length, length] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
        let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        ip[2..4].copy_from_slice(&u16::try_from(20 + udp).unwrap().to_be_bytes());
        self.bytes.extend(ip);
        for short in [6000, 6000, u16::try_from(udp).unwrap(), 0] {
            self.bytes.extend(short.to_be_bytes());
        }
        self.bytes.extend([0x80, payload_type | if marker { 0x80 } else { 0 }]);
        self.bytes.extend(self.sequence.to_be_bytes());
        self.bytes.extend(clock.to_be_bytes());
        self.bytes.extend(SSRC.to_be_bytes());
        self.bytes.extend(payload);
        self.sequence += 1;
    }
}

/// The event of a key (RFC 4733 3.2).
fn code(key: char) -> u8 {
    match key {
        '*' => 10,
        '#' => 11,
        digit => u8::try_from(digit.to_digit(10).unwrap()).unwrap(),
    }
}

/// 20 ms of a key's two tones, from the `from`th sample on.
fn tone(key: char, from: usize) -> [u8; 160] {
    let place = "123456789*0#".find(key).unwrap();
    let (low, high) = ([697.0, 770.0, 852.0, 941.0][place / 3], [1209.0, 1336.0, 1477.0][place % 3]);
    std::array::from_fn(|n| {
        let t = (from + n) as f64 / 8000.0 * std::f64::consts::TAU;
        huifang::media::Codec::Pcma.encode(((low * t).sin() * 6000.0 + (high * t).sin() * 6000.0) as i16)
    })
}
