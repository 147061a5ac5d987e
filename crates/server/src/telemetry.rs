//! Logs. They hold identities and paths, never tokens, codes, signatures or bodies.

pub(crate) mod throttle;

use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use crate::clock::Clock;

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for a person.
    Text,
    /// A JSON object a line.
    Json,
}

impl LogFormat {
    /// The form that arguments or the environment ask for, for when they cannot be read as a whole.
    #[must_use]
    pub fn asked_for(args: impl IntoIterator<Item = String>) -> Self {
        let mut asked = std::env::var("TAULINE_LOG_FORMAT").ok();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.strip_prefix("--log-format") {
                Some("") => asked = args.next(),
                Some(value) => asked = value.strip_prefix('=').map(str::to_owned),
                None => {}
            }
        }
        asked
            .and_then(|text| Self::from_str(&text, false).ok())
            .unwrap_or(Self::Text)
    }
}

/// The library that brings the database's schema up to date. It tells of every step at every start,
/// which says nothing to an operator; what goes wrong is told by the store.
const MIGRATIONS: &str = "refinery_core";

/// The filter that is in force, which may change.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Sends logs to standard error.
///
/// # Errors
/// A filter that is none, or a second call.
pub(crate) fn init(filter: &str, format: LogFormat) -> anyhow::Result<()> {
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
pub(crate) fn parse(filter: &str) -> anyhow::Result<EnvFilter> {
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

/// Colours are for terminals, unless somebody asked for none (no-color.org).
fn colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
    std::io::stderr().is_terminal() && !unwanted
}

/// Says where it listens, on standard output: whoever started it may wait for that.
pub(crate) fn say_listening(format: LogFormat, url: &str) {
    let text = format!("tauline-server listens on {url}");
    let line = match format {
        LogFormat::Text => text,
        LogFormat::Json => json("INFO", serde_json::json!({"message": text, "url": url})),
    };
    // Whoever does not listen does not want to know.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Says why it ends, on standard error, whatever the filter of the log is.
pub(crate) fn say_fatal(format: LogFormat, error: &str) {
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
