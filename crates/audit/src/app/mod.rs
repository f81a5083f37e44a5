//! The use cases: sealing the trail and checking it, keeping it for its time, and taking a person out of it.

mod heads;
mod privacy;
mod retain;
mod seal;
mod verify;

use std::path::PathBuf;

use contracts::Ports;
use db::DbError;
use vault::{MasterKey, Sealer};

use crate::domain::SealKey;

pub use heads::{Head, Heads};
pub use privacy::{ERASED, erase, tell};
pub(crate) use retain::retain_all;
pub(crate) use seal::seal_all;
pub use verify::{Verdict, verify};

/// What the composition root says.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder for what took the place of entries past their time.
    pub archives: PathBuf,
}

/// What the master key makes seals with.
const PURPOSE: &str = "audit seal";

/// The key that seals are made with now, and what it is called.
fn seal_key(ports: &Ports) -> Result<(SealKey, String), DbError> {
    Ok(named(&*ports.get::<MasterKey>()?))
}

/// The keys that seals can be checked with, by what they are called: the current one, and former ones that are still at hand.
fn seal_keys(ports: &Ports) -> Result<Vec<(SealKey, String)>, DbError> {
    let sealer = ports.get::<Sealer>()?;
    let current = ports.get::<MasterKey>()?;
    Ok(std::iter::once(&*current).chain(sealer.former()).map(named).collect())
}

fn named(master: &MasterKey) -> (SealKey, String) {
    (
        SealKey::new(master.authentication_key(PURPOSE)),
        master.id().to_string(),
    )
}
