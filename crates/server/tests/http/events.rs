//! The stream of events: a status now, and at each change.

use tauline_protocol::error::Code;
use tauline_protocol::status::{QueueStatus, QueueWord};

use crate::common::sse::Events;
use crate::common::turn::Turn;
use crate::common::{Client, TestServer};

/// A participant's stream.
struct Stream(Events);

impl Stream {
    async fn open(client: &Client) -> Self {
        Self(Events::open(client, "/queue/events").await)
    }

    /// The next status; `None` when the stream has ended.
    async fn next(&mut self) -> Option<QueueStatus> {
        let event = self.0.next().await?;
        assert_eq!(event.name, "status");
        Some(serde_json::from_str(&event.data).unwrap())
    }

    /// Events up to the first that fits.
    async fn until(&mut self, fits: impl Fn(&QueueStatus) -> bool) -> QueueStatus {
        loop {
            let status = self.next().await.expect("the stream goes on");
            if fits(&status) {
                return status;
            }
        }
    }
}

#[tokio::test]
async fn a_stream_tells_the_status_at_once_and_the_turn_when_it_comes() {
    let turn = Turn::begin().await;
    let mut events = Stream::open(&turn.waiter).await;
    let first = events.next().await.unwrap();
    assert_eq!(first.queue_status, QueueWord::Queued);
    assert_eq!(first.queue_position, Some(1));
    turn.holder.abort("").await;
    events
        .until(|status| status.queue_status == QueueWord::ReadyToContribute)
        .await;
    turn.waiter.contribute(&turn.server.sizes()).await;
    events
        .until(|status| status.queue_status == QueueWord::Contributing)
        .await;
    let done = events
        .until(|status| status.queue_status == QueueWord::Contributed)
        .await;
    assert!(
        done.receipt.is_some(),
        "whoever lost the answer gets the receipt here"
    );
}

#[tokio::test]
async fn a_stream_tells_every_place_gained() {
    let turn = Turn::begin().await;
    let third = turn.server.client(3).await;
    assert_eq!(third.join().await.queue_position, Some(2));
    let mut events = Stream::open(&third).await;
    assert_eq!(events.next().await.unwrap().queue_position, Some(2));
    turn.waiter.leave().await;
    events
        .until(|status| status.queue_position == Some(1))
        .await;
}

#[tokio::test]
async fn an_open_stream_counts_as_checking_in() {
    let server = TestServer::with(&[("checkin-min", "0.2"), ("checkin-grace", "0.2")]).await;
    let turn = Turn::on(server).await;
    let mut events = Stream::open(&turn.waiter).await;
    events.next().await.unwrap();
    // Three times as long as a silent participant is waited for.
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert_eq!(turn.waiter.status().await.queue_length, 1);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_stream_needs_a_session() {
    let server = TestServer::start().await;
    server
        .anonymous()
        .get("/queue/events")
        .await
        .expect_error(Code::SessionMissing);
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let turn = Turn::begin().await;
    let mut events = Stream::open(&turn.waiter).await;
    events.next().await.unwrap();
    let stopped = tokio::spawn(turn.server.stop());
    while events.next().await.is_some() {}
    stopped.await.unwrap();
}
