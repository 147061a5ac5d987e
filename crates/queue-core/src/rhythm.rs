//! When a client in line lets itself be heard: the other side of
//! [`Rules::checkin_interval`](crate::Rules::checkin_interval).
//!
//! Far back nobody is waited for, so a client goes by its deadline, as late as is safe. Near its
//! turn it has a check-in held, one after the other: so it is there when the turn comes, and hears
//! of it at once (`docs/spec/queue.md#far-back`). The coordinator's page decides by the same cases
//! (`tests/rhythm/cases.json`) in `web/src/rhythm.ts`.

use core::time::Duration;

use crate::time::millis;

/// The first so many in line hold their check-ins. A free turn goes to one of the first
/// [`NEAR_HEAD`](crate::NEAR_HEAD); before one who rests is among them, so many more would have to
/// go away unnoticed.
pub const NEAR_TURN: u64 = 30;

/// Who expects its turn within so long holds its check-ins, too: where turns are short, thirty are
/// soon over.
const SOON: Duration = Duration::from_secs(120);

/// How long before its deadline a client is heard of at the latest: time for two tries without an
/// answer, and a third one, within the deadline and the grace.
const TRIES: Duration = Duration::from_secs(10);

/// A shorter rest asks no less than check-ins that are held for 15 s.
const SHORTEST_REST: Duration = Duration::from_secs(12);

/// What a client in line was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its position, 1 at the head.
    pub position: u64,
    /// The time to its deadline.
    pub deadline_in: Duration,
    /// The time to its expected start.
    pub start_in: Duration,
}

/// How a client in line checks in next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once, and has the answer held.
    Hold,
    /// After a rest of so long, and is answered at once.
    Rest(Duration),
}

/// How a client in line checks in next, by what it was told just now.
///
/// `late` is how late the client's own timer may be, as that of a page that nobody looks at is.
/// `chance` is drawn anew each time, from 0 to 1,000: so those who came together come apart.
#[must_use]
pub fn next(told: &Told, late: Duration, chance: u16) -> Next {
    if told.position <= NEAR_TURN || told.start_in <= SOON {
        return Next::Hold;
    }
    let deadline = millis(told.deadline_in);
    let fifth = deadline / 5;
    let longest = deadline.saturating_sub(fifth.max(millis(TRIES + late)));
    if longest.saturating_sub(fifth) < millis(SHORTEST_REST) {
        return Next::Hold;
    }
    let sooner = fifth * u64::from(chance.min(1000)) / 1000;
    Next::Rest(Duration::from_millis(longest - sooner))
}

/// How soon a client that rests checks in nonetheless, since so many may have `gone` who were ahead
/// of it; `None` if it goes on resting.
///
/// That is when they are half of those who kept it from the first [`NEAR_TURN`]. When many go at
/// once, those in front ask first, and all together a thousand a second.
#[must_use]
pub fn hurry(position: u64, gone: u64) -> Option<Duration> {
    let kept_away = position.saturating_sub(NEAR_TURN);
    let many = gone > 0 && gone.saturating_mul(2) >= kept_away;
    many.then(|| Duration::from_millis(position))
}
