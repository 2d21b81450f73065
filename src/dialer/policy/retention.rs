//! How long recordings, answers and timelines are kept, pure: as many days as the pack of the called number's country says, or fewer where the dealer says so. Never more: who has to keep
//! recordings longer brings a pack of their own.

use super::country::{ANY, Pack, Retention};
use crate::phone::E164;
use std::collections::BTreeMap;

/// No pack keeps longer: a hundred years can still be added to any date.
const MOST_DAYS: u32 = 36_500;

/// Days for which recordings are kept, by country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    days: BTreeMap<String, u32>,
    any: u32,
}

impl Keep {
    /// What these packs say of recordings, and `own`, which only shortens.
    pub fn new(own: Option<u32>, packs: &BTreeMap<String, Pack>) -> Keep {
        Keep::of(|retention| retention.recordings_days, own, packs)
    }

    /// The same of something else that packs have days for.
    pub fn of(which: fn(&Retention) -> u32, own: Option<u32>, packs: &BTreeMap<String, Pack>) -> Keep {
        let days = |pack: &Pack| which(&pack.retention).min(own.unwrap_or(MOST_DAYS)).min(MOST_DAYS);
        Keep {
            days: packs.iter().map(|(country, pack)| (country.clone(), days(pack))).collect(),
            any: packs.get(ANY).map_or(own.unwrap_or(MOST_DAYS).min(MOST_DAYS), days),
        }
    }

    /// As long as the longer of the two says.
    pub fn longer(&self, other: &Keep) -> Keep {
        let of = |keep: &Keep, country: &String| keep.days.get(country).copied().unwrap_or(keep.any);
        let countries = self.days.keys().chain(other.days.keys());
        let days = countries.map(|country| (country.clone(), of(self, country).max(of(other, country)))).collect();
        Keep { days, any: self.any.max(other.any) }
    }

    /// Days by country, for those that have a pack.
    pub fn by_country(&self) -> impl Iterator<Item = (&str, u32)> {
        self.days.iter().map(|(country, days)| (country.as_str(), *days))
    }

    /// Days for every other country.
    pub fn elsewhere(&self) -> u32 {
        self.any
    }
}

/// The country whose pack counts for a number, whether it has one or not; `ZZ` where no numbering plan knows the number.
pub fn country(number: &E164) -> String {
    let two_letters = |country: &String| country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    number.country().filter(two_letters).unwrap_or_else(|| ANY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialer::policy::country::packs;

    #[test]
    fn the_pack_says_how_long_and_the_dealer_only_shortens() {
        let packs = packs(&[]).unwrap();
        let of = |keep: &Keep, wanted: &str| keep.by_country().find(|(country, _)| *country == wanted).unwrap().1;
        let keep = Keep::new(None, &packs);
        assert_eq!((of(&keep, "CN"), of(&keep, "US"), keep.elsewhere()), (180, 180, 90));
        let shorter = Keep::new(Some(100), &packs);
        assert_eq!((of(&shorter, "CN"), shorter.elsewhere()), (100, 90));
        assert_eq!(Keep::new(Some(4_000), &packs), keep);
        assert_eq!(Keep::new(None, &BTreeMap::new()).elsewhere(), MOST_DAYS, "nobody says: kept");
    }

    #[test]
    fn the_longer_of_two_is_taken_country_by_country() {
        let packs = packs(&[]).unwrap();
        let (short, long) = (Keep::of(|_| 5, None, &packs), Keep::of(|kept| kept.answers_days, Some(900), &packs));
        assert_eq!(short.longer(&long), long);
        assert_eq!(long.longer(&Keep::of(|_| 10_000, None, &BTreeMap::new())).elsewhere(), MOST_DAYS);
        assert_eq!(long.by_country().find(|(country, _)| *country == "CN").unwrap().1, 900);
    }

    #[test]
    fn a_number_belongs_to_a_country() {
        let number = |text: &str| E164::from_stored(text).unwrap();
        assert_eq!(country(&number("+8613800138000")), "CN");
        assert_eq!(country(&number("+85251234567")), "HK");
        assert_eq!(country(&number("+999123")), "ZZ");
    }
}
