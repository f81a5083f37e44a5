//! The second factor: one-time codes from an authenticator, and recovery codes for when it is lost.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use kernel::secret::{ExposeSecret as _, SecretString};
use kernel::{Id as _, Random, Timestamp};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::UserId;

/// Bytes of a secret: the length of HMAC-SHA-1's output, as RFC 4226 (section 4, R6) recommends.
const SECRET_LENGTH: usize = 20;
const DIGITS: usize = 6;
const PERIOD_SECONDS: i64 = 30;

/// One step of 30 seconds, counted from the Unix epoch. The last accepted one is stored, so that its code works once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TotpStep(u64);

impl TotpStep {
    /// The step with this number, as stored.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The step at an instant.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        let seconds = now.as_micros().div_euclid(1_000_000);
        Self(u64::try_from(seconds.div_euclid(PERIOD_SECONDS)).unwrap_or(0))
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What an authenticator and the server share (RFC 6238 with what every authenticator supports: HMAC-SHA-1, six digits,
/// steps of 30 seconds). It is stored sealed, wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_LENGTH]>);

impl TotpSecret {
    /// A new secret.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; SECRET_LENGTH]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The secret made of these bytes; `None` when there are not 20.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = <[u8; SECRET_LENGTH]>::try_from(bytes).ok()?;
        Some(Self(Zeroizing::new(bytes)))
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn expose(&self) -> &[u8; SECRET_LENGTH] {
        &self.0
    }

    /// The secret as a person types it into an authenticator: base32 (RFC 4648) without padding.
    #[must_use]
    pub fn to_base32(&self) -> SecretString {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        SecretString::from(five_bits(self.expose(), ALPHABET))
    }

    /// What the QR code of the enrolment holds: `otpauth://totp/Issuer:account?secret=…`.
    #[must_use]
    pub fn otpauth_uri(&self, issuer: &str, account: &str) -> SecretString {
        let secret = self.to_base32();
        let secret = secret.expose_secret();
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        SecretString::from(format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={PERIOD_SECONDS}"
        ))
    }

    /// The code of a step (RFC 4226, section 5.3).
    #[must_use]
    pub fn code(&self, step: TotpStep) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.expose());
        let tag = hmac::sign(&key, &step.0.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
        let bytes = tag.get(offset..).and_then(|rest| rest.first_chunk::<4>());
        let number = bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes)) & 0x7fff_ffff;
        format!("{:0DIGITS$}", number % 10_u32.pow(6))
    }

    /// The step whose code this is: the current one, one before or one after, for clocks that differ. A step at or before
    /// `last`, the last one accepted, is over: a code works once.
    ///
    /// How long it takes does not tell which digits are right.
    #[must_use]
    pub fn verify(&self, code: &str, now: Timestamp, last: Option<TotpStep>) -> Option<TotpStep> {
        let TotpStep(current) = TotpStep::at(now);
        let mut accepted = None;
        for step in current.saturating_sub(1)..=current.saturating_add(1) {
            let step = TotpStep(step);
            let matches = bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes()));
            if matches && last.is_none_or(|last| step > last) {
                accepted = Some(step);
            }
        }
        accepted
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret([redacted])")
    }
}

/// A code that replaces the second factor once: 16 characters, 80 random bits, in four groups. It is shown once; only its
/// digest is stored. It never prints itself.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<[u8; Self::LENGTH]>);

impl RecoveryCode {
    /// How many a user gets.
    pub const COUNT: usize = 10;
    const LENGTH: usize = 16;
    /// Crockford's alphabet: no letter that looks like a digit.
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// A new code.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 10]);
        random.fill(bytes.as_mut_slice());
        let text = Zeroizing::new(five_bits(bytes.as_slice(), Self::ALPHABET));
        let mut characters = Zeroizing::new([0; Self::LENGTH]);
        for (place, character) in characters.iter_mut().zip(text.bytes()) {
            *place = character;
        }
        Self(characters)
    }

    /// Reads what a person typed: case, spaces and hyphens do not matter, nor whether `0` looked like `O` or `1` like `I` or
    /// `L`. `None` for what is no code.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let mut characters = typed
            .chars()
            .filter(|character| !matches!(character, ' ' | '-'))
            .map(|character| match character.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            });
        let mut code = Zeroizing::new([0_u8; Self::LENGTH]);
        for place in code.iter_mut() {
            let character = u8::try_from(characters.next()?).ok()?;
            if !Self::ALPHABET.contains(&character) {
                return None;
            }
            *place = character;
        }
        characters.next().is_none().then_some(Self(code))
    }

    /// The code as it is shown once: `abcd-efgh-jkmn-pqrs`.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let groups: Vec<&str> = self
            .0
            .chunks(4)
            .map(|group| std::str::from_utf8(group).unwrap_or_default())
            .collect();
        SecretString::from(groups.join("-"))
    }

    /// What is stored: the SHA-256 of the code and its owner, so that one table of digests does not fit all users. 80 random
    /// bits need no slow hash.
    #[must_use]
    pub fn digest(&self, owner: UserId) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"lastro recovery code\0");
        context.update(owner.as_uuid().as_bytes());
        context.update(self.0.as_slice());
        let mut bytes = [0; 32];
        for (byte, made) in bytes.iter_mut().zip(context.finish().as_ref()) {
            *byte = *made;
        }
        bytes
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode([redacted])")
    }
}

/// Five bits a character, the last filled up with zeros.
fn five_bits(bytes: &[u8], alphabet: &[u8; 32]) -> String {
    let mut text = String::with_capacity((bytes.len() * 8).div_ceil(5));
    let mut waiting = 0_u32;
    let mut bits = 0;
    let mut push = |value: u32| {
        let index = usize::try_from(value & 31).unwrap_or(0);
        text.extend(alphabet.get(index).map(|byte| char::from(*byte)));
    };
    for byte in bytes {
        waiting = (waiting << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push(waiting >> bits);
        }
        waiting &= (1 << bits) - 1;
    }
    if bits > 0 {
        push(waiting << (5 - bits));
    }
    text
}

/// All but the unreserved characters of RFC 3986 as `%XX`. Not a form's encoding: authenticators show its `+` as such.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::SeededRandom;
    use proptest::prelude::*;

    use super::*;

    fn rfc_secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_codes_are_those_of_rfc_4226() {
        // Appendix D.
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
        ];
        for (count, code) in (0..).zip(codes) {
            assert_eq!(rfc_secret().code(TotpStep(count)), code);
        }
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Appendix B, SHA1: the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = TotpStep::at(at(seconds));
            assert_eq!(rfc_secret().code(step), code);
            assert_eq!(rfc_secret().verify(code, at(seconds), None), Some(step));
        }
    }

    #[test]
    fn one_step_before_and_after_is_accepted() {
        let secret = rfc_secret();
        let code = secret.code(TotpStep(100));
        let accepted = |seconds| secret.verify(&code, at(seconds), None);
        assert_eq!(accepted(2_969), None);
        assert_eq!(accepted(2_970), Some(TotpStep(100)));
        assert_eq!(accepted(3_059), Some(TotpStep(100)));
        assert_eq!(accepted(3_060), None);
    }

    #[test]
    fn a_step_works_once_and_none_before_it_any_more() {
        let secret = rfc_secret();
        let now = at(3_000);
        let used = secret.verify(&secret.code(TotpStep(100)), now, None);
        assert_eq!(used, Some(TotpStep(100)));
        assert_eq!(secret.verify(&secret.code(TotpStep(100)), now, used), None);
        assert_eq!(secret.verify(&secret.code(TotpStep(99)), now, used), None);
        assert_eq!(
            secret.verify(&secret.code(TotpStep(101)), now, used),
            Some(TotpStep(101))
        );
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let secret = rfc_secret();
        let code = secret.code(TotpStep(100));
        for wrong in [
            "",
            "12345",
            "1234567",
            "abcdef",
            "１２３４５６",
            &format!("{code}0"),
            &format!(" {code}"),
        ] {
            assert_eq!(secret.verify(wrong, at(3_000), None), None, "{wrong}");
        }
        // At the very start of the epoch there is no step before.
        assert_eq!(secret.verify(&secret.code(TotpStep(0)), at(0), None), Some(TotpStep(0)));
        assert_eq!(TotpStep::at(Timestamp::MIN), TotpStep(0));
    }

    #[test]
    fn the_uri_is_what_authenticators_read() {
        let uri = rfc_secret().otpauth_uri("Padaria São João", "ana+erp@example.com");
        assert_eq!(
            uri.expose_secret(),
            "otpauth://totp/Padaria%20S%C3%A3o%20Jo%C3%A3o:ana%2Berp%40example.com\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Padaria%20S%C3%A3o%20Jo%C3%A3o&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        for (text, encoded) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(five_bits(text.as_bytes(), ALPHABET), encoded);
        }
    }

    #[test]
    fn a_secret_has_twenty_bytes() {
        let made = TotpSecret::generate(&SeededRandom::new(1));
        assert_eq!(TotpSecret::from_bytes(made.expose()).unwrap().expose(), made.expose());
        assert!(TotpSecret::from_bytes(&[0; 19]).is_none());
        assert!(TotpSecret::from_bytes(&[0; 21]).is_none());
    }

    #[test]
    fn a_recovery_code_is_read_as_people_type_it() {
        let random = SeededRandom::new(1);
        let owner = UserId::from_uuid(uuid::Uuid::from_u128(1));
        let codes: Vec<RecoveryCode> = (0..RecoveryCode::COUNT)
            .map(|_| RecoveryCode::generate(&random))
            .collect();
        let digests: BTreeSet<[u8; 32]> = codes.iter().map(|code| code.digest(owner)).collect();
        assert_eq!(digests.len(), 10);
        for code in &codes {
            let text = code.to_text();
            let shown = text.expose_secret();
            assert_eq!((shown.len(), shown.matches('-').count()), (19, 3));
            for typed in [
                shown.to_owned(),
                shown.to_uppercase(),
                shown.replace('-', ""),
                format!(" {} ", shown.replace('-', " ")),
                shown.replace('0', "O").replace('1', "l"),
            ] {
                let parsed = RecoveryCode::parse(&typed).unwrap();
                assert_eq!(parsed.digest(owner), code.digest(owner));
            }
        }
        let other = UserId::from_uuid(uuid::Uuid::from_u128(2));
        assert_ne!(codes[0].digest(owner), codes[0].digest(other));
        for wrong in [
            "",
            "abcd",
            "uuuu-uuuu-uuuu-uuuu",
            "0000-0000-0000-0000-0",
            "é000-0000-0000-0000",
        ] {
            assert!(RecoveryCode::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = rfc_secret();
        let code = RecoveryCode::parse("abcd-efgh-jkmn-pqrs").unwrap();
        let printed = format!(
            "{secret:?} {:?} {:?} {code:?} {:?}",
            secret.to_base32(),
            secret.otpauth_uri("a", "b"),
            code.to_text()
        );
        for marked in ["1234", "GEZD", "49, 50", "abcd", "97, 98"] {
            assert!(!printed.contains(marked), "{printed}");
        }
    }

    proptest! {
        #[test]
        fn anything_typed_is_code_or_none(typed in "\\PC{0,30}", seconds in 0_i64..4_000_000_000) {
            let _ = RecoveryCode::parse(&typed);
            let accepted = rfc_secret().verify(&typed, at(seconds), None);
            prop_assert!(accepted.is_none() || typed.len() == 6);
        }

        #[test]
        fn a_code_is_accepted_at_most_a_step_away(seconds in 100_i64..4_000_000_000, off in -200_i64..200) {
            let secret = rfc_secret();
            let step = TotpStep::at(at(seconds));
            let now = at(seconds + off);
            let distance = TotpStep::at(now).0.abs_diff(step.0);
            // A code of six digits can belong to two steps of the three by chance.
            if let Some(accepted) = secret.verify(&secret.code(step), now, None) {
                prop_assert_eq!(secret.code(accepted), secret.code(step));
            } else {
                prop_assert!(distance > 1);
            }
        }
    }
}
