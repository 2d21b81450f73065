//! Ids as newtypes over UUIDv7 (RFC 9562 5.7), made from a time and random bits that the caller gives: nothing here asks a clock or a generator.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// An id of the moment `unix_ms` with 74 of the bits of `random`.
            pub fn from_parts(unix_ms: u64, random: [u8; 10]) -> $name {
                $name(uuid_v7(unix_ms, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> $name {
                $name(uuid)
            }
        }
    )*};
}

/// A UUIDv7 of `unix_ms` (milliseconds since 1970) and `random`.
pub fn uuid_v7(unix_ms: u64, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid()
}

id! {
    /// A customer.
    CustomerId;
    /// A phone number of a customer.
    PhoneId;
    /// A vehicle.
    VehicleId;
    /// An advisor of the dealer.
    AdvisorId;
    /// A visit, a delivery or a repair.
    ServiceEventId;
    /// A follow-up: one customer owed one call of one kind for one event.
    FollowUpId;
    /// A manual touch of the calendar.
    TaskId;
    /// One attempt at a follow-up: an INVITE that left.
    AttemptId;
    /// One answer.
    AnswerId;
    /// One recording.
    RecordingId;
    /// One complaint.
    ComplaintId;
    /// An improvement of a weak item (`weak_item_plans`).
    WeakItemId;
    /// One booked call-back.
    CallBackId;
    /// Somebody who plans to buy a car, named by a customer.
    LeadId;
    /// One imported file.
    ImportId;
    /// The token of a lease on a follow-up.
    LeaseToken;
    /// Somebody who signs in on the pages.
    UserId;
    /// A token of the API.
    TokenId;
    /// Somebody who takes calls.
    AgentId;
    /// One turn of duty of an agent.
    AgentSessionId;
    /// One try to hand a caller to an agent.
    TransferId;
    /// The token of a lease on an agent.
    ReservationToken;
}
