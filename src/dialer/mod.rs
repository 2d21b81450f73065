//! Dialling: `policy` (pure: windows, caps, retries, pacing), `trunks` (who takes the next call), and the shells: `worker` (the loop), `floor` (its live calls), `house`
//! (what it does beside), `launch` (one attempt), `keeper` (what an attempt reports), `judge` (what a dead engine left), `retention` (recordings whose time is over), `salvage` (recordings that a dead engine left unfinished), `outlook` (what people are told of the queue), `tracer` (SIP messages into the store), `watch` (trunks whose figures fall), `tally` (what was done since the start), `trunk_keeper` (where trunks are, whether they answer, our registrations).
#![forbid(unsafe_code)]

mod floor;
pub mod forget;
mod house;
pub mod judge;
pub mod keeper;
pub mod launch;
pub mod outlook;
pub mod policy;
pub mod retention;
mod salvage;
pub mod summary;
pub mod surveys;
pub mod tally;
pub mod tracer;
pub mod traces;
pub mod trunk_keeper;
pub mod trunks;
mod watch;
pub mod worker;
