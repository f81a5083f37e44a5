//! A login, a request, a refresh and a logout, with nothing but values: what the use cases will do around a database.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::crypto::{
    AccessGrant, Argon2Cost, Hasher, KeySet, Lane, Pool, PoolConfig, RefreshKeys, RefreshToken, SigningAlgorithm,
    SigningKey, TokenIssuer, TokenOwner, TokenType, VerifiedTokens, Verifier,
};
use identity::domain::{
    AddressBlock, Device, Email, Generation, Lockout, LockoutRule, LockoutState, NewSession, NewUser, Password,
    PasswordPolicy, RefreshRule, Refreshed, RevocationReason, Session, SessionId, SessionRefusal, User, UserName,
};
use kernel::secret::ExposeSecret as _;
use kernel::{Generators, Id as _, ManualClock, OrganizationId, SystemClock};
use uuid::Uuid;
use vault::{MasterKey, SealContext, Sealer};

#[tokio::test]
async fn a_login_a_request_a_refresh_and_a_logout() {
    let clock = Arc::new(ManualClock::new("2026-11-21T12:00:00Z".parse().unwrap()));
    let generators = Generators::seeded(Arc::clone(&clock), 1);
    let organization: OrganizationId = generators.id();
    let pool = Pool::start(PoolConfig::for_cores(1), Arc::new(SystemClock::new())).unwrap();
    // As cheap as it gets: this is about the order of things.
    let hasher = Hasher::new(Argon2Cost {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    })
    .unwrap();

    // The user, made by an administrator.
    let email = Email::new("Ana@Example.com").unwrap();
    let password = PasswordPolicy::default()
        .check("password", "tres tigres 3", &email)
        .unwrap();
    let salt = generators.bytes();
    let hash = pool
        .run(Lane::Hashing, move |scratch| hasher.hash(&password, salt, scratch))
        .await;
    let new = NewUser {
        name: UserName::new("Ana").unwrap(),
        email,
        password: Some(hash.unwrap().unwrap()),
        email_verified: false,
    };
    let mut user = User::create(generators.id(), organization, new, generators.now());

    // The installation's keys, as they come out of the database.
    let master = MasterKey::generate(generators.random.as_ref());
    let sealer = Sealer::new(master.clone(), Vec::new());
    let made = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let place = SealContext::global("signing key", Uuid::from_u128(1));
    let sealed = sealer
        .seal(&place, &made.to_pkcs8().unwrap(), generators.random.as_ref())
        .unwrap();
    let opened = sealer.open(&place, &sealed).unwrap();
    let signing = Arc::new(SigningKey::from_pkcs8(SigningAlgorithm::EdDsa, &opened).unwrap());
    let issuer = TokenIssuer {
        issuer: "https://erp.example.com".to_owned(),
        audience: "lastro".to_owned(),
        ttl: Duration::from_secs(900),
    };
    let keys = KeySet::new(vec![signing.public().clone()]).unwrap();
    let verifier = Verifier::new(keys, vec![SigningAlgorithm::EdDsa], &issuer);
    let refresh_keys = RefreshKeys::new(&master, &[]);

    // The login: a wrong password counts, a right one clears.
    let ip: IpAddr = "203.0.113.7".parse().unwrap();
    assert_eq!(AddressBlock::of(ip).to_text(), "203.0.113.7");
    let mut lockout = Lockout::new(LockoutRule::ADDRESS_BLOCK, LockoutState::default());
    for (attempt, is_right) in [("tres tigres 4", false), ("tres tigres 3", true)] {
        assert_eq!(lockout.locked_until(generators.now()), None);
        let presented = Password::presented("password", attempt).unwrap();
        let stored = user.state().password.clone().unwrap();
        let matches = pool
            .run(Lane::Hashing, move |scratch| {
                hasher.verify(&presented, &stored, scratch)
            })
            .await;
        assert_eq!(matches.unwrap().unwrap(), is_right);
        if is_right {
            assert!(lockout.clear());
        } else {
            assert_eq!(lockout.failed(generators.now()), None);
        }
    }
    user.record_login(generators.now());
    let rule = RefreshRule::default();
    let new = NewSession {
        organization,
        user: user.state().id,
        device: Device::new(Some("a browser"), Some(ip)),
        lifetime: None,
    };
    let mut session = Session::open(generators.id(), new, rule, generators.now());
    let refresh = |session: SessionId, generation| {
        let token = RefreshToken {
            organization,
            session,
            generation,
        };
        refresh_keys.token(token)
    };
    let first = refresh(session.state().id, Generation::FIRST);
    let grant = AccessGrant {
        subject: user.state().id.as_uuid(),
        kind: TokenType::User,
        organization,
        role: None,
        session: session.state().id.as_uuid(),
    };
    let claims = issuer.claims(grant, Uuid::from_u128(2), generators.now());
    let signer = Arc::clone(&signing);
    let access = pool
        .run(Lane::Signing, move |_| signer.sign(&claims))
        .await
        .unwrap()
        .unwrap();

    // A request: verified once, known after that.
    let cache = VerifiedTokens::new(1_000);
    assert_eq!(cache.get(access.expose_secret(), generators.now()), None);
    let ticket = cache.ticket();
    let claims = verifier.verify(access.expose_secret(), generators.now()).unwrap();
    assert!(session.is_live(generators.now()));
    let owner = TokenOwner {
        organization: claims.tenant_id,
        subject: claims.sub,
        session: claims.sid,
        expires_at: claims.expires_at(),
    };
    cache.insert(ticket, access.expose_secret(), owner, claims.sub, generators.now());
    assert_eq!(
        cache.get(access.expose_secret(), generators.now()),
        Some(user.state().id.as_uuid())
    );

    // A refresh from two tabs: one successor.
    clock.advance(Duration::from_secs(600));
    let presented = refresh_keys.verify(first.expose_secret()).unwrap();
    assert_eq!(
        (presented.organization, presented.session),
        (organization, session.state().id)
    );
    let Ok(Refreshed::Rotated(second)) = session.refresh(presented.generation, rule, generators.now()) else {
        panic!("the newest token rotates");
    };
    assert_eq!(
        session.refresh(presented.generation, rule, generators.now()),
        Ok(Refreshed::Repeated(second))
    );

    // The logout ends what is known at once, and what comes later.
    session.revoke(RevocationReason::Logout, generators.now());
    cache.revoke_session(organization, session.state().id.as_uuid());
    assert_eq!(cache.get(access.expose_secret(), generators.now()), None);
    assert_eq!(
        session.refresh(second, rule, generators.now()),
        Err(SessionRefusal::Ended)
    );
    let events: Vec<&str> = session.take_events().iter().map(|event| event.kind).collect();
    assert_eq!(events, ["session.created", "session.revoked"]);
}
