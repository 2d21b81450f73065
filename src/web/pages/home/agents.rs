//! The section of live agents: who is there, what they do, and how many callers wait for one.

use crate::db::agent_sessions::Standing;
use crate::db::agents::Agent;
use crate::db::state::{AgentState, Reach, UserRole};
use crate::web::lang::Lang;
use crate::web::live::Board;
use crate::web::pages::view;
use crate::web::people;
use crate::web::terms::agents as terms;
use crate::web::who::Who;
use chrono_tz::Tz;
use std::borrow::Cow;

pub(super) struct AgentsView {
    pub rows: Vec<AgentRow>,
    /// On duty.
    pub on_duty: usize,
    /// Free at this moment.
    pub free: usize,
    /// Callers who want a person and have none yet.
    pub waiting: usize,
}

pub(super) struct AgentRow {
    pub name: String,
    pub state: Cow<'static, str>,
    pub on: bool,
    pub off: bool,
    pub since: Option<String>,
}

pub(super) fn agents(board: &Board, who: &Who, lang: Lang, zone: Tz) -> AgentsView {
    let row = |(agent, standing): &(Agent, Option<Standing>)| {
        let queue = agent.reach == Reach::Pbx;
        let state = standing.as_ref().map_or("offline", |standing| standing.state.as_str());
        AgentRow {
            // those who only watch see nobody's name
            name: if who.may(UserRole::Agent) { agent.name.expose().clone() } else { people::masked_name(&agent.name) },
            state: if queue { terms::reach(agent.reach.as_str(), lang) } else { terms::state(state, lang) },
            on: standing.as_ref().is_some_and(|standing| standing.state == AgentState::Available),
            off: standing.is_none() && !queue,
            since: standing.as_ref().map(|standing| view::moment(standing.since, board.at, zone)),
        }
    };
    let rows: Vec<AgentRow> = board.agents.iter().map(row).collect();
    AgentsView {
        on_duty: rows.iter().filter(|row| !row.off).count(),
        free: rows.iter().filter(|row| row.on).count(),
        waiting: board.callers_waiting,
        rows,
    }
}
