//! The timeline of an attempt: what was sent, heard, keyed and decided, each with its offset in ms. It answers "why did this call go so?".
//!
//! Pure data. Start lines are masked before they come here (`sip`), keys of answers are the customer's opinion and stay; names and numbers never enter.

use crate::media::amd::Who;
use crate::media::dtmf::fuse::Path;
use crate::media::quality::Quality;
use crate::survey::flow::{ComplaintTrigger, Miss, RecordingKind};
use serde::{Deserialize, Serialize};

/// One thing that happened in a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Moment {
    /// A SIP message left.
    SipSent {
        /// Its masked start line.
        message: String,
        /// Its CSeq.
        cseq: String,
        /// Where to.
        peer: String,
    },
    /// A SIP message came.
    SipReceived {
        /// Its masked start line.
        message: String,
        /// Its CSeq.
        cseq: String,
        /// Where from.
        peer: String,
    },
    /// The INVITE left: from now on it is an attempt.
    InviteSent,
    /// The far side rings, with or without early media.
    Ringing {
        /// 180, 183 …
        status: u16,
        /// Whether sound came with it. It is never taken for an answer.
        early_media: bool,
    },
    /// The call was answered and media agreed.
    Answered {
        /// `PCMA` or `PCMU`.
        codec: String,
        /// Payload type of telephone-event; none means that keys cannot come by RFC 4733.
        telephone_event: Option<u8>,
        /// The crypto suite of SRTP; none in the clear.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        srtp: Option<String>,
    },
    /// The call was forwarded before it was answered: whoever answers may be somebody else.
    Forwarded {
        /// Who forwarded, masked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// To whom, masked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// Why, as the network says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A redirection was followed.
    Redirected {
        /// 300-399.
        status: u16,
        /// The new target, masked.
        to: String,
    },
    /// One place of the trunk did not take the INVITE; it went to the next one.
    MovedOn {
        /// The place.
        from: String,
        /// The next one.
        to: String,
        /// What it answered, or that it could not be delivered.
        why: String,
    },
    /// Why the far side ended it, as its BYE says.
    Reason {
        /// As `Q.850 cause 16`.
        causes: Vec<String>,
    },
    /// The first sound from the customer's side.
    FirstAudio,
    /// A question begins.
    Asked {
        /// Its name.
        question: String,
    },
    /// Prompts begin.
    Prompts {
        /// Their ids, in order.
        prompts: Vec<String>,
    },
    /// Prompts ended.
    PromptsEnded {
        /// A key cut them short.
        interrupted: bool,
    },
    /// A key.
    Key {
        /// `0`–`9`, `*`, `#`; `•` where it belongs to somebody's number.
        key: char,
        /// The way by which it came first; timelines of earlier versions do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<Path>,
    },
    /// The customer's side holds the call.
    Held,
    /// It takes the call back.
    Resumed,
    /// The far side changed the media in mid-call.
    MediaChanged {
        /// `PCMA` or `PCMU`.
        codec: String,
        /// Payload type of telephone-event.
        telephone_event: Option<u8>,
    },
    /// The far side wanted other media that we have not; the call goes on as it was.
    ChangeRefused {
        /// Why.
        why: String,
    },
    /// Who took the call, as far as can be heard.
    Answerer {
        /// Human, machine …
        who: Who,
        /// How sure that is, 0–100.
        confidence: u8,
        /// Why, in words.
        why: String,
    },
    /// The message for a machine was spoken to its end.
    MessageLeft,
    /// A key that was taken already came by a further way: it counts once.
    KeyAlso {
        /// The key, or `•`.
        key: char,
        /// The way.
        path: Path,
    },
    /// Silence or a key that means nothing.
    Missed {
        /// The question.
        question: String,
        /// Which of the two.
        why: Miss,
        /// The question is given up.
        gave_up: bool,
    },
    /// An answer was accepted.
    Answer {
        /// The question.
        question: String,
        /// The keys.
        keys: String,
        /// Its score, where the question has one.
        score: Option<i32>,
        /// Unhappy by the survey's rules.
        unhappy: bool,
    },
    /// A complaint was opened.
    Complaint(ComplaintTrigger),
    /// A further reason for the same complaint.
    ComplaintNote(ComplaintTrigger),
    /// A recording ended.
    Recorded {
        /// What it holds.
        recording: RecordingKind,
        /// Its length; 0 with nothing kept.
        duration_ms: u64,
        /// Why nothing could be kept (a full disk), in the system's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
    },
    /// The customer has agreed: from here on the whole call is on record.
    OnRecord,
    /// The recording of the whole call ended.
    CallRecorded {
        /// Its length; 0 with nothing kept.
        duration_ms: u64,
        /// Why nothing could be kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
    },
    /// A call-back was booked, in the customer's local time.
    CallBack {
        /// The local time.
        local: String,
    },
    /// Somebody else's number.
    WrongNumber,
    /// A family member answers.
    FamilyMember,
    /// Refused.
    Refusal,
    /// Never to be called again.
    DoNotCall,
    /// Somebody who plans to buy a car was named; who, stands in the leads only.
    Lead,
    /// A stage of a hand-over to an agent.
    Transfer {
        /// `offered`, `wanted`, `ringing`, `answered`, `accepted`.
        step: String,
    },
    /// The end of a try to hand over.
    TransferEnded {
        /// `accepted`, `rejected`, `no_answer` …
        outcome: String,
    },
    /// Nobody was free to take the caller.
    NoAgent,
    /// No sound for so long that the call was given up.
    AudioLost,
    /// Whether the far side hears us has changed.
    Hearing {
        /// `heard`, `doubtful`, `deaf`.
        hearing: String,
    },
    /// How good the media were, at the end.
    Quality(Quality),
    /// The call is being ended by us.
    HangUp {
        /// Why.
        why: String,
    },
    /// The other side hung up, or the session was lost.
    RemoteEnded,
    /// The verdict.
    Ended {
        /// The disposition.
        disposition: String,
        /// Its sentence.
        detail: String,
    },
}

/// A moment with its place in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEvent {
    /// Milliseconds since the attempt began.
    pub offset_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub moment: Moment,
}

impl Moment {
    /// The name in the store, as `sip_sent`.
    pub fn kind(&self) -> &'static str {
        match self {
            Moment::SipSent { .. } => "sip_sent",
            Moment::SipReceived { .. } => "sip_received",
            Moment::InviteSent => "invite_sent",
            Moment::Ringing { .. } => "ringing",
            Moment::Answered { .. } => "answered",
            Moment::Forwarded { .. } => "forwarded",
            Moment::Redirected { .. } => "redirected",
            Moment::MovedOn { .. } => "moved_on",
            Moment::Reason { .. } => "reason",
            Moment::FirstAudio => "first_audio",
            Moment::Asked { .. } => "asked",
            Moment::Prompts { .. } => "prompts",
            Moment::PromptsEnded { .. } => "prompts_ended",
            Moment::Key { .. } => "key",
            Moment::KeyAlso { .. } => "key_also",
            Moment::Held => "held",
            Moment::Resumed => "resumed",
            Moment::MediaChanged { .. } => "media_changed",
            Moment::ChangeRefused { .. } => "change_refused",
            Moment::Answerer { .. } => "answerer",
            Moment::MessageLeft => "message_left",
            Moment::Missed { .. } => "missed",
            Moment::Answer { .. } => "answer",
            Moment::Complaint(_) => "complaint",
            Moment::ComplaintNote(_) => "complaint_note",
            Moment::Recorded { .. } => "recorded",
            Moment::OnRecord => "on_record",
            Moment::CallRecorded { .. } => "call_recorded",
            Moment::CallBack { .. } => "call_back",
            Moment::WrongNumber => "wrong_number",
            Moment::FamilyMember => "family_member",
            Moment::Refusal => "refusal",
            Moment::DoNotCall => "do_not_call",
            Moment::Lead => "lead",
            Moment::Transfer { .. } => "transfer",
            Moment::TransferEnded { .. } => "transfer_ended",
            Moment::NoAgent => "no_agent",
            Moment::AudioLost => "audio_lost",
            Moment::Hearing { .. } => "hearing",
            Moment::Quality(_) => "quality",
            Moment::HangUp { .. } => "hang_up",
            Moment::RemoteEnded => "remote_ended",
            Moment::Ended { .. } => "ended",
        }
    }

    /// What belongs to it, without the kind: the `detail` column.
    pub fn detail(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("kind");
        }
        value
    }

    /// One line for people.
    pub fn line(&self) -> String {
        match self {
            Moment::SipSent { message, cseq, peer } => format!("→ {message}  [{cseq}] to {peer}"),
            Moment::SipReceived { message, cseq, peer } => format!("← {message}  [{cseq}] from {peer}"),
            Moment::InviteSent => "the INVITE left".into(),
            Moment::Ringing { status, early_media } => {
                format!("rings ({status}{})", if *early_media { ", with early media" } else { "" })
            }
            Moment::Answered { codec, telephone_event, srtp } => {
                let srtp = srtp.as_ref().map(|suite| format!(", SRTP {suite}")).unwrap_or_default();
                format!("answered: {}{srtp}", media(codec, *telephone_event))
            }
            Moment::Forwarded { by, to, reason } => {
                let say = |word: &str, what: &Option<String>| what.as_ref().map(|what| format!(" {word} {what}"));
                let parts = [say("by", by), say("to", to), say("for", reason)];
                format!("the call was forwarded{}", parts.into_iter().flatten().collect::<String>())
            }
            Moment::Redirected { status, to } => format!("redirected ({status}) to {to}, followed"),
            Moment::MovedOn { from, to, why } => format!("{from} did not take it ({why}); goes to {to}"),
            Moment::Reason { causes } => format!("the far side says why: {}", causes.join(", ")),
            Moment::FirstAudio => "first sound from the customer's side".into(),
            Moment::Asked { question } => format!("asks {question}"),
            Moment::Prompts { prompts } => format!("says {}", prompts.join(" ")),
            Moment::PromptsEnded { interrupted: true } => "falls silent for a key".into(),
            Moment::PromptsEnded { interrupted: false } => "has finished speaking".into(),
            Moment::Key { key, path: None } => format!("key {key}"),
            Moment::Key { key, path: Some(path) } => format!("key {key}, by {}", path.words()),
            Moment::Held => "put on hold".into(),
            Moment::Resumed => "taken off hold".into(),
            Moment::MediaChanged { codec, telephone_event } => {
                format!("media changed: {}", media(codec, *telephone_event))
            }
            Moment::ChangeRefused { why } => format!("other media were refused: {why}"),
            Moment::Answerer { who, confidence, why } => {
                format!("answered by: {} ({confidence} %): {why}", who.as_str())
            }
            Moment::MessageLeft => "the message was left".into(),
            Moment::KeyAlso { key, path } => format!("key {key} by {} too: the same press", path.words()),
            Moment::Missed { question, why, gave_up } => {
                let what = match why {
                    Miss::Silent => "no key",
                    Miss::Invalid => "a key that is no answer",
                };
                format!("{question}: {what}{}", if *gave_up { ", given up" } else { "" })
            }
            Moment::Answer { question, keys, score, unhappy } => {
                let score = score.map(|score| format!(", score {score}")).unwrap_or_default();
                let keys = if keys.is_empty() { "(no keys)" } else { keys };
                format!("{question} = {keys}{score}{}", if *unhappy { " (unhappy)" } else { "" })
            }
            Moment::Complaint(trigger) => format!("complaint opened: {:?}", trigger.reason),
            Moment::ComplaintNote(trigger) => format!("noted for the complaint: {:?}", trigger.reason),
            Moment::Recorded { recording, failed: Some(error), .. } => {
                format!("{recording:?} could not be recorded: {error}")
            }
            Moment::Recorded { recording, duration_ms, failed: None } => {
                format!("recorded {recording:?}: {duration_ms} ms")
            }
            Moment::OnRecord => "agrees: the whole call is recorded from here on".into(),
            Moment::CallRecorded { failed: Some(error), .. } => {
                format!("the whole call could not be recorded: {error}")
            }
            Moment::CallRecorded { duration_ms, failed: None } => {
                format!("the whole call is on record: {duration_ms} ms")
            }
            Moment::CallBack { local } => format!("call-back booked for {local}"),
            Moment::WrongNumber => "wrong number".into(),
            Moment::FamilyMember => "a family member answers".into(),
            Moment::Refusal => "refused".into(),
            Moment::DoNotCall => "wants never to be called again".into(),
            Moment::Lead => "recommends somebody who plans to buy a car".into(),
            Moment::Transfer { step } => format!("hand-over: {step}"),
            Moment::TransferEnded { outcome } => format!("hand-over ended: {outcome}"),
            Moment::NoAgent => "no agent is free".into(),
            Moment::AudioLost => "no sound any more".into(),
            Moment::Hearing { hearing } => match hearing.as_str() {
                "heard" => "the far side hears us again".into(),
                "deaf" => "nothing of ours reaches the far side".into(),
                _ => "the far side's reports know nothing of our sound".into(),
            },
            Moment::Quality(quality) => quality.line(),
            Moment::HangUp { why } => format!("hangs up: {why}"),
            Moment::RemoteEnded => "the customer hung up".into(),
            Moment::Ended { disposition, detail } => format!("{disposition}: {detail}"),
        }
    }
}

fn media(codec: &str, telephone_event: Option<u8>) -> String {
    match telephone_event {
        Some(payload) => format!("{codec}, keys by RFC 4733 as payload {payload}"),
        None => format!("{codec}, no telephone-event agreed"),
    }
}
