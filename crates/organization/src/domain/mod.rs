//! The organization and the values it is made of. No storage, no HTTP, no JSON.

mod organization;
mod values;

pub(crate) use organization::{Changes, NewOrganization, Organization, PlatformOrganization, Stored};
pub(crate) use values::{Document, Name, Slug};
