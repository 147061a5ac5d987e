//! Whole transcripts, verified as a stream (`ceremony.md`, Checks on a whole transcript).
//!
//! The document is read twice. The first pass notes where its lists are and how long; the second
//! walks all lists side by side, in batches that are checked on all cores. Memory holds a few
//! batches and the powers of one sub-ceremony, however many contributions there are.
//!
//! ```
//! use rand_core::OsRng;
//! use tauline_transcript::Sizes;
//! use tauline_transcript::chain::{ExpectedSizes, Options, verify_transcript};
//! use tauline_transcript::transcript::{Format, Transcript};
//!
//! let sizes: Sizes = "16:4,32:4".parse()?;
//! let document = Transcript::initial(&sizes).write(Vec::new(), Format::Json)?;
//! let options = Options { sizes: ExpectedSizes::These(sizes), ..Options::default() };
//! let report = verify_transcript(document.as_slice(), &options, &mut OsRng, &|_| {})?;
//! assert_eq!(report.contributions, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A document that is no transcript, and one whose sizes are not the expected ones, are refused
//! like one that was forged: nothing that is missing passes for right.

mod index;
mod json_tokens;
mod links;
mod msgpack_tokens;
mod report;
mod source;
mod tokens;
mod walk;

use std::io;

use blstrs::G1Affine;
use rand_core::{CryptoRng, RngCore};
use rayon::prelude::*;

pub use report::{
    Failure, ListName, MAX_LISTED, Participants, Refused, Report, SubReport, Tally, TranscriptCheck,
};
pub use source::Source;

use crate::contribution::{RawPoints, RawPowers};
use crate::encoding::Point;
use crate::error::{Check, DocumentError, Element, Invalid, SubCeremony};
use crate::powers::Powers;
use crate::sizes::{Size, Sizes};
use crate::verify::verify_powers;
use index::{Index, List, SubIndex};
use links::{BatchReport, LinkCoefficients, Rules, check_batch};
use report::Failures;
use walk::{Batch, Walk};

/// Entries of a batch: 64, at four sub-ceremonies 257 Miller loops for one final exponentiation
/// (a loss of less than 1 %), and 200 KB of points.
const BATCH: usize = 64;

/// Batches for each core that are read before they are checked: enough that cores which finish
/// early find more to do.
const BATCHES_PER_CORE: usize = 4;

/// The two forms of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DocumentForm {
    Json,
    MessagePack,
}

/// The sizes that a transcript has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedSizes {
    /// Those of a known ceremony.
    These(Sizes),
    /// Any that a ceremony can have, as the document states them. Whoever takes this has to
    /// compare them with what they expect.
    AsStated,
}

/// What a transcript is judged by. The default is the Ethereum ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The sizes of its sub-ceremonies.
    pub sizes: ExpectedSizes,
    /// The sizes that participants' EIP-712 signatures are over, where they are not those of the
    /// transcript, as in one that was cut down for a test.
    pub signed_sizes: Option<Vec<Size>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sizes: ExpectedSizes::These(Sizes::ethereum()),
            signed_sizes: None,
        }
    }
}

/// What a verification is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding the lists; counts documents, the one.
    Indexing,
    /// Checking entries; counts them.
    Entries,
    /// Checking the final powers; counts sub-ceremonies.
    Powers,
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is busy with.
    pub stage: Stage,
    /// How many of `total` are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// Why a transcript was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The source could not be read; nothing is said about the transcript.
    #[error("the transcript cannot be read: {0}")]
    Read(io::Error),
    /// The document is not a transcript.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The transcript is wrong.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// Powers that were asked for are not as stated, or do not decode.
    #[error(transparent)]
    Powers(#[from] Invalid),
}

/// Verifies a whole transcript, in JSON or MessagePack.
///
/// `rng` has to be unforeseeable for whoever made the document; it is drawn from after the entries
/// that it decides about are read.
///
/// Returns what was found when every MUST holds. Signatures that are absent or invalid and
/// contributions without entropy are counted in the report and refuse nothing.
///
/// # Errors
/// When the source cannot be read, is no transcript, or the transcript is wrong; the last with
/// all that was found.
pub fn verify_transcript<S: Source + ?Sized>(
    source: &S,
    options: &Options,
    rng: &mut (impl RngCore + CryptoRng),
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report, TranscriptError> {
    progress(Progress {
        stage: Stage::Indexing,
        done: 0,
        total: 1,
    });
    let index = Index::read(source)?;
    progress(Progress {
        stage: Stage::Indexing,
        done: 1,
        total: 1,
    });

    let mut failures = Failures::default();
    check_sizes(&index, &options.sizes, &mut failures);
    check_lengths(&index, &mut failures);
    let rules = rules(&index, options);
    let (mut report, last_products) =
        check_entries(source, &index, &rules, &mut failures, rng, progress)?;
    report.contributions = entries(&index).saturating_sub(1);

    let total = index.subs.len() as u64;
    for (i, last_product) in last_products.into_iter().enumerate() {
        progress(Progress {
            stage: Stage::Powers,
            done: i as u64,
            total,
        });
        let (sub, sub_ceremony) = (&index.subs[i], rules.sub_ceremonies[i]);
        check_powers(
            source,
            &index,
            sub,
            sub_ceremony,
            last_product,
            &mut failures,
            rng,
        )?;
    }
    progress(Progress {
        stage: Stage::Powers,
        done: total,
        total,
    });

    match failures.count {
        0 => Ok(report),
        failure_count => Err(TranscriptError::Refused(Box::new(Refused {
            report,
            failures: failures.listed,
            failure_count,
        }))),
    }
}

/// The number of entries that all lists must have.
fn entries(index: &Index) -> u64 {
    index.subs.first().map_or(0, |sub| sub.running_products.len)
}

fn sub_ceremony(i: usize, sub: &SubIndex) -> SubCeremony {
    let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
    SubCeremony {
        index: i,
        size: Size {
            g1: size(sub.num_g1_powers),
            g2: size(sub.num_g2_powers),
        },
    }
}

fn rules(index: &Index, options: &Options) -> Rules {
    let sub_ceremonies: Vec<_> = index
        .subs
        .iter()
        .enumerate()
        .map(|(i, sub)| sub_ceremony(i, sub))
        .collect();
    let expected = match &options.sizes {
        ExpectedSizes::These(sizes) => Some(sizes.iter().collect()),
        ExpectedSizes::AsStated => None,
    };
    let signed_sizes = (options.signed_sizes.clone().or(expected))
        .filter(|sizes: &Vec<Size>| sizes.len() == sub_ceremonies.len())
        .unwrap_or_else(|| sub_ceremonies.iter().map(|it| it.size).collect());
    Rules {
        encoding: index.encoding,
        sub_ceremonies,
        signed_sizes,
    }
}

/// The sub-ceremonies are the ceremony's, no more, no fewer, in its order (check 1).
fn check_sizes(index: &Index, expected: &ExpectedSizes, failures: &mut Failures) {
    let got = index.subs.len();
    match expected {
        ExpectedSizes::These(sizes) if sizes.len() != got => {
            let check = TranscriptCheck::SubCeremonyCount {
                expected: sizes.len(),
                got,
            };
            failures.push(None, None, check);
        }
        ExpectedSizes::AsStated if got == 0 => {
            failures.push(
                None,
                None,
                TranscriptCheck::SubCeremonyCount { expected: 1, got },
            );
        }
        _ => {}
    }
    for (i, sub) in index.subs.iter().enumerate() {
        let (g1, g2) = (sub.num_g1_powers, sub.num_g2_powers);
        let stated = sub_ceremony(i, sub);
        if stated.size.check().is_err() {
            failures.push(
                Some(stated),
                None,
                TranscriptCheck::ImpossibleSize { g1, g2 },
            );
        }
        if let ExpectedSizes::These(sizes) = expected
            && let Some(expected) = sizes.size(i)
            && expected != stated.size
        {
            failures.push(
                Some(stated),
                None,
                TranscriptCheck::Size { expected, g1, g2 },
            );
        }
    }
}

/// All lists of witnesses and participants are equally long, and not empty.
fn check_lengths(index: &Index, failures: &mut Failures) {
    let expected = entries(index);
    if expected == 0 {
        failures.push(None, None, TranscriptCheck::Empty);
    }
    let mut check = |sub_ceremony, list, got: List| {
        if got.len != expected {
            let check = TranscriptCheck::ListLength {
                list,
                expected,
                got: got.len,
            };
            failures.push(sub_ceremony, None, check);
        }
    };
    for (i, sub) in index.subs.iter().enumerate() {
        let name = Some(sub_ceremony(i, sub));
        check(name, ListName::RunningProducts, sub.running_products);
        check(name, ListName::PotPubkeys, sub.pot_pubkeys);
        check(name, ListName::BlsSignatures, sub.bls_signatures);
    }
    check(None, ListName::ParticipantIds, index.participant_ids);
    check(
        None,
        ListName::ParticipantEcdsaSignatures,
        index.ecdsa_signatures,
    );
}

/// Walks all entries. Returns what was found, and the last running product of each sub-ceremony.
fn check_entries<S: Source + ?Sized>(
    source: &S,
    index: &Index,
    rules: &Rules,
    failures: &mut Failures,
    rng: &mut (impl RngCore + CryptoRng),
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Report, Vec<Option<G1Affine>>), TranscriptError> {
    let mut report = Report::default();
    report
        .sub_ceremonies
        .extend(index.subs.iter().map(|sub| SubReport {
            num_g1_powers: sub.num_g1_powers,
            num_g2_powers: sub.num_g2_powers,
            ..SubReport::default()
        }));
    let mut last_products = vec![None; index.subs.len()];
    let mut walk = Walk::start(source, index)?;
    let total = walk.total;
    let mut batches = read_batches(&mut walk)?;
    while !batches.is_empty() {
        // The points are there; now, and not before, their coefficients are drawn.
        let jobs: Vec<_> = (batches.iter())
            .map(|batch| (batch, draw(batch.len * index.subs.len(), rng)))
            .collect();
        let check = || -> Vec<BatchReport> {
            let jobs = jobs.par_iter();
            jobs.map(|(batch, coefficients)| check_batch(batch, rules, coefficients))
                .collect()
        };
        let (next, found) = rayon::join(|| read_batches(&mut walk), check);
        let done = batches
            .iter()
            .map(|batch| batch.first + batch.len as u64)
            .max();
        for found in found {
            add(&mut report, &mut last_products, failures, found);
        }
        progress(Progress {
            stage: Stage::Entries,
            done: done.unwrap_or(total),
            total,
        });
        batches = next?;
    }
    Ok((report, last_products))
}

fn read_batches(walk: &mut Walk<'_>) -> Result<Vec<Batch>, TranscriptError> {
    let mut batches = Vec::new();
    while batches.len() < BATCHES_PER_CORE * rayon::current_num_threads() {
        match walk.next_batch(BATCH)? {
            Some(batch) => batches.push(batch),
            None => break,
        }
    }
    Ok(batches)
}

fn draw(links: usize, rng: &mut (impl RngCore + CryptoRng)) -> Vec<LinkCoefficients> {
    let mut coefficients = vec![LinkCoefficients::default(); links];
    rng.fill_bytes(coefficients.as_flattened_mut().as_flattened_mut());
    coefficients
}

fn add(
    report: &mut Report,
    last_products: &mut [Option<G1Affine>],
    failures: &mut Failures,
    found: BatchReport,
) {
    failures.append(found.failures);
    report.participants.add(found.participants);
    report.ecdsa_signatures.add(found.ecdsa_signatures);
    for ((sub, last), found) in report
        .sub_ceremonies
        .iter_mut()
        .zip(last_products)
        .zip(found.subs)
    {
        sub.links_valid += found.links_valid;
        sub.bls_signatures.add(found.bls_signatures);
        sub.no_entropy += found.no_entropy.len() as u64;
        let room = MAX_LISTED - sub.no_entropy_entries.len();
        sub.no_entropy_entries
            .extend(found.no_entropy.into_iter().take(room));
        *last = found.last_product;
    }
}

/// The final powers pass the checks on a contribution (2 to 4, 6 and 7), and the last running
/// product is the first of them.
fn check_powers<S: Source + ?Sized>(
    source: &S,
    index: &Index,
    sub: &SubIndex,
    sub_ceremony: SubCeremony,
    last_product: Option<G1Affine>,
    failures: &mut Failures,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<(), TranscriptError> {
    let mut refuse = |check| failures.push(Some(sub_ceremony), None, check);
    if sub_ceremony.size.check().is_err() {
        // Already refused; its powers mean nothing.
        return Ok(());
    }
    let raw = match raw_powers(source, index, sub, sub_ceremony)? {
        Ok(raw) => raw,
        Err(invalid) => {
            refuse(TranscriptCheck::Powers(invalid));
            return Ok(());
        }
    };
    // Asked even of powers that fail other checks: it tells where they do not come from.
    let encoding = raw.g1.encoding();
    let first_power = raw
        .g1
        .iter()
        .nth(1)
        .and_then(|it| G1Affine::decode(it, encoding).ok());
    if first_power.is_none() || first_power != last_product {
        refuse(TranscriptCheck::LastProduct);
    }
    if let Err(invalid) = verify_powers(sub_ceremony, &raw, rng) {
        refuse(TranscriptCheck::Powers(invalid));
    }
    Ok(())
}

/// Reads the powers of one sub-ceremony: as many as it states, undecoded.
fn raw_powers<S: Source + ?Sized>(
    source: &S,
    index: &Index,
    sub: &SubIndex,
    sub_ceremony: SubCeremony,
) -> Result<Result<RawPowers, Invalid>, TranscriptError> {
    let Size { g1, g2 } = sub_ceremony.size;
    let lists = [
        (Element::G1Power, g1, sub.g1_powers.len),
        (Element::G2Power, g2, sub.g2_powers.len),
    ];
    for (element, expected, got) in lists {
        if expected as u64 != got {
            let check = Check::Sizes {
                element,
                expected,
                got,
            };
            return Ok(Err(Invalid {
                sub_ceremony: Some(sub_ceremony),
                check,
                index: None,
            }));
        }
    }
    let g1 = raw_points(source, index, sub.g1_powers, Element::G1Power, sub_ceremony)?;
    let g2 = raw_points(source, index, sub.g2_powers, Element::G2Power, sub_ceremony)?;
    Ok(g1.and_then(|g1| Ok(RawPowers { g1, g2: g2? })))
}

fn raw_points<P: Point, S: Source + ?Sized>(
    source: &S,
    index: &Index,
    list: List,
    element: Element,
    sub_ceremony: SubCeremony,
) -> Result<Result<RawPoints<P>, Invalid>, TranscriptError> {
    let mut tokens = tokens::open(source, index.form, list.offset)?;
    let len = P::encoded_len(index.encoding);
    let mut bytes = Vec::new();
    let mut place = 0;
    tokens.begin_list()?;
    while tokens.next_item()? {
        if let Err(error) = tokens.point(len, &mut bytes)? {
            let check = Check::Decoding { element, error };
            let sub_ceremony = Some(sub_ceremony);
            return Ok(Err(Invalid {
                sub_ceremony,
                check,
                index: Some(place),
            }));
        }
        place += 1;
    }
    Ok(Ok(RawPoints::from_parts(index.encoding, bytes)))
}

/// Reads the final powers of the sub-ceremony with `g1` powers in G1, *without* verifying the
/// transcript that they are in.
///
/// They are decoded and nothing more: to be sure of what is exported, verify the transcript too.
///
/// Returns none when the transcript has no such sub-ceremony.
///
/// # Errors
/// When the source cannot be read or is no transcript, or the powers are fewer or more than
/// stated or do not decode.
pub fn read_powers<S: Source + ?Sized>(
    source: &S,
    g1: usize,
) -> Result<Option<Powers>, TranscriptError> {
    let index = Index::read(source)?;
    let found = index
        .subs
        .iter()
        .enumerate()
        .find(|(_, sub)| sub.num_g1_powers == g1 as u64);
    let Some((i, sub)) = found else {
        return Ok(None);
    };
    let name = sub_ceremony(i, sub);
    Ok(Some(raw_powers(source, &index, sub, name)??.decode(name)?))
}
