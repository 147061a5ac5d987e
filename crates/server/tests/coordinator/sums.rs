//! Whatever is kept beside the log is what was stored, or it is noticed: at the start, and before it
//! is served.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_protocol::journal::Record;
use tauline_queue_core::{Event, Outcome, Rules};
use tauline_server::testing::coordinator::StartError;
use tauline_server::testing::snapshot::{FOLDER_NAME, Transcripts};
use tauline_store::check;
use tauline_store::sqlite::{Found, Sqlite};
use tauline_store::{Session, Store, StoreError, Write};
use tempfile::TempDir;

use crate::support::{Ceremony, Fail, NOON, Plan, id, refused, sizes, update};

/// Lets anything be changed, which the program itself never does.
const UNLOCK: &str = "PRAGMA foreign_keys = off;
     DROP TRIGGER IF EXISTS journal_is_never_changed;
     DROP TRIGGER IF EXISTS journal_is_never_cut;
     DROP TRIGGER IF EXISTS contributions_are_final;
     DROP TRIGGER IF EXISTS contributions_are_kept;";

fn change(directory: &Path, change: &str) {
    let connection = Connection::open(directory.join("tauline.db")).unwrap();
    connection.execute_batch(UNLOCK).unwrap();
    connection
        .create_scalar_function(
            "flipped",
            2,
            rusqlite::functions::FunctionFlags::SQLITE_UTF8,
            |arguments| {
                let mut bytes: Vec<u8> = arguments.get(0)?;
                let at: usize = arguments.get(1)?;
                bytes[at] ^= 1;
                Ok(bytes)
            },
        )
        .unwrap();
    connection.execute_batch(change).unwrap();
    assert!(connection.changes() > 0, "{change} changed nothing");
}

fn octocat(number: u64, login: &str) -> Identity {
    format!("git|{number}|{login}").parse().unwrap()
}

/// Three contributions, two GitHub accounts, one in line; stopped.
async fn data() -> Plan {
    let ceremony = Ceremony::new();
    for (number, login) in [(7, "OctoCat"), (9, "Second")] {
        let first = octocat(number, login);
        ceremony
            .store
            .first_identity_of_github(number, &first)
            .unwrap();
    }
    for name in ["anna", "bert", "cleo", "dora"] {
        ceremony.join(name).await;
    }
    for name in ["anna", "bert", "cleo"] {
        ceremony.contribute(name).await;
    }
    ceremony.stop().await
}

/// The database alone: without the mark, which would notice another key by itself.
fn copy(from: &TempDir) -> Arc<TempDir> {
    let to = tempfile::tempdir().unwrap();
    std::fs::copy(from.path().join("tauline.db"), to.path().join("tauline.db")).unwrap();
    Arc::new(to)
}

#[track_caller]
fn damage(directory: &Arc<TempDir>) -> String {
    let opened = Plan {
        directory: Arc::clone(directory),
        ..Plan::default()
    }
    .try_open();
    match opened {
        Err(StartError::Store(StoreError::Damaged(what))) => what,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it starts"),
    }
}

// `docs/spec/known-faults.md#rotten-witness`.
#[tokio::test]
async fn one_flipped_bit_of_anything_that_is_kept_is_found_at_the_start() {
    let plan = data().await;
    let cases = [
        // A running product, a public key, a signature, in any sub-ceremony of any contribution.
        (
            "contributions",
            "witness",
            "number = 1",
            3,
            "contribution 1",
        ),
        (
            "contributions",
            "witness",
            "number = 1",
            60,
            "contribution 1",
        ),
        (
            "contributions",
            "witness",
            "number = 1",
            700,
            "contribution 1",
        ),
        (
            "contributions",
            "witness",
            "number = 2",
            150,
            "contribution 2",
        ),
        (
            "contributions",
            "witness",
            "number = 3",
            100,
            "contribution 3",
        ),
        (
            "contribution_sums",
            "sum",
            "number = 2",
            31,
            "contribution 2",
        ),
        ("blobs", "bytes", "true", 400, "not what was stored"),
        ("blobs", "digest", "true", 0, "not what was stored"),
        ("meta", "value", "key = 'key'", 9, "key"),
        ("account_sums", "sum", "id = 9", 5, "GitHub account 9"),
        ("journal", "record", "seq = 5", 20, "record 5"),
        ("journal", "hash", "seq = 5", 20, "record 5"),
    ];
    for (table, column, which, at, expected) in cases {
        let directory = copy(&plan.directory);
        let sql = format!("UPDATE {table} SET {column} = flipped({column}, {at}) WHERE {which}");
        change(directory.path(), &sql);
        let what = damage(&directory);
        assert!(what.contains(expected), "{sql}: {what}");
    }
}

#[tokio::test]
async fn what_is_added_taken_away_or_exchanged_is_found_at_the_start() {
    let plan = data().await;
    let cases = [
        (
            "UPDATE contributions SET ecdsa = zeroblob(65) WHERE number = 2",
            "contribution 2",
        ),
        (
            "DELETE FROM contribution_sums WHERE number = 2",
            "contribution 2",
        ),
        (
            "UPDATE github_accounts SET identity = 'git|9|Mallory' WHERE id = 9",
            "GitHub account 9",
        ),
        (
            "DELETE FROM github_accounts WHERE id = 9",
            "GitHub account 9",
        ),
        ("DELETE FROM account_sums WHERE id = 7", "GitHub account 7"),
        (
            "DELETE FROM account_sums WHERE id = 9; DELETE FROM github_accounts WHERE id = 9",
            "2 GitHub accounts",
        ),
        (
            "UPDATE meta SET value = x'000001a0c4505000' WHERE key = 'started_at'",
            "the start",
        ),
    ];
    for (sql, expected) in cases {
        let directory = copy(&plan.directory);
        change(directory.path(), sql);
        let what = damage(&directory);
        assert!(what.contains(expected), "{sql}: {what}");
    }
}

#[tokio::test]
async fn who_makes_the_sums_fit_is_found_by_the_log() {
    let plan = data().await;
    let directory = copy(&plan.directory);
    change(
        directory.path(),
        "UPDATE contributions SET witness = flipped(witness, 60) WHERE number = 1",
    );
    // The sum of what is there now, as the store itself would have it.
    let store = Sqlite::open(directory.path(), &sizes(), NOON).unwrap();
    let (one, _) = store
        .reading()
        .unwrap()
        .unchecked_page(0, 1)
        .unwrap()
        .remove(0);
    drop(store);
    let sum = hex::encode(one.sum());
    change(
        directory.path(),
        &format!("UPDATE contribution_sums SET sum = x'{sum}' WHERE number = 1"),
    );
    let what = damage(&directory);
    assert!(what.contains("contribution 1"), "{what}");

    let directory = copy(&plan.directory);
    // The base's bytes, in another form of the same powers, with the digest that fits them.
    let connection = Connection::open(directory.path().join("tauline.db")).unwrap();
    let bytes: Vec<u8> = connection
        .query_row("SELECT bytes FROM blobs", [], |row| row.get(0))
        .unwrap();
    drop(connection);
    let other = tauline_transcript::RawContribution::from_msgpack(&bytes).unwrap();
    let other = other
        .to_encoding(tauline_transcript::Encoding::Uncompressed)
        .unwrap();
    let bytes = other
        .to_msgpack(tauline_transcript::Encoding::Uncompressed)
        .unwrap();
    let blob = tauline_store::Blob::new(bytes);
    let (bytes, digest) = (hex::encode(blob.bytes()), hex::encode(blob.digest()));
    change(
        directory.path(),
        &format!("UPDATE blobs SET bytes = x'{bytes}', digest = x'{digest}'"),
    );
    let what = damage(&directory);
    assert!(what.contains("the log has another digest"), "{what}");
}

#[tokio::test]
async fn nothing_that_was_changed_while_it_runs_is_served() {
    let ceremony = Ceremony::new();
    for name in ["anna", "bert", "cleo"] {
        ceremony.join(name).await;
    }
    ceremony.contribute("anna").await;
    ceremony.check_in("bert").await;
    let base = ceremony.start("bert").await;
    let mut document = update(&base, "bert");
    document.sub_contributions.swap(0, 1);
    ceremony.complete("bert", document).await.unwrap_err();
    let alice = Session {
        hash: [7; 32],
        identity: id("alice"),
        expires_at: NOON,
    };
    ceremony.store.put_session(&alice).unwrap();
    ceremony
        .store
        .first_identity_of_github(7, &octocat(7, "OctoCat"))
        .unwrap();
    for sql in [
        "UPDATE contributions SET witness = flipped(witness, 60)",
        "UPDATE journal SET record = flipped(record, 30) WHERE ended = 2",
        "UPDATE sessions SET identity = 'invite|mallory'",
        "UPDATE github_accounts SET identity = 'git|7|Mallory'",
    ] {
        change(ceremony.path(), sql);
    }
    // Not another receipt, and no reason that was never given.
    refused(
        ceremony.coordinator.check_in(id("anna")).await,
        Code::Internal,
    );
    refused(
        ceremony.coordinator.check_in(id("bert")).await,
        Code::Internal,
    );
    let folder = ceremony.path().join(FOLDER_NAME);
    let transcripts = Transcripts::new(Arc::clone(&ceremony.store), folder).unwrap();
    let error = transcripts.current(1).await.unwrap_err().to_string();
    assert!(error.contains("contribution 1"), "{error}");
    assert_eq!(ceremony.store.session(&[7; 32]).unwrap(), None);
    ceremony
        .store
        .first_identity_of_github(7, &octocat(7, "Later"))
        .unwrap_err();
}

#[tokio::test]
async fn the_log_binds_what_is_stored_in_the_record_that_it_is_stored_with() {
    let fail = Fail::never();
    let ceremony = Plan {
        fail: Some(fail.clone()),
        ..Plan::default()
    }
    .open();
    for name in ["anna", "bert"] {
        ceremony.join(name).await;
    }
    ceremony.contribute("anna").await;
    let first = octocat(7, "OctoCat");
    ceremony.store.first_identity_of_github(7, &first).unwrap();
    ceremony.check_in("bert").await;
    ceremony.start("bert").await;
    let batches = fail.0.batches.lock().unwrap().clone();
    let (mut arrived, mut accepted) = (0, 0);
    for batch in batches {
        for (index, write) in batch.writes.iter().enumerate() {
            let Write::Record(record) = write else {
                continue;
            };
            let record = Record::from_bytes(&record.bytes).unwrap();
            let neighbour = |at: usize| batch.writes.get(at);
            match record.entry.unwrap().event {
                Event::Submitted { .. } => {
                    let Some(Write::Blob { blob, .. }) = neighbour(index - 1) else {
                        panic!("{batch:?}");
                    };
                    assert_eq!(record.stored.as_ref(), Some(blob.digest()));
                    arrived += 1;
                }
                Event::Ended {
                    outcome: Outcome::Contributed,
                    ..
                } => {
                    let Some(Write::Accepted(one)) = neighbour(index + 1) else {
                        panic!("{batch:?}");
                    };
                    assert_eq!(record.stored, Some(one.sum()));
                    accepted += 1;
                }
                _ => assert_eq!(record.stored, None),
            }
        }
    }
    assert_eq!((arrived, accepted), (1, 1));
    let records = ceremony.store.log(0, u32::MAX).unwrap();
    let beside: Vec<_> = records
        .iter()
        .filter_map(|record| Record::from_bytes(&record.bytes).unwrap().beside)
        .collect();
    // The first record, and the first after an account came.
    assert_eq!(beside.len(), 2);
    assert_eq!(beside[0].ceremony, ceremony.store.ceremony().sum());
    assert_eq!(
        beside
            .iter()
            .map(|it| it.accounts.count)
            .collect::<Vec<_>>(),
        [0, 1]
    );
}

/// Data that the program of before there were sums left.
fn before_sums() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let connection = Connection::open(directory.path().join("tauline.db")).unwrap();
    connection
        .execute_batch(include_str!("../data/before_sums.sql"))
        .unwrap();
    directory
}

fn open_old(directory: &TempDir) -> Result<Sqlite, StoreError> {
    let store = Sqlite::open(directory.path(), &"4:2,8:2".parse().unwrap(), NOON)?;
    check::everything(&store, Rules::default())?;
    Ok(store)
}

#[tokio::test]
async fn data_of_before_there_were_sums_opens_and_gains_them_once() {
    let directory = before_sums();
    let store = open_old(&directory).unwrap();
    assert_eq!(store.found(), Found::WithoutSums);
    let reading = store.reading().unwrap();
    let page = reading.unchecked_page(0, 10).unwrap();
    assert_eq!(page.len(), 4);
    for (one, sum) in &page {
        assert_eq!(*sum, Some(one.sum()));
    }
    assert_eq!(store.accounts().count, 2);
    let renamed = octocat(7, "Renamed");
    assert_eq!(
        store.first_identity_of_github(7, &renamed).unwrap(),
        octocat(7, "OctoCat")
    );
    drop((reading, store));
    assert_eq!(open_old(&directory).unwrap().found(), Found::Whole);
    for (sql, expected) in [
        (
            "UPDATE contributions SET witness = flipped(witness, 60) WHERE number = 2",
            "contribution 2",
        ),
        (
            "UPDATE github_accounts SET identity = 'git|9|Mallory' WHERE id = 9",
            "GitHub account 9",
        ),
    ] {
        let copy = copy(&directory);
        change(copy.path(), sql);
        let error = open_old(&copy).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_next_record_binds_what_was_there_before_there_were_sums() {
    let directory = before_sums();
    let store = open_old(&directory).unwrap();
    let mut checked = check::everything(&store, Rules::default()).unwrap();
    let beside = checked.binding.take(store.accounts()).unwrap();
    assert_eq!(beside.contributions.count, 4);
    assert_eq!(beside.accounts.count, 2);
    assert_eq!(checked.binding.take(store.accounts()), None);
    // As the coordinator writes it down.
    let step = checked.queue.step(
        checked.queue.state().log_time(),
        tauline_queue_core::Command::Join { id: id("anna") },
    );
    let mut beside = Some(beside);
    let writes = step.entries.into_iter().map(|entry| {
        let mut record = Record::new(entry, None);
        record.beside = beside.take();
        Write::Record(checked.chain.append(record.to_bytes(), None))
    });
    let writes = writes.collect();
    store.commit(&tauline_store::Batch { writes }).unwrap();
    drop(store);
    open_old(&directory).unwrap();
    // A contribution exchanged with all its sums is not what the log was told of.
    change(
        directory.path(),
        "UPDATE contributions SET witness = flipped(witness, 60) WHERE number = 2",
    );
    let spoiled = Sqlite::open(directory.path(), &"4:2,8:2".parse().unwrap(), NOON).unwrap();
    let (one, _) = spoiled
        .reading()
        .unwrap()
        .unchecked_page(1, 1)
        .unwrap()
        .remove(0);
    drop(spoiled);
    let sum = hex::encode(one.sum());
    change(
        directory.path(),
        &format!("UPDATE contribution_sums SET sum = x'{sum}' WHERE number = 2"),
    );
    let error = open_old(&directory).err().unwrap().to_string();
    assert!(error.contains("contributions 1 to 4"), "{error}");
}
