//! Limits, proxies, other origins, and stopping.

use std::time::Duration;

use reqwest::Method;
use tauline_protocol::error::Code;
use tauline_protocol::status::{QueueStatus, QueueWord};

use crate::common::raw::Raw;
use crate::common::turn::Turn;
use crate::common::{Client, TestServer};

#[tokio::test]
async fn too_many_requests_without_a_session_are_refused_with_a_time_to_come_back() {
    let server = TestServer::with(&[("anonymous-rate", "3")]).await;
    let client = server.anonymous();
    for _ in 0..3 {
        client.get("/login/nonce").await.expect_ok();
    }
    let answer = client.get("/login/nonce").await;
    answer.expect_error(Code::RateLimited);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    client
        .get("/nothing/here")
        .await
        .expect_error(Code::RateLimited);
    client
        .post("/queue/join")
        .await
        .expect_error(Code::RateLimited);
}

// `docs/spec/http-api.md#status-is-free`.
#[tokio::test]
async fn the_status_is_for_everybody_and_counts_against_nobody() {
    // One for the nonce of who signs in, and one more.
    let server = TestServer::with(&[("anonymous-rate", "2"), ("session-rate", "1")]).await;
    let (somebody, signed_in) = (server.anonymous(), server.client(1).await);
    for _ in 0..20 {
        somebody.status().await;
        signed_in.status().await;
    }
    somebody.get("/login/nonce").await.expect_ok();
    signed_in.join().await;
    let spent = somebody.get("/login/nonce").await;
    spent.expect_error(Code::RateLimited);
    somebody.status().await;
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused() {
    let server = TestServer::start().await;
    let token = "Authorization: Bearer abc\r\n";
    for (headers, expected) in [
        ("Host: a\r\nHost: b\r\n", "two Host headers"),
        ("Host: a\r\nHost: a\r\n", "two Host headers"),
        ("", "no Host header"),
        (
            &*format!("Host: a\r\n{token}{token}"),
            "two Authorization headers",
        ),
    ] {
        for path in [
            "/ceremony/status",
            "/info/status",
            "/queue/join",
            "/nothing",
        ] {
            let mut raw = Raw::connect(&server.url()).await;
            raw.send(format!("GET {path} HTTP/1.1\r\n{headers}\r\n"))
                .await;
            let error = raw.answer().await.expect_error(Code::InvalidParameter);
            assert!(error.contains(expected), "{path}: {error}");
        }
    }
    for whole in [
        "GET /ceremony/status HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ceremony/status HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /ceremony/status HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let mut raw = Raw::connect(&server.url()).await;
        raw.send(whole).await;
        raw.answer().await.expect_ok();
    }
}

#[tokio::test]
async fn a_session_is_not_counted_against_its_address() {
    let server = TestServer::with(&[("anonymous-rate", "2"), ("session-rate", "3")]).await;
    let (one, two) = (server.client(1).await, server.client(2).await);
    for client in [&one, &two] {
        for _ in 0..3 {
            client.check_in().await;
        }
        let answer = client.post("/queue/checkin").await;
        answer.expect_error(Code::RateLimited);
        assert!(answer.header("retry-after").is_some());
    }
}

#[tokio::test]
async fn too_many_sign_ins_are_refused_even_with_a_session() {
    let server = TestServer::with(&[("login-rate", "2")]).await;
    let client = server.client(1).await;
    let body = serde_json::json!({"invite": "x"});
    client
        .login(&body)
        .await
        .expect_error(Code::LoginMethodNotOffered);
    client.login(&body).await.expect_error(Code::RateLimited);
    client.check_in().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_limit() {
    let flags = [("anonymous-rate", "1"), ("trusted-proxies", "127.0.0.0/8")];
    let server = TestServer::with(&flags).await;
    let client = server.anonymous();
    let from = |address: &str| {
        client
            .request(Method::GET, "/login/nonce")
            .header("x-forwarded-for", address)
    };
    client.send(from("198.51.100.1")).await.expect_ok();
    client.send(from("198.51.100.2")).await.expect_ok();
    client
        .send(from("198.51.100.1"))
        .await
        .expect_error(Code::RateLimited);
    client
        .send(from("6.6.6.6, 198.51.100.1"))
        .await
        .expect_error(Code::RateLimited);
}

#[tokio::test]
async fn without_a_trusted_proxy_a_forwarded_address_is_not_believed() {
    let server = TestServer::with(&[("anonymous-rate", "1")]).await;
    let client = server.anonymous();
    let from = |address: &str| {
        client
            .request(Method::GET, "/login/nonce")
            .header("x-forwarded-for", address)
    };
    client.send(from("198.51.100.1")).await.expect_ok();
    client
        .send(from("198.51.100.2"))
        .await
        .expect_error(Code::RateLimited);
}

#[tokio::test]
async fn a_page_of_another_origin_may_use_the_interface() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    let preflight = client
        .request(Method::OPTIONS, "/contribution/complete")
        .header("origin", "https://example.org")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        );
    let answer = client.send(preflight).await.expect_ok();
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("authorization,content-type")
    );
    assert!(
        answer
            .header("access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
    assert_eq!(
        answer.header("access-control-allow-credentials"),
        None,
        "no cookies, ever"
    );

    // Errors are readable for the page too.
    let request = client
        .request(Method::POST, "/queue/join")
        .header("origin", "https://example.org");
    let answer = client.send(request).await;
    answer.expect_error(Code::SessionMissing);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(
        answer
            .header("access-control-expose-headers")
            .unwrap()
            .contains("retry-after")
    );
}

#[tokio::test]
async fn a_client_may_wait_for_100_continue() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let mut raw = Raw::connect(&turn.server.url()).await;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n",
        good.len()
    );
    // Refused without having to send anything.
    raw.head(
        "POST",
        "/contribution/complete",
        turn.waiter.token.as_deref(),
        &headers,
    )
    .await;
    raw.answer().await.expect_error(Code::NotYourTurn);
    // Told to go on, and accepted.
    let mut raw = Raw::connect(&turn.server.url()).await;
    raw.head(
        "POST",
        "/contribution/complete",
        turn.holder.token.as_deref(),
        &headers,
    )
    .await;
    assert_eq!(raw.answer().await.status, 100);
    raw.send(&good).await;
    assert_eq!(raw.answer().await.status, 200);
}

#[tokio::test]
async fn stopping_answers_held_check_ins_and_loses_nothing() {
    let turn = Turn::begin().await;
    let mut held = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let waiter = turn.waiter.clone();
        held.spawn(async move { waiter.post("/queue/checkin?wait=60").await });
    }
    // A session holds eight answers: when four are refused, the others are held.
    for _ in 0..4 {
        let refused = held.join_next().await.unwrap().unwrap();
        refused.expect_error(Code::RateLimited);
    }
    let Turn {
        server,
        holder,
        waiter,
        base,
    } = turn;
    let started = tokio::time::Instant::now();
    let server = server.restart().await;
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    for answer in held.join_all().await {
        let status: QueueStatus = answer.expect_ok().json();
        assert_eq!(status.queue_status, QueueWord::Queued);
    }
    let (holder, waiter) = (holder.at(server.url()), waiter.at(server.url()));
    assert_eq!(waiter.check_in().await.queue_position, Some(1));
    holder
        .complete(&holder.contribution(&base))
        .await
        .expect_ok();
    waiter.take_part(&server.sizes()).await;
    server.verify_transcript().await.unwrap();
}

#[tokio::test]
async fn stopping_lets_a_contribution_that_is_being_verified_end() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let holder = turn.holder.clone();
    let completing = tokio::spawn(async move {
        holder
            .post_bytes("/contribution/complete", "application/json", good)
            .await
    });
    loop {
        let status = turn.server.running().coordinator().status();
        if status.contributions == 1
            || status
                .turn
                .is_some_and(|turn| turn.phase == QueueWord::Verifying)
        {
            break;
        }
        tokio::task::yield_now().await;
    }
    let server = turn.server.restart().await;
    completing.await.unwrap().expect_ok();
    assert_eq!(server.anonymous().status().await.contributions, 1);
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let server = TestServer::start().await;
    let args = [
        "tauline-server".to_owned(),
        "--listen=127.0.0.1:0".to_owned(),
        format!("--data-dir={}", server.data_dir().display()),
        format!("--ceremony={}", crate::common::SMALL),
    ];
    let settings = tauline_server::Settings::from_args(args.into_iter().map(Into::into)).unwrap();
    let error = tauline_server::start(&settings)
        .await
        .err()
        .expect("must be refused");
    let text = format!("{error:#}");
    assert!(
        text.contains(&server.data_dir().display().to_string()),
        "{text}"
    );
    server.anonymous().status().await;
}

#[tokio::test]
async fn tokens_and_codes_are_not_in_answers_that_anyone_may_read() {
    let server = TestServer::start().await;
    let client: Client = server.client(1).await;
    client.join().await;
    let token = client.token.clone().unwrap();
    let anonymous = server.anonymous();
    for path in ["/ceremony/status", "/ceremony/transcript"] {
        assert!(!anonymous.get(path).await.text().contains(&token), "{path}");
    }
}
