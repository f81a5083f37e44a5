//! What the parts of this context share while the program runs. Use cases and endpoints take it as their first argument; a
//! handler gets it with [`service`].

use std::sync::Arc;
use std::time::Duration;

use contracts::Ports;
use contracts::organization::{OrganizationSummary, Organizations};
use contracts::settings::{OrganizationSettings, Settings};
use db::{Db, DbError};
use http::{ApiError, App, Buckets, Foundation, HttpConfig, RequestContext, StartFailed};
use kernel::secret::SecretString;
use kernel::{Generators, Id as _, OrganizationId};
use vault::{MasterKey, Sealer};

use crate::config::Config;
use crate::crypto::{
    AccessGrant, Hasher, HashingFailed, Lane, PasswordHash, Pool, PoolError, RefreshKeys, Scratch, SigningFailed,
    TokenIssuer,
};
use crate::domain::{AddressBlock, Password};
use crate::key_ring::KeyRing;

/// `aud` of access tokens: whoever shares the issuer's keys for something else does not accept them, nor we theirs.
const AUDIENCE: &str = "lastro";

kernel::id!(
    /// Names one access token.
    pub struct TokenId = "token"
);

/// What this context runs on.
pub(crate) struct Service {
    /// The database.
    pub(crate) db: Db,
    /// Clock, randomness and ids.
    pub(crate) generators: Generators,
    /// What other contexts provide.
    pub(crate) ports: Arc<Ports>,
    /// The platform organization.
    pub(crate) platform: OrganizationId,
    /// What the operator set about HTTP, such as the address that links are made from.
    pub(crate) http: HttpConfig,
    /// What the operator set about this context.
    pub(crate) config: Arc<Config>,
    /// The threads that hash and sign.
    pub(crate) pool: Arc<Pool>,
    /// Hashes and compares passwords, on the pool.
    pub(crate) hasher: Hasher,
    /// Makes and reads refresh tokens.
    pub(crate) refresh_keys: RefreshKeys,
    /// The keys of access tokens.
    pub(crate) keys: KeyRing,
    /// Who issues access tokens.
    pub(crate) issuer: TokenIssuer,
    /// How often a block of addresses may try to log in.
    login_rate: Option<Buckets<Option<AddressBlock>>>,
    /// Seals what the database keeps secret.
    pub(crate) sealer: Arc<Sealer>,
    /// Names accounts where failed logins are counted.
    pub(crate) account_names: aws_lc_rs::hmac::Key,
}

/// The running context, from a handler's application.
pub(crate) fn service(app: &App) -> Result<Arc<Service>, ApiError> {
    app.port::<Service>()
}

impl Service {
    /// Puts the context together from what the composition root provided.
    pub(crate) async fn start(foundation: Foundation) -> Result<Arc<Self>, StartFailed> {
        let Foundation {
            db,
            generators,
            ports,
            platform,
            http,
            ..
        } = foundation;
        let config = ports.get::<Config>()?;
        let master_key = ports.get::<MasterKey>()?;
        let sealer = ports.get::<Sealer>()?;
        let issuer = TokenIssuer {
            issuer: http.base_url.clone(),
            audience: AUDIENCE.to_owned(),
            ttl: config.access_ttl,
        };
        let keys = KeyRing::new(
            db.clone(),
            generators.clone(),
            Arc::clone(&sealer),
            Arc::clone(&config),
            issuer.clone(),
        );
        let clock = Arc::clone(&generators.clock);
        let service = Self {
            login_rate: config
                .login_rate
                .map(|rate| Buckets::new(rate.count, rate.per, Arc::clone(&clock))),
            pool: Arc::new(Pool::start(config.pool, clock)?),
            hasher: Hasher::new(config.password_cost)?,
            refresh_keys: RefreshKeys::new(&master_key, sealer.former()),
            account_names: master_key.authentication_key("account names"),
            sealer,
            keys,
            issuer,
            config,
            db,
            generators,
            ports,
            platform,
            http,
        };
        service.keys.make_first(platform, &service.pool).await?;
        Ok(Arc::new(service))
    }

    /// Counts a request that presents a password or the like against the allowance of where it comes from.
    ///
    /// # Errors
    /// `RATE_LIMIT_EXCEEDED`.
    pub(crate) fn limit_logins(&self, request: &RequestContext) -> Result<(), ApiError> {
        let Some(buckets) = &self.login_rate else { return Ok(()) };
        request.limit(buckets.count(request.client_ip().map(AddressBlock::of)))
    }

    /// Signs an access token, before a unit of work begins.
    pub(crate) async fn sign(&self, grant: AccessGrant) -> Result<SecretString, CryptoRefusal> {
        self.sign_for(grant, self.issuer.ttl).await
    }

    /// As [`sign`](Self::sign), for a token that lives for so long.
    pub(crate) async fn sign_for(&self, grant: AccessGrant, ttl: Duration) -> Result<SecretString, CryptoRefusal> {
        let id = self.generators.id::<TokenId>().as_uuid();
        let issuer = TokenIssuer {
            ttl,
            ..self.issuer.clone()
        };
        let claims = issuer.claims(grant, id, self.generators.now());
        let key = Arc::clone(&self.keys.current().await?.signing);
        Ok(self.pool.run(Lane::Signing, move |_| key.sign(&claims)).await??)
    }

    /// The organization's settings, or the defaults where nobody keeps any.
    pub(crate) async fn settings(&self, organization: OrganizationId) -> Result<Arc<OrganizationSettings>, DbError> {
        match self.ports.find::<dyn Settings>() {
            Some(settings) => settings.of(organization).await,
            None => Ok(Arc::default()),
        }
    }

    /// The organization with the id.
    pub(crate) async fn organization(&self, id: OrganizationId) -> Result<Option<OrganizationSummary>, DbError> {
        self.ports.get::<dyn Organizations>()?.find(id).await
    }

    /// The organization with the slug.
    pub(crate) async fn organization_by_slug(&self, slug: &str) -> Result<Option<OrganizationSummary>, DbError> {
        self.ports.get::<dyn Organizations>()?.find_by_slug(slug).await
    }

    /// Hashes a new password, before a unit of work begins.
    pub(crate) async fn hash(&self, password: Password) -> Result<PasswordHash, CryptoRefusal> {
        let (hasher, salt) = (self.hasher, self.generators.bytes());
        self.hashing(move |scratch| hasher.hash(&password, salt, scratch)).await
    }

    /// Whether the password is the one behind the hash. Without a hash it takes as long, and is not.
    pub(crate) async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, CryptoRefusal> {
        let hasher = self.hasher;
        self.hashing(move |scratch| match hash {
            Some(hash) => hasher.verify(&password, &hash, scratch),
            None => hasher.spend(&password, hasher.work_factor(), scratch).map(|()| false),
        })
        .await
    }

    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Scratch) -> Result<T, HashingFailed> + Send + 'static,
    ) -> Result<T, CryptoRefusal> {
        Ok(self.pool.run(Lane::Hashing, work).await??)
    }
}

/// Why a password was not hashed or a token not signed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CryptoRefusal {
    /// Too much is waiting, or the pool is gone.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// There is no memory for it.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    /// What to work with could not be read.
    #[error(transparent)]
    Storage(#[from] DbError),
}

impl From<CryptoRefusal> for ApiError {
    fn from(refusal: CryptoRefusal) -> Self {
        match refusal {
            CryptoRefusal::Pool(PoolError::Busy { retry_after }) => {
                Self::unavailable("too many hashes or signatures are waiting").retry_after(retry_after)
            }
            CryptoRefusal::Hashing(_) => Self::unavailable(refusal.to_string()),
            CryptoRefusal::Storage(error) => error.into(),
            CryptoRefusal::Pool(PoolError::Failed) | CryptoRefusal::Signing(_) => Self::internal(refusal.to_string()),
        }
    }
}

impl From<CryptoRefusal> for DbError {
    fn from(refusal: CryptoRefusal) -> Self {
        match refusal {
            CryptoRefusal::Pool(PoolError::Busy { retry_after }) => Self::Busy {
                what: "the threads that hash and sign",
                retry_after,
            },
            CryptoRefusal::Storage(error) => error,
            other => Self::Internal(other.to_string()),
        }
    }
}
