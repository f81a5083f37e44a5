//! An API key, or another secret that is presented as a text: client secrets, one-time links, invitations.
//!
//! The text is presented as it is, and with a checksum that fits: few texts have one by chance.
#![no_main]

use identity::crypto::OpaqueSecret;
use libfuzzer_sys::fuzz_target;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of a checksum.
const CHECKSUM: usize = 6;

fn present(text: &str) {
    let Ok(secret) = OpaqueSecret::parse(text) else { return };
    assert!(OpaqueSecret::is_ours(text));
    assert_eq!(secret.expose(), text);
    assert!(text.starts_with(&secret.shown_prefix()) && secret.shown_prefix().len() < text.len() / 2);
    let again = text.parse::<OpaqueSecret>().unwrap();
    assert_eq!(
        (secret.kind(), secret.organization()),
        (again.kind(), again.organization())
    );
}

fn with_checksum(text: &str) -> Option<String> {
    let (checked, _) = text.split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
    let mut rest = crc32fast::hash(checked.as_bytes());
    let mut digits = [0; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest as usize % ALPHABET.len()];
        rest /= 62;
    }
    Some(format!("{checked}{}", str::from_utf8(&digits).ok()?))
}

fuzz_target!(|text: &str| {
    present(text);
    if let Some(text) = with_checksum(text) {
        present(&text);
    }
});
