//! huifang (回访, follow-up call): the engine that calls a dealer's customers after a visit, a sale or a repair.
//!
//! The floors are described in docs/ARCHITECTURE.md; `tests/tidy.rs` holds them. Lower floors never import higher ones.
#![deny(unsafe_code)]

// floor 0: what everybody may use
pub mod clock;
pub mod config;
pub mod ids;
pub mod phone;
pub mod spans;
pub mod template;
pub mod wording;

// floor 1: pure cores
pub mod media;
pub mod rates;
pub mod sdp;
pub mod sip;
pub mod survey;
pub mod weak_item;

// cores and shells that share a room (each file says which it is)
pub mod agent;
pub mod call;
pub mod complaint;
pub mod dialer;
pub mod followup;
pub mod outbox;

// floor 2: sockets and the store
pub mod db;
pub mod net;

// floor 4: pages and API, decks and sheets
pub mod report;
pub mod web;

// floor 5: the commands
pub mod cli;

// beside: simulated callees on the same cores
pub mod sim;
