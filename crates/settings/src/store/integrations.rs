//! The table `integrations`.

use std::collections::BTreeMap;

use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use http::SealedColumn;
use kernel::{Direction, Id as _, OrganizationId, PageRequest, Random, fold};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json};
use vault::{OpenError, SealContext, Sealer};
use zeroize::Zeroizing;

use super::rendered;
use crate::domain::provider::{Config, ConfigValue, Provider};
use crate::domain::{Connection, Integration, IntegrationId, IntegrationName, Secrets};
use crate::view::IntegrationView;

const COLUMNS: &str = "organization_id, id, provider, name, config, secrets, is_active, created_at, updated_at";

const LOOKUP: Sql = Sql::tenant(
    "SELECT organization_id, id, provider, name, config, secrets, is_active, created_at, updated_at FROM integrations \
     WHERE organization_id = $1 AND id = $2",
)
.point();
const LOCK: Sql = Sql::tenant(
    "SELECT organization_id, id, provider, name, config, secrets, is_active, created_at, updated_at FROM integrations \
     WHERE organization_id = $1 AND id = $2 FOR UPDATE",
)
.on_sqlite(LOOKUP.text(db::Engine::Sqlite));
const ADD: Sql = Sql::tenant(
    "INSERT INTO integrations (organization_id, id, provider, name, name_folded, config, secrets, is_active, created_at, \
     updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);
const SAVE: Sql = Sql::tenant(
    "UPDATE integrations SET name = $3, name_folded = $4, config = $5, is_active = $6, updated_at = $7 \
     WHERE organization_id = $1 AND id = $2",
);
const SAVE_SECRETS: Sql = Sql::tenant("UPDATE integrations SET secrets = $3 WHERE organization_id = $1 AND id = $2");
const REMOVE: Sql = Sql::tenant("DELETE FROM integrations WHERE organization_id = $1 AND id = $2");
const SEALED: Sql = Sql::system(
    "SELECT organization_id, id, secrets FROM integrations WHERE secrets IS NOT NULL AND (organization_id, id) > ($1, $2) \
     ORDER BY organization_id, id LIMIT 100",
);
const RESEAL: Sql =
    Sql::system("UPDATE integrations SET secrets = $3 WHERE organization_id = $1 AND id = $2 AND secrets = $4");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOOKUP, LOCK, ADD, SAVE, SAVE_SECRETS, REMOVE, SEALED, RESEAL];

/// What secrets are sealed for.
const PURPOSE: &str = "integration secrets";

/// The secrets, for when the master key changes.
pub(crate) const SECRETS: SealedColumn = SealedColumn::tenant("secrets of integrations", PURPOSE, SEALED, RESEAL);

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Name,
    CreatedAt,
}

/// What a list is narrowed by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter<'f> {
    pub(crate) provider: Option<&'static str>,
    pub(crate) is_active: Option<bool>,
    pub(crate) text: Option<&'f str>,
}

/// A connection with its secrets opened.
pub(crate) async fn lookup(
    scope: Scope<'_>,
    sealer: &Sealer,
    id: IntegrationId,
) -> Result<Option<Connection>, DbError> {
    scope
        .optional(&LOOKUP, &[Value::id(id)], |row| connection(row, 0, sealer))
        .await
}

pub(crate) async fn list(
    scope: Scope<'_>,
    sealer: &Sealer,
    filter: &Filter<'_>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<IntegrationView>, DbError> {
    // The list's first column is the total.
    let view = |row: &Row<'_>| connection(row, 1, sealer).map(|connection| IntegrationView::from(&connection));
    listing(filter, order, direction).fetch(scope, page, start, view).await
}

fn listing<'f>(filter: &Filter<'f>, order: Order, direction: Direction) -> List<'f> {
    let column = match order {
        Order::Name => "name_folded",
        Order::CreatedAt => "created_at",
    };
    List::tenant("integrations", COLUMNS)
        .equal("provider", filter.provider)
        .equal("is_active", filter.is_active)
        .containing(&["name_folded"], filter.text)
        .order(column, direction)
}

/// The texts of the list in every order, without and with its filters, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let filters = [
        Filter::default(),
        Filter {
            provider: Some("smtp"),
            is_active: Some(true),
            text: Some("mail"),
        },
    ];
    let mut texts = Vec::new();
    for filter in &filters {
        for order in [Order::Name, Order::CreatedAt] {
            for direction in [Direction::Ascending, Direction::Descending] {
                texts.extend(listing(filter, order, direction).texts(&PageRequest::default()));
            }
        }
    }
    texts
}

/// Reads a connection for a change, and holds it until the unit ends.
pub(crate) async fn lock(
    uow: &UnitOfWork,
    sealer: &Sealer,
    organization_id: OrganizationId,
    id: IntegrationId,
) -> Result<Option<Integration>, DbError> {
    uow.scope(organization_id)
        .reads()
        .optional(&LOCK, &[Value::id(id)], |row| {
            connection(row, 0, sealer).map(Integration::from)
        })
        .await
}

pub(crate) async fn add(uow: &UnitOfWork, sealer: &Sealer, integration: &mut Integration) -> Result<(), DbError> {
    record(uow, integration)?;
    let state = integration.state();
    let row = [
        Value::id(state.id),
        state.provider.code.into(),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        Value::Json(config_text(&state.config)?.into()),
        sealed(state, sealer, uow.generators().random.as_ref())?
            .map_or(Value::Null, |sealed| Value::Bytes(sealed.into())),
        state.is_active.into(),
        state.created_at.into(),
        state.updated_at.into(),
    ];
    uow.scope(state.organization_id).send(&ADD, &row).await
}

/// Stores what changed, if anything did.
pub(crate) async fn save(uow: &UnitOfWork, sealer: &Sealer, integration: &mut Integration) -> Result<(), DbError> {
    if !record(uow, integration)? {
        return Ok(());
    }
    let state = integration.state();
    let scope = uow.scope(state.organization_id);
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        Value::Json(config_text(&state.config)?.into()),
        state.is_active.into(),
        state.updated_at.into(),
    ];
    scope.send(&SAVE, &row).await?;
    if integration.secrets_changed() {
        let sealed = sealed(state, sealer, uow.generators().random.as_ref())?;
        let sealed = sealed.map_or(Value::Null, |sealed| Value::Bytes(sealed.into()));
        scope.send(&SAVE_SECRETS, &[Value::id(state.id), sealed]).await?;
    }
    Ok(())
}

pub(crate) async fn remove(uow: &UnitOfWork, integration: &mut Integration) -> Result<(), DbError> {
    record(uow, integration)?;
    let state = integration.state();
    uow.scope(state.organization_id)
        .send(&REMOVE, &[Value::id(state.id)])
        .await
}

/// Hands what happened to the unit of work; false when nothing did.
fn record(uow: &UnitOfWork, integration: &mut Integration) -> Result<bool, DbError> {
    let events = integration.take_events();
    let state = integration.state();
    uow.record_all(state.organization_id, events, &IntegrationView::from(state))
}

fn place(organization: OrganizationId, id: IntegrationId) -> SealContext {
    SealContext::tenant(PURPOSE, organization, id.as_uuid())
}

/// The secrets as they are stored: one object, sealed; nothing where there are none.
fn sealed(connection: &Connection, sealer: &Sealer, random: &dyn Random) -> Result<Option<Vec<u8>>, DbError> {
    let Some(secrets) = connection.secrets.as_ref().filter(|secrets| !secrets.is_empty()) else {
        return Ok(None);
    };
    let values: BTreeMap<_, _> = secrets
        .iter()
        .map(|(name, value)| (name, value.expose_secret()))
        .collect();
    let text = Zeroizing::new(rendered(&values)?);
    let place = place(connection.organization_id, connection.id);
    sealer
        .seal(&place, text.as_bytes(), random)
        .map(Some)
        .map_err(|error| DbError::Internal(error.to_string()))
}

/// The secrets of a provider from their envelope; none when the key is not here.
fn opened(
    sealer: &Sealer,
    place: &SealContext,
    provider: &Provider,
    envelope: &[u8],
) -> Result<Option<Secrets>, OpenError> {
    let text = match sealer.open(place, envelope) {
        Err(error @ OpenError::UnknownKey { .. }) => {
            tracing::error!(error = %error, "the secrets of an integration cannot be read");
            return Ok(None);
        }
        opened => opened?,
    };
    let values: BTreeMap<String, SecretString> = serde_json::from_slice::<BTreeMap<String, Zeroizing<String>>>(&text)
        .map_err(|_| OpenError::Malformed)?
        .into_iter()
        .map(|(name, value)| (name, SecretString::from(value.as_str())))
        .collect();
    Ok(Some(Secrets::of(provider, values)))
}

fn config_text(config: &Config) -> Result<String, DbError> {
    let value = |value: &ConfigValue| match value {
        ConfigValue::Text(text) => Json::from(text.as_str()),
        ConfigValue::Number(number) => Json::from(*number),
        ConfigValue::Flag(flag) => Json::from(*flag),
    };
    let fields: Map<String, Json> = config
        .iter()
        .map(|(name, set)| ((*name).to_owned(), value(set)))
        .collect();
    rendered(&fields)
}

/// What is configured, by the fields that the provider has now.
fn config(provider: &Provider, text: &str) -> Option<Config> {
    let stored: Map<String, Json> = serde_json::from_str(text).ok()?;
    provider
        .config()
        .filter_map(|field| Some((field.name(), stored.get(field.name())?)))
        .map(|(name, value)| {
            let value = match value {
                Json::String(text) => ConfigValue::Text(text.clone()),
                Json::Number(number) => ConfigValue::Number(number.as_i64()?),
                Json::Bool(flag) => ConfigValue::Flag(*flag),
                Json::Null | Json::Array(_) | Json::Object(_) => return None,
            };
            Some((name, value))
        })
        .collect()
}

/// Reads a connection, from columns that begin at `first`.
fn connection(row: &Row<'_>, first: usize, sealer: &Sealer) -> Result<Connection, DbError> {
    let inconsistent = |index: usize| row.inconsistency(first + index);
    let (organization_id, id) = (row.id(first)?, row.id(first + 1)?);
    let provider = Provider::find(&row.get::<String>(first + 2)?).ok_or_else(|| inconsistent(2))?;
    let secrets = match row.get::<Option<Vec<u8>>>(first + 5)? {
        None => Some(Secrets::default()),
        Some(envelope) => {
            opened(sealer, &place(organization_id, id), provider, &envelope).map_err(|_| inconsistent(5))?
        }
    };
    Ok(Connection {
        organization_id,
        id,
        provider,
        name: IntegrationName::new(&row.get::<String>(first + 3)?).map_err(|_| inconsistent(3))?,
        config: config(provider, &row.get::<String>(first + 4)?).ok_or_else(|| inconsistent(4))?,
        secrets,
        is_active: row.get(first + 6)?,
        created_at: row.get(first + 7)?,
        updated_at: row.get(first + 8)?,
    })
}
