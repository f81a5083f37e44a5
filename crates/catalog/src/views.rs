//! The objects of this context as the API shows them, which are also what its events carry.

use authz::snapshot::Because;
use contracts::catalog::{ModuleId, PackageId, QuotaMode, QuotaPeriod};
use kernel::{OrganizationId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::{Effect, Ground, ModuleFacts, Standing, StoredModule, StoredPackage, Terms, Withholding};

/// A module as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Module, rename_all = "camelCase")]
pub(crate) struct ModuleView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: ModuleId,
    /// Its code, unique in the installation. It never changes.
    pub(crate) code: String,
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// The name of its icon.
    pub(crate) icon: Option<String>,
    /// Whether it can be on for anybody.
    pub(crate) is_active: bool,
    /// Whether it is a core module, which is always on.
    pub(crate) is_core: bool,
    /// Its place among the others.
    pub(crate) sort_order: i64,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
}

impl From<&StoredModule> for ModuleView {
    fn from(stored: &StoredModule) -> Self {
        Self {
            id: stored.id,
            code: stored.code.clone(),
            name: stored.name.clone(),
            description: stored.description.clone(),
            icon: stored.icon.clone(),
            is_active: stored.is_active,
            is_core: stored.is_core,
            sort_order: stored.sort_order,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        }
    }
}

/// A module of an organization as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationModule, rename_all = "camelCase")]
pub(crate) struct OrganizationModuleView {
    /// The module.
    pub(crate) module: ModuleView,
    /// Whether it is on for the organization.
    pub(crate) is_active: bool,
    /// What decides that: `package`, `manual` or `override`; `null` where nothing was decided for this organization.
    #[schema(value_type = Option<String>)]
    pub(crate) source: Option<&'static str>,
    /// Since when it is on, or was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) activated_at: Option<Timestamp>,
    /// Since when it is off.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) deactivated_at: Option<Timestamp>,
}

impl OrganizationModuleView {
    /// The module as the standing has it at an instant.
    pub(crate) fn of(module: &StoredModule, standing: &Standing, now: Timestamp) -> Self {
        let facts = module.facts();
        let (is_active, ground) = standing.module(&facts, now);
        let decided = Decided::of(&facts, standing, ground, now);
        Self {
            module: ModuleView::from(module),
            is_active,
            source: decided.source,
            activated_at: decided.activated_at,
            deactivated_at: if is_active { None } else { decided.deactivated_at },
        }
    }
}

/// What was decided for the organization about a module, whatever holds for the installation.
struct Decided {
    source: Option<&'static str>,
    activated_at: Option<Timestamp>,
    deactivated_at: Option<Timestamp>,
}

impl Decided {
    fn of(module: &ModuleFacts, standing: &Standing, ground: Ground<'_>, now: Timestamp) -> Self {
        let nothing = Self {
            source: None,
            activated_at: None,
            deactivated_at: None,
        };
        // What would decide if the module were not off for everybody.
        let ground = match ground {
            Ground::Global | Ground::Default => standing.latest(module, now),
            ground => Some(ground),
        };
        match ground {
            Some(Ground::Override(exception)) => Self {
                source: Some(Because::Override.as_str()),
                activated_at: (exception.effect == Effect::Grant).then_some(exception.created_at),
                deactivated_at: match exception.effect {
                    Effect::Withhold => Some(exception.created_at),
                    Effect::Grant => module.off_at,
                },
            },
            Some(Ground::Manual(switched)) => Self {
                source: Some(Because::Manual.as_str()),
                activated_at: switched.activated_at,
                deactivated_at: switched.deactivated_at.or(module.off_at),
            },
            Some(Ground::Package(package, packaged)) => Self {
                source: Some(Because::Package.as_str()),
                activated_at: Some(package.assigned_at.max(packaged.added_at)),
                deactivated_at: module.off_at,
            },
            _ => nothing,
        }
    }
}

/// A module that was switched, as `module.activated` and its like carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SwitchedModule, rename_all = "camelCase")]
pub(crate) struct SwitchedModuleView {
    /// The module's id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: ModuleId,
    /// The module.
    pub(crate) module: ModuleView,
    /// Whether it is on: for the organization, or for the installation.
    pub(crate) is_active: bool,
    /// What decides that: `package`, `manual`, `override`, or `global` for the installation.
    #[schema(value_type = Option<String>)]
    pub(crate) source: Option<&'static str>,
    /// Since when it is on, or was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) activated_at: Option<Timestamp>,
    /// Since when it is off.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) deactivated_at: Option<Timestamp>,
}

impl From<OrganizationModuleView> for SwitchedModuleView {
    fn from(view: OrganizationModuleView) -> Self {
        Self {
            id: view.module.id,
            module: view.module,
            is_active: view.is_active,
            source: view.source,
            activated_at: view.activated_at,
            deactivated_at: view.deactivated_at,
        }
    }
}

impl SwitchedModuleView {
    /// A module that was switched for the whole installation.
    pub(crate) fn for_all(stored: &StoredModule) -> Self {
        Self {
            id: stored.id,
            module: ModuleView::from(stored),
            is_active: stored.is_active,
            source: Some(Because::Global.as_str()),
            activated_at: stored.is_active.then_some(stored.updated_at),
            deactivated_at: if stored.is_active { None } else { stored.off_at },
        }
    }
}

/// A quota as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Quota, rename_all = "camelCase")]
pub(crate) struct QuotaView {
    /// What is counted.
    pub(crate) metric: String,
    /// How much is allowed in a period.
    pub(crate) limit: i64,
    /// `hour`, `day`, `month` of the UTC calendar, or `total`.
    #[schema(value_type = String)]
    pub(crate) period: &'static str,
    /// `hard`: what goes beyond is refused; `soft`: it is counted.
    #[schema(value_type = String)]
    pub(crate) mode: &'static str,
}

impl From<&Terms> for QuotaView {
    fn from(terms: &Terms) -> Self {
        Self {
            metric: terms.metric.clone(),
            limit: terms.limit,
            period: QuotaPeriod::as_str(terms.period),
            mode: QuotaMode::as_str(terms.mode),
        }
    }
}

/// A package as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Package, rename_all = "camelCase")]
pub(crate) struct PackageView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: PackageId,
    /// Its code, unique in the installation. It never changes.
    pub(crate) code: String,
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// The codes of its modules.
    pub(crate) modules: Vec<String>,
    /// The codes of permissions that nobody on it may use.
    pub(crate) withheld_permissions: Vec<String>,
    /// Its quotas.
    pub(crate) quotas: Vec<QuotaView>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
}

impl From<&StoredPackage> for PackageView {
    fn from(stored: &StoredPackage) -> Self {
        let contents = &stored.contents;
        Self {
            id: stored.id,
            code: stored.code.clone(),
            name: stored.name.clone(),
            description: stored.description.clone(),
            modules: contents.modules.iter().map(|module| module.code.clone()).collect(),
            withheld_permissions: contents.withheld.iter().map(|found| found.code.clone()).collect(),
            quotas: contents.quotas.iter().map(QuotaView::from).collect(),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        }
    }
}

/// An organization on a package, as `package.assigned` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PackageAssignment, rename_all = "camelCase")]
pub(crate) struct AssignmentView {
    /// The organization's id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrganizationId,
    /// The package that it is on.
    pub(crate) package_code: String,
    /// The codes of the business modules that are on for it.
    pub(crate) modules: Vec<String>,
}

/// An exception about a module or a permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Override, rename_all = "camelCase")]
pub(crate) struct OverrideView {
    /// The code of the module or permission.
    pub(crate) code: String,
    /// `grant` or `withhold`.
    #[schema(value_type = String)]
    pub(crate) effect: &'static str,
    /// Why.
    pub(crate) reason: Option<String>,
    /// The instant from which it says nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
}

/// An exception about a quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuotaOverride, rename_all = "camelCase")]
pub(crate) struct QuotaOverrideView {
    /// What is counted.
    pub(crate) metric: String,
    /// How much is allowed in a period.
    pub(crate) limit: i64,
    /// `hour`, `day`, `month` of the UTC calendar, or `total`.
    #[schema(value_type = String)]
    pub(crate) period: &'static str,
    /// `hard`: what goes beyond is refused; `soft`: it is counted.
    #[schema(value_type = String)]
    pub(crate) mode: &'static str,
    /// Why.
    pub(crate) reason: Option<String>,
    /// The instant from which it says nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
}

/// The exceptions of an organization that have not expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Overrides, rename_all = "camelCase")]
pub(crate) struct OverridesView {
    /// About modules.
    pub(crate) modules: Vec<OverrideView>,
    /// About permissions.
    pub(crate) permissions: Vec<OverrideView>,
    /// About quotas.
    pub(crate) quotas: Vec<QuotaOverrideView>,
}

/// The exceptions of an organization, as `overrides.updated` carries them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationOverrides, rename_all = "camelCase")]
pub(crate) struct OrganizationOverridesView {
    /// The organization's id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrganizationId,
    /// About modules.
    pub(crate) modules: Vec<OverrideView>,
    /// About permissions.
    pub(crate) permissions: Vec<OverrideView>,
    /// About quotas.
    pub(crate) quotas: Vec<QuotaOverrideView>,
}

/// Whether a module is on, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ModuleEntitlement, rename_all = "camelCase")]
pub(crate) struct ModuleEntitlementView {
    /// The module's code.
    pub(crate) code: String,
    /// Whether it is on.
    pub(crate) active: bool,
    /// What decides that: `override`, `manual`, `package`, `default`, `core`, or `global`.
    #[schema(value_type = String)]
    pub(crate) source: &'static str,
    /// The same in words.
    pub(crate) because: String,
}

/// Whether a permission may be used by those who were granted it, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionEntitlement, rename_all = "camelCase")]
pub(crate) struct PermissionEntitlementView {
    /// The permission's code.
    pub(crate) code: String,
    /// Whether its module is on and nothing withholds it.
    pub(crate) allowed: bool,
    /// Why.
    pub(crate) because: String,
}

/// A quota in force, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuotaEntitlement, rename_all = "camelCase")]
pub(crate) struct QuotaEntitlementView {
    /// What is counted.
    pub(crate) metric: String,
    /// How much is allowed in a period.
    pub(crate) limit: i64,
    /// `hour`, `day`, `month` of the UTC calendar, or `total`.
    #[schema(value_type = String)]
    pub(crate) period: &'static str,
    /// `hard`: what goes beyond is refused; `soft`: it is counted.
    #[schema(value_type = String)]
    pub(crate) mode: &'static str,
    /// What decides that: `override` or `package`.
    #[schema(value_type = String)]
    pub(crate) source: &'static str,
    /// The same in words.
    pub(crate) because: String,
}

/// What an organization may use now, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Entitlements, rename_all = "camelCase")]
pub(crate) struct EntitlementsView {
    /// Every module.
    pub(crate) modules: Vec<ModuleEntitlementView>,
    /// Every permission that can be held in the organization.
    pub(crate) permissions: Vec<PermissionEntitlementView>,
    /// Every quota in force.
    pub(crate) quotas: Vec<QuotaEntitlementView>,
}

/// What a change would do. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PackagePreview, rename_all = "camelCase")]
pub(crate) struct PreviewView {
    /// The codes of the modules that would be switched on.
    pub(crate) on: Vec<String>,
    /// The codes of the modules that would be switched off.
    pub(crate) off: Vec<String>,
    /// For how many organizations something would be switched.
    pub(crate) organizations: u64,
    /// How many active users they have.
    pub(crate) users: u64,
}

/// Who is affected when a module is switched off: who holds permissions of it because somebody gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AffectedView {
    /// Users.
    pub(crate) users: u64,
    /// Roles.
    pub(crate) roles: u64,
    /// Groups.
    pub(crate) groups: u64,
    /// API keys.
    pub(crate) api_keys: u64,
}

impl AffectedView {
    /// Whether somebody or something would miss the module.
    pub(crate) const fn is_anyone(self) -> bool {
        self.users + self.roles + self.groups + self.api_keys > 0
    }
}

/// A ground in words.
pub(crate) fn ground_in_words(ground: Ground<'_>) -> String {
    match ground {
        Ground::Core => "core: a core module is always on".to_owned(),
        Ground::Global => "global: the module is off for the whole installation".to_owned(),
        Ground::Override(exception) => override_in_words(exception.effect, exception.reason.as_deref()),
        Ground::Manual(switched) if switched.is_active => "manual: switched on by hand".to_owned(),
        Ground::Manual(_) => "manual: switched off by hand".to_owned(),
        Ground::Package(package, _) => format!("package: {}", package.code),
        Ground::Default => "default: nothing switches it on".to_owned(),
    }
}

fn override_in_words(effect: Effect, reason: Option<&str>) -> String {
    let done = match effect {
        Effect::Grant => "granted",
        Effect::Withhold => "withheld",
    };
    match reason {
        Some(reason) => format!("override: {done}, {reason}"),
        None => format!("override: {done}"),
    }
}

/// Whether a permission of a module may be used, and why, in words.
pub(crate) fn permission_in_words(
    module: (bool, Ground<'_>),
    withholding: Withholding<'_>,
    package: Option<&str>,
) -> (bool, String) {
    let (is_active, ground) = module;
    match withholding {
        _ if !is_active => (false, format!("module is off, {}", ground_in_words(ground))),
        Withholding::Override(exception) => (
            exception.effect == Effect::Grant,
            override_in_words(exception.effect, exception.reason.as_deref()),
        ),
        Withholding::Package => (false, format!("package: withheld by {}", package.unwrap_or_default())),
        Withholding::None => (true, format!("module is on, {}", ground_in_words(ground))),
    }
}

/// The module that the documentation shows.
pub(crate) fn module_example() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41",
        "code": "FINANCE",
        "name": "Financeiro",
        "description": "Contas a pagar e a receber",
        "icon": "wallet",
        "isActive": true,
        "isCore": false,
        "sortOrder": 10,
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}

/// The module of an organization that the documentation shows.
pub(crate) fn organization_module_example() -> Value {
    json!({
        "module": module_example(),
        "isActive": true,
        "source": "package",
        "activatedAt": "2026-11-21T12:00:00.000000Z",
        "deactivatedAt": null
    })
}

/// The switched module that the documentation shows.
pub(crate) fn switched_module_example() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41",
        "module": module_example(),
        "isActive": true,
        "source": "manual",
        "activatedAt": "2026-11-21T12:00:00.000000Z",
        "deactivatedAt": null
    })
}

/// The package that the documentation shows.
pub(crate) fn package_example() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e42",
        "code": "starter",
        "name": "Starter",
        "description": "Para começar",
        "modules": ["FINANCE", "SALES"],
        "withheldPermissions": ["FINANCE_INVOICE_APPROVE"],
        "quotas": [{ "metric": "users.active", "limit": 5, "period": "total", "mode": "hard" }],
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}

/// The assignment that the documentation shows.
pub(crate) fn assignment_example() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
        "packageCode": "starter",
        "modules": ["FINANCE", "SALES"]
    })
}

/// The exceptions that the documentation shows.
pub(crate) fn overrides_example() -> Value {
    json!({
        "modules": [{ "code": "CRM", "effect": "grant", "reason": "Trial", "expiresAt": "2026-12-21T12:00:00.000000Z" }],
        "permissions": [
            { "code": "FINANCE_INVOICE_APPROVE", "effect": "grant", "reason": null, "expiresAt": null }
        ],
        "quotas": [{
            "metric": "users.active", "limit": 25, "period": "total", "mode": "hard", "reason": "Contract 42", "expiresAt": null
        }]
    })
}

/// The exceptions of an organization that the documentation shows.
pub(crate) fn organization_overrides_example() -> Value {
    let mut example = overrides_example();
    if let Some(fields) = example.as_object_mut() {
        fields.insert("id".to_owned(), "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f".into());
    }
    example
}

/// The entitlements that the documentation shows.
pub(crate) fn entitlements_example() -> Value {
    json!({
        "modules": [
            { "code": "FINANCE", "active": true, "source": "package", "because": "package: starter" },
            { "code": "CRM", "active": true, "source": "override", "because": "override: granted, Trial" },
            { "code": "HR", "active": false, "source": "default", "because": "default: nothing switches it on" }
        ],
        "permissions": [
            { "code": "FINANCE_INVOICE_READ", "allowed": true, "because": "module is on, package: starter" },
            { "code": "FINANCE_INVOICE_APPROVE", "allowed": false, "because": "package: withheld by starter" }
        ],
        "quotas": [{
            "metric": "users.active", "limit": 5, "period": "total", "mode": "hard", "source": "package",
            "because": "package: starter"
        }]
    })
}
