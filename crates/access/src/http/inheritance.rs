//! `GET /roles/{id}/inheritance`

use contracts::access::RoleId;
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};
use kernel::Id as _;

use super::get_role::reached;
use crate::decisions::Access;
use crate::manifest::RoleRead;
use crate::store::role_parents;
use crate::view::{EffectiveView, InheritanceView};

pub(super) fn doc() -> Doc {
    Doc::new("getRoleInheritance", "Get what a role inherits and comes to")
        .describe("Parents and children are the direct ones; the effective permissions are all, with the way to each.")
        .answers::<InheritanceView>("The inheritance", super::example::inheritance())
}

pub(super) async fn handle(caller: RequiresWithin<RoleRead>, path: PathId<RoleId>) -> Result<Answer, ApiError> {
    let role = reached(&caller, path.found()?).await?;
    let organization = caller.organization();
    let scope = caller.app().db().scope(organization);
    let snapshot = caller.app().port::<Access>()?.snapshot(organization).await?;
    let effective = snapshot.effective_of_role(role.id.as_uuid()).unwrap_or_default();
    let code = |effective: &authz::snapshot::Effective| snapshot.catalogue().code(effective.permission).to_owned();
    Answer::ok(&InheritanceView {
        parents: role_parents::parents(scope, role.id).await?,
        children: role_parents::children(scope, role.id).await?,
        effective_permissions: effective
            .iter()
            .map(|effective| EffectiveView::new(&code(effective), effective))
            .collect(),
    })
}
