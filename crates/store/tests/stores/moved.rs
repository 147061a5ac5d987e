//! A ceremony is moved from one store to the other and back, with all that belongs to it.

use std::fs;

use tauline_log::tree::TreeHead;
use tauline_protocol::public_log::SuccessorKey;
use tauline_queue_core::Rules;
use tauline_store::handover::{self, Given};
use tauline_store::moving::{to_postgres, to_sqlite};
use tauline_store::signed::Signed;
use tauline_store::sqlite::Sqlite;
use tauline_store::{Session, Store, StoreError, check};

use crate::made_up::{MadeUp, Plain};
use crate::place::{NOON, Place, Replica, database, server, small};

/// A ceremony with something of everything.
fn fill(store: &dyn Store) {
    let mut made = MadeUp::begin(store);
    for number in 1..=40 {
        made.turn(number);
    }
    for number in 1..=7_u8 {
        let text = format!("git|{number}|name{number}");
        let identity = text.parse().unwrap();
        store
            .first_identity_of_github(u64::from(number), &identity)
            .unwrap();
        let session = Session {
            hash: [number; 32],
            identity,
            expires_at: NOON,
        };
        store.put_session(&session).unwrap();
    }
    let tree = check::everything(store, Rules::default()).unwrap().tree;
    let origin = "example.org/log".to_owned();
    let size = tree.size() - 1;
    let root = tree.at(size).unwrap().root();
    let tree = TreeHead { size, root };
    store.keep_signed(&Signed { origin, tree }).unwrap();
}

/// What tells one ceremony from another.
fn said(store: &dyn Store) -> String {
    let ceremony = store.ceremony();
    let secrets = ceremony.log.as_ref().unwrap();
    let checked = check::everything(store, Rules::default()).unwrap();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        ceremony.key.to_bytes(),
        secrets.seed,
        ceremony.sum(),
        checked.chain,
        checked.tree.head(),
        store
            .sessions_lasting(tauline_queue_core::Timestamp::from_millis(0))
            .unwrap(),
        store.first_accounts(u64::MAX).unwrap(),
        store.last_signed()
    )
}

#[test]
fn a_ceremony_goes_to_the_other_store_and_back() {
    let Some(server) = server() else { return };
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = server.url(&server.fresh());
    let there = database(&url);
    let store = Sqlite::open(from.path(), &small(), NOON).unwrap();
    fill(&store);
    let before = said(&store);
    let in_use = to_postgres(from.path(), &there, None).unwrap_err();
    assert!(matches!(in_use, StoreError::InUse { .. }), "{in_use}");
    drop(store);

    let moved = to_postgres(from.path(), &there, None).unwrap();
    assert_eq!(
        (moved.contributions, moved.accounts, moved.sessions),
        (40, 7, 7)
    );
    let replica = Replica::lead(&url, "one");
    assert_eq!(said(&replica.store), before);
    assert_eq!(replica.store.accounts().count, 7);
    // The source is as it was.
    assert_eq!(
        said(&Sqlite::open(from.path(), &small(), NOON).unwrap()),
        before
    );

    let in_use = to_sqlite(&there, to.path(), None).unwrap_err();
    assert!(in_use.to_string().contains("a replica leads"), "{in_use}");
    replica.lease.give_up().unwrap();
    assert_eq!(to_sqlite(&there, to.path(), None).unwrap(), moved);
    let back = Sqlite::open(to.path(), &small(), NOON).unwrap();
    assert_eq!(said(&back), before);
    assert_eq!(back.found(), tauline_store::sqlite::Found::Whole);
}

#[test]
fn a_place_with_a_ceremony_is_not_moved_to() {
    let Some(Place::Schema(url)) = Place::postgres() else {
        return;
    };
    let there = database(&url);
    let directory = tempfile::tempdir().unwrap();
    let refused = to_postgres(directory.path(), &there, None).unwrap_err();
    assert!(matches!(refused, StoreError::Foreign { .. }), "{refused}");
    drop(Replica::lead(&url, "one"));
    let server = server().unwrap();
    let schema = url.rsplit("%3D").next().unwrap();
    server.sql(schema, "UPDATE leader SET expires_at = 'epoch'");
    drop(Sqlite::open(directory.path(), &small(), NOON).unwrap());
    let refused = to_postgres(directory.path(), &there, None)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("holds a ceremony already"), "{refused}");
    let refused = to_sqlite(&there, directory.path(), None).unwrap_err();
    assert!(matches!(refused, StoreError::Exists { .. }), "{refused}");
}

#[test]
fn what_is_damaged_is_not_moved_and_nothing_is_left() {
    let Some(server) = server() else { return };
    let schema = server.fresh();
    let url = server.url(&schema);
    let replica = Replica::lead(&url, "one");
    fill(&replica.store);
    replica.lease.give_up().unwrap();
    drop(replica);
    let to = tempfile::tempdir().unwrap();
    let spoil = "ALTER TABLE journal DISABLE TRIGGER ALL;
        UPDATE journal SET record = record || 'x' WHERE seq = 9";
    server.sql(&schema, spoil);
    let refused = to_sqlite(&database(&url), to.path(), None).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged(_)), "{refused}");
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
}

#[test]
fn a_ceremony_in_postgres_is_handed_over() {
    let Some(server) = server() else { return };
    let replica = Replica::lead(&server.url(&server.fresh()), "one");
    let store = &replica.store;
    for batch in Plain::new().turn(1, 1000) {
        store.commit(&batch).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let next = folder.path().join("next");
    let key: SuccessorKey = handover::public_key(&next).unwrap();
    let given = Given {
        origin: "example.org/log".to_owned(),
        tree: TreeHead {
            size: 1,
            root: tauline_log::tree::Hash([1; 32]),
        },
        checkpoint: "a checkpoint".to_owned(),
        to: key,
    };
    let bundle = folder.path().join("bundle");
    store.hand_over(&bundle, &given).unwrap();
    let bytes = fs::read(&bundle).unwrap();
    let statement = tauline_store::fuzzing::bundle_head(&bytes).unwrap();
    assert_eq!(statement.to, key);
    assert_eq!(statement.from, store.ceremony().public_key());
    let contains = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(contains(b"SQLite format 3"));
    assert!(
        !contains(&store.ceremony().key.to_bytes()),
        "the key is in the bundle"
    );
    store.hand_over(&bundle, &given).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
