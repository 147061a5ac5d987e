//! All that a store holds, as it is carried from one store to another.

use tauline_protocol::Identity;
use tauline_protocol::journal::Digest;
use tauline_queue_core::Ticket;
use zeroize::Zeroizing;

use crate::batch::Blob;
use crate::chain::{Chain, StoredRecord};
use crate::contribution::Contribution;
use crate::error::StoreError;
use crate::session::Session;

/// How many things are read at a time, which bounds the memory.
pub(crate) const PAGE: u32 = 1024;

/// Names and values of what is said of the ceremony as a whole, by name.
pub(crate) type Meta = Vec<(String, Zeroizing<Vec<u8>>)>;

/// A contribution, and the sum with which it was stored.
pub(crate) type Summed = (Contribution, Option<Digest>);

/// A GitHub account as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Its place in the order in which accounts came, from 1.
    pub(crate) number: u64,
    /// GitHub's number of it.
    pub(crate) id: u64,
    pub(crate) identity: Identity,
    pub(crate) sum: Digest,
}

/// A store at one moment.
pub(crate) trait Source {
    fn meta(&mut self) -> Result<Meta, StoreError>;
    /// At most a [`PAGE`] of records, in order, from this number on.
    fn records(&mut self, from: u64) -> Result<Vec<StoredRecord>, StoreError>;
    /// At most a [`PAGE`] of contributions, in order, after this number.
    fn contributions(&mut self, after: u64) -> Result<Vec<Summed>, StoreError>;
    /// The tickets of the powers that still count, in order.
    fn blob_tickets(&mut self) -> Result<Vec<Ticket>, StoreError>;
    fn blob(&mut self, ticket: Ticket) -> Result<Option<Blob>, StoreError>;
    /// At most a [`PAGE`] of accounts, in order, after this number.
    fn accounts(&mut self, after: u64) -> Result<Vec<Account>, StoreError>;
    /// All sessions, by their ends and hashes.
    fn sessions(&mut self) -> Result<Vec<Session>, StoreError>;
}

/// A store that nobody knows of yet, and that is empty.
pub(crate) trait Sink {
    fn put_meta(&mut self, meta: &Meta) -> Result<(), StoreError>;
    fn put_records(&mut self, records: &[StoredRecord]) -> Result<(), StoreError>;
    fn put_contributions(&mut self, contributions: &[Summed]) -> Result<(), StoreError>;
    fn put_blob(&mut self, ticket: Ticket, blob: &Blob) -> Result<(), StoreError>;
    fn put_accounts(&mut self, accounts: &[Account]) -> Result<(), StoreError>;
    fn put_sessions(&mut self, sessions: &[Session]) -> Result<(), StoreError>;
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) records: u64,
    pub(crate) contributions: u64,
    pub(crate) accounts: u64,
    pub(crate) sessions: u64,
}

/// Copies everything.
pub(crate) fn copy(from: &mut dyn Source, to: &mut dyn Sink) -> Result<Amount, StoreError> {
    to.put_meta(&from.meta()?)?;
    let mut amount = Amount {
        records: 0,
        contributions: 0,
        accounts: 0,
        sessions: 0,
    };
    loop {
        let page = from.records(amount.records)?;
        let Some(last) = page.last() else { break };
        amount.records = last.seq + 1;
        to.put_records(&page)?;
    }
    loop {
        let page = from.contributions(amount.contributions)?;
        let Some((last, _)) = page.last() else { break };
        amount.contributions = last.number;
        to.put_contributions(&page)?;
    }
    for ticket in from.blob_tickets()? {
        if let Some(blob) = from.blob(ticket)? {
            to.put_blob(ticket, &blob)?;
        }
    }
    loop {
        let page = from.accounts(amount.accounts)?;
        let Some(last) = page.last() else { break };
        amount.accounts = last.number;
        to.put_accounts(&page)?;
    }
    let sessions = from.sessions()?;
    amount.sessions = sessions.len() as u64;
    to.put_sessions(&sessions)?;
    Ok(amount)
}

/// Reads both through, and checks that they hold the same, and that the log's chain is whole.
pub(crate) fn compare(one: &mut dyn Source, other: &mut dyn Source) -> Result<(), StoreError> {
    same("what is said of the ceremony", &one.meta()?, &other.meta()?)?;
    let mut chain = Chain::EMPTY;
    loop {
        let page = one.records(chain.records())?;
        same("the log", &page, &other.records(chain.records())?)?;
        if page.is_empty() {
            break;
        }
        for record in page {
            let follows = chain.append(record.bytes.clone(), record.ended);
            same("the log's chain", &record, &follows)?;
        }
    }
    let mut after = 0;
    loop {
        let page = one.contributions(after)?;
        same("the contributions", &page, &other.contributions(after)?)?;
        let Some((last, _)) = page.last() else { break };
        after = last.number;
    }
    let tickets = one.blob_tickets()?;
    same("the powers", &tickets, &other.blob_tickets()?)?;
    for ticket in tickets {
        same("the powers", &one.blob(ticket)?, &other.blob(ticket)?)?;
    }
    let mut after = 0;
    loop {
        let page = one.accounts(after)?;
        same("the accounts", &page, &other.accounts(after)?)?;
        let Some(last) = page.last() else { break };
        after = last.number;
    }
    same("the sessions", &one.sessions()?, &other.sessions()?)
}

fn same<T: PartialEq>(what: &str, one: &T, other: &T) -> Result<(), StoreError> {
    match one == other {
        true => Ok(()),
        false => Err(StoreError::damaged(format!(
            "{what} cannot be read back as it was written"
        ))),
    }
}
