//! Contributions that are computed and written part by part are those made at once.

use k256::ecdsa::SigningKey;
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::eth_address;
use tauline_transcript::{
    Base, ContributionForm, ContributionStream, Encoding, UpdateProgress, contribute, verify,
};

use crate::fixtures::{rng, sizes};

const FORMS: [ContributionForm; 3] = [
    ContributionForm::Json,
    ContributionForm::Msgpack(Encoding::Compressed),
    ContributionForm::Msgpack(Encoding::Uncompressed),
];

#[test]
fn the_parts_are_the_document_and_of_the_length_that_was_said() {
    // Lists whose headers in MessagePack have one byte, and three.
    for text in ["2:2", "4:2,15:3,16:15,17:16", "300:65,1000:4"] {
        let sizes = sizes(text);
        let base = Base::initial(&sizes);
        let key = SigningKey::from_slice(&[1; 32]).unwrap();
        let identity = Identity::eth(eth_address(key.verifying_key()));
        for (form, key) in FORMS
            .iter()
            .flat_map(|form| [(form, None), (form, Some(&key))])
        {
            let expected = contribute(&base, &mut rng(1), b"dice", &|_| {}).sign(&identity, key);
            let expected = match form {
                ContributionForm::Json => expected.to_json().unwrap(),
                ContributionForm::Msgpack(encoding) => expected.to_msgpack(*encoding).unwrap(),
            };
            let mut work = ContributionStream::begin(&base, &mut rng(1), b"dice", &identity, key);
            let mut bytes = form.opening(sizes.len()).unwrap();
            for index in 0..sizes.len() {
                let sub = work.next_sub_contribution(form.encoding(), &|_| {});
                bytes.extend(form.sub_contribution(index, &sub.unwrap()).unwrap());
            }
            assert!(
                work.next_sub_contribution(form.encoding(), &|_| {})
                    .is_none()
            );
            bytes.extend(form.closing(work.ecdsa_signature()).unwrap());
            assert_eq!(bytes, expected, "{form:?} of {text}");
            let said = form.document_len(&sizes, key.is_some()).unwrap();
            assert_eq!(said, bytes.len(), "{form:?} of {text}");
        }
    }
}

#[test]
fn progress_goes_from_nothing_to_all_over_the_parts() {
    let sizes = sizes("500:4,1000:4");
    let base = Base::initial(&sizes);
    let identity = Identity::invite("anna").unwrap();
    let mut work = ContributionStream::begin(&base, &mut rng(2), b"", &identity, None);
    let last = std::sync::Mutex::new(0);
    let progress = |progress: UpdateProgress| {
        assert_eq!(progress.total, 1508);
        let mut last = last.lock().unwrap();
        *last = progress.done.max(*last);
    };
    for expected in [504, 1508] {
        work.next_sub_contribution(Encoding::Compressed, &progress);
        assert_eq!(*last.lock().unwrap(), expected);
    }
}

#[test]
fn no_two_contributions_have_a_secret_in_common() {
    let sizes = sizes("4:2,8:2");
    let base = Base::initial(&sizes);
    let identity = Identity::invite("anna").unwrap();
    let mut rng = rng(3);
    let keys: Vec<_> = (0..2)
        .flat_map(|_| {
            let work = ContributionStream::begin(&base, &mut rng, b"", &identity, None);
            work.pot_pubkeys().to_vec()
        })
        .collect();
    for (i, key) in keys.iter().enumerate() {
        assert!(!keys[..i].contains(key));
    }
}

#[test]
fn what_was_made_in_parts_verifies() {
    let sizes = sizes("16:4,32:4");
    let base = Base::initial(&sizes);
    let identity = Identity::invite("anna").unwrap();
    let mut work = ContributionStream::begin(&base, &mut rng(4), b"", &identity, None);
    let sub_contributions =
        std::iter::from_fn(|| work.next_sub_contribution(Encoding::Compressed, &|_| {})).collect();
    let document = tauline_transcript::RawContribution {
        sub_contributions,
        ecdsa_signature: None,
    };
    let mut verified = verify(&base, &document, &mut rng(5)).unwrap();
    verified.prune_signatures(&identity);
    let mut witness = verified.witness().iter();
    assert!(witness.all(|entry| entry.bls_signature.is_some()));
}
