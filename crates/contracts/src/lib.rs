//! What contexts know of each other, and nothing else of them.
//!
//! A context never depends on another context. What one has to know of another is here, one module each: the objects as the
//! API shows them, which are also what its events carry, the names that others use, and the ports through which one asks
//! another at run time ([`Ports`]). [`Manifest`] is what every context declares about itself.

pub mod access;
mod admits;
pub mod audit;
pub mod catalog;
pub mod identity;
pub mod mail;
mod manifest;
mod narrowed;
pub mod organization;
mod ports;
pub mod settings;
pub mod usage;

pub use admits::{Admits, NotAdmitted, OwnAct};
pub use manifest::{EventData, EventType, Manifest, Manifests, ObjectFields};
pub use narrowed::Narrowed;
pub use ports::{MissingPort, Ports};
