//! Words of the page of rates.

words! {
    title: "比率", "Rates";
    survey: "问卷", "Survey";
    advisor: "顾问", "Advisor";
    all: "全部", "All";
    period: "日期", "Days";
    show: "查看", "Show";
    of_follow_ups: "按回访", "Of follow-ups";
    follow_ups_note: "期内结束的回访，以及期内应访、尚未结束的回访。", "Follow-ups that ended in the period, and those owed in it that are open.";
    completion_by_day: "每日完成率", "Completion by day";
    completion_note: "完整完成占当日回访的比例；已结束的计入结束日，未结束的计入应访日。", "Complete interviews among the follow-ups of the day: the day on which they ended, or on which they were owed while they are open.";
    of_attempts: "按拨打", "Of attempts";
    attempts_note: "期内拨出的呼叫。", "Calls that left in the period.";
    attempts: "拨打", "Attempts";
    open: "进行中", "going on";
    person: "真人接听", "Taken by a person";
    machine: "答录机、传真", "Machine or fax";
    not_answered: "未接听", "Not answered";
    no_such_number: "空号", "No such number";
    failed: "线路或系统失败", "Line or engine failed";
    unclassified: "未归类", "Unclassified";
    complete: "完整完成", "Complete";
    share: "比例", "Share";
    by_hour: "按拨出时段", "By hour of the day";
    by_hour_note: "完整完成占该时段拨打的比例，时间为经销商所在时区：", "Complete interviews among the attempts of the hour, in the dealer’s zone:";
    complete_of_attempts: "完整完成占已结束拨打的比例", "Complete interviews among the attempts that are over";
    as_table: "表格", "As a table";
    hour: "时段", "Hour";
    by_day: "按日期", "By day";
    day: "日期", "Day";
    questions: "在哪一题挂断", "Where do people hang up?";
    questions_note: "未答完即挂断、且该题为最后一题的通话，占问到该题的通话的比例；过程记录已删除的通话不计。", "Calls in which the customer hung up before the end and the question was the last one asked, among those in which it was asked. Calls whose timeline was removed are left out.";
    question: "问题", "Question";
    asked: "问到", "Asked";
    answered: "答了", "Answered";
    broke_off: "在此挂断", "Hung up at it";
    no_attempts: "期内没有拨打。", "No call left in the period.";
    no_questions: "期内没有保留过程记录的接听通话。", "No answered call of the period has its timeline.";
    definitions: "各项指标的定义", "What each figure is";
}

/// The texts of a language.
pub fn of(lang: crate::web::lang::Lang) -> &'static Words {
    match lang {
        crate::web::lang::Lang::Zh => &ZH,
        crate::web::lang::Lang::En => &EN,
    }
}
