//! What the words of live agents are called on a page; as `terms`, a word without a name is shown as it is.

use super::{Table, look_up};
use crate::web::lang::Lang;
use std::borrow::Cow;

const STATES: Table = &[
    ("offline", "离线", "Off duty"),
    ("available", "空闲", "Available"),
    ("reserved", "已预留", "Reserved"),
    ("ringing", "来电", "Ringing"),
    ("talking", "通话中", "Talking"),
    ("wrap_up", "话后整理", "Wrap-up"),
    ("break", "小休", "Break"),
];

const OUTCOMES: Table = &[
    ("accepted", "通话已结束", "The call is over"),
    ("rejected", "已拒接", "Turned down"),
    ("no_answer", "未接听", "Not answered"),
    ("customer_gave_up", "客户已挂断", "The customer hung up"),
    ("agent_failed", "坐席线路故障", "The line broke"),
    ("pbx_refused", "交换机拒绝", "Refused by the PBX"),
    ("declined", "客户选择回电", "The customer prefers a call-back"),
    ("nobody_free", "无空闲坐席", "Nobody was free"),
    ("interrupted", "系统中止", "Interrupted"),
];

const REACH: Table = &[
    ("registered", "软电话", "softphone"),
    ("uri", "话机", "phone"),
    ("browser", "浏览器", "this page"),
    ("pbx", "交换机", "PBX"),
];

const SEGMENTS: Table = &[
    ("high_value", "高价值", "high value"),
    ("high_contribution", "高贡献", "high contribution"),
    ("ordinary", "一般客户", "ordinary"),
    ("dormant", "休眠", "dormant"),
];

const OWNERS: Table = &[
    ("sales_manager", "销售经理", "sales manager"),
    ("advisor", "销售顾问", "sales advisor"),
    ("service_advisor", "服务顾问", "service advisor"),
    ("care_specialist", "客户关爱专员", "care specialist"),
];

/// Where an agent stands.
pub fn state(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(STATES, word, lang)
}

/// What became of a hand-over.
pub fn outcome(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(OUTCOMES, word, lang)
}

/// How an agent is reached.
pub fn reach(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(REACH, word, lang)
}

/// A customer's segment.
pub fn segment(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(SEGMENTS, word, lang)
}

/// Who makes a touch of the calendar.
pub fn owner(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(OWNERS, word, lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::state::{AgentState, Reach, TransferOutcome};
    use crate::followup::calendar::rule::{Role, Segment};

    #[test]
    fn every_word_has_a_name() {
        let named = |table: Table, word: &str| table.iter().any(|(known, _, _)| *known == word);
        assert!(AgentState::ALL.iter().all(|word| named(STATES, word.as_str())));
        assert!(TransferOutcome::ALL.iter().all(|word| named(OUTCOMES, word.as_str())));
        assert!(Reach::ALL.iter().all(|word| named(REACH, word.as_str())));
        assert!(Segment::list().split(", ").all(|word| named(SEGMENTS, word)), "{}", Segment::list());
        assert!(Role::list().split(", ").all(|word| named(OWNERS, word)), "{}", Role::list());
    }
}
