//! Satisfaction of a period as people look at it: each survey's overall rating, repurchase intent, items, advisors, models and trend, each with its n. Counts come from
//! `db::satisfaction`, figures from `rates::score`; page, API and decks show what stands here and reckon nothing themselves.

use super::items::{self, Item, Items, Part};
use crate::db::Result;
use crate::db::satisfaction::{self as rows, By, Count, Filter};
use crate::rates::Rate;
use crate::rates::score::Scores;
use chrono::NaiveDate;
use sqlx::PgConnection;

/// One item's answers.
#[derive(Clone, Debug)]
pub struct OfItem {
    /// Which.
    pub item: Item,
    /// Its answers.
    pub scores: Scores,
}

/// What a survey's customers think.
#[derive(Clone, Debug)]
pub struct OfSurvey {
    /// Survey key.
    pub key: String,
    /// The overall rating; of a survey that has none, all its items together.
    pub overall: Scores,
    /// The question that is the overall rating, where there is one.
    pub overall_question: Option<String>,
    /// Will they come back?
    pub intent: Option<OfItem>,
    /// The items, in the order in which they are asked, those without an answer too.
    pub items: Vec<OfItem>,
    /// The overall rating by advisor (empty: none named), most answers first.
    pub advisors: Vec<(String, Scores)>,
    /// The overall rating by model, most answers first.
    pub models: Vec<(String, Scores)>,
    /// The overall rating over time.
    pub trend: Vec<(NaiveDate, Scores)>,
}

/// What customers think.
#[derive(Clone, Debug)]
pub struct Satisfaction {
    /// What the steps of the trend are.
    pub steps: By,
    /// By survey; those of which nobody answered anything are left out.
    pub surveys: Vec<OfSurvey>,
}

/// What the steps of a trend over so many days are.
pub fn steps(days: u64) -> By {
    match days {
        0..=31 => By::Day,
        32..=184 => By::Week,
        _ => By::Month,
    }
}

/// Reads a period.
pub async fn read(conn: &mut PgConnection, filter: &Filter<'_>, steps: By) -> Result<Satisfaction> {
    let items = items::of_store(conn).await?;
    let total = rows::counts(conn, filter, By::Total).await?;
    let advisors = rows::counts(conn, filter, By::Advisor).await?;
    let models = rows::counts(conn, filter, By::Model).await?;
    let trend = rows::counts(conn, filter, steps).await?;
    let survey = |key: &str| of_survey(key, &items, &total, &advisors, &models, &trend);
    let surveys = items.surveys().into_iter().map(survey).filter(|survey| survey.answers() > 0).collect();
    Ok(Satisfaction { steps, surveys })
}

fn of_survey(
    key: &str,
    items: &Items,
    total: &[Count],
    advisors: &[Count],
    models: &[Count],
    trend: &[Count],
) -> OfSurvey {
    let of_item = |item: &Item| {
        let own = total.iter().filter(|count| count.survey == item.survey && count.question == item.question);
        OfItem { item: item.clone(), scores: scores(item, own) }
    };
    let all: Vec<&Item> = items.of_survey(key).collect();
    let whole: Vec<&Item> = match all.iter().find(|item| item.part == Part::Overall) {
        Some(overall) => vec![overall],
        None => all.iter().copied().filter(|item| item.part == Part::Item).collect(),
    };
    let of = |part: Part| all.iter().filter(move |item| item.part == part).map(|item| of_item(item));
    let mut by_day: Vec<(NaiveDate, Scores)> =
        grouped(key, &whole, trend).into_iter().filter_map(|(day, scores)| Some((day.parse().ok()?, scores))).collect();
    by_day.sort_by_key(|(day, _)| *day);
    let mut overall = whole.first().map(|item| Scores::new(item.scale));
    for item in &whole {
        if let Some(overall) = &mut overall {
            overall.merge(&of_item(item).scores);
        }
    }
    OfSurvey {
        key: key.to_owned(),
        // a survey stands in `items` only if it has a scored question; one of intent alone has no overall rating, and its scale serves
        overall: overall
            .unwrap_or_else(|| Scores::new(all.first().map_or(&crate::survey::scale::SCALES[0], |item| item.scale))),
        overall_question: whole.first().filter(|item| item.part == Part::Overall).map(|item| item.question.clone()),
        intent: of(Part::Intent).next(),
        items: of(Part::Item).collect(),
        advisors: most_first(grouped(key, &whole, advisors)),
        models: most_first(grouped(key, &whole, models)),
        trend: by_day,
    }
}

fn scores<'a>(item: &Item, counts: impl Iterator<Item = &'a Count>) -> Scores {
    Scores::of(item.scale, counts.map(|count| (count.score, u64::try_from(count.count).unwrap_or(0))))
}

/// The answers to these questions together, by group.
fn grouped(survey: &str, questions: &[&Item], counts: &[Count]) -> Vec<(String, Scores)> {
    let mut groups: Vec<(String, Scores)> = Vec::new();
    for count in counts.iter().filter(|count| count.survey == survey) {
        let Some(item) = questions.iter().find(|item| item.question == count.question) else { continue };
        let place = groups.iter().position(|(group, _)| *group == count.group).unwrap_or_else(|| {
            groups.push((count.group.clone(), Scores::new(item.scale)));
            groups.len() - 1
        });
        groups[place].1.add(count.score, u64::try_from(count.count).unwrap_or(0));
    }
    groups
}

fn most_first(mut groups: Vec<(String, Scores)>) -> Vec<(String, Scores)> {
    groups.sort_by(|(a, one), (b, other)| other.n().cmp(&one.n()).then(a.cmp(b)));
    groups
}

impl OfSurvey {
    /// Answers in all.
    pub fn answers(&self) -> u64 {
        let items: u64 = self.items.iter().map(|item| item.scores.n()).sum();
        let overall = if self.overall_question.is_some() { self.overall.n() } else { 0 };
        items + overall + self.intent.as_ref().map_or(0, |intent| intent.scores.n())
    }
}

impl Satisfaction {
    /// Items that somebody answered, over all surveys, the smallest favourable share first. Shares compare over scales; means do not.
    pub fn ranked(&self) -> Vec<&OfItem> {
        let all = self.surveys.iter().flat_map(|survey| &survey.items);
        let mut ranked: Vec<(&OfItem, Rate)> =
            all.filter(|item| item.scores.n() > 0).map(|item| (item, item.scores.favourable())).collect();
        let share = |rate: &Rate| rate.value.unwrap_or(0.0);
        ranked.sort_by(|(_, one), (_, other)| share(one).total_cmp(&share(other)).then(other.n.cmp(&one.n)));
        ranked.into_iter().map(|(item, _)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::tests::shipped;
    use super::*;

    fn count(survey: &str, question: &str, group: &str, score: i32, count: i64) -> Count {
        let [survey, question, group] = [survey, question, group].map(str::to_owned);
        Count { survey, question, group, score, count }
    }

    #[test]
    fn a_survey_is_put_together_from_its_counts() {
        let items = Items::of(&shipped());
        let after = |question, group, score, n| count("aftersales_3day", question, group, score, n);
        let total = [
            after("q1", "", 12, 3),
            after("q1", "", 0, 1),
            after("q2", "", 8, 2),
            after("q9", "", 1, 4),
            after("gone", "", 8, 9),
        ];
        let advisors =
            [after("q1", "王", 12, 1), after("q1", "李", 12, 2), after("q1", "李", 0, 1), after("q2", "李", 8, 2)];
        let trend = [after("q1", "2026-11-19", 12, 3), after("q1", "2026-11-18", 0, 1)];
        let found = of_survey("aftersales_3day", &items, &total, &advisors, &[], &trend);
        assert_eq!(
            (found.overall.n(), found.overall.mean(), found.overall_question.as_deref()),
            (4, Some(9.0), Some("q1"))
        );
        assert_eq!(
            found.advisors.iter().map(|(name, scores)| (name.as_str(), scores.n())).collect::<Vec<_>>(),
            [("李", 3), ("王", 1)]
        );
        assert_eq!(
            found.trend.iter().map(|(day, scores)| (day.to_string(), scores.mean())).collect::<Vec<_>>(),
            [("2026-11-18".to_owned(), Some(0.0)), ("2026-11-19".to_owned(), Some(12.0))]
        );
        assert_eq!(
            (found.items.len(), found.intent.as_ref().map(|intent| intent.scores.n()), found.answers()),
            (7, Some(4), 10)
        );
    }

    #[test]
    fn without_an_overall_rating_all_items_are_it() {
        let items = Items::of(&shipped());
        let total = [count("prospect", "s1", "", 1, 3), count("prospect", "s2", "", 0, 1)];
        let found = of_survey("prospect", &items, &total, &[], &[], &[]);
        assert_eq!((found.overall.n(), found.overall.mean(), found.overall_question), (4, Some(0.75), None));
        let all = Satisfaction { steps: By::Day, surveys: vec![of_survey("prospect", &items, &total, &[], &[], &[])] };
        let ranked: Vec<&str> = all.ranked().iter().map(|item| item.item.question.as_str()).collect();
        assert_eq!(ranked, ["s2", "s1"], "the worst first, and none of those that nobody answered");
    }
}
