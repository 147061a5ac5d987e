//! Contributions that are wrong in one way each: every kind of refusal
//! (`docs/spec/ceremony.md#checks`).

use serde_json::Value;
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_transcript::{Base, Encoding, RawContribution};

use super::{alter_json, update};

/// The point at infinity in G1.
pub fn infinity_g1() -> String {
    format!("0xc0{}", "00".repeat(47))
}

/// The point at infinity in G2.
pub fn infinity_g2() -> String {
    format!("0xc0{}", "00".repeat(95))
}

/// (0, 2): on the curve, of order 3, so outside the subgroup.
pub fn order_three() -> String {
    format!("0x80{}", "00".repeat(47))
}

/// A coordinate above the field's modulus.
pub fn no_point_g1() -> String {
    format!("0x9f{}", "ff".repeat(47))
}

type Spoil = fn(&mut Value, &Base);

/// The code that each is refused with, a name, and what is done to a good contribution.
pub const KINDS: &[(Code, &str, Spoil)] = &[
    (
        Code::ContributionCount,
        "a sub-ceremony is missing",
        |document, _| {
            subs(document).pop();
        },
    ),
    (
        Code::ContributionCount,
        "a sub-ceremony stands twice",
        |document, _| {
            let again = subs(document)[0].clone();
            subs(document).push(again);
        },
    ),
    (
        Code::ContributionSizes,
        "a power is missing in G1",
        |document, _| {
            g1(document, 1).pop();
        },
    ),
    (
        Code::ContributionSizes,
        "a power too many in G2",
        |document, _| {
            let again = g2(document, 0)[0].clone();
            g2(document, 0).push(again);
        },
    ),
    (
        Code::ContributionSizes,
        "the stated number is another",
        |document, _| {
            subs(document)[2]["numG1Powers"] = u64::MAX.into();
        },
    ),
    (
        Code::ContributionSizes,
        "two sub-ceremonies are exchanged",
        |document, _| {
            subs(document).swap(0, 1);
        },
    ),
    (
        Code::ContributionPoint,
        "a coordinate is above the modulus",
        |document, _| {
            g1(document, 0)[3] = no_point_g1().into();
        },
    ),
    (
        Code::ContributionSubgroup,
        "a point of order 3 in G1",
        |document, _| {
            g1(document, 3)[7] = order_three().into();
        },
    ),
    (
        Code::ContributionPubkeyIdentity,
        "the public key is the identity",
        |document, _| {
            subs(document)[1]["potPubkey"] = infinity_g2().into();
        },
    ),
    (
        Code::ContributionFirstPower,
        "the first power in G1 is not the generator",
        |document, _| {
            g1(document, 0).swap(0, 1);
        },
    ),
    (
        Code::ContributionFirstPower,
        "the first power in G2 is not the generator",
        |document, _| {
            g2(document, 0).swap(0, 1);
        },
    ),
    (
        Code::ContributionZeroPower,
        "the second power is the identity",
        |document, _| {
            g1(document, 2)[1] = infinity_g1().into();
        },
    ),
    (
        Code::ContributionUpdateProof,
        "the public key is of another secret",
        |document, base| {
            let other = update(base, &Identity::eth([9; 20]), None);
            let other: Value = serde_json::from_slice(&other.to_json().unwrap()).unwrap();
            let key = other["contributions"][0]["potPubkey"].clone();
            subs(document)[0]["potPubkey"] = key;
        },
    ),
    (
        Code::ContributionG1Powers,
        "two powers in G1 are exchanged",
        |document, _| {
            g1(document, 3).swap(100, 101);
        },
    ),
    (
        Code::ContributionG2Powers,
        "two powers in G2 are exchanged",
        |document, _| {
            g2(document, 3).swap(2, 3);
        },
    ),
    (
        Code::ContributionNoEntropy,
        "nothing is changed",
        |document, base| {
            let unchanged = base.to_raw(Encoding::Compressed).to_json().unwrap();
            *document = serde_json::from_slice(&unchanged).unwrap();
        },
    ),
    (
        Code::ContributionNoEntropy,
        "one sub-ceremony is not changed",
        |document, base| {
            let unchanged = base.to_raw(Encoding::Compressed).to_json().unwrap();
            let mut unchanged: Value = serde_json::from_slice(&unchanged).unwrap();
            subs(document)[2] = subs(&mut unchanged)[2].clone();
        },
    ),
];

/// A good contribution's JSON, spoilt.
pub fn spoilt(contribution: &RawContribution, base: &Base, spoil: Spoil) -> Vec<u8> {
    alter_json(contribution, |document| spoil(document, base))
}

pub fn subs(document: &mut Value) -> &mut Vec<Value> {
    document["contributions"].as_array_mut().unwrap()
}

pub fn g1(document: &mut Value, sub: usize) -> &mut Vec<Value> {
    subs(document)[sub]["powersOfTau"]["G1Powers"]
        .as_array_mut()
        .unwrap()
}

pub fn g2(document: &mut Value, sub: usize) -> &mut Vec<Value> {
    subs(document)[sub]["powersOfTau"]["G2Powers"]
        .as_array_mut()
        .unwrap()
}
