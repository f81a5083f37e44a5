//! Who may do what: permissions as types, decisions, and the proof that one was made; and what decides, in nanoseconds:
//! snapshots of organizations, and conditions. It owns no table and knows no request.
//!
//! # What is here
//!
//! | to | take |
//! |---|---|
//! | declare a permission | [`permission!`] |
//! | prove that one was granted | [`Granted`], made of a [`Decision`] |
//! | decide, explain, and judge who may grant what | [`snapshot`] |
//! | keep snapshots fresh and few | [`store`] |
//! | limit a grant to some objects | [`conditions`] |
//!
//! # The way of a permission
//!
//! A context declares its permissions in its manifest. Each is a type, so the compiler tells them apart:
//!
//! ```
//! authz::permission!(
//!     /// Read organizations.
//!     pub struct OrganizationRead = "ORGANIZATION" "ORGANIZATION" "READ", Platform, "Read organizations";
//!     /// Create organizations.
//!     pub struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations";
//! );
//! ```
//!
//! Its use case takes the proof, [`Granted`], as an argument, and finds in it who acts and in which organization:
//!
//! ```
//! # authz::permission!(
//! #     /// Create organizations.
//! #     pub struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations"
//! # );
//! use authz::Granted;
//!
//! fn create_organization(granted: &Granted<OrganizationCreate>, name: &str) -> String {
//!     format!("{} created {name}", granted.actor().name)
//! }
//! ```
//!
//! A [`Decider`] answers with a [`Decision`], and an allowing decision about the same actor, organization and
//! permission becomes the proof:
//!
//! ```
//! # authz::permission!(
//! #     /// Create organizations.
//! #     pub struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations"
//! # );
//! use std::sync::Arc;
//! use authz::{BootstrapDecider, Decider as _, DenialCode, Granted, Permission as _};
//! use kernel::{Actor, OrganizationId};
//!
//! let platform: OrganizationId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
//! let operator = Arc::new(Actor::system("operator"));
//! let decider = BootstrapDecider::new(Actor::clone(&operator), platform);
//!
//! let decision = decider.decide(&operator, platform, OrganizationCreate::INFO).ok_or("it needs nothing to be read")?;
//! let granted: Granted<OrganizationCreate> = Granted::from_decision(decision, operator, platform)?;
//! assert_eq!(granted.organization(), platform);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Grants with a condition
//!
//! A role may hold a permission for some objects only. Then the decision allows, and carries what is left to be decided:
//! the [`Residual`](conditions::Residual) condition. It goes along in the proof, and whoever loads, lists or changes objects
//! applies it: to an object before it is handed out, before and after a change, and to a list as SQL.
//!
//! Forgetting it does not compile: such a grant is a [`Within`], from which a [`Granted`] comes only for an object.
//!
//! ```
//! # authz::permission!(
//! #     /// Change invoices.
//! #     pub struct InvoiceUpdate = "FINANCE" "INVOICE" "UPDATE", Tenant, "Change invoices"
//! # );
//! use authz::conditions::Object;
//! use authz::{Denial, Within};
//!
//! fn rename<T: Object>(within: &Within<InvoiceUpdate>, invoice: &mut T, rename: impl FnOnce(&mut T)) -> Result<(), Denial> {
//!     within.admit(invoice)?;
//!     rename(invoice);
//!     within.admit(invoice)?;
//!     Ok(())
//! }
//! ```
//!
//! # What does not compile
//!
//! One permission is not another:
//!
//! ```compile_fail,E0308
//! # authz::permission!(
//! #     /// Read organizations.
//! #     pub struct OrganizationRead = "ORGANIZATION" "ORGANIZATION" "READ", Platform, "Read organizations";
//! #     /// Create organizations.
//! #     pub struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations";
//! # );
//! # use authz::Granted;
//! fn create_organization(_: &Granted<OrganizationCreate>) {}
//!
//! fn handler(granted: &Granted<OrganizationRead>) {
//!     create_organization(granted);
//! }
//! ```
//!
//! Only this crate makes a decision that allows; everybody may refuse with [`Decision::denied`]:
//!
//! ```compile_fail,E0624
//! # authz::permission!(
//! #     /// Create organizations.
//! #     pub struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations"
//! # );
//! # use authz::{Decision, Permission as _};
//! # use kernel::{Actor, OrganizationId};
//! fn decide(actor: &Actor, organization: OrganizationId) -> Decision {
//!     Decision::allowed(actor, organization, OrganizationCreate::INFO)
//! }
//! ```
//!
//! The proof is made of a decision, not written down:
//!
//! ```compile_fail,E0451
//! # use std::{marker::PhantomData, sync::Arc};
//! # use authz::Granted;
//! # use kernel::{Actor, OrganizationId};
//! fn forge<P>(actor: Arc<Actor>, organization: OrganizationId) -> Granted<P> {
//!     Granted { actor, organization, operator_reason: None, residual: None, permission: PhantomData }
//! }
//! ```
//!
//! and a decision is used up by it, so it serves one permission once:
//!
//! ```compile_fail,E0382
//! # authz::permission!(
//! #     /// Create organizations.
//! #     pub struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations"
//! # );
//! # use std::sync::Arc;
//! # use authz::{Decision, Denial, Granted};
//! # use kernel::{Actor, OrganizationId};
//! fn twice(decision: Decision, actor: Arc<Actor>, organization: OrganizationId) -> Result<(), Denial> {
//!     let _: Granted<OrganizationCreate> = Granted::from_decision(decision, Arc::clone(&actor), organization)?;
//!     let _: Granted<OrganizationCreate> = Granted::from_decision(decision, actor, organization)?;
//!     Ok(())
//! }
//! ```

pub mod bootstrap;
#[cfg(test)]
mod cedar;
pub mod conditions;
pub mod decision;
pub mod granted;
pub mod permission;
pub mod snapshot;
pub mod store;
pub mod within;

pub use bootstrap::BootstrapDecider;
pub use decision::{Decider, Decision, Denial, DenialCode, Loading, Step, Undecided};
pub use granted::Granted;
pub use permission::{Permission, PermissionInfo, PermissionScope};
pub use within::Within;
