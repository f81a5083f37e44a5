//! A customer's organization, with somebody who administers it and somebody whom it gives something to read and takes it away.

use serde_json::{Value, json};

use crate::client::Client;
use crate::installation::Server;

const SLUG: &str = "padaria-central";
const ADMINISTRATOR: &str = "ana@padaria.example";
const USER: &str = "bia@padaria.example";
const PASSWORD: &str = "Trigo-Integral-26";

/// What whoever has [`Customer::grant_reading`] may ask for, and nobody else.
pub(crate) const READABLE: &str = "/api/v1/users";

/// A customer.
#[derive(Clone)]
pub(crate) struct Customer {
    /// The organization's id.
    pub(crate) organization: String,
    /// The user's id.
    pub(crate) user: String,
}

impl Customer {
    /// Takes the customer in, on this node.
    #[track_caller]
    pub(crate) fn on(node: &Server) -> Self {
        let tenant = json!({
            "organization": { "name": "Padaria Central", "slug": SLUG },
            "packageCode": "business",
            "admin": { "name": "Ana Souza", "email": ADMINISTRATOR, "password": PASSWORD },
        });
        let made = node
            .operator()
            .send("POST /api/v1/tenants", &tenant)
            .assert_status(201)
            .json();
        let mut customer = Self {
            organization: made["data"]["organization"]["id"].as_str().expect("an id").to_owned(),
            user: String::new(),
        };
        let user = json!({ "name": "Bia Lima", "email": USER, "password": PASSWORD });
        customer.user = customer
            .administrator(node)
            .send("POST /api/v1/users", &user)
            .assert_status(201)
            .id();
        customer
    }

    /// An access token of the administrator, got on this node.
    #[track_caller]
    pub(crate) fn administrators_token(&self, node: &Server) -> String {
        node.token_of(SLUG, ADMINISTRATOR, PASSWORD)
    }

    /// The administrator, on this node.
    #[track_caller]
    pub(crate) fn administrator(&self, node: &Server) -> Client {
        node.holder(&self.administrators_token(node))
    }

    /// An access token of the user, got on this node.
    #[track_caller]
    pub(crate) fn token(&self, node: &Server) -> String {
        node.token_of(SLUG, USER, PASSWORD)
    }

    /// What the user is answered at a login on this node.
    #[track_caller]
    pub(crate) fn log_in(&self, node: &Server) -> Value {
        let body = json!({ "organizationSlug": SLUG, "email": USER, "password": PASSWORD });
        let answer = node.visitor().send("POST /api/v1/auth/login", &body);
        answer.assert_status(200).json()["data"].take()
    }

    /// Lets the user read [`READABLE`], until then if it is said, and returns the path under which that can be taken away.
    #[track_caller]
    pub(crate) fn grant_reading(&self, administrator: &mut Client, expires_at: Option<&str>) -> String {
        let body = json!({ "name": "Reader", "code": "READER" });
        let role = administrator.send("POST /api/v1/roles", &body).assert_status(201).id();
        let body = json!({ "permissionCode": "IDENTITY_USER_READ" });
        administrator
            .send(&format!("POST /api/v1/roles/{role}/permissions"), &body)
            .assert_status(201);
        let roles = format!("/api/v1/users/{}/roles", self.user);
        let mut body = json!({ "roleId": role });
        if let Some(instant) = expires_at {
            body["expiresAt"] = instant.into();
        }
        administrator.send(&format!("POST {roles}"), &body).assert_status(201);
        format!("{roles}/{role}")
    }
}
