//! Audits the lives that queue-core's example `public_life` has written to files: one with the true rules
//! is fair, and one with rules that were broken on purpose is not.
//!
//! ```sh
//! cargo run -p tauline-queue-core --example public_life -- 7 5000 life.msgpack
//! cargo run -p tauline-audit --example audit_life -- life.msgpack
//! ```
//!
//! Prints for each file `fair`, or the kind and the text of the first violation. The exit code is 1 if one
//! is not fair.

#![allow(clippy::unwrap_used, clippy::field_reassign_with_default, dead_code)]

#[path = "../tests/audit/published.rs"]
mod published;
#[path = "../tests/audit/support.rs"]
mod support;
#[path = "../../queue-core/examples/public_life/world.rs"]
mod world;

fn main() {
    let mut all_fair = true;
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file).unwrap();
        let records: Vec<world::Record> = rmp_serde::from_slice(&bytes).unwrap();
        let report = published::published(&records).audit();
        match report.violations.first() {
            None => println!("{file}: fair, {} entries", report.entries),
            Some(first) => {
                all_fair = false;
                let entry = first.entry.map_or("-".to_owned(), |it| it.to_string());
                println!("{file}: {} {entry} {}", first.kind, first.text);
            }
        }
    }
    std::process::exit(i32::from(!all_fair));
}
