//! Words of the pages of the questionnaire standard.

words! {
    surveys: "问卷标准", "Surveys";
    active: "现行版本", "Active version";
    since: "启用时间", "Active since";
    none: "尚未发布任何问卷。", "No survey is published yet.";
    versions: "历次版本", "Versions";
    version: "版本", "Version";
    changed: "与上一版相比", "Changed since the version before";
    first: "首个版本", "The first version";
    unchanged: "提问内容没有变化。", "No change in what is asked.";
    uncompared: "本系统版本无法读取其中一版，因此无法比较。", "One of the two cannot be read by this version of huifang, so they are not compared.";
    unreadable: "本系统版本无法读取此问卷。", "This version of huifang cannot read this survey.";
    questions: "问题", "Questions";
    question: "问题", "Question";
    says: "播放内容", "What is said";
    scale: "按键与记分", "Keys and scores";
    unhappy: "视为不满意", "What counts as unhappy";
    deadline: "事件后完成期限（天）", "To be done within, days after the event";
    longest: "通话最长（分钟）", "Longest call, minutes";
    drawing: "流程图", "Drawing";
    publish: "发布新版本", "Publish a new version";
    how: "粘贴问卷文件（TOML），先检查，再发布。版本号须高于现行版本；已发布的版本不再改变，新产生的回访从发布起使用新版本。", "Paste the survey file (TOML), check it, then publish it. Its version must be above the active one; what is published never changes, and new follow-ups are asked the new version from then on.";
    content: "问卷文件", "Survey file";
    check: "检查", "Check";
    accept: "我已阅读警告，仍要发布", "I have read the warnings and publish nevertheless";
    do_publish: "确认发布", "Publish it";
    report: "检查报告", "Check report";
    no_findings: "没有发现问题。", "Nothing was found.";
    changes: "与现行版本相比", "Changes of the active version";
    error: "错误", "error";
    warning: "警告", "warning";
    info: "提示", "note";
    done: "已发布，版本", "Published: version";
    known: "此内容已经发布，版本", "This text is published already: version";
    taken: "未发布：已有另一内容的版本，最新为", "Not published: another text has that version or one above it; the newest is";
    has_errors: "未发布：存在错误。", "Not published: there are errors.";
    has_warnings: "未发布：存在警告，请阅读并确认。", "Not published: there are warnings; read and accept them.";
    cannot_read: "无法读取此文件。", "The file cannot be read.";
}

/// The texts of a language.
pub fn of(lang: crate::web::lang::Lang) -> &'static Words {
    match lang {
        crate::web::lang::Lang::Zh => &ZH,
        crate::web::lang::Lang::En => &EN,
    }
}
