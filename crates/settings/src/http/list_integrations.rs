//! `GET /integrations`

use http::{Answer, ApiError, Doc, ListQuery, Place, Requires, Search};
use serde_json::json;
use vault::Sealer;

use super::integration_inputs::ProviderCode;
use crate::manifest::IntegrationRead;
use crate::store::integrations::{self, Filter, Order};
use crate::view::IntegrationView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct IntegrationFilter {
        /// Only those of this provider.
        provider: ProviderCode = "provider",
        /// Only those that may be used, or only the others.
        is_active: bool = "isActive",
        /// A text in the name, whatever the case and the accents.
        q: Search = "q",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum IntegrationSort: ascending Name {
        Name = "name" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Integrations = ListQuery<IntegrationFilter, IntegrationSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listIntegrations", "List integrations")
        .query::<Integrations>()
        .lists::<IntegrationView>("A page of integrations", json!([super::example::integration()]))
}

pub(super) async fn handle(caller: Requires<IntegrationRead>, query: Integrations) -> Result<Answer, ApiError> {
    let filter = Filter {
        provider: query.filter.provider.map(|provider| provider.0.code),
        is_active: query.filter.is_active,
        text: query.filter.q.as_ref().map(Search::text),
    };
    let order = match query.sort.key {
        IntegrationSort::Name => Order::Name,
        IntegrationSort::CreatedAt => Order::CreatedAt,
    };
    let sealer = caller.app().port::<Sealer>()?;
    let scope = caller.app().db().scope(caller.granted().organization());
    let (direction, page, start) = (query.sort.direction, &query.page, query.start());
    let listed = integrations::list(scope, &sealer, &filter, order, direction, page, start).await?;
    query.answer(&listed, place)
}

/// Where an integration stands in the order that was asked for.
fn place(integration: &IntegrationView, sort: IntegrationSort) -> Place {
    match sort {
        IntegrationSort::Name => Place::text(kernel::fold(&integration.name), integration.id),
        IntegrationSort::CreatedAt => Place::time(integration.created_at, integration.id),
    }
}
