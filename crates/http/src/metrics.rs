//! Counters and histograms for Prometheus.
//!
//! A route's histograms are resolved once, when the route is registered, so that observing a request takes no look-up by
//! label. Labels are templates, classes and codes: nothing that grows with customers.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
pub use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::error::ErrorCode;

/// Upper bounds of the latency buckets, in seconds: from what a read out of memory takes to what is too long for anything.
const BUCKETS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// The server's metrics. Cloning it gives another handle to the same ones.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Mutex<Registry>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    errors: Family<CodeLabel, Counter>,
    in_flight: Gauge,
    connections: Gauge,
    connections_refused: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

impl Metrics {
    /// New metrics of a build, which `lastro_build_info` names.
    #[must_use]
    pub fn new(version: &str) -> Self {
        let latency: Family<RouteLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let errors = Family::<CodeLabel, Counter>::default();
        let in_flight = Gauge::default();
        let (connections, connections_refused) = (Gauge::default(), Counter::default());
        let mut registry = Registry::with_prefix("lastro");
        registry.register(
            "build",
            "What is running",
            Info::new(vec![("version", version.to_owned())]),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to the head of its answer, by method, route and class of status",
            latency.clone(),
        );
        registry.register("http_errors", "Refusals and failures, by error code", errors.clone());
        registry.register(
            "http_requests_in_flight",
            "Requests that are being answered",
            in_flight.clone(),
        );
        registry.register("http_connections", "Connections that are open", connections.clone());
        registry.register(
            "http_connections_refused",
            "Connections that were closed at once, because there were too many",
            connections_refused.clone(),
        );
        Self {
            inner: Arc::new(Inner {
                registry: Mutex::new(registry),
                latency,
                errors,
                in_flight,
                connections,
                connections_refused,
            }),
        }
    }

    /// A number that is asked for at each scrape, such as how many connections are in use.
    pub fn gauge(&self, name: &str, help: &str, read: impl Fn() -> i64 + Send + Sync + 'static) {
        self.collect(name, help, Kind::Gauge, Reading::One(Box::new(read)));
    }

    /// Several numbers of one kind, told apart by one label: `read` gives each with the label's value.
    pub fn gauges(
        &self,
        name: &str,
        help: &str,
        label: &'static str,
        read: impl Fn() -> Vec<(&'static str, i64)> + Send + Sync + 'static,
    ) {
        self.collect(name, help, Kind::Gauge, Reading::Several(label, Box::new(read)));
    }

    /// A number that only grows, kept elsewhere and asked for at each scrape. `_total` is put behind its name.
    pub fn counter(&self, name: &str, help: &str, read: impl Fn() -> i64 + Send + Sync + 'static) {
        self.collect(name, help, Kind::Counter, Reading::One(Box::new(read)));
    }

    /// Several counters of one kind, told apart by one label: one for each of its `values`, to be counted up. `_total` is put behind
    /// their name.
    #[must_use]
    pub fn counters<const N: usize>(
        &self,
        name: &str,
        help: &str,
        label: &'static str,
        values: [&'static str; N],
    ) -> [Counter; N] {
        let counters = values.map(|_| Counter::default());
        let shown = counters.clone();
        let read = move || {
            let signed = |counter: &Counter| i64::try_from(counter.get()).unwrap_or(i64::MAX);
            values.into_iter().zip(shown.iter().map(signed)).collect()
        };
        self.collect(name, help, Kind::Counter, Reading::Several(label, Box::new(read)));
        counters
    }

    fn collect(&self, name: &str, help: &str, kind: Kind, reading: Reading) {
        let callback = Callback {
            name: name.to_owned(),
            help: help.to_owned(),
            kind,
            reading,
        };
        self.inner.registry.lock().register_collector(Box::new(callback));
    }

    /// Everything, in the text format of OpenMetrics.
    ///
    /// # Errors
    /// When a collector cannot write its numbers.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 * 1024);
        prometheus_client::encoding::text::encode(&mut text, &self.inner.registry.lock())?;
        Ok(text)
    }

    pub(crate) fn route(&self, method: &str, template: &str) -> RouteMetrics {
        RouteMetrics {
            metrics: self.clone(),
            method: method.to_owned(),
            template: template.to_owned(),
            by_class: Default::default(),
        }
    }

    pub(crate) fn count_error(&self, code: ErrorCode) {
        self.inner
            .errors
            .get_or_create(&CodeLabel { code: code.as_str() })
            .inc();
    }

    /// The connections that are open.
    pub(crate) fn connections(&self) -> Gauge {
        self.inner.connections.clone()
    }

    pub(crate) fn count_refused_connection(&self) {
        self.inner.connections_refused.inc();
    }

    /// Counts a request in, until the guard is dropped: also when it is cancelled or panics.
    pub(crate) fn enter(&self) -> InFlight {
        self.inner.in_flight.inc();
        InFlight {
            gauge: self.inner.in_flight.clone(),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

/// Counts a request out when dropped.
pub(crate) struct InFlight {
    gauge: Gauge,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// The histograms of one route, each made when the first answer of its class is.
pub(crate) struct RouteMetrics {
    metrics: Metrics,
    method: String,
    template: String,
    by_class: [OnceLock<Histogram>; 5],
}

impl RouteMetrics {
    pub(crate) fn observe(&self, status: StatusCode, latency: Duration) {
        const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        let (Some(histogram), Some(name)) = (self.by_class.get(class), CLASSES.get(class)) else {
            return;
        };
        histogram
            .get_or_init(|| {
                let labels = RouteLabels {
                    method: self.method.clone(),
                    route: self.template.clone(),
                    status: (*name).to_owned(),
                };
                self.metrics.inner.latency.get_or_create(&labels).clone()
            })
            .observe(latency.as_secs_f64());
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

impl Kind {
    fn write(self, number: i64, metric: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Gauge => ConstGauge::new(number).encode(metric),
            Self::Counter => ConstCounter::new(u64::try_from(number).unwrap_or(0)).encode(metric),
        }
    }
}

/// How numbers are asked for.
enum Reading {
    One(Box<dyn Fn() -> i64 + Send + Sync>),
    Several(&'static str, Box<dyn Fn() -> Vec<(&'static str, i64)> + Send + Sync>),
}

/// Numbers kept elsewhere.
struct Callback {
    name: String,
    help: String,
    kind: Kind,
    reading: Reading,
}

impl fmt::Debug for Callback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Collector for Callback {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Gauge => MetricType::Gauge,
            Kind::Counter => MetricType::Counter,
        };
        let mut metric = encoder.encode_descriptor(&self.name, &self.help, None, kind)?;
        match &self.reading {
            Reading::One(read) => self.kind.write(read(), metric),
            Reading::Several(label, read) => {
                for (value, number) in read() {
                    self.kind.write(number, metric.encode_family(&[(*label, value)])?)?;
                }
                Ok(())
            }
        }
    }
}
