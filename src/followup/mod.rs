//! Follow-ups before they are dialled: lists that come in, the calendar, and what both make due.
#![forbid(unsafe_code)]

pub mod calendar;
pub mod import;
pub mod list;
pub mod planner;
