//! Held check-ins and followers: presence without polling.

use std::time::Duration;

use tauline_protocol::admin::AdminRequest;
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueStatus, QueueWord};
use tokio::task::JoinHandle;

use crate::support::{Ceremony, id, refused, secs, settle};

fn hold(ceremony: &Ceremony, name: &str, hold: Duration) -> JoinHandle<QueueStatus> {
    let (coordinator, who) = (ceremony.coordinator.clone(), id(name));
    tokio::spawn(async move { coordinator.check_in_held(who, hold).await.unwrap() })
}

/// A ceremony in which Anna is called, and Bert's check-in is held.
async fn bert_holds_behind_a_call(wait: Duration) -> (Ceremony, JoinHandle<QueueStatus>) {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    let bert = hold(&ceremony, "bert", wait);
    settle(&ceremony).await;
    (ceremony, bert)
}

/// A ceremony in which Anna contributes, and Bert's check-in is held.
async fn bert_holds_behind_a_turn(wait: Duration) -> (Ceremony, JoinHandle<QueueStatus>) {
    let ceremony = Ceremony::in_turn_of("anna").await;
    ceremony.join("bert").await;
    let bert = hold(&ceremony, "bert", wait);
    settle(&ceremony).await;
    (ceremony, bert)
}

#[tokio::test]
async fn a_held_check_in_hears_of_its_turn_at_once() {
    let (ceremony, bert) = bert_holds_behind_a_call(secs(60)).await;
    assert!(!bert.is_finished());
    ceremony.coordinator.leave(id("anna")).await.unwrap();
    // No time passes.
    assert_eq!(
        bert.await.unwrap().queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn a_turn_freed_by_a_deadline_goes_to_the_held_head_at_that_moment() {
    let (ceremony, bert) = bert_holds_behind_a_call(secs(60)).await;
    ceremony.pass(secs(20)).await;
    assert_eq!(
        bert.await.unwrap().queue_status,
        QueueWord::ReadyToContribute
    );
    assert_eq!(
        ceremony.check_in("anna").await.ended,
        Some(EndedWord::FailedToStart)
    );
}

#[tokio::test]
async fn a_held_check_in_counts_as_presence() {
    let (ceremony, bert) = bert_holds_behind_a_turn(secs(50)).await;
    // Ten times Bert's 5 s.
    ceremony.pass(secs(49)).await;
    assert!(!bert.is_finished());
    ceremony.pass(secs(1)).await;
    let status = bert.await.unwrap();
    assert_eq!(status.queue_status, QueueWord::Queued);
    assert_eq!(status.next_checkin_in_ms, Some(5000), "a fresh deadline");
}

#[tokio::test]
async fn a_held_check_in_whose_client_is_gone_counts_for_nothing() {
    let (ceremony, bert) = bert_holds_behind_a_turn(secs(50)).await;
    bert.abort();
    assert!(bert.await.unwrap_err().is_cancelled());
    ceremony.pass(secs(10)).await;
    assert_eq!(
        ceremony.check_in("bert").await.ended,
        Some(EndedWord::MissedCheckin)
    );
}

#[tokio::test]
async fn the_turn_is_not_given_to_a_client_that_is_gone() {
    let (ceremony, bert) = bert_holds_behind_a_call(secs(50)).await;
    bert.abort();
    assert!(bert.await.unwrap_err().is_cancelled());
    ceremony.coordinator.leave(id("anna")).await.unwrap();
    assert_eq!(ceremony.coordinator.status().turn, None);
    assert_eq!(
        ceremony.check_in("bert").await.queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn whoever_is_not_waiting_is_answered_at_once() {
    let ceremony = Ceremony::new();
    let status = hold(&ceremony, "anna", secs(60)).await.unwrap();
    assert_eq!(status.queue_status, QueueWord::NotQueued);
    ceremony.join("anna").await;
    let status = hold(&ceremony, "anna", secs(60)).await.unwrap();
    assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
    ceremony.coordinator.leave(id("anna")).await.unwrap();
    let status = hold(&ceremony, "anna", secs(60)).await.unwrap();
    assert_eq!(status.ended, Some(EndedWord::Left));
}

#[tokio::test]
async fn a_held_check_in_hears_how_its_stay_ends() {
    let (ceremony, bert) = bert_holds_behind_a_call(secs(60)).await;
    ceremony.coordinator.leave(id("bert")).await.unwrap();
    assert_eq!(bert.await.unwrap().ended, Some(EndedWord::Left));
}

#[tokio::test]
async fn only_who_checks_in_while_contributing_can_stall() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    ceremony.pass(secs(40)).await;
    // She has not checked in so far, and that is fine. From now on she must.
    assert_eq!(
        ceremony.check_in("anna").await.next_checkin_in_ms,
        Some(30_000)
    );
    ceremony.pass(secs(30)).await;
    assert_eq!(
        ceremony.check_in("anna").await.queue_status,
        QueueWord::Contributing
    );
    ceremony.pass(secs(36)).await;
    assert_eq!(
        ceremony.check_in("anna").await.ended,
        Some(EndedWord::Stalled)
    );
}

#[tokio::test]
async fn an_event_stream_that_ends_while_contributing_stalls_nobody() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    let (status, seen) = ceremony
        .coordinator
        .follow(id("anna"), None, secs(15))
        .await
        .unwrap();
    assert_eq!(status.queue_status, QueueWord::Contributing);
    let coordinator = ceremony.coordinator.clone();
    let stream =
        tokio::spawn(async move { coordinator.follow(id("anna"), Some(seen), secs(15)).await });
    settle(&ceremony).await;
    stream.abort();
    ceremony.pass(secs(120)).await;
    assert_eq!(
        ceremony.coordinator.status().turn.unwrap().phase,
        QueueWord::Contributing
    );
}

#[tokio::test]
async fn an_open_stream_stands_in_for_check_ins_while_contributing() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    ceremony.check_in("anna").await;
    let coordinator = ceremony.coordinator.clone();
    let stream = tokio::spawn(async move {
        let mut seen = None;
        loop {
            let (status, now) = coordinator
                .follow(id("anna"), seen, secs(15))
                .await
                .unwrap();
            seen = Some(now);
            if status.queue_status != QueueWord::Contributing {
                return status;
            }
        }
    });
    settle(&ceremony).await;
    for _ in 0..30 {
        ceremony.pass(secs(5)).await;
        settle(&ceremony).await;
    }
    assert!(!stream.is_finished(), "150 s, and no stall");
    // And yet nobody keeps the turn by being there alone.
    ceremony.pass(secs(36)).await;
    assert_eq!(stream.await.unwrap().ended, Some(EndedWord::TimedOut));
}

#[tokio::test]
async fn a_follower_hears_of_each_change_of_position() {
    let ceremony = Ceremony::new();
    for name in ["anna", "bert", "cleo", "dora"] {
        ceremony.join(name).await;
    }
    ceremony.start("anna").await;
    let (status, seen) = ceremony
        .coordinator
        .follow(id("dora"), None, secs(15))
        .await
        .unwrap();
    assert_eq!(status.queue_position, Some(3));
    let coordinator = ceremony.coordinator.clone();
    let next =
        tokio::spawn(async move { coordinator.follow(id("dora"), Some(seen), secs(60)).await });
    settle(&ceremony).await;
    ceremony.coordinator.leave(id("cleo")).await.unwrap();
    ceremony.pass(secs(1)).await;
    let (status, seen) = next.await.unwrap().unwrap();
    assert_eq!(
        (status.queue_status, status.queue_position),
        (QueueWord::Queued, Some(2))
    );
    // What happened between two calls is not missed.
    ceremony.coordinator.leave(id("bert")).await.unwrap();
    let (status, _) = ceremony
        .coordinator
        .follow(id("dora"), Some(seen), secs(60))
        .await
        .unwrap();
    assert_eq!(status.queue_position, Some(1));
}

#[tokio::test]
async fn a_stop_answers_what_is_held() {
    let (ceremony, bert) = bert_holds_behind_a_call(secs(60)).await;
    ceremony.coordinator.release_held();
    assert_eq!(bert.await.unwrap().queue_status, QueueWord::Queued);
    let again = hold(&ceremony, "bert", secs(60)).await.unwrap();
    assert_eq!(again.queue_status, QueueWord::Queued);
    let coordinator = ceremony.coordinator.clone();
    coordinator.close(secs(0)).await;
    ceremony.outcome().await.unwrap();
    refused(coordinator.check_in(id("bert")).await, Code::Unavailable);
}

#[tokio::test]
async fn one_identity_cannot_hold_answers_without_bound() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    let held: Vec<_> = (0..40).map(|_| hold(&ceremony, "bert", secs(60))).collect();
    settle(&ceremony).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(held.iter().filter(|one| one.is_finished()).count(), 8);
}

#[tokio::test]
async fn nobody_is_told_that_it_is_its_turn_when_its_time_is_over() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    ceremony.pass(secs(19)).await;
    ceremony.hands.advance(secs(1));
    let status = hold(&ceremony, "anna", secs(60)).await.unwrap();
    assert_eq!(status.ended, Some(EndedWord::FailedToStart));
}

#[tokio::test]
async fn a_thousand_followers_all_hear_of_their_positions() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    let mut streams = Vec::new();
    for number in 0..1000 {
        let name = format!("n{number}");
        let joined = ceremony.join(&name).await;
        assert_eq!(joined.queue_position, Some(number + 1));
        let coordinator = ceremony.coordinator.clone();
        streams.push(tokio::spawn(async move {
            let (_, seen) = coordinator.follow(id(&name), None, secs(15)).await.unwrap();
            coordinator
                .follow(id(&name), Some(seen), secs(60))
                .await
                .unwrap()
        }));
    }
    settle(&ceremony).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    ceremony.coordinator.leave(id("n0")).await.unwrap();
    ceremony.pass(secs(1)).await;
    for (number, stream) in (0_u64..).zip(streams).skip(1) {
        let (status, _) = stream.await.unwrap();
        assert_eq!(status.queue_position, Some(number));
    }
}

/// Whoever holds an answer while the ceremony is paused, in any of the ways, is there when it goes on.
#[tokio::test]
async fn an_answer_held_in_a_pause_counts_as_presence_after_it() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    for name in ["bert", "cleo", "dora"] {
        ceremony.join(name).await;
    }
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    let bert = hold(&ceremony, "bert", secs(120));
    let coordinator = ceremony.coordinator.clone();
    let cleo = tokio::spawn(async move {
        let (_, seen) = coordinator.follow(id("cleo"), None, Duration::ZERO).await?;
        coordinator.follow(id("cleo"), Some(seen), secs(120)).await
    });
    let coordinator = ceremony.coordinator.clone();
    let dora = tokio::spawn(async move {
        coordinator
            .try_contribute(id("dora"), secs(5), secs(120))
            .await
    });
    settle(&ceremony).await;
    ceremony.pass(secs(10)).await;
    ceremony.admin(AdminRequest::Resume).await.unwrap();
    // Anna contributes within its three minutes; the others' deadlines pass many times.
    ceremony.pass(secs(60)).await;
    for name in ["bert", "cleo", "dora"] {
        assert!(
            ceremony.coordinator.is_in_queue(&id(name)).await.unwrap(),
            "{name} lost the place"
        );
    }
    for waits in [bert.is_finished(), cleo.is_finished()] {
        assert!(!waits, "it was answered although nothing changed");
    }
    assert!(
        !dora.is_finished(),
        "it was answered although it still waits"
    );
}

/// A turn that was offered and not started yet goes on after a pause, too.
#[tokio::test]
async fn a_held_answer_keeps_an_offered_turn_over_a_pause() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    ceremony.pass(secs(30)).await;
    let bert = hold(&ceremony, "bert", secs(120));
    settle(&ceremony).await;
    ceremony.admin(AdminRequest::Resume).await.unwrap();
    ceremony.pass(secs(30)).await;
    // Anna was called before the pause, and never came: bert is next, and hears of it.
    assert_eq!(
        bert.await.unwrap().queue_status,
        QueueWord::ReadyToContribute
    );
}
