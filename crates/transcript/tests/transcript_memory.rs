//! The memory that the verification of a transcript takes. Alone in its process: it looks at the
//! process's peak.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "all/fixtures/mod.rs"]
mod fixtures;
#[path = "all/history/mod.rs"]
mod history;

use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::FileExt;

use blstrs::{G1Affine, G2Affine};
use fixtures::{rng, sizes};
use group::prime::PrimeCurveAffine;
use history::options;
use tauline_transcript::transcript::*;

/// A file, read by several readers at once.
struct FileSource(File);

struct FileReader<'a>(&'a File, u64);

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.0.read_at(buffer, self.1)?;
        self.1 += len as u64;
        Ok(len)
    }
}

impl Source for FileSource {
    type Reader<'a> = FileReader<'a>;

    fn open(&self, offset: u64) -> io::Result<FileReader<'_>> {
        Ok(FileReader(&self.0, offset))
    }
}

/// Writes a transcript of `contributions` contributions with the secret 1, and verifies it.
fn verify_long(contributions: u64) -> Report {
    let start = Transcript::initial(&sizes("2:2"));
    let out = BufWriter::new(tempfile::tempfile().unwrap());
    let mut writer = TranscriptWriter::new(out, Format::Json, 1, contributions).unwrap();
    let all = || 0..contributions;
    let (product, pubkey) = (G1Affine::generator().to_compressed(), G2Affine::generator());
    let powers = &start.base().powers()[0];
    writer
        .sub_ceremony(
            powers,
            all().map(|_| Ok(product)),
            all().map(|_| Ok(pubkey.to_compressed())),
            all().map(|_| Ok(None)),
        )
        .unwrap();
    let ids = all().map(|k| Ok(format!("git|{k}|a")));
    let file = writer
        .finish(ids, all().map(|_| Ok(None)))
        .unwrap()
        .into_inner()
        .unwrap();
    verify_transcript(&FileSource(file), &options("2:2"), &mut rng(1), &|_| {}).unwrap()
}

/// The most memory that this process has had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Where entries weigh about 300 bytes each: 40,000 more are 12 MB, which must not show. Two threads,
/// for what an allocator keeps ready grows with them; a run before the first look, to fill that, and
/// the table of participants, which is as large as it gets with some ten thousand.
#[test]
fn memory_does_not_grow_with_the_number_of_contributions() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
    pool.unwrap().install(|| {
        assert_eq!(verify_long(24_000).contributions, 24_000);
        let before = peak_memory();
        let report = verify_long(64_000);
        assert_eq!(report.sub_ceremonies[0].no_entropy, 64_000);
        let grown = peak_memory() - before;
        assert!(
            grown < 4_000_000,
            "{grown} bytes more for 40,000 more contributions"
        );
    });
}
