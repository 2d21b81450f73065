//! Dialling: `policy` (pure: windows, caps, retries, pacing), `trunks` (who takes the next call), and the shells: `worker` (the loop), `floor` (its live calls), `house`
//! (what it does beside), `launch` (one attempt), `keeper` (what an attempt reports), `judge` (what a dead engine left), `retention` (recordings whose time is over), `outlook` (what people are told of the queue).

mod floor;
mod house;
pub mod judge;
pub mod keeper;
pub mod launch;
pub mod outlook;
pub mod policy;
pub mod retention;
mod surveys;
pub mod trunks;
pub mod worker;
