//! What the store says about each simulated customer, in the words of [`super::check`]: read by the demo, the soak and the tests.

use super::check::Stored;
use crate::db::state::{RecordingKind, TransferOutcome};
use crate::db::story::{self, FollowUpStory};
use crate::db::transfers::{self, Transfer};
use crate::db::{StoreError, follow_ups};
use sqlx::PgConnection;
use std::collections::BTreeMap;

impl Stored {
    /// Of one follow-up's story and its hand-overs.
    pub fn of(story: &FollowUpStory, transfers: &[Transfer]) -> Stored {
        let attempts = &story.attempts;
        let answers = attempts.iter().flat_map(|attempt| &attempt.answers);
        let recordings = attempts.iter().flat_map(|attempt| &attempt.recordings);
        let (calls, words): (Vec<_>, Vec<_>) = recordings.partition(|recording| recording.kind == RecordingKind::Call);
        Stored {
            dispositions: attempts.iter().map(|a| a.attempt.disposition.clone().unwrap_or_default()).collect(),
            answers: answers.map(|a| (a.question.clone(), (a.keys.clone(), a.score))).collect(),
            complaint: story.complaint.is_some(),
            recordings: words.len(),
            on_record: calls.len(),
            talks: transfers.iter().filter(|t| t.outcome == Some(TransferOutcome::Accepted)).count(),
        }
    }
}

/// Every follow-up in the store, by called number; one for each number.
pub async fn read(conn: &mut PgConnection) -> Result<BTreeMap<String, Stored>, StoreError> {
    let mut all = BTreeMap::new();
    for (id, number) in follow_ups::numbers(conn).await? {
        let story = story::follow_up(conn, id).await?;
        let transfers = transfers::of_follow_up(conn, id).await?;
        all.insert(number.as_str().to_owned(), Stored::of(&story, &transfers));
    }
    Ok(all)
}
