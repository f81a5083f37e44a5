//! `PATCH /integrations/{id}`

use http::{Answer, ApiError, Body, Doc, PathId, Requires};
use serde_json::json;
use vault::Sealer;

use super::create_integration::admit;
use super::integration_inputs::{ConfigMap, SecretMap};
use crate::app::update_integration;
use crate::domain::{Integration, IntegrationChanges, IntegrationId, IntegrationName};
use crate::manifest::IntegrationUpdate;
use crate::view::IntegrationView;

http::input! {
    /// What to change about a connection; what is absent stays.
    pub(crate) struct UpdateIntegration {
        /// What people call it.
        name: Keep<IntegrationName>,
        /// What it is configured with, field by field.
        config: Keep<ConfigMap>,
        /// What it proves with who it is, secret by secret.
        secrets: Keep<SecretMap>,
        /// Whether it may be used.
        is_active: Keep<bool>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateIntegration", "Change an integration")
        .describe(
            "A merge patch, also of `config` and `secrets`. When the host, the port, the URL or the encryption changes, the secrets \
             are removed but for those that come with the change: they were told to be used there, and nowhere else.",
        )
        .takes::<UpdateIntegration>(json!({ "config": { "port": 465, "tls": "implicit" }, "secrets": { "password": "correct horse" } }))
        .answers::<IntegrationView>("The integration as it is now", super::example::integration())
}

pub(super) async fn handle(
    caller: Requires<IntegrationUpdate>,
    path: PathId<IntegrationId>,
    Body(input): Body<UpdateIntegration>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let (sealer, client) = (caller.app().port::<Sealer>()?, caller.app().port::<outbound::Client>()?);
    let changes = IntegrationChanges::from(input);
    caller
        .write(move |uow| {
            let (granted, precondition, changes) = (granted.clone(), precondition.clone(), changes.clone());
            let (sealer, client) = (sealer.clone(), client.clone());
            async move {
                let is_current =
                    |current: &Integration| precondition.check(&IntegrationView::from(current.state())).is_ok();
                let admit = |changed: &_| admit(&client, changed);
                let changed = update_integration(&granted, &uow, &sealer, id, is_current, admit, changes).await?;
                Answer::ok(&IntegrationView::from(changed.state()))
            }
        })
        .await
}

impl From<UpdateIntegration> for IntegrationChanges {
    fn from(input: UpdateIntegration) -> Self {
        Self {
            name: input.name.into_option(),
            config: input.config.into_option().map(|config| config.0),
            secrets: input.secrets.into_option().map(|secrets| secrets.0).unwrap_or_default(),
            is_active: input.is_active.into_option(),
        }
    }
}
