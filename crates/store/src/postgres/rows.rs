//! Writing and reading rows of the database.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tauline_log::tree::{Hash, TreeHead};
use tauline_protocol::Identity;
use tauline_protocol::journal::Digest;
use tauline_queue_core::{Ticket, Timestamp};
use tokio_postgres::Row;

use super::link::{Param, param};
use super::writer::Step;
use crate::batch::{Batch, Blob, Write};
use crate::chain::StoredRecord;
use crate::contribution::{Contribution, WITNESS_LEN, Witness};
use crate::error::StoreError;
use crate::session::Session;
use crate::signed::Signed;
use crate::sum;

/// Columns of a contribution, as [`contribution`] reads them.
macro_rules! contributions {
    ($rest:literal) => {
        concat!(
            "SELECT number, ticket, identity, witness, ecdsa, digest, sum FROM contributions ",
            $rest
        )
    };
}
pub(super) use contributions;

pub(super) const APPEND: &str = "SELECT append($1, $2, $3, $4, $5)";
pub(super) const PUT_BLOB: &str = "INSERT INTO blobs (ticket, digest, bytes) VALUES ($1, $2, $3)";
const DROP_BLOB: &str = "DELETE FROM blobs WHERE ticket = $1";
pub(super) const ACCEPT: &str =
    "INSERT INTO contributions (number, ticket, identity, witness, ecdsa, digest, sum)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(super) const PUT_META: &str = "INSERT INTO meta (key, value) VALUES ($1, $2)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// The name of the seed of the key that signs the public log.
pub(super) const LOG_KEY: &str = "log_key";

/// A number as a column holds it.
pub(super) fn number(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number)
        .map_err(|_| StoreError::Database(format!("{number} is too large for a column").into()))
}

/// A number from a column.
pub(super) fn unsigned(row: &Row, index: usize) -> Result<u64, StoreError> {
    let found: i64 = row.try_get(index)?;
    u64::try_from(found)
        .map_err(|_| StoreError::damaged(format!("{found} is stored where no number is negative")))
}

/// A hash from a column.
pub(super) fn digest(row: &Row, index: usize) -> Result<Digest, StoreError> {
    let found: &[u8] = row.try_get(index)?;
    found
        .try_into()
        .map_err(|_| StoreError::damaged("a hash has not 32 bytes".to_owned()))
}

/// The statements of a batch, in its order but for powers: these are sent first, since they may be on
/// their way for long, and only `append` keeps others from taking the lead.
pub(super) fn steps(epoch: i64, batch: &Batch) -> Result<Vec<Step>, StoreError> {
    let mut steps = Vec::new();
    let mut dropped = Vec::new();
    let mut powers = 0;
    let mut records = batch.writes.as_slice();
    while let Some((write, rest)) = records.split_first() {
        records = rest;
        match write {
            Write::Record(first) => {
                let run = run_of(first, rest);
                records = &rest[run.len() - 1..];
                steps.push(append(epoch, &run)?);
            }
            Write::Blob { ticket, blob } => {
                let step = put_blob(*ticket, blob)?;
                match dropped.contains(ticket) {
                    true => steps.push(step),
                    false => {
                        steps.insert(powers, step);
                        powers += 1;
                    }
                }
            }
            Write::DropBlob(ticket) => {
                dropped.push(*ticket);
                steps.push(Step::new(DROP_BLOB, vec![param(number(ticket.value())?)]));
            }
            Write::Accepted(one) => steps.push(accept(one, Some(one.sum()))?),
            Write::LogKey(seed) => steps.push(put_meta(LOG_KEY, seed.as_slice())),
        }
    }
    Ok(steps)
}

/// How long the powers in a batch may take on the slowest network that is reckoned with: one of a megabyte a
/// second.
pub(super) fn time_for(batch: &Batch) -> Duration {
    let bytes = batch.writes.iter().map(|write| match write {
        Write::Blob { blob, .. } => blob.bytes().len(),
        _ => 0,
    });
    Duration::from_micros(bytes.sum::<usize>() as u64)
}

/// The records that follow each other, beginning with this one.
fn run_of<'a>(first: &'a StoredRecord, rest: &'a [Write]) -> Vec<&'a StoredRecord> {
    let following = rest.iter().map_while(|write| match write {
        Write::Record(record) => Some(record),
        _ => None,
    });
    let numbered = (first.seq + 1..).zip(following);
    let consecutive = numbered.take_while(|(seq, record)| record.seq == *seq);
    std::iter::once(first)
        .chain(consecutive.map(|(_, record)| record))
        .collect()
}

/// Appends records with consecutive numbers.
pub(super) fn append(epoch: i64, records: &[&StoredRecord]) -> Result<Step, StoreError> {
    let first = records.first().map_or(0, |record| record.seq);
    let ended = |record: &&StoredRecord| record.ended.map(|it| number(it.value())).transpose();
    let bytes: Vec<Vec<u8>> = records.iter().map(|it| it.bytes.clone()).collect();
    let hashes: Vec<Vec<u8>> = records.iter().map(|it| it.hash.to_vec()).collect();
    let ended: Vec<Option<i64>> = records.iter().map(ended).collect::<Result<_, _>>()?;
    let params: Vec<Param> = vec![
        param(epoch),
        param(number(first)?),
        param(bytes),
        param(hashes),
        param(ended),
    ];
    Ok(Step::new(APPEND, params))
}

pub(super) fn put_blob(ticket: Ticket, blob: &Blob) -> Result<Step, StoreError> {
    let params = vec![
        param(number(ticket.value())?),
        param(blob.digest().to_vec()),
        param(blob.bytes().to_vec()),
    ];
    Ok(Step::new(PUT_BLOB, params))
}

pub(super) fn accept(one: &Contribution, sum: Option<Digest>) -> Result<Step, StoreError> {
    let witness: Vec<u8> = one.witness.iter().flat_map(Witness::to_bytes).collect();
    let params = vec![
        param(number(one.number)?),
        param(number(one.ticket.value())?),
        param(one.identity.as_str().to_owned()),
        param(witness),
        param(one.ecdsa.map(|it| it.to_vec())),
        param(one.digest.map(|it| it.to_vec())),
        param(sum.map(|it| it.to_vec())),
    ];
    Ok(Step::new(ACCEPT, params))
}

pub(super) fn put_meta(key: &str, value: &[u8]) -> Step {
    Step::new(PUT_META, vec![param(key.to_owned()), param(value.to_vec())])
}

/// A record, from its four columns.
pub(super) fn record(row: &Row) -> Result<StoredRecord, StoreError> {
    let ended: Option<i64> = row.try_get(3)?;
    Ok(StoredRecord {
        seq: unsigned(row, 0)?,
        bytes: row.try_get(1)?,
        hash: digest(row, 2)?,
        ended: match ended {
            Some(_) => Some(Ticket::new(unsigned(row, 3)?)),
            None => None,
        },
    })
}

/// A record that ended a stay, from its number, itself, its hash and the hash before. Refuses one that has
/// changed since it was stored.
pub(super) fn ending(row: &Row) -> Result<Vec<u8>, StoreError> {
    let seq = unsigned(row, 0)?;
    let record: Vec<u8> = row.try_get(1)?;
    let before: Option<&[u8]> = row.try_get(3)?;
    let follows = Sha256::new()
        .chain_update(before.unwrap_or(&[0; 32]))
        .chain_update(&record);
    match <[u8; 32]>::from(follows.finalize()) == digest(row, 2)? {
        true => Ok(record),
        false => Err(StoreError::damaged(format!(
            "record {seq} of the log is not what was written: its hash differs"
        ))),
    }
}

/// What was last signed, from its rows.
pub(super) fn signed(rows: &[Row]) -> Result<Option<Signed>, StoreError> {
    let one = |row: &Row| {
        Ok(Signed {
            origin: row.try_get(0)?,
            tree: TreeHead {
                size: unsigned(row, 1)?,
                root: Hash(digest(row, 2)?),
            },
        })
    };
    rows.first().map(one).transpose()
}

/// Powers, from digest and bytes. Refuses what has changed since it was stored.
pub(super) fn blob(row: &Row, ticket: Ticket) -> Result<Blob, StoreError> {
    let blob = Blob::new(row.try_get(1)?);
    if *blob.digest() != digest(row, 0)? {
        return Err(StoreError::damaged(format!(
            "the contribution of ticket {ticket} is not what was stored"
        )));
    }
    Ok(blob)
}

pub(super) fn identity(row: &Row, index: usize) -> Result<Identity, StoreError> {
    let text: &str = row.try_get(index)?;
    text.parse()
        .map_err(|error| StoreError::damaged(format!("`{text}` is no identity: {error}")))
}

/// The session of a row with hash, identity, end and sum. None if it has changed since it was stored:
/// its owner then signs in again.
pub(super) fn session(row: &Row) -> Result<Option<Session>, StoreError> {
    let Ok(identity) = identity(row, 1) else {
        return Ok(None);
    };
    let found = Session {
        hash: digest(row, 0)?,
        identity,
        expires_at: Timestamp::from_millis(unsigned(row, 2)?),
    };
    let sum = sum::session(&found);
    Ok((digest(row, 3)? == sum).then_some(found))
}

/// A contribution. Refuses one that has changed since it was stored.
pub(super) fn checked_contribution(row: &Row) -> Result<Contribution, StoreError> {
    let (one, stored) = contribution(row)?;
    match stored == Some(one.sum()) {
        true => Ok(one),
        false => Err(one.spoiled()),
    }
}

/// A contribution, and the sum with which it was stored.
pub(super) fn contribution(row: &Row) -> Result<(Contribution, Option<Digest>), StoreError> {
    let number = unsigned(row, 0)?;
    let broken = |what| StoreError::damaged(format!("contribution {number} has a broken {what}"));
    let witness: &[u8] = row.try_get(3)?;
    let (entries, rest) = witness.as_chunks::<WITNESS_LEN>();
    if !rest.is_empty() {
        return Err(broken("witness"));
    }
    let ecdsa: Option<&[u8]> = row.try_get(4)?;
    let fixed = |index| -> Result<Option<Digest>, StoreError> {
        let bytes: Option<&[u8]> = row.try_get(index)?;
        bytes
            .map(|bytes| bytes.try_into().map_err(|_| broken("digest")))
            .transpose()
    };
    let one = Contribution {
        number,
        ticket: Ticket::new(unsigned(row, 1)?),
        identity: identity(row, 2)?,
        witness: entries.iter().map(Witness::from_bytes).collect(),
        ecdsa: ecdsa
            .map(|bytes| bytes.try_into().map_err(|_| broken("signature")))
            .transpose()?,
        digest: fixed(5)?,
    };
    Ok((one, fixed(6)?))
}
