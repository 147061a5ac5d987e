//! A coordinator of a powers-of-tau ceremony, whole but for sockets and disks.
//!
//! The rules of the queue decide whose turn it is, the transcript crate verifies what comes, and the
//! coordinator in between keeps one law: store what came, step, append to the log, commit, and only then
//! answer. Here log and contributions are two vectors that stand for a disk. From them alone the next
//! process goes on, which the end of this example shows.
//!
//! ```console
//! $ cargo run -p tauline-protocol --example in_memory_coordinator
//! ```

use std::error::Error;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tauline_queue_core::{
    Command, Entry, MaySubmit, Outcome, Phase, Queue, Rules, Ticket, Timestamp, Verdict,
};
use tauline_transcript::{Base, RawContribution, Sizes, contribute, verify};

type Answer<T> = Result<T, Box<dyn Error>>;

/// What survives the process.
#[derive(Clone, Default)]
struct Disk {
    log: Vec<Entry<String>>,
    /// The document of each stay whose contribution was accepted, or is being verified.
    documents: Vec<(Ticket, Vec<u8>)>,
}

struct Coordinator {
    disk: Disk,
    queue: Queue<String>,
    /// What the next participant builds on.
    base: Base,
    rng: StdRng,
}

impl Coordinator {
    /// Goes on from what is on the disk, which may be nothing.
    fn open(disk: Disk, sizes: &Sizes, began: Timestamp) -> Answer<Self> {
        let queue = Queue::replay(Rules::default(), began, disk.log.iter().cloned())?;
        let mut rng = StdRng::seed_from_u64(7); // A real one is not to be foreseen: `OsRng`.
        let mut base = Base::initial(sizes);
        for (ticket, document) in &disk.documents {
            // A contribution whose verdict is not in the log would have to be verified again here.
            assert!(
                queue
                    .state()
                    .turn()
                    .is_none_or(|turn| turn.ticket != *ticket)
            );
            base = check(&base, document, &mut rng)?;
        }
        Ok(Self {
            disk,
            queue,
            base,
            rng,
        })
    }

    /// Nobody hears of the result before the entries are in the log.
    fn step(&mut self, now: Timestamp, command: Command<String>) -> Answer<()> {
        let step = self.queue.step(now, command);
        for entry in &step.entries {
            println!("{:>4} s  {:?}", now.as_secs(), entry.event);
        }
        self.disk.log.extend(step.entries);
        Ok(step.result?)
    }

    fn join(&mut self, now: Timestamp, id: &str) -> Answer<()> {
        self.step(now, Command::Join { id: id.to_owned() })
    }

    /// Whether its turn has come.
    fn check_in(&mut self, now: Timestamp, id: &str) -> Answer<bool> {
        let id = id.to_owned();
        self.step(now, Command::CheckIn { id: id.clone() })?;
        let stay = self.queue.state().stay(&id);
        Ok(stay.is_some_and(|stay| stay.phase == Phase::Ready))
    }

    /// The base to build on: the participant's clock starts.
    fn start(&mut self, now: Timestamp, id: &str) -> Answer<Base> {
        let (id, checks_in) = (id.to_owned(), false);
        self.step(now, Command::Start { id, checks_in })?;
        Ok(self.base.clone())
    }

    /// Takes a contribution and verifies it. Says what became of it.
    fn submit(&mut self, now: Timestamp, id: &str, document: Vec<u8>) -> Answer<Outcome> {
        let id = id.to_owned();
        let ticket = match self.queue.state().may_submit(&id)? {
            MaySubmit::Yes(ticket) => ticket,
            MaySubmit::Verifying(_) | MaySubmit::Accepted(_) => return Err("sent before".into()),
        };
        self.disk.documents.push((ticket, document));
        if let Err(refusal) = self.step(now, Command::Submit { id }) {
            self.disk.documents.pop(); // Its time was over.
            return Err(refusal);
        }
        let (_, document) = &self.disk.documents[self.disk.documents.len() - 1];
        let (verdict, outcome) = match check(&self.base, document, &mut self.rng) {
            Ok(base) => {
                self.base = base;
                (Verdict::Valid, Outcome::Contributed)
            }
            Err(why) => {
                println!("        ticket {ticket}: {why}");
                self.disk.documents.pop();
                (Verdict::Invalid, Outcome::Invalid)
            }
        };
        self.step(now, Command::Judge { ticket, verdict })?;
        Ok(outcome)
    }
}

/// The next base, if this contribution to the last one is good.
fn check(base: &Base, document: &[u8], rng: &mut StdRng) -> Answer<Base> {
    let contribution = RawContribution::from_json(document)?;
    let (base, _witness, _signature) = verify(base, &contribution, rng)?.into_parts();
    Ok(base)
}

/// What a participant does with the base that it gets.
fn work(base: &Base, seed: u64) -> Answer<Vec<u8>> {
    let mut rng = StdRng::seed_from_u64(seed); // A real one uses `OsRng`.
    let update = contribute(base, &mut rng, b"typed by the user", &|_| {});
    Ok(update.unsigned().to_json()?)
}

fn main() -> Answer<()> {
    let sizes: Sizes = "16:4,32:4".parse()?;
    let began = Timestamp::EPOCH;
    let at = |seconds| began.saturating_add(Duration::from_secs(seconds));
    let mut coordinator = Coordinator::open(Disk::default(), &sizes, began)?;

    for id in ["ada", "bob", "cleo"] {
        coordinator.join(at(0), id)?;
    }
    let first = coordinator.start(at(1), "ada")?;
    assert!(!coordinator.check_in(at(2), "bob")?, "it is Ada's turn");
    let document = work(&first, 1)?;
    assert_eq!(
        coordinator.submit(at(3), "ada", document)?,
        Outcome::Contributed
    );

    assert!(coordinator.check_in(at(4), "bob")?);
    coordinator.start(at(4), "bob")?;
    // Bob builds on what Ada had built on: a good contribution, to another base.
    assert_eq!(
        coordinator.submit(at(5), "bob", work(&first, 2)?)?,
        Outcome::Invalid
    );
    assert!(coordinator.join(at(5), "bob").is_err(), "one chance each");

    // The process dies. The next one goes on from the disk, and Cleo still has her place.
    let mut coordinator = Coordinator::open(coordinator.disk, &sizes, began)?;
    assert!(coordinator.check_in(at(600), "cleo")?);
    let base = coordinator.start(at(600), "cleo")?;
    assert_eq!(
        coordinator.submit(at(602), "cleo", work(&base, 3)?)?,
        Outcome::Contributed
    );

    let state = coordinator.queue.state();
    assert_eq!(state.contributions(), 2);
    assert_eq!(state.last_contributed(), Some(Ticket::new(3)));
    let again = Coordinator::open(coordinator.disk.clone(), &sizes, began)?;
    assert!(again.base == coordinator.base && again.queue.state() == state);
    println!(
        "{} contributions, from {} entries",
        state.contributions(),
        coordinator.disk.log.len()
    );
    Ok(())
}
