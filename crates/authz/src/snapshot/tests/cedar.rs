//! Decisions are those of an independent engine, given the same organization: who has what, by which role or group, inherited from
//! where, until when, under which condition, in which module.

use std::collections::HashSet;
use std::fmt::Write as _;

use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request};
use kernel::{ActorKind, Id as _, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::world::{Dice, MODULES, World, instant, organization, system, user};
use crate::cedar::{context, resource, thing, uid, when};
use crate::conditions::{ColumnKind, Variables};
use crate::snapshot::{Principal, SystemRole};

const WORLDS: u64 = 600;

fn kind(field: &str) -> ColumnKind {
    match field {
        "amount" => ColumnKind::Integer,
        "ownerId" => ColumnKind::Id,
        "status" => ColumnKind::Text,
        other => panic!("{other} is no field"),
    }
}

fn a_role(id: Uuid) -> EntityUid {
    uid("Role", &id.to_string())
}

fn a_group(id: Uuid) -> EntityUid {
    uid("Group", &id.to_string())
}

fn manager_of(module: &str) -> EntityUid {
    uid("Manager", module)
}

fn who(principal: Principal) -> EntityUid {
    match principal.kind {
        ActorKind::User => thing(&principal.id.to_string()),
        _ => uid("Account", &principal.id.to_string()),
    }
}

fn made(id: EntityUid, parents: impl IntoIterator<Item = EntityUid>) -> Entity {
    Entity::new_no_attrs(id, parents.into_iter().collect::<HashSet<_>>())
}

/// The organization's people, roles, groups and permissions at an instant. `None` where roles inherit in a circle, which Cedar
/// refuses (and a real organization has not).
fn entities(world: &World, now: Timestamp) -> Option<Vec<Entity>> {
    let rows = &world.rows;
    let manager = system(SystemRole::ModuleManager);
    let mut entities = Vec::new();
    for row in rows.users.iter().filter(|row| row.is_active) {
        let granted = rows.user_roles.iter().filter(|granted| granted.user == row.id);
        let granted = granted.filter(|granted| granted.expires_at.is_none_or(|end| end > now));
        let roles = granted.filter_map(|granted| match &granted.module {
            Some(module) if granted.role == manager => Some(manager_of(module)),
            None if granted.role != manager => Some(a_role(granted.role)),
            _ => None,
        });
        let members = rows.members.iter().filter(|member| member.user == row.id);
        let groups = members.map(|member| a_group(member.group));
        entities.push(made(thing(&row.id.to_string()), roles.chain(groups)));
    }
    for row in &rows.accounts {
        entities.push(made(who(Principal::service_account(row.id)), []));
    }
    for row in &rows.roles {
        let parents = rows.role_parents.iter().filter(|edge| edge.role == row.id);
        let parents = parents.filter(|edge| edge.parent != manager);
        entities.push(made(a_role(row.id), parents.map(|edge| a_role(edge.parent))));
    }
    for row in &rows.groups {
        let roles = rows.group_roles.iter().filter(|granted| granted.group == row.id);
        let roles = roles.filter(|granted| granted.role != manager);
        entities.push(made(a_group(row.id), roles.map(|granted| a_role(granted.role))));
    }
    for permission in &world.permissions {
        let of = [
            uid("Action", &format!("of {}", permission.module)),
            uid("Action", permission.scope.as_str()),
            uid("Action", &permission.action),
        ];
        entities.push(made(uid("Action", &permission.code), of));
    }
    Entities::from_entities(entities.clone(), None).ok()?;
    Some(entities)
}

/// What is granted there, and what stands against it.
fn policies(world: &World, now: Timestamp) -> PolicySet {
    let rows = &world.rows;
    let mut text = String::new();
    let code = |id: Uuid| {
        let permission = world.permissions.iter().find(|permission| permission.id == id);
        permission.map(|permission| uid("Action", &permission.code))
    };
    for row in &rows.role_permissions {
        let Some(action) = code(row.permission) else { continue };
        let condition = row
            .condition
            .as_ref()
            .map_or(json!({}), |condition| serde_json::from_str(condition.source()).unwrap());
        let when = when(&condition, &kind).unwrap();
        let role = a_role(row.role);
        writeln!(
            text,
            "permit(principal in {role}, action == {action}, resource) {when};"
        )
        .unwrap();
    }
    for row in &rows.group_permissions {
        let Some(action) = code(row.permission) else { continue };
        let group = a_group(row.group);
        writeln!(text, "permit(principal in {group}, action == {action}, resource);").unwrap();
    }
    for row in &rows.account_permissions {
        let is_active = rows
            .accounts
            .iter()
            .any(|account| account.id == row.account && account.is_active);
        let Some(action) = code(row.permission).filter(|_| is_active) else {
            continue;
        };
        let account = who(Principal::service_account(row.account));
        writeln!(text, "permit(principal == {account}, action == {action}, resource);").unwrap();
    }
    let of = |role: SystemRole| a_role(system(role));
    let (boss, viewer) = (of(SystemRole::OrgAdmin), of(SystemRole::Viewer));
    writeln!(
        text,
        "permit(principal in {boss}, action in Action::\"tenant\", resource);"
    )
    .unwrap();
    writeln!(
        text,
        "permit(principal in {viewer}, action in Action::\"READ\", resource);"
    )
    .unwrap();
    for module in MODULES {
        let manager = manager_of(module);
        let within = format!("action in Action::\"of {module}\"");
        writeln!(
            text,
            "permit(principal in {manager}, {within}, resource) when {{ action in Action::\"tenant\" }};"
        )
        .unwrap();
        let states = rows
            .modules
            .iter()
            .filter(|row| row.module == module && row.period.contains(now));
        let states: Vec<bool> = states.map(|row| row.is_active).collect();
        if states.is_empty() || states.contains(&false) {
            writeln!(text, "forbid(principal, {within}, resource);").unwrap();
        }
    }
    for row in rows.withheld.iter().filter(|row| row.period.contains(now)) {
        if let Some(action) = code(row.permission) {
            writeln!(text, "forbid(principal, action == {action}, resource);").unwrap();
        }
    }
    if world.is_platform {
        let root = of(SystemRole::SuperAdmin);
        writeln!(text, "permit(principal in {root}, action, resource);").unwrap();
    } else {
        writeln!(text, "forbid(principal, action in Action::\"platform\", resource);").unwrap();
    }
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

#[test]
fn decisions_are_those_of_cedar() {
    let authorizer = Authorizer::new();
    let (mut compared, mut allowed, mut conditional) = (0, 0, 0);
    for seed in 0..WORLDS {
        let world = World::new(seed);
        let mut dice = Dice(seed);
        let now = instant(dice.below(7));
        let Some(mut entities) = entities(&world, now) else {
            continue;
        };
        let object = json!({
            "amount": dice.below(10),
            "ownerId": user(dice.below(4)).to_string(),
            "status": if dice.below(2) == 0 { "open" } else { "paid" },
        });
        let asked = resource(&object, &kind);
        let what = asked.uid();
        entities.push(asked);
        let entities = Entities::from_entities(entities, None).unwrap();
        let (snapshot, policies) = (world.snapshot(), policies(&world, now));
        for principal in world.principals() {
            let variables = Variables {
                user_id: (principal.kind == ActorKind::User).then_some(principal.id),
                user_email: None,
                organization_id: organization().as_uuid(),
                now,
            };
            // A key holds what its maker holds without a condition: Cedar has no word for that.
            if !matches!(principal.kind, ActorKind::User | ActorKind::ServiceAccount) {
                continue;
            }
            let context: Context = context(&variables);
            for permission in &world.permissions {
                let action = uid("Action", &permission.code);
                let request = Request::new(who(principal), action, what.clone(), context.clone(), None).unwrap();
                let answer = authorizer.is_authorized(&request, &policies, &entities);
                let about = || format!("seed {seed}, {principal:?}, {permission:?} of {object} at {now:?}: {policies}");
                assert_eq!(answer.diagnostics().errors().count(), 0, "{}: {answer:?}", about());
                let index = snapshot.catalogue().find(&permission.code).unwrap();
                let outcome = snapshot.decide(principal, index, now);
                let is_allowed = outcome.denied_at(&object, &variables).is_none();
                assert_eq!(
                    is_allowed,
                    answer.decision() == Decision::Allow,
                    "{}: {outcome:?}",
                    about()
                );
                compared += 1;
                allowed += u32::from(is_allowed);
                conditional += u32::from(matches!(outcome, crate::snapshot::Outcome::AllowedIf(_)));
            }
        }
    }
    assert!(compared > 20_000, "{compared} compared");
    assert!(
        allowed > 2_000 && conditional > 400,
        "{allowed} allowed, {conditional} under a condition"
    );
}
