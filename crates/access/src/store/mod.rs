//! The tables of this context.

pub(crate) mod audit_of_grants;
pub(crate) mod grants;
pub(crate) mod groups;
pub(crate) mod lock;
pub(crate) mod memberships;
pub(crate) mod permissions;
pub(crate) mod personal;
pub(crate) mod role_parents;
pub(crate) mod role_permissions;
pub(crate) mod roles;
pub(crate) mod system_roles;
pub(crate) mod user_roles;

use db::Sql;

/// The statements of this context, for the statement test.
pub(crate) fn statements() -> Vec<Sql<'static>> {
    [
        audit_of_grants::STATEMENTS,
        grants::STATEMENTS,
        groups::STATEMENTS,
        lock::STATEMENTS,
        memberships::STATEMENTS,
        permissions::STATEMENTS,
        personal::STATEMENTS,
        role_parents::STATEMENTS,
        role_permissions::STATEMENTS,
        roles::STATEMENTS,
        system_roles::STATEMENTS,
        user_roles::STATEMENTS,
    ]
    .concat()
}

/// The texts of its lists, for the same test.
pub(crate) fn lists() -> Vec<String> {
    [
        groups::lists(),
        memberships::lists(),
        permissions::lists(),
        role_permissions::lists(),
        roles::lists(),
        user_roles::lists(),
    ]
    .concat()
}
