//! Refresh tokens: made from a key rather than drawn at random, so that the same successor can be handed out twice.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::secret::SecretString;
use kernel::{Id as _, OrganizationId};
use uuid::Uuid;

use crate::domain::{Generation, SessionId};
use vault::MasterKey;

/// Says what a text is, to people and to scanners for leaked secrets.
const PREFIX: &str = "lastro_refresh_";
/// Bytes of what a token says: organization, session, generation.
const CLAIM: usize = 16 + 16 + 4;
/// Bytes of a tag.
const TAG: usize = 32;
/// Characters of both as base64.
const BODY: usize = ((CLAIM + TAG) * 4).div_ceil(3);

/// A text that is no refresh token of ours, or whose tag is not genuine. Which of the two does not matter to anyone: it has
/// no effect, and no database was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of this system")]
pub struct InvalidRefreshToken;

/// What a genuine refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// Whose rows the session is in.
    pub organization: OrganizationId,
    /// The session it continues.
    pub session: SessionId,
    /// Its place in the session's chain.
    pub generation: Generation,
}

impl RefreshToken {
    fn to_bytes(self) -> [u8; CLAIM] {
        let organization = self.organization.as_uuid().into_bytes();
        let session = self.session.as_uuid().into_bytes();
        let generation = self.generation.number().to_be_bytes();
        let mut bytes = [0; CLAIM];
        let parts = organization.iter().chain(&session).chain(&generation);
        for (place, byte) in bytes.iter_mut().zip(parts) {
            *place = *byte;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (organization, rest) = bytes.split_first_chunk::<16>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let generation = u32::from_be_bytes(rest.try_into().ok()?);
        Some(Self {
            organization: OrganizationId::from_uuid(Uuid::from_bytes(*organization)),
            session: SessionId::from_uuid(Uuid::from_bytes(*session)),
            generation: Generation::new(generation)?,
        })
    }
}

/// The keys that refresh tokens are made with, derived from the master key: who reads the database cannot make one.
///
/// A token says which session it continues and where in its chain it stands, and the tag (HMAC-SHA-256) proves that this
/// system said so. So a token needs no row of its own, a forged one is told apart without a look at the database, and
/// whoever repeats a refresh within the grace gets the very same successor.
#[derive(Clone)]
pub struct RefreshKeys {
    current: hmac::Key,
    former: Vec<hmac::Key>,
}

impl RefreshKeys {
    /// Makes tokens under `current`, and accepts those made under it or under a former key.
    #[must_use]
    pub fn new(current: &MasterKey, former: &[MasterKey]) -> Self {
        let key = |master: &MasterKey| master.authentication_key("refresh tokens");
        Self {
            current: key(current),
            former: former.iter().map(key).collect(),
        }
    }

    /// The text of a token: the same for the same token.
    #[must_use]
    pub fn token(&self, token: RefreshToken) -> SecretString {
        let claim = token.to_bytes();
        let tag = hmac::sign(&self.current, &claim);
        let mut text = String::with_capacity(PREFIX.len() + BODY);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string([claim.as_slice(), tag.as_ref()].concat(), &mut text);
        SecretString::from(text)
    }

    /// Reads a presented token. Whether its session is live, the database tells.
    ///
    /// # Errors
    /// [`InvalidRefreshToken`].
    pub fn verify(&self, text: &str) -> Result<RefreshToken, InvalidRefreshToken> {
        let body = text.strip_prefix(PREFIX).ok_or(InvalidRefreshToken)?;
        if body.len() != BODY {
            return Err(InvalidRefreshToken);
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| InvalidRefreshToken)?;
        let (claim, tag) = bytes.split_at_checked(CLAIM).ok_or(InvalidRefreshToken)?;
        // `hmac::verify` takes the same time wherever the tags differ.
        let is_genuine = std::iter::once(&self.current)
            .chain(&self.former)
            .any(|key| hmac::verify(key, claim, tag).is_ok());
        if !is_genuine {
            return Err(InvalidRefreshToken);
        }
        RefreshToken::from_bytes(claim).ok_or(InvalidRefreshToken)
    }
}

impl fmt::Debug for RefreshKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshKeys([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededRandom;
    use kernel::secret::ExposeSecret as _;
    use proptest::prelude::*;

    use super::*;

    fn master(seed: u64) -> MasterKey {
        MasterKey::generate(&SeededRandom::new(seed))
    }

    fn keys() -> RefreshKeys {
        RefreshKeys::new(&master(1), &[])
    }

    fn token(generation: u32) -> RefreshToken {
        RefreshToken {
            organization: OrganizationId::from_uuid(Uuid::from_u128(1)),
            session: SessionId::from_uuid(Uuid::from_u128(2)),
            generation: Generation::new(generation).unwrap(),
        }
    }

    fn text(token: RefreshToken) -> String {
        keys().token(token).expose_secret().to_owned()
    }

    #[test]
    fn a_token_says_what_it_continues_and_is_always_the_same() {
        assert_eq!(keys().verify(&text(token(3))), Ok(token(3)));
        assert_eq!(text(token(3)), text(token(3)));
        assert_ne!(text(token(3)), text(token(4)));
        assert!(text(token(3)).starts_with("lastro_refresh_"));
    }

    #[test]
    fn every_changed_character_makes_it_a_forgery() {
        let genuine = text(token(3));
        for place in 0..genuine.len() {
            for other in ['A', 'B', '_', '='] {
                let mut forged: Vec<char> = genuine.chars().collect();
                if forged[place] == other {
                    continue;
                }
                forged[place] = other;
                let forged: String = forged.into_iter().collect();
                assert_eq!(keys().verify(&forged), Err(InvalidRefreshToken), "{place} {other}");
            }
        }
        for forged in [
            &genuine[1..],
            &genuine[..genuine.len() - 1],
            &format!("{genuine}="),
            &format!("{genuine}A"),
            &format!(" {genuine}"),
            "",
            PREFIX,
        ] {
            assert_eq!(keys().verify(forged), Err(InvalidRefreshToken));
        }
    }

    #[test]
    fn the_tag_of_one_token_is_none_of_another() {
        let decode = |text: String| URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX).unwrap()).unwrap();
        let (one, two) = (decode(text(token(3))), decode(text(token(4))));
        let spliced = [&two[..CLAIM], &one[CLAIM..]].concat();
        let forged = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(spliced));
        assert_eq!(keys().verify(&forged), Err(InvalidRefreshToken));
    }

    #[test]
    fn another_installations_token_is_a_forgery() {
        let other = RefreshKeys::new(&master(2), &[]);
        assert_eq!(other.verify(&text(token(3))), Err(InvalidRefreshToken));
    }

    #[test]
    fn a_changed_master_key_logs_nobody_out() {
        let rotated = RefreshKeys::new(&master(2), &[master(1)]);
        assert_eq!(rotated.verify(&text(token(3))), Ok(token(3)));
        let made = rotated.token(token(4));
        assert_eq!(
            keys().verify(made.expose_secret()),
            Err(InvalidRefreshToken),
            "made under the new key"
        );
    }

    #[test]
    fn a_genuine_tag_on_no_generation_is_refused() {
        let mut claim = token(1).to_bytes();
        claim[CLAIM - 4..].fill(0);
        let tag = hmac::sign(&keys().current, &claim);
        let forged = URL_SAFE_NO_PAD.encode([claim.as_slice(), tag.as_ref()].concat());
        assert_eq!(keys().verify(&format!("{PREFIX}{forged}")), Err(InvalidRefreshToken));
    }

    #[test]
    fn a_token_is_not_printed() {
        let made = keys().token(token(3));
        let printed = format!("{made:?} {:?}", keys());
        assert!(!printed.contains(&text(token(3))[15..25]), "{printed}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(body in "\\PC{0,120}", ours: bool) {
            let prefix = if ours { PREFIX } else { "" };
            prop_assert_eq!(keys().verify(&format!("{prefix}{body}")), Err(InvalidRefreshToken));
        }

        #[test]
        fn every_token_is_read_back(organization: u128, session: u128, generation in 1..=u32::MAX) {
            let token = RefreshToken {
                organization: OrganizationId::from_uuid(Uuid::from_u128(organization)),
                session: SessionId::from_uuid(Uuid::from_u128(session)),
                generation: Generation::new(generation).unwrap(),
            };
            prop_assert_eq!(keys().verify(&text(token)), Ok(token));
        }
    }
}
