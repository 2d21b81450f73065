//! How a complaint is classified: nature, cause and level, which do not depend on each other, and after the analysis the root cause. Pure data.

use crate::wording::words;
use serde::{Deserialize, Serialize};

words! {
    /// Nature (性质): valid, or one of the communicative ones (沟通性). A communicative one that is handled badly turns valid.
    Nature {
        /// 有效
        Valid = "valid",
        /// 求助: the customer wants help.
        HelpSeeking = "help_seeking",
        /// 咨询: the customer wants to know something.
        Inquiry = "inquiry",
        /// 发泄: the customer wants to be heard.
        Venting = "venting",
    }
    /// Cause (原因).
    Cause {
        /// 产品质量
        ProductQuality = "product_quality",
        /// 服务质量
        ServiceQuality = "service_quality",
        /// 服务态度
        ServiceAttitude = "service_attitude",
        /// 维修技术
        RepairSkill = "repair_skill",
        /// 备件质量
        SpareParts = "spare_parts",
        /// 服务价格
        Price = "price",
        /// 设备
        Facility = "facility",
        /// 突发事件
        SuddenIncident = "sudden_incident",
        /// 其他要求、恶意
        OtherDemands = "other_demands",
    }
    /// Level (级别).
    Level {
        /// 一般
        Ordinary = "ordinary",
        /// 重大: authorities, the consumer association, the media or the internet are in it.
        Serious = "serious",
        /// 恶意
        Malicious = "malicious",
    }
    /// Root cause, after the analysis.
    RootCause {
        /// Staff: an unclear explanation.
        StaffExplanation = "staff_explanation",
        /// Staff: a promise that was not kept.
        StaffPromise = "staff_promise",
        /// Staff: their attitude.
        StaffAttitude = "staff_attitude",
        /// The customer's own oversight or misunderstanding.
        Customer = "customer",
        /// The product itself.
        Product = "product",
    }
}

/// The classification of one complaint, as far as somebody has made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Nature.
    pub nature: Option<Nature>,
    /// Cause.
    pub cause: Option<Cause>,
    /// Level; ordinary until somebody says otherwise.
    pub level: Level,
    /// Root cause.
    pub root_cause: Option<RootCause>,
}

impl Default for Class {
    fn default() -> Class {
        Class { nature: None, cause: None, level: Level::Ordinary, root_cause: None }
    }
}

impl Class {
    /// True where `next` makes little of what was found: only a manager may say so.
    pub fn plays_down(&self, next: &Class) -> bool {
        let valid_no_more = self.nature == Some(Nature::Valid) && next.nature != Some(Nature::Valid);
        let ordinary_again = self.level != Level::Ordinary && next.level == Level::Ordinary;
        valid_no_more || ordinary_again
    }

    /// What differs in `next`, by field.
    pub fn changes(&self, next: &Class) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        let mut note = |field, old: Option<&'static str>, new: Option<&'static str>| {
            if old != new {
                found.push((field, new.unwrap_or_default()));
            }
        };
        note("nature", self.nature.map(Nature::as_str), next.nature.map(Nature::as_str));
        note("cause", self.cause.map(Cause::as_str), next.cause.map(Cause::as_str));
        note("level", Some(self.level.as_str()), Some(next.level.as_str()));
        note("root_cause", self.root_cause.map(RootCause::as_str), next.root_cause.map(RootCause::as_str));
        found
    }
}
