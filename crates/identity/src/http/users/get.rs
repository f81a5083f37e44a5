//! `GET /users/{id}`

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};

use crate::manifest::UserRead;
use crate::store::users;

pub(super) fn doc() -> Doc {
    Doc::new("getUser", "Get a user").answers::<UserView>("The user", crate::http::example::user())
}

pub(super) async fn handle(caller: RequiresWithin<UserRead>, path: PathId<UserId>) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.organization());
    let found = users::show(scope, caller.within(), path.found()?).await;
    let found = found.map_err(|error| caller.not_admitted(error))?;
    Answer::ok(&found.ok_or_else(ApiError::not_found)?)
}
