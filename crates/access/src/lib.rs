//! Access: who may do what. Permissions, roles and groups, and who holds them.
//!
//! The shape is that of the organization context: [`domain`] decides from values, [`app`] orders the steps, [`store`] names the
//! tables, [`http`](mod@self::http) names statuses and JSON. The decisions themselves are taken in `authz`, from memory; what is in
//! [`decisions`] keeps that memory in line with the tables, and judges for everybody who grants or changes people:
//!
//! | to | take |
//! |---|---|
//! | decide about a request | the guard asks `decisions::Access`, which is the program's `authz::Decider` |
//! | grant, or act on people | `Caller::write_judged` gives a `contracts::access::Judge`, confirmed under the organization's structural lock |
//! | grant at onboarding | the port `contracts::access::AccessControl` |
//!
//! Roles and groups are objects as well: who may see or change them only under a condition sees lists that are filtered by it,
//! and is refused single objects that it does not hold of ([`authz::Within`]).

mod app;
mod decisions;
mod domain;
mod http;
mod manifest;
pub mod operator;
mod store;
mod view;

use std::sync::Arc;

use ::http::{Foundation, Module, StartFailed};
use authz::Decider;
use contracts::access::{AccessControl, GrantCounts};
use db::migrate::Migrations;
use futures_util::FutureExt as _;

pub use app::seed_system_roles;
pub use manifest::{
    GroupCreate, GroupDelete, GroupRead, GroupUpdate, MANIFEST, PermissionCreate, PermissionDelete, PermissionRead,
    RoleCreate, RoleDelete, RoleRead, RoleUpdate, UserRoleAssign, UserRoleRead, UserRoleRevoke,
};

use decisions::Access;

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: store::statements(),
        lists: store::lists(),
        start: |foundation| start(foundation).boxed(),
        routes: |app| {
            let routes = http::routes().into_iter();
            routes.map(|group| group.with_state(app.clone())).collect()
        },
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations = db::migrations!("access": "0001_roles", "0002_grants");

/// Puts the context together and provides what it offers.
async fn start(foundation: Foundation) -> Result<(), StartFailed> {
    seed_system_roles(&foundation.db, foundation.platform).await?;
    let access = Access::start(&foundation);
    let ports = &foundation.ports;
    ports.provide::<dyn Decider>(Arc::clone(&access) as _);
    ports.provide::<dyn AccessControl>(Arc::clone(&access) as _);
    ports.provide::<dyn GrantCounts>(Arc::clone(&access) as _);
    ports.provide(access);
    Ok(())
}
