//! Checkpoints and cosignatures.

use tauline_log::checkpoint::{
    Checkpoint, Cosigner, Origin, SignError, SignedCheckpoint, UntrustedError,
};
use tauline_log::note::{Note, Signer, VerifyError};
use tauline_log::tree::{Hash, Tree, TreeHead};

use crate::golden::assert_golden;

const TIME: u64 = 1_790_000_000;

fn log() -> Signer {
    Signer::from_seed("example.com/log".parse().unwrap(), &[1; 32])
}

fn witness() -> Cosigner {
    Cosigner::from_seed("witness.example/w1".parse().unwrap(), &[2; 32])
}

fn origin() -> Origin {
    "example.com/log".parse().unwrap()
}

fn tree() -> TreeHead {
    Tree::from_leaf_hashes([Hash([1; 32]), Hash([2; 32])]).head()
}

fn signed() -> SignedCheckpoint {
    Checkpoint::new(origin(), tree()).sign(&log()).unwrap()
}

fn cosigned() -> SignedCheckpoint {
    let cosignature = witness().cosign(signed().unverified(), TIME).unwrap();
    signed().with(cosignature).unwrap()
}

/// The bytes that leave a process. Signatures are deterministic.
#[test]
fn a_cosigned_checkpoint_has_these_bytes() {
    let text = cosigned().to_string();
    assert_golden("checkpoint", &text);
    assert_eq!(SignedCheckpoint::parse(text.as_bytes()), Ok(cosigned()));
}

/// <https://c2sp.org/tlog-checkpoint> and <https://c2sp.org/tlog-cosignature>, whose keys are not
/// published.
#[test]
fn the_example_of_the_specification_is_read() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let read = SignedCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!(read.to_string(), text);
    let checkpoint = read.unverified();
    assert_eq!(checkpoint.origin.as_str(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.tree.size, 20_852_163);
    assert_eq!(read.note().signatures()[1].id().to_string(), "8d66cf3f");
    // The time of the example in the specification: 1679315147.
    assert_eq!(
        read.note().signatures()[1].bytes()[..8],
        1_679_315_147_u64.to_be_bytes()
    );
}

#[test]
fn a_log_is_believed_by_its_key_a_witness_by_its_own() {
    let checkpoint = cosigned();
    let log_key = log().verifier_key().clone();
    let witness_key = witness().verifier_key().clone();
    let believed = checkpoint.verify(std::slice::from_ref(&log_key));
    assert_eq!(believed.unwrap().tree, tree());
    let witnesses = [witness_key.clone()];
    let by_witness = checkpoint.cosignatures(&witnesses).unwrap();
    assert_eq!(by_witness.len(), 1);
    assert_eq!(
        (by_witness[0].key, by_witness[0].time),
        (&witness_key, TIME)
    );

    // Neither stands for the other.
    let unknown = Err(UntrustedError::UnknownLog(origin()));
    assert_eq!(checkpoint.verify(&[witness_key]), unknown);
    assert_eq!(checkpoint.verify(&[]), unknown);
    assert_eq!(checkpoint.cosignatures(&[log_key]), Ok(vec![]));
    assert_eq!(signed().cosignatures(&witnesses), Ok(vec![]));
}

/// A cosignature of type 04 by a key that has the log's name is not the log's signature.
#[test]
fn a_cosignature_is_not_the_logs_signature() {
    let cosigner = Cosigner::from_seed("example.com/log".parse().unwrap(), &[1; 32]);
    assert_ne!(cosigner.verifier_key().id(), log().verifier_key().id());
    let checkpoint = Checkpoint::new(origin(), tree());
    let cosignature = cosigner.cosign(&checkpoint, TIME).unwrap();
    let text = format!("{checkpoint}\n{cosignature}\n");
    let only_cosigned = SignedCheckpoint::parse(text.as_bytes()).unwrap();
    let keys = [
        cosigner.verifier_key().clone(),
        log().verifier_key().clone(),
    ];
    let error = UntrustedError::Signature {
        origin: origin(),
        error: VerifyError::NoKnownSignature,
    };
    assert_eq!(only_cosigned.verify(&keys), Err(error));
}

#[test]
fn a_key_signs_its_own_log_only() {
    let other = Signer::from_seed("example.com/other".parse().unwrap(), &[1; 32]);
    let refused = Checkpoint::new(origin(), tree()).sign(&other);
    assert!(matches!(refused, Err(SignError::OtherLog { .. })));
    // Nor is a key of another name believed, whatever it signed.
    let note = Note::signed(signed().note().text(), &other).unwrap();
    let foreign = SignedCheckpoint::parse(note.to_string().as_bytes()).unwrap();
    let keys = [other.verifier_key().clone()];
    assert_eq!(
        foreign.verify(&keys),
        Err(UntrustedError::UnknownLog(origin()))
    );
}

#[test]
fn every_changed_bit_of_a_cosigned_checkpoint_is_noticed() {
    let text = cosigned().to_string();
    let log = [log().verifier_key().clone()];
    let witnesses = [witness().verifier_key().clone()];
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let is_believed = SignedCheckpoint::parse(&bytes).is_ok_and(|checkpoint| {
                let cosigned = checkpoint.cosignatures(&witnesses);
                checkpoint.verify(&log).is_ok() && cosigned.is_ok_and(|found| found.len() == 1)
            });
            assert!(!is_believed, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_cosignature_has_a_time_below_2_to_the_63() {
    let checkpoint = Checkpoint::new(origin(), tree());
    for time in [0, TIME, i64::MAX as u64] {
        let cosignature = witness().cosign(&checkpoint, time).unwrap();
        let cosigned = signed().with(cosignature).unwrap();
        let witnesses = [witness().verifier_key().clone()];
        assert_eq!(cosigned.cosignatures(&witnesses).unwrap()[0].time, time);
    }
    let refused = witness().cosign(&checkpoint, 1 << 63).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "9223372036854775808 is not a time of a cosignature, in Unix seconds: the latest is 2^63 - 1"
    );
}

/// Extension lines of other logs are part of what is signed and cosigned.
#[test]
fn extension_lines_are_signed() {
    let text = format!(
        "{}one more\nand another\n",
        Checkpoint::new(origin(), tree())
    );
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.extensions(), ["one more", "and another"]);
    assert_eq!(checkpoint.to_string(), text);
    let cosignature = witness().cosign(&checkpoint, TIME).unwrap();
    let signed = checkpoint.sign(&log()).unwrap().with(cosignature).unwrap();
    let witnesses = [witness().verifier_key().clone()];
    assert_eq!(signed.cosignatures(&witnesses).unwrap().len(), 1);
    let without = signed.to_string().replace("and another\n", "");
    let without = SignedCheckpoint::parse(without.as_bytes()).unwrap();
    assert!(without.verify(&[log().verifier_key().clone()]).is_err());
    assert!(without.cosignatures(&witnesses).is_err());
}

#[test]
fn what_is_no_checkpoint_is_refused_and_where_is_said() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for (text, told) in [
        (
            "".to_owned(),
            "the checkpoint's last line does not end in a newline",
        ),
        (
            "\n".to_owned(),
            "a checkpoint has at least three lines: origin, size, root; this has 1",
        ),
        (
            "a\n1\n".to_owned(),
            "a checkpoint has at least three lines: origin, size, root; this has 2",
        ),
        (
            format!("a\n1\n{root}"),
            "the checkpoint's last line does not end in a newline",
        ),
        (
            format!("\n1\n{root}\n"),
            "line 1 of the checkpoint: \"\" is no origin of a log: it is empty, or has a control character",
        ),
        (
            format!("a\r\n1\n{root}\n"),
            "line 1 of the checkpoint: \"a\\r\" is no origin of a log: it is empty, or has a control character",
        ),
        (
            format!("a\n01\n{root}\n"),
            "line 2 of the checkpoint: \"01\" is not a size in decimal, without leading zeros",
        ),
        (
            format!("a\n+1\n{root}\n"),
            "line 2 of the checkpoint: \"+1\" is not a size in decimal, without leading zeros",
        ),
        (
            format!("a\n18446744073709551616\n{root}\n"),
            "line 2 of the checkpoint: \"18446744073709551616\" is not a size in decimal, without leading zeros",
        ),
        (
            format!("a\n1\n{}\n", &root[1..]),
            "line 3 of the checkpoint: \"sUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\" is not a hash: 32 bytes in base64 are 44 characters, the last of them \"=\"",
        ),
        (
            format!("a\n1\n{}\n", root.replace("2I=", "2J=")),
            "line 3 of the checkpoint: \"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\" is not a hash: 32 bytes in base64 are 44 characters, the last of them \"=\"",
        ),
        (
            format!("a\n1\n{root}\n\n"),
            "line 4 of the checkpoint is empty, or has a control character",
        ),
        (
            format!("a\n1\n{root}\nok\n\t\n"),
            "line 5 of the checkpoint is empty, or has a control character",
        ),
    ] {
        assert_eq!(
            Checkpoint::parse(&text).unwrap_err().to_string(),
            told,
            "{text:?}"
        );
    }
}
