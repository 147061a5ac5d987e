//! The coordinator: one task owns the queue, everybody else holds a [`Coordinator`].
//!
//! The task has a thread of its own, because it commits to the store itself. It hears messages
//! from a mailbox, and a clock wakes it for deadlines. Its law (`ARCHITECTURE.md` says
//! more of it): store the contribution's blob, then `Submit`; step; append; commit; publish; reply.
//! One commit may cover many messages; a commit that fails ends the task, and with it the process,
//! before anybody has heard of what was not durable.
//!
//! A message is what the task shall do. So each file holds both ends of its topic: what the handle
//! asks, and what the task does about it.
//!
//! | file | topic |
//! |---|---|
//! | `line` | a place in line, taken and given up |
//! | `presence` | who is there: check-ins, streams, tries, answers that are held |
//! | `turn` | a turn: started, given up; the upload and its verdict |
//! | `operator` | orders and questions of the operator |
//! | `planned` | what the operator plans for later |
//! | `handover` | giving the ceremony away, and another key for the log |
//! | `lookup` | what only the store knows |
//! | `history` | turns that are over, and single contributions |
//! | `open` | from a store to a running coordinator |
//! | `copy` | from a store that another process writes to a handle that can be asked |
//! | `handle`, `task`, `run` | the handle, the task's state and step, its loop |
//! | `caller`, `reply`, `refusals` | who asks, what is answered, and refusals in words |
//! | `log_line` | lines on standard error, and what is measured of the log |
//!
//! What cannot drift apart: everything that one command changes is one transaction
//! ([`store::Batch`](tauline_store::Batch)); what memory holds is a fold over what was committed;
//! and an opening checks each thing that is stored beside the log against the log.

mod caller;
mod copy;
mod handle;
mod handover;
mod history;
mod line;
mod log_line;
mod lookup;
mod open;
mod operator;
mod planned;
mod presence;
mod refusals;
mod reply;
mod run;
mod task;
mod turn;

pub use caller::Caller;
pub(crate) use copy::{CaughtUp, CheckpointTold, Copy, open_copy};
pub use handle::{CeremonySettings, Coordinator};
pub(crate) use history::{Changes, Source, Told};
pub(crate) use open::open_measured;
pub use open::{Opened, StartError, open};
pub use operator::Order;
pub use presence::waiters::Seen;
pub(crate) use refusals::how_it_ended_plainly;
pub use reply::{Counted, Tried};
pub use run::Crash;
pub use turn::upload::Admission;
