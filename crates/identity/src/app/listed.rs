//! From the codes of a list to the permissions that they name.

use contracts::access::{Judge, JudgeError};
use contracts::catalog::PermissionId;

/// The permissions with these codes, in order.
///
/// # Errors
/// [`JudgeError::Outdated`] when one is unknown to the judge: the codes were known before, so another judge knows them.
pub(crate) fn listed(judge: &dyn Judge, codes: &[String]) -> Result<Vec<PermissionId>, JudgeError> {
    judge.permissions(codes).map_err(|_| JudgeError::Outdated)
}
