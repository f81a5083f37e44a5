//! Traces, exported over OTLP: HTTP with protobuf, in batches, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::{Status, TracerProvider as _};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use secrecy::{ExposeSecret, SecretString};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;

use super::TelemetryError;
use super::names::is_telling;
use super::scrub::scrub;
use crate::config::REDACTED;

/// The path of traces below the endpoint
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>).
const PATH: &str = "/v1/traces";

/// Exports to `endpoint`. Headers, sampling and batches are set with the standard `OTEL_…` variables.
pub(super) fn provider(
    endpoint: &SecretString,
    environment: &'static str,
) -> Result<SdkTracerProvider, TelemetryError> {
    let endpoint = endpoint.expose_secret().trim_end_matches('/');
    let exporter = OtlpExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}{PATH}"))
        .with_http_client(Client {
            agent: super::client::agent(endpoint)?,
            failing: Arc::default(),
        })
        .build()
        .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name("lastro")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("deployment.environment.name", environment),
        ])
        .build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(Redacting { exporter })
        .build())
}

/// The layer that turns spans into OpenTelemetry's.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("lastro"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
}

/// The exporter's HTTP client.
#[derive(Debug)]
struct Client {
    agent: Agent,
    failing: Arc<AtomicBool>,
}

impl Client {
    /// Says it once when exports begin to fail, and once when they work again.
    fn note(&self, failure: Option<&str>) {
        let was_failing = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(reason) if !was_failing => tracing::warn!(reason, "traces cannot be exported"),
            None if was_failing => tracing::info!("traces are exported again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    /// Blocks: it is only ever called on the exporter's own thread.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, body.to_vec());
        let answer = self.agent.run(request).and_then(|mut answer| {
            let body = answer.body_mut().read_to_vec()?;
            Ok(answer.map(|_| Bytes::from(body)))
        });
        match &answer {
            Ok(answer) if answer.status().is_success() => self.note(None),
            Ok(answer) => self.note(Some(answer.status().as_str())),
            Err(error) => self.note(Some(&error.to_string())),
        }
        Ok(answer?)
    }
}

/// Names and scrubs every span before it is encoded.
#[derive(Debug)]
struct Redacting<E> {
    exporter: E,
}

impl<E: SpanExporter> SpanExporter for Redacting<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        for span in &mut batch {
            name_after_route(span);
            clean(span);
        }
        self.exporter.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// A request's span begins before its route is known, and is named after it here, as the conventions ask for.
fn name_after_route(span: &mut SpanData) {
    let attribute = |name: &str| span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    if let (Some(method), Some(route)) = (attribute("http.request.method"), attribute("http.route")) {
        span.name = format!("{} {}", method.value.as_str(), route.value.as_str()).into();
    }
}

fn clean(span: &mut SpanData) {
    clean_text(span.name.to_mut());
    clean_attributes(&mut span.attributes);
    for event in &mut span.events.events {
        clean_text(event.name.to_mut());
        clean_attributes(&mut event.attributes);
    }
    for link in &mut span.links.links {
        clean_attributes(&mut link.attributes);
    }
    if let Status::Error { description } = &mut span.status {
        clean_text(description.to_mut());
    }
}

fn clean_attributes(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if is_telling(attribute.key.as_str()) {
            attribute.value = Value::from(REDACTED);
        } else {
            clean_value(&mut attribute.value);
        }
    }
}

fn clean_value(value: &mut Value) {
    match value {
        Value::String(text) => clean_string(text),
        Value::Array(Array::String(texts)) => texts.iter_mut().for_each(clean_string),
        // Numbers and flags; a number that tells something about a person has a telling name.
        _ => {}
    }
}

fn clean_string(text: &mut StringValue) {
    if let std::borrow::Cow::Owned(clean) = scrub(text.as_str()) {
        *text = clean.into();
    }
}

fn clean_text(text: &mut String) {
    if let std::borrow::Cow::Owned(clean) = scrub(text) {
        *text = clean;
    }
}
