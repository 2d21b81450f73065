//! The texts that the tables' CHECK lists allow, as enums. One test compares the two.

use serde::{Deserialize, Serialize};

macro_rules! text_enum {
    ($($(#[$doc:meta])* $name:ident ($constraint:literal) { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, sqlx::Type)]
            #[serde(rename_all = "snake_case")]
            #[sqlx(type_name = "text", rename_all = "snake_case")]
            pub enum $name { $($(#[$vdoc])* $variant,)* }

            impl $name {
                /// All variants.
                pub const ALL: &'static [$name] = &[$($name::$variant,)*];

                /// The variant of a text; none: there is no such one.
                pub fn of(text: &str) -> Option<$name> {
                    $name::ALL.iter().copied().find(|one| one.as_str() == text)
                }

                /// The text in the store.
                pub fn as_str(self) -> &'static str {
                    match self { $($name::$variant => $text,)* }
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(self.as_str())
                }
            }
        )*

        /// Each enum's CHECK constraint and texts.
        #[cfg(test)]
        pub(crate) fn check_lists() -> Vec<(&'static str, Vec<&'static str>)> {
            vec![$(($constraint, $name::ALL.iter().map(|v| v.as_str()).collect()),)*]
        }
    };
}

text_enum! {
    /// Where a follow-up stands. Being leased is no state (see the column's comment).
    FollowUpState ("follow_ups_state_check") {
        /// Owed, never tried.
        Waiting = "waiting",
        /// Tried, to be dialled again.
        Retry = "retry",
        /// The customer booked the next attempt's time.
        CallBack = "call_back",
        /// An attempt is open.
        InCall = "in_call",
        /// Nothing redials by itself; a person decides.
        NeedsReview = "needs_review",
        /// Has its final disposition.
        Done = "done",
        /// Its deadline passed.
        Expired = "expired",
    }
    /// Why a follow-up is in its state, where the state does not say it.
    StateReason ("follow_ups_state_reason_check") {
        /// The engine died after the INVITE left.
        EngineDied = "engine_died",
        /// The row cannot be used (a time zone that does not exist).
        BadData = "bad_data",
        /// The deadline passed before the customer was reached.
        NotReachedInTime = "not_reached_in_time",
        /// The number is on the do-not-call list.
        NumberBlocked = "number_blocked",
        /// The number was marked wrong.
        NumberWrong = "number_wrong",
        /// The number is refused: allow-list, or a range that costs more than a call.
        NumberRefused = "number_refused",
        /// The INVITE left and nobody knows what became of it.
        OutcomeUnknown = "outcome_unknown",
        /// The trunk refuses our calls.
        TrunkRefused = "trunk_refused",
    }
    /// What is done with a campaign.
    CampaignState ("campaigns_state_check") {
        /// Dialled.
        Running = "running",
        /// Nothing new is dialled; live calls go on.
        Paused = "paused",
        /// Nothing new is dialled; live calls are asked to close.
        Draining = "draining",
    }
    /// What a follow-up is about.
    EventKind ("service_events_kind_check") {
        /// First-time showroom visit.
        Visit = "visit",
        /// Delivery of a bought car.
        Delivery = "delivery",
        /// Repair or maintenance pick-up.
        Repair = "repair",
    }
    /// Which list an import read.
    ListKind ("imports_list_check") {
        /// Showroom traffic register.
        Showroom = "showroom",
        /// Delivery summary.
        Delivery = "delivery",
        /// After-sales list of the dealer-management system.
        Repair = "repair",
    }
    /// Where a manual touch stands.
    TaskState ("follow_up_tasks_state_check") {
        /// To be made.
        Open = "open",
        /// Made.
        Done = "done",
        /// Left out on purpose.
        Skipped = "skipped",
    }
    /// What a recording holds.
    RecordingKind ("recordings_kind_check") {
        /// The open suggestion (建议).
        Suggestion = "suggestion",
        /// What an unhappy customer said where no agent was free.
        Statement = "statement",
        /// The correction of the advisor's name.
        AdvisorNote = "advisor_note",
        /// Who plans to buy a car.
        Lead = "lead",
        /// The whole call, both ways, where the customer agreed.
        Call = "call",
    }
    /// What made a customer count as unhappy.
    ComplaintReason ("complaints_reason_check") {
        /// A score at or below the survey's limit.
        LowScore = "low_score",
        /// A repurchase intent at or below the survey's limit.
        LowIntent = "low_intent",
        /// Too many service steps answered "no".
        Noes = "noes",
        /// `0` pressed.
        AskedForPerson = "asked_for_person",
    }
    /// What other systems are told of, and what customers are sent.
    OutboxEvent ("outbox_event_check") {
        /// A follow-up ended with a complete interview.
        Completed = "completed",
        /// A follow-up ended with anything else.
        Closed = "closed",
        /// A complaint was opened.
        Complaint = "complaint",
        /// A customer booked a call-back.
        CallBack = "call_back",
        /// A try to hand a caller to an agent ended.
        Transfer = "transfer",
        /// A report was made.
        Report = "report",
        /// A text message in a call's place.
        Sms = "sms",
    }
    /// Who is told.
    OutboxTarget ("outbox_targets_kind_check") {
        /// Another system, by HTTP.
        Webhook = "webhook",
        /// Customers, by the SMS gateway.
        Sms = "sms",
    }
    /// Where a message stands.
    OutboxState ("outbox_state_check") {
        /// To be sent when its time comes.
        Waiting = "waiting",
        /// An engine has it.
        Sending = "sending",
        /// Taken by the other side.
        Sent = "sent",
        /// Given up.
        Failed = "failed",
        /// An SMS of which nobody knows whether it went out.
        Unknown = "unknown",
    }
    /// Where a complaint stands.
    ComplaintState ("complaints_state_check") {
        /// Being worked.
        Open = "open",
        /// Reviewed and closed.
        Closed = "closed",
    }
    /// Who put a number on the do-not-call list.
    DoNotCallSource ("do_not_call_source_check") {
        /// The customer, by key.
        Keypad = "keypad",
        /// A list.
        Import = "import",
        /// A person at the dealer.
        Api = "api",
    }
    /// Whether a trunk gets calls.
    TrunkState ("trunk_states_state_check") {
        /// It answers, or our registration with it holds.
        Up = "up",
        /// It gets none.
        Down = "down",
        /// Nothing speaks against it, and nobody has asked.
        Unknown = "unknown",
    }
    /// What somebody may do on the pages.
    UserRole ("users_role_check") {
        /// Sees how the run goes, people masked; changes nothing, hears nobody.
        ReadOnly = "read_only",
        /// Takes calls, works complaints.
        Agent = "agent",
        /// Sees and steers everything of the dealer's.
        Manager = "manager",
        /// The same, and users and agents.
        Admin = "admin",
    }
    /// How an agent is reached.
    Reach ("agents_reach_check") {
        /// A softphone that registers with the engine.
        Registered = "registered",
        /// A SIP URI, by a trunk or directly.
        Uri = "uri",
        /// The page.
        Browser = "browser",
        /// A queue of the PBX, by REFER.
        Pbx = "pbx",
    }
    /// Where an agent on duty stands. Without an open session: offline.
    AgentState ("agent_sessions_state_check") {
        /// Free.
        Available = "available",
        /// Held for a caller who is being asked.
        Reserved = "reserved",
        /// The phone or the page rings.
        Ringing = "ringing",
        /// With the caller.
        Talking = "talking",
        /// Writing up.
        WrapUp = "wrap_up",
        /// Away from the desk.
        Break = "break",
    }
    /// What an agent wishes for after the call.
    NextState ("agent_sessions_next_state_check") {
        /// A break.
        Break = "break",
        /// The end of duty.
        Offline = "offline",
    }
    /// How a caller is handed over.
    TransferMode ("transfers_mode_check") {
        /// A second call, joined in the media engine.
        Bridge = "bridge",
        /// REFER (RFC 3515).
        Refer = "refer",
        /// REFER with Replaces (RFC 3891) after the engine's own call.
        ReferAttended = "refer_attended",
    }
    /// What became of a hand-over.
    TransferOutcome ("transfers_outcome_check") {
        /// They talked.
        Accepted = "accepted",
        /// The agent turned it down.
        Rejected = "rejected",
        /// The agent did not react in time.
        NoAnswer = "no_answer",
        /// The customer hung up while waiting.
        CustomerGaveUp = "customer_gave_up",
        /// The agent's phone or line broke.
        AgentFailed = "agent_failed",
        /// The PBX refused or failed.
        PbxRefused = "pbx_refused",
        /// The customer would rather be called back.
        Declined = "declined",
        /// There was no agent to try.
        NobodyFree = "nobody_free",
        /// The engine died or stopped.
        Interrupted = "interrupted",
    }
    /// What an agent said on the page.
    PageWord ("transfers_page_word_check") {
        /// Takes the call; the offer is there.
        Take = "take",
        /// Turns it down.
        Reject = "reject",
        /// Ends it.
        HangUp = "hang_up",
    }
}

/// The complaint's words are its core's; the store keeps their texts.
pub use crate::complaint::{Cause, Level, Nature, RootCause, StepKind};

macro_rules! stored {
    ($($name:ident)*) => {$(
        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <str as sqlx::Type<sqlx::Postgres>>::type_info()
            }
            fn compatible(of: &sqlx::postgres::PgTypeInfo) -> bool {
                <str as sqlx::Type<sqlx::Postgres>>::compatible(of)
            }
        }
        impl sqlx::Encode<'_, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <&str as sqlx::Encode<sqlx::Postgres>>::encode(self.as_str(), buffer)
            }
        }
        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<$name, sqlx::error::BoxDynError> {
                Ok(<&str as sqlx::Decode<'r, sqlx::Postgres>>::decode(value)?.parse()?)
            }
        }
    )*};
}

use crate::weak_item::{State as WeakItemState, StepKind as WeakItemStep};

stored! { Cause Level Nature RootCause StepKind WeakItemState WeakItemStep }

impl FollowUpState {
    /// True for the states that make up the queue.
    pub fn is_queued(self) -> bool {
        match self {
            FollowUpState::Waiting | FollowUpState::Retry | FollowUpState::CallBack => true,
            FollowUpState::InCall | FollowUpState::NeedsReview | FollowUpState::Done | FollowUpState::Expired => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, Level, Nature, RootCause, StepKind};
    use crate::followup::calendar::rule::{Purpose, Role, Segment};
    use sqlx::PgPool;
    use std::collections::BTreeSet;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn the_enums_and_the_check_lists_name_the_same_texts(pool: PgPool) {
        let lists: Vec<(String, String)> = sqlx::query_as(
            "select conname::text, pg_get_constraintdef(oid) from pg_constraint where contype = 'c' and pg_get_constraintdef(oid) like '%ANY (ARRAY[%'
               and conname like '%\\_check'",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let in_database: BTreeSet<(String, BTreeSet<String>)> = lists
            .into_iter()
            .map(|(name, definition)| (name, definition.split('\'').skip(1).step_by(2).map(str::to_owned).collect()))
            .collect();
        let mut in_code: BTreeSet<(String, BTreeSet<String>)> = super::check_lists()
            .into_iter()
            .map(|(name, texts)| (name.to_owned(), texts.into_iter().map(str::to_owned).collect()))
            .collect();
        for (name, texts) in [
            (
                "sip_messages_leg_check",
                [crate::call::trace::Leg::Customer, crate::call::trace::Leg::Agent].map(|leg| leg.as_str()).join(", "),
            ),
            ("sip_messages_transport_check", "udp, tcp, tls".to_owned()),
            ("customers_segment_check", Segment::list()),
            ("follow_up_tasks_owner_role_check", Role::list()),
            ("follow_up_tasks_purpose_check", Purpose::list()),
            ("weak_item_plans_state_check", super::WeakItemState::list()),
            ("weak_item_steps_kind_check", super::WeakItemStep::list()),
            ("complaint_steps_kind_check", StepKind::list()),
            ("complaints_nature_check", Nature::list()),
            ("complaints_cause_check", Cause::list()),
            ("complaints_level_check", Level::list()),
            ("complaints_root_cause_check", RootCause::list()),
        ] {
            in_code.insert((name.to_owned(), texts.split(", ").map(str::to_owned).collect()));
        }
        // A list of one text is printed as "= 'text'"; it is asked for on its own.
        for (name, texts) in in_code.clone().iter().filter(|(_, texts)| texts.len() == 1) {
            let definition: String =
                sqlx::query_scalar("select pg_get_constraintdef(oid) from pg_constraint where conname = $1")
                    .bind(name)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
            assert!(definition.contains(&format!("'{}'", texts.first().unwrap())), "{name}: {definition}");
            in_code.remove(&(name.clone(), texts.clone()));
        }
        assert_eq!(in_code, in_database);
    }
}
