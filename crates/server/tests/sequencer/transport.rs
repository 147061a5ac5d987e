//! HTTP itself, as these clients need it: CORS, `Expect`, compression, rates.

use reqwest::Method;
use serde_json::Value;
use tauline_protocol::sequencer::Code;

use crate::common::raw::Raw;
use crate::common::{Answer, TestServer};
use crate::support::{POLL, Scene, When, assert_said, assert_waits, base};

#[tokio::test]
async fn browsers_may_call_every_route_with_a_session() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    for path in [
        POLL,
        "/contribute",
        "/contribute/abort",
        "/info/status",
        "/info/current_state",
    ] {
        let request = client
            .request(Method::OPTIONS, path)
            .header("origin", "https://ceremony.example.org")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        let answer = client.send(request).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        // By the Fetch standard `*` does not stand for Authorization.
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("authorization,content-type")
        );
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert!(
            methods.contains("POST") && methods.contains("GET"),
            "{methods}"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn a_browser_can_read_every_error() {
    let scene = Scene::set(When::Contributing).await;
    let client = &scene.subject;
    let origin = ("origin", "https://ceremony.example.org");
    let long = vec![b' '; 10_485_761];
    for (status, request) in [
        (404, client.request(Method::GET, "/lobby/nothing")),
        (405, client.request(Method::GET, POLL)),
        (413, client.request(Method::POST, "/contribute").body(long)),
        (415, client.request(Method::POST, "/contribute").body("{}")),
        (
            422,
            client
                .request(Method::POST, "/contribute")
                .header("content-type", "application/json")
                .body("{}"),
        ),
        (
            400,
            client
                .request(Method::POST, "/contribute")
                .header("content-type", "application/json")
                .body("{"),
        ),
    ] {
        let answer = client.send(request.header(origin.0, origin.1)).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("*"),
            "{status}"
        );
    }
    let mut raw = Raw::connect(&scene.server.url()).await;
    raw.head(
        "GET",
        "/info/status/?a=b",
        None,
        "Origin: https://a.example\r\n",
    )
    .await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), Some("/info/status?a=b"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

// `docs/spec/sequencer.md#expect`.
#[tokio::test]
async fn who_expects_100_is_told_to_go_on_only_in_its_turn() {
    let scene = Scene::set(When::Contributing).await;
    assert_waits(&scene.ahead.post(POLL).await);
    let body = scene.good();
    let headers = format!(
        "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n",
        body.len()
    );
    let mut raw = Raw::connect(&scene.server.url()).await;
    raw.head(
        "POST",
        "/contribute",
        scene.ahead.token.as_deref(),
        &headers,
    )
    .await;
    // Not a byte of the body is asked for.
    let refused = raw.answer().await;
    assert_said(&refused, Code::NotUsersTurn, "not your turn to participate");

    let mut raw = Raw::connect(&scene.server.url()).await;
    raw.head(
        "POST",
        "/contribute",
        scene.subject.token.as_deref(),
        &headers,
    )
    .await;
    assert_eq!(raw.answer().await.status, 100);
    raw.send(&body).await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn who_sends_without_asking_still_sees_the_refusal() {
    let scene = Scene::set(When::Waiting).await;
    // Six megabytes that nobody wants, as a full-size contribution has.
    for _ in 0..3 {
        let answer = scene.contribute(vec![b'x'; 6_258_321]).await;
        assert_said(&answer, Code::NotUsersTurn, "not your turn to participate");
    }
}

// `docs/spec/sequencer.md#compression`.
#[tokio::test]
async fn the_base_is_compressed_for_who_asks_and_for_nobody_else() {
    let scene = Scene::set(When::SignedIn).await;
    let fetch = async |accept: Option<&str>| -> Answer {
        let client = &scene.subject;
        let mut request = client.request(Method::POST, POLL);
        if let Some(accept) = accept {
            request = request.header("accept-encoding", accept);
        }
        client.send(request).await
    };
    let plain = fetch(None).await;
    base(&scene.server, &plain);
    assert_eq!(plain.header("content-encoding"), None);
    for accept in ["br", "identity"] {
        let answer = fetch(Some(accept)).await;
        assert_eq!(answer.header("content-encoding"), None);
        assert_eq!(answer.bytes, plain.bytes);
    }
    for accept in ["gzip", "zstd"] {
        let answer = fetch(Some(accept)).await;
        assert_eq!(answer.header("content-encoding"), Some(accept));
        assert!(answer.bytes.len() < plain.bytes.len());
    }
}

// `docs/spec/sequencer.md#no-429`.
#[tokio::test]
async fn too_many_requests_are_said_as_json_and_never_429() {
    let scene = Scene::with(
        When::SignedIn,
        &[("lobby-rate", "3"), ("session-rate", "1")],
    )
    .await;
    for _ in 0..3 {
        base(&scene.server, &scene.subject.post(POLL).await);
    }
    for path in [POLL, "/contribute", "/contribute/abort"] {
        let answer = scene.subject.post(path).await;
        assert_said(
            &answer,
            Code::RateLimited,
            "call came too early. rate limited",
        );
    }
}

#[tokio::test]
async fn the_status_is_for_everybody_at_any_rate() {
    let server = TestServer::with(&[("anonymous-rate", "1")]).await;
    let client = server.anonymous();
    for _ in 0..50 {
        let status: Value = client.get("/info/status").await.expect_ok().json();
        assert_eq!(status["lobby_size"], 0);
    }
    assert_said(
        &client.post(POLL).await,
        Code::InvalidSessionId,
        "unknown session id",
    );
    let answer = client.post(POLL).await;
    assert_said(
        &answer,
        Code::RateLimited,
        "call came too early. rate limited",
    );
}
