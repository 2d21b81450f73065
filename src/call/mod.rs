//! What a call is: the machine that joins SIP, media and survey, its disposition and its timeline; `driver` is the shell around it.
#![forbid(unsafe_code)]

pub mod disposition;
pub mod driver;
pub mod handover;
pub mod ladder;
pub mod machine;
pub mod timeline;
pub mod trace;
