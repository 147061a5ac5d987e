//! The embedded store: what it refuses to open, and what it leaves on the disk.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;
use tauline_protocol::Identity;
use tauline_queue_core::{Ticket, Timestamp};
use tauline_store::sqlite::Sqlite;
use tauline_store::{Batch, Blob, Chain, Contribution, Store as _, StoreError, Witness, Write};
use tauline_transcript::Sizes;

const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn small() -> Sizes {
    "16:4,32:4".parse().unwrap()
}

fn open(directory: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(directory, &small(), NOON)
}

fn refusal(directory: &Path) -> StoreError {
    open(directory).err().expect("opened")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_stored_is_the_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/new/place");
    let store = open(&directory).unwrap();
    assert_eq!(mode(&directory), 0o700);
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let copy = directory.join("copy.db");
    store.backup(&copy).unwrap();
    assert_eq!(mode(&copy), 0o600);
    let leftovers = fs::read_dir(&directory).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("partial")
    });
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn a_backup_put_in_place_by_hand_becomes_the_owners_alone() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = to.path().join("tauline.db");
    open(from.path()).unwrap().backup(&copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    open(to.path()).unwrap();
    assert_eq!(mode(&copy), 0o600);
}

#[test]
fn a_start_cut_short_before_the_first_migration_is_made_good() {
    let directory = tempfile::tempdir().unwrap();
    let connection = Connection::open(directory.path().join("tauline.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA application_id = 1415673196;
             CREATE TABLE refinery_schema_history
             (version INT4 PRIMARY KEY, name TEXT, applied_on TEXT, checksum TEXT);",
        )
        .unwrap();
    drop(connection);
    open(directory.path()).unwrap();
}

#[test]
fn a_second_process_is_refused_and_told_which_is_first() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    let second = refusal(directory.path());
    assert!(
        matches!(second, StoreError::InUse { pid: Some(pid), .. } if pid == std::process::id())
    );
    let text = second.to_string();
    assert!(text.contains("stop that one first"), "{text}");
    drop(first);
    open(directory.path()).unwrap();
}

#[test]
fn other_sizes_are_refused_and_the_right_ones_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let refused = Sqlite::open(directory.path(), &Sizes::ethereum(), NOON)
        .err()
        .unwrap();
    let text = refused.to_string();
    assert!(text.contains("--ceremony 16:4,32:4"), "{text}");
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let connection = Connection::open(directory.path().join("tauline.db")).unwrap();
    connection
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')",
            [],
        )
        .unwrap();
    drop(connection);
    let refused = refusal(directory.path());
    assert!(
        matches!(refused, StoreError::Newer { found: 999, .. }),
        "{refused}"
    );
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tauline.db");
    let text = b"my diary, which is no database at all, and which nobody shall overwrite".repeat(9);
    fs::write(&path, &text).unwrap();
    assert!(matches!(
        refusal(directory.path()),
        StoreError::Foreign { .. }
    ));
    assert_eq!(fs::read(&path).unwrap(), text);

    fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    assert!(matches!(
        refusal(directory.path()),
        StoreError::Foreign { .. }
    ));
}

#[test]
fn an_unusable_directory_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let refused = refusal(&file.join("data"));
    assert!(matches!(refused, StoreError::Unwritable { .. }));
    assert!(
        refused
            .to_string()
            .contains("choose another with --data-dir"),
        "{refused}"
    );
}

#[test]
fn a_batch_that_does_not_follow_is_refused_whole() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut chain = Chain::EMPTY;
    let first = chain.append(b"one".to_vec(), None);
    store
        .commit(&Batch {
            writes: vec![Write::Record(first.clone())],
        })
        .unwrap();
    // A second writer that thinks it is at the same place.
    let blob = Write::Blob {
        ticket: tauline_queue_core::Ticket::new(7),
        blob: Blob::new(vec![1]),
    };
    let again = Batch {
        writes: vec![blob, Write::Record(first.clone())],
    };
    assert!(matches!(store.commit(&again), Err(StoreError::Database(_))));
    assert_eq!(store.log(0, 10).unwrap(), [first]);
    assert_eq!(store.blob_tickets().unwrap(), []);
}

#[test]
fn a_stay_ends_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let ticket = Some(tauline_queue_core::Ticket::FIRST);
    let mut chain = Chain::EMPTY;
    let writes = vec![Write::Record(chain.append(b"end".to_vec(), ticket))];
    store.commit(&Batch { writes }).unwrap();
    let writes = vec![Write::Record(chain.append(b"end again".to_vec(), ticket))];
    store.commit(&Batch { writes }).unwrap_err();
}

#[test]
fn the_key_and_the_start_are_made_once() {
    let directory = tempfile::tempdir().unwrap();
    let made = open(directory.path()).unwrap().ceremony().clone();
    let later = Timestamp::from_millis(NOON.as_millis() + 1);
    let store = Sqlite::open(directory.path(), &small(), later).unwrap();
    assert_eq!(store.ceremony().key, made.key);
    assert_eq!(store.ceremony().started_at, NOON);
}

#[test]
fn data_of_the_first_version_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let database = Connection::open(directory.path().join("tauline.db")).unwrap();
    database
        .execute_batch(
            "DROP TABLE github_accounts; ALTER TABLE contributions DROP COLUMN digest;
             DELETE FROM refinery_schema_history WHERE version > 1;",
        )
        .unwrap();
    drop(database);
    let store = open(directory.path()).unwrap();
    let [first, later] = ["git|7|OctoCat", "git|7|Renamed"].map(|text| text.parse().unwrap());
    assert_eq!(store.first_identity_of_github(7, &first).unwrap(), first);
    assert_eq!(store.first_identity_of_github(7, &later).unwrap(), first);
}

#[test]
fn a_github_account_keeps_its_first_identity_over_a_restart_and_in_a_backup() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [first, later] = ["git|7|OctoCat", "git|7|Renamed"].map(|text| text.parse().unwrap());
    let store = open(from.path()).unwrap();
    store.first_identity_of_github(7, &first).unwrap();
    store.backup(&to.path().join("tauline.db")).unwrap();
    drop(store);
    for directory in [&from, &to] {
        let store = open(directory.path()).unwrap();
        assert_eq!(store.first_identity_of_github(7, &later).unwrap(), first);
    }
}

/// A ceremony's store in which a ticket after the other is submitted and accepted.
fn accept(store: &Sqlite, chain: &mut Chain, number: u64, len: usize) {
    let ticket = Ticket::new(number);
    let identity: Identity = format!("git|{number}|somebody").parse().unwrap();
    let witness = Witness {
        running_product: [1; 48],
        pot_pubkey: [2; 96],
        bls_signature: None,
    };
    let blob = Blob::new(vec![7; len]);
    let submitted = vec![Write::Blob { ticket, blob }];
    let accepted = vec![
        Write::Record(chain.append(vec![0x80], Some(ticket))),
        Write::Accepted(Contribution {
            number,
            ticket,
            identity,
            witness: vec![witness; 2],
            ecdsa: None,
            digest: Some([3; 32]),
        }),
    ];
    for writes in [submitted, accepted] {
        store.commit(&Batch { writes }).unwrap();
    }
}

#[test]
fn a_superseded_contribution_counts_as_gone_before_it_is_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut chain = Chain::EMPTY;
    for number in 1..=3 {
        accept(&store, &mut chain, number, 5000);
        assert_eq!(store.blob_tickets().unwrap(), [Ticket::new(number)]);
    }
    drop(store);
    // As a crash leaves it that comes before the deletion.
    let database = Connection::open(directory.path().join("tauline.db")).unwrap();
    let left = "INSERT INTO blobs SELECT 2, digest, bytes FROM blobs";
    assert_eq!(database.execute(left, []).unwrap(), 1);
    drop(database);
    let store = open(directory.path()).unwrap();
    assert_eq!(store.blob_tickets().unwrap(), [Ticket::new(3)]);
    assert!(
        store.blob(Ticket::new(2)).unwrap().is_none(),
        "deleted by the start"
    );
    assert!(store.blob(Ticket::new(3)).unwrap().is_some());
}

#[test]
fn the_write_ahead_log_does_not_grow_with_the_contributions() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut chain = Chain::EMPTY;
    let log = directory.path().join("tauline.db-wal");
    let mut number = 0;
    // A commit after the log was moved begins it anew and cuts it; else it is longer with each.
    loop {
        number += 1;
        accept(&store, &mut chain, number, 3 << 20);
        let longest = u64::from(number > 8) * (16 << 20);
        if fs::metadata(&log).unwrap().len() <= longest {
            break;
        }
        assert!(number < 60, "the log only grows");
    }
}
