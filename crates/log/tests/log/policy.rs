//! Policies.

use std::time::Duration;

use proptest::prelude::*;
use tauline_log::checkpoint::{Cosigner, SignedCheckpoint, UntrustedError};
use tauline_log::note::Signer;
use tauline_log::policy::{Freshness, MAX_NAMES, MAX_POLICY_LEN, Policy, PolicyError};

use crate::golden::assert_golden;
use crate::keys::{TIME, WITNESSES, cosigned, log, signed, tree, witness};

/// The log, the witnesses by a letter each (`n`, `s`, `w`), and what follows.
fn text(rest: &str) -> String {
    let mut text = format!("log {} https://example.com/log/\n", log().verifier_key());
    for name in WITNESSES {
        text += &format!("witness {} {}\n", &name[..1], witness(name).verifier_key());
    }
    text + rest
}

fn policy(rest: &str) -> Policy {
    Policy::parse(text(rest).as_bytes()).unwrap()
}

fn error(rest: &str) -> String {
    Policy::parse(text(rest).as_bytes())
        .unwrap_err()
        .to_string()
}

/// A checkpoint that is cosigned by the witnesses of these letters.
fn by(letters: &str) -> SignedCheckpoint {
    let names = WITNESSES.iter().filter(|name| letters.contains(&name[..1]));
    let by: Vec<(&str, u64)> = names.map(|name| (*name, TIME)).collect();
    cosigned(tree(3).head(), &by)
}

#[test]
fn a_policy_is_written_in_these_bytes() {
    let extra = Cosigner::from_seed("witness.example".parse().unwrap(), &[9; 32]);
    let policy = policy(&format!(
        "  # a comment\n\n \t \ngroup two 2 n s\n\
         witness\t extra {}  https://witness.example/ \n\
         group all-of all two w extra\ngroup one any all-of\nquorum one\n",
        extra.verifier_key()
    ));
    assert_golden("policy", policy.to_bytes());
    assert_eq!(Policy::parse(&policy.to_bytes()), Ok(policy.clone()));
    assert_eq!(policy.witnesses().len(), 4);
    assert_eq!(
        policy.logs()[0].url.as_deref(),
        Some("https://example.com/log/")
    );
}

/// Every quorum with every set of witnesses.
#[test]
fn a_quorum_is_met_by_whom_it_names() {
    let sets = ["", "n", "s", "w", "ns", "nw", "sw", "nsw"];
    for (quorum, met_by) in [
        ("quorum none\n", &sets[..]),
        ("quorum n\n", &["n", "ns", "nw", "nsw"]),
        (
            "group g any n s\nquorum g\n",
            &["n", "s", "ns", "nw", "sw", "nsw"],
        ),
        (
            "group g 1 n s w\nquorum g\n",
            &["n", "s", "w", "ns", "nw", "sw", "nsw"],
        ),
        ("group g 2 n s w\nquorum g\n", &["ns", "nw", "sw", "nsw"]),
        ("group g 3 n s w\nquorum g\n", &["nsw"]),
        ("group g all n s w\nquorum g\n", &["nsw"]),
        (
            "group g any n s\ngroup h all g w\nquorum h\n",
            &["nw", "sw", "nsw"],
        ),
        (
            "group g all n s\ngroup h any g w\nquorum h\n",
            &["w", "ns", "nw", "sw", "nsw"],
        ),
        // A group that is defined, and is not the quorum, means nothing.
        ("group g all n s w\nquorum w\n", &["w", "nw", "sw", "nsw"]),
    ] {
        let policy = policy(quorum);
        for set in sets {
            let checkpoint = by(set);
            let verdict = policy.judge(&checkpoint, None).unwrap();
            assert_eq!(verdict.count(), (set.len(), 3));
            assert_eq!(verdict.is_quorum(), met_by.contains(&set), "{quorum} {set}");
        }
    }
}

#[test]
fn only_a_log_of_the_policy_is_believed() {
    let policy = policy("quorum none\n");
    let checkpoint = by("n");
    let verdict = policy.judge(&checkpoint, None).unwrap();
    assert_eq!(verdict.checkpoint().tree, tree(3).head());
    assert_eq!(verdict.log(), &policy.logs()[0]);

    let other = Signer::from_seed("example.com/other".parse().unwrap(), &[1; 32]);
    let mut of_other = checkpoint.unverified().clone();
    of_other.origin = other.verifier_key().name().into();
    let of_other = of_other.sign(&other).unwrap();
    let unknown = UntrustedError::UnknownLog(other.verifier_key().name().into());
    assert_eq!(policy.judge(&of_other, None), Err(unknown));
    let no_logs = Policy::parse(b"quorum none\n").unwrap();
    assert!(matches!(
        no_logs.judge(&checkpoint, None),
        Err(UntrustedError::UnknownLog(_))
    ));
}

/// While a log changes its key, there are two of one name.
#[test]
fn either_key_of_a_log_is_enough() {
    let new = Signer::from_seed("example.com/log".parse().unwrap(), &[9; 32]);
    let both = policy(&format!("log {}\nquorum none\n", new.verifier_key()));
    let old_signed = by("");
    let new_signed = old_signed.unverified().clone().sign(&new).unwrap();
    assert_eq!(
        both.judge(&old_signed, None).unwrap().log(),
        &both.logs()[0]
    );
    assert_eq!(
        both.judge(&new_signed, None).unwrap().log(),
        &both.logs()[1]
    );
}

/// The policy names the log by a key that was replaced.
#[test]
fn witnesses_are_counted_whoever_has_signed() {
    let policy = policy("group g 2 n s w\nquorum g\n");
    let new = Signer::from_seed("example.com/log".parse().unwrap(), &[9; 32]);
    let signed = by("").unverified().clone().sign(&new).unwrap();
    let signed = WITNESSES[..2].iter().fold(signed, |signed, name| {
        let cosignature = witness(name).cosign(signed.unverified(), TIME).unwrap();
        signed.with(cosignature).unwrap()
    });
    assert!(policy.judge(&signed, None).is_err());
    let cosigners = policy.cosigners(&signed, None).unwrap();
    assert_eq!((cosigners.count(), cosigners.is_quorum()), ((2, 3), true));
}

#[test]
fn a_wrong_cosignature_is_not_passed_over() {
    let policy = policy("quorum none\n");
    // Of a witness of the policy, over another tree.
    let other = cosigned(tree(4).head(), &[("south.example", TIME)]);
    let wrong = other.note().signatures()[1].clone();
    let forged = by("n").with(wrong).unwrap();
    assert!(matches!(
        policy.judge(&forged, None),
        Err(UntrustedError::Signature { .. })
    ));
}

#[test]
fn a_cosignature_counts_while_it_is_fresh() {
    let policy = policy("quorum n\n");
    let checkpoint = by("n");
    for (now, counts) in [
        (TIME - 61, false),
        (TIME - 60, true),
        (TIME, true),
        (TIME + 60, true),
        (TIME + 61, false),
        (0, false),
        (u64::MAX, false),
    ] {
        let max_age = Duration::from_secs(60);
        let freshness = Some(Freshness { now, max_age });
        let verdict = policy.judge(&checkpoint, freshness).unwrap();
        assert_eq!(verdict.is_quorum(), counts, "{now}");
        assert_eq!(verdict.count(), (usize::from(counts), 3));
        // It is told all the same, with its time.
        let cosigned = verdict.cosigned();
        assert_eq!(cosigned.len(), 1);
        assert_eq!((cosigned[0].time, cosigned[0].counts), (TIME, counts));
        assert_eq!(cosigned[0].witness.name, b"n");
    }
}

#[test]
fn the_latest_of_a_witness_counts_and_counts_once() {
    let policy = policy("group g 2 n s w\nquorum g\n");
    let head = tree(3).head();
    let twice = [
        ("north.example", TIME - 500),
        ("north.example", TIME),
        ("north.example", TIME - 9),
    ];
    let checkpoint = cosigned(head, &twice);
    let freshness = Freshness {
        now: TIME + 5,
        max_age: Duration::from_secs(60),
    };
    let verdict = policy.judge(&checkpoint, Some(freshness)).unwrap();
    assert_eq!((verdict.count(), verdict.is_quorum()), ((1, 3), false));
    assert_eq!(verdict.cosigned()[0].time, TIME);
}

#[test]
fn what_is_no_policy_is_refused_and_where_is_said() {
    let key = witness("north.example").verifier_key().to_string();
    let log_key = log().verifier_key().to_string();
    // Another name, the same key.
    let renamed = Cosigner::from_seed("other.example".parse().unwrap(), &[2; 32]);
    let renamed = renamed.verifier_key();
    for (rest, told) in [
        (
            "",
            "the policy has no line \"quorum NAME\"; \"quorum none\" asks for no cosignature",
        ),
        (
            "quorum n",
            "the policy's last line does not end in a newline",
        ),
        (
            "quorum\n",
            "line 5 of the policy: it is to be \"quorum NAME\"",
        ),
        (
            "quorum n s\n",
            "line 5 of the policy: it is to be \"quorum NAME\"",
        ),
        (
            "quorum x\n",
            "line 5 of the policy: no witness or group \"x\" is defined above",
        ),
        (
            "quorum g\ngroup g any n\n",
            "line 5 of the policy: no witness or group \"g\" is defined above",
        ),
        (
            "quorum none\nquorum none\n",
            "line 6 of the policy: there is a quorum already",
        ),
        (
            "\n# x\nquorums n\n",
            "line 7 of the policy: \"quorums\" is not \"log\", \"witness\", \"group\" or \"quorum\"",
        ),
        (
            "quorum none # why\n",
            "line 5 of the policy: it is to be \"quorum NAME\"",
        ),
        (
            "quorum none\r\n",
            "line 5 of the policy: it has the control character 0x0d",
        ),
        (
            "quorum none\0\n",
            "line 5 of the policy: it has the control character 0x00",
        ),
        (
            "# \u{7f}\n",
            "line 5 of the policy: it has the control character 0x7f",
        ),
        (
            "group g\n",
            "line 5 of the policy: it is to be \"group NAME all|any|K NAME...\"",
        ),
        (
            "group g any\n",
            "line 5 of the policy: it is to be \"group NAME all|any|K NAME...\"",
        ),
        (
            "group g 0 n\n",
            "line 5 of the policy: \"0\" is not \"all\", \"any\" or a number from 1 to 1",
        ),
        (
            "group g 3 n s\n",
            "line 5 of the policy: \"3\" is not \"all\", \"any\" or a number from 1 to 2",
        ),
        (
            "group g 01 n s\n",
            "line 5 of the policy: \"01\" is not \"all\", \"any\" or a number from 1 to 2",
        ),
        (
            "group g most n s\n",
            "line 5 of the policy: \"most\" is not \"all\", \"any\" or a number from 1 to 2",
        ),
        (
            "group g any n none\n",
            "line 5 of the policy: no witness or group \"none\" is defined above",
        ),
        (
            "group g any g\n",
            "line 5 of the policy: no witness or group \"g\" is defined above",
        ),
        (
            "group g any n n\n",
            "line 5 of the policy: \"n\" is already a member of a group",
        ),
        (
            "group g any n\ngroup h any n\n",
            "line 6 of the policy: \"n\" is already a member of a group",
        ),
        (
            "group n any s\n",
            "line 5 of the policy: the name \"n\" is taken",
        ),
        (
            "group none any s\n",
            "line 5 of the policy: the name \"none\" is taken",
        ),
        (
            "log\n",
            "line 5 of the policy: it is to be \"log KEY [URL]\"",
        ),
        (
            "log a b c\n",
            "line 5 of the policy: it is to be \"log KEY [URL]\"",
        ),
        (
            "log a\n",
            "line 5 of the policy: a verifier key is NAME+ID+BASE64, and \"a\" is not",
        ),
        (
            &format!("log {log_key}\n"),
            "line 5 of the policy: the key of example.com/log was there before",
        ),
        (
            &format!("log {key}\n"),
            "line 5 of the policy: the key of north.example is of type 0x04, and is to be of type 0x01",
        ),
        (
            &format!("witness x {log_key}\n"),
            "line 5 of the policy: the key of example.com/log is of type 0x01, and is to be of type 0x04",
        ),
        (
            &format!("witness x {key}\n"),
            "line 5 of the policy: the key of north.example was there before",
        ),
        (
            &format!("witness x {renamed}\n"),
            "line 5 of the policy: the key of other.example was there before",
        ),
        (
            "witness x\n",
            "line 5 of the policy: it is to be \"witness NAME KEY [URL]\"",
        ),
    ] {
        assert_eq!(error(rest), told, "{rest:?}");
    }
    assert_eq!(Policy::parse(b""), Err(PolicyError::NoQuorum));
    assert_eq!(
        Policy::parse(b"quorum none\n").unwrap().to_bytes(),
        b"quorum none\n"
    );
    let long = vec![b'#'; MAX_POLICY_LEN + 1];
    assert_eq!(Policy::parse(&long), Err(PolicyError::TooLong(long.len())));
}

#[test]
fn a_witness_is_not_defined_twice_and_names_are_octets() {
    let key = |seed: u8| {
        let cosigner = Cosigner::from_seed("x.example".parse().unwrap(), &[seed; 32]);
        cosigner.verifier_key().to_string()
    };
    assert_eq!(
        error(&format!("witness n {}\n", key(9))),
        "line 5 of the policy: the name \"n\" is taken"
    );
    // K, and the sign for kelvin: two names.
    let two = format!(
        "witness K {}\nwitness \u{212a} {}\ngroup g all K \u{212a}\nquorum g\n",
        key(8),
        key(9)
    );
    assert_eq!(policy(&two).witnesses().len(), 5);
    // Octets that are no UTF-8 are a name, and no key.
    let octets = [b"witness \xff ", key(9).as_bytes(), b"\nquorum \xff\n"].concat();
    let read = Policy::parse(&octets).unwrap();
    assert_eq!(read.to_bytes(), octets);
    let error = Policy::parse(b"log \xff\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1 of the policy: \"\u{fffd}\" is not UTF-8"
    );
}

#[test]
fn a_policy_has_at_most_256_groups() {
    let groups = |count: usize| {
        let mut text = text("group g0 any n\n");
        for place in 1..count {
            text += &format!("group g{place} any g{}\n", place - 1);
        }
        text + &format!("quorum g{}\n", count - 1)
    };
    let deepest = Policy::parse(groups(MAX_NAMES).as_bytes()).unwrap();
    assert!(deepest.judge(&by("n"), None).unwrap().is_quorum());
    assert!(
        !deepest
            .judge(&signed(tree(3).head()), None)
            .unwrap()
            .is_quorum()
    );
    let error = Policy::parse(groups(MAX_NAMES + 1).as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 261 of the policy: it is one too many: a policy may have 256"
    );
}

proptest! {
    #[test]
    fn what_is_read_as_a_policy_is_written_and_read_again(
        lines in prop::collection::vec("(group|quorum|#|)[ \t]{1,2}[ghns]?[ \t]([12]|any|all)?( [ghnsw]){0,3}", 0..6),
        quorum in "[nswgh]|none",
    ) {
        let text = text(&format!("{}\nquorum {quorum}\n", lines.join("\n")));
        if let Ok(policy) = Policy::parse(text.as_bytes()) {
            let written = policy.to_bytes();
            prop_assert_eq!(Policy::parse(&written), Ok(policy.clone()));
            prop_assert_eq!(Policy::parse(&written).unwrap().to_bytes(), written);
        }
    }
}
