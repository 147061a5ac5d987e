//! Connections: how long they may be idle, and what is never idle.

use std::time::Duration;

use tauline_protocol::error::Code;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::common::TestServer;
use crate::common::raw::Raw;
use crate::common::turn::Turn;

/// A server on which connections may be idle for half a second, and everything else takes long.
const SOON: &[(&str, &str)] = &[
    ("idle-timeout", "0.5"),
    ("lobby-checkin-frequency", "0.2"),
    ("lobby-checkin-tolerance", "0"),
    ("lobby-hold", "0"),
];

/// Longer than [`SOON`] allows an idle connection.
const AFTER: Duration = Duration::from_millis(1200);

/// A server that gives heads and bodies a short time, and idle connections a long one.
const BUSY: &[(&str, &str)] = &[("body-timeout", "0.3")];

const STATUS: &str = "GET /ceremony/status HTTP/1.1\r\nHost: test\r\n\r\n";

/// Whether the server closes the connection without a word, and after what time.
async fn closed_after(raw: &mut Raw) -> Duration {
    let since = Instant::now();
    assert!(raw.is_closed_after_all().await, "still open");
    since.elapsed()
}

// `docs/spec/known-faults.md#idle-connections`.
#[tokio::test]
async fn a_connection_may_be_idle_for_longer_than_a_body_may_pause() {
    let server = TestServer::with(BUSY).await;
    let mut raw = Raw::connect(&server.url()).await;
    for _ in 0..3 {
        // Idle before the first request, and between two.
        tokio::time::sleep(Duration::from_millis(700)).await;
        raw.send(STATUS).await;
        assert_eq!(raw.answer().await.status, 200);
    }
    // Old clients send an empty line after a body (RFC 9112, section 2.2): that begins nothing.
    raw.send("\r\n").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    raw.send(STATUS).await;
    assert_eq!(raw.answer().await.status, 200);
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed() {
    let server = TestServer::with(SOON).await;
    let mut silent = Raw::connect(&server.url()).await;
    let mut used = Raw::connect(&server.url()).await;
    used.send(STATUS).await;
    assert_eq!(used.answer().await.status, 200);
    for raw in [&mut silent, &mut used] {
        let after = closed_after(raw).await;
        assert!(after < Duration::from_secs(10), "{after:?}");
    }
    // HTTP/1.0, kept by request.
    let mut old = Raw::connect(&server.url()).await;
    for _ in 0..2 {
        old.send("GET /ceremony/status HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            .await;
        assert_eq!(old.answer().await.status, 200);
    }
    closed_after(&mut old).await;
}

#[tokio::test]
async fn a_head_has_its_own_time_from_its_first_byte_on() {
    let server = TestServer::with(BUSY).await;
    let within = Duration::from_secs(10);
    // After an answer.
    let mut raw = Raw::connect(&server.url()).await;
    raw.send(STATUS).await;
    assert_eq!(raw.answer().await.status, 200);
    tokio::time::sleep(Duration::from_millis(700)).await;
    raw.send("GET /cer").await;
    assert!(closed_after(&mut raw).await < within);
    // Sent along with a whole request, with and without a body.
    let body = "{\"invite\":\"x\"}";
    let login = format!(
        "POST /login HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for whole in [STATUS, &login] {
        let mut raw = Raw::connect(&server.url()).await;
        raw.send(format!("{whole}GET /cer")).await;
        raw.answer().await;
        assert!(closed_after(&mut raw).await < within, "{whole}");
    }
    // A byte now and then is not enough.
    let mut raw = TcpStream::connect(server.running().address())
        .await
        .unwrap();
    let dripping = async {
        for byte in STATUS.bytes().cycle().filter(|byte| *byte != b'\n') {
            if raw.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(within, dripping).await.expect("it is closed");
}

#[tokio::test]
async fn requests_that_are_sent_ahead_are_answered_in_order() {
    let server = TestServer::with(SOON).await;
    let mut raw = Raw::connect(&server.url()).await;
    let other = "GET /nothing HTTP/1.1\r\nHost: test\r\n\r\n";
    raw.send(format!("{STATUS}{other}{STATUS}")).await;
    for status in [200, 404, 200] {
        assert_eq!(raw.answer().await.status, status);
    }
    raw.send(STATUS).await;
    assert_eq!(raw.answer().await.status, 200);
    closed_after(&mut raw).await;
}

#[tokio::test]
async fn what_is_held_is_not_idle() {
    let turn = Turn::on(TestServer::with(SOON).await).await;
    let token = turn.waiter.token.as_deref();
    let mut held = Raw::connect(&turn.server.url()).await;
    held.head(
        "POST",
        "/queue/checkin?wait=2",
        token,
        "Content-Length: 0\r\n",
    )
    .await;
    let mut events = TcpStream::connect(turn.server.running().address())
        .await
        .unwrap();
    let head = format!(
        "GET /queue/events HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\r\n",
        token.unwrap()
    );
    events.write_all(head.as_bytes()).await.unwrap();
    let since = Instant::now();
    held.answer().await.expect_ok();
    assert!(since.elapsed() >= AFTER, "it was held");
    // The stream is open: what came is there, and no end.
    let mut text = [0; 16 * 1024];
    assert!(events.read(&mut text).await.unwrap() > 0);
    loop {
        match timeout(Duration::from_millis(200), events.read(&mut text)).await {
            Err(_) => break,
            Ok(read) => assert!(read.unwrap() > 0, "the stream was closed"),
        }
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_connection_is_kept_after_a_large_body() {
    let turn = Turn::on(TestServer::with(BUSY).await).await;
    let good = turn.good();
    let token = turn.holder.token.clone();
    let mut raw = Raw::connect(&turn.server.url()).await;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        good.len()
    );
    raw.head("POST", "/contribution/complete", token.as_deref(), &headers)
        .await;
    for piece in good.chunks(good.len() / 8 + 1) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        raw.send(piece).await;
    }
    raw.answer().await.expect_ok();
    tokio::time::sleep(Duration::from_millis(700)).await;
    raw.head(
        "POST",
        "/queue/checkin",
        token.as_deref(),
        "Content-Length: 0\r\n",
    )
    .await;
    raw.answer().await.expect_ok();
}

#[tokio::test]
async fn a_body_that_is_refused_and_never_comes_does_not_keep_the_connection() {
    let server = TestServer::with(BUSY).await;
    let mut raw = Raw::connect(&server.url()).await;
    raw.head("POST", "/login", None, "Content-Length: 100\r\n")
        .await;
    raw.answer().await.expect_error(Code::BodyTimeout);
    closed_after(&mut raw).await;
}

/// Sends requests whose answers are more than the kernel keeps, and reads none of them.
async fn reads_nothing(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stream = socket.connect(server.running().address()).await.unwrap();
    let requests = "GET /ceremony/transcript HTTP/1.1\r\nHost: test\r\n\r\n".repeat(200);
    stream.write_all(requests.as_bytes()).await.unwrap();
    stream
}

// `docs/spec/known-faults.md#endless-heads`.
#[tokio::test]
async fn who_reads_nothing_is_cut_off_and_who_reads_slowly_is_not() {
    let flags = [("write-timeout", "1.5"), ("ceremony", "1024:4")];
    let server = TestServer::with(&flags).await;
    let mut stuck = reads_nothing(&server).await;
    let mut slow = reads_nothing(&server).await;
    let mut piece = vec![0; 20 * 1024];
    let since = Instant::now();
    // 200 KB/s, for longer than the time in which something has to move.
    while since.elapsed() < Duration::from_secs(5) {
        assert!(slow.read(&mut piece).await.unwrap() > 0, "cut off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The other gets what the kernel had, and an end.
    let mut rest = Vec::new();
    let read = timeout(Duration::from_secs(10), stuck.read_to_end(&mut rest));
    let _ = read.await.expect("the connection was closed");
    let whole = 200
        * server
            .anonymous()
            .get("/ceremony/transcript")
            .await
            .bytes
            .len();
    assert!(rest.len() < whole, "{} of {whole}", rest.len());
}

/// Whether a connection serves.
async fn serves(raw: &mut Raw) -> bool {
    raw.send(STATUS).await;
    raw.answer().await.status == 200
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = TestServer::start().await;
    let mut raw = Raw::connect(&server.url()).await;
    let long = format!("X-Long: {}\r\n", "x".repeat(12 * 1024));
    raw.head("GET", "/ceremony/status", None, &long).await;
    assert_eq!(raw.answer().await.status, 200);
    let longer = format!("X-Long: {}\r\n", "x".repeat(17 * 1024));
    raw.head("GET", "/ceremony/status", None, &longer).await;
    assert_eq!(raw.answer().await.status, 431);
}

#[tokio::test]
async fn an_address_has_so_many_connections_without_a_session() {
    let server = TestServer::with(&[("max-connections-per-address", "3")]).await;
    let participant = server.client(1).await;
    participant.check_in().await;
    let url = server.url();
    let mut strangers = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(&url).await;
        assert!(serves(&mut raw).await);
        strangers.push(raw);
    }
    let mut refused = Raw::connect(&url).await;
    assert_eq!(refused.answer().await.status, 503);
    closed_after(&mut refused).await;
    // The participant's own connection goes on, and a stranger's becomes one by its session.
    participant.check_in().await;
    let token = participant.token.as_deref();
    let none = "Content-Length: 0\r\n";
    strangers[0]
        .head("POST", "/queue/checkin", token, none)
        .await;
    strangers[0].answer().await.expect_ok();
    assert!(serves(&mut Raw::connect(&url).await).await);
    for raw in &mut strangers {
        assert!(serves(raw).await);
    }
}

#[tokio::test]
async fn strangers_make_room_for_those_who_come_and_participants_stay() {
    let server = TestServer::with(&[("max-connections", "8")]).await;
    let url = server.url();
    let participant = server.client(1).await;
    let token = participant.token.as_deref();
    let none = "Content-Length: 0\r\n";
    let mut own = Raw::connect(&url).await;
    own.head("POST", "/queue/checkin", token, none).await;
    own.answer().await.expect_ok();
    // Three times as many as there is room for: with nothing, with half a head, with an answer.
    let mut strangers = Vec::new();
    for number in 0..24 {
        let mut raw = Raw::connect(&url).await;
        match number % 3 {
            0 => {}
            1 => raw.send("GET /cer").await,
            _ => assert!(serves(&mut raw).await),
        }
        strangers.push(raw);
    }
    assert!(
        strangers[0].is_closed_after_all().await,
        "the first of them"
    );
    // Somebody who has not been here signs in and takes part.
    server.client(2).await.take_part(&server.sizes()).await;
    own.head("POST", "/queue/checkin", token, none).await;
    own.answer().await.expect_ok();
}

#[tokio::test]
async fn an_address_has_so_many_downloads_at_a_time() {
    let flags = [
        ("max-downloads-per-address", "1"),
        ("ceremony", "4096:4,8192:4"),
    ];
    let server = TestServer::with(&flags).await;
    let stuck = reads_nothing(&server).await;
    let client = server.anonymous();
    for path in ["/ceremony/transcript", "/info/current_state"] {
        // Until the first request of the other connection has been read.
        let refused = loop {
            let answer = client.get(path).await;
            if answer.status != 200 {
                break answer;
            }
        };
        if path == "/info/current_state" {
            // Its clients know no 429 (`docs/spec/sequencer.md#no-429`).
            assert_eq!(refused.status, 400);
            let told = refused.text();
            assert!(told.contains("TryContributeError::RateLimited"), "{told}");
            continue;
        }
        refused.expect_error(Code::RateLimited);
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    client.status().await;
    drop(stuck);
    loop {
        // Until its end has been seen.
        if client.get("/ceremony/transcript").await.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.verify_transcript().await.unwrap();
}

#[tokio::test]
async fn a_download_that_stands_still_makes_room_for_another() {
    let flags = [
        ("max-downloads", "1"),
        ("max-downloads-per-address", "0"),
        ("ceremony", "4096:4,8192:4"),
    ];
    let server = TestServer::with(&flags).await;
    let mut stuck = reads_nothing(&server).await;
    let client = server.anonymous();
    while client.get("/ceremony/transcript").await.status == 200 {
        // Until the first request of the other connection has been read.
    }
    let since = Instant::now();
    while client.get("/ceremony/transcript").await.status != 200 {
        assert!(since.elapsed() < Duration::from_secs(20), "never ended");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut rest = Vec::new();
    let end = timeout(Duration::from_secs(10), stuck.read_to_end(&mut rest));
    let _ = end.await.expect("the connection was closed");
}

#[tokio::test]
async fn a_connection_ends_as_its_request_says() {
    let server = TestServer::start().await;
    for request in [
        "GET /ceremony/status HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
        "GET /ceremony/status HTTP/1.0\r\n\r\n",
    ] {
        let mut raw = Raw::connect(&server.url()).await;
        raw.send(request).await;
        assert_eq!(raw.answer().await.status, 200);
        assert!(
            closed_after(&mut raw).await < Duration::from_secs(5),
            "{request}"
        );
    }
}

#[tokio::test]
async fn what_is_in_a_body_is_no_request() {
    let server = TestServer::start().await;
    let inner = "GET /inner HTTP/1.1\r\nHost: test\r\n\r\n";
    let chunked = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let length = format!("Content-Length: {}\r\n", inner.len());
    // Read by nobody, read by somebody; all at once, and the body by itself; then another request.
    for (method, path) in [
        ("GET", "/ceremony/status"),
        ("GET", "/nothing"),
        ("POST", "/login"),
    ] {
        for (headers, body) in [
            (length.as_str(), inner),
            ("Transfer-Encoding: chunked\r\n", chunked.as_str()),
        ] {
            for at_once in [true, false] {
                let what = format!("{method} {path} {headers}{at_once}");
                let mut raw = Raw::connect(&server.url()).await;
                let head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
                if at_once {
                    raw.send(format!("{head}{body}{STATUS}")).await;
                } else {
                    raw.send(head).await;
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    // It may have been answered and closed.
                    raw.try_send(format!("{body}{STATUS}")).await;
                }
                let first = raw.answer().await;
                assert_ne!(first.status, 500, "{what}");
                let rest = raw.rest().await;
                assert!(!rest.contains("/inner"), "{what}: {rest}");
                let answers = rest.matches("HTTP/1.1 ").count();
                let good = rest.matches("HTTP/1.1 200 ").count();
                assert!(answers <= 1 && answers == good, "{what}: {rest}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let server = TestServer::start().await;
    let participant = server.client(1).await;
    let token = participant.token.as_deref();
    let mut raw = Raw::connect(&server.url()).await;
    for round in 0..50 {
        match round % 5 {
            0 => raw.send(STATUS).await,
            1 => {
                raw.head("POST", "/queue/checkin", token, "Content-Length: 0\r\n")
                    .await
            }
            2 => {
                let chunked = "Transfer-Encoding: chunked\r\n";
                raw.head("POST", "/login", None, chunked).await;
                raw.send("2\r\n{}\r\n").await;
                raw.send("0\r\n\r\n").await;
            }
            3 => {
                raw.send("HEAD /nothing HTTP/1.1\r\nHost: test\r\n\r\n")
                    .await
            }
            _ => {
                for piece in STATUS.as_bytes().chunks(7) {
                    raw.send(piece).await;
                    tokio::task::yield_now().await;
                }
            }
        }
        let status = raw.head_of_answer(round % 5 == 3).await.status;
        let expected = [200, 200, 400, 404, 200][round % 5];
        assert_eq!(status, expected, "round {round}");
    }
}
