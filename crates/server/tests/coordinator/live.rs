//! The ceremony's status as text, for streams that read at their own pace
//! (`docs/spec/http-api.md#ceremony-events`).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{Stream, StreamExt as _};
use tauline_protocol::status::{CeremonyStatus, RecentTurn};
use tauline_server::testing::live::Live;
use tokio::sync::watch;

use crate::support::Ceremony;

/// A stream of texts of some kind of bytes.
type Texts<B> = Pin<Box<dyn Stream<Item = Result<B, Infallible>> + Send>>;

/// The next status; none when the stream has ended.
async fn next<B: AsRef<[u8]>>(texts: &mut Texts<B>) -> Option<CeremonyStatus> {
    loop {
        let Ok(text) = texts.next().await?;
        let text = std::str::from_utf8(text.as_ref()).unwrap();
        if let Some(data) = text.strip_prefix("event: status\ndata: ") {
            return Some(serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap());
        }
    }
}

/// The tickets of the turns that are told of next.
async fn next_tickets<B: AsRef<[u8]>>(texts: &mut Texts<B>) -> Vec<u64> {
    loop {
        let status = next(texts).await.expect("the stream goes on");
        let turns: Vec<RecentTurn> = status.recent.unwrap();
        if !turns.is_empty() {
            return turns.iter().map(|turn| turn.ticket).collect();
        }
    }
}

#[tokio::test]
async fn a_stream_that_missed_a_text_is_told_of_all_turns_again() {
    let names = ["anna", "bert", "cleo"];
    let ceremony = Ceremony::joined_by(&names).await;
    let live = Live::new(ceremony.coordinator.clone());
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&live).run(stopping));
    let (mut quick, mut slow): (Texts<_>, Texts<_>) =
        (Box::pin(live.watch()), Box::pin(live.watch()));
    for texts in [&mut quick, &mut slow] {
        assert_eq!(next(texts).await.unwrap().recent, Some(Vec::new()));
    }
    for (name, ticket) in names.into_iter().zip(1..) {
        ceremony.contribute(name).await;
        assert_eq!(next_tickets(&mut quick).await, [ticket]);
    }
    // It has not been read since the first.
    assert_eq!(next_tickets(&mut slow).await, [1, 2, 3]);
    let mut late: Texts<_> = Box::pin(live.watch());
    assert_eq!(next_tickets(&mut late).await, [1, 2, 3]);

    stop.send_replace(true);
    running.await.unwrap();
    for texts in [&mut quick, &mut slow, &mut late] {
        assert!(next(texts).await.is_none());
    }
    // Whoever comes now is told how it stands, and no more.
    let mut last: Texts<_> = Box::pin(live.watch());
    assert_eq!(next_tickets(&mut last).await, [1, 2, 3]);
    assert!(next(&mut last).await.is_none());
}

#[tokio::test]
async fn streams_end_when_the_coordinator_does() {
    let ceremony = Ceremony::new();
    let live = Live::new(ceremony.coordinator.clone());
    let (_stop, stopping) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&live).run(stopping));
    let mut texts: Texts<_> = Box::pin(live.watch());
    next(&mut texts).await.unwrap();
    ceremony.coordinator.close(std::time::Duration::ZERO).await;
    ceremony.outcome().await.unwrap();
    running.await.unwrap();
    assert!(next(&mut texts).await.is_none());
}
