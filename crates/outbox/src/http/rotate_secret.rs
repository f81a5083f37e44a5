//! `POST /webhooks/{id}/rotate-secret`

use http::{Answer, ApiError, Doc, OptionalBody, PathId, Requires};
use serde_json::json;

use super::views::WebhookWithSecret;
use crate::app::rotate_secret;
use crate::domain::{EndpointId, Overlap};
use crate::manifest::EndpointUpdate;
use crate::service::Service;
use crate::view::WebhookView;

http::input! {
    /// How to rotate a secret.
    pub(crate) struct RotateWebhookSecret {
        /// For how long the former secret signs too: `10s`, `15m`, `1h`, `7d`, at most `30d`.
        overlap: Overlap = Overlap::default(),
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("rotateWebhookSecret", "Give a webhook endpoint another secret")
        .describe(
            "The new secret is in `secret`, this once. For as long as `overlap` says, deliveries carry two signatures: by the new \
             secret and by the former.",
        )
        .may_take::<RotateWebhookSecret>(json!({ "overlap": "24h" }))
        .answers::<WebhookWithSecret<'_>>("The endpoint, with its new secret", super::example::webhook_with_secret())
}

pub(super) async fn handle(
    caller: Requires<EndpointUpdate>,
    path: PathId<EndpointId>,
    OptionalBody(input): OptionalBody<RotateWebhookSecret>,
) -> Result<Answer, ApiError> {
    let (id, granted, overlap) = (path.found()?, caller.granted().clone(), input.overlap);
    let secret = Service::of(caller.app())?
        .secrets
        .generate(granted.organization(), id)?;
    caller
        .write(move |uow| {
            let (granted, secret) = (granted.clone(), secret.clone());
            async move {
                let rotated = rotate_secret(&granted, &uow, id, secret.sealed, overlap).await?;
                let webhook = WebhookView::from(&rotated);
                let shown = WebhookWithSecret {
                    webhook: webhook.clone(),
                    secret: &secret.text,
                };
                Answer::ok(&shown)?.with_secret(&webhook)
            }
        })
        .await
}
