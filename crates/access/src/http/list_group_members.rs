//! `GET /groups/{id}/members`

use http::{Answer, ApiError, Doc, ListQuery, PathId, Place, RequiresWithin};
use serde_json::json;

use super::get_group::reached;
use crate::domain::GroupId;
use crate::manifest::GroupRead;
use crate::store::memberships;
use crate::view::MemberView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct MemberFilter {
        /// Only active users, or only inactive ones.
        is_active: bool = "isActive",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum MemberSort: ascending Name {
        Name = "name" (Text),
    }
}

type Members = ListQuery<MemberFilter, MemberSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listGroupMembers", "List the members of a group")
        .query::<Members>()
        .lists::<MemberView>("A page of members", json!([super::example::member()]))
}

pub(super) async fn handle(
    caller: RequiresWithin<GroupRead>,
    path: PathId<GroupId>,
    query: Members,
) -> Result<Answer, ApiError> {
    let group = reached(&caller, path.found()?).await?;
    let scope = caller.app().db().scope(caller.organization());
    let (is_active, direction) = (query.filter.is_active, query.sort.direction);
    let listed = memberships::members(scope, group.id, is_active, direction, &query.page, query.start()).await?;
    query.answer(&listed, |member, _| Place::text(kernel::fold(&member.name), member.id))
}
