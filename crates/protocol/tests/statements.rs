//! Tickets, promises and refusals: pinned, read back, and nothing else is taken for one.
#![allow(clippy::unwrap_used)]

mod common;

use common::assert_golden;
use tauline_log::note::Signer;
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_protocol::keepsake::{KEEPSAKE_VERSION, Keepsake, KeepsakeError, KeptStay};
use tauline_protocol::public_log::{Commitment, Hex32};
use tauline_protocol::statement::{
    PromiseStatement, PromisedPhase, RefusalStatement, SignStatementError, SignedStatement,
    Statement, StatementError, TicketStatement, UntrustedStatement,
};
use tauline_queue_core::{Mode, Ticket, Timestamp};

const ORIGIN: &str = "ceremony.example.org/log";

fn signer() -> Signer {
    Signer::from_seed(ORIGIN.parse().unwrap(), &[7; 32])
}

fn identity() -> Identity {
    Identity::eth([0xa1; 20])
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_795_970_065_000 + millis)
}

fn statements() -> [(&'static str, Statement); 3] {
    let origin = || ORIGIN.parse().unwrap();
    let commitment = Commitment::new(&identity(), &[9; 32]);
    let ticket = TicketStatement {
        origin: origin(),
        ticket: Ticket::new(12),
        commitment,
        entry: 57,
        leaf: Hex32([3; 32]),
        at: at(0),
    };
    let promise = PromiseStatement {
        origin: origin(),
        ticket: Ticket::new(12),
        phase: PromisedPhase::Waiting,
        kept_until: at(30_000),
        at: at(5),
    };
    let refusal = RefusalStatement {
        origin: origin(),
        commitment,
        code: Code::Draining,
        mode: Mode::Draining,
        log_size: 58,
        at: at(7),
    };
    [
        ("ticket", Statement::Ticket(ticket)),
        ("promise", Statement::Promise(promise)),
        ("refusal", Statement::Refusal(refusal)),
    ]
}

#[test]
fn each_statement_is_pinned_and_read_back() {
    for (name, statement) in statements() {
        let signed = statement.clone().sign(&signer()).unwrap();
        let text = signed.to_string();
        assert_golden(&format!("statement-{name}.txt"), &text);
        let read = SignedStatement::parse(text.as_bytes()).unwrap();
        assert_eq!(read.verify(signer().verifier_key()), Ok(&statement));
        assert_eq!(read.to_string(), text);
    }
}

#[test]
fn a_text_in_another_form_is_no_statement() {
    let [(_, ticket), (_, promise), (_, refusal)] = statements();
    for (text, from, to, line, field) in [
        (&ticket, "ticket 12", "ticket twelve", 3, "ticket"),
        (&ticket, "leaf 03", "leaf 3", 6, "leaf"),
        (&ticket, "entry 57\n", "", 5, "entry"),
        (&promise, "phase waiting", "phase called", 4, "phase"),
        (&refusal, "mode draining", "mode closed", 5, "mode"),
        (
            &refusal,
            "code Queue::Draining",
            "code Queue::Whatever",
            4,
            "code",
        ),
    ] {
        let changed = text.to_string().replace(from, to);
        let error = changed.parse::<Statement>().unwrap_err();
        let told = error.to_string();
        assert!(
            told.starts_with(&format!("line {line} ")) && told.contains(field),
            "{from} to {to}: {told}"
        );
    }
    for (from, to) in [
        ("ticket 12", "ticket 012"),
        ("ticket 12", "ticket +12"),
        ("\nat ", "\r\nat "),
        ("065000\n", "065000\nmore 1\n"),
        ("065000\n", "065000"),
        ("1795970065000", "18446744073709551615"),
    ] {
        let changed = ticket.to_string().replace(from, to);
        assert_eq!(
            changed.parse::<Statement>(),
            Err(StatementError::OtherForm),
            "{from:?} to {to:?}"
        );
    }
    let checkpoint = format!("{ORIGIN}\n3\n{}\n", "A".repeat(44));
    for text in ["", "tauline ticket v2\n", &checkpoint] {
        assert_eq!(
            text.parse::<Statement>(),
            Err(StatementError::UnknownKind),
            "{text:?}"
        );
    }
}

#[test]
fn only_the_key_of_the_log_signs_its_statements() {
    let [(_, ticket), ..] = statements();
    let other = Signer::from_seed("other.example.org/log".parse().unwrap(), &[7; 32]);
    assert!(matches!(
        ticket.clone().sign(&other),
        Err(SignStatementError::OtherLog { .. })
    ));
    let signed = ticket.sign(&signer()).unwrap();
    assert!(matches!(
        signed.verify(other.verifier_key()),
        Err(UntrustedStatement::OtherLog { .. })
    ));
    let namesake = Signer::from_seed(ORIGIN.parse().unwrap(), &[8; 32]);
    assert!(matches!(
        signed.verify(namesake.verifier_key()),
        Err(UntrustedStatement::Signature(_))
    ));
    let text = signed.to_string().replace("ticket 12", "ticket 13");
    let forged = SignedStatement::parse(text.as_bytes()).unwrap();
    assert!(matches!(
        forged.verify(signer().verifier_key()),
        Err(UntrustedStatement::Signature(_))
    ));
}

#[test]
fn a_keepsake_is_pinned_and_read_back() {
    let [ticket, promise, refusal] =
        statements().map(|(_, statement)| statement.sign(&signer()).unwrap().to_string());
    let keepsake = Keepsake {
        v: KEEPSAKE_VERSION,
        server: "https://ceremony.example.org".to_owned(),
        origin: ORIGIN.to_owned(),
        log_key: signer().verifier_key().to_string(),
        identity: identity(),
        nonce: Some(Hex32([9; 32])),
        stays: vec![KeptStay {
            ticket,
            checkpoint: None,
            waiting: Some(promise),
            ready: None,
        }],
        refusals: vec![refusal],
        checkpoint: None,
        receipt: None,
    };
    let text = keepsake.to_json();
    assert_golden("keepsake.json", text.trim_end());
    assert_eq!(Keepsake::from_json(text.as_bytes()).unwrap(), keepsake);
    let later = text.replace("\"v\": 1", "\"v\": 2");
    assert!(matches!(
        Keepsake::from_json(later.as_bytes()),
        Err(KeepsakeError::Newer { found: 2 })
    ));
}
