//! `GET /groups`

use http::{Answer, ApiError, Doc, ListQuery, Place, RequiresWithin, Search};
use serde_json::json;

use crate::manifest::GroupRead;
use crate::store::groups;
use crate::store::roles::Order;
use crate::view::GroupView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct GroupFilter {
        /// A text in the name or the code, whatever the case and the accents.
        q: Search = "q",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum GroupSort: ascending Name {
        Name = "name" (Text),
        Code = "code" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Groups = ListQuery<GroupFilter, GroupSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listGroups", "List groups")
        .query::<Groups>()
        .lists::<GroupView>("A page of groups", json!([super::example::group()]))
}

pub(super) async fn handle(caller: RequiresWithin<GroupRead>, query: Groups) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        GroupSort::Name => Order::Name,
        GroupSort::Code => Order::Code,
        GroupSort::CreatedAt => Order::CreatedAt,
    };
    let narrowed = caller.narrowed(&groups::FIELDS)?;
    let scope = caller.app().db().scope(caller.organization());
    let text = query.filter.q.as_ref().map(Search::text);
    let listed = groups::list(
        scope,
        narrowed,
        text,
        order,
        query.sort.direction,
        &query.page,
        query.start(),
    )
    .await?;
    query.answer(&listed, place)
}

/// Where a group stands in the order that was asked for.
fn place(group: &GroupView, sort: GroupSort) -> Place {
    match sort {
        GroupSort::Name => Place::text(kernel::fold(&group.name), group.id),
        GroupSort::Code => Place::text(group.code.as_str(), group.id),
        GroupSort::CreatedAt => Place::time(group.created_at, group.id),
    }
}
