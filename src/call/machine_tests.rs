//! Calls by hand in virtual time: events in, actions out, with the real after-sales survey.

use super::*;
use crate::media::dtmf::fuse::Path;
use crate::media::recorder::RecordingEnd;
use crate::media::session::{Event, Recording};
use crate::phone::Pii;
use crate::sip::session::EndCause;
use crate::sip::session::InfoBody;
use crate::survey::scale::UnhappyReason;
use chrono::NaiveDate;
use std::net::IpAddr;

const ANSWER: &[u8] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

#[path = "machine_agent_tests.rs"]
mod agent;
#[path = "machine_answerer_tests.rs"]
mod answerer;
#[path = "machine_ear_tests.rs"]
mod ear;
#[path = "machine_hold_tests.rs"]
mod hold;
#[path = "machine_record_tests.rs"]
mod record;

/// A call and everything it has done.
struct Call {
    machine: Machine,
    now: Instant,
    tag: u64,
    kept: Vec<Keep>,
    hung_up: Vec<HangupReason>,
    started: usize,
    discarded: usize,
    by_info: Vec<char>,
    changes: Vec<sdp::Negotiated>,
    offers: Vec<Option<Vec<u8>>>,
    notes: Vec<TimelineEvent>,
    recording: Option<u64>,
    on_record: Option<u64>,
    agent: Vec<AgentAction>,
    playing_on: bool,
    over: Option<Ending>,
}

impl Call {
    fn new() -> Call {
        Call::of("", false)
    }

    /// By a survey with something more at its end, after an earlier attempt that left a message or did not.
    fn of(more: &str, message_left: bool) -> Call {
        Call::with(more, |facts| facts.message_left = message_left)
    }

    fn with(more: &str, known: impl FnOnce(&mut Facts)) -> Call {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/surveys/aftersales_3day.toml");
        let text = std::fs::read_to_string(path).unwrap() + more;
        let definition = Definition::from_toml(path, &text).unwrap();
        let date = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        let mut facts = Facts {
            language: "zh-CN".into(),
            plate: Some(Pii::new("沪A12386".into())),
            event_date: Some(date),
            advisor_number: None,
            now_local: date.and_hms_opt(10, 0, 0).unwrap(),
            answered: Default::default(),
            message_left: false,
            record_calls: false,
        };
        known(&mut facts);
        let local = LocalMedia {
            addr: IpAddr::from([127, 0, 0, 1]),
            port: 5000,
            codecs: vec![sdp::Codec::Pcma, sdp::Codec::Pcmu],
            telephone_event: Some(101),
            ptime_ms: 20,
            srtp: Vec::new(),
            session_id: 1,
            version: 1,
        };
        let now = Instant::now();
        Call {
            machine: Machine::new(definition, facts, local, now),
            now,
            tag: 0,
            kept: Vec::new(),
            hung_up: Vec::new(),
            started: 0,
            discarded: 0,
            by_info: Vec::new(),
            changes: Vec::new(),
            offers: Vec::new(),
            notes: Vec::new(),
            recording: None,
            on_record: None,
            agent: Vec::new(),
            playing_on: false,
            over: None,
        }
    }

    fn answered() -> Call {
        Call::new().picked_up()
    }

    fn picked_up(self) -> Call {
        let mut call = self;
        call.sip(SessionEvent::InviteSent);
        call.sip(SessionEvent::Progress { status: 180, sdp: None });
        call.sip(SessionEvent::Answered { sdp: ANSWER.to_vec() });
        call
    }

    /// The time of the machine comes, if it wants one.
    fn time(&mut self) {
        if let Some(at) = self.machine.poll_timeout() {
            self.now = self.now.max(at);
            self.machine.handle_timeout(self.now);
            self.drain();
        }
    }

    fn input(&mut self, input: Input) {
        assert!(self.over.is_none(), "nothing may follow the end");
        self.machine.handle(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            assert!(self.over.is_none(), "{action:?} after the end");
            match action {
                Action::StartMedia(_) => self.started += 1,
                Action::Play { tag, .. } => self.tag = tag,
                Action::Record { tag, .. } => self.recording = Some(tag),
                Action::HangUp(reason) => self.hung_up.push(reason),
                Action::Keep(keep) => self.kept.push(keep),
                Action::Discard(_) => self.discarded += 1,
                Action::Over(ending) => self.over = Some(ending),
                Action::Note(event) => self.notes.push(event),
                Action::PlayOn { .. } => self.playing_on = true,
                Action::Agent(action) => self.agent.push(action),
                Action::StopPlayback => self.playing_on = false,
                Action::StopRecording => {}
                Action::RecordCall { tag, .. } => self.on_record = Some(tag),
                Action::ChangeMedia(agreed) => self.changes.push(agreed),
                Action::AnswerOffer(answer) => self.offers.push(answer),
                Action::KeyByInfo(press) => self.by_info.push(press.key),
            }
        }
    }

    fn sip(&mut self, event: SessionEvent) {
        self.input(Input::Sip(event));
    }

    fn keys(&mut self, keys: &str) {
        for key in keys.chars() {
            self.now += Duration::from_millis(300);
            self.input(Input::Media(Event::Key { key, at: self.now, path: Path::Rfc4733 }));
        }
    }

    /// What plays is heard to its end.
    fn hear(&mut self) {
        self.now += Duration::from_secs(2);
        self.input(Input::Media(Event::PlaybackEnded { tag: self.tag, interrupted: false }));
    }

    /// The recording ends after `ms`, saved under a name.
    fn recorded(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        let tag = self.recording.take().expect("a recording runs");
        let recording = Recording::Saved { file: "a.wav".into(), duration_ms: ms };
        self.input(Input::Media(Event::RecordingEnded { tag, why: RecordingEnd::Stopped, recording }));
    }

    /// Steps through timeouts until the call is over or nothing is waited for.
    fn wait(&mut self) {
        while let (None, Some(at)) = (&self.over, self.machine.poll_timeout()) {
            self.now = self.now.max(at);
            self.machine.handle_timeout(self.now);
            self.drain();
        }
    }

    fn answers(&self) -> Vec<(&str, Option<i32>, bool)> {
        let mut answers = Vec::new();
        for keep in &self.kept {
            if let Keep::Answer(answer, complaint) = keep
                && answer.score.is_some()
            {
                answers.push((answer.question.as_str(), answer.score, complaint.is_some()));
            }
        }
        answers
    }

    fn disposition(&self) -> Disposition {
        self.over.as_ref().expect("the call is over").verdict.disposition
    }
}

#[test]
fn a_failure_is_judged_by_status_and_by_how_far_the_call_came() {
    use FailureKind::*;
    for (stage, kind, disposition, never_left) in [
        (Stage::Early, Status(486), Disposition::Busy, false),
        (Stage::Sent, Status(404), Disposition::InvalidNumber, false),
        (Stage::Early, RingTimeout, Disposition::NoAnswer, false),
        (Stage::Sent, Timeout, Disposition::Unknown, false),
        (Stage::Early, CancelTimeout, Disposition::Unknown, false),
        (Stage::Sent, Unreachable, Disposition::Congestion, false),
        (Stage::BeforeSend, Unreachable, Disposition::Congestion, true),
        (Stage::Sent, Auth(crate::sip::session::AuthProblem::Refused), Disposition::TrunkRefused, false),
    ] {
        let mut call = Call::new();
        if stage != Stage::BeforeSend {
            call.sip(SessionEvent::InviteSent);
        }
        call.sip(SessionEvent::Failed(Failure { stage, kind, reason_header: None, retry_after: None }));
        assert_eq!(call.disposition(), disposition, "{kind:?}");
        assert_eq!(call.over.as_ref().unwrap().never_left, never_left, "{kind:?}");
        assert_eq!((call.started, call.hung_up.len()), (0, 0), "{kind:?}");
    }
}

#[test]
fn early_media_is_not_an_answer() {
    let mut call = Call::new();
    call.sip(SessionEvent::InviteSent);
    call.sip(SessionEvent::Progress { status: 183, sdp: Some(ANSWER.to_vec()) });
    call.keys("1");
    assert_eq!(call.started, 0);
    assert_eq!(call.kept, [Keep::InviteSent]);
}

#[test]
fn an_answer_without_usable_sdp_is_hung_up_and_is_the_trunks() {
    let mut call = Call::new();
    call.sip(SessionEvent::InviteSent);
    call.sip(SessionEvent::Answered { sdp: b"v=0\r\nm=video 1 RTP/AVP 31\r\n".to_vec() });
    assert_eq!(call.hung_up, [HangupReason::UnusableAnswer]);
    call.sip(SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    assert_eq!(call.disposition(), Disposition::TrunkRefused);
}

#[test]
fn a_satisfied_customer_completes_and_each_answer_leaves_at_its_key() {
    let mut call = Call::answered();
    call.keys("11");
    for (n, key) in "111121112".chars().enumerate() {
        call.keys(&key.to_string());
        assert_eq!(call.answers().len(), n + 1, "kept in the moment of the key");
    }
    call.keys("#");
    call.wait();
    assert!(call.kept.contains(&Keep::Outcome(Outcome::Complete)));
    assert_eq!(call.hung_up, [HangupReason::Normal], "we hang up after the closing");
    let scores: Vec<Option<i32>> = call.answers().iter().map(|(_, score, _)| *score).collect();
    assert_eq!(scores, [12, 12, 12, 12, 8, 12, 12, 12, 2].map(Some));
}

#[test]
fn a_complaint_is_kept_in_one_piece_with_the_answer_that_caused_it() {
    let mut call = Call::answered();
    call.keys("114");
    assert_eq!(call.answers(), [("q1", Some(0), true)]);
    let Some(Keep::Answer(_, Some(trigger))) = call.kept.iter().rfind(|keep| matches!(keep, Keep::Answer(..))) else {
        panic!("{:?}", call.kept);
    };
    assert_eq!(trigger.reason, UnhappyReason::LowScore);
}

#[test]
fn a_hang_up_in_the_middle_is_partial_and_nothing_is_hung_up_twice() {
    let mut call = Call::answered();
    call.keys("1112");
    call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    assert_eq!(call.disposition(), Disposition::Partial);
    assert_eq!(call.hung_up, []);
    assert_eq!(call.answers().len(), 2);
}

#[test]
fn a_hang_up_during_the_statement_keeps_the_statement() {
    let mut call = Call::answered();
    call.keys("115");
    while call.recording.is_none() {
        call.hear();
    }
    call.now += Duration::from_secs(4);
    call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    assert!(call.over.is_none(), "the recording is still being finished");
    call.recorded(4000);
    let recorded = |keep: &Keep| matches!(keep, Keep::Recording { kind: RecordingKind::Statement, .. });
    assert!(call.kept.iter().any(recorded), "{:?}", call.kept);
    assert_eq!((call.disposition(), call.discarded), (Disposition::Partial, 0));
}

#[test]
fn a_recording_in_which_nothing_was_said_is_thrown_away() {
    let mut call = Call::answered();
    call.keys("11111111111");
    while call.recording.is_none() {
        call.hear();
    }
    call.keys("#");
    call.recorded(300);
    call.wait();
    assert_eq!(call.discarded, 1);
    assert!(!call.kept.iter().any(|keep| matches!(keep, Keep::Recording { .. })));
}

#[test]
fn no_sound_at_all_is_an_outcome_of_its_own() {
    let mut call = Call::answered();
    call.input(Input::Media(Event::AudioLost));
    call.sip(SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    assert_eq!(call.disposition(), Disposition::NoAudio);
    let mut call = Call::answered();
    call.input(Input::Media(Event::FirstAudio));
    call.input(Input::Media(Event::AudioLost));
    call.sip(SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    assert_eq!(call.disposition(), Disposition::BreakOff);
}

#[test]
fn a_stop_while_it_rings_takes_the_call_back() {
    let mut call = Call::new();
    call.sip(SessionEvent::InviteSent);
    call.sip(SessionEvent::Progress { status: 180, sdp: None });
    call.input(Input::Shutdown);
    assert_eq!(call.hung_up, [HangupReason::Shutdown]);
    let failure = Failure { stage: Stage::Early, kind: FailureKind::Canceled, reason_header: None, retry_after: None };
    call.sip(SessionEvent::Failed(failure));
    assert_eq!(call.disposition(), Disposition::Interrupted);
}

#[test]
fn a_stop_that_nobody_confirms_is_unknown() {
    let mut call = Call::new();
    call.sip(SessionEvent::InviteSent);
    call.input(Input::Shutdown);
    let kind = FailureKind::CancelTimeout;
    call.sip(SessionEvent::Failed(Failure { stage: Stage::Early, kind, reason_header: None, retry_after: None }));
    assert_eq!(
        (call.disposition(), call.disposition().retry()),
        (Disposition::Unknown, super::super::disposition::Retry::Review)
    );
}

#[test]
fn whatever_nobody_hears_of_again_ends_by_the_guard() {
    let mut call = Call::new();
    call.sip(SessionEvent::InviteSent);
    call.input(Input::Shutdown);
    call.wait();
    assert_eq!(call.disposition(), Disposition::Unknown, "the trunk never said what became of it");
    let mut call = Call::answered();
    call.wait();
    assert_eq!(call.disposition(), Disposition::BreakOff, "the media plane never said a word: the call limit ends it");
}

#[test]
fn silence_ends_politely_as_no_input() {
    let mut call = Call::answered();
    call.input(Input::Media(Event::FirstAudio));
    while call.hung_up.is_empty() {
        call.hear();
        if call.hung_up.is_empty() {
            call.now = call.machine.poll_timeout().expect("an answer is waited for");
            call.machine.handle_timeout(call.now);
            call.drain();
        }
    }
    call.sip(SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    assert_eq!(call.disposition(), Disposition::NoInput);
}

#[test]
fn a_transport_that_stops_ends_every_call() {
    let mut call = Call::new();
    call.sip(SessionEvent::InviteSent);
    call.input(Input::SipLost);
    assert_eq!(call.disposition(), Disposition::Unknown);
    let mut call = Call::answered();
    call.keys("1112");
    call.input(Input::SipLost);
    assert_eq!(call.disposition(), Disposition::Partial);
}

#[test]
fn a_leads_number_is_kept_and_shows_in_no_timeline() {
    let mut call = Call::answered();
    call.keys("11**2");
    call.keys("13900001234#");
    let kept = call.kept.iter().find(|keep| matches!(keep, Keep::Lead(_)));
    assert_eq!(kept, Some(&Keep::Lead(Lead::Keyed(Pii::new("13900001234".into())))));
    assert!(!format!("{kept:?}").contains("1390000"));
    let told: Vec<String> = call.notes.iter().map(|event| event.moment.line()).collect();
    assert_eq!(told.iter().filter(|line| *line == "key •, by RFC 4733").count(), 12, "{told:?}");
    assert!(!told.iter().any(|line| line.contains("1390000")), "{told:?}");
    call.hear();
    call.keys("1");
    assert_eq!(call.answers(), [("q1", Some(12), false)], "back at the question");
}

#[test]
fn never_again_is_kept_and_ends_as_a_refusal() {
    let mut call = Call::answered();
    call.keys("11**33");
    assert!(call.kept.contains(&Keep::DoNotCall));
    call.wait();
    assert_eq!(call.disposition(), Disposition::Refusal);
}

#[test]
fn a_partial_call_that_was_cut_is_retried_as_a_break_off_and_stays_partial() {
    for (keys, retried) in [("1112", Disposition::BreakOff), ("1115", Disposition::Partial)] {
        let mut call = Call::answered();
        call.keys(keys);
        call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
        call.wait();
        let verdict = &call.over.as_ref().expect("the call is over").verdict;
        assert_eq!((verdict.disposition, verdict.disposition.aapor()), (Disposition::Partial, "1.2"), "{keys}");
        assert_eq!(verdict.retried_as(), retried, "{keys}: who has complained is called by a person");
    }
}

/// The media session knows whether a press is a new one, so an INFO goes there first; what holds no key goes nowhere.
#[test]
fn a_key_by_info_goes_to_the_media_session() {
    let mut call = Call::answered();
    let bodies =
        [("application/dtmf-relay", "Signal=5\r\nDuration=160"), ("application/dtmf", "#"), ("application/dtmf", "x")];
    for (content_type, body) in bodies {
        let info = InfoBody { content_type: content_type.to_owned(), body: body.into() };
        call.sip(SessionEvent::Info(info));
    }
    assert_eq!(call.by_info, ['5', '#']);
    call.input(Input::Media(Event::KeyAlso { key: '5', path: Path::InBand }));
    assert!(matches!(call.notes.last().map(|note| &note.moment), Some(Moment::KeyAlso { key: '5', .. })));
}
