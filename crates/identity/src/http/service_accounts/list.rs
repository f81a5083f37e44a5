//! `GET /service-accounts`

use contracts::identity::ServiceAccountView;
use db::list::Listed;
use http::{Answer, ApiError, Doc, ListQuery, Place, RequiresWithin, Search};
use serde_json::json;

use crate::manifest::ServiceAccountRead;
use crate::store::service_accounts::{self, FIELDS, Order};

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct ServiceAccountFilter {
        /// A text in the name, whatever the case and the accents.
        q: Search = "q",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum ServiceAccountSort: ascending Name {
        Name = "name" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type ServiceAccounts = ListQuery<ServiceAccountFilter, ServiceAccountSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listServiceAccounts", "List service accounts")
        .describe("Deactivated ones too.")
        .query::<ServiceAccounts>()
        .lists::<ServiceAccountView>(
            "A page of service accounts",
            json!([crate::http::example::service_account()]),
        )
}

pub(super) async fn handle(
    caller: RequiresWithin<ServiceAccountRead>,
    query: ServiceAccounts,
) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        ServiceAccountSort::Name => Order::Name,
        ServiceAccountSort::CreatedAt => Order::CreatedAt,
    };
    let scope = caller.app().db().scope(caller.organization());
    let (reached, direction) = (caller.narrowed(&FIELDS)?, query.sort.direction);
    let text = query.filter.q.as_ref().map(Search::text);
    let listed = service_accounts::list(scope, reached, text, order, direction, &query.page, query.start()).await?;
    let listed = Listed {
        items: listed.items.iter().map(ServiceAccountView::from).collect(),
        total: listed.total,
        has_more: listed.has_more,
    };
    query.answer(&listed, place)
}

/// Where an account stands in the order that was asked for.
fn place(account: &ServiceAccountView, sort: ServiceAccountSort) -> Place {
    match sort {
        ServiceAccountSort::Name => Place::text(kernel::fold(&account.name), account.id),
        ServiceAccountSort::CreatedAt => Place::time(account.created_at, account.id),
    }
}
