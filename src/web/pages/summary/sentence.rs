//! The sentences at the top of the summary: what a manager knows after ten seconds. Made from the same figures as the tables below them. Pure.

use crate::dialer::summary::{Need, Run};
use crate::rates::run::{Part, Parts};
use crate::web::lang::Lang;
use crate::web::pages::view;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// What became of a run.
pub fn of_run(day: &str, run: &Run, now: DateTime<Utc>, zone: Tz, lang: Lang) -> String {
    let parts = &run.parts;
    if parts.total() == 0 {
        return match lang {
            Lang::Zh => format!("{day}：没有应回访的客户。"),
            Lang::En => format!("{day}: nobody was owed a call."),
        };
    }
    let moment = |at| view::moment(at, now, zone);
    let when = match (run.times.began_at.map(moment), run.times.ended_at.map(moment), run.times.open) {
        (None, ..) => match lang {
            Lang::Zh => "没有拨打。".to_owned(),
            Lang::En => "No calls were made.".to_owned(),
        },
        (Some(began), Some(ended), 0) => match lang {
            Lang::Zh => format!("{began} 开始拨打，{ended} 结束。"),
            Lang::En => format!("Calls from {began} to {ended}."),
        },
        (Some(began), _, open) => match lang {
            Lang::Zh => format!("{began} 开始拨打，{open} 通仍在进行。"),
            Lang::En => format!("Calls since {began}, {open} going on."),
        },
    };
    let results = results(parts, lang);
    let (total, left) = (parts.total(), parts.left());
    match lang {
        Lang::Zh => {
            let rest = if left == 0 { "全部结束".to_owned() } else { format!("还有 {left} 位未结束") };
            format!("{day}：应回访 {total} 位，{results}；{rest}。{when}")
        }
        Lang::En => {
            let rest = match left {
                0 => "none is left".to_owned(),
                1 => "1 is still open".to_owned(),
                left => format!("{left} are still open"),
            };
            format!("{day}: {total} owed a call, {results}; {rest}. {when}")
        }
    }
}

/// What was closed, by part; parts without anybody are left out.
fn results(parts: &Parts, lang: Lang) -> String {
    let name = |part: Part| match (lang, part) {
        (Lang::En, Part::WrongNumber) if parts.count(part) > 1 => "wrong numbers".to_owned(),
        (Lang::En, part) => part.definition().name_en.to_lowercase(),
        (Lang::Zh, part) => part.definition().name_zh.to_owned(),
    };
    let closed = Part::ALL.into_iter().filter(|part| part.is_closed() && parts.count(*part) > 0);
    let told: Vec<String> = closed
        .map(|part| match lang {
            Lang::Zh => format!("{} {} 位", name(part), parts.count(part)),
            Lang::En => format!("{} {}", parts.count(part), name(part)),
        })
        .collect();
    match (told.is_empty(), lang) {
        (true, Lang::Zh) => "尚无结果".to_owned(),
        (true, Lang::En) => "none closed".to_owned(),
        (false, Lang::Zh) => told.join("，"),
        (false, Lang::En) => told.join(", "),
    }
}

/// Whether somebody has to do something.
pub fn of_needs(needs: &[Need], lang: Lang) -> String {
    match (needs.len(), lang) {
        (0, Lang::Zh) => "没有需要人处理的事项。".to_owned(),
        (0, Lang::En) => "Nothing needs a person.".to_owned(),
        (n, Lang::Zh) => format!("有 {n} 类事项需要人处理，见下。"),
        (1, Lang::En) => "One thing needs a person: see below.".to_owned(),
        (n, Lang::En) => format!("{n} things need a person: see below."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::run::{Span, Times};
    use crate::rates::calls::Calls;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn run(parts: Parts, times: Times) -> Run {
        Run {
            span: Span { from: at("2026-11-22T16:00:00Z"), to: at("2026-11-23T16:00:00Z") },
            times,
            parts,
            tried: 0,
            reached: 0,
            calls: Calls::default(),
            dispositions: Vec::new(),
            failures: Vec::new(),
        }
    }

    #[test]
    fn the_sentence_tells_what_the_figures_tell() {
        let (now, zone) = (at("2026-11-24T01:00:00Z"), chrono_tz::Asia::Shanghai);
        let mut parts = Parts::default();
        parts.add(Part::Complete, 5);
        parts.add(Part::WrongNumber, 2);
        parts.add(Part::ToRetry, 1);
        let times =
            Times { began_at: Some(at("2026-11-23T00:30:00Z")), ended_at: Some(at("2026-11-23T12:05:00Z")), open: 0 };
        let run = run(parts, times);
        assert_eq!(
            of_run("Yesterday", &run, now, zone, Lang::En),
            "Yesterday: 8 owed a call, 5 complete, 2 wrong numbers; 1 is still open. Calls from 11-23 08:30 to 11-23 20:05."
        );
        assert_eq!(
            of_run("昨天", &run, now, zone, Lang::Zh),
            "昨天：应回访 8 位，完整完成 5 位，错号 2 位；还有 1 位未结束。11-23 08:30 开始拨打，11-23 20:05 结束。"
        );
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let (now, zone) = (at("2026-11-24T01:00:00Z"), chrono_tz::Asia::Shanghai);
        let nothing = run(Parts::default(), Times::default());
        assert_eq!(of_run("Today", &nothing, now, zone, Lang::En), "Today: nobody was owed a call.");
        let mut parts = Parts::default();
        parts.add(Part::Untried, 3);
        let untried = run(parts, Times::default());
        assert_eq!(
            of_run("Today", &untried, now, zone, Lang::En),
            "Today: 3 owed a call, none closed; 3 are still open. No calls were made."
        );
        let going = run(parts, Times { began_at: Some(now), ended_at: None, open: 2 });
        assert!(of_run("今天", &going, now, zone, Lang::Zh).ends_with("09:00 开始拨打，2 通仍在进行。"));
        assert_eq!(of_needs(&[], Lang::En), "Nothing needs a person.");
    }
}
