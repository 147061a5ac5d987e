//! What can be told of a transcript from the places and lengths of its lists.

use crate::transcript::options::ExpectedSizes;
use crate::transcript::read::index::{Index, ListPlace};
use crate::transcript::report::failure::{Failures, ListName, TranscriptCheck};

/// The number of entries that all lists must have.
pub(crate) fn entries(index: &Index) -> u64 {
    index.subs.first().map_or(0, |sub| sub.running_products.len)
}

/// The sub-ceremonies are the ceremony's, no more, no fewer, in its order (check 1)
/// (`docs/spec/ceremony.md#transcript-sizes`).
pub(crate) fn check_sizes(index: &Index, expected: &ExpectedSizes, failures: &mut Failures) {
    let got = index.subs.len();
    match expected {
        ExpectedSizes::These(sizes) if sizes.len() != got => {
            let check = TranscriptCheck::SubCeremonyCount {
                expected: sizes.len(),
                got,
            };
            failures.push(None, None, check);
        }
        ExpectedSizes::AsStated if got == 0 => {
            failures.push(
                None,
                None,
                TranscriptCheck::SubCeremonyCount { expected: 1, got },
            );
        }
        _ => {}
    }
    for (i, sub) in index.subs.iter().enumerate() {
        let (g1, g2) = (sub.num_g1_powers, sub.num_g2_powers);
        let stated = sub.sub_ceremony(i);
        if stated.size.check().is_err() {
            failures.push(
                Some(stated),
                None,
                TranscriptCheck::ImpossibleSize { g1, g2 },
            );
        }
        if let ExpectedSizes::These(sizes) = expected
            && let Some(expected) = sizes.size(i)
            && expected != stated.size
        {
            failures.push(
                Some(stated),
                None,
                TranscriptCheck::Size { expected, g1, g2 },
            );
        }
    }
}

/// All lists of witnesses and participants are equally long, and not empty
/// (`docs/spec/ceremony.md#transcript-lengths`).
pub(crate) fn check_lengths(index: &Index, failures: &mut Failures) {
    let expected = entries(index);
    if expected == 0 {
        failures.push(None, None, TranscriptCheck::Empty);
    }
    let mut check = |sub_ceremony, list, got: ListPlace| {
        if got.len != expected {
            let check = TranscriptCheck::ListLength {
                list,
                expected,
                got: got.len,
            };
            failures.push(sub_ceremony, None, check);
        }
    };
    for (i, sub) in index.subs.iter().enumerate() {
        let name = Some(sub.sub_ceremony(i));
        check(name, ListName::RunningProducts, sub.running_products);
        check(name, ListName::PotPubkeys, sub.pot_pubkeys);
        check(name, ListName::BlsSignatures, sub.bls_signatures);
    }
    check(None, ListName::ParticipantIds, index.participant_ids);
    check(
        None,
        ListName::ParticipantEcdsaSignatures,
        index.ecdsa_signatures,
    );
}
