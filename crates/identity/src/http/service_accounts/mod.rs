//! The routes of service accounts, one file an endpoint.

mod create;
mod deactivate;
mod get;
mod list;
mod rotate;

use contracts::identity::ServiceAccountView;
use http::{App, Routes};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::crypto::OpaqueSecret;

pub(super) fn routes() -> Routes<App> {
    Routes::new("Service accounts", "Machines with permissions of their own")
        .post("/service-accounts", create::handle, create::doc())
        .get("/service-accounts", list::handle, list::doc())
        .get("/service-accounts/{id}", get::handle, get::doc())
        .delete("/service-accounts/{id}", deactivate::handle, deactivate::doc())
        .post("/service-accounts/{id}/rotate-secret", rotate::handle, rotate::doc())
}

/// A service account with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServiceAccountWithSecret, rename_all = "camelCase")]
pub(super) struct ServiceAccountWithSecret<'a> {
    #[serde(flatten)]
    pub(super) shown: &'a ServiceAccountView,
    /// What it proves itself with when it asks for a token. It is not shown again.
    pub(super) client_secret: &'a str,
}

impl<'a> ServiceAccountWithSecret<'a> {
    pub(super) fn new(shown: &'a ServiceAccountView, secret: &'a OpaqueSecret) -> Self {
        Self {
            shown,
            client_secret: secret.expose(),
        }
    }
}

/// An example of it.
pub(super) fn with_secret() -> Value {
    let mut example = crate::http::example::service_account();
    if let Some(fields) = example.as_object_mut() {
        fields.insert(
            "clientSecret".to_owned(),
            json!("lastro_secret_4fKq0ZbRwkTq8cY2uNnS7vJd1LxPmA0eH5gB3oWi9rE6tUyQzCjKsXfVhGlMa"),
        );
    }
    example
}
