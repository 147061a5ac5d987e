//! The database is killed, restarted, replaced by its standby, or away: nothing that was said to be durable
//! is lost, and short absences are waited for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use tauline_log::tree::{Hash, TreeHead};
use tauline_store::signed::Signed;
use tauline_store::{Store as _, StoreError};
use tauline_test_postgres::Server;

use crate::made_up::Plain;
use crate::place::Replica;

/// Commits record after record until something has been done, and compares the log with what was said to be
/// durable. Returns how many there were.
fn commit_meanwhile(replica: &Replica, plain: &mut Plain, work: impl FnOnce()) -> u64 {
    let is_done = AtomicBool::new(false);
    let before = plain.chain.records();
    scope(|scope| {
        let writer = scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let text = format!("record {}", plain.chain.records());
                replica.store.commit(&plain.record(&text)).unwrap();
            }
        });
        sleep(Duration::from_millis(100));
        work();
        sleep(Duration::from_millis(100));
        is_done.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    });
    let mut records = 0;
    loop {
        let page = replica.store.log(records, 1000).unwrap();
        let Some(last) = page.last() else { break };
        for (seq, record) in (records..).zip(&page) {
            assert_eq!(record.seq, seq);
            assert_eq!(record.bytes, format!("record {seq}").into_bytes());
        }
        records = last.seq + 1;
        assert!(records < plain.chain.records() || last.hash == *plain.chain.hash());
    }
    assert_eq!(records, plain.chain.records());
    records - before
}

#[test]
fn a_database_that_is_killed_and_started_again_has_lost_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let replica = Replica::lead(&server.url("ours"), "one");
    let mut plain = Plain::new();
    for round in 0..6 {
        commit_meanwhile(&replica, &mut plain, || {
            match round % 2 {
                0 => server.kill(),
                _ => server.stop(),
            }
            server.start_again();
        });
    }
    // The lease is in the database as well.
    replica.lease.renew().unwrap();
    assert_eq!(replica.cluster.leader().unwrap().unwrap().epoch, 1);
}

#[test]
fn a_standby_that_is_promoted_has_all_that_was_committed() {
    let Some(primary) = Server::start() else {
        return;
    };
    let first = primary.url("ours");
    let replica = Replica::lead(&first, "one");
    let standby = primary.standby();
    // The same place, with both hosts.
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    let both = first.replace(&format!("127.0.0.1:{}", primary.port()), &hosts);
    replica.lease.give_up().unwrap();
    drop(replica);
    let replica = Replica::lead(&both, "one");
    let mut plain = Plain::new();
    let committed = commit_meanwhile(&replica, &mut plain, || {
        primary.kill();
        standby.promote();
    });
    assert!(committed > 0);
    replica.lease.renew().unwrap();
}

/// A machine that stands still breaks no connection, and takes new ones.
#[test]
fn a_database_that_stands_still_is_left_for_its_standby() {
    let Some(primary) = Server::start() else {
        return;
    };
    let first = primary.url("ours");
    Replica::lead(&first, "one").lease.give_up().unwrap();
    let standby = primary.standby();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    let both = first.replace(&format!("127.0.0.1:{}", primary.port()), &hosts);
    let replica = Replica::lead(&both, "one");
    let mut plain = Plain::new();
    let committed = commit_meanwhile(&replica, &mut plain, || {
        primary.freeze();
        standby.promote();
        replica.lease.renew().unwrap();
        let leader = replica.cluster.leader().unwrap().unwrap();
        assert_eq!(leader.epoch, replica.lease.epoch());
    });
    assert!(committed > 0);
    primary.thaw();
    replica.store.commit(&plain.record("more")).unwrap();
}

#[test]
fn a_database_that_stays_away_is_named_and_nothing_is_claimed() {
    let Some(server) = Server::start() else {
        return;
    };
    let replica = Replica::lead(&server.url("ours"), "one");
    let mut plain = Plain::new();
    replica.store.commit(&plain.record("one")).unwrap();
    server.stop();
    let begun = Instant::now();
    let refused = replica.store.commit(&plain.record("two")).unwrap_err();
    assert!(matches!(refused, StoreError::Away { .. }), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains(&format!("127.0.0.1:{}", server.port())),
        "{text}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    server.start_again();
    // Whoever does not know what became of a commit does not go on.
    replica.store.commit(&plain.record("three")).unwrap_err();
    assert_eq!(replica.store.log(0, 9).unwrap().len(), 1);
}

#[test]
fn a_database_that_has_gone_back_is_not_written_to() {
    let Some(server) = Server::start() else {
        return;
    };
    let replica = Replica::lead(&server.url("ours"), "one");
    let mut plain = Plain::new();
    replica.store.commit(&plain.record("one")).unwrap();
    // As a standby that had not everything would be.
    server.sql("ours", "UPDATE commits SET number = number - 1, batch = ''");
    let refused = replica.store.commit(&plain.record("two")).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("is not the one that was written to"),
        "{text}"
    );
    assert_eq!(replica.store.log(0, 9).unwrap().len(), 1);
}

/// A database that was put back behind what this replica knows to be durable, or to be signed.
#[test]
fn a_replica_does_not_lead_where_what_it_has_seen_is_gone() {
    let Some(server) = Server::start() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let url = server.url("ours");
    let lead = || Replica::lead_in(&url, "one", directory.path());
    let replica = lead().unwrap();
    let mut plain = Plain::new();
    for batch in plain.turn(1, 10) {
        replica.store.commit(&batch).unwrap();
    }
    let backup =
        "CREATE TABLE kept AS TABLE journal; CREATE TABLE kept_ones AS TABLE contributions";
    server.sql("ours", backup);
    for batch in plain.turn(2, 10) {
        replica.store.commit(&batch).unwrap();
    }
    replica.lease.give_up().unwrap();
    drop(replica);
    let back =
        "ALTER TABLE journal DISABLE TRIGGER ALL; ALTER TABLE contributions DISABLE TRIGGER ALL;
        DELETE FROM contributions; DELETE FROM journal;
        INSERT INTO journal TABLE kept; INSERT INTO contributions TABLE kept_ones";
    server.sql("ours", back);
    let refused = lead().err().unwrap().to_string();
    assert!(
        refused.contains("ends after 2 records, and 4 were durable"),
        "{refused}"
    );
    server.sql("ours", "UPDATE journal SET hash = sha256(hash)");
    server.sql(
        "ours",
        "INSERT INTO journal SELECT seq + 2, record, hash, NULL FROM kept",
    );
    let refused = lead().err().unwrap().to_string();
    assert!(refused.contains("another past"), "{refused}");
    // Whoever has seen nothing of it takes it as it is.
    Replica::lead(&url, "two").lease.give_up().unwrap();
}

#[test]
fn what_was_signed_is_not_taken_back_when_the_database_is() {
    let Some(server) = Server::start() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let url = server.url("ours");
    let signed = Signed {
        origin: "example.org/log".to_owned(),
        tree: TreeHead {
            size: 7,
            root: Hash([1; 32]),
        },
    };
    let replica = Replica::lead_in(&url, "one", directory.path()).unwrap();
    replica.store.keep_signed(&signed).unwrap();
    replica.lease.give_up().unwrap();
    drop(replica);
    server.sql("ours", "UPDATE signed SET size = 5");
    let replica = Replica::lead_in(&url, "one", directory.path()).unwrap();
    assert_eq!(replica.store.last_signed(), Some(signed.clone()));
    let mut less = signed;
    less.tree.size = 6;
    replica.store.keep_signed(&less).unwrap_err();
}
