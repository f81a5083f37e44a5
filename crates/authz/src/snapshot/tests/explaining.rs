//! Why somebody may, or may not.

use super::office::{Office, at, id, noon, permission, user};
use crate::Step;
use crate::snapshot::{
    AccountPermissionRow, AccountRow, Because, KeyPermissionRow, KeyRow, Outcome, Path, Period, Principal, Snapshot,
    Via, WithheldRow,
};

/// A path as text: `group: SALES > SELLER > READER if {…} until …`.
fn told(path: &Path) -> String {
    let steps: Vec<String> = path
        .steps
        .iter()
        .map(|step| {
            let module = step
                .module
                .as_ref()
                .map_or(String::new(), |module| format!(" of {module}"));
            let code = if step.code.is_empty() {
                step.kind.as_str()
            } else {
                &step.code
            };
            format!("{code}{module}")
        })
        .collect();
    let condition = path
        .condition
        .as_ref()
        .map_or(String::new(), |condition| format!(" if {condition}"));
    let end = path.expires_at.map_or(String::new(), |end| format!(" until {end}"));
    format!("{}: {}{condition}{end}", path.via.as_str(), steps.join(" > "))
}

fn paths(office: &Snapshot, principal: Principal, code: &str) -> Vec<String> {
    let explanation = office.explain(principal, permission(office, code), noon());
    explanation.paths.iter().map(told).collect()
}

#[test]
fn every_way_is_told() {
    let office = Office::new()
        .role("READER", &["FINANCE_INVOICE_READ"])
        .role("CLERK", &[r#"FINANCE_INVOICE_READ if {"status":"open"}"#])
        .role("BOSS", &[])
        .inherits("BOSS", "CLERK")
        .inherits("CLERK", "READER")
        .inherits("BOSS", "READER")
        .group("FINANCE_READERS", &["CLERK"], &["FINANCE_INVOICE_READ"])
        .user(
            "ana",
            &[
                "BOSS until 2026-12-01T00:00:00Z",
                "VIEWER",
                "MODULE_MANAGER of FINANCE",
                "CLERK until 2026-11-21T12:00:00Z",
            ],
            &["FINANCE_READERS"],
        )
        .open();
    let mut ways = paths(&office, user("ana"), "FINANCE_INVOICE_READ");
    ways.sort();
    assert_eq!(
        ways,
        [
            "group: FINANCE_READERS",
            "group: FINANCE_READERS > CLERK > READER",
            r#"group: FINANCE_READERS > CLERK if {"status":"open"}"#,
            r#"role: BOSS > CLERK if {"status":"open"} until 2026-12-01T00:00:00.000000Z"#,
            "role: BOSS > READER until 2026-12-01T00:00:00.000000Z",
            "system: MODULE_MANAGER of FINANCE",
            "system: VIEWER",
        ]
    );
    assert_eq!(paths(&office, user("ana"), "SALES_ORDER_READ"), ["system: VIEWER"]);
    assert_eq!(paths(&office, user("ana"), "SALES_ORDER_UPDATE"), Vec::<String>::new());
    assert_eq!(
        paths(&office, user("ana"), "ORGANIZATION_ORGANIZATION_READ"),
        Vec::<String>::new()
    );

    let effective = office.effective(user("ana"), noon());
    let read = effective
        .iter()
        .find(|held| office.catalogue().code(held.permission) == "FINANCE_INVOICE_READ")
        .unwrap();
    assert_eq!((read.conditions.len(), read.expires_at, read.paths.len()), (0, None, 7));
}

#[test]
fn diamonds_above_diamonds_do_not_multiply() {
    let mut office = Office::new()
        .role("TOP", &["FINANCE_INVOICE_READ"])
        .user("ana", &["L0"], &[]);
    let levels = 24;
    for level in 0..levels {
        let [left, right, next] = ["L", "R", "N"].map(|side| format!("{side}{level}"));
        let above = if level + 1 == levels {
            "TOP".to_owned()
        } else {
            format!("L{}", level + 1)
        };
        office = office
            .role(&left, &[])
            .role(&right, &[])
            .role(&next, &[])
            .inherits(&left, &right)
            .inherits(&left, &next)
            .inherits(&right, &above)
            .inherits(&next, &above);
    }
    let ways = paths(&office.open(), user("ana"), "FINANCE_INVOICE_READ");
    assert_eq!(ways.len(), 1, "one to each end, of sixteen million");
    assert_eq!(ways[0].matches(" > ").count(), 2 * levels);
}

#[test]
fn what_stands_in_the_way_is_told() {
    let office = Office::new().user("ana", &["ORG_ADMIN"], &[]).change(|rows| {
        rows.modules[0].is_active = false;
        rows.modules[0].because = Because::Manual;
        rows.modules.remove(2);
        rows.withheld.push(WithheldRow {
            permission: id("SALES_ORDER_UPDATE"),
            because: Because::Package,
            period: Period {
                from: None,
                until: Some(at("2026-12-01T00:00:00Z")),
            },
        });
    });
    let office = office.open();
    let explain = |code: &str| office.explain(user("ana"), permission(&office, code), noon());

    let module = explain("FINANCE_INVOICE_READ");
    assert_eq!(module.outcome, Outcome::Denied(Step::Module));
    assert_eq!(
        (module.module.is_active, module.module.because),
        (false, Some(Because::Manual))
    );
    assert_eq!(module.paths.len(), 1, "the role is told all the same");

    let withheld = explain("SALES_ORDER_UPDATE");
    assert_eq!(withheld.outcome, Outcome::Denied(Step::Withheld));
    assert_eq!(
        (withheld.withheld, withheld.package.as_deref()),
        (Some(Because::Package), Some("GOLD"))
    );
    assert_eq!(
        (withheld.module.is_active, withheld.module.because),
        (true, Some(Because::Package))
    );

    let allowed = explain("SALES_ORDER_READ");
    assert_eq!((allowed.outcome, allowed.withheld), (Outcome::Allowed, None));

    let scope = explain("ORGANIZATION_ORGANIZATION_READ");
    assert_eq!(scope.outcome, Outcome::Denied(Step::Scope));
    assert_eq!(
        (scope.module.is_active, scope.module.because),
        (false, None),
        "nothing is said of it"
    );
    for because in [
        Because::Core,
        Because::Default,
        Because::Package,
        Because::Manual,
        Because::Override,
        Because::Global,
    ] {
        assert_eq!(because.as_str(), format!("{because:?}").to_lowercase());
    }
}

#[test]
fn a_key_is_explained_by_its_list_and_its_maker() {
    let office = Office::new()
        .role(
            "CLERK",
            &["FINANCE_INVOICE_READ", r#"FINANCE_INVOICE_UPDATE if {"a":1}"#],
        )
        .user("ana", &["CLERK until 2026-12-01T00:00:00Z"], &[])
        .change(|rows| {
            rows.accounts.push(AccountRow {
                id: id("robot"),
                is_active: true,
            });
            rows.account_permissions.push(AccountPermissionRow {
                account: id("robot"),
                permission: id("SALES_ORDER_READ"),
            });
            for (key, maker) in [
                ("key", user("ana")),
                ("robots", Principal::service_account(id("robot"))),
            ] {
                rows.keys.push(KeyRow {
                    id: id(key),
                    maker,
                    expires_at: Some(at("2027-01-01T00:00:00Z")),
                });
                rows.key_permissions.extend(
                    ["FINANCE_INVOICE_READ", "FINANCE_INVOICE_UPDATE", "SALES_ORDER_READ"].map(|code| {
                        KeyPermissionRow {
                            key: id(key),
                            permission: id(code),
                        }
                    }),
                );
            }
        })
        .open();
    let key = Principal::api_key(id("key"));
    assert_eq!(
        paths(&office, key, "FINANCE_INVOICE_READ"),
        ["list: api_key > CLERK until 2026-12-01T00:00:00.000000Z"]
    );
    assert_eq!(paths(&office, key, "FINANCE_INVOICE_UPDATE"), Vec::<String>::new());
    assert_eq!(paths(&office, key, "SALES_ORDER_READ"), Vec::<String>::new());
    assert_eq!(
        paths(&office, Principal::api_key(id("robots")), "SALES_ORDER_READ"),
        ["list: api_key > service_account until 2027-01-01T00:00:00.000000Z"]
    );
    assert_eq!(
        paths(&office, Principal::service_account(id("robot")), "SALES_ORDER_READ"),
        ["list: service_account"]
    );
    assert_eq!(
        [Via::Role, Via::Group, Via::System, Via::List].map(Via::as_str),
        ["role", "group", "system", "list"]
    );
}
