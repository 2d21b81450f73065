//! A list of repaired cars for simulated customers: the CSV that a dealer-management system would give. Pure; names and plates are made up.

use super::persona::{Mind, Persona};
use chrono::{Days, NaiveDate};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Every simulated number begins so (after the country's +86).
pub const PREFIX: &str = "139000";

const SURNAMES: [&str; 12] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙"];
const MODELS: [&str; 4] = ["途安", "朗逸", "帕萨特", "途观"];
const ADVISORS: [(&str, &str); 3] = [("林晓", "208"), ("何宁", "315"), ("许然", "427")];

/// `count` customers, one of each persona in turn, repaired the day before `today`. Header and rows as `huifang import --list repair` reads them.
pub fn customers(count: u32, seed: u64, today: NaiveDate) -> String {
    more_customers(0..count, seed, today)
}

/// The same for these numbers, 100,000 at most: for lists that go on where the last one ended.
pub fn more_customers(numbers: Range<u32>, seed: u64, today: NaiveDate) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let repaired = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    let mut csv = String::from("姓名,车型,维修日期,手机号,车牌,服务顾问,工号\n");
    for n in numbers {
        let number = format!("{PREFIX}{n:05}");
        let surname = SURNAMES[rng.random_range(0..SURNAMES.len())];
        let title = if rng.random_bool(0.5) { "先生" } else { "女士" };
        let model = MODELS[rng.random_range(0..MODELS.len())];
        let plate = format!("沪A{:05}", rng.random_range(10_000..99_999u32));
        let (advisor, staff) = ADVISORS[rng.random_range(0..ADVISORS.len())];
        csv.push_str(&format!("{surname}{title},{model},{repaired},{number},{plate},{advisor},{staff}\n"));
    }
    csv
}

/// How many of `count` customers are of `persona`.
pub fn how_many(count: u32, seed: u64, persona: Persona) -> usize {
    (0..count).filter(|n| Mind::new(&format!("+86{PREFIX}{n:05}"), seed).persona == persona).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::E164;

    #[test]
    fn rows_are_real_numbers_and_every_persona_is_there() {
        let csv = customers(24, 1, NaiveDate::from_ymd_opt(2026, 11, 23).unwrap());
        assert_eq!(csv.lines().count(), 25);
        for row in csv.lines().skip(1) {
            let fields: Vec<&str> = row.split(',').collect();
            assert_eq!(fields.len(), 7);
            assert!(E164::parse(fields[3], "CN").is_ok(), "{}", fields[3]);
            assert_eq!(fields[2], "2026-11-22");
        }
        assert!(Persona::ALL.iter().all(|persona| how_many(24, 1, *persona) > 0));
    }
}
