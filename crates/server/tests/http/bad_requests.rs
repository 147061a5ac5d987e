//! Bad requests everywhere but in a contribution's body: each a clear error with its code.

use reqwest::Method;
use serde_json::json;
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueWord;

use crate::common::TestServer;
use crate::common::raw::Raw;
use crate::common::turn::Turn;

/// Every path that needs a session, and how it is called.
const WITH_SESSION: &[(&str, &str)] = &[
    ("POST", "/queue/join"),
    ("POST", "/queue/checkin"),
    ("POST", "/queue/checkin?wait=1"),
    ("GET", "/queue/events"),
    ("POST", "/queue/leave"),
    ("POST", "/contribution/start"),
    ("POST", "/contribution/complete"),
    ("POST", "/contribution/abort"),
    ("POST", "/contribution/probe"),
];

#[tokio::test]
async fn every_call_that_needs_a_session_says_so() {
    let turn = Turn::begin().await;
    let client = turn.server.anonymous();
    for (method, path) in WITH_SESSION {
        let method: Method = method.parse().unwrap();
        let answer = client.send(client.request(method, path)).await;
        let error = answer.expect_error(Code::SessionMissing);
        assert!(error.contains("POST /login"), "{path}: {error}");
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn whoever_is_refused_while_it_sends_gets_to_read_the_refusal() {
    let turn = Turn::begin().await;
    let elsewhere = [
        ("POST", "/nothing/here"),
        ("POST", "/ceremony/status"),
        ("POST", "/index.html"),
        ("POST", "/login"),
        ("POST", "/contribute"),
        ("POST", "/lobby/try_contribute"),
    ];
    for (method, path) in WITH_SESSION.iter().chain(&elsewhere) {
        let mut raw = Raw::connect(&turn.server.url()).await;
        let answer = raw.send_whole(method, path, 12 << 20).await;
        assert_eq!(answer.status / 100, 4, "{path}");
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_malformed_or_unknown_token_is_refused() {
    let turn = Turn::begin().await;
    let client = turn.server.anonymous();
    let good = turn.holder.token.clone().unwrap();
    let mut altered = good.clone();
    altered.replace_range(0..1, if good.starts_with('0') { "1" } else { "0" });
    for (value, code) in [
        ("Bearer".to_owned(), Code::SessionMissing),
        (format!("Basic {good}"), Code::SessionMissing),
        (good.clone(), Code::SessionMissing),
        (format!("Bearer {}", &good[1..]), Code::SessionUnknown),
        (format!("Bearer {good}0"), Code::SessionUnknown),
        (
            format!("Bearer {}", good.to_uppercase()),
            Code::SessionUnknown,
        ),
        (format!("Bearer {altered}"), Code::SessionUnknown),
        (format!("Bearer {}", "0".repeat(64)), Code::SessionUnknown),
        (format!("Bearer {}", "x".repeat(5000)), Code::SessionUnknown),
    ] {
        let request = client
            .request(Method::POST, "/queue/checkin")
            .header("authorization", &value);
        let answer = client.send(request).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        // A token in lower case has letters or it has none.
        if value == format!("Bearer {good}") {
            continue;
        }
        answer.expect_error(code);
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn the_scheme_of_the_authorization_may_be_in_any_case() {
    let server = TestServer::start().await;
    let client = server.client(1).await;
    let token = client.token.clone().unwrap();
    let anonymous = server.anonymous();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request = anonymous
            .request(Method::POST, "/queue/checkin")
            .header("authorization", format!("{scheme} {token}"));
        anonymous.send(request).await.expect_ok();
    }
}

#[tokio::test]
async fn a_token_anywhere_but_in_its_header_is_not_looked_at() {
    let server = TestServer::start().await;
    let token = server.client(1).await.token.unwrap();
    let anonymous = server.anonymous();
    let path = format!("/queue/join?token={token}&access_token={token}");
    anonymous
        .post(&path)
        .await
        .expect_error(Code::SessionMissing);
    let answer = anonymous
        .post_json("/queue/join", &json!({"token": token}))
        .await;
    answer.expect_error(Code::SessionMissing);
    let request = anonymous
        .request(Method::POST, "/queue/join")
        .header("cookie", format!("token={token}"));
    anonymous
        .send(request)
        .await
        .expect_error(Code::SessionMissing);
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    for path in [
        "/index.html",
        "/queue",
        "/queue/join/",
        "/ceremony/../etc/passwd",
        "/%00",
        "/ceremony/status/x",
    ] {
        client.get(path).await.expect_error(Code::NotFound);
    }
}

#[tokio::test]
async fn a_wrong_method_is_refused_and_the_right_one_named() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    for (method, path, right) in [
        ("GET", "/queue/join", "POST"),
        ("DELETE", "/queue/join", "POST"),
        ("POST", "/ceremony/status", "GET"),
        ("PUT", "/contribution/complete", "POST"),
        ("GET", "/login", "POST"),
    ] {
        let answer = client
            .send(client.request(method.parse().unwrap(), path))
            .await;
        answer.expect_error(Code::MethodNotAllowed);
        let allow = answer.header("allow").unwrap_or_default();
        assert!(allow.contains(right), "{method} {path}: Allow: {allow}");
    }
}

#[tokio::test]
async fn a_bad_wait_is_refused() {
    let turn = Turn::begin().await;
    for query in [
        "wait=-1",
        "wait=x",
        "wait=",
        "wait=NaN",
        "hold=5",
        "wait=1&wait=x",
    ] {
        let answer = turn.waiter.post(&format!("/queue/checkin?{query}")).await;
        answer.expect_error(Code::InvalidParameter);
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn bad_small_bodies_are_refused_and_change_nothing() {
    let turn = Turn::begin().await;
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(201));
    let deep = "[".repeat(10_000);
    for bad in [
        "{",
        "7",
        "[]",
        r#"{"reason":7}"#,
        r#"{"because":"x"}"#,
        "\u{0}",
        &long,
        &deep,
    ] {
        let answer = turn
            .holder
            .post_bytes("/contribution/abort", "application/json", bad.to_owned())
            .await;
        answer.expect_error(Code::MalformedBody);
    }
    let answer = turn
        .holder
        .post_bytes("/contribution/abort", "text/plain", "why not")
        .await;
    answer.expect_error(Code::UnsupportedMediaType);
    let large = " ".repeat(16 * 1024 + 1);
    let answer = turn
        .holder
        .post_bytes("/contribution/abort", "application/json", large)
        .await;
    answer.expect_error(Code::BodyTooLarge);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_bad_start_does_not_start_the_clock() {
    let server = TestServer::start().await;
    let holder = server.client(1).await;
    assert_eq!(
        holder.join().await.queue_status,
        QueueWord::ReadyToContribute
    );
    let long = json!({"client": "x".repeat(201)});
    holder
        .post_json("/contribution/start", &long)
        .await
        .expect_error(Code::MalformedBody);
    let unknown = json!({"cleint": "x"});
    holder
        .post_json("/contribution/start", &unknown)
        .await
        .expect_error(Code::MalformedBody);
    let request = holder
        .request(Method::POST, "/contribution/start")
        .header("accept", "text/html");
    holder.send(request).await.expect_error(Code::NotAcceptable);
    assert_eq!(
        holder.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
    holder.contribute(&server.sizes()).await;
}

#[tokio::test]
async fn start_and_abort_are_for_the_turns_holder() {
    let turn = Turn::begin().await;
    let outsider = turn.server.client(3).await;
    for path in ["/contribution/start", "/contribution/abort"] {
        let error = turn.waiter.post(path).await.expect_error(Code::NotYourTurn);
        assert!(error.contains("number 1"), "{path}: {error}");
        outsider.post(path).await.expect_error(Code::NotQueued);
    }
    outsider
        .post("/queue/leave")
        .await
        .expect_error(Code::NotQueued);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_start_that_comes_too_late_is_refused_with_the_true_reason() {
    use std::time::Duration;
    let server = TestServer::at_noon(&[]).await;
    let late = server.client(1).await;
    assert_eq!(late.join().await.queue_status, QueueWord::ReadyToContribute);
    server.pass(Duration::from_secs(20)).await;
    let error = late
        .post("/contribution/start")
        .await
        .expect_error(Code::StayEnded);
    assert!(!error.contains("contributed"), "{error}");
}

#[tokio::test]
async fn rubbish_instead_of_http_is_refused_by_closing() {
    let server = TestServer::start().await;
    for rubbish in [
        "\r\n\r\n\r\nGET\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
        "GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut raw = Raw::connect(&server.url()).await;
        raw.send(rubbish).await;
        raw.send(vec![0; 1000]).await;
        assert!(raw.is_closed_after_all().await, "{rubbish:?}");
    }
    server.anonymous().status().await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let server = TestServer::with(&[("body-timeout", "0.2")]).await;
    let mut raw = Raw::connect(&server.url()).await;
    raw.send("POST /queue/join HTTP/1.1\r\nHost: test\r\nX-Slow: ")
        .await;
    assert!(raw.is_closed_after_all().await);
    server.anonymous().status().await;
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    let mut request = client.request(Method::GET, "/ceremony/status");
    for number in 0..500 {
        request = request.header(format!("x-{number}"), "x");
    }
    let answer = client.send(request).await;
    assert_eq!(answer.status, 431);
    client.status().await;
}
