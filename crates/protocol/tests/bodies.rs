//! Every HTTP body and operator's message, pinned byte for byte, and read back.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Debug;

use common::assert_golden;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tauline_protocol::Identity;
use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_protocol::auth::{AuthAnswer, AuthCode, AuthLinks, AuthProvider, IdToken};
use tauline_protocol::contribution::{AbortRequest, ProbeAnswer, SignedReceipt, StartRequest};
use tauline_protocol::error::{Code, ErrorBody};
use tauline_protocol::kept::{ContributionsPiece, Found, KeptContribution, KeptPart};
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer, OAuthCallback, SiweProof};
use tauline_protocol::public_log::SuccessorKey;
use tauline_protocol::status::{
    CeremonyStatus, EndedWord, LogHead, ModeWord, MovedTo, Planned, QueueStatus, QueueWord,
    RecentTurn, SignInMethod, SubCeremony, TurnStatus,
};
use tauline_queue_core::Timestamp;

#[track_caller]
fn pinned<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_golden(name, &text);
    assert_eq!(
        &serde_json::from_str::<T>(&text).unwrap(),
        value,
        "{name} reads back"
    );
}

fn alice() -> Identity {
    Identity::eth([0xa1; 20])
}

fn receipt() -> SignedReceipt {
    SignedReceipt {
        receipt: r#"{"identity":"eth|0x…","witness":["0x…"]}"#.to_owned(),
        signature: "1b".repeat(65),
    }
}

fn waiting() -> QueueStatus {
    QueueStatus {
        id: alice(),
        ticket: Some(1042),
        queue_status: QueueWord::Queued,
        queue_position: Some(17),
        passed: 0,
        other_clients: 0,
        mode: ModeWord::Open,
        expected_start_time: Some(1_790_000_000),
        expected_start_in_ms: Some(1_041_000),
        next_checkin_time: Some(1_789_999_000),
        next_checkin_in_ms: Some(41_000),
        contribute_in_ms: None,
        ended: None,
        ended_because: None,
        signed_ticket: None,
        promise: None,
        receipt: None,
    }
}

fn ceremony() -> CeremonyStatus {
    CeremonyStatus {
        mode: ModeWord::Open,
        queue_length: 17,
        contributions: 1024,
        turn: Some(TurnStatus {
            ticket: 1025,
            phase: QueueWord::Contributing,
            age_in_ms: 30_250,
        }),
        mean_turn_in_ms: 61_000,
        contribution_limit_in_ms: 180_000,
        contribution_limit_max_in_ms: None,
        expected_wait_in_ms: 1_067_750,
        expected_start_time: 1_790_001_067,
        sub_ceremonies: vec![
            SubCeremony {
                num_g1_powers: 4096,
                num_g2_powers: 65,
            },
            SubCeremony {
                num_g1_powers: 8192,
                num_g2_powers: 65,
            },
        ],
        sign_in: vec![
            SignInMethod::Siwe,
            SignInMethod::Github,
            SignInMethod::Oidc,
            SignInMethod::Invite,
        ],
        coordinator_address: "0x1C5c1289620f4f02D7cC29dda63C71106c04a7EC".to_owned(),
        log: LogHead {
            records: 4321,
            hash: format!("0x{}", "5a".repeat(32)),
            cosigned: None,
            at: None,
        },
        planned: None,
        moved_to: None,
        time: 1_790_000_000,
        recent: None,
        name: None,
    }
}

fn later() -> Timestamp {
    Timestamp::from_millis(1_790_086_400_000)
}

/// The key whose secret is 1.
fn successor() -> SuccessorKey {
    "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        .parse()
        .unwrap()
}

fn moved_to() -> MovedTo {
    MovedTo {
        key: successor(),
        coordinator_address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf".to_owned(),
        url: Some("https://next.example.org".to_owned()),
    }
}

#[test]
fn the_ceremonys_status_is_pinned() {
    pinned("ceremony-status.json", &ceremony());
    let idle = CeremonyStatus {
        mode: ModeWord::Halted,
        turn: None,
        ..ceremony()
    };
    pinned("ceremony-status-idle.json", &idle);
    let planned = CeremonyStatus {
        planned: Some(Planned {
            opens: None,
            drains: Some(1_790_086_400),
        }),
        ..ceremony()
    };
    pinned("ceremony-status-planned.json", &planned);
    let moved = CeremonyStatus {
        mode: ModeWord::Halted,
        turn: None,
        moved_to: Some(moved_to()),
        ..ceremony()
    };
    pinned("ceremony-status-moved.json", &moved);
    let told = CeremonyStatus {
        log: LogHead {
            at: Some(1_789_999_999),
            ..ceremony().log
        },
        recent: Some(vec![
            RecentTurn {
                ticket: 1023,
                ended: EndedWord::TimedOut,
                ended_at: 1_789_999_900,
                turn_in_ms: 195_250,
                number: None,
                identity: None,
            },
            RecentTurn {
                ticket: 1024,
                ended: EndedWord::Contributed,
                ended_at: 1_789_999_969,
                turn_in_ms: 31_250,
                number: Some(1024),
                identity: Some(alice()),
            },
        ]),
        name: Some("The ceremony of the examples".to_owned()),
        ..ceremony()
    };
    pinned("ceremony-status-recent.json", &told);
}

#[test]
fn single_contributions_are_pinned() {
    let part = KeptPart {
        before: format!("0x{}", "97".repeat(48)),
        running_product: format!("0x{}", "a1".repeat(48)),
        pot_pubkey: format!("0x{}", "b2".repeat(96)),
        bls_signature: format!("0x{}", "83".repeat(48)),
    };
    let unsigned = KeptPart {
        bls_signature: String::new(),
        ..part.clone()
    };
    let one = KeptContribution {
        number: 1024,
        identity: alice(),
        ticket: 1024,
        entry: Some(5310),
        joined_at: Some(1_789_999_000),
        started_at: Some(1_789_999_940),
        accepted_at: Some(1_789_999_969),
        turn_in_ms: Some(31_250),
        sub_ceremonies: vec![part, unsigned],
        ecdsa_signature: format!("0x{}", "1b".repeat(65)),
    };
    pinned("contribution.json", &one);
    let carried_over = KeptContribution {
        joined_at: None,
        started_at: None,
        accepted_at: None,
        turn_in_ms: None,
        sub_ceremonies: Vec::new(),
        ecdsa_signature: String::new(),
        ..one
    };
    pinned("contribution-carried-over.json", &carried_over);
    let piece = ContributionsPiece {
        first: 1025,
        identities: vec![alice(), Identity::github(583_231, "OctoCat").unwrap()],
        accepted_at: vec![None, Some(1_790_000_031)],
        turn_in_ms: vec![None, Some(28_900)],
    };
    pinned("contributions-piece.json", &piece);
    pinned("found.json", &Found { number: 1024 });
}

#[test]
fn the_queue_status_is_pinned() {
    pinned("queue-status-waiting.json", &waiting());
    pinned(
        "queue-status-never-joined.json",
        &QueueStatus {
            ticket: None,
            queue_status: QueueWord::NotQueued,
            queue_position: None,
            expected_start_time: None,
            expected_start_in_ms: None,
            next_checkin_time: None,
            next_checkin_in_ms: None,
            ..waiting()
        },
    );
    let over = QueueStatus {
        queue_position: None,
        expected_start_time: None,
        expected_start_in_ms: None,
        next_checkin_time: None,
        next_checkin_in_ms: None,
        ..waiting()
    };
    pinned(
        "queue-status-invalid.json",
        &QueueStatus {
            queue_status: QueueWord::Expired,
            ended: Some(EndedWord::Invalid),
            ended_because: Some("G1 power 7 does not follow from the one before".to_owned()),
            ..over.clone()
        },
    );
    pinned(
        "queue-status-contributed.json",
        &QueueStatus {
            queue_status: QueueWord::Contributed,
            ended: Some(EndedWord::Contributed),
            receipt: Some(receipt()),
            ..over
        },
    );
}

#[test]
fn sign_in_bodies_are_pinned() {
    pinned(
        "nonce.json",
        &NonceAnswer {
            nonce: "kEWepMt9knR6lWJ6A".to_owned(),
            domain: "127.0.0.1:3000".to_owned(),
            uri: "http://127.0.0.1:3000".to_owned(),
            chain_id: 1,
            expires_at: 1_790_000_600,
            expires_in_ms: 600_000,
        },
    );
    pinned(
        "login-siwe.json",
        &LoginRequest::Siwe(SiweProof {
            message: "example.org wants you to sign in…".to_owned(),
            signature: format!("0x{}", "1b".repeat(65)),
        }),
    );
    pinned(
        "login-github.json",
        &LoginRequest::Github(OAuthCallback {
            code: "0123456789abcdef0123".to_owned(),
            state: "eyJ…".to_owned(),
        }),
    );
    pinned(
        "login-invite.json",
        &LoginRequest::Invite("spring-rain-4711".to_owned()),
    );
    pinned(
        "login-answer.json",
        &LoginAnswer {
            token: "ab".repeat(32),
            identity: alice(),
            expires_at: 1_790_086_400,
            expires_in_ms: 86_400_000,
        },
    );
}

#[test]
fn secrets_of_a_sign_in_are_not_in_its_debug_text() {
    let siwe = LoginRequest::Siwe(SiweProof {
        message: "m".repeat(9),
        signature: "s".repeat(9),
    });
    assert_eq!(format!("{siwe:?}"), "Siwe(…)");
    assert_eq!(
        format!("{:?}", LoginRequest::Invite("secret".to_owned())),
        "Invite(…)"
    );
    let answer = LoginAnswer {
        token: "secret".to_owned(),
        identity: alice(),
        expires_at: 0,
        expires_in_ms: 0,
    };
    assert!(!format!("{answer:?}").contains("secret"));
}

#[test]
fn bodies_of_a_turn_are_pinned() {
    pinned(
        "start.json",
        &StartRequest {
            client: Some("tauline 0.1.0".to_owned()),
            computation: Some("blst 0.3.17".to_owned()),
            checks_in: true,
        },
    );
    pinned("start-empty.json", &StartRequest::default());
    pinned(
        "abort.json",
        &AbortRequest {
            reason: Some("the laptop sleeps".to_owned()),
        },
    );
    pinned("abort-empty.json", &AbortRequest::default());
    pinned("receipt.json", &receipt());
    pinned("probe.json", &ProbeAnswer { limit: 10_123_456 });
}

#[test]
fn errors_are_pinned() {
    pinned(
        "error.json",
        &ErrorBody::new(Code::NotYourTurn, "it is not your turn: you are number 17"),
    );
    pinned(
        "error-moved.json",
        &ErrorBody {
            moved_to: Some(Box::new(moved_to())),
            ..ErrorBody::new(Code::HandedOver, "the ceremony goes on elsewhere")
        },
    );
}

#[test]
fn the_operators_messages_are_pinned() {
    let requests = [
        ("status", AdminRequest::Status),
        ("drain", AdminRequest::Drain { at: None }),
        ("open", AdminRequest::Open { at: None }),
        ("drain-planned", AdminRequest::Drain { at: Some(later()) }),
        ("open-planned", AdminRequest::Open { at: Some(later()) }),
        ("unplan", AdminRequest::Unplan),
        ("rotate-key", AdminRequest::RotateKey),
        (
            "handover",
            AdminRequest::Handover {
                to: successor(),
                url: Some("https://next.example.org".to_owned()),
                output: "/var/backups/handover".into(),
            },
        ),
        ("pause", AdminRequest::Pause),
        ("resume", AdminRequest::Resume),
        ("pardon", AdminRequest::Pardon { id: alice() }),
        (
            "expel",
            AdminRequest::Expel {
                ticket: 1042,
                reason: "holds twelve places under borrowed names".parse().unwrap(),
            },
        ),
        (
            "backup",
            AdminRequest::Backup {
                to: "/var/backups/ceremony.db".into(),
            },
        ),
    ];
    for (name, request) in requests {
        pinned(&format!("admin-{name}.json"), &request);
    }
    pinned(
        "admin-done.json",
        &AdminAnswer::Done {
            status: Box::new(ceremony()),
            paused: true,
        },
    );
    pinned(
        "admin-handed-over.json",
        &AdminAnswer::HandedOver {
            entries: 4321,
            root: "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=".to_owned(),
            output: "/var/backups/handover".into(),
        },
    );
    pinned(
        "admin-refused.json",
        &AdminAnswer::Refused {
            error: "use open".to_owned(),
        },
    );
}

#[test]
fn a_sign_in_proves_exactly_one_identity() {
    for wrong in [
        r"{}",
        r#"{"invite":"a","siwe":{"message":"m","signature":"s"}}"#,
        r#"{"siwe":{"message":"m"}}"#,
        r#"{"siwe":{"message":"m","signature":"s","extra":1}}"#,
        r#"{"siwe":["m","s"]}"#,
        r#"{"github":["c","s"]}"#,
        r#"["siwe",{"message":"m","signature":"s"}]"#,
        r#"{"password":"p"}"#,
        r#"{"invite":7}"#,
        r#""Invite""#,
        r"null",
    ] {
        assert!(
            serde_json::from_str::<LoginRequest>(wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_reason_for_an_expulsion_is_one_line_of_at_most_500_characters() {
    let expel = |reason: &str| {
        let request = serde_json::json!({"do": "expel", "ticket": 7, "reason": reason});
        serde_json::from_value::<AdminRequest>(request).map_err(|error| error.to_string())
    };
    for (wrong, why) in [
        (String::new(), "empty"),
        (" \t ".to_owned(), "empty"),
        ("two\nlines".to_owned(), "one line"),
        ("two\u{2028}lines".to_owned(), "one line"),
        ("a bell\u{7}".to_owned(), "one line"),
        ("é".repeat(501), "has 501 characters: 500 are the most"),
    ] {
        let error = expel(&wrong).unwrap_err();
        assert!(error.contains(why), "{wrong:?}: {error}");
    }
    for (right, kept) in [
        (" it floods ", "it floods"),
        (&"é".repeat(500), &"é".repeat(500)),
    ] {
        let reason = kept.parse().unwrap();
        assert_eq!(expel(right), Ok(AdminRequest::Expel { ticket: 7, reason }));
    }
    assert!(serde_json::from_str::<AdminRequest>(r#"{"do":"expel","ticket":7}"#).is_err());
}

#[test]
fn unknown_fields_of_requests_are_errors() {
    assert!(serde_json::from_str::<StartRequest>(r#"{"cleint":"x"}"#).is_err());
    assert!(serde_json::from_str::<AbortRequest>(r#"{"because":"x"}"#).is_err());
    assert!(serde_json::from_str::<AdminRequest>(r#"{"do":"pardon","who":"x"}"#).is_err());
    assert!(serde_json::from_str::<AdminRequest>(r#"{"do":"drain","in":"1 h"}"#).is_err());
}

#[test]
fn unknown_fields_of_answers_are_passed_over() {
    let mut status = serde_json::to_value(waiting()).unwrap();
    status["new"] = serde_json::json!({"in": "a later version"});
    assert_eq!(
        serde_json::from_value::<QueueStatus>(status).unwrap(),
        waiting()
    );
    let mut status = serde_json::to_value(ceremony()).unwrap();
    status["new"] = serde_json::json!([1]);
    assert_eq!(
        serde_json::from_value::<CeremonyStatus>(status).unwrap(),
        ceremony()
    );
}

#[test]
fn each_word_is_the_same_in_json_and_in_text() {
    let quoted = |text: &str| format!("{text:?}");
    let same = |json: String, text: &str| assert_eq!(json, quoted(text));
    for word in [
        QueueWord::NotQueued,
        QueueWord::Queued,
        QueueWord::ReadyToContribute,
        QueueWord::Contributing,
        QueueWord::Verifying,
        QueueWord::Contributed,
        QueueWord::Expired,
    ] {
        same(serde_json::to_string(&word).unwrap(), word.as_str());
    }
    for word in [ModeWord::Open, ModeWord::Draining, ModeWord::Halted] {
        same(serde_json::to_string(&word).unwrap(), word.as_str());
    }
    let ends = [
        (EndedWord::Contributed, "contributed"),
        (EndedWord::MissedCheckin, "missedCheckin"),
        (EndedWord::FailedToStart, "failedToStart"),
        (EndedWord::TimedOut, "timedOut"),
        (EndedWord::Stalled, "stalled"),
        (EndedWord::Invalid, "invalid"),
        (EndedWord::Aborted, "aborted"),
        (EndedWord::Left, "left"),
        (EndedWord::Expelled, "expelled"),
        (EndedWord::CoordinatorFault, "coordinatorFault"),
    ];
    for (word, text) in ends {
        assert_eq!(word.as_str(), text, "docs/spec/http-api.md#ended");
        same(serde_json::to_string(&word).unwrap(), text);
    }
}

#[test]
fn sign_in_in_a_browser_is_pinned() {
    pinned(
        "auth-links.json",
        &AuthLinks {
            eth_auth_url: "https://ceremony.example.org/auth/start/eth".to_owned(),
            github_auth_url: "https://ceremony.example.org/auth/start/github".to_owned(),
        },
    );
    pinned(
        "auth-answer.json",
        &AuthAnswer {
            id_token: IdToken {
                exp: 1_790_086_400,
                nickname: "OctoCat".to_owned(),
                provider: AuthProvider::Github,
                sub: Identity::github(583_231, "OctoCat").unwrap(),
            },
            session_id: "ab".repeat(32),
        },
    );
    let codes: Vec<String> = AuthCode::ALL
        .iter()
        .map(|code| format!("{} {}: {}", code.status(), code.as_str(), code.error()))
        .collect();
    assert_golden("auth-codes.txt", &codes.join("\n"));
}

#[test]
fn what_lets_somebody_in_is_not_formatted() {
    let callback = OAuthCallback {
        code: "hush-code".to_owned(),
        state: "hush-state".to_owned(),
    };
    let answer = AuthAnswer {
        id_token: IdToken {
            exp: 0,
            nickname: String::new(),
            provider: AuthProvider::Ethereum,
            sub: alice(),
        },
        session_id: "hush-session".to_owned(),
    };
    let request = LoginRequest::Github(callback.clone());
    let text = format!("{callback:?}{answer:?}{request:?}");
    assert!(!text.contains("hush"), "{text}");
}
