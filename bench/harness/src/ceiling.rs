//! What the cores can do of the cryptography alone: in this process, on every core, with the parameters that the server uses.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// How often a second all cores together do something, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// For a reader.
    pub what: String,
    /// How often a second.
    pub per_second: f64,
}

/// Compares `password` with the hash `phc` (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`) for `measure`, each thread in memory of its own that it keeps.
///
/// # Errors
/// When it is no such hash, or of another password.
pub fn hashes(phc: &str, password: &str, measure: Duration) -> anyhow::Result<Rate> {
    let hash = Hash::parse(phc).with_context(|| "not a hash of Argon2id as PHC string")?;
    let hash = &hash;
    let rate = on_all_cores(measure, || {
        let mut memory = vec![Block::default(); hash.argon2.params().block_count()];
        move || {
            let mut found = vec![0; hash.output.len()];
            hash.argon2
                .hash_password_into_with_memory(password.as_bytes(), &hash.salt, &mut found, &mut memory)
                .map_err(|error| anyhow::anyhow!("Argon2: {error}"))?;
            ensure!(found == hash.output, "the hash is of another password");
            Ok(())
        }
    })?;
    Ok(Rate {
        what: format!("Argon2id {} hashes", hash.parameters),
        per_second: rate,
    })
}

/// A parsed PHC string.
struct Hash<'a> {
    argon2: Argon2<'static>,
    parameters: &'a str,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl<'a> Hash<'a> {
    fn parse(phc: &'a str) -> Option<Self> {
        let mut fields = phc.strip_prefix("$argon2id$v=19$")?.split('$');
        let parameters = fields.next()?;
        let mut numbers = ["m=", "t=", "p="]
            .into_iter()
            .zip(parameters.split(','))
            .map(|(name, field)| {
                let number = field.strip_prefix(name)?;
                number.parse::<u32>().ok()
            });
        let mut number = || numbers.next().flatten();
        let (memory, passes, lanes) = (number()?, number()?, number()?);
        let mut bytes = || STANDARD_NO_PAD.decode(fields.next()?).ok();
        let (salt, output) = (bytes()?, bytes()?);
        let params = Params::new(memory, passes, lanes, Some(output.len())).ok()?;
        Some(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            parameters,
            salt,
            output,
        })
    }
}

/// Signs a message as long as an access token's with RSA of 2,048 bits for `measure`.
///
/// # Errors
/// When no key can be made.
pub fn signatures(measure: Duration) -> anyhow::Result<Rate> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let rate = on_all_cores(measure, || {
        let mut signature = vec![0; key.public_modulus_len()];
        let key = &key;
        move || Ok(key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &[b'x'; 400], &mut signature)?)
    })?;
    Ok(Rate {
        what: "RS256 signatures".to_owned(),
        per_second: rate,
    })
}

/// Does it on a thread a core for `measure`: how often a second. What is unfinished when the time is up counts in part.
fn on_all_cores<W: FnMut() -> anyhow::Result<()> + Send>(
    measure: Duration,
    worker: impl Fn() -> W,
) -> anyhow::Result<f64> {
    let cores = std::thread::available_parallelism()?.get();
    let workers: Vec<W> = (0..cores).map(|_| worker()).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .map(|mut work| {
                scope.spawn(move || -> anyhow::Result<f64> {
                    // The first touches the memory.
                    work()?;
                    let (started, mut done) = (Instant::now(), 0_u32);
                    while started.elapsed() < measure {
                        work()?;
                        done += 1;
                    }
                    Ok(f64::from(done) / started.elapsed().as_secs_f64())
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")))
            .sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1`.
    const PHC: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    #[test]
    fn hashes_are_those_of_the_password() {
        let rate = hashes(PHC, "password", Duration::from_millis(5)).unwrap();
        assert!(rate.per_second > 0.0);
        assert_eq!(rate.what, "Argon2id m=256,t=2,p=1 hashes");
        assert!(hashes(PHC, "Password", Duration::ZERO).is_err());
        assert!(hashes("$2b$10$abc", "password", Duration::ZERO).is_err());
    }

    #[test]
    fn signatures_are_made() {
        assert!(signatures(Duration::from_millis(5)).unwrap().per_second > 0.0);
    }
}
