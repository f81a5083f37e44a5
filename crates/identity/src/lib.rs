//! Identity: who is asking. Users and their passwords, sessions and their tokens, keys and machine accounts.
//!
//! [`domain`] decides from values alone: what a password may be, when an account locks, what presenting a refresh token
//! leads to. [`crypto`] makes and checks everything secret, and is the only place that names an algorithm.
//! [`mail`](mod@self::mail) tells people what concerns them: queued with the change, mailed after it.
//!
//! # A login, in this crate's words
//!
//! | step | with |
//! |---|---|
//! | read the address and the password, before any work | [`domain::Email`], [`domain::Password::presented`] |
//! | is the account locked, from here or for all? | [`domain::Lockout`] per [`domain::AddressBlock`], and one for the account |
//! | compare, off the async threads, also when there is no such user | [`crypto::Pool`], [`crypto::Hasher::verify`], [`crypto::Hasher::spend`] |
//! | replace an old hash | [`crypto::Hasher::needs_rehash`], [`domain::User::rehash`] |
//! | open a session | [`domain::Session::open`] |
//! | hand out its first refresh token | [`crypto::RefreshKeys::token`] |
//! | sign an access token, off the async threads | [`crypto::SigningKey::sign`] |
//!
//! A request then costs a lookup in [`crypto::VerifiedTokens`], and [`crypto::Verifier::verify`] the first time.

mod api_key_gate;
mod app;
mod authenticator;
mod config;
pub mod crypto;
pub mod domain;
mod http;
mod key_ring;
mod mail;
mod manifest;
pub mod operator;
mod service;
mod store;
mod view;

use std::sync::Arc;
use std::time::Duration;

use ::http::{Job, Module};
use contracts::Ports;
use contracts::identity::{Accounts, HeadCounts, Principals, SupportSessions};
use contracts::mail::Mailbox;
use db::DbError;
use db::migrate::Migrations;
use futures_util::FutureExt as _;

pub use app::{NotErased, PersonalData, erase_person, personal_data};
pub use config::Config;
pub use mail::{MailConfig, deliver};
pub use manifest::{
    ApiKeyCreate, ApiKeyDelete, ApiKeyRead, ApiKeyUpdate, MANIFEST, ServiceAccountCreate, ServiceAccountDelete,
    ServiceAccountRead, ServiceAccountUpdate, SessionRevoke, UserCreate, UserDelete, UserRead, UserUpdate,
};

use authenticator::Gate;
use service::Service;

/// The context, for the composition root, which provides its [`Config`].
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: store::statements(),
        lists: store::lists(),
        start: |foundation| start(foundation).boxed(),
        routes: |app| {
            let routes = http::routes().into_iter();
            routes.map(|group| group.with_state(app.clone())).collect()
        },
        jobs: vec![CLEAN_UP, RECOUNT],
        workers: vec![mail::WORKER],
        sealed: vec![store::signing_keys::SEALED, store::second_factors::SEALED],
    }
}

const MIGRATIONS: Migrations = db::migrations!("identity": "0001_users", "0002_credentials", "0003_mail", "0004_registrations", "0005_support", "0006_user_counts");

const CLEAN_UP: Job = Job {
    name: "identity-clean-up",
    description: "Removes sessions, challenges, links, invitations, old mails, counts of failed logins and signing keys that are over",
    every: Duration::from_secs(10 * 60),
    run: |app| {
        async move {
            let service = app.ports().get::<Service>()?;
            Ok(app::clean_up(&service).await?)
        }
        .boxed()
    },
};

const RECOUNT: Job = Job {
    name: "user-recount",
    description: "Counts the users of an organization anew where an older version made some",
    every: Duration::from_secs(60 * 60),
    run: |app| {
        async move {
            let service = app.ports().get::<Service>()?;
            Ok(app::recount(&service).await?)
        }
        .boxed()
    },
};

/// Makes another key sign access tokens from now on. What the old one signed is accepted until it ends, or with `revoke` no more,
/// as when a private key has leaked; either way sessions go on with their refresh tokens. The new key's name in tokens.
///
/// # Errors
/// [`DbError`].
pub async fn rotate_keys(ports: &Ports, revoke: bool) -> Result<String, DbError> {
    let service = ports.get::<Service>()?;
    app::rotate_keys(&service, revoke).await
}

/// Puts the context together and provides what it offers.
async fn start(foundation: ::http::Foundation) -> Result<(), ::http::StartFailed> {
    let (ports, metrics) = (foundation.ports.clone(), foundation.metrics.clone());
    let service = Service::start(foundation).await?;
    ports.provide::<dyn ::http::Authenticator>(Arc::new(Gate::new(Arc::clone(&service))));
    let directory = Arc::new(app::Directory::new(&service));
    ports.provide::<dyn Principals>(Arc::clone(&directory) as _);
    ports.provide::<dyn HeadCounts>(directory);
    ports.provide::<dyn Accounts>(Arc::new(app::FirstAccounts::new(&service)));
    ports.provide::<dyn SupportSessions>(Arc::new(app::Support::new(&service)));
    let post = mail::Post::start(&service, &metrics)?;
    ports.provide::<dyn Mailbox>(Arc::clone(&post) as _);
    ports.provide(post);
    ports.provide(service);
    Ok(())
}
