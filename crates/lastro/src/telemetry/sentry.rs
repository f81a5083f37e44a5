//! Errors, reported to Sentry: every event of level ERROR, with its fields, those of the spans around it, and the stack.
//!
//! What is reported is what the log says, redacted in the same way. A second wall stands behind the first: before it is sent, an
//! event is walked as JSON and scrubbed again, whatever part of the SDK put a value there. There is no user, no request and no
//! machine name in it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kernel::Clock;
use secrecy::{ExposeSecret, SecretString};
use sentry::integrations::backtrace::{AttachStacktraceIntegration, ProcessStacktraceIntegration};
use sentry::protocol::{Event as Report, Map, Value};
use sentry::transports::UreqHttpTransportOptions;
use sentry::{Client, ClientOptions, Level, Transport, TransportFactory, TransportOptions};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;

use super::TelemetryError;
use super::fields::{Fields, Safe};
use super::log::fields_of_spans;
use super::names::is_telling;
use super::scrub::scrub;
use crate::config::REDACTED;

/// A client that reports to `dsn`.
pub(super) fn client(dsn: &SecretString, environment: &'static str) -> Result<Arc<Client>, TelemetryError> {
    let text = dsn.expose_secret();
    let mut options = ClientOptions::new()
        .release(concat!("lastro@", env!("CARGO_PKG_VERSION")))
        .environment(environment)
        .default_integrations(false)
        .add_integration(AttachStacktraceIntegration)
        .add_integration(ProcessStacktraceIntegration)
        .attach_stacktrace(true)
        .send_default_pii(false)
        .max_breadcrumbs(0)
        .in_app_include(["lastro"])
        .before_send(clean)
        .transport(Sender {
            agent: super::client::agent(text)?,
        });
    options.dsn = Some(text.parse().map_err(|_| TelemetryError::InvalidDsn)?);
    Ok(Arc::new(Client::with_options(options)))
}

struct Sender {
    agent: Agent,
}

impl TransportFactory for Sender {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(
            UreqHttpTransportOptions::from(options)
                .with_agent(self.agent.clone())
                .build(),
        )
    }
}

/// Reports every event it is given; a filter in front of it lets only errors through.
pub(super) struct SentryLayer {
    pub(super) client: Arc<Client>,
    pub(super) clock: Arc<dyn Clock>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SentryLayer {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut extra = Map::new();
        // The outermost first, so that what an event says wins over its span.
        for around in fields_of_spans(event, &context).iter().rev() {
            extra.extend(around.iter().map(|(name, value)| (name.to_owned(), json(value))));
        }
        extra.extend(fields.iter().map(|(name, value)| (name.to_owned(), json(value))));
        let micros = u64::try_from(self.clock.now().as_micros()).unwrap_or_default();
        self.client.capture_event(
            Report {
                level: Level::Error,
                logger: Some(event.metadata().target().to_owned()),
                message: fields.message().map(str::to_owned),
                extra,
                timestamp: SystemTime::UNIX_EPOCH + Duration::from_micros(micros),
                ..Report::default()
            },
            None,
        );
    }
}

fn json(value: &Safe) -> Value {
    match value {
        Safe::Redacted => REDACTED.into(),
        Safe::Text(text) => text.as_str().into(),
        Safe::Signed(number) => (*number).into(),
        Safe::Unsigned(number) => (*number).into(),
        Safe::Float(number) => (*number).into(),
        Safe::Flag(flag) => (*flag).into(),
    }
}

/// The report without anything that looks like a secret or like personal data. Of one that cannot be walked, that there was an
/// error and where: an error is never kept silent.
fn clean(mut report: Report<'static>) -> Option<Report<'static>> {
    report.user = None;
    report.request = None;
    report.server_name = None;
    let bare = Report {
        level: report.level,
        logger: report.logger.clone(),
        timestamp: report.timestamp,
        message: Some("an error whose report could not be cleaned: the log has it".into()),
        ..Report::default()
    };
    Some(walked(report).unwrap_or(bare))
}

fn walked(report: Report<'static>) -> serde_json::Result<Report<'static>> {
    let mut value = serde_json::to_value(report)?;
    clean_value(&mut value);
    serde_json::from_value(value)
}

fn clean_value(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(clean) = scrub(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean_value),
        Value::Object(members) => {
            for (name, member) in members {
                if is_telling(name) {
                    *member = REDACTED.into();
                } else {
                    clean_value(member);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use sentry::protocol::{Exception, Frame, Request, Stacktrace, User};

    use super::*;

    #[test]
    fn the_second_wall_cleans_whatever_another_part_put_into_a_report() {
        let report = Report {
            message: Some("could not reach ana@example.com".into()),
            user: Some(User {
                email: Some("ana@example.com".into()),
                ..User::default()
            }),
            request: Some(Request {
                data: Some("{\"cpf\":\"529.982.247-25\"}".into()),
                ..Request::default()
            }),
            server_name: Some("db-01".into()),
            exception: vec![Exception {
                ty: "Error".into(),
                value: Some("529.982.247-25 exists".into()),
                ..Exception::default()
            }]
            .into(),
            extra: [
                ("apiToken".to_owned(), Value::from(7)),
                ("attempt".to_owned(), Value::from(2)),
            ]
            .into(),
            ..Report::default()
        };
        let clean = clean(report).unwrap();
        let text = serde_json::to_string(&clean).unwrap();
        for secret in ["ana@example.com", "529.982.247-25", "db-01"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(clean.extra.get("apiToken"), Some(&REDACTED.into()));
        assert_eq!(clean.extra.get("attempt"), Some(&2.into()));
        assert!(clean.user.is_none() && clean.request.is_none());
    }

    #[test]
    fn a_report_is_sent_whatever_the_addresses_on_its_stack() {
        // Read as a CNPJ its check digits are right, and an address that was taken out is none: the report could not be read back.
        let address = 0x55d0a1b2c390_u64;
        let report = Report {
            stacktrace: Some(Stacktrace {
                frames: vec![Frame {
                    instruction_addr: Some(address.into()),
                    ..Frame::default()
                }],
                ..Stacktrace::default()
            }),
            ..Report::default()
        };
        let clean = clean(report).expect("a report");
        assert_eq!(
            clean.stacktrace.unwrap().frames[0].instruction_addr,
            Some(address.into())
        );
    }
}
