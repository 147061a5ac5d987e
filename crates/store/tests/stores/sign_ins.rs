//! Sessions, and the accounts that people sign in with.

use tauline_protocol::Identity;
use tauline_queue_core::Timestamp;
use tauline_store::{Session, SignInWrite, sum};

use crate::both::both;
use crate::place::{NOON, Place};

both! {
    a_session_lasts_over_a_restart_until_it_is_deleted,
    sessions_are_listed_by_their_ends_and_forgotten_after_them,
    an_account_keeps_its_first_identity_and_is_counted_once,
    sign_ins_come_together_or_not_at_all,
}

fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + millis)
}

fn session(byte: u8, end: u64) -> Session {
    Session {
        hash: [byte; 32],
        identity: identity(&format!("git|{byte}|name{byte}")),
        expires_at: at(end),
    }
}

fn a_session_lasts_over_a_restart_until_it_is_deleted(place: &Place) {
    let open = place.open();
    open.store().put_session(&session(1, 10)).unwrap();
    drop(open);
    let open = place.open();
    let store = open.store();
    assert_eq!(store.session(&[1; 32]).unwrap(), Some(session(1, 10)));
    assert_eq!(store.session(&[2; 32]).unwrap(), None);
    let mut later = session(1, 99);
    later.identity = identity("invite|somebody");
    store.put_session(&later).unwrap();
    assert_eq!(store.session(&[1; 32]).unwrap(), Some(later));
    store.delete_session(&[1; 32]).unwrap();
    store.delete_session(&[1; 32]).unwrap();
    assert_eq!(store.session(&[1; 32]).unwrap(), None);
}

fn sessions_are_listed_by_their_ends_and_forgotten_after_them(place: &Place) {
    let open = place.open();
    let store = open.store();
    let all = [
        session(9, 10),
        session(1, 20),
        session(5, 20),
        session(2, 30),
    ];
    let writes: Vec<_> = all.iter().rev().cloned().map(SignInWrite::Put).collect();
    store.write_sign_ins(&writes).unwrap();
    assert_eq!(store.sessions_lasting(at(0)).unwrap(), all);
    assert_eq!(store.sessions_lasting(at(10)).unwrap(), all[1..]);
    assert_eq!(store.delete_sessions_expired_before(at(20)).unwrap(), 1);
    assert_eq!(store.delete_sessions_expired_before(at(31)).unwrap(), 3);
    assert_eq!(store.sessions_lasting(at(0)).unwrap(), []);
}

fn an_account_keeps_its_first_identity_and_is_counted_once(place: &Place) {
    let [first, later] = ["git|7|OctoCat", "git|7|Renamed"].map(identity);
    let open = place.open();
    let store = open.store();
    assert_eq!(store.accounts(), sum::NONE);
    assert_eq!(store.identity_of_github(7).unwrap(), None);
    assert_eq!(store.first_identity_of_github(7, &first).unwrap(), first);
    assert_eq!(store.first_identity_of_github(7, &later).unwrap(), first);
    let one = store.accounts();
    assert_eq!(one.count, 1);
    let other = identity("git|8|Other");
    store.first_identity_of_github(8, &other).unwrap();
    let both = store.accounts();
    assert_eq!(store.first_accounts(1).unwrap(), one);
    assert_eq!(store.first_accounts(99).unwrap(), both);
    drop(open);
    let open = place.open();
    assert_eq!(open.store().accounts(), both);
    assert_eq!(open.store().identity_of_github(8).unwrap(), Some(other));
}

fn sign_ins_come_together_or_not_at_all(place: &Place) {
    let open = place.open();
    let store = open.store();
    let account = |account, text| SignInWrite::GithubAccount {
        account,
        identity: identity(text),
    };
    // Two accounts of one identity.
    let writes = [
        SignInWrite::Put(session(1, 10)),
        account(1, "git|1|one"),
        account(2, "git|1|one"),
    ];
    store.write_sign_ins(&writes).unwrap_err();
    assert_eq!(store.session(&[1; 32]).unwrap(), None);
    assert_eq!(store.accounts(), sum::NONE);
    assert_eq!(store.identity_of_github(1).unwrap(), None);
    let writes = [
        SignInWrite::Put(session(1, 10)),
        SignInWrite::Delete([1; 32]),
        account(1, "git|1|one"),
        account(1, "git|1|renamed"),
        account(2, "git|2|two"),
        SignInWrite::Put(session(2, 10)),
    ];
    store.write_sign_ins(&writes).unwrap();
    assert_eq!(store.session(&[1; 32]).unwrap(), None);
    assert_eq!(store.session(&[2; 32]).unwrap(), Some(session(2, 10)));
    assert_eq!(store.accounts().count, 2);
    assert_eq!(store.first_accounts(2).unwrap(), store.accounts());
}
