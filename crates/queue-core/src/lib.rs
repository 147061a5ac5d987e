//! The rules of a first in, first out contribution queue, as a pure event-sourced state machine.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod command;
mod estimate;
mod event;
#[cfg(feature = "faults")]
mod fault;
mod line;
mod queue;
mod refusal;
mod rules;
mod state;
mod time;

pub use command::{Command, Mode, Ticket, Verdict};
pub use event::{Entry, Event, Outcome, Phase};
#[cfg(feature = "faults")]
#[doc(hidden)]
pub use fault::Fault;
pub use queue::{Queue, Step};
pub use refusal::{Misfit, Refusal, ReplayError};
pub use rules::{Rules, RulesError};
pub use state::{Past, State, Stay, Turn};
pub use time::Timestamp;
