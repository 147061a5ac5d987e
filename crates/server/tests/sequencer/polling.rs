//! Deadlines of clients that poll (`docs/spec/sequencer.md#rhythm`), and answers that are held.

use std::time::Duration;

use serde_json::Value;
use tauline_protocol::status::{EndedWord, QueueWord};

use crate::common::raw::Raw;
use crate::common::{Client, TestServer};
use crate::support::{POLL, Scene, When, assert_waits, base, contribute, take_turn};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

// `docs/spec/sequencer.md#first-in-first-out`.
#[tokio::test]
async fn turns_come_in_the_order_of_joining_whoever_polls_more() {
    let server = TestServer::at_noon(&[("lobby-hold", "0")]).await;
    let mut people = Vec::new();
    for number in 0..6 {
        people.push(server.client(number).await);
    }
    let mut first = people[0].post(POLL).await;
    for late in &people[1..] {
        assert_waits(&late.post(POLL).await);
    }
    for (turn, client) in people.iter().enumerate() {
        let state = base(&server, &first);
        let body = client.contribution(&state).to_json().unwrap();
        contribute(client, body).await.expect_ok();
        // Those behind poll first, and again and again.
        for eager in people[turn + 1..].iter().skip(1).rev() {
            assert_waits(&eager.post(POLL).await);
        }
        if let Some(next) = people.get(turn + 1) {
            first = next.post(POLL).await;
        }
    }
    server.verify_transcript().await.unwrap();
}

// `docs/spec/sequencer.md#lost-poll`, `docs/spec/known-faults.md#lost-poll`.
#[tokio::test]
async fn a_client_has_two_periods_each_with_its_tolerance_and_grace() {
    let scene = Scene::set(When::Waiting).await;
    // Twice 30 s, 2 s and 5 s: one poll may be lost.
    scene.server.pass(Duration::from_millis(73_999)).await;
    assert_eq!(scene.subject.status().await.queue_length, 1);
    scene.server.pass(Duration::from_millis(1)).await;
    assert_eq!(scene.subject.status().await.queue_length, 0);
    let ended = scene.subject.check_in().await.ended;
    assert_eq!(ended, Some(EndedWord::MissedCheckin));
}

#[tokio::test]
async fn frequency_and_tolerance_are_settings() {
    let flags = [
        ("lobby-checkin-frequency", "60"),
        ("lobby-checkin-tolerance", "4"),
    ];
    let scene = Scene::with(When::Waiting, &flags).await;
    scene.server.pass(secs(137)).await;
    assert_eq!(scene.subject.status().await.queue_length, 1);
    scene.server.pass(secs(2)).await;
    assert_eq!(scene.subject.status().await.queue_length, 0);
}

#[tokio::test]
async fn without_passes_a_turn_that_becomes_free_waits_for_the_next_poll_of_the_head() {
    let scene = Scene::with(When::Waiting, &[("passes", "0")]).await;
    scene.server.pass(secs(1)).await;
    let answer = scene.ahead.post("/contribute/abort").await;
    assert_eq!(answer.status, 200);
    // Somebody who comes meanwhile does not get it.
    let newcomer = scene.server.client(3).await;
    assert_waits(&newcomer.post(POLL).await);
    scene.server.pass(secs(29)).await;
    take_turn(&scene.server, &scene.subject).await;
}

#[tokio::test]
async fn a_head_between_two_polls_is_passed_once_and_is_next() {
    let scene = Scene::set(When::Waiting).await;
    scene.server.pass(secs(2)).await;
    assert_eq!(scene.ahead.post("/contribute/abort").await.status, 200);
    let newcomer = scene.server.client(3).await;
    take_turn(&scene.server, &newcomer).await;
    // The next who comes waits for it.
    let another = scene.server.client(4).await;
    assert_waits(&another.post(POLL).await);
    scene.server.pass(secs(28)).await;
    take_turn(&scene.server, &scene.subject).await;
}

/// A server on the machine's clock, whose polls are held, with somebody who contributes.
async fn held() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let holder = server.client(1).await;
    base(&server, &holder.post(POLL).await);
    (server, holder)
}

async fn until_waiting(server: &TestServer, many: u64) {
    while server.running().coordinator().status().queue_length != many {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_held_poll_is_answered_with_the_base_when_the_turn_comes() {
    let (server, holder) = held().await;
    let waiter = server.client(2).await;
    let poll = {
        let waiter = waiter.clone();
        tokio::spawn(async move { waiter.post(POLL).await })
    };
    until_waiting(&server, 1).await;
    assert!(!poll.is_finished());
    holder.post("/contribute/abort").await;
    let answer = poll.await.unwrap();
    let state = base(&server, &answer);
    let body = waiter.contribution(&state).to_json().unwrap();
    contribute(&waiter, body).await.expect_ok();
}

#[tokio::test]
async fn the_turn_is_not_given_to_a_held_poll_whose_connection_is_gone() {
    // A body that nobody reads must not hide that the connection is gone.
    for headers in ["Content-Length: 0\r\n\r\n", "Content-Length: 2\r\n\r\n{}"] {
        let (server, holder) = held().await;
        let waiter = server.client(2).await;
        let mut raw = Raw::connect(&server.url()).await;
        let (headers, body) = headers.split_once("\r\n\r\n").unwrap();
        let token = waiter.token.as_deref();
        raw.head("POST", POLL, token, &format!("{headers}\r\n"))
            .await;
        raw.send(body).await;
        until_waiting(&server, 1).await;
        drop(raw);
        // The server sees it when it looks at the connection: nothing else says so.
        tokio::time::sleep(Duration::from_millis(200)).await;
        holder.post("/contribute/abort").await;
        let turn = holder.status().await.turn;
        assert_eq!(turn, None, "nobody has started");
        take_turn(&server, &waiter).await;
    }
}

#[tokio::test]
async fn a_stopping_server_answers_held_polls() {
    let (server, _holder) = held().await;
    let waiter = server.client(2).await;
    let poll = tokio::spawn(async move { waiter.post(POLL).await });
    until_waiting(&server, 1).await;
    server.stop().await;
    assert_waits(&poll.await.unwrap());
}

#[tokio::test]
async fn more_held_polls_of_one_session_than_any_client_has_are_answered_at_once() {
    let (server, holder) = held().await;
    let waiter = server.client(2).await;
    assert_eq!(waiter.join().await.queue_status, QueueWord::Queued);
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let waiter = waiter.clone();
        polls.spawn(async move { waiter.post(POLL).await });
    }
    // Eight are held, four come back.
    for _ in 0..4 {
        assert_waits(&polls.join_next().await.unwrap().unwrap());
    }
    holder.post("/contribute/abort").await;
    for answer in polls.join_all().await {
        base(&server, &answer);
    }
}

#[tokio::test]
async fn both_interfaces_stand_in_one_line() {
    let server = TestServer::at_noon(&[("lobby-hold", "0")]).await;
    let (old, ours, late) = (
        server.client(1).await,
        server.client(2).await,
        server.client(3).await,
    );
    let state = base(&server, &old.post(POLL).await);
    assert_eq!(ours.join().await.queue_position, Some(1));
    assert_waits(&late.post(POLL).await);
    let body = old.contribution(&state).to_json().unwrap();
    contribute(&old, body).await.expect_ok();
    assert_waits(&late.post(POLL).await);
    assert_eq!(
        ours.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
    ours.contribute(&server.sizes()).await;
    take_turn(&server, &late).await;
    let status: Value = old.get("/info/status").await.json();
    assert_eq!(status["num_contributions"], 3);
}
