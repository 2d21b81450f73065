//! What managers read: figures of a period put together for page, API and decks, and the writers of decks and sheets. Figures come from `rates` and `db`; this room
//! reckons nothing that they do not define, and decides nothing.
#![forbid(unsafe_code)]

pub mod book;
pub mod build;
pub mod deck;
pub mod file;
pub mod items;
pub mod model;
pub mod period;
pub mod register;
pub mod satisfaction;
pub mod schedule;
pub mod sheet;
pub mod text;
pub mod weak;
