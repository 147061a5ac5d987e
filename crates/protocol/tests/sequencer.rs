//! The sequencer's codes and texts, against the contract: a row here for each of its rows
//! (`docs/spec/sequencer.md#errors`).
#![allow(clippy::unwrap_used)]

use tauline_protocol::sequencer::{Code, SequencerStatus};

/// What the placeholders of the contract stand for in the rows below.
const VALUES: [(&str, &dyn std::fmt::Display); 5] = [
    ("i", &2),
    ("j", &7),
    ("expected", &4),
    ("got", &3),
    ("cause", &"Point is not compressed"),
];

const CONTRACT: &[(u16, &str, &str)] = &[
    (400, "SessionError::InvalidSessionId", "unknown session id"),
    (
        401,
        "TryContributeError::UnknownSessionId",
        "unknown session id",
    ),
    (
        400,
        "TryContributeError::RateLimited",
        "call came too early. rate limited",
    ),
    (
        200,
        "TryContributeError::AnotherContributionInProgress",
        "another contribution in progress",
    ),
    (400, "TryContributeError::LobbyIsFull", "lobby is full"),
    (
        500,
        "TryContributeError::TaskError",
        "background task error: Point is not compressed",
    ),
    (
        500,
        "StorageError::DatabaseError",
        "Point is not compressed",
    ),
    (
        400,
        "ContributeError::NotUsersTurn",
        "not your turn to participate",
    ),
    (
        400,
        "CeremoniesError::UnexpectedNumContributions",
        "contribution invalid: Unexpected number of contributions: expected 4, got 3",
    ),
    (
        400,
        "CeremonyError::UnexpectedNumG1Powers",
        "contribution invalid: Error in contribution 2: Unexpected number of G1 powers: expected 4, got 3",
    ),
    (
        400,
        "CeremonyError::UnexpectedNumG2Powers",
        "contribution invalid: Error in contribution 2: Unexpected number of G2 powers: expected 4, got 3",
    ),
    (
        400,
        "CeremonyError::InvalidG1Power",
        "contribution invalid: Error in contribution 2: Error parsing G1 power 7: Point is not compressed",
    ),
    (
        400,
        "CeremonyError::InvalidG2Power",
        "contribution invalid: Error in contribution 2: Error parsing G2 power 7: Point is not compressed",
    ),
    (
        400,
        "CeremonyError::ZeroPubkey",
        "contribution invalid: Error in contribution 2: pubkey is zero",
    ),
    (
        400,
        "CeremonyError::PubKeyPairingFailed",
        "contribution invalid: Error in contribution 2: Pubkey pairing check failed",
    ),
    (
        400,
        "CeremonyError::G1PairingFailed",
        "contribution invalid: Error in contribution 2: G1 pairing check failed",
    ),
    (
        400,
        "CeremonyError::G2PairingFailed",
        "contribution invalid: Error in contribution 2: G2 pairing check failed",
    ),
    (
        500,
        "ContributeError::TaskError",
        "background task error: Point is not compressed",
    ),
];

/// Declared by the sequencer and never raised by it, so that no text of theirs is relied on.
const DECLARED: &[&str] = &[
    "CeremonyError::InvalidG1FirstValue",
    "CeremonyError::InvalidG2FirstValue",
    "CeremonyError::ZeroG1",
    "CeremonyError::ContributionNoEntropy",
];

#[test]
fn codes_statuses_and_texts_are_the_contracts() {
    for (status, code, text) in CONTRACT {
        let ours = Code::ALL.iter().find(|ours| ours.as_str() == *code);
        let ours = ours.unwrap_or_else(|| panic!("{code} is missing"));
        assert_eq!(ours.status(), *status, "{code}");
        assert_eq!(ours.text(&VALUES), *text, "{code}");
        let body = serde_json::to_string(&ours.body(*text)).unwrap();
        assert_eq!(body, format!(r#"{{"code":"{code}","error":"{text}"}}"#));
    }
}

#[test]
fn there_is_no_code_that_the_sequencer_did_not_declare() {
    for code in Code::ALL {
        let known = CONTRACT.iter().any(|(_, known, _)| *known == code.as_str());
        let declared = DECLARED.contains(&code.as_str());
        assert!(known ^ declared, "{}", code.as_str());
    }
    assert_eq!(Code::ALL.len(), CONTRACT.len() + DECLARED.len());
}

#[test]
fn no_text_is_left_with_a_name_in_braces() {
    for code in Code::ALL {
        let text = code.text(&VALUES);
        assert!(!text.contains(['{', '}']), "{text}");
    }
}

#[test]
fn the_status_has_the_three_fields_that_clients_read_and_no_other() {
    let status = SequencerStatus {
        lobby_size: 3,
        num_contributions: 7,
        sequencer_address: "0xAbC".to_owned(),
    };
    assert_eq!(
        serde_json::to_string(&status).unwrap(),
        r#"{"lobby_size":3,"num_contributions":7,"sequencer_address":"0xAbC"}"#
    );
}
