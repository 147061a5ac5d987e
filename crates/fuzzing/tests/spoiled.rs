//! Documents as they are, cut off, changed in one place, and spoiled at random with a fixed seed: what is
//! fuzzed by night holds of all of them.

#![allow(clippy::unwrap_used)]

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use tauline_fuzzing::TARGETS;

/// How much of it, so that a target takes some seconds.
#[derive(Clone, Copy)]
struct Amount {
    /// Places of a document at which it is cut and changed; all of them, if it has no more.
    places: usize,
    /// Documents spoiled at random.
    cases: u32,
}

impl Amount {
    fn config(self) -> Config {
        Config {
            cases: self.cases,
            rng_seed: RngSeed::Fixed(0x7a75),
            failure_persistence: None,
            ..Config::default()
        }
    }
}

/// What stands where nobody expects it.
const WORDS: [&[u8]; 14] = [
    b"\0",
    b"\"",
    b"\\u0000",
    b"\n",
    b"\xe2\x80\x94",
    b"\xff\xff\xff\xff",
    b"-1",
    b"0x",
    b"18446744073709551616",
    b"1e999",
    b"null",
    b"[[[[[[[[",
    b"{}",
    b"\xdd\xff\xff\xff\xff",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The documents that a target begins with, smaller ones first, and nothing at all.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let beginnings = fs::read_to_string(root().join("fuzz/beginnings")).unwrap();
    let mut lines = beginnings.lines().map(str::split_whitespace);
    let folders = lines.find_map(|mut words| (words.next() == Some(target)).then_some(words));
    let mut seeds = vec![Vec::new()];
    let folders = folders.expect("fuzz/beginnings has a line for each target");
    let mut folders: Vec<_> = folders.map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let files = seeds.len();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => seeds.push(fs::read(path).unwrap()),
            }
        }
        assert!(seeds.len() > files, "{} is empty", folder.display());
    }
    seeds.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    seeds
}

/// So many numbers below `len`, evenly spread, and the last one among them.
fn places(count: usize, len: usize) -> impl Iterator<Item = usize> {
    let count = len.min(count);
    (1..=count).map(move |n| n * len / count - 1)
}

/// A change of a document.
#[derive(Debug, Clone)]
enum Change {
    Cut(Index),
    Drop(Index, usize),
    Repeat(Index, usize),
    Overwrite(Index, Vec<u8>),
    Insert(Index, &'static [u8]),
    /// The rest of it is that of another document.
    GoOnAs(Index, Index, Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let at = any::<Index>;
        let bytes = prop::collection::vec(any::<u8>(), 1..9);
        prop_oneof![
            1 => at().prop_map(Self::Cut),
            2 => (at(), 1..40_usize).prop_map(|(at, len)| Self::Drop(at, len)),
            2 => (at(), 1..200_usize).prop_map(|(at, len)| Self::Repeat(at, len)),
            4 => (at(), bytes).prop_map(|(at, bytes)| Self::Overwrite(at, bytes)),
            4 => (at(), select(&WORDS[..])).prop_map(|(at, word)| Self::Insert(at, word)),
            1 => (at(), at(), at()).prop_map(|(at, of, on)| Self::GoOnAs(at, of, on)),
        ]
    }

    fn apply(&self, document: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let len = document.len();
        let from = |at: &Index| at.index(len + 1);
        let range = |at: &Index, count: usize| -> Range<usize> {
            let begin = from(at);
            begin..len.min(begin + count)
        };
        match self {
            Self::Cut(at) => document.truncate(from(at)),
            Self::Drop(at, count) => drop(document.drain(range(at, *count))),
            Self::Repeat(at, count) => {
                let again = document[range(at, *count)].to_vec();
                let at = from(at);
                document.splice(at..at, again);
            }
            Self::Overwrite(at, bytes) => {
                let there = range(at, bytes.len());
                document.splice(there, bytes.iter().copied());
            }
            Self::Insert(at, word) => {
                let at = from(at);
                document.splice(at..at, word.iter().copied());
            }
            Self::GoOnAs(at, of, on) => {
                let other = of.get(seeds);
                let rest = &other[on.index(other.len() + 1)..];
                document.truncate(from(at));
                document.extend(rest);
            }
        }
    }
}

/// Feeds a target what its documents become by changes at random. What fails is made as small as it can be.
fn spoil_at_random(amount: Amount, seeds: &[Vec<u8>], check: fn(&[u8])) {
    let changes = prop::collection::vec(Change::any(), 1..6);
    let spoiled = (select(seeds.to_vec()), changes).prop_map(|(mut document, changes)| {
        for change in &changes {
            change.apply(&mut document, seeds);
        }
        Bytes(document)
    });
    let run = TestRunner::new(amount.config()).run(&spoiled, |document| {
        check(&document.0);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

/// Shown as they would be written in a test.
struct Bytes(Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

fn checked(target: &str) -> fn(&[u8]) {
    let (_, check) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    *check
}

fn feed(target: &str, amount: Amount) {
    let (check, seeds) = (checked(target), seeds(target));
    for seed in &seeds {
        check(seed);
        for place in places(amount.places, seed.len()) {
            check(&seed[..place]);
            for byte in [seed[place] ^ 0x80, seed[place] ^ 1, b'0', b'"'] {
                let mut changed = seed.clone();
                changed[place] = byte;
                check(&changed);
            }
        }
    }
    spoil_at_random(amount, &seeds, check);
}

#[test]
fn contributions_are_read_as_they_were_written_or_refused() {
    let (places, cases) = (200, 2_000);
    feed("documents", Amount { places, cases });
}

#[test]
fn files_of_powers_and_transcripts_are_told_apart_or_refused() {
    let (places, cases) = (40, 500);
    feed("exports", Amount { places, cases });
}

#[test]
fn documents_of_the_log_are_read_as_they_were_written_or_refused() {
    let (places, cases) = (1_000, 100_000);
    feed("log", Amount { places, cases });
}

#[test]
fn records_and_messages_are_read_as_they_were_written_or_refused() {
    let (places, cases) = (1_000, 20_000);
    feed("records", Amount { places, cases });
}

#[test]
fn messages_to_sign_in_with_say_what_is_read_of_them_or_are_refused() {
    let (places, cases) = (1_000, 100_000);
    feed("signin", Amount { places, cases });
}

/// It has no documents to begin with: any bytes are commands at times.
#[test]
fn any_commands_at_any_times_keep_the_rules() {
    let amount = Amount {
        places: 0,
        cases: 15_000,
    };
    // Small bytes are short steps of time.
    let byte = prop_oneof![any::<u8>(), 0..24_u8];
    let bytes = prop::collection::vec(byte, 0..2_000);
    let run = TestRunner::new(amount.config()).run(&bytes, |bytes| {
        checked("queue_step")(&bytes);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

/// What the fuzzer is given by night is what is tested here.
#[test]
fn every_target_is_fuzzed_too() {
    let folder = root().join("fuzz/fuzz_targets");
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let body = format!("tauline_fuzzing::{name}::check(bytes)");
        let target = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
        let expected =
            format!("#![no_main]\n\nlibfuzzer_sys::fuzz_target!(|bytes: &[u8]| {body});\n");
        assert_eq!(target, expected, "{name}");
        let path = format!("path = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&path), "fuzz/Cargo.toml lacks {name}");
        seeds(name);
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), TARGETS.len());
}
