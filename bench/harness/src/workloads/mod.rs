//! The additional workloads: what is measured beside the servers' routes.

use crate::workload::Workload;

/// All of them, in the order of `RESULTS.md`.
pub const ALL: &[Workload] = &[];
