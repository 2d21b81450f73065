//! Puts a report of a period together: completion, what customers think, advisors, the weakest items, complaints. Figures come from `db` and `rates`; nothing is reckoned here.

use super::model::{Chart, ChartKind, Headline, Report, Section};
use super::period::Period;
use super::satisfaction::{self, OfSurvey, Satisfaction};
use super::sheet::{Cell, Sheet};
use crate::db::complaint_desk::{self as complaints, Opened, Summary};
use crate::db::day_reviews::{self, Review};
use crate::db::figures::{self, By, Count};
use crate::db::satisfaction::Filter;
use crate::db::{Result, status};
use crate::rates::score::Scores;
use crate::rates::{Group, RATES, Tally};
use crate::web::lang::Lang;
use crate::web::terms;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::PgConnection;
use std::borrow::Cow;

/// Items in a ranking.
const WEAKEST: usize = 10;
/// Advisors in a table.
const MOST_ADVISORS: usize = 15;

/// Key of the section with the supervisor's review.
pub const REVIEW: &str = "review";

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// One day: 客户回访汇报表.
    Daily,
    /// One week, from Monday: 周报.
    Weekly,
    /// One month: 月报.
    Monthly,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Daily, Kind::Weekly, Kind::Monthly];

    /// Its word in addresses, commands and names of files.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Daily => "daily",
            Kind::Weekly => "weekly",
            Kind::Monthly => "monthly",
        }
    }

    /// What it is called.
    pub fn title(self, lang: Lang) -> &'static str {
        match self {
            Kind::Daily => lang.pick("客户回访汇报表", "Follow-up report of the day"),
            Kind::Weekly => lang.pick("客户回访周报", "Weekly follow-up report"),
            Kind::Monthly => lang.pick("客户回访月报", "Monthly follow-up report"),
        }
    }

    /// The last such period that is over at `now`.
    pub fn last(self, now: DateTime<Utc>, zone: Tz) -> Period {
        let today = Period::today(now, zone).last;
        match self {
            Kind::Daily => Period::day_before(today),
            Kind::Weekly => Period::week_before(today),
            Kind::Monthly => Period::month_before(today),
        }
    }
}

/// What a report is made for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which.
    pub kind: Kind,
    /// Of which days.
    pub period: Period,
    /// In which language.
    pub lang: Lang,
    /// Whose.
    pub dealer: String,
    /// The dealer's zone.
    pub zone: Tz,
}

/// What the store says of the period.
struct Known {
    by_survey: Vec<Count>,
    by_day: Vec<Count>,
    surveys: Vec<(String, String)>,
    satisfaction: Satisfaction,
    opened: Vec<Opened>,
    standing: Summary,
}

/// Reads the figures and puts the report together.
pub async fn report(conn: &mut PgConnection, wanted: &Wanted, now: DateTime<Utc>) -> Result<Report> {
    let (from, to) = wanted.period.bounds(wanted.zone);
    let period = figures::Period { from, to, survey: None, zone: wanted.zone };
    let filter = Filter { from, to, survey: None, advisor: None, model: None, zone: wanted.zone };
    let known = Known {
        by_survey: figures::dispositions(conn, &period, By::Survey).await?,
        by_day: figures::dispositions(conn, &period, By::Day).await?,
        surveys: status::survey_names(conn).await?,
        satisfaction: satisfaction::read(conn, &filter, satisfaction::steps(wanted.period.days())).await?,
        opened: complaints::opened(conn, from, to, now).await?,
        standing: complaints::summary(conn, now).await?,
    };
    let mut sections = vec![summary(&known, wanted), completion(&known, wanted)];
    for survey in &known.satisfaction.surveys {
        sections.push(of_survey(survey, &known, wanted));
    }
    sections.push(advisors(&known, wanted));
    sections.push(weakest(&known, wanted));
    sections.push(of_complaints(&known, wanted));
    if wanted.kind == Kind::Daily && wanted.period.days() == 1 {
        sections.extend(review(&day_reviews::of_day(conn, wanted.period.first).await?, wanted.lang));
    }
    Ok(Report {
        title: wanted.kind.title(wanted.lang).to_owned(),
        dealer: wanted.dealer.clone(),
        period: wanted.period,
        made: now.with_timezone(&wanted.zone).format("%Y-%m-%d %H:%M").to_string(),
        sections: sections
            .into_iter()
            .filter(|section| !section.tables.is_empty() || !section.notes.is_empty())
            .collect(),
    })
}

impl Known {
    fn named(&self, survey: &str, lang: Lang) -> Cow<'static, str> {
        let name = self.surveys.iter().find(|(key, _)| key == survey).map_or("", |(_, name)| name.as_str());
        terms::survey(survey, name, lang)
    }
}

fn rate(tally: &Tally, key: &str) -> crate::rates::Rate {
    crate::rates::definition(key).map_or_else(|| crate::rates::Rate::new(0, 0, 0), |definition| definition.of(tally))
}

fn columns(titles: &[(&'static str, &'static str, f64)], lang: Lang) -> Vec<(Cow<'static, str>, f64)> {
    titles.iter().map(|(zh, en, width)| (lang.pick(zh, en).into(), *width)).collect()
}

fn share(rate: &crate::rates::Rate, lang: Lang) -> String {
    match Cell::share(rate) {
        Cell::Empty => lang.words().nothing_counted.to_owned(),
        cell => cell.written(chrono_tz::UTC),
    }
}

fn headline(name: &str, value: String, note: String) -> Headline {
    Headline { name: name.to_owned(), value, note }
}

fn summary(known: &Known, wanted: &Wanted) -> Section {
    let lang = wanted.lang;
    let all = Tally::of_ends(known.by_survey.iter().map(Count::end));
    let mut section = Section::new("summary", lang.pick("摘要", "Summary"));
    let completion = rate(&all, "completion");
    section.headlines = vec![
        headline(
            lang.pick("应回访", "Owed"),
            all.total().to_string(),
            format!("{} {}", all.closed(), lang.words().closed_of),
        ),
        headline(
            lang.pick("完成率", "Completion"),
            share(&completion, lang),
            format!("n = {}", completion.denominator),
        ),
        headline(
            lang.pick("新增投诉", "New complaints"),
            opened(known).to_string(),
            format!("{} {}", known.standing.overdue, lang.pick("件逾期", "overdue now")),
        ),
    ];
    for survey in &known.satisfaction.surveys {
        section.headlines.push(of_scores(&known.named(&survey.key, lang), &survey.overall, lang));
    }
    let heads = columns(
        &[
            ("问卷", "Survey", 22.0),
            ("应回访", "Owed", 9.0),
            ("完整", "Complete", 9.0),
            ("部分", "Partial", 9.0),
            ("拒访/中断", "Refused", 10.0),
            ("未联系上", "Not reached", 12.0),
            ("错号/空号", "Not eligible", 12.0),
            ("未结束", "Open", 9.0),
            ("完成率", "Completion", 11.0),
        ],
        lang,
    );
    let mut keys: Vec<&str> = known.by_survey.iter().map(|count| count.group.as_str()).collect();
    keys.dedup();
    let row = |name: String, tally: &Tally| {
        let count = |groups: &[Group]| Cell::Count(tally.sum(groups));
        vec![
            Cell::Text(name),
            Cell::Count(tally.total()),
            count(&[Group::Complete]),
            count(&[Group::Partial]),
            count(&[Group::Refusal]),
            count(&[Group::NonContact, Group::Other, Group::UnknownPhone, Group::UnknownPerson]),
            count(&[Group::NotEligible]),
            count(&[Group::Open]),
            Cell::share(&rate(tally, "completion")),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for key in keys {
        let own = Tally::of_ends(known.by_survey.iter().filter(|count| count.group == key).map(Count::end));
        rows.push(row(known.named(key, lang).into_owned(), &own));
    }
    rows.push(row(lang.pick("合计", "Total").to_owned(), &all));
    section.tables.push(Sheet { name: lang.pick("回访情况", "Follow-ups").to_owned(), columns: heads, rows });
    section
}

fn completion(known: &Known, wanted: &Wanted) -> Section {
    let lang = wanted.lang;
    let all = Tally::of_ends(known.by_survey.iter().map(Count::end));
    let mut section = Section::new("completion", lang.pick("完成情况", "Completion"));
    let heads = columns(
        &[
            ("比率", "Rate", 26.0),
            ("数值", "Value", 10.0),
            ("分子", "Above", 9.0),
            ("分母", "Below", 9.0),
            ("n", "n", 9.0),
        ],
        lang,
    );
    let row = |definition: &crate::rates::Definition| {
        let rate = definition.of(&all);
        let counts = [rate.numerator, rate.denominator, rate.n].map(Cell::Count);
        [Cell::Text(lang.pick(definition.name_zh, definition.name_en).to_owned()), Cell::share(&rate)]
            .into_iter()
            .chain(counts)
            .collect()
    };
    section.tables.push(Sheet {
        name: lang.pick("比率", "Rates").to_owned(),
        columns: heads,
        rows: RATES.iter().map(row).collect(),
    });
    let days: Vec<String> = wanted.period.each().map(|day| day.to_string()).collect();
    let of_day = |groups: &[Group]| -> Vec<Option<f64>> {
        let count = |day: &String| {
            Tally::of_ends(known.by_day.iter().filter(|count| count.group == *day).map(Count::end)).sum(groups)
        };
        days.iter().map(|day| Some(count(day) as f64)).collect()
    };
    if days.len() > 1 {
        section.charts.push(Chart {
            title: lang.pick("每日结束的回访", "Follow-ups closed by day").to_owned(),
            kind: ChartKind::Column,
            series: vec![
                (lang.pick("完整完成", "Complete").to_owned(), of_day(&[Group::Complete])),
                (
                    lang.pick("其他结果", "Otherwise").to_owned(),
                    of_day(&[
                        Group::Partial,
                        Group::Refusal,
                        Group::NonContact,
                        Group::Other,
                        Group::UnknownPhone,
                        Group::UnknownPerson,
                        Group::NotEligible,
                    ]),
                ),
            ],
            categories: days.iter().map(|day| day[5..].to_owned()).collect(),
            format: "0",
            ends: None,
        });
    }
    section
}

fn of_scores(name: &str, scores: &Scores, lang: Lang) -> Headline {
    let value = match Cell::figure(scores.mean()) {
        Cell::Empty => lang.words().nothing_counted.to_owned(),
        cell => cell.written(chrono_tz::UTC),
    };
    let interval = scores.mean_interval().filter(|_| scores.is_small());
    let careful = interval.map(|i| format!(" ({:.1} – {:.1})", i.low, i.high)).unwrap_or_default();
    headline(
        name,
        value,
        format!(
            "{} {} · n = {}{careful}",
            lang.pick("满意率", "favourable"),
            share(&scores.favourable(), lang),
            scores.n()
        ),
    )
}

/// A row of figures; the interval only where few answered.
fn figures_of(name: String, scores: &Scores) -> Vec<Cell> {
    let interval = scores.mean_interval().filter(|_| scores.is_small());
    vec![
        Cell::Text(name),
        Cell::Count(scores.n()),
        Cell::figure(scores.mean()),
        Cell::share(&scores.favourable()),
        Cell::text(interval.map(|i| format!("{:.1} – {:.1}", i.low, i.high))),
    ]
}

fn score_heads(first: (&'static str, &'static str), lang: Lang) -> Vec<(Cow<'static, str>, f64)> {
    columns(
        &[
            (first.0, first.1, 30.0),
            ("n", "n", 8.0),
            ("平均分", "Mean", 10.0),
            ("满意率", "Favourable", 11.0),
            ("95% 区间", "95 % interval", 15.0),
        ],
        lang,
    )
}

fn of_survey(survey: &OfSurvey, known: &Known, wanted: &Wanted) -> Section {
    let lang = wanted.lang;
    let name = known.named(&survey.key, lang);
    let mut section = Section::new(
        format!("satisfaction_{}", survey.key),
        format!("{} · {}", lang.pick("满意度", "Satisfaction"), name),
    );
    let overall = match survey.overall_question {
        Some(_) => lang.pick("总体评价", "Overall rating"),
        None => lang.pick("各项合计", "All items together"),
    };
    section.headlines.push(of_scores(overall, &survey.overall, lang));
    if let Some(intent) = &survey.intent {
        let rate = intent.scores.favourable();
        section.headlines.push(headline(
            lang.pick("复购意向", "Repurchase intent"),
            share(&rate, lang),
            format!("n = {}", rate.n),
        ));
    }
    let question = |question: &str| terms::question(&survey.key, question, lang).into_owned();
    let mut rows = vec![figures_of(overall.to_owned(), &survey.overall)];
    rows.extend(survey.items.iter().map(|item| figures_of(question(&item.item.question), &item.scores)));
    rows.extend(survey.intent.iter().map(|intent| figures_of(question(&intent.item.question), &intent.scores)));
    section.tables.push(Sheet {
        name: lang.pick("各项得分", "Items").to_owned(),
        columns: score_heads(("项目", "Item"), lang),
        rows,
    });
    section.charts.push(Chart {
        title: lang.pick("各项满意率", "Favourable share by item").to_owned(),
        kind: ChartKind::Column,
        categories: survey.items.iter().map(|item| question(&item.item.question)).collect(),
        series: vec![(
            lang.pick("满意率", "Favourable").to_owned(),
            survey.items.iter().map(|item| item.scores.favourable().value).collect(),
        )],
        format: "0%",
        ends: Some((0.0, 1.0)),
    });
    if survey.trend.len() > 1 {
        let ends = survey.overall.scale().points.iter().map(|point| f64::from(point.score));
        section.charts.push(Chart {
            title: lang.pick("平均分趋势", "Mean score over time").to_owned(),
            kind: ChartKind::Line,
            categories: survey.trend.iter().map(|(day, _)| day.format("%m-%d").to_string()).collect(),
            series: vec![(
                lang.pick("平均分", "Mean").to_owned(),
                survey.trend.iter().map(|(_, scores)| scores.mean()).collect(),
            )],
            format: "0.0",
            ends: Some(ends.fold((f64::MAX, f64::MIN), |(low, high), end| (low.min(end), high.max(end)))),
        });
    }
    section
}

fn advisors(known: &Known, wanted: &Wanted) -> Section {
    let lang = wanted.lang;
    let mut section = Section::new("advisors", lang.pick("顾问", "Advisors"));
    for survey in known.satisfaction.surveys.iter().filter(|survey| !survey.advisors.is_empty()) {
        let name = |advisor: &String| {
            if advisor.is_empty() { lang.pick("（未填写）", "(not named)").to_owned() } else { advisor.clone() }
        };
        let rows = survey
            .advisors
            .iter()
            .take(MOST_ADVISORS)
            .map(|(advisor, scores)| figures_of(name(advisor), scores))
            .collect();
        section.tables.push(Sheet {
            name: known.named(&survey.key, lang).into_owned(),
            columns: score_heads(("顾问", "Advisor"), lang),
            rows,
        });
    }
    section
}

fn weakest(known: &Known, wanted: &Wanted) -> Section {
    let lang = wanted.lang;
    let mut section = Section::new("weakest", lang.pick("弱项", "Weakest items"));
    let row = |item: &&satisfaction::OfItem| {
        let name = terms::question(&item.item.survey, &item.item.question, lang);
        let mut row = figures_of(name.into_owned(), &item.scores);
        row.insert(1, Cell::Text(known.named(&item.item.survey, lang).into_owned()));
        row
    };
    let rows: Vec<Vec<Cell>> = known.satisfaction.ranked().iter().take(WEAKEST).map(row).collect();
    if !rows.is_empty() {
        let mut heads = score_heads(("项目", "Item"), lang);
        heads.insert(1, (lang.pick("问卷", "Survey").into(), 20.0));
        section.tables.push(Sheet {
            name: lang.pick("满意率最低的项目", "Items with the smallest favourable share").to_owned(),
            columns: heads,
            rows,
        });
    }
    section
}

fn opened(known: &Known) -> u64 {
    known.opened.iter().map(|row| u64::try_from(row.count).unwrap_or(0)).sum()
}

fn of_complaints(known: &Known, wanted: &Wanted) -> Section {
    let lang = wanted.lang;
    let number = |count: i64| Cell::Count(u64::try_from(count).unwrap_or(0));
    let mut section = Section::new("complaints", lang.pick("投诉", "Complaints"));
    let Summary { open, overdue, untouched, .. } = known.standing;
    section.headlines = vec![
        headline(lang.pick("期内新增", "Opened in the period"), opened(known).to_string(), String::new()),
        headline(
            lang.pick("处理中", "Open now"),
            open.to_string(),
            format!("{untouched} {}", lang.pick("件尚未联系客户", "not contacted yet")),
        ),
        headline(lang.pick("逾期", "Overdue now"), overdue.to_string(), String::new()),
    ];
    let heads = columns(
        &[
            ("原因", "Cause", 24.0),
            ("级别", "Level", 12.0),
            ("件数", "Opened", 10.0),
            ("已结", "Closed", 10.0),
            ("逾期", "Overdue", 10.0),
        ],
        lang,
    );
    let row = |row: &Opened| {
        let cause = match &row.cause {
            Some(cause) => terms::class(cause, lang),
            None => lang.pick("（待分类）", "(not classified yet)").into(),
        };
        vec![
            Cell::Text(cause.into_owned()),
            Cell::Text(terms::class(&row.level, lang).into_owned()),
            number(row.count),
            number(row.closed),
            number(row.overdue),
        ]
    };
    section.tables.push(Sheet {
        name: lang.pick("期内新增投诉", "Opened in the period").to_owned(),
        columns: heads,
        rows: known.opened.iter().map(row).collect(),
    });
    section
}

/// What the supervisor says of the day; only what stands.
fn review(reviews: &[Review], lang: Lang) -> Option<Section> {
    let review = reviews.first()?;
    let mut section = Section::new(REVIEW, lang.pick("主管审阅", "Supervisor's review"));
    let text = |text: &str| Cell::Text(text.to_owned());
    let titles =
        [("审阅人", "By", 14.0), ("时间", "When", 17.0), ("总结与评价", "Evaluation", 60.0), ("批示", "Comment", 40.0)];
    section.tables.push(Sheet {
        name: lang.pick("审阅", "Review").to_owned(),
        columns: columns(&titles, lang),
        rows: vec![vec![
            text(&review.person),
            Cell::Moment(review.written_at),
            text(&review.evaluation),
            text(&review.comment),
        ]],
    });
    Some(section)
}
