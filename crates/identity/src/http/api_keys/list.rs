//! `GET /api-keys`

use contracts::identity::ApiKeyView;
use db::list::Listed;
use http::{Answer, ApiError, Doc, ListQuery, Place, RequiresWithin, Search};
use serde_json::json;

use crate::manifest::ApiKeyRead;
use crate::store::api_keys::{self, FIELDS, Order, view};

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct ApiKeyFilter {
        /// A text in the name, whatever the case and the accents.
        q: Search = "q",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum ApiKeySort: ascending Name {
        Name = "name" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type ApiKeys = ListQuery<ApiKeyFilter, ApiKeySort>;

pub(super) fn doc() -> Doc {
    Doc::new("listApiKeys", "List API keys")
        .describe("Revoked and expired ones too, which are not active.")
        .query::<ApiKeys>()
        .lists::<ApiKeyView>("A page of keys", json!([crate::http::example::api_key()]))
}

pub(super) async fn handle(caller: RequiresWithin<ApiKeyRead>, query: ApiKeys) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        ApiKeySort::Name => Order::Name,
        ApiKeySort::CreatedAt => Order::CreatedAt,
    };
    let scope = caller.app().db().scope(caller.organization());
    let (reached, direction) = (caller.narrowed(&FIELDS)?, query.sort.direction);
    let text = query.filter.q.as_ref().map(Search::text);
    let listed = api_keys::list(scope, reached, text, order, direction, &query.page, query.start()).await?;
    let now = caller.app().generators().now();
    let listed = Listed {
        items: listed.items.iter().map(|key| view(key, now)).collect(),
        total: listed.total,
        has_more: listed.has_more,
    };
    query.answer(&listed, place)
}

/// Where a key stands in the order that was asked for.
fn place(key: &ApiKeyView, sort: ApiKeySort) -> Place {
    match sort {
        ApiKeySort::Name => Place::text(kernel::fold(&key.name), key.id),
        ApiKeySort::CreatedAt => Place::time(key.created_at, key.id),
    }
}
