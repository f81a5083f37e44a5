//! What is taken away on one node is gone on the other within a second. SQLite has one node; these tests are PostgreSQL's.

use std::time::Duration;

use serde_json::json;

use crate::client::{Answer, Client};
use crate::customer::{Customer, READABLE};
use crate::installation::{Installation, Server};
use crate::time::{SOON, Stopwatch, eventually};

/// How late the other node may be here. The contract is one second; a machine that runs other tests at the same time is slower.
pub(crate) const GONE_WITHIN: Duration = Duration::from_secs(3);

/// Two nodes on one database, and a customer.
struct Nodes {
    here: Server,
    there: Server,
    customer: Customer,
    _lastro: Installation,
}

impl Nodes {
    fn start() -> Option<Self> {
        let first = Installation::on_postgres()?.with("LASTRO_MASTER_KEY", &"0f".repeat(32));
        let second = first.another_node();
        let [here, there] = [&first, &second].map(|node| node.serve(&["--demo"]));
        Some(Self {
            customer: Customer::on(&here),
            here,
            there,
            _lastro: first,
        })
    }

    /// The customer's administrator, on this node.
    fn administrator(&self) -> Client {
        self.customer.administrator(&self.here)
    }

    /// An access token of the user, got on this node.
    fn token(&self) -> String {
        self.customer.token(&self.here)
    }

    /// Asserts that what is allowed on both nodes is refused on this one as soon as it is taken away here, and on the other one
    /// in time.
    #[track_caller]
    fn assert_gone(
        self,
        what: &str,
        credential: &str,
        asking: impl Fn(&mut Client) -> Answer,
        take: impl FnOnce() -> Answer,
        refusal: (u16, &str),
    ) {
        let [mut here, mut there] = [&self.here, &self.there].map(|node| node.holder(credential));
        eventually("what was made here is there on the other node", SOON, || {
            (asking(&mut there).status < 300).then_some(())
        });
        // Both remember that it is allowed.
        for client in [&mut here, &mut there] {
            let allowed = asking(client);
            assert!(allowed.status < 300, "{allowed:?}");
        }

        let since = Stopwatch::start();
        let taken = take();
        assert!(taken.status < 300, "{taken:?}");
        let refused = |answer: &Answer| (answer.status, answer.code()) == (refusal.0, refusal.1.to_owned());
        let at_once = asking(&mut here);
        assert!(refused(&at_once), "{at_once:?}");
        let took = eventually(what, GONE_WITHIN, || {
            let answer = asking(&mut there);
            if answer.status < 300 {
                return None;
            }
            assert!(refused(&answer), "{answer:?}");
            Some(since.elapsed())
        });
        println!("{what}: refused on the other node {took:?} after the request for it was sent");
        // Nor does it come back.
        assert!(refused(&asking(&mut there)));
        [self.here, self.there].into_iter().for_each(Server::stop);
    }
}

fn me(client: &mut Client) -> Answer {
    client.get("/api/v1/auth/me")
}

fn users(client: &mut Client) -> Answer {
    client.get(READABLE)
}

#[test]
fn a_deactivated_user_is_out_on_the_other_node() {
    let Some(nodes) = Nodes::start() else { return };
    let (token, mut administrator) = (nodes.token(), nodes.administrator());
    let path = format!("DELETE /api/v1/users/{}", nodes.customer.user);
    let take = || administrator.ask(&path);
    nodes.assert_gone("a deactivated user", &token, me, take, (401, "AUTH_SESSION_REVOKED"));
}

#[test]
fn who_logs_out_is_out_on_the_other_node() {
    let Some(nodes) = Nodes::start() else { return };
    let token = nodes.token();
    let mut user = nodes.here.holder(&token);
    let take = || user.ask("POST /api/v1/auth/logout");
    nodes.assert_gone("a logout", &token, me, take, (401, "AUTH_SESSION_REVOKED"));
}

#[test]
fn a_revoked_api_key_opens_nothing_on_the_other_node() {
    let Some(nodes) = Nodes::start() else { return };
    let mut administrator = nodes.administrator();
    let body = json!({ "name": "Export", "permissions": ["IDENTITY_USER_READ"] });
    let made = administrator.send("POST /api/v1/api-keys", &body).assert_status(201);
    let key = made.json()["data"]["key"].as_str().expect("a key").to_owned();
    let path = format!("DELETE /api/v1/api-keys/{}", made.id());
    let take = || administrator.ask(&path);
    nodes.assert_gone("a revoked API key", &key, users, take, (401, "AUTH_INVALID_TOKEN"));
}

#[test]
fn a_removed_role_is_denied_on_the_other_node() {
    let Some(nodes) = Nodes::start() else { return };
    let mut administrator = nodes.administrator();
    let assigned = nodes.customer.grant_reading(&mut administrator, None);
    let token = nodes.token();
    let take = || administrator.ask(&format!("DELETE {assigned}"));
    nodes.assert_gone("a removed role", &token, users, take, (403, "RBAC_FORBIDDEN"));
}

/// A module of the customer's package that this takes away from it is denied on the other node.
#[track_caller]
fn assert_module_gone(what: &str, take: impl FnOnce(&mut Client, &Customer) -> Answer) {
    let Some(nodes) = Nodes::start() else { return };
    let mut operator = nodes.here.operator();
    let token = nodes.customer.administrators_token(&nodes.here);
    let asking = |client: &mut Client| {
        let body = json!({ "permission": "FINANCE_INVOICE_READ" });
        client.send("POST /api/v1/access/require", &body)
    };
    let customer = nodes.customer.clone();
    let take = || take(&mut operator, &customer);
    let refusal = (403, "RBAC_MODULE_NOT_CONTRACTED");
    nodes.assert_gone(what, &token, asking, take, refusal);
}

/// The id of the first that a list finds.
#[track_caller]
fn found(operator: &mut Client, list: &str) -> String {
    let listed = operator.get(list).assert_status(200).json();
    listed["data"][0]["id"].as_str().expect("one that is found").to_owned()
}

#[test]
fn a_deactivated_module_is_denied_on_the_other_node() {
    assert_module_gone("a deactivated module", |operator, customer| {
        let finance = found(operator, "/api/v1/modules?q=FINANCE");
        let modules = format!("/api/v1/organizations/{}/modules", customer.organization);
        operator.ask(&format!("POST {modules}/{finance}/deactivate"))
    });
}

#[test]
fn a_module_that_is_deactivated_for_everybody_is_denied_on_the_other_node() {
    assert_module_gone("a module that nobody has any more", |operator, _| {
        let finance = found(operator, "/api/v1/modules?q=FINANCE");
        operator.ask(&format!("POST /api/v1/modules/{finance}/deactivate"))
    });
}

#[test]
fn what_a_package_loses_is_denied_on_the_other_node() {
    assert_module_gone("a module that the package lost", |operator, _| {
        let package = found(operator, "/api/v1/packages?q=business");
        operator.send(
            &format!("PATCH /api/v1/packages/{package}"),
            &json!({ "modules": ["SALES"] }),
        )
    });
}
