//! What a change would switch, for how many. Nothing is changed.

use std::collections::{BTreeSet, HashSet};

use contracts::catalog::{ModuleId, PackageId};
use db::{Db, SystemScope};
use futures_util::try_join;
use kernel::{OrganizationId, Timestamp};

use super::{AskedContents, Neighbours, Refusal, resolve};
use crate::domain::{ModuleFacts, OnPackage, PackageCode, Packaged, Standing};
use crate::store::{modules, packages, standings};
use crate::views::PreviewView;

/// Why a preview looks at every organization on a package.
const ON_A_PACKAGE: SystemScope =
    SystemScope::new("a preview of a package counts the organizations on it for which a module would be switched");

/// Greater than every epoch: what would be switched on now.
const NOW_ON: i64 = i64::MAX;

/// What an edit of a package would switch: for the organizations on it where nothing else decides, and for those that will be put on
/// it.
///
/// # Errors
/// [`Refusal`]: not found, invalid.
pub(crate) async fn preview_package(
    db: &Db,
    neighbours: &Neighbours,
    id: PackageId,
    asked: AskedContents,
    now: Timestamp,
) -> Result<PreviewView, Refusal> {
    let asked_modules = resolve(db.global(), asked).await?.modules;
    let Some(package) = packages::lookup(db.global(), id).await? else {
        return Err(Refusal::NotFound);
    };
    let (facts, before, organizations, excepted) = try_join!(
        modules::facts(db.global()),
        packages::packaged(db.global(), id),
        packages::organizations(db.system(ON_A_PACKAGE), id),
        packages::exceptions(db.system(ON_A_PACKAGE), id, now),
    )?;
    let after = match asked_modules {
        None => before.clone(),
        Some(modules) => modules
            .iter()
            .map(|module| renewed(module.id, &facts, &before, now))
            .collect(),
    };
    let excepted: HashSet<(OrganizationId, ModuleId)> = excepted.into_iter().collect();
    let mut preview = Switched::default();
    // One that is on the package since ever stands for those to come.
    let mut on_package = OnPackage {
        id,
        code: package.code,
        on_epoch: 0,
        assigned_at: now,
    };
    preview.compare(&on_package, (&before, &after), &facts, |_| false, now);
    let mut affected = Vec::new();
    for (organization, on_epoch) in organizations {
        let is_excepted = |module: ModuleId| excepted.contains(&(organization, module));
        on_package.on_epoch = on_epoch;
        if preview.compare(&on_package, (&before, &after), &facts, is_excepted, now) {
            affected.push(organization);
        }
    }
    preview.finish(neighbours, &affected).await
}

/// A module as an edit that names it leaves it: as it is where it counts, else on from now.
fn renewed(module: ModuleId, facts: &[ModuleFacts], before: &[Packaged], now: Timestamp) -> Packaged {
    let off_epoch = facts
        .iter()
        .find(|fact| fact.id == module)
        .map_or(0, |fact| fact.off_epoch);
    let known = before
        .iter()
        .find(|known| known.module == module && known.on_epoch > off_epoch);
    known.copied().unwrap_or(Packaged {
        module,
        on_epoch: NOW_ON,
        added_at: now,
    })
}

/// What putting an organization on a package would switch.
///
/// # Errors
/// [`Refusal`]: not found, an unknown package.
pub(crate) async fn preview_assignment(
    db: &Db,
    neighbours: &Neighbours,
    organization: OrganizationId,
    code: &PackageCode,
    now: Timestamp,
) -> Result<PreviewView, Refusal> {
    let package = packages::find_by_code(db.global(), code.as_str()).await?;
    let package = package.ok_or_else(|| Refusal::unknown("packageCode"))?;
    if !neighbours.knows(organization).await? {
        return Err(Refusal::NotFound);
    }
    let (facts, packaged, before) = try_join!(
        modules::facts(db.global()),
        packages::packaged(db.global(), package.id),
        standings::load(db.scope(organization)),
    )?;
    let is_the_same = before.package.as_ref().is_some_and(|known| known.id == package.id);
    let mut preview = Switched::default();
    let mut affected = Vec::new();
    if !is_the_same || before.has_stale_modules(&facts) {
        let after = Standing {
            package: Some(OnPackage {
                id: package.id,
                code: package.code,
                on_epoch: NOW_ON,
                assigned_at: now,
            }),
            packaged,
            ..before.clone()
        };
        if preview.between(&before, &after, &facts, |_| false, now) {
            affected.push(organization);
        }
    }
    preview.finish(neighbours, &affected).await
}

/// The modules that would be switched, by their codes.
#[derive(Default)]
struct Switched {
    on: BTreeSet<String>,
    off: BTreeSet<String>,
}

impl Switched {
    /// Adds what differs for an organization on the package; whether anything does.
    fn compare(
        &mut self,
        package: &OnPackage,
        (before, after): (&[Packaged], &[Packaged]),
        facts: &[ModuleFacts],
        is_excepted: impl Fn(ModuleId) -> bool,
        now: Timestamp,
    ) -> bool {
        let standing = |packaged: &[Packaged]| Standing {
            package: Some(package.clone()),
            packaged: packaged.to_vec(),
            ..Standing::default()
        };
        self.between(&standing(before), &standing(after), facts, is_excepted, now)
    }

    fn between(
        &mut self,
        before: &Standing,
        after: &Standing,
        facts: &[ModuleFacts],
        is_excepted: impl Fn(ModuleId) -> bool,
        now: Timestamp,
    ) -> bool {
        let mut differs = false;
        for module in facts.iter().filter(|module| !is_excepted(module.id)) {
            let codes = match (before.module(module, now).0, after.module(module, now).0) {
                (false, true) => &mut self.on,
                (true, false) => &mut self.off,
                _ => continue,
            };
            differs = true;
            if !codes.contains(&module.code) {
                codes.insert(module.code.clone());
            }
        }
        differs
    }

    async fn finish(self, neighbours: &Neighbours, affected: &[OrganizationId]) -> Result<PreviewView, Refusal> {
        Ok(PreviewView {
            on: self.on.into_iter().collect(),
            off: self.off.into_iter().collect(),
            organizations: affected.len() as u64,
            users: neighbours.active_users(affected).await?,
        })
    }
}
