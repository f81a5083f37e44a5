//! TLS to PostgreSQL: verified against the root that is named, or refused.

use std::time::Duration;

use db::{Db, DbConfig, DbError, migrate};
use lastro_db as db;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use testkit::postgres::{Extra, OwnServer};

use crate::support::{TEXTS, adding, generators, manual_clock, migrated, organization, texts, unit};

/// An authority of one test's own.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_believed_when_the_named_root_vouches_for_its_name() {
    let (root, stranger) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &root).unwrap();
    let extra = Extra {
        settings: "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n",
        files: &[("server.crt", &certificate.pem()), ("server.key", &key.serialize_pem())],
    };
    let Some(server) = OwnServer::start(extra).unwrap() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let file = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.display().to_string().replace(' ', "%20")
    };
    let (root, stranger) = (
        file("the root.pem", root.pem().as_str()),
        file("stranger.pem", stranger.pem().as_str()),
    );
    let address = |query: &str| format!("{}?{query}", server.url());

    let trusted = address(&format!("sslmode=verify-full&sslrootcert={root}"));
    migrated(trusted.clone()).await.unwrap();
    let clock = manual_clock();
    let open = |url: &str| Db::open(DbConfig::new(url), generators(&clock)).unwrap();
    let db = open(&trusted);
    let home = organization(0xa);
    db.write(unit(home), adding(home, "milk")).await.unwrap();
    for sql in [TEXTS, TEXTS.may_lag()] {
        assert_eq!(texts(db.scope(home), &sql).await.unwrap(), ["milk"]);
    }
    let sessions = async |application: &str| {
        let sql = format!(
            "SELECT DISTINCT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE application_name = '{application}' AND pid <> pg_backend_pid()"
        );
        let rows = db::admin::query(&server.url(), &sql).await.unwrap();
        rows.into_iter().flatten().flatten().collect::<Vec<_>>()
    };
    assert_eq!(sessions("lastro").await, ["true"]);
    assert!(
        migrate::pending(&DbConfig::new(&trusted), &[migrate::CORE])
            .await
            .unwrap()
            .steps
            .is_empty()
    );
    // `require` verifies as well.
    open(&address(&format!("sslmode=require&sslrootcert={root}")))
        .ping(Duration::from_secs(5))
        .await
        .unwrap();
    // On the loopback interface nobody listens, so nothing is encrypted unless that is asked for.
    let plain = open(&address("application_name=plain"));
    plain.ping(Duration::from_secs(5)).await.unwrap();
    assert_eq!(sessions("plain").await, ["false"]);

    // Another root, the machine's roots, another name.
    let elsewhere = trusted.replacen("127.0.0.1", "localhost", 1);
    for url in [
        &address(&format!("sslmode=verify-full&sslrootcert={stranger}")),
        &elsewhere,
    ] {
        let refused = open(url).ping(Duration::from_secs(5)).await;
        assert!(
            matches!(&refused, Err(DbError::Unavailable(why)) if why.contains("certificate")),
            "{refused:?}"
        );
    }
    match Db::open(DbConfig::new(address("sslmode=require")), generators(&clock)) {
        Ok(db) => assert!(matches!(
            db.ping(Duration::from_secs(5)).await,
            Err(DbError::Unavailable(_))
        )),
        // A machine without any roots.
        Err(error) => assert!(error.to_string().contains("no certificate authority")),
    }
    let missing = address("sslmode=verify-full&sslrootcert=/nowhere/root.pem");
    assert!(Db::open(DbConfig::new(missing), generators(&clock)).is_err());
}
