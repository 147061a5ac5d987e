//! The powers of a sub-ceremony times the powers of a secret.

use blstrs::{G1Affine, G2Affine, Scalar};
use ff::Field;
use group::Curve;
use group::prime::PrimeCurveAffine;
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::arithmetic::{Arithmetic, Backend, G1List, normalize};
use crate::powers::Powers;
use crate::signature::eip712_digest;
use crate::sizes::{Size, Sizes};
use crate::update::secret::{Secret, Wipeable};

/// Points that one task multiplies: 5 ms of work in G1 with vector lanes, 30 ms without, so that
/// progress moves and cores share the list evenly.
const TASK_POINTS: usize = 384;

/// How far a participant's work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateProgress {
    /// Powers multiplied so far, of all sub-ceremonies, in G1 and G2. A G2 power takes
    /// longer than one in G1, but there are few.
    pub done: usize,
    /// Powers to multiply in all.
    pub total: usize,
}

/// The powers of one sub-ceremony after the contribution.
pub(crate) fn multiply_one(
    powers: &Powers,
    secret: &Secret,
    advance: &(dyn Fn(usize) + Sync),
) -> Powers {
    let x = secret.scalar();
    let (g1, g2) = rayon::join(
        || multiply_by_powers(powers.g1(), x, multiply_in_g1, advance),
        || multiply_by_powers(powers.g2(), x, multiply_in_g2, advance),
    );
    Powers::new(g1, g2)
}

/// \[x\]₂.
pub(crate) fn pubkey(secret: &Secret) -> G2Affine {
    G2Affine::generator()
        .times_secret(secret.scalar())
        .to_affine()
}

/// Pᵢ·xⁱ for every i; `multiply` multiplies each point by its scalar.
fn multiply_by_powers<P: Arithmetic>(
    points: &[P],
    x: &Scalar,
    multiply: fn(&[P], &[Wipeable]) -> Vec<P>,
    advance: &(dyn Fn(usize) + Sync),
) -> Vec<P> {
    let tasks: Vec<Vec<P>> = points
        .par_chunks(TASK_POINTS)
        .enumerate()
        .map(|(task, points)| {
            // Variable in time with respect to the exponent alone, which is public.
            let start = (task * TASK_POINTS) as u64;
            let products = multiply(points, &powers(x, start, points.len()));
            advance(points.len());
            products
        })
        .collect();
    tasks.concat()
}

/// `len` powers of x from x^`start` on, wiped when dropped.
fn powers(x: &Scalar, start: u64, len: usize) -> Zeroizing<Vec<Wipeable>> {
    // The room is there from the start: a vector that moves leaves its old contents behind.
    let mut powers = Zeroizing::new(Vec::with_capacity(len));
    let mut power = Wipeable(x.pow_vartime([start]));
    for _ in 0..len {
        powers.push(power);
        power.0 *= x;
    }
    power.zeroize();
    powers
}

fn multiply_in_g1(points: &[G1Affine], scalars: &[Wipeable]) -> Vec<G1Affine> {
    let points = G1List::from_affine(points, Backend::best());
    points.multiply_each(scalars).to_affine()
}

fn multiply_in_g2(points: &[G2Affine], scalars: &[Wipeable]) -> Vec<G2Affine> {
    let products: Vec<_> = points
        .iter()
        .zip(scalars)
        .map(|(point, scalar)| point.times_secret(&scalar.0))
        .collect();
    normalize(&products)
}

/// What an Ethereum account signs: size and public key of each sub-ceremony.
pub(crate) fn signed_digest(sizes: &Sizes, pot_pubkeys: &[G2Affine]) -> [u8; 32] {
    let pubkeys = pot_pubkeys.iter().map(G2Affine::to_compressed);
    let signed: Vec<(Size, [u8; 96])> = sizes.iter().zip(pubkeys).collect();
    eip712_digest(&signed)
}
