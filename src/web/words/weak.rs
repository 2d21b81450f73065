//! Words of the weak items' pages (弱项整改).

words! {
    weak_items: "弱项整改", "Weak items";
    proposed: "建议整改的项目", "Proposed";
    proposed_note: "样本不少于 30，且满意率的 95 % 置信区间上限仍低于目标", "30 answers or more, and even the upper end of the favourable share’s 95 % interval is below the target";
    nothing_proposed: "没有低于目标的项目。", "No item is below the target.";
    plans: "整改计划", "Plans";
    no_plans: "还没有整改计划。", "There is no plan yet.";
    item: "项目", "Item";
    target: "目标 %", "Target, %";
    department: "责任部门", "Department";
    measure: "整改措施", "Measure";
    owner: "责任人", "Owner";
    due: "完成期限", "Due";
    round: "轮次", "Round";
    state: "状态", "State";
    before: "整改前", "Before";
    since: "整改后", "Since";
    overdue: "逾期", "overdue";
    in_progress: "进行中", "in progress";
    settled: "已解决", "settled";
    dropped: "已取消", "dropped";
    make: "制定计划", "Make a plan";
    change: "修改计划", "Change the plan";
    save: "保存", "Save";
    check: "验收", "Check";
    check_note: "到期后由责任人以外的人验收", "on the due date or later, by somebody else than the owner";
    helped: "已解决", "It helped";
    not_helped: "未解决，再做一轮", "It did not: another round";
    again: "下一轮期限", "Next round due";
    note: "说明", "Note";
    drop: "取消计划", "Drop the plan";
    history: "过程记录", "History";
    opened: "制定", "made";
    changed: "修改", "changed";
    checked: "验收", "checked";
    given_up: "取消", "dropped";
    days: "天", "days";
}

/// The texts of a language.
pub fn of(lang: crate::web::lang::Lang) -> &'static Words {
    match lang {
        crate::web::lang::Lang::Zh => &ZH,
        crate::web::lang::Lang::En => &EN,
    }
}
