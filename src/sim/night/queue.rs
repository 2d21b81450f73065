//! The queue of the simulated night: the order that `db/queue.rs` has in SQL (`queue_rank, next_attempt_at, id`, of what is due), and nothing past its deadline. Pure.

use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// Rank of a booked call-back: ahead of all (migration 0002).
pub const CALL_BACK: i16 = 0;
/// Rank of everything else, where nobody set another priority.
pub const ORDINARY: i16 = 100;

/// One place in the queue. Its order is the order of the SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Smaller is dialled earlier.
    pub rank: i16,
    /// When it is due.
    pub at: DateTime<Utc>,
    /// Whose; rows of one list have ids in the order of the list.
    pub id: usize,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    due: BTreeSet<Place>,
    later: BTreeSet<(DateTime<Utc>, usize, i16)>,
}

impl Queue {
    /// Puts one in.
    pub fn put(&mut self, place: Place) {
        self.later.insert((place.at, place.id, place.rank));
    }

    /// What has become due by `now` counts as due from here on.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        while let Some((at, id, rank)) = self.later.first().copied().filter(|(at, ..)| *at <= now) {
            self.later.pop_first();
            self.due.insert(Place { rank, at, id });
        }
    }

    /// The first of those that are due at `now` and that `wanted` takes; it is out of the queue then.
    pub fn take(&mut self, now: DateTime<Utc>, wanted: impl Fn(usize) -> bool) -> Option<Place> {
        self.advance(now);
        let place = *self.due.iter().find(|place| wanted(place.id))?;
        self.due.remove(&place);
        Some(place)
    }

    /// When the next one becomes due that is not yet.
    pub fn next(&self) -> Option<DateTime<Utc>> {
        self.later.first().map(|(at, ..)| *at)
    }

    /// How many are due, as far as was looked.
    pub fn due(&self) -> usize {
        self.due.len()
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.due.len() + self.later.len()
    }

    /// Nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn what_is_due_comes_by_rank_time_and_id() {
        let now: DateTime<Utc> = "2026-11-23T03:00:00Z".parse().unwrap();
        let ago = |minutes| now - TimeDelta::minutes(minutes);
        let mut queue = Queue::default();
        for (rank, at, id) in
            [(100, ago(1), 7), (100, ago(5), 9), (100, ago(5), 3), (0, ago(1), 8), (0, ago(-1), 1), (50, now, 5)]
        {
            queue.put(Place { rank, at, id });
        }
        let order: Vec<usize> = std::iter::from_fn(|| queue.take(now, |_| true).map(|place| place.id)).collect();
        assert_eq!(order, [8, 5, 3, 9, 7]);
        assert_eq!((queue.next(), queue.due(), queue.len()), (Some(ago(-1)), 0, 1));
        assert_eq!(queue.take(ago(-1), |id| id != 1), None, "another trunk's");
        assert_eq!(queue.take(ago(-1), |_| true).map(|place| place.id), Some(1));
    }
}
