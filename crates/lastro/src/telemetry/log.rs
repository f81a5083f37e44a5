//! The layer that turns events into log lines.

use std::sync::Arc;

use kernel::Clock;
use smallvec::SmallVec;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::format::{Record, Style};
use super::sink::Sink;

/// Writes one line for each event, with the fields of the spans around it.
pub(super) struct LogLayer {
    pub(super) sink: Arc<Sink>,
    pub(super) style: Style,
    pub(super) clock: Arc<dyn Clock>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Arc::new(fields));
        }
    }

    fn on_record(&self, id: &Id, record: &SpanRecord<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Arc<Fields>>()
        {
            let fields: &mut Fields = Arc::make_mut(fields);
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans = fields_of_spans(event, &context);
        let record = Record {
            at: self.clock.now(),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            trace: super::current_trace(),
            event: &fields,
            spans: &spans,
        };
        let mut line = String::with_capacity(512);
        self.style.write(&mut line, &record);
        self.sink.push(&line);
    }
}

/// The fields of the spans around an event, the innermost first. Only this layer keeps them.
pub(super) fn fields_of_spans<S: Subscriber + for<'a> LookupSpan<'a>>(
    event: &Event<'_>,
    context: &Context<'_, S>,
) -> SmallVec<[Arc<Fields>; 2]> {
    context
        .event_scope(event)
        .into_iter()
        .flatten()
        .filter_map(|span| {
            span.extensions()
                .get::<Arc<Fields>>()
                .filter(|fields| !fields.is_empty())
                .cloned()
        })
        .collect()
}
