//! A snapshot that follows changes says what one made anew would say.

use std::sync::Arc;

use super::reference::{Expected, Reference};
use super::world::{Dice, World, group, instant, permission, role, user};
use crate::snapshot::{
    AmendError, GroupRow, MemberRow, Principal, RoleParentRow, RoleRow, Rows, Snapshot, Touched, UserRoleRow, UserRow,
};

fn compare(world: &World, snapshot: &Snapshot, now: kernel::Timestamp, about: &str) {
    let reference = Reference(world);
    for principal in world.principals() {
        for permission in &world.permissions {
            let index = snapshot.catalogue().find(&permission.code).unwrap();
            let outcome = snapshot.decide(principal, index, now);
            let expected = reference.decide(principal, permission, now);
            assert_eq!(
                Expected::from(&outcome),
                expected,
                "{about}, {principal:?}, {permission:?} at {now:?}: {:#?}",
                world.rows
            );
        }
    }
}

#[test]
fn a_change_is_followed() {
    let (mut amended, mut refused) = (0, 0);
    for seed in 0..1_000 {
        let mut world = World::new(seed);
        let mut dice = Dice(seed ^ 0xffff_0000);
        let mut snapshot = world.snapshot();
        for round in 0..6 {
            let mut touched = Vec::new();
            for _ in 0..=dice.below(2) {
                touched.extend(world.change(&mut dice));
            }
            let about = format!("seed {seed}, round {round}, {touched:?}");
            snapshot = match snapshot.amended(&touched, &world.rows_of(&touched)) {
                Ok(next) => {
                    amended += 1;
                    next
                }
                // The world has rows that name nothing; a loader then loads everything.
                Err(AmendError::Dangling) => {
                    refused += 1;
                    world.snapshot()
                }
                Err(AmendError::TooLarge(_)) => panic!("too large"),
            };
            compare(&world, &snapshot, instant(dice.below(7)), &about);
        }
    }
    assert!(amended > 3_000 && refused > 200, "{amended} amended, {refused} refused");
}

#[test]
fn what_was_not_touched_is_shared() {
    let world = World::new(7);
    let snapshot = world.snapshot();
    let gone = role(3);
    let amended = snapshot.amended(&[Touched::Role(gone)], &Rows::default()).unwrap();
    assert!(
        Arc::ptr_eq(&amended.principals, &snapshot.principals),
        "no user is touched by a role"
    );
    assert!(Arc::ptr_eq(&amended.entitlements, &snapshot.entitlements));
    assert!(!Arc::ptr_eq(&amended.graph, &snapshot.graph));

    assert_eq!(
        amended.offers_of_role(gone, None, None),
        None,
        "a role without a row is gone"
    );
    assert!(snapshot.offers_of_role(gone, None, None).is_some());

    let amended = snapshot.amended(&[Touched::Group(group(1))], &Rows::default()).unwrap();
    assert_eq!(amended.offers_of_group(group(1)), None);
    assert!(amended.offers_of_group(group(2)).is_some());

    let user = Touched::User(user(1));
    let amended = snapshot.amended(&[user], &Rows::default()).unwrap();
    assert!(Arc::ptr_eq(&amended.graph, &snapshot.graph));

    let amended = snapshot.amended(&[Touched::Entitlements], &Rows::default()).unwrap();
    assert!(Arc::ptr_eq(&amended.principals, &snapshot.principals));
    assert!(Arc::ptr_eq(&amended.graph, &snapshot.graph));

    let amended = snapshot.amended(&[Touched::Everything], &world.rows).unwrap();
    assert_eq!(amended.principals(), snapshot.principals());
}

#[test]
fn a_row_that_names_something_unknown_asks_for_all_rows() {
    let snapshot = World::new(7).snapshot();
    let rows = Rows {
        users: vec![UserRow {
            id: user(0),
            is_active: true,
        }],
        user_roles: vec![UserRoleRow {
            user: user(0),
            role: role(77),
            module: None,
            expires_at: None,
        }],
        ..Rows::default()
    };
    assert_eq!(
        snapshot.amended(&[Touched::User(user(0))], &rows).unwrap_err(),
        AmendError::Dangling
    );
    // Unless the loader asks which roles it has not heard of, and reads them too.
    assert_eq!(snapshot.unheard(&rows), [Touched::Role(role(77))]);
    let rows = Rows {
        roles: vec![RoleRow {
            id: role(77),
            code: "NEW".to_owned(),
        }],
        ..rows
    };
    assert!(snapshot.unheard(&rows).is_empty());
    let touched = [Touched::User(user(0)), Touched::Role(role(77))];
    let amended = snapshot.amended(&touched, &rows).unwrap();
    assert!(amended.knows_role(role(77)) && !snapshot.knows_role(role(77)));
    let rows = Rows {
        roles: vec![RoleRow {
            id: role(77),
            code: "NEW".to_owned(),
        }],
        role_parents: vec![RoleParentRow {
            role: role(77),
            parent: role(78),
        }],
        ..Rows::default()
    };
    assert_eq!(
        snapshot.amended(&[Touched::Role(role(77))], &rows).unwrap_err(),
        AmendError::Dangling
    );
    assert_eq!(snapshot.unheard(&rows), [Touched::Role(role(78))]);
}

#[test]
fn a_group_that_nobody_told_of_comes_with_its_first_member() {
    let snapshot = World::new(7).snapshot();
    let rows = Rows {
        users: vec![UserRow {
            id: user(0),
            is_active: true,
        }],
        members: vec![MemberRow {
            group: group(77),
            user: user(0),
        }],
        ..Rows::default()
    };
    assert_eq!(
        snapshot.amended(&[Touched::User(user(0))], &rows).unwrap_err(),
        AmendError::Dangling
    );
    assert_eq!(snapshot.unheard(&rows), [Touched::Group(group(77))]);
    let rows = Rows {
        groups: vec![GroupRow {
            id: group(77),
            code: "NEW".to_owned(),
        }],
        ..rows
    };
    assert!(snapshot.unheard(&rows).is_empty());
    let touched = [Touched::User(user(0)), Touched::Group(group(77))];
    let amended = snapshot.amended(&touched, &rows).unwrap();
    assert!(
        amended
            .offers_of_group(group(77))
            .is_some_and(|offers| offers.is_empty())
    );
}

#[test]
fn rows_that_name_nothing_are_counted_and_grant_nothing() {
    let mut world = World::new(7);
    world.rows = Rows {
        user_roles: vec![UserRoleRow {
            user: user(50),
            role: role(50),
            module: None,
            expires_at: None,
        }],
        role_parents: vec![RoleParentRow {
            role: role(50),
            parent: role(51),
        }],
        ..Rows::default()
    };
    let snapshot = world.snapshot();
    assert_eq!((snapshot.dangling(), snapshot.principals()), (2, 0));
    let index = snapshot.catalogue().find_by_id(permission(0)).unwrap();
    assert_eq!(snapshot.ways(Principal::user(user(50)), index, instant(0)), []);
}

#[test]
fn many_changes_wear_a_snapshot_out() {
    let mut rows = Rows::default();
    rows.roles.extend((0..4).map(|number| RoleRow {
        id: role(number),
        code: "R".to_owned(),
    }));
    rows.users.push(UserRow {
        id: user(0),
        is_active: true,
    });
    let mut world = World::new(1);
    world.rows = rows;
    let mut snapshot = world.snapshot();
    assert!(!snapshot.is_worn());
    let grants = |number: u64| Rows {
        users: vec![UserRow {
            id: user(0),
            is_active: true,
        }],
        user_roles: (0..number % 4)
            .map(|number| UserRoleRow {
                user: user(0),
                role: role(number),
                module: None,
                expires_at: None,
            })
            .collect(),
        ..Rows::default()
    };
    let mut changes = 0;
    while !snapshot.is_worn() {
        changes += 1;
        assert!(changes < 5_000, "it is never worn");
        snapshot = snapshot.amended(&[Touched::User(user(0))], &grants(changes)).unwrap();
    }
    assert!(changes > 200, "worn after {changes}");
    // Deleted roles leave their numbers behind.
    let mut snapshot = world.snapshot();
    for number in 100..300 {
        let rows = Rows {
            roles: vec![RoleRow {
                id: role(number),
                code: "R".to_owned(),
            }],
            ..Rows::default()
        };
        snapshot = snapshot.amended(&[Touched::Role(role(number))], &rows).unwrap();
        snapshot = snapshot
            .amended(&[Touched::Role(role(number))], &Rows::default())
            .unwrap();
    }
    assert!(snapshot.is_worn());
}
