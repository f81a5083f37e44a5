//! What the server tells about itself while it works: log lines, errors to Sentry, traces over OTLP.
//!
//! Everything passes the same redaction on its way out. Values of secret types ([`secrecy`], [`kernel::secret::Redacted`])
//! cannot be formatted; fields whose name announces a secret or personal data are replaced (`names`); and every remaining text
//! is searched for what looks like a tax number, an e-mail address, a token or a key (`scrub`).
//!
//! [`Telemetry::build`] makes the subscriber without touching anything global, so that a test can have its own;
//! [`Telemetry::install`] makes it the process's.

#[cfg(any(feature = "sentry", feature = "otlp"))]
mod client;
mod fields;
mod format;
mod log;
mod names;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
mod outgoing;
mod panic;
#[cfg(feature = "otlp")]
mod request_spans;
mod scrub;
#[cfg(feature = "sentry")]
mod sentry;
mod sink;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use secrecy::SecretString;
use tracing::Dispatch;
#[cfg(feature = "sentry")]
use tracing::Level;
use tracing_subscriber::filter::EnvFilter;
#[cfg(any(feature = "sentry", feature = "otlp"))]
use tracing_subscriber::filter::LevelFilter;
#[cfg(feature = "sentry")]
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::config::{Environment, LogFormat, Observability};
use format::Style;
use log::LogLayer;
#[cfg(feature = "otlp")]
pub use outgoing::inject_trace;
use sink::Sink;

/// How long the end of the process waits for what is still to be written or sent.
const PATIENCE: Duration = Duration::from_secs(6);

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `LASTRO_LOG` is not a filter.
    #[error("LASTRO_LOG is not a log filter: {0}")]
    Filter(String),
    /// The thread that writes log lines could not be started.
    #[error("the thread that writes the log could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// `SENTRY_DSN` cannot be read.
    #[error("SENTRY_DSN is not a DSN")]
    InvalidDsn,
    /// The exporter of traces refused its settings.
    #[error("traces cannot be exported: {0}")]
    Exporter(String),
    /// TLS is asked for, and the machine trusts no authority.
    #[error("no trusted certificates were found on this machine: {0}")]
    NoCertificates(String),
    /// The process has a subscriber already.
    #[error("telemetry was installed twice")]
    InstalledTwice,
}

/// What telemetry needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which log lines are written.
    pub filter: String,
    /// How they look.
    pub format: LogFormat,
    /// Whether levels are coloured.
    pub colors: bool,
    /// How strict the server is, told with every error and trace.
    pub environment: Environment,
    /// Where errors are reported to.
    pub sentry_dsn: Option<SecretString>,
    /// Where traces are exported to.
    pub otlp_endpoint: Option<SecretString>,
}

impl Settings {
    /// The configured settings; `terminal` is whether a person is watching.
    #[must_use]
    pub fn new(observability: &Observability, environment: Environment, terminal: bool) -> Self {
        let format = observability
            .log_format
            .unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json });
        Self {
            filter: observability.log_filter.clone(),
            format,
            colors: terminal && format == LogFormat::Pretty,
            environment,
            sentry_dsn: observability.sentry_dsn.clone(),
            otlp_endpoint: observability.otlp_endpoint.clone(),
        }
    }
}

/// The running telemetry. What it still holds is written and sent by [`Telemetry::shutdown`].
pub struct Telemetry {
    dispatch: Dispatch,
    sink: Arc<Sink>,
    #[cfg(feature = "sentry")]
    sentry: Option<Arc<::sentry::Client>>,
    #[cfg(feature = "otlp")]
    traces: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Telemetry {
    /// Builds everything that the settings ask for; log lines go to `output`.
    ///
    /// # Errors
    ///
    /// [`TelemetryError`], before anything was started that would need to be stopped.
    pub fn build(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        output: Box<dyn Write + Send>,
    ) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::builder()
            .parse(&settings.filter)
            .map_err(|error| TelemetryError::Filter(error.to_string()))?;
        #[cfg(feature = "sentry")]
        let sentry = settings
            .sentry_dsn
            .as_ref()
            .map(|dsn| sentry::client(dsn, settings.environment.as_str()))
            .transpose()?;
        #[cfg(feature = "otlp")]
        let traces = settings
            .otlp_endpoint
            .as_ref()
            .map(|endpoint| otlp::provider(endpoint, settings.environment.as_str()))
            .transpose()?;
        let sink = Arc::new(Sink::start(output)?);

        let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
        #[cfg(feature = "otlp")]
        if let Some(provider) = &traces {
            // What libraries tell of themselves, they tell at finer levels.
            layers.push(otlp::layer(provider).with_filter(LevelFilter::INFO).boxed());
        }
        let style = Style {
            format: settings.format,
            colors: settings.colors,
        };
        let log = LogLayer {
            sink: Arc::clone(&sink),
            style,
            clock: Arc::clone(clock),
        };
        layers.push(log.with_filter(filter).boxed());
        #[cfg(feature = "sentry")]
        if let Some(client) = &sentry {
            let reports = sentry::SentryLayer {
                client: Arc::clone(client),
                clock: Arc::clone(clock),
            };
            // The spans around an error are told with it; a filter that hid them would hide their fields.
            let errors_and_spans = filter_fn(|metadata| *metadata.level() == Level::ERROR || metadata.is_span())
                .with_max_level_hint(LevelFilter::INFO);
            layers.push(reports.with_filter(errors_and_spans).boxed());
        }
        Ok(Self {
            dispatch: Dispatch::new(Registry::default().with(layers)),
            sink,
            #[cfg(feature = "sentry")]
            sentry,
            #[cfg(feature = "otlp")]
            traces,
        })
    }

    /// What the settings ask for and this binary was built without.
    #[must_use]
    pub fn left_out(settings: &Settings) -> Vec<&'static str> {
        let mut left_out = Vec::new();
        if cfg!(not(feature = "sentry")) && settings.sentry_dsn.is_some() {
            left_out.push("SENTRY_DSN is set, but this binary was built without Sentry");
        }
        if cfg!(not(feature = "otlp")) && settings.otlp_endpoint.is_some() {
            left_out.push("OTEL_EXPORTER_OTLP_ENDPOINT is set, but this binary was built without OpenTelemetry");
        }
        left_out
    }

    /// Makes this the process's telemetry, and has panics logged.
    ///
    /// # Errors
    ///
    /// [`TelemetryError::InstalledTwice`].
    pub fn install(&self) -> Result<(), TelemetryError> {
        tracing::dispatcher::set_global_default(self.dispatch.clone()).map_err(|_| TelemetryError::InstalledTwice)?;
        panic::log_panics();
        Ok(())
    }

    /// The subscriber, for code that is to have its own.
    #[must_use]
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// What makes the spans of requests, where traces are exported.
    #[must_use]
    pub fn request_spans(&self) -> Option<Arc<dyn http::SpanMaker>> {
        #[cfg(feature = "otlp")]
        return self
            .traces
            .as_ref()
            .map(|_| -> Arc<dyn http::SpanMaker> { Arc::new(request_spans::RequestSpans) });
        #[cfg(not(feature = "otlp"))]
        None
    }

    /// Writes and sends what is still held, within a few seconds. Blocks.
    pub fn shutdown(&self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown_with_timeout(PATIENCE)
        {
            tracing::warn!(error = %error, "the last traces could not be exported");
        }
        #[cfg(feature = "sentry")]
        if let Some(sentry) = &self.sentry
            && !sentry.close(Some(PATIENCE))
        {
            tracing::warn!("the last errors could not be reported");
        }
        self.sink.flush(PATIENCE);
    }
}

/// The trace and span in which the caller runs, for its log line.
fn current_trace() -> Option<(String, String)> {
    #[cfg(feature = "otlp")]
    {
        use opentelemetry::trace::TraceContextExt as _;
        opentelemetry::Context::map_current(|context| {
            let span = context.span();
            let position = span.span_context();
            position
                .is_valid()
                .then(|| (position.trace_id().to_string(), position.span_id().to_string()))
        })
    }
    #[cfg(not(feature = "otlp"))]
    None
}
