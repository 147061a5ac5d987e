//! One contribution at the sizes of the Ethereum ceremony: reading it, verifying it, making it.
//!
//! `cargo bench -p tauline-benches --bench contribution`
//!
//! Each operation is measured twice, in wall-clock time and in the processor time of all threads.
//! The target for verification is in processor time, which does not change with the number of
//! cores. Then verifying is measured on one thread and compared with the obvious verifier, and a
//! participant's work with one multiplication for each point. Takes some minutes on two idle cores.
//! All documents are computed first.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::OsRng;
use tauline_benches::clock::ProcessorTime;
use tauline_benches::obvious;
use tauline_benches::turns::{Turn, base_after_one, known_scalar};
use tauline_transcript::{Base, Encoding, RawContribution, Sizes, contribute, verify};

/// A base in the middle of a ceremony, and the next contribution to it.
fn next_turn() -> (Base, RawContribution) {
    let start = Base::initial(&Sizes::ethereum());
    let base = contribute(&start, &mut OsRng, b"", &|_| {}).base().clone();
    let contribution = contribute(&base, &mut OsRng, b"", &|_| {}).unsigned();
    (base, contribution)
}

fn bench<M: Measurement>(criterion: &mut Criterion<M>, by: &str) {
    let (base, contribution) = next_turn();
    let json = contribution.to_json().expect("points");
    let msgpack = contribution
        .to_msgpack(Encoding::Compressed)
        .expect("points");
    let uncompressed_msgpack = contribution
        .to_msgpack(Encoding::Uncompressed)
        .expect("points");
    let uncompressed = RawContribution::from_msgpack(&uncompressed_msgpack).expect("a document");

    let mut group = criterion.benchmark_group(format!("document, {by}"));
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("read JSON", |bencher| {
        bencher.iter(|| RawContribution::from_json(black_box(&json)));
    });
    group.bench_function("write JSON", |bencher| {
        bencher.iter(|| contribution.to_json())
    });
    group.throughput(Throughput::Bytes(msgpack.len() as u64));
    group.bench_function("read MessagePack", |bencher| {
        bencher.iter(|| RawContribution::from_msgpack(black_box(&msgpack)));
    });
    group.finish();

    let points: usize = Sizes::ethereum().iter().map(|size| size.g1).sum();
    let mut group = criterion.benchmark_group(format!("full size, {by}"));
    group.throughput(Throughput::Elements(points as u64));
    for (form, document) in [
        ("compressed", &contribution),
        ("uncompressed", &uncompressed),
    ] {
        group.bench_function(format!("verify {form}"), |bencher| {
            bencher.iter(|| verify(&base, document, &mut OsRng).expect("good"));
        });
    }
    group.bench_function("contribute", |bencher| {
        bencher.iter(|| contribute(&base, &mut OsRng, b"", &|_| {}));
    });
    group.finish();
}

fn by_the_clock(criterion: &mut Criterion) {
    bench(criterion, "by the clock");
}

fn by_processor_time(criterion: &mut Criterion<ProcessorTime>) {
    bench(criterion, "by processor time");
}

/// Beside the obvious ways, parsing included.
fn beside_the_obvious(criterion: &mut Criterion<ProcessorTime>) {
    let base = base_after_one(&Sizes::ethereum()).expect("a base");
    let turn = Turn::common(&base).expect("a turn");
    let scalars: Vec<_> = (0..base.sizes().len() as u32)
        .map(|i| known_scalar(i).expect("a scalar"))
        .collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.expect("a thread");

    let points: usize = base.sizes().iter().map(|size| size.g1).sum();
    let mut group = criterion.benchmark_group("full size, one thread, by processor time");
    group.throughput(Throughput::Elements(points as u64));
    let check = |document| verify(&base, &document, &mut OsRng).expect("good");
    group.bench_function("verify JSON", |bencher| {
        pool.install(|| {
            bencher.iter(|| check(RawContribution::from_json(&turn.json).expect("a document")));
        });
    });
    group.bench_function("verify JSON, obvious verifier", |bencher| {
        bencher.iter(|| obvious::verify_json(&base, &turn.json).expect("good"));
    });
    group.bench_function("verify uncompressed MessagePack", |bencher| {
        pool.install(|| {
            bencher.iter(|| {
                check(RawContribution::from_msgpack(&turn.uncompressed).expect("a document"))
            });
        });
    });
    group.bench_function(
        "verify uncompressed MessagePack, obvious verifier",
        |bencher| {
            bencher.iter(|| obvious::verify_msgpack(&base, &turn.uncompressed).expect("good"));
        },
    );
    group.bench_function("contribute", |bencher| {
        pool.install(|| bencher.iter(|| contribute(&base, &mut OsRng, b"", &|_| {})));
    });
    group.bench_function("contribute, obvious way", |bencher| {
        bencher.iter(|| obvious::contribute(&base, &scalars));
    });
    group.finish();
}

/// Few and short: one verification takes seconds.
fn settings<M: Measurement>(criterion: Criterion<M>) -> Criterion<M> {
    tauline_benches::choose_arithmetic();
    criterion
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = clock;
    config = settings(Criterion::default());
    targets = by_the_clock
}
criterion_group! {
    name = processor;
    config = settings(Criterion::default().with_measurement(ProcessorTime));
    targets = by_processor_time, beside_the_obvious
}
criterion_main!(clock, processor);
