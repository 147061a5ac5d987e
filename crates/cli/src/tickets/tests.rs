use tauline_log::checkpoint::{Checkpoint, Origin};
use tauline_log::note::{KeyName, Signer};
use tauline_log::tree::Tree;
use tauline_protocol::statement::{PromiseStatement, TicketStatement};
use tauline_queue_core::{Ticket, Timestamp};

use super::*;

const ORIGIN: &str = "ceremony.example.org/log";
const NONCE: Hex32 = Hex32([3; 32]);

fn signer() -> Signer {
    let name: KeyName = ORIGIN.parse().unwrap();
    Signer::from_seed(name, &[7; 32])
}

fn origin() -> KeyName {
    ORIGIN.parse().unwrap()
}

/// What joining is answered with.
fn joined(identity: &Identity, number: u64, covered: bool) -> QueueStatus {
    let mut tree = Tree::new();
    (0..=number).for_each(|n| {
        tree.push(format!("entry {n}"));
    });
    let head = tree.at(number + u64::from(covered)).unwrap().head();
    let log: Origin = ORIGIN.parse().unwrap();
    let ticket = Statement::Ticket(TicketStatement {
        origin: origin(),
        ticket: Ticket::new(number),
        commitment: Commitment::new(identity, &NONCE.0),
        entry: number,
        leaf: Hex32(*tree.leaf(number).unwrap().as_bytes()),
        at: Timestamp::EPOCH,
    });
    let mut status: QueueStatus = serde_json::from_value(serde_json::json!({
        "id": identity,
        "ticket": number,
        "queueStatus": "queued",
        "queuePosition": 1,
        "expectedStartTime": null,
        "expectedStartInMs": null,
        "nextCheckinTime": null,
        "nextCheckinInMs": null,
        "ended": null,
        "receipt": null,
    }))
    .unwrap();
    status.signed_ticket = Some(SignedTicket {
        ticket: ticket.sign(&signer()).unwrap().to_string(),
        nonce: NONCE,
        checkpoint: Checkpoint::new(log, head)
            .sign(&signer())
            .unwrap()
            .to_string(),
        origin: ORIGIN.to_owned(),
        log_key: signer().verifier_key().to_string(),
    });
    status.promise = Some(promise(number, 30_000));
    status
}

fn promise(number: u64, until: u64) -> String {
    promise_by(&signer(), number, until)
}

fn promise_by(signer: &Signer, number: u64, until: u64) -> String {
    let promise = Statement::Promise(PromiseStatement {
        origin: origin(),
        ticket: Ticket::new(number),
        phase: PromisedPhase::Waiting,
        kept_until: Timestamp::from_millis(until),
        at: Timestamp::EPOCH,
    });
    promise.sign(signer).unwrap().to_string()
}

fn in_directory(directory: &Path) -> Tickets {
    let server = Url::parse("https://ceremony.example.org").unwrap();
    Tickets::new(Some(directory.to_owned()), server)
}

#[test]
fn one_file_keeps_all_stays_of_a_participant_and_the_last_promise_of_each() {
    let directory = tempfile::tempdir().unwrap();
    let anna: Identity = "invite|anna".parse().unwrap();
    let mut tickets = in_directory(directory.path());
    tickets.joined(&joined(&anna, 1, true)).unwrap();
    let mut later = joined(&anna, 1, true);
    later.promise = Some(promise(1, 60_000));
    tickets.checked_in(&later).unwrap();
    // Another run of the program goes on with the same file.
    let mut tickets = in_directory(directory.path());
    tickets.joined(&joined(&anna, 2, true)).unwrap();
    let path = tickets.path().unwrap();
    let kept = Keepsake::from_json(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(kept.stays.len(), 2);
    assert_eq!(kept.stays[0].waiting, Some(promise(1, 60_000)));
    assert_eq!(kept.stays[1].waiting, Some(promise(2, 30_000)));
    assert_eq!(kept.nonce, Some(NONCE));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_is_not_signed_for_this_participant_is_told_and_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let anna: Identity = "invite|anna".parse().unwrap();
    let mut of_bert = joined(&"invite|bert".parse().unwrap(), 1, true);
    of_bert.id = anna.clone();
    let uncovered = joined(&anna, 1, false);
    let mut altered = joined(&anna, 1, true);
    let signed = altered.signed_ticket.as_mut().unwrap();
    signed.ticket = signed.ticket.replace("entry 1", "entry 0");
    for (status, why) in [
        (of_bert, "no ticket of this participant"),
        (uncovered, "does not cover it"),
        (altered, "not valid"),
    ] {
        let mut tickets = in_directory(directory.path());
        let told = tickets.joined(&status).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
        assert_eq!(tickets.path(), None);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_log_that_changes_its_key_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let anna: Identity = "invite|anna".parse().unwrap();
    in_directory(directory.path())
        .joined(&joined(&anna, 1, true))
        .unwrap();
    let mut tickets = in_directory(directory.path());
    let other = Signer::from_seed(origin(), &[8; 32]);
    let told = tickets.open(&anna, ORIGIN, &other.verifier_key().to_string());
    let told = told.unwrap_err().to_string();
    assert!(told.contains("another key"), "{told}");
}

#[test]
fn what_a_replaced_key_signs_is_kept_once_it_was_found_to_be_the_logs() {
    let directory = tempfile::tempdir().unwrap();
    let anna: Identity = "invite|anna".parse().unwrap();
    let mut tickets = in_directory(directory.path());
    tickets.joined(&joined(&anna, 1, true)).unwrap();
    let other = Signer::from_seed(origin(), &[8; 32]);
    let mut later = joined(&anna, 1, true);
    later.promise = Some(promise_by(&other, 1, 60_000));
    let told = tickets.checked_in(&later).unwrap_err();
    let id = other.verifier_key().id();
    assert!(
        matches!(told, NotKept::OtherKey { id: found, .. } if found == id),
        "{told}"
    );
    tickets.certified(other.verifier_key());
    tickets.checked_in(&later).unwrap();
    let moved = Url::parse("https://next.example.org/").unwrap();
    tickets.moved_to(&moved).unwrap();
    assert_eq!(tickets.log_key().as_ref(), Some(other.verifier_key()));
    let kept = Keepsake::from_json(&std::fs::read(tickets.path().unwrap()).unwrap()).unwrap();
    assert_eq!(kept.stays.len(), 1);
    assert_eq!(kept.stays[0].waiting, later.promise);
    assert_eq!(kept.log_key, other.verifier_key().to_string());
    assert_eq!(kept.server, "https://next.example.org/");
}

#[test]
fn a_file_that_is_none_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let anna: Identity = "invite|anna".parse().unwrap();
    let path = directory.path().join(file_name(&anna, ORIGIN));
    std::fs::write(&path, "my notes").unwrap();
    let mut tickets = in_directory(directory.path());
    let told = tickets.joined(&joined(&anna, 1, true)).unwrap_err();
    assert!(told.to_string().contains("is left alone"), "{told}");
    assert_eq!(std::fs::read(&path).unwrap(), b"my notes");
}
