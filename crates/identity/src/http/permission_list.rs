//! Lists of permissions as clients write them: by their codes.

use contracts::access::AccessControl;
use http::{ApiError, Caller};
use kernel::{Rule, RuleViolation};

use crate::domain::PermissionList;

/// The permissions with these codes, which the catalogue knows.
///
/// # Errors
/// 400 at each code that names none.
pub(super) async fn permission_list(caller: &Caller, codes: Vec<String>) -> Result<PermissionList, ApiError> {
    let judge = caller
        .app()
        .port::<dyn AccessControl>()?
        .judge(caller.organization())
        .await?;
    if judge.permissions(&codes).is_err() {
        let is_unknown = |code: &String| judge.permissions(std::slice::from_ref(code)).is_err();
        let unknown = codes.iter().enumerate().filter(|(_, code)| is_unknown(code));
        let violation = |place| RuleViolation::new(format!("permissions[{place}]"), Rule::UnknownCode);
        return Err(ApiError::violations(
            unknown.map(|(place, _)| violation(place)).collect(),
        ));
    }
    Ok(PermissionList::new(codes)?)
}
