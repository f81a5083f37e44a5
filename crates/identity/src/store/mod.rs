//! The tables of this context.

pub(crate) mod api_keys;
pub(crate) mod invitations;
pub(crate) mod login_failures;
pub(crate) mod mail_queue;
pub(crate) mod mfa_challenges;
pub(crate) mod one_time_tokens;
pub(crate) mod over;
pub(crate) mod pending_registrations;
pub(crate) mod personal;
pub(crate) mod principals;
pub(crate) mod second_factors;
pub(crate) mod service_accounts;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
pub(crate) mod support_sessions;
pub(crate) mod users;

use db::{DbError, Row, Sql};

use crate::domain::PermissionList;

/// The statements of all tables, for the statement test.
pub(crate) fn statements() -> Vec<Sql<'static>> {
    [
        api_keys::STATEMENTS,
        invitations::STATEMENTS,
        login_failures::STATEMENTS,
        mail_queue::STATEMENTS,
        mfa_challenges::STATEMENTS,
        one_time_tokens::STATEMENTS,
        over::STATEMENTS,
        pending_registrations::STATEMENTS,
        personal::STATEMENTS,
        principals::STATEMENTS,
        second_factors::STATEMENTS,
        service_accounts::STATEMENTS,
        sessions::STATEMENTS,
        signing_keys::STATEMENTS,
        support_sessions::STATEMENTS,
        users::STATEMENTS,
    ]
    .concat()
}

/// The texts of all lists, for the same test.
pub(crate) fn lists() -> Vec<String> {
    [
        api_keys::lists(),
        invitations::lists(),
        service_accounts::lists(),
        sessions::lists(),
        users::lists(),
    ]
    .concat()
}

/// Reads the codes of a list, which the statement joined with commas: there is none in a code.
fn permission_list(row: &Row<'_>, column: usize) -> Result<PermissionList, DbError> {
    let codes = row.get::<String>(column)?;
    let codes = codes.split(',').filter(|code| !code.is_empty()).map(str::to_owned);
    PermissionList::new(codes.collect()).map_err(|_| row.inconsistency(column))
}
