//! The figures of a run as text.

use std::fmt;

use super::figures::{Figures, Spread};

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} on average, {:.1} median, {:.1} in 95 of 100, {:.1} at most (of {})",
            self.mean, self.median, self.p95, self.most, self.count
        )
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} accepted of {} turns in {:.2} h: {:.1} an hour",
            self.accepted, self.turns, self.hours, self.accepted_an_hour
        )?;
        writeln!(f, "from one state to the next, s: {}", self.slot)?;
        writeln!(f, "  where accepted: {}", self.slot_accepted)?;
        writeln!(f, "idle per accepted turn, s: {}", self.idle)?;
        writeln!(f, "a lost turn costs, s: {}", self.lost)?;
        for (kind, after) in &self.lost_after_vanishing {
            writeln!(f, "  from vanishing on, {kind}: {after}")?;
        }
        writeln!(
            f,
            "people: {} joined, {} of them passed, {} times at most; {} went away in line, {} still wait",
            self.joined, self.passed, self.passed_at_most, self.left, self.waiting
        )?;
        writeln!(f, "wait of those served, min: {}", self.wait_minutes)?;
        writeln!(f, "stays ended: {:?}", self.outcomes)?;
        writeln!(
            f,
            "polls: {}, and {} lost; {} requests broke",
            self.polls,
            self.polls_lost,
            self.broken.len()
        )?;
        writeln!(
            f,
            "last byte to receipt, ms of this machine: {}",
            self.verdict_ms
        )?;
        write!(
            f,
            "dropped without a fault of their own: {}; after two polls in a row were lost: {}",
            self.dropped.len(),
            self.dropped_after_two
        )?;
        for why in self.dropped.iter().chain(self.broken.iter().take(5)) {
            write!(f, "\n  {why}")?;
        }
        Ok(())
    }
}
