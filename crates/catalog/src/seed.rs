//! Bringing the catalogue in line with what the contexts declare.

use contracts::Manifest;
use contracts::catalog::ModuleId;
use db::{AccessChange, ChangeKind, Db, DbError, UnitContext, UnitOfWork};
use kernel::{Actor, OrganizationId};

use crate::domain::StoredModule;
use crate::store::{modules, permissions};

/// What seeding did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Modules and permissions that are new or changed.
    pub written: usize,
    /// Declared permissions that no context declares any more. They are reported and never deleted: roles may hold them.
    pub orphaned: Vec<String>,
}

/// Writes the declared modules and permissions. Twice is the same as once, and two nodes may do it together.
///
/// # Errors
/// [`DbError`].
pub async fn seed(db: &Db, platform: OrganizationId, manifests: Vec<Manifest>) -> Result<Seeded, DbError> {
    let context = UnitContext::tenant(Actor::system("seed"), platform)
        .unaudited("the catalogue follows the program's own declarations; its history is the program's");
    db.write(context, move |uow| {
        let manifests = manifests.clone();
        async move { bring_in_line(&uow, &manifests).await }
    })
    .await
}

fn is_as_declared(module: &StoredModule, manifest: &Manifest) -> bool {
    module.name == manifest.name
        && module.description.as_deref() == Some(manifest.description)
        && module.is_core == manifest.is_core
}

async fn bring_in_line(uow: &UnitOfWork, manifests: &[Manifest]) -> Result<Seeded, DbError> {
    let mut seeded = Seeded::default();
    let known_modules = modules::all(uow.global().reads()).await?;
    let known_permissions = permissions::all(uow.global().reads()).await?;
    for (place, manifest) in manifests.iter().enumerate() {
        let order = i64::try_from(place).unwrap_or(i64::MAX);
        let known = known_modules.iter().find(|module| module.code == manifest.code);
        let id: ModuleId = known.map_or_else(|| uow.generators().id(), |module| module.id);
        if known.is_none_or(|module| !is_as_declared(module, manifest)) {
            modules::declare(uow, id, manifest, order).await?;
            seeded.written += 1;
        }
        for declared in manifest.permissions {
            let known = known_permissions
                .iter()
                .find(|permission| permission.code == declared.code);
            if known.is_none_or(|permission| !permission.is_as_declared(declared)) {
                permissions::declare(uow, id, declared).await?;
                seeded.written += 1;
            }
        }
    }
    let declared = |code: &str| {
        manifests
            .iter()
            .any(|manifest| manifest.permissions.iter().any(|permission| permission.code == code))
    };
    let orphans = known_permissions
        .into_iter()
        .filter(|permission| permission.is_declared && !declared(&permission.code));
    seeded.orphaned = orphans.map(|permission| permission.code).collect();
    if seeded.written > 0 {
        uow.access_changed(AccessChange {
            organization_id: None,
            kind: ChangeKind::Catalogue,
            subject: None,
            until: None,
        });
    }
    Ok(seeded)
}
