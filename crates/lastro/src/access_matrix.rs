//! The access matrix: who may use each route, as a file that people read in a review.
//!
//! It is made from the table that the router itself serves and by the decisions that it itself takes, so it cannot say otherwise
//! than the server does: a customer's organization and the platform's, each with a user for every system role, are decided about.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use authz::snapshot::{
    Because, Catalogue, ModuleRow, Outcome, Period, PermissionRow, Principal, Rows, Snapshot, SystemRole,
    SystemRoleRow, TooLarge, UserRoleRow, UserRow,
};
use authz::{PermissionInfo, PermissionScope};
use http::{Access, RouteInfo};
use kernel::{Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

const HEAD: &str = "\
# Who may use each route: made by `lastro access-matrix`, compared by .ci/run.
#
# nobody          a caller without a credential
# stranger        a live credential that holds nothing
# SUPER_ADMIN …   a user with the system role, in a customer's organization; where the platform's differs, it stands behind a slash.
#                 A module manager is that of the route's module
# elsewhere       the same caller, for what belongs to another organization: it is not there, or the route is the platform's own.
#                 A dash where the path names nothing: the organization is the caller's, always
";

const COLUMNS: usize = 10;
type Cells = [String; COLUMNS];

/// The matrix of these routes.
///
/// # Errors
/// [`TooLarge`], which no program is.
pub fn render<'r>(routes: impl IntoIterator<Item = &'r RouteInfo>) -> Result<String, TooLarge> {
    let routes: Vec<&RouteInfo> = routes.into_iter().collect();
    let judges = Judges::of(&routes)?;
    let mut rows: Vec<Cells> = routes.into_iter().map(|route| row(&judges, route)).collect();
    rows.sort_by(|one, other| {
        one.get(1..)
            .cmp(&other.get(1..))
            .then_with(|| one.first().cmp(&other.first()))
    });
    let [super_admin, org_admin, manager, viewer] = SystemRole::ALL.map(SystemRole::code);
    let head = [
        "method",
        "path",
        "needs",
        "nobody",
        "stranger",
        super_admin,
        org_admin,
        manager,
        viewer,
        "elsewhere",
    ]
    .map(str::to_owned);
    let widths = std::iter::once(&head)
        .chain(&rows)
        .fold([0; COLUMNS], |mut widths, row| {
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
    Ok(text)
}

fn row(judges: &Judges, route: &RouteInfo) -> Cells {
    let names_something = route.path_parameters().next().is_some();
    let (needs, nobody, stranger, roles, elsewhere) = match route.access() {
        Access::Public { reason } => (
            format!("public: {reason}"),
            "yes",
            "yes",
            ["yes"; 4].map(str::to_owned),
            "-",
        ),
        Access::Authenticated => {
            let elsewhere = if names_something { "404" } else { "-" };
            (
                "authenticated".to_owned(),
                "401",
                "yes",
                ["yes"; 4].map(str::to_owned),
                elsewhere,
            )
        }
        Access::Requires(permission) => {
            let elsewhere = match permission.scope {
                PermissionScope::Platform => "platform",
                PermissionScope::Tenant if names_something => "404",
                PermissionScope::Tenant => "-",
            };
            (
                permission.code.to_owned(),
                "401",
                "403",
                judges.of_roles(permission),
                elsewhere,
            )
        }
    };
    let [super_admin, org_admin, manager, viewer] = roles;
    [
        route.method().as_str().to_owned(),
        route.template().to_owned(),
        needs,
        nobody.to_owned(),
        stranger.to_owned(),
        super_admin,
        org_admin,
        manager,
        viewer,
        elsewhere.to_owned(),
    ]
}

/// A customer's organization and the platform's, with a user for each system role, and a manager for each module.
struct Judges {
    customer: Snapshot,
    platform: Snapshot,
    modules: Vec<&'static str>,
}

/// The users by their roles; the managers follow, by their modules.
fn user(number: usize) -> Uuid {
    Uuid::from_u128(1_000 + number as u128)
}

impl Judges {
    fn of(routes: &[&RouteInfo]) -> Result<Self, TooLarge> {
        let permissions: BTreeMap<&str, &'static PermissionInfo> = routes
            .iter()
            .filter_map(|route| match route.access() {
                Access::Requires(permission) => Some((permission.code, permission)),
                Access::Public { .. } | Access::Authenticated => None,
            })
            .collect();
        let mut modules: Vec<&'static str> = permissions.values().map(|permission| permission.module).collect();
        modules.sort_unstable();
        modules.dedup();
        let role = |number: usize| Uuid::from_u128(100 + number as u128);
        let permission_rows = permissions
            .values()
            .enumerate()
            .map(|(number, permission)| PermissionRow {
                id: Uuid::from_u128(10_000 + number as u128),
                code: permission.code.to_owned(),
                module: permission.module.to_owned(),
                action: permission.action.to_owned(),
                scope: permission.scope,
            });
        let system_roles = SystemRole::ALL
            .into_iter()
            .enumerate()
            .map(|(number, system)| SystemRoleRow {
                id: role(number),
                role: system,
            });
        let catalogue = Arc::new(Catalogue::new(permission_rows.collect(), system_roles.collect())?);
        let mut rows = Rows::default();
        for (number, system) in SystemRole::ALL.into_iter().enumerate() {
            // Its manager is another user for each module.
            let modules: Vec<(usize, Option<String>)> = if system == SystemRole::ModuleManager {
                let managers = modules.iter().enumerate();
                managers
                    .map(|(place, module)| (SystemRole::ALL.len() + place, Some((*module).to_owned())))
                    .collect()
            } else {
                vec![(number, None)]
            };
            for (place, module) in modules {
                rows.users.push(UserRow {
                    id: user(place),
                    is_active: true,
                });
                rows.user_roles.push(UserRoleRow {
                    user: user(place),
                    role: role(number),
                    module,
                    expires_at: None,
                });
            }
        }
        rows.modules = modules
            .iter()
            .map(|module| ModuleRow {
                module: (*module).to_owned(),
                is_active: true,
                because: Because::Core,
                period: Period::ALWAYS,
            })
            .collect();
        let organization = |number| OrganizationId::from_uuid(Uuid::from_u128(number));
        Ok(Self {
            customer: Snapshot::build(organization(1), false, Arc::clone(&catalogue), &rows)?,
            platform: Snapshot::build(organization(2), true, catalogue, &rows)?,
            modules,
        })
    }

    /// What the route says to each system role, the widest first.
    fn of_roles(&self, permission: &PermissionInfo) -> [String; 4] {
        let manager = self.modules.iter().position(|module| *module == permission.module);
        let manager = SystemRole::ALL.len() + manager.unwrap_or_default();
        [0, 1, manager, 3].map(|number| {
            let [customer, platform] =
                [&self.customer, &self.platform].map(|snapshot| answer(snapshot, user(number), permission));
            if customer == platform {
                customer.to_owned()
            } else {
                format!("{customer}/{platform}")
            }
        })
    }
}

fn answer(snapshot: &Snapshot, user: Uuid, permission: &PermissionInfo) -> &'static str {
    let decided = snapshot
        .catalogue()
        .find(permission.code)
        .map(|index| snapshot.decide(Principal::user(user), index, Timestamp::UNIX_EPOCH));
    match decided {
        Some(Outcome::Allowed) => "yes",
        _ => "403",
    }
}

#[cfg(test)]
mod tests {
    use crate::app;

    #[test]
    fn the_matrix_says_what_the_contract_says() {
        let routes = app::routes().unwrap();
        let text = super::render(routes.iter().map(AsRef::as_ref)).unwrap();
        let cells = |method: &str, path: &str| {
            let line = text.lines().find(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(method) && words.next() == Some(path)
            });
            let words: Vec<&str> = line
                .unwrap_or_else(|| panic!("{path}"))
                .split_whitespace()
                .skip(2)
                .collect();
            words.join(" ")
        };
        assert_eq!(
            cells("GET", "/api/v1/roles/{id}"),
            "RBAC_ROLE_READ 401 403 403/yes yes yes yes 404"
        );
        assert_eq!(
            cells("POST", "/api/v1/roles"),
            "RBAC_ROLE_CREATE 401 403 403/yes yes yes 403 -"
        );
        assert_eq!(
            cells("POST", "/api/v1/permissions"),
            "RBAC_PERMISSION_CREATE 401 403 403/yes 403 403 403 platform"
        );
    }
}
