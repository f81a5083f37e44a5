//! Settings: an organization's typed options, how it looks, and its connections to other systems.
//!
//! The shape is that of the organization context: [`domain`] decides from values, [`app`] orders the steps, [`store`] names the
//! tables, [`http`](mod@self::http) names statuses and JSON. Others ask for settings through the port
//! [`contracts::settings::Settings`], which [`memory`] answers from. [`connect`] tests connections to other systems.

mod app;
mod connect;
mod domain;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http;
mod manifest;
mod memory;
mod store;
mod view;

use std::sync::Arc;

use ::http::Module;
use contracts::settings::Settings;
use contracts::usage::StoredBytes;
use db::migrate::Migrations;

pub use manifest::{
    BrandingRead, BrandingUpdate, IntegrationCreate, IntegrationDelete, IntegrationRead, IntegrationUpdate, MANIFEST,
    SettingRead, SettingUpdate,
};

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: [
            store::owner::STATEMENTS,
            store::settings::STATEMENTS,
            store::branding::STATEMENTS,
            store::assets::STATEMENTS,
            store::integrations::STATEMENTS,
        ]
        .concat(),
        lists: store::integrations::lists(),
        sealed: vec![store::integrations::SECRETS],
        start: |foundation| {
            let memory = memory::Memory::new(&foundation.db, &foundation.http.base_url);
            let memory = Arc::new(memory);
            foundation.ports.provide::<dyn StoredBytes>(memory.clone());
            foundation.ports.provide::<dyn Settings>(memory);
            Box::pin(std::future::ready(Ok(())))
        },
        routes: |app| {
            let groups = http::routes().into_iter();
            groups.map(|group| group.with_state(app.clone())).collect()
        },
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations = db::migrations!("settings": "0001_settings");
