//! Drives one call: joins its machine with the SIP session, the media session and whoever keeps the results. The only shell of this room.
//!
//! Decides nothing. When the task that drives a call goes away, whatever the reason, the SIP session is hung up and the port given back.

mod agent_leg;
mod clerk;
mod page_leg;
mod second_leg;

use super::handover::Patience;
use super::machine::{Action, Ending, Input, Keep, Machine, WHOLE_CALL};
use super::timeline::TimelineEvent;
use super::trace;
use crate::agent::desk::{Desk, Wish};
use crate::db::state::RecordingKind;
use crate::ids::AttemptId;
use crate::media::playout::Playlist;
use crate::media::prompt::{Prompt, PromptStore};
use crate::media::recorder::RecordParams;
use crate::media::session::Command;
use crate::media::{self};
use crate::net::media_engine::{MediaEngine, MediaError, MediaHandle, Peer};
use crate::net::recording_files;
use crate::net::sip_transport::{SessionEvents, SipHandle};
use crate::net::webrtc::WebRtc;
use crate::sdp::{self, LocalMedia};
use crate::sip::auth::Credentials;
use crate::sip::endpoint::{Extensions, Invite};
use crate::sip::header::NameAddr;
use crate::sip::hop::Hop;
use crate::sip::locate::PENALTY;
use crate::sip::session::{HangupReason, SessionEvent, SessionId};
use crate::sip::trunk::Known;
use crate::sip::uri::Uri;
use crate::survey::definition::{Definition, PromptId};
use crate::survey::flow::{Facts, RecordingRef};
use second_leg::SecondLeg;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Payload type that we offer for telephone-event.
const TELEPHONE_EVENT: u8 = 101;

/// How long the media plane may take to close a call and say how it was.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How long the recording of a whole call may take to be safe on the disk.
const LAST_RECORDING: Duration = Duration::from_secs(15);

/// What all calls of a process share.
#[derive(Clone)]
pub struct Line {
    /// The user agent.
    pub sip: SipHandle,
    /// The media plane.
    pub media: Arc<MediaEngine>,
    /// The prompts of all languages.
    pub prompts: Arc<PromptStore>,
    /// The IP that goes into SDP.
    pub public_ip: IpAddr,
    /// Where the media plane puts recordings.
    pub recordings: PathBuf,
    /// How to listen for machines, where that is wanted.
    pub machines: Option<media::amd::Params>,
    /// For how long a customer may hold the call.
    pub hold_max: Duration,
    /// Customers are asked whether the whole call may be recorded.
    pub record_calls: bool,
}

impl Line {
    /// The prompts of these ids; one that does not exist is passed over (`huifang check` names it).
    fn prompts_of(&self, language: &str, ids: &[PromptId]) -> Vec<Arc<Prompt>> {
        ids.iter().filter_map(|id| self.prompts.get(language, id.as_str())).cloned().collect()
    }
}

/// How a number is reached by a trunk.
#[derive(Clone, Debug)]
pub struct Route {
    /// Request-URI and To.
    pub target: Uri,
    /// Where the INVITE goes.
    pub next_hop: Hop,
    /// Where it goes next, if it does not get through there ([`Invite::others`]).
    pub others: Vec<Hop>,
    /// A large INVITE goes by TCP ([`Invite::large_by_tcp`]).
    pub large_by_tcp: bool,
    /// From.
    pub from: NameAddr,
    /// For a trunk that asks.
    pub credentials: Option<Credentials>,
    /// Further header fields of the INVITE.
    pub headers: Vec<(String, String)>,
    /// What it offers beside RFC 3261.
    pub extensions: Extensions,
    /// The media are encrypted (SRTP, with keys in the SDP).
    pub srtp: bool,
    /// How long it may ring.
    pub ring_timeout: Duration,
    /// Who is told of places that did not serve.
    pub known: Option<Known>,
}

/// One call to place.
pub struct Order {
    /// To whom, which way.
    pub route: Route,
    /// What is asked.
    pub definition: Arc<Definition>,
    /// What is known of the customer.
    pub facts: Facts,
    /// For whom an agent would be wanted, where there are live agents.
    pub agents: Option<(Agents, Wish)>,
    /// The attempt that its recordings are named for, so that they are found again if the engine dies; none of a call that nobody keeps.
    pub attempt: Option<AttemptId>,
}

/// Live agents, as calls reach them.
#[derive(Clone)]
pub struct Agents {
    /// Who holds them.
    pub desk: Arc<Desk>,
    /// For those who take calls in the page.
    pub web: Arc<WebRtc>,
    /// How long agent and caller wait.
    pub patience: Patience,
}

/// What the one who keeps the results is told, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Must not be lost.
    Keep(Keep),
    /// Belongs into the timeline.
    Note(TimelineEvent),
    /// This SIP session is one of the call's: its messages belong to the attempt.
    Session(SessionId, trace::Leg),
}

/// Why a call could not even be tried. Nothing left the machine.
#[derive(Debug, Error)]
pub enum NotPlaced {
    /// No port, too many calls, no thread.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The SIP transport's task is gone.
    #[error("the SIP transport has stopped")]
    Transport,
}

/// Places the call and follows it to its end. `shutdown` asks it to close politely.
pub async fn drive(
    line: &Line,
    order: Order,
    reports: mpsc::UnboundedSender<Report>,
    shutdown: CancellationToken,
) -> Result<Ending, NotPlaced> {
    let (media_events, mut media_inbox) = mpsc::unbounded_channel();
    let media = line.media.open(media_events)?;
    let local = LocalMedia {
        srtp: if order.route.srtp { keys() } else { Vec::new() },
        ..local_media(line.public_ip, media.local_addr().port())
    };
    let language = order.definition.language_or_default(&order.facts.language).to_owned();
    let mut machine =
        Machine::new(order.definition, order.facts, local.clone(), Instant::now()).with_hold(line.hold_max);
    if let Some((agents, _)) = &order.agents {
        machine = machine.with_agents(agents.patience);
    }
    let Route {
        target,
        next_hop,
        others,
        large_by_tcp,
        from,
        credentials,
        ring_timeout,
        headers,
        extensions,
        srtp: _,
        known,
    } = order.route;
    let offer = sdp::offer(&local);
    let invite =
        Invite { target, next_hop, others, large_by_tcp, from, credentials, headers, extensions, offer, ring_timeout };
    let (id, sip_inbox) = line.sip.invite(invite).await.ok_or(NotPlaced::Transport)?;
    let leg = Leg { sip: line.sip.clone(), id };
    let _ = reports.send(Report::Session(id, trace::Leg::Customer));
    let attempt = order.attempt;
    let second = order.agents.map(|(agents, wish)| SecondLeg::new(line.clone(), agents, wish, reports.clone()));
    let mut call =
        Driven { line, machine, media, leg, language, reports, second, ending: None, recorded: false, known, attempt };
    call.follow(sip_inbox, &mut media_inbox, shutdown).await;
    call.close(&mut media_inbox).await;
    // The machine gives an ending for every way that a call can go; its loop runs until it has.
    call.ending.ok_or(NotPlaced::Transport)
}

/// The SIP session; hangs up when dropped (which means nothing once it has ended).
struct Leg {
    sip: SipHandle,
    id: SessionId,
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.sip.hangup(self.id, HangupReason::Normal);
    }
}

/// Our offer on a leg whose RTP comes to `port`.
pub fn offer(addr: IpAddr, port: u16) -> Vec<u8> {
    sdp::offer(&local_media(addr, port))
}

/// What we offer on a leg whose RTP comes to `port`.
fn local_media(addr: IpAddr, port: u16) -> LocalMedia {
    LocalMedia {
        addr,
        port,
        codecs: vec![sdp::Codec::Pcma, sdp::Codec::Pcmu],
        telephone_event: Some(TELEPHONE_EVENT),
        ptime_ms: 20,
        srtp: Vec::new(),
        session_id: rand::random::<u32>().into(),
        version: 1,
    }
}

/// Fresh keys for SRTP, one for each suite.
pub fn keys() -> Vec<sdp::Keying> {
    sdp::Suite::ALL.map(|suite| sdp::Keying::new(suite, rand::random())).to_vec()
}

struct Driven<'a> {
    line: &'a Line,
    machine: Machine,
    media: MediaHandle,
    leg: Leg,
    language: String,
    reports: mpsc::UnboundedSender<Report>,
    /// The way to a live agent, where there are any.
    second: Option<SecondLeg>,
    ending: Option<Ending>,
    /// The whole call is recorded.
    recorded: bool,
    known: Option<Known>,
    attempt: Option<AttemptId>,
}

impl Driven<'_> {
    async fn follow(
        &mut self,
        mut sip: SessionEvents,
        media: &mut mpsc::UnboundedReceiver<media::session::Event>,
        shutdown: CancellationToken,
    ) {
        let mut told = false;
        loop {
            self.act();
            if self.machine.is_over() {
                return;
            }
            let timeout = self.machine.poll_timeout();
            let wake = timeout.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            let input = tokio::select! {
                event = sip.recv() => Some(event.map_or(Input::SipLost, Input::Sip)),
                Some(event) = media.recv() => Some(Input::Media(event)),
                input = second_leg::next(&mut self.second) => Some(input),
                () = shutdown.cancelled(), if !told => {
                    told = true;
                    Some(Input::Shutdown)
                }
                () = tokio::time::sleep_until(wake.into()) => None,
            };
            let now = Instant::now();
            if let (Some(Input::Sip(SessionEvent::MovedOn { from, .. })), Some(known)) = (&input, &self.known) {
                known.change(|state| state.places.penalise(*from, now + PENALTY));
            }
            match input {
                Some(input) => self.machine.handle(input, now),
                None => self.machine.handle_timeout(now),
            }
        }
    }

    /// Closes the media, which have a last word: how good they were, and what became of the recording of the whole call.
    async fn close(&mut self, inbox: &mut mpsc::UnboundedReceiver<media::session::Event>) {
        use media::session::Event;
        self.media.close();
        let patience = if self.recorded { LAST_RECORDING } else { LAST_WORD };
        let until = tokio::time::Instant::now() + patience;
        // the channel ends when the media plane has nothing more to say
        while let Ok(Some(event)) = tokio::time::timeout_at(until, inbox.recv()).await {
            if let Event::Quality(_) | Event::RecordingEnded { tag: WHOLE_CALL, .. } = event {
                self.machine.handle(Input::Media(event), Instant::now());
                self.act();
            }
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::StartMedia(agreed) => {
                    self.media.start(peer(&agreed));
                    self.line.machines.into_iter().for_each(|params| self.media.command(Command::Classify(params)));
                }
                Action::ChangeMedia(agreed) => {
                    self.media.change(peer(&agreed), agreed.direction.may_send(), agreed.direction.may_receive());
                }
                Action::AnswerOffer(answer) => self.leg.sip.answer_offer(self.leg.id, answer),
                Action::Play { tag, prompts, barge_in } => self.play(tag, &prompts, barge_in),
                Action::PlayOn { tag, prompts } => {
                    let prompts = self.prompts(&prompts);
                    self.media.command(Command::Enqueue(Playlist { tag, prompts, barge_in: false, repeat: true }));
                }
                Action::Agent(action) => {
                    if let Some(second) = &mut self.second {
                        second.act(action, self.leg.id, &self.media);
                    }
                }
                Action::StopPlayback => self.media.command(Command::Stop),
                Action::Record { tag, kind, max, silence_end } => {
                    let name = self.recording_name(kind.as_str(), tag);
                    // The flow itself watches for `#`: it stops the recording.
                    let params = RecordParams { tag, name, max, stop_keys: Vec::new(), silence_end: Some(silence_end) };
                    self.media.command(Command::Record(params));
                }
                Action::KeyByInfo(press) => self.media.command(Command::KeyByInfo(press)),
                Action::RecordCall { tag, longest } => {
                    self.recorded = true;
                    let name = self.recording_name(RecordingKind::Call.as_str(), 0);
                    self.media.command(Command::RecordCall { tag, name, longest });
                }
                Action::StopRecording => self.media.command(Command::StopRecording),
                Action::Discard(recording) => self.discard(&recording),
                Action::HangUp(reason) => self.leg.sip.hangup(self.leg.id, reason),
                Action::Keep(keep) => self.report(Report::Keep(keep)),
                Action::Note(event) => self.report(Report::Note(event)),
                Action::Over(ending) => self.ending = Some(ending),
            }
        }
    }

    fn play(&mut self, tag: u64, prompts: &[PromptId], barge_in: bool) {
        let prompts = self.prompts(prompts);
        self.media.command(Command::Play(Playlist { tag, prompts, barge_in, repeat: false }));
    }

    fn prompts(&self, ids: &[PromptId]) -> Vec<Arc<Prompt>> {
        self.line.prompts_of(&self.language, ids)
    }

    fn recording_name(&self, kind: &str, tag: u64) -> Option<String> {
        self.attempt.map(|attempt| recording_files::name(attempt, kind, tag))
    }

    /// Removes a recording in which nothing was said, beside the call.
    fn discard(&self, recording: &RecordingRef) {
        let path = self.line.recordings.join(&recording.0);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(file = %path.display(), %error, "an empty recording stays");
            }
        });
    }

    fn report(&self, report: Report) {
        // The keeper outlives the call; were it gone, the journal is closed and nothing could be kept anyway.
        if self.reports.send(report).is_err() {
            tracing::error!("nobody keeps the results of this call any more");
        }
    }
}

/// The other side of the media, as SDP agreed on it (the media core has a codec type of its own).
pub fn peer(agreed: &sdp::Negotiated) -> Peer {
    Peer {
        remote: agreed.remote,
        rtcp: agreed.rtcp,
        codec: match agreed.codec {
            sdp::Codec::Pcma => media::Codec::Pcma,
            sdp::Codec::Pcmu => media::Codec::Pcmu,
        },
        packet_ms: agreed.ptime_ms,
        telephone_event: agreed.telephone_event,
        receive_telephone_event: agreed.receive_telephone_event,
        comfort_noise: agreed.comfort_noise,
        srtp: agreed.srtp,
    }
}
