//! The way from a call to a live agent: errands to the desk, the agent's leg, the bridge, REFER. Carries out what the machine wants and brings back what
//! happens. Decides nothing; dropped with the call, it hangs up the leg and gives the agent back.

use super::agent_leg::{AgentLeg, LegNews, Order};
use super::clerk::{self, Errand, News};
use super::page_leg::PageLeg;
use super::{Agents, Line, Report};
use crate::agent::desk::{Way, Wish};
use crate::call::handover::Held;
use crate::call::machine::{AgentAction, Input};
use crate::call::trace;
use crate::media::bridge::{self, Port};
use crate::media::session::Command;
use crate::net::media_engine::MediaHandle;
use crate::sip::endpoint::Refer;
use crate::sip::session::SessionId;
use tokio::sync::mpsc;

enum Leg {
    Phone(AgentLeg),
    /// The handle keeps it open.
    Page(#[expect(dead_code)] PageLeg),
}

/// One call's way to an agent.
pub(super) struct SecondLeg {
    line: Line,
    agents: Agents,
    reports: mpsc::UnboundedSender<Report>,
    errands: mpsc::UnboundedSender<Errand>,
    desk_news: mpsc::UnboundedReceiver<News>,
    /// How the one who is held is reached, and in which language the whisper speaks.
    held: Option<(Way, String)>,
    leg: Option<Leg>,
    leg_news: Option<mpsc::UnboundedReceiver<LegNews>>,
    /// The leg's session, for Replaces.
    session: Option<SessionId>,
    /// The customer's end of the bridge to a page.
    port: Option<Port>,
}

/// The next thing that happens on the way to an agent; never, where there is none.
pub(super) async fn next(second: &mut Option<SecondLeg>) -> Input {
    match second {
        Some(second) => second.next().await,
        None => std::future::pending().await,
    }
}

async fn leg_says(news: &mut Option<mpsc::UnboundedReceiver<LegNews>>) -> Option<LegNews> {
    match news {
        Some(news) => news.recv().await,
        None => std::future::pending().await,
    }
}

impl SecondLeg {
    pub(super) fn new(line: Line, agents: Agents, wish: Wish, reports: mpsc::UnboundedSender<Report>) -> SecondLeg {
        let (errands, inbox) = mpsc::unbounded_channel();
        let (news, desk_news) = mpsc::unbounded_channel();
        tokio::spawn(clerk::run(agents.desk.clone(), wish, inbox, news));
        SecondLeg {
            line,
            agents,
            reports,
            errands,
            desk_news,
            held: None,
            leg: None,
            leg_news: None,
            session: None,
            port: None,
        }
    }

    async fn next(&mut self) -> Input {
        loop {
            tokio::select! {
                Some(news) = self.desk_news.recv() => return self.desk_says(news),
                news = leg_says(&mut self.leg_news) => match news {
                    Some(LegNews::Input(input)) => return Input::Agent(input),
                    Some(LegNews::Trace(line)) => return Input::AgentTrace(line),
                    Some(LegNews::Session(id)) => {
                        let _ = self.reports.send(Report::Session(id, trace::Leg::Agent));
                        self.session = Some(id);
                    }
                    Some(LegNews::Port(port)) => self.port = Some(port),
                    // the leg's task is over and has said all that it had to say
                    None => self.leg_news = None,
                },
            }
        }
    }

    fn desk_says(&mut self, news: News) -> Input {
        let input = clerk::input(&news);
        if let News::Held(_, way, language) = news {
            self.held = Some((*way, language));
        }
        Input::Agent(input)
    }

    /// Carries out one wish of the machine. `customer` is the session and the media of the customer's leg.
    pub(super) fn act(&mut self, action: AgentAction, customer: SessionId, media: &MediaHandle) {
        match action {
            AgentAction::Reserve { tried } => self.errand(Errand::Reserve(tried)),
            AgentAction::Ring(held) => self.ring(held),
            AgentAction::Whisper(prompts) => {
                if let (Some(Leg::Phone(leg)), Some((_, language))) = (&self.leg, &self.held) {
                    leg.order(Order::Whisper(self.line.prompts_of(language, &prompts)));
                }
            }
            AgentAction::Join => self.join(media),
            AgentAction::Part => {
                media.command(Command::Unbridge);
                if let Some(Leg::Phone(leg)) = &self.leg {
                    leg.order(Order::Part);
                }
            }
            AgentAction::Refer { attended } => self.refer(customer, attended),
            AgentAction::HangUp => self.hang_up(),
            AgentAction::Rings => self.errand(Errand::Rings),
            AgentAction::Talks => self.errand(Errand::Talks),
            AgentAction::Free(end) => {
                self.hang_up();
                self.errand(Errand::Free(end));
            }
        }
    }

    fn errand(&self, errand: Errand) {
        // the clerk lives as long as this side of the channel
        let _ = self.errands.send(errand);
    }

    fn ring(&mut self, held: Held) {
        self.hang_up();
        let Some((way, _)) = &self.held else { return };
        let (news, inbox) = mpsc::unbounded_channel();
        self.leg = match way {
            Way::Sip(leg) | Way::ReferAttended(leg) => {
                let leg = AgentLeg::ring(self.line.clone(), leg.clone(), self.agents.patience.ring, news);
                Some(Leg::Phone(leg))
            }
            Way::Page => {
                let (desk, web) = (self.agents.desk.clone(), self.agents.web.clone());
                Some(Leg::Page(PageLeg::ring(desk, web, held.transfer, news)))
            }
            Way::Refer(_) => None,
        };
        self.leg_news = Some(inbox);
    }

    fn join(&mut self, media: &MediaHandle) {
        let port = match &self.leg {
            Some(Leg::Phone(leg)) => {
                let (ours, agents) = bridge::pair();
                leg.order(Order::Join(agents));
                Some(ours)
            }
            Some(Leg::Page(_)) | None => self.port.take(),
        };
        if let Some(port) = port {
            media.command(Command::Bridge(port));
        }
    }

    fn refer(&mut self, customer: SessionId, attended: bool) {
        let to = match &self.held {
            Some((Way::Refer(uri), _)) => uri.clone(),
            Some((Way::ReferAttended(leg), _)) => leg.target.clone(),
            Some((Way::Sip(_) | Way::Page, _)) | None => return,
        };
        let replaces = if attended { self.session } else { None };
        self.line.sip.refer(customer, Refer { to, replaces });
    }

    fn hang_up(&mut self) {
        self.leg = None;
        self.leg_news = None;
        self.session = None;
        self.port = None;
    }
}
