//! Asking whether somebody may, and why.

use std::sync::Arc;

use authz::conditions::Variables;
use authz::snapshot::{Explanation, Outcome, PermissionIndex, Principal, Snapshot};
use authz::{DenialCode, Step};
use contracts::access::PathView;
use kernel::{ActorKind, Id as _, Locale, Timestamp};
use serde_json::Value;

/// Who is asked about, and by what it is decided.
pub(crate) struct Asked {
    pub(crate) snapshot: Arc<Snapshot>,
    /// The platform's, for its service accounts that act in another organization.
    pub(crate) platform: Option<Arc<Snapshot>>,
    pub(crate) principal: Principal,
    /// The user's address, where a condition asks for it.
    pub(crate) email: Option<Arc<str>>,
    pub(crate) now: Timestamp,
}

/// What was decided about one permission.
pub(crate) struct Verdict {
    /// The step that denied; `None` when it is allowed.
    pub(crate) denied_at: Option<Step>,
    pub(crate) explanation: Explanation,
    /// The comparisons that failed, with what they found.
    pub(crate) failures: Vec<String>,
}

impl Asked {
    /// How the permission is held, or why it is not.
    pub(crate) fn explain(&self, permission: PermissionIndex) -> Explanation {
        self.snapshot.explain(self.principal, permission, self.now)
    }

    /// Whether the user holds the permission under a condition that asks for the user's address.
    pub(crate) fn asks_for_email(&self, held: &Explanation) -> bool {
        self.principal.kind == ActorKind::User
            && matches!(&held.outcome, Outcome::AllowedIf(residual) if residual.uses_user_email())
    }

    /// Decides about a permission that is held so and, where a condition is left, about the object. Of no object no comparison with a
    /// value holds.
    pub(crate) fn decide(&self, permission: PermissionIndex, explanation: Explanation, object: &Value) -> Verdict {
        let mut outcome = explanation.outcome.clone();
        if let Some(platform) = &self.platform
            && !outcome.is_allowed()
        {
            outcome = platform.decide_in(&self.snapshot, self.principal, permission, self.now);
        }
        let variables = Variables {
            user_id: (self.principal.kind == ActorKind::User).then_some(self.principal.id),
            user_email: self.email.as_deref(),
            organization_id: self.snapshot.organization().as_uuid(),
            now: self.now,
        };
        let failures = match &outcome {
            Outcome::AllowedIf(residual) => residual
                .failures(object, &variables)
                .iter()
                .map(|failure| match failure.found() {
                    Some(found) => format!("{} ({found})", failure.place()),
                    None => failure.place().to_owned(),
                })
                .collect(),
            Outcome::Allowed | Outcome::Denied(_) => Vec::new(),
        };
        Verdict {
            denied_at: outcome.denied_at(object, &variables),
            explanation,
            failures,
        }
    }
}

impl Verdict {
    /// The code that a refusal would have.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.denied_at.map(|step| match step {
            Step::Module => DenialCode::ModuleNotContracted.as_str(),
            Step::Scope | Step::Grant | Step::Withheld | Step::Condition | Step::Decision => {
                DenialCode::Forbidden.as_str()
            }
        })
    }

    /// The way by which the permission is held, also where something else denies it.
    pub(crate) fn path(&self) -> Option<PathView> {
        PathView::telling(&self.explanation)
    }

    /// Why, in a sentence.
    pub(crate) fn message(&self, locale: Locale) -> String {
        let told = &self.explanation;
        let permission = &told.permission;
        let module = &told.module.module;
        let because = |because: Option<authz::snapshot::Because>| because.map_or("-", |because| because.as_str());
        let package = told.package.as_deref().unwrap_or("-");
        match (self.denied_at, locale) {
            (None, Locale::En) => format!("{permission} is granted."),
            (None, Locale::PtBr) => format!("{permission} está concedida."),
            (Some(Step::Scope), Locale::En) => {
                format!("{permission} can be held only in the platform organization.")
            }
            (Some(Step::Scope), Locale::PtBr) => {
                format!("{permission} só pode ser concedida na organização da plataforma.")
            }
            (Some(Step::Module), Locale::En) => format!(
                "The module {module} is not active ({}; package: {package}).",
                because(told.module.because)
            ),
            (Some(Step::Module), Locale::PtBr) => format!(
                "Módulo não contratado: {module} ({}; pacote: {package}).",
                because(told.module.because)
            ),
            (Some(Step::Withheld), Locale::En) => format!(
                "{permission} is withheld ({}; package: {package}).",
                because(told.withheld)
            ),
            (Some(Step::Withheld), Locale::PtBr) => format!(
                "{permission} está retida ({}; pacote: {package}).",
                because(told.withheld)
            ),
            (Some(Step::Condition), Locale::En) => {
                format!(
                    "The condition of {permission} does not hold: {}.",
                    self.failures.join(", ")
                )
            }
            (Some(Step::Condition), Locale::PtBr) => {
                format!(
                    "A condição de {permission} não é satisfeita: {}.",
                    self.failures.join(", ")
                )
            }
            (Some(Step::Grant | Step::Decision), Locale::En) => format!("Nothing grants {permission}."),
            (Some(Step::Grant | Step::Decision), Locale::PtBr) => format!("Nada concede {permission}."),
        }
    }
}
