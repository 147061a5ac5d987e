//! What the coordinator tells everybody while the participants play: how long the line is.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::client::Client;

/// Time between two looks at first. The status counts against nobody
/// (`docs/spec/http-api.md#status-is-free`).
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks that are kept: more than a chart has points. With as many every second one is dropped, and from
/// then on there are half as many.
const MAX_KEPT: usize = 2048;

/// What was seen at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// Since the beginning.
    pub(super) at: Duration,
    /// Participants in line, without the one whose turn it is.
    pub(super) waiting: u64,
}

/// Looks again and again.
pub(super) async fn look(
    client: &Client,
    began: Instant,
    samples: &RefCell<Vec<Sample>>,
) -> Infallible {
    let mut interval = INTERVAL;
    let mut next = Instant::now();
    loop {
        if let Ok(status) = client.status().await {
            let mut samples = samples.borrow_mut();
            samples.push(Sample {
                at: began.elapsed(),
                waiting: status.queue_length,
            });
            if samples.len() >= MAX_KEPT {
                halve(&mut samples);
                interval *= 2;
            }
        }
        next = (next + interval).max(Instant::now());
        sleep_until(next).await;
    }
}

/// Drops every second one.
fn halve(samples: &mut Vec<Sample>) {
    let mut keep = false;
    samples.retain(|_| {
        keep = !keep;
        keep
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_looks_are_evenly_left() {
        let sample = |seconds| Sample {
            at: Duration::from_secs(seconds),
            waiting: seconds,
        };
        let mut samples: Vec<Sample> = (0..7).map(sample).collect();
        halve(&mut samples);
        assert_eq!(samples, [0, 2, 4, 6].map(sample));
    }
}
