//! What a crowd has seen.

use crate::load::Latencies;

/// What happened while it counted.
#[derive(Debug, Default)]
pub struct Seen {
    /// Milliseconds from when a check-in was due, or its answer was, until the answer was there. All repeats
    /// are within.
    pub(super) latencies: Vec<f64>,
    /// Requests that broke or were answered 5xx, and were sent again to the next server.
    pub repeated: usize,
    /// Stays that the coordinator ended although their check-ins had been sent in time.
    pub lost: usize,
    /// Check-ins that were sent in time and answered after the deadline; the grace is not in it.
    pub late: usize,
    /// Check-ins that were sent after the deadline: this program was late.
    pub own_fault: usize,
    /// Answers that should not be, and the first of them in words.
    pub faults: usize,
    /// The first fault.
    pub first_fault: Option<String>,
}

impl Seen {
    pub(super) fn fault(&mut self, text: String) {
        self.faults += 1;
        self.first_fault.get_or_insert(text);
    }

    /// How long answers took, and how many there were none to.
    #[must_use]
    pub fn latencies(&self) -> Latencies {
        Latencies::new(self.latencies.clone(), self.faults)
    }
}
