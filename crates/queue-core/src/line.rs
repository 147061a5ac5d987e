//! The waiting line: who is in it, in order, with ranks and the earliest deadline.
//!
//! Tickets are handed out one after the other, so the waiter with ticket `t` sits in slot
//! `t - first` of an array and is found without a search. The slots are cut into blocks of
//! [`BLOCK`]; over the blocks stands a binary tree whose nodes hold how many waiters are below and
//! the earliest deadline below. Rank, head, earliest deadline and every change are one walk along
//! the tree and one scan of a block: O(log n), in memory that is mostly in the cache. With a
//! million waiting the tree has 2^15 nodes of 12 bytes, the two parts of a node apart.
//!
//! Slots of those who left are dropped when they are at the front, so memory follows the span
//! between the head and the tail, not history.

use alloc::vec;
use alloc::vec::Vec;

use crate::{Ticket, Timestamp};

/// Slots to a block: the bits of the mask that says which of them are taken.
const BLOCK: usize = 64;

/// The deadline of an empty slot, later than any [`Timestamp`].
const NEVER: u64 = u64::MAX;

/// Somebody in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiter<Id> {
    pub(crate) id: Id,
    pub(crate) joined_at: Timestamp,
    /// How many turns went to somebody behind it.
    pub(crate) passed: u32,
    /// Up to here a check-in deadline is covered by the durable log.
    pub(crate) lasting_by: Timestamp,
}

/// Which slots of a block are taken, and their deadlines.
#[derive(Clone, Debug)]
struct Block {
    /// Bit `i`: whether slot `i` is taken.
    taken: u64,
    /// Milliseconds; [`NEVER`] where the slot is empty.
    deadlines: [u64; BLOCK],
}

impl Block {
    const EMPTY: Block = Block {
        taken: 0,
        deadlines: [NEVER; BLOCK],
    };

    fn earliest(&self) -> u64 {
        self.deadlines.iter().copied().min().unwrap_or(NEVER)
    }

    fn put(&mut self, offset: usize, by: u64) {
        self.taken |= 1 << offset;
        self.deadlines[offset] = by;
    }
}

/// The line. Tickets go in in ascending order and without gaps, and come out in any
/// (`docs/spec/queue.md#order`).
#[derive(Clone, Debug)]
pub(crate) struct Line<Id> {
    /// The ticket of slot 0.
    first: u64,
    /// One slot for each ticket from `first` on.
    slots: Vec<Option<Waiter<Id>>>,
    /// The blocks that there is room for: a power of two of them.
    blocks: Vec<Block>,
    /// How many wait below each node of the tree. As in a heap, node 1 is the root, `2n` and
    /// `2n + 1` are below `n`, and the second half of the nodes are the blocks.
    waiting: Vec<u32>,
    /// The earliest deadline below each node of the tree.
    earliest: Vec<u64>,
}

impl<Id> Line<Id> {
    pub(crate) fn new() -> Self {
        Self {
            first: Ticket::FIRST.value(),
            slots: Vec::new(),
            blocks: vec![Block::EMPTY],
            waiting: vec![0; 2],
            earliest: vec![NEVER; 2],
        }
    }

    /// How many are in line.
    pub(crate) fn len(&self) -> u64 {
        u64::from(self.waiting[1])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a waiter. `ticket` follows the ticket of the last call.
    pub(crate) fn push(&mut self, ticket: Ticket, waiter: Waiter<Id>, by: Timestamp) {
        if self.is_empty() {
            // All blocks are empty then, too.
            self.slots.clear();
            self.first = ticket.value();
        }
        debug_assert_eq!(ticket.value(), self.first + self.slots.len() as u64);
        if self.slots.len() == self.blocks.len() * BLOCK {
            self.rebuild();
        }
        let slot = self.slots.len();
        self.slots.push(Some(waiter));
        self.blocks[slot / BLOCK].put(slot % BLOCK, by.as_millis());
        self.refresh(slot / BLOCK);
    }

    /// Takes a waiter out of the line.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<Waiter<Id>> {
        let slot = self.slot(ticket)?;
        let waiter = self.slots[slot].take()?;
        let block = &mut self.blocks[slot / BLOCK];
        block.taken &= !(1 << (slot % BLOCK));
        block.deadlines[slot % BLOCK] = NEVER;
        self.refresh(slot / BLOCK);
        // Half of the slots lie empty before the head: worth a rebuild, which as many removals
        // have paid for.
        if self.slots.len() > 16 * BLOCK
            && let Some(head) = self.head_slot()
            && head > self.slots.len() / 2
        {
            self.rebuild();
        }
        Some(waiter)
    }

    /// The waiter of this ticket.
    pub(crate) fn waiter(&self, ticket: Ticket) -> Option<&Waiter<Id>> {
        self.slots[self.slot(ticket)?].as_ref()
    }

    /// The check-in deadline of this ticket.
    pub(crate) fn deadline(&self, ticket: Ticket) -> Option<Timestamp> {
        let slot = self.slot(ticket)?;
        let by = self.blocks[slot / BLOCK].deadlines[slot % BLOCK];
        (by != NEVER).then(|| Timestamp::from_millis(by))
    }

    /// Moves a deadline, and says up to where the durable log now covers it.
    pub(crate) fn set_deadline(
        &mut self,
        ticket: Ticket,
        by: Timestamp,
        lasting_by: Option<Timestamp>,
    ) {
        let Some(slot) = self.slot(ticket) else {
            return;
        };
        let Some(waiter) = &mut self.slots[slot] else {
            return;
        };
        if let Some(lasting_by) = lasting_by {
            waiter.lasting_by = lasting_by;
        }
        self.blocks[slot / BLOCK].deadlines[slot % BLOCK] = by.as_millis();
        self.refresh(slot / BLOCK);
    }

    /// How many are ahead of this ticket.
    pub(crate) fn rank(&self, ticket: Ticket) -> Option<u64> {
        let slot = self.slot(ticket)?;
        let taken = self.blocks[slot / BLOCK].taken;
        let own = 1 << (slot % BLOCK);
        if taken & own == 0 {
            return None;
        }
        let mut rank = u64::from((taken & (own - 1)).count_ones());
        let mut node = self.blocks.len() + slot / BLOCK;
        while node > 1 {
            if node % 2 == 1 {
                rank += u64::from(self.waiting[node - 1]);
            }
            node /= 2;
        }
        Some(rank)
    }

    /// The head of the line.
    pub(crate) fn head(&self) -> Option<(Ticket, &Waiter<Id>)> {
        let slot = self.head_slot()?;
        Some((self.ticket(slot), self.slots[slot].as_ref()?))
    }

    /// The stay with this many ahead.
    pub(crate) fn nth(&self, ahead: u64) -> Option<(Ticket, &Waiter<Id>)> {
        if ahead >= self.len() {
            return None;
        }
        let mut before = ahead;
        let mut node = 1;
        while node < self.blocks.len() {
            node *= 2;
            let left = u64::from(self.waiting[node]);
            if before >= left {
                before -= left;
                node += 1;
            }
        }
        let block = node - self.blocks.len();
        let mut taken = self.blocks[block].taken;
        for _ in 0..before {
            taken &= taken - 1;
        }
        let slot = block * BLOCK + taken.trailing_zeros() as usize;
        Some((self.ticket(slot), self.slots[slot].as_ref()?))
    }

    /// Takes note that a turn went to somebody behind this ticket.
    pub(crate) fn pass(&mut self, ticket: Ticket) {
        if let Some(slot) = self.slot(ticket)
            && let Some(waiter) = &mut self.slots[slot]
        {
            waiter.passed = waiter.passed.saturating_add(1);
        }
    }

    /// The earliest deadline.
    pub(crate) fn earliest_deadline(&self) -> Option<Timestamp> {
        let earliest = self.earliest[1];
        (earliest != NEVER).then(|| Timestamp::from_millis(earliest))
    }

    /// The earliest deadline, and the first ticket that has it.
    pub(crate) fn earliest(&self) -> Option<(Timestamp, Ticket)> {
        let by = self.earliest_deadline()?;
        let block = self.descend(|node| self.earliest[node] == by.as_millis());
        let deadlines = &self.blocks[block].deadlines;
        let offset = deadlines
            .iter()
            .position(|&deadline| deadline == by.as_millis())?;
        Some((by, self.ticket(block * BLOCK + offset)))
    }

    /// Everybody in line, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ticket, &Waiter<Id>)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(slot, waiter)| Some((self.ticket(slot), waiter.as_ref()?)))
    }

    /// Moves every deadline to what `moved` makes of it.
    pub(crate) fn move_deadlines(
        &mut self,
        mut moved: impl FnMut(&mut Waiter<Id>, Timestamp) -> Timestamp,
    ) {
        let deadlines = self
            .blocks
            .iter_mut()
            .flat_map(|block| &mut block.deadlines);
        for (waiter, by) in self.slots.iter_mut().zip(deadlines) {
            if let Some(waiter) = waiter {
                *by = moved(waiter, Timestamp::from_millis(*by)).as_millis();
            }
        }
        self.rebuild_tree();
    }

    fn slot(&self, ticket: Ticket) -> Option<usize> {
        let slot = usize::try_from(ticket.value().checked_sub(self.first)?).ok()?;
        (slot < self.slots.len()).then_some(slot)
    }

    fn ticket(&self, slot: usize) -> Ticket {
        Ticket::new(self.first + slot as u64)
    }

    fn head_slot(&self) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let block = self.descend(|node| self.waiting[node] > 0);
        Some(block * BLOCK + self.blocks[block].taken.trailing_zeros() as usize)
    }

    /// The first block that `has` it, given that the root has it and that a node has it exactly if
    /// one below it has.
    fn descend(&self, has: impl Fn(usize) -> bool) -> usize {
        let mut node = 1;
        while node < self.blocks.len() {
            node *= 2;
            if !has(node) {
                node += 1;
            }
        }
        node - self.blocks.len()
    }

    /// Recomputes the nodes above a block that has changed, as far up as anything changes.
    fn refresh(&mut self, block: usize) {
        let mut node = self.blocks.len() + block;
        let mut waiting = self.blocks[block].taken.count_ones();
        let mut earliest = self.blocks[block].earliest();
        while (self.waiting[node], self.earliest[node]) != (waiting, earliest) {
            self.waiting[node] = waiting;
            self.earliest[node] = earliest;
            if node == 1 {
                break;
            }
            waiting += self.waiting[node ^ 1];
            earliest = earliest.min(self.earliest[node ^ 1]);
            node /= 2;
        }
    }

    /// Drops the empty slots before the head and makes room for at least as many as remain.
    fn rebuild(&mut self) {
        let head = self.head_slot().unwrap_or(self.slots.len());
        self.slots.drain(..head);
        self.first += head as u64;
        let room = (2 * self.slots.len())
            .div_ceil(BLOCK)
            .max(1)
            .next_power_of_two();
        self.slots.shrink_to(room * BLOCK);
        let mut blocks = vec![Block::EMPTY; room];
        let deadlines = self
            .blocks
            .iter()
            .flat_map(|block| block.deadlines)
            .skip(head);
        for (slot, by) in deadlines.take(self.slots.len()).enumerate() {
            if by != NEVER {
                blocks[slot / BLOCK].put(slot % BLOCK, by);
            }
        }
        self.blocks = blocks;
        self.waiting = vec![0; 2 * room];
        self.earliest = vec![NEVER; 2 * room];
        self.rebuild_tree();
    }

    fn rebuild_tree(&mut self) {
        let room = self.blocks.len();
        for (node, block) in (room..).zip(&self.blocks) {
            self.waiting[node] = block.taken.count_ones();
            self.earliest[node] = block.earliest();
        }
        for node in (1..room).rev() {
            self.waiting[node] = self.waiting[2 * node] + self.waiting[2 * node + 1];
            self.earliest[node] = self.earliest[2 * node].min(self.earliest[2 * node + 1]);
        }
    }
}

/// Equal if the same people wait with the same tickets and deadlines, however the slots lie.
impl<Id: PartialEq> PartialEq for Line<Id> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().zip(other.iter()).all(|(mine, theirs)| {
                mine == theirs && self.deadline(mine.0) == other.deadline(theirs.0)
            })
    }
}

#[cfg(test)]
mod tests;
