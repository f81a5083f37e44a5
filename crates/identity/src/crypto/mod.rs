//! Everything secret: how it is made, checked, stored and signed. Nothing here knows a table or a route.
//!
//! What aws-lc has is aws-lc's; Argon2, scrypt and bcrypt, which it lacks, are RustCrypto's and the `bcrypt` crate's.
//! Comparisons of secrets take the same time whatever differs.

mod base62;
mod hash;
mod pool;
mod refresh;
mod secret;
mod token;
mod verified;

pub use hash::{Argon2Cost, Hasher, HashingFailed, ImportRefusal, InvalidCost, PasswordHash, Scratch, WorkFactor};
pub use pool::{Lane, Pool, PoolConfig, PoolError};
pub use refresh::{InvalidRefreshToken, RefreshKeys, RefreshToken};
pub use secret::{InvalidSecret, OpaqueSecret, SecretDigest, SecretKind};
pub use token::{
    AccessGrant, Claims, InvalidKey, Jwk, KeySet, SigningAlgorithm, SigningFailed, SigningKey, TokenError, TokenIssuer,
    TokenType, Verifier,
};
pub use verified::{TokenOwner, VerificationTicket, VerifiedTokens};
