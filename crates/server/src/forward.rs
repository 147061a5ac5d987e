//! Requests that reach a replica: answered here where it leads, else by the one that does.
//!
//! A participant may talk to any replica at any time. What a replica cannot answer itself goes to the
//! leader's internal listener, body and answer passed on as they come. While nobody leads, a request is held
//! for a moment. So a change of leader is a pause, and whatever was not answered can be sent again.
//!
//! | file | holds |
//! |---|---|
//! | `term` | how long a leader may take itself for one |
//! | `role` | who leads, as far as this replica knows |
//! | `headers` | what is passed on of a request and an answer, and what is added |
//! | `bodies` | bodies that may be sent again, and answers that end with their leader |
//! | `check_ins` | check-ins, which travel in batches |
//! | `copies` | what a follower answers itself |
//! | `deputy` | what a follower does of the leader's work: the state to build on, and verification |
//! | `vetting` | uploads that a follower verifies while it passes them on |
//! | `told` | what followers and the leader tell each other beside that |
//! | `link` | connections to the leader |
//! | `door` | what participants reach |
//! | `inside` | what other replicas reach |

mod bodies;
mod check_ins;
mod copies;
mod deputy;
mod door;
mod headers;
mod inside;
mod link;
mod role;
mod term;
mod told;
mod vetting;

pub(crate) use self::check_ins::CheckIns;
pub(crate) use self::copies::{Copies, Keeping};
pub(crate) use self::deputy::{Deputy, Known};
pub(crate) use self::door::Door;
pub(crate) use self::headers::Secret;
pub(crate) use self::inside::Inside;
pub(crate) use self::link::Link;
pub(crate) use self::role::{Lead, Leader, Role, Roles, authority_of};
pub(crate) use self::term::{Over, Term};
