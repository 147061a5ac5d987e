//! Replicas behind a proxy that are killed while people wait and contribute.

pub mod check;
pub mod front;
pub mod person;
pub mod replicas;
pub mod seen;
pub mod world;
