//! How good the media of an attempt were: columns of `attempts`, told once at its end. Units stand in the column comments.

use super::{Result, StoreError};
use crate::ids::AttemptId;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct MediaQuality {
    /// RTP packets received, each once.
    pub rx_packets: i32,
    /// Packets that never came.
    pub rx_lost: i32,
    /// Packets more than 60 ms late.
    pub rx_late: i32,
    /// Packets that came twice.
    pub rx_duplicates: i32,
    /// Nothing but digital silence or comfort noise came.
    pub rx_silent: bool,
    /// Median jitter in ms.
    pub jitter_ms: Option<i32>,
    /// Highest jitter in ms.
    pub jitter_max_ms: Option<i32>,
    /// RTP packets sent.
    pub tx_packets: i32,
    /// Ours lost on their way, in thousandths, by the far side's report.
    pub tx_lost_permille: Option<i16>,
    /// Round trip in ms.
    pub rtt_ms: Option<i32>,
    /// Estimated mean opinion score (ITU-T G.107) in hundredths.
    pub mos_hundredths: Option<i16>,
}

impl MediaQuality {
    /// The opinion score, 1–4.5.
    pub fn mos(&self) -> Option<f64> {
        self.mos_hundredths.map(|hundredths| f64::from(hundredths) / 100.0)
    }

    /// Lost packets of those that were to come, in percent.
    pub fn rx_lost_percent(&self) -> f64 {
        let all = i64::from(self.rx_packets) + i64::from(self.rx_lost);
        100.0 * f64::from(self.rx_lost) / (all.max(1) as f64)
    }
}

/// Writes it. Doing it again changes nothing.
pub async fn set(conn: &mut PgConnection, attempt: AttemptId, quality: &MediaQuality) -> Result<()> {
    let done = sqlx::query(
        "update attempts set rx_packets = $2, rx_lost = $3, rx_late = $4, rx_duplicates = $5, rx_silent = $6, jitter_ms = $7, jitter_max_ms = $8,
                tx_packets = $9, tx_lost_permille = $10, rtt_ms = $11, mos_hundredths = $12
         where id = $1",
    )
    .bind(attempt.0)
    .bind(quality.rx_packets)
    .bind(quality.rx_lost)
    .bind(quality.rx_late)
    .bind(quality.rx_duplicates)
    .bind(quality.rx_silent)
    .bind(quality.jitter_ms)
    .bind(quality.jitter_max_ms)
    .bind(quality.tx_packets)
    .bind(quality.tx_lost_permille)
    .bind(quality.rtt_ms)
    .bind(quality.mos_hundredths)
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::row("attempts", attempt, "there is none")) }
}

/// What was measured in an attempt; none where nothing was.
pub async fn of_attempt(conn: &mut PgConnection, attempt: AttemptId) -> Result<Option<MediaQuality>> {
    Ok(sqlx::query_as(
        "select rx_packets, rx_lost, rx_late, rx_duplicates, rx_silent, jitter_ms, jitter_max_ms, tx_packets, tx_lost_permille, rtt_ms, mos_hundredths
         from attempts where id = $1 and rx_packets is not null",
    )
    .bind(attempt.0)
    .fetch_optional(conn)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{fixture, story};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn what_was_measured_stands_in_the_story_of_its_attempt(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        assert_eq!(of_attempt(&mut conn, attempt).await.unwrap(), None);
        let quality = MediaQuality {
            rx_packets: 9_000,
            rx_lost: 12,
            rx_late: 3,
            rx_duplicates: 1,
            rx_silent: false,
            jitter_ms: Some(2),
            jitter_max_ms: Some(41),
            tx_packets: 9_010,
            tx_lost_permille: None,
            rtt_ms: None,
            mos_hundredths: Some(438),
        };
        set(&mut conn, attempt, &quality).await.unwrap();
        set(&mut conn, attempt, &quality).await.unwrap();
        assert_eq!(story::attempt(&mut conn, attempt).await.unwrap().quality, Some(quality));
        let nobodys = AttemptId(uuid::Uuid::now_v7());
        assert!(set(&mut conn, nobodys, &quality).await.is_err());
        let absurd = MediaQuality { mos_hundredths: Some(600), ..quality };
        assert!(set(&mut conn, attempt, &absurd).await.is_err(), "the store knows the scale");
    }
}
