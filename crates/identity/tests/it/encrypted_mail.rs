//! Mail over TLS, from the first byte (`smtps://`) and after STARTTLS (`smtp://…?tls=required`): to a server whose certificate is
//! vouched for, and to no other.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use identity::{Config, MailConfig};
use kernel::secret::SecretString;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use testkit::{Engine, TestApp};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::people::{sql, user};
use crate::settings::deliver;

/// Where the second process finds what the first made.
const FOLDER: &str = "LASTRO_TEST_MAIL_FOLDER";

/// When a conversation is encrypted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Encryption {
    FromTheStart,
    WhenAsked,
}

impl Encryption {
    const BOTH: [Self; 2] = [Self::FromTheStart, Self::WhenAsked];

    fn url(self, port: u16) -> SecretString {
        SecretString::from(match self {
            Self::FromTheStart => format!("smtps://erp:pao-de-queijo@localhost:{port}?from=erp%40padaria.example"),
            Self::WhenAsked => {
                format!("smtp://erp:pao-de-queijo@localhost:{port}?tls=required&from=erp%40padaria.example")
            }
        })
    }
}

/// What a server heard.
#[derive(Default)]
struct Heard {
    /// Every line before the connection was encrypted.
    in_clear: Vec<String>,
    /// Every line after that.
    encrypted: Vec<String>,
}

/// An SMTP server on loopback with this certificate.
async fn server(encryption: Encryption, certificate: &str, key: &str) -> (u16, Arc<Mutex<Heard>>) {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::<Mutex<Heard>>::default();
    let told = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, told) = (acceptor.clone(), Arc::clone(&told));
            tokio::spawn(async move {
                let in_clear = |line: &str| told.lock().in_clear.push(line.to_owned());
                let stream = match encryption {
                    Encryption::FromTheStart => stream,
                    Encryption::WhenAsked => match converse(stream, Some("220 test ESMTP"), true, in_clear).await? {
                        Some(stream) => stream,
                        None => return Ok(()),
                    },
                };
                let stream = acceptor.accept(stream).await?;
                let greeting = (encryption == Encryption::FromTheStart).then_some("220 test ESMTP");
                converse(stream, greeting, false, |line| {
                    told.lock().encrypted.push(line.to_owned());
                })
                .await?;
                Ok::<_, std::io::Error>(())
            });
        }
    });
    (port, heard)
}

/// Speaks SMTP until the client leaves, or wants the rest encrypted: then the stream is handed back.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    greeting: Option<&str>,
    offers_tls: bool,
    hear: impl Fn(&str),
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    if let Some(greeting) = greeting {
        stream.write_all(format!("{greeting}\r\n").as_bytes()).await?;
        stream.flush().await?;
    }
    let mut is_mail = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        hear(line);
        let answer = match line.split(' ').next().unwrap_or_default() {
            "." if is_mail => {
                is_mail = false;
                "250 taken"
            }
            _ if is_mail => continue,
            "EHLO" if offers_tls => "250-test\r\n250 STARTTLS",
            "EHLO" => "250-test\r\n250 AUTH PLAIN",
            "STARTTLS" => "220 go ahead",
            "AUTH" => "235 welcome",
            "DATA" => {
                is_mail = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        stream.flush().await?;
        if line == "STARTTLS" {
            return Ok(Some(stream.into_inner()));
        }
    }
}

/// A certificate for `localhost`, its key, and the authority that vouches for it.
fn vouched_for() -> [String; 3] {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    [certificate.pem(), key.serialize_pem(), authority.pem()]
}

/// A server that mails to this address, after somebody forgot a password and the mail was tried once.
async fn mailed_to(url: SecretString) -> TestApp {
    let provide = |ports: &contracts::Ports| ports.provide(Arc::new(MailConfig::Smtp { url }));
    let app = crate::start_with(Engine::Sqlite, Config::for_tests(), provide)
        .await
        .unwrap();
    let organization = app.organization("padaria").await;
    user(&app, organization, "ana@example.com").await;
    let body = json!({ "organizationSlug": "padaria", "email": "ana@example.com" });
    app.nobody()
        .post("/auth/password/forgot")
        .json(&body)
        .send()
        .await
        .expect(202);
    assert_eq!(deliver(&app).await, 1);
    app
}

async fn outcome(app: &TestApp) -> (Option<String>, Option<String>) {
    let mut row = sql(app, "SELECT state, last_error FROM mail_queue").await.remove(0);
    let error = row.remove(1);
    (row.remove(0), error)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_vouches_for_hears_neither_mail_nor_password() {
    // The system does not know the authority.
    let [certificate, key, _] = vouched_for();
    for encryption in Encryption::BOTH {
        let (port, heard) = server(encryption, &certificate, &key).await;
        let app = mailed_to(encryption.url(port)).await;
        let (state, error) = outcome(&app).await;
        assert_eq!(state.as_deref(), Some("queued"), "{encryption:?}");
        let error = error.unwrap();
        assert!(error.starts_with("the mail was not taken: "), "{encryption:?}: {error}");
        assert!(!error.contains("queijo"), "{encryption:?}: {error}");
        let heard = heard.lock();
        assert_eq!(heard.encrypted, Vec::<String>::new(), "{encryption:?}");
        let beyond_greeting = |line: &&String| !line.starts_with("EHLO") && *line != "STARTTLS";
        assert_eq!(heard.in_clear.iter().find(beyond_greeting), None, "{encryption:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_offers_no_encryption_hears_neither_mail_nor_password_where_it_is_required() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let hear = |line: &str| told.lock().push(line.to_owned());
            let _ended = converse(stream, Some("220 test ESMTP"), false, hear).await;
        }
    });
    let app = mailed_to(Encryption::WhenAsked.url(port)).await;
    assert_eq!(outcome(&app).await.0.as_deref(), Some("queued"));
    let heard = heard.lock();
    assert!(
        heard.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"),
        "{heard:?}"
    );
}

/// Whom to believe is the system's affair, or `SSL_CERT_FILE`'s, which a process is started with: the second part is one.
#[test]
fn mails_go_encrypted_to_a_server_that_a_private_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    let [certificate, key, root] = vouched_for();
    for (name, pem) in [
        ("certificate.pem", &certificate),
        ("key.pem", &key),
        ("authority.pem", &root),
    ] {
        std::fs::write(folder.path().join(name), pem).unwrap();
    }
    let part = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "encrypted_mail::in_a_process_that_believes_a_private_authority",
        ])
        .env("SSL_CERT_FILE", &authority)
        .env_remove("SSL_CERT_DIR")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&part.stdout);
    assert!(part.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of the test above, which starts it in a process of its own"]
#[expect(
    clippy::disallowed_methods,
    reason = "how the other test tells this process where the certificate is"
)]
async fn in_a_process_that_believes_a_private_authority() {
    let folder = std::env::var(FOLDER).expect("started by the other test");
    let read = |name: &str| std::fs::read_to_string(Path::new(&folder).join(name)).unwrap();
    let (certificate, key) = (read("certificate.pem"), read("key.pem"));
    for encryption in Encryption::BOTH {
        let (port, heard) = server(encryption, &certificate, &key).await;
        let app = mailed_to(encryption.url(port)).await;
        assert_eq!(outcome(&app).await, (Some("sent".to_owned()), None), "{encryption:?}");
        let heard = heard.lock();
        let encrypted = |text: &str| heard.encrypted.iter().any(|line| line.contains(text));
        assert!(encrypted("AUTH PLAIN"), "{encryption:?}");
        assert!(encrypted("MAIL FROM:<erp@padaria.example>") && encrypted("RCPT TO:<ana@example.com>"));
        assert!(
            heard
                .in_clear
                .iter()
                .all(|line| line.starts_with("EHLO") || line == "STARTTLS"),
            "{encryption:?}: {:?}",
            heard.in_clear
        );
    }
    // A certificate of a name is good for that name alone.
    let (port, heard) = server(Encryption::FromTheStart, &certificate, &key).await;
    let elsewhere = SecretString::from(format!("smtps://127.0.0.1:{port}?from=erp%40padaria.example"));
    let app = mailed_to(elsewhere).await;
    assert_eq!(outcome(&app).await.0.as_deref(), Some("queued"));
    assert!(heard.lock().encrypted.is_empty());
}
