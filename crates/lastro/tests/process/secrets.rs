//! Secrets are sent through every kind of route, rightly and wrongly; then everything that the process wrote is searched for them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::installation::{Installation, Server};
use crate::time::{SOON, eventually};

const SLUG: &str = "padaria-central";
const ADMINISTRATOR: &str = "ana@padaria.example";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// What is secret, and what was written.
#[derive(Default)]
struct Watch {
    secrets: Vec<(String, String)>,
    written: Vec<(String, String)>,
}

impl Watch {
    /// A new secret that somebody sends, which satisfies the rules of passwords.
    fn mark(&mut self, what: &str) -> String {
        let secret = format!("Segredo-{:03}-k7Qz9wLx", self.secrets.len());
        self.keep(what, &secret);
        secret
    }

    /// A secret that the server made.
    fn keep(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 16, "{what} is too short to be looked for: {secret}");
        self.secrets.push((what.to_owned(), secret.to_owned()));
    }

    fn wrote(&mut self, where_to: &str, what: impl Into<String>) {
        self.written.push((where_to.to_owned(), what.into()));
    }

    /// An answer that may not show any secret.
    fn hear(&mut self, head: &str, answer: Answer) -> Answer {
        self.wrote(&format!("the answer to {head}"), format!("{answer:?}"));
        answer
    }

    /// An answer that hands over secrets, each once and at these places, and shows none beside them.
    #[track_caller]
    fn handed_over<const N: usize>(&mut self, head: &str, answer: &Answer, places: [&str; N]) -> [String; N] {
        let mut body = answer.json();
        let secrets = places.map(|place| {
            let secret = body.pointer_mut(place).map(Value::take);
            let secret = secret.and_then(|secret| secret.as_str().map(str::to_owned));
            let secret = secret.unwrap_or_else(|| panic!("no {place} in {answer:?}"));
            self.keep(&format!("{place} of {head}"), &secret);
            if let Some((_, signature)) = secret.rsplit_once('.') {
                self.keep(&format!("the end of {place} of {head}"), signature);
            }
            secret
        });
        self.wrote(&format!("the answer to {head}"), body.to_string());
        secrets
    }

    /// Asserts that no secret was written, neither as it is nor as its bytes, in hexadecimal or in base64.
    #[track_caller]
    fn assert_clean(&self) {
        assert!(self.secrets.len() > 1 && self.written.len() > 1);
        for (what, secret) in &self.secrets {
            let bytes = secret.as_bytes();
            let listed = format!("{bytes:?}");
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let forms = [secret, listed.trim_matches(['[', ']']), &hex, &STANDARD.encode(bytes)];
            for (where_to, text) in &self.written {
                for form in forms {
                    if let Some(at) = text.find(form) {
                        let shown: String = text[..at].chars().rev().take(300).collect();
                        let shown: String = shown.chars().rev().collect();
                        panic!("{where_to} shows {what} as {form}, after: {shown}");
                    }
                }
            }
        }
    }
}

/// Everything of a stream that is read by cursor.
fn whole_stream(watch: &mut Watch, client: &mut Client, path: &str) -> String {
    let mut all = String::new();
    let mut cursor = String::new();
    loop {
        let head = format!("{path}?limit=100{cursor}");
        let answer = client.get(&head).assert_status(200);
        all.push_str(&answer.body);
        let next = answer.json()["meta"]["nextCursor"].as_str().map(str::to_owned);
        watch.hear(&head, answer);
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Requests of nobody, each with a secret where one belongs or where it does not.
fn knock(watch: &mut Watch, server: &Server) {
    let marked: [String; 6] = std::array::from_fn(|_| watch.mark("what nobody sends"));
    let [a, b, c, d, e, f] = &marked;
    let user = json!({ "organizationSlug": SLUG, "email": ADMINISTRATOR });
    let with = |more: Value| {
        let mut body = user.clone();
        let all = body.as_object_mut().expect("an object");
        all.extend(more.as_object().expect("an object").clone());
        body
    };
    let mut nobody = server.visitor();
    for (head, body) in [
        ("auth/login", with(json!({ "password": a }))),
        ("auth/login", with(json!({ "password": [a] }))),
        ("auth/login", with(json!({ "password": { "value": a } }))),
        ("auth/login", with(json!({ "password": b, "passphrase": c }))),
        ("auth/login", with(json!({ "password": a.repeat(20) }))),
        (
            "auth/login",
            json!({ "organizationSlug": a, "email": b, "password": c }),
        ),
        ("auth/login", json!([a])),
        ("auth/login", json!(a)),
        ("auth/register", with(json!({ "name": "Caio", "password": a }))),
        (
            "auth/register",
            with(json!({ "name": "Caio", "password": "Segredo", "secret": a })),
        ),
        ("auth/refresh", json!({ "refreshToken": a })),
        ("auth/refresh", json!({ "refreshToken": format!("lro_rt_{a}") })),
        ("auth/refresh", json!({ "refreshToken": { "value": a } })),
        (
            "auth/token",
            json!({ "grant_type": "client_credentials", "client_id": a, "client_secret": b }),
        ),
        (
            "auth/token",
            json!({ "grant_type": c, "client_id": "x", "client_secret": [d] }),
        ),
        ("auth/mfa/verify", json!({ "challenge": a, "code": b })),
        ("auth/mfa/verify", json!({ "challenge": a, "recoveryCode": b })),
        ("auth/password/forgot", with(json!({ "token": e }))),
        ("auth/password/reset", json!({ "token": a, "password": b })),
        ("auth/password/reset", json!({ "token": [a], "password": [b] })),
        ("auth/email/verify", json!({ "token": a })),
        (
            "auth/invitations/accept",
            json!({ "token": a, "name": "Caio", "password": b }),
        ),
        (
            "users",
            json!({ "name": "Caio", "email": "caio@example.com", "password": a }),
        ),
    ] {
        let head = format!("POST /api/v1/{head}");
        let answer = nobody.send(&head, &body);
        assert!(
            (400..500).contains(&answer.status) || answer.status == 202,
            "{head}: {answer:?}"
        );
        watch.hear(&head, answer);
    }

    let basic = STANDARD.encode(format!("{a}:{b}"));
    watch.keep("the credentials of HTTP Basic", &basic);
    let form = format!("grant_type=client_credentials&client_id={c}&client_secret={d}");
    let broken = format!("{{\"organizationSlug\": \"{SLUG}\", \"password\": \"{e}\", }}");
    let unfinished = format!("{{\"password\": \"{f}");
    let token = format!("Bearer {a}");
    let jwt = format!("Bearer eyJhbGciOiJSUzI1NiJ9.{b}.{c}");
    let grant: &[u8] = b"grant_type=client_credentials";
    for (head, headers, body) in [
        ("POST auth/token", vec![FORM], form.as_bytes()),
        (
            "POST auth/token",
            vec![FORM, ("authorization", &format!("Basic {basic}"))],
            grant,
        ),
        ("POST auth/login", vec![], broken.as_bytes()),
        ("POST auth/login", vec![], unfinished.as_bytes()),
        (
            "POST auth/login",
            vec![("content-type", "text/plain")],
            broken.as_bytes(),
        ),
        ("GET auth/me", vec![("authorization", &token)], b""),
        ("GET auth/me", vec![("authorization", &jwt)], b""),
        ("GET auth/me", vec![("authorization", &format!("Basic {basic}"))], b""),
        ("GET auth/me", vec![("authorization", a)], b""),
        ("GET auth/me", vec![("x-api-key", a)], b""),
        ("GET auth/me", vec![("x-api-key", a), ("authorization", &token)], b""),
        ("GET auth/me", vec![("cookie", &format!("session={a}"))], b""),
        // What links of mails carry, on routes that do not take it.
        (&format!("GET auth/me?token={a}"), vec![], b""),
        (&format!("GET auth/password/reset?token={a}"), vec![], b""),
        (&format!("POST auth/login?password={a}"), vec![], b"{}"),
    ] {
        let head = head.replacen(' ', " /api/v1/", 1);
        let answer = nobody.try_send(&head, &headers, body).expect("an answer");
        assert!((400..500).contains(&answer.status), "{head}: {answer:?}");
        watch.hear("a request of nobody", answer);
    }
    let answer = server.holder(a).get("/metrics");
    assert_eq!(answer.status, 401);
    watch.hear("a scrape of nobody", answer);
}

/// A customer, whose administrator logs in, changes the password and logs in again: the access token.
fn enter(watch: &mut Watch, server: &Server) -> String {
    let (first, second) = (watch.mark("a first password"), watch.mark("a second password"));
    let tenant = json!({
        "organization": { "name": "Padaria Central", "slug": SLUG },
        "packageCode": "business",
        "admin": { "name": "Ana Souza", "email": ADMINISTRATOR, "password": first },
    });
    let head = "POST /api/v1/tenants";
    let answer = server.operator().send(head, &tenant).assert_status(201);
    watch.hear(head, answer);

    let log_in = |watch: &mut Watch, password: &str| {
        let head = "POST /api/v1/auth/login";
        let body = json!({ "organizationSlug": SLUG, "email": ADMINISTRATOR, "password": password });
        let answer = server.visitor().send(head, &body).assert_status(200);
        watch.handed_over(head, &answer, ["/data/accessToken", "/data/refreshToken"])
    };
    let [access, refresh] = log_in(watch, &first);
    let head = "POST /api/v1/auth/refresh";
    let body = json!({ "refreshToken": refresh });
    let answer = server.visitor().send(head, &body).assert_status(200);
    watch.handed_over(head, &answer, ["/data/accessToken", "/data/refreshToken"]);
    let head = "PATCH /api/v1/auth/me/password";
    let wrong = watch.mark("a wrong current password");
    for (current, new, status) in [(&wrong, &second, 400), (&first, &second, 200)] {
        let body = json!({ "currentPassword": current, "newPassword": new });
        let answer = server.holder(&access).send(head, &body);
        let expected = answer.status == status || (status == 200 && answer.status == 204);
        assert!(expected, "{answer:?}");
        watch.hear(head, answer);
    }
    let [access, _] = log_in(watch, &second);
    access
}

/// What a customer's administrator makes that is or holds a secret, rightly and wrongly.
fn administer(watch: &mut Watch, server: &Server, access: &str) {
    let mut ana = server.holder(access);
    let marked: [String; 8] = std::array::from_fn(|_| watch.mark("what an administrator sends"));
    let [a, b, c, d, e, f, g, h] = &marked;

    let head = "POST /api/v1/api-keys";
    let body = json!({ "name": "Export", "permissions": ["IDENTITY_USER_READ"] }).to_string();
    for _ in 0..2 {
        let answer = ana.try_send(head, &[("idempotency-key", "once")], body.as_bytes());
        let answer = answer.expect("an answer").assert_status(201);
        let [key] = watch.handed_over(head, &answer, ["/data/key"]);
        let answer = server.holder(&key).get("/api/v1/users").assert_status(200);
        watch.hear("a request with a key", answer);
        let (rest, end) = key.split_at(key.len() - 1);
        let wrong = format!("{rest}{}", if end == "x" { "y" } else { "x" });
        watch.keep("a key with another end", &wrong);
        let answer = server.holder(&wrong).get("/api/v1/users").assert_status(401);
        watch.hear("a request with a wrong key", answer);
    }

    let head = "POST /api/v1/service-accounts";
    let body = json!({ "name": "Importer", "permissions": ["IDENTITY_USER_READ"] });
    let answer = ana.send(head, &body).assert_status(201);
    let client = answer.json()["data"]["clientId"].as_str().expect("an id").to_owned();
    let [secret] = watch.handed_over(head, &answer, ["/data/clientSecret"]);
    let head = "POST /api/v1/auth/token";
    for (secret, status) in [(&secret, 200), (a, 401)] {
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        let answer = server.visitor().try_send(head, &[FORM], form.as_bytes());
        let answer = answer.expect("an answer").assert_status(status);
        if status == 200 {
            watch.handed_over(head, &answer, ["/access_token"]);
        } else {
            watch.hear(head, answer);
        }
    }

    let head = "POST /api/v1/webhooks";
    let body = json!({ "url": "http://127.0.0.1:9/hook", "eventTypes": ["*"] });
    let answer = ana.send(head, &body).assert_status(201);
    let webhook = format!("/api/v1/webhooks/{}", answer.id());
    watch.handed_over(head, &answer, ["/data/secret"]);
    let head = format!("POST {webhook}/rotate-secret");
    let answer = ana.ask(&head).assert_status(200);
    watch.handed_over(&head, &answer, ["/data/secret"]);
    let head = format!("POST {webhook}/test");
    let answer = ana.ask(&head).assert_status(202);
    watch.hear(&head, answer);

    let head = "POST /api/v1/auth/me/mfa/totp";
    let answer = ana.ask(head).assert_status(200);
    watch.handed_over(head, &answer, ["/data/secret", "/data/otpauthUri"]);

    let head = "POST /api/v1/integrations";
    let nobody = json!({ "host": "127.0.0.1", "port": 9, "tls": "none", "username": "ana" });
    let storage = json!({ "endpoint": "http://127.0.0.1:9", "bucket": "files", "accessKeyId": "ana" });
    for (provider, config, secrets) in [
        ("smtp", nobody.clone(), json!({ "password": b })),
        (
            "http",
            json!({ "url": "http://127.0.0.1:9/" }),
            json!({ "token": c, "password": d }),
        ),
        ("s3", storage, json!({ "secretAccessKey": e })),
        (
            "oidc",
            json!({ "issuer": "http://127.0.0.1:9", "clientId": "ana" }),
            json!({ "clientSecret": f }),
        ),
    ] {
        let body = json!({ "provider": provider, "name": provider, "config": config, "secrets": secrets });
        let answer = ana.send(head, &body).assert_status(201);
        let path = format!("/api/v1/integrations/{}", answer.id());
        watch.hear(head, answer);
        let test = ana.ask(&format!("POST {path}/test")).assert_status(200);
        watch.hear("the test of an integration", test);
        let read = ana.get(&path).assert_status(200);
        watch.hear("an integration", read);
        for body in [
            json!({ "secrets": { "unknown": g } }),
            json!({ "secrets": g }),
            json!({ "config": { "url": format!("https://ana:{g}@example.com/") } }),
        ] {
            let answer = ana.send(&format!("PATCH {path}"), &body).assert_status(400);
            watch.hear("a wrong change of an integration", answer);
        }
    }

    for (head, body) in [
        (
            "POST integrations",
            json!({ "provider": h, "name": "x", "secrets": { "password": a } }),
        ),
        (
            "POST integrations",
            json!({ "provider": "smtp", "name": "x", "config": nobody, "secrets": { "password": [a] } }),
        ),
        (
            "POST webhooks",
            json!({ "url": format!("https://ana:{a}@example.com/"), "eventTypes": ["*"] }),
        ),
        (
            "POST webhooks",
            json!({ "url": "https://example.com/", "eventTypes": [b], "secret": c }),
        ),
        (
            "POST users",
            json!({ "name": "Bia", "email": "bia@padaria.example", "password": { "value": a } }),
        ),
        (
            "POST users",
            json!({ "name": "Bia", "email": "segredo@padaria.example", "password": a, "token": b }),
        ),
        ("POST api-keys", json!({ "name": "x", "permissions": [], "key": a })),
        (
            "POST service-accounts",
            json!({ "name": "x", "permissions": [], "clientSecret": a }),
        ),
        ("POST auth/me/mfa/totp/confirm", json!({ "code": a })),
        ("DELETE auth/me/mfa/totp", json!({ "currentPassword": a })),
        ("PATCH auth/me", json!({ "password": a })),
        ("PATCH settings", json!({ "smtpPassword": a })),
        ("PUT branding", json!({ "displayName": "Padaria", "secret": a })),
        ("POST auth/logout", json!({ "refreshToken": [a] })),
        (
            "POST usage/events",
            json!({ "events": [{ "metric": "orders", "quantity": 1, "token": a }] }),
        ),
    ] {
        let head = head.replacen(' ', " /api/v1/", 1);
        let answer = ana.send(&head, &body);
        assert!((400..500).contains(&answer.status), "{head}: {answer:?}");
        watch.hear(&head, answer);
    }
    let head = "POST /api/v1/users";
    let body = json!({ "name": "Bia Lima", "email": "bia@padaria.example", "password": h });
    let answer = ana.send(head, &body).assert_status(201);
    watch.hear(head, answer);
}

/// Every route, with secrets for its parameters and in a body that no route takes.
fn sweep(watch: &mut Watch, server: &Server) {
    let marked: [String; 3] = std::array::from_fn(|_| watch.mark("what is sent to every route"));
    let [parameter, query, field] = &marked;
    let document = server.visitor().get("/openapi.json").assert_status(200).json();
    let paths = document["paths"].as_object().expect("the paths");
    let mut operator = server.operator();
    let mut asked = 0;
    for (path, operations) in paths {
        let mut filled = path.clone();
        while let (Some(from), Some(to)) = (filled.find('{'), filled.find('}')) {
            filled.replace_range(from..=to, parameter);
        }
        for (method, operation) in operations.as_object().expect("operations") {
            let method = method.to_uppercase();
            let body = json!({ "aSecret": field, "password": [field], "token": { "value": field } });
            let head = format!("{method} {filled}?token={query}");
            let mut answers = vec![operator.ask(&head)];
            if operation.get("requestBody").is_some() {
                let head = format!("{method} {filled}");
                answers.push(operator.send(&head, &body));
                let cut = format!("{{\"password\": \"{field}\", \"token\": \"{field}");
                answers.push(operator.try_send(&head, &[], cut.as_bytes()).expect("an answer"));
            }
            for answer in answers {
                assert!(answer.status < 500, "{method} {path}: {answer:?}");
                asked += 1;
                watch.hear(&format!("{method} {path}"), answer);
            }
        }
    }
    assert!(asked > 100, "{asked} requests");
}

/// A password that is chosen by the link of a mail.
fn forget(watch: &mut Watch, server: &Server, folder: &Path) {
    let body = json!({ "organizationSlug": SLUG, "email": ADMINISTRATOR });
    let head = "POST /api/v1/auth/password/forgot";
    let answer = server.visitor().send(head, &body).assert_status(202);
    watch.hear(head, answer);
    let token = eventually("a mail with a link", SOON, || {
        mails(folder).iter().find_map(|mail| {
            let (_, token) = mail.split_once("token=")?;
            let end = token.find(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c));
            Some(token[..end?].to_owned())
        })
    });
    watch.keep("the token of a mail", &token);
    let password = watch.mark("a third password");
    let head = "POST /api/v1/auth/password/reset";
    for refused in [false, true] {
        let answer = server
            .visitor()
            .send(head, &json!({ "token": token, "password": password }));
        assert_eq!(answer.status >= 400, refused, "{answer:?}");
        watch.hear(head, answer);
    }
    // The mail is the token's way to its owner.
    for mail in mails(folder) {
        watch.wrote("a mail", mail.replace(&token, ""));
    }
}

/// The mails that were written, as a reader shows them. One that is being written has another name, and may have
/// its own by the time it would be read.
fn mails(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten();
    files
        .map(|file| file.expect("a file").path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "eml"))
        .map(|mail| std::fs::read_to_string(mail).expect("text"))
        .map(|mail| mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "="))
        .collect()
}

on_both_engines! {
    fn no_secret_is_in_anything_that_is_written(lastro: Installation) {
        let mut watch = Watch::default();
        let (scrape, password) = (watch.mark("the token of metrics"), watch.mark("the operator's password"));
        let master = "5ec2e7".repeat(11)[..64].to_owned();
        watch.keep("the master key", &master);
        let lastro = lastro
            .with("LASTRO_LOG", "trace")
            .with("LASTRO_MASTER_KEY", &master)
            .with("LASTRO_METRICS_TOKEN", &scrape)
            .with("LASTRO_WEBHOOK_ALLOW_PRIVATE", "on")
            .with("LASTRO_WEBHOOK_RETRY_SCHEDULE", "1s")
            // So many wrong logins of one address would be told to come back.
            .with("LASTRO_LOGIN_RATE_LIMIT", "off")
            .with("LASTRO_ADMIN_PASSWORD", &password);
        let server = lastro.serve_as(&password);
        watch.keep("the operator's access token", server.token());

        let access = enter(&mut watch, &server);
        administer(&mut watch, &server, &access);
        let trail = whole_stream(&mut watch, &mut server.holder(&access), "/api/v1/audit-logs");
        let events = whole_stream(&mut watch, &mut server.holder(&access), "/api/v1/events");
        assert!(trail.contains("api_key.created") && events.contains("api_key.created"), "{trail} {events}");
        sweep(&mut watch, &server);
        knock(&mut watch, &server);
        forget(&mut watch, &server, &lastro.path("data/mail"));
        for path in ["/api/v1/audit-logs", "/api/v1/events"] {
            whole_stream(&mut watch, &mut server.operator(), path);
        }
        let metrics = server.holder(&scrape).get("/metrics").assert_status(200);
        watch.hear("a scrape", metrics);

        let log = server.stop_and_tell();
        for told in ["/auth/login", "\"DEBUG\"", "stopping"] {
            assert!(log.contains(told), "no {told} in {log}");
        }
        watch.wrote("the log", log);
        for arguments in [["config", "check"].as_slice(), &["doctor"], &["tenant", "export", SLUG, "export.zip"]] {
            watch.wrote(&arguments.join(" "), lastro.run(arguments).assert_code(0).all());
        }
        for name in lastro.files() {
            if !name.contains("mail/") {
                let bytes = std::fs::read(lastro.path(&name)).expect("a file");
                watch.wrote(&name, String::from_utf8_lossy(&bytes));
            }
        }
        watch.assert_clean();
    }
}

#[test]
#[should_panic(expected = "the log shows a password as")]
fn a_secret_that_is_written_is_noticed() {
    let mut watch = Watch::default();
    let secret = watch.mark("a password");
    watch.mark("another password");
    watch.wrote("an answer", "harmless");
    watch.wrote("the log", format!("{:?}", secret.as_bytes()));
    watch.assert_clean();
}
