//! The organization and the values it is made of; and the installation's jobs. No storage, no HTTP, no JSON.

mod job;
mod organization;
mod values;

pub(crate) use job::{JobId, JobState, LEASE, RENEWAL};
pub(crate) use organization::{Changes, Ending, NewOrganization, Organization, PlatformOrganization, Stored};
pub(crate) use values::{Document, Name, Slug};
