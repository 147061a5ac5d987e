//! Spans, and where they go.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use tauline_queue_core::Ticket;
use url::Url;

use super::collector::provider;

/// The name of what makes spans, which is all of it.
const SCOPE: &str = "tauline";

/// How long the last spans have to go out, when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where spans go. Clones go to the same place; the default is nowhere.
#[derive(Clone, Default)]
pub(crate) struct Traces(Option<Arc<Collected>>);

struct Collected {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// The span of the turn that runs.
    turn: Mutex<Option<(Ticket, SpanContext)>>,
}

/// Something that takes time. It is over when this is dropped. The default is traced nowhere.
#[derive(Default)]
pub(crate) struct Spell(Option<Span>);

impl Traces {
    /// Spans go to this collector, if there is one. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// A URL or a variable of the environment that the exporter cannot use.
    pub(crate) fn to(collector: Option<&Url>) -> anyhow::Result<Self> {
        let Some(url) = collector else {
            return Ok(Self::default());
        };
        let provider = provider(url)?;
        let collected = Collected {
            tracer: provider.tracer(SCOPE),
            provider,
            turn: Mutex::default(),
        };
        Ok(Self(Some(Arc::new(collected))))
    }

    /// Whether spans go anywhere.
    pub(crate) fn are_collected(&self) -> bool {
        self.0.is_some()
    }

    /// A request is served. It is part of what the headers say, if they are to be believed.
    pub(crate) fn request(&self, name: String, believed: Option<&HeaderMap>) -> Spell {
        let Some(collected) = &self.0 else {
            return Spell(None);
        };
        let nothing = Context::new();
        let parent = match believed {
            Some(headers) => TraceContextPropagator::new()
                .extract_with_context(&nothing, &HeaderExtractor(headers)),
            None => nothing,
        };
        collected.begin(name, SpanKind::Server, &parent)
    }

    /// Something that is part of the turn that runs, whosever it is.
    pub(crate) fn in_the_turn(&self, name: &'static str) -> Spell {
        self.part_of(|_| true, name)
    }

    /// Something that is part of this turn.
    pub(crate) fn in_turn(&self, ticket: Ticket, name: &'static str) -> Spell {
        self.part_of(|running| running == ticket, name)
    }

    /// Something that is part of nothing.
    pub(crate) fn alone(&self, name: &'static str) -> Spell {
        self.part_of(|_| false, name)
    }

    fn part_of(&self, is_turn: impl FnOnce(Ticket) -> bool, name: &'static str) -> Spell {
        let Some(collected) = &self.0 else {
            return Spell(None);
        };
        let turn = collected.turn.lock();
        let turn = turn.unwrap_or_else(PoisonError::into_inner).clone();
        let parent = match turn {
            Some((ticket, turn)) if is_turn(ticket) => {
                Context::new().with_remote_span_context(turn)
            }
            _ => Context::new(),
        };
        collected.begin(name, SpanKind::Internal, &parent)
    }

    /// Which turn runs now.
    pub(super) fn set_turn(&self, turn: Option<(Ticket, SpanContext)>) {
        if let Some(collected) = &self.0 {
            *(collected.turn.lock()).unwrap_or_else(PoisonError::into_inner) = turn;
        }
    }

    /// Sends what is left, for a while. Spans that end later are lost.
    pub(crate) async fn shut_down(self) {
        if let Some(collected) = self.0 {
            // It waits for the thread that sends.
            let last = move || collected.provider.shutdown_with_timeout(FAREWELL);
            let _ = tokio::task::spawn_blocking(last).await;
        }
    }
}

impl Collected {
    fn begin(&self, name: impl Into<Cow<'static, str>>, kind: SpanKind, parent: &Context) -> Spell {
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        Spell(Some(self.tracer.build_with_context(builder, parent)))
    }
}

impl Spell {
    /// Adds what is known of it.
    pub(crate) fn note(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// Adds what happened meanwhile.
    pub(crate) fn happened(&mut self, what: &'static str, key: &'static str, value: i64) {
        if let Some(span) = &mut self.0 {
            span.add_event(what, vec![KeyValue::new(key, value)]);
        }
    }

    /// The coordinator failed.
    pub(crate) fn failed(&mut self, why: &'static str) {
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(why));
        }
    }

    /// What others can be part of.
    pub(super) fn context(&self) -> Option<SpanContext> {
        Some(self.0.as_ref()?.span_context().clone())
    }
}
