//! The routes of API keys, one file an endpoint.

mod create;
mod get;
mod list;
mod revoke;
mod rotate;
mod update;

use contracts::identity::ApiKeyView;
use http::{App, Routes};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::crypto::OpaqueSecret;

pub(super) fn routes() -> Routes<App> {
    Routes::new("API keys", "What programs of an organization act with")
        .post("/api-keys", create::handle, create::doc())
        .get("/api-keys", list::handle, list::doc())
        .get("/api-keys/{id}", get::handle, get::doc())
        .patch("/api-keys/{id}", update::handle, update::doc())
        .delete("/api-keys/{id}", revoke::handle, revoke::doc())
        .post("/api-keys/{id}/rotate", rotate::handle, rotate::doc())
}

/// A key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyWithSecret)]
pub(super) struct ApiKeyWithSecret<'a> {
    #[serde(flatten)]
    pub(super) shown: &'a ApiKeyView,
    /// The secret: sent as `Authorization: Bearer` or in `X-API-Key`. It is not shown again.
    pub(super) key: &'a str,
}

impl<'a> ApiKeyWithSecret<'a> {
    pub(super) fn new(shown: &'a ApiKeyView, secret: &'a OpaqueSecret) -> Self {
        Self {
            shown,
            key: secret.expose(),
        }
    }
}

/// An example of it.
pub(super) fn with_secret() -> Value {
    let mut example = crate::http::example::api_key();
    if let Some(fields) = example.as_object_mut() {
        fields.insert(
            "key".to_owned(),
            json!("lastro_key_4fKq0ZbRwkTq8cY2uNnS7vJd1LxPmA0eH5gB3oWi9rE6tUyQzCjKsXfVhGlMa"),
        );
    }
    example
}
