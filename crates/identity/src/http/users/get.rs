//! `GET /users/{id}`

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Doc, PathId, Requires};

use crate::manifest::UserRead;
use crate::store::users;

pub(super) fn doc() -> Doc {
    Doc::new("getUser", "Get a user").answers::<UserView>("The user", crate::http::example::user())
}

pub(super) async fn handle(caller: Requires<UserRead>, path: PathId<UserId>) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.granted().organization());
    let user = users::lookup(scope, path.found()?).await?;
    Answer::ok(&UserView::from(&user.ok_or_else(ApiError::not_found)?))
}
