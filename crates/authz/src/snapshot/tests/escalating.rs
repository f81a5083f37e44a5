//! Nobody grants beyond what they hold.

use kernel::Timestamp;

use super::office::{Office, at, condition, id, noon, permission, user};
use crate::snapshot::{Escalation, EscalationReason, Held, Offer, Snapshot, may_grant};

const CHEAP: &str = r#"{"amount":{"$lte":5}}"#;
const CHEAP_AND_OPEN: &str = r#"{"status":"open","amount":{"$lte":5}}"#;
const OPEN: &str = r#"{"status":"open"}"#;

fn held(text: Option<&str>, expires_at: Option<&str>) -> Held {
    Held {
        condition: text.map(condition),
        expires_at: expires_at.map(at),
    }
}

#[test]
fn one_way_to_hold_it_must_carry_the_whole_offer() {
    let office = Office::new().open();
    let offer = |text: Option<&str>, expires_at: Option<&str>| Offer {
        permission: permission(&office, "FINANCE_INVOICE_READ"),
        condition: text.map(condition),
        expires_at: expires_at.map(at),
    };
    const SOON: Option<&str> = Some("2026-12-01T00:00:00Z");
    const LATER: Option<&str> = Some("2026-12-02T00:00:00Z");
    use EscalationReason::{Condition, NotHeld, Outlives};
    for (ways, offered, expected) in [
        (vec![], offer(None, None), Err(NotHeld)),
        (vec![held(None, None)], offer(None, None), Ok(())),
        (vec![held(None, None)], offer(Some(CHEAP), LATER), Ok(())),
        // In time.
        (vec![held(None, SOON)], offer(None, None), Err(Outlives)),
        (vec![held(None, SOON)], offer(None, LATER), Err(Outlives)),
        (vec![held(None, SOON)], offer(None, SOON), Ok(())),
        (vec![held(None, LATER)], offer(None, SOON), Ok(())),
        (vec![held(None, SOON), held(None, LATER)], offer(None, LATER), Ok(())),
        // In reach.
        (vec![held(Some(CHEAP), None)], offer(None, None), Err(Condition)),
        (vec![held(Some(CHEAP), None)], offer(Some(CHEAP), None), Ok(())),
        (vec![held(Some(CHEAP), None)], offer(Some(CHEAP_AND_OPEN), None), Ok(())),
        (
            vec![held(Some(CHEAP_AND_OPEN), None)],
            offer(Some(CHEAP), None),
            Err(Condition),
        ),
        (vec![held(Some(CHEAP), None)], offer(Some(OPEN), None), Err(Condition)),
        (
            vec![held(Some(CHEAP), None), held(Some(OPEN), None)],
            offer(Some(OPEN), None),
            Ok(()),
        ),
        // In both.
        (vec![held(Some(CHEAP), SOON)], offer(Some(CHEAP), None), Err(Outlives)),
        (
            vec![held(None, SOON), held(Some(CHEAP), None)],
            offer(None, None),
            Err(Outlives),
        ),
        (
            vec![held(None, SOON), held(Some(CHEAP), None)],
            offer(Some(CHEAP), None),
            Ok(()),
        ),
    ] {
        assert_eq!(
            may_grant(&ways, &offered, false, false),
            expected,
            "{ways:?} {offered:?}"
        );
        assert_eq!(may_grant(&ways, &offered, true, true), expected);
        assert_eq!(
            may_grant(&ways, &offered, true, false),
            Err(EscalationReason::Platform),
            "not outside the platform, whoever holds it"
        );
    }
}

fn may(
    office: &Snapshot,
    giver: &str,
    role: &str,
    expires_at: Option<Timestamp>,
) -> Result<(), (String, EscalationReason)> {
    let (role, module) = match role.split_once(" of ") {
        Some((role, module)) => (role, Some(module)),
        None => (role, None),
    };
    let offers = office.offers_of_role(id(role), module, expires_at).unwrap();
    office
        .may_grant(user(giver), &offers, noon())
        .map_err(|Escalation { permission, reason }| (office.catalogue().code(permission).to_owned(), reason))
}

#[test]
fn a_role_is_granted_by_who_holds_all_that_is_in_it() {
    let office = Office::new()
        .role("READER", &["FINANCE_INVOICE_READ"])
        .role("CLERK", &["FINANCE_INVOICE_UPDATE"])
        .inherits("CLERK", "READER")
        .user("admin", &["ORG_ADMIN"], &[])
        .user("clerk", &["CLERK"], &[])
        .user("reader", &["READER"], &[])
        .user("temp", &["CLERK until 2026-12-01T00:00:00Z"], &[])
        .user("seller", &["MODULE_MANAGER of SALES"], &[])
        .change(|rows| rows.modules[0].is_active = false)
        .open();
    use EscalationReason::{NotHeld, Outlives};
    let err = |code: &str, reason| Err((code.to_owned(), reason));
    for role in ["READER", "CLERK", "ORG_ADMIN", "VIEWER", "MODULE_MANAGER of FINANCE"] {
        assert_eq!(may(&office, "admin", role, None), Ok(()), "{role}");
    }
    assert_eq!(
        may(&office, "clerk", "READER", None),
        Ok(()),
        "by inheritance, while the module sleeps"
    );
    assert_eq!(
        may(&office, "reader", "CLERK", None),
        err("FINANCE_INVOICE_UPDATE", NotHeld)
    );
    assert_eq!(may(&office, "clerk", "VIEWER", None), err("SALES_ORDER_READ", NotHeld));
    assert_eq!(may(&office, "seller", "MODULE_MANAGER of SALES", None), Ok(()));
    assert_eq!(
        may(&office, "seller", "MODULE_MANAGER of FINANCE", None),
        err("FINANCE_INVOICE_READ", NotHeld)
    );
    assert_eq!(
        may(&office, "temp", "READER", None),
        err("FINANCE_INVOICE_READ", Outlives)
    );
    let end = Some(at("2026-12-01T00:00:00Z"));
    assert_eq!(may(&office, "temp", "READER", end), Ok(()));
    assert_eq!(
        may(&office, "nobody", "READER", None),
        err("FINANCE_INVOICE_READ", NotHeld)
    );
    assert_eq!(office.offers_of_role(id("NO_ROLE"), None, None), None);
    assert_eq!(office.offers_of_role(id("READER"), Some("FINANCE"), None), None);
    assert_eq!(office.offers_of_role(id("MODULE_MANAGER"), None, None), None);
}

#[test]
fn who_cannot_give_it_cannot_touch_who_has_it() {
    let office = Office::new()
        .role("CLERK", &["FINANCE_INVOICE_UPDATE"])
        .group("SALES", &["VIEWER"], &["SALES_ORDER_UPDATE"])
        .user("admin", &["ORG_ADMIN"], &[])
        .user("clerk", &["CLERK"], &[])
        .user("seller", &["CLERK"], &["SALES"])
        .change(|rows| rows.users[2].is_active = false)
        .open();
    let touch = |giver: &str, other: &str| {
        let offers = office.offers_of_principal(user(other), noon());
        office.may_grant(user(giver), &offers, noon()).is_ok()
    };
    assert!(touch("admin", "clerk") && touch("admin", "seller"));
    assert!(touch("clerk", "clerk"));
    assert!(!touch("clerk", "seller"), "not even while it is inactive");
    assert!(!touch("clerk", "admin"));
    assert!(!touch("seller", "clerk"), "who is inactive holds nothing");
    let group = office.offers_of_group(id("SALES")).unwrap();
    assert_eq!(group.len(), 3);
    assert!(office.may_grant(user("admin"), &group, noon()).is_ok());
    assert!(office.may_grant(user("clerk"), &group, noon()).is_err());
    assert_eq!(office.offers_of_group(id("NO_GROUP")), None);
}

#[test]
fn a_platform_permission_is_granted_in_the_platform_alone() {
    let offer = |office: &Snapshot| Offer {
        permission: permission(office, "ORGANIZATION_ORGANIZATION_CREATE"),
        condition: None,
        expires_at: None,
    };
    let platform = Office::platform()
        .user("super", &["SUPER_ADMIN"], &[])
        .user("admin", &["ORG_ADMIN"], &[])
        .open();
    assert_eq!(platform.may_grant(user("super"), &[offer(&platform)], noon()), Ok(()));
    let denied = platform.may_grant(user("admin"), &[offer(&platform)], noon());
    assert_eq!(denied.unwrap_err().reason, EscalationReason::NotHeld);
    assert_eq!(may(&platform, "super", "SUPER_ADMIN", None), Ok(()));
    assert!(may(&platform, "admin", "SUPER_ADMIN", None).is_err());
    let customer = Office::new().user("admin", &["ORG_ADMIN"], &[]).open();
    assert_eq!(
        may(&customer, "admin", "SUPER_ADMIN", None),
        Err(("ORGANIZATION_ORGANIZATION_READ".to_owned(), EscalationReason::Platform)),
        "worth nothing there, and refused all the same"
    );
    let denied = customer.may_grant(user("admin"), &[offer(&customer)], noon());
    assert_eq!(denied.unwrap_err().reason, EscalationReason::Platform);
}
