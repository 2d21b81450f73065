//! Words of the page of now: pace, control of dialling, agents, trunks.

words! {
    pace: "拨打节奏", "Pace";
    per_hour: "每小时拨打", "Calls an hour";
    of_last: "按最近 10 分钟", "of the last 10 minutes";
    dialled: "次", "calls";
    not_dialling: "最近 10 分钟没有拨打", "nothing dialled in the last 10 minutes";
    due_today: "今日待拨", "Due today";
    done_at: "预计拨完一轮", "One attempt at each by about";
    closes_at: "今日时段结束", "Window closes today";
    closed: "今日时段已结束", "over for today";
    nothing_due: "今天没有待拨的客户。", "Nothing more is due today.";
    all_held: "等候的客户都因暂停或收尾而未拨。", "All who wait are held back: dialling is paused or drained.";
    cannot_dial: "有客户待拨，但没有可用的线路或时段。", "There are customers to call, and no trunk or window to call them.";
    not_all: "时段结束前无法全部拨到。", "Not all of them before the window closes.";
    next_window: "今日时段已结束，下一时段继续。", "Today’s window is over; they are called in the next one.";
    control: "拨打控制", "Dialling";
    all: "全部", "All";
    pause: "暂停", "Pause";
    resume: "恢复", "Resume";
    drain: "收尾", "Drain";
    why_waits: "等待原因", "Why the queue waits";
    from: "最早", "from";
    agents: "坐席", "Agents";
    no_agents: "没有坐席。", "There are no agents.";
    on_duty: "在岗", "on duty";
    free: "空闲", "free";
    waiting: "客户等候", "callers waiting";
    trunks: "线路", "Trunks";
    no_trunks: "最近一分钟没有引擎报告线路状态。", "No engine has told of its trunks in the last minute.";
    down: "不可用", "down";
    in_calls: "通话", "calls";
    more: "线路质量", "How well they serve";
    confirm_title: "确认收尾", "Drain?";
    confirm_drain: "收尾后不再拨打新的客户，正在进行的通话会礼貌地提前结束。", "Nothing new is dialled, and calls that go on are asked to close early.";
    confirm_all: "对全部问卷", "For all surveys";
    confirm_yes: "确认收尾", "Yes, drain";
    confirm_pause: "改为暂停（通话继续）", "Pause instead (calls go on)";
    confirm_no: "返回", "Back";
    release: "恢复拨打", "Call again";
    deadline_stays: "不变", "stays";
    within_24: "24 小时内", "within 24 hours";
    within_72: "72 小时内", "within 72 hours";
}

/// The texts of a language.
pub fn of(lang: crate::web::lang::Lang) -> &'static Words {
    match lang {
        crate::web::lang::Lang::Zh => &ZH,
        crate::web::lang::Lang::En => &EN,
    }
}
