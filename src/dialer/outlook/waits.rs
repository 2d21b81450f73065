//! The whole queue at a glance: how many wait for what, how fast it is dialled, and until when. Asked each second while somebody looks, so it asks about rows in lots: what only
//! the gate knows of a single number (caps, gaps) is not in it until an engine has put the row off for it.

use super::{ABOUT_TO, DRAINED, PAUSED, ROOM, Rules, Tonight, put_off, tonight};
use crate::db::StoreError;
use crate::db::outlook::{self, Alike};
use crate::db::state::CampaignState;
use crate::dialer::policy::Wait;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

/// The pace is that of so long.
pub const PACE: TimeDelta = TimeDelta::minutes(10);

/// Follow-ups of the queue that wait for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What for, in the words of [`super::Next::waits_for`].
    pub waits_for: String,
    /// How many.
    pub count: i64,
    /// The first of them is looked at then; none: when a person changes something, or at any moment.
    pub from: Option<DateTime<Utc>>,
}

/// What the queue waits for, most first.
pub async fn waits(conn: &mut PgConnection, rules: &Rules, now: DateTime<Utc>) -> Result<Vec<Held>, StoreError> {
    let opens = rules.manners.country(&rules.country).window.next(now, rules.zone);
    let mut held: Vec<Held> = Vec::new();
    for alike in outlook::alike(conn, now).await? {
        let (waits_for, from) = why(&alike, opens, now);
        match held.iter_mut().find(|known| known.waits_for == waits_for) {
            Some(known) => {
                known.count += alike.count;
                known.from = known.from.min(from).or(known.from).or(from);
            }
            None => held.push(Held { waits_for, count: alike.count, from }),
        }
    }
    held.sort_by_key(|held| std::cmp::Reverse(held.count));
    Ok(held)
}

fn why(alike: &Alike, opens: Option<DateTime<Utc>>, now: DateTime<Utc>) -> (String, Option<DateTime<Utc>>) {
    match alike.campaign {
        Some(CampaignState::Paused) => return (PAUSED.into(), None),
        Some(CampaignState::Draining) => return (DRAINED.into(), None),
        Some(CampaignState::Running) | None => {}
    }
    if alike.put_off {
        let said = alike.state_detail.clone();
        return (said.unwrap_or_else(|| put_off(alike.state).into()), Some(alike.first));
    }
    match opens {
        _ if alike.leased => (ABOUT_TO.into(), None),
        Some(opens) if opens <= now => (ROOM.into(), None),
        opens => (Wait::Window.to_string(), opens),
    }
}

/// How fast the queue is dialled, and when today's work will be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// INVITEs that left in the last [`PACE`].
    pub dialled: i64,
    /// The same for an hour; none: nothing was dialled in that time.
    pub per_hour: Option<f64>,
    /// The estimate.
    pub tonight: Tonight,
}

/// Reads it.
pub async fn pace(conn: &mut PgConnection, rules: &Rules, now: DateTime<Utc>) -> Result<Pace, StoreError> {
    let (dialled, first) = outlook::dialled_since(conn, now - PACE).await?;
    // a run that has just begun is not taken for a slow one; but two calls at once are no thousand an hour
    let minutes = first.map(|first| ((now - first).num_seconds() as f64 / 60.0).max(PACE.num_minutes() as f64 / 2.0));
    let per_hour = minutes.map(|minutes| dialled as f64 * 60.0 / minutes);
    Ok(Pace { dialled, per_hour, tonight: tonight(conn, rules, now).await? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::state::FollowUpState;

    fn at(minutes: i64) -> DateTime<Utc> {
        "2026-11-18T02:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
    }

    fn alike() -> Alike {
        Alike {
            state: FollowUpState::Waiting,
            campaign: None,
            put_off: false,
            leased: false,
            state_detail: None,
            count: 3,
            first: at(-5),
        }
    }

    #[test]
    fn what_holds_a_row_back_is_said_in_the_words_of_the_queue() {
        let open = Some(at(0));
        for (row, opens, want, from) in [
            (alike(), open, ROOM, None),
            (alike(), Some(at(60)), "the calling window is closed", Some(at(60))),
            (alike(), None, "the calling window is closed", None),
            (Alike { leased: true, ..alike() }, open, ABOUT_TO, None),
            (Alike { campaign: Some(CampaignState::Paused), put_off: true, ..alike() }, open, PAUSED, None),
            (Alike { campaign: Some(CampaignState::Draining), ..alike() }, open, DRAINED, None),
            (
                Alike { put_off: true, first: at(9), state: FollowUpState::CallBack, ..alike() },
                open,
                "the customer booked this time",
                Some(at(9)),
            ),
            (
                Alike { put_off: true, first: at(9), state_detail: Some("released by a person".into()), ..alike() },
                open,
                "released by a person",
                Some(at(9)),
            ),
        ] {
            assert_eq!(why(&row, opens, at(0)), (want.to_owned(), from));
        }
    }
}
