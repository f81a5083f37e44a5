//! No secret and nothing personal shows in what is printed of a value, in an error or in an event.

use std::fmt::Debug;
use std::sync::Arc;

use identity::crypto::{
    AccessGrant, Argon2Cost, Hasher, KeySet, OpaqueSecret, PasswordHash, Pool, PoolConfig, RefreshKeys, RefreshToken,
    Scratch, SecretKind, SigningAlgorithm, SigningKey, TokenIssuer, TokenOwner, TokenType, VerifiedTokens, Verifier,
};
use identity::domain::{
    AddressBlock, Device, Email, Generation, NewSession, NewUser, Password, PasswordPolicy, RecoveryCode, RefreshRule,
    Session, TotpSecret, User, UserName,
};
use kernel::secret::ExposeSecret as _;
use kernel::{Generators, ManualClock, SystemClock};
use uuid::Uuid;
use vault::{MasterKey, SealContext, Sealer};

/// Everything that was printed, and everything that must not be in it.
#[derive(Default)]
struct Prints {
    printed: String,
    marked: Vec<String>,
}

impl Prints {
    fn print(&mut self, value: &dyn Debug) {
        self.printed.push_str(&format!("{value:?}\n{value:#?}\n"));
    }

    /// A secret text, which may not show in part either, nor as a list of its bytes.
    fn mark(&mut self, secret: &str) {
        self.marked.push(secret.to_owned());
        self.mark_bytes(secret.as_bytes());
    }

    fn mark_bytes(&mut self, secret: &[u8]) {
        let listed = format!("{:?}", secret.get(..6).unwrap_or(secret));
        self.marked.push(listed.trim_matches(['[', ']']).to_owned());
    }

    fn assert_clean(&self) {
        assert!(self.marked.len() > 20 && self.printed.len() > 1_000);
        // `{:#?}` puts each byte on a line of its own.
        let joined: String = self.printed.split_whitespace().collect();
        for marked in &self.marked {
            let squeezed: String = marked.split_whitespace().collect();
            assert!(!joined.contains(&squeezed), "{marked} shows in:\n{}", self.printed);
        }
    }
}

#[test]
fn nothing_marked_is_printed() {
    let mut prints = Prints::default();
    let clock = Arc::new(ManualClock::new("2026-11-21T12:00:00Z".parse().unwrap()));
    let generators = Generators::seeded(clock, 1);
    let random = generators.random.as_ref();
    let now = generators.now();

    let email = Email::new("marked.local@marked-domain.example").unwrap();
    prints.mark("marked.local");
    prints.mark("marked-domain");
    prints.print(&email);

    for raw in ["Marked-Password-1", "mrkd-1", &"MarkedLong1".repeat(20)] {
        prints.mark(raw);
        prints.print(&PasswordPolicy::default().check("password", raw, &email));
        prints.print(&Password::presented("password", raw));
    }
    let password = Password::presented("password", "Marked-Password-1").unwrap();
    let cost = Argon2Cost {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };
    let hasher = Hasher::new(cost).unwrap();
    let hash = hasher
        .hash(&password, generators.bytes(), &mut Scratch::default())
        .unwrap();
    prints.mark(hash.expose());
    prints.mark(hash.expose().rsplit('$').next().unwrap());
    prints.print(&hasher);
    prints.print(&hash);
    prints.print(&PasswordHash::parse("$2b$99$MarkedMalformedHash"));
    prints.mark("MarkedMalformedHash");

    let master = MasterKey::generate(random);
    let sealer = Sealer::new(master.clone(), vec![MasterKey::generate(random)]);
    let place = SealContext::global("a secret", Uuid::from_u128(1));
    prints.mark("marked plaintext");
    let sealed = sealer.seal(&place, b"marked plaintext", random).unwrap();
    let elsewhere = SealContext::global("a secret", Uuid::from_u128(2));
    prints.print(&sealer.open(&elsewhere, &sealed));
    prints.print(&(&master, &sealer));
    prints.mark("marked-master-key");
    prints.print(&"marked-master-key".parse::<MasterKey>());

    for kind in SecretKind::ALL {
        let secret = OpaqueSecret::generate(kind, generators.id(), random);
        prints.mark(secret.expose());
        prints.mark(&secret.expose()[kind.prefix().len()..][..16]);
        prints.mark_bytes(secret.digest().as_bytes());
        prints.print(&(&secret, secret.digest(), OpaqueSecret::parse(&secret.expose()[1..])));
    }

    let refresh = RefreshKeys::new(&master, &[]);
    let token = RefreshToken {
        organization: generators.id(),
        session: generators.id(),
        generation: Generation::FIRST,
    };
    let text = refresh.token(token);
    prints.mark(text.expose_secret());
    prints.print(&(&refresh, &text, refresh.verify(&text.expose_secret()[1..])));

    let issuer = TokenIssuer {
        issuer: "https://erp.example.com".to_owned(),
        audience: "lastro".to_owned(),
        ttl: std::time::Duration::from_secs(900),
    };
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let key = SigningKey::generate(algorithm).unwrap();
        let private = key.to_pkcs8().unwrap();
        // Where the private number of either form is.
        prints.mark_bytes(&private[16..]);
        prints.mark_bytes(&private[40..]);
        let grant = AccessGrant {
            subject: Uuid::from_u128(1),
            kind: TokenType::User,
            organization: generators.id(),
            role: None,
            session: Uuid::from_u128(2),
        };
        let claims = issuer.claims(grant, Uuid::from_u128(3), now);
        let token = key.sign(&claims).unwrap();
        prints.mark(token.expose_secret());
        prints.mark(token.expose_secret().rsplit('.').next().unwrap());
        let verifier = Verifier::new(
            KeySet::new(vec![key.public().clone()]).unwrap(),
            vec![algorithm],
            &issuer,
        );
        let cache = VerifiedTokens::new(10);
        let owner = TokenOwner {
            organization: claims.tenant_id,
            subject: claims.sub,
            session: claims.sid,
            expires_at: claims.expires_at(),
        };
        cache.insert(cache.ticket(), token.expose_secret(), owner, (), now);
        prints.print(&(
            &key,
            &token,
            &verifier,
            &cache,
            verifier.verify(&token.expose_secret()[1..], now),
        ));
    }

    let totp = TotpSecret::generate(random);
    prints.mark_bytes(totp.expose());
    prints.mark(totp.to_base32().expose_secret());
    prints.print(&(&totp, totp.to_base32(), totp.otpauth_uri("issuer", "account")));
    let code = RecoveryCode::generate(random);
    prints.mark(code.to_text().expose_secret());
    prints.mark(&code.to_text().expose_secret().replace('-', ""));
    prints.print(&(&code, code.to_text()));

    let new = NewUser {
        name: UserName::new("Marked Name").unwrap(),
        email: email.clone(),
        password: Some(hash),
        email_verified: false,
    };
    prints.mark("Marked Name");
    prints.print(&new);
    let mut user = User::create(generators.id(), generators.id(), new, now);
    user.rename(UserName::new("Marked Again").unwrap(), now);
    user.confirm_email(Email::new("marked.other@example.com").unwrap(), now);
    prints.mark("Marked Again");
    prints.mark("marked.other");
    prints.print(&user);
    prints.print(&user.take_events());

    let ip = "198.51.100.77".parse().unwrap();
    prints.mark("198.51.100.77");
    prints.mark("Marked Agent");
    let device = Device::new(Some("Marked Agent"), Some(ip));
    prints.print(&(&device, AddressBlock::of(ip)));
    let new = NewSession {
        organization: generators.id(),
        user: user.state().id,
        device,
        lifetime: None,
    };
    prints.print(&new);
    let mut session = Session::open(generators.id(), new, RefreshRule::default(), now);
    prints.print(&session);
    prints.print(&session.take_events());
    prints.print(&Pool::start(PoolConfig::for_cores(1), Arc::new(SystemClock::new())).unwrap());

    prints.assert_clean();
}

#[test]
#[should_panic(expected = "shows in")]
fn a_print_that_shows_a_secret_is_noticed() {
    let mut prints = Prints::default();
    for number in 0..30 {
        prints.mark(&format!("marked-{number}-secret"));
        prints.print(&"harmless and long enough to be taken for a print of something");
    }
    prints.print(&b"marked-7-secret");
    prints.assert_clean();
}
