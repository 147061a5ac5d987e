//! Writes a large honest log into a file, and audits it: what an audit costs.
//!
//! ```sh
//! cargo run --release -p tauline-audit --example large_log -- write 141416 log.bin
//! /usr/bin/time -v target/release/examples/large_log audit log.bin
//! ```
//!
//! Entries stand in the file as in a bundle of C2SP `tlog-tiles`: each after its length in two bytes.

#![allow(clippy::unwrap_used, clippy::field_reassign_with_default, dead_code)]

#[path = "../tests/audit/support.rs"]
mod support;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};

use support::Story;
use tauline_queue_core::{Rules, Verdict};

/// How many are in line: each waits for so many turns and checks in meanwhile.
const IN_LINE: u64 = 12;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["write", contributions, file] => write(contributions.parse().unwrap(), file),
        ["audit", file] => audit(file),
        _ => {
            eprintln!("usage: large_log write CONTRIBUTIONS FILE | large_log audit FILE");
            std::process::exit(2);
        }
    }
}

fn write(contributions: u64, file: &str) {
    let mut out = BufWriter::new(File::create(file).unwrap());
    let mut story = Story::new(Rules::default());
    let mut written = 0;
    for number in 0..contributions + IN_LINE {
        let name = format!("p{number}");
        story.join(&name);
        let Some(head) = number.checked_sub(IN_LINE) else {
            continue;
        };
        let line: Vec<String> = (head + 1..=number).map(|n| format!("p{n}")).collect();
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let head = format!("p{head}");
        // Whoever is first was called when the turn became free, or by joining.
        story.start(&head, true);
        for _ in 0..4 {
            story.wait(&line, 4).check_in(&head);
        }
        story.submit(&head).pass(700);
        story.judge(Verdict::Valid);
        story.check_in(line[0]);
        story.forget_the_past();
        for entry in story.log.entries.drain(..) {
            let bytes = entry.to_bytes();
            out.write_all(&u16::try_from(bytes.len()).unwrap().to_be_bytes())
                .unwrap();
            out.write_all(&bytes).unwrap();
            written += 1;
        }
    }
    out.flush().unwrap();
    println!("{written} entries");
}

fn audit(file: &str) {
    let mut input = BufReader::with_capacity(1 << 20, File::open(file).unwrap());
    let mut auditor = support::auditor();
    let (mut len, mut entry) = ([0; 2], Vec::new());
    while input.read_exact(&mut len).is_ok() {
        entry.resize(usize::from(u16::from_be_bytes(len)), 0);
        input.read_exact(&mut entry).unwrap();
        auditor.push(&entry).unwrap();
    }
    let report = auditor.report();
    println!(
        "{} entries, {} contributions: {}",
        report.entries,
        report.statistics.outcomes.contributed,
        report.verdict()
    );
    std::process::exit(i32::from(!report.is_fair()));
}
