//! Whatever bytes arrive at a decoder of the log, it never panics, and what it accepts is written
//! as it was read. The first byte says which decoder.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tauline_log::checkpoint::{Checkpoint, SignedCheckpoint};
use tauline_log::note::{Note, VerifierKey};
use tauline_log::policy::Policy;
use tauline_log::proof::Proof;
use tauline_log::tile::{self, Tile};
use tauline_log::witness::{self, AddCheckpoint};

fn written(bytes: &[u8], written: impl AsRef<[u8]>) {
    assert_eq!(bytes, written.as_ref());
}

/// What is decoded from text.
fn text(which: u8, text: &str) {
    let bytes = text.as_bytes();
    match which {
        0 => _ = Checkpoint::parse(text).map(|read| written(bytes, read.to_string())),
        1 => {
            _ = text
                .parse::<VerifierKey>()
                .map(|read| written(bytes, read.to_string()))
        }
        2 => {
            _ = text
                .parse::<Tile>()
                .map(|read| written(bytes, read.to_string()))
        }
        3 => {
            let read = witness::signatures_from_text(text);
            _ = read.map(|read| written(bytes, witness::signatures_to_text(&read)));
        }
        _ => {
            let read = witness::size_from_text(text);
            _ = read.map(|read| written(bytes, witness::size_to_text(read)));
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&which, bytes)) = input.split_first() else {
        return;
    };
    match which {
        0..5 => _ = std::str::from_utf8(bytes).map(|string| text(which, string)),
        5 => _ = Note::parse(bytes).map(|read| written(bytes, read.to_string())),
        6 => _ = SignedCheckpoint::parse(bytes).map(|read| written(bytes, read.to_string())),
        7 => _ = AddCheckpoint::parse(bytes).map(|read| written(bytes, read.to_string())),
        8 => _ = Proof::parse(bytes).map(|read| written(bytes, read.to_string())),
        9 => {
            // Comments and spaces are dropped; what is left stays.
            if let Ok(policy) = Policy::parse(bytes) {
                let once = policy.to_bytes();
                let again = Policy::parse(&once).expect("a policy that was written can be read");
                assert_eq!(again, policy);
                written(&once, again.to_bytes());
            }
        }
        // The width of a tile or a bundle, which its path says.
        _ => {
            let width = u16::from(which);
            let hashes = tile::hashes_from_bytes(bytes, width);
            _ = hashes.map(|hashes| written(bytes, tile::hashes_to_bytes(&hashes)));
            if let Ok(entries) = tile::bundle_from_bytes(bytes, width) {
                let bundle = tile::bundle_to_bytes(&entries).expect("entries of a bundle");
                written(bytes, bundle);
            }
        }
    }
});
