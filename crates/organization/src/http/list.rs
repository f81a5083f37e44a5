//! `GET /organizations`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Doc, ListQuery, Place, Requires, Search};
use serde_json::json;

use crate::domain::Document;
use crate::manifest::OrganizationRead;
use crate::store::organizations::{self, Filter, Order};

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct OrganizationFilter {
        /// Only active organizations, or only inactive ones.
        is_active: bool = "isActive",
        /// A text in the name or the slug, whatever the case and the accents.
        q: Search = "q",
        /// The organization with this CNPJ, with or without punctuation.
        document: Document = "document",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum OrganizationSort: ascending Name {
        Name = "name" (Text),
        Slug = "slug" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Organizations = ListQuery<OrganizationFilter, OrganizationSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listOrganizations", "List organizations")
        .query::<Organizations>()
        .lists::<OrganizationView>("A page of organizations", json!([super::example::organization()]))
}

pub(super) async fn handle(caller: Requires<OrganizationRead>, query: Organizations) -> Result<Answer, ApiError> {
    let filter = Filter {
        is_active: query.filter.is_active,
        document: query.filter.document.as_ref().map(Document::as_str),
        text: query.filter.q.as_ref().map(Search::text),
    };
    let order = match query.sort.key {
        OrganizationSort::Name => Order::Name,
        OrganizationSort::Slug => Order::Slug,
        OrganizationSort::CreatedAt => Order::CreatedAt,
    };
    let scope = caller.app().db().global();
    let listed = organizations::list(scope, &filter, order, query.sort.direction, &query.page, query.start()).await?;
    query.answer(&listed, place)
}

/// Where an organization stands in the order that was asked for.
fn place(organization: &OrganizationView, sort: OrganizationSort) -> Place {
    match sort {
        OrganizationSort::Name => Place::text(kernel::fold(&organization.name), organization.id),
        OrganizationSort::Slug => Place::text(organization.slug.as_str(), organization.id),
        OrganizationSort::CreatedAt => Place::time(organization.created_at, organization.id),
    }
}
