//! Keys: the prefix-aware collector. It knows the valid entries of one question and takes an entry at once when no longer
//! entry could still come of it, so that only `1` of a 1–10 scale ever waits (for its `0`).
//!
//! Global keys (domain.md): `#` ends an entry, `*` repeats the question (and drops what was keyed so far), `0` alone asks for a person.
//! It owns no timer: after [`Collected::Pending`] the flow waits for the inter-digit timeout and then calls [`Collector::timeout`].

/// The valid entries of one question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entries {
    /// One of a list.
    OneOf(Vec<String>),
    /// Any digits of a length.
    Digits {
        /// Fewest digits.
        min: usize,
        /// Most digits; the entry is taken when it has so many.
        max: usize,
        /// `#` alone is an answer of its own.
        empty: bool,
    },
}

/// What a key, or the end of the wait for one, makes of the entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Collected {
    /// It means nothing here (`#` with nothing keyed, a tone that is no key): as if it had not been.
    Nothing,
    /// The entry could go on: wait for the inter-digit timeout.
    Pending,
    /// A valid entry.
    Accepted(String),
    /// `#` alone, where that is an answer.
    Empty,
    /// `*`: ask again.
    Repeat,
    /// `0` alone: a person is asked for.
    Person,
    /// No valid entry.
    Invalid,
}

/// Collects the keys of one question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collector {
    entries: Entries,
    /// `0` alone asks for a person.
    person: bool,
    entry: String,
}

impl Collector {
    /// A collector of `entries`; with `person`, `0` alone asks for a person unless it is an entry itself.
    pub fn new(entries: Entries, person: bool) -> Collector {
        Collector { entries, person, entry: String::new() }
    }

    /// Keys are in, and the entry could go on.
    pub fn is_pending(&self) -> bool {
        !self.entry.is_empty()
    }

    /// Forgets what was keyed.
    pub fn clear(&mut self) {
        self.entry.clear();
    }

    /// Takes one key.
    pub fn press(&mut self, key: char) -> Collected {
        match key {
            '*' => {
                self.entry.clear();
                Collected::Repeat
            }
            '#' if self.entry.is_empty() => match self.entries {
                Entries::Digits { empty: true, .. } => Collected::Empty,
                Entries::Digits { .. } | Entries::OneOf(_) => Collected::Nothing,
            },
            '#' => self.timeout(),
            '0'..='9' => {
                self.entry.push(key);
                if self.could_go_on() { Collected::Pending } else { self.timeout() }
            }
            _ => Collected::Nothing,
        }
    }

    /// The entry as it stands is all there is: no further key came in time, or `#` ended it.
    pub fn timeout(&mut self) -> Collected {
        let entry = std::mem::take(&mut self.entry);
        match (self.is_valid(&entry), entry.as_str()) {
            (_, "") => Collected::Nothing,
            (true, _) => Collected::Accepted(entry),
            (false, "0") if self.person => Collected::Person,
            (false, _) => Collected::Invalid,
        }
    }

    fn is_valid(&self, entry: &str) -> bool {
        match &self.entries {
            Entries::OneOf(list) => list.iter().any(|e| e == entry),
            // `0` alone is a wish for a person even where it could be a number of one digit
            Entries::Digits { .. } if self.person && entry == "0" => false,
            Entries::Digits { min, max, .. } => (*min..=*max).contains(&entry.len()),
        }
    }

    /// A longer valid entry begins like this one.
    fn could_go_on(&self) -> bool {
        match &self.entries {
            Entries::OneOf(list) => list.iter().any(|e| e.len() > self.entry.len() && e.starts_with(&self.entry)),
            Entries::Digits { max, .. } => self.entry.len() < *max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Collected::*;

    fn one_of(entries: &[&str]) -> Collector {
        Collector::new(Entries::OneOf(entries.iter().map(|e| (*e).to_owned()).collect()), true)
    }

    fn one_to_ten() -> Collector {
        one_of(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"])
    }

    fn digits(min: usize, max: usize, empty: bool) -> Collector {
        Collector::new(Entries::Digits { min, max, empty }, true)
    }

    /// What the last of `keys` gives; `t` stands for the inter-digit timeout.
    fn last(mut collector: Collector, keys: &str) -> Collected {
        keys.chars().fold(Nothing, |_, k| if k == 't' { collector.timeout() } else { collector.press(k) })
    }

    #[test]
    fn only_a_prefix_waits() {
        for (keys, want) in [
            ("1", Pending),
            ("1t", Accepted("1".into())),
            ("1#", Accepted("1".into())),
            ("10", Accepted("10".into())),
            ("2", Accepted("2".into())),
            ("9", Accepted("9".into())),
            ("15", Invalid),
            ("0", Person),
            ("1*", Repeat),
            ("1*7", Accepted("7".into())),
            ("#", Nothing),
            ("A", Nothing),
            ("t", Nothing),
        ] {
            assert_eq!(last(one_to_ten(), keys), want, "{keys}");
        }
    }

    #[test]
    fn five_keys_never_wait() {
        for key in ["1", "2", "3", "4", "5"] {
            assert_eq!(last(one_of(&["1", "2", "3", "4", "5"]), key), Accepted(key.into()));
        }
        assert_eq!(last(one_of(&["1", "2"]), "6"), Invalid);
        assert_eq!(last(one_of(&["1", "2"]), "62"), Accepted("2".into()), "an invalid entry leaves nothing behind");
    }

    #[test]
    fn digits_end_by_hash_length_or_time() {
        for (keys, want) in [
            ("80", Pending),
            ("8021#", Accepted("8021".into())),
            ("8021t", Accepted("8021".into())),
            ("802155", Accepted("802155".into())),
            ("8#", Invalid),
            ("#", Empty),
            ("0", Pending),
            ("0#", Person),
            ("0t", Person),
            ("0801#", Accepted("0801".into())),
        ] {
            assert_eq!(last(digits(2, 6, true), keys), want, "{keys}");
        }
        assert_eq!(last(digits(1, 6, false), "#"), Nothing);
        assert_eq!(last(digits(1, 6, false), "0#"), Person);
    }

    #[test]
    fn without_a_person_a_lone_zero_is_a_key_like_others() {
        let mut collector = Collector::new(Entries::OneOf(vec!["1".into()]), false);
        assert_eq!(collector.press('0'), Invalid);
    }
}
