//! What the coordinator said to others, and whether some data bears it out.

use std::collections::HashMap;
use std::fmt::Debug;

use serde::Deserialize as _;
use serde_json::Value;
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::tree::TreeHead;
use tauline_protocol::Identity;
use tauline_protocol::admin::AdminAnswer;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::receipt::Receipt;
use tauline_protocol::statement::{SignedStatement, Statement, TicketStatement};
use tauline_protocol::status::{CeremonyStatus, EndedWord, LogHead, QueueStatus};
use tauline_queue_core::Outcome;
use tauline_store::Store;
use tauline_store::check::Checked;

/// Something that somebody was told, and may rely on.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// The program serves.
    Serves,
    /// The address of the coordinator.
    Coordinator(String),
    /// A checkpoint of the public log.
    Checkpoint(TreeHead),
    /// The end of the log's chain.
    Head(LogHead),
    /// A signed ticket.
    Ticket(TicketStatement),
    /// A ticket, and how the stay ended if it is over.
    Standing {
        id: Identity,
        ticket: u64,
        ended: Option<EndedWord>,
    },
    /// A contribution was accepted.
    Receipt(Identity),
}

impl Told {
    /// Whether the data holds what was told. Nobody in these tests joins twice.
    pub(crate) fn is_borne_out(&self, store: &dyn Store, checked: &Checked) -> Result<(), String> {
        match self {
            Self::Serves => Ok(()),
            Self::Coordinator(address) => {
                same("the coordinator", &store.ceremony().address(), address)
            }
            Self::Checkpoint(head) => checkpoint(*head, store, checked),
            Self::Head(head) => chain(head, store),
            Self::Ticket(told) => ticket(told, checked),
            Self::Standing { id, ticket, ended } => standing(id, *ticket, *ended, checked),
            Self::Receipt(id) => receipt(id, store, checked),
        }
    }
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, told: &T) -> Result<(), String> {
    match found == told {
        true => Ok(()),
        false => Err(format!("{what} is {found:?}, and told was {told:?}")),
    }
}

/// The tree has grown from what was shown, and the guard knows of it
/// (`docs/spec/public-log.md#never-back`).
fn checkpoint(head: TreeHead, store: &dyn Store, checked: &Checked) -> Result<(), String> {
    let held = checked.tree.at(head.size);
    let held = held.map_err(|error| error.to_string())?;
    same("the root", &held.root(), &head.root)?;
    match store.last_signed() {
        Some(signed) if signed.tree.size >= head.size => Ok(()),
        guard => Err(format!("the guard has {guard:?}")),
    }
}

fn chain(head: &LogHead, store: &dyn Store) -> Result<(), String> {
    let Some(last) = head.records.checked_sub(1) else {
        return Ok(());
    };
    let records = store.log(last, 1).map_err(|error| error.to_string())?;
    let hash = records
        .first()
        .map(|record| format!("0x{}", hex::encode(record.hash)));
    same("the chain's hash", &hash, &Some(head.hash.clone()))
}

fn ticket(told: &TicketStatement, checked: &Checked) -> Result<(), String> {
    let number = usize::try_from(told.ticket.value() - 1).unwrap();
    let entry = checked.joined.get(number).copied();
    same("the entry of joining", &entry, &Some(told.entry))?;
    let leaf = checked.tree.leaf(told.entry).map(|leaf| *leaf.as_bytes());
    same("the leaf of joining", &leaf, &Some(told.leaf.0))
}

fn standing(
    id: &Identity,
    ticket: u64,
    ended: Option<EndedWord>,
    checked: &Checked,
) -> Result<(), String> {
    let state = checked.queue.state();
    let live = state.stay(id).map(|stay| stay.ticket.value());
    let past = state
        .past(id)
        .map(|past| (past.ticket.value(), EndedWord::from(past.outcome)));
    match ended {
        Some(ended) => same("the stay's end", &past, &Some((ticket, ended))),
        None if live == Some(ticket) => Ok(()),
        None if past.is_some_and(|(past, _)| past == ticket) => Ok(()),
        None => Err(format!("in line is {live:?}, past is {past:?}")),
    }
}

fn receipt(id: &Identity, store: &dyn Store, checked: &Checked) -> Result<(), String> {
    let past = checked.queue.state().past(id);
    let Some(past) = past.filter(|past| past.outcome == Outcome::Contributed) else {
        return Err(format!("the last stay is {past:?}"));
    };
    let kept = store.contribution(past.ticket);
    let kept = kept.map_err(|error| error.to_string())?;
    let contributor = kept.map(|one| one.identity);
    same("the contributor", &contributor, &Some(id.clone()))
}

/// What goes out on connections, put together to answers.
#[derive(Default)]
pub(crate) struct Answers {
    /// What has gone out of an answer that is not whole yet, by connection.
    begun: HashMap<String, Vec<u8>>,
}

impl Answers {
    /// Takes what went out, and tells what the answers say that are whole by it.
    pub(crate) fn hear(&mut self, connection: &str, bytes: &[u8]) -> Vec<Told> {
        let begun = self.begun.entry(connection.to_owned()).or_default();
        begun.extend(bytes);
        let mut told = Vec::new();
        while let Some((body, end)) = first_answer(begun) {
            told.extend(understood(&begun[body..end]));
            begun.drain(..end);
        }
        told
    }
}

/// Where the body of the first answer begins and ends, once it is whole. The operator's are lines, all
/// others HTTP.
fn first_answer(bytes: &[u8]) -> Option<(usize, usize)> {
    if bytes.starts_with(b"{") {
        return Some((0, end_of(b"\n", bytes)?));
    }
    if !bytes.starts_with(b"HTTP/1.1 ") {
        return None;
    }
    let body = end_of(b"\r\n\r\n", bytes)?;
    let head = String::from_utf8_lossy(&bytes[..body]).to_lowercase();
    let end = match field(&head, "content-length:") {
        Some(length) => body + length.parse::<usize>().unwrap(),
        None if field(&head, "transfer-encoding:").is_some() => {
            body + end_of(b"\r\n0\r\n\r\n", &bytes[body..])?
        }
        None => body,
    };
    (end <= bytes.len()).then_some((body, end))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines();
    lines.find_map(|line| line.strip_prefix(name).map(str::trim))
}

/// Where the first of these ends.
fn end_of(sought: &[u8], bytes: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(sought.len());
    let at = windows.position(|window| window == sought)?;
    Some(at + sought.len())
}

/// What an answer says that can be relied on.
fn understood(body: &[u8]) -> Vec<Told> {
    if let Ok(signed) = SignedCheckpoint::parse(body) {
        return vec![Told::Checkpoint(signed.unverified().tree)];
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Vec::new();
    };
    if let Ok(status) = QueueStatus::deserialize(&value) {
        return of_participant(&status);
    }
    if let Ok(AdminAnswer::Done { status, .. }) = AdminAnswer::deserialize(&value) {
        return of_ceremony(*status);
    }
    if let Ok(status) = CeremonyStatus::deserialize(&value) {
        return of_ceremony(status);
    }
    match SignedReceipt::deserialize(&value) {
        Ok(receipt) => vec![of_receipt(&receipt)],
        Err(_) => Vec::new(),
    }
}

fn of_participant(status: &QueueStatus) -> Vec<Told> {
    let mut told = Vec::new();
    if let Some(ticket) = status.ticket {
        told.push(Told::Standing {
            id: status.id.clone(),
            ticket,
            ended: status.ended,
        });
    }
    if let Some(signed) = &status.signed_ticket {
        let checkpoint = SignedCheckpoint::parse(signed.checkpoint.as_bytes()).unwrap();
        told.push(Told::Checkpoint(checkpoint.unverified().tree));
        let ticket = SignedStatement::parse(signed.ticket.as_bytes()).unwrap();
        if let Statement::Ticket(ticket) = ticket.unverified() {
            told.push(Told::Ticket(ticket.clone()));
        }
    }
    told.extend(status.receipt.as_ref().map(of_receipt));
    told
}

fn of_ceremony(status: CeremonyStatus) -> Vec<Told> {
    vec![
        Told::Coordinator(status.coordinator_address),
        Told::Head(status.log),
    ]
}

fn of_receipt(signed: &SignedReceipt) -> Told {
    let receipt: Receipt = serde_json::from_str(&signed.receipt).unwrap();
    Told::Receipt(receipt.identity)
}

#[test]
fn answers_are_put_together_from_pieces() {
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let receipt = r#"{"receipt":"{\"identity\":\"git|7|octocat\",\"witness\":[]}","signature":""}"#;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let all = format!("{chunked}{}{}{receipt}", head(0), head(receipt.len()));
    let mut answers = Answers::default();
    let mut told = Vec::new();
    for piece in all.as_bytes().chunks(9) {
        told.extend(answers.hear("a connection", piece));
    }
    assert!(matches!(&told[..], [Told::Receipt(_)]), "{told:?}");
    assert!(answers.begun["a connection"].is_empty());
}
