//! A coordinator whose stream is not there, breaks, falls silent, or says what nobody understands.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{sleep, timeout};

use super::super::examples::{empty, moved, running};
use super::super::told::Told as What;
use super::*;
use crate::client::{http, parse_server};

const RHYTHM: Rhythm = Rhythm {
    poll: Duration::from_millis(100),
    silence: Duration::from_millis(1500),
    broken: Duration::from_millis(300),
    no_stream: Duration::from_secs(60),
    follow: Duration::from_millis(100),
};

/// Longer than anything takes here, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer of the stream's path.
enum Stream {
    /// No stream, with this status and body.
    Refuses(StatusCode, &'static str),
    /// These pieces, 30 ms apart, and then the end; or silence.
    Says(Vec<String>, Then),
}

#[derive(Clone, Copy)]
enum Then {
    Ends,
    FallsSilent,
}

/// A coordinator that does what it is told. The last answer of the status is given again and again, and
/// after the last stream there is none.
struct Mock {
    statuses: Mutex<VecDeque<(StatusCode, String)>>,
    streams: Mutex<VecDeque<Stream>>,
    polls: AtomicUsize,
    opened: AtomicUsize,
}

impl Mock {
    fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

async fn status(State(mock): State<Arc<Mock>>) -> Response {
    mock.polls.fetch_add(1, Ordering::SeqCst);
    let mut statuses = mock.statuses.lock().unwrap();
    let answer = match statuses.len() {
        1 => statuses[0].clone(),
        _ => statuses.pop_front().unwrap(),
    };
    answer.into_response()
}

async fn events(State(mock): State<Arc<Mock>>) -> Response {
    mock.opened.fetch_add(1, Ordering::SeqCst);
    let next = mock.streams.lock().unwrap().pop_front();
    let (pieces, then) = match next {
        Some(Stream::Says(pieces, then)) => (pieces, then),
        Some(Stream::Refuses(status, body)) => return (status, body).into_response(),
        None => return StatusCode::NOT_FOUND.into_response(),
    };
    let pieces = stream::iter(pieces).then(|piece| async move {
        sleep(Duration::from_millis(30)).await;
        Ok::<_, Infallible>(piece)
    });
    let body = match then {
        Then::Ends => Body::from_stream(pieces),
        Then::FallsSilent => Body::from_stream(pieces.chain(stream::pending())),
    };
    (
        [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")],
        body,
    )
        .into_response()
}

/// Watches such a coordinator.
async fn watch(
    statuses: Vec<(StatusCode, String)>,
    streams: Vec<Stream>,
) -> (Receiver<Heard>, Arc<Mock>) {
    let mock = Arc::new(Mock {
        statuses: Mutex::new(statuses.into()),
        streams: Mutex::new(streams.into()),
        polls: AtomicUsize::new(0),
        opened: AtomicUsize::new(0),
    });
    let router = Router::new()
        .route("/ceremony/status", get(status))
        .route("/ceremony/events", get(events))
        .with_state(Arc::clone(&mock));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = parse_server(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::new(http(&url).unwrap(), url);
    let (sender, receiver) = channel(16);
    tokio::spawn(Source::new(client, RHYTHM, sender).run());
    (receiver, mock)
}

/// A status with so many contributions.
fn told(contributions: u64) -> String {
    let mut value = serde_json::to_value(running().status).unwrap();
    value["contributions"] = contributions.into();
    value["recent"] = serde_json::json!([]);
    value.to_string()
}

fn good(contributions: u64) -> (StatusCode, String) {
    (StatusCode::OK, told(contributions))
}

fn event(contributions: u64) -> String {
    format!("event: status\ndata: {}\n\n", told(contributions))
}

async fn next(heard: &mut Receiver<Heard>) -> Heard {
    timeout(PATIENCE, heard.recv()).await.unwrap().unwrap()
}

/// What is heard next of the contributions, and by which way.
async fn next_status(heard: &mut Receiver<Heard>) -> (u64, Via) {
    loop {
        if let Heard::Status { told, via, .. } = next(heard).await {
            return (told.status.contributions, via);
        }
    }
}

#[tokio::test]
async fn where_there_is_no_stream_it_asks() {
    for (status, body) in [
        (
            StatusCode::NOT_FOUND,
            r#"{"code":"Request::NotFound","error":"no"}"#,
        ),
        (StatusCode::NOT_FOUND, "<html>no such page</html>"),
        (StatusCode::OK, "<html>a page for everything</html>"),
        (StatusCode::METHOD_NOT_ALLOWED, ""),
    ] {
        let streams = vec![Stream::Refuses(status, body)];
        let (mut heard, mock) = watch(vec![good(1), good(1), good(2)], streams).await;
        for contributions in [1, 1, 2, 2] {
            assert_eq!(next_status(&mut heard).await, (contributions, Via::Polls));
        }
        assert_eq!(
            mock.opened(),
            1,
            "it is not asked for each time: {status} {body}"
        );
    }
}

#[tokio::test]
async fn as_long_as_the_stream_lives_nothing_else_is_asked() {
    // In pieces that end anywhere, with comments, other events and the other ends of lines.
    let second = event(2).replace('\n', "\r\n");
    let (head, tail) = second.split_at(17);
    let pieces = vec![
        ": hello\n\n".to_owned(),
        format!(
            "retry: 3000\n\nevent: weather\ndata: fair\n\n{}{head}",
            event(1)
        ),
        tail.to_owned(),
        format!("data: {}\n\n", told(3)),
    ];
    let (mut heard, mock) =
        watch(vec![good(9)], vec![Stream::Says(pieces, Then::FallsSilent)]).await;
    assert_eq!(next(&mut heard).await, Heard::Alive);
    for contributions in [1, 2, 3] {
        assert_eq!(next_status(&mut heard).await, (contributions, Via::Stream));
    }
    assert_eq!((mock.polls(), mock.opened()), (0, 1));
}

#[tokio::test]
async fn signs_of_life_keep_a_stream_on_which_nothing_happens() {
    // Longer than it may be silent.
    let beats = vec![":\n\n".to_owned(); 80];
    let pieces = [beats, vec![event(1)]].concat();
    let (mut heard, mock) =
        watch(vec![good(9)], vec![Stream::Says(pieces, Then::FallsSilent)]).await;
    assert_eq!(next_status(&mut heard).await, (1, Via::Stream));
    assert_eq!((mock.polls(), mock.opened()), (0, 1));
}

#[tokio::test]
async fn a_stream_that_breaks_or_falls_silent_is_replaced_by_asking_until_there_is_another() {
    for then in [Then::Ends, Then::FallsSilent] {
        let streams = vec![
            Stream::Says(vec![event(1)], then),
            Stream::Refuses(StatusCode::BAD_GATEWAY, ""),
            Stream::Says(vec![event(3)], Then::FallsSilent),
        ];
        let (mut heard, mock) = watch(vec![good(2)], streams).await;
        assert_eq!(next_status(&mut heard).await, (1, Via::Stream));
        assert_eq!(next_status(&mut heard).await, (2, Via::Polls));
        while next_status(&mut heard).await != (3, Via::Stream) {}
        assert_eq!(mock.opened(), 3);
    }
}

#[tokio::test]
async fn a_coordinator_that_is_away_is_asked_until_it_is_back_and_for_its_stream_at_once() {
    let away = (StatusCode::SERVICE_UNAVAILABLE, String::new());
    let statuses = vec![good(1), away.clone(), away, good(2)];
    // Without being back, the next stream would be asked for a minute later.
    let streams = vec![
        Stream::Refuses(StatusCode::NOT_FOUND, ""),
        Stream::Says(vec![event(3)], Then::FallsSilent),
    ];
    let (mut heard, _) = watch(statuses, streams).await;
    assert_eq!(next_status(&mut heard).await, (1, Via::Polls));
    for _ in 0..2 {
        let Heard::Lost { why } = next(&mut heard).await else {
            panic!("it answers");
        };
        assert!(why.contains("503"), "{why}");
    }
    assert_eq!(next_status(&mut heard).await, (2, Via::Polls));
    assert_eq!(next(&mut heard).await, Heard::Alive);
    assert_eq!(next_status(&mut heard).await, (3, Via::Stream));
}

#[tokio::test]
async fn an_event_without_an_end_fills_no_memory() {
    let piece = format!("data: {}\n", "x".repeat(50_000));
    let streams = vec![Stream::Says(vec![piece; 20], Then::FallsSilent)];
    let (mut heard, _) = watch(vec![good(2)], streams).await;
    assert_eq!(next(&mut heard).await, Heard::Alive);
    assert_eq!(next_status(&mut heard).await, (2, Via::Polls));
}

#[tokio::test]
async fn what_is_not_understood_is_said_to_be() {
    let nonsense = "data: {\"mode\":\"merry\"}\n\n".to_owned();
    let streams = vec![Stream::Says(vec![nonsense], Then::FallsSilent)];
    let (mut heard, _) = watch(vec![(StatusCode::OK, "[]".to_owned())], streams).await;
    assert_eq!(next(&mut heard).await, Heard::Alive);
    let Heard::Lost { why } = next(&mut heard).await else {
        panic!("it is understood");
    };
    assert!(why.contains("not understood"), "{why}");
}

#[tokio::test]
async fn a_move_that_the_log_does_not_bear_out_is_not_followed() {
    let away = |told: What| (StatusCode::OK, serde_json::to_string(&told.status).unwrap());
    let mut without = moved();
    without.status.moved_to.as_mut().unwrap().url = None;
    for (told, says) in [
        (without, "Ask the ceremony's operator"),
        (moved(), "/log/checkpoint"),
    ] {
        let (mut heard, mock) = watch(vec![away(empty()), away(told.clone())], Vec::new()).await;
        assert_eq!(next_status(&mut heard).await, (0, Via::Polls));
        assert_eq!(next_status(&mut heard).await, (1_350, Via::Polls));
        let Heard::NotFollowed { why } = next(&mut heard).await else {
            panic!("it is followed");
        };
        assert!(why.contains(says), "{why}");
        let polls = mock.polls();
        assert_eq!(next_status(&mut heard).await, (1_350, Via::Polls));
        assert!(mock.polls() > polls, "the older one is asked again");
    }
}
