//! How long turns last, and so how long waiting will.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::time::millis;

/// How many of the last turns the mean is taken over: enough to smooth one slow participant out,
/// few enough to follow a change of crowd within the hour.
const RECENT_TURNS: usize = 32;

/// How many of the last contributions the contribution limit looks at: enough for a 95th percentile.
const RECENT_WORK: usize = 100;

/// How many contributions must have been seen before the limit follows them. The 95th percentile of
/// so few is the longest of them.
const ENOUGH_WORK: usize = 5;

/// The recent whole turns, from call to end, failed ones included.
#[derive(Clone, Debug)]
pub(crate) struct Estimate {
    /// What a turn is taken to last until one has been seen. Milliseconds.
    expected: u64,
    /// Lengths of the last turns, oldest first. Milliseconds.
    recent: VecDeque<u64>,
    /// Their sum. Milliseconds.
    sum: u64,
    /// How long the last accepted contributions took, from the start to the last byte, oldest first.
    /// Milliseconds.
    work: VecDeque<u64>,
}

impl Estimate {
    pub(crate) fn new(expected: Duration) -> Self {
        Self {
            expected: millis(expected),
            recent: VecDeque::new(),
            sum: 0,
            work: VecDeque::new(),
        }
    }

    /// Changes what a turn is taken to last until one has been seen.
    pub(crate) fn expect(&mut self, expected: Duration) {
        self.expected = millis(expected);
    }

    /// Takes note of a turn that is over.
    pub(crate) fn record(&mut self, turn: Duration) {
        if self.recent.len() == RECENT_TURNS
            && let Some(oldest) = self.recent.pop_front()
        {
            self.sum -= oldest;
        }
        let length = millis(turn);
        self.recent.push_back(length);
        self.sum += length;
    }

    /// Takes note of how long an accepted contribution took, from the start to the last byte.
    pub(crate) fn record_work(&mut self, work: Duration) {
        if self.work.len() == RECENT_WORK {
            self.work.pop_front();
        }
        self.work.push_back(millis(work));
    }

    /// How long nearly all of the recent accepted contributions took: the 95th percentile, by
    /// nearest rank. `None` before there were enough of them.
    pub(crate) fn longest_usual_work(&self) -> Option<Duration> {
        if self.work.len() < ENOUGH_WORK {
            return None;
        }
        let mut sorted: Vec<u64> = self.work.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (95 * sorted.len()).div_ceil(100);
        sorted.get(rank - 1).copied().map(Duration::from_millis)
    }

    /// Mean length of the recent turns, or the expected length before there were any.
    pub(crate) fn mean(&self) -> Duration {
        let mean = self
            .sum
            .checked_div(self.recent.len() as u64)
            .unwrap_or(self.expected);
        Duration::from_millis(mean)
    }

    /// `turns_ahead` mean turns, and what is left of a current turn of this age.
    pub(crate) fn wait(&self, turns_ahead: u64, current: Option<Duration>) -> Duration {
        let mean = self.mean();
        let whole = Duration::from_millis(millis(mean).saturating_mul(turns_ahead));
        let rest = current.map_or(Duration::ZERO, |age| mean.saturating_sub(age));
        whole.saturating_add(rest)
    }
}

/// Equal if the same turns were seen: what is expected is a setting, not a fact of the log.
impl PartialEq for Estimate {
    fn eq(&self, other: &Self) -> bool {
        self.recent == other.recent && self.work == other.work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn mean_is_expected_until_a_turn_was_seen() {
        let mut estimate = Estimate::new(secs(60));
        assert_eq!(estimate.mean(), secs(60));
        estimate.record(secs(10));
        assert_eq!(estimate.mean(), secs(10));
        estimate.record(secs(20));
        assert_eq!(estimate.mean(), secs(15));
    }

    #[test]
    fn longest_usual_work_is_the_95th_percentile_of_the_last_hundred() {
        let mut estimate = Estimate::new(secs(60));
        for n in 1..ENOUGH_WORK as u64 {
            estimate.record_work(secs(n));
            assert_eq!(estimate.longest_usual_work(), None);
        }
        estimate.record_work(secs(50));
        assert_eq!(estimate.longest_usual_work(), Some(secs(50)));
        for n in 1..=100 {
            estimate.record_work(secs(n));
        }
        assert_eq!(estimate.longest_usual_work(), Some(secs(95)));
        estimate.record_work(secs(1000));
        assert_eq!(estimate.longest_usual_work(), Some(secs(96)));
    }

    #[test]
    fn mean_forgets_old_turns() {
        let mut estimate = Estimate::new(secs(60));
        estimate.record(secs(100_000));
        for _ in 0..RECENT_TURNS {
            estimate.record(secs(7));
        }
        assert_eq!(estimate.mean(), secs(7));
    }

    #[test]
    fn wait_is_turns_ahead_and_the_rest_of_the_current_turn() {
        let estimate = Estimate::new(secs(60));
        assert_eq!(estimate.wait(0, None), secs(0));
        assert_eq!(estimate.wait(3, None), secs(180));
        assert_eq!(estimate.wait(3, Some(secs(20))), secs(220));
        assert_eq!(estimate.wait(3, Some(secs(500))), secs(180));
        assert_eq!(
            estimate.wait(u64::MAX, Some(secs(0))).as_millis(),
            u128::from(u64::MAX) + 60_000
        );
    }
}
