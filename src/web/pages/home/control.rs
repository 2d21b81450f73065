//! The section in which dialling is paused, resumed and drained, for those who may.

use crate::db::controls::ALL;
use crate::db::state::CampaignState;
use crate::web::lang::Lang;
use crate::web::live::Board;
use crate::web::pages::view;
use crate::web::roles;
use crate::web::terms;
use crate::web::who::Who;
use chrono_tz::Tz;
use std::borrow::Cow;

pub(super) struct ControlView {
    /// All campaigns, and each survey.
    pub rows: Vec<ControlRow>,
    /// Who looks may change it.
    pub may: bool,
    /// Goes along with each form.
    pub csrf: Option<String>,
}

pub(super) struct ControlRow {
    /// A survey's key; none: all.
    pub campaign: Option<String>,
    pub name: Option<String>,
    pub state: Cow<'static, str>,
    pub held: bool,
    pub since: Option<String>,
    pub pause: bool,
    pub resume: bool,
    pub drain: bool,
}

pub(super) fn control(board: &Board, who: &Who, lang: Lang, zone: Tz) -> ControlView {
    let row = |key: &str, name: Option<&String>| {
        let said = board.campaigns.iter().find(|campaign| campaign.key == key);
        let state = said.map_or(CampaignState::Running, |campaign| campaign.state);
        ControlRow {
            campaign: name.map(|_| key.to_owned()),
            name: name.cloned(),
            state: terms::state(state.as_str(), lang),
            held: state != CampaignState::Running,
            since: said.map(|campaign| view::moment(campaign.changed_at, board.at, zone)),
            pause: state != CampaignState::Paused,
            resume: state != CampaignState::Running,
            drain: state != CampaignState::Draining,
        }
    };
    let surveys = board.surveys.iter().map(|(key, name)| row(key, Some(name)));
    ControlView {
        rows: std::iter::once(row(ALL, None)).chain(surveys).collect(),
        may: roles::closed("POST", "/control").is_some_and(|route| who.may_ask(route).is_ok()),
        csrf: who.csrf().map(str::to_owned),
    }
}
