//! The connection is lost in a commit: what became of it is found out.

use tauline_log::tree::{Hash, TreeHead};
use tauline_protocol::Identity;
use tauline_queue_core::Ticket;
use tauline_store::signed::Signed;
use tauline_store::{Batch, Blob, Session, Store as _, Write};
use zeroize::Zeroizing;

use crate::made_up::Plain;
use crate::place::{NOON, Replica, server};
use crate::proxy::{Plan, Proxy};

/// A replica behind a proxy.
fn behind() -> Option<(Proxy, Replica)> {
    let server = server()?;
    let proxy = Proxy::to(server.port());
    let replica = Replica::lead(&proxy.url(&server.url(&server.fresh())), "one");
    Some((proxy, replica))
}

/// The ways in which the connection is lost: after the commit, before it, and so that the transaction
/// comes later than the one that repeats it.
const WAYS: [Plan; 3] = [Plan::LoseAnswer, Plan::LoseCommit, Plan::HoldAllAndCut];

/// Does something while the connection is lost in this way.
fn lost<T>(proxy: &Proxy, way: Plan, work: impl FnOnce() -> T) -> T {
    proxy.plan(way);
    let done = work();
    assert!(proxy.is_done(), "{way:?} has not happened");
    if way == Plan::HoldAllAndCut {
        proxy.release();
    }
    done
}

#[test]
fn records_are_written_once() {
    let Some((proxy, replica)) = behind() else {
        return;
    };
    let mut plain = Plain::new();
    for way in WAYS {
        for text in ["one", "two"] {
            let batch = plain.record(text);
            lost(&proxy, way, || replica.store.commit(&batch)).unwrap();
            // What does not follow is refused all the same, and then no answer tells of a commit.
            if way != Plan::LoseAnswer {
                lost(&proxy, way, || replica.store.commit(&batch)).unwrap_err();
            }
        }
        replica.store.commit(&plain.record("three")).unwrap();
    }
    let log = replica.store.log(0, 100).unwrap();
    let texts: Vec<_> = log.iter().map(|it| it.bytes.as_slice()).collect();
    let once: [&[u8]; 3] = [b"one", b"two", b"three"];
    assert_eq!(texts, once.repeat(3));
    assert_eq!(log.last().unwrap().hash, *plain.chain.hash());
}

#[test]
fn what_has_no_record_is_written_once() {
    let Some((proxy, replica)) = behind() else {
        return;
    };
    let store = &replica.store;
    let ticket = Ticket::new(7);
    let put = |byte| Write::Blob {
        ticket,
        blob: Blob::new(vec![byte]),
    };
    for (way, byte) in WAYS.into_iter().zip(1..) {
        let commit = |writes| lost(&proxy, way, || store.commit(&Batch { writes })).unwrap();
        commit(vec![put(byte)]);
        assert_eq!(store.blob(ticket).unwrap().unwrap().bytes(), [byte]);
        commit(vec![Write::DropBlob(ticket)]);
        assert_eq!(store.blob(ticket).unwrap(), None);
        commit(vec![Write::LogKey(Zeroizing::new([byte; 32]))]);
        // Whoever comes late changes nothing of what was done since.
        store
            .commit(&Batch {
                writes: vec![put(99)],
            })
            .unwrap();
        assert_eq!(store.blob(ticket).unwrap().unwrap().bytes(), [99]);
        store
            .commit(&Batch {
                writes: vec![Write::DropBlob(ticket)],
            })
            .unwrap();
    }
}

#[test]
fn sign_ins_and_signed_state_are_written_once() {
    let Some((proxy, replica)) = behind() else {
        return;
    };
    let store = &replica.store;
    for (way, number) in WAYS.into_iter().zip(1_u64..) {
        let identity: Identity = format!("git|{number}|name").parse().unwrap();
        let given = lost(&proxy, way, || {
            store.first_identity_of_github(number, &identity)
        });
        assert_eq!(given.unwrap(), identity);
        assert_eq!(store.accounts().count, number);
        assert_eq!(store.first_accounts(99).unwrap(), store.accounts());
        let session = Session {
            hash: [u8::try_from(number).unwrap(); 32],
            identity,
            expires_at: NOON,
        };
        lost(&proxy, way, || store.put_session(&session)).unwrap();
        assert_eq!(store.session(&session.hash).unwrap(), Some(session));
        let signed = Signed {
            origin: "example.org/log".to_owned(),
            tree: TreeHead {
                size: number,
                root: Hash([1; 32]),
            },
        };
        lost(&proxy, way, || store.keep_signed(&signed)).unwrap();
        assert_eq!(store.last_signed(), Some(signed));
    }
}
