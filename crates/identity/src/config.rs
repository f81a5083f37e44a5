//! What the operator sets about this context; the composition root provides it before the context starts.

use std::time::Duration;

use kernel::Rate;

use crate::crypto::{Argon2Cost, PoolConfig, SigningAlgorithm};
use crate::domain::RefreshRule;

/// What the operator sets.
#[derive(Debug, Clone)]
pub struct Config {
    /// What access tokens are signed with, and the only algorithm that is accepted.
    pub algorithm: SigningAlgorithm,
    /// How long an access token lives, in whole seconds.
    pub access_ttl: Duration,
    /// How long refresh tokens live, and how long a predecessor gets the same successor.
    pub refresh: RefreshRule,
    /// What the hash of a password costs.
    pub password_cost: Argon2Cost,
    /// The threads that hash and sign.
    pub pool: PoolConfig,
    /// How often one block of addresses may try to log in; `None` is no limit.
    pub login_rate: Option<Rate>,
    /// How many verified access tokens are remembered, some 400 bytes each.
    pub remembered_tokens: usize,
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            algorithm: SigningAlgorithm::Rs256,
            access_ttl: Duration::from_secs(15 * 60),
            refresh: RefreshRule::default(),
            password_cost: Argon2Cost::default(),
            pool: PoolConfig::for_cores(cores),
            login_rate: Some(Rate {
                count: 60,
                per: Duration::from_secs(60),
            }),
            remembered_tokens: 65_536,
        }
    }
}

impl Config {
    /// As cheap as it gets, and without limits that a test does not ask for: hashes that protect nothing, and the algorithm that
    /// makes keys and signatures fastest. Never for a server.
    #[must_use]
    pub fn for_tests() -> Self {
        Self {
            algorithm: SigningAlgorithm::EdDsa,
            password_cost: Argon2Cost {
                memory_kib: 8,
                passes: 1,
                lanes: 1,
            },
            pool: PoolConfig::for_cores(1),
            login_rate: None,
            ..Self::default()
        }
    }
}
