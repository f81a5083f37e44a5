//! Editing a package.

use authz::Granted;
use contracts::catalog::PackageId;
use db::UnitOfWork;

use super::{AskedContents, Refusal, package_changed, resolve};
use crate::domain::{Description, Name, Package, PackageChanges};
use crate::manifest::PackageUpdate;
use crate::store::{modules, packages};

/// What to change about a package; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct AskedChanges {
    pub(crate) name: Option<Name>,
    pub(crate) description: Option<Option<Description>>,
    pub(crate) contents: AskedContents,
}

/// Edits a package, if it still is as the client knows it. It writes the package's rows alone, and every organization on it follows:
/// what they may use is computed from them. Modules that are named again are on again where they had been switched off for the
/// installation meanwhile.
///
/// # Errors
/// [`Refusal`]: not found, stale, invalid.
pub(crate) async fn update_package(
    granted: &Granted<PackageUpdate>,
    uow: &UnitOfWork,
    id: PackageId,
    is_current: impl FnOnce(&Package) -> bool,
    asked: AskedChanges,
) -> Result<Package, Refusal> {
    let names_modules = asked.contents.modules.is_some();
    let resolved = resolve(uow.global().reads(), asked.contents).await?;
    let mut package = packages::lock(uow, id).await?.ok_or(Refusal::NotFound)?;
    if !is_current(&package) {
        return Err(Refusal::Stale);
    }
    let before = package.state().contents.clone();
    let changes = PackageChanges {
        name: asked.name,
        description: asked.description,
        modules: resolved.modules,
        withheld: resolved.withheld,
        quotas: resolved.quotas,
    };
    package.change(changes, uow.now());
    let mut renewed = Vec::new();
    if names_modules {
        renewed = packages::stale_modules(uow, id).await?;
        renewed.retain(|stale| {
            package
                .state()
                .contents
                .modules
                .iter()
                .any(|module| module.id == *stale)
        });
        if !renewed.is_empty() {
            package.renew(uow.now());
        }
    }
    let epoch = modules::on_epoch(uow).await?;
    let changed = packages::save(uow, granted.organization(), &before, &mut package, &renewed, epoch).await?;
    if changed && (before != package.state().contents || !renewed.is_empty()) {
        package_changed(uow, id);
    }
    Ok(package)
}
