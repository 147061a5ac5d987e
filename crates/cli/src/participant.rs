//! A participant's whole life: sign in, join, wait, start, compute, complete.
//!
//! Every call may be repeated: `join`, `checkin` and `start` by the protocol, `complete` because
//! the same bytes are sent again. So a lost answer, a cut connection or a restarted coordinator
//! costs time and nothing else: the call is made again, and what the coordinator says next is
//! where life goes on.

mod accepted;
mod calls;
mod check_ins;
mod ending;
mod leaving;
mod life;
mod news;
mod offline;
mod place;
mod probe;
mod session;
mod settings;
mod state;
mod turn;

pub use self::accepted::{Accepted, Times};
pub(crate) use self::leaving::what_leaving_means;
pub use self::news::{Listener, News, Step};
pub use self::settings::{Offline, ParticipantSettings};
pub use self::state::Participant;
pub(crate) use self::state::Stop;
