//! A check allocates nothing, and a snapshot takes at most 64 bytes a user. In a program of its own, since its allocator
//! counts.

#[path = "../benches/workload.rs"]
#[expect(unreachable_pub, reason = "shared with the measurements")]
mod workload;

use allocation_counter::measure;
use authz::snapshot::{Outcome, Principal};
use workload::{Invoice, LARGE, ORDINARY, Size, Staff, Workload, now, scattered, variables};

#[test]
fn a_check_allocates_nothing() {
    let size = Size { users: 1_000, ..LARGE };
    let workload = Workload::new(size, Staff::AllDifferent);
    let snapshot = workload.snapshot();
    let actors: Vec<_> = (0..1_010)
        .map(|number| workload::actor(Workload::user(number)))
        .collect();
    let (mut allowed, mut held, mut refused, mut denied) = (0, 0, 0, 0);
    let measured = measure(|| {
        for number in 0..100_000_u64 {
            let actor = &actors[usize::try_from(scattered(number) % 1_010).unwrap()];
            let permission = workload.permissions[usize::try_from(scattered(number << 20) % 400).unwrap()];
            let decision = snapshot.check(actor, permission, now());
            let variables = variables(actor.id);
            let invoice = Invoice {
                amount: if number % 2 == 0 { 5 } else { 500_000 },
                owner: actor.id,
            };
            match decision.residual() {
                Some(residual) if residual.evaluate(&invoice, &variables).holds() => held += 1,
                Some(_) => refused += 1,
                None if decision.is_allowed() => allowed += 1,
                None => denied += 1,
            }
        }
    });
    assert_eq!(measured.count_total, 0, "{measured:?}");
    for (kind, times) in [
        ("allowed", allowed),
        ("held", held),
        ("refused", refused),
        ("denied", denied),
    ] {
        assert!(times > 500, "{kind}: {times}");
    }
}

#[test]
fn to_see_that_it_counts() {
    let workload = Workload::new(ORDINARY, Staff::AllDifferent);
    let snapshot = workload.snapshot();
    let measured = measure(|| {
        let effective = snapshot.effective(Principal::user(Workload::user(1)), now());
        assert!(!effective.is_empty());
    });
    assert!(measured.count_total > 0);
}

#[test]
fn a_user_takes_64_bytes_at_most() {
    for (size, staff) in [
        (LARGE, Staff::Jobs(300)),
        (LARGE, Staff::AllDifferent),
        (ORDINARY, Staff::Jobs(20)),
    ] {
        let workload = Workload::new(size, staff);
        let mut kept = None;
        let measured = measure(|| kept = Some(workload.snapshot()));
        let snapshot = kept.unwrap();
        let bytes = u64::try_from(measured.bytes_current).unwrap();
        let footprint = snapshot.footprint() as u64;
        assert!(
            footprint.abs_diff(bytes) < bytes / 20,
            "{bytes} taken, {footprint} by its own account"
        );
        assert!(bytes <= 64 * size.users, "{} bytes a user", bytes / size.users);
        // And it is a snapshot of all of them.
        for user in 0..size.users {
            let principal = Principal::user(Workload::user(user));
            let is_known = snapshot
                .catalogue()
                .permissions()
                .any(|permission| matches!(snapshot.decide(principal, permission, now()), Outcome::Allowed));
            assert!(is_known, "user {user}");
        }
    }
}
