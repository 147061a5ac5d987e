//! Traces for OpenTelemetry: how long requests, turns, verifications and commits take, and what is part of
//! what. `docs/operating.md` has the list.
//!
//! Where nobody collects them, nothing is made. Where somebody does, a span that is over goes into a queue
//! that is bounded and never waited for; a thread of its own sends what is in it. No span holds an identity,
//! an address, a query or a token.

mod collector;
mod spans;
mod turns;

pub(crate) use self::spans::{Spell, Traces};
pub(crate) use self::turns::TurnSpans;
