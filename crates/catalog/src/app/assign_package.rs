//! Putting an organization on a package.

use authz::Granted;
use contracts::organization::OrganizationView;
use db::{DbError, UnitOfWork};
use kernel::{DomainEvent, FieldValue, OrganizationId};

use super::{Neighbours, Refusal, entitlements_changed};
use crate::domain::{ModuleFacts, PackageCode, Standing};
use crate::manifest::{EntitlementUpdate, PACKAGE_ASSIGNED};
use crate::store::{modules, packages, standings};
use crate::views::AssignmentView;

/// The codes of the business modules that are on.
fn on(standing: &Standing, modules: &[ModuleFacts], uow: &UnitOfWork) -> Vec<String> {
    let active = modules
        .iter()
        .filter(|module| !module.is_core && standing.module(module, uow.now()).0);
    active.map(|module| module.code.clone()).collect()
}

fn texts(codes: &[String]) -> FieldValue {
    codes.to_vec().into()
}

/// Puts an organization on a package, if it still is as the client knows it: its modules are on from now, and those of the package
/// before are off, except what was switched by hand or excepted. Nothing happens to one that is on the package with all of its
/// modules.
///
/// # Errors
/// [`Refusal`]: not found, stale, an unknown package.
pub(crate) async fn assign_package(
    _: &Granted<EntitlementUpdate>,
    uow: &UnitOfWork,
    neighbours: &Neighbours,
    id: OrganizationId,
    is_current: impl FnOnce(&OrganizationView) -> bool,
    code: &PackageCode,
) -> Result<OrganizationView, Refusal> {
    let package = packages::find_by_code(uow.global().reads(), code.as_str()).await?;
    let package = package.ok_or_else(|| Refusal::unknown("packageCode"))?;
    let organization = neighbours.lock(uow, id).await?;
    if !is_current(&organization) {
        return Err(Refusal::Stale);
    }
    let modules = modules::facts(uow.global().reads()).await?;
    let before = standings::load(uow.scope(id).reads()).await?;
    let is_the_same = before.package.as_ref().is_some_and(|known| known.id == package.id);
    if is_the_same && !before.has_stale_modules(&modules) {
        return Ok(organization);
    }
    standings::assign(uow, id, package.id, modules::on_epoch(uow).await?).await?;
    neighbours.note_package(uow, id, code.as_str()).await?;
    let after = standings::load(uow.scope(id).reads()).await?;
    let (were_on, are_on) = (on(&before, &modules, uow), on(&after, &modules, uow));
    // Also for those of the package that an exception keeps off: it may end without anybody doing anything.
    let contracted =
        |module: &&ModuleFacts| !module.is_core && package.contents.modules.iter().any(|named| named.id == module.id);
    let new = |module: &&ModuleFacts| {
        !were_on.contains(&module.code) && (are_on.contains(&module.code) || contracted(module))
    };
    for module in modules.iter().filter(new) {
        neighbours.module_activated(uow, id, &module.code).await?;
    }
    let event = DomainEvent::new(PACKAGE_ASSIGNED, id)
        .changed("packageCode", organization.package_code.as_deref(), code.as_str())
        .changed("modules", texts(&were_on), texts(&are_on));
    let view = AssignmentView {
        id,
        package_code: code.as_str().to_owned(),
        modules: are_on,
    };
    uow.record_all(id, [event], &view)?;
    entitlements_changed(uow, id);
    Ok(OrganizationView {
        package_code: Some(view.package_code),
        updated_at: uow.now(),
        ..organization
    })
}

/// Puts an organization on a package that the same unit of work made; the codes of the business modules that are on for it, or
/// nothing where there is no such package.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn assign_new(
    uow: &UnitOfWork,
    id: OrganizationId,
    code: &str,
) -> Result<Option<Vec<String>>, DbError> {
    let Some((package, modules)) = packages::active_modules(uow.global().reads(), code).await? else {
        return Ok(None);
    };
    standings::assign(uow, id, package, modules::on_epoch(uow).await?).await?;
    let event = DomainEvent::new(PACKAGE_ASSIGNED, id)
        .changed("packageCode", FieldValue::Null, code)
        .changed("modules", FieldValue::List(Vec::new()), texts(&modules));
    let view = AssignmentView {
        id,
        package_code: code.to_owned(),
        modules,
    };
    uow.record_all(id, [event], &view)?;
    entitlements_changed(uow, id);
    Ok(Some(view.modules))
}
