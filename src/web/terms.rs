//! What the store's words are called on a page. A word that is not in the table is shown as it is, underscores as spaces: a new disposition
//! must not vanish from the page because nobody has named it here yet.

use super::lang::Lang;
use crate::rates::Group;
use std::borrow::Cow;

pub mod agents;
mod complaints;

pub use complaints::{act, class};

type Table = &'static [(&'static str, &'static str, &'static str)];

const DISPOSITIONS: Table = &[
    ("complete", "完整完成", "Complete"),
    ("partial", "部分完成", "Partial"),
    ("refusal", "拒访", "Refused"),
    ("break_off", "中途挂断", "Broke off"),
    ("call_back", "预约回电", "Call back later"),
    ("no_input", "接听未按键", "No key pressed"),
    ("busy", "占线", "Busy"),
    ("declined", "拒接", "Declined"),
    ("no_answer", "无人接听", "No answer"),
    ("machine", "答录机", "Answering machine"),
    ("unreachable", "无法接通", "Unreachable"),
    ("congestion", "线路繁忙", "Network congestion"),
    ("trunk_refused", "线路拒绝", "Refused by trunk"),
    ("no_audio", "无声音", "No audio"),
    ("fax", "传真", "Fax"),
    ("one_way_audio", "客户听不到", "One-way audio"),
    ("interrupted", "系统中止", "Interrupted"),
    ("unknown", "结果不明", "Outcome unknown"),
    ("wrong_number", "错号", "Wrong number"),
    ("invalid_number", "空号", "No such number"),
    ("not_reached_in_time", "期限内未联系上", "Not reached in time"),
];

const STATES: Table = &[
    ("waiting", "待拨打", "Waiting"),
    // messages to others
    ("failed", "已放弃", "Given up"),
    ("unknown", "结果不明", "Unknown"),
    ("retry", "待重拨", "To be retried"),
    ("call_back", "已预约", "Booked call-back"),
    ("in_call", "通话中", "In a call"),
    ("needs_review", "需人工处理", "Needs a person"),
    ("done", "已结束", "Done"),
    ("expired", "已过期", "Expired"),
    ("engine_died", "系统在通话中停止", "the engine stopped during the call"),
    ("bad_data", "数据有误", "its data cannot be used"),
    ("not_reached_in_time", "期限内未联系上", "not reached in time"),
    ("number_blocked", "号码在免打扰名单", "the number is on the do-not-call list"),
    ("number_wrong", "号码错误", "the number is wrong"),
    ("number_refused", "号码不允许拨打", "the number is refused"),
    ("outcome_unknown", "结果不明", "nobody knows what became of the call"),
    ("trunk_refused", "线路拒绝", "the trunk refuses our calls"),
    ("running", "运行中", "running"),
    ("paused", "已暂停", "paused"),
    ("draining", "收尾中", "draining"),
    ("preparing", "准备中", "preparing"),
    ("dialling", "拨号中", "dialling"),
    ("talking", "通话中", "talking"),
    ("open", "处理中", "open"),
    ("closed", "已结案", "closed"),
    ("up", "正常", "up"),
    ("down", "不可用", "down"),
    ("unknown", "未知", "not known"),
];

const REASONS: Table = &[
    ("low_score", "评分低", "Low score"),
    ("low_intent", "不愿再来", "Will not come back"),
    ("noes", "多项未做到", "Several steps not done"),
    ("asked_for_person", "要求人工", "Asked for a person"),
    ("customer", "客户", "customer"),
    ("number", "号码", "number"),
    ("trunk", "线路", "trunk"),
    ("engine", "系统", "engine"),
    ("visit", "到店", "Visit"),
    ("delivery", "交车", "Delivery"),
    ("repair", "维修保养", "Repair"),
    ("suggestion", "建议", "Suggestion"),
    ("statement", "客户陈述", "Statement"),
    ("advisor_note", "顾问更正", "Advisor correction"),
    ("lead", "潜在客户", "Lead"),
    ("call", "全程录音", "Whole call"),
];

const QUESTIONS: Table = &[
    ("identity", "身份确认", "Identity"),
    ("consent", "是否方便", "Consent"),
    ("retention", "再次邀请", "Retention"),
    ("call_recording", "同意录音", "May be recorded"),
    ("callback", "预约时间", "Call-back time"),
    ("advisor", "顾问核对", "Advisor check"),
    ("advisor_number_keyed", "顾问工号", "Advisor’s number"),
    ("suggestion", "建议", "Suggestion"),
    ("advisor_note", "顾问更正", "Advisor correction"),
    ("unhappy_statement", "客户陈述", "Statement"),
    ("person_statement", "客户陈述", "Statement"),
    ("came_along", "是否同来", "Came along"),
    ("help", "其他事情", "Something else"),
    ("lead_number", "朋友的号码", "Friend’s number"),
    ("lead_note", "朋友的姓名", "Friend’s name"),
    ("too_many", "电话太多", "Too many calls"),
];

const PROSPECT: Table = &[
    ("s1", "门口迎接", "Greeted at the door"),
    ("s2", "入座和饮料", "Seat and drink"),
    ("s3", "询问用车需求", "Needs asked"),
    ("s4", "车辆讲解", "Car explained"),
    ("s5", "邀请试驾", "Test drive offered"),
    ("s6", "价格和贷款说明", "Price and finance"),
    ("s7", "资料或联系方式", "Brochure or contact"),
    ("s8", "送到门口", "Seen off"),
];

const SALES: Table = &[
    ("q1", "Q1 总体评价", "Q1 Overall"),
    ("i1", "接待", "Reception"),
    ("i2", "车辆讲解", "Car explained"),
    ("i3", "试驾", "Test drive"),
    ("i4", "商谈和合同", "Negotiation and contract"),
    ("i5", "贷款和保险", "Finance and insurance"),
    ("i6", "交车准备和清洁", "Preparation, cleanliness"),
    ("i7", "交车讲解", "Explained at delivery"),
    ("i8", "履行承诺", "Promises kept"),
    ("delivery_day", "交车当天问候", "Asked on delivery day"),
];

const AFTERSALES: Table = &[
    ("q1", "Q1 总体满意度", "Q1 Overall"),
    ("q2", "Q2 预约", "Q2 Booking"),
    ("q3", "Q3 接待", "Q3 Reception"),
    ("q4", "Q4 项目与价格说明", "Q4 Work and price explained"),
    ("q5", "Q5 等候与休息区", "Q5 Waiting and lounge"),
    ("q6", "Q6 维修质量", "Q6 Quality of the work"),
    ("q7", "Q7 按时交车", "Q7 Ready on time"),
    ("q8", "Q8 结算说明", "Q8 Bill explained"),
    ("q9", "Q9 再次光临意愿", "Q9 Will come back"),
];

const VALUES: Table = &[
    ("very_satisfied", "特别满意", "very satisfied"),
    ("satisfied", "满意", "satisfied"),
    ("ordinary", "一般", "ordinary"),
    ("dissatisfied", "不满意", "dissatisfied"),
    ("very_dissatisfied", "特别不满意", "very dissatisfied"),
    ("certainly", "一定会", "certainly"),
    ("probably", "可能会", "probably"),
    ("unsure", "不确定", "unsure"),
    ("probably_not", "可能不会", "probably not"),
    ("certainly_not", "一定不会", "certainly not"),
    ("self", "本人", "the customer"),
    ("family", "家人", "family member"),
    ("wrong_number", "错号", "wrong number"),
    ("yes", "是", "yes"),
    ("no", "否", "no"),
    ("later", "稍后", "later"),
    ("correct", "正确", "correct"),
    ("wrong", "不正确", "wrong"),
    ("two_hours", "两小时后", "in two hours"),
    ("evening", "今天傍晚", "this evening"),
    ("morning", "明天上午", "tomorrow morning"),
    ("afternoon", "明天下午", "tomorrow afternoon"),
    ("privacy", "个人隐私", "privacy"),
    ("lead", "朋友想买车", "a friend plans to buy"),
    ("too_many", "电话太多", "too many calls"),
    ("warranty", "保修期外维修", "out of warranty"),
    ("back", "返回", "back"),
    ("go_on", "继续", "go on"),
    ("never", "不再来电", "never again"),
];

/// What a follow-up waits for, by the English sentences of `dialer::outlook`, of the policy and of the store.
const WAITS: Table = &[
    ("its campaign is paused", "拨打已暂停", "its campaign is paused"),
    ("its campaign is drained", "拨打正在收尾", "its campaign is drained"),
    ("its time zone is unknown", "客户时区无法识别", "its time zone is unknown"),
    ("the customer booked this time", "客户预约的时间", "the customer booked this time"),
    ("the delay after its last attempt", "上次拨打后的间隔", "the delay after its last attempt"),
    ("it is not due yet", "尚未到应访时间", "it is not due yet"),
    ("its number is in a call", "该号码正在通话", "its number is in a call"),
    ("an engine is about to dial it", "即将拨打", "an engine is about to dial it"),
    (
        "nothing but room on a trunk, and an engine at work",
        "空闲线路",
        "nothing but room on a trunk, and an engine at work",
    ),
    ("no attempt is left", "拨打次数已用完", "no attempt is left"),
    ("the calling window never opens", "没有允许拨打的时段", "the calling window never opens"),
    (
        "its number is wrong or on the do-not-call list",
        "错号或在免打扰名单",
        "its number is wrong or on the do-not-call list",
    ),
    ("the calling window is closed", "不在允许拨打的时段", "the calling window is closed"),
    ("today's attempts are used up", "今日拨打次数已用完", "today's attempts are used up"),
    (
        "today's attempts to this number are used up",
        "该号码今日拨打次数已用完",
        "today's attempts to this number are used up",
    ),
    (
        "the attempts to this number in 30 days are used up",
        "该号码 30 天内拨打次数已用完",
        "the attempts to this number in 30 days are used up",
    ),
    (
        "the number was called for another follow-up lately",
        "该号码近期已因其他回访拨打",
        "the number was called for another follow-up lately",
    ),
    (
        "dialer.allow has no prefix for this number",
        "号码不在允许拨打的范围 (dialer.allow)",
        "dialer.allow has no prefix for this number",
    ),
    (
        "the country pack refuses this number's range",
        "该号段不允许拨打",
        "the country pack refuses this number's range",
    ),
    (
        "no trunk carries such numbers (trunks.NAME.prefixes)",
        "没有可用于该号码的线路",
        "no trunk carries such numbers (trunks.NAME.prefixes)",
    ),
    ("this version of the survey cannot be read", "问卷版本无法读取", "this version of the survey cannot be read"),
    ("released by a person", "已由人工恢复", "released by a person"),
];

const MOMENTS: Table = &[
    ("sip_sent", "SIP →", "SIP →"),
    ("sip_received", "SIP ←", "SIP ←"),
    ("invite_sent", "已拨出", "INVITE left"),
    ("ringing", "振铃", "Ringing"),
    ("answered", "已接听", "Answered"),
    ("first_audio", "收到声音", "First sound"),
    ("asked", "提问", "Asks"),
    ("prompts", "播放", "Says"),
    ("prompts_ended", "播放结束", "Finished speaking"),
    ("key", "按键", "Key"),
    ("key_also", "同一次按键", "Same press"),
    ("held", "对方保持", "Put on hold"),
    ("resumed", "恢复通话", "Taken off hold"),
    ("media_changed", "媒体变更", "Media changed"),
    ("forwarded", "呼叫被转接", "Forwarded"),
    ("redirected", "呼叫被重定向", "Redirected"),
    ("moved_on", "转到下一地址", "Next address"),
    ("reason", "挂断原因", "Reason given"),
    ("change_refused", "拒绝媒体变更", "Change refused"),
    ("answerer", "接听者", "Answered by"),
    ("message_left", "已留言", "Message left"),
    ("missed", "未答", "Missed"),
    ("answer", "回答", "Answer"),
    ("complaint", "记录投诉", "Complaint opened"),
    ("complaint_note", "补充投诉", "Complaint noted"),
    ("recorded", "录音", "Recorded"),
    ("on_record", "同意录音", "Agrees to be recorded"),
    ("call_recorded", "全程录音", "Whole call recorded"),
    ("call_back", "预约回电", "Call-back booked"),
    ("wrong_number", "错号", "Wrong number"),
    ("family_member", "家人接听", "Family member"),
    ("refusal", "拒访", "Refused"),
    ("do_not_call", "不再来电", "Never again"),
    ("lead", "潜在客户", "Lead"),
    ("audio_lost", "声音中断", "Sound lost"),
    ("hearing", "对方收听", "Far side’s hearing"),
    ("quality", "通话音质", "Sound"),
    ("hang_up", "系统挂断", "Hangs up"),
    ("remote_ended", "客户挂断", "Customer hung up"),
    ("ended", "结束", "Ended"),
];

fn look_up(table: Table, word: &str, lang: Lang) -> Cow<'static, str> {
    match table.iter().find(|(known, _, _)| *known == word) {
        Some((_, zh, en)) => Cow::Borrowed(lang.pick(zh, en)),
        None => Cow::Owned(word.replace('_', " ")),
    }
}

/// A disposition.
pub fn disposition(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(DISPOSITIONS, word, lang)
}

/// A state of a follow-up, a call or a complaint, or why it is in it.
pub fn state(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(STATES, word, lang)
}

/// Why somebody complains, who is to blame, what happened, what a recording holds.
pub fn reason(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(REASONS, word, lang)
}

/// A question of a survey. Items mean something else in each survey: one without names here shows their keys (`Q3`).
pub fn question(survey: &str, word: &str, lang: Lang) -> Cow<'static, str> {
    let named = |table: Table| table.iter().any(|(known, _, _)| *known == word);
    let items = match survey {
        "aftersales_3day" => AFTERSALES,
        "prospect" => PROSPECT,
        "sales_3day" => SALES,
        _ => &[],
    };
    if named(items) {
        look_up(items, word, lang)
    } else if named(QUESTIONS) {
        look_up(QUESTIONS, word, lang)
    } else {
        Cow::Owned(word.replace('_', " ").to_uppercase())
    }
}

/// Names of the surveys that come with huifang; another one is called what its file says.
const SURVEYS: Table = &[
    ("aftersales_3day", "售后三日回访", "After-sales, 3 days"),
    ("prospect", "销售潜客回访", "Showroom visit"),
    ("sales_3day", "销售三日回访", "Sales, 3 days"),
];

/// What a survey is called; `named` is what the store says.
pub fn survey(key: &str, named: &str, lang: Lang) -> Cow<'static, str> {
    match SURVEYS.iter().find(|(known, _, _)| *known == key) {
        Some((_, zh, en)) => Cow::Borrowed(lang.pick(zh, en)),
        None => Cow::Owned(if named.is_empty() { key } else { named }.to_owned()),
    }
}

/// What an answer means.
pub fn value(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(VALUES, word, lang)
}

/// What a follow-up waits for; a sentence that has no name here is shown as it is.
pub fn wait(sentence: &str, lang: Lang) -> Cow<'static, str> {
    match WAITS.iter().find(|(known, _, _)| *known == sentence) {
        Some((_, zh, en)) => Cow::Borrowed(lang.pick(zh, en)),
        None => Cow::Owned(sentence.to_owned()),
    }
}

/// A kind of timeline entry.
pub fn moment(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(MOMENTS, word, lang)
}

/// The colour class of a group of dispositions.
pub fn tone(group: Option<Group>) -> &'static str {
    match group {
        Some(Group::Complete) => "complete",
        Some(Group::Partial) => "partial",
        Some(Group::Refusal) => "refusal",
        Some(Group::NonContact | Group::Other | Group::UnknownPhone | Group::UnknownPerson) => "away",
        Some(Group::NotEligible) => "dead",
        Some(Group::Open) => "open",
        None => "odd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complaint::{Cause, Level, Nature, RootCause};
    use crate::db::state::{
        ComplaintReason, ComplaintState, EventKind, FollowUpState, RecordingKind, StateReason, StepKind, TrunkState,
    };
    use crate::dialer::policy::{Refusal, Wait};

    #[test]
    fn every_word_of_the_store_has_a_name_in_both_languages() {
        let mut words: Vec<(Table, &str)> = Vec::new();
        words.extend(FollowUpState::ALL.iter().map(|word| (STATES, word.as_str())));
        words.extend(StateReason::ALL.iter().map(|word| (STATES, word.as_str())));
        words.extend(TrunkState::ALL.iter().map(|word| (STATES, word.as_str())));
        words.extend(ComplaintState::ALL.iter().map(|word| (STATES, word.as_str())));
        words.extend(ComplaintReason::ALL.iter().map(|word| (REASONS, word.as_str())));
        words.extend(StepKind::ALL.iter().map(|word| (complaints::ACTS, word.as_str())));
        words.extend(Nature::ALL.iter().map(|word| (complaints::CLASSES, word.as_str())));
        words.extend(Cause::ALL.iter().map(|word| (complaints::CLASSES, word.as_str())));
        words.extend(Level::ALL.iter().map(|word| (complaints::CLASSES, word.as_str())));
        words.extend(RootCause::ALL.iter().map(|word| (complaints::CLASSES, word.as_str())));
        words.extend(EventKind::ALL.iter().map(|word| (REASONS, word.as_str())));
        words.extend(RecordingKind::ALL.iter().map(|word| (REASONS, word.as_str())));
        for (table, word) in words {
            assert!(table.iter().any(|(known, _, _)| *known == word), "{word}");
        }
    }

    #[test]
    fn what_is_waited_for_has_a_chinese_name() {
        let waits = [Wait::Window, Wait::FollowUpDay, Wait::NumberDay, Wait::NumberMonth, Wait::Gap];
        let sentences = waits.map(|wait| wait.to_string()).into_iter();
        let refusals = [Refusal::NotAllowed, Refusal::Range].map(|refusal| refusal.to_string());
        for sentence in sentences.chain(refusals) {
            assert_eq!(wait(&sentence, Lang::En), sentence);
            assert_ne!(wait(&sentence, Lang::Zh), sentence);
        }
        assert_eq!(wait("a_new thing", Lang::Zh), "a_new thing");
    }

    #[test]
    fn a_new_word_is_shown_as_it_is() {
        assert_eq!(disposition("no_answer", Lang::Zh), "无人接听");
        assert_eq!(disposition("machine_heard", Lang::En), "machine heard");
        assert_eq!(question("aftersales_3day", "q7", Lang::En), "Q7 Ready on time");
        assert_eq!(question("prospect", "q7", Lang::En), "Q7");
    }
}
