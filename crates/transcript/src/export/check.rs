//! The checks on a set of powers, in whichever form a file has it.
//!
//! Powers in G1 and G2 are checked as those of a contribution are (`docs/spec/ceremony.md#check-2`
//! to 4, 6 and 7). Two forms need more:
//!
//! * *More powers in G2 than in G1*, as in the sets that tests load (4 and 65): check 7 compares a
//!   power in G2 with one in G1, so those that have none beside them are compared with each other, by
//!   e(\[τ\]₁, Q\[i\]) = e(g₁, Q\[i+1\]).
//! * *Lagrange points alone*: see [`lagrange`](crate::export::lagrange); the powers in G2 are compared with
//!   each other too.

use crate::random::SecureRandom;
use blstrs::{G1Affine, G2Affine};
use group::Curve;
use group::prime::PrimeCurveAffine;

use crate::arithmetic::{Backend, Digits, G1List, G2List, linear_combination, pairings_equal};
use crate::contribution::lists::undecodable;
use crate::contribution::raw::{RawPoints, RawPowers};
use crate::encoding::Point;
use crate::error::{Check, Element, Invalid, SubCeremony};
use crate::export::file::{PowersFile, PowersSet};
use crate::export::findings::{LagrangeFinding, PowersInvalid, PowersReport, SetFindings};
use crate::export::lagrange::alone::{AloneMismatch, tau_of_lagrange};
use crate::export::lagrange::{LagrangeMismatch, check_lagrange};
use crate::fingerprint::Mark;
use crate::known_secret::{KnownSecret, known_secret, known_secret_of};
use crate::sizes::Size;
use crate::verify::equations::{Coefficients, lowest_failing};
use crate::verify::verify_powers;

/// Points that are decoded between two reports of progress: a few tens of milliseconds.
const REPORTED: usize = 2048;

/// Checks every set of powers in a file, and says what tells it from others and what is known of
/// its secret. `progress` is told how many of how many points are done.
///
/// # Errors
/// Names the first set that fails, the check, and the lowest bad index.
pub fn check_powers_file(
    file: &PowersFile,
    rng: &mut dyn SecureRandom,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<SetFindings>, PowersInvalid> {
    let total = file.sets.iter().map(points_of).sum();
    let mut done = 0;
    let mut advance = |points| {
        done += points;
        progress(done, total);
    };
    let sets = file.sets.iter().enumerate();
    sets.map(|(i, set)| {
        let verified = verify_set(set, i, rng, &mut advance)?;
        Ok(SetFindings {
            report: verified.report,
            mark: Mark::new(
                verified.report.num_g1_powers,
                &verified.tau_g1,
                &verified.g2,
            ),
            known_secret: verified.known_secret(),
        })
    })
    .collect()
}

/// Points to work on. Those that are compared with others, or alone, count twice.
fn points_of(set: &PowersSet) -> usize {
    let lagrange = set.g1_lagrange.as_ref().map_or(0, RawPoints::len);
    let monomial = set.g1_monomial.as_ref().map_or(0, RawPoints::len);
    2 * lagrange + monomial + set.g2_monomial.len()
}

/// A set that holds.
struct VerifiedSet {
    report: PowersReport,
    tau_g1: G1Affine,
    g2: Vec<G2Affine>,
    /// Of the form that there is.
    g1: Vec<G1Affine>,
}

impl VerifiedSet {
    fn known_secret(&self) -> Option<KnownSecret> {
        if self.report.lagrange != LagrangeFinding::OnlyOnes {
            return known_secret_of(&self.g1);
        }
        known_secret(&self.tau_g1).or_else(|| {
            // L_k is infinite where τ is another root of unity.
            let is_root = self.g1.iter().any(|it| bool::from(it.is_identity()));
            let order = self.report.num_g1_powers;
            is_root.then_some(KnownSecret::RootOfUnity { order })
        })
    }
}

/// Checks one set: points decode and are in the subgroup, the first are the generators, the
/// powers are of one τ that is not 0, and the Lagrange points are those of the powers.
fn verify_set(
    set: &PowersSet,
    index: usize,
    rng: &mut dyn SecureRandom,
    advance: &mut dyn FnMut(usize),
) -> Result<VerifiedSet, PowersInvalid> {
    let g2 = set.g2_monomial.len();
    let (monomial, lagrange) = (set.g1_monomial.as_ref(), set.g1_lagrange.as_ref());
    let g1 = monomial.or(lagrange).map_or(0, RawPoints::len);
    for (group, got) in [("G1", g1), ("G2", g2)] {
        if !(2..=Size::MAX_G1).contains(&got) {
            return Err(PowersInvalid::Number { group, got });
        }
    }
    let sub_ceremony = SubCeremony {
        index,
        size: Size { g1, g2 },
    };
    let lagrange = lagrange
        .map(|raw| decode_lagrange(raw, rng, advance))
        .transpose()?;
    let Some(monomial) = monomial else {
        let lagrange = lagrange.unwrap_or_default();
        return verify_lagrange_alone(sub_ceremony, set, lagrange, rng, advance);
    };
    let (g1_powers, g2_powers) = verify_monomial(sub_ceremony, monomial, set, rng)?;
    advance(g1 + g2);
    let finding = match lagrange {
        None => LagrangeFinding::Absent,
        Some(lagrange) => {
            check_lagrange(&g1_powers, &lagrange, rng)?;
            advance(lagrange.len());
            LagrangeFinding::Matches
        }
    };
    Ok(VerifiedSet {
        report: report(sub_ceremony, finding),
        tau_g1: g1_powers.get(1).copied().unwrap_or_default(),
        g1: g1_powers,
        g2: g2_powers,
    })
}

fn report(sub_ceremony: SubCeremony, lagrange: LagrangeFinding) -> PowersReport {
    PowersReport {
        num_g1_powers: sub_ceremony.size.g1,
        num_g2_powers: sub_ceremony.size.g2,
        lagrange,
    }
}

/// Checks powers in both groups.
fn verify_monomial(
    sub_ceremony: SubCeremony,
    g1: &RawPoints<G1Affine>,
    set: &PowersSet,
    rng: &mut dyn SecureRandom,
) -> Result<(Vec<G1Affine>, Vec<G2Affine>), PowersInvalid> {
    let Size {
        g1: g1_len,
        g2: g2_len,
    } = sub_ceremony.size;
    // Those in G2 that have one in G1 beside them.
    let paired = g2_len.min(g1_len);
    let raw = RawPowers {
        g1: g1.clone(),
        g2: first_points(&set.g2_monomial, paired),
    };
    let size = Size {
        g1: g1_len,
        g2: paired,
    };
    let powers = verify_powers(
        SubCeremony {
            size,
            ..sub_ceremony
        },
        &raw,
        rng,
    )?;
    if paired == g2_len {
        return Ok((powers.g1().to_vec(), powers.g2().to_vec()));
    }
    let g2 = decode_g2(sub_ceremony, set)?;
    check_g2_powers(sub_ceremony, &powers.g1()[1], &g2, rng)?;
    Ok((powers.g1().to_vec(), g2))
}

fn first_points<P: Point>(points: &RawPoints<P>, len: usize) -> RawPoints<P> {
    let bytes = points.iter().take(len).flatten().copied().collect();
    RawPoints::from_parts(points.encoding(), bytes)
}

/// Checks Lagrange points, and the powers in G2 beside them.
fn verify_lagrange_alone(
    sub_ceremony: SubCeremony,
    set: &PowersSet,
    lagrange: Vec<G1Affine>,
    rng: &mut dyn SecureRandom,
    advance: &mut dyn FnMut(usize),
) -> Result<VerifiedSet, PowersInvalid> {
    let invalid = |check, index| Invalid {
        sub_ceremony: Some(sub_ceremony),
        check,
        index,
    };
    let g2 = decode_g2(sub_ceremony, set)?;
    if g2[0] != G2Affine::generator() {
        let element = Element::G2Power;
        return Err(invalid(Check::Generator { element }, Some(0)).into());
    }
    let tau_g1 = tau_of_lagrange(&lagrange, &g2[1], rng).map_err(|mismatch| match mismatch {
        AloneMismatch::NotPowerOfTwo(it) => LagrangeMismatch::NotPowerOfTwo(it).into(),
        AloneMismatch::BitReversed => LagrangeMismatch::BitReversed.into(),
        AloneMismatch::OfNoTau => PowersInvalid::Derived(invalid(Check::G1Powers, None)),
    })?;
    if bool::from(tau_g1.is_identity()) {
        return Err(PowersInvalid::Derived(invalid(Check::ZeroPower, Some(1))));
    }
    check_g2_powers(sub_ceremony, &tau_g1, &g2, rng)?;
    advance(lagrange.len() + g2.len());
    Ok(VerifiedSet {
        report: report(sub_ceremony, LagrangeFinding::OnlyOnes),
        tau_g1,
        g2,
        g1: lagrange,
    })
}

/// Decodes the powers in G2, all of which have to be in the subgroup.
fn decode_g2(sub_ceremony: SubCeremony, set: &PowersSet) -> Result<Vec<G2Affine>, PowersInvalid> {
    let (bytes, encoding) = (set.g2_monomial.bytes(), set.g2_monomial.encoding());
    let points = G2List::decode(bytes, encoding, Backend::best())
        .map_err(undecodable(sub_ceremony, Element::G2Power))?;
    match points.first_outside_subgroup() {
        None => Ok(points.to_affine()),
        index => Err(Invalid {
            sub_ceremony: Some(sub_ceremony),
            check: Check::Subgroup {
                element: Element::G2Power,
            },
            index,
        }
        .into()),
    }
}

/// Whether e(\[τ\]₁, Q\[i\]) = e(g₁, Q\[i+1\]) for every i, by one random combination; the error is
/// 2⁻¹²⁸ (see `verify/equations.rs`). All points have to be in the subgroup, and Q\[0\] the generator.
fn check_g2_powers(
    sub_ceremony: SubCeremony,
    tau_g1: &G1Affine,
    g2: &[G2Affine],
    rng: &mut dyn SecureRandom,
) -> Result<(), PowersInvalid> {
    let coefficients = Coefficients::draw(g2.len() - 1, rng);
    let holds = |from: usize, to: usize| {
        let coefficients = &coefficients.all()[from..to];
        let before = linear_combination(&g2[from..to], coefficients).to_affine();
        let after = linear_combination(&g2[from + 1..to + 1], coefficients).to_affine();
        pairings_equal(tau_g1, &before, &G1Affine::generator(), &after)
    };
    match lowest_failing(g2.len() - 1, holds) {
        None => Ok(()),
        Some(i) => Err(Invalid {
            sub_ceremony: Some(sub_ceremony),
            check: Check::G2Powers,
            index: Some(i + 1),
        }
        .into()),
    }
}

/// Decodes Lagrange points, all of which have to be in the subgroup: tested by the random sums of
/// `arithmetic/sums/windows.rs`, and one by one where those say no.
fn decode_lagrange(
    raw: &RawPoints<G1Affine>,
    rng: &mut dyn SecureRandom,
    advance: &mut dyn FnMut(usize),
) -> Result<Vec<G1Affine>, PowersInvalid> {
    let len = G1Affine::encoded_len(raw.encoding());
    let mut points = G1List::new(Backend::best());
    for bytes in raw.bytes().chunks(REPORTED * len) {
        let part =
            G1List::decode(bytes, raw.encoding(), Backend::best()).map_err(|(index, error)| {
                PowersInvalid::LagrangeDecoding {
                    index: points.len() + index,
                    error,
                }
            })?;
        points.extend(&part);
        advance(part.len());
    }
    let sums = points.window_sums(&Digits::draw(points.len(), rng));
    if !sums.in_subgroup()
        && let Some(index) = points.first_outside_subgroup()
    {
        return Err(PowersInvalid::LagrangeSubgroup { index });
    }
    Ok(points.to_affine())
}
