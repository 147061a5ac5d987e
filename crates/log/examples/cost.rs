//! What a log costs on this machine: run it with `--release`.
//!
//! ```sh
//! cargo run --release -p tauline-log --example cost
//! ```

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tauline_log::checkpoint::{Checkpoint, Cosigner};
use tauline_log::note::Signer;
use tauline_log::tree::{Frontier, Tree, leaf_hash};

/// Entries in the log.
const ENTRIES: u64 = 1_000_000;

/// Bytes in an entry.
const ENTRY_LEN: usize = 200;

/// Runs something as often, and prints what one run takes.
fn measure(
    what: &str,
    times: u32,
    run: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut run = run;
    let began = now();
    for _ in 0..times {
        run()?;
    }
    let each: Duration = (now() - began) / times;
    println!("{what:<60} {:>10.2} µs", each.as_secs_f64() * 1e6);
    Ok(())
}

/// An example may look at the clock; the crate may not.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

fn main() -> Result<(), Box<dyn Error>> {
    let entry = |n: u64| {
        let mut bytes = [0; ENTRY_LEN];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        bytes
    };

    let (mut tree, mut n) = (Tree::new(), 0);
    measure(
        "push an entry of 200 bytes, and the root",
        ENTRIES as u32,
        || {
            tree.push(entry(n));
            n += 1;
            black_box(tree.head());
            Ok(())
        },
    )?;
    let (mut frontier, mut n) = (Frontier::new(), 0);
    measure(
        "the same without past sizes, root at the end",
        ENTRIES as u32,
        || {
            frontier.push(entry(n));
            n += 1;
            Ok(())
        },
    )?;
    assert_eq!(frontier.head(), tree.head());

    let mut index = 0;
    let next = |index: &mut u64| *index = (*index + 7_919) % ENTRIES;
    measure("an inclusion proof among a million", 10_000, || {
        next(&mut index);
        black_box(tree.snapshot().inclusion(index)?);
        Ok(())
    })?;
    let leaf = leaf_hash(entry(index));
    let proof = tree.snapshot().inclusion(index)?;
    let head = tree.head();
    measure("verify it", 10_000, || {
        Ok(head.verify_inclusion(index, &leaf, &proof)?)
    })?;

    let log = Signer::from_seed("example.com/log".parse()?, &[1; 32]);
    let witness = Cosigner::from_seed("witness.example".parse()?, &[2; 32]);
    let keys = [log.verifier_key().clone()];
    let checkpoint = Checkpoint::new("example.com/log".parse()?, tree.head());
    measure("sign a checkpoint", 10_000, || {
        black_box(checkpoint.clone().sign(&log)?);
        Ok(())
    })?;
    measure("cosign it", 10_000, || {
        black_box(witness.cosign(&checkpoint, 1_790_000_000)?);
        Ok(())
    })?;
    let signed = checkpoint.clone().sign(&log)?;
    measure("verify its signature", 10_000, || {
        black_box(signed.verify(&keys)?);
        Ok(())
    })?;
    let signed = signed.with(witness.cosign(&checkpoint, 1_790_000_000)?)?;
    let witnesses = [witness.verifier_key().clone()];
    measure("verify a cosignature", 10_000, || {
        black_box(signed.cosignatures(&witnesses)?);
        Ok(())
    })
}
