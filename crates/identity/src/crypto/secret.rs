//! Opaque secrets: keys and links that are looked up by their hash.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use kernel::secret::{ExposeSecret as _, SecretString};
use kernel::{Id as _, OrganizationId, Random};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::base62;

/// What a secret opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// The API, for a program of an organization.
    ApiKey,
    /// Access tokens, for a service account.
    ClientSecret,
    /// Membership, for whom the mail reached.
    Invitation,
    /// A new password, for whom the mail reached.
    PasswordReset,
    /// The confirmation of an address, for whom the mail reached.
    EmailConfirmation,
    /// The second step of a login, for who passed the first.
    MfaChallenge,
    /// The first administrator's account, for who started the server.
    Setup,
}

impl SecretKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::ApiKey,
        Self::ClientSecret,
        Self::Invitation,
        Self::PasswordReset,
        Self::EmailConfirmation,
        Self::MfaChallenge,
        Self::Setup,
    ];

    /// What its texts begin with. Scanners for leaked secrets look for it, and none is the beginning of another.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "lastro_key_",
            Self::ClientSecret => "lastro_secret_",
            Self::Invitation => "lastro_invite_",
            Self::PasswordReset => "lastro_reset_",
            Self::EmailConfirmation => "lastro_email_",
            Self::MfaChallenge => "lastro_mfa_",
            Self::Setup => "lastro_setup_",
        }
    }
}

/// A text that is no secret of ours: another prefix, length or alphabet, or a checksum that does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a secret of this system")]
pub struct InvalidSecret;

/// A secret in clear, as it is handed out once and presented later. Only its [digest](SecretDigest) is stored.
///
/// Its text is a prefix that tells what it is, 192 random bits, the organization whose row to look up, and the CRC-32 of all
/// that, in base 62: `lastro_key_` and 61 characters. The checksum lets a scanner that found one in a repository know,
/// without asking, that it is none by chance, and lets the server answer a mistyped one without asking the database. It
/// protects nothing: the random bits do.
///
/// It is wiped from memory when dropped and never printed.
#[derive(Clone)]
pub struct OpaqueSecret {
    kind: SecretKind,
    organization: OrganizationId,
    text: SecretString,
}

impl OpaqueSecret {
    /// Random bytes of a secret.
    const RANDOM: usize = 24;
    /// Characters after the prefix: the random bytes as a number of 128 bits and one of 64, the organization, the checksum.
    const BODY: usize = base62::U128 + base62::U64 + base62::U128 + base62::U32;
    /// How many of the random characters are stored in clear, for a person to tell keys apart. It leaves 144 bits.
    const SHOWN: usize = 8;

    /// A new secret of an organization.
    #[must_use]
    pub fn generate(kind: SecretKind, organization: OrganizationId, random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; Self::RANDOM]);
        random.fill(bytes.as_mut_slice());
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte))
        };
        let (high, low) = bytes.split_at(16);
        let mut text = String::with_capacity(kind.prefix().len() + Self::BODY);
        text.push_str(kind.prefix());
        base62::push(&mut text, number(high), base62::U128);
        base62::push(&mut text, number(low), base62::U64);
        base62::push(&mut text, organization.as_uuid().as_u128(), base62::U128);
        let checksum = crc32fast::hash(text.as_bytes());
        base62::push(&mut text, u128::from(checksum), base62::U32);
        Self {
            kind,
            organization,
            text: SecretString::from(text),
        }
    }

    /// Reads a presented secret. Whether it exists, its digest tells.
    ///
    /// # Errors
    /// [`InvalidSecret`] for every text that [`OpaqueSecret::generate`] cannot have made.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let kinds = SecretKind::ALL.into_iter();
        let (kind, body) = kinds
            .filter_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))
            .next()
            .ok_or(InvalidSecret)?;
        if body.len() != Self::BODY {
            return Err(InvalidSecret);
        }
        let (checked, checksum) = text.split_at_checked(text.len() - base62::U32).ok_or(InvalidSecret)?;
        if base62::parse(checksum) != Some(u128::from(crc32fast::hash(checked.as_bytes()))) {
            return Err(InvalidSecret);
        }
        let part = |start: usize, width: usize| body.get(start..start + width).and_then(base62::parse);
        let fits_64_bits = |number: &u128| u64::try_from(*number).is_ok();
        part(0, base62::U128).ok_or(InvalidSecret)?;
        part(base62::U128, base62::U64)
            .filter(fits_64_bits)
            .ok_or(InvalidSecret)?;
        let organization = part(base62::U128 + base62::U64, base62::U128).ok_or(InvalidSecret)?;
        Ok(Self {
            kind,
            organization: OrganizationId::from_uuid(Uuid::from_u128(organization)),
            text: SecretString::from(text),
        })
    }

    /// Whether a bearer credential is a secret of ours at all, rather than an access token.
    #[must_use]
    pub fn is_ours(text: &str) -> bool {
        text.starts_with("lastro_")
    }

    /// What it opens.
    #[must_use]
    pub fn kind(&self) -> SecretKind {
        self.kind
    }

    /// The organization whose rows it is looked up in. It was not proven by anything yet.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The secret, to be handed out.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// How a person recognises it later: the prefix and the first eight random characters.
    #[must_use]
    pub fn shown_prefix(&self) -> String {
        let length = self.kind.prefix().len() + Self::SHOWN;
        self.expose().get(..length).unwrap_or_default().to_owned()
    }

    /// What is stored. 192 random bits need no slow hash.
    #[must_use]
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(self.expose().as_bytes())
    }
}

impl FromStr for OpaqueSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Debug for OpaqueSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpaqueSecret({:?} of {})", self.kind, self.organization)
    }
}

/// The SHA-256 of a secret, as stored. Comparing two takes the same time wherever they differ.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    fn of(bytes: &[u8]) -> Self {
        let made = digest::digest(&digest::SHA256, bytes);
        let mut digest = [0; 32];
        for (place, byte) in digest.iter_mut().zip(made.as_ref()) {
            *place = *byte;
        }
        Self(digest)
    }

    /// The digest with these bytes, as stored; `None` when there are not 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes, to be stored and looked up.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for SecretDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretDigest {}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::SeededRandom;
    use proptest::prelude::*;

    use super::*;

    fn organization() -> OrganizationId {
        "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
    }

    fn secret(kind: SecretKind) -> OpaqueSecret {
        OpaqueSecret::generate(kind, organization(), &SeededRandom::new(1))
    }

    #[test]
    fn each_kind_is_read_back_with_its_organization() {
        for kind in SecretKind::ALL {
            let made = secret(kind);
            let read = OpaqueSecret::parse(made.expose()).unwrap();
            assert_eq!((read.kind(), read.organization()), (kind, organization()));
            assert_eq!(read.digest(), made.digest());
            assert!(OpaqueSecret::is_ours(made.expose()));
        }
    }

    #[test]
    fn prefixes_tell_the_kinds_apart() {
        for kind in SecretKind::ALL {
            for other in SecretKind::ALL {
                assert!(kind == other || !kind.prefix().starts_with(other.prefix()));
            }
        }
    }

    #[test]
    fn the_form_is_what_scanners_are_told() {
        // lastro_(key|secret|invite|reset|email|mfa|setup)_[0-9A-Za-z]{61}, the last six the CRC-32 of all before them.
        let made = secret(SecretKind::ApiKey);
        let body = made.expose().strip_prefix("lastro_key_").unwrap();
        assert_eq!(body.len(), 61);
        assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(made.shown_prefix(), format!("lastro_key_{}", &body[..8]));
        // The check value of CRC-32/ISO-HDLC, so that others compute the same.
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn one_wrong_character_is_noticed_without_a_database() {
        let made = secret(SecretKind::ApiKey);
        let text = made.expose();
        for place in 0..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            assert!(
                OpaqueSecret::parse(&String::from_utf8(wrong).unwrap()).is_err(),
                "{place}"
            );
        }
        for wrong in [
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}0"),
            &format!("{text}\n"),
        ] {
            assert!(OpaqueSecret::parse(wrong).is_err());
        }
    }

    #[test]
    fn a_right_checksum_on_a_wrong_body_does_not_help() {
        // A number that does not fit its bits, with its checksum right.
        for body in [
            format!("{}{}{}", "z".repeat(22), "0".repeat(11), "0".repeat(22)),
            format!("{}{}{}", "0".repeat(22), "z".repeat(11), "0".repeat(22)),
            format!("{}{}{}", "0".repeat(22), "0".repeat(11), "z".repeat(22)),
            format!("{}é{}", "0".repeat(20), "0".repeat(33)),
        ] {
            let mut text = format!("lastro_key_{body}");
            let checksum = crc32fast::hash(text.as_bytes());
            base62::push(&mut text, u128::from(checksum), base62::U32);
            assert!(OpaqueSecret::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_differ() {
        let random = SeededRandom::new(1);
        let made: BTreeSet<String> = (0..1_000)
            .map(|_| OpaqueSecret::generate(SecretKind::Invitation, organization(), &random))
            .map(|secret| secret.expose().to_owned())
            .collect();
        assert_eq!(made.len(), 1_000);
    }

    #[test]
    fn a_digest_is_stored_and_compared() {
        let digest = secret(SecretKind::ApiKey).digest();
        assert_eq!(SecretDigest::from_bytes(digest.as_bytes()), Some(digest));
        assert_eq!(SecretDigest::from_bytes(&[0; 31]), None);
        assert_ne!(secret(SecretKind::Setup).digest(), digest);
    }

    #[test]
    fn a_secret_is_not_printed() {
        let made = secret(SecretKind::ApiKey);
        let printed = format!("{made:?} {:?} {:?}", made.digest(), OpaqueSecret::parse(made.expose()));
        let body = made.expose().strip_prefix("lastro_key_").unwrap();
        assert!(!printed.contains(&body[..8]), "{printed}");
        let digest = format!("{:?}", made.digest().as_bytes());
        assert!(!printed.contains(digest.trim_matches(['[', ']'])), "{printed}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,90}") {
            prop_assert!(OpaqueSecret::parse(&text).is_err());
        }

        #[test]
        fn any_text_with_our_prefix_is_read_or_refused(body in "[0-9A-Za-zé]{55,65}") {
            let _ = OpaqueSecret::parse(&format!("lastro_key_{body}"));
        }

        #[test]
        fn every_secret_is_read_back(seed: u64, organization: u128) {
            let organization = OrganizationId::from_uuid(Uuid::from_u128(organization));
            let made = OpaqueSecret::generate(SecretKind::ClientSecret, organization, &SeededRandom::new(seed));
            let read = OpaqueSecret::parse(made.expose()).unwrap();
            prop_assert_eq!(read.organization(), organization);
        }
    }
}
