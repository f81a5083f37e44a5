//! What a check costs, and a snapshot: `cargo bench -p lastro-authz`.
//!
//! The goals: a check at most 50 ns without a condition and 500 ns with one, without an allocation; a snapshot at most 64
//! bytes a user. Users and permissions are varied over all of them, as requests do: a single pair repeated would always
//! be in the processor's cache, and shows only the lower end.

#[expect(unreachable_pub, reason = "shared with the allocation test")]
mod workload;

use std::hint::black_box;

use allocation_counter::measure;
use authz::conditions::{Condition, Dialect};
use authz::snapshot::{Outcome, Principal, RolePermissionRow, RoleRow, Rows, Snapshot, Touched, UserRoleRow, UserRow};
use authz::{Decision, PermissionInfo};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kernel::{Clock as _, SystemClock};
use uuid::Uuid;
use workload::{Invoice, LARGE, ORDINARY, Staff, Workload, now, scattered, variables};

/// So many different questions are asked in turn.
const QUESTIONS: usize = 1 << 14;

/// Who, and what. Small, so that what is measured is not the list of questions passing through the cache.
type Question = (Uuid, &'static PermissionInfo);

/// Questions whose outcome is of one kind.
fn questions(workload: &Workload, snapshot: &Snapshot, wanted: impl Fn(&Outcome) -> bool) -> Vec<Question> {
    let mut number = 0;
    std::iter::from_fn(|| {
        loop {
            number += 1;
            let user = scattered(number) % LARGE.users;
            let place = usize::try_from(scattered(number << 20) % LARGE.permissions).unwrap_or_default();
            let permission = *workload.permissions.get(place)?;
            let index = snapshot.catalogue().find(permission.code)?;
            if wanted(&snapshot.decide(Principal::user(Workload::user(user)), index, now())) {
                return Some((Workload::user(user), permission));
            }
        }
    })
    .take(QUESTIONS)
    .collect()
}

/// What one question costs in the quietest of many passes over all of them, in nanoseconds: on a machine that does something
/// else too, the only figure that is about this code.
fn quietest(questions: &[Question], mut ask: impl FnMut(&Question)) -> f64 {
    let clock = SystemClock::new();
    let pass = || {
        let start = clock.monotonic();
        questions.iter().for_each(&mut ask);
        clock.monotonic().saturating_sub(start)
    };
    let quietest = std::iter::repeat_with(pass).take(500).min().unwrap_or_default();
    quietest.as_secs_f64() * 1e9 / questions.len() as f64
}

#[expect(clippy::print_stdout, reason = "what criterion cannot show")]
fn check(criterion: &mut Criterion) {
    for (staff, about) in [
        (Staff::Jobs(300), "300 jobs"),
        (Staff::AllDifferent, "all users different"),
    ] {
        let workload = Workload::new(LARGE, staff);
        let snapshot = workload.snapshot();
        let mut group = criterion.benchmark_group(format!("check, {about}"));
        let allowed = questions(&workload, &snapshot, |outcome| *outcome == Outcome::Allowed);
        let denied = questions(&workload, &snapshot, |outcome| !outcome.is_allowed());
        let conditional = questions(&workload, &snapshot, |outcome| matches!(outcome, Outcome::AllowedIf(_)));
        let decide =
            |&(user, permission): &Question| -> Decision { snapshot.check(&workload::actor(user), permission, now()) };

        for (name, questions) in [
            ("allowed", &allowed),
            ("denied", &denied),
            ("condition, undecided", &conditional),
        ] {
            let nanoseconds = quietest(questions, |question| {
                drop(black_box(decide(black_box(question))));
            });
            println!("{about}, {name}: {nanoseconds:.1} ns in the quietest pass");
            let mut turn = questions.iter().cycle();
            group.bench_function(name, |bencher| {
                bencher.iter(|| turn.next().map(|question| decide(black_box(question))));
            });
        }
        let mut turn = conditional.iter().cycle();
        group.bench_function("condition, decided", |bencher| {
            bencher.iter(|| {
                let question = black_box(turn.next()?);
                let decision = decide(question);
                let invoice = Invoice {
                    amount: 99_900,
                    owner: question.0,
                };
                let variables = variables(question.0);
                let residual = decision.residual()?;
                Some(residual.evaluate(&invoice, &variables).holds())
            });
        });
        if let Some(question) = allowed.first() {
            group.bench_function("the same question again", |bencher| {
                bencher.iter(|| decide(black_box(question)));
            });
        }
        group.finish();
    }
}

fn conditions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("condition");
    group.bench_function("parsed and compiled", |bencher| {
        bencher.iter(|| Condition::parse("conditions", black_box(workload::CONDITION)));
    });
    if let Ok(condition) = Condition::parse("", workload::CONDITION) {
        use authz::conditions::{Column, ColumnKind};
        let user = Workload::user(1);
        let invoice = Invoice {
            amount: 99_900,
            owner: user,
        };
        let variables = variables(user);
        group.bench_function("evaluated", |bencher| {
            bencher.iter(|| condition.evaluate(black_box(&invoice), &variables).holds());
        });
        let columns = [
            Column::new("amount", "amount", ColumnKind::Integer),
            Column::new("ownerId", "owner_id", ColumnKind::Id),
        ];
        group.bench_function("as SQL", |bencher| {
            bencher.iter(|| {
                let predicate = condition.to_predicate(black_box(&columns), &variables);
                predicate.map(|predicate| predicate.text(Dialect::Postgres, 2))
            });
        });
    }
    group.finish();
}

#[expect(clippy::print_stdout, reason = "sizes are measured once and told, not timed")]
fn snapshots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    group.sample_size(20);
    for (size, staff, about) in [
        (LARGE, Staff::Jobs(300), "20,000 users, 300 jobs"),
        (LARGE, Staff::AllDifferent, "20,000 users, all different"),
        (ORDINARY, Staff::Jobs(20), "200 users, 20 jobs"),
    ] {
        let workload = Workload::new(size, staff);
        let mut kept = None;
        let measured = measure(|| kept = Some(workload.snapshot()));
        let (Some(snapshot), Ok(bytes)) = (kept, u64::try_from(measured.bytes_current)) else {
            continue;
        };
        println!(
            "{about}: {} bytes a user ({bytes} in all; by its own account {})",
            bytes / size.users,
            snapshot.footprint()
        );
        group.bench_function(format!("built, {about}"), |bencher| {
            bencher.iter_batched(|| (), |()| workload.snapshot(), BatchSize::PerIteration);
        });
        if let (Some(role), Some(user)) = (workload.rows.roles.first(), workload.rows.users.first()) {
            let rows = Rows {
                roles: vec![RoleRow::clone(role)],
                role_permissions: vec![RolePermissionRow {
                    role: role.id,
                    permission: workload::id(1, 0),
                    condition: None,
                }],
                ..Rows::default()
            };
            group.bench_function(format!("a role changed, {about}"), |bencher| {
                bencher.iter(|| snapshot.amended(&[Touched::Role(role.id)], &rows));
            });
            let rows = Rows {
                users: vec![UserRow::clone(user)],
                user_roles: vec![UserRoleRow {
                    user: user.id,
                    role: role.id,
                    module: None,
                    expires_at: None,
                }],
                ..Rows::default()
            };
            group.bench_function(format!("a user changed, {about}"), |bencher| {
                bencher.iter(|| snapshot.amended(&[Touched::User(user.id)], &rows));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, check, conditions, snapshots);
criterion_main!(benches);
