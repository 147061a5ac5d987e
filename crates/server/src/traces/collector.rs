//! The way to the collector: OTLP over HTTP, by the client that is here already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::redirect::Policy;
use tokio::runtime::Handle;
use url::Url;

use crate::signin::outgoing::{Names, cut};

/// What all spans are said to come from, unless the standard variable says otherwise.
const SERVICE: &str = "tauline-server";

/// Where a collector takes spans, below its URL.
const SPANS: &str = "/v1/traces";

/// The longest time for a whole exchange, unless a standard variable says otherwise: what OTLP has for it.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(10);
/// Those variables, in milliseconds; the first that is set counts.
const EXCHANGE_LIMITS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
];
/// The longest time until there is a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes: it says how many spans were refused, and why.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Sends spans to the collector at this URL, in batches. Sampling and the sizes of queue and batches follow
/// the standard variables, `OTEL_TRACES_SAMPLER` and `OTEL_BSP_…`.
///
/// # Errors
/// A URL or a variable that cannot be used.
pub(super) fn provider(url: &Url) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new()?)
        .with_endpoint(address(url))
        .with_protocol(Protocol::HttpBinary)
        .build()
        .context("traces cannot be sent to --otlp-endpoint")?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource())
        .build())
}

/// Where spans are taken.
fn address(url: &Url) -> String {
    let url = url.as_str().trim_end_matches('/');
    match url.ends_with(SPANS) {
        true => url.to_owned(),
        false => format!("{url}{SPANS}"),
    }
}

fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    let is_named = std::env::var_os("OTEL_SERVICE_NAME").is_some()
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|it| it.contains("service.name="));
    match is_named {
        true => resource.build(),
        false => resource.with_service_name(SERVICE).build(),
    }
}

fn exchange_limit() -> Duration {
    let mut given = EXCHANGE_LIMITS
        .iter()
        .filter_map(|it| std::env::var(it).ok());
    let millis = given.next().and_then(|millis| millis.parse().ok());
    millis.map_or(EXCHANGE_LIMIT, Duration::from_millis)
}

/// The collector, asked by the runtime's threads: the one that sends spans has none of a runtime.
#[derive(Debug)]
struct Collector {
    http: reqwest::Client,
    runtime: Handle,
    /// Whether the last batch did not arrive, which was told.
    is_away: AtomicBool,
}

impl Collector {
    fn new() -> anyhow::Result<Self> {
        // The cryptography under TLS, unless this process has chosen one before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .timeout(exchange_limit())
            .connect_timeout(CONNECT_LIMIT)
            .dns_resolver(Names::default())
            .user_agent(concat!("tauline/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            runtime: Handle::try_current()?,
            is_away: AtomicBool::new(false),
        })
    }

    /// Tells, once, that batches do not arrive, and once, that they do again.
    fn tell(&self, problem: Option<String>) {
        let was_away = self.is_away.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !was_away => tracing::warn!(
                problem,
                "traces do not reach the collector of --otlp-endpoint: they are thrown away until it takes them, and \
                 nothing else depends on it"
            ),
            None if was_away => tracing::info!("traces reach the collector again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let exchange = self.runtime.spawn(exchange(http, request));
        let answer = match exchange.await {
            Ok(answer) => answer,
            // The server stops.
            Err(error) => return Err(error.into()),
        };
        self.tell(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers with status {}", answer.status())),
            Err(error) => Some(cut(&words(error))),
        });
        Ok(answer?)
    }
}

async fn exchange(
    http: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, reqwest::Error> {
    let request = reqwest::Request::try_from(request)?;
    // The address may hold a key.
    let answer = http.execute(request).await;
    let mut answer = answer.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        let room = ANSWER_LIMIT - body.len();
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            break;
        }
    }
    let mut whole = Response::new(Bytes::from(body));
    *whole.status_mut() = answer.status();
    *whole.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(whole)
}

/// What an error says, and what is behind it.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        words = format!("{words}: {deeper}");
        source = deeper.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_spans_is_appended_once() {
        for (url, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://a.example/otlp/",
                "https://a.example/otlp/v1/traces",
            ),
            ("https://a.example/v1/traces", "https://a.example/v1/traces"),
        ] {
            assert_eq!(address(&url.parse().unwrap()), expected);
        }
    }
}
