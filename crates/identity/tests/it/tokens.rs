//! Access tokens under attack, and the keys that sign them.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::crypto::{AccessGrant, SigningAlgorithm, SigningKey, TokenIssuer, TokenType};
use kernel::secret::ExposeSecret as _;
use kernel::{Id as _, OrganizationId};
use serde_json::{Value, json};
use testkit::{Client, TestApp};
use uuid::Uuid;

use crate::people::{LoggedIn, ana, change, part, sql, try_refresh};
use crate::start;

async fn me(client: Client) -> testkit::Reply {
    client.get("/auth/me").send().await
}

/// The token with another header or other claims, and the old signature.
fn altered(token: &str, header: Option<Value>, claims: Option<Value>) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    for (place, value) in [(0, header), (1, claims)] {
        if let Some(value) = value {
            parts[place] = URL_SAFE_NO_PAD.encode(value.to_string());
        }
    }
    parts.join(".")
}

/// A genuine-looking token by a key of another's.
fn foreign(ana: &LoggedIn, key: &SigningKey, issuer: &str, now: kernel::Timestamp) -> String {
    let claims = ana.claims();
    let id = |name: &str| claims[name].as_str().unwrap().parse::<Uuid>().unwrap();
    let grant = AccessGrant {
        subject: id("sub"),
        kind: TokenType::User,
        organization: OrganizationId::from_uuid(id("tenantId")),
        role: Some("SUPER_ADMIN".to_owned()),
        session: id("sid"),
    };
    let issuer = TokenIssuer {
        issuer: issuer.to_owned(),
        audience: "lastro".to_owned(),
        ttl: Duration::from_secs(900),
    };
    let claims = issuer.claims(grant, Uuid::from_u128(1), now);
    key.sign(&claims).unwrap().expose_secret().to_owned()
}

async fn jwks(app: &TestApp) -> Value {
    let reply = app.nobody().get("/.well-known/jwks.json").send().await.expect(200);
    assert_eq!(reply.headers["content-type"], "application/json");
    reply.json
}

testkit::behaviours! {
    with start;

    async fn forged_tokens_are_refused_alike(app: TestApp) {
        let (_, ana) = ana(&app).await;
        me(ana.client(&app)).await.expect(200);
        let now = app.edge().app().generators().now();
        let header = part(&ana.access, 0);
        let with = |name: &str, value: Value| {
            let mut header = header.clone();
            header[name] = value;
            header
        };
        let mut claims = ana.claims();
        claims["sub"] = json!("01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40");
        let foreign_key = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
        // HS256 with the public key as the secret, as it is published and as its bytes.
        let published = jwks(&app).await;
        let public = published["keys"][0]["x"].as_str().unwrap().to_owned();
        let by_public_key = |secret: &[u8]| {
            let unsigned = altered(&ana.access, Some(with("alg", json!("HS256"))), None);
            let message = unsigned.rsplit_once('.').unwrap().0.to_owned();
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
        };
        let unsigned = altered(&ana.access, Some(json!({ "alg": "none", "typ": "JWT" })), None);
        let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
        let none_with_kid = altered(&ana.access, Some(with("alg", json!("none"))), None);
        let attacks = [
            "x".to_owned(),
            "a.b.c".to_owned(),
            String::from_utf8(vec![b'a'; 8_000]).unwrap(),
            unsigned,
            format!("{}.", none_with_kid.rsplit_once('.').unwrap().0),
            by_public_key(public.as_bytes()),
            by_public_key(&URL_SAFE_NO_PAD.decode(&public).unwrap()),
            altered(&ana.access, Some(with("kid", json!("unknown"))), None),
            altered(&ana.access, Some(with("kid", json!("../../../../etc/passwd"))), None),
            altered(&ana.access, Some(with("kid", json!("' OR 1=1 --"))), None),
            altered(&ana.access, Some(with("jku", json!("https://evil.example/jwks.json"))), None),
            altered(&ana.access, Some(with("jwk", published["keys"][0].clone())), None),
            altered(&ana.access, None, Some(claims)),
            foreign(&ana, &foreign_key, "http://127.0.0.1:8080", now),
            format!("{}A", ana.access),
            ana.access.replace('.', ".."),
        ];
        for attack in attacks {
            let reply = me(app.with_credential(&attack)).await.refused(401, "AUTH_INVALID_TOKEN");
            assert_eq!(reply.headers["www-authenticate"], "Bearer realm=\"lastro\", error=\"invalid_token\"");
            assert_eq!(reply.json["error"]["details"], Value::Null, "no hint");
        }
        me(ana.client(&app)).await.expect(200);
    }

    async fn a_token_of_another_installation_is_refused(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let now = app.edge().app().generators().now();
        // Somebody else's token under our own key: as if two installations shared a database of keys.
        let sealed = sql(&app, "SELECT algorithm FROM signing_keys").await;
        assert_eq!(sealed.len(), 1, "one key was made at the start");
        let key = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
        let token = foreign(&ana, &key, "https://other.example.com", now);
        me(app.with_credential(&token)).await.refused(401, "AUTH_INVALID_TOKEN");
    }

    async fn a_token_ends_by_itself(app: TestApp) {
        let (_, ana) = ana(&app).await;
        me(ana.client(&app)).await.expect(200);
        app.clock().advance(Duration::from_secs(899));
        me(ana.client(&app)).await.expect(200);
        // Clocks may differ by five seconds.
        app.clock().advance(Duration::from_secs(6));
        me(ana.client(&app)).await.refused(401, "AUTH_TOKEN_EXPIRED");
    }

    async fn two_credentials_are_none(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let both = ana.client(&app).get("/auth/me").header("X-API-Key", "lastro_key_x").send().await;
        both.refused(401, "AUTH_INVALID_TOKEN");
        app.nobody().get("/auth/me").header("X-API-Key", &ana.access).send().await.refused(401, "AUTH_INVALID_TOKEN");
        app.nobody().get("/auth/me").send().await.refused(401, "AUTH_REQUIRED");
    }

    async fn another_key_signs_and_nobody_is_logged_out(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let before = jwks(&app).await;
        let kid = identity::rotate_keys(app.edge().app().ports(), false).await.unwrap();
        let both = jwks(&app).await;
        assert_eq!(both["keys"].as_array().unwrap().len(), 2, "old and new");
        assert_eq!(both["keys"][0]["kid"], kid);
        assert_eq!(both["keys"][1], before["keys"][0]);
        assert!(both["keys"][0].get("d").is_none(), "public halves only");
        me(ana.client(&app)).await.expect(200);
        let next = try_refresh(&app, &ana.refresh).await.expect(200);
        let access = next.data()["accessToken"].as_str().unwrap();
        assert_eq!(part(access, 0)["kid"], kid, "the new one signs");
        me(app.with_credential(access)).await.expect(200);
        app.clock().advance(Duration::from_secs(17 * 60));
        assert_eq!(jwks(&app).await["keys"].as_array().unwrap().len(), 1, "what it signed is over");
        let entries = sql(&app, "SELECT changes FROM audit_entries WHERE action = 'signing_key.rotated'").await;
        assert_eq!(entries.len(), 1);
    }

    async fn a_withdrawn_key_is_refused_at_once(app: TestApp) {
        let (_, ana) = ana(&app).await;
        me(ana.client(&app)).await.expect(200);
        identity::rotate_keys(app.edge().app().ports(), true).await.unwrap();
        assert_eq!(jwks(&app).await["keys"].as_array().unwrap().len(), 1);
        me(ana.client(&app)).await.refused(401, "AUTH_INVALID_TOKEN");
        let next = try_refresh(&app, &ana.refresh).await.expect(200);
        me(app.with_credential(next.data()["accessToken"].as_str().unwrap())).await.expect(200);
    }

    async fn of_nodes_that_start_at_once_one_makes_the_key(app: TestApp) {
        change(&app, "DELETE FROM signing_keys").await;
        let start = || {
            let shared = app.edge().app();
            let foundation = http::Foundation {
                db: app.db().clone(),
                generators: shared.generators().clone(),
                ports: shared.ports().clone(),
                platform: app.platform(),
                http: shared.config().clone(),
                metrics: shared.metrics().clone(),
            };
            (identity::module().start)(foundation)
        };
        for started in futures_util::future::join_all((0..4).map(|_| start())).await {
            started.unwrap();
        }
        assert_eq!(jwks(&app).await["keys"].as_array().unwrap().len(), 1);
    }

    async fn private_keys_are_sealed(app: TestApp) {
        let rows = sql(&app, "SELECT public_key FROM signing_keys").await;
        assert!(!rows[0][0].as_deref().unwrap().contains("\"d\""));
        let sealed = sql(&app, "SELECT CAST(length(sealed_key) AS text) FROM signing_keys").await;
        // A PKCS#8 of Ed25519 has 48 bytes; the envelope adds its own.
        assert!(sealed[0][0].as_deref().unwrap().parse::<usize>().unwrap() > 48);
    }

    async fn an_independent_verifier_accepts_a_token_from_the_key_set_alone(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks(&app).await).unwrap();
        let header = jsonwebtoken::decode_header(&ana.access).unwrap();
        let key = set.find(&header.kid.unwrap()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(header.alg);
        validation.set_audience(&["lastro"]);
        validation.set_issuer(&["http://127.0.0.1:8080"]);
        // The test's clock is not the verifier's.
        validation.validate_exp = false;
        let decoded: jsonwebtoken::TokenData<Value> =
            jsonwebtoken::decode(&ana.access, &jsonwebtoken::DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
        assert_eq!(decoded.claims["sub"], ana.user["id"]);
    }
}
