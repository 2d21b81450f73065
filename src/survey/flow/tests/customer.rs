//! A scripted customer and the media session between them and the flow, in virtual time: every playback lasts two seconds,
//! keys silence it where barge-in allows, recordings end by key, silence or length.

use crate::phone::Pii;
use crate::survey::{AnswerValue, Definition, EndedBy, Facts, Flow, FlowAction, FlowInput, Lead, RecordingRef};
use chrono::NaiveDate;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the customer does when a question is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Does {
    /// Hears it to the end, thinks for a second, presses keys 0.3 s apart.
    Keys(&'static str),
    /// Presses keys over the prompt.
    Over(&'static str),
    /// Presses too late: half a second into the re-prompt.
    Late(&'static str),
    /// Presses keys two seconds apart.
    Slow(&'static str),
    /// Presses nothing.
    Silent,
    /// Speaks for so many seconds after the tone, then presses `#`.
    Speaks(u64),
    /// Speaks for so many seconds after the tone, then falls silent.
    FallsSilent(u64),
    /// Speaks for so many seconds after the tone, then hangs up.
    SpeaksAndHangsUp(u64),
    /// Hears it to the end and hangs up.
    HangsUp,
    /// Nothing of the customer's: the engine is stopped a second into the question.
    EngineStops,
}

/// What the agents' desk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Desk {
    /// Nobody is free.
    Empty,
    /// Nobody ever says.
    Away,
    /// Somebody is held, takes the call after five seconds, and talks so many.
    Talks(u64),
    /// Somebody is held, and after so many seconds nobody has taken the call.
    Fails(u64),
}

pub(super) const PROMPT: Duration = Duration::from_secs(2);

pub(super) fn real() -> Arc<Definition> {
    Definition::from_toml("aftersales_3day.toml", include_str!("../../../../surveys/aftersales_3day.toml"))
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

pub(super) fn prospect() -> Arc<Definition> {
    Definition::from_toml("prospect.toml", include_str!("../../../../surveys/prospect.toml"))
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

pub(super) fn sales() -> Arc<Definition> {
    Definition::from_toml("sales_3day.toml", include_str!("../../../../surveys/sales_3day.toml"))
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Where virtual time begins.
pub(super) fn epoch() -> Instant {
    Instant::now()
}

pub(super) fn facts() -> Facts {
    let day = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    Facts {
        language: "zh-CN".into(),
        plate: Some(Pii::new("沪A·12386".into())),
        event_date: NaiveDate::from_ymd_opt(2026, 11, 21),
        advisor_number: Some("8021".into()),
        now_local: day.and_hms_opt(10, 0, 0).unwrap(),
        answered: Default::default(),
        message_left: false,
        record_calls: false,
    }
}

/// What was said and done in a call.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// Answers, complaints, effects, misses, the outcome: one line each.
    pub facts: Vec<String>,
    /// Every playback, its prompts joined by blanks.
    pub said: Vec<String>,
    /// How long the call took.
    pub took: Duration,
    /// It may be called once more to go on.
    pub resumable: bool,
}

impl Story {
    /// The last thing said.
    pub fn last_said(&self) -> &str {
        self.said.last().map_or("", String::as_str)
    }

    /// The facts without misses.
    pub fn told(&self) -> Vec<&str> {
        self.facts.iter().map(String::as_str).filter(|line| !line.starts_with("missed")).collect()
    }
}

enum Event {
    Key(char),
    Prompt(u64),
    Recording(EndedBy),
    Hangup,
    Shutdown,
    Desk(FlowInput),
    Timer,
}

struct Line {
    flow: Flow,
    desk: Desk,
    now: Instant,
    story: Story,
    script: VecDeque<(&'static str, Does)>,
    question: String,
    acting: Does,
    playing: Option<(u64, Instant, bool)>,
    recording: Option<(u64, Instant, Duration, Duration)>,
    agenda: Vec<(Instant, Event)>,
}

/// One call from answer to hang-up.
pub(super) fn call(definition: Arc<Definition>, facts: Facts, script: &[(&'static str, Does)]) -> Story {
    call_with(Desk::Empty, definition, facts, script)
}

/// One call from answer to hang-up, with live agents.
pub(super) fn call_with(
    desk: Desk,
    definition: Arc<Definition>,
    facts: Facts,
    script: &[(&'static str, Does)],
) -> Story {
    let epoch = epoch();
    let mut line = Line {
        flow: Flow::new(definition, facts, epoch),
        desk,
        now: epoch,
        story: Story::default(),
        script: script.iter().copied().collect(),
        question: String::new(),
        acting: Does::Silent,
        playing: None,
        recording: None,
        agenda: Vec::new(),
    };
    line.give(FlowInput::Start);
    while !line.flow.is_finished() {
        line.step();
    }
    assert!(line.flow.poll_timeout().is_none(), "nothing is left to wait for");
    line.story.took = line.now - epoch;
    line.story.resumable = line.flow.resumable();
    line.story
}

/// The real survey with all facts known.
pub(super) fn real_call(script: &[(&'static str, Does)]) -> Story {
    call(real(), facts(), script)
}

impl Line {
    fn give(&mut self, input: FlowInput) {
        self.flow.handle(input, self.now);
        self.drain();
    }

    /// The next thing that happens: of the customer, the media, or the flow's own timers.
    fn step(&mut self) {
        let mut next = self.flow.poll_timeout().map(|(at, _)| (at, Event::Timer));
        let mut sooner = |at: Instant, event: Event| {
            if next.as_ref().is_none_or(|(first, _)| at < *first) {
                next = Some((at, event));
            }
        };
        if let Some((tag, ends, _)) = self.playing {
            sooner(ends, Event::Prompt(tag));
        }
        if let Some((_, since, max, silence)) = self.recording {
            let speech = match self.acting {
                Does::FallsSilent(s) => Duration::from_secs(s),
                Does::Speaks(s) | Does::SpeaksAndHangsUp(s) => Duration::from_secs(s),
                _ => Duration::ZERO,
            };
            if speech + silence < max {
                sooner(since + speech + silence, Event::Recording(EndedBy::Silence));
            } else {
                sooner(since + max, Event::Recording(EndedBy::MaxLength));
            }
        }
        let own = self.agenda.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(i, (at, _))| (i, *at));
        if let Some((i, at)) = own
            && next.as_ref().is_none_or(|(first, _)| at < *first)
        {
            next = Some(self.agenda.remove(i));
        }
        let (at, event) = next.expect("a flow that is not finished waits for something");
        self.now = self.now.max(at);
        match event {
            Event::Timer => {
                self.flow.handle_timeout(self.now);
                self.drain();
            }
            Event::Prompt(tag) => {
                self.playing = None;
                self.give(FlowInput::PlaybackEnded { tag });
            }
            Event::Key(key) => {
                let silenced = self.playing.take_if(|(_, _, barge_in)| *barge_in);
                self.give(FlowInput::Key(key));
                if let Some((tag, ..)) = silenced {
                    self.give(FlowInput::PlaybackEnded { tag });
                }
            }
            Event::Recording(why) => self.end_recording(why),
            Event::Hangup => self.give(FlowInput::RemoteHangup),
            Event::Shutdown => self.give(FlowInput::Shutdown),
            Event::Desk(input) => self.give(input),
        }
    }

    /// The desk says this so many seconds from now.
    fn desk_says(&mut self, input: FlowInput, seconds: u64) {
        self.agenda.push((self.now + Duration::from_secs(seconds), Event::Desk(input)));
    }

    fn end_recording(&mut self, ended_by: EndedBy) {
        if let Some((tag, since, ..)) = self.recording.take() {
            let duration_ms = u64::try_from((self.now - since).as_millis()).unwrap();
            let recording = Some(RecordingRef(format!("{tag}.wav")));
            self.give(FlowInput::RecordingEnded { tag, recording, duration_ms, ended_by });
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.flow.poll_action() {
            self.take(action);
        }
    }

    fn take(&mut self, action: FlowAction) {
        let mut fact = |line: String| self.story.facts.push(line);
        match action {
            FlowAction::Play { tag, prompts, barge_in } => {
                let said: Vec<&str> = prompts.iter().map(|id| id.as_str()).collect();
                let beep = said == ["tone.beep"];
                self.story.said.push(said.join(" "));
                self.playing = Some((tag, self.now + PROMPT, barge_in));
                if !beep && self.flow.step() == Some(self.question.as_str()) {
                    self.act();
                }
            }
            FlowAction::StopPlayback => self.playing = None,
            FlowAction::Record { tag, max, silence_end, .. } => {
                self.recording = Some((tag, self.now, max, silence_end));
                match self.acting {
                    Does::Speaks(s) => self.agenda.push((self.now + Duration::from_secs(s), Event::Key('#'))),
                    Does::SpeaksAndHangsUp(s) => self.agenda.push((self.now + Duration::from_secs(s), Event::Hangup)),
                    _ => {}
                }
            }
            FlowAction::RecordCall => fact("on record".into()),
            FlowAction::StopRecording => self.end_recording(EndedBy::Stopped),
            FlowAction::Asked { question } => self.question = question,
            FlowAction::Missed { question, why, gave_up } => {
                fact(format!("missed {question} {why:?}{}", if gave_up { ", gave up" } else { "" }));
            }
            FlowAction::Answer(answer) => {
                let score = answer.score.map(|s| format!(" = {s}")).unwrap_or_default();
                let unhappy = if answer.unhappy { " unhappy" } else { "" };
                let value = match answer.value {
                    AnswerValue::Choice { value } => value,
                    AnswerValue::Digits { digits } => format!("digits {digits}"),
                    AnswerValue::Recording { recording_kind, duration_ms, .. } => {
                        format!("{recording_kind:?} of {duration_ms} ms")
                    }
                    AnswerValue::Nothing => "nothing".into(),
                };
                fact(format!("{}: {value}{score}{unhappy}", answer.question));
            }
            FlowAction::Complaint(trigger) => {
                fact(format!("complaint {:?} at {}", trigger.reason, trigger.question.unwrap_or_default()));
            }
            FlowAction::ComplaintNote(trigger) => {
                fact(format!("also {:?} at {}", trigger.reason, trigger.question.unwrap_or_default()));
            }
            FlowAction::CallBack(wish) => fact(format!("call back {}", wish.local.format("%d %H:%M"))),
            FlowAction::WrongNumber => fact("wrong number".into()),
            FlowAction::FamilyMember => fact("family member".into()),
            FlowAction::Refusal => fact("refusal".into()),
            FlowAction::DoNotCall => fact("never again".into()),
            FlowAction::Lead(Lead::Keyed(number)) => fact(format!("lead {}", number.expose())),
            FlowAction::Lead(Lead::Spoken { duration_ms, .. }) => fact(format!("lead of {duration_ms} ms")),
            FlowAction::WantAgent => match self.desk {
                Desk::Empty => self.desk_says(FlowInput::NoAgent, 0),
                Desk::Away => {}
                Desk::Talks(_) | Desk::Fails(_) => self.desk_says(FlowInput::AgentHeld, 0),
            },
            FlowAction::AgentNotWanted => fact("agent let go".into()),
            FlowAction::Connect { connect, hold, trying } => {
                let words = [connect, hold, trying].concat();
                fact(format!("connect: {}", words.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" ")));
                match self.desk {
                    Desk::Talks(seconds) => self.desk_says(FlowInput::AgentTalked, 5 + seconds),
                    Desk::Fails(seconds) => self.desk_says(FlowInput::AgentFailed, seconds),
                    Desk::Empty | Desk::Away => {}
                }
            }
            FlowAction::Finish(outcome) => fact(format!("end: {outcome:?}")),
        }
    }

    /// The question is heard (again): the customer does the next thing of the script, if it is about this question.
    fn act(&mut self) {
        let next = self.script.pop_front_if(|(question, _)| *question == self.question);
        self.acting = next.map_or(Does::Silent, |(_, does)| does);
        let heard = self.now + PROMPT;
        let ms = Duration::from_millis;
        let (keys, first, gap) = match self.acting {
            Does::Keys(keys) => (keys, heard + ms(1000), ms(300)),
            Does::Over(keys) => (keys, self.now + ms(500), ms(300)),
            Does::Late(keys) => (keys, heard + ms(6500), ms(300)),
            Does::Slow(keys) => (keys, heard + ms(1000), ms(2000)),
            Does::HangsUp => return self.agenda.push((heard + ms(100), Event::Hangup)),
            Does::EngineStops => return self.agenda.push((self.now + ms(1000), Event::Shutdown)),
            Does::Silent | Does::Speaks(_) | Does::FallsSilent(_) | Does::SpeaksAndHangsUp(_) => return,
        };
        for (n, key) in keys.chars().enumerate() {
            self.agenda.push((first + gap * u32::try_from(n).unwrap(), Event::Key(key)));
        }
    }
}
