//! Tests of the survey compiler: the real survey, and every kind of mistake.

use super::*;

const REAL: &str = include_str!("../../../surveys/aftersales_3day.toml");

#[test]
fn the_real_survey_compiles() {
    let definition = Definition::from_toml("surveys/aftersales_3day.toml", REAL).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((definition.key.as_str(), definition.version, definition.deadline_days), ("aftersales_3day", 1, 3));
    assert_eq!(definition.complete.len(), 9);
    assert_eq!(definition.language_or_default("en"), "en");
    assert_eq!(definition.language_or_default("fr"), "zh-CN");
}
