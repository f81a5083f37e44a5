//! One person, told and erased through the binary, on both engines (LGPD, Lei 13.709/2018, art. 18).

use db::Engine;
use serde_json::{Value, json};
use testkit::postgres;

use crate::binary::{Answer, Installation, Serving};

const SLUG: &str = "padaria";
const OWNER: &str = "dono@padaria.example";
const PASSWORD: &str = "Trigo-Integral-26";
/// The person, of whose names and address every one holds this word, and no other row does.
const MARK: &str = "zulmira";
const EMAIL: &str = "zulmira@padaria.example";

fn command<'a>(what: &'a str, email: &'a str) -> Vec<&'a str> {
    vec!["privacy", what, "--organization", SLUG, "--email", email]
}

/// A member of the bakery, who sends requests.
struct Member<'s> {
    server: &'s Serving,
    credential: String,
}

impl<'s> Member<'s> {
    fn log_in(server: &'s Serving, email: &str) -> Self {
        let body = json!({ "organizationSlug": SLUG, "email": email, "password": PASSWORD }).to_string();
        let device = if email == EMAIL {
            "zulmira's telephone"
        } else {
            "a desk"
        };
        let headers = [("user-agent", device)];
        let answer = server.send("POST /api/v1/auth/login", &headers, &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = answer.json()["data"]["accessToken"].as_str().unwrap().to_owned();
        Self {
            server,
            credential: format!("Bearer {token}"),
        }
    }

    fn send(&self, head: &str, key: &str, body: &Value) -> Answer {
        let mut headers = vec![("authorization", self.credential.as_str())];
        if !key.is_empty() {
            headers.push(("idempotency-key", key));
        }
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.server.send(head, &headers, &body)
    }

    #[track_caller]
    fn done(&self, head: &str, key: &str, body: &Value) -> Value {
        let answer = self.send(head, key, body);
        assert!((200..300).contains(&answer.status), "{head}: {}", answer.body);
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()["data"].clone()
        }
    }
}

/// Leaves the person wherever a person can be: invited, made, renamed, given a role and a group, logged in, with a key and a grant
/// of their own making, and with a mail on its way. The id.
fn leave_traces(server: &Serving) -> String {
    let owner = Member::log_in(server, OWNER);
    let invited = owner.done("POST /api/v1/users/invitations", "", &json!({ "email": EMAIL }));
    let invitation = invited["id"].as_str().unwrap();
    owner.done(
        &format!("DELETE /api/v1/users/invitations/{invitation}"),
        "",
        &Value::Null,
    );
    let new = json!({ "name": "Zulmira Antiga", "email": EMAIL, "password": PASSWORD });
    let id = owner.done("POST /api/v1/users", "made-once", &new)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    owner.done(
        &format!("PATCH /api/v1/users/{id}"),
        "",
        &json!({ "name": "Zulmira \"Zú\" Quixadá" }),
    );
    let roles = owner.done("GET /api/v1/roles?q=administrator", "", &Value::Null);
    let of_code = |code: &str| {
        let found = roles.as_array().unwrap().iter().find(|role| role["code"] == code);
        found.unwrap_or_else(|| panic!("no {code} in {roles}"))["id"].clone()
    };
    let role = of_code("ORG_ADMIN");
    owner.done(
        &format!("POST /api/v1/users/{id}/roles"),
        "",
        &json!({ "roleId": role }),
    );
    let group = owner.done(
        "POST /api/v1/groups",
        "",
        &json!({ "name": "Bakers", "code": "BAKERS" }),
    );
    let group = group["id"].as_str().unwrap();
    owner.done(&format!("PUT /api/v1/groups/{group}/members/{id}"), "", &Value::Null);

    let person = Member::log_in(server, EMAIL);
    let key = json!({ "name": "ci", "permissions": ["IDENTITY_USER_READ"] });
    person.done("POST /api/v1/api-keys", "", &key);
    let other = json!({ "name": "Bia Reis", "email": "bia@padaria.example", "password": PASSWORD });
    let other = person.done("POST /api/v1/users", "made-by-her", &other)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let grant = json!({ "roleId": role });
    person.done(&format!("POST /api/v1/users/{other}/roles"), "", &grant);
    let hook = json!({ "url": "https://hooks.example.com/a", "eventTypes": ["user.created"] });
    person.send("POST /api/v1/webhooks", "", &hook);
    let forgot = json!({ "organizationSlug": SLUG, "email": EMAIL }).to_string();
    assert_eq!(
        server.send("POST /api/v1/auth/password/forgot", &[], &forgot).status,
        202
    );
    let wrong = json!({ "organizationSlug": SLUG, "email": EMAIL, "password": "wrong" }).to_string();
    assert_eq!(server.send("POST /api/v1/auth/login", &[], &wrong).status, 401);
    id
}

/// How many rows of each table hold the word, in whatever case, in texts or bytes.
async fn rows_with(url: &str, word: &str) -> Vec<(String, String)> {
    let engine = db::engine_of(url).unwrap();
    let hexadecimal: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut found = Vec::new();
    for (name, table) in db::schema::describe(url).await.unwrap() {
        let condition = match engine {
            Engine::Postgres => {
                format!("to_jsonb(t)::text ILIKE '%{word}%' OR to_jsonb(t)::text ILIKE '%{hexadecimal}%'")
            }
            Engine::Sqlite => {
                let columns = table.columns.keys();
                let held = columns.map(|column| format!("instr(lower(CAST(\"{column}\" AS TEXT)), '{word}') > 0"));
                held.collect::<Vec<_>>().join(" OR ")
            }
        };
        let count = format!("SELECT CAST(count(*) AS TEXT) FROM {name} t WHERE {condition}");
        let rows = db::admin::query(url, &count).await.unwrap();
        let count = rows[0][0].clone().unwrap();
        if count != "0" {
            found.push((name, count));
        }
    }
    found
}

async fn a_person_is_told_and_erased(lastro: Installation, url: &str) {
    lastro.run(&["migrate"]).assert_code(0);
    let create = [
        "tenant",
        "create",
        "--name",
        "Padaria",
        "--slug",
        SLUG,
        "--package",
        "starter",
        "--admin-email",
        OWNER,
        "--admin-password",
        PASSWORD,
    ];
    lastro.run(&create).assert_code(0);
    let server = lastro.serve(&[]);
    let id = leave_traces(&server);
    assert_eq!(server.stop(), Some(0));
    lastro.run(&["jobs", "run", "audit-sealing"]).assert_code(0);
    let before: Vec<String> = rows_with(url, MARK).await.into_iter().map(|(table, _)| table).collect();
    for table in [
        "users",
        "sessions",
        "api_keys",
        "user_roles",
        "mail_queue",
        "outbox_events",
        "audit_entries",
    ] {
        assert!(
            before.iter().any(|name| name == table),
            "nothing of her in {table}: {before:?}"
        );
    }

    lastro
        .run(&[&command("export", EMAIL)[..], &["her.json"]].concat())
        .assert_code(0);
    let again = lastro.run(&[&command("export", EMAIL)[..], &["her.json"]].concat());
    again.assert_code(1);
    let text = std::fs::read_to_string(lastro.path("her.json")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["identity"]["user"]["id"], id.as_str());
    assert_eq!(told["identity"]["user"]["name"], "Zulmira \"Zú\" Quixadá");
    assert_eq!(told["identity"]["sessions"][0]["userAgent"], "zulmira's telephone");
    assert_eq!(told["identity"]["apiKeys"][0]["name"], "ci");
    assert_eq!(told["identity"]["mails"][0]["recipient"], EMAIL);
    assert_eq!(told["access"]["roles"][0]["code"], "ORG_ADMIN");
    assert_eq!(told["access"]["groups"][0]["code"], "BAKERS");
    let entries = told["auditEntries"].as_array().unwrap();
    let has = |action: &str| entries.iter().any(|entry| entry["action"] == action);
    assert!(
        has("user.created") && has("session.created") && has("api_key.created"),
        "{text}"
    );
    for secret in ["argon2", "password_hash", "passwordHash", "lst_"] {
        assert!(!text.contains(secret), "{secret}");
    }

    lastro.run(&command("erase", EMAIL)).assert_code(2);
    lastro
        .run(&[&command("erase", "nobody@padaria.example")[..], &["--confirm"]].concat())
        .assert_code(1);
    let erased = lastro.run(&[&command("erase", EMAIL)[..], &["--confirm"]].concat());
    erased.assert_code(0);
    assert_eq!(rows_with(url, MARK).await, []);
    let verified = lastro.run(&["audit", "verify", "--organization", SLUG]);
    assert!(
        verified.assert_code(0).stdout.contains(" valid, "),
        "{}",
        verified.stdout
    );
    lastro.run(&["jobs", "run", "audit-sealing"]).assert_code(0);
    lastro.run(&["audit", "verify"]).assert_code(0);

    // Whom she made is still there, by name and in the trail, and administers beside the owner.
    let other = lastro.run(&command("export", "bia@padaria.example"));
    let other: Value = serde_json::from_str(&other.assert_code(0).stdout).unwrap();
    let made = &other["auditEntries"][0];
    assert_eq!(made["action"], "user.created");
    assert_eq!(made["actor"]["name"], format!("erased {id}"));
    assert_eq!(made["changes"]["name"]["to"], "Bia Reis");
    // She is nobody now: known by what stands for her, and not let in.
    let nobody = format!("erased-{id}@erased.invalid");
    let left = lastro.run(&command("export", &nobody));
    let left: Value = serde_json::from_str(&left.assert_code(0).stdout).unwrap();
    assert_eq!(left["identity"]["user"]["isActive"], false);
    assert_eq!(left["identity"]["mails"], json!([]));
    let entries = left["auditEntries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["action"] == "user.erased"), "{left}");
    lastro
        .run(&[&command("erase", &nobody)[..], &["--confirm"]].concat())
        .assert_code(0);

    // Somebody has to administer: of those who are left all but one may go.
    lastro
        .run(&[&command("erase", "bia@padaria.example")[..], &["--confirm"]].concat())
        .assert_code(0);
    let refused = lastro.run(&[&command("erase", OWNER)[..], &["--confirm"]].concat());
    assert!(
        refused.assert_code(1).stderr.contains("without an administrator"),
        "{}",
        refused.stderr
    );
    let owner = lastro.run(&command("export", OWNER));
    assert!(
        owner.assert_code(0).stdout.contains(OWNER),
        "who is refused is not touched"
    );
}

#[tokio::test]
async fn on_sqlite_no_byte_of_an_erased_person_is_left_and_the_trail_verifies() {
    let lastro = Installation::new().administered();
    let file = lastro.path("data/lastro.db");
    let url = format!("sqlite://{}", file.display());
    a_person_is_told_and_erased(lastro, &url).await;
}

#[tokio::test]
async fn on_postgresql_no_byte_of_an_erased_person_is_left_and_the_trail_verifies() {
    let Some(server) = postgres::server().expect("PostgreSQL, or none") else {
        return;
    };
    let database = server.empty_database().expect("a database");
    let lastro = Installation::new().administered().with("DATABASE_URL", &database.url());
    a_person_is_told_and_erased(lastro, &database.url()).await;
}
