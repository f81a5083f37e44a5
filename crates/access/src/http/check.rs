//! `POST /access/check`

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use authz::snapshot::{PermissionIndex, Principal, Snapshot};
use contracts::access::PathView;
use contracts::identity::{Principals, UserId};
use http::{Answer, ApiError, Authenticated, Body, Caller, Doc, ErrorCode, IdText};
use kernel::{ActorKind, Id as _, Rule, RuleViolation};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::inputs::{AnyObject, UserIdText};
use crate::app::check::{Asked, Verdict};
use crate::decisions::Access;
use crate::manifest::UserRoleRead;

/// The most questions in one request.
const MOST_CHECKS: usize = 1_000;

http::input! {
    /// A question: whether somebody may use a permission, on an object if there is one.
    pub(crate) struct Check {
        /// Who is asked about; without it, the caller.
        user_id: Option<UserIdText>,
        /// The code of the permission.
        permission: String,
        /// The object, for conditions.
        context: Option<AnyObject>,
    }
}

/// One question, or several at once: how the documentation tells apart what [`CheckAccess`] reads together.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = CheckAccess)]
#[expect(dead_code, reason = "it is only described")]
enum OneOrSeveral {
    One(Check),
    Several(SeveralChecks),
}

http::input! {
    /// Several questions.
    struct SeveralChecks {
        /// At most 1,000.
        #[schema(max_items = 1_000)]
        checks: Vec<Check>,
    }
}

http::input! {
    /// One question, or several at once.
    pub(crate) struct CheckAccess {
        /// Who is asked about; without it, the caller.
        user_id: Option<UserIdText>,
        /// The code of the permission.
        permission: Option<String>,
        /// The object, for conditions.
        context: Option<AnyObject>,
        /// Several questions, at most 1,000, instead of the one.
        checks: Option<Vec<Check>>,
    }
}

/// The answer to one question, or to several.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AccessAnswer)]
enum AnswerView {
    One(DecisionView),
    Several(DecisionsView),
}

/// The answers to several questions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessDecisions)]
struct DecisionsView {
    /// One for each question, in the same order.
    results: Vec<DecisionView>,
}

/// The answer to a question.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccessDecision)]
pub(crate) struct DecisionView {
    /// Whether it is allowed.
    allowed: bool,
    /// The code that a refusal would have; `null` when it is allowed.
    reason: Option<&'static str>,
    /// Why, in a sentence.
    message: String,
    /// How the permission is held, also where something else denies it; `null` when nothing grants it.
    path: Option<PathView>,
}

pub(super) fn doc() -> Doc {
    let decision = json!({
        "allowed": true,
        "reason": null,
        "message": "FINANCE_INVOICE_APPROVE is granted.",
        "path": { "via": "role", "steps": [
            { "type": "role", "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41", "code": "INVOICE_CLERK" }
        ] }
    });
    Doc::new("checkAccess", "Ask whether somebody may")
        .describe(
            "About oneself, or about others with `RBAC_USER_ROLE_READ`. With `checks` there are `results` in the same order. \
             `context` is the object that conditions are decided on; it is never stored.",
        )
        .takes::<OneOrSeveral>(json!({ "permission": "FINANCE_INVOICE_APPROVE", "context": { "amount": 5_000 } }))
        .answers::<AnswerView>("The decision, or `results` with one for each question", decision)
        .changes_nothing()
        .refuses([ErrorCode::NotFound])
}

pub(super) async fn handle(caller: Authenticated, Body(input): Body<CheckAccess>) -> Result<Answer, ApiError> {
    let CheckAccess {
        user_id,
        permission,
        context,
        checks,
    } = input;
    match (permission, checks) {
        (Some(permission), None) => {
            let check = Check {
                user_id,
                permission,
                context,
            };
            let verdicts = decide(&caller, vec![check], |_, field| field.to_owned()).await?;
            let verdict = verdicts.first();
            let verdict = verdict.ok_or_else(|| ApiError::internal("a check without an answer"))?;
            Answer::ok(&AnswerView::One(view(&caller, verdict)))
        }
        (None, Some(checks)) if checks.len() > MOST_CHECKS => {
            Err(ApiError::violation("checks", Rule::TooManyItems { max: MOST_CHECKS }))
        }
        (None, Some(checks)) if user_id.is_none() && context.is_none() => {
            let verdicts = decide(&caller, checks, |place, field| format!("checks[{place}].{field}")).await?;
            let results = verdicts.iter().map(|verdict| view(&caller, verdict)).collect();
            Answer::ok(&AnswerView::Several(DecisionsView { results }))
        }
        (None, None) => Err(ApiError::violation("permission", Rule::Required)),
        (Some(_) | None, Some(_)) => Err(ApiError::violation("checks", Rule::Invalid)),
    }
}

/// Decides about each. `field` tells where in the request a field of the check at a place is.
async fn decide(
    caller: &Caller,
    checks: Vec<Check>,
    field: impl Fn(usize, &str) -> String,
) -> Result<Vec<Verdict>, ApiError> {
    let oracle = Oracle::of(caller).await?;
    let asks_for_others = checks.iter().any(|check| !is_self(caller, check));
    if asks_for_others {
        caller.require::<UserRoleRead>().await?;
    }
    let mut indices = Vec::with_capacity(checks.len());
    let mut problems = Vec::new();
    for (place, check) in checks.iter().enumerate() {
        match oracle.permission(&check.permission) {
            Some(index) => indices.push(index),
            None => problems.push(RuleViolation::new(field(place, "permission"), Rule::UnknownCode)),
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    // The caller is under no id.
    let mut known: HashMap<Option<UserId>, Asked> = HashMap::new();
    let mut verdicts = Vec::with_capacity(checks.len());
    for (check, index) in checks.iter().zip(indices) {
        let nothing = Value::Null;
        let object = check.context.as_ref().map_or(&nothing, |AnyObject(value)| value);
        let other = check.user_id.as_ref().filter(|_| !is_self(caller, check));
        let asked = match known.entry(other.map(|IdText(user)| *user)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let asked = match *new.key() {
                    Some(user) => oracle.user(caller, user).await?,
                    None => oracle.own(caller),
                };
                new.insert(asked)
            }
        };
        verdicts.push(judge(caller, asked, index, object).await?);
    }
    Ok(verdicts)
}

fn is_self(caller: &Caller, check: &Check) -> bool {
    let actor = caller.actor();
    match &check.user_id {
        None => true,
        Some(IdText(user)) => actor.kind == ActorKind::User && actor.id == user.as_uuid(),
    }
}

fn view(caller: &Caller, verdict: &Verdict) -> DecisionView {
    DecisionView {
        allowed: verdict.denied_at.is_none(),
        reason: verdict.reason(),
        message: verdict.message(caller.request().locale()),
        path: verdict.path(),
    }
}

/// Decides about a permission and an object. The address of the user who is asked about is looked up where a condition asks for it:
/// most ask for nothing that is not in memory.
pub(super) async fn judge(
    caller: &Caller,
    asked: &mut Asked,
    permission: PermissionIndex,
    object: &Value,
) -> Result<Verdict, ApiError> {
    let held = asked.explain(permission);
    if asked.email.is_none() && asked.asks_for_email(&held) {
        let principals = caller.app().port::<dyn Principals>()?;
        let user = UserId::from_uuid(asked.principal.id);
        let found = principals.user(caller.organization(), user).await?;
        asked.email = found.map(|user| user.email.into());
    }
    Ok(asked.decide(permission, held, object))
}

/// What decides in the organization acted in.
pub(super) struct Oracle {
    snapshot: Arc<Snapshot>,
    platform: Option<Arc<Snapshot>>,
}

impl Oracle {
    pub(super) async fn of(caller: &Caller) -> Result<Self, ApiError> {
        let access = caller.app().port::<Access>()?;
        let is_guest = caller.identity().organization != caller.organization();
        Ok(Self {
            snapshot: access.snapshot(caller.organization()).await?,
            platform: if is_guest {
                Some(access.snapshot(caller.identity().organization).await?)
            } else {
                None
            },
        })
    }

    pub(super) fn permission(&self, code: &str) -> Option<PermissionIndex> {
        self.snapshot.catalogue().find(code)
    }

    /// The caller.
    pub(super) fn own(&self, caller: &Caller) -> Asked {
        self.asked(caller, caller.actor().as_ref().into(), self.platform.clone())
    }

    /// A user of the organization.
    async fn user(&self, caller: &Caller, id: UserId) -> Result<Asked, ApiError> {
        let is_in_memory =
            self.snapshot.is_active_user(id.as_uuid()).is_some() && !self.snapshot.is_guest(id.as_uuid());
        if !is_in_memory {
            let principals = caller.app().port::<dyn Principals>()?;
            let found = principals.user(caller.organization(), id).await?;
            found.ok_or_else(ApiError::not_found)?;
        }
        Ok(self.asked(caller, Principal::user(id.as_uuid()), None))
    }

    fn asked(&self, caller: &Caller, principal: Principal, platform: Option<Arc<Snapshot>>) -> Asked {
        Asked {
            snapshot: Arc::clone(&self.snapshot),
            platform,
            principal,
            email: None,
            now: caller.app().generators().now(),
        }
    }
}
