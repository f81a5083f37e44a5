//! Seeding what the catalogue file says.

use db::{AccessChange, ChangeKind, Db, DbError, UnitContext, UnitOfWork};
use kernel::{Actor, OrganizationId, RuleViolation, hexadecimal};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::app::{AskedContents, AskedTerms, Refusal, resolve};
use crate::domain::{
    Contents, Description, Icon, Metric, Module, ModuleChanges, ModuleCode, Name, NewModule, NewPackage, Package,
    PackageChanges, PackageCode,
};
use crate::file::{BUILT_IN, Catalogue, InvalidCatalogue, ModuleEntry, PackageEntry, QuotaEntry};
use crate::store::seeds::{self, Kind};
use crate::store::{modules, packages, permissions};

/// What seeding the catalogue file did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogueSeeded {
    /// Modules and packages that are new, or that the file says something else of than last time.
    pub written: usize,
    /// Modules and packages that were in the file once and are not now, as `module FINANCE`. They are reported and never deleted:
    /// customers may be using them.
    pub removed: Vec<String>,
}

/// Why the catalogue file was not seeded.
#[derive(Debug, thiserror::Error)]
pub enum SeedCatalogueError {
    /// The file is invalid.
    #[error(transparent)]
    Invalid(#[from] InvalidCatalogue),
    /// A package names what there is not.
    #[error("the package {package} of the catalogue file: {problems}")]
    Unknown {
        /// Its code.
        package: String,
        /// What is wrong.
        problems: String,
    },
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// Seeds the catalogue file: `replacement` from now on if there is one, else the one that took the place of the built-in file
/// before, else the built-in one. Twice is the same as once. What an operator changed through the API since an entry was seeded stays
/// until the entry changes.
///
/// # Errors
/// [`SeedCatalogueError`]; nothing is written then.
pub async fn seed_catalogue(
    db: &Db,
    platform: OrganizationId,
    replacement: Option<&str>,
) -> Result<CatalogueSeeded, SeedCatalogueError> {
    let stored = match replacement {
        Some(_) => None,
        None => seeds::file(db.global()).await?,
    };
    let text = replacement.or(stored.as_deref()).unwrap_or(BUILT_IN);
    let catalogue = Catalogue::parse(text)?;
    let replacement = replacement.map(str::to_owned);
    let context = UnitContext::tenant(Actor::system("seed"), platform)
        .unaudited("the catalogue follows its file; its history is the file's");
    db.write(context, move |uow| {
        let (catalogue, replacement) = (catalogue.clone(), replacement.clone());
        async move {
            if let Some(content) = &replacement {
                seeds::store_file(&uow, content).await?;
            }
            Box::pin(bring_in_line(&uow, platform, &catalogue)).await
        }
    })
    .await
}

fn digest(entry: &impl Serialize) -> Result<String, DbError> {
    let text = serde_json::to_string(entry)
        .map_err(|error| DbError::Internal(format!("an entry of the catalogue cannot be rendered: {error}")))?;
    Ok(hexadecimal(&Sha256::digest(text)))
}

async fn bring_in_line(
    uow: &UnitOfWork,
    platform: OrganizationId,
    catalogue: &Catalogue,
) -> Result<CatalogueSeeded, SeedCatalogueError> {
    let known = seeds::all(uow.global().reads()).await?;
    let mut seeded = CatalogueSeeded::default();
    let is_known = |kind: Kind, code: &str, digest: &str| {
        let key = (kind.as_str().to_owned(), code.to_owned());
        known.get(&key).is_some_and(|known| known == digest)
    };
    for entry in &catalogue.modules {
        let digest = digest(entry)?;
        if !is_known(Kind::Module, &entry.code, &digest) {
            // Each on the heap: together they are more than a thread's stack takes.
            Box::pin(write_module(uow, platform, entry)).await?;
            seeds::note(uow, Kind::Module, &entry.code, &digest).await?;
            seeded.written += 1;
        }
    }
    for entry in &catalogue.packages {
        let digest = digest(entry)?;
        if !is_known(Kind::Package, &entry.code, &digest) {
            Box::pin(write_package(uow, platform, entry)).await?;
            seeds::note(uow, Kind::Package, &entry.code, &digest).await?;
            seeded.written += 1;
        }
    }
    let is_there = |kind: &str, code: &str| {
        (kind == Kind::Module.as_str() && catalogue.modules.iter().any(|entry| entry.code == code))
            || (kind == Kind::Package.as_str() && catalogue.packages.iter().any(|entry| entry.code == code))
    };
    let removed = known.keys().filter(|(kind, code)| !is_there(kind, code));
    seeded.removed = removed.map(|(kind, code)| format!("{kind} {code}")).collect();
    seeded.removed.sort_unstable();
    if seeded.written > 0 {
        for kind in [ChangeKind::Catalogue, ChangeKind::Entitlements, ChangeKind::Quotas] {
            uow.access_changed(AccessChange {
                organization_id: None,
                kind,
                subject: None,
                until: None,
            });
        }
    }
    Ok(seeded)
}

/// The file was checked: a value that breaks its rule now is a defect.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands the violation over")]
fn defect(violation: RuleViolation) -> DbError {
    DbError::Internal(format!("an entry of the catalogue file was not checked: {violation}"))
}

async fn write_module(uow: &UnitOfWork, platform: OrganizationId, entry: &ModuleEntry) -> Result<(), DbError> {
    let name = Name::new(&entry.name).map_err(defect)?;
    let description = entry
        .description
        .as_deref()
        .map(Description::new)
        .transpose()
        .map_err(defect)?;
    let icon = entry.icon.as_deref().map(Icon::new).transpose().map_err(defect)?;
    let all = modules::facts(uow.global().reads()).await?;
    let id = match all.iter().find(|module| module.code == entry.code) {
        Some(known) => {
            if let Some(mut module) = modules::lock(uow, known.id).await? {
                let changes = ModuleChanges {
                    name: Some(name),
                    description: Some(description),
                    icon: Some(icon),
                    sort_order: Some(entry.sort_order),
                };
                module.change(changes, uow.now());
                modules::save(uow, platform, &mut module).await?;
            }
            known.id
        }
        None => {
            let new = NewModule {
                code: ModuleCode::new(&entry.code).map_err(defect)?,
                name,
                description,
                icon,
                sort_order: entry.sort_order,
            };
            let mut module = Module::create(uow.generators().id(), new, uow.now());
            // That the catalogue is there from the beginning is no news.
            module.take_events();
            modules::add(uow, platform, &mut module).await?;
            module.state().id
        }
    };
    for permission in entry.permissions() {
        permissions::add_missing(uow, id, &permission).await?;
    }
    Ok(())
}

async fn write_package(
    uow: &UnitOfWork,
    platform: OrganizationId,
    entry: &PackageEntry,
) -> Result<(), SeedCatalogueError> {
    let name = Name::new(&entry.name).map_err(defect)?;
    let description = entry
        .description
        .as_deref()
        .map(Description::new)
        .transpose()
        .map_err(defect)?;
    let quotas: Result<Vec<_>, _> = entry.quotas.iter().map(terms).collect();
    let asked = AskedContents {
        modules: Some(entry.modules.clone()),
        withheld: Some(entry.withheld.clone()),
        quotas: Some(quotas?),
    };
    let resolved = resolve(uow.global().reads(), asked)
        .await
        .map_err(|refusal| match refusal {
            Refusal::Invalid(violations) => {
                let problems: Vec<_> = violations.iter().map(ToString::to_string).collect();
                SeedCatalogueError::Unknown {
                    package: entry.code.clone(),
                    problems: problems.join("; "),
                }
            }
            Refusal::Storage(error) => error.into(),
            refusal => DbError::Internal(format!("a package of the catalogue file: {refusal:?}")).into(),
        })?;
    let epoch = modules::on_epoch(uow).await?;
    match packages::find_by_code(uow.global().reads(), &entry.code).await? {
        Some(known) => {
            let before = known.contents.clone();
            let mut package = Package::from(known);
            let changes = PackageChanges {
                name: Some(name),
                description: Some(description),
                modules: resolved.modules,
                withheld: resolved.withheld,
                quotas: resolved.quotas,
            };
            package.change(changes, uow.now());
            packages::save(uow, platform, &before, &mut package, &[], epoch).await?;
        }
        None => {
            let new = NewPackage {
                code: PackageCode::new(&entry.code).map_err(defect)?,
                name,
                description,
                contents: Contents {
                    modules: resolved.modules.unwrap_or_default(),
                    withheld: resolved.withheld.unwrap_or_default(),
                    quotas: resolved.quotas.unwrap_or_default(),
                },
            };
            let mut package = Package::create(uow.generators().id(), new, uow.now());
            package.take_events();
            packages::add(uow, platform, &mut package, epoch).await?;
        }
    }
    Ok(())
}

fn terms(entry: &QuotaEntry) -> Result<AskedTerms, DbError> {
    let unknown = || DbError::Internal("a quota of the catalogue file was not checked".into());
    Ok(AskedTerms {
        metric: Metric::new(&entry.metric).map_err(defect)?,
        limit: entry.limit,
        period: contracts::catalog::QuotaPeriod::find(&entry.period).ok_or_else(unknown)?,
        mode: contracts::catalog::QuotaMode::find(&entry.mode).ok_or_else(unknown)?,
    })
}
