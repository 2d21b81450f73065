//! The pages' words in Chinese and English: one table, so that neither language can lack one. Words that the store knows (states, dispositions,
//! questions) are in `terms`.

macro_rules! words {
    ($($name:ident: $zh:literal, $en:literal;)*) => {
        /// All words of one language.
        #[derive(Debug)]
        pub struct Words { $(#[doc = concat!("`", stringify!($name), "`")] pub $name: &'static str,)* }
        /// Chinese.
        pub static ZH: Words = Words { $($name: $zh,)* };
        /// English.
        pub static EN: Words = Words { $($name: $en,)* };
    };
}

pub mod complaints;

words! {
    follow_ups: "电话回访", "Follow-up calls";
    follow_up: "回访记录", "Follow-up";
    other_language: "English", "中文";
    sign_out: "退出", "Sign out";
    live: "实时", "live";
    connection_lost: "连接中断，数据可能已过时", "Connection lost: figures may be old";
    database_away: "数据库暂时无法访问，以下为最近一次的数据。", "The database does not answer. These are the last known figures.";
    database_away_plain: "数据库暂时无法访问，请稍后再试。", "The database does not answer at the moment.";
    run_today: "今日回访", "Today’s run";
    closed_of: "已结束", "closed";
    owed: "应回访", "owed";
    still_open: "尚未结束", "still open";
    nothing_owed: "今天没有应回访的客户。", "Nobody is owed a call today.";
    attempts_today: "今日拨打", "Attempts today";
    live_calls: "通话中", "Live calls";
    no_live_calls: "当前没有通话。", "No calls at the moment.";
    number: "号码", "Number";
    trunk: "线路", "Trunk";
    state: "状态", "State";
    since: "时长", "For";
    question: "当前问题", "Question";
    question_at: "对应问题", "At question";
    asked: "问题", "Question";
    queue: "队列", "Queue";
    due_now: "已到时间", "due now";
    count: "数量", "Count";
    next_due: "下次拨打", "Next call";
    waits_for: "等待原因", "Waits for";
    not_by_itself: "需人工处理后才会拨打", "not before a person changes something";
    dialling_paused: "拨打已暂停，通话中的继续", "Dialling is paused; live calls go on";
    dialling_drained: "拨打正在收尾，通话中的将礼貌结束", "Dialling is drained; live calls are asked to close";
    since_when: "自", "since";
    queue_empty: "队列已空。", "The queue is empty.";
    rates: "比率", "Rates";
    rates_of_today: "今日回访", "of today’s run";
    rates_note: "RR1、COOP1、REF1、CON1 只计已结束的回访（AAPOR 最终结果），待重拨的尚未计入。", "RR1, COOP1, REF1 and CON1 count closed follow-ups only (AAPOR final dispositions); those to be retried are not in yet.";
    nothing_counted: "尚无数据", "nothing counted yet";
    unclassified: "未归类的结果", "Outcomes outside the standard";
    complaints: "未结投诉", "Open complaints";
    no_complaints: "没有未结投诉。", "No open complaints.";
    overdue: "逾期", "overdue";
    customer: "客户", "Customer";
    reason: "原因", "Reason";
    opened: "提出时间", "Opened";
    contact_by: "最晚联系", "Contact by";
    vehicle: "车辆", "Vehicle";
    event: "事由", "Event";
    advisor: "顾问", "Advisor";
    survey: "问卷", "Survey";
    version: "版本", "version";
    due: "应访时间", "Due";
    deadline: "截止", "Deadline";
    closed: "结束时间", "Closed";
    number_wrong: "错号", "wrong number";
    show_unmasked: "显示姓名和号码", "Show name and number";
    hide_unmasked: "隐藏姓名和号码", "Mask name and number";
    attempt: "第", "Attempt";
    attempt_after: "次拨打", "";
    no_attempts: "尚未拨打。", "Not dialled yet.";
    answers: "答案", "Answers";
    answer: "回答", "Answer";
    keys: "按键", "Keys";
    score: "得分", "Score";
    given: "时间", "Given";
    unhappy: "不满意", "unhappy";
    recordings: "录音", "Recordings";
    timeline: "过程", "Timeline";
    began: "开始", "Began";
    talked: "通话", "Talked";
    sip_status: "SIP 状态", "SIP status";
    blame: "责任方", "Cause at";
    reconciled: "系统重启后补记", "closed after a restart";
    complaint: "投诉", "Complaint";
    desk: "投诉处理", "Complaints";
    work_on_it: "处理投诉", "Work on the complaint";
    steps: "处理步骤", "Steps";
    engine: "系统", "engine";
    call_backs: "预约回电", "Booked call-backs";
    booked_for: "预约于", "for";
    back: "返回总览", "Back to overview";
    sign_in: "登录", "Sign in";
    user_name: "用户名", "Name";
    password: "密码", "Password";
    password_wrong: "用户名或密码不正确，请重试。", "Name and password do not match. Please try again.";
    wrong_too_often: "错误次数过多，请稍等再试。", "Wrong too often. Please wait a little and try again.";
    sign_in_by_token: "用访问令牌登录", "Sign in with an access token";
    token: "访问令牌", "Access token";
    token_help: "令牌由系统管理员设置 (web.token)。", "Your administrator has set it (web.token).";
    token_wrong: "令牌不正确，请重试。", "That is not the token. Please try again.";
    agent_page: "坐席工作台", "Agent desk";
    no_agent: "您没有坐席身份，不接听来电。", "You take no calls: no agent belongs to you.";
    no_agent_help: "系统管理员可以用 huifang agents 添加。", "An administrator can add one with huifang agents.";
    agent_away: "数据库暂时无法访问。通话继续，页面稍后恢复。", "The database does not answer. The call goes on; the page will be back.";
    not_done: "未完成：", "That did not work:";
    too_late: "来晚了：该来电已结束或已被接听。", "Too late: the call is over, or was taken already.";
    no_microphone: "无法使用麦克风，请在浏览器中允许。", "No microphone: please allow it in the browser.";
    call_lost: "浏览器通话未能接通或已中断。", "The call in the browser could not be connected, or broke.";
    call_asked: "正在询问客户", "The customer is being asked";
    call_asked_hint: "已为您预留。客户同意后即转接，请先看资料。", "You are reserved. If they want a person, they come to you: read up now.";
    call_waiting: "客户在等候", "The customer is waiting";
    call_waiting_hint: "即将转接。", "About to be put through.";
    call_ringing: "来电", "Incoming call";
    call_ringing_hint: "在浏览器中接听，无需话机。", "Take it here, without a phone.";
    call_phone_hint: "请接听您的话机。", "Your phone rings: pick it up.";
    call_accept_hint: "请在话机上按 1 接听。", "Press 1 on your phone to take the call.";
    call_connecting: "正在接通…", "Connecting…";
    call_talking: "通话中", "In the call";
    call_over: "通话已结束", "The call is over";
    take: "接听", "Take the call";
    reject: "拒接", "Turn down";
    hang_up: "挂断", "Hang up";
    mute: "静音", "Mute";
    keypad: "拨号盘", "Keypad";
    go_on_duty: "上线", "Go on duty";
    be_available: "空闲", "Available";
    wrap_up_done: "整理完成", "Wrap-up done";
    wrap_up_left: "剩余整理时间", "Time left for wrap-up";
    take_a_break: "小休", "Break";
    break_after: "之后小休", "Break after";
    go_off_duty: "离线", "Off duty";
    off_duty_after: "之后离线", "Off after";
    after_the_call: "本次通话后：", "After this call:";
    no_caller: "没有来电", "No caller";
    no_caller_hint: "来电时，客户、车辆和已给出的回答会显示在这里。", "Who calls, about which car, and what they answered so far is shown here.";
    no_answers: "尚无回答。", "Nothing answered yet.";
    whole_story: "完整回访记录", "The whole follow-up";
    history: "历史记录", "Earlier";
    no_history: "没有更早的联系。", "No earlier contact.";
    planned: "计划", "planned";
    waiting_line: "等候队列", "Waiting line";
    nobody_waits: "没有客户在等候。", "Nobody is waiting.";
    for_you: "您的来电", "for you";
    tried_again: "再次转接", "tried again";
    loading: "正在加载…", "Loading…";
    sorry: "无法显示", "This cannot be shown";
    as_of: "更新于", "as of";
}
