//! Joining, checking in, leaving: the life of a participant as its client sees it.

use std::time::Duration;

use serde_json::Value;
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, ModeWord, QueueWord};

use crate::common::TestServer;
use crate::common::turn::Turn;

/// A body as a person reads it, for the reviewed snapshots. Of what comes from keys that are made anew
/// for each ceremony, it shows only what it is.
fn pretty(body: &impl serde::Serialize) -> String {
    let shorten = |line: &str| match line.split_once(": \"") {
        Some((key, value)) if value.starts_with("tauline ") => {
            let (kind, _) = value.split_once(r"\n").unwrap();
            format!("{key}: \"{kind} […]\",")
        }
        Some((key, _))
            if ["nonce", "checkpoint", "origin", "logKey"]
                .contains(&key.trim_matches([' ', '"'])) =>
        {
            format!("{key}: \"[…]\",")
        }
        _ => line.to_owned(),
    };
    let text = serde_json::to_string_pretty(body).unwrap();
    text.lines().map(shorten).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_status_before_anybody_came() {
    let server = TestServer::at_noon(&[]).await;
    let answer = server.anonymous().get("/ceremony/status").await.expect_ok();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut status: Value = answer.json();
    // These two come from the coordinator's key, which is made anew for each ceremony.
    assert!(
        status["coordinatorAddress"]
            .as_str()
            .unwrap()
            .starts_with("0x")
    );
    status["coordinatorAddress"] = "[address]".into();
    assert!(status["log"]["hash"].as_str().unwrap().starts_with("0x"));
    status["log"]["hash"] = "[hash]".into();
    insta::assert_snapshot!("ceremony_status", pretty(&status));
}

#[tokio::test]
async fn a_queue_status_has_the_fields_of_the_interface() {
    let server = TestServer::at_noon(&[]).await;
    let (first, second) = (server.client(1).await, server.client(2).await);
    insta::assert_snapshot!("first_in_an_empty_queue", pretty(&first.join().await));
    insta::assert_snapshot!("second_in_line", pretty(&second.join().await));
    let base = first.start(&server.sizes()).await;
    insta::assert_snapshot!("contributing", pretty(&first.check_in().await));
    first.complete(&first.contribution(&base)).await.expect_ok();
    let mut done: Value = first.post("/queue/checkin").await.json();
    assert!(
        done["receipt"]["receipt"]
            .as_str()
            .unwrap()
            .starts_with(r#"{"identity":"eth|0x"#)
    );
    done["receipt"] = "[receipt]".into();
    insta::assert_snapshot!("contributed", pretty(&done));
    insta::assert_snapshot!("left", pretty(&second.leave().await));
    let stranger = server.client(3).await;
    insta::assert_snapshot!("never_joined", pretty(&stranger.check_in().await));
}

#[tokio::test]
async fn joining_an_empty_queue_gives_the_turn_at_once() {
    let server = TestServer::start().await;
    let status = server.client(1).await.join().await;
    assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
    assert_eq!(status.queue_position, Some(0));
}

#[tokio::test]
async fn joining_twice_is_joining_once() {
    let server = TestServer::start().await;
    server.client(1).await.join().await;
    let client = server.client(2).await;
    let (first, second) = (client.join().await, client.join().await);
    assert_eq!(first.ticket, second.ticket);
    assert_eq!(second.queue_position, Some(1));
    assert_eq!(client.status().await.queue_length, 1);
}

#[tokio::test]
async fn turns_come_in_the_order_of_joining() {
    let server = TestServer::start().await;
    let sizes = server.sizes();
    let mut clients = Vec::new();
    for number in 1..=5 {
        let client = server.client(number).await;
        assert_eq!(client.join().await.ticket, Some(u64::from(number)));
        clients.push(client);
    }
    for (ahead, client) in (0_u64..).zip(&clients) {
        assert_eq!(
            client.check_in().await.queue_position,
            Some(ahead),
            "all are there"
        );
    }
    for (done, client) in (1_u64..).zip(&clients) {
        assert_eq!(
            client.check_in().await.queue_status,
            QueueWord::ReadyToContribute
        );
        client.contribute(&sizes).await;
        assert_eq!(client.status().await.contributions, done);
    }
    server.verify_transcript().await.unwrap();
}

#[tokio::test]
async fn many_at_once_all_contribute() {
    let server = TestServer::start().await;
    let sizes = server.sizes();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=20 {
        let client = server.client(number).await;
        let sizes = sizes.clone();
        tasks.spawn(async move { client.take_part(&sizes).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let status = server.anonymous().status().await;
    assert_eq!((status.contributions, status.queue_length), (20, 0));
    server.verify_transcript().await.unwrap();
}

#[tokio::test]
async fn a_held_check_in_is_answered_when_the_turn_comes() {
    let turn = Turn::begin().await;
    let waiter = turn.waiter.clone();
    let held = tokio::spawn(async move { waiter.check_in_held(60.0).await });
    while turn.server.running().coordinator().status().queue_length != 1 {
        tokio::task::yield_now().await;
    }
    turn.holder.abort("enough").await;
    let status = held.await.unwrap();
    assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
}

#[tokio::test]
async fn a_held_check_in_is_answered_when_its_time_is_over() {
    let turn = Turn::begin().await;
    let status = turn.waiter.check_in_held(0.2).await;
    assert_eq!(status.queue_status, QueueWord::Queued);
    assert_eq!(status.queue_position, Some(1));
}

#[tokio::test]
async fn who_is_not_in_the_queue_is_not_kept_waiting() {
    let server = TestServer::start().await;
    let client = server.client(1).await;
    assert_eq!(
        client.check_in_held(60.0).await.queue_status,
        QueueWord::NotQueued
    );
}

#[tokio::test]
async fn a_session_holds_so_many_answers_and_no_more() {
    let turn = Turn::begin().await;
    let mut held = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let waiter = turn.waiter.clone();
        held.spawn(async move { waiter.post("/queue/checkin?wait=2").await.status });
    }
    let mut answers: Vec<u16> = held.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers, [[200; 8].as_slice(), &[429; 12]].concat());
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn who_misses_a_check_in_is_told_so_and_may_not_come_back() {
    let server = TestServer::at_noon(&[]).await;
    let (holder, client) = (server.client(1).await, server.client(2).await);
    holder.join().await;
    holder.start(&server.sizes()).await;
    client.join().await;
    // 5 s between check-ins for the head of the line, 5 s of grace.
    server.pass(Duration::from_millis(9_999)).await;
    assert_eq!(client.status().await.queue_length, 1);
    server.pass(Duration::from_millis(1)).await;
    assert_eq!(client.status().await.queue_length, 0);
    let status = client.check_in().await;
    assert_eq!(status.queue_status, QueueWord::Expired);
    assert_eq!(status.ended, Some(EndedWord::MissedCheckin));
    let error = client.post("/queue/join").await.expect_error(Code::UsedUp);
    assert!(error.contains("check"), "{error}");
}

#[tokio::test]
async fn who_leaves_may_not_come_back() {
    let turn = Turn::begin().await;
    let status = turn.waiter.leave().await;
    assert_eq!(status.queue_status, QueueWord::Expired);
    assert_eq!(status.ended, Some(EndedWord::Left));
    turn.waiter
        .post("/queue/join")
        .await
        .expect_error(Code::UsedUp);
}

#[tokio::test]
async fn an_abort_frees_the_turn_at_once_and_keeps_the_reason() {
    let turn = Turn::begin().await;
    let status = turn.holder.abort("the laptop sleeps").await;
    assert_eq!(status.ended, Some(EndedWord::Aborted));
    assert_eq!(
        turn.waiter.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
    let later = turn.holder.check_in().await;
    assert_eq!(later.ended_because.as_deref(), Some("the laptop sleeps"));
    let bodiless = turn.waiter.post("/contribution/abort").await.expect_ok();
    assert_eq!(bodiless.json::<Value>()["ended"], "aborted");
}

#[tokio::test]
async fn while_draining_a_newcomer_is_refused_with_a_clear_error() {
    use tauline_server::testing::coordinator::Order;
    let turn = Turn::begin().await;
    let coordinator = turn.server.running().coordinator().clone();
    coordinator.order(Order::Drain).await.unwrap();
    assert_eq!(turn.waiter.status().await.mode, ModeWord::Draining);
    let newcomer = turn.server.client(3).await;
    let error = newcomer
        .post("/queue/join")
        .await
        .expect_error(Code::Draining);
    assert!(!error.is_empty());
    turn.complete("application/json", turn.good())
        .await
        .expect_ok();
    turn.waiter.take_part(&turn.server.sizes()).await;
    assert_eq!(turn.waiter.status().await.mode, ModeWord::Halted);
    newcomer
        .post("/queue/join")
        .await
        .expect_error(Code::Halted);
    coordinator.order(Order::Open).await.unwrap();
    newcomer.take_part(&turn.server.sizes()).await;
}
