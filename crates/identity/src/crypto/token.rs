//! Access tokens: JSON Web Tokens (RFC 7519), signed by the server's own keys.
//!
//! Only what this system writes is read: a compact JWS of one of three algorithms, whose header names a key that is known.
//! A header that names another algorithm than its key is for, a key that is not known, a parameter that is not ours, an
//! encoding that is not canonical: refused before anything is verified.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::secret::SecretString;
use kernel::{OrganizationId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

/// No token of ours is nearly as long.
const MAX_LENGTH: usize = 4_096;

/// An algorithm that access tokens are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 and a key of 2,048 bits: slow to sign, fast to verify, understood everywhere.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519: the fastest to sign.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// Its name in JWS (RFC 7518, RFC 8037) and in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A key that is none, or of another algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of this algorithm")]
pub struct InvalidKey;

impl FromStr for SigningAlgorithm {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or(InvalidKey)
    }
}

/// A public key as JSON (RFC 7517), stored beside the sealed private one and published in the JWKS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// `RSA`, `EC` or `OKP`.
    kty: String,
    /// What it is for: `sig`.
    #[serde(rename = "use")]
    usage: String,
    /// The algorithm, which is the only one the key is used with.
    alg: SigningAlgorithm,
    /// Its thumbprint.
    kid: String,
    /// The curve of an EC or OKP key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    /// The modulus of an RSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    /// The exponent of an RSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    /// The point of an OKP key, the first coordinate of an EC key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    /// The second coordinate of an EC key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl Jwk {
    fn rsa(n: &[u8], e: &[u8]) -> Self {
        let jwk = Self::empty("RSA", SigningAlgorithm::Rs256);
        Self {
            n: Some(URL_SAFE_NO_PAD.encode(n)),
            e: Some(URL_SAFE_NO_PAD.encode(e)),
            ..jwk
        }
        .named()
    }

    fn p256(x: &[u8], y: &[u8]) -> Self {
        let jwk = Self::empty("EC", SigningAlgorithm::Es256);
        Self {
            crv: Some("P-256".to_owned()),
            x: Some(URL_SAFE_NO_PAD.encode(x)),
            y: Some(URL_SAFE_NO_PAD.encode(y)),
            ..jwk
        }
        .named()
    }

    fn ed25519(x: &[u8]) -> Self {
        let jwk = Self::empty("OKP", SigningAlgorithm::EdDsa);
        Self {
            crv: Some("Ed25519".to_owned()),
            x: Some(URL_SAFE_NO_PAD.encode(x)),
            ..jwk
        }
        .named()
    }

    fn empty(kty: &str, alg: SigningAlgorithm) -> Self {
        Self {
            kty: kty.to_owned(),
            usage: "sig".to_owned(),
            alg,
            kid: String::new(),
            crv: None,
            n: None,
            e: None,
            x: None,
            y: None,
        }
    }

    fn named(mut self) -> Self {
        self.kid = self.thumbprint();
        self
    }

    /// What the key is called: its thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it verifies.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.alg
    }

    /// The thumbprint of RFC 7638: the SHA-256 of the required members in the order of their names. For these values, base64
    /// and constants, JSON needs no escape.
    fn thumbprint(&self) -> String {
        let members = [
            ("crv", self.crv.as_deref()),
            ("e", self.e.as_deref()),
            ("kty", Some(self.kty.as_str())),
            ("n", self.n.as_deref()),
            ("x", self.x.as_deref()),
            ("y", self.y.as_deref()),
        ];
        let members: Vec<String> = members
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| format!("\"{name}\":\"{value}\"")))
            .collect();
        let canonical = format!("{{{}}}", members.join(","));
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }

    /// The key to verify with; it must be all that it says it is.
    fn verifying_key(&self) -> Result<ParsedPublicKey, InvalidKey> {
        if self.kid != self.thumbprint() || self.usage != "sig" {
            return Err(InvalidKey);
        }
        let bytes = |member: &String| URL_SAFE_NO_PAD.decode(member).map_err(|_| InvalidKey);
        let parts = (
            self.kty.as_str(),
            self.crv.as_deref(),
            [&self.n, &self.e, &self.x, &self.y],
        );
        let key = match (self.alg, parts) {
            (SigningAlgorithm::Rs256, ("RSA", None, [Some(n), Some(e), None, None])) => {
                let (n, e) = (bytes(n)?, bytes(e)?);
                // 2,048 to 8,192 bits: aws-lc checks that only when it verifies.
                if !(256..=1_024).contains(&n.len()) {
                    return Err(InvalidKey);
                }
                PublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            }
            (SigningAlgorithm::Es256, ("EC", Some("P-256"), [None, None, Some(x), Some(y)])) => {
                let (x, y) = (bytes(x)?, bytes(y)?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(InvalidKey);
                }
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[0x04], x.as_slice(), &y].concat())
            }
            (SigningAlgorithm::EdDsa, ("OKP", Some("Ed25519"), [None, None, Some(x), None])) => {
                ParsedPublicKey::new(&ED25519, bytes(x)?)
            }
            _ => return Err(InvalidKey),
        };
        key.map_err(|_| InvalidKey)
    }
}

/// The key could not be made or did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key could not be made or did not sign")]
pub struct SigningFailed;

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A private key that signs access tokens. It never prints itself.
pub struct SigningKey {
    pair: Pair,
    public: Jwk,
    /// The header of its tokens, encoded.
    header: String,
}

impl SigningKey {
    /// Makes a new key, from the randomness of aws-lc. An RSA key takes a good part of a second.
    ///
    /// # Errors
    /// [`SigningFailed`].
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, SigningFailed> {
        let pair = match algorithm {
            SigningAlgorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(|pair| Pair::Rsa(Box::new(pair))),
            SigningAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::P256),
            SigningAlgorithm::EdDsa => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::new(pair.map_err(|_| SigningFailed)?).ok_or(SigningFailed)
    }

    /// Reads a key of an algorithm from PKCS#8 (RFC 5208), as it was sealed.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn from_pkcs8(algorithm: SigningAlgorithm, der: &[u8]) -> Result<Self, InvalidKey> {
        let pair = match algorithm {
            SigningAlgorithm::Rs256 => RsaKeyPair::from_pkcs8(der).map(|pair| Pair::Rsa(Box::new(pair))),
            SigningAlgorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::P256),
            SigningAlgorithm::EdDsa => Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed25519),
        };
        Self::new(pair.map_err(|_| InvalidKey)?).ok_or(InvalidKey)
    }

    fn new(pair: Pair) -> Option<Self> {
        let public = match &pair {
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                Jwk::rsa(n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero())
            }
            Pair::P256(pair) => {
                // An uncompressed point: 0x04, then both coordinates.
                let (&0x04, point) = pair.public_key().as_ref().split_first()? else {
                    return None;
                };
                let (x, y) = point.split_at_checked(32)?;
                Jwk::p256(x, y)
            }
            Pair::Ed25519(pair) => Jwk::ed25519(pair.public_key().as_ref()),
        };
        // The same check that other nodes make of what is published.
        public.verifying_key().ok()?;
        let header = format!(
            r#"{{"alg":"{}","typ":"JWT","kid":"{}"}}"#,
            public.alg.as_str(),
            public.kid
        );
        Some(Self {
            pair,
            public,
            header: URL_SAFE_NO_PAD.encode(header),
        })
    }

    /// The key as PKCS#8, to be sealed.
    ///
    /// # Errors
    /// [`SigningFailed`].
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningFailed> {
        let der = match &self.pair {
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(&**pair).map(|der| der.as_ref().to_vec()),
            Pair::P256(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
        };
        der.map(Zeroizing::new).map_err(|_| SigningFailed)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// Signs a token. With RSA this takes a good part of a millisecond and belongs on a [`Pool`](super::Pool).
    ///
    /// # Errors
    /// [`SigningFailed`].
    pub fn sign(&self, claims: &Claims) -> Result<SecretString, SigningFailed> {
        let claims = serde_json::to_vec(claims).map_err(|_| SigningFailed)?;
        let mut token = String::with_capacity(1_024);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(SecretString::from(token))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
            Pair::P256(pair) => pair.sign(&random, message).map(|made| made.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.try_sign(message).map(|made| made.as_ref().to_vec()),
        }
        .map_err(|_| SigningFailed)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.public.alg.as_str(), self.public.kid)
    }
}

/// The keys whose tokens are accepted: the one that signs now, and those that did until their last token ended.
pub struct KeySet {
    keys: HashMap<String, (SigningAlgorithm, ParsedPublicKey)>,
    jwks: String,
}

impl KeySet {
    /// The keys, published in this order.
    ///
    /// # Errors
    /// [`InvalidKey`] when one of them is none, or is not called by its thumbprint.
    pub fn new(keys: Vec<Jwk>) -> Result<Self, InvalidKey> {
        #[derive(Serialize)]
        struct Jwks {
            keys: Vec<Jwk>,
        }
        let mut known = HashMap::with_capacity(keys.len());
        for key in &keys {
            known.insert(key.kid.clone(), (key.alg, key.verifying_key()?));
        }
        let jwks = serde_json::to_string(&Jwks { keys }).map_err(|_| InvalidKey)?;
        Ok(Self { keys: known, jwks })
    }

    /// The document of `/.well-known/jwks.json` (RFC 7517, section 5).
    #[must_use]
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

/// What kind of actor a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// A person.
    User,
    /// A service account.
    Service,
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Which user or service account.
    pub sub: Uuid,
    /// Whose member that is.
    pub tenant_id: OrganizationId,
    /// The code of the widest system role they held when it was issued. For information; nothing is decided by it.
    pub role: Option<String>,
    /// What `sub` is.
    #[serde(rename = "type")]
    pub kind: TokenType,
    /// The session, or the client secret, that it lives and dies with.
    pub sid: Uuid,
    /// When it was issued, in seconds since the Unix epoch.
    pub iat: i64,
    /// When it ends, in seconds since the Unix epoch.
    pub exp: i64,
    /// Its own id.
    pub jti: Uuid,
}

impl Claims {
    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        instant(self.exp)
    }
}

fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}

/// For whom a token is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessGrant {
    /// Which user or service account.
    pub subject: Uuid,
    /// What that is.
    pub kind: TokenType,
    /// Whose member.
    pub organization: OrganizationId,
    /// The code of the widest system role they hold.
    pub role: Option<String>,
    /// The session, or the client secret.
    pub session: Uuid,
}

/// Who issues tokens, for whom, and how long they live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIssuer {
    /// `iss`: the installation's base URL.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// How long a token lives, in whole seconds.
    pub ttl: Duration,
}

impl TokenIssuer {
    /// What a token issued at `now` says; `id` is its own.
    #[must_use]
    pub fn claims(&self, grant: AccessGrant, id: Uuid, now: Timestamp) -> Claims {
        let iat = now.as_micros().div_euclid(1_000_000);
        let ttl = i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX);
        Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: grant.subject,
            tenant_id: grant.organization,
            role: grant.role,
            kind: grant.kind,
            sid: grant.session,
            iat,
            exp: iat.saturating_add(ttl),
            jti: id,
        }
    }
}

/// Why a token is not accepted. All but the last are one to a client; the log tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not written as tokens of this system are.
    #[error("malformed")]
    Malformed,
    /// Its header names no known key.
    #[error("unknown key")]
    UnknownKey,
    /// Its header names another algorithm than its key's, or one that is not configured.
    #[error("algorithm not accepted")]
    Algorithm,
    /// Its signature is not its key's.
    #[error("wrong signature")]
    Signature,
    /// Another system issued it, or it is for another.
    #[error("another issuer or audience")]
    Elsewhere,
    /// It was issued in the future.
    #[error("issued in the future")]
    NotYetValid,
    /// It is genuine, and over.
    #[error("expired")]
    Expired,
}

/// The header of a token. Anything else in it, such as where to fetch a key from, is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: Option<&'a str>,
    kid: &'a str,
}

/// Verifies access tokens.
#[derive(Debug)]
pub struct Verifier {
    keys: KeySet,
    algorithms: Vec<SigningAlgorithm>,
    issuer: String,
    audience: String,
}

impl Verifier {
    /// How far clocks may differ.
    const LEEWAY: Duration = Duration::from_secs(5);

    /// Accepts tokens of these keys and algorithms that name this issuer and audience.
    #[must_use]
    pub fn new(keys: KeySet, algorithms: Vec<SigningAlgorithm>, issuer: &TokenIssuer) -> Self {
        Self {
            keys,
            algorithms,
            issuer: issuer.issuer.clone(),
            audience: issuer.audience.clone(),
        }
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// What a token says, if it is genuine and not over. Whether its session is live is another question.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > MAX_LENGTH {
            return Err(TokenError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        // The decoder knows no `.`, so more than three parts are refused by it; nor does it accept padding or stray bits.
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        if header.typ.is_some_and(|typ| typ != "JWT") {
            return Err(TokenError::Malformed);
        }
        let (algorithm, key) = self.keys.keys.get(header.kid).ok_or(TokenError::UnknownKey)?;
        if header.alg != algorithm.as_str() || !self.algorithms.contains(algorithm) {
            return Err(TokenError::Algorithm);
        }
        key.verify_sig(message.as_bytes(), &signature)
            .map_err(|_| TokenError::Signature)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)?;
        if claims.iss != self.issuer || claims.aud != self.audience {
            return Err(TokenError::Elsewhere);
        }
        if instant(claims.iat) > now.plus(Self::LEEWAY) {
            return Err(TokenError::NotYetValid);
        }
        if now >= claims.expires_at().plus(Self::LEEWAY) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use kernel::Id as _;
    use kernel::secret::ExposeSecret as _;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    /// One key an algorithm for all tests: an RSA key takes long to make.
    fn key(algorithm: SigningAlgorithm) -> &'static SigningKey {
        static KEYS: OnceLock<Vec<SigningKey>> = OnceLock::new();
        let keys = KEYS.get_or_init(|| {
            let make = |algorithm| SigningKey::generate(algorithm).unwrap();
            SigningAlgorithm::ALL.into_iter().map(make).collect()
        });
        keys.iter().find(|key| key.public.alg == algorithm).unwrap()
    }

    fn issuer() -> TokenIssuer {
        TokenIssuer {
            issuer: "https://erp.example.com".to_owned(),
            audience: "lastro".to_owned(),
            ttl: Duration::from_secs(900),
        }
    }

    fn claims() -> Claims {
        let grant = AccessGrant {
            subject: Uuid::from_u128(1),
            kind: TokenType::User,
            organization: OrganizationId::from_uuid(Uuid::from_u128(2)),
            role: Some("ORG_ADMIN".to_owned()),
            session: Uuid::from_u128(3),
        };
        issuer().claims(grant, Uuid::from_u128(4), NOW)
    }

    fn verifier_of(algorithms: &[SigningAlgorithm]) -> Verifier {
        let keys = SigningAlgorithm::ALL.map(|algorithm| key(algorithm).public().clone());
        Verifier::new(KeySet::new(keys.to_vec()).unwrap(), algorithms.to_vec(), &issuer())
    }

    fn verifier() -> Verifier {
        verifier_of(&SigningAlgorithm::ALL)
    }

    fn token(algorithm: SigningAlgorithm) -> String {
        key(algorithm).sign(&claims()).unwrap().expose_secret().to_owned()
    }

    /// A token with any header and claims, genuinely signed.
    fn signed(algorithm: SigningAlgorithm, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = key(algorithm).signature(message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn header(algorithm: SigningAlgorithm) -> Value {
        json!({"alg": algorithm.as_str(), "typ": "JWT", "kid": key(algorithm).public().kid()})
    }

    fn refused(token: &str) -> TokenError {
        verifier().verify(token, NOW).unwrap_err()
    }

    #[test]
    fn what_is_signed_is_accepted_with_the_claims_of_the_contract() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(verifier().verify(&token(algorithm), NOW), Ok(claims()));
        }
        assert_eq!(
            serde_json::to_value(claims()).unwrap(),
            json!({
                "iss": "https://erp.example.com",
                "aud": "lastro",
                "sub": "00000000-0000-0000-0000-000000000001",
                "tenantId": "00000000-0000-0000-0000-000000000002",
                "role": "ORG_ADMIN",
                "type": "user",
                "sid": "00000000-0000-0000-0000-000000000003",
                "iat": 1_800_000_000,
                "exp": 1_800_000_900,
                "jti": "00000000-0000-0000-0000-000000000004",
            })
        );
    }

    /// Another implementation, given nothing but the published keys.
    #[test]
    fn others_accept_our_tokens_from_the_jwks_alone() {
        let verifier = verifier();
        let published: jsonwebtoken::jwk::JwkSet = serde_json::from_str(verifier.keys().jwks()).unwrap();
        for algorithm in SigningAlgorithm::ALL {
            let token = token(algorithm);
            let header = jsonwebtoken::decode_header(&token).unwrap();
            let key = published.find(header.kid.as_deref().unwrap()).unwrap();
            let mut rules = jsonwebtoken::Validation::new(algorithm.as_str().parse().unwrap());
            rules.set_issuer(&["https://erp.example.com"]);
            rules.set_audience(&["lastro"]);
            rules.validate_exp = false;
            let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
            let read = jsonwebtoken::decode::<Claims>(&token, &key, &rules).unwrap();
            assert_eq!(read.claims, claims());
        }
    }

    #[test]
    fn a_key_is_called_by_the_thumbprint_of_rfc_7638() {
        // Section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = Jwk::rsa(&URL_SAFE_NO_PAD.decode(n).unwrap(), &[1, 0, 1]);
        assert_eq!(key.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037, appendix A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key = Jwk::ed25519(&URL_SAFE_NO_PAD.decode(x).unwrap());
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn ed25519_signs_like_rfc_8037() {
        // Appendix A.4; the key of A.1 wrapped in PKCS#8.
        let seed = URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .unwrap();
        let der = [
            &[
                0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
            ],
            seed.as_slice(),
        ]
        .concat();
        let key = SigningKey::from_pkcs8(SigningAlgorithm::EdDsa, &der).unwrap();
        let signature = key
            .signature(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
            .unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn a_key_survives_being_stored() {
        for algorithm in SigningAlgorithm::ALL {
            let stored = key(algorithm).to_pkcs8().unwrap();
            let read = SigningKey::from_pkcs8(algorithm, &stored).unwrap();
            assert_eq!(read.public(), key(algorithm).public());
            let token = read.sign(&claims()).unwrap();
            assert_eq!(verifier().verify(token.expose_secret(), NOW), Ok(claims()));
            for other in SigningAlgorithm::ALL {
                assert_eq!(SigningKey::from_pkcs8(other, &stored).is_ok(), other == algorithm);
            }
            assert!(SigningKey::from_pkcs8(algorithm, &stored[1..]).is_err());
            let json = serde_json::to_string(read.public()).unwrap();
            assert_eq!(serde_json::from_str::<Jwk>(&json).unwrap(), *read.public());
        }
    }

    #[test]
    fn algorithms_have_the_names_of_the_configuration() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), json!(algorithm.as_str()));
        }
        for wrong in ["HS256", "none", "rs256", ""] {
            assert_eq!(wrong.parse::<SigningAlgorithm>(), Err(InvalidKey));
        }
    }

    #[test]
    fn an_old_key_is_accepted_as_long_as_it_is_published() {
        let old = key(SigningAlgorithm::Es256);
        let new = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
        let of = |keys: Vec<Jwk>| Verifier::new(KeySet::new(keys).unwrap(), vec![SigningAlgorithm::Es256], &issuer());
        let token = old.sign(&claims()).unwrap();
        let overlapping = of(vec![new.public().clone(), old.public().clone()]);
        assert!(overlapping.verify(token.expose_secret(), NOW).is_ok());
        let published: Value = serde_json::from_str(overlapping.keys().jwks()).unwrap();
        let kids: Vec<&str> = published["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap())
            .collect();
        assert_eq!(kids, [new.public().kid(), old.public().kid()]);
        let withdrawn = of(vec![new.public().clone()]);
        assert_eq!(
            withdrawn.verify(token.expose_secret(), NOW),
            Err(TokenError::UnknownKey)
        );
    }

    #[test]
    fn the_published_keys_hold_nothing_private() {
        let published: Value = serde_json::from_str(verifier().keys().jwks()).unwrap();
        for key in published["keys"].as_array().unwrap() {
            for member in key.as_object().unwrap().keys() {
                let public = ["kty", "use", "alg", "kid", "crv", "n", "e", "x", "y"];
                assert!(public.contains(&member.as_str()), "{member}");
            }
        }
    }

    #[test]
    fn algorithm_confusion_is_refused() {
        let rsa = key(SigningAlgorithm::Rs256).public();
        let body = serde_json::to_value(claims()).unwrap();
        for alg in [
            "none", "None", "NONE", "HS256", "RS512", "PS256", "ES256", "EdDSA", "rs256", "",
        ] {
            let header = json!({"alg": alg, "typ": "JWT", "kid": rsa.kid()});
            assert_eq!(
                refused(&signed(SigningAlgorithm::Rs256, &header, &body)),
                TokenError::Algorithm,
                "{alg}"
            );
        }
        // HS256 whose secret is the public key, in the forms in which one gets hold of it.
        let modulus = URL_SAFE_NO_PAD.decode(rsa.n.as_ref().unwrap()).unwrap();
        for secret in [modulus.as_slice(), verifier().keys().jwks().as_bytes()] {
            let header = json!({"alg": "HS256", "typ": "JWT", "kid": rsa.kid()});
            let message = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(header.to_string()),
                URL_SAFE_NO_PAD.encode(body.to_string())
            );
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
            let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
            assert_eq!(
                refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))),
                TokenError::Algorithm
            );
        }
        // No signature at all.
        let unsigned = token(SigningAlgorithm::Rs256);
        let (message, _) = unsigned.rsplit_once('.').unwrap();
        assert_eq!(refused(&format!("{message}.")), TokenError::Signature);
        assert_eq!(refused(message), TokenError::Malformed);
    }

    #[test]
    fn only_the_configured_algorithms_are_accepted() {
        let strict = verifier_of(&[SigningAlgorithm::Rs256]);
        assert!(strict.verify(&token(SigningAlgorithm::Rs256), NOW).is_ok());
        assert_eq!(
            strict.verify(&token(SigningAlgorithm::EdDsa), NOW),
            Err(TokenError::Algorithm)
        );
    }

    #[test]
    fn a_key_is_looked_up_among_the_known_ones_only() {
        let body = serde_json::to_value(claims()).unwrap();
        let known = key(SigningAlgorithm::Es256).public().kid().to_owned();
        for kid in [
            "../../../../dev/null",
            "/etc/passwd",
            "keys/1",
            "https://evil.example/jwks.json",
            "' OR 1=1 --",
            "",
            " ",
            &known.to_lowercase(),
            &format!("{known} "),
            &known[..42],
        ] {
            let header = json!({"alg": "ES256", "typ": "JWT", "kid": kid});
            assert_eq!(
                refused(&signed(SigningAlgorithm::Es256, &header, &body)),
                TokenError::UnknownKey,
                "{kid}"
            );
        }
    }

    #[test]
    fn a_header_says_nothing_but_what_ours_say() {
        let body = serde_json::to_value(claims()).unwrap();
        for (name, value) in [
            ("jku", json!("https://evil.example/jwks.json")),
            (
                "jwk",
                serde_json::to_value(key(SigningAlgorithm::EdDsa).public()).unwrap(),
            ),
            ("x5u", json!("https://evil.example/cert.pem")),
            ("crit", json!(["exp"])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("cty", json!("JWT")),
            ("typ", json!("JWE")),
            ("kid", json!(7)),
            ("kid", Value::Null),
            ("alg", Value::Null),
        ] {
            let mut header = header(SigningAlgorithm::EdDsa);
            header[name] = value;
            assert_eq!(
                refused(&signed(SigningAlgorithm::EdDsa, &header, &body)),
                TokenError::Malformed,
                "{name}"
            );
        }
        for missing in ["alg", "kid"] {
            let mut header = header(SigningAlgorithm::EdDsa);
            header.as_object_mut().unwrap().remove(missing);
            assert_eq!(
                refused(&signed(SigningAlgorithm::EdDsa, &header, &body)),
                TokenError::Malformed,
                "{missing}"
            );
        }
    }

    #[test]
    fn the_claims_must_be_those_of_ours() {
        let forged = |name: &str, value: Value| {
            let mut body = serde_json::to_value(claims()).unwrap();
            body[name] = value;
            refused(&signed(
                SigningAlgorithm::EdDsa,
                &header(SigningAlgorithm::EdDsa),
                &body,
            ))
        };
        assert_eq!(forged("iss", json!("https://evil.example")), TokenError::Elsewhere);
        assert_eq!(forged("iss", json!("https://erp.example.com/")), TokenError::Elsewhere);
        assert_eq!(forged("aud", json!("another")), TokenError::Elsewhere);
        assert_eq!(forged("aud", json!(["lastro"])), TokenError::Malformed);
        assert_eq!(forged("exp", json!("1800000900")), TokenError::Malformed);
        assert_eq!(forged("exp", json!(1.8e9)), TokenError::Malformed);
        assert_eq!(forged("exp", Value::Null), TokenError::Malformed);
        assert_eq!(forged("sub", json!("ana")), TokenError::Malformed);
        assert_eq!(forged("type", json!("root")), TokenError::Malformed);
        assert_eq!(forged("exp", json!(i64::MIN)), TokenError::Expired);
        for missing in ["iss", "aud", "sub", "tenantId", "type", "sid", "iat", "exp", "jti"] {
            let mut body = serde_json::to_value(claims()).unwrap();
            body.as_object_mut().unwrap().remove(missing);
            let token = signed(SigningAlgorithm::EdDsa, &header(SigningAlgorithm::EdDsa), &body);
            assert_eq!(refused(&token), TokenError::Malformed, "{missing}");
        }
    }

    #[test]
    fn a_token_lives_its_time_and_five_seconds() {
        let token = token(SigningAlgorithm::EdDsa);
        let at = |seconds: i64| {
            let now = Timestamp::from_micros(NOW.as_micros() + seconds * 1_000_000);
            verifier().verify(&token, now).map(|_| ())
        };
        assert_eq!(at(-6), Err(TokenError::NotYetValid));
        for seconds in [-5, 0, 900, 904] {
            assert_eq!(at(seconds), Ok(()), "{seconds}");
        }
        assert_eq!(at(905), Err(TokenError::Expired));
    }

    #[test]
    fn a_forgery_is_told_before_its_expiry() {
        let expired = token(SigningAlgorithm::EdDsa);
        let (message, _) = expired.rsplit_once('.').unwrap();
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode([7; 64]));
        assert_eq!(verifier().verify(&forged, Timestamp::MAX), Err(TokenError::Signature));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let genuine = token(SigningAlgorithm::EdDsa);
        for place in 0..genuine.len() {
            let mut forged: Vec<u8> = genuine.as_bytes().to_vec();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            assert!(
                verifier().verify(&String::from_utf8(forged).unwrap(), NOW).is_err(),
                "{place}"
            );
        }
    }

    #[test]
    fn one_token_has_one_text() {
        let genuine = token(SigningAlgorithm::EdDsa);
        for other in [
            format!("{genuine}="),
            format!("{genuine}."),
            format!(".{genuine}"),
            format!(" {genuine}"),
            genuine.replacen('.', "..", 1),
            format!("{genuine}\n"),
            String::new(),
            "a.b.c".to_owned(),
            "..".to_owned(),
            "A".repeat(1_000_000),
        ] {
            assert_eq!(refused(&other), TokenError::Malformed);
        }
    }

    #[test]
    fn a_key_that_is_not_what_it_says_is_not_taken() {
        type Tamper = fn(&mut Jwk);
        for algorithm in SigningAlgorithm::ALL {
            let jwk = key(algorithm).public().clone();
            let tampered: [(&str, Tamper); 5] = [
                ("kid", |jwk| jwk.kid = "../key".to_owned()),
                ("use", |jwk| jwk.usage = "enc".to_owned()),
                ("kty", |jwk| {
                    jwk.kty = "oct".to_owned();
                    jwk.kid = jwk.thumbprint();
                }),
                ("value", |jwk| {
                    jwk.x = Some("AAAA".to_owned());
                    jwk.kid = jwk.thumbprint();
                }),
                ("alg", |jwk| {
                    jwk.alg = match jwk.alg {
                        SigningAlgorithm::Rs256 => SigningAlgorithm::Es256,
                        SigningAlgorithm::Es256 => SigningAlgorithm::EdDsa,
                        SigningAlgorithm::EdDsa => SigningAlgorithm::Rs256,
                    }
                }),
            ];
            for (what, tamper) in tampered {
                let mut jwk = jwk.clone();
                tamper(&mut jwk);
                assert_eq!(KeySet::new(vec![jwk]).unwrap_err(), InvalidKey, "{what}");
            }
        }
        let weak = Jwk::rsa(&[0xff; 128], &[1, 0, 1]);
        assert_eq!(KeySet::new(vec![weak]).unwrap_err(), InvalidKey, "1,024 bits");
    }

    #[test]
    fn a_private_key_is_not_printed() {
        let key = key(SigningAlgorithm::Es256);
        let token = key.sign(&claims()).unwrap();
        let printed = format!("{key:?} {token:?} {:?}", verifier());
        let (_, signature) = token.expose_secret().rsplit_once('.').unwrap();
        assert!(!printed.contains(signature));
        assert!(printed.starts_with(&format!("SigningKey(ES256 {})", key.public().kid())));
    }

    proptest! {
        #[test]
        fn any_text_is_refused(text in "\\PC{0,60}", dots in prop::collection::vec(0_usize..60, 0..3)) {
            let mut text: Vec<char> = text.chars().collect();
            for dot in dots {
                text.insert(dot.min(text.len()), '.');
            }
            let text: String = text.into_iter().collect();
            prop_assert!(verifier_of(&[]).verify(&text, NOW).is_err());
        }
    }
}
