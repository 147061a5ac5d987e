//! Whoever does not lead any more writes nothing, however late; and the lease by which one leads.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use tauline_log::tree::{Hash, TreeHead};
use tauline_queue_core::Ticket;
use tauline_store::postgres::{Cluster, Postgres};
use tauline_store::signed::Signed;
use tauline_store::{Batch, Blob, Session, Store as _, StoreError, Write};
use zeroize::Zeroizing;

use crate::made_up::Plain;
use crate::place::{LONG, NOON, Replica, database, member, server};
use crate::proxy::{Plan, Proxy};

/// Ends the lease of whoever leads, as time would.
fn let_the_lease_end(schema: &str) {
    let server = server().unwrap();
    server.sql(schema, "UPDATE leader SET expires_at = clock_timestamp()");
}

#[test]
fn a_leader_that_has_lost_the_lead_writes_nothing() {
    let Some(server) = server() else { return };
    let schema = server.fresh();
    let url = server.url(&schema);
    let old = Replica::lead(&url, "old");
    let mut plain = Plain::new();
    old.store.commit(&plain.record("one")).unwrap();
    let_the_lease_end(&schema);
    // Nobody has taken the lead, so nobody is in the way.
    old.store.commit(&plain.record("two")).unwrap();
    let new = Replica::lead(&url, "new");
    assert_eq!(new.lease.epoch(), old.lease.epoch() + 1);

    let session = Session {
        hash: [1; 32],
        identity: "git|1|name".parse().unwrap(),
        expires_at: NOON,
    };
    let signed = Signed {
        origin: "example.org/log".to_owned(),
        tree: TreeHead {
            size: 2,
            root: Hash([1; 32]),
        },
    };
    let blob = Write::Blob {
        ticket: Ticket::new(1),
        blob: Blob::new(vec![1]),
    };
    let batch = |write| Batch {
        writes: vec![write],
    };
    let before = server.sql(&schema, "SELECT number, batch FROM commits");
    for refused in [
        old.store.commit(&plain.clone().record("three")),
        old.store.commit(&batch(blob)),
        old.store.commit(&batch(Write::DropBlob(Ticket::new(1)))),
        old.store
            .commit(&batch(Write::LogKey(Zeroizing::new([1; 32])))),
        old.store.put_session(&session),
        old.store.delete_session(&[1; 32]),
        old.store.delete_sessions_expired_before(NOON).map(|_| ()),
        old.store
            .first_identity_of_github(1, &session.identity)
            .map(|_| ()),
        old.store.keep_signed(&signed),
        old.lease.renew(),
        old.lease.give_up(),
    ] {
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    }
    assert_eq!(
        server.sql(&schema, "SELECT number, batch FROM commits"),
        before
    );
    assert_eq!(new.store.log(0, 9).unwrap().len(), 2);
    new.store.commit(&plain.record("three")).unwrap();
    assert_eq!(new.store.last_signed(), None);
    new.lease.renew().unwrap();
}

/// A leader whose transaction is on its way for so long that another takes the lead meanwhile. Returns
/// what became of it, and the new leader.
fn late_append(schema: &str, plain: &mut Plain) -> (Result<(), StoreError>, Replica) {
    let server = server().unwrap();
    let proxy = Proxy::to(server.port());
    let url = server.url(schema);
    let old = Replica::lead(&proxy.url(&url), "old");
    old.store.commit(&plain.record("one")).unwrap();
    proxy.plan(Plan::HoldAll);
    let late = plain.clone().record("late");
    scope(|scope| {
        let commit = scope.spawn(|| old.store.commit(&late));
        proxy.wait_until_held();
        let_the_lease_end(schema);
        let new = Replica::lead(&url, "new");
        assert_eq!(new.store.log(0, 9).unwrap().len(), 1);
        proxy.release();
        (commit.join().unwrap(), new)
    })
}

/// Takes away that transactions count themselves, which refuses most of what comes late as well.
const UNCOUNTED: &str =
    "CREATE OR REPLACE FUNCTION finish(mine bigint, before bigint, this bytea, tell boolean)
    RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        PERFORM fence(mine);
        UPDATE commits SET number = number + 1, batch = this;
    END $$";

/// Takes away the fence.
const UNFENCED: &str =
    "CREATE OR REPLACE FUNCTION fence(mine bigint) RETURNS void LANGUAGE sql AS ''";

/// A schema in which this was changed.
fn changed(changes: &[&str]) -> Option<String> {
    let server = server()?;
    let schema = server.fresh();
    drop(Cluster::join(&database(&server.url(&schema))).unwrap());
    for change in changes {
        server.sql(&schema, change);
    }
    Some(schema)
}

#[test]
fn an_append_that_arrives_late_is_refused_by_the_fence_or_by_its_number() {
    let ways: [&[&str]; 3] = [&[], &[UNCOUNTED], &[UNFENCED]];
    for way in ways {
        let Some(schema) = changed(way) else { return };
        let mut plain = Plain::new();
        let (refused, new) = late_append(&schema, &mut plain);
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
        assert_eq!(new.store.log(0, 9).unwrap().len(), 1);
        new.store.commit(&plain.record("two")).unwrap();
        assert_eq!(new.store.log(1, 9).unwrap()[0].bytes, b"two");
    }
}

/// What both are for: without them the same append is written, and said to be durable, although the new
/// leader has read a log without it, and its own next append does not fit any more.
#[test]
fn without_fence_and_number_the_late_append_is_written() {
    let Some(schema) = changed(&[UNCOUNTED, UNFENCED]) else {
        return;
    };
    let mut plain = Plain::new();
    let (written, new) = late_append(&schema, &mut plain);
    written.unwrap();
    let log = new.store.log(0, 9).unwrap();
    assert_eq!(log.last().unwrap().bytes, b"late");
    new.store.commit(&plain.record("two")).unwrap_err();
}

#[test]
fn taking_the_lead_waits_for_an_append_that_is_under_way() {
    let Some(server) = server() else { return };
    let schema = server.fresh();
    let proxy = Proxy::to(server.port());
    let url = server.url(&schema);
    let old = Replica::lead(&proxy.url(&url), "old");
    let mut plain = Plain::new();
    proxy.plan(Plan::HoldCommit);
    let batch = plain.record("one");
    scope(|scope| {
        let commit = scope.spawn(|| old.store.commit(&batch));
        proxy.wait_until_held();
        // Renewing waits for nobody.
        old.lease.renew().unwrap();
        let_the_lease_end(&schema);
        let new = scope.spawn(|| Replica::lead(&url, "new"));
        sleep(Duration::from_millis(200));
        assert!(
            !new.is_finished(),
            "the lead was taken in the middle of an append"
        );
        proxy.release();
        commit.join().unwrap().unwrap();
        // Whoever leads now has read it.
        let new = new.join().unwrap();
        assert_eq!(new.store.log(0, 9).unwrap().len(), 1);
        new.store.commit(&plain.clone().record("two")).unwrap();
    });
}

#[test]
fn a_leader_that_is_frozen_in_its_append_is_not_waited_for_long() {
    let Some(server) = server() else { return };
    let schema = server.fresh();
    let proxy = Proxy::to(server.port());
    let url = server.url(&schema);
    let old = Replica::lead(&proxy.url(&url), "old");
    let batch = Plain::new().record("one");
    proxy.plan(Plan::HoldCommit);
    scope(|scope| {
        let commit = scope.spawn(|| old.store.commit(&batch));
        proxy.wait_until_held();
        let_the_lease_end(&schema);
        let begun = Instant::now();
        let new = Replica::lead(&url, "new");
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
        let refused = commit.join().unwrap();
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
        assert_eq!(new.store.log(0, 9).unwrap(), []);
        proxy.release();
        assert_eq!(new.store.log(0, 9).unwrap(), []);
    });
}

#[test]
fn a_lease_ends_by_the_databases_clock_and_lasts_when_it_is_renewed() {
    let Some(server) = server() else { return };
    let schema = server.fresh();
    let cluster = Cluster::join(&database(&server.url(&schema))).unwrap();
    assert_eq!(cluster.leader().unwrap(), None);
    let lease = cluster.take_lead(&member("one"), LONG).unwrap().unwrap();
    let leader = cluster.leader().unwrap().unwrap();
    assert_eq!((leader.epoch, leader.name.as_str()), (1, "one"));
    assert_eq!(leader.url, "http://one.example");
    assert!(leader.remaining <= LONG && leader.remaining > LONG / 2);
    assert!(cluster.take_lead(&member("two"), LONG).unwrap().is_none());

    let_the_lease_end(&schema);
    assert_eq!(cluster.leader().unwrap(), None);
    lease.renew().unwrap();
    assert_eq!(cluster.leader().unwrap().unwrap().epoch, 1);
    assert!(cluster.take_lead(&member("two"), LONG).unwrap().is_none());

    lease.clone().give_up().unwrap();
    assert_eq!(cluster.leader().unwrap(), None);
    let short = Duration::from_millis(50);
    let second = cluster.take_lead(&member("two"), short).unwrap().unwrap();
    assert_eq!(second.epoch(), 2);
    assert!(matches!(lease.renew(), Err(StoreError::Fenced)));
    let begun = Instant::now();
    let third = loop {
        if let Some(lease) = cluster.take_lead(&member("three"), short).unwrap() {
            break lease;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the lease never ends"
        );
    };
    assert_eq!(third.epoch(), 3);
    assert!(begun.elapsed() > Duration::from_millis(30));
}

#[test]
fn of_many_who_want_the_lead_at_once_one_has_it() {
    let Some(server) = server() else { return };
    let url = server.url(&server.fresh());
    // They also make the tables at once.
    let leads = scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let url = &url;
                scope.spawn(move || {
                    let cluster = Cluster::join(&database(url)).unwrap();
                    let me = member(&format!("replica{number}"));
                    let secret = cluster.secret().unwrap();
                    (cluster.take_lead(&me, LONG).unwrap().is_some(), secret)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|it| it.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(leads.iter().filter(|(leads, _)| *leads).count(), 1);
    assert!(leads.iter().all(|(_, secret)| *secret == leads[0].1));
    assert_ne!(*leads[0].1, [0; 32]);
}

#[test]
fn whoever_listens_hears_of_appends_and_leaders() {
    let Some(server) = server() else { return };
    let url = server.url(&server.fresh());
    let cluster = Cluster::join(&database(&url)).unwrap();
    cluster.leader().unwrap();
    let mut changes = cluster.changes();
    let mut moves_after = |work: &mut dyn FnMut()| {
        changes.borrow_and_update();
        work();
        let begun = Instant::now();
        while !changes.has_changed().unwrap() {
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing is told");
            sleep(Duration::from_millis(1));
        }
    };
    let mut replica = None;
    moves_after(&mut || replica = Some(Replica::lead(&url, "one")));
    let replica = replica.unwrap();
    let mut plain = Plain::new();
    // What the beginning of a ceremony tells may still be on its way, so several are looked at.
    for _ in 0..20 {
        moves_after(&mut || replica.store.commit(&plain.record("more")).unwrap());
    }
    moves_after(&mut || replica.lease.give_up().unwrap());
    drop(replica.cluster);
}

#[test]
fn a_follower_reads_everything_and_writes_nothing() {
    let Some(server) = server() else { return };
    let url = server.url(&server.fresh());
    let directory = tempfile::tempdir().unwrap();
    drop(Cluster::join(&database(&url)).unwrap());
    let follow = || Postgres::follow(&database(&url), directory.path()).unwrap();
    assert!(follow().is_none());
    let leader = Replica::lead(&url, "one");
    let follower = follow().unwrap();
    assert_eq!(follower.ceremony().sum(), leader.store.ceremony().sum());
    let mut plain = Plain::new();
    for batch in plain.turn(1, 1000) {
        leader.store.commit(&batch).unwrap();
    }
    assert_eq!(follower.log(0, 9).unwrap(), leader.store.log(0, 9).unwrap());
    assert_eq!(follower.blob_tickets().unwrap(), [Ticket::new(1)]);
    assert_eq!(follower.contributions(0, 9).unwrap().len(), 1);
    let signed = Signed {
        origin: "example.org/log".to_owned(),
        tree: TreeHead {
            size: 2,
            root: Hash([1; 32]),
        },
    };
    leader.store.keep_signed(&signed).unwrap();
    assert_eq!(follower.last_signed(), Some(signed.clone()));
    for refused in [
        follower.commit(&plain.record("three")),
        follower.keep_signed(&signed),
        follower.delete_session(&[1; 32]),
        follower.write_sign_ins(&[]),
    ] {
        assert!(
            matches!(refused, Err(StoreError::NotLeading)),
            "{refused:?}"
        );
    }
}
