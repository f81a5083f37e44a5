//! What hashing, signing, verifying and remembering cost, one at a time: `cargo bench -p lastro-identity`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use criterion::Criterion;
use identity::crypto::{
    AccessGrant, Claims, Hasher, KeySet, OpaqueSecret, RefreshKeys, RefreshToken, Scratch, SecretKind,
    SigningAlgorithm, SigningKey, TokenIssuer, TokenOwner, TokenType, VerifiedTokens, Verifier,
};
use identity::domain::{Email, Generation, Password, PasswordPolicy, SessionId};
use kernel::secret::ExposeSecret as _;
use kernel::{Id as _, OrganizationId, SeededRandom, Timestamp};
use uuid::Uuid;
use vault::MasterKey;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn organization() -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(2))
}

fn issuer() -> TokenIssuer {
    TokenIssuer {
        issuer: "https://erp.example.com".to_owned(),
        audience: "lastro".to_owned(),
        ttl: Duration::from_secs(900),
    }
}

fn claims() -> Claims {
    let grant = AccessGrant {
        subject: Uuid::from_u128(1),
        kind: TokenType::User,
        organization: organization(),
        role: Some("ORG_ADMIN".to_owned()),
        session: Uuid::from_u128(3),
    };
    issuer().claims(grant, Uuid::from_u128(4), NOW)
}

fn passwords(criterion: &mut Criterion) -> anyhow::Result<()> {
    let password = Password::presented("password", "tres tigres 3")?;
    let email = Email::new("ana.souza@example.com")?;
    let mut group = criterion.benchmark_group("password");
    group.bench_function("policy", |bencher| {
        bencher.iter(|| PasswordPolicy::default().check("password", black_box("tres tigres 3"), &email));
    });
    group.sample_size(20);
    let mut scratch = Scratch::default();
    group.bench_function("argon2id, memory kept", |bencher| {
        bencher.iter(|| Hasher::default().hash(&password, [7; 16], &mut scratch));
    });
    group.bench_function("argon2id, memory new", |bencher| {
        bencher.iter(|| Hasher::default().hash(&password, [7; 16], &mut Scratch::default()));
    });
    group.finish();
    Ok(())
}

fn tokens(criterion: &mut Criterion) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group("access token");
    let mut sample = String::new();
    for algorithm in SigningAlgorithm::ALL {
        let key = SigningKey::generate(algorithm)?;
        let keys = KeySet::new(vec![key.public().clone()])?;
        let verifier = Verifier::new(keys, vec![algorithm], &issuer());
        let claims = claims();
        let token = key.sign(&claims)?.expose_secret().to_owned();
        group.bench_function(format!("sign {}", algorithm.as_str()), |bencher| {
            bencher.iter(|| key.sign(black_box(&claims)));
        });
        group.bench_function(format!("verify {}", algorithm.as_str()), |bencher| {
            bencher.iter(|| verifier.verify(black_box(&token), NOW));
        });
        if algorithm == SigningAlgorithm::Rs256 {
            sample = token;
        }
    }
    let cache = VerifiedTokens::new(100_000);
    for number in 0..100_000_u32 {
        let owner = TokenOwner {
            organization: organization(),
            subject: Uuid::from_u128(u128::from(number)),
            session: Uuid::from_u128(u128::from(number)),
            expires_at: NOW.plus(Duration::from_secs(900)),
        };
        let text = if number == 0 {
            sample.clone()
        } else {
            format!("{number}")
        };
        cache.insert(cache.ticket(), &text, owner, Arc::new(claims()), NOW);
        // Asked for, so that it is not the one to make room.
        black_box(cache.get(&sample, NOW));
    }
    ensure!(cache.get(&sample, NOW).is_some(), "the hit is none");
    group.bench_function(format!("cache hit, token of {} bytes", sample.len()), |bencher| {
        bencher.iter(|| cache.get(black_box(&sample), NOW));
    });
    group.finish();
    Ok(())
}

fn secrets(criterion: &mut Criterion) {
    let random = SeededRandom::new(1);
    let keys = RefreshKeys::new(&MasterKey::generate(&random), &[]);
    let token = RefreshToken {
        organization: organization(),
        session: SessionId::from_uuid(Uuid::from_u128(3)),
        generation: Generation::FIRST,
    };
    let text = keys.token(token);
    let mut group = criterion.benchmark_group("opaque");
    group.bench_function("refresh token, make", |bencher| {
        bencher.iter(|| keys.token(black_box(token)));
    });
    group.bench_function("refresh token, verify", |bencher| {
        bencher.iter(|| keys.verify(black_box(text.expose_secret())));
    });
    let key = OpaqueSecret::generate(SecretKind::ApiKey, organization(), &random);
    group.bench_function("API key, parse and digest", |bencher| {
        bencher.iter(|| OpaqueSecret::parse(black_box(key.expose())).map(|key| key.digest()));
    });
    group.finish();
}

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    passwords(&mut criterion)?;
    tokens(&mut criterion)?;
    secrets(&mut criterion);
    criterion.final_summary();
    Ok(())
}
