//! How loud samples are, in dB below full scale. Pure.

/// Mean power of `samples`; −100 dB for nothing and for digital silence.
pub fn level_db(samples: &[i16]) -> f64 {
    let power: i64 = samples.iter().map(|sample| i64::from(i32::from(*sample) * i32::from(*sample))).sum();
    decibels(power as f64, samples.len())
}

/// The level of `count` samples whose squares add up to `power`.
pub fn decibels(power: f64, count: usize) -> f64 {
    10.0 * (power / count.max(1) as f64 / (32_768.0 * 32_768.0) + 1e-10).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_is_zero_and_nothing_is_a_hundred_below() {
        assert!(level_db(&[i16::MIN; 160]).abs() < 1e-6);
        assert!((level_db(&[16_384; 160]) + 6.02).abs() < 0.01);
        assert_eq!((level_db(&[0; 160]), level_db(&[])), (-100.0, -100.0));
    }
}
