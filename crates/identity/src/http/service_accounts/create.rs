//! `POST /service-accounts`

use std::sync::Arc;

use contracts::identity::ServiceAccountView;
use http::{Answer, ApiError, Body, Doc, ErrorCode, RequiresWithin};
use serde_json::json;

use super::{ServiceAccountWithSecret, with_secret};
use crate::app::create_service_account;
use crate::crypto::{OpaqueSecret, SecretKind};
use crate::domain::CredentialName;
use crate::http::permission_list::permission_list;
use crate::manifest::ServiceAccountCreate;

http::input! {
    /// What it takes to make a service account.
    pub(crate) struct CreateServiceAccount {
        /// What people call it.
        name: CredentialName,
        /// The codes of the permissions that it may use; never more than whoever makes it holds.
        permissions: Vec<String>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createServiceAccount", "Create a service account")
        .describe(
            "The secret is in `clientSecret`, this once: `POST /auth/token` gives an access token for it and the `clientId`. The \
             account has permissions of its own, whatever becomes of who made it.",
        )
        .takes::<CreateServiceAccount>(json!({ "name": "Importer", "permissions": ["IDENTITY_USER_READ"] }))
        .creates::<ServiceAccountWithSecret<'_>>("The service account, with its secret", with_secret())
        .refuses([ErrorCode::RbacEscalation])
}

pub(super) async fn handle(
    caller: RequiresWithin<ServiceAccountCreate>,
    Body(input): Body<CreateServiceAccount>,
) -> Result<Answer, ApiError> {
    let within = caller.within().clone();
    let (name, list) = (input.name, permission_list(&caller, input.permissions).await?);
    let random = &*caller.app().generators().random;
    let secret = OpaqueSecret::generate(SecretKind::ClientSecret, caller.organization(), random);
    let secret = Arc::new(secret);
    caller
        .write_judged(move |uow, judge| {
            let (within, name, list, secret) = (within.clone(), name.clone(), list.clone(), Arc::clone(&secret));
            async move {
                let account = create_service_account(&within, &uow, &*judge, name, list, &secret).await?;
                let account = ServiceAccountView::from(&account);
                let location = format!("/service-accounts/{}", account.id);
                Answer::created(&location, &ServiceAccountWithSecret::new(&account, &secret))?.with_secret(&account)
            }
        })
        .await
}
