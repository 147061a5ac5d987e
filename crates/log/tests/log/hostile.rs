//! Whatever bytes come, decoding does not panic, and what it accepts is written as it was read.

use proptest::prelude::*;
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::{Note, VerifierKey};
use tauline_log::policy::Policy;
use tauline_log::proof::Proof;
use tauline_log::tile::{self, Tile};
use tauline_log::witness::AddCheckpoint;

use crate::keys::{TIME, WITNESSES, cosigned, log_keys, tree, witness};

/// What is well-formed, of every kind.
fn well_formed() -> Vec<Vec<u8>> {
    let tree = tree(300);
    let by: Vec<(&str, u64)> = WITNESSES.iter().map(|name| (*name, TIME)).collect();
    let checkpoint = cosigned(tree.head(), &by);
    let request = AddCheckpoint {
        old: 77,
        proof: tree.snapshot().consistency_from(77).unwrap(),
        checkpoint: checkpoint.clone(),
    };
    let proof = Proof {
        extra: Some(vec![7; 20]),
        index: 99,
        hashes: tree.snapshot().inclusion(99).unwrap(),
        checkpoint: checkpoint.clone(),
    };
    let key = witness(WITNESSES[0]).verifier_key().to_string();
    let policy = format!(
        "log {}\nwitness n {key}\ngroup g any n\nquorum g\n",
        log_keys()[0]
    );
    vec![
        checkpoint.to_string().into_bytes(),
        request.to_string().into_bytes(),
        proof.to_string().into_bytes(),
        policy.into_bytes(),
        key.into_bytes(),
        b"tile/entries/x001/x234/067.p/8".to_vec(),
        tile::bundle_to_bytes(&["one", "", "three"]).unwrap(),
    ]
}

/// Reads bytes as everything, and writes what was read. How many readings accepted them.
fn read_as_everything(bytes: &[u8]) -> usize {
    let mut accepted = 0;
    let mut same = |written: Option<Vec<u8>>| {
        if let Some(written) = written {
            assert_eq!(written, bytes);
            accepted += 1;
        }
    };
    let text = |written: String| written.into_bytes();
    same(Note::parse(bytes).ok().map(|note| text(note.to_string())));
    same(
        SignedCheckpoint::parse(bytes)
            .ok()
            .map(|read| text(read.to_string())),
    );
    same(
        AddCheckpoint::parse(bytes)
            .ok()
            .map(|read| text(read.to_string())),
    );
    same(Proof::parse(bytes).ok().map(|read| text(read.to_string())));
    for width in 1..=4 {
        let entries = tile::bundle_from_bytes(bytes, width).ok();
        same(entries.map(|entries| tile::bundle_to_bytes(&entries).unwrap()));
        let hashes = tile::hashes_from_bytes(bytes, width).ok();
        same(hashes.map(|hashes| tile::hashes_to_bytes(&hashes)));
    }
    if let Ok(string) = std::str::from_utf8(bytes) {
        same(
            string
                .parse::<Tile>()
                .ok()
                .map(|read| text(read.to_string())),
        );
        same(
            string
                .parse::<VerifierKey>()
                .ok()
                .map(|read| text(read.to_string())),
        );
    }
    if let Ok(policy) = Policy::parse(bytes) {
        let written = policy.to_bytes();
        assert_eq!(Policy::parse(&written), Ok(policy));
        accepted += 1;
    }
    accepted
}

#[test]
fn what_is_well_formed_is_accepted() {
    for bytes in well_formed() {
        assert!(
            read_as_everything(&bytes) > 0,
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn every_beginning_and_every_end_is_decoded_or_refused() {
    for bytes in well_formed() {
        for at in 0..=bytes.len() {
            read_as_everything(&bytes[..at]);
            read_as_everything(&bytes[at..]);
        }
    }
}

/// Long lines, many lines, many spaces: as long as may be, and decided at once.
#[test]
fn work_is_bounded_by_the_length() {
    for piece in [
        "\n",
        "\n\n",
        "— a AAAAAAA=\n",
        " ",
        "\t",
        "old 1\n",
        "#\n",
        "é",
        "— ",
        "AAAA",
        "group g 1 g\n",
    ] {
        let long = piece.repeat((1 << 20) / piece.len());
        read_as_everything(long.as_bytes());
        for limit in [256 * 1024, 512 * 1024] {
            let length = limit / piece.len() * piece.len();
            read_as_everything(&long.as_bytes()[..length]);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn spoiled_bytes_are_decoded_or_refused(
        which in 0_usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = well_formed().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.remove(cut.index(bytes.len()));
        }
        read_as_everything(&bytes);
    }
}
