//! Requests to witnesses, and what is decided.

use proptest::prelude::*;
use tauline_log::checkpoint::CosignatureError;
use tauline_log::note::{MAX_SIGNATURES, Signer, VerifierKey, VerifyError};
use tauline_log::tree::{Hash, TreeHead, leaf_hash};
use tauline_log::witness::{self, AddCheckpoint, KnownLog, MAX_PROOF_LINES, Refusal};

use crate::golden::assert_golden;
use crate::keys::{TIME, cosigned, log_keys, origin, signed, tree, witness};

fn request(old: u64, new: u64) -> AddCheckpoint {
    let tree = tree(new);
    AddCheckpoint {
        old,
        proof: tree.snapshot().consistency_from(old).unwrap(),
        checkpoint: signed(tree.head()),
    }
}

fn decide(request: &AddCheckpoint, latest: TreeHead) -> Result<TreeHead, Refusal> {
    let keys = log_keys();
    let log = KnownLog {
        keys: &keys,
        latest,
    };
    witness::decide(request, Some(log))
}

/// The status of the answer to a request, when the witness holds the tree of this size.
fn status(request: &AddCheckpoint, latest: u64) -> u16 {
    match decide(request, tree(latest).head()) {
        Ok(new) => {
            assert_eq!(new, request.checkpoint.unverified().tree);
            200
        }
        Err(refusal) => refusal.status(),
    }
}

#[test]
fn a_request_has_these_bytes() {
    let text = request(5, 7).to_string();
    assert_golden("add-checkpoint", &text);
    assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(request(5, 7)));
}

/// <https://c2sp.org/tlog-witness>, add-checkpoint.
#[test]
fn the_example_of_the_specification_is_read() {
    let text = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";
    let read = AddCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!((read.old, read.proof.len()), (20_852_014, 4));
    assert_eq!(read.checkpoint.unverified().tree.size, 20_852_163);
    assert_eq!(read.to_string(), text);
    let answer = "— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==\n\
        — witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==\n";
    let signatures = witness::signatures_from_text(answer).unwrap();
    assert_eq!(signatures.len(), 2);
    assert_eq!(witness::signatures_to_text(&signatures), answer);
}

#[test]
fn a_tree_that_grew_is_accepted_from_where_the_witness_is() {
    for old in 0..12 {
        for new in old..12 {
            assert_eq!(status(&request(old, new), old), 200, "{old} to {new}");
            for latest in (0..12).filter(|&latest| latest != old) {
                assert_eq!(status(&request(old, new), latest), 409, "{old}, {latest}");
            }
        }
    }
    let refusal = decide(&request(3, 8), tree(5).head());
    assert_eq!(refusal, Err(Refusal::Conflict { old: 3, latest: 5 }));
}

#[test]
fn an_unknown_log_is_answered_404() {
    let refusal = witness::decide(&request(0, 3), None).unwrap_err();
    assert_eq!(refusal.status(), 404);
    assert_eq!(
        refusal.to_string(),
        "no key is known for the log example.com/log"
    );
    // A log without a key of its name is none either.
    let other = Signer::from_seed("example.com/other".parse().unwrap(), &[1; 32]);
    let log = KnownLog {
        keys: &[other.verifier_key().clone()],
        latest: TreeHead::EMPTY,
    };
    let refusal = witness::decide(&request(0, 3), Some(log)).unwrap_err();
    assert_eq!(refusal.status(), 404);
}

#[test]
fn no_signature_of_the_log_or_a_wrong_one_is_answered_403() {
    // Of a key that has the log's name, and is not known.
    let stranger = Signer::from_seed("example.com/log".parse().unwrap(), &[9; 32]);
    let good = request(0, 3);
    let mut unsigned = good.clone();
    unsigned.checkpoint = good
        .checkpoint
        .unverified()
        .clone()
        .sign(&stranger)
        .unwrap();
    assert_eq!(status(&unsigned, 0), 403);
    // The log's, over another tree.
    let text = good.to_string().replace("\n3\n", "\n4\n");
    let forged = AddCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!(status(&forged, 0), 403);
    // Both, before anything else is looked at.
    assert_eq!(status(&forged, 2), 403);
}

#[test]
fn an_old_size_beyond_the_new_one_is_answered_400() {
    let mut back = request(3, 3);
    back.old = 4;
    // Even where the witness holds that size.
    assert_eq!(status(&back, 4), 400);
    assert_eq!(status(&back, 3), 400);
}

#[test]
fn what_is_inconsistent_is_answered_422() {
    // Another root at the same size.
    let mut other = request(3, 3);
    let forked = TreeHead {
        size: 3,
        root: leaf_hash("forked"),
    };
    other.checkpoint = signed(forked);
    assert_eq!(status(&other, 3), 422);
    // A proof that has a wrong hash, one too many, one too few.
    let good = request(3, 7);
    let spoil: [fn(&mut Vec<Hash>); 3] = [
        |proof| proof[0].0[0] ^= 1,
        |proof| proof.push(Hash([0; 32])),
        |proof| _ = proof.pop(),
    ];
    for spoil in spoil {
        let mut spoiled = good.clone();
        spoil(&mut spoiled.proof);
        assert_eq!(status(&spoiled, 3), 422);
    }
    // Another tree than the one that the witness saw.
    let refusal = decide(&good, TreeHead { size: 3, ..forked });
    assert_eq!(refusal.unwrap_err().status(), 422);
    // Nothing is proved from nothing, and from itself.
    for (old, new) in [(0, 3), (3, 3), (0, 0)] {
        let mut more = request(old, new);
        more.proof.push(Hash([0; 32]));
        assert_eq!(status(&more, old), 422, "{old} to {new}");
    }
    // There is one empty tree.
    let mut empty = request(0, 0);
    assert_eq!(status(&empty, 0), 200);
    empty.checkpoint = signed(TreeHead { size: 0, ..forked });
    assert_eq!(status(&empty, 0), 422);
}

#[test]
fn what_is_no_request_is_refused_and_where_is_said() {
    let good = request(5, 7).to_string();
    let checkpoint = signed(tree(7).head()).to_string();
    let hash = leaf_hash("").to_string();
    let with_hashes = |count| format!("old 5\n{}\n{checkpoint}", format!("{hash}\n").repeat(count));
    assert!(AddCheckpoint::parse(with_hashes(MAX_PROOF_LINES).as_bytes()).is_ok());
    for (text, told) in [
        (
            String::new(),
            "the request has no lines in UTF-8, an empty line and a checkpoint",
        ),
        (
            "old 5\n".to_owned(),
            "the request has no lines in UTF-8, an empty line and a checkpoint",
        ),
        (
            good.replace("old 5", "old  5"),
            "line 1 of the request: \"old  5\" is not \"old\", a space and a size in decimal, without leading zeros",
        ),
        (
            good.replace("old 5", "old 05"),
            "line 1 of the request: \"old 05\" is not \"old\", a space and a size in decimal, without leading zeros",
        ),
        (
            good.replace("old 5", "old 5\r"),
            "line 1 of the request: \"old 5\\r\" is not \"old\", a space and a size in decimal, without leading zeros",
        ),
        (
            good.replace("old 5", "OLD 5"),
            "line 1 of the request: \"OLD 5\" is not \"old\", a space and a size in decimal, without leading zeros",
        ),
        (
            format!("\n\n{good}"),
            "line 1 of the request: \"\" is not \"old\", a space and a size in decimal, without leading zeros",
        ),
        (
            good.replace("old 5\n", "old 5\nx\n"),
            "line 2 of the request: \"x\" is not a hash: 32 bytes in base64 are 44 characters, the last of them \"=\"",
        ),
        (
            good.replace("old 5\n", "old 5\n\n"),
            "line 2 of the checkpoint: ",
        ),
        (
            with_hashes(MAX_PROOF_LINES + 1),
            "the proof of the request has 64 hashes; it may have 63",
        ),
        (
            good.replace("\n7\n", "\n07\n"),
            "line 2 of the checkpoint: \"07\" is not a size in decimal, without leading zeros",
        ),
        (
            good.trim_end().to_owned(),
            "the note's last line does not end in a newline",
        ),
        (
            format!("{good}\n"),
            "the note has no empty line between a text and signatures",
        ),
        (
            "a".repeat(AddCheckpoint::MAX_LEN + 1),
            "the request has 528385 bytes; it may have 528384",
        ),
    ] {
        let error = AddCheckpoint::parse(text.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(told), "{text:?}: {error}");
    }
    let not_utf8 = [b"old \xff\n\n", checkpoint.as_bytes()].concat();
    assert!(AddCheckpoint::parse(&not_utf8).is_err());
}

#[test]
fn answers_are_read_as_they_were_written() {
    let tree = tree(3).head();
    let signed = cosigned(tree, &[("north.example", TIME), ("west.example", TIME + 1)]);
    let given = &signed.note().signatures()[1..];
    let text = witness::signatures_to_text(given);
    assert_eq!(witness::signatures_from_text(&text).unwrap(), given);
    assert_eq!(witness::size_from_text(&witness::size_to_text(7)), Ok(7));

    let line = witness::signatures_to_text(&given[..1]);
    for (text, told) in [
        (
            "".to_owned(),
            "the answer is not of lines that end in newlines",
        ),
        (
            line.trim_end().to_owned(),
            "the answer is not of lines that end in newlines",
        ),
        (
            format!("{line}\n"),
            "line 2 of the answer: a signature begins with an em dash and a space",
        ),
        (
            format!("<html>\n{line}"),
            "line 1 of the answer: a signature begins with an em dash and a space",
        ),
        (
            line.repeat(MAX_SIGNATURES + 1),
            "the answer has more than 64 signatures",
        ),
    ] {
        let error = witness::signatures_from_text(&text).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
    assert_eq!(
        witness::signatures_from_text(&line.repeat(MAX_SIGNATURES))
            .unwrap()
            .len(),
        64
    );
    for text in [
        "",
        "\n",
        "7",
        "07\n",
        "7\n\n",
        "7\r\n",
        " 7\n",
        "-7\n",
        "18446744073709551616\n",
    ] {
        assert!(witness::size_from_text(text).is_err(), "{text:?}");
    }
}

/// What a witness answers may hold anything; what goes into the log's checkpoint is its word.
#[test]
fn only_what_a_witness_signed_is_added() {
    let head = tree(3).head();
    let witnesses: Vec<VerifierKey> = ["north.example", "west.example"]
        .map(|name| witness(name).verifier_key().clone())
        .to_vec();
    let answer = cosigned(
        head,
        &[
            ("south.example", TIME),
            ("north.example", TIME),
            ("north.example", TIME + 5),
        ],
    );
    // The log's own signature among them, one of a stranger, and two of one witness.
    let answer = answer.note().signatures();
    assert_eq!(answer.len(), 4);
    let added = signed(head).with_cosignatures(answer, &witnesses).unwrap();
    assert_eq!(added, cosigned(head, &[("north.example", TIME + 5)]));
    // A later answer takes the place of the earlier.
    let later = cosigned(head, &[("north.example", TIME + 9), ("west.example", TIME)]);
    let added = added.with_cosignatures(later.note().signatures(), &witnesses);
    assert_eq!(added, Ok(later.clone()));

    let strangers = &answer[..2];
    let none = signed(head).with_cosignatures(strangers, &witnesses);
    assert_eq!(none, Err(VerifyError::NoKnownSignature.into()));
    // A key of the log is no witness, even where it is given as one.
    let none = signed(head).with_cosignatures(&answer[..1], &log_keys());
    assert_eq!(none, Err(VerifyError::NoKnownSignature.into()));
    let of_other_tree = signed(tree(4).head()).with_cosignatures(answer, &witnesses);
    assert!(matches!(
        of_other_tree,
        Err(CosignatureError::Verify(VerifyError::BadSignature { .. }))
    ));
}

/// `printf example.com/log | sha256sum`
#[test]
fn what_a_witness_saw_last_is_at_the_hash_of_the_origin() {
    assert_eq!(
        witness::monitoring_path(&origin()),
        "4d3203c8f35cdf600e475f55fede6081a703d3d322f208865fca2ec4f0e030f8/checkpoint"
    );
}

/// The whole exchange, and a second one from the state that the first left.
#[test]
fn a_log_is_cosigned_again_and_again() {
    let key = witness("north.example").verifier_key().clone();
    let mut latest = TreeHead::EMPTY;
    for new in [1, 2, 2, 5, 300] {
        let body = request(latest.size, new).to_string();
        let request = AddCheckpoint::parse(body.as_bytes()).unwrap();
        assert_eq!(request.checkpoint.unverified().origin, origin());
        latest = decide(&request, latest).unwrap();
        let checkpoint = request.checkpoint;
        let cosignature = witness("north.example").cosign(checkpoint.unverified(), TIME);
        let cosigned = checkpoint.with(cosignature.unwrap()).unwrap();
        assert_eq!(
            cosigned
                .cosignatures(std::slice::from_ref(&key))
                .unwrap()
                .len(),
            1
        );
    }
}

proptest! {
    #[test]
    fn requests_are_read_as_they_were_written(old: u64, new in 0_u64..500, length in 0..=MAX_PROOF_LINES) {
        let request = AddCheckpoint {
            old,
            proof: (0..length).map(|n| leaf_hash(n.to_string())).collect(),
            checkpoint: signed(tree(new).head()),
        };
        let text = request.to_string();
        prop_assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(request));
    }
}
