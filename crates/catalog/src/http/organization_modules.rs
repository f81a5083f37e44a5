//! The modules of an organization, as two routes list them.

use futures_util::try_join;
use http::{Answer, ApiError, App, ListQuery, Place};
use kernel::OrganizationId;

use super::short_list;
use crate::store::{modules, standings};
use crate::views::OrganizationModuleView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct OrganizationModuleFilter {
        /// Only modules that are on, or only those that are off.
        is_active: bool = "isActive",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum OrganizationModuleSort: ascending SortOrder {
        SortOrder = "sortOrder" (Integer),
        Name = "name" (Text),
        Code = "code" (Text),
    }
}

pub(super) type OrganizationModules = ListQuery<OrganizationModuleFilter, OrganizationModuleSort>;

/// The modules about which something was decided for the organization: by its package, by hand or by an exception.
pub(super) async fn list(
    app: &App,
    organization: OrganizationId,
    query: &OrganizationModules,
) -> Result<Answer, ApiError> {
    let db = app.db();
    let (modules, standing) = try_join!(modules::all(db.global()), standings::load(db.scope(organization)))?;
    let now = app.generators().now();
    let views = modules
        .iter()
        .map(|module| OrganizationModuleView::of(module, &standing, now))
        .filter(|view| view.source.is_some())
        .filter(|view| query.filter.is_active.is_none_or(|wanted| view.is_active == wanted));
    short_list::answer(query, views.collect(), place)
}

/// Where a module stands in the order that was asked for.
fn place(view: &OrganizationModuleView, sort: OrganizationModuleSort) -> Place {
    let module = &view.module;
    match sort {
        OrganizationModuleSort::SortOrder => Place::integer(module.sort_order, module.id),
        OrganizationModuleSort::Name => Place::text(kernel::fold(&module.name), module.id),
        OrganizationModuleSort::Code => Place::text(module.code.as_str(), module.id),
    }
}
