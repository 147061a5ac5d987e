//! The ceremony's status for those who watch: live, the same text for all, with the latest turns
//! (`docs/spec/http-api.md#ceremony-events`).

use std::time::Duration;

use serde_json::Value;
use tauline_protocol::status::{CeremonyStatus, EndedWord, RecentTurn};
use tauline_server::testing::coordinator::Order;
use tokio::time::Instant;

use crate::common::raw::Raw;
use crate::common::sse::{Event, Events};
use crate::common::turn::Turn;
use crate::common::{Client, NOON, TestServer};

/// A stream of the ceremony's status.
struct Watch(Events);

impl Watch {
    async fn open(server: &TestServer) -> Self {
        Self(Events::open(&server.anonymous(), "/ceremony/events").await)
    }

    /// The next status; `None` when the stream has ended.
    async fn next(&mut self) -> Option<CeremonyStatus> {
        loop {
            let event = self.0.next().await?;
            if event.name == "status" {
                return Some(status(&event));
            }
        }
    }

    /// The first status that fits.
    async fn until(&mut self, fits: impl Fn(&CeremonyStatus) -> bool) -> CeremonyStatus {
        loop {
            let status = self.next().await.expect("the stream goes on");
            if fits(&status) {
                return status;
            }
        }
    }

    /// The turns that are told of next.
    async fn next_turns(&mut self) -> Vec<RecentTurn> {
        let told = |status: &CeremonyStatus| status.recent != Some(Vec::new());
        self.until(told).await.recent.unwrap()
    }
}

fn status(event: &Event) -> CeremonyStatus {
    serde_json::from_str(&event.data).unwrap()
}

/// A turn without its times.
fn ended(turn: &RecentTurn) -> (u64, EndedWord, Option<u64>) {
    (turn.ticket, turn.ended, turn.number)
}

#[tokio::test]
async fn a_stream_begins_with_the_status_that_everybody_may_ask_for() {
    let server = TestServer::at_noon(&[("name", " Our ceremony ")]).await;
    let client = server.client(1).await;
    client.take_part(&server.sizes()).await;
    let mut watch = Watch::open(&server).await;
    for (name, value) in [("cache-control", "no-store"), ("x-accel-buffering", "no")] {
        assert_eq!(watch.0.headers[name], value);
    }
    let first = watch.next().await.unwrap();
    assert_eq!(first, server.anonymous().status().await);
    assert_eq!(first.name.as_deref(), Some("Our ceremony"));
    assert_eq!(first.log.at, Some(NOON.as_secs()));
    let turns = first.recent.unwrap();
    assert_eq!(
        turns,
        [RecentTurn {
            ticket: 1,
            ended: EndedWord::Contributed,
            ended_at: NOON.as_secs(),
            turn_in_ms: 0,
            number: Some(1),
            identity: Some(client.identity()),
        }]
    );
}

// `docs/spec/http-api.md#recent`.
#[tokio::test]
async fn later_events_tell_the_turns_that_are_new_and_name_nobody_else() {
    let turn = Turn::begin().await;
    let mut watch = Watch::open(&turn.server).await;
    let first = watch.next().await.unwrap();
    assert_eq!((first.queue_length, first.recent), (1, Some(Vec::new())));
    turn.complete("application/json", turn.good())
        .await
        .expect_ok();
    let turns = watch.next_turns().await;
    let told: Vec<_> = turns.iter().map(ended).collect();
    assert_eq!(told, [(1, EndedWord::Contributed, Some(1))]);
    assert_eq!(turns[0].identity, Some(turn.holder.identity()));

    // Who leaves the line had no turn; who gives the turn up had one.
    let third = turn.server.client(3).await;
    turn.waiter.check_in().await;
    third.join().await;
    third.leave().await;
    turn.waiter.abort("").await;
    let turns = watch.next_turns().await;
    let told: Vec<_> = turns.iter().map(ended).collect();
    assert_eq!(told, [(2, EndedWord::Aborted, None)]);
    assert_eq!(turns[0].identity, None);
    // Whoever comes now is told of both.
    let late = Watch::open(&turn.server).await.next().await.unwrap();
    assert_eq!(late.recent.unwrap().len(), 2);
}

#[tokio::test]
async fn many_changes_are_few_events_and_the_last_one_is_told() {
    const PEOPLE: u32 = 24;
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for number in 1..=PEOPLE {
        clients.push(server.client(number).await);
    }
    let mut watch = Watch::open(&server).await;
    watch.next().await.unwrap();
    let began = Instant::now();
    let all = u64::from(PEOPLE) - 1;
    let counting = tokio::spawn(async move {
        let mut events = 0;
        loop {
            events += 1;
            if watch.next().await.unwrap().queue_length == all {
                return events;
            }
        }
    });
    for client in &clients {
        client.join().await;
    }
    let events = counting.await.unwrap();
    // Two a second, one at once, and one that was on its way.
    let most = began.elapsed().as_millis() / 500 + 2;
    assert!(events <= most, "{events} events, {most} at most");
}

#[tokio::test]
async fn all_streams_are_told_the_same_bytes() {
    let turn = Turn::begin().await;
    let mut watches = Vec::new();
    for _ in 0..40 {
        let mut watch = Watch::open(&turn.server).await;
        watch.next().await.unwrap();
        watches.push(watch);
    }
    turn.waiter.leave().await;
    let mut texts: Vec<String> = Vec::new();
    for watch in &mut watches {
        // Some may have been told first of what was new when they came.
        let text = loop {
            let event = watch.0.next().await.unwrap();
            if event.name == "status" && status(&event).queue_length == 0 {
                break event.data;
            }
        };
        texts.push(text);
    }
    // The age of the turn is in there, in milliseconds: what is rendered twice differs.
    assert!(texts.iter().all(|text| *text == texts[0]));
    assert!(status_age(&texts[0]) > 0);
}

fn status_age(text: &str) -> u64 {
    let status: Value = serde_json::from_str(text).unwrap();
    status["turn"]["ageInMs"].as_u64().unwrap()
}

#[tokio::test]
async fn a_stream_in_which_nothing_happens_has_beats() {
    let server = TestServer::start().await;
    let mut watch = Watch::open(&server).await;
    watch.next().await.unwrap();
    let beat = loop {
        let event = watch.0.next().await.unwrap();
        if event.name != "status" {
            break event;
        }
    };
    assert_eq!((&*beat.name, &*beat.data), ("beat", ""));
}

#[tokio::test]
async fn the_latest_turns_outlast_a_restart() {
    let server = TestServer::at_noon(&[]).await;
    let (first, second, third) = (
        server.client(1).await,
        server.client(2).await,
        server.client(3).await,
    );
    first.join().await;
    server.pass(Duration::from_secs(4)).await;
    let base = first.start(&server.sizes()).await;
    server.pass(Duration::from_secs(31)).await;
    first.complete(&first.contribution(&base)).await.expect_ok();
    second.join().await;
    second.abort("").await;
    third.take_part(&server.sizes()).await;
    let before = server.anonymous().status().await.recent.unwrap();
    assert_eq!(before[0].turn_in_ms, 35_000);
    assert_eq!(before[0].ended_at, NOON.as_secs() + 35);
    let told: Vec<_> = before.iter().map(ended).collect();
    assert_eq!(
        told,
        [
            (1, EndedWord::Contributed, Some(1)),
            (2, EndedWord::Aborted, None),
            (3, EndedWord::Contributed, Some(2)),
        ]
    );

    let server = server.restart().await;
    let mut watch = Watch::open(&server).await;
    assert_eq!(watch.next().await.unwrap().recent.unwrap(), before);
    let fourth = server.client(4).await;
    fourth.take_part(&server.sizes()).await;
    let turns = watch.next_turns().await;
    let told: Vec<_> = turns.iter().map(ended).collect();
    assert_eq!(told, [(4, EndedWord::Contributed, Some(3))]);
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let server = TestServer::start().await;
    let mut watches = Vec::new();
    for _ in 0..20 {
        let mut watch = Watch::open(&server).await;
        watch.next().await.unwrap();
        watches.push(watch);
    }
    let began = Instant::now();
    let stopped = tokio::spawn(server.stop());
    for watch in &mut watches {
        while watch.next().await.is_some() {}
    }
    stopped.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "not cut off");
}

// `docs/spec/http-api.md#moved-to`.
#[tokio::test]
async fn a_stream_tells_that_the_ceremony_pauses_and_where_it_went() {
    let server = TestServer::start().await;
    let mut watch = Watch::open(&server).await;
    assert_eq!(watch.next().await.unwrap().moved_to, None);
    let coordinator = server.running().coordinator();
    coordinator.order(Order::Pause).await.unwrap();
    let next = tempfile::tempdir().unwrap();
    let key = tauline_store::handover::public_key(next.path()).unwrap();
    let (url, bundle) = ("https://next.example", next.path().join("bundle"));
    coordinator
        .hand_over(key, Some(url.to_owned()), bundle)
        .await
        .unwrap();
    let status = watch.until(|status| status.moved_to.is_some()).await;
    assert_eq!(status.moved_to.unwrap().url.as_deref(), Some(url));
    // Whoever comes later is told, too, and hears that the stream lives.
    let late = Watch::open(&server).await.next().await.unwrap();
    assert_eq!(late.moved_to.unwrap().key, key);
}

#[tokio::test]
async fn watching_counts_against_no_rate_but_as_a_connection() {
    const WATCH: &str = "GET /ceremony/events HTTP/1.1\r\nHost: test\r\n\r\n";
    let flags = [
        ("anonymous-rate", "1"),
        ("max-connections-per-address", "3"),
    ];
    let server = TestServer::with(&flags).await;
    let mut watches = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(&server.url()).await;
        raw.send(WATCH).await;
        assert_eq!(raw.answer().await.status, 200);
        watches.push(raw);
    }
    let mut one_more = Raw::connect(&server.url()).await;
    assert_eq!(one_more.answer().await.status, 503);
    drop(watches);
}

/// Whoever has just done something sees it, however often others ask.
#[tokio::test]
async fn the_status_is_never_older_than_what_was_answered() {
    let server = TestServer::start().await;
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let client = server.anonymous();
            tokio::spawn(async move {
                for _ in 0..50 {
                    client.status().await;
                }
            })
        })
        .collect();
    for number in 1..=12 {
        let client: Client = server.client(number).await;
        client.join().await;
        let status = client.status().await;
        assert_eq!(status.queue_length, u64::from(number) - 1);
    }
    for one in asking {
        one.await.unwrap();
    }
}
