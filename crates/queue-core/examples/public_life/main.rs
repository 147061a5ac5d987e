//! A simulated ceremony, whose log is written to a file as an auditor would get it.
//!
//! ```sh
//! cargo run -p tauline-queue-core --example public_life -- 7 5000 life.msgpack
//! ```
//!
//! Seed, entries, file. `.ci/frauds` runs it with rules that are broken on purpose, and has an auditor
//! with the true ones look at what comes of it.

#![allow(clippy::unwrap_used)]

mod world;

use world::World;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, entries, file] = arguments.as_slice() else {
        eprintln!("usage: public_life SEED ENTRIES FILE");
        std::process::exit(2);
    };
    let mut world = World::new(seed.parse().unwrap());
    world.live(entries.parse().unwrap());
    world.drain();
    let bytes = rmp_serde::to_vec_named(&world.into_records()).unwrap();
    std::fs::write(file, bytes).unwrap();
}
