//! How many times faster the verifier is than the obvious one, in numbers that a script can read.
//!
//! `cargo run --release -p tauline-benches --bin ratios -- [--quick]`
//!
//! Everything except the part `threads` runs on one thread and is measured in processor time. The
//! rounds of both sides take turns, so that a busy machine slows down both. A figure is the median
//! of its rounds, and a ratio is the quotient of two medians. Lines that begin with `#` are for
//! people.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use blstrs::{G1Affine, Scalar};
use clap::{Parser, ValueEnum};
use ff::Field;
use group::prime::PrimeCurveAffine;
use rand::rngs::OsRng;
use rayon::ThreadPool;
use tauline_benches::clock::processor_time;
use tauline_benches::obvious;
use tauline_benches::transcripts::transcript;
use tauline_benches::turns::{Turn, base_after_one, known_scalar, point_outside, secret};
use tauline_transcript::transcript::{ExpectedSizes, Options, verify_transcript};
use tauline_transcript::{Base, RawContribution, Sizes, contribute_with, verify};

/// Compares the verifier and a participant's work with the obvious ones.
#[derive(Parser)]
struct Args {
    /// One round of each, and shorter transcripts: half a minute instead of several.
    #[arg(long)]
    quick: bool,
    /// Rounds of each side [default: 5, or 1 with --quick].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Measure these parts alone.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Verify,
    Worst,
    Transcript,
    Contribute,
    /// The speed-up by a second thread, in wall-clock time. Needs an idle machine.
    Threads,
}

/// Sub-ceremonies too small to count, to see what a contribution costs in a transcript.
const SMALL: &str = "4:2,8:3,16:4,32:4";

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let args = Args::parse();
    let [one, two] = [pool(1)?, pool(2)?];
    one.install(|| measure(&args))?;
    if args.only.is_empty() || args.only.contains(&Part::Threads) {
        threads(
            &one,
            &two,
            args.rounds.unwrap_or(if args.quick { 1 } else { 5 }),
        )?;
    }
    Ok(())
}

fn pool(threads: usize) -> Result<ThreadPool> {
    Ok(rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?)
}

fn measure(args: &Args) -> Result<()> {
    println!("# {}", processor());
    let has = |part| args.only.is_empty() || args.only.contains(&part);
    let rounds = args.rounds.unwrap_or(if args.quick { 1 } else { 5 });
    let base = base_after_one(&Sizes::ethereum())?;
    if has(Part::Verify) {
        turn("verify", &Turn::common(&base)?, true, rounds)?;
    }
    if has(Part::Contribute) {
        participant(&base, rounds)?;
    }
    if has(Part::Transcript) {
        let contributions = if args.quick { 128 } else { 1000 };
        transcripts("transcript", &SMALL.parse()?, contributions, rounds)?;
        if !args.quick {
            transcripts(
                "transcript_full_size",
                &Sizes::ethereum(),
                contributions,
                rounds,
            )?;
        }
    }
    if has(Part::Worst) {
        worst(&base, rounds)?;
    }
    Ok(())
}

/// The processor, on which the figures depend.
fn processor() -> String {
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, name)| name);
    #[cfg(target_arch = "x86_64")]
    let has_lanes = is_x86_feature_detected!("avx512ifma");
    #[cfg(not(target_arch = "x86_64"))]
    let has_lanes = false;
    let path = match std::env::var("TAULINE_FIELD").as_deref() {
        Ok("portable") => "the portable path, as asked for",
        _ if has_lanes => "the vector path, AVX-512 IFMA",
        _ => "the portable path: there is no AVX-512 IFMA",
    };
    format!("{model}, one thread, {path}")
}

/// Measures a contribution in both forms, including parsing.
fn turn(name: &str, turn: &Turn, is_valid: bool, rounds: u32) -> Result<Vec<f64>> {
    let ours = |read: fn(&[u8]) -> Result<RawContribution, _>, body| {
        read(body).is_ok_and(|document| verify(&turn.base, &document, &mut OsRng).is_ok())
    };
    let json = compare(
        &format!("{name}_json"),
        (rounds, 1),
        || ours(RawContribution::from_json, &turn.json) == is_valid,
        || obvious::verify_json(&turn.base, &turn.json).is_ok() == is_valid,
    )?;
    let uncompressed = compare(
        &format!("{name}_uncompressed"),
        (rounds, 1),
        || ours(RawContribution::from_msgpack, &turn.uncompressed) == is_valid,
        || obvious::verify_msgpack(&turn.base, &turn.uncompressed).is_ok() == is_valid,
    )?;
    Ok(vec![json, uncompressed])
}

fn participant(base: &Base, rounds: u32) -> Result<()> {
    let scalars: Vec<Scalar> = (0..base.sizes().len() as u32)
        .map(|i| known_scalar(50 + i))
        .collect::<Result<_>>()?;
    let ours = || {
        let secrets = scalars.iter().map(secret).collect::<Result<_>>();
        secrets.is_ok_and(|secrets| contribute_with(base, secrets, &|_| ()).is_ok())
    };
    let obvious = || obvious::contribute(base, &scalars).len() == scalars.len();
    compare("contribute", (rounds, 1), ours, obvious)?;
    Ok(())
}

/// Measures a whole transcript. The figures are for one of its contributions.
fn transcripts(name: &str, sizes: &Sizes, contributions: u32, rounds: u32) -> Result<()> {
    let document = transcript(sizes, contributions)?;
    let options = Options {
        sizes: ExpectedSizes::These(sizes.clone()),
        ..Options::default()
    };
    let ours = || {
        let report = verify_transcript(document.as_slice(), &options, &mut OsRng, &|_| ());
        report.is_ok_and(|report| report.ecdsa_signatures.valid == u64::from(contributions))
    };
    let obvious = || obvious::verify_transcript(&document).is_ok();
    compare(name, (rounds, contributions), ours, obvious)?;
    Ok(())
}

/// Measures the worst that an attacker can send: valid powers that all have the same x coordinate,
/// or powers that are wrong in the last place that is checked.
fn worst(base: &Base, rounds: u32) -> Result<()> {
    let common = Turn::common(base)?;
    let same = Turn::with_tau(base, &Scalar::ONE)?;
    let opposite = Turn::with_tau(base, &-Scalar::ONE)?;
    let outside = point_outside()?;
    let mut ratios = Vec::new();
    for (name, case, is_valid) in [
        ("same", &same, true),
        ("opposite", &opposite, true),
        (
            "wrong_power",
            &common.with_last_power(&G1Affine::generator())?,
            false,
        ),
        ("outside", &common.with_last_power(&outside)?, false),
        ("same_outside", &same.with_last_power(&outside)?, false),
    ] {
        ratios.extend(turn(&format!("worst_{name}"), case, is_valid, rounds)?);
    }
    let least = ratios
        .into_iter()
        .min_by(f64::total_cmp)
        .context("several cases")?;
    println!("worst_ratio {least:.2}");
    // This is not the worst: the obvious verifier stops early, after the smallest sub-ceremony.
    let stale = Turn {
        base: Base::initial(base.sizes()),
        ..common
    };
    turn("early_stale", &stale, false, rounds)?;
    Ok(())
}

/// Measures the same work on one thread and on two. `ceiling` is the speed-up of work that shares
/// nothing, the obvious verifier twice, since two virtual processors may be one core.
fn threads(one: &ThreadPool, two: &ThreadPool, rounds: u32) -> Result<()> {
    let base = base_after_one(&Sizes::ethereum())?;
    let turn = Turn::common(&base)?;
    let scalars: Vec<Scalar> = (0..base.sizes().len() as u32)
        .map(|i| known_scalar(50 + i))
        .collect::<Result<_>>()?;
    let small: Sizes = SMALL.parse()?;
    let document = transcript(&small, 1000)?;
    let options = Options {
        sizes: ExpectedSizes::These(small),
        ..Options::default()
    };
    let verified = |document: RawContribution| verify(&base, &document, &mut OsRng).is_ok();
    let speedup = |name: &str, work: &(dyn Fn() -> bool + Sync)| -> Result<()> {
        let (mut alone, mut both) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            for (pool, times) in [(one, &mut alone), (two, &mut both)] {
                let start = Instant::now();
                ensure!(
                    pool.install(work),
                    "{name}: the verdict is not the expected one"
                );
                times.push(start.elapsed());
            }
        }
        let (alone, both) = (median(&mut alone), median(&mut both));
        println!(
            "{name}_two_threads_speedup {:.2}",
            alone.as_secs_f64() / both.as_secs_f64()
        );
        println!("{name}_two_threads_ms {:.3}", millis(both));
        Ok(())
    };
    let obvious = || obvious::verify_msgpack(&base, &turn.uncompressed).is_ok();
    speedup("ceiling", &|| {
        let (a, b) = rayon::join(obvious, obvious);
        a && b
    })?;
    speedup("verify_json", &|| {
        RawContribution::from_json(&turn.json).is_ok_and(verified)
    })?;
    speedup("verify_uncompressed", &|| {
        RawContribution::from_msgpack(&turn.uncompressed).is_ok_and(verified)
    })?;
    speedup("transcript", &|| {
        let report = verify_transcript(document.as_slice(), &options, &mut OsRng, &|_| ());
        report.is_ok_and(|report| report.ecdsa_signatures.valid == 1000)
    })?;
    speedup("contribute", &|| {
        let secrets = scalars.iter().map(secret).collect::<Result<_>>();
        secrets.is_ok_and(|secrets| contribute_with(&base, secrets, &|_| ()).is_ok())
    })
}

/// Measures both sides in turn. Prints the figures for one of `of` equal parts of the work, and
/// returns the ratio.
fn compare(
    name: &str,
    (rounds, of): (u32, u32),
    ours: impl Fn() -> bool,
    obvious: impl Fn() -> bool,
) -> Result<f64> {
    let (mut our_times, mut obvious_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        our_times.push(time(&ours).with_context(|| format!("{name}: ours"))? / of);
        obvious_times
            .push(time(&obvious).with_context(|| format!("{name}: the obvious one"))? / of);
    }
    let (our_median, obvious_median) = (median(&mut our_times), median(&mut obvious_times));
    let ratio = obvious_median.as_secs_f64() / our_median.as_secs_f64();
    println!("{name}_ratio {ratio:.2}");
    println!("{name}_ms {:.3}", millis(our_median));
    println!("{name}_obvious_ms {:.3}", millis(obvious_median));
    println!(
        "# {name}: ms from {} against {}",
        range(&our_times),
        range(&obvious_times)
    );
    Ok(ratio)
}

/// The processor time of a call, which has to return true.
fn time(call: impl Fn() -> bool) -> Result<Duration> {
    let start = processor_time();
    let is_right = call();
    let time = processor_time() - start;
    ensure!(is_right, "the verdict is not the expected one");
    Ok(time)
}

/// Sorts the times and returns the median: the lower one of two in the middle.
fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[(times.len() - 1) / 2]
}

fn range(sorted: &[Duration]) -> String {
    let ends =
        [sorted.first(), sorted.last()].map(|time| millis(time.copied().unwrap_or_default()));
    format!("{:.3} to {:.3}", ends[0], ends[1])
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
