//! Whole calls in virtual time: the engine's cores and a callee's cores, joined by a seeded network that loses, doubles and reorders.
//!
//! Engine side: SIP endpoint, call machine and media session with the real survey and the real prompts. Callee side: SIP endpoint, brain and ear of
//! `huifang callee` with a media session. No socket, no sleeping, no wall clock: time jumps to whatever happens next. A failure prints seed and log;
//! `HUIFANG_SEEDS=200 cargo test --test whole_call` runs so many seeds in place of the few that fit into a usual test run.

#[path = "whole_call/callee.rs"]
mod callee;
#[path = "whole_call/crossing.rs"]
mod crossing;
#[path = "whole_call/engine.rs"]
mod engine;
#[path = "whole_call/house.rs"]
mod house;
#[path = "whole_call/keys.rs"]
mod keys;
#[path = "whole_call/personas.rs"]
mod personas;
#[path = "whole_call/storm.rs"]
mod storm;
#[path = "whole_call/vanishing.rs"]
mod vanishing;
#[path = "whole_call/world.rs"]
mod world;
