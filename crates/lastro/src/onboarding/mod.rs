//! Onboarding: a new customer in one transaction. The organization, its package, its first administrator and the roles and groups that
//! come with it are made by four contexts; here is the use case over their ports, with its route and what its commands need.

mod customer;
mod export;
mod file;
mod http;
mod onboard;
mod purge;

use ::http::Module;
use db::SystemScope;

pub use customer::{Administrator, Coming, Customer};
pub use export::{Exported, export};
pub use file::{FileProblem, Line, read};
pub use onboard::{NotOnboarded, Onboarded, Onboarding};
pub use purge::{KEPT_FOR, NotPurged, purge};

/// Why onboarding leaves its caller's organization.
pub(crate) const ACROSS: SystemScope =
    SystemScope::new("onboarding makes an organization and everything it begins with");

/// The routes, for the composition root. Onboarding declares nothing of its own: who may create organizations may do it.
#[must_use]
pub fn module() -> Module {
    Module {
        routes: |app| vec![http::routes().with_state(app)],
        ..Module::new(organization::MANIFEST)
    }
}

#[cfg(test)]
mod tests;
