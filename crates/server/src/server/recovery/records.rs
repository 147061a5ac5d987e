//! The records by which the contributions of another log count in a new one
//! (`docs/spec/public-log.md#recovery`).
//!
//! The queue's own rules make them: for each contribution somebody joins, is called, starts, hands in and
//! is judged, all at one time.

use tauline_protocol::Identity;
use tauline_protocol::journal::{Beside, Digest, Record, Tally};
use tauline_protocol::public_log::{Blinding, Notice};
use tauline_queue_core::{
    Command, Entry, Event, Mode, Queue, Rules, Step, Ticket, Timestamp, Verdict,
};
use tauline_store::sqlite::Sqlite;
use tauline_store::{
    Batch, Blob, Chain, Contribution, SignInWrite, Store as _, StoreError, Witness, Write, sum,
};
use tauline_transcript::transcript::WitnessEntry;
use tauline_transcript::{Encoding, RawContribution};

/// Contributions in one commit.
const PAGE: u64 = 256;

/// Writes the records of a ceremony that is recovered, with what belongs to them.
pub(super) struct Recorder<'a> {
    store: &'a Sqlite,
    blinding: Blinding,
    queue: Queue<Identity>,
    chain: Chain,
    contributions: Tally,
    /// The time of all records.
    at: Timestamp,
    batch: Batch,
    accounts: Vec<SignInWrite>,
}

/// What a transcript keeps of a contribution, as it is stored: without ticket. None if anything in it is
/// none.
pub(super) fn contribution(entry: &WitnessEntry) -> Option<Contribution> {
    let parts = entry.parts.iter().map(|part| {
        Some(Witness {
            running_product: part.running_product?,
            pot_pubkey: part.pot_pubkey?,
            bls_signature: part.bls_signature,
        })
    });
    Some(Contribution {
        number: entry.number,
        ticket: Ticket::FIRST,
        identity: Identity::from_listed(&entry.identity).ok()?,
        witness: parts.collect::<Option<_>>()?,
        ecdsa: entry.ecdsa_signature,
        digest: None,
    })
}

impl<'a> Recorder<'a> {
    /// One that begins a new log.
    ///
    /// # Errors
    /// When the store has no secrets of a log.
    pub(super) fn new(store: &'a Sqlite, rules: Rules, at: Timestamp) -> Result<Self, StoreError> {
        let missing = || StoreError::damaged("the secret of the log's commitments is missing");
        let secrets = store.ceremony().log.as_ref().ok_or_else(missing)?;
        let queue = Queue::new(rules, at)
            .map_err(|error| StoreError::damaged(format!("the deadlines do not work: {error}")))?;
        Ok(Self {
            store,
            blinding: secrets.blinding.clone(),
            queue,
            chain: Chain::EMPTY,
            contributions: sum::NONE,
            at,
            batch: Batch::default(),
            accounts: Vec::new(),
        })
    }

    /// What the public log will tell of it.
    pub(super) fn blinding(&self) -> &Blinding {
        &self.blinding
    }

    /// Puts what the coordinator has to say into the log.
    pub(super) fn notice(&mut self, notice: Notice) {
        self.append(Record::of_notice(self.at, notice), None);
    }

    /// Has somebody contribute. With the last contribution comes its document, on which the next participant
    /// builds.
    ///
    /// # Errors
    /// When the rules do not allow it, or it cannot be stored.
    pub(super) fn contribute(
        &mut self,
        mut one: Contribution,
        document: Option<&RawContribution>,
    ) -> Result<(), StoreError> {
        let ticket = self.queue.state().next_ticket();
        one.ticket = ticket;
        let mut arrived = None;
        if let Some(document) = document {
            let bytes = document
                .to_msgpack(Encoding::Compressed)
                .map_err(|error| StoreError::damaged(error.to_string()))?;
            let blob = Blob::new(bytes);
            one.digest = Some(document.digest());
            arrived = Some(*blob.digest());
            self.batch.writes.push(Write::Blob { ticket, blob });
        }
        let who = || one.identity.clone();
        let (checks_in, verdict) = (false, Verdict::Valid);
        let life = [
            Command::Join { id: who() },
            Command::Start {
                id: who(),
                checks_in,
            },
            Command::Submit { id: who() },
            Command::Judge { ticket, verdict },
        ];
        for command in life {
            for entry in self.step(command)? {
                self.record(entry, &one, arrived);
            }
        }
        self.contributions = sum::counted(self.contributions, &one.sum());
        if let Some(account) = one.identity.github_id() {
            let identity = one.identity.clone();
            let account = SignInWrite::GithubAccount { account, identity };
            self.accounts.push(account);
        }
        self.batch.writes.push(Write::Accepted(one));
        match self.contributions.count.is_multiple_of(PAGE) {
            true => self.commit(),
            false => Ok(()),
        }
    }

    /// Halts the ceremony, until its operator opens it, and makes all of it durable. The last record binds
    /// what is stored beside the log.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub(super) fn halt(mut self) -> Result<(), StoreError> {
        self.commit()?;
        for entry in self.step(Command::SetMode(Mode::Halted))? {
            let mut record = Record::new(entry, None);
            record.beside = Some(Beside {
                ceremony: self.store.ceremony().sum(),
                contributions: self.contributions,
                accounts: self.store.accounts(),
            });
            self.append(record, None);
        }
        self.commit()
    }

    fn step(&mut self, command: Command<Identity>) -> Result<Vec<Entry<Identity>>, StoreError> {
        let Step { entries, result } = self.queue.step(self.at, command);
        match result {
            Ok(()) => Ok(entries),
            Err(refusal) => Err(StoreError::damaged(format!(
                "what the log says happened cannot happen again: {refusal}"
            ))),
        }
    }

    /// Puts what happens to the stay of a contribution into the log, as a running coordinator does.
    fn record(&mut self, entry: Entry<Identity>, one: &Contribution, arrived: Option<Digest>) {
        let (is_submitted, ended) = match entry.event {
            Event::Submitted { .. } => (true, None),
            Event::Ended { ticket, .. } => (false, Some(ticket)),
            _ => (false, None),
        };
        let mut record = Record::new(entry, None);
        if is_submitted {
            record.stored = arrived;
        }
        if ended.is_some() {
            record.stored = Some(one.sum());
            record.accepted = Some(one.accepted(&self.blinding));
        }
        self.append(record, ended);
    }

    fn append(&mut self, record: Record, ended: Option<Ticket>) {
        let record = self.chain.append(record.to_bytes(), ended);
        self.batch.writes.push(Write::Record(record));
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit(&self.batch)?;
        self.batch.writes.clear();
        if !self.accounts.is_empty() {
            self.store.write_sign_ins(&self.accounts)?;
            self.accounts.clear();
        }
        Ok(())
    }
}
