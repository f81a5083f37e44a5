//! How mails leave: after COMMIT, in the organization's words and looks, over SMTP or into a folder, and what becomes of those
//! that do not.

use std::sync::Arc;
use std::time::Duration;

use contracts::mail::{Mailbox, NotSent, Notice, NoticeKind};
use db::{DbError, UnitContext};
use identity::{Config, MailConfig};
use kernel::secret::SecretString;
use kernel::{Actor, Locale, OrganizationId};
use parking_lot::Mutex;
use serde_json::json;
use testkit::{Engine, TestApp};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::people::{change, sql, user};
use crate::settings::{choose, deliver, look, start};

async fn forgot(app: &TestApp, email: &str) -> testkit::Reply {
    let body = json!({ "organizationSlug": "padaria", "email": email });
    app.nobody().post("/auth/password/forgot").json(&body).send().await
}

/// An organization with a user, who forgot the password.
async fn forgetful(app: &TestApp) -> OrganizationId {
    let organization = app.organization("padaria").await;
    user(app, organization, "ana@example.com").await;
    forgot(app, "ana@example.com").await.expect(202);
    organization
}

async fn states(app: &TestApp) -> Vec<String> {
    let rows = sql(app, "SELECT state FROM mail_queue ORDER BY created_at, id").await;
    rows.into_iter().filter_map(|mut row| row.remove(0)).collect()
}

testkit::behaviours! {
    with start;

    async fn a_mail_that_is_not_taken_is_tried_for_a_day_and_then_seen_as_dead(app: TestApp) {
        let organization = forgetful(&app).await;
        app.mails().refuse(Some(NotSent::NotTaken("the server answered 451".to_owned())));
        assert_eq!(deliver(&app).await, 1);
        assert_eq!(deliver(&app).await, 0, "not before the pause is over");
        assert_eq!(states(&app).await, ["queued"]);
        for minutes in [1, 2, 4, 8, 16] {
            app.clock().advance(Duration::from_secs(minutes * 60 - 1));
            assert_eq!(deliver(&app).await, 0, "{minutes}");
            app.clock().advance(Duration::from_secs(1));
            assert_eq!(deliver(&app).await, 1, "{minutes}");
        }
        // Each attempt made the link's token anew, and only the last one's is stored.
        assert_eq!(sql(&app, "SELECT purpose FROM one_time_tokens").await.len(), 1);
        for _ in 0..30 {
            app.clock().advance(Duration::from_secs(60 * 60));
            deliver(&app).await;
        }
        assert_eq!(states(&app).await, ["dead"]);
        let error = sql(&app, "SELECT last_error FROM mail_queue").await;
        assert_eq!(error[0][0].as_deref(), Some("the mail was not taken: the server answered 451"));
        let trail = app.administrator(organization).get("/audit-logs?action=mail.failed").send().await.expect(200);
        assert_eq!(trail.data()[0]["changes"]["kind"], json!({ "from": null, "to": "password_reset" }));
        app.mails().refuse(None);
        app.clock().advance(Duration::from_secs(60 * 60));
        assert_eq!(deliver(&app).await, 0, "dead is dead");
        assert!(app.mails().all().is_empty());
    }

    async fn a_mail_that_was_not_taken_at_first_arrives_with_a_link_that_works(app: TestApp) {
        forgetful(&app).await;
        app.mails().refuse(Some(NotSent::NotTaken("the server did not answer in time".to_owned())));
        deliver(&app).await;
        app.mails().refuse(None);
        app.clock().advance(Duration::from_secs(60));
        deliver(&app).await;
        let body = json!({ "token": app.mails().token("ana@example.com"), "password": "cinco corvos 5" });
        app.nobody().post("/auth/password/reset").json(&body).send().await.expect(200);
    }

    async fn a_mail_that_cannot_be_written_is_given_up_at_once(app: TestApp) {
        forgetful(&app).await;
        app.mails().refuse(Some(NotSent::Unsendable("an address that cannot be written".to_owned())));
        deliver(&app).await;
        assert_eq!(states(&app).await, ["dead"]);
        assert_eq!(sql(&app, "SELECT type FROM outbox_events WHERE type = 'mail.failed'").await.len(), 1);
    }

    async fn a_mail_speaks_the_organizations_language_and_looks_like_it(app: TestApp) {
        let organization = forgetful(&app).await;
        choose(&app, |settings| settings.locale = Locale::PtBr);
        look(&app, |branding| {
            branding.display_name = Some("Padaria <São João>".to_owned());
            branding.primary_color = Some("#aa3300".to_owned());
            branding.support_email = Some("ajuda@padaria.example.com".to_owned());
        });
        deliver(&app).await;
        let mail = app.mails().all().remove(0);
        assert_eq!((mail.subject.as_str(), mail.from_name.as_str()), ("Defina uma nova senha", "Padaria <São João>"));
        assert_eq!(mail.reply_to.as_deref(), Some("ajuda@padaria.example.com"));
        assert!(mail.text.starts_with("Olá, Ana Souza!"), "{}", mail.text);
        assert!(mail.html.contains("#aa3300") && mail.html.contains("Padaria &lt;São João&gt;"), "{}", mail.html);
        assert!(mail.html.contains("lang=\"pt-BR\"") && !mail.html.contains("<São"), "{}", mail.html);

        let notice = Notice {
            email: "ana@example.com".to_owned(),
            name: "Ana".to_owned(),
            locale: Some(Locale::En),
            kind: NoticeKind::QuotaThreshold { metric: "users.active".to_owned(), percent: 80 },
        };
        let mailbox = app.edge().app().port::<dyn Mailbox>().unwrap();
        let context = UnitContext::tenant(Actor::system("test"), organization).unaudited("a test tells somebody something");
        app.db()
            .write(context, move |uow| {
                let (mailbox, notice) = (mailbox.clone(), notice.clone());
                async move { mailbox.queue(&uow, organization, &notice).await }
            })
            .await
            .unwrap();
        deliver(&app).await;
        assert_eq!(app.mails().all()[1].subject, "80 % of a quota is used");
    }

    async fn nothing_is_mailed_of_what_did_not_happen(app: TestApp) {
        let organization = forgetful(&app).await;
        let mailbox = app.edge().app().port::<dyn Mailbox>().unwrap();
        let notice = Notice {
            email: "ana@example.com".to_owned(),
            name: "Ana".to_owned(),
            locale: None,
            kind: NoticeKind::WebhookDisabled { url: "https://example.com".to_owned() },
        };
        let context = UnitContext::tenant(Actor::system("test"), organization).unaudited("a test that fails");
        let failed: Result<(), DbError> = app
            .db()
            .write(context, move |uow| {
                let (mailbox, notice) = (mailbox.clone(), notice.clone());
                async move {
                    mailbox.queue(&uow, organization, &notice).await?;
                    Err(DbError::Timeout)
                }
            })
            .await;
        assert!(failed.is_err());
        deliver(&app).await;
        assert_eq!(app.mails().all().len(), 1, "only the forgotten password's");
    }

    async fn mails_that_cannot_be_read_keep_no_other_organizations_back(app: TestApp) {
        // On whichever side of the one in the middle the worker begins, there is one behind it.
        for slug in ["padaria", "livraria", "farmacia"] {
            let organization = app.organization(slug).await;
            let email = format!("ana@{slug}.example.com");
            user(&app, organization, &email).await;
            let body = json!({ "organizationSlug": slug, "email": email });
            app.nobody().post("/auth/password/forgot").json(&body).send().await.expect(202);
        }
        let written = sql(&app, "SELECT params FROM mail_queue").await[0][0].clone().unwrap();
        let to = |params: &str| {
            format!("UPDATE mail_queue SET params = '{params}' WHERE organization_id = (SELECT id FROM organizations WHERE slug = 'livraria')")
        };
        change(&app, &to("{}")).await;
        let failed = identity::deliver(app.edge().app()).await.unwrap_err();
        assert!(matches!(failed, DbError::Inconsistency { .. }), "{failed}");
        let arrived = || {
            let mut to: Vec<String> = app.mails().all().into_iter().map(|mail| mail.to).collect();
            to.sort();
            to
        };
        assert_eq!(arrived(), ["ana@farmacia.example.com", "ana@padaria.example.com"]);

        change(&app, &to(&written)).await;
        assert_eq!(deliver(&app).await, 1);
        assert_eq!(arrived(), ["ana@farmacia.example.com", "ana@livraria.example.com", "ana@padaria.example.com"]);
    }

    async fn of_two_nodes_one_sends_a_mail(app: TestApp) {
        let organization = app.organization("padaria").await;
        for number in 0..20 {
            let email = format!("ana{number}@example.com");
            user(&app, organization, &email).await;
            forgot(&app, &email).await.expect(202);
        }
        let (one, two) = tokio::join!(deliver(&app), deliver(&app));
        assert_eq!(one + two, 20);
        let mut to: Vec<String> = app.mails().all().into_iter().map(|mail| mail.to).collect();
        to.sort();
        to.dedup();
        assert_eq!((to.len(), app.mails().all().len()), (20, 20));
        assert!(states(&app).await.iter().all(|state| state == "sent"));
    }
}

async fn started(engine: Engine, mail: MailConfig) -> Option<TestApp> {
    crate::start_with(engine, Config::for_tests(), |ports| ports.provide(Arc::new(mail))).await
}

async fn switched_off(engine: Engine) -> Option<TestApp> {
    started(engine, MailConfig::Off).await
}

/// Without mail.
mod off {
    use super::*;
    use crate::people::ana;

    testkit::behaviours! {
        with switched_off;

        async fn what_needs_mail_is_not_available_and_the_rest_is(app: TestApp) {
            let (_, ana) = ana(&app).await;
            forgot(&app, "ana@example.com").await.refused(503, "INTERNAL_UNAVAILABLE");
            forgot(&app, "nobody@example.com").await.refused(503, "INTERNAL_UNAVAILABLE");
            let body = json!({ "email": "ana@example.com" });
            app.nobody().post("/auth/organizations").json(&body).send().await.refused(503, "INTERNAL_UNAVAILABLE");
            let client = ana.client(&app);
            let wish = json!({ "email": "ana.maria@example.com" });
            client.patch("/auth/me").json(&wish).send().await.refused(503, "INTERNAL_UNAVAILABLE");
            client.patch("/auth/me").json(&json!({ "name": "Ana Maria" })).send().await.expect(200);
            let passwords = json!({ "currentPassword": crate::people::PASSWORD, "newPassword": "cinco corvos 5" });
            client.patch("/auth/me/password").json(&passwords).send().await.expect(200);
            assert!(states(&app).await.is_empty(), "nothing waits for ever");
        }
    }
}

/// An SMTP server of the test: takes what it is told, and refuses recipients at `refused.example`.
async fn smtp_server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let mails = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mails = Arc::clone(&mails);
            tokio::spawn(async move { converse(stream, &mails).await });
        }
    });
    (port, taken)
}

async fn converse(stream: TcpStream, mails: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 test ESMTP\r\n").await?;
    let mut envelope = String::new();
    while let Some(line) = lines.next_line().await? {
        let upper = line.to_uppercase();
        let answer: &str = if upper.starts_with("EHLO") {
            "250 test\r\n"
        } else if upper.starts_with("RCPT") && line.contains("refused.example") {
            "550 no such mailbox\r\n"
        } else if upper == "DATA" {
            writing.write_all(b"354 go on\r\n").await?;
            let mut text = std::mem::take(&mut envelope);
            while let Some(line) = lines.next_line().await? {
                if line == "." {
                    break;
                }
                text.push_str(&line);
                text.push('\n');
            }
            mails.lock().push(text);
            "250 taken\r\n"
        } else if upper == "QUIT" {
            writing.write_all(b"221 bye\r\n").await?;
            return Ok(());
        } else {
            envelope.push_str(&line);
            envelope.push('\n');
            "250 fine\r\n"
        };
        writing.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_go_over_smtp() {
    let (port, taken) = smtp_server().await;
    let url = SecretString::from(format!("smtp://127.0.0.1:{port}?from=erp%40padaria.example"));
    let app = started(Engine::Sqlite, MailConfig::Smtp { url }).await.unwrap();
    let organization = forgetful(&app).await;
    deliver(&app).await;
    let mails = taken.lock().clone();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert!(mail.starts_with("MAIL FROM:<erp@padaria.example>"), "{mail}");
    assert!(mail.contains("RCPT TO:<ana@example.com>"), "{mail}");
    assert!(
        mail.is_ascii() && mail.contains("Content-Type: multipart/alternative"),
        "{mail}"
    );
    assert!(mail.contains("text/plain") && mail.contains("text/html"), "{mail}");
    assert_eq!(states(&app).await, ["sent"]);

    user(&app, organization, "ana@refused.example").await;
    forgot(&app, "ana@refused.example").await.expect(202);
    deliver(&app).await;
    assert_eq!(states(&app).await, ["sent", "queued"]);
    let error = sql(&app, "SELECT last_error FROM mail_queue WHERE state = 'queued'").await;
    assert_eq!(
        error[0][0].as_deref(),
        Some("the mail was not taken: the server answered 550")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = SecretString::from(format!("smtp://ana%40example.com:hunter2@127.0.0.1:{port}"));
    let app = started(Engine::Sqlite, MailConfig::Smtp { url }).await.unwrap();
    forgetful(&app).await;
    deliver(&app).await;
    assert_eq!(states(&app).await, ["queued"]);
    let error = sql(&app, "SELECT last_error FROM mail_queue").await[0][0]
        .clone()
        .unwrap();
    assert!(
        error.contains("could not be reached") && !error.contains("hunter2"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn in_development_each_mail_is_a_file_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mail");
    let app = started(Engine::Sqlite, MailConfig::Folder(mails.clone()))
        .await
        .unwrap();
    forgetful(&app).await;
    deliver(&app).await;
    let files: Vec<_> = std::fs::read_dir(&mails)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    assert!(files[0].extension().is_some_and(|extension| extension == "eml"));
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let (_, token) = text.split_once("http://127.0.0.1:8080/password/reset?token=").unwrap();
    let token = token.split(|character: char| character.is_whitespace()).next().unwrap();
    let body = json!({ "token": token, "password": "cinco corvos 5" });
    app.nobody()
        .post("/auth/password/reset")
        .json(&body)
        .send()
        .await
        .expect(200);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&mails), mode(&files[0])), (0o700, 0o600));
}
