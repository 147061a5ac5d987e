//! Turns an hour: a synthetic population against a coordinator.
//!
//! [`population`] fixes who comes when and how each turn goes, [`person`], [`turn`] and [`caller`]
//! are the client of one of them, [`world`] is what they share and where they note what happens to
//! them, [`journal`] is what the coordinator wrote down, and [`figures`] is what comes out of both.

pub mod caller;
pub mod figures;
pub mod journal;
pub mod person;
pub mod population;
pub mod server;
mod slots;
mod text;
pub mod turn;
pub mod world;
