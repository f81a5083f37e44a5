//! The use cases, each a story of its steps.

mod consume;
mod expire;
mod export;
mod rebuild;
mod record;
mod recount;
mod report;

pub(crate) use consume::{Means, Portion, consume, count, exceeded, give_back, sums};
pub(crate) use expire::{expire_events, expire_keys};
pub use export::{EventRecord, export};
pub(crate) use rebuild::Wrong;
pub use rebuild::{Rebuilt, rebuild};
pub(crate) use record::{Recorded, Rejected, Report, record};
pub(crate) use recount::{Keepers, recount};
pub(crate) use report::report;

use db::SystemScope;

/// Why work on usage leaves the organization: it goes through all of them, one after the other.
const EVERYBODY: SystemScope = SystemScope::new("usage is kept in order for one organization after the other");

/// Why units that change nothing but counts need no entry in the trail.
pub(crate) const COUNTING: &str = "what is counted is usage, which the trail does not repeat";
