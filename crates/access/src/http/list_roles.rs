//! `GET /roles`

use contracts::access::RoleView;
use http::{Answer, ApiError, Doc, ListQuery, Place, RequiresWithin, Search};
use serde_json::json;

use crate::manifest::RoleRead;
use crate::store::roles::{self, Order};

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct RoleFilter {
        /// A text in the name or the code, whatever the case and the accents.
        q: Search = "q",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum RoleSort: ascending Name {
        Name = "name" (Text),
        Code = "code" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Roles = ListQuery<RoleFilter, RoleSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listRoles", "List roles")
        .describe("The roles of the organization and the system roles.")
        .query::<Roles>()
        .lists::<RoleView>("A page of roles", json!([super::example::role()]))
}

pub(super) async fn handle(caller: RequiresWithin<RoleRead>, query: Roles) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        RoleSort::Name => Order::Name,
        RoleSort::Code => Order::Code,
        RoleSort::CreatedAt => Order::CreatedAt,
    };
    let narrowed = caller.narrowed(&roles::FIELDS)?;
    let scope = caller.app().db().scope(caller.organization());
    let text = query.filter.q.as_ref().map(Search::text);
    let listed = roles::list(
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

/// Where a role stands in the order that was asked for.
fn place(role: &RoleView, sort: RoleSort) -> Place {
    match sort {
        RoleSort::Name => Place::text(kernel::fold(&role.name), role.id),
        RoleSort::Code => Place::text(role.code.as_str(), role.id),
        RoleSort::CreatedAt => Place::time(role.created_at, role.id),
    }
}
