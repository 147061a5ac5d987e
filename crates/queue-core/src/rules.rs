//! The settings of a queue.

use core::time::Duration;

use crate::time::millis;

/// The lengths of all deadlines. [`Rules::default`] gives those of `http-queue-api.md`, deadlines.
///
/// Settings act on new events only: deadlines in the log are absolute, so a coordinator may be
/// restarted with other rules and every promise already made still stands. Durations are used in
/// whole milliseconds, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rules {
    /// The longest time between two check-ins. Default 1 h (`http-queue-api.md`, deadlines).
    pub checkin_max: Duration,
    /// The shortest time between two check-ins, and the time for the first three in line. Default
    /// 5 s (`http-queue-api.md`, deadlines).
    pub checkin_min: Duration,
    /// How late a participant may be, for latency and clocks. Default 5 s (`http-queue-api.md`,
    /// deadlines). It applies to every deadline of a participant's; the verification deadline is
    /// the coordinator's own and has none.
    pub checkin_grace: Duration,
    /// Time from being called to starting. Default 15 s (`http-queue-api.md`, deadlines).
    pub start_limit: Duration,
    /// Time from starting to the last byte of the contribution. Default 180 s
    /// (`http-queue-api.md`, deadlines).
    pub contribution_limit: Duration,
    /// Time between check-ins while contributing, for those who check in then; and how far past a
    /// deadline the coordinator must be to have been away. Default 30 s (`http-queue-api.md`,
    /// deadlines).
    pub stall_limit: Duration,
    /// Time that the coordinator gives itself to verify. Past it the stay ends as its own fault:
    /// no state is without a timer (`known-faults.md`, queue and turns). Default 300 s: fifty times
    /// what verification of a full-size contribution takes.
    pub verification_limit: Duration,
    /// What a turn is taken to last until one has been seen. Default 60 s: a full-size contribution
    /// on an ordinary machine.
    pub expected_turn: Duration,
    /// By how much at least a durable check-in record covers later check-ins. Default 60 s: one
    /// record a minute instead of one every five seconds for somebody near the head, at the price
    /// that a vanished head can be waited for that much longer after a restart.
    pub lasting_step: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            checkin_max: Duration::from_secs(3600),
            checkin_min: Duration::from_secs(5),
            checkin_grace: Duration::from_secs(5),
            start_limit: Duration::from_secs(15),
            contribution_limit: Duration::from_secs(180),
            stall_limit: Duration::from_secs(30),
            verification_limit: Duration::from_secs(300),
            expected_turn: Duration::from_secs(60),
            lasting_step: Duration::from_secs(60),
        }
    }
}

/// How many places at the head of the line check in at the shortest interval
/// (`http-queue-api.md`, deadlines: the first three in line).
pub(crate) const NEAR_HEAD: u64 = 3;

impl Rules {
    /// The longest that any setting may be: a year. A longer one is a slip of units.
    pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

    /// Whether these settings can be used.
    ///
    /// # Errors
    ///
    /// Names the first setting that is zero (below a millisecond) where it must not be, that is
    /// longer than [`Rules::LONGEST`], or that contradicts another.
    pub fn validate(&self) -> Result<(), RulesError> {
        let positive = [
            ("checkin_max", self.checkin_max),
            ("checkin_min", self.checkin_min),
            ("start_limit", self.start_limit),
            ("contribution_limit", self.contribution_limit),
            ("stall_limit", self.stall_limit),
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
            if value > Self::LONGEST {
                return Err(RulesError::TooLong { setting, value });
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

    /// How long somebody at `position` in line, who expects to wait for `wait`, may take until the
    /// next check-in: half the wait, within bounds, and the minimum near the head.
    pub(crate) fn checkin_interval(&self, position: u64, wait: Duration) -> Duration {
        if position <= NEAR_HEAD {
            return self.checkin_min;
        }
        (wait / 2).clamp(self.checkin_min, self.checkin_max)
    }

    /// How far past a deadline `interval` from now the record of it covers: half as long again, and
    /// at least [`Rules::lasting_step`].
    pub(crate) fn lasting_margin(&self, interval: Duration) -> Duration {
        (interval / 2).max(self.lasting_step)
    }
}

/// Settings that contradict themselves or make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A setting that must be positive is below a millisecond.
    #[error("{setting} must be at least a millisecond")]
    Zero {
        /// Name of the setting.
        setting: &'static str,
    },
    /// A setting is longer than [`Rules::LONGEST`].
    #[error("{setting} is {value:?}, more than a year")]
    TooLong {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: Duration,
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
