//! Who collects traces: it takes what OTLP over HTTP sends, and keeps the spans.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A collector in this process.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    spans: Vec<Span>,
    resource: Vec<KeyValue>,
    /// All that came, as it came.
    bytes: Vec<u8>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Seen>>::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.seen.lock().unwrap().spans.clone()
    }

    /// An attribute of what sends the spans.
    pub(crate) fn of_the_sender(&self, key: &str) -> Option<String> {
        find(&self.seen.lock().unwrap().resource, key)
    }

    /// Whether this text is in anything that came.
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        let mut windows = seen.bytes.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    }

    /// Waits for a span.
    pub(crate) async fn wait_for(&self, what: &str, is_it: impl Fn(&Span) -> bool) -> Span {
        let since = Instant::now();
        loop {
            if let Some(span) = self.spans().into_iter().find(&is_it) {
                return span;
            }
            let names: Vec<_> = self.spans().into_iter().map(|span| span.name).collect();
            assert!(since.elapsed() < PATIENCE, "no span: {what}, but {names:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn take(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let mut seen = seen.lock().unwrap();
    seen.bytes.extend_from_slice(&body);
    for resource in request.resource_spans {
        seen.resource = resource.resource.unwrap().attributes;
        let scopes = resource.scope_spans.into_iter();
        seen.spans.extend(scopes.flat_map(|scope| scope.spans));
    }
}

/// An attribute of a span, as text.
pub(crate) fn attribute(span: &Span, key: &str) -> Option<String> {
    find(&span.attributes, key)
}

fn find(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|it| it.key == key)?;
    match found.value.clone()? {
        AnyValue {
            value: Some(Value::StringValue(text)),
        } => Some(text),
        AnyValue {
            value: Some(Value::IntValue(number)),
        } => Some(number.to_string()),
        AnyValue {
            value: Some(Value::BoolValue(is)),
        } => Some(is.to_string()),
        _ => None,
    }
}
