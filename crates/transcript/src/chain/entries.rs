//! The entries of one batch: every update and every signature.
//!
//! Points are decoded and tested in lists over all sub-ceremonies (see `points`), updates and BLS
//! signatures in one product of pairings (see `links`).

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;
use rayon::prelude::*;

use super::links::{Link, unproven};
use super::points::{Points, Randoms, decode};
use super::report::{Failures, Found, ListName, Participants, Tally, TranscriptCheck};
use super::subgroups::{combine_g1, refuse_pubkeys};
use super::walk::{Batch, RawEntry, RawSignature, SubBatch};
use crate::encoding::{Encoding, Point};
use crate::error::{Element, SubCeremony};
use crate::identity::Identity;
use crate::signature;
use crate::sizes::Size;

/// What all batches are judged by.
pub(super) struct Rules {
    pub(super) encoding: Encoding,
    pub(super) sub_ceremonies: Vec<SubCeremony>,
    /// The sizes that participants' EIP-712 signatures are over.
    pub(super) signed_sizes: Vec<Size>,
}

/// What was found in one batch.
pub(super) struct BatchReport {
    pub(super) failures: Failures,
    pub(super) participants: Participants,
    pub(super) ecdsa_signatures: Tally,
    pub(super) subs: Vec<SubFindings>,
}

#[derive(Default)]
pub(super) struct SubFindings {
    pub(super) links_valid: u64,
    pub(super) bls_signatures: Tally,
    pub(super) no_entropy: Vec<u64>,
    /// The last running product, when it is a good point.
    pub(super) last_product: Option<G1Affine>,
}

/// Checks a batch. `random` was drawn after it was read.
pub(super) fn check_batch(batch: &Batch, rules: &Rules, random: &Randoms) -> BatchReport {
    let mut failures = Failures::default();
    let mut found: Vec<Found> = Vec::new();
    if batch.first == 0 {
        check_start(batch, rules, &mut failures);
    }
    let mut participants = Participants::default();
    let identities = identities(batch, &mut participants, &mut found);
    let mut points = decode(batch, rules.encoding, &identities, &mut found);
    refuse_pubkeys(batch.first, &mut points, random, &mut found);
    let (hashes, ecdsa_signatures) = rayon::join(
        || hashes(&points, &identities),
        || check_ecdsa(batch, rules, &points, &identities),
    );
    let combined = combine_g1(batch.first, &mut points, random, &mut found);

    let links = links(batch, &points, &hashes, random);
    let unproven = unproven(&links, combined.map(|combined| combined.right(&links)));
    let mut subs: Vec<SubFindings> = (points.iter().zip(&batch.subs))
        .map(|(points, raw)| SubFindings {
            links_valid: 0,
            bls_signatures: absent_and_malformed(batch, raw),
            no_entropy: no_entropy(batch, points),
            last_product: points.products.last().copied().flatten(),
        })
        .collect();
    let mut signed: Vec<Vec<bool>> = vec![vec![false; batch.len]; subs.len()];
    for (place, link) in links.iter().enumerate() {
        match unproven.updates.contains(&place) {
            true => found.push((link.entry(), link.sub, TranscriptCheck::UpdateProof)),
            false => subs[link.sub].links_valid += 1,
        }
        signed[link.sub][link.i] =
            link.signature.is_some() && !unproven.signatures.contains(&place);
    }
    count_bls(batch, &points, &identities, &signed, &mut subs);

    // Of one entry of one sub-ceremony, the running product comes first.
    found.sort_by_key(|(entry, sub, check)| (*entry, *sub, rank(check)));
    for (entry, sub, check) in found {
        failures.push(rules.sub_ceremonies.get(sub).copied(), Some(entry), check);
    }
    BatchReport {
        failures,
        participants,
        ecdsa_signatures,
        subs,
    }
}

/// The order of what is wrong with one entry.
fn rank(check: &TranscriptCheck) -> u8 {
    match check {
        TranscriptCheck::Decoding { element, .. }
        | TranscriptCheck::Identity { element }
        | TranscriptCheck::Subgroup { element } => match element {
            Element::RunningProduct => 0,
            _ => 1,
        },
        _ => 2,
    }
}

/// Entries whose signatures are one task, each of some 0.1 ms.
const TASK_ENTRIES: usize = 16;

/// The number that stands for "no sub-ceremony" beside those of sub-ceremonies.
const NO_SUB: usize = usize::MAX;

/// Entry 0 is the start (`ceremony.md`, Documents). What is missing is told by the lengths.
fn check_start(batch: &Batch, rules: &Rules, failures: &mut Failures) {
    let is_generator = |entry: &RawEntry, g1: bool| {
        let Ok(bytes) = entry else { return false };
        match g1 {
            true => G1Affine::decode(bytes, rules.encoding) == Ok(G1Affine::generator()),
            false => G2Affine::decode(bytes, rules.encoding) == Ok(G2Affine::generator()),
        }
    };
    for (sub, &sub_ceremony) in batch.subs.iter().zip(&rules.sub_ceremonies) {
        let starts = [
            (
                ListName::RunningProducts,
                sub.running_products
                    .entry(0)
                    .map(|p| is_generator(&p, true)),
            ),
            (
                ListName::PotPubkeys,
                sub.pot_pubkeys.entry(0).map(|pk| is_generator(&pk, false)),
            ),
            (
                ListName::BlsSignatures,
                sub.bls_signatures
                    .first()
                    .map(|it| *it == RawSignature::Absent),
            ),
        ];
        for (list, start) in starts {
            if start == Some(false) {
                failures.push(Some(sub_ceremony), Some(0), TranscriptCheck::Start { list });
            }
        }
    }
    let whole = [
        (
            ListName::ParticipantIds,
            batch.participant_ids.first().map(String::is_empty),
        ),
        (
            ListName::ParticipantEcdsaSignatures,
            batch
                .ecdsa_signatures
                .first()
                .map(|it| *it == RawSignature::Absent),
        ),
    ];
    for (list, start) in whole {
        if start == Some(false) {
            failures.push(None, Some(0), TranscriptCheck::Start { list });
        }
    }
}

/// The participants of the batch; none where there is no identity, as in entry 0.
fn identities(
    batch: &Batch,
    participants: &mut Participants,
    found: &mut Vec<Found>,
) -> Vec<Option<Identity>> {
    let parsed = (batch.first..)
        .zip(&batch.participant_ids)
        .map(|(entry, text)| {
            if entry == 0 {
                return None;
            }
            match Identity::from_listed(text) {
                Ok(identity) => {
                    participants.count(identity.kind());
                    Some(identity)
                }
                Err(error) => {
                    let problem = error.to_string();
                    found.push((entry, NO_SUB, TranscriptCheck::Participant { problem }));
                    None
                }
            }
        });
    parsed.collect()
}

/// The hash of each participant's identity who signed in any sub-ceremony.
fn hashes(points: &[Points], identities: &[Option<Identity>]) -> Vec<Option<G1Affine>> {
    let hash = |(i, identity): (usize, &Option<Identity>)| {
        let signed = |points: &Points| points.signatures.get(i).is_some_and(Option::is_some);
        let identity = identity.as_ref().filter(|_| points.iter().any(signed))?;
        Some(signature::bls_message_point(identity.as_str().as_bytes()))
    };
    let identities = identities.par_iter().enumerate();
    identities.with_min_len(TASK_ENTRIES).map(hash).collect()
}

/// The links both of whose ends are good points.
fn links(
    batch: &Batch,
    points: &[Points],
    hashes: &[Option<G1Affine>],
    random: &Randoms,
) -> Vec<Link> {
    let mut links = Vec::with_capacity(batch.len * points.len());
    for i in 0..batch.len {
        if batch.first + i as u64 == 0 {
            continue;
        }
        let hash = hashes.get(i).copied().flatten();
        for (sub, points) in points.iter().enumerate() {
            let before = match i {
                0 => points.before,
                _ => points.products.get(i - 1).copied().flatten(),
            };
            let after = points.products.get(i).copied().flatten();
            let pubkey = points.pubkeys.get(i).copied().flatten();
            let (Some(before), Some(after), Some(pubkey)) = (before, after, pubkey) else {
                continue;
            };
            let signature = points.signatures.get(i).copied().flatten();
            links.push(Link {
                first: batch.first,
                i,
                sub,
                before,
                after,
                pubkey,
                random: random.of(i, sub),
                signature: signature.zip(hash),
            });
        }
    }
    links
}

/// Contributions with the secret 1: their public key is the generator.
fn no_entropy(batch: &Batch, points: &Points) -> Vec<u64> {
    let generator = Some(G2Affine::generator());
    let pubkeys = (batch.first..).zip(&points.pubkeys);
    pubkeys
        .filter(|&(entry, key)| entry > 0 && *key == generator)
        .map(|(entry, _)| entry)
        .collect()
}

/// The signatures of a sub-ceremony that need no arithmetic. Entry 0 has none.
fn absent_and_malformed(batch: &Batch, raw: &SubBatch) -> Tally {
    let mut tally = Tally::default();
    for (entry, signature) in (batch.first..).zip(&raw.bls_signatures) {
        match signature {
            RawSignature::Absent if entry > 0 => tally.absent += 1,
            RawSignature::Malformed => tally.invalid += 1,
            _ => {}
        }
    }
    tally
}

/// Counts the BLS signatures that are given. Those that are `signed` need no further check.
fn count_bls(
    batch: &Batch,
    points: &[Points],
    identities: &[Option<Identity>],
    signed: &[Vec<bool>],
    subs: &mut [SubFindings],
) {
    for (sub, (points, raw)) in points.iter().zip(&batch.subs).enumerate() {
        let is_valid = |(i, bytes): &(usize, &[u8; 48])| {
            let identity = identities.get(*i).and_then(Option::as_ref);
            let pubkey = points.pubkeys.get(*i).and_then(Option::as_ref);
            signed[sub][*i]
                || matches!((identity, pubkey), (Some(identity), Some(pubkey))
                    if signature::bls_verify(identity, pubkey, bytes))
        };
        let given: Vec<(usize, &[u8; 48])> = (raw.bls_signatures.iter().enumerate())
            .filter_map(|(i, signature)| match signature {
                RawSignature::Given(bytes) => Some((i, bytes)),
                _ => None,
            })
            .collect();
        let valid = given.par_iter().filter(|given| is_valid(given)).count() as u64;
        subs[sub].bls_signatures.valid += valid;
        subs[sub].bls_signatures.invalid += given.len() as u64 - valid;
    }
}

/// Counts the EIP-712 signatures: over all public keys of a contribution, by the account that the
/// participant signed in with.
fn check_ecdsa(
    batch: &Batch,
    rules: &Rules,
    points: &[Points],
    identities: &[Option<Identity>],
) -> Tally {
    let count = |(i, signature): (usize, &RawSignature<65>)| {
        let mut tally = Tally::default();
        let signature = match signature {
            RawSignature::Absent if batch.first + i as u64 == 0 => return tally,
            RawSignature::Absent => {
                tally.absent += 1;
                return tally;
            }
            RawSignature::Malformed => {
                tally.invalid += 1;
                return tally;
            }
            RawSignature::Given(signature) => signature,
        };
        let pubkeys: Option<Vec<_>> = (points.iter().zip(&rules.signed_sizes))
            .map(|(points, &size)| Some((size, points.pubkeys.get(i)?.as_ref()?.to_compressed())))
            .collect();
        let identity = identities.get(i).and_then(Option::as_ref);
        let valid = matches!((pubkeys, identity), (Some(pubkeys), Some(identity))
            if signature::ecdsa_verify(identity, &signature::eip712_digest(&pubkeys), signature));
        match valid {
            true => tally.valid += 1,
            false => tally.invalid += 1,
        }
        tally
    };
    let signatures = batch.ecdsa_signatures.par_iter().enumerate();
    let tallies = signatures.with_min_len(TASK_ENTRIES).map(count);
    tallies.reduce(Tally::default, |mut all, tally| {
        all.add(tally);
        all
    })
}
