//! Published transcripts.

use crate::history::*;
use crate::support::data_file;
use tauline_transcript::Sizes;
use tauline_transcript::transcript::*;

#[test]
fn the_truncated_test_phase_is_refused_for_its_last_products_alone() {
    let Some(bytes) = data_file("transcripts/truncated_test_phase_10.json") else {
        return;
    };
    let full = Sizes::ethereum();
    let options = Options {
        sizes: ExpectedSizes::AsStated,
        signed_sizes: Some(full.iter().collect()),
    };
    let refused = refused_with(&bytes, &options);
    let last_products = (0..4).map(|sub| (Some(sub), "LastProduct", None));
    assert_eq!(faults(&refused), last_products.collect::<Vec<_>>());
    for failure in &refused.failures {
        let text = failure.to_string();
        assert!(
            text.ends_with(": the last running product does not match the powers"),
            "{text}"
        );
    }
    let report = &refused.report;
    assert_eq!(report.contributions, 9);
    assert_eq!(
        report
            .sub_ceremonies
            .iter()
            .map(|it| it.links_valid)
            .sum::<u64>(),
        36
    );
    let bls = report.sub_ceremonies.iter().map(|it| it.bls_signatures);
    assert_eq!(bls.clone().map(|it| it.valid).sum::<u64>(), 16);
    assert_eq!(bls.map(|it| it.invalid).sum::<u64>(), 0);
    assert_eq!(
        report.ecdsa_signatures,
        Tally {
            valid: 4,
            invalid: 0,
            absent: 5
        }
    );

    // As a transcript of Ethereum's ceremony it has the wrong sizes as well.
    let refused = refused_with(&bytes, &Options::default());
    assert_eq!(refused.failure_count, 8);
    assert_eq!(refused.report.ecdsa_signatures.valid, 4);
}

#[test]
fn the_chain_of_small_bad_signatures_holds_and_no_signature_does() {
    let Some(bytes) = data_file("transcripts/small_bad_signatures.json") else {
        return;
    };
    let refused = refused_with(&bytes, &as_stated());
    let report = &refused.report;
    for sub in &report.sub_ceremonies {
        assert_eq!(sub.links_valid, 5);
        assert_eq!(sub.bls_signatures.valid, 0);
        assert!(sub.bls_signatures.invalid > 0);
        assert_eq!(sub.no_entropy_entries, [2]);
    }
    assert_eq!(report.ecdsa_signatures.valid, 0);
    assert!(report.ecdsa_signatures.invalid > 0);
    // What refuses it: it starts elsewhere, lists differ in length, one size is impossible.
    let codes: std::collections::BTreeSet<_> = refused
        .failures
        .iter()
        .map(TranscriptFailure::code)
        .collect();
    assert!(!codes.contains("UpdateProof"), "{codes:?}");
    assert!(
        codes.contains("Start") && codes.contains("ListLength"),
        "{codes:?}"
    );
    assert!(codes.contains("ImpossibleSize"), "{codes:?}");
}
