//! Secrets and signatures, as Standard Webhooks wants them.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use db::DbError;
use kernel::{Generators, Id as _, OrganizationId, Timestamp};
use vault::{SealContext, Sealer};
use zeroize::Zeroizing;

use crate::domain::{EndpointId, Stored};
use crate::store::endpoints::PURPOSE;

/// Bytes of a secret; the specification asks for 24 to 64.
const LENGTH: usize = 32;
/// What a secret begins with when it is written.
const PREFIX: &str = "whsec_";

/// A new secret: as the client gets it, once, and as it is kept.
#[derive(Clone)]
pub(crate) struct NewSecret {
    pub(crate) text: Zeroizing<String>,
    pub(crate) sealed: Vec<u8>,
}

/// Makes, seals and opens the secrets of endpoints.
pub(crate) struct Secrets {
    sealer: Arc<Sealer>,
    generators: Generators,
}

impl Secrets {
    pub(crate) fn new(sealer: Arc<Sealer>, generators: Generators) -> Self {
        Self { sealer, generators }
    }

    /// A new secret for an endpoint.
    ///
    /// # Errors
    /// [`DbError::Internal`] when it cannot be sealed.
    pub(crate) fn generate(&self, organization: OrganizationId, endpoint: EndpointId) -> Result<NewSecret, DbError> {
        let secret = Zeroizing::new(self.generators.bytes::<LENGTH>());
        let sealed = self
            .sealer
            .seal(
                &place(organization, endpoint),
                secret.as_slice(),
                &*self.generators.random,
            )
            .map_err(|error| DbError::Internal(error.to_string()))?;
        Ok(NewSecret {
            text: Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(secret.as_slice()))),
            sealed,
        })
    }

    /// What an endpoint's deliveries are signed with now: its secret, and the former one while that still counts.
    ///
    /// # Errors
    /// [`DbError::Internal`] when a secret does not open, such as after the master key was lost.
    pub(crate) fn keys(&self, endpoint: &Stored, now: Timestamp) -> Result<Keys, DbError> {
        let former = endpoint.former.as_ref().filter(|former| former.until > now);
        let sealed = std::iter::once(&endpoint.secret).chain(former.map(|former| &former.secret));
        let place = place(endpoint.organization_id, endpoint.id);
        sealed
            .map(|sealed| {
                let secret = self.sealer.open(&place, sealed);
                let secret = secret.map_err(|error| DbError::Internal(format!("a webhook's secret: {error}")))?;
                Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
            })
            .collect::<Result<_, _>>()
            .map(Keys)
    }
}

/// Where an endpoint's secret belongs: it opens nowhere else.
fn place(organization: OrganizationId, endpoint: EndpointId) -> SealContext {
    SealContext::tenant(PURPOSE, organization, endpoint.as_uuid())
}

/// The keys that sign.
pub(crate) struct Keys(Vec<hmac::Key>);

impl Keys {
    /// The value of `webhook-signature`: a signature by each key, over id, time and body, so that none can be exchanged.
    pub(crate) fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let signatures: Vec<String> = self
            .0
            .iter()
            .map(|key| {
                let mut context = hmac::Context::with_key(key);
                context.update(format!("{id}.{seconds}.").as_bytes());
                context.update(body);
                format!("v1,{}", STANDARD.encode(context.sign()))
            })
            .collect();
        signatures.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        // From the specification's own test vector.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let keys = Keys(vec![hmac::Key::new(hmac::HMAC_SHA256, &secret)]);
        let signature = keys.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
