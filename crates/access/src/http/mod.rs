//! The routes of this context.

mod add_parent;
mod assign_role;
mod check;
mod create_group;
mod create_permission;
mod create_role;
mod delete_group;
mod delete_permission;
mod delete_role;
pub(crate) mod example;
mod get_group;
mod get_permission;
mod get_role;
mod grant_permission;
mod group_parts;
mod inheritance;
mod inputs;
mod list_group_members;
mod list_group_permissions;
mod list_group_roles;
mod list_groups;
mod list_permissions;
mod list_role_permissions;
mod list_roles;
mod list_user_roles;
mod my_permissions;
mod remove_parent;
mod require;
mod revoke_role;
mod update_group;
mod update_role;
mod user_permissions;
mod withdraw_permission;

use http::{App, Routes};

pub(crate) fn routes() -> Vec<Routes<App>> {
    vec![permissions(), roles(), user_roles(), groups(), access()]
}

fn permissions() -> Routes<App> {
    Routes::new(
        "Permissions",
        "What can be granted: one action on one resource of one module",
    )
    .post("/permissions", create_permission::handle, create_permission::doc())
    .get("/permissions", list_permissions::handle, list_permissions::doc())
    .get("/permissions/{id}", get_permission::handle, get_permission::doc())
    .delete("/permissions/{id}", delete_permission::handle, delete_permission::doc())
}

fn roles() -> Routes<App> {
    Routes::new("Roles", "Named sets of permissions, which inherit from each other")
        .post("/roles", create_role::handle, create_role::doc())
        .get("/roles", list_roles::handle, list_roles::doc())
        .get("/roles/{id}", get_role::handle, get_role::doc())
        .patch("/roles/{id}", update_role::handle, update_role::doc())
        .delete("/roles/{id}", delete_role::handle, delete_role::doc())
        .post(
            "/roles/{id}/permissions",
            grant_permission::handle,
            grant_permission::doc(),
        )
        .get(
            "/roles/{id}/permissions",
            list_role_permissions::handle,
            list_role_permissions::doc(),
        )
        .delete(
            "/roles/{id}/permissions/{permissionId}",
            withdraw_permission::handle,
            withdraw_permission::doc(),
        )
        .post("/roles/{id}/parents", add_parent::handle, add_parent::doc())
        .delete(
            "/roles/{id}/parents/{parentRoleId}",
            remove_parent::handle,
            remove_parent::doc(),
        )
        .get("/roles/{id}/inheritance", inheritance::handle, inheritance::doc())
}

fn user_roles() -> Routes<App> {
    Routes::new("User roles", "Who holds which roles, and what they come to")
        .post("/users/{userId}/roles", assign_role::handle, assign_role::doc())
        .get("/users/{userId}/roles", list_user_roles::handle, list_user_roles::doc())
        .delete(
            "/users/{userId}/roles/{roleId}",
            revoke_role::handle,
            revoke_role::doc(),
        )
        .get(
            "/users/{id}/permissions",
            user_permissions::handle,
            user_permissions::doc(),
        )
        .get("/auth/me/permissions", my_permissions::handle, my_permissions::doc())
}

fn groups() -> Routes<App> {
    Routes::new("Groups", "Sets of users, which can be granted roles and permissions")
        .post("/groups", create_group::handle, create_group::doc())
        .get("/groups", list_groups::handle, list_groups::doc())
        .get("/groups/{id}", get_group::handle, get_group::doc())
        .patch("/groups/{id}", update_group::handle, update_group::doc())
        .delete("/groups/{id}", delete_group::handle, delete_group::doc())
        .get(
            "/groups/{id}/members",
            list_group_members::handle,
            list_group_members::doc(),
        )
        .put(
            "/groups/{id}/members/{userId}",
            group_parts::put_member,
            group_parts::put_member_doc(),
        )
        .delete(
            "/groups/{id}/members/{userId}",
            group_parts::remove_member,
            group_parts::remove_member_doc(),
        )
        .get("/groups/{id}/roles", list_group_roles::handle, list_group_roles::doc())
        .put(
            "/groups/{id}/roles/{roleId}",
            group_parts::put_role,
            group_parts::put_role_doc(),
        )
        .delete(
            "/groups/{id}/roles/{roleId}",
            group_parts::remove_role,
            group_parts::remove_role_doc(),
        )
        .get(
            "/groups/{id}/permissions",
            list_group_permissions::handle,
            list_group_permissions::doc(),
        )
        .put(
            "/groups/{id}/permissions/{permissionId}",
            group_parts::put_permission,
            group_parts::put_permission_doc(),
        )
        .delete(
            "/groups/{id}/permissions/{permissionId}",
            group_parts::remove_permission,
            group_parts::remove_permission_doc(),
        )
}

fn access() -> Routes<App> {
    Routes::new(
        "Access",
        "Asking whether somebody may, for applications behind this server",
    )
    .post("/access/check", check::handle, check::doc())
    .post("/access/require", require::handle, require::doc())
}
