//! The table of rates. A figure that is not defined here is not shown anywhere; nothing is computed in this file.

use super::Definition;
use super::Group::{self, *};

const AAPOR: &str = "AAPOR Standard Definitions, telephone samples";
const TRADE: &str = "the trade: 回访完成率 (done / owed)";
const SHARE: &str = "plain share of the closed follow-ups";

/// Every final disposition.
const CLOSED: &[Group] = &[Complete, Partial, Refusal, NonContact, Other, UnknownPhone, UnknownPerson, NotEligible];
/// All that is, or may be, eligible.
const ELIGIBLE: &[Group] = &[Complete, Partial, Refusal, NonContact, Other, UnknownPhone, UnknownPerson];

/// All rates, in the order in which pages and reports show them.
pub const RATES: &[Definition] = &[
    Definition {
        key: "completion",
        name_en: "Completion",
        name_zh: "回访完成率",
        meaning: "Complete interviews among all follow-ups owed in the period, those still open included.",
        meaning_zh: "期内应回访客户中已完整完成回访的比例（含尚未结束的）。",
        numerator: &[Complete],
        denominator: &[Complete, Partial, Refusal, NonContact, Other, UnknownPhone, UnknownPerson, NotEligible, Open],
        source: TRADE,
    },
    Definition {
        key: "rr1",
        name_en: "Response (RR1)",
        name_zh: "应答率 (RR1)",
        meaning: "Complete interviews among all customers that are, or may be, eligible.",
        meaning_zh: "在所有（可能）合格的客户中完整完成回访的比例。",
        numerator: &[Complete],
        denominator: ELIGIBLE,
        source: AAPOR,
    },
    Definition {
        key: "coop1",
        name_en: "Cooperation (COOP1)",
        name_zh: "合作率 (COOP1)",
        meaning: "Complete interviews among the customers that were reached.",
        meaning_zh: "在已接通的客户中完整完成回访的比例。",
        numerator: &[Complete],
        denominator: &[Complete, Partial, Refusal, Other],
        source: AAPOR,
    },
    Definition {
        key: "ref1",
        name_en: "Refusal (REF1)",
        name_zh: "拒访率 (REF1)",
        meaning: "Refusals and break-offs among all customers that are, or may be, eligible.",
        meaning_zh: "在所有（可能）合格的客户中拒访或中途挂断的比例。",
        numerator: &[Refusal],
        denominator: ELIGIBLE,
        source: AAPOR,
    },
    Definition {
        key: "con1",
        name_en: "Contact (CON1)",
        name_zh: "接通率 (CON1)",
        meaning: "Customers that were reached among all that are, or may be, eligible.",
        meaning_zh: "在所有（可能）合格的客户中已接通的比例。",
        numerator: &[Complete, Partial, Refusal, Other],
        denominator: ELIGIBLE,
        source: AAPOR,
    },
    Definition {
        key: "share_complete",
        name_en: "Share complete",
        name_zh: "完整完成占比",
        meaning: "Complete interviews among the closed follow-ups.",
        meaning_zh: "已结束的回访中完整完成的占比。",
        numerator: &[Complete],
        denominator: CLOSED,
        source: SHARE,
    },
    Definition {
        key: "share_partial",
        name_en: "Share partial",
        name_zh: "部分完成占比",
        meaning: "Partial interviews among the closed follow-ups.",
        meaning_zh: "已结束的回访中部分完成的占比。",
        numerator: &[Partial],
        denominator: CLOSED,
        source: SHARE,
    },
    Definition {
        key: "share_refusal",
        name_en: "Share refused or broken off",
        name_zh: "拒访与中断占比",
        meaning: "Refusals and break-offs among the closed follow-ups.",
        meaning_zh: "已结束的回访中拒访或中途挂断的占比。",
        numerator: &[Refusal],
        denominator: CLOSED,
        source: SHARE,
    },
    Definition {
        key: "share_not_reached",
        name_en: "Share not reached",
        name_zh: "未接通占比",
        meaning: "Follow-ups given up without anyone reached, among the closed ones.",
        meaning_zh: "已结束的回访中始终未联系上的占比。",
        numerator: &[NonContact, UnknownPhone, UnknownPerson],
        denominator: CLOSED,
        source: SHARE,
    },
    Definition {
        key: "share_not_eligible",
        name_en: "Share wrong or dead numbers",
        name_zh: "错号与空号占比",
        meaning: "Wrong and non-working numbers among the closed follow-ups.",
        meaning_zh: "已结束的回访中号码错误或无法使用的占比。",
        numerator: &[NotEligible],
        denominator: CLOSED,
        source: SHARE,
    },
];
