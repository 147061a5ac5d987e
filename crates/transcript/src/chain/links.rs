//! The entries of one batch: every update and every signature.
//!
//! For contribution k to one sub-ceremony, with P the running products, pk the public key and s
//! the BLS signature over the identity's hash H, two equations must hold:
//!
//! * e(P\[k-1\], pk) = e(P\[k\], g₂), the update (`ceremony.md`, Checks on a whole transcript);
//! * e(H, pk) = e(s, g₂), the signature, where there is one.
//!
//! With random 128-bit r and r' for each, both hide in one Miller loop, and all right sides of a
//! batch merge into one point: Π e(r·P\[k-1\] + r'·H, pk) = e(Σ r·P\[k\] + Σ r'·s, g₂). When that
//! fails, the updates are checked without the signatures, then halves of them, down to single
//! ones; and each signature on its own, in either spelling of a GitHub login. All points are in
//! the subgroup before they are combined, so the error of the combination is 2⁻¹²⁸ (see `batch`).

use std::collections::BTreeSet;

use blst::{Pairing, blst_fp12};
use blstrs::{G1Affine, G2Affine};
use group::Curve;
use group::prime::PrimeCurveAffine;

use super::points::{Points, decode};
use super::report::{Failures, ListName, Participants, Tally, TranscriptCheck};
use super::walk::{Batch, RawEntry, RawSignature, SubBatch};
use crate::encoding::{Encoding, Point};
use crate::error::SubCeremony;
use crate::field::{Arithmetic, COEFFICIENT_LEN, normalize};
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

/// A random coefficient, little-endian.
type Coefficient = [u8; COEFFICIENT_LEN];

/// Random coefficients of one link: for the update, and for the signature.
pub(super) type LinkCoefficients = [Coefficient; 2];

/// One contribution to one sub-ceremony, all of whose points are good.
struct Link {
    entry: u64,
    sub: usize,
    before: G1Affine,
    after: G1Affine,
    pubkey: G2Affine,
    coefficients: LinkCoefficients,
    /// A good point that claims to be the signature, and the hash that it should be of.
    signature: Option<(G1Affine, G1Affine)>,
}

/// Which of the two equations of a link to check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Equations {
    UpdateAndSignature,
    Update,
}

/// Checks a batch. `coefficients` were drawn after it was read: one set for each entry of each
/// sub-ceremony.
pub(super) fn check_batch(
    batch: &Batch,
    rules: &Rules,
    coefficients: &[LinkCoefficients],
) -> BatchReport {
    let mut failures = Failures::default();
    let mut found: Vec<(u64, usize, TranscriptCheck)> = Vec::new();
    if batch.first == 0 {
        check_start(batch, rules, &mut failures);
    }
    let points: Vec<Points> = (batch.subs.iter().enumerate())
        .map(|(i, sub)| decode(batch.first, i, sub, rules.encoding, &mut found))
        .collect();
    let mut participants = Participants::default();
    let identities = identities(batch, &mut participants, &mut found);
    let links = links(batch, &points, &identities, coefficients);

    let mut subs: Vec<SubFindings> = (points.iter().zip(&batch.subs))
        .map(|(points, raw)| SubFindings {
            links_valid: 0,
            bls_signatures: absent_and_malformed(batch, raw),
            no_entropy: no_entropy(batch, points),
            last_product: points.products.last().copied().flatten(),
        })
        .collect();

    let all_hold = hold(&links, Equations::UpdateAndSignature);
    let bad_updates = match all_hold {
        true => BTreeSet::new(),
        false => failing_updates(&links),
    };
    for (i, link) in links.iter().enumerate() {
        match bad_updates.contains(&i) {
            true => found.push((link.entry, link.sub, TranscriptCheck::UpdateProof)),
            false => subs[link.sub].links_valid += 1,
        }
    }
    check_bls(
        batch,
        &points,
        &identities,
        all_hold.then_some(&links),
        &mut subs,
    );

    found.sort_by_key(|&(entry, sub, _)| (entry, sub));
    for (entry, sub, check) in found {
        failures.push(rules.sub_ceremonies.get(sub).copied(), Some(entry), check);
    }
    let ecdsa_signatures = check_ecdsa(batch, rules, &points, &identities);
    BatchReport {
        failures,
        participants,
        ecdsa_signatures,
        subs,
    }
}

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
                sub.running_products.first().map(|p| is_generator(p, true)),
            ),
            (
                ListName::PotPubkeys,
                sub.pot_pubkeys.first().map(|pk| is_generator(pk, false)),
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
    found: &mut Vec<(u64, usize, TranscriptCheck)>,
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
    batch: &Batch,
    points: &[Points],
    identities: &[Option<Identity>],
    coefficients: &[LinkCoefficients],
) -> Vec<Link> {
    let mut links = Vec::with_capacity(batch.len * points.len());
    for i in 0..batch.len {
        let entry = batch.first + i as u64;
        if entry == 0 {
            continue;
        }
        // Hashed once for all sub-ceremonies, and only when somebody signed.
        let mut hash = None;
        for (sub, (points, raw)) in points.iter().zip(&batch.subs).enumerate() {
            let before = match i {
                0 => points.before,
                _ => points.products.get(i - 1).copied().flatten(),
            };
            let after = points.products.get(i).copied().flatten();
            let pubkey = points.pubkeys.get(i).copied().flatten();
            let (Some(before), Some(after), Some(pubkey)) = (before, after, pubkey) else {
                continue;
            };
            let identity = identities.get(i).and_then(Option::as_ref);
            let signature = match (raw.bls_signatures.get(i), identity) {
                (Some(RawSignature::Given(bytes)), Some(identity)) => {
                    signature::bls_signature_point(bytes).map(|point| {
                        let of = || signature::bls_message_point(identity.as_str().as_bytes());
                        (point, *hash.get_or_insert_with(of))
                    })
                }
                _ => None,
            };
            links.push(Link {
                entry,
                sub,
                before,
                after,
                pubkey,
                coefficients: coefficients[i * batch.subs.len() + sub],
                signature,
            });
        }
    }
    links
}

/// Whether the equations of all these links hold, by one random combination.
fn hold(links: &[Link], equations: Equations) -> bool {
    let signature = |link: &Link| match equations {
        Equations::UpdateAndSignature => link.signature,
        Equations::Update => None,
    };
    let left: Vec<_> = (links.iter())
        .map(|link| match signature(link) {
            Some((_, hash)) => G1Affine::sum_of_products(&[link.before, hash], &link.coefficients),
            None => G1Affine::sum_of_products(&[link.before], &link.coefficients[..1]),
        })
        .collect();
    let mut right = Vec::with_capacity(2 * links.len());
    let mut coefficients = Vec::with_capacity(2 * links.len());
    for link in links {
        right.push(link.after);
        coefficients.push(link.coefficients[0]);
        if let Some((point, _)) = signature(link) {
            right.push(point);
            coefficients.push(link.coefficients[1]);
        }
    }
    let right = G1Affine::sum_of_products(&right, &coefficients).to_affine();

    let mut product = Pairing::new(false, &[]);
    for (left, link) in normalize::<G1Affine>(&left).iter().zip(links) {
        product.raw_aggregate(link.pubkey.as_ref(), left.as_ref());
    }
    product.raw_aggregate((-G2Affine::generator()).as_ref(), right.as_ref());
    product.commit();
    product.as_fp12().final_exp() == blst_fp12::default()
}

/// The links whose update is not proven.
fn failing_updates(links: &[Link]) -> BTreeSet<usize> {
    fn search(links: &[Link], first: usize, failing: &mut BTreeSet<usize>) {
        if links.is_empty() || hold(links, Equations::Update) {
            return;
        }
        if links.len() == 1 {
            failing.insert(first);
            return;
        }
        let (low, high) = links.split_at(links.len() / 2);
        search(low, first, failing);
        search(high, first + low.len(), failing);
    }
    let mut failing = BTreeSet::new();
    search(links, 0, &mut failing);
    failing
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

/// Counts the BLS signatures that are given. Those of `proven` links need no further check.
fn check_bls(
    batch: &Batch,
    points: &[Points],
    identities: &[Option<Identity>],
    proven: Option<&Vec<Link>>,
    subs: &mut [SubFindings],
) {
    let proven: BTreeSet<(u64, usize)> = (proven.into_iter().flatten())
        .filter(|link| link.signature.is_some())
        .map(|link| (link.entry, link.sub))
        .collect();
    for (sub, (points, raw)) in points.iter().zip(&batch.subs).enumerate() {
        for (i, signature) in raw.bls_signatures.iter().enumerate() {
            let RawSignature::Given(signature) = signature else {
                continue;
            };
            let entry = batch.first + i as u64;
            let identity = identities.get(i).and_then(Option::as_ref);
            let pubkey = points.pubkeys.get(i).and_then(Option::as_ref);
            let valid = proven.contains(&(entry, sub))
                || matches!((identity, pubkey), (Some(identity), Some(pubkey))
                    if signature::bls_verify(identity, pubkey, signature));
            match valid {
                true => subs[sub].bls_signatures.valid += 1,
                false => subs[sub].bls_signatures.invalid += 1,
            }
        }
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
    let mut tally = Tally::default();
    for (i, signature) in batch.ecdsa_signatures.iter().enumerate() {
        let signature = match signature {
            RawSignature::Absent if batch.first + i as u64 == 0 => continue,
            RawSignature::Absent => {
                tally.absent += 1;
                continue;
            }
            RawSignature::Malformed => {
                tally.invalid += 1;
                continue;
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
    }
    tally
}
