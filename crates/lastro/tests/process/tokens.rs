//! Whoever knows nothing but where the public keys are can tell an access token from a forgery.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use serde_json::Value;

use crate::installation::{Installation, Server};

/// Where clients find the installation, and so who signs.
const ISSUER: &str = "https://erp.example.com";

/// A server that signs by this algorithm, with its operator logged in.
fn serving(algorithm: &str) -> (Installation, Server) {
    let lastro = Installation::on_sqlite()
        .with("LASTRO_BASE_URL", ISSUER)
        .with("LASTRO_JWT_ALGORITHM", algorithm);
    let server = lastro.serve(&["--demo"]);
    (lastro, server)
}

/// The keys that it publishes.
fn published(server: &Server) -> JwkSet {
    let keys = server.visitor().get("/.well-known/jwks.json").assert_status(200);
    serde_json::from_value(keys.json()).expect("a set of keys")
}

/// What another implementation makes of a token, from the published keys alone: signature, issuer, audience and expiry.
fn verified(keys: &JwkSet, algorithm: Algorithm, token: &str) -> Result<TokenData<Value>, ErrorKind> {
    let header = decode_header(token).map_err(|error| error.kind().clone())?;
    let key = keys.find(&header.kid.expect("a key id")).expect("a published key");
    let mut rules = Validation::new(algorithm);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&["lastro"]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let key = DecodingKey::from_jwk(key).expect("a key that others understand");
    decode(token, &key, &rules).map_err(|error| error.kind().clone())
}

/// The token with another letter in its claims.
fn altered(token: &str) -> String {
    let (header, rest) = token.split_once('.').expect("a header");
    let (claims, signature) = rest.split_once('.').expect("claims");
    let middle = claims.len() / 2;
    let other = if claims[middle..].starts_with('A') { "B" } else { "A" };
    format!(
        "{header}.{}{other}{}.{signature}",
        &claims[..middle],
        &claims[middle + 1..]
    )
}

fn accepts_from_the_key_set_alone(algorithm: Algorithm, name: &str) {
    let (lastro, server) = serving(name);
    let me = server.operator().get("/api/v1/auth/me").assert_status(200).json();
    let keys = published(&server);
    let token = verified(&keys, algorithm, server.token()).expect("a genuine token");
    assert_eq!(token.header.alg, algorithm);
    assert_eq!(token.claims["sub"], me["data"]["id"], "{me}");
    assert_eq!(token.claims["type"], "user");

    assert_eq!(
        verified(&keys, algorithm, &altered(server.token())).err(),
        Some(ErrorKind::InvalidSignature)
    );

    // Another pair of keys signs from now on; what the old one signed is still found to be genuine.
    let old = server.token().to_owned();
    server.stop();
    lastro.run(&["keys", "rotate"]).assert_code(0);
    let server = lastro.serve(&["--demo"]);
    let keys = published(&server);
    let kid = |token: &str| decode_header(token).expect("a header").kid;
    assert_ne!(kid(server.token()), kid(&old));
    for token in [server.token(), &old] {
        verified(&keys, algorithm, token).expect("a genuine token");
    }
    server.stop();
}

#[test]
fn another_implementation_accepts_rs256_from_the_key_set_alone() {
    accepts_from_the_key_set_alone(Algorithm::RS256, "RS256");
}

#[test]
fn another_implementation_accepts_es256_from_the_key_set_alone() {
    accepts_from_the_key_set_alone(Algorithm::ES256, "ES256");
}

#[test]
fn another_implementation_accepts_eddsa_from_the_key_set_alone() {
    accepts_from_the_key_set_alone(Algorithm::EdDSA, "EdDSA");
}
