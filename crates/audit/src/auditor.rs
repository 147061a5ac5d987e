//! The auditor: reads the entries of a log one after the other.

use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::tree::{Frontier, TreeHead, leaf_hash};
use tauline_protocol::keepsake::Keepsake;
use tauline_protocol::public_log::{Commitment, EntryError, Notice, PublicEntry};
use tauline_queue_core::{Entry, Event, Mode, State, Timestamp};

use crate::checkpoints::{Checkpoints, TooLate};
use crate::claims::Claims;
use crate::custody::{Expected, Opened};
use crate::finding::{Findings, Place, Violation, shown};
use crate::fold::Fold;
use crate::kind::Kind;
use crate::notices::{Means, Notices};
use crate::remarks::{Before, remark, unproven};
use crate::report::Report;
use crate::statistics::{Figures, Tally};
use crate::transcript::{AcceptedContribution, TranscriptAudit};

/// Reads a log from its beginning, and says whether it is that of a fair coordinator.
///
/// Memory follows the number of people that were ever in the queue, some hundred bytes each.
#[derive(Debug, Clone)]
pub struct Auditor {
    frontier: Frontier,
    /// The time of the last entry.
    log_time: Timestamp,
    fold: Fold,
    notices: Notices,
    checkpoints: Checkpoints,
    checkpoint_count: u64,
    claims: Claims,
    keepsake_count: u64,
    accepted: Vec<AcceptedContribution>,
    findings: Findings,
    tally: Tally,
    /// Whether it was remarked that no rules are known.
    misses_rules: bool,
}

/// An entry was written by a later version of the program: this one cannot judge the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry} has version {found}, which this program does not know: upgrade it")]
pub struct NewerEntry {
    entry: u64,
    found: u16,
}

impl Default for Auditor {
    fn default() -> Self {
        Self::new(Expected::default())
    }
}

impl Auditor {
    /// An auditor who has read nothing.
    #[must_use]
    pub fn new(expected: Expected) -> Self {
        Self {
            frontier: Frontier::new(),
            log_time: Timestamp::EPOCH,
            fold: Fold::new(),
            notices: Notices::new(expected),
            checkpoints: Checkpoints::default(),
            checkpoint_count: 0,
            claims: Claims::default(),
            keepsake_count: 0,
            accepted: Vec::new(),
            findings: Findings::default(),
            tally: Tally::default(),
            misses_rules: false,
        }
    }

    /// Holds the log against a size and root that somebody was shown, whose signature was verified.
    /// `whose` follows "the checkpoint": `of the witness example.org`.
    ///
    /// # Errors
    /// If more entries than that were read already.
    pub fn check_checkpoint(
        &mut self,
        tree: TreeHead,
        whose: impl Into<String>,
    ) -> Result<(), TooLate> {
        self.checkpoints
            .verified(tree, whose.into(), &self.frontier)?;
        self.checkpoint_count += 1;
        Ok(())
    }

    /// Holds the log against its own checkpoint: one that is not signed by the key that the log has at
    /// that size is a violation. `whose` follows "the checkpoint": `of the log`.
    ///
    /// # Errors
    /// If more entries than that were read already.
    pub fn check_signed_checkpoint(
        &mut self,
        signed: SignedCheckpoint,
        whose: impl Into<String>,
    ) -> Result<(), TooLate> {
        self.checkpoints
            .signed(signed, whose.into(), true, &self.frontier)?;
        self.checkpoint_count += 1;
        Ok(())
    }

    /// Holds the log against what a participant has kept.
    ///
    /// # Errors
    /// If entries were read already.
    pub fn check_keepsake(&mut self, keepsake: Keepsake) -> Result<(), TooLate> {
        let who = keepsake.identity.clone();
        let mut noted = vec![(keepsake.checkpoint.clone(), format!("that {who} has kept"))];
        noted.extend(keepsake.stays.iter().map(|stay| {
            let whose = format!("that {who} was given with a ticket");
            (stay.checkpoint.clone(), whose)
        }));
        // Nothing is known any more of entries that are gone.
        if self.frontier.size() > 0 {
            let size = self.frontier.size();
            return Err(TooLate { asked: 0, size });
        }
        for (note, whose) in noted {
            let Some(note) = note else {
                continue;
            };
            match SignedCheckpoint::parse(note.as_bytes()) {
                Ok(signed) => {
                    self.checkpoints
                        .signed(signed, whose, false, &self.frontier)?;
                    self.checkpoint_count += 1;
                }
                Err(error) => {
                    let text = format!("The checkpoint {whose} cannot be read: {error}.");
                    self.findings.push_remark(unproven(text));
                }
            }
        }
        self.claims.show(keepsake);
        self.claims.grown(0, self.fold.state());
        self.keepsake_count += 1;
        Ok(())
    }

    /// Reads the next entry.
    ///
    /// # Errors
    /// An entry of a later version, which this program cannot judge. Everything else that is wrong is
    /// a violation.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), NewerEntry> {
        let number = self.frontier.size();
        let leaf = leaf_hash(bytes);
        let read = PublicEntry::from_bytes(bytes);
        if let Err(EntryError::Newer { found }) = read {
            let entry = number;
            return Err(NewerEntry { entry, found });
        }
        let gives_away =
            |entry: &PublicEntry| matches!(entry.notice, Some(Notice::HandingOver { .. }));
        let before = (read.as_ref().is_ok_and(gives_away)).then(|| self.frontier.head());
        self.frontier.push_hash(leaf);
        match read {
            Ok(entry) => {
                let place = self.dated(number, entry.at);
                self.claims.take(place, leaf, &entry);
                self.take(place, before, entry);
            }
            Err(error) => {
                let place = Place {
                    entry: number,
                    at: self.log_time,
                };
                let text = format!("This entry cannot be read: {error}.");
                self.violation(Violation::at(place, Kind::UnreadableEntry, None, text));
            }
        }
        self.checkpoints.grown(&self.frontier);
        self.claims.grown(self.frontier.size(), self.fold.state());
        Ok(())
    }

    /// How many entries were read.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Size and root of the tree over the entries that were read.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    /// Whose log it is, once an entry has said so and its certificate is right, and if it is the one
    /// that was expected.
    #[must_use]
    pub fn opened(&self) -> Option<&Opened> {
        self.notices.opened()
    }

    /// What the queue amounts to.
    #[must_use]
    pub fn state(&self) -> &State<Commitment> {
        self.fold.state()
    }

    /// The violations that entries have shown so far, at most [`MAX_LISTED`](crate::MAX_LISTED).
    /// Those of checkpoints and tickets, and that it is another log than the one that was expected, are
    /// in the [report](Self::report).
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.findings.violations
    }

    /// The contributions that were accepted, in order.
    #[must_use]
    pub fn accepted(&self) -> &[AcceptedContribution] {
        &self.accepted
    }

    /// Begins to read a transcript beside the log, which was read to its end.
    #[must_use]
    pub fn transcript(&self) -> TranscriptAudit<'_> {
        let state = self.fold.state();
        let is_over = state.mode() == Mode::Halted && state.is_empty();
        TranscriptAudit::new(&self.accepted, is_over)
    }

    /// What the log comes to, as far as it was read.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut findings = self.findings.clone();
        let opened = self.notices.opened();
        if !self.notices.is_opened() {
            let text = "Nothing in this log says whose it is, so it proves nothing about anybody.";
            findings.violation(Violation::of_log(Kind::NotOpened, text.to_owned()));
        }
        if let Some(violation) = self.notices.unexpected() {
            findings.insert(violation);
        }
        self.judge_kept(&mut findings);
        let size = self.frontier.size();
        let (violations, shows_nothing) = self.checkpoints.judge(opened, size);
        let judged = self.claims.judge(opened, size);
        for violation in violations.into_iter().chain(judged.violations) {
            findings.violation(violation);
        }
        for text in shows_nothing.into_iter().chain(judged.unproven) {
            findings.push_remark(unproven(text));
        }
        Report {
            entries: size,
            root: self.frontier.root().to_string(),
            origin: opened.map(|opened| opened.origin.clone()),
            key: opened.map(|opened| opened.key.to_string()),
            coordinator: opened.map(|opened| opened.coordinator.clone()),
            coordinators: opened.map(Opened::coordinators).unwrap_or_default(),
            checkpoints: self.checkpoint_count,
            keepsakes: self.keepsake_count,
            witnesses: None,
            violations: findings.violations,
            violation_count: findings.violation_count,
            remarks: findings.remarks,
            remark_counts: findings.remark_counts,
            statistics: self.tally.statistics(),
        }
    }

    /// Where an entry is, with a time that does not fall (`docs/spec/queue.md#log-time`).
    fn dated(&mut self, entry: u64, at: Timestamp) -> Place {
        if at < self.log_time {
            let place = Place { entry, at };
            let text = format!(
                "This entry is dated {} before the one ahead of it.",
                shown(self.log_time.since(at))
            );
            self.violation(Violation::at(place, Kind::TimeFalls, None, text));
        }
        self.log_time = self.log_time.max(at);
        Place {
            entry,
            at: self.log_time,
        }
    }

    fn take(&mut self, place: Place, before: Option<TreeHead>, entry: PublicEntry) {
        self.notices.followed(place, &entry, &mut self.findings);
        if let Some(notice) = &entry.notice {
            match self.notices.take(place, before, notice, &mut self.findings) {
                Means::Public => self.fold.open(),
                Means::Start(rules) => self.fold.start(rules, notice.there_until()),
                Means::GivenAway => {
                    if let Some(violation) = self.fold.judge_handover(place) {
                        self.violation(violation);
                    }
                }
                Means::Nothing => {}
            }
        }
        let Some(event) = entry.queue.clone() else {
            return;
        };
        if self.notices.is_opened() && self.fold.rules().is_none() && !self.misses_rules {
            self.misses_rules = true;
            let text = "Something happened in the queue before the coordinator said by which settings, \
                        so they cannot be held against it.";
            self.violation(Violation::at(place, Kind::RulesNotTold, None, text.into()));
        }
        let event = Entry {
            at: place.at,
            event,
        };
        let before = Before::of(self.fold.state(), &event.event);
        let figures = Figures::of(self.fold.state(), &event);
        if !self.fold.take(place, &event, &mut self.findings) {
            return;
        }
        self.tally.take(&event, &figures);
        self.note(place, &entry, &event.event, &before);
    }

    /// Takes note of an event that could follow: contributions and remarks.
    fn note(
        &mut self,
        place: Place,
        entry: &PublicEntry,
        event: &Event<Commitment>,
        before: &Before,
    ) {
        if let Some(accepted) = entry.accepted
            && let (Some(ticket), Some(commitment)) = (event.ticket(), before.owner)
        {
            self.accepted.push(AcceptedContribution {
                entry: place.entry,
                ticket,
                at: place.at,
                commitment,
                accepted,
            });
            let due = self.fold.state().contributions();
            if accepted.number != due {
                let text = format!(
                    "Ticket {ticket}'s contribution was accepted as number {}; it is number {due}.",
                    accepted.number
                );
                self.violation(Violation::at(place, Kind::Miscounted, ticket, text));
            }
        }
        let because = entry.because.as_deref();
        if let Some((topic, ticket, text)) = remark(event, place.at, because, before) {
            self.findings.remark(place, topic, ticket, text);
        }
    }

    /// Who is in line although its last deadline has long passed.
    fn judge_kept(&self, findings: &mut Findings) {
        for (ticket, latest) in self.fold.kept() {
            let text = format!(
                "Ticket {ticket} is still in line {} after its last check-in deadline: anybody else's \
                 stay would have ended.",
                shown(self.fold.state().log_time().since(latest))
            );
            let mut violation = Violation::of_log(Kind::LateButKept, text);
            violation.ticket = Some(ticket);
            findings.violation(violation);
        }
    }

    fn violation(&mut self, violation: Violation) {
        self.findings.violation(violation);
    }
}
