//! What is asked by those who watch: `/healthz`, `/readyz`, `/metrics`, and the names of requests.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueWord;
use tauline_server::testing::coordinator::Order;

use crate::common::sse::Events;
use crate::common::turn::Turn;
use crate::common::{Client, TestServer};

const METRICS: (&str, &str) = ("metrics-listen", "127.0.0.1:0");

/// Somebody who watches a server that serves metrics.
fn watcher(server: &TestServer) -> Client {
    let address = server.running().metrics_address().unwrap();
    Client::new(&format!("http://{address}"))
}

async fn page(server: &TestServer) -> String {
    let answer = watcher(server).get("/metrics").await.expect_ok();
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.text()
}

#[track_caller]
fn value(page: &str, series: &str) -> f64 {
    let mut lines = page.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("no {series}: {page}"));
    value.parse().unwrap()
}

/// Waits until a series has a value.
async fn becomes(server: &TestServer, series: &str, expected: f64) {
    let found = async {
        while value(&page(server).await, series) != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(30), found).await;
    found.unwrap_or_else(|_| panic!("{series} does not become {expected}"));
}

// `docs/spec/http-api.md#health`.
#[tokio::test]
async fn whether_it_is_there_may_be_asked_as_often_as_one_likes() {
    let server = TestServer::with(&[("anonymous-rate", "1"), METRICS]).await;
    for somebody in [server.anonymous(), watcher(&server)] {
        for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
            for _ in 0..20 {
                let answer = somebody.get(path).await.expect_ok();
                assert_eq!(answer.text(), text);
                assert_eq!(answer.header("cache-control"), Some("no-store"));
            }
            let head = somebody.request(Method::HEAD, path);
            let answer = somebody.send(head).await.expect_ok();
            assert_eq!(answer.text(), "");
        }
    }
    let wrong = server.anonymous().post("/readyz").await;
    wrong.expect_error(Code::MethodNotAllowed);
}

// `docs/spec/http-api.md#ready`.
#[tokio::test]
async fn who_gave_the_ceremony_away_is_not_ready_and_who_pauses_is() {
    let server = TestServer::with(&[METRICS]).await;
    let coordinator = server.running().coordinator();
    coordinator.order(Order::Pause).await.unwrap();
    assert_eq!(server.anonymous().get("/readyz").await.status, 200);
    let paused = page(&server).await;
    assert_eq!(value(&paused, "tauline_mode{mode=\"halted\"}"), 1.0);
    assert_eq!(value(&paused, "tauline_mode{mode=\"open\"}"), 0.0);
    assert_eq!(value(&paused, "tauline_ready"), 1.0);

    let next = tempfile::tempdir().unwrap();
    let key = tauline_store::handover::public_key(next.path()).unwrap();
    let bundle = next.path().join("bundle");
    coordinator.hand_over(key, None, bundle).await.unwrap();
    for somebody in [server.anonymous(), watcher(&server)] {
        let answer = somebody.get("/readyz").await;
        assert_eq!(answer.status, 503);
        assert!(answer.text().contains("handed over"), "{}", answer.text());
        assert_eq!(somebody.get("/healthz").await.status, 200);
    }
    assert_eq!(value(&page(&server).await, "tauline_ready"), 0.0);
}

#[tokio::test]
async fn participants_are_shown_no_metrics() {
    for flags in [&[METRICS][..], &[]] {
        let server = TestServer::with(flags).await;
        let answer = server.anonymous().get("/metrics").await;
        answer.expect_error(Code::NotFound);
        assert_eq!(
            server.running().metrics_address().is_some(),
            !flags.is_empty()
        );
    }
}

#[tokio::test]
async fn a_contribution_moves_the_counters() {
    let server = TestServer::with(&[METRICS]).await;
    let before = page(&server).await;
    for (series, expected) in [
        ("tauline_ready", 1.0),
        ("tauline_contributions", 0.0),
        ("tauline_joined_total", 0.0),
        ("tauline_ended_total{outcome=\"contributed\"}", 0.0),
        ("tauline_mode{mode=\"open\"}", 1.0),
        ("tauline_paused", 0.0),
        ("tauline_verification_seconds_count", 0.0),
    ] {
        assert_eq!(value(&before, series), expected, "{series}");
    }

    let (first, second) = (server.client(1).await, server.client(2).await);
    first.take_part(&server.sizes()).await;
    second.join().await;
    second.leave().await;
    let unknown = serde_json::json!({"invite": "x"});
    let refused = server.anonymous().login(&unknown).await;
    refused.expect_error(Code::LoginMethodNotOffered);

    let after = page(&server).await;
    for (series, expected) in [
        ("tauline_contributions", 1.0),
        ("tauline_line_length", 0.0),
        ("tauline_joined_total", 2.0),
        ("tauline_ended_total{outcome=\"contributed\"}", 1.0),
        ("tauline_ended_total{outcome=\"left\"}", 1.0),
        ("tauline_turn_seconds_count{end=\"contributed\"}", 1.0),
        ("tauline_turn_seconds_count{end=\"lost\"}", 1.0),
        (
            "tauline_turn_phase_seconds_count{phase=\"contributing\"}",
            1.0,
        ),
        ("tauline_turn_phase_seconds_count{phase=\"verifying\"}", 1.0),
        ("tauline_idle_seconds_count", 1.0),
        ("tauline_verification_seconds_count", 1.0),
        ("tauline_sign_ins_total{result=\"ok\"}", 2.0),
        ("tauline_sign_ins_total{result=\"refused\"}", 1.0),
        ("tauline_connections_refused_total{why=\"room\"}", 0.0),
    ] {
        assert_eq!(value(&after, series), expected, "{series}");
    }
    let entries = value(&after, "tauline_log_entries");
    let signed = value(&after, "tauline_checkpoint_entries");
    assert!(0.0 < signed && signed <= entries, "{signed} of {entries}");
    for series in [
        "tauline_connections{whose=\"participant\"}",
        "tauline_connections_max",
        "tauline_commit_seconds_count",
        "tauline_commit_seconds_sum",
        "tauline_http_responses_total{class=\"2xx\"}",
        "tauline_http_responses_total{class=\"4xx\"}",
        "tauline_disk_free_bytes",
        "tauline_disk_min_free_bytes",
    ] {
        assert!(value(&after, series) > 0.0, "{series}");
    }
}

#[tokio::test]
async fn who_watches_is_counted_while_the_stream_is_open() {
    let server = TestServer::with(&[METRICS]).await;
    becomes(&server, "tauline_watchers", 0.0).await;
    let anybody = server.anonymous();
    let one = Events::open(&anybody, "/ceremony/events").await;
    let two = Events::open(&anybody, "/ceremony/events").await;
    becomes(&server, "tauline_watchers", 2.0).await;
    drop(one);
    becomes(&server, "tauline_watchers", 1.0).await;
    drop(two);
    becomes(&server, "tauline_watchers", 0.0).await;
}

#[tokio::test]
async fn answers_that_are_held_and_requests_beyond_a_limit_are_counted() {
    let server = TestServer::with(&[METRICS, ("anonymous-rate", "3")]).await;
    let Turn {
        server,
        holder,
        waiter,
        ..
    } = Turn::on(server).await;
    becomes(&server, "tauline_held_answers", 0.0).await;
    let held = tokio::spawn(async move { waiter.check_in_held(30.0).await });
    becomes(&server, "tauline_held_answers", 1.0).await;
    assert_eq!(value(&page(&server).await, "tauline_line_length"), 1.0);
    holder.abort("to let the next one in").await;
    let called = held.await.unwrap();
    assert_eq!(called.queue_status, QueueWord::ReadyToContribute);
    becomes(&server, "tauline_held_answers", 0.0).await;

    let limited = "tauline_rate_limited_total{limit=\"anonymous\"}";
    assert_eq!(value(&page(&server).await, limited), 0.0);
    let somebody = server.anonymous();
    while somebody.get("/nothing/here").await.status != 429 {}
    assert_eq!(value(&page(&server).await, limited), 1.0);
}

/// The names in the table of the operator's book.
fn documented() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()));
    names
        .filter(|name| name.starts_with("tauline_") || name.starts_with("process_"))
        .collect()
}

#[tokio::test]
async fn every_metric_is_in_the_operators_book() {
    let server = TestServer::with(&[METRICS]).await;
    let page = page(&server).await;
    let typed = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let shown: BTreeSet<String> = typed
        .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
        .collect();
    for name in &shown {
        let help = format!("# HELP {name} ");
        assert!(page.contains(&help), "{name} is not explained");
    }
    let documented = documented();
    let forgotten: Vec<_> = shown.difference(&documented).collect();
    assert!(
        forgotten.is_empty(),
        "docs/operating.md lacks {forgotten:?}"
    );
    let gone: Vec<_> = documented.difference(&shown).collect();
    // Where there are witnesses, TLS, and other replicas.
    let elsewhere = [
        "tauline_cosignatures",
        "tauline_invites_differ",
        "tauline_leader_epoch",
        "tauline_leads",
        "tauline_tls_certificate_broken",
        "tauline_tls_certificate_left_seconds",
        "tauline_witnesses",
    ];
    assert_eq!(gone, elsewhere);
}

// `docs/spec/http-api.md#request-id`.
#[tokio::test]
async fn a_request_has_the_name_that_it_came_with_or_a_new_one() {
    let server = TestServer::start().await;
    let somebody = server.anonymous();
    let named = |path: &str, name: &str| {
        let request = somebody.request(Method::GET, path);
        somebody.send(request.header("x-request-id", name))
    };
    for path in ["/ceremony/status", "/nothing", "/info/status", "/healthz"] {
        let answer = named(path, "4bf92f35-77b3.A_1").await;
        assert_eq!(
            answer.header("x-request-id"),
            Some("4bf92f35-77b3.A_1"),
            "{path}"
        );
    }
    for other in ["two words", "a=b", &"x".repeat(65)] {
        let answer = named("/ceremony/status", other).await;
        let name = answer.header("x-request-id").unwrap();
        assert_eq!(name.len(), 16, "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    }
    // An error's body has none: it has its two fields.
    let (one, two) = (
        somebody.get("/nothing").await,
        somebody.get("/nothing").await,
    );
    one.expect_error(Code::NotFound);
    assert!(one.header("x-request-id").is_some());
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}
