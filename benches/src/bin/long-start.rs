//! How long a coordinator takes to open its data before it serves. A ceremony with many
//! contributions is made up and opened, with all checks.
//!
//! `cargo run --release -p tauline-benches --bin long-start -- --contributions 141416`
//!
//! The witnesses are random bytes, which makes no difference to digests. The powers are the initial
//! ones at full size. The log is as the queue writes it, with five records for each contribution.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use rand::{RngCore as _, SeedableRng as _};
use tauline_protocol::Identity;
use tauline_protocol::journal::Record;
use tauline_queue_core::{
    Command, Entry, Event, Outcome, Queue, Rules, Ticket, Timestamp, Verdict,
};
use tauline_store::sqlite::Sqlite;
use tauline_store::{Batch, Blob, Chain, Contribution, Store as _, Witness, Write, check, sum};
use tauline_transcript::{Base, Encoding, Sizes};

/// When the ceremony begins. Any time will do.
const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// How many contributions are written in one transaction, to save time.
const AT_A_TIME: u64 = 512;

/// Makes up a ceremony and measures how long it takes to open it.
#[derive(Parser)]
struct Args {
    /// How many contributions it has; the default is that of Ethereum's ceremony.
    #[arg(long, default_value_t = 141_416)]
    contributions: u64,
    /// How often it is opened.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Keep the data in this directory, or measure what is there.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The ceremony's sizes; the default is the Ethereum ceremony.
    #[arg(
        long,
        value_name = "SIZES",
        default_value = "4096:65,8192:65,16384:65,32768:65"
    )]
    ceremony: Sizes,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let args = Args::parse();
    let temporary = tempfile::tempdir()?;
    let directory = args.data_dir.as_deref().unwrap_or(temporary.path());
    if !directory.join(tauline_store::DATABASE_NAME).exists() {
        MadeUp::begin(
            &args.ceremony,
            Sqlite::open(directory, &args.ceremony, START)?,
        )?
        .fill(args.contributions)?;
    }
    for round in 1..=args.rounds {
        let begun = Instant::now();
        let store = Sqlite::open(directory, &args.ceremony, START)?;
        let opened = begun.elapsed();
        let checked = check::everything(&store, Rules::default())?;
        let all = begun.elapsed();
        println!(
            "round {round}: {} contributions, {} records: opened in {} ms, with all checks {} ms",
            checked.queue.state().contributions(),
            checked.chain.records(),
            opened.as_millis(),
            all.as_millis()
        );
    }
    Ok(())
}

/// A ceremony that is being made up.
struct MadeUp {
    store: Sqlite,
    queue: Queue<Identity>,
    chain: Chain,
    now: Timestamp,
    batch: Batch,
    blob: Blob,
    /// The running product of each sub-ceremony, which never changes.
    products: Vec<[u8; 48]>,
    random: rand::rngs::StdRng,
}

impl MadeUp {
    fn begin(sizes: &Sizes, store: Sqlite) -> Result<Self> {
        let base = Base::initial(sizes);
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

    fn fill(mut self, contributions: u64) -> Result<()> {
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
