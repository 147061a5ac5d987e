//! How long the coordinator took to answer.

use serde::Serialize;

use crate::client::{Answered, Call, Seen};

/// How long answers took.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Latencies {
    pub(super) count: usize,
    pub(super) p50_in_ms: u64,
    pub(super) p99_in_ms: u64,
    pub(super) longest_in_ms: u64,
}

impl Latencies {
    /// Of the calls of this kind.
    pub(super) fn of(call: Call, seen: &Seen) -> Option<Self> {
        let answered = seen.answered.iter().filter(|it| it.call == call);
        let mut times: Vec<u64> = answered.map(millis).collect();
        times.sort_unstable();
        Some(Self {
            count: times.len(),
            p50_in_ms: percentile(&times, 50),
            p99_in_ms: percentile(&times, 99),
            longest_in_ms: *times.last()?,
        })
    }
}

/// Whole milliseconds, of which every answer takes one at least.
pub(super) fn millis(answered: &Answered) -> u64 {
    (answered.took.as_micros() as u64).div_ceil(1000)
}

/// The smallest of these, which are sorted, that so many of a hundred do not exceed. 0 of none.
pub(super) fn percentile(sorted: &[u64], hundredths: usize) -> u64 {
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times: Vec<u64> = (1..=200).collect();
        assert_eq!(percentile(&times, 50), 100);
        assert_eq!(percentile(&times, 99), 198);
        assert_eq!(percentile(&times[..1], 99), 1);
        assert_eq!(percentile(&[], 50), 0);
    }
}
