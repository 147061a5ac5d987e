//! Logs. They hold identities and paths, never tokens, codes, signatures or bodies.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use crate::clock::Clock;
use crate::config::LogFormat;

/// The library that brings the database's schema up to date. It tells of every step at every start,
/// which says nothing to an operator; what goes wrong is told by the store.
const MIGRATIONS: &str = "refinery_core";

/// The filter that is in force, which may change.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Sends logs to standard error.
///
/// # Errors
/// A filter that is none, or a second call.
pub fn init(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let lines = fmt::layer()
        .with_ansi(colours())
        .with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logs cannot be started: {error}"))?;
    let _ = FILTER.set(handle);
    Ok(())
}

/// Whether a text is a filter of logs.
///
/// # Errors
/// What is wrong with it.
pub fn parse(filter: &str) -> anyhow::Result<EnvFilter> {
    let mut parsed = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("--log {filter}: {error}; try info or debug"))?;
    if !filter.contains(MIGRATIONS) {
        parsed = parsed.add_directive(format!("{MIGRATIONS}=off").parse()?);
    }
    Ok(parsed)
}

/// Puts another filter in force, where logs were started.
pub(crate) fn set_filter(filter: EnvFilter) {
    if let Some(handle) = FILTER.get() {
        // It fails only when the logs are gone.
        let _ = handle.reload(filter);
    }
}

/// Colours are for a terminal, and for who has not asked for none (no-color.org).
fn colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
    std::io::stderr().is_terminal() && !unwanted
}

/// Says where it listens, on standard output: whoever started it may wait for that.
pub fn say_listening(format: LogFormat, url: &str) {
    let text = format!("tauline-server listens on {url}");
    let line = match format {
        LogFormat::Text => text,
        LogFormat::Json => json("INFO", serde_json::json!({"message": text, "url": url})),
    };
    // Whoever does not listen does not want to know.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Says why it ends, on standard error, whatever the filter of the log is.
pub fn say_fatal(format: LogFormat, error: &str) {
    let line = match format {
        LogFormat::Text => format!("error: {error}"),
        LogFormat::Json => json("ERROR", serde_json::json!({"message": error})),
    };
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A line of the log in its JSON form.
fn json(level: &str, fields: serde_json::Value) -> String {
    let now = i64::try_from(Clock::system().now().as_millis()).unwrap_or(i64::MAX);
    let timestamp = jiff::Timestamp::from_millisecond(now).map(|at| at.to_string());
    let line = serde_json::json!({
        "timestamp": timestamp.unwrap_or_default(),
        "level": level,
        "fields": fields,
        "target": "tauline_server",
    });
    line.to_string()
}

/// The least time between two lines about the same: an operator's screen, not an attacker's.
pub(crate) const QUIET: Duration = Duration::from_secs(60);

/// What is told once a minute at most, however often it happens.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// Counts one. How many there were since they were last told of, if it is time to tell of them.
    pub fn count(&self) -> Option<u64> {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.untold += 1;
        let is_quiet = told
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < QUIET);
        if is_quiet {
            return None;
        }
        told.last = Some(now);
        Some(std::mem::take(&mut told.untold))
    }
}

/// Logs each request with its outcome and duration; the query, which could carry anything, is left
/// out.
pub(crate) async fn log_requests(request: Request, next: Next) -> Response {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let started = tokio::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let took: Duration = started.elapsed();
    tracing::debug!(%method, %path, status, ms = took.as_millis(), "request");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_told_once_a_minute_and_counted() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.count_at(start), Some(1));
        for second in 0..60 {
            assert_eq!(seldom.count_at(start + Duration::from_secs(second)), None);
        }
        assert_eq!(seldom.count_at(start + QUIET), Some(61));
    }
}
