//! People who log in, and what they do with it.

use std::net::IpAddr;

use contracts::identity::{Accounts, Entry, FirstAdministrator, UserId, UserView};
use db::UnitContext;
use kernel::secret::SecretString;
use kernel::{Actor, OrganizationId};
use serde_json::{Value, json};
use testkit::{Client, Reply, TestApp};

/// A password that the policy accepts.
pub(crate) const PASSWORD: &str = "tres tigres 3";

/// Makes a user with [`PASSWORD`].
pub(crate) async fn user(app: &TestApp, organization: OrganizationId, email: &str) -> UserView {
    let accounts = app.edge().app().port::<dyn Accounts>().unwrap();
    let hash = accounts.hash(&SecretString::from(PASSWORD)).await.unwrap();
    user_with_hash(app, organization, email, hash).await
}

/// Makes a user with an imported hash.
pub(crate) async fn user_with_hash(
    app: &TestApp,
    organization: OrganizationId,
    email: &str,
    hash: SecretString,
) -> UserView {
    let accounts = app.edge().app().port::<dyn Accounts>().unwrap();
    let person = FirstAdministrator {
        name: "Ana Souza".to_owned(),
        email: email.to_owned(),
        entry: Entry::Hash(hash),
    };
    let context = UnitContext::tenant(Actor::system("test"), organization);
    app.db()
        .write(context, move |uow| {
            let (accounts, person) = (accounts.clone(), person.clone());
            async move { accounts.add_first(&uow, organization, &person).await }
        })
        .await
        .unwrap()
}

/// A login with the organization's slug, from an address.
pub(crate) async fn try_login_from(app: &TestApp, address: &str, slug: &str, email: &str, password: &str) -> Reply {
    let address: IpAddr = address.parse().unwrap();
    app.nobody()
        .post("/auth/login")
        .from_ip(address)
        .json(&json!({ "organizationSlug": slug, "email": email, "password": password }))
        .send()
        .await
}

/// A login with the organization's slug.
pub(crate) async fn try_login(app: &TestApp, slug: &str, email: &str, password: &str) -> Reply {
    try_login_from(app, "203.0.113.7", slug, email, password).await
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct LoggedIn {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) user: Value,
}

impl LoggedIn {
    pub(crate) fn of(reply: &Reply) -> Self {
        let text = |field: &str| reply.data()[field].as_str().unwrap().to_owned();
        Self {
            access: text("accessToken"),
            refresh: text("refreshToken"),
            user: reply.data()["user"].clone(),
        }
    }

    pub(crate) fn client(&self, app: &TestApp) -> Client {
        app.with_credential(&self.access)
    }

    pub(crate) fn id(&self) -> UserId {
        self.user["id"].as_str().unwrap().parse().unwrap()
    }

    /// What the access token says, unverified.
    pub(crate) fn claims(&self) -> Value {
        claims(&self.access)
    }

    pub(crate) fn session(&self) -> String {
        self.claims()["sid"].as_str().unwrap().to_owned()
    }
}

/// What a token says, unverified.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// A part of a token, decoded.
pub(crate) fn part(token: &str, number: usize) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(number).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Logs in with [`PASSWORD`].
pub(crate) async fn login(app: &TestApp, slug: &str, email: &str) -> LoggedIn {
    LoggedIn::of(&try_login(app, slug, email, PASSWORD).await.expect(200))
}

/// An organization with one user, `ana@example.com`, who is logged in.
pub(crate) async fn ana(app: &TestApp) -> (OrganizationId, LoggedIn) {
    let organization = app.organization("padaria").await;
    user(app, organization, "ana@example.com").await;
    (organization, login(app, "padaria", "ana@example.com").await)
}

/// Presents a refresh token.
pub(crate) async fn try_refresh(app: &TestApp, token: &str) -> Reply {
    app.nobody()
        .post("/auth/refresh")
        .json(&json!({ "refreshToken": token }))
        .send()
        .await
}

/// Changes the database under the test behind the program's back, as its owner.
pub(crate) async fn change(app: &TestApp, statement: &str) {
    db::admin::execute(app.url(), statement).await.unwrap();
}

/// Asks the database under the test, as its owner; every column is text.
pub(crate) async fn sql(app: &TestApp, statement: &str) -> Vec<Vec<Option<String>>> {
    db::admin::query(app.url(), statement).await.unwrap()
}
