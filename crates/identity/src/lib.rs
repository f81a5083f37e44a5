//! Identity: who is asking. Users and their passwords, sessions and their tokens, keys and machine accounts.
//!
//! [`domain`] decides from values alone: what a password may be, when an account locks, what presenting a refresh token
//! leads to. [`crypto`] makes and checks everything secret, and is the only place that names an algorithm.
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

pub mod crypto;
pub mod domain;
mod manifest;
