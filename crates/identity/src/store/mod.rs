//! The tables of this context.

pub(crate) mod login_failures;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
pub(crate) mod users;

use db::Sql;

/// The statements of all tables, for the statement test.
pub(crate) fn statements() -> Vec<Sql<'static>> {
    [
        login_failures::STATEMENTS,
        sessions::STATEMENTS,
        signing_keys::STATEMENTS,
        users::STATEMENTS,
    ]
    .concat()
}

/// The texts of all lists, for the same test.
pub(crate) fn lists() -> Vec<String> {
    [sessions::lists(), users::lists()].concat()
}
