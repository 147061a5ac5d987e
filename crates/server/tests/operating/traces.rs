//! Traces: what a collector is sent, and that nobody waits for one.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::collector::{Collector, attribute};
use crate::common::{Client, TestServer};
use crate::program::{Program, refused_in};

/// What a proxy sends of the trace that a request is part of (W3C Trace Context).
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// The spans of this name that are part of another.
fn within<'a>(spans: &'a [Span], whole: &Span, name: &str) -> Vec<&'a Span> {
    let is_within = |span: &&Span| {
        span.name == name && span.parent_span_id == whole.span_id && span.trace_id == whole.trace_id
    };
    spans.iter().filter(is_within).collect()
}

/// One span of this name, which is part of another and lasts no longer.
#[track_caller]
fn one<'a>(spans: &'a [Span], whole: &Span, name: &str) -> &'a Span {
    let found = within(spans, whole, name);
    assert_eq!(found.len(), 1, "{name}: {spans:#?}");
    let span = found[0];
    assert!(
        span.start_time_unix_nano >= whole.start_time_unix_nano,
        "{name}"
    );
    assert!(
        span.end_time_unix_nano <= whole.end_time_unix_nano,
        "{name}"
    );
    span
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_one_trace_with_all_that_is_part_of_it() {
    let collector = Collector::start().await;
    let server = TestServer::with(&[("otlp-endpoint", &collector.url)]).await;
    let client = server.client(1).await;
    let token = client.token.clone().unwrap();
    let address = client.address();
    client.take_part(&server.sizes()).await;
    let quitter = server.client(2).await;
    quitter.join().await;
    quitter.abort("no time").await;
    // What is left is sent at the end.
    drop(server.stop().await);

    let spans = collector.spans();
    let turns: Vec<_> = spans.iter().filter(|span| span.name == "turn").collect();
    assert_eq!(turns.len(), 2, "{spans:#?}");
    let turn = turns[0];
    assert!(turn.parent_span_id.is_empty());
    assert_eq!(attribute(turn, "tauline.ticket").as_deref(), Some("1"));
    let outcome = attribute(turn, "tauline.outcome");
    assert_eq!(outcome.as_deref(), Some("contributed"));
    let phases = ["readyToContribute", "contributing", "verifying"];
    let phases = phases.map(|phase| one(&spans, turn, phase));
    for pair in phases.windows(2) {
        let gap = pair[1]
            .start_time_unix_nano
            .abs_diff(pair[0].end_time_unix_nano);
        assert!(gap < 1_000_000_000, "one after the other: {gap} ns");
    }
    let upload = one(&spans, turn, "upload");
    assert!(
        attribute(upload, "tauline.bytes")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 1000
    );
    let verification = one(&spans, turn, "verification");
    let verdict = attribute(verification, "tauline.verdict");
    assert_eq!(verdict.as_deref(), Some("valid"));
    assert!(upload.end_time_unix_nano <= verification.end_time_unix_nano);
    // Of the start, of what was submitted and its verdict: at least two commits.
    assert!(within(&spans, turn, "commit").len() >= 2, "{spans:#?}");
    assert!(
        spans
            .iter()
            .any(|span| span.name == "commit" && span.parent_span_id.is_empty())
    );
    let given_up = turns[1];
    assert_eq!(
        attribute(given_up, "tauline.outcome").as_deref(),
        Some("aborted")
    );
    assert_ne!(given_up.trace_id, turn.trace_id);

    assert_eq!(
        collector.of_the_sender("service.name").as_deref(),
        Some("tauline-server")
    );
    for secret in [
        token.as_str(),
        &address,
        &address.to_lowercase()[2..],
        "127.0.0.1",
        "no time",
    ] {
        assert!(!collector.has_seen(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_with_its_name_and_nothing_that_it_says_of_itself() {
    let collector = Collector::start().await;
    let server = TestServer::with(&[("otlp-endpoint", &collector.url)]).await;
    let somebody = server.anonymous();
    let request = somebody.request(Method::GET, "/ceremony/status?who=me");
    let request = request
        .header("x-request-id", "trace-7")
        .header("traceparent", TRACEPARENT);
    somebody.send(request).await.expect_ok();
    let odd = Method::from_bytes(b"BREW").unwrap();
    let request = somebody.request(odd, "/secret/path");
    somebody
        .send(request.header("x-request-id", "trace-8"))
        .await;
    let join = somebody.request(Method::POST, "/queue/join");
    somebody.send(join.header("x-request-id", "trace-9")).await;
    drop(server.stop().await);

    let spans = collector.spans();
    let of = |id: &str| {
        let mut spans = spans.iter();
        let found = spans.find(|span| attribute(span, "tauline.request_id").as_deref() == Some(id));
        found.unwrap_or_else(|| panic!("{id}"))
    };
    let status = of("trace-7");
    assert_eq!(status.name, "GET /ceremony/status");
    assert_eq!(status.kind, SpanKind::Server as i32);
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/ceremony/status"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(attribute(status, key).as_deref(), Some(value), "{key}");
    }
    assert!(status.end_time_unix_nano > status.start_time_unix_nano);
    assert!(
        status.parent_span_id.is_empty(),
        "whoever asks is not believed"
    );
    assert_ne!(hex(&status.trace_id), TRACEPARENT[3..35]);
    let odd = of("trace-8");
    assert_eq!(odd.name, "_OTHER");
    assert_eq!(attribute(odd, "http.route"), None);
    let refused = of("trace-9");
    let code = attribute(refused, "http.response.status_code");
    assert_eq!(code.as_deref(), Some("401"));
    for said in ["who=me", "secret", "BREW"] {
        assert!(!collector.has_seen(said), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_trusted_says_what_a_request_is_part_of() {
    let collector = Collector::start().await;
    let flags = [
        ("otlp-endpoint", collector.url.as_str()),
        ("trusted-proxies", "127.0.0.1"),
    ];
    let server = TestServer::with(&flags).await;
    let proxy = server.anonymous();
    for (number, parent) in [TRACEPARENT, "00-nonsense", ""].into_iter().enumerate() {
        let request = proxy.request(Method::GET, "/ceremony/status");
        let request = request
            .header("traceparent", parent)
            .header("x-request-id", format!("request-{number}"));
        proxy.send(request).await.expect_ok();
    }
    drop(server.stop().await);
    let spans = collector.spans();
    let parents: Vec<_> = (0..3)
        .map(|number| {
            let id = format!("request-{number}");
            let mut spans = spans.iter();
            let span = spans
                .find(|span| attribute(span, "tauline.request_id").as_ref() == Some(&id))
                .unwrap();
            (hex(&span.trace_id), hex(&span.parent_span_id))
        })
        .collect();
    let expected = (
        TRACEPARENT[3..35].to_owned(),
        TRACEPARENT[36..52].to_owned(),
    );
    assert_eq!(parents[0], expected);
    assert_eq!((parents[1].1.as_str(), parents[2].1.as_str()), ("", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_variables_hold_for_the_program() {
    let collector = Collector::start().await;
    let directory = tempfile::tempdir().unwrap();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_SERVICE_NAME", "the-ceremony"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let program = Program::start_in(&directory.path().join("data"), &[], &variables);
    let client = Client::new(&program.url);
    client.get("/ceremony/status").await.expect_ok();
    // While it runs.
    let is_it = |span: &Span| span.name == "GET /ceremony/status";
    collector.wait_for("the request's", is_it).await;
    let sender = collector.of_the_sender("service.name");
    assert_eq!(sender.as_deref(), Some("the-ceremony"));
    let (exit, log) = program.end();
    assert!(exit.success(), "{log}");

    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")];
    let (exit, error) = refused_in(&directory.path().join("data"), &[], &variables);
    assert_eq!(exit, Some(2), "{error}");
    assert!(error.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{error}");
}

/// Takes connections, and never answers.
async fn hangs() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut piece = [0; 4096];
                while stream.read(&mut piece).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    url
}

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_or_is_away_holds_up_nobody_and_is_told_of_once() {
    for url in [nobody().await, hangs().await] {
        let directory = tempfile::tempdir().unwrap();
        // A queue that is soon full, and batches that are sent at once.
        let variables = [
            ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "300"),
        ];
        let arguments = [format!("--otlp-endpoint={url}")];
        let program = Program::start_in(&directory.path().join("data"), &arguments, &variables);
        let mut client = Client::with_key(&program.url, 1);
        client.sign_in().await.expect_ok();
        let since = Instant::now();
        for _ in 0..300 {
            client.status().await;
        }
        client
            .take_part(&crate::common::SMALL.parse().unwrap())
            .await;
        // Without a collector this takes less than a second.
        assert!(
            since.elapsed() < Duration::from_secs(20),
            "{:?}",
            since.elapsed()
        );
        let since = Instant::now();
        let (exit, log) = program.end();
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "{:?}",
            since.elapsed()
        );
        assert!(exit.success(), "{log}");
        let told = log.matches("traces do not reach the collector").count();
        assert_eq!(told, 1, "{log}");
        assert!(!log.to_lowercase().contains("opentelemetry"), "{log}");
    }
}
