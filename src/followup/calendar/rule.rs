//! What a calendar says (domain.md, "The follow-up calendar"): an event, from when until when after it, and the touch that is then owed. Pure data;
//! `compile` reads it from TOML, `touches` reckons with it.

use super::offset::Offset;
use crate::wording::words;
use chrono::{Datelike, NaiveDate};
use std::collections::BTreeMap;

words! {
    /// What a rule counts from.
    Anchor {
        /// First-time showroom visit.
        Visit = "visit",
        /// Delivery of a bought car.
        Delivery = "delivery",
        /// Repair or maintenance pick-up.
        Repair = "repair",
        /// The customer's birthday, every year.
        Birthday = "birthday",
        /// The day on which a car was bought, every year after.
        PurchaseAnniversary = "purchase_anniversary",
        /// The rule's own dates; for every customer.
        Holiday = "holiday",
        /// Last day of a car's insurance.
        InsuranceEnd = "insurance_end",
        /// Last day of the customer's driving licence.
        LicenceEnd = "licence_end",
        /// Day by which a car must be inspected.
        InspectionDue = "inspection_due",
    }
    /// Who makes a manual touch.
    Role {
        /// 展厅经理
        SalesManager = "sales_manager",
        /// 销售顾问: who sold the car.
        Advisor = "advisor",
        /// 服务顾问
        ServiceAdvisor = "service_advisor",
        /// 客户关爱专员
        CareSpecialist = "care_specialist",
    }
    /// What a manual touch is for (回访任务).
    Purpose {
        /// Reminder: the insurance runs out.
        Insurance = "insurance",
        /// Reminder: the driving licence runs out.
        Licence = "licence",
        /// Reminder: the annual inspection is due.
        Inspection = "inspection",
        /// A visit to the workshop is booked.
        ServiceBooking = "service_booking",
        /// Satisfaction.
        Satisfaction = "satisfaction",
        /// Care.
        Care = "care",
        /// 战败: why the deal was lost.
        LostDeal = "lost_deal",
        /// What a prospect wants.
        ProspectResearch = "prospect_research",
        /// A customer who has not come for long.
        Dormant = "dormant",
    }
    /// Customer segment.
    Segment {
        /// 高价值
        HighValue = "high_value",
        /// 高贡献
        HighContribution = "high_contribution",
        /// 一般; who has none counts as this.
        Ordinary = "ordinary",
        /// 休眠
        Dormant = "dormant",
    }
}

impl Anchor {
    /// True for what lists bring: visit, delivery, repair.
    pub fn is_event(self) -> bool {
        match self {
            Anchor::Visit | Anchor::Delivery | Anchor::Repair => true,
            Anchor::Birthday
            | Anchor::PurchaseAnniversary
            | Anchor::Holiday
            | Anchor::InsuranceEnd
            | Anchor::LicenceEnd
            | Anchor::InspectionDue => false,
        }
    }
}

/// What is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The engine calls and asks this survey.
    Survey(String),
    /// A person makes the touch.
    Task {
        /// What for.
        purpose: Purpose,
        /// Who.
        owner: Role,
    },
}

/// Which customers a rule is for; an empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// Segments; [`Segment::Ordinary`] includes customers without one.
    pub segment: Vec<Segment>,
    /// Sources, as the lists say them.
    pub source: Vec<String>,
    /// Regions, as the lists say them.
    pub region: Vec<String>,
}

impl Only {
    /// True where the rule is for everybody.
    pub fn is_everybody(&self) -> bool {
        self.segment.is_empty() && self.source.is_empty() && self.region.is_empty()
    }
}

/// The date of a holiday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holiday {
    /// Month and day, every year.
    Yearly(u32, u32),
    /// One day.
    On(NaiveDate),
}

impl Holiday {
    /// The holiday in a year, where it has one there.
    pub fn in_year(self, year: i32) -> Option<NaiveDate> {
        match self {
            Holiday::Yearly(month, day) => NaiveDate::from_ymd_opt(year, month, day),
            Holiday::On(date) => (date.year() == year).then_some(date),
        }
    }
}

/// A repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// After how long again.
    pub every: Offset,
    /// How many touches in all.
    pub times: u32,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the store; changing it plans its touches anew.
    pub key: String,
    /// What people read, by language.
    pub titles: BTreeMap<String, String>,
    /// What it counts from.
    pub anchor: Anchor,
    /// From when on; none (surveys only): `[dialer] delay_h` after the event.
    pub due: Option<Offset>,
    /// Until when, from the event as well. Where only the day of the event is known: to the end of that day.
    pub until: Offset,
    /// Again and again.
    pub repeat: Option<Repeat>,
    /// The dates of a holiday.
    pub dates: Vec<Holiday>,
    /// For whom.
    pub only: Only,
    /// What is owed.
    pub kind: Kind,
}

impl Rule {
    /// The title in a language, else in any, else the key.
    pub fn title(&self, language: &str) -> &str {
        self.titles.get(language).or_else(|| self.titles.values().next()).unwrap_or(&self.key)
    }

    /// Key of the survey, where it is one.
    pub fn survey(&self) -> Option<&str> {
        match &self.kind {
            Kind::Survey(key) => Some(key),
            Kind::Task { .. } => None,
        }
    }
}

/// A whole calendar, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// The rules in the order of the file.
    pub rules: Vec<Rule>,
}

impl Calendar {
    /// The rules that count from `anchor`.
    pub fn of(&self, anchor: Anchor) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.anchor == anchor)
    }

    /// The title of a rule, or its key where this calendar has no such rule any more.
    pub fn title<'a>(&'a self, key: &'a str, language: &str) -> &'a str {
        self.rules.iter().find(|rule| rule.key == key).map_or(key, |rule| rule.title(language))
    }
}
