//! Plans, another key for the log, and a ceremony that goes on under another coordinator
//! (`docs/spec/public-log.md#handover`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_protocol::error::Code;
use tauline_protocol::public_log::SuccessorKey;
use tauline_protocol::status::{ModeWord, Planned, QueueWord};
use tauline_server::testing::take_over;
use tauline_store::handover::public_key;
use tauline_store::sqlite::Sqlite;
use tempfile::TempDir;

use crate::support::{Ceremony, NOON, Plan, id, refused, secs};

/// A data directory that is to go on with a ceremony, and its key.
fn successor() -> (Arc<TempDir>, SuccessorKey) {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let key = public_key(directory.path()).unwrap();
    (directory, key)
}

/// Gives the ceremony away, and returns the bundle.
async fn give(ceremony: &Ceremony, to: SuccessorKey) -> PathBuf {
    let output = ceremony.path().join("bundle");
    let answer = ceremony
        .ask(AdminRequest::Handover {
            to,
            url: Some("https://next.test".to_owned()),
            output: output.clone(),
        })
        .await;
    let AdminAnswer::HandedOver { entries, .. } = answer else {
        panic!("not handed over: {answer:?}");
    };
    assert_eq!(entries, ceremony.coordinator.status().log.records);
    output
}

/// The ceremony as it goes on in this directory.
fn go_on(directory: Arc<TempDir>) -> Ceremony {
    let plan = Plan {
        directory,
        ..Plan::default()
    };
    plan.open()
}

/// One with a contribution and two in line, paused.
async fn paused() -> Ceremony {
    let ceremony = Ceremony::joined_by(&["anna", "bert", "cleo"]).await;
    ceremony.contribute("anna").await;
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    ceremony
}

#[tokio::test]
async fn a_ceremony_goes_on_under_another_coordinator_with_all_its_places() {
    let old = paused().await;
    let address = old.coordinator.address().to_owned();
    let (directory, key) = successor();
    let bundle = give(&old, key).await;

    take_over(&bundle, directory.path()).unwrap();
    // What is started with the same settings again finds it done.
    take_over(&bundle, directory.path()).unwrap();
    let new = go_on(directory);
    assert_ne!(new.coordinator.address(), address);
    assert_eq!(new.coordinator.status().mode, ModeWord::Halted);
    assert_eq!(new.coordinator.status().moved_to, None);
    new.admin(AdminRequest::Resume).await.unwrap();
    let bert = new.check_in("bert").await;
    assert_eq!(bert.ticket, Some(2));
    refused(
        new.coordinator.join(id("anna")).await,
        Code::AlreadyContributed,
    );
    assert_eq!(new.check_in("cleo").await.ticket, Some(3));
    new.contribute("bert").await;
    assert_eq!(new.join("dora").await.ticket, Some(4));
    assert_eq!(new.coordinator.status().contributions, 2);

    // And after a restart, as anybody.
    let new = new.restart().await;
    assert_eq!(new.check_in("cleo").await.ticket, Some(3));
    new.contribute("cleo").await;
}

#[tokio::test]
async fn the_old_coordinator_says_where_the_ceremony_went_and_appends_nothing() {
    let old = paused().await;
    let (_directory, key) = successor();
    let bundle = give(&old, key).await;
    let records = old.coordinator.status().log.records;
    let moved = old.coordinator.status().moved_to.unwrap();
    assert_eq!(moved.url.as_deref(), Some("https://next.test"));
    assert_eq!(moved.key, key);

    for name in ["dora", "bert"] {
        let refusal = old.coordinator.join(id(name)).await.unwrap_err();
        assert_eq!(refusal.code, Code::HandedOver);
        assert!(refusal.error.contains("https://next.test"), "{refusal}");
        let body = refusal.body();
        assert_eq!(body.moved_to.unwrap().key, key);
        // Somebody has a place, and the log says so: a signed refusal would accuse the coordinator.
        assert!(body.signed.is_none());
    }
    refused(old.coordinator.check_in(id("bert")).await, Code::HandedOver);
    refused(old.coordinator.leave(id("bert")).await, Code::HandedOver);
    for request in [
        AdminRequest::Resume,
        AdminRequest::Open { at: None },
        AdminRequest::RotateKey,
        AdminRequest::Pardon { id: id("anna") },
    ] {
        let error = old.admin(request).await.unwrap_err();
        assert!(error.contains("handed over"), "{error}");
    }
    // Whoever contributed gets the receipt again.
    refused(
        old.coordinator.join(id("anna")).await,
        Code::AlreadyContributed,
    );
    let anna = old.check_in("anna").await;
    assert!(anna.receipt.is_some());
    old.pass(secs(3600)).await;

    let old = old.restart().await;
    assert_eq!(old.coordinator.status().log.records, records);
    refused(old.coordinator.check_in(id("bert")).await, Code::HandedOver);
    // The bundle can be had again, for the same one only.
    let again = old.path().join("again");
    let to_the_same = AdminRequest::Handover {
        to: key,
        url: Some("https://next.test".to_owned()),
        output: again.clone(),
    };
    old.admin(to_the_same).await.unwrap();
    assert!(again.exists() && bundle.exists());
    let (_elsewhere, another) = successor();
    let error = old
        .admin(AdminRequest::Handover {
            to: another,
            url: None,
            output: old.path().join("third"),
        })
        .await
        .unwrap_err();
    assert!(error.contains(&key.to_string()), "{error}");
    assert_eq!(old.coordinator.status().log.records, records);
}

#[tokio::test]
async fn a_running_ceremony_is_not_handed_over() {
    let ceremony = Ceremony::joined_by(&["anna"]).await;
    let (_directory, key) = successor();
    let hand_over = |output: PathBuf| AdminRequest::Handover {
        to: key,
        url: None,
        output,
    };
    let path = ceremony.path().join("bundle");
    let error = ceremony.admin(hand_over(path.clone())).await.unwrap_err();
    assert!(error.contains("pause"), "{error}");
    assert!(!path.exists());
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    let error = ceremony
        .admin(hand_over("bundle".into()))
        .await
        .unwrap_err();
    assert!(error.contains("absolute"), "{error}");
    let own = ceremony.store.ceremony().public_key();
    let to_itself = AdminRequest::Handover {
        to: own,
        url: None,
        output: path.clone(),
    };
    let error = ceremony.admin(to_itself).await.unwrap_err();
    assert!(error.contains("own key"), "{error}");
    // Nothing of it is in the way.
    ceremony.admin(AdminRequest::Resume).await.unwrap();
    ceremony.contribute("anna").await;
}

#[tokio::test]
async fn a_bundle_holds_no_secret_of_the_leaving_coordinator() {
    let old = paused().await;
    let ceremony = old.store.ceremony().clone();
    let key: [u8; 32] = ceremony.key.to_bytes().into();
    let seed = *ceremony.log.unwrap().seed;
    let (_directory, to) = successor();
    let bundle = fs::read(give(&old, to).await).unwrap();
    let holds = |secret: &[u8]| bundle.windows(secret.len()).any(|it| it == secret);
    assert!(!holds(&key) && !holds(&seed));
    let backup = old.path().join("backup");
    old.store.backup(&backup).unwrap();
    let backup = fs::read(backup).unwrap();
    assert!(
        backup.windows(32).any(|it| it == key),
        "the search finds it"
    );
}

/// What is wrong with a bundle, and what is said.
fn refusal(bundle: &Path, directory: &Path) -> String {
    let error = take_over(bundle, directory).unwrap_err().to_string();
    assert!(
        Sqlite::look_at(directory).is_err(),
        "nothing was made: {error}"
    );
    error
}

#[tokio::test]
async fn a_bundle_that_was_changed_or_is_for_another_is_refused() {
    let old = paused().await;
    let (directory, key) = successor();
    let bundle = give(&old, key).await;
    let bytes = fs::read(&bundle).unwrap();
    let changed = old.path().join("changed");
    let try_with = |bytes: &[u8]| {
        fs::write(&changed, bytes).unwrap();
        refusal(&changed, directory.path())
    };

    let error = try_with(&bytes[..bytes.len() - 1]);
    assert!(error.contains("cut short or changed"), "{error}");
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(try_with(&flipped).contains("cut short or changed"));
    let head = bytes.iter().position(|it| *it == b'{').unwrap();
    let mut other_statement = bytes.clone();
    let place = head + 12;
    other_statement[place] = if other_statement[place] == b'x' {
        b'y'
    } else {
        b'x'
    };
    let error = try_with(&other_statement);
    assert!(
        error.contains("not signed") || error.contains("cannot be read"),
        "{error}"
    );
    assert!(try_with(b"something else").contains("no handover bundle"));

    let (elsewhere, _) = successor();
    let error = refusal(&bundle, elsewhere.path());
    assert!(
        error.contains("is for the coordinator with the key"),
        "{error}"
    );
    let nowhere = tempfile::tempdir().unwrap();
    let error = refusal(&bundle, nowhere.path());
    assert!(error.contains("public-key"), "{error}");
    let another = Ceremony::new().stop().await;
    let error = take_over(&bundle, another.directory.path()).unwrap_err();
    assert!(error.to_string().contains("another ceremony"), "{error}");

    // After all that, the true one is taken.
    take_over(&bundle, directory.path()).unwrap();
    go_on(directory);
}

#[tokio::test]
async fn three_coordinators_one_after_the_other_keep_one_log() {
    let first = paused().await;
    let (directory, key) = successor();
    let bundle = give(&first, key).await;
    take_over(&bundle, directory.path()).unwrap();
    let second = go_on(directory);
    second.admin(AdminRequest::Resume).await.unwrap();
    second.contribute("bert").await;
    second.admin(AdminRequest::RotateKey).await.unwrap();
    second.admin(AdminRequest::Pause).await.unwrap();
    let second = second.restart().await;
    let (directory, key) = successor();
    let bundle = give(&second, key).await;
    take_over(&bundle, directory.path()).unwrap();
    let third = go_on(directory);
    third.admin(AdminRequest::Resume).await.unwrap();
    third.contribute("cleo").await;
    let third = third.restart().await;
    assert_eq!(third.coordinator.status().contributions, 3);
    assert_eq!(
        third.check_in("anna").await.queue_status,
        QueueWord::Contributed
    );
}

#[tokio::test]
async fn a_rotated_key_is_used_and_kept() {
    let ceremony = Ceremony::joined_by(&["anna"]).await;
    let key_of =
        |status: tauline_protocol::status::QueueStatus| status.signed_ticket.unwrap().log_key;
    let before = key_of(ceremony.join("bert").await);
    ceremony.admin(AdminRequest::RotateKey).await.unwrap();
    let after = key_of(ceremony.join("cleo").await);
    assert_ne!(before, after);
    let ceremony = ceremony.restart().await;
    assert_eq!(key_of(ceremony.join("dora").await), after);
}

#[tokio::test]
async fn what_is_planned_is_announced_and_done_also_after_a_restart() {
    let ceremony = Ceremony::new();
    let at = |seconds: u64| NOON.saturating_add(secs(seconds));
    let drain = |seconds| AdminRequest::Drain {
        at: Some(at(seconds)),
    };
    let open = |seconds| AdminRequest::Open {
        at: Some(at(seconds)),
    };
    assert!(
        ceremony
            .admin(drain(0))
            .await
            .unwrap_err()
            .contains("has passed")
    );
    assert!(
        ceremony
            .admin(AdminRequest::Unplan)
            .await
            .unwrap_err()
            .contains("nothing")
    );
    ceremony.admin(drain(100)).await.unwrap();
    assert!(
        ceremony
            .admin(open(100))
            .await
            .unwrap_err()
            .contains("same time")
    );
    ceremony.admin(open(200)).await.unwrap();
    let planned = ceremony.coordinator.status().planned;
    assert_eq!(
        planned,
        Some(Planned {
            opens: Some(at(200).as_secs()),
            drains: Some(at(100).as_secs()),
        })
    );
    ceremony.join("anna").await;
    let ceremony = ceremony.restart().await;
    assert_eq!(ceremony.coordinator.status().planned, planned);
    ceremony.pass(secs(99)).await;
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Open);
    ceremony.pass(secs(1)).await;
    // Nobody is in line any more.
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Halted);
    refused(ceremony.coordinator.join(id("bert")).await, Code::Halted);
    ceremony.pass(secs(100)).await;
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Open);
    assert_eq!(ceremony.coordinator.status().planned, None);
    ceremony.join("bert").await;

    ceremony.admin(drain(400)).await.unwrap();
    ceremony.admin(AdminRequest::Unplan).await.unwrap();
    assert_eq!(ceremony.coordinator.status().planned, None);
    ceremony.pass(secs(300)).await;
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Open);
}
