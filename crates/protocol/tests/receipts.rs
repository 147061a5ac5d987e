//! Receipts: made, pinned, checked, and those of the original coordinator.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_golden, shared_data};
use k256::ecdsa::SigningKey;
use tauline_protocol::Identity;
use tauline_protocol::contribution::{ReceiptAnswer, SignedReceipt};
use tauline_protocol::receipt::{Receipt, ReceiptError};

fn key() -> SigningKey {
    SigningKey::from_slice(&[0x42; 32]).unwrap()
}

fn address(key: &SigningKey) -> String {
    use tauline_transcript::signature::{eip55, eth_address};
    eip55(&eth_address(key.verifying_key()))
}

fn receipt() -> Receipt {
    Receipt::new(Identity::eth([0xa1; 20]), [&[1_u8; 96][..], &[2; 96]])
}

#[test]
fn a_receipt_and_its_signature_are_pinned() {
    let signed = receipt().sign(&key());
    assert_golden(
        "signed-receipt.json",
        &serde_json::to_string(&signed).unwrap(),
    );
    assert_eq!(
        signed,
        receipt().sign(&key()),
        "signing again gives the same bytes"
    );
}

#[test]
fn a_receipts_text_is_compact_json_in_the_order_of_the_specification() {
    let text = receipt().to_json();
    let witness = format!(r#"["0x{}","0x{}"]"#, "01".repeat(96), "02".repeat(96));
    let identity = "a1".repeat(20);
    assert_eq!(
        text,
        format!(r#"{{"identity":"eth|0x{identity}","witness":{witness}}}"#)
    );
}

#[test]
fn a_signature_has_130_digits_without_a_prefix_and_v_of_27_or_28() {
    for byte in 1..20 {
        let key = SigningKey::from_slice(&[byte; 32]).unwrap();
        let signature = receipt().sign(&key).signature;
        assert_eq!(signature.len(), 130);
        assert!(
            signature
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        );
        assert!(
            signature.ends_with("1b") || signature.ends_with("1c"),
            "{signature}"
        );
    }
}

#[test]
fn a_receipt_verifies_against_its_coordinator_only() {
    let signed = receipt().sign(&key());
    assert_eq!(signed.verify(&address(&key())).unwrap(), receipt());
    assert_eq!(
        signed.verify(&address(&key()).to_lowercase()).unwrap(),
        receipt()
    );
    let other = address(&SigningKey::from_slice(&[0x43; 32]).unwrap());
    assert!(matches!(
        signed.verify(&other),
        Err(ReceiptError::WrongSigner { expected, .. }) if expected == other
    ));
}

#[test]
fn a_changed_receipt_is_refused() {
    let signed = receipt().sign(&key());
    let coordinator = address(&key());
    let text = signed.receipt.replacen("a1", "a2", 1);
    let changed = SignedReceipt {
        receipt: text,
        ..signed.clone()
    };
    assert!(changed.verify(&coordinator).is_err());
    let spaced = SignedReceipt {
        receipt: format!("{} ", signed.receipt),
        ..signed.clone()
    };
    assert!(
        spaced.verify(&coordinator).is_err(),
        "the exact bytes are signed"
    );
    for broken in ["", "0x", "zz", &signed.signature[2..], "é"] {
        let broken = SignedReceipt {
            signature: broken.to_owned(),
            ..signed.clone()
        };
        assert_eq!(broken.verify(&coordinator), Err(ReceiptError::BadSignature));
    }
}

#[test]
fn a_signature_with_a_prefix_is_read_too() {
    let signed = receipt().sign(&key());
    let prefixed = SignedReceipt {
        signature: format!("0x{}", signed.signature),
        ..signed
    };
    assert!(prefixed.verify(&address(&key())).is_ok());
}

/// `receipts/receipt_a.json`, from zkparty/trusted-setup-frontend: signed by the original coordinator.
#[test]
fn the_original_coordinators_receipt_recovers_to_its_address() {
    let Some(text) = shared_data("receipts/receipt_a.json") else {
        return;
    };
    let signed: SignedReceipt = serde_json::from_str(&text).unwrap();
    let coordinator = "0x1C5c1289620f4f02D7cC29dda63C71106c04a7EC";
    assert_eq!(signed.signer().unwrap(), coordinator);
    let receipt = signed.verify(coordinator).unwrap();
    assert_eq!(
        receipt.identity.as_str(),
        "eth|0xe4721a80c6e56f4ebeed6acee91b3ee715e7dd64"
    );
    assert_eq!(receipt.witness.len(), 4);
    assert_eq!(
        receipt.to_json(),
        signed.receipt,
        "our text of it has the same bytes"
    );
}

/// `receipts/receipt_b.json`, from StefanBratanov/chotto: the signer is not known.
#[test]
fn another_published_receipt_recovers_to_some_address_each_time() {
    let Some(text) = shared_data("receipts/receipt_b.json") else {
        return;
    };
    let signed: SignedReceipt = serde_json::from_str(&text).unwrap();
    let signer = signed.signer().unwrap();
    assert_eq!(signed.signer().unwrap(), signer);
    let receipt = signed.verify(&signer).unwrap();
    assert_eq!(receipt.to_json(), signed.receipt);
}

#[test]
fn equal_secrets_are_warned_of_beside_the_receipt() {
    let answer = |keys: &[u8]| {
        let keys: Vec<[u8; 96]> = keys.iter().map(|key| [*key; 96]).collect();
        let receipt = Receipt::new(Identity::eth([0xa1; 20]), keys.iter().map(|key| &key[..]));
        serde_json::to_value(ReceiptAnswer::from(receipt.sign(&key()))).unwrap()
    };
    let honest = answer(&[1, 2, 3, 4]);
    assert_eq!(honest.as_object().unwrap().len(), 2, "{honest}");
    let receipt = Receipt::new(
        Identity::eth([0xa1; 20]),
        [[1_u8; 96]].iter().map(|key| &key[..]),
    );
    let numbered = ReceiptAnswer::from(receipt.sign(&key())).numbered(1043);
    assert_eq!(serde_json::to_value(numbered).unwrap()["number"], 1043);
    let twice = answer(&[1, 2, 1, 2]);
    let warnings = twice["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2);
    assert!(
        warnings[1]
            .as_str()
            .unwrap()
            .starts_with("the sub-ceremonies 1, 3 have")
    );
    assert!(twice["receipt"].is_string() && twice["signature"].is_string());
}
