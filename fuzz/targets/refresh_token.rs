//! A refresh token.
//!
//! What is given is presented as it is where it is text, and as the claim of a token with a genuine tag: so the reader of the claim is
//! reached, which no forged token gets to.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::crypto::RefreshKeys;
use kernel::secret::ExposeSecret as _;
use libfuzzer_sys::fuzz_target;
use vault::MasterKey;

static MASTER: LazyLock<MasterKey> = LazyLock::new(|| MasterKey::new([7; 32]));
static KEYS: LazyLock<RefreshKeys> = LazyLock::new(|| RefreshKeys::new(&MASTER, &[MasterKey::new([8; 32])]));

fn present(text: &str) {
    if let Ok(token) = KEYS.verify(text) {
        assert_eq!(KEYS.token(token).expose_secret(), text, "a token has one spelling");
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        present(text);
    }
    let tag = aws_lc_rs::hmac::sign(&MASTER.authentication_key("refresh tokens"), bytes);
    let body = URL_SAFE_NO_PAD.encode([bytes, tag.as_ref()].concat());
    present(&format!("lastro_refresh_{body}"));
});
