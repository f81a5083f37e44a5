//! Tests of integrations, against a fake of each protocol on this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use outbound::{Client, Dialer, Rules};
use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::{Engine, TestApp};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// What a hostile system says, hoping that somebody repeats it.
const ECHO: &str = "marked-answer-of-the-other-side";

async fn start(engine: Engine) -> Option<TestApp> {
    let modules = vec![organization::module(), audit::module(), settings::module()];
    let rules = Rules {
        allow_private: true,
        require_https: false,
    };
    TestApp::start_with(engine, modules, |ports| {
        ports.provide(Arc::new(Client::new(Dialer::new(rules))));
    })
    .await
}

/// A server on this machine, and the first lines that it heard.
struct Fake {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn heard(&self) -> Vec<String> {
        self.heard.lock().clone()
    }

    /// Answers each request with what `answer` makes of its head: a status line, and a body.
    async fn http(answer: impl Fn(&str) -> (&'static str, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                let head = String::from_utf8(head).unwrap();
                let (status, body) = answer(&head);
                noted.lock().push(head.clone());
                let length = body.len();
                let body = if head.starts_with("HEAD") { String::new() } else { body };
                let reply = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                let _gone = stream.write_all(reply.as_bytes()).await;
            }
        });
        Self { address, heard }
    }

    /// Talks SMTP without encryption; `greeting` and `login` are its replies to those.
    async fn smtp(greeting: &'static str, login: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                talk(stream, Some(greeting), "250 AUTH LOGIN PLAIN", login, &noted).await;
            }
        });
        Self { address, heard }
    }
}

/// Talks SMTP until the client leaves or wants to begin with encryption; then the stream.
pub(crate) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    greeting: Option<&str>,
    abilities: &str,
    login: &str,
    noted: &Mutex<Vec<String>>,
) -> Option<S> {
    let mut stream = BufReader::new(stream);
    let mut reply = greeting.map(|greeting| format!("{greeting}\r\n"));
    loop {
        if let Some(reply) = &reply {
            stream.get_mut().write_all(reply.as_bytes()).await.ok()?;
            stream.get_mut().flush().await.ok()?;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        noted.lock().push(line.clone());
        reply = Some(match line.split(' ').next().unwrap() {
            "EHLO" => format!("250-fake {ECHO}\r\n250-SIZE 100\r\n{abilities}\r\n"),
            "AUTH" => format!("{login}\r\n"),
            "QUIT" => "221 bye\r\n".to_owned(),
            "STARTTLS" => return Some(stream.into_inner()),
            _ => format!("500 {ECHO}\r\n"),
        });
    }
}

/// Makes an integration and tests it; what was found.
pub(crate) async fn tested(app: &TestApp, body: &Value) -> String {
    let mine = app.organization(&format!("organization-{}", next())).await;
    let administrator = app.administrator(mine);
    let made = administrator.post("/integrations").json(body).send().await.expect(201);
    let path = format!("/integrations/{}/test", made.id());
    let reply = administrator.post(&path).send().await.expect(200);
    assert!(
        !String::from_utf8_lossy(&reply.bytes).contains(ECHO),
        "the other side's words are not repeated"
    );
    let code = reply.data()["code"].as_str().unwrap().to_owned();
    assert_eq!(reply.data()["ok"], json!(code == "CONNECTED"));
    assert!(reply.data()["latencyMs"].is_u64() && !reply.data()["message"].as_str().unwrap().is_empty());
    code
}

/// Another number each time, for slugs.
fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn smtp(address: SocketAddr, username: Option<&str>) -> Value {
    let mut config = json!({ "host": "127.0.0.1", "port": address.port(), "tls": "none" });
    if let Some(username) = username {
        config["username"] = json!(username);
    }
    json!({ "provider": "smtp", "name": "Mail", "config": config, "secrets": { "password": "correct horse" } })
}

fn http(address: SocketAddr, config: &Value, secrets: &Value) -> Value {
    let mut config = config.clone();
    config["url"] = json!(format!("http://{address}/status"));
    json!({ "provider": "http", "name": "Service", "config": config, "secrets": secrets })
}

fn s3(address: SocketAddr) -> Value {
    json!({
        "provider": "s3",
        "name": "Files",
        "config": { "endpoint": format!("http://{address}"), "bucket": "padaria-files", "accessKeyId": "AKIAEXAMPLE", "region": "sa-east-1" },
        "secrets": { "secretAccessKey": "marked-secret-key" },
    })
}

fn oidc(issuer: &str) -> Value {
    json!({ "provider": "oidc", "name": "SSO", "config": { "issuer": issuer, "clientId": "lastro" } })
}

testkit::behaviours! {
    with start;

    async fn smtp_greets_logs_in_and_says_goodbye(app: TestApp) {
        let fake = Fake::smtp("220 fake ready", "235 welcome").await;
        assert_eq!(tested(&app, &smtp(fake.address, Some("padaria"))).await, "CONNECTED");
        // base64 of "\0padaria\0correct horse"
        assert_eq!(fake.heard(), ["EHLO lastro.invalid", "AUTH PLAIN AHBhZGFyaWEAY29ycmVjdCBob3JzZQ==", "QUIT"]);
        let silent = Fake::smtp("220 fake ready", "235 welcome").await;
        assert_eq!(tested(&app, &smtp(silent.address, None)).await, "CONNECTED");
        assert_eq!(silent.heard(), ["EHLO lastro.invalid", "QUIT"], "nobody logs in without a name");
    }

    async fn smtp_that_does_not_work_is_told(app: TestApp) {
        let refusing = Fake::smtp("220 fake ready", "535 marked-answer-of-the-other-side").await;
        assert_eq!(tested(&app, &smtp(refusing.address, Some("padaria"))).await, "AUTHENTICATION_FAILED");
        let busy = Fake::smtp("421 marked-answer-of-the-other-side", "").await;
        assert_eq!(tested(&app, &smtp(busy.address, None)).await, "UNEXPECTED_ANSWER");
        let other = Fake::smtp("SSH-2.0-OpenSSH_9.9", "").await;
        assert_eq!(tested(&app, &smtp(other.address, None)).await, "UNEXPECTED_ANSWER");
        let endless = Fake::smtp(Box::leak("220-".repeat(100_000).into_boxed_str()), "").await;
        assert_eq!(tested(&app, &smtp(endless.address, None)).await, "UNEXPECTED_ANSWER");
        // A server without STARTTLS is not talked to in the clear.
        let plain = Fake::smtp("220 fake ready", "235 welcome").await;
        let mut body = smtp(plain.address, Some("padaria"));
        body["config"]["tls"] = json!("starttls");
        assert_eq!(tested(&app, &body).await, "TLS_FAILED");
        assert_eq!(plain.heard(), ["EHLO lastro.invalid"], "no password was sent");
        body["config"]["tls"] = json!("implicit");
        assert_eq!(tested(&app, &body).await, "TLS_FAILED");
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(tested(&app, &smtp(nobody, None)).await, "CONNECT_FAILED");
        let mut unknown = smtp(plain.address, None);
        unknown["config"]["host"] = json!("nobody.invalid");
        assert_eq!(tested(&app, &unknown).await, "UNRESOLVABLE");
    }

    async fn http_asks_as_whoever_the_secrets_say(app: TestApp) {
        let fake = Fake::http(|_| ("200 OK", ECHO.to_owned())).await;
        for (config, secrets, header) in [
            (json!({}), json!({}), ""),
            (json!({ "username": "ana" }), json!({ "password": "correct horse" }), "authorization: Basic YW5hOmNvcnJlY3QgaG9yc2U="),
            (json!({ "username": "ana" }), json!({ "token": "abc.def", "password": "x" }), "authorization: Bearer abc.def"),
        ] {
            assert_eq!(tested(&app, &http(fake.address, &config, &secrets)).await, "CONNECTED");
            let request = fake.heard().pop().unwrap();
            assert!(request.starts_with("GET /status HTTP/1.1\r\n"), "{request}");
            assert!(request.contains(header), "{request}");
            assert_eq!(request.contains("authorization"), !header.is_empty());
        }
        for (status, code) in [
            ("302 Found", "CONNECTED"),
            ("401 Unauthorized", "AUTHENTICATION_FAILED"),
            ("403 Forbidden", "AUTHENTICATION_FAILED"),
            ("404 Not Found", "NOT_FOUND"),
            ("500 marked-answer-of-the-other-side", "UNEXPECTED_ANSWER"),
            ("nonsense", "UNEXPECTED_ANSWER"),
        ] {
            let fake = Fake::http(move |_| (status, ECHO.to_owned())).await;
            assert_eq!(tested(&app, &http(fake.address, &json!({}), &json!({}))).await, code, "{status}");
            assert_eq!(fake.heard().len(), 1, "redirects are not followed");
        }
    }

    async fn s3_asks_for_the_bucket_with_a_signature(app: TestApp) {
        let fake = Fake::http(|_| ("200 OK", String::new())).await;
        assert_eq!(tested(&app, &s3(fake.address)).await, "CONNECTED");
        let request = fake.heard().pop().unwrap();
        assert!(request.starts_with("HEAD /padaria-files HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-amz-date: 20261121T120000Z\r\n"), "{request}");
        let credential = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261121/sa-east-1/s3/aws4_request,\
                          SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=";
        assert!(request.contains(credential) && !request.contains("marked-secret"), "{request}");
        for (status, code) in [
            ("403 Forbidden", "AUTHENTICATION_FAILED"),
            ("404 Not Found", "NOT_FOUND"),
            ("301 Moved Permanently", "UNEXPECTED_ANSWER"),
        ] {
            let fake = Fake::http(move |_| (status, String::new())).await;
            assert_eq!(tested(&app, &s3(fake.address)).await, code);
        }
    }

    async fn a_moved_integration_cannot_be_tested_without_its_secret(app: TestApp) {
        let fake = Fake::http(|_| ("200 OK", String::new())).await;
        let administrator = app.administrator(app.organization("padaria").await);
        let made = administrator.post("/integrations").json(&s3(fake.address)).send().await.expect(201);
        let path = format!("/integrations/{}", made.id());
        let moved = json!({ "config": { "endpoint": format!("http://{}/elsewhere", fake.address) } });
        administrator.patch(&path).json(&moved).send().await.expect(200);
        let reply = administrator.post(&format!("{path}/test")).header("Accept-Language", "pt-BR").send().await.expect(200);
        assert_eq!(reply.data()["code"], "SECRET_MISSING");
        assert_eq!(reply.data()["message"], "Falta um segredo necessário à conexão.");
        assert!(fake.heard().is_empty(), "nothing was sent anywhere");
    }

    async fn oidc_reads_the_discovery_document(app: TestApp) {
        let document = |issuer: &str| {
            json!({
                "issuer": issuer,
                "authorization_endpoint": "https://login.example.com/authorize",
                "token_endpoint": "https://login.example.com/token",
                "jwks_uri": "https://login.example.com/keys",
                "note": ECHO,
            })
            .to_string()
        };
        let fake = Fake::http(move |head| {
            let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
            ("200 OK", document(&format!("http://{host}")))
        })
        .await;
        assert_eq!(tested(&app, &oidc(&format!("http://{}", fake.address))).await, "CONNECTED");
        assert!(fake.heard()[0].starts_with("GET /.well-known/openid-configuration HTTP/1.1\r\n"));
        // To the letter, as a token would name it.
        assert_eq!(tested(&app, &oidc(&format!("http://{}/", fake.address))).await, "ISSUER_MISMATCH");
        for (status, body, code) in [
            ("404 Not Found", String::new(), "NOT_FOUND"),
            ("302 Found", String::new(), "UNEXPECTED_ANSWER"),
            ("200 OK", ECHO.to_owned(), "UNEXPECTED_ANSWER"),
            ("200 OK", "{}".to_owned(), "UNEXPECTED_ANSWER"),
            ("200 OK", format!("{{\"issuer\":\"{}\"}}", "x".repeat(300_000)), "UNEXPECTED_ANSWER"),
            ("200 OK", document("https://evil.example"), "ISSUER_MISMATCH"),
        ] {
            let fake = Fake::http(move |_| (status, body.clone())).await;
            assert_eq!(tested(&app, &oidc(&format!("http://{}", fake.address))).await, code);
        }
    }
}

/// A name that resolves to an address inside, once it is connected to.
mod strict {
    use std::io;
    use std::net::IpAddr;

    use futures_util::future::BoxFuture;
    use outbound::Resolver;

    use super::*;

    struct Inside;

    impl Resolver for Inside {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
            let addresses = ["203.0.113.7", "127.0.0.1"].map(|address| address.parse().unwrap());
            Box::pin(std::future::ready(Ok(addresses.to_vec())))
        }
    }

    async fn start(engine: Engine) -> Option<TestApp> {
        let modules = vec![organization::module(), audit::module(), settings::module()];
        TestApp::start_with(engine, modules, |ports| {
            let dialer = Dialer::new(Rules::strict()).resolving_with(Arc::new(Inside));
            ports.provide(Arc::new(Client::new(dialer)));
        })
        .await
    }

    testkit::behaviours! {
        with start;

        async fn a_host_that_turns_out_to_be_inside_is_never_connected_to(app: TestApp) {
            for body in [
                json!({ "provider": "http", "name": "Inside", "config": { "url": "https://rebinding.example/" } }),
                json!({ "provider": "smtp", "name": "Inside", "config": { "host": "rebinding.example" } }),
                json!({ "provider": "oidc", "name": "Inside", "config": { "issuer": "https://rebinding.example", "clientId": "x" } }),
            ] {
                assert_eq!(tested(&app, &body).await, "ADDRESS_REFUSED");
            }
        }
    }
}
