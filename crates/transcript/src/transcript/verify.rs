//! Whole transcripts, verified as a stream (`docs/spec/ceremony.md#transcript-checks`,
//! `docs/spec/ceremony.md#transcript-memory`).
//!
//! The document is read twice. The first pass notes where its lists are and how long; the second
//! walks all lists side by side, in batches that are checked on all cores. Memory holds a few
//! batches and the powers of one sub-ceremony, however many contributions there are.
//!
mod entries;
mod final_check;
mod findings;
mod links;
mod points;
mod repeated;
mod rules;
mod signatures;
mod structure;
mod subgroups;

use crate::random::SecureRandom;
use blstrs::G1Affine;
use rayon::prelude::*;

use self::entries::check_batch;
use self::final_check::check_powers;
use self::findings::BatchReport;
use self::points::Randoms;
use self::repeated::repeated;
use self::rules::Rules;
use self::structure::{check_lengths, check_sizes, entries};
use crate::transcript::error::TranscriptError;
use crate::transcript::options::Options;
use crate::transcript::read::index::Index;
use crate::transcript::read::source::Source;
use crate::transcript::read::walk::{BATCH_ENTRIES, EntryBatch, Walk};
use crate::transcript::report::failure::Failures;
use crate::transcript::report::remarks::MAX_LISTED;
use crate::transcript::report::{RefusedTranscript, Report, SubReport};

/// What a verification is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationStage {
    /// Finding the lists; counts documents, the one.
    Indexing,
    /// Checking entries; counts them.
    Entries,
    /// Checking the final powers; counts sub-ceremonies.
    Powers,
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerificationProgress {
    /// What it is busy with.
    pub stage: VerificationStage,
    /// How many of `total` are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// Verifies a whole transcript, in JSON or MessagePack.
///
/// `rng` has to be unforeseeable for whoever made the document; it is drawn from after the entries
/// that it decides about are read.
///
/// Returns what was found when every MUST holds. Signatures that are absent or invalid and
/// contributions without entropy are counted in the report and refuse nothing;
/// [`Report::is_unremarkable`] asks for more.
///
/// # Errors
/// When the source cannot be read, is no transcript, or the transcript is wrong; the last with
/// all that was found.
pub fn verify_transcript<S: Source + ?Sized>(
    source: &S,
    options: &Options,
    rng: &mut dyn SecureRandom,
    progress: &(dyn Fn(VerificationProgress) + Sync),
) -> Result<Report, TranscriptError> {
    progress(VerificationProgress {
        stage: VerificationStage::Indexing,
        done: 0,
        total: 1,
    });
    let index = Index::read(source)?;
    progress(VerificationProgress {
        stage: VerificationStage::Indexing,
        done: 1,
        total: 1,
    });

    let mut failures = Failures::default();
    check_sizes(&index, &options.sizes, &mut failures);
    check_lengths(&index, &mut failures);
    let rules = Rules::new(&index, options);
    let (mut report, last_products) =
        check_entries(source, &index, &rules, &mut failures, rng, progress)?;
    report.contributions = entries(&index).saturating_sub(1);
    report.repeated_participants = repeated(source, &index)?;
    report.total_signatures();

    let total = index.subs.len() as u64;
    for (i, last_product) in last_products.into_iter().enumerate() {
        progress(VerificationProgress {
            stage: VerificationStage::Powers,
            done: i as u64,
            total,
        });
        check_powers(
            source,
            &index,
            rules.sub_ceremonies[i],
            last_product,
            &mut report.sub_ceremonies[i],
            &mut failures,
            rng,
        )?;
    }
    progress(VerificationProgress {
        stage: VerificationStage::Powers,
        done: total,
        total,
    });

    match failures.count {
        0 => Ok(report),
        failure_count => Err(TranscriptError::Refused(Box::new(RefusedTranscript {
            report,
            failures: failures.listed,
            failure_count,
        }))),
    }
}

/// Walks all entries. Returns what was found, and the last running product of each sub-ceremony.
fn check_entries<S: Source + ?Sized>(
    source: &S,
    index: &Index,
    rules: &Rules,
    failures: &mut Failures,
    rng: &mut dyn SecureRandom,
    progress: &(dyn Fn(VerificationProgress) + Sync),
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
            .map(|batch| (batch, Randoms::draw(batch, rng)))
            .collect();
        let check = || -> Vec<BatchReport> {
            let jobs = jobs.par_iter();
            jobs.map(|(batch, random)| check_batch(batch, rules, random))
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
        progress(VerificationProgress {
            stage: VerificationStage::Entries,
            done: done.unwrap_or(total),
            total,
        });
        batches = next?;
    }
    Ok((report, last_products))
}

fn read_batches(walk: &mut Walk<'_>) -> Result<Vec<EntryBatch>, TranscriptError> {
    let mut batches = Vec::new();
    // One for each core: a little of each batch runs on one core only, and nobody waits for it
    // then.
    let at_a_time = rayon::current_num_threads();
    while batches.len() < at_a_time {
        match walk.next_batch(BATCH_ENTRIES)? {
            Some(batch) => batches.push(batch),
            None => break,
        }
    }
    Ok(batches)
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
    report.equal_secrets.append(found.equal_secrets);
    report.signatures.faulty.append(found.faulty_signatures);
    report.signatures.over_other_sizes += found.over_other_sizes.0;
    if found.over_other_sizes.0 > 0 {
        report.signatures.other_sizes = found.over_other_sizes.1;
    }
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
