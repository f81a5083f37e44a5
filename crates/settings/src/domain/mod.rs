//! Settings, branding, integrations, and the values they are made of. No storage, no HTTP, no JSON.

mod addresses;
mod branding;
mod color;
mod ids;
mod integration;
mod picture;
pub(crate) mod provider;
mod settings;
mod values;

pub(crate) use addresses::{MailAddress, PageAddress};
pub(crate) use branding::{Branding, DisplayName, Look, Place};
pub(crate) use color::Color;
pub(crate) use ids::{BrandingId, IntegrationId, SettingsId};
pub(crate) use integration::{Connection, Integration, IntegrationChanges, IntegrationName, NewIntegration, Secrets};
pub(crate) use picture::{ContentHash, Picture, PictureFlaw, PictureKind};
pub(crate) use settings::{Changes, Settings};
pub(crate) use values::{CurrencyCode, DomainList, DomainName, RequestRate, SessionTtl, ZoneName};
