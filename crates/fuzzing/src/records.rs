//! Whatever bytes arrive as a record, an entry, something signed, a file of what was signed, a message or
//! the head of a bundle, reading them never panics, and what is accepted is the same when it was written
//! and read again: byte for byte, where it has one form.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tauline_audit::{Auditor, Expected};
use tauline_protocol::Identity;
use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_protocol::contribution::{AbortRequest, SignedReceipt, StartRequest};
use tauline_protocol::error::ErrorBody;
use tauline_protocol::journal::Record;
use tauline_protocol::keepsake::Keepsake;
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer};
use tauline_protocol::public_log::{Blinding, EntryError, PublicEntry, SuccessorKey};
use tauline_protocol::receipt::Receipt;
use tauline_protocol::statement::{SignedStatement, Statement};
use tauline_protocol::status::{CeremonyStatus, QueueStatus};
use tauline_store::fuzzing::bundle_head;

/// JSON that is accepted as this means the same when it was written and read again.
fn message<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&read).expect("a message can be written");
        let again: T = serde_json::from_slice(&written).expect("a message can be read again");
        assert_eq!(again, read);
    }
}

fn messages(bytes: &[u8]) {
    message::<AdminRequest>(bytes);
    message::<AdminAnswer>(bytes);
    message::<StartRequest>(bytes);
    message::<AbortRequest>(bytes);
    message::<LoginRequest>(bytes);
    message::<LoginAnswer>(bytes);
    message::<NonceAnswer>(bytes);
    message::<CeremonyStatus>(bytes);
    message::<QueueStatus>(bytes);
    message::<ErrorBody>(bytes);
    message::<Receipt>(bytes);
    if let Ok(receipt) = serde_json::from_slice::<SignedReceipt>(bytes) {
        let _ = (receipt.signer(), receipt.warnings());
    }
    message::<SignedReceipt>(bytes);
}

fn record(bytes: &[u8]) {
    let Ok(record) = Record::from_bytes(bytes) else {
        return;
    };
    let again = Record::from_bytes(&record.to_bytes()).expect("a record can be read again");
    assert_eq!(again, record);
    // The public log's entry of it can be read by everybody.
    let missing = |_| Err(EntryError::Incomplete("no contribution that was accepted"));
    if let Ok(entry) = PublicEntry::of_record(&record, &Blinding::new([7; 32]), missing) {
        let read = PublicEntry::from_bytes(&entry.to_bytes()).expect("an entry can be read");
        assert_eq!(read, entry);
    }
}

fn signed(bytes: &[u8]) {
    if let Ok(signed) = SignedStatement::parse(bytes) {
        assert_eq!(signed.to_string().as_bytes(), bytes);
        let said = signed.unverified();
        let again: Statement = said.to_string().parse().expect("it can be read again");
        assert_eq!(&again, said);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(statement) = text.parse::<Statement>() {
            assert_eq!(statement.to_string(), text);
        }
        if let Ok(key) = text.parse::<SuccessorKey>() {
            assert_eq!(key.to_string(), text);
        }
        if let Ok(identity) = text.parse::<Identity>() {
            assert_eq!(identity.as_str(), text);
        }
    }
}

/// A log of these lines, which an auditor reads who knows what somebody has kept.
fn audit(bytes: &[u8]) {
    let mut auditor = Auditor::new(Expected::default());
    if let Ok(kept) = Keepsake::from_json(bytes) {
        let again = Keepsake::from_json(kept.to_json().as_bytes());
        assert_eq!(again.expect("it can be read again"), kept);
        auditor.check_keepsake(kept).expect("nothing was read yet");
    }
    for entry in bytes.split(|byte| *byte == b'\n') {
        if let Ok(read) = PublicEntry::from_bytes(entry) {
            assert_eq!(read.to_bytes(), entry);
        }
        if auditor.push(entry).is_err() {
            break;
        }
    }
    let _ = auditor.report();
}

fn all(bytes: &[u8]) {
    messages(bytes);
    record(bytes);
    signed(bytes);
    audit(bytes);
    if let Ok(statement) = bundle_head(bytes) {
        let _ = statement.tree();
    }
}

/// Takes the bytes for a record, an entry, something signed, a keepsake, a message and the head of a bundle.
///
/// # Panics
/// When what was accepted is written otherwise than it was read.
pub fn check(bytes: &[u8]) {
    all(bytes);
    // The golden records are kept as digits.
    if let Ok(bytes) = hex::decode(bytes.trim_ascii_end()) {
        record(&bytes);
    }
}
