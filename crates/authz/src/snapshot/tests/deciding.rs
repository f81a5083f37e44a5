//! The rules of deciding, one by one.

use std::sync::Arc;

use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};
use serde_json::json;

use super::office::{
    CODES, InvoiceRead, Office, OrderRead, OrganizationCreate, Unseeded, UnseededPlatform, at, catalogue, id, noon,
    organization, permission, user,
};
use crate::conditions::Variables;
use crate::snapshot::{
    AccountPermissionRow, AccountRow, Because, Catalogue, KeyPermissionRow, KeyRow, ModuleRow, Outcome, Period,
    PermissionRow, Principal, Rows, Snapshot, SystemRole, TooLarge, WithheldRow,
};
use crate::{Denial, Granted, Permission as _, PermissionScope, Step};

/// The codes that somebody may use at noon, those under a condition followed by `?`.
fn allowed(snapshot: &Snapshot, principal: Principal) -> Vec<String> {
    allowed_at(snapshot, principal, noon())
}

fn allowed_at(snapshot: &Snapshot, principal: Principal, now: Timestamp) -> Vec<String> {
    CODES
        .into_iter()
        .filter_map(
            |code| match snapshot.decide(principal, permission(snapshot, code), now) {
                Outcome::Allowed => Some(code.to_owned()),
                Outcome::AllowedIf(_) => Some(format!("{code}?")),
                Outcome::Denied(_) => None,
            },
        )
        .collect()
}

fn step(snapshot: &Snapshot, principal: Principal, code: &str) -> Option<Step> {
    match snapshot.decide(principal, permission(snapshot, code), noon()) {
        Outcome::Denied(step) => Some(step),
        _ => None,
    }
}

#[test]
fn a_role_gives_its_permissions_and_those_above_it() {
    let office = Office::new()
        .role("READER", &["FINANCE_INVOICE_READ"])
        .role("SELLER", &["SALES_ORDER_READ"])
        .role("CLERK", &["FINANCE_INVOICE_UPDATE"])
        .role("MANAGER", &[])
        // A diamond.
        .inherits("CLERK", "READER")
        .inherits("SELLER", "READER")
        .inherits("MANAGER", "CLERK")
        .inherits("MANAGER", "SELLER")
        .user("ana", &["MANAGER"], &[])
        .user("rui", &["CLERK"], &[])
        .user("eva", &[], &[])
        .open();
    assert_eq!(
        allowed(&office, user("ana")),
        ["FINANCE_INVOICE_READ", "FINANCE_INVOICE_UPDATE", "SALES_ORDER_READ"]
    );
    assert_eq!(
        allowed(&office, user("rui")),
        ["FINANCE_INVOICE_READ", "FINANCE_INVOICE_UPDATE"]
    );
    assert_eq!(allowed(&office, user("eva")), Vec::<String>::new());
    assert_eq!(allowed(&office, user("nobody")), Vec::<String>::new());
}

#[test]
fn inheritance_of_any_depth_counts() {
    let deep = 5_000;
    let mut office = Office::new().role("R0", &["FINANCE_INVOICE_READ", "SALES_ORDER_READ if {\"a\":1}"]);
    for number in 1..deep {
        let name = format!("R{number}");
        office = office.role(&name, &[]).inherits(&name, &format!("R{}", number - 1));
    }
    let snapshot = office.user("ana", &[&format!("R{}", deep - 1)], &[]).open();
    assert_eq!(
        allowed(&snapshot, user("ana")),
        ["FINANCE_INVOICE_READ", "SALES_ORDER_READ?"]
    );
}

#[test]
fn a_group_gives_its_roles_and_permissions() {
    let office = Office::new()
        .role("READER", &["FINANCE_INVOICE_READ"])
        .role("CLERK", &["FINANCE_INVOICE_UPDATE"])
        .inherits("CLERK", "READER")
        .group("BACK_OFFICE", &["CLERK"], &["SALES_ORDER_READ"])
        .user("ana", &[], &["BACK_OFFICE"])
        .open();
    assert_eq!(
        allowed(&office, user("ana")),
        ["FINANCE_INVOICE_READ", "FINANCE_INVOICE_UPDATE", "SALES_ORDER_READ"]
    );
}

#[test]
fn a_grant_gives_nothing_from_the_instant_it_expires() {
    let office = Office::new()
        .role("READER", &["FINANCE_INVOICE_READ"])
        .role("CLERK", &["FINANCE_INVOICE_UPDATE"])
        .user("ana", &["CLERK until 2026-11-21T12:00:00Z", "READER"], &[])
        .open();
    let before = at("2026-11-21T11:59:59.999999Z");
    assert_eq!(
        allowed_at(&office, user("ana"), before),
        ["FINANCE_INVOICE_READ", "FINANCE_INVOICE_UPDATE"]
    );
    assert_eq!(allowed_at(&office, user("ana"), noon()), ["FINANCE_INVOICE_READ"]);
}

#[test]
fn system_roles_hold_what_the_contract_says() {
    let all_tenant = &CODES[..4];
    let staffed = |office: Office| {
        office
            .user("super", &["SUPER_ADMIN"], &[])
            .user("admin", &["ORG_ADMIN"], &[])
            .user("seller", &["MODULE_MANAGER of SALES"], &[])
            .user("viewer", &["VIEWER"], &[])
            .open()
    };
    let customer = staffed(Office::new());
    assert_eq!(
        allowed(&customer, user("super")),
        Vec::<String>::new(),
        "SUPER_ADMIN is nobody outside the platform"
    );
    assert_eq!(allowed(&customer, user("admin")), all_tenant);
    assert_eq!(
        allowed(&customer, user("seller")),
        ["SALES_ORDER_READ", "SALES_ORDER_UPDATE"]
    );
    assert_eq!(
        allowed(&customer, user("viewer")),
        ["FINANCE_INVOICE_READ", "SALES_ORDER_READ"]
    );

    let platform = staffed(Office::platform());
    assert_eq!(allowed(&platform, user("super")), CODES);
    assert_eq!(allowed(&platform, user("admin")), all_tenant);
    assert_eq!(
        allowed(&platform, user("viewer")),
        [
            "FINANCE_INVOICE_READ",
            "SALES_ORDER_READ",
            "ORGANIZATION_ORGANIZATION_READ"
        ]
    );
}

#[test]
fn a_role_and_a_group_can_have_a_system_role_but_the_manager() {
    // As onboarding makes them.
    let office = Office::new()
        .role("ADM_CLIENTE", &[])
        .inherits("ADM_CLIENTE", "ORG_ADMIN")
        .group("ADM_CLIENTE_GROUP", &["ADM_CLIENTE"], &[])
        .user("ana", &[], &["ADM_CLIENTE_GROUP"])
        .open();
    assert_eq!(allowed(&office, user("ana")), CODES[..4]);
    assert_eq!(office.widest_system_role(id("ana"), noon()), Some(SystemRole::OrgAdmin));

    let office = Office::new()
        .role("SALES_BOSS", &[])
        .inherits("SALES_BOSS", "MODULE_MANAGER")
        .group("SALES", &["MODULE_MANAGER"], &[])
        .user("ana", &["SALES_BOSS", "MODULE_MANAGER"], &["SALES"]);
    let snapshot = Snapshot::build(organization(), false, catalogue(), &office.rows).unwrap();
    assert_eq!(snapshot.dangling(), 3);
    assert_eq!(allowed(&snapshot, user("ana")), Vec::<String>::new());
}

#[test]
fn a_role_limited_to_a_module_is_only_the_managers() {
    let office = Office::new().role("CLERK", &["FINANCE_INVOICE_UPDATE"]).user(
        "ana",
        &["CLERK of FINANCE", "ORG_ADMIN of FINANCE", "MODULE_MANAGER of SPACE"],
        &[],
    );
    let snapshot = Snapshot::build(organization(), false, catalogue(), &office.rows).unwrap();
    assert_eq!(snapshot.dangling(), 3, "nobody knows what was meant");
    assert_eq!(allowed(&snapshot, user("ana")), Vec::<String>::new());
}

#[test]
fn a_condition_goes_along_unless_there_is_a_grant_without() {
    const CHEAP: &str = r#"FINANCE_INVOICE_READ if {"amount":{"$lte":5}}"#;
    const OPEN: &str = r#"FINANCE_INVOICE_READ if {"status":"open"}"#;
    let office = Office::new()
        .role("CHEAP", &[CHEAP])
        .role("OPEN", &[OPEN])
        .role("BOTH", &[])
        .inherits("BOTH", "CHEAP")
        .inherits("BOTH", "OPEN")
        .role("ALL", &["FINANCE_INVOICE_READ"])
        .role("ALWAYS", &["FINANCE_INVOICE_READ if {}"])
        .user("ana", &["CHEAP"], &[])
        .user("rui", &["BOTH", "CHEAP"], &[])
        .user("eva", &["BOTH", "ALL until 2026-11-21T13:00:00Z"], &[])
        .user("leo", &["CHEAP", "ALWAYS"], &[])
        .open();
    let read = permission(&office, "FINANCE_INVOICE_READ");
    let variables = Variables {
        user_id: None,
        user_email: None,
        organization_id: organization().as_uuid(),
        now: noon(),
    };
    let sources = |outcome: &Outcome| -> Vec<String> {
        let Outcome::AllowedIf(residual) = outcome else {
            panic!("{outcome:?}");
        };
        residual.conditions().map(ToString::to_string).collect()
    };
    let ana = office.decide(user("ana"), read, noon());
    assert_eq!(sources(&ana), [r#"{"amount":{"$lte":5}}"#]);
    assert_eq!(ana.denied_at(&json!({"amount": 5}), &variables), None);
    assert_eq!(ana.denied_at(&json!({"amount": 6}), &variables), Some(Step::Condition));

    let rui = office.decide(user("rui"), read, noon());
    assert_eq!(sources(&rui), [r#"{"amount":{"$lte":5}}"#, r#"{"status":"open"}"#]);
    assert_eq!(rui.denied_at(&json!({"amount": 6, "status": "open"}), &variables), None);

    assert_eq!(office.decide(user("eva"), read, noon()), Outcome::Allowed);
    let later = office.decide(user("eva"), read, at("2026-11-21T13:00:00Z"));
    assert_eq!(sources(&later).len(), 2, "what remains has conditions");
    assert_eq!(office.decide(user("leo"), read, noon()), Outcome::Allowed);
    assert_eq!(
        Outcome::Denied(Step::Grant).denied_at(&json!({}), &variables),
        Some(Step::Grant)
    );
}

#[test]
fn who_is_inactive_may_do_nothing() {
    let office = Office::new()
        .user("ana", &["ORG_ADMIN"], &[])
        .change(|rows| rows.users[0].is_active = false)
        .open();
    assert_eq!(step(&office, user("ana"), "FINANCE_INVOICE_READ"), Some(Step::Grant));
    assert_eq!(office.widest_system_role(id("ana"), noon()), None);
    assert_eq!(
        office.offers_of_principal(user("ana"), noon()).len(),
        4,
        "and keeps what it had"
    );
}

#[test]
fn the_first_step_that_denies_is_told() {
    let inactive = |rows: &mut Rows| rows.modules[0].is_active = false;
    let withheld = |rows: &mut Rows| {
        rows.withheld.push(WithheldRow {
            permission: id("FINANCE_INVOICE_READ"),
            because: Because::Package,
            period: Period::ALWAYS,
        });
    };
    let office = || Office::new().user("admin", &["ORG_ADMIN"], &[]).user("eva", &[], &[]);
    let told = |office: Office, name: &str, code: &str| step(&office.open(), user(name), code);
    const READ: &str = "FINANCE_INVOICE_READ";
    assert_eq!(told(office(), "admin", READ), None);
    assert_eq!(told(office(), "eva", READ), Some(Step::Grant));
    assert_eq!(told(office().change(inactive), "admin", READ), Some(Step::Module));
    assert_eq!(told(office().change(inactive), "eva", READ), Some(Step::Module));
    assert_eq!(told(office().change(withheld), "admin", READ), Some(Step::Withheld));
    assert_eq!(told(office().change(withheld), "eva", READ), Some(Step::Grant));
    assert_eq!(told(office().change(withheld), "admin", "FINANCE_INVOICE_UPDATE"), None);
    assert_eq!(
        told(office(), "admin", "ORGANIZATION_ORGANIZATION_READ"),
        Some(Step::Scope)
    );
    let all = |rows: &mut Rows| {
        inactive(rows);
        withheld(rows);
    };
    assert_eq!(told(office().change(all), "admin", READ), Some(Step::Module));
    // Of no module nothing is said: it is not active.
    let bare = |rows: &mut Rows| rows.modules.clear();
    assert_eq!(told(office().change(bare), "admin", READ), Some(Step::Module));
}

#[test]
fn not_even_the_super_admin_goes_around_modules_and_withholding() {
    let office = Office::platform().user("super", &["SUPER_ADMIN"], &[]).change(|rows| {
        rows.modules[1].is_active = false;
        rows.withheld.push(WithheldRow {
            permission: id("FINANCE_INVOICE_READ"),
            because: Because::Override,
            period: Period::ALWAYS,
        });
    });
    let snapshot = office.open();
    assert_eq!(step(&snapshot, user("super"), "SALES_ORDER_READ"), Some(Step::Module));
    assert_eq!(
        step(&snapshot, user("super"), "FINANCE_INVOICE_READ"),
        Some(Step::Withheld)
    );
    assert_eq!(step(&snapshot, user("super"), "FINANCE_INVOICE_UPDATE"), None);
}

#[test]
fn modules_and_withholdings_begin_and_end_by_the_clock() {
    let noon_on = Period {
        from: Some(noon()),
        until: Some(at("2026-11-21T13:00:00Z")),
    };
    let office = Office::new().user("admin", &["ORG_ADMIN"], &[]).change(|rows| {
        // Until noon the package has it; then an override takes it away for an hour.
        rows.modules[0].period.until = Some(noon());
        rows.modules.push(ModuleRow {
            module: "FINANCE".to_owned(),
            is_active: false,
            because: Because::Override,
            period: noon_on,
        });
        rows.modules.push(ModuleRow {
            module: "FINANCE".to_owned(),
            is_active: true,
            because: Because::Package,
            period: Period {
                from: noon_on.until,
                until: None,
            },
        });
        rows.withheld.push(WithheldRow {
            permission: id("SALES_ORDER_READ"),
            because: Because::Override,
            period: noon_on,
        });
    });
    let snapshot = office.open();
    for (now, finance, sales) in [
        ("0001-01-01T00:00:00Z", true, true),
        ("2026-11-21T11:59:59.999999Z", true, true),
        ("2026-11-21T12:00:00Z", false, false),
        ("2026-11-21T12:59:59.999999Z", false, false),
        ("2026-11-21T13:00:00Z", true, true),
        ("9999-12-31T23:59:59Z", true, true),
    ] {
        let allowed = allowed_at(&snapshot, user("admin"), at(now));
        let has = |code: &str| allowed.iter().any(|allowed| allowed == code);
        assert_eq!(
            (has("FINANCE_INVOICE_READ"), has("SALES_ORDER_READ")),
            (finance, sales),
            "{now}"
        );
    }
}

fn with_key(office: Office, maker: Principal, list: &[&str], expires_at: Option<Timestamp>) -> Office {
    office.change(|rows| {
        rows.keys.push(KeyRow {
            id: id("key"),
            maker,
            expires_at,
        });
        rows.key_permissions.extend(list.iter().map(|code| KeyPermissionRow {
            key: id("key"),
            permission: id(code),
        }));
    })
}

fn with_account(office: Office, list: &[&str]) -> Office {
    office.change(|rows| {
        rows.accounts.push(AccountRow {
            id: id("robot"),
            is_active: true,
        });
        rows.account_permissions
            .extend(list.iter().map(|code| AccountPermissionRow {
                account: id("robot"),
                permission: id(code),
            }));
    })
}

#[test]
fn a_key_may_what_is_on_its_list_and_its_maker_still_holds() {
    const CHEAP: &str = r#"SALES_ORDER_READ if {"amount":{"$lte":5}}"#;
    let office = || {
        Office::new()
            .role("CLERK", &["FINANCE_INVOICE_READ", "FINANCE_INVOICE_UPDATE", CHEAP])
            .user("ana", &["CLERK"], &[])
    };
    let key = Principal::api_key(id("key"));
    let list = &["FINANCE_INVOICE_READ", "SALES_ORDER_READ", "SALES_ORDER_UPDATE"];
    let snapshot = with_key(office(), user("ana"), list, None).open();
    assert_eq!(
        allowed(&snapshot, key),
        ["FINANCE_INVOICE_READ"],
        "not what the maker holds under a condition"
    );
    // Deactivating the maker ends it.
    let dead = with_key(office(), user("ana"), list, None)
        .change(|rows| rows.users[0].is_active = false)
        .open();
    assert_eq!(allowed(&dead, key), Vec::<String>::new());
    // So does its own end.
    let timed = with_key(office(), user("ana"), list, Some(noon())).open();
    assert_eq!(allowed(&timed, key), Vec::<String>::new());
    assert_eq!(
        allowed_at(&timed, key, at("2026-11-21T11:59:59Z")),
        ["FINANCE_INVOICE_READ"]
    );
    // A service account can make one; a key cannot.
    let robot = Principal::service_account(id("robot"));
    let snapshot = with_key(with_account(office(), &["SALES_ORDER_READ"]), robot, list, None).open();
    assert_eq!(allowed(&snapshot, key), ["SALES_ORDER_READ"]);
    let snapshot = with_key(office(), key, list, None).open();
    assert_eq!(allowed(&snapshot, key), Vec::<String>::new(), "its own maker");
}

#[test]
fn a_service_account_may_what_is_on_its_list() {
    let list = &["SALES_ORDER_READ", "ORGANIZATION_ORGANIZATION_READ"];
    let robot = Principal::service_account(id("robot"));
    let customer = with_account(Office::new(), list).open();
    assert_eq!(allowed(&customer, robot), ["SALES_ORDER_READ"]);
    let platform = with_account(Office::platform(), list).open();
    assert_eq!(allowed(&platform, robot), list);
    let off = with_account(Office::platform(), list)
        .change(|rows| rows.accounts[0].is_active = false)
        .open();
    assert_eq!(allowed(&off, robot), Vec::<String>::new());
}

#[test]
fn who_is_one_kind_of_actor_is_no_other() {
    let snapshot = with_account(Office::new().user("ana", &["ORG_ADMIN"], &[]), &CODES[..4]).open();
    for kind in ActorKind::ALL {
        for name in ["ana", "robot"] {
            let principal = Principal { kind, id: id(name) };
            let expected = matches!(
                (kind, name),
                (ActorKind::User, "ana") | (ActorKind::ServiceAccount, "robot")
            );
            assert_eq!(!allowed(&snapshot, principal).is_empty(), expected, "{kind:?} {name}");
        }
    }
}

fn actor(kind: ActorKind, name: &str) -> Arc<Actor> {
    Arc::new(Actor {
        kind,
        id: id(name),
        name: name.to_owned(),
    })
}

#[test]
fn a_check_becomes_a_proof() {
    const CHEAP: &str = r#"SALES_ORDER_READ if {"amount":{"$lte":5}}"#;
    let snapshot = Office::new()
        .role("CLERK", &["FINANCE_INVOICE_READ", CHEAP])
        .user("ana", &["CLERK"], &[])
        .open();
    let ana = actor(ActorKind::User, "ana");
    let decision = snapshot.check(&ana, InvoiceRead::INFO, noon());
    let granted = Granted::<InvoiceRead>::from_decision(decision, Arc::clone(&ana), organization()).unwrap();
    assert_eq!(granted.residual(), None);

    let decision = snapshot.check(&ana, OrderRead::INFO, noon());
    let granted = Granted::<OrderRead>::from_decision(decision, Arc::clone(&ana), organization()).unwrap();
    assert_eq!(granted.residual().unwrap().conditions().count(), 1);

    for (permission, step) in [
        (OrganizationCreate::INFO, Step::Scope),
        (Unseeded::INFO, Step::Grant),
        (UnseededPlatform::INFO, Step::Scope),
    ] {
        let denial = snapshot.check(&ana, permission, noon()).into_denial();
        assert_eq!(denial, Some(Denial::new(permission, step)));
    }
}

#[test]
fn a_service_account_of_the_platform_works_in_a_named_organization() {
    let list = &[
        "FINANCE_INVOICE_READ",
        "SALES_ORDER_READ",
        "ORGANIZATION_ORGANIZATION_CREATE",
    ];
    let platform = with_account(Office::platform(), list)
        .user("root", &["SUPER_ADMIN"], &[])
        .open();
    let customer = Office::new().change(|rows| rows.modules[1].is_active = false).open();
    let robot = actor(ActorKind::ServiceAccount, "robot");
    let denied = |decision: crate::Decision| decision.into_denial().map(|denial| denial.step());

    let decision = platform.check_in(&customer, &robot, InvoiceRead::INFO, noon());
    let granted = Granted::<InvoiceRead>::from_decision(decision, Arc::clone(&robot), customer.organization());
    assert!(granted.is_ok());
    let in_customer = |permission| denied(platform.check_in(&customer, &robot, permission, noon()));
    assert_eq!(
        in_customer(OrderRead::INFO),
        Some(Step::Module),
        "the customer's modules count"
    );
    assert_eq!(in_customer(OrganizationCreate::INFO), Some(Step::Scope));
    assert_eq!(in_customer(Unseeded::INFO), Some(Step::Grant));

    // By itself it has nothing there, and nobody else has anything there at all.
    assert_eq!(
        denied(customer.check(&robot, InvoiceRead::INFO, noon())),
        Some(Step::Grant)
    );
    let root = actor(ActorKind::User, "root");
    let decision = platform.check_in(&customer, &root, InvoiceRead::INFO, noon());
    assert_eq!(
        denied(decision),
        Some(Step::Grant),
        "SUPER_ADMIN acts in no customer's data"
    );
    let other = with_account(Office::new(), list).open();
    let decision = other.check_in(&customer, &robot, InvoiceRead::INFO, noon());
    assert_eq!(
        denied(decision),
        Some(Step::Grant),
        "an account of a customer is no guest"
    );
}

#[test]
fn the_widest_system_role_is_found_by_whatever_way() {
    let office = Office::platform()
        .role("BOSS", &[])
        .inherits("BOSS", "SUPER_ADMIN")
        .group("READERS", &["VIEWER"], &[])
        .user(
            "ana",
            &["BOSS until 2026-11-21T12:00:00Z", "MODULE_MANAGER of SALES"],
            &["READERS"],
        )
        .user("eva", &["VIEWER"], &[])
        .user("rui", &[], &[]);
    let widest = |office: &Office, name: &str, now: Timestamp| office.open().widest_system_role(id(name), now);
    let before = at("2026-11-21T11:00:00Z");
    assert_eq!(widest(&office, "ana", before), Some(SystemRole::SuperAdmin));
    assert_eq!(widest(&office, "ana", noon()), Some(SystemRole::ModuleManager));
    assert_eq!(widest(&office, "eva", noon()), Some(SystemRole::Viewer));
    assert_eq!(widest(&office, "rui", noon()), None);
    assert_eq!(widest(&office, "nobody", noon()), None);
    let elsewhere = Office {
        is_platform: false,
        ..office
    };
    assert_eq!(widest(&elsewhere, "ana", before), Some(SystemRole::ModuleManager));
}

#[test]
fn a_cycle_that_should_not_be_there_does_no_harm() {
    let office = Office::new()
        .role("A", &["FINANCE_INVOICE_READ"])
        .role("B", &["FINANCE_INVOICE_UPDATE"])
        .role("C", &[r#"SALES_ORDER_READ if {"a":1}"#])
        .inherits("A", "B")
        .inherits("B", "C")
        .inherits("C", "A")
        .inherits("A", "A")
        .user("ana", &["A"], &[])
        .user("rui", &["C"], &[])
        .open();
    let all = ["FINANCE_INVOICE_READ", "FINANCE_INVOICE_UPDATE", "SALES_ORDER_READ?"];
    assert_eq!(allowed(&office, user("ana")), all);
    assert_eq!(allowed(&office, user("rui")), all);
}

#[test]
fn the_catalogue_is_asked_by_code_and_by_id() {
    let catalogue = catalogue();
    assert_eq!((catalogue.len(), catalogue.is_empty()), (6, false));
    for code in CODES {
        let index = catalogue.find(code).unwrap();
        assert_eq!(catalogue.find_by_id(id(code)), Some(index));
        assert_eq!((catalogue.code(index), catalogue.id(index)), (code, id(code)));
        assert!(code.starts_with(catalogue.module_of(index)));
        let is_platform = code.starts_with("ORGANIZATION");
        assert_eq!(catalogue.scope(index) == PermissionScope::Platform, is_platform);
    }
    assert_eq!(catalogue.find("FINANCE_INVOICE"), None);
    assert_eq!(catalogue.find_by_id(id("ana")), None);
    for role in SystemRole::ALL {
        assert_eq!(
            catalogue.system_role(catalogue.system_role_id(role).unwrap()),
            Some(role)
        );
        assert_eq!(SystemRole::find(role.code()), Some(role));
    }
}

#[test]
fn a_permission_of_another_catalogue_is_denied() {
    let row = |number: usize| PermissionRow {
        id: uuid::Uuid::from_u128(number as u128),
        code: format!("P{number}"),
        module: "M".to_owned(),
        action: "READ".to_owned(),
        scope: PermissionScope::Tenant,
    };
    let large = Catalogue::new((0..500).map(row).collect(), Vec::new()).unwrap();
    let beyond = large.find("P499").unwrap();
    let snapshot = Office::platform().user("super", &["SUPER_ADMIN"], &[]).open();
    assert_eq!(
        snapshot.decide(user("super"), beyond, noon()),
        Outcome::Denied(Step::Module)
    );
    assert_eq!(snapshot.catalogue().code(beyond), "");
    assert!(matches!(
        Catalogue::new((0..65_536).map(row).collect(), Vec::new()),
        Err(TooLarge)
    ));
}

#[test]
fn a_snapshot_tells_in_a_log_how_large_it_is() {
    let snapshot = Office::new().user("ana", &[], &[]).open();
    let printed = format!("{snapshot:?}");
    assert!(
        printed.contains("principals: 1") && printed.contains("footprint"),
        "{printed}"
    );
    assert_eq!(snapshot.organization(), OrganizationId::from_uuid(id("Acme")));
    assert_eq!(snapshot.users().collect::<Vec<_>>(), [id("ana")]);
    assert!(!snapshot.is_platform());
}
