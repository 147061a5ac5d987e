//! Ceremonies that are made up: the log as the queue writes it, and witnesses of random bytes.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::{RngCore as _, SeedableRng as _};
use tauline_protocol::Identity;
use tauline_protocol::journal::Record;
use tauline_queue_core::{
    Command, Entry, Event, Outcome, Queue, Rules, Ticket, Timestamp, Verdict,
};
use tauline_store::{Batch, Blob, Chain, Contribution, Store, Witness, Write, sum};
use tauline_transcript::{Base, Encoding};

/// When the ceremony begins. Any time will do.
pub const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// How many contributions are written in one transaction, to save time.
const AT_A_TIME: u64 = 512;

/// A ceremony that is being made up.
pub struct MadeUp<'a> {
    store: &'a dyn Store,
    queue: Queue<Identity>,
    chain: Chain,
    now: Timestamp,
    batch: Batch,
    blob: Blob,
    /// The running product of each sub-ceremony, which never changes.
    products: Vec<[u8; 48]>,
    random: rand::rngs::StdRng,
}

impl<'a> MadeUp<'a> {
    /// Begins it in a store that holds nothing yet.
    ///
    /// # Errors
    /// When the powers cannot be written.
    pub fn begin(store: &'a dyn Store) -> Result<Self> {
        let base = Base::initial(&store.ceremony().sizes);
        let products = base
            .powers()
            .iter()
            .map(|powers| powers.g1()[1].to_compressed());
        let products = products.collect();
        let bytes = base
            .to_raw(Encoding::Compressed)
            .to_msgpack(Encoding::Compressed)?;
        Ok(Self {
            store,
            queue: Queue::new(Rules::default(), START)?,
            chain: Chain::EMPTY,
            now: START,
            batch: Batch::default(),
            blob: Blob::new(bytes),
            products,
            random: rand::rngs::StdRng::seed_from_u64(1),
        })
    }

    /// Writes so many contributions, each with five records of the log.
    ///
    /// # Errors
    /// When the store fails.
    pub fn fill(mut self, contributions: u64) -> Result<()> {
        for number in 1..=contributions {
            let id = Identity::eth(std::array::from_fn(|at| number.to_be_bytes()[at % 8]));
            self.turn(number, id, number == contributions)?;
            if number % AT_A_TIME == 0 || number == contributions {
                self.store.commit(&std::mem::take(&mut self.batch))?;
            }
        }
        Ok(())
    }

    fn turn(&mut self, number: u64, id: Identity, is_last: bool) -> Result<()> {
        let one = self.contribution(number, id.clone());
        let ticket = Ticket::new(number);
        let checks_in = false;
        for command in [
            Command::Join { id: id.clone() },
            Command::CheckIn { id: id.clone() },
            Command::Start {
                id: id.clone(),
                checks_in,
            },
            Command::Submit { id },
            Command::Judge {
                ticket,
                verdict: Verdict::Valid,
            },
        ] {
            self.now = self.now.saturating_add(Duration::from_millis(100));
            let step = self.queue.step(self.now, command);
            step.result.ok().context("the queue refuses")?;
            for entry in step.entries {
                self.record(entry, &one, is_last);
            }
        }
        self.batch.writes.push(Write::Accepted(one));
        Ok(())
    }

    fn record(&mut self, entry: Entry<Identity>, one: &Contribution, is_last: bool) {
        if entry.event.is_volatile() {
            return;
        }
        let (mut stored, mut ended) = (None, None);
        match entry.event {
            Event::Submitted { ticket, .. } => {
                stored = Some(*self.blob.digest());
                if is_last {
                    let blob = self.blob.clone();
                    self.batch.writes.push(Write::Blob { ticket, blob });
                }
            }
            Event::Ended {
                ticket,
                outcome: Outcome::Contributed,
            } => {
                stored = Some(one.sum());
                ended = Some(ticket);
            }
            _ => {}
        }
        let mut record = Record::new(entry, None);
        record.stored = stored;
        if self.chain.records() == 0 {
            record.beside = Some(tauline_protocol::journal::Beside {
                ceremony: self.store.ceremony().sum(),
                contributions: sum::NONE,
                accounts: sum::NONE,
            });
        }
        let record = self.chain.append(record.to_bytes(), ended);
        self.batch.writes.push(Write::Record(record));
    }

    fn contribution(&mut self, number: u64, identity: Identity) -> Contribution {
        let witness = self.products.iter().map(|product| {
            let mut witness = Witness {
                running_product: *product,
                pot_pubkey: [0; 96],
                bls_signature: Some([1; 48]),
            };
            self.random.fill_bytes(&mut witness.pot_pubkey);
            witness
        });
        Contribution {
            number,
            ticket: Ticket::new(number),
            identity,
            witness: witness.collect(),
            ecdsa: Some([7; 65]),
            digest: Some([9; 32]),
        }
    }
}
