//! The routes of this context, one file an endpoint.

pub(crate) mod example;

use http::{App, Routes};

pub(crate) fn routes() -> Vec<Routes<App>> {
    vec![authentication()]
}

fn authentication() -> Routes<App> {
    Routes::new("Authentication", "Logging in, and what a login leads to")
}
