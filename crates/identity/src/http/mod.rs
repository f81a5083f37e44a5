//! The routes of this context, one file an endpoint.

mod auth;
pub(crate) mod example;
mod inputs;

use http::{App, Routes};

pub(crate) fn routes() -> Vec<Routes<App>> {
    auth::routes()
}
