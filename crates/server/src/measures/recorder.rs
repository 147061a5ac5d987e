//! Where handles come from: a recorder whose page Prometheus reads, or none.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};

use super::list::{HISTOGRAMS, Metric};

/// Names and values that tell one series of a metric from another.
pub(crate) type Labels<'a> = &'a [(&'static str, &'static str)];

/// The recorder asks where a metric comes from, and makes nothing of it.
const METADATA: Metadata<'static> = Metadata::new("tauline_server", Level::INFO, None);

/// A recorder of its own for each server: several may run in one process.
pub(super) struct Recorder(Option<PrometheusRecorder>);

impl Recorder {
    /// Its handles do nothing.
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn new() -> Result<Self, BuildError> {
        let mut builder = PrometheusBuilder::new();
        for metric in HISTOGRAMS {
            let whole_name = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(whole_name, metric.buckets)?;
        }
        Ok(Self(Some(builder.build_recorder())))
    }

    pub(super) fn counter(&self, metric: &Metric, labels: Labels<'_>) -> Counter {
        let Some(recorder) = &self.0 else {
            return Counter::noop();
        };
        recorder.describe_counter(metric.name.into(), None, metric.help.into());
        recorder.register_counter(&key(metric, labels), &METADATA)
    }

    pub(super) fn gauge(&self, metric: &Metric, labels: Labels<'_>) -> Gauge {
        let Some(recorder) = &self.0 else {
            return Gauge::noop();
        };
        recorder.describe_gauge(metric.name.into(), None, metric.help.into());
        recorder.register_gauge(&key(metric, labels), &METADATA)
    }

    pub(super) fn histogram(&self, metric: &Metric, labels: Labels<'_>) -> Histogram {
        let Some(recorder) = &self.0 else {
            return Histogram::noop();
        };
        recorder.describe_histogram(metric.name.into(), None, metric.help.into());
        recorder.register_histogram(&key(metric, labels), &METADATA)
    }

    /// The page; empty where nothing is recorded.
    pub(super) fn page(&self) -> String {
        let recorder = self.0.as_ref();
        recorder.map_or_else(String::new, |recorder| recorder.handle().render())
    }

    /// Sorts the values of histograms into their buckets.
    pub(super) fn tidy(&self) {
        if let Some(recorder) = &self.0 {
            recorder.handle().run_upkeep();
        }
    }
}

fn key(metric: &Metric, labels: Labels<'_>) -> Key {
    let labels: Vec<Label> = labels
        .iter()
        .map(|(name, value)| Label::new(*name, *value))
        .collect();
    Key::from_parts(metric.name, labels)
}
