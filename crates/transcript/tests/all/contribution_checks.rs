//! The checks on a contribution (`docs/spec/ceremony.md#checks`), each with a contribution that
//! fails it alone.

use blstrs::{G1Affine, G2Affine};
use group::Curve;
use group::prime::PrimeCurveAffine;
use k256::ecdsa::SigningKey;
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::eth_address;
use tauline_transcript::{
    Base, Check, Element, Encoding, Invalid, PointError, RawContribution, RawPoints,
    RawSubContribution, Secret, contribute, contribute_with, verify, verify_base,
};

use crate::fixtures::{
    check, contribution, g1, g2, next_turn, point, raw, rng, secrets, set_bytes, set_point, sizes,
    small_order_g1, small_order_g2, swap_points,
};

const SIZES: &str = "8:4,16:5";

type Fault = Box<dyn Fn(&mut RawSubContribution)>;

/// What the verifier says to a good contribution after `fault` was done to sub-ceremony 1.
fn verdict(fault: impl FnOnce(&mut RawSubContribution)) -> Invalid {
    let (base, mut contribution) = next_turn(SIZES);
    fault(&mut contribution.sub_contributions[1]);
    let error = check(&base, &contribution).expect_err("the contribution is bad");
    assert_eq!(error.sub_ceremony.expect("one is to blame").index, 1);
    assert!(
        error
            .to_string()
            .starts_with("sub-ceremony 1 (16 powers): "),
        "{error}"
    );
    error
}

#[track_caller]
fn refused(check: Check, index: Option<usize>, fault: impl FnOnce(&mut RawSubContribution)) {
    let error = verdict(fault);
    assert_eq!((&error.check, error.index), (&check, index), "{error}");
    assert_eq!(error.code(), check.code());
}

#[test]
fn good_contributions_follow_one_another() {
    let sizes = sizes(SIZES);
    let mut base = Base::initial(&sizes);
    let mut rng = rng(1);
    for _ in 0..3 {
        let contribution = contribute(&base, &mut rng, b"", &|_| {}).unsigned();
        let verified = verify(&base, &contribution, &mut rng).unwrap();
        for (entry, powers) in verified.witness().iter().zip(verified.base().powers()) {
            assert_eq!(entry.running_product, powers.g1()[1]);
        }
        base = verified.into_parts().0;
        let document = base.to_raw(Encoding::Compressed);
        assert_eq!(verify_base(&document, &sizes, &mut rng), Ok(base.clone()));
    }
}

// Check 1.

#[test]
fn another_number_of_sub_ceremonies_is_refused() {
    let (base, good) = next_turn(SIZES);
    let with = |subs: &[usize]| RawContribution {
        sub_contributions: subs
            .iter()
            .map(|&i| good.sub_contributions[i].clone())
            .collect(),
        ecdsa_signature: None,
    };
    for subs in [vec![], vec![0], vec![1], vec![0, 1, 1]] {
        let error = check(&base, &with(&subs)).unwrap_err();
        let (expected, got) = (2, subs.len());
        assert_eq!(error.check, Check::Count { expected, got });
        assert_eq!((error.sub_ceremony, error.index), (None, None));
    }
    let error = check(&base, &with(&[1, 0])).unwrap_err();
    assert_eq!(error.code(), "Sizes", "in another order");
}

#[test]
fn other_numbers_of_powers_are_refused() {
    let sizes = |element, expected, got| Check::Sizes {
        element,
        expected,
        got,
    };
    let (p, q) = (Element::G1Power, Element::G2Power);
    refused(sizes(p, 16, 15), None, |sub| sub.num_g1_powers = 15);
    refused(sizes(p, 16, u64::MAX), None, |sub| {
        sub.num_g1_powers = u64::MAX
    });
    refused(sizes(q, 5, 6), None, |sub| sub.num_g2_powers = 6);
    refused(sizes(p, 16, 15), None, |sub| {
        shorten(&mut sub.powers.g1, 15)
    });
    refused(sizes(p, 16, 0), None, |sub| shorten(&mut sub.powers.g1, 0));
    refused(sizes(q, 5, 4), None, |sub| shorten(&mut sub.powers.g2, 4));
    refused(sizes(q, 5, 0), None, |sub| shorten(&mut sub.powers.g2, 0));
    refused(sizes(p, 16, 17), None, |sub| {
        let bytes = [sub.powers.g1.bytes(), &g1(5).to_compressed()].concat();
        sub.powers.g1 = RawPoints::from_bytes(Encoding::Compressed, bytes).unwrap();
    });
    // `docs/spec/known-faults.md#uneven-lists`: short or uneven lists indexed out of bounds. Stated
    // and listed agree with one another here, not with the ceremony.
    refused(sizes(p, 16, 1), None, |sub| {
        sub.num_g1_powers = 1;
        shorten(&mut sub.powers.g1, 1);
    });
}

fn shorten<P: tauline_transcript::Point>(list: &mut RawPoints<P>, len: usize) {
    let bytes = list.bytes()[..len * P::encoded_len(list.encoding())].to_vec();
    *list = RawPoints::from_bytes(list.encoding(), bytes).unwrap();
}

// Checks 2 and 3.

/// `docs/spec/known-faults.md#dropped-decode-error`: decode errors were dropped, so `0x00…` became
/// the point at infinity and passed the zero check (critical).
#[test]
fn zero_bytes_are_a_decoding_error_and_not_infinity() {
    let decoding = |element| {
        let error = PointError::NotCompressed;
        Check::Decoding { element, error }
    };
    for index in [0, 1, 7, 15] {
        refused(decoding(Element::G1Power), Some(index), |sub| {
            set_bytes(&mut sub.powers.g1, index, &[0; 48]);
        });
    }
    for index in [0, 1, 4] {
        refused(decoding(Element::G2Power), Some(index), |sub| {
            set_bytes(&mut sub.powers.g2, index, &[0; 96]);
        });
    }
    refused(decoding(Element::PotPubkey), None, |sub| {
        sub.pot_pubkey = tauline_transcript::RawPoint::from_bytes(vec![0; 96]).unwrap();
    });
}

#[test]
fn points_outside_of_the_subgroup_are_refused() {
    let subgroup = |element| Check::Subgroup { element };
    for order in [3, 11] {
        let small = small_order_g1(order);
        for index in [0, 1, 2, 15] {
            refused(subgroup(Element::G1Power), Some(index), |sub| {
                set_point(&mut sub.powers.g1, index, &small);
            });
            refused(subgroup(Element::G1Power), Some(index), |sub| {
                let good = point::<G1Affine>(&sub.powers.g1, index).to_curve();
                set_point(&mut sub.powers.g1, index, &(good + small).to_affine());
            });
        }
    }
    let small = small_order_g2();
    for index in [0, 1, 4] {
        refused(subgroup(Element::G2Power), Some(index), |sub| {
            let good = point::<G2Affine>(&sub.powers.g2, index).to_curve();
            set_point(&mut sub.powers.g2, index, &(good + small).to_affine());
        });
    }
    refused(subgroup(Element::PotPubkey), None, |sub| {
        let good = sub.pot_pubkey.decode().unwrap().to_curve();
        sub.pot_pubkey = raw(&(good + small).to_affine());
    });
}

// Check 4.

#[test]
fn pot_pubkey_at_infinity_is_refused() {
    refused(Check::PubkeyIdentity, None, |sub| {
        sub.pot_pubkey = raw(&G2Affine::identity())
    });
}

#[test]
fn first_power_other_than_the_generator_is_refused() {
    for wrong in [g1(2), -g1(1), G1Affine::identity()] {
        let element = Element::G1Power;
        refused(Check::Generator { element }, Some(0), |sub| {
            set_point(&mut sub.powers.g1, 0, &wrong);
        });
    }
    for wrong in [g2(2), -g2(1), G2Affine::identity()] {
        let element = Element::G2Power;
        refused(Check::Generator { element }, Some(0), |sub| {
            set_point(&mut sub.powers.g2, 0, &wrong);
        });
    }
}

/// `docs/spec/known-faults.md#tau-0`, `docs/spec/known-faults.md#two-decoders`: τ = 0 accepted; two
/// engines disagreed on x = 0 and infinity.
#[test]
fn tau_of_zero_is_refused() {
    let zero_tau = |sub: &mut RawSubContribution| {
        for index in 1..16 {
            set_point(&mut sub.powers.g1, index, &G1Affine::identity());
        }
        for index in 1..5 {
            set_point(&mut sub.powers.g2, index, &G2Affine::identity());
        }
    };
    refused(Check::ZeroPower, Some(1), zero_tau);
    // With the honest public key of the secret 0, and with the generators gone too.
    refused(Check::PubkeyIdentity, None, |sub| {
        zero_tau(sub);
        sub.pot_pubkey = raw(&G2Affine::identity());
    });
    let element = Element::G1Power;
    refused(Check::Generator { element }, Some(0), |sub| {
        zero_tau(sub);
        set_point(&mut sub.powers.g1, 0, &G1Affine::identity());
        set_point(&mut sub.powers.g2, 0, &G2Affine::identity());
    });
}

#[test]
fn infinity_among_the_powers_is_refused() {
    for index in 2..16 {
        refused(Check::G1Powers, Some(index), |sub| {
            set_point(&mut sub.powers.g1, index, &G1Affine::identity());
        });
    }
    for index in 2..5 {
        refused(Check::G2Powers, Some(index), |sub| {
            set_point(&mut sub.powers.g2, index, &G2Affine::identity());
        });
    }
}

// Check 5.

/// `docs/spec/known-faults.md#update-not-checked`: update proofs never checked.
#[test]
fn forged_pot_pubkey_is_refused() {
    for forged in [g2(1), g2(2), g2(2004), -g2(2003)] {
        refused(Check::UpdateProof, None, |sub| {
            sub.pot_pubkey = raw(&forged)
        });
    }
}

#[test]
fn contribution_to_another_base_is_refused() {
    let (base, _) = next_turn(SIZES);
    let stale = contribution(&Base::initial(&sizes(SIZES)), 2002);
    let error = check(&base, &stale).unwrap_err();
    assert_eq!(error.check, Check::UpdateProof);
    assert_eq!(error.sub_ceremony.unwrap().index, 0, "the first that fails");
}

#[test]
fn powers_from_scratch_with_a_pubkey_of_ones_own_are_refused() {
    // Consistent powers of a tau that the forger knows, which erase all earlier contributions.
    let (base, mut forged) = next_turn(SIZES);
    let scratch = contribution(&Base::initial(&sizes(SIZES)), 77);
    forged.sub_contributions[0] = scratch.sub_contributions[0].clone();
    let error = check(&base, &forged).unwrap_err();
    assert_eq!(error.check, Check::UpdateProof);
}

#[test]
fn opposite_first_power_is_refused() {
    refused(Check::UpdateProof, None, |sub| {
        let opposite = -point::<G1Affine>(&sub.powers.g1, 1);
        set_point(&mut sub.powers.g1, 1, &opposite);
    });
}

// Checks 6 and 7.

#[test]
fn every_wrong_g1_power_is_refused_with_its_index() {
    for index in 2..16 {
        refused(Check::G1Powers, Some(index), |sub| {
            set_point(&mut sub.powers.g1, index, &g1(5));
        });
        refused(Check::G1Powers, Some(index), |sub| {
            let before = point(&sub.powers.g1, index - 1);
            set_point(&mut sub.powers.g1, index, &before);
        });
    }
    for index in 2..15 {
        refused(Check::G1Powers, Some(index), |sub| {
            swap_points(&mut sub.powers.g1, index, index + 1);
        });
    }
}

#[test]
fn every_wrong_g2_power_is_refused_with_its_index() {
    for index in 2..5 {
        refused(Check::G2Powers, Some(index), |sub| {
            set_point(&mut sub.powers.g2, index, &g2(5));
        });
    }
    refused(Check::G2Powers, Some(2), |sub| {
        swap_points(&mut sub.powers.g2, 2, 4)
    });
    // The equation that binds G1 power 1 and G2 power 1 is the first of check 6.
    refused(Check::G1Powers, Some(1), |sub| {
        set_point(&mut sub.powers.g2, 1, &g2(5))
    });
}

#[test]
fn lowest_bad_index_is_reported() {
    refused(Check::G1Powers, Some(6), |sub| {
        for index in [14, 6, 9] {
            set_point(&mut sub.powers.g1, index, &g1(5));
        }
    });
    refused(Check::G2Powers, Some(3), |sub| {
        for index in [4, 3] {
            set_point(&mut sub.powers.g2, index, &g2(5));
        }
    });
}

#[test]
fn checks_are_reported_in_the_specifications_order() {
    // Faults from the last check to the first, each added to those before.
    let mut faults: Vec<(&str, Fault)> = vec![
        (
            "G2Powers",
            Box::new(|sub| set_point(&mut sub.powers.g2, 3, &g2(5))),
        ),
        (
            "G1Powers",
            Box::new(|sub| set_point(&mut sub.powers.g1, 4, &g1(5))),
        ),
        ("UpdateProof", Box::new(|sub| sub.pot_pubkey = raw(&g2(9)))),
        (
            "ZeroPower",
            Box::new(|sub| set_point(&mut sub.powers.g1, 1, &G1Affine::identity())),
        ),
        (
            "Generator",
            Box::new(|sub| set_point(&mut sub.powers.g1, 0, &g1(3))),
        ),
        (
            "PubkeyIdentity",
            Box::new(|sub| sub.pot_pubkey = raw(&G2Affine::identity())),
        ),
        (
            "Subgroup",
            Box::new(|sub| set_point(&mut sub.powers.g1, 5, &small_order_g1(3))),
        ),
        (
            "Decoding",
            Box::new(|sub| set_bytes(&mut sub.powers.g1, 6, &[0; 48])),
        ),
        ("Sizes", Box::new(|sub| sub.num_g2_powers = 0)),
    ];
    for added in 1..=faults.len() {
        let error = verdict(|sub| faults[..added].iter().for_each(|(_, fault)| fault(sub)));
        assert_eq!(error.code(), faults[added - 1].0);
    }
    // And the lower sub-ceremony first, whatever its check.
    let (base, mut contribution) = next_turn(SIZES);
    let (_, decoding) = faults.swap_remove(7);
    decoding(&mut contribution.sub_contributions[1]);
    set_point(&mut contribution.sub_contributions[0].powers.g2, 3, &g2(5));
    let error = check(&base, &contribution).unwrap_err();
    assert_eq!(
        (error.sub_ceremony.unwrap().index, error.code()),
        (0, "G2Powers")
    );
}

// No entropy.

#[test]
fn unchanged_base_is_refused_for_no_entropy() {
    let (base, good) = next_turn(SIZES);
    let unchanged = base.to_raw(Encoding::Compressed);
    let error = check(&base, &unchanged).unwrap_err();
    assert_eq!(error.check, Check::NoEntropy);
    assert_eq!(error.sub_ceremony.unwrap().index, 0);
    // In one sub-ceremony alone.
    let mut half = good;
    half.sub_contributions[1] = unchanged.sub_contributions[1].clone();
    let error = check(&base, &half).unwrap_err();
    assert_eq!(error.check, Check::NoEntropy);
    assert_eq!(error.sub_ceremony.unwrap().index, 1);
}

// `docs/spec/known-faults.md#half-entropy`.
#[test]
fn zero_and_one_are_no_secrets() {
    let number = |x: u8| {
        let mut bytes = [0; 32];
        bytes[31] = x;
        bytes
    };
    assert!(Secret::from_be_bytes(&number(0)).is_none());
    assert!(Secret::from_be_bytes(&number(1)).is_none());
    assert!(Secret::from_be_bytes(&number(2)).is_some());
    assert!(
        Secret::from_be_bytes(&[0xff; 32]).is_none(),
        "not below the order"
    );
}

// A base from somebody else.

#[test]
fn bad_base_is_refused_before_work_is_done_on_it() {
    let sizes = sizes(SIZES);
    let (base, _) = next_turn(SIZES);
    let mut document = base.to_raw(Encoding::Compressed);
    assert_eq!(verify_base(&document, &sizes, &mut rng(3)), Ok(base));
    set_point(&mut document.sub_contributions[1].powers.g1, 9, &g1(5));
    let error = verify_base(&document, &sizes, &mut rng(3)).unwrap_err();
    assert_eq!((error.check, error.index), (Check::G1Powers, Some(9)));
    assert_eq!(
        Base::decode(&document, &sizes).map(|_| ()),
        Ok(()),
        "decoding alone does not see it"
    );
    document.sub_contributions.pop();
    assert_eq!(
        verify_base(&document, &sizes, &mut rng(3))
            .unwrap_err()
            .code(),
        "Count"
    );
}

// Signatures.

fn ethereum_account(seed: u8) -> (SigningKey, Identity) {
    let key = SigningKey::from_slice(&[seed; 32]).unwrap();
    let identity = Identity::eth(eth_address(key.verifying_key()));
    (key, identity)
}

/// Which signatures are there: BLS of each sub-ceremony, then ECDSA.
fn signatures_kept(base: &Base, document: &RawContribution, identity: &Identity) -> Vec<bool> {
    let mut verified = check(base, document).expect("signatures never fail a contribution");
    verified.prune_signatures(identity);
    let bls = verified
        .witness()
        .iter()
        .map(|entry| entry.bls_signature.is_some());
    bls.chain([verified.ecdsa_signature().is_some()]).collect()
}

#[test]
fn good_signatures_are_kept_and_each_bad_one_is_dropped() {
    let base = Base::initial(&sizes(SIZES));
    let (key, identity) = ethereum_account(1);
    let (other_key, other) = ethereum_account(2);
    let update = || contribute_with(&base, secrets(base.sizes(), 5), &|_| {}).unwrap();
    let kept = |document: &RawContribution, identity: &Identity| {
        signatures_kept(&base, document, identity)
    };

    let signed = update().sign(&identity, Some(&key));
    assert_eq!(kept(&signed, &identity), [true, true, true]);
    assert_eq!(
        kept(&signed, &other),
        [false, false, false],
        "another's identity"
    );

    let mut flipped = signed.clone();
    flipped.sub_contributions[0].bls_signature.as_mut().unwrap()[20] ^= 1;
    assert_eq!(kept(&flipped, &identity), [false, true, true]);

    let mut swapped = signed.clone();
    let (first, second) = swapped.sub_contributions.split_at_mut(1);
    std::mem::swap(&mut first[0].bls_signature, &mut second[0].bls_signature);
    assert_eq!(
        kept(&swapped, &identity),
        [false, false, true],
        "of another sub-ceremony"
    );

    let mut garbage = signed.clone();
    garbage.sub_contributions[1].bls_signature = Some([0xff; 48]);
    garbage.ecdsa_signature = Some([0; 65]);
    assert_eq!(kept(&garbage, &identity), [true, false, false]);

    let wrong_key = update().sign(&identity, Some(&other_key));
    assert_eq!(kept(&wrong_key, &identity), [true, true, false]);

    let invited = Identity::invite("alice").unwrap();
    let no_account = update().sign(&invited, None);
    assert_eq!(kept(&no_account, &invited), [true, true, false]);
    assert_eq!(kept(&update().unsigned(), &identity), [false, false, false]);
}

// A participant's work.

#[test]
fn fresh_secrets_differ_between_runs_and_between_sub_ceremonies() {
    let base = Base::initial(&sizes("2:2,3:2,4:2"));
    let mut keys: Vec<[u8; 96]> = Vec::new();
    let mut randomness = rng(4);
    for _ in 0..3 {
        let update = contribute(&base, &mut randomness, b"same words", &|_| {});
        keys.extend(update.pot_pubkeys().iter().map(G2Affine::to_compressed));
    }
    // Other words with the same randomness, and no words.
    for words in [&b"same words"[..], b"other words", b""] {
        let update = contribute(&base, &mut rng(5), words, &|_| {});
        keys.extend(update.pot_pubkeys().iter().map(G2Affine::to_compressed));
    }
    let len = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), len);
}

#[test]
fn progress_ends_at_the_number_of_powers() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let base = Base::initial(&sizes("700:4,16:4"));
    let (most, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let _ = contribute(&base, &mut rng(6), b"", &|progress| {
        assert_eq!(progress.total, 724);
        most.fetch_max(progress.done, Ordering::Relaxed);
        calls.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(most.into_inner(), 724);
    assert!(calls.into_inner() > 4, "moves within a long list");
}

#[test]
fn wrong_number_of_secrets_is_an_error() {
    let base = Base::initial(&sizes(SIZES));
    let error = contribute_with(&base, Vec::new(), &|_| {}).unwrap_err();
    assert_eq!((error.expected, error.got), (2, 0));
}

// `docs/spec/known-faults.md#secrets-not-wiped`.
#[test]
fn secrets_are_not_printed() {
    assert_eq!(format!("{:?}", crate::fixtures::secret(12345)), "Secret(…)");
}
