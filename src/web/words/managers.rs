//! Words of the managers' pages: satisfaction, rates, the run's summary.

words! {
    satisfaction: "满意度", "Satisfaction";
    survey: "问卷", "Survey";
    all_surveys: "全部问卷", "All surveys";
    advisor: "顾问", "Advisor";
    model: "车型", "Model";
    any: "全部", "all";
    from: "从", "From";
    to: "至", "To";
    clear: "清除筛选", "Clear";
    overall: "总体评价", "Overall rating";
    all_items: "各项合计", "All items together";
    mean: "平均分", "Mean";
    score: "分值", "Score";
    favourable: "满意率", "Favourable";
    intent: "复购意向", "Repurchase intent";
    spread: "分布（由好到差）", "Spread, best to worst";
    item: "项目", "Item";
    items: "各项得分", "Items";
    worst: "最弱的项目", "Weakest items";
    best: "最好的项目", "Strongest items";
    ranked_by: "按满意率排序，跨问卷可比", "by favourable share, which compares over surveys";
    by_advisor: "按顾问", "By advisor";
    by_model: "按车型", "By model";
    unnamed: "（未填写）", "(not named)";
    trend: "趋势", "Trend";
    per_day: "按日", "by day";
    per_week: "按周（周一起）", "by week, from its Monday";
    per_month: "按月", "by month";
    as_table: "数据表", "The figures as a table";
    small: "样本不足 30 时仅供参考，附 95 % 置信区间", "with fewer than 30 answers the 95 % interval stands beside a figure: take it with care";
    no_answers: "该期间没有评分。", "No scored answer in this period.";
    calls: "相关通话", "Calls behind this figure";
    worst_first: "由差到好", "worst first";
    customer: "客户", "Customer";
    answer: "回答", "Answer";
    given: "时间", "Given";
    recordings: "录音", "Recordings";
    more: "下一页", "More";
    fewer: "上一页", "Back";
    reports: "报表", "Reports";
    format: "格式", "Format";
    download: "下载", "Download";
    registers: "登记表", "Registers";
    tracking: "客户跟踪表", "Customer tracking";
    in_clear: "显示姓名与电话（会记录）", "Names and numbers in clear (kept in the log)";
    registers_note: "电话回访登记表：每次回访一行，每题一列；客户跟踪表：每次接触一行。", "A row for each follow-up, with every answer in a column of its own; customer tracking: a row for each touch.";
    day: "日期", "Day";
    show: "查看", "Show";
    review: "主管审阅", "Supervisor’s review";
    no_review: "尚未审阅。", "Nobody has reviewed this day yet.";
    earlier: "以前的审阅", "Earlier reviews";
    evaluation: "总结与评价", "Evaluation";
    comment: "批示", "Comment";
    write: "提交审阅", "Write the review";
    reports_note: "报表中不含客户姓名与电话。图表可在 PowerPoint 与 Excel 中编辑。", "No customer’s name or number stands in a report. Charts can be edited in PowerPoint and Excel.";
    definitions: "指标定义", "What the figures mean";
}

/// The texts of a language.
pub fn of(lang: crate::web::lang::Lang) -> &'static Words {
    match lang {
        crate::web::lang::Lang::Zh => &ZH,
        crate::web::lang::Lang::En => &EN,
    }
}
