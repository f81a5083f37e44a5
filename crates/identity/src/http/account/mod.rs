//! One's own account without a session, or about oneself: registering, links, the second factor.

mod confirm_totp;
mod enrol_totp;
mod forgot_password;
mod organizations;
mod refusals;
mod register;
mod remove_totp;
mod reset_password;
mod update_me;
mod verify_email;
mod verify_mfa;

use http::{App, Routes};

http::public_reason! {
    /// For who has no account yet.
    pub(crate) struct Registering = "who registers has no account yet; the organization decides whether it may be";
    /// For who follows the link of a mail.
    pub(crate) struct Following = "the token in the body is the credential";
    /// For who cannot log in.
    pub(crate) struct Asking = "who asks gets nothing but a mail, which goes to the owner of the address";
}

pub(super) fn routes() -> Vec<Routes<App>> {
    vec![account(), second_factor()]
}

fn account() -> Routes<App> {
    Routes::new("Account", "Registering, and what the links of mails do")
        .post("/auth/register", register::handle, register::doc())
        .post("/auth/password/forgot", forgot_password::handle, forgot_password::doc())
        .post("/auth/password/reset", reset_password::handle, reset_password::doc())
        .post("/auth/email/verify", verify_email::handle, verify_email::doc())
        .post("/auth/organizations", organizations::handle, organizations::doc())
        .patch("/auth/me", update_me::handle, update_me::doc())
}

fn second_factor() -> Routes<App> {
    Routes::new("Second factor", "One-time codes of an authenticator")
        .post("/auth/me/mfa/totp", enrol_totp::handle, enrol_totp::doc())
        .post("/auth/me/mfa/totp/confirm", confirm_totp::handle, confirm_totp::doc())
        .delete("/auth/me/mfa/totp", remove_totp::handle, remove_totp::doc())
        .post("/auth/mfa/verify", verify_mfa::handle, verify_mfa::doc())
}

/// Work that was accepted. There is nothing to tell of it: whether anything comes of it is between the server and a mailbox.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = Accepted)]
pub(crate) struct AcceptedView {}
