//! `POST /organizations/{orgId}/modules/{moduleId}/deactivate`

use contracts::catalog::ModuleId;
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathIds, Query, Requires};
use kernel::OrganizationId;
use serde::Serialize;

use crate::app::{Deactivation, Neighbours, switch_off};
use crate::manifest::OrganizationModuleUpdate;
use crate::views::{self, AffectedView, OrganizationModuleView};

http::filters! {
    /// How to deactivate.
    pub(crate) struct How {
        /// Change nothing, and tell who would be affected.
        dry_run: bool = "dryRun",
        /// Refuse when anyone would be affected.
        if_unused: bool = "ifUnused",
    }
}

/// Who is affected.
#[derive(Debug, Serialize)]
struct Meta {
    affected: AffectedView,
}

pub(super) fn doc() -> Doc {
    Doc::new("deactivateOrganizationModule", "Deactivate a module for an organization")
        .describe(
            "Switches it off by hand, so that it stays off whatever package the organization is put on. `meta.affected` counts \
             the users, roles, groups and API keys that hold permissions of it because somebody gave them; they keep them for \
             when it is on again.",
        )
        .query::<Query<How>>()
        .answers::<OrganizationModuleView>("The module as it is now", views::organization_module_example())
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: Requires<OrganizationModuleUpdate>,
    path: PathIds<OrganizationId, ModuleId>,
    Query(how): Query<How>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let (organization, module) = path.found()?;
    let granted = caller.granted().clone();
    let neighbours = Neighbours::of(caller.app().ports())?;
    let how = Deactivation {
        dry_run: how.dry_run.unwrap_or_default(),
        if_unused: how.if_unused.unwrap_or_default(),
    };
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, neighbours) = (granted.clone(), neighbours.clone());
            async move {
                let (view, affected) = switch_off(&granted, &uow, &neighbours, organization, module, how).await?;
                Answer::ok_with_meta(&view, &Meta { affected })
            }
        })
        .await
}
