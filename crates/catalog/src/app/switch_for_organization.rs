//! Switching a module by hand for one organization, and giving it back to the package.

use authz::Granted;
use contracts::catalog::ModuleId;
use db::UnitOfWork;
use kernel::{DomainEvent, OrganizationId};

use super::{Neighbours, Refusal, entitlements_changed};
use crate::domain::{Standing, StoredModule, Switched};
use crate::manifest::{MODULE_ACTIVATED, MODULE_DEACTIVATED, MODULE_RELEASED, OrganizationModuleUpdate};
use crate::store::{modules, standings};
use crate::views::{AffectedView, OrganizationModuleView, SwitchedModuleView};

/// How a module is to be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Deactivation {
    /// Only tell who would miss it.
    pub(crate) dry_run: bool,
    /// Not when somebody would.
    pub(crate) if_unused: bool,
}

/// One module of one organization, while it is being switched.
struct Scene<'u> {
    uow: &'u UnitOfWork,
    organization: OrganizationId,
    module: StoredModule,
    standing: Standing,
}

impl<'u> Scene<'u> {
    async fn open(
        uow: &'u UnitOfWork,
        neighbours: &Neighbours,
        organization: OrganizationId,
        id: ModuleId,
    ) -> Result<Self, Refusal> {
        // Held: of two that switch it at once, the second sees what the first did.
        neighbours.lock(uow, organization).await?;
        let module = modules::lookup(uow.global().reads(), id).await?;
        Ok(Self {
            module: module.ok_or(Refusal::NotFound)?,
            standing: standings::load(uow.scope(organization).reads()).await?,
            uow,
            organization,
        })
    }

    fn view(&self) -> OrganizationModuleView {
        OrganizationModuleView::of(&self.module, &self.standing, self.uow.now())
    }

    fn switched(&self) -> Option<Switched> {
        self.standing.switched(self.module.id).copied()
    }

    async fn switch(&mut self, event: &'static str, switched: Switched) -> Result<(), Refusal> {
        standings::switch(self.uow, self.organization, &switched).await?;
        self.change(event, |standing| {
            standing.switched.retain(|other| other.module != switched.module);
            standing.switched.push(switched);
        })
    }

    /// Tells what the change comes to.
    fn change(&mut self, event: &'static str, change: impl FnOnce(&mut Standing)) -> Result<(), Refusal> {
        let before = self.view();
        change(&mut self.standing);
        let after = self.view();
        let event = DomainEvent::new(event, self.module.id)
            .changed("isActive", before.is_active, after.is_active)
            .changed("source", before.source, after.source);
        self.uow
            .record_all(self.organization, [event], &SwitchedModuleView::from(after))?;
        entitlements_changed(self.uow, self.organization);
        Ok(())
    }
}

/// Switches a module on by hand, so that it stays on whatever its package becomes. Nothing happens to one that is on by hand already.
///
/// # Errors
/// [`Refusal`]: not found, off for the whole installation.
pub(crate) async fn switch_on(
    _: &Granted<OrganizationModuleUpdate>,
    uow: &UnitOfWork,
    neighbours: &Neighbours,
    organization: OrganizationId,
    module: ModuleId,
) -> Result<OrganizationModuleView, Refusal> {
    let mut scene = Scene::open(uow, neighbours, organization, module).await?;
    if scene.module.is_core {
        return Ok(scene.view());
    }
    if !scene.module.is_active {
        return Err(Refusal::GloballyInactive);
    }
    let is_on = |switched: &Switched| switched.is_active && switched.on_epoch > scene.module.off_epoch;
    if !scene.switched().as_ref().is_some_and(is_on) {
        let switched = Switched {
            module,
            is_active: true,
            on_epoch: modules::on_epoch(uow).await?,
            activated_at: Some(uow.now()),
            deactivated_at: None,
        };
        scene.switch(MODULE_ACTIVATED, switched).await?;
        neighbours
            .module_activated(uow, organization, &scene.module.code)
            .await?;
    }
    Ok(scene.view())
}

/// Switches a module off by hand, so that it stays off whatever the package becomes, and tells who misses it. Nothing happens
/// to one that is off by hand already.
///
/// # Errors
/// [`Refusal`]: not found, a core module, missed by somebody.
pub(crate) async fn switch_off(
    _: &Granted<OrganizationModuleUpdate>,
    uow: &UnitOfWork,
    neighbours: &Neighbours,
    organization: OrganizationId,
    module: ModuleId,
    how: Deactivation,
) -> Result<(OrganizationModuleView, AffectedView), Refusal> {
    let mut scene = Scene::open(uow, neighbours, organization, module).await?;
    if scene.module.is_core {
        return Err(Refusal::CoreModule);
    }
    let affected = neighbours.affected(uow, organization, &scene.module.code).await?;
    if how.if_unused && affected.is_anyone() {
        return Err(Refusal::Missed(affected));
    }
    let known = scene.switched();
    if !how.dry_run && known.is_none_or(|switched| switched.is_active) {
        let switched = Switched {
            module,
            is_active: false,
            on_epoch: known.map_or(0, |switched| switched.on_epoch),
            activated_at: scene.view().activated_at,
            deactivated_at: Some(uow.now()),
        };
        scene.switch(MODULE_DEACTIVATED, switched).await?;
    }
    Ok((scene.view(), affected))
}

/// Forgets that a module was switched by hand: it is what the package says again. Nothing happens to one that was not.
///
/// # Errors
/// [`Refusal::NotFound`].
pub(crate) async fn release(
    _: &Granted<OrganizationModuleUpdate>,
    uow: &UnitOfWork,
    neighbours: &Neighbours,
    organization: OrganizationId,
    module: ModuleId,
) -> Result<(), Refusal> {
    let mut scene = Scene::open(uow, neighbours, organization, module).await?;
    if scene.switched().is_none() {
        return Ok(());
    }
    standings::unswitch(uow, organization, module).await?;
    scene.change(MODULE_RELEASED, |standing| {
        standing.switched.retain(|other| other.module != module);
    })?;
    if scene.view().is_active {
        neighbours
            .module_activated(uow, organization, &scene.module.code)
            .await?;
    }
    Ok(())
}
