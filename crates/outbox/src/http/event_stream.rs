//! `GET /events/stream`

use std::time::Duration;

use db::EventId;
use http::{ApiError, Doc, ErrorCode, LastEventId, Message, Query, Requires, Standing, Streamed};
use kernel::{Rule, RuleViolation};

use super::events::{EventFilter, asked};
use crate::manifest::DeliveryRead;
use crate::places::NoPlace;
use crate::reading::readable;
use crate::service::Service;
use crate::stream::Stream;

/// When a client that found no place is to come again.
const AGAIN: Duration = Duration::from_secs(10);

/// What the stream can be narrowed by is what the list can be narrowed by.
type Asked = Query<EventFilter>;

pub(super) fn doc() -> Doc {
    Doc::new("streamEvents", "Follow events")
        .describe(
            "Server-sent events: each has its id, its type as `event`, and what `GET /events` shows of it as `data`. A client that \
             comes again with `Last-Event-ID` goes on after that event; without, it hears of what happens from now on. The stream \
             ends when the credential does.",
        )
        .query::<Asked>()
        .answers_verbatim("text/event-stream", "Events as they happen")
}

pub(super) async fn handle(
    caller: Requires<DeliveryRead>,
    standing: Standing,
    LastEventId(last): LastEventId,
    Query(filter): Asked,
) -> Result<Streamed, ApiError> {
    let service = Service::of(caller.app())?;
    let types = asked(&service, filter.types.as_ref())?;
    let last: Option<EventId> = last.map(|text| text.parse()).transpose().map_err(|_| {
        let expected = "the id of an event";
        RuleViolation::new("Last-Event-ID", Rule::InvalidFormat { expected })
    })?;
    readable(&service, &caller, &types).await?;
    let place = service.streams.enter(caller.organization()).map_err(no_place)?;
    let stream = Stream::open(service, (*caller).clone(), standing, types, last, place).await?;
    Ok(stream.into_answer())
}

fn no_place(why: NoPlace) -> ApiError {
    match why {
        NoPlace::OnNode => ApiError::unavailable("this node keeps as many streams as it can"),
        NoPlace::ForOrganization => {
            ApiError::new(ErrorCode::RateLimitExceeded)
                .retry_after(AGAIN)
                .because(Message::new(
                    "The organization has as many streams open as it may.",
                    "A organização já tem o máximo de fluxos abertos.",
                ))
        }
    }
}
