//! Words of the pages that tell what went over the wire: an attempt's ladder, the trunks' figures.

words! {
    attempt: "拨打信令", "Signalling of an attempt";
    ladder: "信令流程", "Ladder";
    from_timeline: "未保存完整信令，以下依据过程记录（[trace] sip）。", "Whole messages were not kept; this is made from the timeline ([trace] sip).";
    not_kept: "未保存的消息", "Messages that were not kept";
    nothing: "没有 SIP 消息。", "No SIP message.";
    us: "huifang", "huifang";
    trunk: "线路", "trunk";
    agent: "坐席话机", "agent’s phone";
    again: "重发", "again";
    messages: "消息（已遮盖号码）", "Messages, masked";
    to: "发往", "to";
    from: "来自", "from";
    trunks: "线路质量", "Trunks";
    states: "当前状态", "Now";
    state: "状态", "State";
    places: "地址（按尝试顺序）", "Addresses, in the order in which they are tried";
    registered_until: "注册有效至", "Registered until";
    since: "自", "Since";
    engine: "引擎", "Engine";
    nowhere: "无地址", "nowhere";
    last_hours: "最近 24 小时", "Last 24 hours";
    no_calls: "最近 24 小时没有已结束的拨打。", "No call has ended in the last 24 hours.";
    calls: "拨打", "Calls";
    answered: "接听", "Answered";
    causes: "结束原因", "Causes";
    fallen: "明显下降", "has fallen";
    last_hour: "最近一小时", "in the last hour";
    week_before: "之前七天", "in the seven days before";
    to_story: "回访记录", "The follow-up";
}

/// The texts of a language.
pub fn of(lang: crate::web::lang::Lang) -> &'static Words {
    match lang {
        crate::web::lang::Lang::Zh => &ZH,
        crate::web::lang::Lang::En => &EN,
    }
}
