//! Seeding the system roles.

use contracts::access::{MODULE_MANAGER, ORG_ADMIN, SUPER_ADMIN, VIEWER};
use db::{AccessChange, ChangeKind, Db, DbError, UnitContext};
use kernel::{Actor, OrganizationId};

use crate::store::system_roles;

/// Code, name, description.
const SYSTEM_ROLES: [(&str, &str, &str); 4] = [
    (
        SUPER_ADMIN,
        "Super administrator",
        "Operates the installation: bypasses grants inside the platform organization",
    ),
    (
        ORG_ADMIN,
        "Administrator",
        "Holds every permission of the organization's active modules",
    ),
    (
        MODULE_MANAGER,
        "Module manager",
        "Holds every permission of one active module",
    ),
    (VIEWER, "Viewer", "Sees everything of the organization's active modules"),
];

/// Writes the system roles where they are missing or read otherwise. Twice is the same as once.
///
/// # Errors
/// [`DbError`].
pub async fn seed_system_roles(db: &Db, platform: OrganizationId) -> Result<(), DbError> {
    let context = UnitContext::tenant(Actor::system("seed"), platform)
        .unaudited("system roles follow the program's own declarations; their history is the program's");
    db.write(context, |uow| async move {
        let mut wrote = false;
        for (code, name, description) in SYSTEM_ROLES {
            wrote |= system_roles::declare(&uow, code, name, description).await?;
        }
        if wrote {
            uow.access_changed(AccessChange {
                organization_id: None,
                kind: ChangeKind::Catalogue,
                subject: None,
                until: None,
            });
        }
        Ok(())
    })
    .await
}
