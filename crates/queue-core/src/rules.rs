//! The settings of a queue.

use core::time::Duration;

use crate::time::millis;

/// The lengths of all deadlines. [`Rules::default`] gives those of `docs/spec/queue.md#deadlines`.
///
/// Settings act on new events only: deadlines in the log are absolute, so a coordinator may be
/// restarted with other rules and every promise already made still stands. Durations are used in
/// whole milliseconds, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rules {
    /// The longest time between two check-ins. Default 1 h (`docs/spec/queue.md#budget`).
    pub checkin_max: Duration,
    /// The shortest time between two check-ins, and the time for the first three in line. Default
    /// 5 s (`docs/spec/queue.md#near-head`).
    pub checkin_min: Duration,
    /// How late a participant may be, for latency and clocks. Default 5 s
    /// (`docs/spec/queue.md#grace`). It applies to every deadline of a participant's; the
    /// verification deadline is the coordinator's own and has none.
    pub checkin_grace: Duration,
    /// How many check-ins a second all in line together may make; with so many in line that the
    /// shortest intervals would come to more, the longest interval grows. Default 1,000
    /// (`docs/spec/queue.md#budget`).
    pub checkin_rate: u32,
    /// The longest time between two check-ins while the budget allows more: so a free turn never
    /// waits long for somebody absent. Default 30 s (`docs/spec/queue.md#budget`).
    pub checkin_relaxed: Duration,
    /// How often a stay may be passed: its turn goes to somebody behind it because it is not there.
    /// Default 1; 0 is strict order (`docs/spec/queue.md#passes`).
    pub passes: u32,
    /// Time from being called to starting. Default 15 s (`docs/spec/queue.md#start`).
    pub start_limit: Duration,
    /// Time from starting to the last byte of the contribution. Default 180 s
    /// (`docs/spec/queue.md#contribution`).
    pub contribution_limit: Duration,
    /// If given, the time from starting to the last byte follows the contributions that were
    /// accepted of late: twice what 95 of 100 of them took, but at least this and at most
    /// [`contribution_limit`](Self::contribution_limit). It is fixed at the start, and extended up
    /// to `contribution_limit` as long as the bytes of the upload arrive. Default `None`: the limit
    /// is always `contribution_limit`.
    pub contribution_min: Option<Duration>,
    /// Time between check-ins while contributing, for those who check in then. Default 30 s
    /// (`docs/spec/queue.md#stall`).
    pub stall_limit: Duration,
    /// The same after the connection was closed and nothing came back. Default 15 s
    /// (`docs/spec/queue.md#disconnect`). One that is longer than `stall_limit` changes nothing.
    pub disconnect_limit: Duration,
    /// Time that the coordinator gives itself to verify. Past it the stay ends as its own fault: no
    /// state is without a timer (`docs/spec/known-faults.md#cancelled-upload`). Default 300 s:
    /// fifty times what verification of a full-size contribution takes
    /// (`docs/spec/queue.md#verification`).
    pub verification_limit: Duration,
    /// What a turn is taken to last until one has been seen. Default 60 s: a full-size contribution
    /// on an ordinary machine.
    pub expected_turn: Duration,
    /// By how much at least a durable check-in record covers later check-ins. Default 60 s: one
    /// record a minute instead of one every five seconds for somebody near the head, at the price
    /// that a vanished head can be waited for that much longer after a restart.
    pub lasting_step: Duration,
    /// How often a living coordinator steps the queue at least while anybody is in it: see
    /// [`Queue::wake_at`](crate::Queue::wake_at). A gap of more than two and a half of these
    /// between two steps is an absence of the coordinator's, which costs nobody anything. A shorter
    /// one is covered by the grace, which should be longer than that. Default 1 s.
    pub tick: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            checkin_max: Duration::from_secs(3600),
            checkin_min: Duration::from_secs(5),
            checkin_grace: Duration::from_secs(5),
            checkin_rate: 1000,
            checkin_relaxed: Duration::from_secs(30),
            passes: 1,
            start_limit: Duration::from_secs(15),
            contribution_limit: Duration::from_secs(180),
            contribution_min: None,
            stall_limit: Duration::from_secs(30),
            disconnect_limit: Duration::from_secs(15),
            verification_limit: Duration::from_secs(300),
            expected_turn: Duration::from_secs(60),
            lasting_step: Duration::from_secs(60),
            tick: Duration::from_secs(1),
        }
    }
}

/// How many places at the head of the line check in at the shortest interval, and can be called
/// before those ahead who are absent (`docs/spec/queue.md#near-head`: the first three in line).
pub const NEAR_HEAD: u64 = 3;

impl Rules {
    /// The longest that any setting may be: a year. A longer one is a slip of units.
    pub const MAX_LENGTH: Duration = Duration::from_secs(366 * 24 * 3600);

    /// Whether these settings can be used.
    ///
    /// # Errors
    ///
    /// Names the first setting that is zero (below a millisecond) where it must not be, that is
    /// longer than [`Rules::MAX_LENGTH`], or that contradicts another.
    pub fn validate(&self) -> Result<(), RulesError> {
        let positive = [
            ("checkin_max", self.checkin_max),
            ("checkin_min", self.checkin_min),
            ("start_limit", self.start_limit),
            ("contribution_limit", self.contribution_limit),
            ("stall_limit", self.stall_limit),
            ("disconnect_limit", self.disconnect_limit),
            ("checkin_relaxed", self.checkin_relaxed),
            ("tick", self.tick),
            ("verification_limit", self.verification_limit),
            ("expected_turn", self.expected_turn),
        ];
        for (setting, value) in positive {
            if millis(value) == 0 {
                return Err(RulesError::Zero { setting });
            }
        }
        let any = [
            ("checkin_grace", self.checkin_grace),
            ("lasting_step", self.lasting_step),
        ];
        for (setting, value) in positive.into_iter().chain(any) {
            if value > Self::MAX_LENGTH {
                return Err(RulesError::TooLong { setting, value });
            }
        }
        if self.checkin_rate == 0 {
            return Err(RulesError::NoRate);
        }
        if let Some(min) = self.contribution_min {
            if millis(min) == 0 {
                return Err(RulesError::Zero {
                    setting: "contribution_min",
                });
            }
            if min > self.contribution_limit {
                return Err(RulesError::ContributionMinAboveLimit {
                    min,
                    limit: self.contribution_limit,
                });
            }
        }
        if self.checkin_min > self.checkin_max {
            return Err(RulesError::MinAboveMax {
                min: self.checkin_min,
                max: self.checkin_max,
            });
        }
        Ok(())
    }

    /// The time until the next check-in of a stay at `position`, in a line of this length, that
    /// expects to wait for `wait`: half the wait, within bounds, and the minimum near the head
    /// (`docs/spec/queue.md#check-in`).
    #[must_use]
    pub fn checkin_interval(&self, position: u64, in_line: u64, wait: Duration) -> Duration {
        if position <= NEAR_HEAD {
            return self.checkin_min;
        }
        let longest = self.longest_interval(in_line).max(self.checkin_min);
        (wait / 2).clamp(self.checkin_min, longest)
    }

    /// The longest that a contribution can take from its start to the last byte, grace included.
    #[must_use]
    pub fn longest_contribution(&self) -> Duration {
        self.contribution_limit.saturating_add(self.checkin_grace)
    }

    /// The longest time between two check-ins with so many in line: what keeps all of them together
    /// within [`checkin_rate`](Self::checkin_rate), but not below
    /// [`checkin_relaxed`](Self::checkin_relaxed) nor above [`checkin_max`](Self::checkin_max).
    ///
    /// With the grace, that is how long a free turn can wait for somebody who left without a word,
    /// unless it uses
    /// [`TryContribute`](crate::Command::TryContribute).
    #[must_use]
    pub fn longest_interval(&self, in_line: u64) -> Duration {
        let budget = in_line.saturating_mul(1000) / u64::from(self.checkin_rate.max(1));
        Duration::from_millis(budget)
            .max(self.checkin_relaxed)
            .min(self.checkin_max)
    }

    /// How long a stay that has asked counts as there, so that a free turn does not pass it: time
    /// enough to ask again after an answer. A fifth of the shortest interval, 1 s by default
    /// (`docs/spec/queue.md#presence`).
    pub(crate) fn presence_limit(&self) -> Duration {
        self.checkin_min / 5
    }

    /// The longest gap between two steps that is no absence of the coordinator's
    /// (`docs/spec/queue.md#gap`).
    #[must_use]
    pub fn longest_gap(&self) -> Duration {
        self.tick.saturating_mul(5) / 2
    }

    /// The time from a start to the last byte, given how long nearly all recent contributions took
    /// (`docs/spec/queue.md#recent-turns`).
    #[must_use]
    pub fn limit_after(&self, usual: Option<Duration>) -> Duration {
        match (self.contribution_min, usual) {
            (Some(min), Some(usual)) => usual
                .saturating_mul(2)
                .clamp(min, self.contribution_limit.max(min)),
            _ => self.contribution_limit,
        }
    }

    /// How far past a deadline `interval` from now the record of it covers: half as long again, and
    /// at least [`Rules::lasting_step`] (`docs/spec/queue.md#lasting`).
    #[must_use]
    pub fn lasting_margin(&self, interval: Duration) -> Duration {
        (interval / 2).max(self.lasting_step)
    }
}

/// Settings that contradict themselves or make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A setting that must be positive is below a millisecond.
    #[error("{setting} must be at least a millisecond")]
    Zero {
        /// Name of the setting.
        setting: &'static str,
    },
    /// A setting is longer than [`Rules::MAX_LENGTH`].
    #[error("{setting} is {value:?}, more than a year")]
    TooLong {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: Duration,
    },
    /// No check-in a second is allowed.
    #[error("checkin_rate must be at least 1 a second")]
    NoRate,
    /// The shortest contribution limit is longer than the longest.
    #[error("contribution_min, {min:?}, is longer than contribution_limit, {limit:?}")]
    ContributionMinAboveLimit {
        /// The shortest.
        min: Duration,
        /// The longest.
        limit: Duration,
    },
    /// The shortest check-in interval is longer than the longest.
    #[error("checkin_min, {min:?}, is longer than checkin_max, {max:?}")]
    MinAboveMax {
        /// The shortest interval.
        min: Duration,
        /// The longest.
        max: Duration,
    },
}
