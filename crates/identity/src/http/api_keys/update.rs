//! `PATCH /api-keys/{id}`

use contracts::identity::{ApiKeyId, ApiKeyView};
use http::{Answer, ApiError, Body, Doc, ErrorCode, PathId, RequiresWithin, TimeText};
use serde_json::json;

use crate::app::update_api_key;
use crate::domain::{ApiKeyChanges, CredentialName, IpAllowlist, Network, check_expiry};
use crate::http::permission_list::permission_list;
use crate::manifest::ApiKeyUpdate;
use crate::store::api_keys::view;

http::input! {
    /// What to change about a key; what is absent stays.
    pub(crate) struct UpdateApiKey {
        /// What people call it.
        name: Keep<CredentialName>,
        /// The codes of the permissions that it may use, in place of those before.
        permissions: Keep<Vec<String>>,
        /// From when on it is worth nothing; never, when `null`.
        expires_at: Patch<TimeText>,
        /// The networks that it may be used from; everywhere, when `null` or empty.
        ip_allowlist: Patch<Vec<Network>>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateApiKey", "Change an API key")
        .describe("It takes every permission on its list, before and after.")
        .takes::<UpdateApiKey>(json!({ "name": "Shop in Recife", "ipAllowlist": null }))
        .answers::<ApiKeyView>("The key as it is now", crate::http::example::api_key())
        .refuses([ErrorCode::RbacEscalation, ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: RequiresWithin<ApiKeyUpdate>,
    path: PathId<ApiKeyId>,
    Body(input): Body<UpdateApiKey>,
) -> Result<Answer, ApiError> {
    let changes = changes(&caller, input).await?;
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write_judged(move |uow, judge| {
            let (within, precondition, changes) = (within.clone(), precondition.clone(), changes.clone());
            async move {
                let now = uow.now();
                let is_current = |current: &_| precondition.check(&view(current, now)).is_ok();
                let key = update_api_key(&within, &uow, &*judge, id, is_current, changes).await?;
                Answer::ok(&view(&key, now))
            }
        })
        .await
}

/// What the body asks for, as far as it can be told to be valid without the key.
async fn changes(caller: &RequiresWithin<ApiKeyUpdate>, input: UpdateApiKey) -> Result<ApiKeyChanges, ApiError> {
    let expires_at = input.expires_at.into_change().map(|end| end.map(|TimeText(end)| end));
    check_expiry(expires_at.flatten(), caller.app().generators().now())?;
    let ip_allowlist = input.ip_allowlist.into_change().map(Option::unwrap_or_default);
    Ok(ApiKeyChanges {
        name: input.name.into_option(),
        permissions: match input.permissions.into_option() {
            Some(codes) => Some(permission_list(caller, codes).await?),
            None => None,
        },
        expires_at,
        ip_allowlist: ip_allowlist.map(IpAllowlist::new).transpose()?,
    })
}
