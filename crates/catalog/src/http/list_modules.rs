//! `GET /modules`

use http::{Answer, ApiError, Doc, ListQuery, Place, Requires, Search};
use serde_json::json;

use super::short_list;
use crate::manifest::ModuleRead;
use crate::store::modules;
use crate::views::{self, ModuleView};

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct ModuleFilter {
        /// Only modules that are active for the installation, or only inactive ones.
        is_active: bool = "isActive",
        /// A text in the name or the code, whatever the case and the accents.
        q: Search = "q",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum ModuleSort: ascending SortOrder {
        SortOrder = "sortOrder" (Integer),
        Name = "name" (Text),
        Code = "code" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Modules = ListQuery<ModuleFilter, ModuleSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listModules", "List modules")
        .query::<Modules>()
        .lists::<ModuleView>("A page of modules", json!([views::module_example()]))
}

pub(super) async fn handle(caller: Requires<ModuleRead>, query: Modules) -> Result<Answer, ApiError> {
    let text = query.filter.q.as_ref().map(|search| kernel::fold(search.text()));
    let mut all = modules::all(caller.app().db().global()).await?;
    all.retain(|module| {
        let is_found = |text: &String| {
            kernel::fold(&module.name).contains(text.as_str()) || kernel::fold(&module.code).contains(text.as_str())
        };
        query.filter.is_active.is_none_or(|wanted| module.is_active == wanted) && text.as_ref().is_none_or(is_found)
    });
    short_list::answer(&query, all.iter().map(ModuleView::from).collect(), place)
}

/// Where a module stands in the order that was asked for.
fn place(module: &ModuleView, sort: ModuleSort) -> Place {
    match sort {
        ModuleSort::SortOrder => Place::integer(module.sort_order, module.id),
        ModuleSort::Name => Place::text(kernel::fold(&module.name), module.id),
        ModuleSort::Code => Place::text(module.code.as_str(), module.id),
        ModuleSort::CreatedAt => Place::time(module.created_at, module.id),
    }
}
