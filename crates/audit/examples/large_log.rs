//! What an audit of a large log costs: makes an honest log in a directory, and audits it in another run, so
//! that time and memory are the audit's alone.
//!
//! ```sh
//! cargo build --release -p tauline-audit --example large_log
//! target/release/examples/large_log entries 1000000 --make million
//! target/release/examples/large_log --audit million
//! target/release/examples/large_log contributions 141416 --make ethereum
//! target/release/examples/large_log --audit ethereum
//! ```
//!
//! The directory has the log as C2SP `tlog-tiles` does, without the tiles of hashes: `tauline audit --log`
//! reads it, too.

#![allow(clippy::unwrap_used, clippy::field_reassign_with_default, dead_code)]

#[path = "../tests/audit/support.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use support::{ORIGIN, Story};
use tauline_log::checkpoint::{Checkpoint, SignedCheckpoint};
use tauline_log::tile::{self, Contents, FULL_WIDTH, Tile};
use tauline_log::tree::Frontier;
use tauline_queue_core::{Rules, Verdict};

/// How many are in line: each waits for so many turns and checks in meanwhile.
const IN_LINE: u64 = 12;

const USAGE: &str = "usage: large_log entries N --make DIR\n       large_log contributions N --make DIR\n       \
                     large_log --audit DIR";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["entries", n, "--make", dir] => make(n.parse().unwrap(), u64::MAX, dir.as_ref()),
        ["contributions", n, "--make", dir] => make(u64::MAX, n.parse().unwrap(), dir.as_ref()),
        ["--audit", dir] => audit(dir.as_ref()),
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    }
}

/// A log that is written bundle by bundle.
struct Writer<'a> {
    dir: &'a Path,
    frontier: Frontier,
    bundle: Vec<Vec<u8>>,
}

impl Writer<'_> {
    fn push(&mut self, entry: Vec<u8>) {
        self.frontier.push(&entry);
        self.bundle.push(entry);
        if self.bundle.len() == usize::from(FULL_WIDTH) {
            self.write_bundle();
        }
    }

    fn write_bundle(&mut self) {
        let Some(last) = self.frontier.size().checked_sub(1) else {
            return;
        };
        let width = u16::try_from(self.bundle.len()).unwrap();
        let index = last / u64::from(FULL_WIDTH);
        let path = path_of(
            self.dir,
            Tile::new(Contents::Entries, index, width).unwrap(),
        );
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, tile::bundle_to_bytes(&self.bundle).unwrap()).unwrap();
        self.bundle.clear();
    }

    fn finish(mut self) {
        if !self.bundle.is_empty() {
            self.write_bundle();
        }
        let checkpoint = Checkpoint::new(ORIGIN.parse().unwrap(), self.frontier.head());
        let signed = checkpoint.sign(&support::signer()).unwrap();
        fs::write(self.dir.join("checkpoint"), signed.to_string()).unwrap();
    }
}

fn path_of(dir: &Path, tile: Tile) -> PathBuf {
    dir.join(tile.to_string())
}

/// Makes a log that ends when it has so many entries, or so many contributions.
fn make(most_entries: u64, most_contributions: u64, dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    let mut out = Writer {
        dir,
        frontier: Frontier::new(),
        bundle: Vec::new(),
    };
    let mut story = Story::new(Rules::default());
    let mut contributions = 0;
    for number in 0_u64.. {
        story.join(&format!("p{number}"));
        if let Some(head) = number.checked_sub(IN_LINE) {
            turn(&mut story, head, number);
        }
        story.forget_the_past();
        for entry in story.log.entries.drain(..) {
            contributions += u64::from(entry.accepted.is_some());
            out.push(entry.to_bytes());
            if out.frontier.size() == most_entries || contributions == most_contributions {
                let entries = out.frontier.size();
                out.finish();
                println!("{entries} entries, {contributions} contributions");
                return;
            }
        }
    }
}

/// The turn of whoever is first in line, up to `last`: those behind check in meanwhile. It was called when
/// the turn became free, or by joining.
fn turn(story: &mut Story, head: u64, last: u64) {
    let line: Vec<String> = (head + 1..=last).map(|n| format!("p{n}")).collect();
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let head = format!("p{head}");
    story.start(&head, true);
    for _ in 0..4 {
        story.wait(&line, 4).check_in(&head);
    }
    story.submit(&head).pass(700);
    story.judge(Verdict::Valid);
    story.check_in(line[0]);
}

#[allow(clippy::disallowed_methods, reason = "this measures")]
fn audit(dir: &Path) {
    let since = Instant::now();
    let checkpoint = fs::read(dir.join("checkpoint")).unwrap();
    let checkpoint = SignedCheckpoint::parse(&checkpoint).unwrap();
    let size = checkpoint.unverified().tree.size;
    let mut auditor = support::auditor();
    auditor
        .check_signed_checkpoint(checkpoint, "of the log")
        .unwrap();
    for bundle in tile::bundles(size) {
        let bytes = fs::read(path_of(dir, bundle)).unwrap();
        for entry in tile::bundle_from_bytes(&bytes, bundle.width()).unwrap() {
            auditor.push(entry).unwrap();
        }
    }
    let report = auditor.report();
    let seconds = since.elapsed().as_secs_f64();
    let peak = peak().map_or("memory unknown".to_owned(), |kb| {
        format!("{:.1} MB at most", kb as f64 * 1024.0 / 1e6)
    });
    println!(
        "{} entries, {} contributions: {seconds:.1} s, {peak}\n{}",
        report.entries,
        report.statistics.outcomes.contributed,
        report.verdict()
    );
    std::process::exit(i32::from(!report.is_fair()));
}

/// The most memory that this process has had at a time, in kB (1024 bytes), where the system tells.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.parse().ok()
}
