//! The access matrix: what it takes to use each route, as a file that people read in a review.
//!
//! It is made from the table that the router itself serves, so it cannot say otherwise than the server does.

use std::fmt::Write as _;

use authz::PermissionScope;
use http::{Access, RouteInfo};

const HEAD: &str = "\
# What it takes to use each route: made by `lastro access-matrix`, compared by .ci/run.
#
# nobody      a caller without a credential
# stranger    a live credential that holds nothing
# holder      a credential that holds the permission, in its own organization
#             (elsewhere: the same holder, for what belongs to another organization)
";

/// The matrix of these routes.
#[must_use]
pub fn render<'r>(routes: impl IntoIterator<Item = &'r RouteInfo>) -> String {
    let mut rows: Vec<[String; 6]> = routes.into_iter().map(row).collect();
    rows.sort_by(|one, other| {
        one.get(1..)
            .cmp(&other.get(1..))
            .then_with(|| one.first().cmp(&other.first()))
    });
    let head = ["method", "path", "needs", "nobody", "stranger", "holder"].map(str::to_owned);
    let widths = std::iter::once(&head).chain(&rows).fold([0; 6], |mut widths, row| {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
        widths
    });
    let mut text = HEAD.to_owned();
    for row in std::iter::once(&head).chain(&rows) {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect::<Vec<_>>();
        // Writing to a String does not fail.
        let _infallible = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn row(route: &RouteInfo) -> [String; 6] {
    let (needs, nobody, stranger, holder) = match route.access() {
        Access::Public { reason } => (format!("public: {reason}"), "yes", "yes", "yes"),
        Access::Authenticated => ("authenticated".to_owned(), "401", "yes", "yes"),
        Access::Requires(permission) => match permission.scope {
            PermissionScope::Tenant => (permission.code.to_owned(), "401", "403", "yes; elsewhere 404"),
            PermissionScope::Platform => (permission.code.to_owned(), "401", "403", "platform only; elsewhere 403"),
        },
    };
    [
        route.method().as_str().to_owned(),
        route.template().to_owned(),
        needs,
        nobody.to_owned(),
        stranger.to_owned(),
        holder.to_owned(),
    ]
}
