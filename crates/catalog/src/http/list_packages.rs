//! `GET /packages`

use db::list::Listed;
use http::{Answer, ApiError, Doc, ListQuery, Place, Requires, Search};
use serde_json::json;

use crate::manifest::PackageRead;
use crate::store::packages::{self, Order};
use crate::views::{self, PackageView};

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct PackageFilter {
        /// A text in the name or the code, whatever the case and the accents.
        q: Search = "q",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum PackageSort: ascending Name {
        Name = "name" (Text),
        Code = "code" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Packages = ListQuery<PackageFilter, PackageSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listPackages", "List packages")
        .query::<Packages>()
        .lists::<PackageView>("A page of packages", json!([views::package_example()]))
}

pub(super) async fn handle(caller: Requires<PackageRead>, query: Packages) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        PackageSort::Name => Order::Name,
        PackageSort::Code => Order::Code,
        PackageSort::CreatedAt => Order::CreatedAt,
    };
    let scope = caller.app().db().global();
    let text = query.filter.q.as_ref().map(Search::text);
    let listed = packages::list(scope, text, order, query.sort.direction, &query.page, query.start()).await?;
    let listed = Listed {
        items: listed.items.iter().map(PackageView::from).collect(),
        total: listed.total,
        has_more: listed.has_more,
    };
    query.answer(&listed, place)
}

/// Where a package stands in the order that was asked for.
fn place(package: &PackageView, sort: PackageSort) -> Place {
    match sort {
        PackageSort::Name => Place::text(kernel::fold(&package.name), package.id),
        PackageSort::Code => Place::text(package.code.as_str(), package.id),
        PackageSort::CreatedAt => Place::time(package.created_at, package.id),
    }
}
