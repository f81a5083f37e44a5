//! `GET /users`

use contracts::identity::UserView;
use http::{Answer, ApiError, Doc, ListQuery, Place, RequiresWithin, Search};
use serde_json::json;

use crate::manifest::UserRead;
use crate::store::users::{self, FIELDS, Filter, Order};

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct UserFilter {
        /// Only active users, or only inactive ones.
        is_active: bool = "isActive",
        /// A text in the name or the address, whatever the case and the accents.
        q: Search = "q",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum UserSort: ascending Name {
        Name = "name" (Text),
        Email = "email" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Users = ListQuery<UserFilter, UserSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listUsers", "List users")
        .query::<Users>()
        .lists::<UserView>("A page of users", json!([crate::http::example::user()]))
}

pub(super) async fn handle(caller: RequiresWithin<UserRead>, query: Users) -> Result<Answer, ApiError> {
    let filter = Filter {
        is_active: query.filter.is_active,
        text: query.filter.q.as_ref().map(Search::text),
    };
    let order = match query.sort.key {
        UserSort::Name => Order::Name,
        UserSort::Email => Order::Email,
        UserSort::CreatedAt => Order::CreatedAt,
    };
    let reached = caller.narrowed(&FIELDS)?;
    let scope = caller.app().db().scope(caller.organization());
    let direction = query.sort.direction;
    let listed = users::list(scope, reached, filter, order, direction, &query.page, query.start()).await?;
    query.answer(&listed, place)
}

/// Where a user stands in the order that was asked for.
fn place(user: &UserView, sort: UserSort) -> Place {
    match sort {
        UserSort::Name => Place::text(kernel::fold(&user.name), user.id),
        UserSort::Email => Place::text(user.email.as_str(), user.id),
        UserSort::CreatedAt => Place::time(user.created_at, user.id),
    }
}
