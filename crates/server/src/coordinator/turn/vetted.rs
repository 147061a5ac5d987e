//! A contribution that another replica verifies: its verdict is waited for, compared with what is stored here, and
//! believed or not. What is not believed, or does not come, is verified here, as after a restart.

use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::journal::Digest;
use tauline_store::Witness;
use tauline_transcript::RawContribution;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::base::CurrentBase;
use crate::measures::Vetted;
use crate::verifier::{Accepted, Job, Judgement, Judging, Verifier};
use crate::vetting::{Finding, Verdict, Vetting};

/// How long another replica may take for its verdict, from when the document is read. It has had the document as
/// long as this one: a replica that takes longer is frozen or overloaded, and everybody in line waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a verdict does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Doubt {
    #[error("it is about a contribution to another state")]
    AnotherBase,
    #[error("it is about another document")]
    AnotherDocument,
    #[error("it does not fit the document")]
    Misfit,
    #[error("the replica could not tell")]
    Undecided,
}

/// Has another replica judge, or this one if nothing comes of that. `stored` is the digest of the document.
pub(super) fn judging(verifier: Verifier, job: Job, stored: Digest, vetting: Vetting) -> Judging {
    let (sender, judging) = oneshot::channel();
    tokio::spawn(async move {
        if let Some(judgement) = judged(&verifier, job, stored, vetting).await {
            // Perhaps nobody wants it any more, as with one that was come to here.
            let _ = sender.send(judgement);
        }
    });
    judging
}

async fn judged(
    verifier: &Verifier,
    job: Job,
    stored: Digest,
    vetting: Vetting,
) -> Option<Judgement> {
    let ticket = job.ticket;
    let mut spell = verifier.spell(ticket);
    let Ok(Some(verdict)) = timeout(PATIENCE, vetting.verdict()).await else {
        verifier.elsewhere().count(Vetted::Missed);
        warn!(%ticket, "the replica that got the contribution comes to no verdict: it is verified here");
        drop(spell);
        return verifier.start(job).await.ok();
    };
    let here = verifier.clone();
    let compared = tokio::task::spawn_blocking(move || {
        let believed = believed(&here, &job, &stored, verdict);
        (job, believed)
    });
    let (job, believed) = compared.await.ok()?;
    match believed {
        Ok(judgement) => {
            verifier.elsewhere().count(Vetted::Believed);
            spell.note("tauline.verdict", judgement.word());
            info!(%ticket, verdict = judgement.word(), "verified by the replica that got it");
            if let Judgement::Valid(accepted) = &judgement {
                // The next participant's replica may ask which state it is.
                let base = Arc::clone(&accepted.base);
                verifier.pool().spawn(move || drop(base.id()));
            }
            Some(judgement)
        }
        Err(doubt) => {
            verifier.elsewhere().count(Vetted::Refused);
            warn!(%ticket, %doubt, "the verdict of the replica that got the contribution does not count: it is verified here");
            drop(spell);
            verifier.start(job).await.ok()
        }
    }
}

/// What a verdict comes to, if it is about this very document and the state that this builds on. Blocks.
fn believed(
    verifier: &Verifier,
    job: &Job,
    stored: &Digest,
    verdict: Verdict,
) -> Result<Judgement, Doubt> {
    if job.base.id().ok() != Some(verdict.base) {
        return Err(Doubt::AnotherBase);
    }
    if verdict.document != *stored {
        return Err(Doubt::AnotherDocument);
    }
    match verdict.finding {
        Finding::Undecided => Err(Doubt::Undecided),
        Finding::Invalid(check) => Ok(Judgement::Invalid(check)),
        Finding::Valid { bls, ecdsa } => {
            let accepted = accepted(verifier, job, &bls, ecdsa).ok_or(Doubt::Misfit)?;
            Ok(Judgement::Valid(Box::new(accepted)))
        }
    }
}

/// What an accepted contribution changes, taken from the document itself, with those of its signatures that are
/// good.
fn accepted(verifier: &Verifier, job: &Job, bls: &[bool], ecdsa: bool) -> Option<Accepted> {
    let document = job.contribution.shared_document();
    let witness = witness(&document, bls)?;
    let signature = document.ecdsa_signature.filter(|_| ecdsa);
    let base = CurrentBase::accepted(
        document,
        job.base.foundation().sizes(),
        job.base.contributions() + 1,
        Arc::clone(verifier.pool()),
    );
    let identity = job.identity.clone();
    let base = base.ok()?;
    Some(Accepted::new(
        job.ticket, identity, witness, signature, base, &job.key,
    ))
}

fn witness(document: &RawContribution, bls: &[bool]) -> Option<Vec<Witness>> {
    let subs = &document.sub_contributions;
    if subs.len() != bls.len() {
        return None;
    }
    let witness = subs.iter().zip(bls).map(|(sub, is_good)| {
        Some(Witness {
            running_product: sub.running_product()?.try_into().ok()?,
            pot_pubkey: sub.pot_pubkey.to_compressed_bytes().try_into().ok()?,
            bls_signature: sub.bls_signature.filter(|_| *is_good),
        })
    });
    witness.collect()
}
