//! Restarts: nothing acknowledged is lost, and the absence costs nobody a place.

use std::sync::Arc;

use tauline_protocol::admin::AdminRequest;
use tauline_protocol::status::{EndedWord, ModeWord, QueueWord};
use tauline_store::Session;
use tauline_transcript::Encoding;

use crate::support::{Ceremony, NOON, Plan, block, id, one_thread, secs, update};

#[tokio::test]
async fn a_restart_keeps_places_phases_and_receipts() {
    let ceremony = Ceremony::new();
    for name in ["anna", "bert", "cleo", "dora"] {
        ceremony.join(name).await;
    }
    let receipt = ceremony.contribute("anna").await;
    ceremony.check_in("bert").await;
    ceremony.start("bert").await;
    let address = ceremony.coordinator.address().to_owned();
    let log = ceremony.coordinator.status().log;

    let ceremony = ceremony.restart().await;
    assert_eq!(ceremony.coordinator.address(), address);
    assert!(ceremony.coordinator.status().log.records >= log.records);
    assert_eq!(ceremony.check_in("anna").await.receipt, Some(receipt));
    assert_eq!(
        ceremony.check_in("bert").await.queue_status,
        QueueWord::Contributing
    );
    for (name, ticket, position) in [("cleo", 3, 1), ("dora", 4, 2)] {
        let status = ceremony.check_in(name).await;
        assert_eq!(
            (status.ticket, status.queue_position),
            (Some(ticket), Some(position))
        );
    }
    // The state that Bert fetches again is the one he had.
    let base = ceremony.start("bert").await;
    assert_eq!(base.contributions(), 1);
    ceremony
        .complete("bert", update(&base, "bert"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_absence_costs_nobody_a_place() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    ceremony.join("bert").await;
    ceremony.pass(secs(3)).await;
    ceremony.check_in("bert").await;
    let plan = ceremony.stop().await;
    plan.clock.1.advance(secs(86_400));
    let ceremony = plan.open();
    let bert = ceremony.check_in("bert").await;
    assert_eq!(bert.queue_status, QueueWord::Queued);
    assert!(bert.next_checkin_in_ms.unwrap() >= 5000, "{bert:?}");
    let anna = ceremony.check_in("anna").await;
    assert_eq!(anna.queue_status, QueueWord::Contributing);
}

#[tokio::test]
async fn a_clock_that_was_set_back_costs_nobody_a_place() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    let plan = ceremony.stop().await;
    plan.clock.1.set(NOON.saturating_sub(secs(86_400)));
    let ceremony = plan.open();
    assert_eq!(ceremony.check_in("bert").await.queue_position, Some(1));
    assert_eq!(
        ceremony.check_in("anna").await.queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn a_contribution_that_was_being_verified_is_verified_after_the_restart() {
    let (verifier, pool) = one_thread();
    let ceremony = Plan {
        verifier,
        ..Plan::default()
    }
    .open();
    let guard = block(&pool);
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    // The form that it came in is the form that is stored.
    let document = update(&base, "anna")
        .to_encoding(Encoding::Uncompressed)
        .unwrap();
    let coordinator = ceremony.coordinator.clone();
    let upload =
        tokio::spawn(async move { coordinator.complete(id("anna"), move || Ok(document)).await });
    while ceremony.check_in("anna").await.queue_status != QueueWord::Verifying {
        tokio::task::yield_now().await;
    }
    let plan = ceremony.stop().await;
    upload.await.unwrap().unwrap_err();
    plan.clock.1.advance(secs(3600));
    let ceremony = plan.open();
    let receipt = ceremony.coordinator.verdict(id("anna")).await.unwrap();
    assert_eq!(ceremony.check_in("anna").await.receipt, Some(receipt));
    drop(guard);
    drop(pool);
    // And what it left is a good state to start on again.
    let ceremony = ceremony.restart().await;
    ceremony.join("bert").await;
    ceremony.contribute("bert").await;
}

#[tokio::test]
async fn an_old_verdict_does_not_touch_the_next_process() {
    let (verifier, pool) = one_thread();
    let ceremony = Plan {
        verifier,
        ..Plan::default()
    }
    .open();
    let guard = block(&pool);
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    let mut bad = update(&base, "anna");
    bad.sub_contributions.swap(0, 1);
    let coordinator = ceremony.coordinator.clone();
    let upload = tokio::spawn(async move { coordinator.complete(id("anna"), || Ok(bad)).await });
    while ceremony.check_in("anna").await.queue_status != QueueWord::Verifying {
        tokio::task::yield_now().await;
    }
    let plan = ceremony.stop().await;
    upload.await.unwrap().unwrap_err();
    let ceremony = plan.open();
    drop(guard);
    let error = ceremony.coordinator.verdict(id("anna")).await.unwrap_err();
    // It may have been found bad before it was asked about.
    assert!([409, 422].contains(&error.code.status()), "{error}");
    assert_eq!(
        ceremony.check_in("anna").await.ended,
        Some(EndedWord::Invalid)
    );
}

#[tokio::test]
async fn a_halted_ceremony_stays_halted() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    let plan = ceremony.stop().await;
    plan.clock.1.advance(secs(86_400));
    let ceremony = plan.open();
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Halted);
    ceremony.pass(secs(60)).await;
    ceremony.admin(AdminRequest::Resume).await.unwrap();
    assert_eq!(ceremony.check_in("bert").await.queue_position, Some(1));
    assert_eq!(
        ceremony.check_in("anna").await.queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn other_deadlines_at_the_next_start_break_no_promise() {
    let mut plan = Plan::default();
    plan.rules.checkin_relaxed = secs(3600);
    let ceremony = plan.open();
    for number in 0..200 {
        ceremony.join(&format!("n{number}")).await;
    }
    let told = ceremony.check_in("n199").await.next_checkin_in_ms.unwrap();
    assert!(told > 1_000_000, "{told}");
    let mut plan = ceremony.stop().await;
    plan.rules.checkin_max = secs(10);
    let ceremony = plan.open();
    let now = ceremony.check_in("n199").await.next_checkin_in_ms.unwrap();
    assert!(now >= told, "{now} < {told}");
}

#[tokio::test]
async fn sessions_survive_and_expire() {
    let ceremony = Ceremony::new();
    let session = |byte: u8, at| Session {
        hash: [byte; 32],
        identity: id("anna"),
        expires_at: at,
    };
    let (short, long) = (session(1, NOON), session(2, NOON.saturating_add(secs(60))));
    ceremony.store.put_session(&short).unwrap();
    ceremony.store.put_session(&long).unwrap();
    let ceremony = ceremony.restart().await;
    let store = Arc::clone(&ceremony.store);
    assert_eq!(store.session(&[1; 32]).unwrap(), Some(short.clone()));
    let longer = Session {
        expires_at: NOON.saturating_add(secs(99)),
        ..short
    };
    store.put_session(&longer).unwrap();
    assert_eq!(store.session(&[1; 32]).unwrap(), Some(longer));
    let gone = store
        .delete_sessions_expired_before(NOON.saturating_add(secs(61)))
        .unwrap();
    assert_eq!(gone, 1);
    assert_eq!(store.session(&[2; 32]).unwrap(), None);
    store.delete_session(&[1; 32]).unwrap();
    assert_eq!(store.session(&[1; 32]).unwrap(), None);
}
