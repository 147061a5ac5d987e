//! The signatures of one batch: counted, and those that are not valid named.

use blstrs::G1Affine;
use rayon::prelude::*;

use crate::identity::Identity;
use crate::signature;
use crate::sizes::Size;
use crate::transcript::read::walk::{EntryBatch, RawSignature, SubBatch};
use crate::transcript::report::remarks::Tally;
use crate::transcript::report::remarks::{FaultySignature, SignatureFault, SignatureKind};
use crate::transcript::verify::findings::SubFindings;
use crate::transcript::verify::points::BatchPoints;
use crate::transcript::verify::rules::Rules;

/// Entries whose signatures are one task, each of some 0.1 ms.
const TASK_ENTRIES: usize = 16;

/// The hash of each participant's identity who signed in any sub-ceremony.
pub(crate) fn hashes(
    points: &[BatchPoints],
    identities: &[Option<Identity>],
) -> Vec<Option<G1Affine>> {
    let hash = |(i, identity): (usize, &Option<Identity>)| {
        let signed = |points: &BatchPoints| points.signatures.get(i).is_some_and(Option::is_some);
        let identity = identity.as_ref().filter(|_| points.iter().any(signed))?;
        Some(signature::bls_message_point(identity.as_str().as_bytes()))
    };
    let identities = identities.par_iter().enumerate();
    identities.with_min_len(TASK_ENTRIES).map(hash).collect()
}

/// Counts the entries without a BLS signature. Entry 0 never has one, and is not counted.
pub(crate) fn absent(batch: &EntryBatch, raw: &SubBatch) -> Tally {
    let entries = (batch.first..).zip(&raw.bls_signatures);
    let absent = entries.filter(|(entry, it)| *entry > 0 && **it == RawSignature::Absent);
    Tally {
        absent: absent.count() as u64,
        ..Tally::default()
    }
}

/// Longest identity that is shown, in characters.
const SHOWN_IDENTITY: usize = 128;

impl EntryBatch {
    fn faulty(
        &self,
        i: usize,
        sub_ceremony: Option<usize>,
        fault: SignatureFault,
    ) -> FaultySignature {
        let identity = self.participant_ids.get(i).map_or("", String::as_str);
        FaultySignature {
            entry: self.first + i as u64,
            identity: identity.chars().take(SHOWN_IDENTITY).collect(),
            kind: match sub_ceremony {
                Some(_) => SignatureKind::Bls,
                None => SignatureKind::Ecdsa,
            },
            sub_ceremony,
            fault,
        }
    }
}

/// Counts the BLS signatures that are given, and names those that are not valid. Those that are
/// `signed` need no further check.
pub(crate) fn count_bls(
    batch: &EntryBatch,
    points: &[BatchPoints],
    identities: &[Option<Identity>],
    signed: &[Vec<bool>],
    subs: &mut [SubFindings],
) -> Vec<FaultySignature> {
    let mut faulty = Vec::new();
    for (sub, (points, raw)) in points.iter().zip(&batch.subs).enumerate() {
        let is_valid = |i: usize, bytes: &[u8; 48]| {
            let identity = identities.get(i).and_then(Option::as_ref);
            let pubkey = points.pubkeys.get(i).and_then(Option::as_ref);
            signed[sub][i]
                || matches!((identity, pubkey), (Some(identity), Some(pubkey))
                    if signature::bls_verify(identity, pubkey, bytes))
        };
        let signatures = raw.bls_signatures.par_iter().enumerate();
        let judged: Vec<_> = signatures
            .filter_map(|(i, signature)| match signature {
                RawSignature::Given(bytes) if is_valid(i, bytes) => Some(Ok(())),
                RawSignature::Given(bytes) => Some(Err((
                    i,
                    match signature::bls_signature_point(bytes) {
                        Some(_) => SignatureFault::Invalid,
                        None => SignatureFault::Malformed,
                    },
                ))),
                RawSignature::Malformed => Some(Err((i, SignatureFault::Malformed))),
                RawSignature::Absent => None,
            })
            .collect();
        for verdict in judged {
            match verdict {
                Ok(()) => subs[sub].bls_signatures.valid += 1,
                Err((i, fault)) => {
                    subs[sub].bls_signatures.invalid += 1;
                    faulty.push(batch.faulty(i, Some(sub), fault));
                }
            }
        }
    }
    faulty
}

/// What was found of the EIP-712 signatures of a batch.
#[derive(Default)]
pub(crate) struct EcdsaFindings {
    pub(crate) tally: Tally,
    pub(crate) over_other_sizes: u64,
    pub(crate) other_sizes: Vec<Size>,
    pub(crate) faulty: Vec<FaultySignature>,
}

/// The verdict on one signature.
enum EcdsaVerdict {
    Absent,
    /// Over the sizes at this place of [`Rules::signed_sizes`].
    Valid(usize),
    Faulty(SignatureFault),
}

/// Counts the EIP-712 signatures: over all public keys of a contribution, by the account that the
/// participant signed in with.
pub(crate) fn check_ecdsa(
    batch: &EntryBatch,
    rules: &Rules,
    points: &[BatchPoints],
    identities: &[Option<Identity>],
) -> EcdsaFindings {
    let judge = |(i, signature): (usize, &RawSignature<65>)| match signature {
        RawSignature::Absent => EcdsaVerdict::Absent,
        RawSignature::Malformed => EcdsaVerdict::Faulty(SignatureFault::Malformed),
        RawSignature::Given(bytes) => {
            let identity = identities.get(i).and_then(Option::as_ref);
            judge_ecdsa(i, bytes, rules, points, identity)
        }
    };
    let signatures = batch.ecdsa_signatures.par_iter().enumerate();
    let verdicts: Vec<_> = signatures.with_min_len(TASK_ENTRIES).map(judge).collect();
    let mut found = EcdsaFindings::default();
    for (i, verdict) in verdicts.into_iter().enumerate() {
        match verdict {
            EcdsaVerdict::Absent if batch.first + i as u64 == 0 => {}
            EcdsaVerdict::Absent => found.tally.absent += 1,
            EcdsaVerdict::Valid(place) => {
                found.tally.valid += 1;
                if place > 0 {
                    found.over_other_sizes += 1;
                    found.other_sizes.clone_from(&rules.signed_sizes[place]);
                }
            }
            EcdsaVerdict::Faulty(fault) => {
                found.tally.invalid += 1;
                found.faulty.push(batch.faulty(i, None, fault));
            }
        }
    }
    found
}

fn judge_ecdsa(
    i: usize,
    signature: &[u8; 65],
    rules: &Rules,
    points: &[BatchPoints],
    identity: Option<&Identity>,
) -> EcdsaVerdict {
    let keys: Option<Vec<_>> = (points.iter())
        .map(|points| Some(points.pubkeys.get(i)?.as_ref()?.to_compressed()))
        .collect();
    let place = keys.zip(identity).and_then(|(keys, identity)| {
        rules.signed_sizes.iter().position(|sizes| {
            let signed: Vec<_> = sizes.iter().copied().zip(keys.iter().copied()).collect();
            signature::ecdsa_verify(identity, &signature::eip712_digest(&signed), signature)
        })
    });
    match place {
        Some(place) => EcdsaVerdict::Valid(place),
        // What no key could have made of any digest is no signature.
        None if signature::ecdsa_recover(&[1; 32], signature).is_none() => {
            EcdsaVerdict::Faulty(SignatureFault::Malformed)
        }
        None => EcdsaVerdict::Faulty(SignatureFault::Invalid),
    }
}
