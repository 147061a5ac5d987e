//! Whatever bytes arrive at a decoder of the log, it never panics, and what it accepts is written as it
//! was read. All decoders get all bytes, so that a document of any kind is a beginning as it is.

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
fn texts(text: &str) {
    let bytes = text.as_bytes();
    let _ = Checkpoint::parse(text).map(|read| written(bytes, read.to_string()));
    let _ = text
        .parse::<VerifierKey>()
        .map(|read| written(bytes, read.to_string()));
    let _ = text
        .parse::<Tile>()
        .map(|read| written(bytes, read.to_string()));
    let read = witness::signatures_from_text(text);
    let _ = read.map(|read| written(bytes, witness::signatures_to_text(&read)));
    let read = witness::size_from_text(text);
    let _ = read.map(|read| written(bytes, witness::size_to_text(read)));
}

/// What is decoded from bytes, which may be text.
fn notes(bytes: &[u8]) {
    let _ = Note::parse(bytes).map(|read| written(bytes, read.to_string()));
    let _ = SignedCheckpoint::parse(bytes).map(|read| written(bytes, read.to_string()));
    let _ = AddCheckpoint::parse(bytes).map(|read| written(bytes, read.to_string()));
    let _ = Proof::parse(bytes).map(|read| written(bytes, read.to_string()));
    // Comments and spaces are dropped; what is left stays.
    if let Ok(policy) = Policy::parse(bytes) {
        let once = policy.to_bytes();
        let again = Policy::parse(&once).expect("a policy that was written can be read");
        assert_eq!(again, policy);
        written(&once, again.to_bytes());
    }
}

/// A tile and a bundle of this width, which their path says.
fn tiles(width: u16, bytes: &[u8]) {
    let hashes = tile::hashes_from_bytes(bytes, width);
    let _ = hashes.map(|hashes| written(bytes, tile::hashes_to_bytes(&hashes)));
    if let Ok(entries) = tile::bundle_from_bytes(bytes, width) {
        let bundle = tile::bundle_to_bytes(&entries).expect("entries of a bundle");
        written(bytes, bundle);
    }
}

/// Hands the bytes to every decoder of the log.
///
/// # Panics
/// When what was accepted is written otherwise than it was read.
pub fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        texts(text);
    }
    notes(bytes);
    if let Some((&narrower, rest)) = bytes.split_first() {
        tiles(1 + u16::from(narrower), rest);
    }
}
