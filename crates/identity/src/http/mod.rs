//! The routes of this context, one file an endpoint.

mod account;
mod api_keys;
mod auth;
pub(crate) mod example;
mod inputs;
mod invitations;
mod limited;
mod permission_list;
mod refusals;
mod service_accounts;
mod users;

use http::{App, Routes};

pub(crate) fn routes() -> Vec<Routes<App>> {
    let own = [
        users::routes(),
        invitations::routes(),
        api_keys::routes(),
        service_accounts::routes(),
    ];
    auth::routes().into_iter().chain(account::routes()).chain(own).collect()
}
