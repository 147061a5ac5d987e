//! The entries of one batch: every update and every signature.
//!
//! Points are decoded and tested in lists over all sub-ceremonies (see `points`), updates and BLS
//! signatures in one product of pairings (see `links`).

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;

use crate::encoding::Point;
use crate::error::Element;
use crate::identity::Identity;
use crate::transcript::read::walk::{EntryBatch, RawEntry, RawSignature};
use crate::transcript::report::Participants;
use crate::transcript::report::failure::{Failures, Found, ListName, TranscriptCheck};
use crate::transcript::report::remarks::{EqualSecrets, Listed};
use crate::transcript::verify::findings::{BatchReport, SubFindings};
use crate::transcript::verify::links::{Link, unproven};
use crate::transcript::verify::points::{BatchPoints, Randoms, decode};
use crate::transcript::verify::rules::Rules;
use crate::transcript::verify::signatures::{absent, check_ecdsa, count_bls, hashes};
use crate::transcript::verify::subgroups::{combine_g1, refuse_pubkeys};

/// Checks a batch. `random` was drawn after it was read.
pub(crate) fn check_batch(batch: &EntryBatch, rules: &Rules, random: &Randoms) -> BatchReport {
    let mut failures = Failures::default();
    let mut found: Vec<Found> = Vec::new();
    if batch.first == 0 {
        check_start(batch, rules, &mut failures);
    }
    let mut participants = Participants::default();
    let identities = identities(batch, &mut participants, &mut found);
    let mut points = decode(batch, rules.encoding, &identities, &mut found);
    refuse_pubkeys(batch.first, &mut points, random, &mut found);
    let (hashes, ecdsa) = rayon::join(
        || hashes(&points, &identities),
        || check_ecdsa(batch, rules, &points, &identities),
    );
    let combined = combine_g1(batch.first, &mut points, random, &mut found);

    let links = links(batch, &points, &hashes, random);
    let unproven = unproven(&links, combined.map(|combined| combined.right(&links)));
    let mut subs: Vec<SubFindings> = (points.iter().zip(&batch.subs))
        .map(|(points, raw)| SubFindings {
            links_valid: 0,
            bls_signatures: absent(batch, raw),
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
    let mut faulty = count_bls(batch, &points, &identities, &signed, &mut subs);
    faulty.extend(ecdsa.faulty);
    faulty.sort();
    let mut faulty_signatures = Listed::default();
    faulty.into_iter().for_each(|it| faulty_signatures.push(it));

    // Of one entry of one sub-ceremony, the running product comes first.
    found.sort_by_key(|(entry, sub, check)| (*entry, *sub, rank(check)));
    for (entry, sub, check) in found {
        failures.push(rules.sub_ceremonies.get(sub).copied(), Some(entry), check);
    }
    BatchReport {
        failures,
        participants,
        ecdsa_signatures: ecdsa.tally,
        over_other_sizes: (ecdsa.over_other_sizes, ecdsa.other_sizes),
        faulty_signatures,
        equal_secrets: equal_secrets(batch, &points),
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

/// The number that stands for "no sub-ceremony" beside those of sub-ceremonies.
const NO_SUB: usize = usize::MAX;

/// Entry 0 is the start (`docs/spec/ceremony.md#entry-0`). What is missing is told by the lengths.
fn check_start(batch: &EntryBatch, rules: &Rules, failures: &mut Failures) {
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
    batch: &EntryBatch,
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

/// The links both of whose ends are good points.
fn links(
    batch: &EntryBatch,
    points: &[BatchPoints],
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
fn no_entropy(batch: &EntryBatch, points: &BatchPoints) -> Vec<u64> {
    let generator = Some(G2Affine::generator());
    let pubkeys = (batch.first..).zip(&points.pubkeys);
    pubkeys
        .filter(|&(entry, key)| entry > 0 && *key == generator)
        .map(|(entry, _)| entry)
        .collect()
}

/// Contributions with one secret for several sub-ceremonies: their public keys are one. The
/// secret 1 has a name of its own.
fn equal_secrets(batch: &EntryBatch, points: &[BatchPoints]) -> Listed<EqualSecrets> {
    let mut found = Listed::default();
    for i in (0..batch.len).filter(|i| batch.first + *i as u64 > 0) {
        let keys: Vec<_> = (points.iter())
            .map(|points| points.pubkeys.get(i).copied().flatten())
            .map(|key| key.filter(|it| *it != G2Affine::generator()))
            .collect();
        for (sub, key) in keys.iter().enumerate() {
            let equal = |(_, other): &(usize, &Option<G2Affine>)| key.is_some() && *other == key;
            let all: Vec<usize> = keys
                .iter()
                .enumerate()
                .filter(equal)
                .map(|it| it.0)
                .collect();
            if all.len() > 1 && all[0] == sub {
                found.push(EqualSecrets {
                    entry: batch.first + i as u64,
                    sub_ceremonies: all,
                });
            }
        }
    }
    found
}
