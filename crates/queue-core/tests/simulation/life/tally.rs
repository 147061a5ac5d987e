//! What a run has seen.

use std::collections::BTreeMap;
use std::ops::AddAssign;

/// What a run has seen: proof that it went where it should.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) steps: u64,
    pub(crate) restarts: u64,
    pub(crate) lost_commits: u64,
    pub(crate) clock_fell: u64,
    pub(crate) pauses: u64,
    pub(crate) lost_tries: u64,
    pub(crate) passes: u64,
    pub(crate) longest_line: u64,
    pub(crate) by_event: BTreeMap<String, u64>,
    pub(crate) by_outcome: BTreeMap<String, u64>,
    pub(crate) by_refusal: BTreeMap<String, u64>,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.events += other.events;
        self.steps += other.steps;
        self.restarts += other.restarts;
        self.lost_commits += other.lost_commits;
        self.clock_fell += other.clock_fell;
        self.pauses += other.pauses;
        self.lost_tries += other.lost_tries;
        self.passes += other.passes;
        self.longest_line = self.longest_line.max(other.longest_line);
        for (mine, theirs) in [
            (&mut self.by_event, other.by_event),
            (&mut self.by_outcome, other.by_outcome),
            (&mut self.by_refusal, other.by_refusal),
        ] {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
    }
}

/// The first word of how a value is written: the name of an enum's variant.
pub(super) fn word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_owned()
}
