//! The equations that contributions have to fulfil.
//!
//! For contribution k to one sub-ceremony, with P the running products, pk the public key and s
//! the BLS signature over the identity's hash H, two equations must hold:
//!
//! * e(P\[k-1\], pk) = e(P\[k\], g₂), the update (`docs/spec/ceremony.md#transcript-update`);
//! * e(H, pk) = e(s, g₂), the signature, where there is one.
//!
//! With random 128-bit r and r' for each, both hide in one Miller loop, and all right sides of a
//! batch merge into one point: Π e(r·P\[k-1\] + r'·H, pk) = e(Σ r·P\[k\] + Σ r'·s, g₂). That point
//! is a by-product of the test that all P and s are in the subgroup (see `arithmetic/sums/combination.rs`).
//!
//! When the product fails, blocks of it are tried, without that by-product; in the ones that fail
//! updates and signatures apart, then halves of them. All points are in the subgroup, so the error
//! of each combination is 2⁻¹²⁸ (see `verify/equations.rs`).

use std::collections::BTreeSet;

use blst::blst_fp12;
use blstrs::{G1Affine, G1Projective, G2Affine};
use group::Curve;
use group::prime::PrimeCurveAffine;
use rayon::prelude::*;

use crate::arithmetic::{
    Arithmetic, Backend, Coefficient, miller_product, normalize, product, sums_of_two,
};
use crate::transcript::verify::points::Random;

/// Links whose Miller loops are one task: they share their squarings, a thirtieth of its
/// work, and fit in a core's second-level cache.
const TASK_LINKS: usize = 128;

/// Links of a block that is tried by itself when the product of all fails: one final
/// exponentiation costs as much as some ten Miller loops.
const BLOCK_LINKS: usize = 256;

/// Most signatures that are not halved further: each is then verified by itself.
const FEW_SIGNATURES: usize = 4;

/// One contribution to one sub-ceremony, all of whose points are good.
pub(crate) struct Link {
    /// The first entry of the batch, and its place after that.
    pub(crate) first: u64,
    pub(crate) i: usize,
    pub(crate) sub: usize,
    pub(crate) before: G1Affine,
    pub(crate) after: G1Affine,
    pub(crate) pubkey: G2Affine,
    pub(crate) random: Random,
    /// A good point that claims to be the signature, and the hash that it should be of.
    pub(crate) signature: Option<(G1Affine, G1Affine)>,
}

impl Link {
    /// k.
    pub(crate) fn entry(&self) -> u64 {
        self.first + self.i as u64
    }
}

/// The links whose equations were not found to hold, by their places in the list.
#[derive(Default)]
pub(crate) struct Unproven {
    pub(crate) updates: BTreeSet<usize>,
    /// Each of these has to be verified by itself.
    pub(crate) signatures: BTreeSet<usize>,
}

/// Finds the links whose equations do not hold.
///
/// `right` is Σ r·P\[k\] + Σ r'·s over the links, if it is known, with the random bytes read as
/// [`Coefficient`]s.
pub(crate) fn unproven(links: &[Link], right: Option<G1Projective>) -> Unproven {
    let mut unproven = Unproven::default();
    if right.is_some_and(|right| all_hold(links, right)) {
        return unproven;
    }
    let blocks = links.par_chunks(BLOCK_LINKS).enumerate();
    let found: Vec<(usize, Unproven)> = blocks
        .map(|(i, links)| (i * BLOCK_LINKS, unproven_in_block(links)))
        .collect();
    for (first, block) in found {
        let place = |i| first + i;
        unproven
            .updates
            .extend(block.updates.into_iter().map(place));
        unproven
            .signatures
            .extend(block.signatures.into_iter().map(place));
    }
    unproven
}

/// Whether both equations of all links hold.
fn all_hold(links: &[Link], right: G1Projective) -> bool {
    let tasks = links.par_chunks(TASK_LINKS);
    let mut values: Vec<blst_fp12> = tasks
        .map(|links| {
            let terms: Vec<_> = links
                .iter()
                .map(|link| {
                    let r = Coefficient::from_bytes(&link.random.product);
                    let r_signature = Coefficient::from_bytes(&link.random.signature);
                    let hash = link
                        .signature
                        .map_or(G1Affine::identity(), |(_, hash)| hash);
                    [(link.before, r), (hash, r_signature)]
                })
                .collect();
            let left = sums_of_two(&terms, Backend::best());
            let pubkeys = links.iter().map(|link| link.pubkey);
            let pairs: Vec<_> = left.into_iter().zip(pubkeys).collect();
            miller_product(&pairs, Backend::best())
        })
        .collect();
    let right = (-right.to_affine(), G2Affine::generator());
    values.push(miller_product(&[right], Backend::Portable));
    product(&values).final_exp() == blst_fp12::default()
}

/// Which of the two equations of a link to check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Equations {
    Both,
    Update,
    Signature,
}

fn unproven_in_block(links: &[Link]) -> Unproven {
    let mut unproven = Unproven::default();
    if !hold(links, Equations::Both) {
        search(links, 0, Equations::Update, 1, &mut unproven.updates);
        search(
            links,
            0,
            Equations::Signature,
            FEW_SIGNATURES,
            &mut unproven.signatures,
        );
    }
    unproven
}

/// Halves what does not hold, down to `few` links.
fn search(
    links: &[Link],
    first: usize,
    equations: Equations,
    few: usize,
    failing: &mut BTreeSet<usize>,
) {
    if links.is_empty() || hold(links, equations) {
        return;
    }
    if links.len() <= few {
        failing.extend(first..first + links.len());
        return;
    }
    let (low, high) = links.split_at(links.len() / 2);
    search(low, first, equations, few, failing);
    search(high, first + low.len(), equations, few, failing);
}

/// Whether the equations of these few links hold, by one random combination.
fn hold(links: &[Link], equations: Equations) -> bool {
    let (mut left, mut pubkeys) = (Vec::new(), Vec::new());
    let (mut right, mut coefficients) = (Vec::new(), Vec::new());
    for link in links {
        let (r, r_signature) = (link.random.product, link.random.signature);
        let update = (equations != Equations::Signature).then_some((link.before, link.after, r));
        let signature = link.signature.filter(|_| equations != Equations::Update);
        let signature = signature.map(|(signature, hash)| (hash, signature, r_signature));
        let terms: Vec<_> = update.into_iter().chain(signature).collect();
        if terms.is_empty() {
            continue;
        }
        let points: Vec<_> = terms.iter().map(|term| term.0).collect();
        let factors: Vec<_> = terms.iter().map(|term| term.2).collect();
        left.push(G1Affine::sum_of_products(&points, &factors));
        pubkeys.push(link.pubkey);
        right.extend(terms.iter().map(|term| term.1));
        coefficients.extend(factors);
    }
    let right = G1Affine::sum_of_products(&right, &coefficients).to_affine();
    let left = normalize::<G1Affine>(&left).into_iter();
    let mut pairs: Vec<_> = left.zip(pubkeys).collect();
    pairs.push((-right, G2Affine::generator()));
    miller_product(&pairs, Backend::best()).final_exp() == blst_fp12::default()
}
