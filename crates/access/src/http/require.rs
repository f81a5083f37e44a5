//! `POST /access/require`

use http::{Answer, ApiError, Authenticated, Body, Doc, ErrorCode};
use kernel::Rule;
use serde_json::{Value, json};

use super::check::{Oracle, judge};
use super::inputs::AnyObject;

http::input! {
    /// What the caller wants to do.
    pub(crate) struct RequireAccess {
        /// The code of the permission.
        permission: String,
        /// The object, for conditions.
        context: Option<AnyObject>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("requireAccess", "Go on, or be refused")
        .describe(
            "The one call with which an application behind this server guards its own routes: it passes its caller's credential on, \
             and answers what this answers.",
        )
        .takes::<RequireAccess>(json!({ "permission": "FINANCE_INVOICE_APPROVE", "context": { "amount": 5_000 } }))
        .answers_nothing("It is allowed")
        .changes_nothing()
        .refuses([ErrorCode::RbacForbidden, ErrorCode::RbacModuleNotContracted])
}

pub(super) async fn handle(caller: Authenticated, Body(input): Body<RequireAccess>) -> Result<Answer, ApiError> {
    let oracle = Oracle::of(&caller).await?;
    let permission = oracle
        .permission(&input.permission)
        .ok_or_else(|| ApiError::violation("permission", Rule::UnknownCode))?;
    let object = input.context.map_or(Value::Null, |AnyObject(value)| value);
    let mut asked = oracle.own(&caller);
    let verdict = judge(&caller, &mut asked, permission, &object).await?;
    match verdict.denied_at {
        None => Ok(Answer::no_content()),
        Some(step) => Err(caller.refused_at(step, &verdict.explanation)),
    }
}
