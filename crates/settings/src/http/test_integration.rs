//! `POST /integrations/{id}/test`

use http::{Answer, ApiError, Doc, NoBody, PathId, Requires};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use vault::Sealer;

use crate::connect;
use crate::domain::IntegrationId;
use crate::manifest::IntegrationUpdate;
use crate::store::integrations;

/// How a test went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IntegrationTest, rename_all = "camelCase")]
pub(crate) struct TestView {
    /// Whether the connection works.
    ok: bool,
    /// What was found: `CONNECTED`, or why not.
    code: &'static str,
    /// The same in a sentence.
    message: &'static str,
    /// How long it took, in milliseconds.
    latency_ms: u64,
}

pub(super) fn doc() -> Doc {
    Doc::new("testIntegration", "Test an integration")
        .describe(
            "Connects and logs in, and changes nothing there: `smtp` greets, encrypts and authenticates, `http` gets the URL, `s3` \
             asks for the bucket, `oidc` reads the discovery document. What the other side says is never repeated.",
        )
        .answers::<TestView>(
            "How it went",
            json!({ "ok": true, "code": "CONNECTED", "message": "The connection works.", "latencyMs": 83 }),
        )
        .changes_nothing()
}

pub(super) async fn handle(
    caller: Requires<IntegrationUpdate>,
    path: PathId<IntegrationId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let app = caller.app();
    let (sealer, client) = (app.port::<Sealer>()?, app.port::<outbound::Client>()?);
    let scope = app.db().scope(caller.granted().organization());
    let connection = integrations::lookup(scope, &sealer, path.found()?)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let clock = &app.generators().clock;
    let started = clock.monotonic();
    let outcome = connect::test(&client, &connection, clock.now()).await;
    Answer::ok(&TestView {
        ok: outcome == connect::Outcome::Connected,
        code: outcome.code(),
        message: outcome.message().in_locale(caller.request().locale()),
        latency_ms: u64::try_from(clock.monotonic().saturating_sub(started).as_millis()).unwrap_or(u64::MAX),
    })
}
