//! Schemas of the store's enums, made from the enums' own lists, so that the document cannot lag behind the store.

use crate::complaint::{Cause, Level, Nature, RootCause};
use crate::db::state::{
    CampaignState, ComplaintReason, ComplaintState, DoNotCallSource, EventKind, FollowUpState, NextState, OutboxEvent,
    OutboxState, RecordingKind, StateReason, StepKind, TaskState, TransferOutcome, TrunkState,
};
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

macro_rules! enums {
    ($($name:ident: $type:ident;)*) => {$(
        #[doc = concat!("The texts of ", stringify!($type), ".")]
        pub fn $name() -> Object {
            texts($type::ALL.iter().map(|text| text.as_str()))
        }
    )*};
}

enums! {
    follow_up_state: FollowUpState;
    event_kind: EventKind;
    recording_kind: RecordingKind;
    complaint_reason: ComplaintReason;
    complaint_state: ComplaintState;
    step_kind: StepKind;
    campaign_state: CampaignState;
    do_not_call_source: DoNotCallSource;
    level: Level;
    trunk_state: TrunkState;
    outbox_state: OutboxState;
    outbox_event: OutboxEvent;
    task_state: TaskState;
}

/// What a manual touch is closed as.
pub fn task_end() -> Object {
    texts([TaskState::Done, TaskState::Skipped].iter().map(|state| state.as_str()))
}

macro_rules! enums_or_null {
    ($($name:ident: $type:ident;)*) => {$(
        #[doc = concat!("The texts of ", stringify!($type), ", or null.")]
        pub fn $name() -> Object {
            or_null(texts($type::ALL.iter().map(|text| text.as_str())))
        }
    )*};
}

enums_or_null! {
    state_reason: StateReason;
    next_state: NextState;
    transfer_outcome: TransferOutcome;
    nature_or_null: Nature;
    cause_or_null: Cause;
    root_cause_or_null: RootCause;
}

/// Texts of StepKind.
pub fn step_kinds() -> Array {
    ArrayBuilder::new().items(step_kind()).build()
}

fn or_null(mut schema: Object) -> Object {
    schema.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    schema
}

fn texts<'a>(all: impl Iterator<Item = &'a str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(all)).build()
}
