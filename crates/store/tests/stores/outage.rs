//! The database is killed, restarted, replaced by its standby, or away: nothing that was said to be durable
//! is lost, and short absences are waited for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

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
