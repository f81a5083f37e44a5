//! Who may do what.

pub mod bootstrap;
pub mod decision;
pub mod granted;
pub mod permission;

pub use decision::{Decider, Decision, Denial, DenialCode, Step};
pub use granted::Granted;
pub use permission::{Permission, PermissionInfo, PermissionScope};
