//! The pages that stand in the head of each page, in one table; `roles` says who sees which.

use crate::db::state::UserRole;
use crate::web::lang::Lang;
use crate::web::roles;

/// Where it leads, and its name in Chinese and English. In the order of the day: what goes on, what came of it, what to do about it.
const PAGES: &[(&str, &str, &str)] = &[
    ("/", "进度", "Now"),
    ("/summary", "小结", "Summary"),
    ("/satisfaction", "满意度", "Satisfaction"),
    ("/rates", "比率", "Rates"),
    ("/reports", "报表", "Reports"),
    ("/weak-items", "弱项整改", "Weak items"),
    ("/complaints", "投诉处理", "Complaints"),
    ("/surveys", "问卷标准", "Surveys"),
    ("/trunks", "线路质量", "Trunks"),
];

/// A link in the head of a page.
pub struct Link {
    /// Path.
    pub path: &'static str,
    /// What it is called.
    pub name: &'static str,
}

/// The links for somebody of this role.
pub fn of(role: UserRole, lang: Lang) -> Vec<Link> {
    let open = PAGES.iter().filter(|(path, ..)| roles::admits(path, role));
    open.map(|(path, zh, en)| Link { path, name: lang.pick(zh, en) }).collect()
}
