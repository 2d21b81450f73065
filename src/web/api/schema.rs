//! Schemas of the store's enums, made from the enums' own lists, so that the document cannot lag behind the store.

use crate::db::state::{
    CampaignState, ComplaintReason, ComplaintState, DoNotCallSource, EventKind, FollowUpState, NextState,
    RecordingKind, StateReason, StepKind, TransferOutcome,
};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

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
}

/// The texts of StateReason, or null.
pub fn state_reason() -> Object {
    or_null(texts(StateReason::ALL.iter().map(|text| text.as_str())))
}

/// The texts of NextState, or null.
pub fn next_state() -> Object {
    or_null(texts(NextState::ALL.iter().map(|text| text.as_str())))
}

/// The texts of TransferOutcome, or null.
pub fn transfer_outcome() -> Object {
    or_null(texts(TransferOutcome::ALL.iter().map(|text| text.as_str())))
}

fn or_null(mut schema: Object) -> Object {
    schema.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    schema
}

fn texts<'a>(all: impl Iterator<Item = &'a str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(all)).build()
}
