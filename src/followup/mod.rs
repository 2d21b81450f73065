//! Follow-ups before they are dialled: lists that come in, and what they make due.

pub mod calendar;
pub mod import;
pub mod list;
