//! Proofs to keep.

use std::time::Duration;

use proptest::prelude::*;
use tauline_log::note::Signer;
use tauline_log::policy::{Freshness, Policy};
use tauline_log::proof::{Proof, UnprovenError};
use tauline_log::tree::{Hash, leaf_hash};

use crate::golden::assert_golden;
use crate::keys::{TIME, WITNESSES, cosigned, log_keys, tree, witness};

fn proof(index: u64, size: u64) -> Proof {
    let tree = tree(size);
    Proof {
        extra: None,
        index,
        hashes: tree.snapshot().inclusion(index).unwrap(),
        checkpoint: cosigned(
            tree.head(),
            &[("north.example", TIME), ("west.example", TIME)],
        ),
    }
}

fn leaf(index: u64) -> Hash {
    leaf_hash(index.to_string())
}

fn policy(quorum: &str) -> Policy {
    let mut text = format!("log {}\n", log_keys()[0]);
    for name in WITNESSES {
        text += &format!("witness {name} {}\n", witness(name).verifier_key());
    }
    text += &format!("group two 2 {}\nquorum {quorum}\n", WITNESSES.join(" "));
    Policy::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_proof_has_these_bytes() {
    let mut proof = proof(3, 7);
    let text = proof.to_string();
    assert_golden("ticket.tlog-proof", &text);
    assert_eq!(Proof::parse(text.as_bytes()), Ok(proof.clone()));
    proof.extra = Some(b"ticket 3".to_vec());
    let text = proof.to_string();
    assert_golden("ticket-with-extra.tlog-proof", &text);
    assert_eq!(Proof::parse(text.as_bytes()), Ok(proof));
}

#[test]
fn every_entry_of_every_size_is_proved_to_whoever_is_offline() {
    for size in 1..40 {
        for index in 0..size {
            let kept = proof(index, size).to_string();
            let read = Proof::parse(kept.as_bytes()).unwrap();
            let checkpoint = read.verify(&leaf(index), &log_keys()).unwrap();
            assert_eq!(checkpoint.tree, tree(size).head());
            let other = read.verify(&leaf(index + 1), &log_keys());
            assert!(matches!(other, Err(UnprovenError::NotIncluded(_))));
        }
    }
}

#[test]
fn every_changed_bit_of_a_proof_is_noticed() {
    let text = proof(3, 7).to_string();
    let policy = policy("two");
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let is_believed = Proof::parse(&bytes)
                .is_ok_and(|proof| proof.verify_by(&leaf(3), &policy, None).is_ok());
            assert!(!is_believed, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_proof_is_worth_what_its_checkpoint_is() {
    let kept = proof(3, 7);
    let stranger = Signer::from_seed("example.com/log".parse().unwrap(), &[9; 32]);
    let untrusted = kept.verify(&leaf(3), &[stranger.verifier_key().clone()]);
    assert!(matches!(untrusted, Err(UnprovenError::Untrusted(_))));

    let two = policy("two");
    let verdict = kept.verify_by(&leaf(3), &two, None).unwrap();
    assert_eq!((verdict.count(), verdict.is_quorum()), ((2, 3), true));
    let south = policy("south.example");
    assert_eq!(
        kept.verify_by(&leaf(3), &south, None),
        Err(UnprovenError::NoQuorum)
    );
    let late = Freshness {
        now: TIME + 61,
        max_age: Duration::from_secs(60),
    };
    assert_eq!(
        kept.verify_by(&leaf(3), &two, Some(late)),
        Err(UnprovenError::NoQuorum)
    );
    let not_there = kept.verify_by(&leaf(4), &two, None);
    assert!(matches!(not_there, Err(UnprovenError::NotIncluded(_))));
}

#[test]
fn what_is_no_proof_is_refused_and_where_is_said() {
    let good = proof(3, 7).to_string();
    let hash = format!("{}\n", leaf(0));
    let with_hashes =
        |count| good.replace("index 3\n", &format!("index 3\n{}", hash.repeat(count)));
    assert!(Proof::parse(with_hashes(61).as_bytes()).is_ok());
    for (text, told) in [
        (
            String::new(),
            "the proof has no lines in UTF-8, an empty line and a checkpoint",
        ),
        (
            good.replace("@v1", "@v2"),
            "line 1 of the proof is \"c2sp.org/tlog-proof@v2\", not \"c2sp.org/tlog-proof@v1\"",
        ),
        (
            good.replace("index 3", "extra \nindex 3"),
            "line 2 of the proof: no data in base64 after \"extra \"",
        ),
        (
            good.replace("index 3", "extra a\nindex 3"),
            "line 2 of the proof: no data in base64 after \"extra \"",
        ),
        (
            good.replace("index 3", "extra AA==\nextra AA==\nindex 3"),
            "line 3 of the proof: \"extra AA==\" is not \"index\", a space and a number in decimal, without leading zeros",
        ),
        (
            good.replace("index 3", "index 03"),
            "line 2 of the proof: \"index 03\" is not \"index\", a space and a number in decimal, without leading zeros",
        ),
        (good.replace("index 3\n", ""), "line 2 of the proof: "),
        (
            "c2sp.org/tlog-proof@v1\n\n".to_owned(),
            "line 2 of the proof: \"\" is not \"index\"",
        ),
        (
            good.replace("index 3\n", "index 3\nx\n"),
            "line 3 of the proof: \"x\" is not a hash",
        ),
        (
            good.replace("index 3\n", "extra AA==\nindex 3\nx\n"),
            "line 4 of the proof: \"x\" is not a hash",
        ),
        (with_hashes(62), "the proof has 65 hashes; it may have 64"),
        (
            good.replace("\n7\n", "\n+7\n"),
            "line 2 of the checkpoint: ",
        ),
        (
            format!("{good}\n"),
            "the note has no empty line between a text and signatures",
        ),
        (
            "a".repeat(Proof::MAX_LEN + 1),
            "the proof has 655361 bytes; it may have 655360",
        ),
    ] {
        let error = Proof::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(told), "{text:?}: {error}");
    }
}

proptest! {
    #[test]
    fn proofs_are_read_as_they_were_written(
        extra in prop::option::of(prop::collection::vec(any::<u8>(), 1..100)),
        index: u64,
        length in 0..=64_usize,
    ) {
        let hashes = (0..length as u64).map(leaf).collect();
        let proof = Proof { extra, index, hashes, ..proof(0, 1) };
        let text = proof.to_string();
        prop_assert_eq!(Proof::parse(text.as_bytes()), Ok(proof));
    }
}
