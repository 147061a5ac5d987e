//! The latest turns, as everybody who watches is told them (`docs/spec/http-api.md#recent`).

use std::collections::VecDeque;
use std::sync::Arc;

use tauline_protocol::status::RecentTurn;
use tauline_store::turns::LATEST;

/// The latest turns, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// How many there ever were, from those on that are known at the start.
    total: u64,
    turns: VecDeque<Arc<RecentTurn>>,
}

impl Recent {
    /// The same with these turns after them.
    pub(crate) fn with(&self, turns: impl IntoIterator<Item = RecentTurn>) -> Self {
        let mut with = Self {
            total: self.total,
            turns: self.turns.clone(),
        };
        for turn in turns {
            with.total += 1;
            with.turns.push_back(Arc::new(turn));
        }
        let old = with.turns.len().saturating_sub(LATEST);
        with.turns.drain(..old);
        with
    }

    /// How many there ever were.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Those that came after so many, as far as they are remembered.
    pub(crate) fn since(&self, total: u64) -> Vec<RecentTurn> {
        let new = self.total.saturating_sub(total);
        let new = usize::try_from(new).unwrap_or(usize::MAX);
        let old = self.turns.len().saturating_sub(new);
        let turns = self.turns.iter().skip(old);
        turns.map(|turn| RecentTurn::clone(turn)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tauline_protocol::status::EndedWord;

    fn turns(tickets: std::ops::Range<u64>) -> impl Iterator<Item = RecentTurn> {
        tickets.map(|ticket| RecentTurn {
            ticket,
            ended: EndedWord::Aborted,
            ended_at: 0,
            turn_in_ms: 0,
            number: None,
            identity: None,
        })
    }

    fn tickets(turns: &[RecentTurn]) -> Vec<u64> {
        turns.iter().map(|turn| turn.ticket).collect()
    }

    #[test]
    fn those_since_are_the_new_ones_and_all_where_more_were_missed_than_are_kept() {
        let first = Recent::default().with(turns(0..3));
        assert_eq!(tickets(&first.since(0)), [0, 1, 2]);
        let then = first.with(turns(3..5));
        assert_eq!(tickets(&then.since(first.total())), [3, 4]);
        assert!(then.since(then.total()).is_empty());
        // Nobody has seen more than there were.
        assert!(then.since(u64::MAX).is_empty());
        let many = then.with(turns(5..250));
        assert_eq!(many.total(), 250);
        let kept = tickets(&many.since(then.total()));
        assert_eq!(kept.len(), LATEST);
        assert_eq!((kept[0], kept[LATEST - 1]), (150, 249));
    }
}
