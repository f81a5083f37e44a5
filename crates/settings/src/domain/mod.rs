//! Settings and the values they are made of. No storage, no HTTP, no JSON.

mod ids;
mod settings;
mod values;

pub(crate) use ids::SettingsId;
pub(crate) use settings::{Changes, Settings};
pub(crate) use values::{CurrencyCode, DomainList, DomainName, RequestRate, SessionTtl, ZoneName};
