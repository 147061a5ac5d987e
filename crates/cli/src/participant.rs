//! A participant: signs in, joins, waits, starts, computes and completes a contribution.
//!
//! Every call can be repeated: `join`, `checkin` and `start` by the protocol, and `complete`
//! because the same bytes are sent again. A lost answer, a cut connection or a restarted
//! coordinator therefore costs nothing but time. The call is made again, and the participant goes
//! on from what the coordinator answers.

mod accepted;
mod calls;
mod check_ins;
mod ending;
mod keeping;
mod leaving;
mod life;
mod line;
mod moved;
mod news;
mod offline;
mod place;
mod probe;
mod session;
mod settings;
mod state;
mod turn;
mod waiting;

pub use self::accepted::{Accepted, Times};
pub(crate) use self::leaving::what_leaving_means;
pub(crate) use self::moved::named_by_log;
pub use self::news::{Listener, News, Step};
pub use self::settings::{Offline, ParticipantSettings};
pub use self::state::Participant;
pub(crate) use self::state::Stop;
