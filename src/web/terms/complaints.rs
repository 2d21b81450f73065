//! What a complaint's words are called on a page: what is done with it, and how it is classified.

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

/// Nature, cause, level and root cause of a complaint.
pub(super) const CLASSES: Table = &[
    ("valid", "有效投诉", "Valid"),
    ("help_seeking", "沟通性：求助", "Communicative: seeks help"),
    ("inquiry", "沟通性：咨询", "Communicative: inquiry"),
    ("venting", "沟通性：发泄", "Communicative: venting"),
    ("product_quality", "产品质量", "Product quality"),
    ("service_quality", "服务质量", "Service quality"),
    ("service_attitude", "服务态度", "Service attitude"),
    ("repair_skill", "维修技术", "Repair skill"),
    ("spare_parts", "备件质量", "Spare parts"),
    ("price", "服务价格", "Price"),
    ("facility", "设备设施", "Facility"),
    ("sudden_incident", "突发事件", "Sudden incident"),
    ("other_demands", "其他要求", "Other demands"),
    ("ordinary", "一般", "Ordinary"),
    ("serious", "重大", "Serious"),
    ("malicious", "恶意", "Malicious"),
    ("staff_explanation", "员工：解释不清", "Staff: unclear explanation"),
    ("staff_promise", "员工：承诺未兑现", "Staff: promise not kept"),
    ("staff_attitude", "员工：态度", "Staff: attitude"),
    ("customer", "客户疏忽或误解", "Customer’s oversight or misunderstanding"),
    ("product", "产品本身", "The product itself"),
];

/// What was done with a complaint.
pub fn act(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(ACTS, word, lang)
}

/// A word of a complaint's classification.
pub fn class(word: &str, lang: Lang) -> Cow<'static, str> {
    look_up(CLASSES, word, lang)
}
