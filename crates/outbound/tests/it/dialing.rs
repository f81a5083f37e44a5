//! What is connected to, and with whose certificate.

use std::sync::Arc;
use std::time::Duration;

use outbound::{Client, DialError, Dialer, Kind, Refused, Rules, SendError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::server::{HERE, Scripted, Server};

const LOCAL: Rules = Rules {
    allow_private: true,
    require_https: false,
};
const PUBLIC: Rules = Rules {
    allow_private: false,
    require_https: false,
};
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

async fn sent(dialer: Dialer, url: &str) -> Result<u16, SendError> {
    let client = Client::new(dialer);
    let request = client.post(url.parse().unwrap(), "{}");
    client.send(request).await.map(|answer| answer.status.as_u16())
}

const fn refused(kind: Kind) -> SendError {
    SendError::Dial(DialError::Refused(Refused::Address(kind)))
}

#[tokio::test]
async fn a_name_that_leads_inside_gets_no_connection() {
    let server = Server::answering(OK).await;
    let url = format!("http://hooks.test:{}/", server.port);
    for (addresses, kind) in [
        (&["127.0.0.1"][..], Kind::Loopback),
        // One public address does not make up for a private one, in whichever order.
        (&["8.8.8.8", "127.0.0.1"], Kind::Loopback),
        (&["127.0.0.1", "8.8.8.8"], Kind::Loopback),
        (&["2606:4700::1111", "fd00:ec2::254"], Kind::Metadata),
        (&["10.0.0.1"], Kind::Private),
        (&["::ffff:127.0.0.1"], Kind::Translated),
    ] {
        let dialer = Dialer::new(PUBLIC).resolving_with(Scripted::new(&[addresses]));
        assert_eq!(sent(dialer, &url).await, Err(refused(kind)), "{addresses:?}");
    }
    let dialer = Dialer::new(LOCAL).resolving_with(Scripted::new(&[&["127.0.0.1", "169.254.169.254"]]));
    assert_eq!(sent(dialer, &url).await, Err(refused(Kind::Metadata)));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_looked_at() {
    let server = Server::answering(OK).await;
    // What the name means a moment later does not matter: it is asked for once a connection.
    let rebinding = Scripted::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let dialer = Dialer::new(LOCAL).resolving_with(Arc::clone(&rebinding) as _);
    let stream = dialer.tcp("rebinding.test", server.port).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap().ip(), HERE);
    assert_eq!(rebinding.asked(), 1);
    // The next connection meets the new meaning, and is not made.
    let next = dialer.tcp("rebinding.test", server.port).await;
    assert_eq!(next.unwrap_err(), DialError::Refused(Refused::Address(Kind::Metadata)));
    assert_eq!(rebinding.asked(), 2);
}

#[tokio::test]
async fn an_unresolvable_name_may_be_registered_and_not_connected_to() {
    let dialer = Dialer::new(PUBLIC).resolving_with(Scripted::new(&[&[]]));
    let url = "http://nowhere.test/".parse().unwrap();
    assert_eq!(dialer.admit_resolved(&url).await, Ok(()));
    assert_eq!(
        sent(dialer, "http://nowhere.test/").await,
        Err(SendError::Dial(DialError::Unresolvable))
    );
    let inside = Dialer::new(PUBLIC).resolving_with(Scripted::new(&[&["8.8.8.8", "192.168.0.1"]]));
    assert_eq!(inside.admit_resolved(&url).await, Err(Refused::Address(Kind::Private)));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_takes_no_connection() {
    let server = Server::answering(OK).await;
    // Nothing listens on ::1 at this port, or there is no IPv6 at all.
    let dialer = Dialer::new(LOCAL).resolving_with(Scripted::new(&[&["::1", "127.0.0.1"]]));
    assert_eq!(
        sent(dialer, &format!("http://two.test:{}/", server.port)).await,
        Ok(200)
    );
}

#[tokio::test]
async fn where_nothing_listens_the_refusal_is_told_in_our_words() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let refused = sent(Dialer::new(LOCAL), &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(
        refused,
        Err(SendError::Dial(DialError::Connect("the connection was refused")))
    );
}

/// A server with a certificate for `hooks.test`, and who vouches for it.
async fn secure_server() -> (u16, RootCertStore) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["hooks.test".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate)).unwrap();

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(leaf)],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(OK.as_bytes()).await;
                tokio::time::sleep(Duration::from_secs(5)).await;
            });
        }
    });
    (port, roots)
}

#[tokio::test]
async fn a_server_proves_who_it_is() {
    let (port, roots) = secure_server().await;
    let here = || Dialer::new(LOCAL).resolving_with(Scripted::new(&[&["127.0.0.1"]]));
    let url = |host: &str| format!("https://{host}:{port}/");
    let believing = here().trusting(roots).unwrap();
    assert_eq!(sent(believing.clone(), &url("hooks.test")).await, Ok(200));
    let distrusted = SendError::Dial(DialError::Tls("the host's certificate or its TLS is not acceptable"));
    // Under another name, and before those who do not know its authority.
    assert_eq!(sent(believing, &url("other.test")).await, Err(distrusted));
    let strangers = here().trusting(RootCertStore::empty()).unwrap();
    assert_eq!(sent(strangers, &url("hooks.test")).await, Err(distrusted));
}
