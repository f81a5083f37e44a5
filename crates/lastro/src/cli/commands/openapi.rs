//! `lastro openapi`.

use super::super::failure::Failure;
use super::super::output;
use crate::app;

pub(super) fn run() -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(&app::openapi()?)?;
    text.push('\n');
    output::answer(&text)?;
    Ok(())
}
