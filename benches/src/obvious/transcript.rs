//! A whole transcript, contribution by contribution.

use anyhow::{Context, Result, ensure};
use blst::{blst_p1_affine, blst_p2_affine};
use serde::Deserialize;
use tauline_transcript::Size;
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::{bls_message_point, ecdsa_verify, eip712_digest};

use super::points::Point;
use super::powers::{
    Encoded, PowersOfTau, check_powers, check_subgroup, decode, decode_powers, generator_g1,
    generator_g2, negated, product_is_one,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transcript<'a> {
    #[serde(borrow)]
    transcripts: Vec<SubTranscript<'a>>,
    #[serde(borrow)]
    participant_ids: Vec<&'a str>,
    #[serde(borrow)]
    participant_ecdsa_signatures: Vec<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubTranscript<'a> {
    num_g1_powers: usize,
    num_g2_powers: usize,
    #[serde(borrow)]
    powers_of_tau: PowersOfTau<&'a str>,
    #[serde(borrow)]
    witness: Witness<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Witness<'a> {
    #[serde(borrow)]
    running_products: Vec<&'a str>,
    #[serde(borrow)]
    pot_pubkeys: Vec<&'a str>,
    #[serde(borrow)]
    bls_signatures: Vec<&'a str>,
}

/// Reads and checks a transcript in JSON, every contribution of which has all its signatures
/// (`docs/spec/ceremony.md#transcript-checks`).
///
/// # Errors
/// The first check that fails.
pub fn verify_transcript(document: &[u8]) -> Result<()> {
    let transcript: Transcript<'_> = serde_json::from_slice(document)?;
    let ids = &transcript.participant_ids;
    ensure!(
        ids.len() == transcript.participant_ecdsa_signatures.len(),
        "lengths"
    );
    // The public keys that each participant signed.
    let mut signed = vec![Vec::with_capacity(transcript.transcripts.len()); ids.len()];
    for sub in &transcript.transcripts {
        let size = Size {
            g1: sub.num_g1_powers,
            g2: sub.num_g2_powers,
        };
        let last_product = check_witness(size, &sub.witness, ids, &mut signed)?;
        let powers = decode_powers(&sub.powers_of_tau)?;
        ensure!(
            (powers.0.len(), powers.1.len()) == (size.g1, size.g2),
            "sizes"
        );
        ensure!(powers.0[1] == last_product, "last product");
        check_subgroup(&powers)?;
        check_powers(&powers)?;
    }
    let signatures = &transcript.participant_ecdsa_signatures;
    for ((id, signature), pubkeys) in ids.iter().zip(signatures).zip(signed).skip(1) {
        let id: Identity = id.parse()?;
        let mut buffer = [0; 192];
        let signature: [u8; 65] = signature.write(&mut buffer)?.try_into()?;
        ensure!(
            ecdsa_verify(&id, &eip712_digest(&pubkeys), &signature),
            "ECDSA signature"
        );
    }
    Ok(())
}

fn check_witness(
    size: Size,
    witness: &Witness<'_>,
    ids: &[&str],
    signed: &mut [Vec<(Size, [u8; 96])>],
) -> Result<blst_p1_affine> {
    let lists = [
        &witness.running_products,
        &witness.pot_pubkeys,
        &witness.bls_signatures,
    ];
    ensure!(lists.iter().all(|list| list.len() == ids.len()), "lengths");
    let start: blst_p1_affine = decode(lists[0].first().context("no entries")?)?;
    ensure!(start == generator_g1(), "start");
    ensure!(
        decode::<blst_p2_affine, _>(&lists[1][0])? == generator_g2(),
        "start"
    );

    let mut before = start;
    for (k, id) in ids.iter().enumerate().skip(1) {
        let after: blst_p1_affine = decode(&lists[0][k])?;
        let mut buffer = [0; 192];
        let encoded = lists[1][k].write(&mut buffer)?;
        let pubkey = blst_p2_affine::decode(encoded)?;
        signed[k].push((size, encoded.try_into()?));
        ensure!(after.in_subgroup() && pubkey.in_subgroup(), "subgroup");
        ensure!(
            after != blst_p1_affine::default() && pubkey != blst_p2_affine::default(),
            "identity"
        );
        ensure!(
            product_is_one(&[(before, pubkey), negated(after)]),
            "update"
        );

        let signature: blst_p1_affine = decode(&lists[2][k])?;
        ensure!(signature.in_subgroup(), "subgroup");
        let hash = *bls_message_point(id.as_bytes()).as_ref();
        ensure!(
            product_is_one(&[(hash, pubkey), negated(signature)]),
            "BLS signature"
        );
        before = after;
    }
    Ok(before)
}
