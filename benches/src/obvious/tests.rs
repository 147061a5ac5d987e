//! The baseline accepts and refuses what the verifier does: else it would be no baseline.

use anyhow::Result;
use blstrs::{G1Affine, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use tauline_transcript::transcript::{ExpectedSizes, Options};
use tauline_transcript::{Base, RawContribution, Sizes, contribute_with, verify};

use super::*;
use crate::transcripts::transcript;
use crate::turns::{Turn, base_after_one, known_scalar, point_outside, secret};

fn sizes() -> Sizes {
    "40:4,90:4".parse().expect("sizes")
}

/// What either verifier says, the obvious one by the text of its error.
fn verdicts(turn: &Turn) -> (Option<&'static str>, Option<String>, Option<String>) {
    let document = RawContribution::from_json(&turn.json).expect("a document");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let ours = verify(&turn.base, &document, &mut rng);
    let text = |result: Result<()>| result.err().map(|error| error.to_string());
    (
        ours.err().map(|invalid| invalid.code()),
        text(verify_json(&turn.base, &turn.json)),
        text(verify_msgpack(&turn.base, &turn.uncompressed)),
    )
}

#[test]
fn valid_contributions_are_accepted() {
    let base = base_after_one(&sizes()).expect("a base");
    let common = Turn::common(&base);
    let same = Turn::with_tau(&base, &Scalar::ONE);
    let opposite = Turn::with_tau(&base, &-Scalar::ONE);
    for turn in [common, same, opposite] {
        assert_eq!(verdicts(&turn.expect("a turn")), (None, None, None));
    }
}

#[test]
fn wrong_contributions_are_refused() {
    let base = base_after_one(&sizes()).expect("a base");
    let turn = Turn::common(&base).expect("a turn");
    for (last, check) in [
        (G1Affine::generator(), "check 6"),
        (point_outside().expect("a point"), "check 3"),
    ] {
        let wrong = turn.with_last_power(&last).expect("a document");
        let (ours, json, msgpack) = verdicts(&wrong);
        assert!(ours.is_some());
        assert_eq!(
            (json.as_deref(), msgpack.as_deref()),
            (Some(check), Some(check))
        );
    }
    // Another's contribution: the update is not proven.
    let stale = Turn {
        base: Base::initial(&sizes()),
        ..turn
    };
    assert_eq!(verdicts(&stale).1.as_deref(), Some("check 5"));
}

#[test]
fn work_of_a_participant_is_the_same() {
    let base = base_after_one(&sizes()).expect("a base");
    let scalars = [7, 8].map(|n| known_scalar(n).expect("a scalar"));
    let secrets = scalars.iter().map(secret).collect::<Result<_>>();
    let update = contribute_with(&base, secrets.expect("secrets"), &|_| ()).expect("two secrets");
    let powers = contribute(&base, &scalars);
    for (ours, (g1, g2)) in update.base().powers().iter().zip(&powers) {
        assert!(ours.g1().iter().map(AsRef::as_ref).eq(g1));
        assert!(ours.g2().iter().map(AsRef::as_ref).eq(g2));
    }
}

#[test]
fn transcripts_are_accepted_and_refused() {
    let document = transcript(&sizes(), 5).expect("a transcript");
    let options = Options {
        sizes: ExpectedSizes::These(sizes()),
        ..Options::default()
    };
    let verify_ours = |document: &[u8]| {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        tauline_transcript::transcript::verify_transcript(document, &options, &mut rng, &|_| ())
    };
    let report = verify_ours(&document).expect("valid");
    assert_eq!(report.contributions, 5);
    assert_eq!(report.ecdsa_signatures.valid, 5);
    assert!(
        report
            .sub_ceremonies
            .iter()
            .all(|sub| sub.bls_signatures.valid == 5)
    );
    verify_transcript(&document).expect("valid");

    // Two entries change places.
    let mut value: serde_json::Value = serde_json::from_slice(&document).expect("JSON");
    let products = &mut value["transcripts"][1]["witness"]["runningProducts"];
    products.as_array_mut().expect("a list").swap(2, 3);
    let wrong = value.to_string();
    assert!(verify_ours(wrong.as_bytes()).is_err());
    assert_eq!(
        verify_transcript(wrong.as_bytes())
            .err()
            .map(|it| it.to_string()),
        Some("update".into())
    );
}
