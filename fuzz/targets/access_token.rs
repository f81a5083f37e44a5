//! The access token of an `Authorization` header.
//!
//! A text without a line break is presented as it is. Of another one the first line is taken for a header and the rest for claims,
//! both are signed with the genuine key, and that is presented: so the reader of claims is reached, which no forged token gets to.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::crypto::{KeySet, SigningAlgorithm, SigningKey, TokenIssuer, Verifier};
use kernel::Timestamp;
use kernel::secret::ExposeSecret as _;
use libfuzzer_sys::fuzz_target;

/// 2026-11-21T12:30:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_795_264_200_000_000);
const SEED: [u8; 32] = [7; 32];
/// What stands before a seed in the PKCS#8 of an Ed25519 key (RFC 8410).
const PKCS8: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

struct World {
    key: SigningKey,
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::from_pkcs8(SigningAlgorithm::EdDsa, &[PKCS8.as_slice(), &SEED].concat()).unwrap();
    let issuer = TokenIssuer {
        issuer: "https://erp.example.com".to_owned(),
        audience: "lastro".to_owned(),
        ttl: std::time::Duration::from_secs(900),
    };
    let keys = KeySet::new(vec![key.public().clone()]).unwrap();
    World {
        verifier: Verifier::new(keys, SigningAlgorithm::ALL.to_vec(), &issuer),
        pair: Ed25519KeyPair::from_seed_unchecked(&SEED).unwrap(),
        key,
    }
});

fuzz_target!(|text: &str| {
    let world = &*WORLD;
    let token = match text.split_once('\n') {
        None => text.to_owned(),
        Some((header, claims)) => {
            let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            let signature = world.pair.sign(message.as_bytes());
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    };
    if let Ok(claims) = world.verifier.verify(&token, NOW) {
        let again = world.key.sign(&claims).unwrap();
        assert_eq!(
            world.verifier.verify(again.expose_secret(), NOW),
            Ok(claims),
            "what is understood can be said again"
        );
    }
});
