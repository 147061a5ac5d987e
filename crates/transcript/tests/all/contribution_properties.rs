//! What holds for every contribution and for every run of bytes. Failing cases are printed with
//! the values that reproduce them.

use proptest::prelude::*;
use tauline_transcript::{
    Base, Encoding, RawContribution, RawPoint, RawPoints, Size, Sizes, contribute, verify,
    verify_base,
};

use crate::fixtures::{next_turn, rng};

/// Up to three sub-ceremonies of different small sizes.
fn any_sizes() -> impl Strategy<Value = Sizes> {
    prop::collection::btree_map(2..40_usize, 2..8_usize, 1..4).prop_map(|sizes| {
        let sizes = sizes
            .into_iter()
            .map(|(g1, g2)| Size { g1, g2: g2.min(g1) });
        Sizes::new(sizes.collect()).unwrap()
    })
}

fn any_encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![Just(Encoding::Compressed), Just(Encoding::Uncompressed)]
}

/// `bytes` with one bit changed, and the number of the point it is in.
fn flip_bit(bytes: &[u8], point_len: usize, bit: usize) -> (Vec<u8>, usize) {
    let mut bytes = bytes.to_vec();
    let bit = bit % (8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
    (bytes, bit / 8 / point_len)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn honest_contributions_are_accepted_in_every_form(
        sizes in any_sizes(),
        seed: u64,
        entropy: Vec<u8>,
        encoding in any_encoding(),
    ) {
        let mut rng = rng(seed);
        let base = Base::initial(&sizes);
        let first = contribute(&base, &mut rng, &entropy, &|_| {}).unsigned();
        let json = first.to_json().unwrap();
        prop_assert!(json.len() <= sizes.max_json_len());
        let first = RawContribution::from_json(&json).unwrap();
        let (base, _, _) = verify(&base, &first, &mut rng).unwrap().into_parts();
        let second = contribute(&base, &mut rng, &entropy, &|_| {}).unsigned();
        let msgpack = second.to_msgpack(encoding).unwrap();
        prop_assert!(msgpack.len() <= sizes.max_msgpack_len());
        let second = RawContribution::from_msgpack(&msgpack).unwrap();
        let (base, _, _) = verify(&base, &second, &mut rng).unwrap().into_parts();
        let document = base.to_msgpack(encoding).unwrap();
        let document = RawContribution::from_msgpack(&document).unwrap();
        prop_assert_eq!(verify_base(&document, &sizes, &mut rng), Ok(base));
    }

    /// Every bit of every element counts, and the error names the element's place.
    #[test]
    fn one_flipped_bit_is_refused_with_its_place(
        sub in 0..2_usize,
        element in 0..3_usize,
        bit: usize,
        encoding in any_encoding(),
        seed: u64,
    ) {
        let (base, contribution) = next_turn("6:3,9:4");
        let mut contribution = contribution.to_encoding(encoding).unwrap();
        let target = &mut contribution.sub_contributions[sub];
        let index = match element {
            0 => {
                let len = target.powers.g1.bytes().len() / target.powers.g1.len();
                let (bytes, index) = flip_bit(target.powers.g1.bytes(), len, bit);
                target.powers.g1 = RawPoints::from_bytes(encoding, bytes).unwrap();
                Some(index)
            }
            1 => {
                let len = target.powers.g2.bytes().len() / target.powers.g2.len();
                let (bytes, index) = flip_bit(target.powers.g2.bytes(), len, bit);
                target.powers.g2 = RawPoints::from_bytes(encoding, bytes).unwrap();
                Some(index)
            }
            _ => {
                let (bytes, _) = flip_bit(target.pot_pubkey.bytes(), usize::MAX, bit);
                target.pot_pubkey = RawPoint::from_bytes(bytes).unwrap();
                None
            }
        };
        let error = verify(&base, &contribution, &mut rng(seed)).unwrap_err();
        prop_assert_eq!(error.sub_ceremony.unwrap().index, sub);
        // The proof of the update is about the power 1, and names no index.
        if error.code() == "UpdateProof" {
            prop_assert!(index.is_none() || (element, index) == (0, Some(1)));
        } else {
            prop_assert_eq!(error.index, index, "{}", error);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn readers_never_panic_on_bytes(bytes: Vec<u8>) {
        let _ = RawContribution::from_json(&bytes);
        let _ = RawContribution::from_msgpack(&bytes);
    }

    /// Near-documents: what is read is written back as it was, the rest is an error.
    #[test]
    fn readers_never_panic_on_damaged_documents(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        encoding in any_encoding(),
    ) {
        let base = Base::initial(&"2:2,3:2".parse().unwrap());
        let mut json = base.to_json().unwrap();
        let mut msgpack = base.to_msgpack(encoding).unwrap();
        for (at, byte) in &damage {
            *at.get_mut(&mut json) = *byte;
            *at.get_mut(&mut msgpack) = *byte;
        }
        if let Ok(read) = RawContribution::from_json(&json) {
            let again = RawContribution::from_json(&read.to_json().unwrap());
            prop_assert_eq!(again, Ok(read));
        }
        if let Ok(read) = RawContribution::from_msgpack(&msgpack) {
            let again = RawContribution::from_msgpack(&read.to_msgpack(read.encoding()).unwrap());
            prop_assert_eq!(again, Ok(read));
        }
    }
}
