//! `lastro tenant move`: one organization into the database of another installation, between every two engines.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use testkit::Engine;

use crate::binary::{Answer, Installation, Serving, TENANT_PASSWORD};
use crate::engines::{At, at};

fn create(at: &At, slug: &str) {
    at.lastro.run(&["migrate"]).assert_code(0);
    at.lastro.create_tenant(slug).assert_code(0);
}

fn log_in(server: &Serving, slug: &str) -> Answer {
    let body = json!({ "organizationSlug": slug, "email": format!("ana@{slug}.example"), "password": TENANT_PASSWORD });
    server.send("POST /api/v1/auth/login", &[], &body.to_string())
}

/// Somebody who asks with a token.
struct Client<'s> {
    server: &'s Serving,
    credential: String,
}

impl<'s> Client<'s> {
    fn of(server: &'s Serving, slug: &str) -> Self {
        let answer = log_in(server, slug);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = answer.json()["data"]["accessToken"].as_str().unwrap().to_owned();
        Self {
            server,
            credential: format!("Bearer {token}"),
        }
    }

    fn operator(server: &'s Serving) -> Self {
        Self {
            server,
            credential: format!("Bearer {}", server.token()),
        }
    }

    fn ask(&self, head: &str, body: &Value, status: u16) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let head = head.replacen(' ', " /api/v1", 1);
        let answer = self.server.send(&head, &[("authorization", &self.credential)], &body);
        assert_eq!(answer.status, status, "{head}: {}", answer.body);
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }

    fn get(&self, path: &str) -> Value {
        self.ask(&format!("GET {path}"), &Value::Null, 200)["data"].clone()
    }

    fn make(&self, path: &str, body: &Value) -> String {
        self.ask(&format!("POST {path}"), body, 201)["data"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    fn system_role(&self, code: &str) -> String {
        self.get(&format!("/roles?q={code}"))[0]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// An organization with something of every kind that depends on the installation: grants of system roles, permissions and modules of the
/// catalogue, secrets, sums, a sealed trail.
fn fill(at: &At) {
    create(at, "padaria");
    create(at, "outra");
    let server = at.lastro.serve(&[]);
    let ana = Client::of(&server, "padaria");
    let role = ana.make("/roles", &json!({ "name": "Caixa", "code": "CAIXA" }));
    let grant = json!({ "permissionCode": "FINANCE_INVOICE_READ" });
    ana.ask(&format!("POST /roles/{role}/permissions"), &grant, 201);
    let viewer = ana.system_role("VIEWER");
    ana.ask(
        &format!("POST /roles/{role}/parents"),
        &json!({ "parentRoleId": viewer }),
        201,
    );
    let person = json!({ "name": "Bia Lima", "email": "bia@padaria.example", "password": "Fermento-Natural-26" });
    let bia = ana.make("/users", &person);
    ana.ask(&format!("POST /users/{bia}/roles"), &json!({ "roleId": viewer }), 201);
    ana.make(
        "/users/invitations",
        &json!({ "email": "caio@padaria.example", "roleIds": [viewer] }),
    );
    ana.make(
        "/api-keys",
        &json!({ "name": "Reports", "permissions": ["FINANCE_INVOICE_READ"] }),
    );
    ana.make(
        "/webhooks",
        &json!({ "url": "https://erp.example.com/hook", "eventTypes": ["role.*"] }),
    );
    let integration = json!({
        "provider": "smtp", "name": "Mail", "secrets": { "password": "correct horse" },
        "config": { "host": "smtp.example.com", "port": 587, "tls": "starttls", "username": "padaria" },
    });
    ana.make("/integrations", &integration);
    let operator = Client::operator(&server);
    let id = operator.get("/organizations?q=padaria")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let crm = operator.get("/modules?q=CRM")[0]["id"].as_str().unwrap().to_owned();
    operator.ask(
        &format!("POST /organizations/{id}/modules/{crm}/activate"),
        &Value::Null,
        200,
    );
    let withheld = json!({ "permissions": [{ "code": "SALES_ORDER_DELETE", "effect": "withhold" }] });
    operator.ask(&format!("PUT /organizations/{id}/overrides"), &withheld, 200);
    assert_eq!(server.stop(), Some(0));
    at.lastro.run(&["jobs", "run", "audit-sealing"]).assert_code(0);
}

/// An installation of its own, where modules were switched before: its epochs are others.
fn prepare(at: &At) {
    let server = at.lastro.serve(&[]);
    let operator = Client::operator(&server);
    for code in ["CRM", "FINANCE"] {
        let module = operator.get(&format!("/modules?q={code}"))[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        operator.ask(&format!("POST /modules/{module}/deactivate"), &Value::Null, 200);
        operator.ask(&format!("POST /modules/{module}/activate"), &Value::Null, 200);
    }
    assert_eq!(server.stop(), Some(0));
}

/// The lines of an export.
fn exported(at: &At, file: &str) -> Vec<String> {
    at.lastro.run(&["tenant", "export", "padaria", file]).assert_code(0);
    let text = std::fs::read_to_string(at.lastro.path(file)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The ids of the catalogue by what they are of.
async fn catalogue(at: &At) -> BTreeMap<(&'static str, String), String> {
    let mut ids = BTreeMap::new();
    for table in ["modules", "permissions", "packages", "system_roles"] {
        for row in at.query(&format!("SELECT code, {} FROM {table}", at.id("id"))).await {
            let [code, id] = row.try_into().unwrap();
            ids.insert(
                (table, code.unwrap()),
                uuid::Uuid::parse_str(&id.unwrap()).unwrap().to_string(),
            );
        }
    }
    ids
}

/// What a line says without what belongs to one of the two installations: how the move ended, and epochs.
fn comparable(line: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let table = line["table"].as_str().unwrap().to_owned();
    let row = line["row"].as_object_mut().unwrap();
    row.remove("on_epoch");
    if table == "organizations" {
        for column in ["is_active", "deactivated_at", "frozen_at", "moved_to", "updated_at"] {
            row.remove(column);
        }
    }
    if table == "access_versions" {
        row.remove("version");
    }
    line.to_string()
}

async fn moves(from: Engine, to: Engine) {
    let (Some(from), Some(to)) = (at(from), at(to)) else {
        return;
    };
    fill(&from);
    prepare(&to);
    let (url, ours, theirs) = (to.url(), catalogue(&from).await, catalogue(&to).await);
    let run = |extra: &[&str]| {
        let arguments = ["tenant", "move", "padaria", "--to", &url, "--settle", "0"];
        from.lastro.run(&[&arguments[..], extra].concat())
    };
    let planned = run(&["--dry-run"]);
    assert!(
        planned.assert_code(0).stdout.contains("would be moved to"),
        "{}",
        planned.stdout
    );
    assert!(
        from.lastro
            .run(&["tenant", "show", "padaria"])
            .stdout
            .contains("\"isActive\": true")
    );
    to.lastro.run(&["tenant", "show", "padaria"]).assert_code(1);
    let moved = run(&[]);
    assert!(
        moved.assert_code(0).stdout.contains("were moved to"),
        "{}",
        moved.stdout
    );
    let again = run(&[]);
    assert!(again.assert_code(0).stdout.contains("before"), "{}", again.stdout);

    // Every row is there, and names what it named by the ids of the other catalogue; the trail is as it was.
    let (here, there) = (exported(&from, "here.ndjson"), exported(&to, "there.ndjson"));
    let told = |line: &String| {
        let mut line = line.clone();
        if !line.starts_with(r#"{"table":"audit_"#) {
            for (what, id) in &ours {
                line = line.replace(id, &theirs[what]);
            }
        }
        comparable(&line)
    };
    let expected: BTreeSet<String> = here.iter().map(told).collect();
    assert_eq!(expected.len(), here.len(), "no two lines became one");
    let found: BTreeSet<String> = there.iter().map(|line| comparable(line)).collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let mut added: Vec<_> = found
        .difference(&expected)
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            format!(
                "{} {}",
                line["table"],
                line["row"]["action"].as_str().unwrap_or_default()
            )
        })
        .collect();
    added.sort();
    let arrival = [
        "\"audit_entries\" organization.activated",
        "\"audit_entries\" organization.moved",
        "\"outbox_events\" ",
        "\"outbox_events\" ",
        "\"outbox_queue\" ",
        "\"outbox_queue\" ",
    ];
    assert_eq!(added, arrival, "what its arrival adds, and nothing else");
    for table in [
        "audit_seals",
        "audit_sealed",
        "integrations",
        "webhook_endpoints",
        "role_parents",
        "invitations",
    ] {
        assert!(
            here.iter()
                .any(|line| line.starts_with(&format!(r#"{{"table":"{table}""#))),
            "no {table}"
        );
    }
    for side in [&from, &to] {
        assert_eq!(side.uncounted().await, "0");
    }
    to.lastro.run(&["audit", "verify"]).assert_code(0);
    to.lastro.run(&["jobs", "run", "audit-sealing"]).assert_code(0);
    let verified = to.lastro.run(&["audit", "verify", "--organization", "padaria"]);
    assert!(
        verified.assert_code(0).stdout.contains(" valid, "),
        "{}",
        verified.stdout
    );

    // There its people go on as before.
    let server = to.lastro.serve(&[]);
    let ana = Client::of(&server, "padaria");
    for permission in ["FINANCE_INVOICE_CREATE", "CRM_LEAD_READ"] {
        ana.ask("POST /access/require", &json!({ "permission": permission }), 204);
    }
    let refused = ana.ask(
        "POST /access/require",
        &json!({ "permission": "SALES_ORDER_DELETE" }),
        403,
    );
    assert_eq!(refused["error"]["code"], "RBAC_FORBIDDEN");
    let bia = ana.get("/users?q=bia")[0]["id"].as_str().unwrap().to_owned();
    let roles = ana.get(&format!("/users/{bia}/roles")).to_string();
    assert!(roles.contains("VIEWER"), "{roles}");
    let viewer = ana.system_role("VIEWER");
    assert_eq!(ana.get("/users/invitations")[0]["roleIds"], json!([viewer]));
    assert_eq!(
        ana.get("/integrations")[0]["secrets"]["password"],
        "••••orse",
        "the secret opens"
    );
    assert_eq!(server.stop(), Some(0));

    // Here nobody gets in, and nothing brings it back.
    let server = from.lastro.serve(&[]);
    assert_eq!(
        log_in(&server, "padaria").json()["error"]["code"],
        "AUTH_INVALID_CREDENTIALS"
    );
    let operator = Client::operator(&server);
    let id = operator.get("/organizations?q=padaria")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    operator.ask(&format!("POST /organizations/{id}/activate"), &Value::Null, 409);
    Client::of(&server, "outra");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_moves_from_sqlite_to_sqlite() {
    moves(Engine::Sqlite, Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_moves_from_sqlite_to_postgresql() {
    moves(Engine::Sqlite, Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_moves_from_postgresql_to_sqlite() {
    moves(Engine::Postgres, Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_moves_from_postgresql_to_postgresql() {
    moves(Engine::Postgres, Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_move_goes_on_where_it_was() {
    let (from, to) = (at(Engine::Sqlite).unwrap(), at(Engine::Sqlite).unwrap());
    create(&from, "padaria");
    to.lastro.run(&["migrate"]).assert_code(0);
    to.lastro.run(&["tenant", "list"]).assert_code(0);
    let run = || {
        from.lastro
            .run(&["tenant", "move", "padaria", "--to", &to.url(), "--settle", "0"])
    };
    run().assert_code(0);
    // As it was between the copy and the end.
    from.execute("UPDATE organizations SET moved_to = NULL WHERE slug = 'padaria'")
        .await;
    let frozen = from
        .query("SELECT CAST(frozen_at AS TEXT) FROM organizations WHERE slug = 'padaria'")
        .await;
    let frozen = frozen[0][0].clone().unwrap();
    to.execute(&format!(
        "UPDATE organizations SET is_active = 0, deactivated_at = {frozen}, frozen_at = {frozen} WHERE slug = 'padaria'"
    ))
    .await;
    let gone_on = run();
    assert!(
        gone_on.assert_code(0).stdout.contains("is active there now"),
        "{}",
        gone_on.stdout
    );
    let shown = |at: &At| {
        at.lastro
            .run(&["tenant", "show", "padaria"])
            .stdout
            .contains("\"isActive\": true")
    };
    assert!(!shown(&from) && shown(&to));
    assert_eq!(to.uncounted().await, "0", "who arrives twice is counted once");
    let done = run();
    assert!(
        done.assert_code(0).stdout.contains("nothing was left to do"),
        "{}",
        done.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_moved_stays_as_it_is() {
    let from = at(Engine::Sqlite).unwrap();
    for slug in ["padaria", "outra", "clinica"] {
        create(&from, slug);
    }
    let to = at(Engine::Sqlite).unwrap();
    let refused = |slug: &str, to: &str, reason: &str| {
        let ended = from.lastro.run(&["tenant", "move", slug, "--to", to, "--settle", "0"]);
        assert!(ended.assert_code(1).stderr.contains(reason), "{slug}: {}", ended.stderr);
        let shown = from.lastro.run(&["tenant", "show", slug]);
        assert!(shown.stdout.contains("\"isActive\": true"), "{slug} was touched");
    };
    refused("padaria", &to.url(), "not at this version");
    to.lastro.run(&["migrate"]).assert_code(0);
    refused("padaria", &to.url(), "no installation");
    create(&to, "outra");
    refused("outra", &to.url(), "another organization with the same slug, outra");
    refused("padaria", &from.url(), "the same installation");
    refused("platform", &to.url(), "the platform organization");

    let server = from.lastro.serve(&[]);
    let operator = Client::operator(&server);
    let module = operator.make("/modules", &json!({ "code": "CLINIC", "name": "Clínica" }));
    let id = operator.get("/organizations?q=clinica")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    operator.ask(
        &format!("POST /organizations/{id}/modules/{module}/activate"),
        &Value::Null,
        200,
    );
    let sales = operator.get("/modules?q=SALES")[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(server.stop(), Some(0));
    refused("clinica", &to.url(), "lacks the module CLINIC");

    let server = from.lastro.serve(&[]);
    let operator = Client::operator(&server);
    operator.ask(&format!("POST /modules/{sales}/deactivate"), &Value::Null, 200);
    operator.ask(&format!("POST /modules/{sales}/activate"), &Value::Null, 200);
    assert_eq!(server.stop(), Some(0));
    refused("padaria", &to.url(), "SALES were switched off for all organizations");

    let other = Installation::new().with("LASTRO_MASTER_KEY", &"1e".repeat(32));
    other.run(&["migrate"]).assert_code(0);
    other.run(&["tenant", "list"]).assert_code(0);
    let other = format!("sqlite://{}", other.path("data/lastro.db").display());
    refused("padaria", &other, "the other installation's secrets");
    let nowhere = from.lastro.run(&["tenant", "move", "padaria", "--to", "mysql://x"]);
    nowhere.assert_code(2);
}

/// On PostgreSQL with a server on each side: nodes hear of it, and nobody has to start anything anew.
#[tokio::test(flavor = "multi_thread")]
async fn servers_go_on_while_an_organization_moves() {
    let (Some(from), Some(to)) = (at(Engine::Postgres), at(Engine::Postgres)) else {
        return;
    };
    create(&from, "padaria");
    create(&from, "outra");
    let (left, right) = (from.lastro.serve(&[]), to.lastro.serve(&[]));
    let ana = Client::of(&left, "padaria");
    let moved = from
        .lastro
        .run(&["tenant", "move", "padaria", "--to", &to.url(), "--settle", "3"]);
    moved.assert_code(0);
    assert_eq!(
        log_in(&left, "padaria").json()["error"]["code"],
        "AUTH_INVALID_CREDENTIALS"
    );
    let refused = ana.ask("GET /users", &Value::Null, 403);
    assert_eq!(refused["error"]["code"], "TENANT_INACTIVE");
    Client::of(&left, "outra");
    let knows = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        log_in(&right, "padaria").status == 200
    });
    assert!(knows, "the node there does not hear of it");
    Client::of(&right, "padaria").get("/users");
    // What was to be told is told there, and by nobody here.
    let waiting = "SELECT CAST(count(*) AS TEXT) FROM outbox_queue q JOIN organizations o ON o.id = q.organization_id \
                   WHERE o.slug = 'padaria'";
    let mut left_there = String::new();
    for _ in 0..100 {
        left_there = to.query(waiting).await[0][0].clone().unwrap();
        if left_there == "0" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(left_there, "0");
    let kept_here = from.query(waiting).await[0][0].clone().unwrap();
    assert_eq!(kept_here, "2", "its deactivation and its freezing");
    assert_eq!((left.stop(), right.stop()), (Some(0), Some(0)));
}
