//! Ceremonies that are made up: records as the queue writes them, contributions that nobody made.

use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::journal::{Beside, Record};
use tauline_queue_core::{
    Command, Entry, Event, Outcome, Queue, Rules, Ticket, Timestamp, Verdict,
};
use tauline_store::{Batch, Blob, Chain, Contribution, Store, Witness, Write, sum};
use tauline_transcript::{Base, Encoding};

use crate::place::NOON;

/// A witness of bytes that are no points.
pub(crate) fn witness(byte: u8) -> Witness {
    Witness {
        running_product: [byte; 48],
        pot_pubkey: [2; 96],
        bls_signature: (byte.is_multiple_of(2)).then_some([9; 48]),
    }
}

/// A contribution whose content is made up of its number.
pub(crate) fn contribution(number: u64, identity: Identity) -> Contribution {
    let byte = u8::try_from(number % 250).unwrap();
    Contribution {
        number,
        ticket: Ticket::new(number),
        identity,
        witness: vec![witness(byte); 2],
        ecdsa: number.is_multiple_of(3).then_some([byte; 65]),
        digest: (!number.is_multiple_of(5)).then_some([byte; 32]),
    }
}

/// A log of records that are not the queue's, for what looks at no record.
#[derive(Clone)]
pub(crate) struct Plain {
    pub(crate) chain: Chain,
}

impl Plain {
    pub(crate) fn new() -> Self {
        Self {
            chain: Chain::EMPTY,
        }
    }

    /// A batch of one record.
    pub(crate) fn record(&mut self, text: &str) -> Batch {
        let record = self.chain.append(text.as_bytes().to_vec(), None);
        Batch {
            writes: vec![Write::Record(record)],
        }
    }

    /// The two batches of a turn: what is submitted, and its acceptance.
    pub(crate) fn turn(&mut self, number: u64, len: usize) -> [Batch; 2] {
        let ticket = Ticket::new(number);
        let identity = format!("git|{number}|somebody{number}").parse().unwrap();
        let arrived = self
            .chain
            .append(format!("arrived {number}").into_bytes(), None);
        let blob = Blob::new(vec![u8::try_from(number % 250).unwrap(); len]);
        let over = format!("over {number}").into_bytes();
        [
            vec![Write::Record(arrived), Write::Blob { ticket, blob }],
            vec![
                Write::Record(self.chain.append(over, Some(ticket))),
                Write::Accepted(contribution(number, identity)),
            ],
        ]
        .map(|writes| Batch { writes })
    }
}

/// A ceremony that passes every check.
pub(crate) struct MadeUp<'a> {
    store: &'a dyn Store,
    queue: Queue<Identity>,
    pub(crate) chain: Chain,
    /// How many there were.
    pub(crate) turns: u64,
    now: Timestamp,
    blob: Blob,
    products: Vec<[u8; 48]>,
}

impl<'a> MadeUp<'a> {
    pub(crate) fn begin(store: &'a dyn Store) -> Self {
        let base = Base::initial(&store.ceremony().sizes);
        let products = base.powers().iter().map(|it| it.g1()[1].to_compressed());
        let document = base.to_raw(Encoding::Compressed);
        Self {
            products: products.collect(),
            blob: Blob::new(document.to_msgpack(Encoding::Compressed).unwrap()),
            store,
            queue: Queue::new(Rules::default(), NOON).unwrap(),
            chain: Chain::EMPTY,
            turns: 0,
            now: NOON,
        }
    }

    /// A turn from joining to acceptance, in a batch for each step.
    pub(crate) fn turn(&mut self, number: u64) {
        self.turns = number;
        let id = Identity::eth(std::array::from_fn(|at| number.to_be_bytes()[at % 8]));
        let mut one = contribution(number, id.clone());
        for (witness, product) in one.witness.iter_mut().zip(&self.products) {
            witness.running_product = *product;
        }
        let ticket = Ticket::new(number);
        let checks_in = false;
        let verdict = Verdict::Valid;
        for command in [
            Command::Join { id: id.clone() },
            Command::CheckIn { id: id.clone() },
            Command::Start {
                id: id.clone(),
                checks_in,
            },
            Command::Submit { id },
            Command::Judge { ticket, verdict },
        ] {
            self.now = self.now.saturating_add(Duration::from_millis(100));
            let step = self.queue.step(self.now, command);
            step.result.unwrap();
            let mut batch = Batch::default();
            for entry in step.entries {
                self.record(&mut batch, entry, &one);
            }
            self.store.commit(&batch).unwrap();
        }
    }

    fn record(&mut self, batch: &mut Batch, entry: Entry<Identity>, one: &Contribution) {
        if entry.event.is_volatile() {
            return;
        }
        let (mut stored, mut ended) = (None, None);
        let mut also = None;
        match entry.event {
            Event::Submitted { ticket, .. } => {
                stored = Some(*self.blob.digest());
                let blob = self.blob.clone();
                also = Some(Write::Blob { ticket, blob });
            }
            Event::Ended {
                ticket,
                outcome: Outcome::Contributed,
            } => {
                stored = Some(one.sum());
                ended = Some(ticket);
                also = Some(Write::Accepted(one.clone()));
            }
            _ => {}
        }
        let mut record = Record::new(entry, None);
        record.stored = stored;
        if self.chain.records() == 0 {
            record.beside = Some(Beside {
                ceremony: self.store.ceremony().sum(),
                contributions: sum::NONE,
                accounts: sum::NONE,
            });
        }
        let record = self.chain.append(record.to_bytes(), ended);
        batch.writes.push(Write::Record(record));
        batch.writes.extend(also);
    }
}
