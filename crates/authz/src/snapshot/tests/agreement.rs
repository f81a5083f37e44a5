//! The snapshot and the rows say the same.

use std::collections::{BTreeMap, BTreeSet};

use super::reference::{Expected, Reference, Way};
use super::world::{Dice, World, group, instant, role, system};
use crate::Step;
use crate::snapshot::{Offer, Snapshot, SystemRole};

const WORLDS: u64 = 10_000;

#[test]
fn every_decision_follows_from_the_rows() {
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..WORLDS {
        let world = World::new(seed);
        let (snapshot, reference) = (world.snapshot(), Reference(&world));
        let now = instant(Dice(seed).below(7));
        for principal in world.principals() {
            for permission in &world.permissions {
                let index = snapshot.catalogue().find(&permission.code).unwrap();
                let about = || {
                    format!(
                        "seed {seed}, {principal:?}, {permission:?} at {now:?}: {:#?}",
                        world.rows
                    )
                };
                let outcome = snapshot.decide(principal, index, now);
                let expected = reference.decide(principal, permission, now);
                assert_eq!(Expected::from(&outcome), expected, "{}", about());
                let kind = match expected {
                    Expected::Allowed => "allowed".to_owned(),
                    Expected::AllowedIf(conditions) => format!("allowed if {}", conditions.len()),
                    Expected::Denied(step) => step.as_str().to_owned(),
                };
                *outcomes.entry(kind).or_default() += 1;
            }
        }
    }
    // Each outcome is decided often, or the test says little.
    for kind in [
        "allowed",
        "allowed if 1",
        "allowed if 2",
        "scope",
        "module",
        "grant",
        "withheld",
    ] {
        assert!(
            outcomes.get(kind).is_some_and(|&times| times > 500),
            "{kind}: {outcomes:?}"
        );
    }
}

#[test]
fn every_way_to_hold_a_permission_follows_from_the_rows() {
    for seed in 0..WORLDS / 5 {
        let world = World::new(seed);
        let (snapshot, reference) = (world.snapshot(), Reference(&world));
        let now = instant(Dice(seed).below(7));
        for principal in world.principals() {
            for permission in &world.permissions {
                let index = snapshot.catalogue().find(&permission.code).unwrap();
                let ways: BTreeSet<Way> = snapshot
                    .ways(principal, index, now)
                    .into_iter()
                    .map(|held| {
                        (
                            held.condition.map(|condition| condition.source().to_owned()),
                            held.expires_at,
                        )
                    })
                    .collect();
                let about = || {
                    format!(
                        "seed {seed}, {principal:?}, {permission:?} at {now:?}: {:#?}",
                        world.rows
                    )
                };
                assert_eq!(ways, reference.ways(principal, permission, now), "{}", about());
            }
        }
    }
}

/// Offers by code, each with its conditions.
fn by_code(snapshot: &Snapshot, offers: Vec<Offer>) -> BTreeMap<String, BTreeSet<Option<String>>> {
    let mut found: BTreeMap<String, BTreeSet<Option<String>>> = BTreeMap::new();
    for offer in offers {
        assert_eq!(offer.expires_at, None);
        let condition = offer.condition.map(|condition| condition.source().to_owned());
        let code = snapshot.catalogue().code(offer.permission).to_owned();
        found.entry(code).or_default().insert(condition);
    }
    found
}

#[test]
fn what_a_role_or_a_group_gives_follows_from_the_rows() {
    for seed in 0..WORLDS / 5 {
        let world = World::new(seed);
        let (snapshot, reference) = (world.snapshot(), Reference(&world));
        let mut roles: Vec<_> = (0..6).map(role).collect();
        // Of SUPER_ADMIN it is more than it gives outside the platform.
        let with_super = usize::from(!world.is_platform);
        roles.extend(SystemRole::ALL[with_super..].iter().map(|&role| system(role)));
        for role in roles {
            for module in [None, Some("FINANCE"), Some("NOWHERE")] {
                let expected = reference.offers_of_role(role, module);
                match snapshot.offers_of_role(role, module, None) {
                    Some(offers) => assert_eq!(by_code(&snapshot, offers), expected, "seed {seed}, {role} {module:?}"),
                    None => assert_eq!(expected, BTreeMap::new(), "seed {seed}, {role} {module:?}"),
                }
            }
        }
        for number in 0..3 {
            let offers = snapshot.offers_of_group(group(number)).unwrap();
            assert_eq!(
                by_code(&snapshot, offers),
                reference.offers_of_group(group(number)),
                "seed {seed}, group {number}"
            );
        }
    }
}

#[test]
fn whoever_holds_something_may_give_just_that() {
    for seed in 0..WORLDS / 10 {
        let world = World::new(seed);
        let snapshot = world.snapshot();
        let now = instant(Dice(seed).below(7));
        for principal in world.principals() {
            let offers = snapshot.offers_of_principal(principal, now);
            let may = snapshot.may_grant(principal, &offers, now);
            let nothing = snapshot.catalogue().permissions();
            let mut nothing = nothing.filter(|&permission| snapshot.ways(principal, permission, now).is_empty());
            // Who is inactive gives nothing, and a key may have on its list what its maker does not hold any more, or for
            // less long.
            let holds_all = offers
                .iter()
                .all(|offer| !snapshot.ways(principal, offer.permission, now).is_empty());
            let about = format!("seed {seed}, {principal:?}: {may:?}");
            if principal.kind == kernel::ActorKind::ApiKey {
                assert!(holds_all || may.is_err(), "{about}");
            } else {
                assert_eq!(may.is_ok(), holds_all, "{about}");
            }
            if let Some(permission) = nothing.next() {
                let offer = Offer {
                    permission,
                    condition: None,
                    expires_at: None,
                };
                assert!(snapshot.may_grant(principal, &[offer], now).is_err(), "seed {seed}");
            }
        }
    }
}

#[test]
fn what_is_effective_is_what_is_allowed() {
    for seed in 0..WORLDS / 10 {
        let world = World::new(seed);
        let (snapshot, reference) = (world.snapshot(), Reference(&world));
        let now = instant(Dice(seed).below(7));
        for principal in world.principals() {
            let mut effective = snapshot.effective(principal, now).into_iter().peekable();
            for permission in &world.permissions {
                let index = snapshot.catalogue().find(&permission.code).unwrap();
                let expected = reference.decide(principal, permission, now);
                let found = effective.next_if(|held| held.permission == index);
                let about = || format!("seed {seed}, {principal:?}, {}", permission.code);
                let Some(found) = found else {
                    assert!(matches!(expected, Expected::Denied(_)), "{}", about());
                    continue;
                };
                let conditions: BTreeSet<String> = found
                    .conditions
                    .iter()
                    .map(|condition| condition.source().to_owned())
                    .collect();
                let ways = reference.ways(principal, permission, now);
                let outright = conditions.is_empty();
                match expected {
                    Expected::Allowed => assert!(outright, "{}", about()),
                    Expected::AllowedIf(expected) => assert_eq!(conditions, expected, "{}", about()),
                    Expected::Denied(step) => panic!("{}: denied at {step:?}", about()),
                }
                let ends = ways
                    .iter()
                    .filter(|(condition, _)| condition.is_none() == outright)
                    .map(|(_, end)| end.map_or(i64::MAX, kernel::Timestamp::as_micros));
                let end = found.expires_at.map_or(i64::MAX, kernel::Timestamp::as_micros);
                assert_eq!(Some(end), ends.max(), "{}", about());
                assert!(!found.paths.is_empty(), "{}", about());
            }
            assert_eq!(effective.next(), None);
        }
    }
}

#[test]
fn an_explanation_is_the_decision_with_ways_that_exist() {
    for seed in 0..WORLDS / 10 {
        let world = World::new(seed);
        let (snapshot, reference) = (world.snapshot(), Reference(&world));
        let now = instant(Dice(seed).below(7));
        for principal in world.principals() {
            for permission in &world.permissions {
                let index = snapshot.catalogue().find(&permission.code).unwrap();
                let explanation = snapshot.explain(principal, index, now);
                let about = || format!("seed {seed}, {principal:?}, {permission:?}: {explanation:#?}");
                assert_eq!(
                    explanation.outcome,
                    snapshot.decide(principal, index, now),
                    "{}",
                    about()
                );
                assert_eq!(explanation.permission, permission.code);
                assert_eq!(explanation.module.module, permission.module);
                assert_eq!(explanation.package, world.rows.package);
                let ways = reference.ways(principal, permission, now);
                assert_eq!(explanation.paths.is_empty(), ways.is_empty(), "{}", about());
                match explanation.outcome {
                    crate::snapshot::Outcome::Denied(Step::Module) => {
                        assert!(!explanation.module.is_active, "{}", about());
                    }
                    crate::snapshot::Outcome::Denied(Step::Withheld) => {
                        assert!(
                            explanation.module.is_active && explanation.withheld.is_some(),
                            "{}",
                            about()
                        );
                    }
                    crate::snapshot::Outcome::Denied(Step::Scope) => {}
                    _ => assert!(explanation.module.is_active, "{}", about()),
                }
                for path in &explanation.paths {
                    let edges = |from: uuid::Uuid, to: uuid::Uuid| {
                        let rows = &world.rows;
                        rows.role_parents.iter().any(|row| (row.role, row.parent) == (from, to))
                            || rows.group_roles.iter().any(|row| (row.group, row.role) == (from, to))
                            || rows.user_roles.iter().any(|row| (row.user, row.role) == (from, to))
                            || rows.members.iter().any(|row| (row.user, row.group) == (from, to))
                            || rows.keys.iter().any(|row| row.id == from && row.maker.id == to)
                    };
                    let steps: Vec<_> = path.steps.iter().filter_map(|step| step.id).collect();
                    assert_eq!(steps.len(), path.steps.len(), "{}", about());
                    let mut from = principal.id;
                    for &step in steps.iter().filter(|&&step| step != principal.id) {
                        let maker = world
                            .rows
                            .keys
                            .iter()
                            .find(|row| row.id == from)
                            .map(|row| row.maker.id);
                        let through_maker = maker.is_some_and(|maker| maker == step || edges(maker, step));
                        assert!(edges(from, step) || through_maker, "{from} -> {step}: {}", about());
                        from = step;
                    }
                }
            }
        }
    }
}
