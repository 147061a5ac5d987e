//! Verification of contributions, on threads of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use k256::ecdsa::SigningKey;
use metrics::Histogram;
use rand_core::OsRng;
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::receipt::Receipt;
use tauline_queue_core::Ticket;
use tauline_store::{Contribution, Witness};
use tauline_transcript::{Invalid, Received, verify_on};
use tokio::sync::oneshot;

use crate::base::CurrentBase;
use crate::measures::{Elsewhere, Measures, timed};
use crate::traces::{Spell, Traces};

/// How much the threads yield to those that answer requests, as a Unix niceness: verifying takes
/// seconds anyway, and answering should not.
const NICENESS: i32 = 10;

/// A pool of threads that verify. Clones share it (`docs/spec/known-faults.md#async-verification`).
#[derive(Clone)]
pub struct Verifier {
    pool: Arc<rayon::ThreadPool>,
    /// How long verifications take.
    times: Histogram,
    /// What came of those that other replicas did.
    elsewhere: Elsewhere,
    traces: Traces,
}

/// One contribution to verify.
pub(crate) struct Job {
    /// Whose stay it belongs to.
    pub(crate) ticket: Ticket,
    /// Who submitted it.
    pub(crate) identity: Identity,
    /// What it was to build on.
    pub(crate) base: Arc<CurrentBase>,
    /// The contribution.
    pub(crate) contribution: Received,
    /// What receipts are signed with.
    pub(crate) key: SigningKey,
}

/// A verification that runs.
pub(crate) type Judging = oneshot::Receiver<Judgement>;

/// What verification came to.
pub(crate) enum Judgement {
    /// It stands, if its turn still lasts.
    Valid(Box<Accepted>),
    /// A check failed.
    Invalid(Box<Invalid>),
    /// The coordinator failed, and how.
    Fault(String),
}

impl Judgement {
    /// What it is, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Valid(_) => "valid",
            Self::Invalid(_) => "invalid",
            Self::Fault(_) => "fault",
        }
    }
}

/// Everything that an accepted contribution changes.
pub(crate) struct Accepted {
    /// What is stored of it; its digest is added when it is accepted.
    pub(crate) contribution: Contribution,
    pub(crate) base: Arc<CurrentBase>,
    pub(crate) receipt: SignedReceipt,
}

impl Verifier {
    /// A pool with this number of threads; 0 stands for one for each core.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("verifier-{index}"))
            .start_handler(|_| {
                // On Linux a niceness is a thread's. Where it is refused, verification is as
                // urgent as anything else.
                let _ = rustix::process::nice(NICENESS);
            })
            .build()?;
        Ok(Self::on(Arc::new(pool)))
    }

    /// A verifier on a pool that the caller uses for other things, too.
    #[must_use]
    pub fn on(pool: Arc<rayon::ThreadPool>) -> Self {
        Self {
            pool,
            times: Histogram::noop(),
            elsewhere: Elsewhere::default(),
            traces: Traces::default(),
        }
    }

    /// The same verifier, which records and traces how long verifications take.
    pub(crate) fn measured(self, measures: &Measures, traces: Traces) -> Self {
        Self {
            times: measures.verifications.clone(),
            elsewhere: measures.elsewhere.clone(),
            traces,
            ..self
        }
    }

    /// The threads.
    pub(crate) fn pool(&self) -> &Arc<rayon::ThreadPool> {
        &self.pool
    }

    /// What came of verifications that other replicas did.
    pub(crate) fn elsewhere(&self) -> &Elsewhere {
        &self.elsewhere
    }

    /// A verification in this stay, as it is traced.
    pub(crate) fn spell(&self, ticket: Ticket) -> Spell {
        self.traces.in_turn(ticket, "verification")
    }

    /// Runs something on the pool and waits for it.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }

    /// Verifies on the pool, and sends the judgement; always, whatever happens.
    pub(crate) fn start(&self, job: Job) -> Judging {
        let (sender, judging) = oneshot::channel();
        let times = self.times.clone();
        let mut spell = self.spell(job.ticket);
        self.pool.spawn(move || {
            let judgement = timed(&times, || guarded(|| judge(job)));
            spell.note("tauline.verdict", judgement.word());
            drop(spell);
            let base = match &judgement {
                Judgement::Valid(accepted) => Some(Arc::clone(&accepted.base)),
                Judgement::Invalid(_) | Judgement::Fault(_) => None,
            };
            // Perhaps nobody wants it any more: the stay is over, or the coordinator stops.
            let _ = sender.send(judgement);
            // The receipt does not wait for this. Whoever is called next finds the powers ready, or,
            // if this fails, has them rendered then.
            if let Some(base) = base {
                let _ = catch_unwind(AssertUnwindSafe(|| base.prepare()));
            }
        });
        judging
    }
}

/// A panic is the coordinator's fault, and nothing worse.
fn guarded(judge: impl FnOnce() -> Judgement) -> Judgement {
    catch_unwind(AssertUnwindSafe(judge))
        .unwrap_or_else(|panic| Judgement::Fault(panic_text(panic.as_ref())))
}

fn judge(job: Job) -> Judgement {
    let Job {
        ticket,
        identity,
        base,
        contribution,
        key,
    } = job;
    let mut verified = match verify_on(base.foundation(), contribution, &mut OsRng) {
        Ok(verified) => verified,
        Err(error) => return Judgement::Invalid(Box::new(error)),
    };
    verified.prune_signatures(&identity);
    let number = base.contributions() + 1;
    let (base, entries, ecdsa) = verified.into_parts();
    let witness = entries
        .iter()
        .map(|entry| Witness {
            running_product: entry.running_product.to_compressed(),
            pot_pubkey: entry.pot_pubkey.to_compressed(),
            bls_signature: entry.bls_signature,
        })
        .collect();
    let base = CurrentBase::bare(base, number);
    let accepted = Accepted::new(ticket, identity, witness, ecdsa, base, &key);
    Judgement::Valid(Box::new(accepted))
}

impl Accepted {
    /// What a contribution changes that leaves this base.
    pub(crate) fn new(
        ticket: Ticket,
        identity: Identity,
        witness: Vec<Witness>,
        ecdsa: Option<[u8; 65]>,
        base: CurrentBase,
        key: &SigningKey,
    ) -> Self {
        Self {
            receipt: receipt(&identity, &witness, key),
            contribution: Contribution {
                number: base.contributions(),
                ticket,
                identity,
                witness,
                ecdsa,
                digest: None,
            },
            base: Arc::new(base),
        }
    }
}

/// The receipt of an accepted contribution: the same bytes each time.
pub(crate) fn receipt(identity: &Identity, witness: &[Witness], key: &SigningKey) -> SignedReceipt {
    let pubkeys = witness.iter().map(|entry| entry.pot_pubkey.as_slice());
    Receipt::new(identity.clone(), pubkeys).sign(key)
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_verification_is_a_fault_of_the_coordinator() {
        let judgement = guarded(|| panic!("of {}", "some kind"));
        assert!(matches!(judgement, Judgement::Fault(text) if text == "of some kind"));
    }
}
