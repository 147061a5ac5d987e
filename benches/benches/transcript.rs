//! A whole transcript: every contribution with its update proof, BLS and EIP-712 signatures.
//!
//! `cargo bench -p tauline-benches --bench transcript`
//!
//! Measured on one thread in processor time, compared with the obvious verifier, and then on all
//! cores in wall-clock time. There are few powers, so that the contributions are what is measured.

use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::OsRng;
use tauline_benches::clock::ProcessorTime;
use tauline_benches::obvious;
use tauline_benches::transcripts::transcript;
use tauline_transcript::Sizes;
use tauline_transcript::transcript::{ExpectedSizes, Options, Report, verify_transcript};

/// Four sub-ceremonies, as the Ethereum ceremony has.
const SIZES: &str = "4:2,8:3,16:4,32:4";

/// Contributions: two batches.
const CONTRIBUTIONS: u32 = 1024;

struct Document {
    json: Vec<u8>,
    options: Options,
}

impl Document {
    fn new() -> Self {
        let sizes: Sizes = SIZES.parse().expect("sizes");
        Self {
            json: transcript(&sizes, CONTRIBUTIONS).expect("a transcript"),
            options: Options {
                sizes: ExpectedSizes::These(sizes),
                ..Options::default()
            },
        }
    }

    fn verify(&self) -> Report {
        verify_transcript(self.json.as_slice(), &self.options, &mut OsRng, &|_| ()).expect("valid")
    }
}

fn one_thread(criterion: &mut Criterion<ProcessorTime>) {
    let document = Document::new();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.expect("a thread");
    let mut group = criterion.benchmark_group("transcript, one thread, by processor time");
    group.throughput(Throughput::Elements(u64::from(CONTRIBUTIONS)));
    group.bench_function("verify", |bencher| {
        pool.install(|| bencher.iter(|| document.verify()));
    });
    group.bench_function("obvious verifier", |bencher| {
        bencher.iter(|| obvious::verify_transcript(&document.json).expect("valid"));
    });
    group.finish();
}

fn all_cores(criterion: &mut Criterion) {
    let document = Document::new();
    let mut group = criterion.benchmark_group("transcript, all cores, by the clock");
    group.throughput(Throughput::Elements(u64::from(CONTRIBUTIONS)));
    group.bench_function("verify", |bencher| bencher.iter(|| document.verify()));
    group.finish();
}

/// Few and short: one verification takes up to seconds.
fn settings<M: Measurement>(criterion: Criterion<M>) -> Criterion<M> {
    tauline_benches::choose_arithmetic();
    criterion
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = processor;
    config = settings(Criterion::default().with_measurement(ProcessorTime));
    targets = one_thread
}
criterion_group! {
    name = clock;
    config = settings(Criterion::default());
    targets = all_cores
}
criterion_main!(processor, clock);
