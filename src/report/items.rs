//! The scored questions of the published surveys, in the order in which they are asked: what they are measured on, and which of them is the overall rating. Read from
//! the versions in the store, newest first: an item that only an old version asked is still an item, for its answers are still counted. Pure but for [`of_store`].

use crate::db::{Result, surveys};
use crate::survey::definition::{Definition, StepKind};
use crate::survey::scale::{Scale, UnhappyReason};
use sqlx::PgConnection;

/// What a question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The rating of the whole.
    Overall,
    /// Will they come back?
    Intent,
    /// One service step.
    Item,
}

/// A scored question.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Survey key.
    pub survey: String,
    /// Name of the question.
    pub question: String,
    /// What it is measured on.
    pub scale: &'static Scale,
    /// What it is for.
    pub part: Part,
}

/// The scored questions of all surveys, by survey key and then in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items(Vec<Item>);

impl Items {
    /// Of published versions, by key and version. One that cannot be compiled any more is passed over: `huifang check` names it.
    pub fn of(versions: &[surveys::SurveyVersion]) -> Items {
        let mut items = Items::default();
        let mut newest_first: Vec<&surveys::SurveyVersion> = versions.iter().collect();
        newest_first.sort_by(|a, b| a.survey_key.cmp(&b.survey_key).then(b.version.cmp(&a.version)));
        for version in newest_first {
            if let Ok(definition) = version.definition() {
                items.add(&version.survey_key, &definition);
            }
        }
        items
    }

    fn add(&mut self, survey: &str, definition: &Definition) {
        for step in &definition.steps {
            let StepKind::Scale { scale } = step.kind else { continue };
            if self.get(survey, &step.id).is_none() {
                let first = !self.0.iter().any(|item| item.survey == survey && item.part == Part::Overall);
                let part = match scale.reason {
                    UnhappyReason::LowIntent => Part::Intent,
                    UnhappyReason::LowScore if first => Part::Overall,
                    _ => Part::Item,
                };
                self.0.push(Item { survey: survey.to_owned(), question: step.id.to_string(), scale, part });
            }
        }
    }

    /// A question.
    pub fn get(&self, survey: &str, question: &str) -> Option<&Item> {
        self.0.iter().find(|item| item.survey == survey && item.question == question)
    }

    /// The questions of a survey.
    pub fn of_survey(&self, survey: &str) -> impl Iterator<Item = &Item> {
        self.0.iter().filter(move |item| item.survey == survey)
    }

    /// Keys of the surveys that have scored questions.
    pub fn surveys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.0.iter().map(|item| item.survey.as_str()).collect();
        keys.dedup();
        keys
    }
}

/// The scored questions of what is published.
pub async fn of_store(conn: &mut PgConnection) -> Result<Items> {
    Ok(Items::of(&surveys::all(conn).await?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The surveys that come with huifang, as version 1.
    pub(crate) fn shipped() -> Vec<surveys::SurveyVersion> {
        let version = |key: &str| {
            let path = format!("{}/surveys/{key}.toml", env!("CARGO_MANIFEST_DIR"));
            surveys::SurveyVersion {
                survey_key: key.to_owned(),
                version: 1,
                content: std::fs::read_to_string(path).unwrap(),
                content_hash: String::new(),
                published_at: chrono::DateTime::UNIX_EPOCH,
            }
        };
        ["aftersales_3day", "prospect", "sales_3day"].map(version).to_vec()
    }

    #[test]
    fn the_shipped_surveys_have_the_items_of_the_trade() {
        let items = Items::of(&shipped());
        assert_eq!(items.surveys(), ["aftersales_3day", "prospect", "sales_3day"]);
        let parts = |survey: &str, part: Part| -> Vec<String> {
            items.of_survey(survey).filter(|item| item.part == part).map(|item| item.question.clone()).collect()
        };
        assert_eq!(parts("aftersales_3day", Part::Overall), ["q1"]);
        assert_eq!(parts("aftersales_3day", Part::Item), ["q2", "q3", "q4", "q5", "q6", "q7", "q8"]);
        assert_eq!(parts("aftersales_3day", Part::Intent), ["q9"]);
        assert_eq!(parts("sales_3day", Part::Overall), ["q1"]);
        assert!(parts("prospect", Part::Overall).is_empty() && parts("prospect", Part::Item).len() == 8);
    }

    #[test]
    fn an_item_of_an_old_version_is_still_one_and_a_broken_version_is_passed_over() {
        let mut versions = shipped();
        let old = versions[0].clone();
        versions[0].version = 2;
        versions[0].content = old.content.replace("id = \"q8\"", "id = \"q8b\"").replace("\"q8\"", "\"q8b\"");
        versions.push(old);
        versions.push(surveys::SurveyVersion { version: 3, content: "no survey".into(), ..versions[0].clone() });
        let items = Items::of(&versions);
        assert!(items.get("aftersales_3day", "q8b").is_some() && items.get("aftersales_3day", "q8").is_some());
        assert_eq!(items.of_survey("aftersales_3day").filter(|item| item.part == Part::Overall).count(), 1);
    }
}
