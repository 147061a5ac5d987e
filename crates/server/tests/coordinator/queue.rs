//! Places in the queue, and what people are told about them.

use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, ModeWord, QueueWord};

use crate::support::{Ceremony, Fail, NOON, Plan, id, refused, secs};

#[tokio::test]
async fn joining_an_empty_queue_is_the_turn_at_once() {
    let ceremony = Ceremony::new();
    let status = ceremony.join("anna").await;
    assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
    assert_eq!((status.ticket, status.queue_position), (Some(1), Some(0)));
    assert_eq!(status.next_checkin_in_ms, Some(15_000), "the start limit");
    assert_eq!(status.next_checkin_time, Some(NOON.as_secs() + 15));
}

#[tokio::test]
async fn first_in_first_out_with_an_estimate() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let bert = ceremony.join("bert").await;
    let cleo = ceremony.join("cleo").await;
    assert_eq!(
        (bert.queue_position, cleo.queue_position),
        (Some(1), Some(2))
    );
    // One expected turn of 60 s runs, and one more is ahead of Cleo.
    assert_eq!(bert.expected_start_in_ms, Some(60_000));
    assert_eq!(cleo.expected_start_in_ms, Some(120_000));
    ceremony.coordinator.leave(id("anna")).await.unwrap();
    assert_eq!(
        ceremony.check_in("cleo").await.queue_status,
        QueueWord::Queued
    );
    assert_eq!(
        ceremony.check_in("bert").await.queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn a_repeated_join_keeps_the_place() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let first = ceremony.join("bert").await;
    ceremony.join("cleo").await;
    let again = ceremony.join("bert").await;
    assert_eq!(
        (again.ticket, again.queue_position),
        (first.ticket, first.queue_position)
    );
}

#[tokio::test]
async fn whoever_is_not_in_the_queue_is_told_so_without_an_error() {
    let ceremony = Ceremony::new();
    let status = ceremony.check_in("anna").await;
    assert_eq!(status.queue_status, QueueWord::NotQueued);
    assert_eq!(
        (status.ticket, status.ended, status.receipt),
        (None, None, None)
    );
    refused(
        ceremony.coordinator.leave(id("anna")).await,
        Code::NotQueued,
    );
    refused(
        ceremony.coordinator.abort(id("anna"), None).await,
        Code::NotQueued,
    );
    refused(
        ceremony.coordinator.may_submit(id("anna")).await,
        Code::NotQueued,
    );
}

#[tokio::test]
async fn people_who_timed_out_are_told_so_and_not_that_they_contributed() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    ceremony.pass(secs(180 + 5)).await;
    let status = ceremony.check_in("anna").await;
    assert_eq!(status.queue_status, QueueWord::Expired);
    assert_eq!(status.ended, Some(EndedWord::TimedOut));
    let error = refused(ceremony.coordinator.join(id("anna")).await, Code::UsedUp);
    assert!(error.contains("did not arrive in time"), "{error}");
    let error = refused(
        ceremony.coordinator.may_submit(id("anna")).await,
        Code::StayEnded,
    );
    assert!(error.contains("did not arrive in time"), "{error}");
}

#[tokio::test]
async fn a_missed_check_in_frees_the_place_and_says_so() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    ceremony.join("bert").await;
    ceremony.join("cleo").await;
    // Bert has 5 s and 5 s of grace; Cleo checks in.
    ceremony.pass(secs(5)).await;
    ceremony.check_in("cleo").await;
    ceremony.pass(secs(5)).await;
    assert_eq!(
        ceremony.check_in("bert").await.ended,
        Some(EndedWord::MissedCheckin)
    );
    assert_eq!(ceremony.check_in("cleo").await.queue_position, Some(1));
}

#[tokio::test]
async fn an_absent_head_does_not_stop_the_queue() {
    let ceremony = Ceremony::new();
    for name in ["anna", "bert", "cleo"] {
        ceremony.join(name).await;
    }
    // Anna is called and does not start; Bert has gone; Cleo polls.
    for _ in 0..5 {
        ceremony.pass(secs(5)).await;
        ceremony.check_in("cleo").await;
    }
    assert_eq!(
        ceremony.check_in("cleo").await.queue_status,
        QueueWord::ReadyToContribute
    );
    assert_eq!(
        ceremony.check_in("anna").await.ended,
        Some(EndedWord::FailedToStart)
    );
    assert_eq!(
        ceremony.check_in("bert").await.ended,
        Some(EndedWord::MissedCheckin)
    );
}

#[tokio::test]
async fn deadlines_pass_without_anybody_asking() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    ceremony.pass(secs(20)).await;
    // Only the clock moves; the status is read without the task.
    for _ in 0..1000 {
        if ceremony.coordinator.status().turn.is_none() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the start limit passed and the turn is still there");
}

#[tokio::test]
async fn the_estimate_is_shown_before_joining() {
    let ceremony = Ceremony::new();
    assert_eq!(ceremony.coordinator.status().expected_wait_in_ms, 0);
    for name in ["anna", "bert", "cleo"] {
        ceremony.join(name).await;
    }
    let status = ceremony.coordinator.status();
    assert_eq!((status.mode, status.queue_length), (ModeWord::Open, 2));
    assert_eq!(status.expected_wait_in_ms, 180_000);
    let turn = status.turn.unwrap();
    assert_eq!((turn.ticket, turn.phase), (1, QueueWord::ReadyToContribute));
    // The rest of the running turn melts; the whole turns ahead do not.
    ceremony.pass(secs(5)).await;
    assert_eq!(ceremony.coordinator.status().expected_wait_in_ms, 175_000);
}

#[tokio::test]
async fn check_ins_early_or_twice_are_harmless_and_cost_no_commit() {
    let fail = Fail::never();
    let ceremony = Plan {
        fail: Some(fail.clone()),
        ..Plan::default()
    }
    .open();
    for name in ["anna", "bert", "cleo"] {
        ceremony.join(name).await;
    }
    ceremony.start("anna").await;
    let commits = fail.commits();
    for _ in 0..100 {
        let status = ceremony.check_in("cleo").await;
        assert_eq!(status.queue_position, Some(2));
    }
    assert_eq!(fail.commits(), commits);
}

#[tokio::test]
async fn a_burst_of_joins_shares_commits() {
    let fail = Fail::never();
    let ceremony = Plan {
        fail: Some(fail.clone()),
        ..Plan::default()
    }
    .open();
    let joins: Vec<_> = (0..500)
        .map(|number| {
            let coordinator = ceremony.coordinator.clone();
            tokio::spawn(async move { coordinator.join(id(&format!("n{number}"))).await.unwrap() })
        })
        .collect();
    let mut tickets = Vec::new();
    for join in joins {
        tickets.push(join.await.unwrap().ticket.unwrap());
    }
    tickets.sort_unstable();
    assert_eq!(tickets, (1..=500).collect::<Vec<u64>>());
    assert!(
        fail.commits() < 250,
        "{} commits for 500 joins",
        fail.commits()
    );
}
