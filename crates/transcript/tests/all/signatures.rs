//! Signatures of participants and coordinators against published values.

use crate::support::{data_json, unhex};
use blstrs::{G2Affine, G2Projective, Scalar};
use ff::Field;
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use k256::ecdsa::SigningKey;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::Value;
use sha3::{Digest, Keccak256};
use tauline_transcript::Size;
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::*;

fn ethereum_sizes() -> [Size; 4] {
    [4096, 8192, 16384, 32768].map(|g1| Size { g1, g2: 65 })
}

fn pubkey(bytes: &[u8; 96]) -> G2Affine {
    Option::from(G2Affine::from_compressed(bytes)).unwrap()
}

/// Digests and signatures are checked here against a plain reading of EIP-712, driven by the
/// types of the published file instead of constants.
fn eip712_by_the_book(document: &Value) -> [u8; 32] {
    fn keccak(bytes: &[u8]) -> Vec<u8> {
        Keccak256::digest(bytes).to_vec()
    }
    fn fields<'a>(types: &'a Value, name: &str) -> Vec<(&'a str, &'a str)> {
        let fields = types[name].as_array().unwrap().iter();
        fields
            .map(|f| (f["name"].as_str().unwrap(), f["type"].as_str().unwrap()))
            .collect()
    }
    fn encode_type(types: &Value, name: &str) -> String {
        let list: Vec<_> = fields(types, name)
            .iter()
            .map(|(field, ty)| format!("{ty} {field}"))
            .collect();
        format!("{name}({})", list.join(","))
    }
    fn full_type(types: &Value, name: &str) -> String {
        let mut used: Vec<String> = fields(types, name)
            .iter()
            .map(|(_, ty)| ty.trim_end_matches("[]"))
            .filter(|ty| types.get(ty).is_some())
            .map(|ty| encode_type(types, ty))
            .collect();
        used.sort();
        encode_type(types, name) + &used.concat()
    }
    fn encode(types: &Value, ty: &str, value: &Value) -> Vec<u8> {
        if let Some(element) = ty.strip_suffix("[]") {
            let parts = value
                .as_array()
                .unwrap()
                .iter()
                .map(|it| encode(types, element, it));
            return keccak(&parts.collect::<Vec<_>>().concat());
        }
        match ty {
            "string" => keccak(value.as_str().unwrap().as_bytes()),
            "bytes" => keccak(&hex::decode(&value.as_str().unwrap()[2..]).unwrap()),
            "uint256" => {
                let mut word = vec![0; 24];
                word.extend(value.as_u64().unwrap().to_be_bytes());
                word
            }
            name => hash_struct(types, name, value),
        }
    }
    fn hash_struct(types: &Value, name: &str, value: &Value) -> Vec<u8> {
        let mut bytes = keccak(full_type(types, name).as_bytes());
        for (field, ty) in fields(types, name) {
            bytes.extend(encode(types, ty, &value[field]));
        }
        keccak(&bytes)
    }
    let types = &document["types"];
    let primary = document["primaryType"].as_str().unwrap();
    let mut bytes = b"\x19\x01".to_vec();
    bytes.extend(hash_struct(types, "EIP712Domain", &document["domain"]));
    bytes.extend(hash_struct(types, primary, &document["message"]));
    keccak(&bytes).try_into().unwrap()
}

#[test]
fn typed_data_of_a_real_client_has_our_digest() {
    let Some(document) = data_json("vectors/eip712_typed_data.json") else {
        return;
    };
    let keys: Vec<(Size, [u8; 96])> = document["message"]["potPubkeys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            let count = |name: &str| key[name].as_u64().unwrap() as usize;
            let size = Size {
                g1: count("numG1Powers"),
                g2: count("numG2Powers"),
            };
            (size, unhex(&key["potPubkey"]))
        })
        .collect();
    assert_eq!(keys.len(), 4);
    assert_eq!(eip712_digest(&keys), eip712_by_the_book(&document));

    let mut other = keys.clone();
    other.swap(0, 1);
    assert_ne!(
        eip712_digest(&other),
        eip712_digest(&keys),
        "the order is signed"
    );
    other = keys.clone();
    other[3].0.g2 += 1;
    assert_ne!(
        eip712_digest(&other),
        eip712_digest(&keys),
        "the sizes are signed"
    );
}

#[test]
fn signatures_of_the_test_phase_are_valid() {
    let Some(document) = data_json("transcripts/truncated_test_phase_10.json") else {
        return;
    };
    let subs = document["transcripts"].as_array().unwrap();
    let (mut bls, mut ecdsa) = (0, 0);
    for k in 1..10 {
        let id: Identity = document["participantIds"][k]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let keys: Vec<[u8; 96]> = subs
            .iter()
            .map(|sub| unhex(&sub["witness"]["potPubkeys"][k]))
            .collect();
        for (sub, key) in subs.iter().zip(&keys) {
            let signature = &sub["witness"]["blsSignatures"][k];
            if signature != "" {
                assert!(bls_verify(&id, &pubkey(key), &unhex(signature)), "{id}");
                let mut bad: [u8; 48] = unhex(signature);
                bad[20] ^= 1;
                assert!(!bls_verify(&id, &pubkey(key), &bad));
                assert!(!bls_verify(
                    &Identity::eth([1; 20]),
                    &pubkey(key),
                    &unhex(signature)
                ));
                bls += 1;
            }
        }
        let signature = &document["participantEcdsaSignatures"][k];
        if signature != "" {
            let sized: Vec<_> = ethereum_sizes().into_iter().zip(keys).collect();
            assert!(
                ecdsa_verify(&id, &eip712_digest(&sized), &unhex(signature)),
                "{id}"
            );
            let mut digest = eip712_digest(&sized);
            digest[0] ^= 1;
            assert!(!ecdsa_verify(&id, &digest, &unhex(signature)), "{id}");
            ecdsa += 1;
        }
    }
    assert_eq!((bls, ecdsa), (16, 4));
}

#[test]
fn the_updated_contribution_is_signed_over_the_empty_identity() {
    let Some(document) = data_json("contributions/updatedContribution.json") else {
        return;
    };
    for sub in document["contributions"].as_array().unwrap() {
        let (key, signature) = (
            pubkey(&unhex(&sub["potPubkey"])),
            unhex(&sub["blsSignature"]),
        );
        assert!(bls_verify_message(b"", &key, &signature));
        assert!(!bls_verify_message(b"x", &key, &signature));
        assert!(!bls_verify_message(b"", &G2Affine::generator(), &signature));
    }
}

#[test]
fn receipts_of_the_original_coordinator_recover_to_its_address() {
    let signer = |name: &str| {
        let document = data_json(name)?;
        let mut signature = [0; 65];
        hex::decode_to_slice(document["signature"].as_str().unwrap(), &mut signature).unwrap();
        let digest = personal_message_digest(document["receipt"].as_str().unwrap().as_bytes());
        Some(eip55(&ecdsa_recover(&digest, &signature).unwrap()))
    };
    let Some(address) = signer("receipts/receipt_a.json") else {
        return;
    };
    assert_eq!(address, "0x1C5c1289620f4f02D7cC29dda63C71106c04a7EC");
    // The other's signer is unknown: pinned as measured.
    assert_eq!(
        signer("receipts/receipt_b.json").unwrap(),
        "0xEe001b66a809e83A56Fd1d71a5cB93CCadcEBa25"
    );
}

#[test]
fn eip55_writes_the_addresses_of_its_specification() {
    // https://eips.ethereum.org/EIPS/eip-55, test cases
    for text in [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ] {
        let mut address = [0; 20];
        hex::decode_to_slice(&text[2..], &mut address).unwrap();
        assert_eq!(eip55(&address), text);
    }
}

#[test]
fn a_personal_message_signs_and_recovers() {
    // The key of EIP-155's example, and its address.
    let key = SigningKey::from_slice(&[0x46; 32]).unwrap();
    let address = eth_address(key.verifying_key());
    assert_eq!(
        eip55(&address),
        "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
    );

    let digest = personal_message_digest("grüße".as_bytes());
    let signature = ecdsa_sign(&digest, &key);
    assert_eq!(ecdsa_recover(&digest, &signature), Some(address));
    assert_eq!(
        ecdsa_sign(&digest, &key),
        signature,
        "signing is deterministic"
    );
    assert!(ecdsa_verify(&Identity::eth(address), &digest, &signature));
    assert!(!ecdsa_verify(&Identity::eth([0; 20]), &digest, &signature));
    assert!(!ecdsa_verify(
        &Identity::invite("bob").unwrap(),
        &digest,
        &signature
    ));
}

#[test]
fn every_spelling_of_an_ecdsa_signature_recovers_to_the_same_address() {
    let key = SigningKey::from_slice(&[0x46; 32]).unwrap();
    let address = Some(eth_address(key.verifying_key()));
    for message in 0..8u8 {
        let digest = personal_message_digest(&[message]);
        let signature = ecdsa_sign(&digest, &key);

        let mut low_v = signature;
        low_v[64] -= 27;
        assert_eq!(ecdsa_recover(&digest, &low_v), address, "v = 0 or 1");

        let parsed = k256::ecdsa::Signature::from_slice(&signature[..64]).unwrap();
        let (r, s) = parsed.split_scalars();
        let high = k256::ecdsa::Signature::from_scalars(r, -s).unwrap();
        let mut high_s = signature;
        high_s[..64].copy_from_slice(&high.to_bytes());
        high_s[64] = 27 + 28 - signature[64];
        assert_eq!(ecdsa_recover(&digest, &high_s), address, "high s");

        for v in (2..27).chain(29..=255) {
            high_s[64] = v;
            assert_eq!(ecdsa_recover(&digest, &high_s), None, "v = {v}");
        }
    }
}

#[test]
fn rubbish_is_no_ecdsa_signature_and_no_panic() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for fill in [0x00, 0xff] {
        assert_eq!(ecdsa_recover(&[fill; 32], &[fill; 65]), None);
        let mut signature = [fill; 65];
        signature[64] = 27;
        assert_eq!(ecdsa_recover(&[1; 32], &signature), None);
    }
    for _ in 0..64 {
        let mut signature = [0; 65];
        rng.fill_bytes(&mut signature);
        signature[64] = 28;
        assert_ne!(ecdsa_recover(&[1; 32], &signature), Some([0; 20]));
    }
}

#[test]
fn a_bls_signature_is_over_the_identity_with_the_secret() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let secret = Scalar::random(&mut rng);
    let key = (G2Projective::generator() * secret).to_affine();
    for id in [
        Identity::eth([7; 20]),
        Identity::github(9, "OctoCat").unwrap(),
    ] {
        let signature = bls_sign(&id, &secret).unwrap();
        assert!(bls_verify(&id, &key, &signature));
        assert!(bls_verify_message(id.as_str().as_bytes(), &key, &signature));
        assert!(
            !bls_verify(&id, &G2Affine::generator(), &signature),
            "another key"
        );
        assert!(
            !bls_verify(&Identity::eth([8; 20]), &key, &signature),
            "another identity"
        );
    }
    assert_eq!(bls_sign(&Identity::eth([7; 20]), &Scalar::ZERO), None);
}

#[test]
fn a_github_identity_may_have_signed_with_an_at_sign_in_lower_case() {
    let secret = Scalar::from(0x1234_5678);
    let key = (G2Projective::generator() * secret).to_affine();
    let id = Identity::github(9, "OctoCat").unwrap();
    let sign = |text: &str| {
        (blstrs::G1Projective::hash_to_curve(text.as_bytes(), BLS_SUITE, &[]) * secret)
            .to_affine()
            .to_compressed()
    };
    assert_eq!(sign(id.as_str()), bls_sign(&id, &secret).unwrap());
    assert!(bls_verify(&id, &key, &sign("git|9|@octocat")));
    assert!(!bls_verify(&id, &key, &sign("git|9|octocat")));
    assert!(!bls_verify(&id, &key, &sign("git|8|@octocat")));
}

#[test]
fn the_identity_point_is_neither_a_bls_key_nor_a_signature() {
    let id = Identity::eth([7; 20]);
    let mut infinity = [0; 48];
    infinity[0] = 0xc0;
    // Both at once satisfy the bare pairing equation.
    assert!(!bls_verify(&id, &G2Affine::identity(), &infinity));
    assert!(!bls_verify(&id, &G2Affine::generator(), &infinity));
    assert!(!bls_verify(&id, &G2Affine::generator(), &[0; 48]));
    assert!(!bls_verify(&id, &G2Affine::generator(), &[0xff; 48]));
}
