//! Secrets at rest: sealed under the master key, the one key outside the database.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kernel::{Id as _, OrganizationId, Random};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Bytes of a master key.
const KEY_LENGTH: usize = 32;
/// Bytes of a nonce of AES-GCM.
const NONCE_LENGTH: usize = 12;
/// Bytes of a tag of AES-GCM.
const TAG_LENGTH: usize = 16;
/// Bytes of the name of a master key.
const ID_LENGTH: usize = 8;
/// What an envelope begins with: the form of all that follows.
const VERSION: u8 = 1;

/// A text that is no master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes, as base64 or in hexadecimal")]
pub struct InvalidMasterKey;

/// The key outside the database that everything secret inside it is sealed with, and that the keys of other purposes are
/// derived from. It is wiped from memory when dropped and never printed.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_LENGTH]>);

impl MasterKey {
    /// The key with these bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The key as text, in base64, as [`FromStr`] reads it: for the one file or variable that keeps it.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(self.0.as_slice()))
    }

    /// What it is called in envelopes and error messages: 64 bits derived from it that tell nothing about it.
    #[must_use]
    pub fn id(&self) -> MasterKeyId {
        let mut id = [0; ID_LENGTH];
        for (place, byte) in id.iter_mut().zip(self.derive("name").iter()) {
            *place = *byte;
        }
        MasterKeyId(id)
    }

    /// The key of a purpose (HKDF with SHA-256, RFC 5869): knowing one tells nothing about another.
    #[must_use]
    pub fn derive(&self, purpose: &'static str) -> Zeroizing<[u8; KEY_LENGTH]> {
        // By hand, because this way nothing can fail: extract, then the first block of expand, which is as long as the key.
        let sign = |key: &[u8], data: &[&[u8]]| {
            let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
            data.iter().for_each(|part| context.update(part));
            context.sign()
        };
        let extracted = sign(b"lastro master key", &[self.0.as_slice()]);
        let expanded = sign(extracted.as_ref(), &[purpose.as_bytes(), &[1]]);
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        for (place, byte) in key.iter_mut().zip(expanded.as_ref()) {
            *place = *byte;
        }
        key
    }

    /// The key that authenticates what is handed out for a purpose.
    #[must_use]
    pub fn authentication_key(&self, purpose: &'static str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derive(purpose).as_slice())
    }
}

impl FromStr for MasterKey {
    type Err = InvalidMasterKey;

    /// Reads 32 bytes from base64, of the standard or the URL alphabet, padded or not, or from hexadecimal digits of either
    /// case. White space around them is dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const INDIFFERENT: GeneralPurposeConfig =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, INDIFFERENT);
        const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, INDIFFERENT);
        let text = text.trim();
        let bytes = match text.len() {
            64 => hexadecimal(text),
            _ => STANDARD
                .decode(text)
                .or_else(|_| URL.decode(text))
                .ok()
                .map(Zeroizing::new),
        };
        bytes
            .and_then(|bytes| <[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).ok())
            .map(Self::new)
            .ok_or(InvalidMasterKey)
    }
}

fn hexadecimal(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_LENGTH));
    for pair in text.as_bytes().chunks_exact(2) {
        let [high, low] = pair else { return None };
        bytes.push(digit(high)? * 16 + digit(low)?);
    }
    Some(bytes)
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// What a master key is called: 16 hexadecimal digits that tell nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MasterKeyId([u8; ID_LENGTH]);

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&kernel::hexadecimal(&self.0))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeyId({self})")
    }
}

/// Where a sealed value belongs. What was sealed for one place does not open in another: a row cannot be given the secret of
/// another row, or of another organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealContext(Vec<u8>);

impl SealContext {
    /// A place of the installation: what the value is (`"signing key"`), and the row's id.
    #[must_use]
    pub fn global(purpose: &'static str, row: Uuid) -> Self {
        Self::new(purpose, None, row)
    }

    /// A place of an organization: what the value is (`"totp secret"`), whose, and the row's id.
    #[must_use]
    pub fn tenant(purpose: &'static str, organization: OrganizationId, row: Uuid) -> Self {
        Self::new(purpose, Some(organization), row)
    }

    fn new(purpose: &'static str, organization: Option<OrganizationId>, row: Uuid) -> Self {
        // Of fixed lengths but for the purpose, which ends at its NUL: no two places have the same bytes.
        let mut bytes = Vec::with_capacity(purpose.len() + 34);
        bytes.extend_from_slice(purpose.as_bytes());
        bytes.push(0);
        bytes.push(u8::from(organization.is_some()));
        bytes.extend_from_slice(organization.map_or(Uuid::nil(), OrganizationId::as_uuid).as_bytes());
        bytes.extend_from_slice(row.as_bytes());
        Self(bytes)
    }
}

/// Why an envelope does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is no envelope.
    #[error("not a sealed value")]
    Malformed,
    /// It was sealed under a master key that is not here.
    #[error(
        "sealed under the master key {sealed}, but the master key here is {current}: give the server the former one too"
    )]
    UnknownKey {
        /// The key it was sealed under.
        sealed: MasterKeyId,
        /// The key that values are sealed under here.
        current: MasterKeyId,
    },
    /// It was changed, or sealed for another place.
    #[error("the sealed value was changed, or belongs elsewhere")]
    Refused,
}

/// The value could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value could not be sealed")]
pub struct SealingFailed;

/// Seals and opens values: AES-256-GCM under a key derived from the master key.
///
/// An envelope is the version, the master key's name, a random nonce, and the ciphertext with its tag; all before the
/// ciphertext and the [place](SealContext) it is for are authenticated with it. Random nonces of 96 bits are safe for
/// 2^32 values under one key (NIST SP 800-38D, section 8.3), far more than there are secrets to keep.
///
/// After the master key was changed, the former one is given as well until everything was sealed anew
/// ([`Sealer::is_outdated`]).
#[derive(Clone)]
pub struct Sealer {
    current: MasterKey,
    former: Vec<MasterKey>,
}

impl Sealer {
    /// Seals under `current`, and opens what was sealed under it or under a former key.
    #[must_use]
    pub fn new(current: MasterKey, former: Vec<MasterKey>) -> Self {
        Self { current, former }
    }

    /// The former keys, for what is derived from them and still counts.
    #[must_use]
    pub fn former(&self) -> &[MasterKey] {
        &self.former
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// [`SealingFailed`], which a value that fits into memory does not meet.
    pub fn seal(&self, context: &SealContext, value: &[u8], random: &dyn Random) -> Result<Vec<u8>, SealingFailed> {
        let id = self.current.id();
        let mut nonce = [0; NONCE_LENGTH];
        random.fill(&mut nonce);
        let mut ciphertext = Zeroizing::new(Vec::with_capacity(value.len() + TAG_LENGTH));
        ciphertext.extend_from_slice(value);
        sealing_key(&self.current)
            .and_then(|key| {
                let aad = Aad::from(authenticated(id, context));
                let nonce = Nonce::assume_unique_for_key(nonce);
                key.seal_in_place_append_tag(nonce, aad, &mut *ciphertext).ok()
            })
            .ok_or(SealingFailed)?;
        let mut envelope = Vec::with_capacity(1 + ID_LENGTH + NONCE_LENGTH + ciphertext.len());
        envelope.push(VERSION);
        envelope.extend_from_slice(&id.0);
        envelope.extend_from_slice(&nonce);
        envelope.extend_from_slice(&ciphertext);
        Ok(envelope)
    }

    /// Opens an envelope in its place.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, context: &SealContext, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (id, rest) = named(envelope).ok_or(OpenError::Malformed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(OpenError::Malformed)?;
        if ciphertext.len() < TAG_LENGTH {
            return Err(OpenError::Malformed);
        }
        let key = self.key(id).ok_or_else(|| OpenError::UnknownKey {
            sealed: id,
            current: self.current.id(),
        })?;
        let mut value = Zeroizing::new(ciphertext.to_vec());
        let length = sealing_key(key)
            .and_then(|key| {
                let aad = Aad::from(authenticated(id, context));
                let nonce = Nonce::assume_unique_for_key(*nonce);
                key.open_in_place(nonce, aad, &mut value).ok().map(|value| value.len())
            })
            .ok_or(OpenError::Refused)?;
        value.truncate(length);
        Ok(value)
    }

    /// Whether an envelope was sealed under a former key, and is to be sealed anew.
    ///
    /// # Errors
    /// [`OpenError::Malformed`].
    pub fn is_outdated(&self, envelope: &[u8]) -> Result<bool, OpenError> {
        named(envelope)
            .map(|(id, _)| id != self.current.id())
            .ok_or(OpenError::Malformed)
    }

    fn key(&self, id: MasterKeyId) -> Option<&MasterKey> {
        std::iter::once(&self.current)
            .chain(&self.former)
            .find(|key| key.id() == id)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("current", &self.current)
            .field("former", &self.former)
            .finish()
    }
}

/// The name of the master key, and what follows it.
fn named(envelope: &[u8]) -> Option<(MasterKeyId, &[u8])> {
    let (&VERSION, rest) = envelope.split_first()? else {
        return None;
    };
    let (id, rest) = rest.split_first_chunk::<ID_LENGTH>()?;
    Some((MasterKeyId(*id), rest))
}

fn authenticated(id: MasterKeyId, context: &SealContext) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&id.0);
    bytes.extend_from_slice(&context.0);
    bytes
}

fn sealing_key(key: &MasterKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.derive("seal").as_slice())
        .ok()
        .map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hkdf;
    use kernel::SeededRandom;
    use proptest::prelude::*;

    use super::*;

    const MARKED: &[u8] = b"marked secret";

    fn key(seed: u64) -> MasterKey {
        MasterKey::generate(&SeededRandom::new(seed))
    }

    fn sealer(seed: u64) -> Sealer {
        Sealer::new(key(seed), Vec::new())
    }

    fn place() -> SealContext {
        SealContext::global("signing key", Uuid::from_u128(7))
    }

    fn sealed() -> Vec<u8> {
        sealer(1).seal(&place(), MARKED, &SeededRandom::new(9)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_in_its_place() {
        assert_eq!(sealer(1).open(&place(), &sealed()).unwrap().as_slice(), MARKED);
        let empty = sealer(1).seal(&place(), b"", &SeededRandom::new(9)).unwrap();
        assert_eq!(sealer(1).open(&place(), &empty).unwrap().as_slice(), b"");
    }

    #[test]
    fn it_opens_in_no_other_place() {
        let organization = OrganizationId::from_uuid(Uuid::from_u128(7));
        let other = OrganizationId::from_uuid(Uuid::nil());
        for elsewhere in [
            SealContext::global("signing key", Uuid::from_u128(8)),
            SealContext::global("signing kez", Uuid::from_u128(7)),
            SealContext::tenant("signing key", organization, Uuid::from_u128(7)),
            SealContext::tenant("signing key", other, Uuid::from_u128(7)),
        ] {
            assert_eq!(sealer(1).open(&elsewhere, &sealed()), Err(OpenError::Refused));
        }
        let tenant = |organization| SealContext::tenant("totp secret", organization, Uuid::from_u128(1));
        let envelope = sealer(1)
            .seal(&tenant(organization), MARKED, &SeededRandom::new(9))
            .unwrap();
        assert_eq!(sealer(1).open(&tenant(other), &envelope), Err(OpenError::Refused));
        assert!(sealer(1).open(&tenant(organization), &envelope).is_ok());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let envelope = sealed();
        for place_of_byte in 0..envelope.len() {
            let mut changed = envelope.clone();
            changed[place_of_byte] ^= 1;
            let expected = match place_of_byte {
                0 => OpenError::Malformed,
                1..=8 => OpenError::UnknownKey {
                    sealed: MasterKeyId(changed[1..9].try_into().unwrap()),
                    current: key(1).id(),
                },
                _ => OpenError::Refused,
            };
            assert_eq!(sealer(1).open(&place(), &changed), Err(expected), "{place_of_byte}");
        }
        for length in 0..envelope.len() {
            assert!(sealer(1).open(&place(), &envelope[..length]).is_err());
        }
    }

    #[test]
    fn the_wrong_key_is_called_by_name() {
        let error = sealer(2).open(&place(), &sealed()).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains(&key(1).id().to_string()) && message.contains(&key(2).id().to_string()),
            "{message}"
        );
    }

    #[test]
    fn a_former_key_opens_and_is_replaced() {
        let rotated = Sealer::new(key(2), vec![key(1)]);
        let envelope = sealed();
        assert_eq!(rotated.is_outdated(&envelope), Ok(true));
        let value = rotated.open(&place(), &envelope).unwrap();
        let anew = rotated.seal(&place(), &value, &SeededRandom::new(10)).unwrap();
        assert_eq!(rotated.is_outdated(&anew), Ok(false));
        assert_eq!(sealer(2).open(&place(), &anew).unwrap().as_slice(), MARKED);
        assert_eq!(rotated.is_outdated(b"?"), Err(OpenError::Malformed));
    }

    #[test]
    fn the_same_value_seals_differently_each_time() {
        let random = SeededRandom::new(1);
        let one = sealer(1).seal(&place(), MARKED, &random).unwrap();
        let two = sealer(1).seal(&place(), MARKED, &random).unwrap();
        assert_ne!(one, two);
        assert!(!one.windows(6).any(|window| window == b"marked"));
    }

    #[test]
    fn a_master_key_is_read_from_base64_and_hexadecimal() {
        let bytes: [u8; 32] = std::array::from_fn(|index| 0xf8 | u8::try_from(index % 8).unwrap());
        let expected = MasterKey::new(bytes).id();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let standard = base64::engine::general_purpose::STANDARD.encode(bytes);
        let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        assert_ne!(
            standard.trim_end_matches('='),
            url,
            "the alphabets differ for these bytes"
        );
        for text in [
            hex.clone(),
            hex.to_lowercase(),
            standard.clone(),
            standard.trim_end_matches('=').to_owned(),
            url,
            format!(" {standard}\n"),
        ] {
            assert_eq!(text.parse::<MasterKey>().unwrap().id(), expected, "{text}");
        }
        for text in [
            "",
            "hunter2",
            &hex[2..],
            &format!("{hex}00"),
            &hex.replace('F', "é"),
            &hex.replace('F', "G"),
        ] {
            assert_eq!(text.parse::<MasterKey>().unwrap_err(), InvalidMasterKey, "{text}");
        }
    }

    #[test]
    fn keys_of_purposes_differ_and_follow_hkdf() {
        assert_ne!(*key(1).derive("seal"), *key(1).derive("refresh"));
        assert_ne!(*key(1).derive("seal"), *key(2).derive("seal"));
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"lastro master key");
        let extracted = salt.extract(key(1).0.as_slice());
        let mut expanded = [0; KEY_LENGTH];
        let info = [b"seal".as_slice()];
        extracted
            .expand(&info, hkdf::HKDF_SHA256)
            .unwrap()
            .fill(&mut expanded)
            .unwrap();
        assert_eq!(expanded, *key(1).derive("seal"));
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = MasterKey::new(*b"marked-marked-marked-marked-mark");
        let printed = format!("{key:?} {:?}", Sealer::new(key.clone(), vec![key.clone()]));
        for marked in ["marked", "109, 97", "6d61726b6564", "bWFya2Vk"] {
            assert!(!printed.contains(marked), "{printed}");
        }
    }

    proptest! {
        #[test]
        fn any_envelope_opens_or_is_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..80), ours: bool) {
            if ours {
                bytes.splice(..0, [VERSION].into_iter().chain(key(1).id().0));
            }
            prop_assert!(sealer(1).open(&place(), &bytes).is_err());
        }

        #[test]
        fn any_text_is_a_key_or_none(text in "\\PC{0,70}") {
            let _ = text.parse::<MasterKey>();
        }

        #[test]
        fn any_value_comes_back(value in prop::collection::vec(any::<u8>(), 0..300), seed: u64) {
            let envelope = sealer(1).seal(&place(), &value, &SeededRandom::new(seed)).unwrap();
            let opened = sealer(1).open(&place(), &envelope).unwrap();
            prop_assert_eq!(opened.as_slice(), value.as_slice());
        }
    }
}
