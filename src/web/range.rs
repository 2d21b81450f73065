//! Which bytes of a file a request wants (RFC 9110 14.2). One range is answered; several, or what cannot be read, is answered with the whole, as the RFC allows.

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything, so many bytes.
    All(u64),
    /// From `first` to `last`, both included.
    Piece {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
    },
}

impl Wanted {
    /// The first byte.
    pub fn first(self) -> u64 {
        match self {
            Wanted::All(_) => 0,
            Wanted::Piece { first, .. } => first,
        }
    }

    /// How many bytes.
    pub fn count(self) -> u64 {
        match self {
            Wanted::All(length) => length,
            Wanted::Piece { first, last } => last - first + 1,
        }
    }
}

/// What a `Range` wants of `length` bytes; a piece has `most` bytes at most, a player asks for the next one by itself. None: it begins behind the end (416).
pub fn wanted(range: Option<&str>, length: u64, most: u64) -> Option<Wanted> {
    let Some((first, last)) = range.and_then(one_range) else {
        return Some(Wanted::All(length));
    };
    let (first, last) = match (first, last) {
        (Some(first), last) => (first, last.unwrap_or(u64::MAX)),
        // the last so many bytes; none of them is none at all
        (None, Some(0)) => return None,
        (None, Some(tail)) => (length.saturating_sub(tail), u64::MAX),
        (None, None) => return Some(Wanted::All(length)),
    };
    let last = last.min(length.checked_sub(1)?).min(first.saturating_add(most - 1));
    (first < length).then_some(Wanted::Piece { first, last })
}

/// `bytes=FIRST-LAST` with one of the two at least; none for anything else.
fn one_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |text: &str| match text {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    };
    let (first, last) = (number(first)?, number(last)?);
    let backwards = first.zip(last).is_some_and(|(first, last)| last < first);
    (!backwards && (first.is_some() || last.is_some())).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_range_is_answered_and_nothing_behind_the_end() {
        let piece = |first, last| Some(Wanted::Piece { first, last });
        for (range, want) in [
            (None, Some(Wanted::All(100))),
            (Some("bytes=0-"), piece(0, 99)),
            (Some("bytes=10-19"), piece(10, 19)),
            (Some("bytes=90-200"), piece(90, 99)),
            (Some("bytes=-5"), piece(95, 99)),
            (Some("bytes=-500"), piece(0, 99)),
            (Some("bytes=100-"), None),
            (Some("bytes=-0"), None),
            (Some("bytes=5-4"), Some(Wanted::All(100))),
            (Some("bytes=0-1,5-6"), Some(Wanted::All(100))),
            (Some("seconds=1-2"), Some(Wanted::All(100))),
            (Some("bytes=+1-2"), Some(Wanted::All(100))),
            (Some("bytes=-"), Some(Wanted::All(100))),
        ] {
            assert_eq!(wanted(range, 100, 1000), want, "{range:?}");
        }
        assert_eq!(wanted(None, 100, 40), Some(Wanted::All(100)));
        assert_eq!(wanted(Some("bytes=50-"), 100, 40), piece(50, 89));
        assert_eq!(wanted(Some("bytes=0-"), 0, 40), None);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_there(text in "(bytes=)?[0-9,-]{0,24}", length in 0u64..10_000, most in 1u64..20_000) {
            if let Some(wanted) = wanted(Some(&text), length, most) {
                prop_assert!(wanted.first() + wanted.count() <= length);
            }
        }
    }
}
