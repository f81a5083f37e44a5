//! What keeps logins from being guessed, flooded, or opened halfway: limits, full queues, settings of the organization.

use std::sync::Arc;
use std::time::Duration;

use contracts::Ports;
use contracts::settings::{Branding, OrganizationSettings, Settings};
use db::{DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use identity::Config;
use identity::crypto::{Argon2Cost, PoolConfig, SigningAlgorithm};
use kernel::{OrganizationId, Rate};
use testkit::{Engine, TestApp};

use crate::people::{PASSWORD, ana, login, part, sql, try_login, try_login_from, try_refresh, user};
use crate::start_with;

/// The same settings for every organization.
struct Fixed(Arc<OrganizationSettings>);

impl Settings for Fixed {
    fn of(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<OrganizationSettings>, DbError>> {
        std::future::ready(Ok(Arc::clone(&self.0))).boxed()
    }

    fn hold<'a>(
        &'a self,
        _: &'a UnitOfWork,
        _: OrganizationId,
    ) -> BoxFuture<'a, Result<OrganizationSettings, DbError>> {
        std::future::ready(Ok(self.0.as_ref().clone())).boxed()
    }

    fn known(&self, _: OrganizationId) -> Option<Arc<OrganizationSettings>> {
        Some(Arc::clone(&self.0))
    }

    fn branding(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<Branding>, DbError>> {
        std::future::ready(Ok(Arc::default())).boxed()
    }
}

async fn with_settings(engine: Engine, settings: OrganizationSettings) -> Option<TestApp> {
    start_with(engine, Config::for_tests(), move |ports: &Ports| {
        ports.provide::<dyn Settings>(Arc::new(Fixed(Arc::new(settings))));
    })
    .await
}

async fn limited(engine: Engine) -> Option<TestApp> {
    let config = Config {
        login_rate: Some(Rate {
            count: 3,
            per: Duration::from_secs(60),
        }),
        ..Config::for_tests()
    };
    start_with(engine, config, |_| {}).await
}

/// One thread, hashes of some milliseconds, and room for two of them to wait.
async fn slow(engine: Engine) -> Option<TestApp> {
    let config = Config {
        password_cost: Argon2Cost {
            memory_kib: 4_096,
            passes: 2,
            lanes: 1,
        },
        pool: PoolConfig {
            threads: 1,
            waiting_hashes: 2,
            waiting_signatures: 100,
        },
        ..Config::for_tests()
    };
    start_with(engine, config, |_| {}).await
}

async fn brief(engine: Engine) -> Option<TestApp> {
    let settings = OrganizationSettings {
        session_ttl: Some(Duration::from_secs(10 * 60)),
        password_min_length: 20,
        ..OrganizationSettings::default()
    };
    with_settings(engine, settings).await
}

async fn factors(engine: Engine) -> Option<TestApp> {
    let settings = OrganizationSettings {
        mfa_required: true,
        ..OrganizationSettings::default()
    };
    with_settings(engine, settings).await
}

async fn elliptic(engine: Engine) -> Option<TestApp> {
    let config = Config {
        algorithm: SigningAlgorithm::Es256,
        ..Config::for_tests()
    };
    start_with(engine, config, |_| {}).await
}

async fn rsa(engine: Engine) -> Option<TestApp> {
    let config = Config {
        algorithm: SigningAlgorithm::Rs256,
        ..Config::for_tests()
    };
    start_with(engine, config, |_| {}).await
}

async fn strict(engine: Engine) -> Option<TestApp> {
    let mut config = Config::for_tests();
    config.refresh.grace = Duration::ZERO;
    start_with(engine, config, |_| {}).await
}

mod limits {
    use super::*;

    testkit::behaviours! {
        with limited;

        async fn logins_from_one_block_of_addresses_are_limited(app: TestApp) {
            let organization = app.organization("padaria").await;
            user(&app, organization, "ana@example.com").await;
            let attempt = |address: &'static str| try_login_from(&app, address, "padaria", "ana@example.com", PASSWORD);
            for left in ["2", "1", "0"] {
                let reply = attempt("2001:db8::1").await.expect(200);
                assert_eq!((&reply.headers["ratelimit-limit"], &reply.headers["ratelimit-remaining"]), (&"3".parse().unwrap(), &left.parse().unwrap()));
            }
            let reply = attempt("2001:db8::2").await.refused(429, "RATE_LIMIT_EXCEEDED");
            assert_eq!(reply.headers["retry-after"], "20");
            assert_eq!(reply.headers["ratelimit-remaining"], "0");
            // The limit comes before the body: whoever asks too often does not learn whether it is valid.
            let malformed = app.nobody().post("/auth/login").from_ip("2001:db8::2".parse().unwrap()).json(&serde_json::json!({}));
            malformed.send().await.refused(429, "RATE_LIMIT_EXCEEDED");
            attempt("2001:db8:0:1::1").await.expect(200);
            app.clock().advance(Duration::from_secs(20));
            attempt("2001:db8::2").await.expect(200);
        }
    }
}

mod storms {
    use super::*;

    testkit::behaviours! {
        with slow;

        async fn a_storm_of_logins_is_told_to_come_back_and_starves_nobody(app: TestApp) {
            let (_, ana) = ana(&app).await;
            let storm = (0..60).map(|_| try_login(&app, "nowhere", "nobody@example.com", "wrong 1"));
            let storm = futures_util::future::join_all(storm);
            let others = async {
                for _ in 0..20 {
                    ana.client(&app).get("/auth/me").send().await.expect(200);
                }
            };
            let (replies, ()) = tokio::join!(storm, others);
            let busy: Vec<_> = replies.iter().filter(|reply| reply.status == 503).collect();
            assert!(!busy.is_empty(), "the queue holds two");
            for reply in busy {
                assert_eq!(reply.code(), "INTERNAL_UNAVAILABLE");
                assert!(reply.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
            }
            // And nothing of it is left.
            login(&app, "padaria", "ana@example.com").await;
        }
    }
}

mod lifetimes {
    use super::*;

    testkit::behaviours! {
        with brief;

        async fn a_session_ends_absolutely_however_often_it_is_refreshed(app: TestApp) {
            let (_, ana) = ana(&app).await;
            app.clock().advance(Duration::from_secs(9 * 60));
            let next = try_refresh(&app, &ana.refresh).await.expect(200);
            let access = next.data()["accessToken"].as_str().unwrap();
            app.with_credential(access).get("/auth/me").send().await.expect(200);
            app.clock().advance(Duration::from_secs(60));
            try_refresh(&app, next.data()["refreshToken"].as_str().unwrap()).await.refused(401, "AUTH_SESSION_REVOKED");
            // The signature is good for minutes, and does not outlive its session.
            app.with_credential(access).get("/auth/me").send().await.refused(401, "AUTH_SESSION_REVOKED");
        }

        async fn the_organization_says_how_long_a_password_is(app: TestApp) {
            let (_, ana) = ana(&app).await;
            let body = serde_json::json!({ "currentPassword": PASSWORD, "newPassword": "cinco corvos 5" });
            let reply = ana.client(&app).patch("/auth/me/password").json(&body).send().await;
            let reply = reply.refused(400, "VALIDATION_FAILED");
            assert_eq!(reply.json["error"]["details"][0]["code"], "TOO_SHORT");
        }
    }
}

mod second_factor {
    use super::*;

    testkit::behaviours! {
        with factors;

        async fn who_has_no_second_factor_is_asked_to_set_one_up(app: TestApp) {
            let organization = app.organization("padaria").await;
            user(&app, organization, "ana@example.com").await;
            let reply = try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200);
            assert_eq!(reply.data()["mfaEnrollmentRequired"], true);
            assert!(reply.data()["challenge"].as_str().unwrap().starts_with("lastro_mfa_"));
            assert!(reply.data().get("accessToken").is_none());
            let rows = sql(&app, "SELECT purpose FROM mfa_challenges").await;
            assert_eq!(rows, [[Some("enrol".to_owned())]]);
            let sessions = sql(&app, "SELECT CAST(count(*) AS text) FROM sessions").await;
            assert_eq!(sessions[0][0].as_deref(), Some("0"));
        }

        async fn the_password_alone_makes_no_failure_forgotten(app: TestApp) {
            let organization = app.organization("padaria").await;
            user(&app, organization, "ana@example.com").await;
            for _ in 0..9 {
                try_login(&app, "padaria", "ana@example.com", "wrong 1").await.refused(401, "AUTH_INVALID_CREDENTIALS");
            }
            try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200);
            try_login(&app, "padaria", "ana@example.com", "wrong 1").await.refused(401, "AUTH_INVALID_CREDENTIALS");
            try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(429, "AUTH_ACCOUNT_LOCKED");
        }
    }
}

mod algorithms {
    use super::*;

    mod es256 {
        use super::*;

        testkit::behaviours! {
            with elliptic;

            async fn tokens_are_signed_as_configured(app: TestApp) {
                let (_, ana) = ana(&app).await;
                assert_eq!(part(&ana.access, 0)["alg"], "ES256");
                ana.client(&app).get("/auth/me").send().await.expect(200);
            }
        }
    }

    mod rs256 {
        use super::*;

        testkit::behaviours! {
            with rsa;

            async fn tokens_are_signed_as_configured(app: TestApp) {
                let (_, ana) = ana(&app).await;
                assert_eq!(part(&ana.access, 0)["alg"], "RS256");
                ana.client(&app).get("/auth/me").send().await.expect(200);
                let set = app.nobody().get("/.well-known/jwks.json").send().await.expect(200);
                assert_eq!((&set.json["keys"][0]["kty"], &set.json["keys"][0]["e"]), (&"RSA".into(), &"AQAB".into()));
            }
        }
    }
}

mod without_grace {
    use super::*;

    testkit::behaviours! {
        with strict;

        async fn a_repetition_is_reuse_at_once(app: TestApp) {
            let (_, ana) = ana(&app).await;
            try_refresh(&app, &ana.refresh).await.expect(200);
            try_refresh(&app, &ana.refresh).await.refused(401, "AUTH_REFRESH_REUSED");
        }
    }
}
