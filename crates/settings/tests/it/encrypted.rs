//! SMTP with encryption, from the beginning or after STARTTLS: what is said before it counts for nothing.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use outbound::{Client, Dialer, Rules};
use parking_lot::Mutex;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use testkit::{Engine, TestApp};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::connections::{talk, tested};

const RULES: Rules = Rules {
    allow_private: true,
    require_https: false,
};

/// A certificate for this machine, and the server that has it.
struct Identity {
    certificate: CertificateDer<'static>,
    acceptor: TlsAcceptor,
}

fn identity() -> &'static Identity {
    static MADE: OnceLock<Identity> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = CertificateDer::from(made.cert);
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        Identity {
            certificate,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    })
}

async fn start(engine: Engine) -> Option<TestApp> {
    let modules = vec![organization::module(), audit::module(), settings::module()];
    TestApp::start_with(engine, modules, |ports| {
        let mut roots = RootCertStore::empty();
        roots.add(identity().certificate.clone()).unwrap();
        ports.provide(Arc::new(Client::new(Dialer::new(RULES).trusting(roots).unwrap())));
    })
    .await
}

type Heard = Arc<Mutex<Vec<String>>>;

/// A server that encrypts from the beginning.
async fn implicit() -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, heard) = (listener.local_addr().unwrap(), Heard::default());
    let noted = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = identity().acceptor.accept(stream).await else {
                continue;
            };
            talk(stream, Some("220 fake ready"), "250 AUTH PLAIN", "235 welcome", &noted).await;
        }
    });
    (address, heard)
}

/// A server that encrypts after STARTTLS, to which it replies in this way.
async fn starttls(reply: &'static str) -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, heard) = (listener.local_addr().unwrap(), Heard::default());
    let noted = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let plain = talk(
                stream,
                Some("220 fake ready"),
                "250 STARTTLS",
                "235 in the clear",
                &noted,
            )
            .await;
            let Some(mut stream) = plain else { continue };
            stream.write_all(reply.as_bytes()).await.unwrap();
            let Ok(stream) = identity().acceptor.accept(stream).await else {
                continue;
            };
            noted.lock().push("encrypted".to_owned());
            talk(stream, None, "250 AUTH LOGIN PLAIN", "235 welcome", &noted).await;
        }
    });
    (address, heard)
}

fn body(address: SocketAddr, tls: &str) -> Value {
    json!({
        "provider": "smtp",
        "name": "Mail",
        "config": { "host": "localhost", "port": address.port(), "tls": tls, "username": "padaria" },
        "secrets": { "password": "correct horse" },
    })
}

const LOGIN: &str = "AUTH PLAIN AHBhZGFyaWEAY29ycmVjdCBob3JzZQ==";

testkit::behaviours! {
    with start;

    async fn the_password_is_told_once_the_connection_is_encrypted(app: TestApp) {
        let (address, heard) = starttls("220 go ahead\r\n").await;
        assert_eq!(tested(&app, &body(address, "starttls")).await, "CONNECTED");
        assert_eq!(
            *heard.lock(),
            ["EHLO lastro.invalid", "STARTTLS", "encrypted", "EHLO lastro.invalid", LOGIN, "QUIT"]
        );
        let (address, heard) = implicit().await;
        assert_eq!(tested(&app, &body(address, "implicit")).await, "CONNECTED");
        assert_eq!(*heard.lock(), ["EHLO lastro.invalid", LOGIN, "QUIT"]);
    }

    async fn what_was_slipped_in_before_encryption_ends_the_conversation(app: TestApp) {
        let (address, heard) = starttls("220 go ahead\r\n250 AUTH PLAIN\r\n").await;
        assert_eq!(tested(&app, &body(address, "starttls")).await, "UNEXPECTED_ANSWER");
        let (refusing, refused) = starttls("454 not now\r\n").await;
        assert_eq!(tested(&app, &body(refusing, "starttls")).await, "UNEXPECTED_ANSWER");
        for heard in [heard, refused] {
            assert_eq!(*heard.lock(), ["EHLO lastro.invalid", "STARTTLS"], "no password was sent");
        }
    }

    async fn another_hosts_certificate_is_not_enough(app: TestApp) {
        let (address, heard) = implicit().await;
        let mut other = body(address, "implicit");
        other["config"]["host"] = json!("127.0.0.1");
        assert_eq!(tested(&app, &other).await, "TLS_FAILED");
        assert!(heard.lock().is_empty(), "nothing was said");
    }
}
