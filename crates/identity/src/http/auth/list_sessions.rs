//! `GET /auth/sessions`

use http::{Answer, ApiError, Authenticated, Doc, ListQuery, Place};
use kernel::{ActorKind, Id as _};
use serde_json::json;

use super::logout::asking;
use crate::domain::UserId;
use crate::http::example;
use crate::store::sessions;
use crate::view::SessionView;

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum SessionSort: descending CreatedAt {
        CreatedAt = "createdAt" (Time),
    }
}

type Sessions = ListQuery<(), SessionSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listSessions", "List one's sessions")
        .describe("Where one is logged in: the sessions that have not ended.")
        .query::<Sessions>()
        .lists::<SessionView>("A page of sessions", json!([example::session()]))
}

pub(super) async fn handle(caller: Authenticated, query: Sessions) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.identity().organization);
    // A program has no sessions: no user has its id.
    let user = match caller.actor().kind {
        ActorKind::User => UserId::from_uuid(caller.actor().id),
        _ => UserId::from_uuid(uuid::Uuid::nil()),
    };
    let now = caller.app().generators().now();
    let direction = query.sort.direction;
    let listed = sessions::list(scope, user, asking(&caller), now, direction, &query.page, query.start()).await?;
    query.answer(&listed, |session, SessionSort::CreatedAt| {
        Place::time(session.created_at, session.id)
    })
}
