//! Hashes of passwords: made with Argon2id, and compared with what other systems made too.

use std::fmt;
use std::num::NonZeroU32;

use argon2::{Argon2, Block};
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kernel::secret::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::domain::Password;

/// Bytes of a salt (RFC 9106, section 3.1, recommends 16).
const SALT: usize = 16;
/// Bytes of a hash.
const OUTPUT: usize = 32;

/// What one comparison costs, by the algorithm and its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkFactor {
    /// Argon2 (RFC 9106), any variant and version.
    Argon2 {
        /// `argon2id`, `argon2i` or `argon2d`.
        variant: argon2::Algorithm,
        /// 1.0 or 1.3.
        version: argon2::Version,
        /// Memory, passes, lanes.
        cost: Argon2Cost,
    },
    /// bcrypt: 2^cost rounds.
    Bcrypt {
        /// The exponent.
        cost: u32,
    },
    /// scrypt (RFC 7914).
    Scrypt {
        /// The exponent of N.
        log_n: u8,
        /// The block size.
        r: u32,
        /// The parallelization.
        p: u32,
    },
    /// PBKDF2 (RFC 8018) with HMAC.
    Pbkdf2 {
        /// The hash inside.
        digest: Pbkdf2Digest,
        /// How often.
        iterations: NonZeroU32,
    },
}

/// The hash inside PBKDF2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pbkdf2Digest {
    /// `pbkdf2` or `pbkdf2-sha1`.
    Sha1,
    /// `pbkdf2-sha256`.
    Sha256,
    /// `pbkdf2-sha512`.
    Sha512,
}

/// The parameters of Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes; they run one after the other here.
    pub lanes: u32,
}

impl Default for Argon2Cost {
    /// 19 MiB, two passes, one lane: the minimum that OWASP's Password Storage Cheat Sheet recommends.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            lanes: 1,
        }
    }
}

/// Parameters that are out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Argon2 takes 8 KiB a lane to 64 MiB of memory, 1 to 10 passes and 1 to 4 lanes")]
pub struct InvalidCost;

impl Argon2Cost {
    const MAX_MEMORY_KIB: u32 = 64 * 1024;
    const MAX_PASSES: u32 = 10;
    const MAX_LANES: u32 = 4;

    fn is_too_expensive(self) -> bool {
        self.memory_kib > Self::MAX_MEMORY_KIB || self.passes > Self::MAX_PASSES || self.lanes > Self::MAX_LANES
    }

    fn params(self) -> Option<argon2::Params> {
        argon2::Params::new(self.memory_kib, self.passes, self.lanes, None).ok()
    }
}

/// Why a hash of another system is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefusal {
    /// It is not written as a PHC string or as bcrypt writes its own.
    #[error("not a password hash in PHC form or of bcrypt")]
    Malformed,
    /// Its algorithm is none of those that are known.
    #[error("not a hash of argon2, bcrypt, scrypt or pbkdf2")]
    UnknownAlgorithm,
    /// To compare with it once would cost too much.
    #[error("its parameters are above {limit}")]
    TooExpensive {
        /// What is accepted at most.
        limit: &'static str,
    },
}

/// The computation failed, for want of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct HashingFailed;

/// The hash of a password: a PHC string, or the text of bcrypt. To compare with it costs no more than is allowed, and what it
/// says was understood. It never prints itself: who has it can guess at leisure.
#[derive(Clone)]
pub struct PasswordHash {
    text: SecretString,
    work: WorkFactor,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl PasswordHash {
    const ARGON2_LIMIT: &str = "argon2 m=65536 (64 MiB), t=10, p=4";
    const BCRYPT_LIMIT: &str = "bcrypt cost 14";
    const SCRYPT_LIMIT: &str = "scrypt N=2^17, r=8, p=1, or what costs the same";
    const PBKDF2_LIMIT: &str = "pbkdf2 2000000 iterations";

    const MAX_BCRYPT: u32 = 14;
    const MIN_BCRYPT: u32 = 4;
    const MAX_SCRYPT_LOG_N: u8 = 17;
    /// N · r · p: memory is 128 · N · r bytes, so this bounds it to 128 MiB and the time to that of the limit.
    const MAX_SCRYPT_WORK: u64 = 8 << 17;
    const MAX_PBKDF2: u32 = 2_000_000;

    /// Reads a hash, from an import or from the database.
    ///
    /// # Errors
    /// [`ImportRefusal`].
    pub fn parse(text: &str) -> Result<Self, ImportRefusal> {
        // No accepted form is nearly as long.
        if text.len() > 512 {
            return Err(ImportRefusal::Malformed);
        }
        let is_bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix));
        if is_bcrypt { Self::bcrypt(text) } else { Self::phc(text) }
    }

    fn bcrypt(text: &str) -> Result<Self, ImportRefusal> {
        const BASE64: GeneralPurpose = GeneralPurpose::new(
            &alphabet::BCRYPT,
            // Writers differ in what they leave in the last bits.
            GeneralPurposeConfig::new()
                .with_encode_padding(false)
                .with_decode_padding_mode(DecodePaddingMode::RequireNone)
                .with_decode_allow_trailing_bits(true),
        );
        let decoded = || {
            let (cost, rest) = text.get(4..)?.split_once('$')?;
            let (salt, output) = rest.split_at_checked(22)?;
            let digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
            let cost: u32 = digits.then_some(cost)?.parse().ok()?;
            let salt = BASE64.decode(salt).ok()?;
            let output = BASE64.decode(output).ok()?;
            (cost >= Self::MIN_BCRYPT && salt.len() == 16 && output.len() == 23).then_some((cost, salt, output))
        };
        let (cost, salt, output) = decoded().ok_or(ImportRefusal::Malformed)?;
        if cost > Self::MAX_BCRYPT {
            return Err(ImportRefusal::TooExpensive {
                limit: Self::BCRYPT_LIMIT,
            });
        }
        Ok(Self {
            text: SecretString::from(text),
            work: WorkFactor::Bcrypt { cost },
            salt,
            output,
        })
    }

    fn phc(text: &str) -> Result<Self, ImportRefusal> {
        let phc = phc::PasswordHash::new(text).map_err(|_| ImportRefusal::Malformed)?;
        let work = match phc.algorithm.as_str() {
            "argon2id" => argon2_work(&phc, argon2::Algorithm::Argon2id)?,
            "argon2i" => argon2_work(&phc, argon2::Algorithm::Argon2i)?,
            "argon2d" => argon2_work(&phc, argon2::Algorithm::Argon2d)?,
            "scrypt" => scrypt_work(&phc)?,
            "pbkdf2" | "pbkdf2-sha1" => pbkdf2_work(&phc, Pbkdf2Digest::Sha1)?,
            "pbkdf2-sha256" => pbkdf2_work(&phc, Pbkdf2Digest::Sha256)?,
            "pbkdf2-sha512" => pbkdf2_work(&phc, Pbkdf2Digest::Sha512)?,
            _ => return Err(ImportRefusal::UnknownAlgorithm),
        };
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(ImportRefusal::Malformed);
        };
        Ok(Self {
            text: SecretString::from(text),
            work,
            salt: salt.to_vec(),
            output: output.as_bytes().to_vec(),
        })
    }

    /// The text to store.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// What comparing with it costs.
    #[must_use]
    pub fn work_factor(&self) -> WorkFactor {
        self.work
    }
}

impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for PasswordHash {}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([redacted])")
    }
}

/// The numbers of the named parameters, each given at most once, and no other parameter.
fn numbers<const N: usize>(phc: &phc::PasswordHash, names: [&str; N]) -> Result<[Option<u32>; N], ImportRefusal> {
    let mut numbers = [None; N];
    for (name, value) in phc.params.iter() {
        let place = names
            .iter()
            .zip(&mut numbers)
            .find_map(|(known, place)| (*known == name.as_str()).then_some(place))
            .ok_or(ImportRefusal::Malformed)?;
        let number = value.decimal().map_err(|_| ImportRefusal::Malformed)?;
        if place.replace(number).is_some() {
            return Err(ImportRefusal::Malformed);
        }
    }
    Ok(numbers)
}

fn argon2_work(phc: &phc::PasswordHash, variant: argon2::Algorithm) -> Result<WorkFactor, ImportRefusal> {
    let [Some(memory_kib), Some(passes), Some(lanes)] = numbers(phc, ["m", "t", "p"])? else {
        return Err(ImportRefusal::Malformed);
    };
    // Without a version it is of the time before there were any.
    let version = argon2::Version::try_from(phc.version.unwrap_or(0x10)).map_err(|_| ImportRefusal::Malformed)?;
    let cost = Argon2Cost {
        memory_kib,
        passes,
        lanes,
    };
    if cost.is_too_expensive() {
        return Err(ImportRefusal::TooExpensive {
            limit: PasswordHash::ARGON2_LIMIT,
        });
    }
    cost.params().ok_or(ImportRefusal::Malformed)?;
    Ok(WorkFactor::Argon2 { variant, version, cost })
}

fn scrypt_work(phc: &phc::PasswordHash) -> Result<WorkFactor, ImportRefusal> {
    let [Some(log_n), Some(r), Some(p)] = numbers(phc, ["ln", "r", "p"])? else {
        return Err(ImportRefusal::Malformed);
    };
    let too_expensive = ImportRefusal::TooExpensive {
        limit: PasswordHash::SCRYPT_LIMIT,
    };
    let log_n = u8::try_from(log_n).map_err(|_| too_expensive)?;
    if log_n > PasswordHash::MAX_SCRYPT_LOG_N {
        return Err(too_expensive);
    }
    let work = (1_u64 << log_n)
        .saturating_mul(u64::from(r))
        .saturating_mul(u64::from(p));
    if work > PasswordHash::MAX_SCRYPT_WORK {
        return Err(too_expensive);
    }
    // N must be larger than 1 (RFC 7914, section 2).
    if log_n == 0 || scrypt::Params::new(log_n, r, p).is_err() {
        return Err(ImportRefusal::Malformed);
    }
    Ok(WorkFactor::Scrypt { log_n, r, p })
}

fn pbkdf2_work(phc: &phc::PasswordHash, digest: Pbkdf2Digest) -> Result<WorkFactor, ImportRefusal> {
    let [Some(iterations), length] = numbers(phc, ["i", "l"])? else {
        return Err(ImportRefusal::Malformed);
    };
    let agrees = |length: u32| {
        let output = phc.hash.as_ref().map(|output| output.as_bytes().len());
        usize::try_from(length).ok() == output
    };
    let iterations = NonZeroU32::new(iterations)
        .filter(|_| length.is_none_or(agrees))
        .ok_or(ImportRefusal::Malformed)?;
    if iterations.get() > PasswordHash::MAX_PBKDF2 {
        return Err(ImportRefusal::TooExpensive {
            limit: PasswordHash::PBKDF2_LIMIT,
        });
    }
    Ok(WorkFactor::Pbkdf2 { digest, iterations })
}

/// The memory that Argon2 works in. Kept from one hash to the next it saves the operating system from handing out, clearing
/// and taking back 19 MiB each time; [`Pool`](super::Pool) keeps one a thread while there is work.
#[derive(Default)]
pub struct Scratch {
    blocks: Vec<Block>,
}

impl Scratch {
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], HashingFailed> {
        let missing = count.saturating_sub(self.blocks.len());
        self.blocks.try_reserve_exact(missing).map_err(|_| HashingFailed)?;
        if missing > 0 {
            self.blocks.resize(count, Block::new());
        }
        self.blocks.get_mut(..count).ok_or(HashingFailed)
    }

    /// Gives the memory back.
    pub fn release(&mut self) {
        self.blocks = Vec::new();
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scratch({} KiB)", self.blocks.len())
    }
}

/// Hashes and compares passwords. Every method here takes milliseconds and belongs on a [`Pool`](super::Pool).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hasher {
    cost: Argon2Cost,
}

impl Hasher {
    /// Hashes with these parameters.
    ///
    /// # Errors
    /// [`InvalidCost`]: a server's own hashes keep the bounds it asks of others.
    pub fn new(cost: Argon2Cost) -> Result<Self, InvalidCost> {
        if cost.is_too_expensive() || cost.params().is_none() {
            return Err(InvalidCost);
        }
        Ok(Self { cost })
    }

    /// What a new hash costs.
    #[must_use]
    pub fn work_factor(&self) -> WorkFactor {
        WorkFactor::Argon2 {
            variant: argon2::Algorithm::Argon2id,
            version: argon2::Version::V0x13,
            cost: self.cost,
        }
    }

    /// Hashes a new password; the salt is random and used once.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub fn hash(
        &self,
        password: &Password,
        salt: [u8; SALT],
        scratch: &mut Scratch,
    ) -> Result<PasswordHash, HashingFailed> {
        let mut output = vec![0; OUTPUT];
        derive(self.work_factor(), password, &salt, &mut output, scratch)?;
        let Argon2Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        let text = format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${}${}",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(&output)
        );
        Ok(PasswordHash {
            text: SecretString::from(text),
            work: self.work_factor(),
            salt: salt.to_vec(),
            output,
        })
    }

    /// Whether the password is the one behind the hash.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub fn verify(
        &self,
        password: &Password,
        hash: &PasswordHash,
        scratch: &mut Scratch,
    ) -> Result<bool, HashingFailed> {
        let mut output = Zeroizing::new(vec![0; hash.output.len()]);
        derive(hash.work, password, &hash.salt, &mut output, scratch)?;
        Ok(output.as_slice().ct_eq(&hash.output).into())
    }

    /// Does the work of a comparison for which there is no hash, so that the time of a login does not tell whether there is
    /// such a user. `work` is [`Hasher::work_factor`], or, in an organization that still has imported hashes, theirs: those
    /// take another time until their owners' next login.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub fn spend(&self, password: &Password, work: WorkFactor, scratch: &mut Scratch) -> Result<(), HashingFailed> {
        let mut output = Zeroizing::new([0; OUTPUT]);
        let length = match work {
            WorkFactor::Bcrypt { .. } => 23,
            WorkFactor::Argon2 { .. } | WorkFactor::Scrypt { .. } | WorkFactor::Pbkdf2 { .. } => OUTPUT,
        };
        let output = output.get_mut(..length).unwrap_or_default();
        derive(work, password, &[0; SALT], output, scratch)?;
        // The comparison too, and nothing may notice that nobody looks at its result.
        std::hint::black_box(bool::from((*output).ct_eq(&[0; OUTPUT])));
        Ok(())
    }

    /// Whether a hash was made by another algorithm or with other parameters than a new one would be: after a login with it
    /// the password is hashed anew.
    #[must_use]
    pub fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        hash.work != self.work_factor() || hash.salt.len() != SALT || hash.output.len() != OUTPUT
    }
}

/// Computes the hash of a password into `output`.
fn derive(
    work: WorkFactor,
    password: &Password,
    salt: &[u8],
    output: &mut [u8],
    scratch: &mut Scratch,
) -> Result<(), HashingFailed> {
    let password = password.expose().as_bytes();
    match work {
        WorkFactor::Argon2 { variant, version, cost } => {
            let params = cost.params().ok_or(HashingFailed)?;
            let blocks = scratch.blocks(params.block_count())?;
            Argon2::new(variant, version, params)
                .hash_password_into_with_memory(password, salt, output, blocks)
                .map_err(|_| HashingFailed)
        }
        WorkFactor::Bcrypt { cost } => {
            // The end of the text counts, as in C, and what is beyond 72 bytes does not: so every bcrypt does it.
            let mut input = Zeroizing::new(password.to_vec());
            input.push(0);
            input.truncate(72);
            let salt = salt.try_into().map_err(|_| HashingFailed)?;
            let made = Zeroizing::new(bcrypt::bcrypt(cost, salt, &input));
            // The last of the 24 bytes is written nowhere.
            for (place, byte) in output.iter_mut().zip(made.iter()) {
                *place = *byte;
            }
            Ok(())
        }
        WorkFactor::Scrypt { log_n, r, p } => {
            let params = scrypt::Params::new(log_n, r, p).map_err(|_| HashingFailed)?;
            scrypt::scrypt(password, salt, &params, output).map_err(|_| HashingFailed)
        }
        WorkFactor::Pbkdf2 { digest, iterations } => {
            let algorithm = match digest {
                Pbkdf2Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                Pbkdf2Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                Pbkdf2Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
            };
            pbkdf2::derive(algorithm, iterations, salt, password, output);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn password(text: &str) -> Password {
        Password::presented("password", text).unwrap()
    }

    /// As cheap as Argon2 gets: strength does not matter here.
    fn hasher() -> Hasher {
        Hasher::new(Argon2Cost {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
        })
        .unwrap()
    }

    fn verifies(text: &str, hash: &str) -> bool {
        let hash = PasswordHash::parse(hash).unwrap();
        hasher()
            .verify(&password(text), &hash, &mut Scratch::default())
            .unwrap()
    }

    #[test]
    fn a_hash_is_a_phc_string_that_its_password_alone_matches() {
        let mut scratch = Scratch::default();
        let hash = hasher().hash(&password("tigre-7-x"), [7; 16], &mut scratch).unwrap();
        assert!(
            hash.expose()
                .starts_with("$argon2id$v=19$m=8,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$")
        );
        assert!(hasher().verify(&password("tigre-7-x"), &hash, &mut scratch).unwrap());
        assert!(!hasher().verify(&password("tigre-7-y"), &hash, &mut scratch).unwrap());
        assert_eq!(PasswordHash::parse(hash.expose()).unwrap(), hash);
        assert!(verifies("tigre-7-x", hash.expose()));
        let salted = hasher().hash(&password("tigre-7-x"), [8; 16], &mut scratch).unwrap();
        assert_ne!(salted, hash);
    }

    #[test]
    fn the_parameters_by_default_are_those_of_owasp() {
        let hash = Hasher::default()
            .hash(&password("tigre-7-x"), [7; 16], &mut Scratch::default())
            .unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!Hasher::default().needs_rehash(&hash));
    }

    #[test]
    fn argon2_is_that_of_the_reference() {
        // The test vectors of the reference implementation (phc-winner-argon2, src/test.c): version 0x13 and 0x10.
        for (text, hash) in [
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            ),
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            ),
            (
                "password",
                "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            ),
            (
                "password",
                "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
            ),
        ] {
            assert!(verifies(text, hash), "{hash}");
            assert!(!verifies("Password", hash), "{hash}");
        }
    }

    #[test]
    fn bcrypt_is_that_of_others() {
        // From the test suites of crypt_blowfish and jBCrypt, costs 5 and 6.
        for (text, hash) in [
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
            ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
        ] {
            assert!(verifies(text, hash), "{hash}");
            assert!(!verifies("U*U-", hash), "{hash}");
            for other in ["$2b$", "$2y$"] {
                assert!(verifies(text, &hash.replace("$2a$", other)));
            }
        }
    }

    #[test]
    fn bcrypt_ends_at_72_bytes() {
        let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        assert!(verifies(&format!("{long}chars after 72 are ignored"), hash));
        assert!(verifies(long, hash));
        assert!(!verifies(&long[..71], hash));
    }

    #[test]
    fn scrypt_is_that_of_the_rfc() {
        // RFC 7914, section 12: P="password", S="NaCl" is too short a salt for PHC; so the third vector, N=16384.
        let hash = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$\
                    cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw";
        assert!(verifies("pleaseletmein", hash));
        assert!(!verifies("pleaseletmeout", hash));
    }

    #[test]
    fn pbkdf2_is_that_of_others() {
        // RFC 6070 for SHA-1; for the others what Python's hashlib.pbkdf2_hmac computes.
        for hash in [PBKDF2_SHA1, PBKDF2_SHA256, PBKDF2_SHA512] {
            assert!(verifies("passwordPASSWORDpassword", hash), "{hash}");
            assert!(!verifies("passwordPASSWORDpassworD", hash), "{hash}");
        }
        assert!(verifies(
            "passwordPASSWORDpassword",
            &PBKDF2_SHA1.replace("pbkdf2-sha1", "pbkdf2")
        ));
        assert!(verifies(
            "passwordPASSWORDpassword",
            &PBKDF2_SHA256.replace(",l=32", "")
        ));
    }

    const PBKDF2_SHA1: &str =
        "$pbkdf2-sha1$i=4096,l=25$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$PS7sT+QchJuAyNg2YsDkSospGpZM8vBwOA";
    const PBKDF2_SHA256: &str = "$pbkdf2-sha256$i=4096,l=32$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+E";
    const PBKDF2_SHA512: &str = "$pbkdf2-sha512$i=4096,l=32$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$jAUR9Mbll8asYxXY8DYuIl88UBSVuiO4aMAFF03E7nE";

    fn refusal(text: &str) -> ImportRefusal {
        PasswordHash::parse(text).expect_err(text)
    }

    #[test]
    fn the_limits_are_accepted_and_what_is_above_is_refused() {
        let argon2 = |m, t, p| {
            format!("$argon2id$v=19$m={m},t={t},p={p}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
        };
        assert!(PasswordHash::parse(&argon2(65_536, 10, 4)).is_ok());
        for above in [
            argon2(65_537, 10, 4),
            argon2(65_536, 11, 4),
            argon2(65_536, 10, 5),
            argon2(u32::MAX, 1, 1),
        ] {
            assert!(matches!(refusal(&above), ImportRefusal::TooExpensive { .. }), "{above}");
        }
        let bcrypt = |cost| format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
        assert!(PasswordHash::parse(&bcrypt("14")).is_ok());
        for above in ["15", "31", "99"] {
            assert!(matches!(refusal(&bcrypt(above)), ImportRefusal::TooExpensive { .. }));
        }
        let scrypt = |ln, r, p| format!("$scrypt$ln={ln},r={r},p={p}$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046w");
        assert!(PasswordHash::parse(&scrypt(17, 8, 1)).is_ok());
        assert!(PasswordHash::parse(&scrypt(13, 8, 10)).is_ok());
        for above in [
            scrypt(18, 1, 1),
            scrypt(17, 9, 1),
            scrypt(17, 8, 2),
            scrypt(1, u32::MAX, u32::MAX),
            scrypt(300, 8, 1),
        ] {
            assert!(matches!(refusal(&above), ImportRefusal::TooExpensive { .. }), "{above}");
        }
        let pbkdf2 = |i| PBKDF2_SHA1.replace("i=4096", &format!("i={i}"));
        assert!(PasswordHash::parse(&pbkdf2(2_000_000)).is_ok());
        assert!(matches!(
            refusal(&pbkdf2(2_000_001)),
            ImportRefusal::TooExpensive { .. }
        ));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for text in [
            "",
            "$",
            "tigre-7-x",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "$argon2id$",
            "$argon2id$v=19$m=256,t=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=18$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=1,keyid=aaaa$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,m=8,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=256,t=2,p=1",
            "$scrypt$ln=0,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046w",
            "$scrypt$ln=14,r=0,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046w",
            "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2b$+5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
            "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
            "$2b$05$éCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ] {
            assert_eq!(refusal(text), ImportRefusal::Malformed, "{text}");
        }
        assert_eq!(refusal(&PBKDF2_SHA1.replace("i=4096", "i=0")), ImportRefusal::Malformed);
        assert_eq!(refusal(&PBKDF2_SHA1.replace("l=25", "l=20")), ImportRefusal::Malformed);
        assert_eq!(refusal(&"$argon2id$".repeat(100)), ImportRefusal::Malformed);
        assert_eq!(
            refusal("$md5$c29tZXNhbHQ$cCO9yzr9c0hGHAbNgf046w"),
            ImportRefusal::UnknownAlgorithm
        );
        // The buggy variant of 2011, which no sound system writes.
        assert_ne!(
            PasswordHash::parse("$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW").ok(),
            PasswordHash::parse("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW").ok()
        );
    }

    #[test]
    fn only_a_hash_as_it_would_be_made_now_stays() {
        let now = hasher();
        let made = now
            .hash(&password("tigre-7-x"), [7; 16], &mut Scratch::default())
            .unwrap();
        assert!(!now.needs_rehash(&made));
        assert!(Hasher::default().needs_rehash(&made), "other parameters");
        for imported in [
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            PBKDF2_SHA256,
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2i$v=19$m=8,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        ] {
            assert!(now.needs_rehash(&PasswordHash::parse(imported).unwrap()), "{imported}");
        }
    }

    #[test]
    fn work_is_spent_for_every_algorithm() {
        let mut scratch = Scratch::default();
        for hash in [
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$scrypt$ln=4,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046w",
            PBKDF2_SHA256,
            "$argon2d$v=19$m=16,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        ] {
            let work = PasswordHash::parse(hash).unwrap().work_factor();
            assert_eq!(hasher().spend(&password("tigre-7-x"), work, &mut scratch), Ok(()));
        }
        assert_eq!(
            hasher().spend(&password("tigre-7-x"), hasher().work_factor(), &mut scratch),
            Ok(())
        );
        assert_eq!(format!("{scratch:?}"), "Scratch(16 KiB)", "the same memory for all");
        scratch.release();
        assert_eq!(format!("{scratch:?}"), "Scratch(0 KiB)");
    }

    #[test]
    fn a_servers_own_parameters_are_bounded() {
        let cost = |memory_kib, passes, lanes| Argon2Cost {
            memory_kib,
            passes,
            lanes,
        };
        assert!(Hasher::new(cost(65_536, 10, 4)).is_ok());
        for outside in [
            cost(65_537, 1, 1),
            cost(64, 11, 1),
            cost(64, 1, 5),
            cost(7, 1, 1),
            cost(64, 0, 1),
            cost(64, 1, 0),
        ] {
            assert_eq!(Hasher::new(outside), Err(InvalidCost));
        }
    }

    #[test]
    fn a_hash_is_not_printed() {
        let hash = PasswordHash::parse(PBKDF2_SHA1).unwrap();
        let printed = format!("{hash:?} {:?}", hash.work_factor());
        assert!(
            !printed.contains("c2FsdF") && !printed.contains("PS7s") && !printed.contains("115, 97"),
            "{printed}"
        );
        let refused = PasswordHash::parse("$marked$secret").unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("marked"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_hash_or_refused(text in "\\PC{0,80}", start in prop_oneof![
            Just(""), Just("$2b$05$"), Just("$argon2id$v=19$m=8,t=1,p=1$"), Just("$scrypt$ln=4,"), Just("$pbkdf2-sha256$i=1$"),
        ]) {
            let _ = PasswordHash::parse(&format!("{start}{text}"));
        }
    }
}
