//! The use cases: sealing the trail and checking it, keeping it for its time, and taking a person out of it.

mod privacy;
mod retain;
mod seal;
mod verify;

use std::path::PathBuf;

use contracts::Ports;
use db::DbError;
use vault::MasterKey;

use crate::domain::SealKey;

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
    let master = ports.get::<MasterKey>()?;
    Ok((
        SealKey::new(master.authentication_key(PURPOSE)),
        master.id().to_string(),
    ))
}
