//! What contexts know of each other, and nothing else of them.
//!
//! A context never depends on another context. What one has to know of another is here, one module each: the objects as the
//! API shows them, which are also what its events carry, and the names that others use. [`Manifest`] is what every context
//! declares about itself.

pub mod access;
mod manifest;
pub mod organization;

pub use manifest::{EventType, Manifest};
