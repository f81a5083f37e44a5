//! Logging in, and what a login leads to.

mod change_password;
mod end_session;
mod inputs;
mod jwks;
mod list_sessions;
mod login;
mod logout;
mod logout_all;
mod me;
mod refresh;
mod refusals;
mod token;
mod views;

use http::{App, Routes};

pub(crate) use inputs::{SlugText, named};
pub(crate) use views::{LoginAnswer, secrets};

http::public_reason! {
    /// For who is about to log in.
    pub(crate) struct ComingIn = "who logs in has no credential yet; passwords are guarded by locks and limits";
    /// For who continues a session.
    pub(crate) struct Continuing = "the refresh token in the body is the credential";
    /// For a service account.
    pub(crate) struct Proving = "the client's id and secret in the request are the credential";
    /// For whoever verifies a token.
    pub(crate) struct PublicKeys = "public keys are public";
}

pub(super) fn routes() -> Vec<Routes<App>> {
    vec![authentication(), keys()]
}

fn authentication() -> Routes<App> {
    Routes::new("Authentication", "Logging in, and what a login leads to")
        .post("/auth/login", login::handle, login::doc())
        .post("/auth/refresh", refresh::handle, refresh::doc())
        .post("/auth/token", token::handle, token::doc())
        .post("/auth/logout", logout::handle, logout::doc())
        .post("/auth/logout-all", logout_all::handle, logout_all::doc())
        .get("/auth/me", me::handle, me::doc())
        .patch("/auth/me/password", change_password::handle, change_password::doc())
        .get("/auth/sessions", list_sessions::handle, list_sessions::doc())
        .delete("/auth/sessions/{id}", end_session::handle, end_session::doc())
}

fn keys() -> Routes<App> {
    Routes::at_root("Keys", "What access tokens are verified with").get(
        "/.well-known/jwks.json",
        jwks::handle,
        jwks::doc(),
    )
}
