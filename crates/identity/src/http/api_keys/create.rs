//! `POST /api-keys`

use std::sync::Arc;

use http::{Answer, ApiError, Body, Doc, ErrorCode, RequiresWithin, TimeText};
use serde_json::json;

use super::{ApiKeyWithSecret, with_secret};
use crate::app::create_api_key;
use crate::crypto::{OpaqueSecret, SecretKind};
use crate::domain::{CredentialName, IpAllowlist, Network, NewApiKey, check_expiry};
use crate::http::permission_list::permission_list;
use crate::mail::post;
use crate::manifest::ApiKeyCreate;
use crate::store::api_keys::view;

http::input! {
    /// What it takes to make a key.
    pub(crate) struct CreateApiKey {
        /// What people call it.
        name: CredentialName,
        /// The codes of the permissions that it may use; never more than whoever makes it holds.
        permissions: Vec<String>,
        /// From when on it is worth nothing; never, when absent.
        expires_at: Option<TimeText>,
        /// The networks that it may be used from; everywhere, when absent or empty.
        ip_allowlist: Option<Vec<Network>>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createApiKey", "Create an API key")
        .describe(
            "The secret is in `key`, this once. A key can do nothing that its maker cannot, and dies with a deactivated maker. Keys \
             are made by users and service accounts, not by keys.",
        )
        .takes::<CreateApiKey>(json!({
            "name": "Shop",
            "permissions": ["IDENTITY_USER_READ"],
            "expiresAt": "2027-11-21T12:00:00Z",
            "ipAllowlist": ["203.0.113.0/24"]
        }))
        .creates::<ApiKeyWithSecret<'_>>("The key, with its secret", with_secret())
        .refuses([ErrorCode::RbacEscalation])
}

pub(super) async fn handle(
    caller: RequiresWithin<ApiKeyCreate>,
    Body(input): Body<CreateApiKey>,
) -> Result<Answer, ApiError> {
    let within = caller.within().clone();
    let generators = caller.app().generators();
    let expires_at = input.expires_at.map(|TimeText(end)| end);
    check_expiry(expires_at, generators.now())?;
    let new = NewApiKey {
        name: input.name,
        permissions: permission_list(&caller, input.permissions).await?,
        expires_at,
        ip_allowlist: IpAllowlist::new(input.ip_allowlist.unwrap_or_default())?,
    };
    let secret = OpaqueSecret::generate(SecretKind::ApiKey, caller.organization(), &*generators.random);
    let secret = Arc::new(secret);
    let post = post(caller.app())?;
    let queue = post.queue();
    let answer = caller
        .write_judged(move |uow, judge| {
            let (within, new, secret) = (within.clone(), new.clone(), Arc::clone(&secret));
            async move {
                let key = view(
                    &create_api_key(&within, &uow, queue, &*judge, new, &secret).await?,
                    uow.now(),
                );
                let location = format!("/api-keys/{}", key.id);
                Answer::created(&location, &ApiKeyWithSecret::new(&key, &secret))?.with_secret(&key)
            }
        })
        .await?;
    post.wake();
    Ok(answer)
}
