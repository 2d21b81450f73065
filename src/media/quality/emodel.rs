//! How a call sounds, by the E-model (ITU-T G.107): rating R from delay and loss, and the mean opinion score that people give at that rating.
//! Everything else stands at the recommendation's default values.

/// R without delay and loss, at the default values (G.107 table 2; with the advantage factor 0).
const R0: f64 = 93.2;
/// G.711 in packets (G.113 appendix I): no impairment of its own; its robustness to loss where the receiver conceals it (G.711 appendix I), as phones and gateways do.
const IE: f64 = 0.0;
const BPL: f64 = 25.1;

/// The rating. `delay_ms`: one way, mouth to ear; `loss`: share of packets lost or too late, 0–1; `bursts`: how much longer runs of loss are than
/// chance would make them (BurstR), 1 for independent loss.
pub fn rating(delay_ms: f64, loss: f64, bursts: f64) -> f64 {
    R0 - delay_impairment(delay_ms) - loss_impairment(loss, bursts)
}

/// Id with perfect echo control: Idd of G.107 7.4.
fn delay_impairment(delay_ms: f64) -> f64 {
    if delay_ms <= 100.0 {
        return 0.0;
    }
    let x = (delay_ms / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

/// Ie-eff of G.107 7.5.
fn loss_impairment(loss: f64, bursts: f64) -> f64 {
    let percent = 100.0 * loss.clamp(0.0, 1.0);
    IE + (95.0 - IE) * percent / (percent / bursts.max(1.0) + BPL)
}

/// The mean opinion score of a rating, 1–4.5 (G.107 annex B).
pub fn mos(rating: f64) -> f64 {
    if rating <= 0.0 {
        1.0
    } else if rating >= 100.0 {
        4.5
    } else {
        // below R = 6.5 the polynomial falls under 1
        (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_annex_b() {
        for (rating, score) in [
            (-5.0, 1.0),
            (50.0, 2.58),
            (60.0, 3.10),
            (70.0, 3.60),
            (80.0, 4.03),
            (90.0, 4.34),
            (93.2, 4.41),
            (100.0, 4.5),
        ] {
            assert!((mos(rating) - score).abs() < 0.01, "{rating}: {}", mos(rating));
        }
    }

    #[test]
    fn delay_costs_what_the_curve_of_g_107_says() {
        for (delay, cost) in [(0.0, 0.0), (100.0, 0.0), (150.0, 0.16), (200.0, 3.04), (300.0, 14.76), (400.0, 24.07)] {
            assert!((delay_impairment(delay) - cost).abs() < 0.02, "{delay}: {}", delay_impairment(delay));
        }
    }

    #[test]
    fn loss_costs_what_g_113_says_of_concealed_g_711() {
        // 95·P/(P/BurstR + 25.1)
        for (loss, bursts, cost) in [
            (0.0, 1.0, 0.0),
            (0.01, 1.0, 3.64),
            (0.03, 1.0, 10.14),
            (0.05, 1.0, 15.78),
            (0.05, 2.0, 17.21),
            (1.0, 1.0, 75.94),
        ] {
            assert!(
                (loss_impairment(loss, bursts) - cost).abs() < 0.01,
                "{loss} {bursts}: {}",
                loss_impairment(loss, bursts)
            );
        }
        assert!((mos(rating(60.0, 0.0, 1.0)) - 4.41).abs() < 0.005);
        assert!(mos(rating(150.0, 0.05, 1.0)) < 4.0, "people hear 5 %");
    }
}
