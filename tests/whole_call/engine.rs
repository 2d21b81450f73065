//! The engine's side of a call: what `call::driver` does around the machine, in virtual time. Keeps what the store would keep.

use super::house::{LANGUAGE, addresses, house, local_media, session};
use super::world::Log;
use chrono::NaiveDate;
use huifang::call::machine::{Action, Ending, Input, Keep, Machine};
use huifang::call::timeline::Moment;
use huifang::media::playout::Playlist;
use huifang::media::recorder::RecordParams;
use huifang::media::session::{Command, Event, Recording, RecordingOutput, Session};
use huifang::phone::Pii;
use huifang::sdp;
use huifang::sip::endpoint::{Endpoint, EndpointConfig, Invite};
use huifang::sip::session::{HangupReason, SessionEvent, SessionId};
use huifang::survey::flow::{Facts, Outcome};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

pub struct Engine {
    pub sip: Endpoint,
    pub machine: Machine,
    pub media: Option<Session>,
    /// Recordings on their way through the writer.
    pub saved: VecDeque<Event>,
    pub answers: BTreeMap<String, (String, Option<i32>)>,
    pub complaints: usize,
    pub recordings: usize,
    pub outcomes: Vec<Outcome>,
    pub endings: Vec<(Instant, Ending)>,
    /// Final events of the SIP session.
    pub finals: usize,
    /// The timeline, without its SIP messages.
    pub moments: Vec<(Instant, Moment)>,
    id: SessionId,
    seed: u64,
    writing: Option<(u64, usize)>,
}

impl Engine {
    /// Calls `number`.
    pub fn new(number: &str, seed: u64, ring_timeout: Duration, now: Instant) -> Engine {
        let (local, _) = addresses(0);
        let (next_hop, _) = addresses(1);
        let config = EndpointConfig::new(local, "huifang");
        let mut sip = Endpoint::new(config, Box::new(ChaCha8Rng::seed_from_u64(seed ^ 0xe)));
        let date = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date");
        let facts = Facts {
            language: LANGUAGE.into(),
            plate: Some(Pii::new("沪A12386".into())),
            event_date: Some(date),
            advisor_number: Some("208".into()),
            now_local: date.and_hms_opt(10, 0, 0).expect("a time"),
            answered: Default::default(),
            message_left: false,
            record_calls: false,
        };
        let machine = Machine::new(house().survey.clone(), facts, local_media(0), now);
        let id = sip.invite(
            now,
            Invite {
                target: format!("sip:{number}@{next_hop}").parse().expect("a URI"),
                next_hop: next_hop.into(),
                others: Vec::new(),
                large_by_tcp: false,
                from: "<sip:dealer@192.0.2.1>".parse().expect("a From"),
                credentials: None,
                headers: Vec::new(),
                extensions: Default::default(),
                offer: sdp::offer(&local_media(0)),
                ring_timeout,
            },
        );
        Engine {
            sip,
            machine,
            media: None,
            saved: VecDeque::new(),
            answers: BTreeMap::new(),
            complaints: 0,
            recordings: 0,
            outcomes: Vec::new(),
            endings: Vec::new(),
            finals: 0,
            moments: Vec::new(),
            id,
            seed,
            writing: None,
        }
    }

    /// The disposition, once the call is over.
    pub fn disposition(&self) -> String {
        self.endings.first().map(|(_, ending)| ending.verdict.disposition.to_string()).unwrap_or_default()
    }

    /// Takes everything that waits; false when nothing did.
    pub fn settle(&mut self, now: Instant, log: &mut Log) -> bool {
        let mut moved = false;
        while let Some((_, event)) = self.sip.poll_event() {
            moved = true;
            self.finals += usize::from(matches!(event, SessionEvent::Failed(_) | SessionEvent::Ended { .. }));
            log.sip("engine", now, &event);
            self.input(Input::Sip(event), now, log);
        }
        while let Some(event) = self.media.as_mut().and_then(Session::poll_event) {
            moved = true;
            self.input(Input::Media(event), now, log);
        }
        while let Some(output) = self.media.as_mut().and_then(Session::poll_recording) {
            moved = true;
            self.write(output);
        }
        moved | self.act(now, log)
    }

    /// The machine's input, unless it is over: then nobody feeds it any more.
    pub fn input(&mut self, input: Input, now: Instant, log: &mut Log) {
        if self.endings.is_empty() {
            self.machine.handle(input, now);
            self.act(now, log);
        }
    }

    fn act(&mut self, now: Instant, log: &mut Log) -> bool {
        let mut moved = false;
        while let Some(action) = self.machine.poll_action() {
            moved = true;
            assert!(self.endings.is_empty(), "{action:?} after the end");
            match action {
                Action::StartMedia(agreed) => self.media = Some(session(0, &agreed, self.seed, now)),
                Action::Play { tag, prompts, barge_in } => {
                    let found = prompts.iter().map(|id| house().prompts.get(LANGUAGE, id.as_str()));
                    let prompts = found.map(|prompt| prompt.expect("every prompt is there").clone()).collect();
                    self.command(Command::Play(Playlist { tag, prompts, barge_in, repeat: false }), now);
                }
                Action::ChangeMedia(_) | Action::AnswerOffer(_) => panic!("nobody sends a re-INVITE here: {action:?}"),
                Action::StopPlayback => self.command(Command::Stop, now),
                Action::Record { tag, max, silence_end, .. } => {
                    let silence_end = Some(silence_end);
                    let params = RecordParams { tag, name: None, max, stop_keys: Vec::new(), silence_end };
                    self.command(Command::Record(params), now);
                }
                Action::RecordCall { .. } => panic!("nobody is asked for a recording here"),
                Action::StopRecording => self.command(Command::StopRecording, now),
                Action::KeyByInfo(press) => self.command(Command::KeyByInfo(press), now),
                Action::HangUp(reason) => self.sip.hangup(now, self.id, reason),
                Action::Keep(keep) => self.keep(keep),
                Action::Discard(_) => {}
                Action::PlayOn { .. } | Action::Agent(_) => panic!("nobody has agents here: {action:?}"),
                Action::Note(event) => {
                    if !matches!(event.moment, Moment::SipSent { .. } | Moment::SipReceived { .. }) {
                        log.say("engine", now, format_args!("{:?}", event.moment));
                        self.moments.push((now, event.moment));
                    }
                }
                Action::Over(ending) => {
                    self.endings.push((now, ending));
                    // as the driver: port and leg are given back
                    self.media = None;
                    self.sip.hangup(now, self.id, HangupReason::Normal);
                }
            }
        }
        moved
    }

    fn command(&mut self, command: Command, now: Instant) {
        if let Some(media) = &mut self.media {
            media.handle(command, now);
        }
    }

    fn keep(&mut self, keep: Keep) {
        match keep {
            Keep::Answer(answer, complaint) => {
                self.complaints += usize::from(complaint.is_some());
                let before = self.answers.insert(answer.question.clone(), (answer.keys, answer.score));
                assert_eq!(before, None, "{} was answered twice", answer.question);
            }
            Keep::Complaint(_) => self.complaints += 1,
            Keep::Recording { .. } => self.recordings += 1,
            Keep::Outcome(outcome) => self.outcomes.push(outcome),
            Keep::InviteSent | Keep::Answered | Keep::ComplaintNote(_) | Keep::CallBack(_) | Keep::WrongNumber => {}
            Keep::Quality(_) | Keep::CallOnRecord { .. } => panic!("nobody closes media here"),
            Keep::Transfer(..) | Keep::TransferEnded(..) => panic!("nobody has agents here: {keep:?}"),
            Keep::DoNotCall | Keep::Lead(_) => panic!("no persona asks for help: {keep:?}"),
        }
    }

    /// The thread that writes recordings.
    fn write(&mut self, output: RecordingOutput) {
        match output {
            RecordingOutput::Started { tag, .. } => self.writing = Some((tag, 0)),
            RecordingOutput::Samples(samples) => {
                if let Some((_, count)) = &mut self.writing {
                    *count += samples.len();
                }
            }
            RecordingOutput::Ended(why) => {
                let (tag, count) = self.writing.take().expect("a recording that began");
                let saved = Recording::Saved { file: format!("{tag}.wav"), duration_ms: count as u64 / 8 };
                let recording = if count == 0 { Recording::Empty } else { saved };
                self.saved.push_back(Event::RecordingEnded { tag, why, recording });
            }
        }
    }
}
