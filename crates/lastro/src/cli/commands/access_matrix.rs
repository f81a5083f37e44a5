//! `lastro access-matrix`.

use super::super::failure::Failure;
use super::super::output;
use crate::{access_matrix, app};

pub(super) fn run() -> Result<(), Failure> {
    let routes = app::routes()?;
    let matrix = access_matrix::render(routes.iter().map(AsRef::as_ref)).map_err(anyhow::Error::from)?;
    output::answer(&matrix)?;
    Ok(())
}
