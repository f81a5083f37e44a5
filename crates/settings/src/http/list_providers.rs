//! `GET /integration-providers`

use http::{Answer, ApiError, Authenticated, Doc};
use serde_json::json;

use crate::domain::provider::Provider;
use crate::view::ProviderView;

pub(super) fn doc() -> Doc {
    Doc::new("listIntegrationProviders", "List integration providers")
        .describe("The kinds of systems that can be connected to, each with its fields and a JSON schema of them.")
        .answers_all::<ProviderView>("Every provider", json!([super::example::provider()]))
}

pub(super) async fn handle(_: Authenticated) -> Result<Answer, ApiError> {
    let providers: Vec<_> = Provider::ALL.into_iter().map(ProviderView::from).collect();
    Answer::ok(&providers)
}
