//! `POST /webhooks/dead-letters/replay`

use http::{Answer, ApiError, Doc, OptionalBody, Requires, TimeText};
use kernel::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::inputs::WebhookIdText;
use crate::app::replay_dead_letters;
use crate::domain::{EndpointId, ReplayId};
use crate::manifest::DeliveryRetry;
use crate::service::Service;
use crate::store::replays::Replay;

http::input! {
    /// Which dead letters to deliver after all; all of them where nothing is said.
    pub(crate) struct ReplayDeadLetters {
        /// Only those for this endpoint.
        webhook_id: Option<WebhookIdText>,
        /// Only those made from this instant on.
        from: Option<TimeText>,
        /// Only those made before this instant.
        to: Option<TimeText>,
    }
}

/// A replay that was accepted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Replay, rename_all = "camelCase")]
struct ReplayView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: ReplayId,
    /// Only dead letters for this endpoint.
    #[schema(value_type = Option<String>, format = "uuid")]
    webhook_id: Option<EndpointId>,
    /// Only those made from this instant on.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only those made before this instant.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// When it was asked for. What dies after this is not part of it.
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            id: replay.id,
            webhook_id: replay.webhook_id,
            from: replay.from,
            to: replay.to,
            requested_at: replay.requested_at,
        }
    }
}

pub(super) fn doc() -> Doc {
    let example = json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e44",
        "webhookId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41",
        "from": "2026-11-20T00:00:00.000000Z",
        "to": null,
        "requestedAt": "2026-11-21T12:00:00.000000Z"
    });
    Doc::new("replayDeadLetters", "Deliver dead letters after all")
        .describe("However many there are, they are taken up a few at a time, each tried as often as a new delivery.")
        .may_take::<ReplayDeadLetters>(json!({ "from": "2026-11-20T00:00:00Z" }))
        .accepts::<ReplayView>("What was accepted", example)
}

pub(super) async fn handle(
    caller: Requires<DeliveryRetry>,
    OptionalBody(input): OptionalBody<ReplayDeadLetters>,
) -> Result<Answer, ApiError> {
    let (service, granted) = (Service::of(caller.app())?, caller.granted().clone());
    let webhook_id = input.webhook_id.map(|id| id.0);
    let (from, to) = (input.from.map(|from| from.0), input.to.map(|to| to.0));
    let answer = caller
        .write_in(caller.unit().unaudited("deliveries are not audited"), move |uow| {
            let granted = granted.clone();
            async move {
                let replay = replay_dead_letters(&granted, &uow, webhook_id, from, to).await?;
                Answer::accepted(&ReplayView::from(replay))
            }
        })
        .await?;
    service.wake();
    Ok(answer)
}
