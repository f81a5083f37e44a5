//! `GET /auth/me/permissions`

use http::{Answer, ApiError, Authenticated, Doc};
use serde_json::json;

use super::user_permissions::effective;
use crate::view::EffectiveView;

pub(super) fn doc() -> Doc {
    Doc::new("listMyPermissions", "List what the caller may do")
        .describe("All permissions that the caller may use now, each with the ways in which it is held.")
        .answers_all::<EffectiveView>("The permissions", json!([super::example::effective()]))
}

pub(super) async fn handle(caller: Authenticated) -> Result<Answer, ApiError> {
    let principal = caller.actor().as_ref().into();
    Answer::ok(&effective(&caller, principal).await?)
}
