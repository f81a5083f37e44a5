//! The keys of access tokens as this node knows them: the one that signs, and all that are published.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use db::{Db, DbError, UnitContext};
use kernel::{Actor, Generators, OrganizationId, Timestamp};
use parking_lot::RwLock;
use vault::Sealer;

use crate::config::Config;
use crate::crypto::{KeySet, Lane, Pool, SigningKey, TokenIssuer, Verifier};
use crate::service::CryptoRefusal;
use crate::store::signing_keys::{self, SigningKeyId};

/// A token under a key that is not known makes a node look for new ones, at most so often: strangers can write any key's name.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The keys at one moment.
pub(crate) struct Keys {
    /// Signs.
    pub(crate) signing: Arc<SigningKey>,
    /// Verifies, and holds what is published.
    pub(crate) verifier: Verifier,
    /// When one of them is over, so that the keys have to be read again.
    changes_at: Option<Timestamp>,
}

/// Keys, and how often they had been outdated when they began to be read.
struct Read {
    keys: Arc<Keys>,
    outdated: u64,
}

/// Holds the keys, and reads them again when they changed.
pub(crate) struct KeyRing {
    db: Db,
    generators: Generators,
    sealer: Arc<Sealer>,
    config: Arc<Config>,
    issuer: TokenIssuer,
    current: RwLock<Option<Read>>,
    /// How often the keys were outdated. What was read before the last time does not count, whichever of two readings ends last.
    outdated: AtomicU64,
    /// When they were last read, in microseconds of the monotonic clock.
    read_at: AtomicU64,
}

impl KeyRing {
    pub(crate) fn new(
        db: Db,
        generators: Generators,
        sealer: Arc<Sealer>,
        config: Arc<Config>,
        issuer: TokenIssuer,
    ) -> Self {
        Self {
            db,
            generators,
            sealer,
            config,
            issuer,
            current: RwLock::default(),
            outdated: AtomicU64::new(0),
            read_at: AtomicU64::new(0),
        }
    }

    /// Has the keys read again before they are used next.
    pub(crate) fn outdate(&self) {
        self.outdated.fetch_add(1, Ordering::SeqCst);
    }

    /// The keys as they are now.
    pub(crate) async fn current(&self) -> Result<Arc<Keys>, DbError> {
        let now = self.generators.now();
        let outdated = self.outdated.load(Ordering::SeqCst);
        if let Some(read) = &*self.current.read()
            && read.outdated == outdated
            && read.keys.changes_at.is_none_or(|at| now < at)
        {
            return Ok(Arc::clone(&read.keys));
        }
        self.read(now).await
    }

    /// The keys read anew, unless that was done a moment ago: for a token whose key is not known here, because another node may
    /// have made it since.
    pub(crate) async fn newest(&self) -> Result<Arc<Keys>, DbError> {
        let read_at = Duration::from_micros(self.read_at.load(Ordering::Acquire));
        // The others go on with what is known: strangers write any key's name.
        if self.generators.clock.monotonic().saturating_sub(read_at) >= LOOKS_AGAIN_AFTER {
            return self.read(self.generators.now()).await;
        }
        self.current().await
    }

    async fn read(&self, now: Timestamp) -> Result<Arc<Keys>, DbError> {
        let outdated = self.outdated.load(Ordering::SeqCst);
        let keys = self.read_all(now).await?;
        let read_at = self.generators.clock.monotonic().as_micros();
        self.read_at
            .store(u64::try_from(read_at).unwrap_or(u64::MAX), Ordering::Release);
        let mut current = self.current.write();
        if current.as_ref().is_none_or(|read| read.outdated <= outdated) {
            let keys = Arc::clone(&keys);
            *current = Some(Read { keys, outdated });
        }
        Ok(keys)
    }

    async fn read_all(&self, now: Timestamp) -> Result<Arc<Keys>, DbError> {
        let unusable = |what: String| DbError::Internal(format!("a signing key cannot be used: {what}"));
        let stored = signing_keys::published(self.db.global(), now).await?;
        let signs = stored
            .iter()
            .find(|key| key.signs && key.algorithm == self.config.algorithm)
            .ok_or_else(|| unusable("there is none".to_owned()))?;
        let opened = self
            .sealer
            .open(&signing_keys::place(signs.id), &signs.sealed)
            .map_err(|error| unusable(error.to_string()))?;
        let signing = SigningKey::from_pkcs8(signs.algorithm, &opened).map_err(|error| unusable(error.to_string()))?;
        let changes_at = stored.iter().filter_map(|key| key.verifies_until).min();
        let published = stored.into_iter().map(|key| key.public).collect();
        let set = KeySet::new(published).map_err(|error| unusable(error.to_string()))?;
        Ok(Arc::new(Keys {
            signing: Arc::new(signing),
            verifier: Verifier::new(set, vec![self.config.algorithm], &self.issuer),
            changes_at,
        }))
    }

    /// Makes the first key of the configured algorithm where there is none. Of several nodes that do so at once one succeeds, and
    /// the others take its key.
    pub(crate) async fn make_first(&self, platform: OrganizationId, pool: &Pool) -> Result<(), DbError> {
        let now = self.generators.now();
        let stored = signing_keys::published(self.db.global(), now).await?;
        if stored
            .iter()
            .any(|key| key.signs && key.algorithm == self.config.algorithm)
        {
            return Ok(());
        }
        let new = self.make(pool).await?;
        let context = UnitContext::tenant(Actor::system("start"), platform)
            .unaudited("the first signing key is made by the installation itself, for itself");
        let added = self
            .db
            .write(context, move |uow| {
                let new = Arc::clone(&new);
                async move { signing_keys::add(&uow, new.id, new.key.public(), &new.sealed).await }
            })
            .await;
        match added {
            // Another node was faster.
            Err(DbError::Unique { .. }) => Ok(()),
            other => other,
        }
    }

    /// A new key, sealed, and not stored yet.
    pub(crate) async fn make(&self, pool: &Pool) -> Result<Arc<NewKey>, DbError> {
        let algorithm = self.config.algorithm;
        let key = pool
            .run(Lane::Signing, move |_| SigningKey::generate(algorithm))
            .await
            .map_err(CryptoRefusal::from)?
            .map_err(CryptoRefusal::from)?;
        let id: SigningKeyId = self.generators.id();
        let private = key.to_pkcs8().map_err(CryptoRefusal::from)?;
        let sealed = self
            .sealer
            .seal(&signing_keys::place(id), &private, self.generators.random.as_ref())
            .map_err(|error| DbError::Internal(error.to_string()))?;
        Ok(Arc::new(NewKey { id, key, sealed }))
    }
}

/// A key that is not stored yet.
pub(crate) struct NewKey {
    pub(crate) id: SigningKeyId,
    pub(crate) key: SigningKey,
    pub(crate) sealed: Vec<u8>,
}
