//! What becomes of a message after a try. Webhooks are sent until they are taken, for days: the receiver knows a second copy by its id. A text message is sent again only
//! where it is certain that it did not go out.

use chrono::TimeDelta;

/// Tries of a message in all; with the pauses below about three days.
pub const MAX_TRIES: i32 = 20;
/// First and longest pause.
const PAUSE: (TimeDelta, TimeDelta) = (TimeDelta::seconds(10), TimeDelta::hours(6));

/// What counts for a kind of message where nobody knows whether it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// It arrives, twice rather than never: webhooks.
    UntilTaken,
    /// Nobody is written to twice: texts.
    NeverTwice,
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The other side answered, and may have said how long to wait.
    Status(u16, Option<TimeDelta>),
    /// It was not reached: nothing has left.
    NotReached,
    /// Something has left and no answer came.
    NoAnswer,
}

/// What becomes of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Taken.
    Sent,
    /// Once more after this pause.
    Again(TimeDelta),
    /// Given up; a person may replay it.
    Failed,
    /// Nobody knows: it may have gone out. A person decides.
    Unknown,
}

/// Judges try number `tries` (1 is the first). `spread` is by chance from 0 to 1: tries of many messages shall not meet.
pub fn after(care: Care, reply: Reply, tries: i32, spread: f64) -> Fate {
    let again = |least: Option<TimeDelta>| {
        if tries >= MAX_TRIES {
            return Fate::Failed;
        }
        let own = pause(tries, spread);
        Fate::Again(least.map_or(own, |least| own.max(least.min(PAUSE.1))))
    };
    match (care, reply) {
        (_, Reply::Status(200..=299, _)) => Fate::Sent,
        (_, Reply::NotReached) => again(None),
        // "too many requests" and "not now": it was not worked on
        (_, Reply::Status(429 | 503, wait)) => again(wait),
        // the receiver wants no more of it
        (Care::UntilTaken, Reply::Status(410, _)) => Fate::Failed,
        (Care::UntilTaken, Reply::Status(_, wait)) => again(wait),
        (Care::UntilTaken, Reply::NoAnswer) => again(None),
        (Care::NeverTwice, Reply::Status(300..=499, _)) => Fate::Failed,
        (Care::NeverTwice, Reply::Status(..) | Reply::NoAnswer) => Fate::Unknown,
    }
}

/// Doubled at each try, up to the longest, and up to a quarter more by chance.
fn pause(tries: i32, spread: f64) -> TimeDelta {
    let doubled = PAUSE.0 * 2_i32.pow(tries.clamp(1, 16).unsigned_abs() - 1);
    let pause = doubled.min(PAUSE.1);
    pause + TimeDelta::milliseconds((pause.num_milliseconds() as f64 * 0.25 * spread.clamp(0.0, 1.0)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Care::{NeverTwice, UntilTaken};

    #[test]
    fn an_answer_decides() {
        let s = TimeDelta::seconds;
        let cases = [
            (UntilTaken, Reply::Status(204, None), Fate::Sent),
            (UntilTaken, Reply::Status(301, None), Fate::Again(s(10))),
            (UntilTaken, Reply::Status(404, None), Fate::Again(s(10))),
            (UntilTaken, Reply::Status(500, Some(s(90))), Fate::Again(s(90))),
            (UntilTaken, Reply::Status(410, None), Fate::Failed),
            (UntilTaken, Reply::NotReached, Fate::Again(s(10))),
            (UntilTaken, Reply::NoAnswer, Fate::Again(s(10))),
            (NeverTwice, Reply::Status(202, None), Fate::Sent),
            (NeverTwice, Reply::Status(400, None), Fate::Failed),
            (NeverTwice, Reply::Status(429, Some(s(5))), Fate::Again(s(10))),
            (NeverTwice, Reply::Status(503, Some(TimeDelta::days(9))), Fate::Again(TimeDelta::hours(6))),
            (NeverTwice, Reply::Status(500, None), Fate::Unknown),
            (NeverTwice, Reply::NoAnswer, Fate::Unknown),
            (NeverTwice, Reply::NotReached, Fate::Again(s(10))),
        ];
        for (care, reply, wanted) in cases {
            assert_eq!(after(care, reply, 1, 0.0), wanted, "{care:?} {reply:?}");
        }
        assert_eq!(after(UntilTaken, Reply::NotReached, MAX_TRIES, 0.0), Fate::Failed);
    }

    #[test]
    fn the_tries_go_on_for_days_and_never_closer_than_before() {
        let pauses: Vec<_> = (1..MAX_TRIES).map(|tries| pause(tries, 0.0)).collect();
        assert!(pauses.is_sorted() && pauses.iter().all(|pause| *pause <= PAUSE.1));
        let all: TimeDelta = pauses.into_iter().sum();
        assert!(all > TimeDelta::hours(48) && all < TimeDelta::days(4), "{all}");
        assert_eq!(pause(1, 1.0), TimeDelta::milliseconds(12_500));
    }
}
