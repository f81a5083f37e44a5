//! The additional workloads: what is measured beside the servers' routes.
//!
//! Each is a file with a `run`, which makes an installation of its own on the engine that it is given, drives it over HTTP, and checks that what was
//! acknowledged is there before it tells a number. What they share: an installation with customers ([`installation`]), load from `wrk` with whatever
//! requests ([`requests`]), a receiver of webhooks ([`sink`]), samples of what a process holds ([`watch`]), and numbers as a reader sees them ([`text`]).

mod access;
mod audit;
mod growth;
mod ingestion;
mod installation;
mod modules;
mod outbox;
mod quotas;
mod requests;
mod sink;
mod soak;
mod text;
mod watch;

use clap::Args;

use crate::workload::Workload;

/// All of them, in the order of `RESULTS.md`.
pub const ALL: &[Workload] = &[
    Workload {
        name: "outbox",
        run: outbox::run,
    },
    Workload {
        name: "audit",
        run: audit::run,
    },
    Workload {
        name: "quotas",
        run: quotas::run,
    },
    Workload {
        name: "ingestion",
        run: ingestion::run,
    },
    Workload {
        name: "modules",
        run: modules::run,
    },
    Workload {
        name: "access",
        run: access::run,
    },
    Workload {
        name: "growth",
        run: growth::run,
    },
    Workload {
        name: "soak",
        run: soak::run,
    },
];

/// How large the workloads are. The defaults are what the goals speak of; smaller ones are for looking whether all works.
#[derive(Debug, Clone, Copy, Args)]
pub struct Sizes {
    /// outbox: events that wait when the server starts.
    #[arg(long, default_value_t = 1_000_000)]
    pub backlog: u32,
    /// outbox: seconds after which the rest of a backlog is left.
    #[arg(long, default_value_t = 900)]
    pub drain_seconds: u64,
    /// audit: entries that are sealed, exported and verified.
    #[arg(long, default_value_t = 1_000_000)]
    pub audit_entries: u32,
    /// modules, access, growth: organizations of 200 users in the database, for growth in the largest.
    #[arg(long, default_value_t = 10_000)]
    pub customers: usize,
    /// modules: customers that are onboarded, by each way.
    #[arg(long, default_value_t = 1_000)]
    pub onboardings: usize,
    /// access: grants that are revoked on one node and watched on another.
    #[arg(long, default_value_t = 200)]
    pub revocations: usize,
    /// growth: how often the databases take turns.
    #[arg(long, default_value_t = 5)]
    pub growth_rounds: usize,
    /// soak: seconds of mixed load.
    #[arg(long, default_value_t = 600)]
    pub soak_seconds: u64,
}

impl Default for Sizes {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            backlog: 1_000_000,
            drain_seconds: 900,
            audit_entries: 1_000_000,
            customers: 10_000,
            onboardings: 1_000,
            revocations: 200,
            growth_rounds: 5,
            soak_seconds: 600,
        }
    }
}
