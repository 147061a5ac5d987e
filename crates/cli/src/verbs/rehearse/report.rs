//! The report of a rehearsal.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tauline_protocol::status::EndedWord;

use super::fate::Fate;
use super::latencies::Latencies;
use super::parts::Role;
use super::slots::{Lost, Slots, Spread, between, turns_an_hour};
use crate::client::{Call, Seen};
use crate::numbers;
use crate::shown::{escaped, visible};

/// How many failures are printed; JSON has all of them.
const MAX_LISTED: usize = 10;

/// The number of stays that ended in each way.
pub(super) type Ends = BTreeMap<&'static str, u64>;

fn count_end(ends: &mut Ends, end: Option<EndedWord>) {
    *ends
        .entry(end.map_or("unknown", EndedWord::as_str))
        .or_default() += 1;
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) role: Role,
    pub(super) participants: u64,
    /// How many of them kept their connection open.
    pub(super) silent: u64,
    pub(super) ends: Ends,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailedPart {
    pub(super) participant: usize,
    pub(super) role: Role,
    pub(super) what: String,
}

/// The report of a rehearsal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) good: bool,
    pub(super) seed: u64,
    pub(super) participants: usize,
    pub(super) accepted: u64,
    pub(super) dropouts: Vec<Group>,
    /// Whether the contributions were accepted in the order of their tickets, but for those who were passed.
    pub(super) in_ticket_order: bool,
    /// Participants who were to contribute, and of whom nothing was heard when their turn came.
    pub(super) passed: u64,
    pub(super) took_in_ms: u64,
    /// Accepted contributions in an hour, from the first arrival to the last receipt.
    pub(super) turns_an_hour: Option<u64>,
    /// The time from a receipt to the next start, or to the next call if nobody started.
    pub(super) idle: Option<Spread>,
    /// The time that was lost by those who were called and dropped out.
    pub(super) lost_slots: Vec<Lost>,
    /// The time from a call to the receipt.
    pub(super) turns: Option<Spread>,
    /// The time from joining to the call.
    pub(super) waits: Option<Spread>,
    /// How long the coordinator took to answer check-ins that it does not hold.
    pub(super) check_ins: Option<Latencies>,
    /// How often calls failed, by how.
    pub(super) failed_calls: BTreeMap<String, u64>,
    /// Calls that failed and were repeated.
    pub(super) repeated_calls: u64,
    pub(super) failures: Vec<FailedPart>,
}

impl Report {
    pub(super) fn new(
        seed: u64,
        took: Duration,
        repeated_calls: u64,
        fates: &[Fate],
        seen: &Seen,
    ) -> Self {
        let failures: Vec<FailedPart> = fates
            .iter()
            .filter_map(|fate| {
                let what = fate.failure()?;
                Some(FailedPart {
                    participant: fate.number + 1,
                    role: fate.part.role,
                    what: visible(&what),
                })
            })
            .collect();
        let contributors = || {
            let contributors = fates
                .iter()
                .filter(|fate| fate.part.role == Role::Contribute);
            contributors.filter(|fate| fate.result.is_ok())
        };
        let mut groups: BTreeMap<Role, Group> = BTreeMap::new();
        for fate in fates
            .iter()
            .filter(|fate| fate.part.role != Role::Contribute)
        {
            let group = groups.entry(fate.part.role).or_insert_with(|| Group {
                role: fate.part.role,
                participants: 0,
                silent: 0,
                ends: Ends::new(),
            });
            group.participants += 1;
            let silent = fate.part.silent && !fate.part.role.manner(true).is_empty();
            group.silent += u64::from(silent);
            count_end(&mut group.ends, fate.end);
        }
        let in_ticket_order = in_ticket_order(contributors());
        let turns = contributors().filter_map(|it| between(it.times.called, it.times.accepted));
        let waits = fates
            .iter()
            .filter_map(|it| between(it.times.joined, it.times.called));
        let slots = Slots::of(fates);
        Self {
            good: failures.is_empty() && in_ticket_order,
            seed,
            participants: fates.len(),
            accepted: contributors().count() as u64,
            dropouts: groups.into_values().collect(),
            in_ticket_order,
            passed: contributors()
                .filter(|fate| fate.times.passed.is_some())
                .count() as u64,
            took_in_ms: took.as_millis() as u64,
            turns_an_hour: turns_an_hour(fates),
            idle: Spread::of(slots.idle.iter().map(|it| it.time).collect()),
            lost_slots: slots.lost(),
            turns: Spread::of(turns.collect()),
            waits: Spread::of(waits.collect()),
            check_ins: Latencies::of(Call::CheckIn, seen),
            failed_calls: failed_calls(seen),
            repeated_calls,
            failures,
        }
    }

    /// Whether everything went as it should.
    pub(super) fn is_good(&self) -> bool {
        self.good
    }
}

/// How often calls failed, by how. A server may have had a word in it.
fn failed_calls(seen: &Seen) -> BTreeMap<String, u64> {
    let mut failed = BTreeMap::new();
    for (way, count) in &seen.failed {
        *failed.entry(escaped(way)).or_default() += count;
    }
    failed
}

/// Whether everybody who comes after somebody with a later ticket was passed, as the rules of the queue have it.
fn in_ticket_order<'a>(contributors: impl Iterator<Item = &'a Fate>) -> bool {
    let mut accepted: Vec<_> = contributors
        .filter_map(|fate| {
            let ticket = fate.result.as_ref().ok()?.as_ref()?;
            Some((fate.times.accepted?, *ticket, fate.times.passed.is_some()))
        })
        .collect();
    accepted.sort_by_key(|(at, ..)| *at);
    let mut last = 0;
    accepted.into_iter().all(|(_, ticket, was_passed)| {
        let is_later = ticket >= last;
        last = last.max(ticket);
        is_later || was_passed
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Rehearsal with {} participants, seed {}",
            self.participants, self.seed
        )?;
        self.write_counts(f)?;
        self.write_times(f)?;
        self.write_failures(f)?;
        match self.good {
            true => f.write_str("Everything went as it should."),
            false => write!(
                f,
                "{} failed.",
                numbers::count(self.failures.len() as u64, "part")
            ),
        }
    }
}

impl Report {
    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = numbers::duration(Duration::from_millis(self.took_in_ms));
        let order = match self.in_ticket_order {
            true if self.passed > 0 => "in the order of tickets but for those who were passed",
            true => "in the order of tickets",
            false => "NOT in the order of tickets",
        };
        writeln!(f, "  took            {took}")?;
        writeln!(
            f,
            "  accepted        {}, {order}",
            numbers::with_commas(self.accepted)
        )?;
        if self.passed > 0 {
            let passed = numbers::with_commas(self.passed);
            writeln!(
                f,
                "  passed          {passed} who were not heard of when their turn came"
            )?;
        }
        for group in &self.dropouts {
            let ends: Vec<String> = group
                .ends
                .iter()
                .map(|(end, count)| format!("{count} {end}"))
                .collect();
            writeln!(
                f,
                "  dropped out     {} to {}: {}",
                group.participants,
                group.role.name(),
                ends.join(", ")
            )?;
        }
        Ok(())
    }

    fn write_times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rate) = self.turns_an_hour {
            writeln!(f, "  turns an hour   {}", numbers::with_commas(rate))?;
        }
        let spreads = [
            ("turns", &self.turns),
            ("idle between", &self.idle),
            ("waits", &self.waits),
        ];
        for (label, spread) in spreads {
            if let Some(spread) = spread {
                writeln!(f, "  {label:<15} {spread}")?;
            }
        }
        for lost in &self.lost_slots {
            writeln!(f, "  lost            {lost}")?;
        }
        if let Some(check_ins) = &self.check_ins {
            writeln!(
                f,
                "  check-ins       half within {} ms, 99 of 100 within {} ms, longest {} ms",
                check_ins.p50_in_ms, check_ins.p99_in_ms, check_ins.longest_in_ms
            )?;
        }
        Ok(())
    }

    fn write_failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  repeated calls  {}",
            numbers::with_commas(self.repeated_calls)
        )?;
        for failed in self.failures.iter().take(MAX_LISTED) {
            writeln!(
                f,
                "  FAILED          participant {} ({}): {}",
                failed.participant,
                failed.role.name(),
                failed.what
            )?;
        }
        match self.failures.len().saturating_sub(MAX_LISTED) {
            0 => Ok(()),
            more => writeln!(f, "  FAILED          … and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests;
