//! `POST /integrations`

use http::{Answer, ApiError, Body, Doc, Requires};
use serde_json::json;
use vault::Sealer;

use super::integration_inputs::{ConfigMap, ProviderCode, SecretMap};
use crate::app::create_integration;
use crate::connect;
use crate::domain::provider::Config;
use crate::domain::{Connection, IntegrationName, NewIntegration, Secrets};
use crate::manifest::IntegrationCreate;
use crate::view::IntegrationView;

http::input! {
    /// What a connection is made of.
    pub(crate) struct CreateIntegration {
        /// The code of its provider.
        provider: ProviderCode,
        /// What people call it.
        name: IntegrationName,
        /// What it is configured with.
        config: ConfigMap,
        /// What it proves with who it is.
        secrets: SecretMap = SecretMap::default(),
        /// Whether it may be used.
        is_active: bool = true,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createIntegration", "Create an integration")
        .describe(
            "`GET /integration-providers` tells the fields of each provider. Secrets are sealed, and never shown again but for \
             their ends. An address that this server does not connect to is refused.",
        )
        .takes::<CreateIntegration>(json!({
            "provider": "smtp",
            "name": "Mail",
            "config": { "host": "smtp.example.com", "username": "padaria" },
            "secrets": { "password": "correct horse" }
        }))
        .creates::<IntegrationView>("The integration", super::example::integration())
}

pub(super) async fn handle(
    caller: Requires<IntegrationCreate>,
    Body(input): Body<CreateIntegration>,
) -> Result<Answer, ApiError> {
    let granted = caller.granted().clone();
    let new = new_integration(input).map_err(ApiError::violations)?;
    let sealer = caller.app().port::<Sealer>()?;
    let client = caller.app().port::<outbound::Client>()?;
    caller
        .write(move |uow| {
            let (granted, sealer, client, new) = (granted.clone(), sealer.clone(), client.clone(), new.clone());
            async move {
                let made = create_integration(&granted, &uow, &sealer, |made| admit(&client, made), new).await?;
                let made = IntegrationView::from(made.state());
                Answer::created(&format!("/integrations/{}", made.id), &made)
            }
        })
        .await
}

fn new_integration(input: CreateIntegration) -> Result<NewIntegration, Vec<kernel::RuleViolation>> {
    let CreateIntegration {
        provider: ProviderCode(provider),
        name,
        config: ConfigMap(config),
        secrets: SecretMap(secrets),
        is_active,
    } = input;
    // In a new connection there is nothing to remove.
    let secrets: Vec<_> = secrets
        .into_iter()
        .filter_map(|(name, secret)| Some((name, secret?)))
        .collect();
    let names: Vec<_> = secrets.iter().map(|(name, _)| name.as_str()).collect();
    let wrong = provider.judge_secrets(&names, true);
    match provider.configure(&Config::new(), &config) {
        Ok(config) if wrong.is_empty() => Ok(NewIntegration {
            provider,
            name,
            config,
            secrets: Secrets::of(provider, secrets),
            is_active,
        }),
        Ok(_) => Err(wrong),
        Err(violations) => Err(violations.into_iter().chain(wrong).collect()),
    }
}

/// What is wrong with where the connection leads.
pub(super) fn admit(client: &outbound::Client, connection: &Connection) -> Vec<kernel::RuleViolation> {
    connect::admit(client.dialer(), connection)
}
