//! What a complaint's words are called on a page: what is done with it.

use super::{Table, look_up};
use crate::web::lang::Lang;
use std::borrow::Cow;

/// What is done with a complaint, as its history says it.
pub(super) const ACTS: Table = &[
    ("listen_and_record", "倾听并记录", "Listen and record"),
    ("analyse", "分析原因、确认性质", "Analyse, confirm the nature"),
    ("solution", "确定解决方案", "Find a solution"),
    ("tell_customer", "告知客户", "Tell the customer"),
    ("act", "执行方案", "Act"),
    ("review", "回访核实", "Review"),
    ("classify", "分类", "Classified"),
    ("pass_on", "移交部门", "Passed on"),
    ("accept", "部门受理", "Accepted"),
    ("hand_back", "退回", "Handed back"),
    ("assign", "指定负责人", "Assigned"),
    ("deadline", "调整期限", "Deadline moved"),
    ("cool_off", "冷静期", "Cooling-off"),
    ("escalate", "上报", "Escalated"),
    ("call_back", "预约回电", "Call-back appointment"),
    ("report_back", "反馈处理结果", "Result told to the customer"),
    ("close", "结案", "Closed"),
    ("reopen", "重新处理", "Taken up again"),
];

/// What was done with a complaint.
pub fn act(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(ACTS, word, lang)
}
