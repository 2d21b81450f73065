//! Words of the summary of a run, and what each thing is called that needs a person.

use crate::dialer::summary::NeedKind;
use crate::web::lang::Lang;

words! {
    title: "运行小结", "Summary";
    today: "今天（截至目前）", "Today so far";
    just_today: "今天", "Today";
    yesterday: "昨天", "Yesterday";
    day: "日期", "Day";
    show: "查看", "Show";
    both: "昨天和今天", "Yesterday and today";
    needs: "需要人处理", "Needs a person";
    nothing_needed: "没有需要人处理的事项。", "Nothing needs a person.";
    and_more: "还有", "and more:";
    looked_at: "已检查队列最前", "of the next in the queue that were looked at:";
    go: "去处理", "Go there";
    came_to: "结果", "What it came to";
    tried: "已拨打", "Called";
    reached: "真人接听", "A person took a call";
    completion: "完成率", "Completion";
    closed: "已结束", "Closed";
    left_open: "未结束", "Open";
    all: "合计", "All";
    all_surveys: "全部问卷", "All surveys";
    calls_from: "开始拨打", "First call";
    calls_to: "最后通话结束", "Last call ended";
    goes_on: "仍在通话", "still in a call:";
    none: "没有拨打", "no calls";
    attempts: "拨打结果", "What the attempts came to";
    going_on: "进行中", "Going on";
    failures: "线路与系统失败", "What failed on our side of the line";
    no_failures: "没有线路或系统失败。", "Nothing failed.";
    cause: "原因", "Cause";
    trunk: "线路", "Trunk";
    count: "次数", "Count";
    left: "还有多少、何时拨打", "What is left, and when it is called";
    left_note: "按当前队列；到时仍以可拨打时段和次数限制为准。", "As the queue stands now; windows and caps still hold at that time.";
    nothing_left: "队列已空。", "The queue is empty.";
    first: "最早", "First at";
    done_about: "今日剩余预计拨完一轮", "One attempt at each of today’s by about";
    definitions: "各项的定义", "What each line is";
    definition_run: "一次运行包括：当日内任一时刻应回访的客户（到期不晚于当日结束、且当日开始前尚未结束），以及当日拨打过的客户；按当日结束时的状态计。", "A run has the follow-ups that were owed a call at some moment of the day (due before its end, not closed before its beginning), and those that were called in it; as they stood at its end.";
    booked_for: "预约", "booked for";
    deadline: "截止", "deadline";
    since: "自", "since";
    opened: "提出", "opened";
}

/// The texts of a language.
pub fn of(lang: Lang) -> &'static Words {
    match lang {
        Lang::Zh => &ZH,
        Lang::En => &EN,
    }
}

/// What something is called that needs a person, and what mends it.
pub fn need(kind: NeedKind, lang: Lang) -> (&'static str, &'static str) {
    let (zh, en) = match kind {
        NeedKind::ComplaintOverdue => {
            (("投诉逾期", "请联系客户并记录"), ("Complaints are overdue", "Talk to the customer, and write it down."))
        }
        NeedKind::TrunkDown => (
            ("线路不可用", "请联系线路商或检查设置"),
            ("A trunk is down", "Call its operator, or look at its settings."),
        ),
        NeedKind::TrunkFallen => (
            ("线路质量明显下降", "请查看线路质量"),
            ("A trunk serves worse than it did", "Look at its figures and causes."),
        ),
        NeedKind::DiallingHeld => (
            ("拨打被暂停或收尾，有客户在等", "如不再需要，请恢复拨打"),
            ("Dialling is held back while customers wait", "Resume it where that is no longer wanted."),
        ),
        NeedKind::CallBackLost => (
            ("预约回电无法按时拨打", "请人工致电，或调整时段"),
            ("Call-backs that are not kept", "Call them yourselves, or widen the window."),
        ),
        NeedKind::WillMiss => (
            ("截止前不会再拨打", "请人工致电，或处理所列原因"),
            ("Will miss their deadline", "Call them yourselves, or mend what they wait for."),
        ),
        NeedKind::Review => (
            ("已搁置，等待人工判断", "查看记录，在该页恢复拨打"),
            ("Set aside for a person", "Read the story, and set it going again on its page."),
        ),
        NeedKind::CallStuck => (
            ("通话超过半小时未结束", "请检查引擎是否在运行"),
            ("Calls that have not ended in half an hour", "Look whether their engine still runs."),
        ),
        NeedKind::MessagesFailed => (
            ("消息未送达其他系统，或短信结果不明", "请查看 huifang outbox，确认对方正常后重发"),
            (
                "Messages that did not arrive, or texts of which nobody knows",
                "See `huifang outbox`; replay them when the other side is well.",
            ),
        ),
        NeedKind::RecordingsKept => (
            ("到期录音未删除", "请运行 huifang purge 并查看日志"),
            ("Recordings that should be gone", "Run `huifang purge`, and read what it says."),
        ),
        NeedKind::ErasureOpen => (
            ("客户资料删除未完成", "请运行 huifang purge 并查看日志"),
            ("Erasures that are not done", "Run `huifang purge`, and read what it says."),
        ),
    };
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}
