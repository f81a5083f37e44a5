//! What the operator asks on the command line: why somebody may or may not, and what in the grants is of no use.

use std::sync::Arc;

use authz::conditions::Condition;
use authz::snapshot::{Because, PermissionIndex, Principal, Snapshot};
use contracts::Ports;
use contracts::access::PathView;
use contracts::identity::{Principals, UserId};
use db::{Db, DbError, SystemScope};
use kernel::{Generators, Id as _, Locale, OrganizationId};
use serde_json::Value;

use crate::app::check::Asked;
use crate::decisions::Access;
use crate::store::{audit_of_grants, grants, personal};

/// A decision, told to the operator.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, in sentences.
    pub text: String,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum NotExplained {
    /// No user has the id or the address.
    #[error("there is no such user")]
    NoUser,
    /// Users of several organizations have the address.
    #[error("users of several organizations have the address: name the one meant by its id")]
    Several,
    /// The catalogue does not have the permission.
    #[error("there is no permission {0}")]
    NoPermission(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// Explains whether the user with the id or the address may use the permission on the object.
///
/// # Errors
/// [`NotExplained`].
pub async fn explain(
    db: &Db,
    ports: &Ports,
    generators: &Generators,
    user: &str,
    permission: &str,
    object: &Value,
) -> Result<Explained, NotExplained> {
    let scope = SystemScope::new("the operator asks about a user by id or address, whatever the organization");
    let found = audit_of_grants::find_users(db.system(scope), user).await?;
    let (organization, user) = match found.as_slice() {
        [] => return Err(NotExplained::NoUser),
        [one] => *one,
        _ => return Err(NotExplained::Several),
    };
    let snapshot = ports
        .get::<Access>()
        .map_err(DbError::from)?
        .snapshot(organization)
        .await?;
    let index = snapshot.catalogue().find(permission);
    let index = index.ok_or_else(|| NotExplained::NoPermission(permission.to_owned()))?;
    let principals = ports.get::<dyn Principals>().map_err(DbError::from)?;
    let summary = principals.user(organization, user).await?;
    let asked = Asked {
        snapshot,
        platform: None,
        principal: Principal::user(user.as_uuid()),
        email: summary.as_ref().map(|user| user.email.as_str().into()),
        now: generators.now(),
    };
    let verdict = asked.decide(index, asked.explain(index), object);
    let mut text = verdict.message(Locale::En);
    if summary.is_some_and(|user| !user.is_active) {
        text.push_str("\nThe user is deactivated and may do nothing.");
    }
    for path in &verdict.explanation.paths {
        text.push_str("\nheld by: ");
        text.push_str(&way(&PathView::from(path)));
    }
    text.push('\n');
    Ok(Explained {
        allowed: verdict.denied_at.is_none(),
        text,
    })
}

fn way(path: &PathView) -> String {
    let steps: Vec<String> = path
        .steps
        .iter()
        .map(|step| match &step.module {
            Some(module) => format!("{} {} of {module}", step.kind, step.code),
            None => format!("{} {}", step.kind, step.code),
        })
        .collect();
    let condition = path.conditions.as_ref().map(|condition| format!(", if {condition}"));
    let end = path.expires_at.map(|end| format!(", until {end}"));
    format!(
        "{}{}{}",
        steps.join(" < "),
        condition.unwrap_or_default(),
        end.unwrap_or_default()
    )
}

/// What a person was granted, as the person is told it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PersonalGrants {
    /// Roles, each with its module and its end where it has one.
    pub roles: Vec<Value>,
    /// The groups that the person is in.
    pub groups: Vec<Value>,
}

/// What the user was granted (LGPD, Lei 13.709/2018, art. 18).
///
/// # Errors
/// [`DbError`].
pub async fn personal_grants(db: &Db, organization: OrganizationId, user: UserId) -> Result<PersonalGrants, DbError> {
    let scope = db.scope(organization);
    Ok(PersonalGrants {
        roles: personal::roles(scope, user).await?,
        groups: personal::groups(scope, user).await?,
    })
}

/// Something in an organization's grants that is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nobody has the role, no group has it, and no role inherits from it.
    UnusedRole(String),
    /// The role or group holds a permission that can be held only in the platform organization.
    Unreachable {
        /// The role or the group.
        holder: String,
        /// The permission.
        permission: String,
    },
    /// The role or group holds a permission that the package or an override withholds.
    Withheld {
        /// The role or the group.
        holder: String,
        /// The permission.
        permission: String,
        /// What withholds it.
        because: Because,
    },
    /// The role holds a permission under a condition that no object satisfies.
    NeverHolds {
        /// The role.
        role: String,
        /// The permission.
        permission: String,
        /// The condition.
        condition: Arc<Condition>,
    },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnusedRole(role) => write!(f, "nobody has the role {role}"),
            Self::Unreachable { holder, permission } => {
                write!(f, "{holder} holds {permission}, which only the platform's own can use")
            }
            Self::Withheld {
                holder,
                permission,
                because,
            } => write!(
                f,
                "{holder} holds {permission}, which is withheld ({})",
                because.as_str()
            ),
            Self::NeverHolds {
                role,
                permission,
                condition,
            } => write!(
                f,
                "{role} holds {permission} under a condition that never holds: {condition}"
            ),
        }
    }
}

/// Looks through the grants of an organization. What a module that is off keeps from being used is no finding: it may be on
/// tomorrow.
///
/// # Errors
/// [`DbError`].
pub async fn lint(
    db: &Db,
    ports: &Ports,
    generators: &Generators,
    organization: OrganizationId,
) -> Result<Vec<Finding>, DbError> {
    let snapshot = ports.get::<Access>()?.snapshot(organization).await?;
    let scope = db.scope(organization);
    let rows = grants::all(scope, generators.now()).await?;
    let mut findings: Vec<Finding> = audit_of_grants::unused_roles(scope, generators.now())
        .await?
        .into_iter()
        .map(Finding::UnusedRole)
        .collect();
    let role_code = |id| {
        rows.roles
            .iter()
            .find(|role| role.id == id)
            .map(|role| format!("role {}", role.code))
    };
    let group_code = |id| {
        rows.groups
            .iter()
            .find(|group| group.id == id)
            .map(|group| format!("group {}", group.code))
    };
    let of_roles = rows
        .role_permissions
        .iter()
        .filter_map(|held| Some((role_code(held.role)?, held.permission, held.condition.clone())));
    let of_groups = rows
        .group_permissions
        .iter()
        .filter_map(|held| Some((group_code(held.group)?, held.permission, None)));
    for (holder, permission, condition) in of_roles.chain(of_groups) {
        let Some(permission) = snapshot.catalogue().find_by_id(permission) else {
            continue;
        };
        findings.extend(useless(&snapshot, generators, holder, permission, condition));
    }
    Ok(findings)
}

/// What makes a grant useless, if anything does.
fn useless(
    snapshot: &Snapshot,
    generators: &Generators,
    holder: String,
    permission: PermissionIndex,
    condition: Option<Arc<Condition>>,
) -> Option<Finding> {
    let nobody = Principal::user(UserId::from_uuid(uuid::Uuid::nil()).as_uuid());
    let told = snapshot.explain(nobody, permission, generators.now());
    let permission_code = told.permission;
    let is_platform_scope = snapshot.catalogue().scope(permission) == authz::PermissionScope::Platform;
    if is_platform_scope && !snapshot.is_platform() {
        return Some(Finding::Unreachable {
            holder,
            permission: permission_code,
        });
    }
    if let Some(because) = told.withheld {
        return Some(Finding::Withheld {
            holder,
            permission: permission_code,
            because,
        });
    }
    let condition = condition.filter(|condition| condition.holds_never())?;
    Some(Finding::NeverHolds {
        role: holder,
        permission: permission_code,
        condition,
    })
}
