//! What a leader leaves to the next one beside the ceremony: until when it was there, and the sign-ins that
//! have begun.

use std::time::Duration;

use tauline_queue_core::Timestamp;
use tauline_store::{SignInWrite, Store as _, StoreError, UsedNonce};

use crate::place::{NOON, Replica, server};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + millis)
}

#[test]
fn the_next_leader_is_told_until_when_one_served_before_it_and_how_long_that_is_ago() {
    let Some(server) = server() else {
        return;
    };
    let schema = server.fresh();
    let url = server.url(&schema);
    let lost = || server.sql(&schema, "UPDATE leader SET expires_at = clock_timestamp()");
    let first = Replica::lead(&url, "a");
    assert_eq!(first.store.there_until(), None);
    first.lease.renew().unwrap();
    first.store.is_there(at(5000));
    first.store.is_there(at(4000));
    first.lease.renew().unwrap();
    first.store.is_there(at(6000));
    // It is lost, with what it did not tell.
    lost();
    let second = Replica::lead(&url, "b");
    let told = second.store.there_until().unwrap();
    assert_eq!(told.at, at(5000));
    std::thread::sleep(Duration::from_millis(30));
    let later = second.store.there_until().unwrap();
    assert!(later.ago >= told.ago + Duration::from_millis(30));
    // This one renews while it takes the ceremony up, and never serves.
    second.lease.renew().unwrap();
    assert!(matches!(first.lease.renew(), Err(StoreError::Fenced)));
    second.lease.give_up().unwrap();
    let third = Replica::lead(&url, "c");
    let again = third.store.there_until().unwrap();
    assert_eq!(again.at, at(5000));
    assert!(again.ago >= later.ago);
    // One that stops tells its last.
    third.store.is_there(at(9000));
    third.lease.give_up().unwrap();
    let fourth = Replica::lead(&url, "d");
    assert_eq!(fourth.store.there_until().unwrap().at, at(9000));
}

/// A nonce that expires then.
fn nonce(millis: u64, random: u8) -> UsedNonce {
    let mut nonce = [random; 24];
    nonce[..8].copy_from_slice(&at(millis).as_millis().to_be_bytes());
    nonce
}

#[test]
fn the_next_leader_has_the_key_of_sign_ins_and_the_nonces_that_were_used() {
    let Some(server) = server() else {
        return;
    };
    let schema = server.fresh();
    let url = server.url(&schema);
    let lost = || server.sql(&schema, "UPDATE leader SET expires_at = clock_timestamp()");
    let first = Replica::lead(&url, "a");
    let key = first.store.sign_in_key().unwrap().unwrap();
    assert_ne!(*key, [0; 32]);
    let used = [nonce(0, 9), nonce(10, 1), nonce(10, 255), nonce(256, 0)];
    let writes: Vec<_> = used.into_iter().map(SignInWrite::UsedNonce).collect();
    first.store.write_sign_ins(&writes).unwrap();
    first.store.write_sign_ins(&writes[..1]).unwrap();
    lost();
    let second = Replica::lead(&url, "b");
    assert_eq!(second.store.sign_in_key().unwrap().unwrap(), key);
    assert_eq!(second.store.used_nonces(at(0)).unwrap(), used);
    assert_eq!(second.store.used_nonces(at(1)).unwrap(), used[1..]);
    assert_eq!(second.store.used_nonces(at(11)).unwrap(), used[3..]);
    // One that was lost in the meantime uses none up any more.
    let late = SignInWrite::UsedNonce(nonce(300, 0));
    let refused = first.store.write_sign_ins(&[late]);
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    let forgotten = second.store.delete_sessions_expired_before(at(11));
    assert_eq!(forgotten.unwrap(), 0);
    assert_eq!(second.store.used_nonces(at(0)).unwrap(), used[3..]);
}
