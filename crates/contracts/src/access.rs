//! Roles as others know them.

use std::sync::Arc;

use authz::conditions::{Condition, Object, Value as FieldOf};
use authz::snapshot::{Explanation, Offer, Path, PathStep, Principal, Snapshot, Touched};
use authz::{Decision, PermissionInfo};
use db::{DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::{Actor, OrganizationId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::PermissionId;
use crate::identity::UserId;

kernel::id!(
    /// A role, an organization's own or a system role.
    pub struct RoleId = "role"
);

/// The code of the role that bypasses grants and conditions, in the platform organization only.
pub const SUPER_ADMIN: &str = "SUPER_ADMIN";
/// The code of the role that holds every tenant-scoped permission of the active modules.
pub const ORG_ADMIN: &str = "ORG_ADMIN";
/// The code of the role that holds the same within one module.
pub const MODULE_MANAGER: &str = "MODULE_MANAGER";
/// The code of the role that holds every `_READ` of the active modules.
pub const VIEWER: &str = "VIEWER";

/// A role as the API shows it, and as `role.*` events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Role, rename_all = "camelCase")]
pub struct RoleView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: RoleId,
    /// The organization it belongs to; `null` for a system role.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub organization_id: Option<OrganizationId>,
    /// Its name.
    pub name: String,
    /// Its code, unique in the organization. It never changes.
    pub code: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is a system role, which nobody changes.
    pub is_system: bool,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// What conditions on roles can ask for, by the names of the API.
impl Object for RoleView {
    fn value(&self, field: &str) -> Option<FieldOf<'_>> {
        match field {
            "id" => Some(FieldOf::id(self.id)),
            "organizationId" => self.organization_id.map(FieldOf::id),
            "name" => Some(self.name.as_str().into()),
            "code" => Some(self.code.as_str().into()),
            "description" => self.description.as_deref().map(FieldOf::from),
            "isSystem" => Some(self.is_system.into()),
            "createdAt" => Some(self.created_at.into()),
            "updatedAt" => Some(self.updated_at.into()),
            _ => None,
        }
    }
}

/// One way in which somebody comes to a permission.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionPath, rename_all = "camelCase")]
pub struct PathView {
    /// How it begins: `role`, `group`, `system` for a system role, `list` for the list of a key or service account.
    pub via: &'static str,
    /// From what was granted up to what holds the permission.
    pub steps: Vec<StepView>,
    /// The condition of this way, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = Object)]
    pub conditions: Option<serde_json::Value>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A step of the way to a permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionStep, rename_all = "camelCase")]
pub struct StepView {
    /// What it is: `role`, `group`, `system`, `service_account`, `api_key`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Which one.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub id: Option<uuid::Uuid>,
    /// Its code; empty for a key or an account.
    pub code: String,
    /// The module that the grant is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    pub module: Option<String>,
}

impl PathView {
    /// The way that tells the most about a decision: one without a condition if there is any, else the first.
    #[must_use]
    pub fn telling(explanation: &Explanation) -> Option<Self> {
        let outright = explanation.paths.iter().find(|path| path.condition.is_none());
        outright.or_else(|| explanation.paths.first()).map(Self::from)
    }
}

impl From<&Path> for PathView {
    fn from(path: &Path) -> Self {
        Self {
            via: path.via.as_str(),
            steps: path.steps.iter().map(StepView::from).collect(),
            conditions: path.condition.as_deref().map(condition_json),
            expires_at: path.expires_at,
        }
    }
}

impl From<&PathStep> for StepView {
    fn from(step: &PathStep) -> Self {
        Self {
            kind: step.kind.as_str(),
            id: step.id,
            code: step.code.clone(),
            module: step.module.clone(),
        }
    }
}

/// A condition as the API shows it.
#[must_use]
pub fn condition_json(condition: &Condition) -> serde_json::Value {
    // It was read from JSON, and its text is that.
    serde_json::from_str(condition.source()).unwrap_or_default()
}

/// What was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The code of the permission that goes beyond what the giver holds; `None` when something is not there, or the giver may pass
    /// nothing on.
    pub permission: Option<String>,
    /// In what it goes beyond.
    pub reason: String,
}

/// Why an act over people or grants was not done.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// 403 `RBAC_ESCALATION`: it would go beyond what the actor holds.
    #[error("{}", .0.reason)]
    Escalation(Refused),
    /// 404: a role or group that is not there.
    #[error("the {0} is not there")]
    Missing(&'static str),
    /// 400: `MODULE_MANAGER` without its module, or a module for another role.
    #[error("the role and the scope do not fit")]
    Scope,
    /// 409 `CONFLICT_STATE`: nobody would administer the organization any more.
    #[error("the organization would be without an administrator")]
    LastAdministrator,
    /// What was judged is not what holds now; ask for another [`Judge`] and try again.
    #[error("access changed meanwhile")]
    Outdated,
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// What decides in one organization, got before a unit of work begins and confirmed inside it.
///
/// A unit of work may await nothing but its own statements, so what is judged by is loaded before, together with the organization's
/// access version. [`confirm`](Judge::confirm) then takes the structural lock and compares: a judge that is outdated by then
/// refuses with [`JudgeError::Outdated`], and the caller asks for another one and runs the unit again.
pub trait Judge: Send + Sync {
    /// The snapshot that is judged by.
    fn snapshot(&self) -> &Arc<Snapshot>;

    /// Whether the actor may use the permission in the organization.
    fn decide(&self, actor: &Actor, permission: &'static PermissionInfo, now: Timestamp) -> Decision;

    /// Whether the actor is a service account of the platform that acts for the organization, and not of it.
    fn is_guest_account(&self, actor: &Actor) -> bool;

    /// Takes the organization's structural lock and sees that nothing changed since the judge was made. Before any judgement
    /// that the unit relies on, and before quota rows.
    ///
    /// # Errors
    /// [`JudgeError::Outdated`], [`JudgeError::Storage`].
    fn confirm<'a>(&'a self, uow: &'a UnitOfWork) -> BoxFuture<'a, Result<(), JudgeError>>;

    /// Whether the giver may hand out the role, without an end and in every module.
    ///
    /// # Errors
    /// [`JudgeError::Escalation`], [`JudgeError::Missing`], [`JudgeError::Scope`], [`JudgeError::Storage`].
    fn may_grant_role<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        giver: &'a Actor,
        role: RoleId,
    ) -> BoxFuture<'a, Result<(), JudgeError>>;

    /// Whether the giver may put the permissions on a list (of a key or a service account), by their ids.
    ///
    /// # Errors
    /// [`JudgeError::Escalation`].
    fn may_list(&self, giver: &Actor, permissions: &[PermissionId], now: Timestamp) -> Result<(), JudgeError>;

    /// Whether the actor holds all that somebody else holds: what it takes to change, deactivate, re-activate or log out a user, or
    /// to change or rotate a key or account. Everybody may act on themselves.
    ///
    /// # Errors
    /// [`JudgeError::Escalation`].
    fn may_act_on(&self, actor: &Actor, other: Principal, now: Timestamp) -> Result<(), JudgeError>;

    /// Whether the organization keeps an active user who effectively holds `ORG_ADMIN` (in the platform organization:
    /// `SUPER_ADMIN` or `ORG_ADMIN`) without expiry when this user is deactivated. An organization that has none yet may go on so.
    ///
    /// # Errors
    /// [`JudgeError::LastAdministrator`].
    fn keeps_an_administrator_without(&self, user: UserId, now: Timestamp) -> Result<(), JudgeError>;

    /// Whether the giver may hand out all of this.
    ///
    /// # Errors
    /// [`JudgeError::Escalation`].
    fn may_offer(&self, giver: &Actor, offers: &[Offer], now: Timestamp) -> Result<(), JudgeError>;

    /// Whether the organization still has somebody who administers it after what the unit did to the roles, groups and grants that
    /// it touched. An organization that had nobody before may go on so. After [`confirm`](Self::confirm), and after the changes.
    ///
    /// # Errors
    /// [`JudgeError::LastAdministrator`], [`JudgeError::Storage`].
    fn keeps_an_administrator<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        touched: &'a [Touched],
    ) -> BoxFuture<'a, Result<(), JudgeError>>;

    /// The ids of permissions by their codes, in order; an unknown code is told by its position.
    ///
    /// # Errors
    /// The position of the first code that is unknown.
    fn permissions(&self, codes: &[String]) -> Result<Vec<PermissionId>, usize>;
}

/// An error that may say that the judge was [outdated](JudgeError::Outdated).
pub trait Judged {
    /// Whether another judge may decide otherwise.
    fn is_outdated(&self) -> bool;
}

impl Judged for JudgeError {
    fn is_outdated(&self) -> bool {
        matches!(self, Self::Outdated)
    }
}

/// How often a change is judged anew because access changed meanwhile.
const JUDGEMENTS: u32 = 20;

/// Does `work` with what decides in the organization, again with another judge when that one turned out to be outdated. `work`
/// begins a unit of work that [confirms](Judge::confirm) the judge before it relies on it.
///
/// # Errors
/// Those of `work`, the last one when every judge was outdated; the database's, when there is no judge.
pub async fn judged<T, E, F, Fut>(access: &dyn AccessControl, organization: OrganizationId, work: F) -> Result<T, E>
where
    F: Fn(Arc<dyn Judge>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: Judged + From<DbError>,
{
    // Of this node's judged changes one is under way at a time, so that only other nodes' outdate it.
    let _turn = access.turn(organization).await;
    let mut judgement = 1;
    loop {
        match work(access.judge(organization).await?).await {
            Err(error) if error.is_outdated() && judgement < JUDGEMENTS => judgement += 1,
            outcome => return outcome,
        }
    }
}

/// The turn of one judged change among those of its organization on this node; it passes on when this is dropped.
pub type Turn = Box<dyn Send + Sync>;

/// Judges and grants for other contexts. Provided by access.
pub trait AccessControl: Send + Sync {
    /// Waits for the turn to make a judged change in the organization. [`judged`] does it.
    fn turn(&self, organization: OrganizationId) -> BoxFuture<'_, Turn>;

    /// What decides in the organization right now.
    ///
    /// # Errors
    /// [`DbError`].
    fn judge(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Arc<dyn Judge>, DbError>>;

    /// The code of the widest system role that the user holds, for the informational claim `role`: as requests are decided, which
    /// is as new as the feed was last read.
    ///
    /// # Errors
    /// [`DbError`].
    fn widest_system_role(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> BoxFuture<'_, Result<Option<&'static str>, DbError>>;

    /// Grants roles to a user inside the unit of work, without expiry; those it has already stay as they are. Whether that is allowed
    /// was judged before.
    ///
    /// # Errors
    /// [`DbError`].
    fn grant_roles<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        user: UserId,
        roles: &'a [RoleId],
        assigned_by: &'a Actor,
    ) -> BoxFuture<'a, Result<(), DbError>>;

    /// Grants the system role to a user: `SUPER_ADMIN` to the first platform administrator.
    ///
    /// # Errors
    /// [`DbError`].
    fn grant_system_role<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        user: UserId,
        code: &'static str,
    ) -> BoxFuture<'a, Result<(), DbError>>;

    /// What onboarding brings (docs/glossary.md): the role and the group `ADM_CLIENTE`, the administrator as its member, and a role and
    /// a group `<MODULE>_READERS` for each of the business modules.
    ///
    /// # Errors
    /// [`DbError`].
    fn onboard<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        administrator: UserId,
        modules: &'a [String],
    ) -> BoxFuture<'a, Result<(), DbError>>;

    /// The role and group `<MODULE>_READERS` of a business module at its first activation for the organization; there already,
    /// they stay as they are.
    ///
    /// # Errors
    /// [`DbError`].
    fn module_activated<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        module: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>>;
}

/// How many hold permissions of a module because somebody gave them: grants that follow from a system role do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GrantCount {
    /// Users with such a role, by themselves or by a group.
    pub users: u64,
    /// Roles that hold such a permission. The role that came with the module counts only when somebody has it.
    pub roles: u64,
    /// Groups that hold such a permission or have such a role. The group that came with the module counts only when somebody is
    /// in it.
    pub groups: u64,
}

/// Counts explicit grants. Provided by access.
pub trait GrantCounts: Send + Sync {
    /// Who holds permissions of the module in the organization, as the unit of work sees it.
    ///
    /// # Errors
    /// [`DbError`].
    fn of_module<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        module: &'a str,
    ) -> BoxFuture<'a, Result<GrantCount, DbError>>;
}
