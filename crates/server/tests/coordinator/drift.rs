//! Data that contradicts itself is refused, and told what contradicts what.

use std::sync::Arc;

use rusqlite::Connection;
use tauline_protocol::journal::Record;
use tauline_server::testing::coordinator::StartError;
use tauline_store::{StoreError, Write};
use tempfile::TempDir;

use crate::support::{Ceremony, Fail, Plan, id};

/// A ceremony with two contributions and a line, stopped.
async fn data() -> Plan {
    let ceremony = Ceremony::new();
    for name in ["anna", "bert", "cleo"] {
        ceremony.join(name).await;
    }
    ceremony.contribute("anna").await;
    ceremony.contribute("bert").await;
    ceremony.stop().await
}

fn copy(from: &TempDir) -> Arc<TempDir> {
    let to = tempfile::tempdir().unwrap();
    std::fs::copy(from.path().join("tauline.db"), to.path().join("tauline.db")).unwrap();
    Arc::new(to)
}

#[tokio::test]
async fn every_contradiction_between_the_log_and_what_is_beside_it_is_found() {
    let plan = data().await;
    let cases: &[(&str, &str)] = &[
        (
            "DELETE FROM contributions WHERE number = 2",
            "2 contributions, but 1",
        ),
        (
            "DELETE FROM contributions WHERE number = 1",
            "is not in the log",
        ),
        (
            "UPDATE contributions SET identity = 'invite|cleo' WHERE number = 2",
            "not in the log",
        ),
        (
            "UPDATE contributions SET witness = x'' WHERE number = 1",
            "0 sub-ceremonies",
        ),
        (
            "UPDATE contributions SET witness =
             (SELECT witness FROM contributions WHERE number = 1) WHERE number = 2",
            "not those of the last contribution",
        ),
        ("DELETE FROM blobs", "ticket 2 is missing"),
        ("UPDATE blobs SET ticket = 3", "ticket 2 is missing"),
        (
            "INSERT INTO blobs (ticket, digest, bytes) SELECT 3, digest, bytes FROM blobs",
            "ticket 3 is stored that the log knows nothing of",
        ),
        ("UPDATE blobs SET bytes = x'00'", "not what was stored"),
        (
            "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)",
            "is not in the log",
        ),
        (
            "DELETE FROM journal WHERE seq = 3",
            "record 3 of the log is missing",
        ),
        (
            "UPDATE journal SET hash = zeroblob(32) WHERE seq = 4",
            "its hash differs",
        ),
        (
            "UPDATE journal SET record = x'80' WHERE seq = 4",
            "cannot be read",
        ),
        (
            "UPDATE journal SET record = (SELECT record FROM journal WHERE seq = 1) WHERE seq = 2",
            "its hash differs",
        ),
        (
            "UPDATE journal SET ended = 77 WHERE ended = 1",
            "another ticket",
        ),
        (
            "UPDATE meta SET value = x'00' WHERE key = 'key'",
            "`key` is missing",
        ),
        (
            "DELETE FROM meta WHERE key = 'started_at'",
            "`started_at` is missing",
        ),
    ];
    for (change, expected) in cases {
        let directory = copy(&plan.directory);
        let connection = Connection::open(directory.path().join("tauline.db")).unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = off;
                 DROP TRIGGER journal_is_never_changed; DROP TRIGGER journal_is_never_cut;
                 DROP TRIGGER contributions_are_final; DROP TRIGGER contributions_are_kept;",
            )
            .unwrap();
        assert!(
            connection.execute(change, []).unwrap() > 0,
            "{change} changed nothing"
        );
        drop(connection);
        let opened = Plan {
            directory,
            ..Plan::default()
        }
        .try_open();
        let Err(StartError::Store(StoreError::Damaged(what))) = opened else {
            panic!("{change}: {:?}", opened.err());
        };
        assert!(what.contains(expected), "{change}: {what}");
    }
    // Untouched, the same data opens.
    let ceremony = Plan {
        directory: copy(&plan.directory),
        ..Plan::default()
    }
    .open();
    assert_eq!(ceremony.coordinator.status().contributions, 2);
}

#[tokio::test]
async fn what_is_final_cannot_be_changed_by_accident() {
    let plan = data().await;
    let connection = Connection::open(plan.directory.path().join("tauline.db")).unwrap();
    for change in [
        "DELETE FROM journal",
        "UPDATE journal SET record = x'00'",
        "DELETE FROM contributions",
        "UPDATE contributions SET identity = 'invite|dora'",
    ] {
        connection.execute(change, []).unwrap_err();
    }
}

#[tokio::test]
async fn a_blob_its_record_and_a_verdict_its_witness_are_one_transaction() {
    let fail = Fail::never();
    let ceremony = Plan {
        fail: Some(fail.clone()),
        ..Plan::default()
    }
    .open();
    ceremony.join("anna").await;
    ceremony.contribute("anna").await;
    let batches = fail.0.batches.lock().unwrap().clone();
    let names: Vec<Vec<String>> = batches
        .iter()
        .map(|batch| {
            let name = |write: &Write| match write {
                Write::Record(record) => {
                    let record = Record::from_bytes(&record.bytes).unwrap();
                    let event = format!("{:?}", record.entry.unwrap().event);
                    event.split_whitespace().next().unwrap().to_owned()
                }
                Write::Blob { .. } => "blob".to_owned(),
                Write::DropBlob(_) => "drop".to_owned(),
                Write::LogKey(_) => "key".to_owned(),
                Write::Accepted(one) => format!("witness {}", one.number),
            };
            batch.writes.iter().map(name).collect()
        })
        .collect();
    assert_eq!(
        names,
        [
            vec!["Joined", "Called"],
            vec!["Started"],
            vec!["blob", "Submitted"],
            vec!["Ended", "witness 1"],
        ]
    );
    assert_eq!(
        ceremony
            .coordinator
            .check_in(id("anna"))
            .await
            .unwrap()
            .ticket,
        Some(1)
    );
}

#[tokio::test]
async fn the_log_head_covers_every_record() {
    use sha2::{Digest as _, Sha256};
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    ceremony.contribute("anna").await;
    let log = ceremony.coordinator.status().log;
    let mut hash = [0_u8; 32];
    let records = ceremony.store.log(0, 1000).unwrap();
    for record in &records {
        hash = Sha256::new()
            .chain_update(hash)
            .chain_update(&record.bytes)
            .finalize()
            .into();
    }
    assert_eq!(log.records, records.len() as u64);
    assert_eq!(log.hash, format!("0x{}", hex::encode(hash)));
}
