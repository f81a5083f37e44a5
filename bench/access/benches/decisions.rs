//! The same decisions by three engines in one run: an organization of 20,000 users with five roles each, roles on four levels, 400
//! permissions (the workload of `crates/authz/benches`), asked about users and permissions at random.
//!
//! Each engine has the organization in the form that suits it best, and everything that can be made before a question is: Cedar
//! its requests and the closure of its hierarchy, casbin a matcher that compares the permission before it looks at roles. Before
//! anything is measured the three have to agree. Conditions are decided on an invoice; casbin is asked without them.
//!
//! Beside criterion's figures there is a table: what one question takes in the median of many blocks that are short enough not to be
//! interrupted, most of them, on a machine that does something else too.

#[path = "../../../crates/authz/benches/workload.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the measurements of authz alone")]
mod workload;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use authz::PermissionInfo;
use authz::snapshot::{Outcome, Principal, Snapshot};
use casbin::{CoreApi as _, DefaultModel, Enforcer, MemoryAdapter, MgmtApi as _};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityUid, PolicySet, Request, RestrictedExpression,
};
use criterion::Criterion;
use uuid::Uuid;
use workload::{Invoice, LARGE, Staff, Workload, now, scattered, variables};

/// So many different questions are asked in turn.
const QUESTIONS: usize = 1 << 12;
/// So many of them are answered by all engines before anything is measured.
const COMPARED: usize = 300;

/// The amount of the invoice that is asked about: within what conditions allow.
const AMOUNT: i64 = 99_900;

/// What a question comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Allowed,
    Denied,
    /// Granted under a condition, which holds.
    Condition,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Condition => "condition",
        }
    }
}

/// Who, and what.
#[derive(Clone, Copy)]
struct Question {
    user: Uuid,
    permission: &'static PermissionInfo,
}

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let workload = Workload::new(LARGE, Staff::AllDifferent);
    let snapshot = workload.snapshot();
    let cedar = Cedar::new(&workload)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let casbin = runtime.block_on(enforcer(&workload))?;

    for kind in [Kind::Allowed, Kind::Denied, Kind::Condition] {
        let questions = questions(&workload, &snapshot, kind);
        let requests: Vec<Request> = questions.iter().map(Cedar::request).collect::<anyhow::Result<_>>()?;
        let expected = kind != Kind::Denied;
        for (question, request) in questions.iter().zip(&requests).take(COMPARED) {
            ensure!(decide(&snapshot, question) == expected, "lastro decides otherwise");
            ensure!(cedar.decide(request) == expected, "cedar decides otherwise");
            let asked = kind == Kind::Condition || by_casbin(&casbin, question)? == expected;
            ensure!(asked, "casbin decides otherwise");
        }
        let told = |engine: &str, nanoseconds: f64| {
            let kind = kind.as_str();
            writeln!(std::io::stdout(), "{kind:<10} {engine:<13} {nanoseconds:>12.1} ns")
        };
        let ours = typical(&questions, |question| decide(&snapshot, question));
        told("lastro", ours)?;
        told("cedar-policy", typical(&requests, |request| cedar.decide(request)))?;
        if kind != Kind::Condition {
            told("casbin", typical(&questions, |question| by_casbin(&casbin, question)))?;
        }
        let mut group = criterion.benchmark_group(format!("decision, {}", kind.as_str()));
        let mut turn = questions.iter().cycle();
        group.bench_function("lastro", |bencher| {
            bencher.iter(|| turn.next().map(|question| decide(&snapshot, black_box(question))));
        });
        group.sample_size(20);
        let mut turn = requests.iter().cycle();
        group.bench_function("cedar-policy", |bencher| {
            bencher.iter(|| turn.next().map(|request| cedar.decide(black_box(request))));
        });
        if kind != Kind::Condition {
            let mut turn = questions.iter().cycle();
            group.bench_function("casbin", |bencher| {
                bencher.iter(|| {
                    turn.next()
                        .map(|question| by_casbin(&casbin, black_box(question)).is_ok())
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}

/// What one question takes in the median of short blocks, in nanoseconds.
fn typical<Q, A>(questions: &[Q], mut ask: impl FnMut(&Q) -> A) -> f64 {
    /// About as long as a block takes.
    const BLOCK: Duration = Duration::from_micros(300);
    /// For so long blocks are taken.
    const ALL: Duration = Duration::from_secs(3);
    let mut turn = questions.iter().cycle();
    let mut timed = |size: u32| {
        let start = Instant::now();
        for question in turn.by_ref().take(size as usize) {
            black_box(ask(black_box(question)));
        }
        start.elapsed()
    };
    // The second time what is asked with is in the processor's cache.
    let (_, first) = (timed(64), timed(64));
    let size = (64.0 * BLOCK.as_secs_f64() / first.as_secs_f64()).clamp(1.0, 16_384.0) as u32;
    let start = Instant::now();
    let mut blocks = Vec::new();
    while start.elapsed() < ALL {
        blocks.push(timed(size).as_secs_f64() * 1e9 / f64::from(size));
    }
    blocks.sort_by(f64::total_cmp);
    blocks.get(blocks.len() / 2).copied().unwrap_or_default()
}

/// Questions of one kind, of users and permissions all over the organization.
fn questions(workload: &Workload, snapshot: &Snapshot, kind: Kind) -> Vec<Question> {
    let at_random = (1..).filter_map(|number| {
        let place = usize::try_from(scattered(number << 20) % LARGE.permissions).ok()?;
        Some(Question {
            user: Workload::user(scattered(number) % LARGE.users),
            permission: *workload.permissions.get(place)?,
        })
    });
    let wanted = at_random.filter(|question| {
        let index = snapshot.catalogue().find(question.permission.code);
        let outcome = index.map(|index| snapshot.decide(Principal::user(question.user), index, now()));
        match outcome {
            Some(Outcome::Allowed) => kind == Kind::Allowed,
            Some(Outcome::Denied(_)) => kind == Kind::Denied,
            Some(Outcome::AllowedIf(_)) => kind == Kind::Condition,
            None => false,
        }
    });
    wanted.take(QUESTIONS).collect()
}

fn decide(snapshot: &Snapshot, question: &Question) -> bool {
    let decision = snapshot.check(&workload::actor(question.user), question.permission, now());
    match decision.residual() {
        None => decision.is_allowed(),
        Some(residual) => {
            let invoice = Invoice {
                amount: AMOUNT,
                owner: question.user,
            };
            residual.evaluate(&invoice, &variables(question.user)).holds()
        }
    }
}

/// The organization as Cedar knows it: users and roles in a hierarchy, and a policy for each permission of a role.
struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

fn uid(kind: &str, id: &str) -> anyhow::Result<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(kind.parse()?, EntityId::new(id)))
}

impl Cedar {
    fn new(workload: &Workload) -> anyhow::Result<Self> {
        let rows = &workload.rows;
        let role = |id: Uuid| uid("Role", &id.to_string());
        let mut parents: HashMap<Uuid, HashSet<EntityUid>> = HashMap::new();
        for row in &rows.role_parents {
            parents.entry(row.role).or_default().insert(role(row.parent)?);
        }
        let mut granted: HashMap<Uuid, HashSet<EntityUid>> = HashMap::new();
        for row in &rows.user_roles {
            granted.entry(row.user).or_default().insert(role(row.role)?);
        }
        let mut entities = Vec::new();
        for row in &rows.roles {
            entities.push(Entity::new_no_attrs(
                role(row.id)?,
                parents.remove(&row.id).unwrap_or_default(),
            ));
        }
        for row in &rows.users {
            let id = uid("User", &row.id.to_string())?;
            entities.push(Entity::new_no_attrs(id, granted.remove(&row.id).unwrap_or_default()));
        }
        let codes = codes(workload);
        let mut text = String::new();
        for row in &rows.role_permissions {
            let code = codes.get(&row.permission).context("a permission without a code")?;
            let (role, action) = (role(row.role)?, uid("Action", code)?);
            write!(text, "permit(principal in {role}, action == {action}, resource)")?;
            text.push_str(match row.condition {
                Some(_) => " when { context.amount <= 100000 && context.ownerId == principal };\n",
                None => ";\n",
            });
        }
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: text.parse()?,
            entities: Entities::from_entities(entities, None)?,
        })
    }

    fn request(question: &Question) -> anyhow::Result<Request> {
        let user = uid("User", &question.user.to_string())?;
        let context = Context::from_pairs([
            ("amount".to_owned(), RestrictedExpression::new_long(AMOUNT)),
            ("ownerId".to_owned(), RestrictedExpression::new_entity_uid(user.clone())),
        ])?;
        let (action, invoice) = (uid("Action", question.permission.code)?, uid("Invoice", "1")?);
        Ok(Request::new(user, action, invoice, context, None)?)
    }

    fn decide(&self, request: &Request) -> bool {
        let answer = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        answer.decision() == Decision::Allow
    }
}

/// The codes of the permissions by their ids.
fn codes(workload: &Workload) -> HashMap<Uuid, &str> {
    let permissions = workload.catalogue.permissions();
    permissions
        .map(|index| (workload.catalogue.id(index), workload.catalogue.code(index)))
        .collect()
}

const MODEL: &str = "
[request_definition]
r = sub, act
[policy_definition]
p = sub, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && g(r.sub, p.sub)
";

/// The organization as casbin knows it, without the grants under a condition.
async fn enforcer(workload: &Workload) -> anyhow::Result<Enforcer> {
    let rows = &workload.rows;
    let mut enforcer = Enforcer::new(DefaultModel::from_str(MODEL).await?, MemoryAdapter::default()).await?;
    let codes = codes(workload);
    // Of a role that was granted a permission twice once is enough.
    let policies: HashSet<Vec<String>> = rows
        .role_permissions
        .iter()
        .filter(|row| row.condition.is_none())
        .filter_map(|row| Some(vec![row.role.to_string(), (*codes.get(&row.permission)?).to_owned()]))
        .collect();
    enforcer.add_policies(policies.into_iter().collect()).await?;
    let edges = rows.role_parents.iter().map(|row| (row.role, row.parent));
    let grants = rows.user_roles.iter().map(|row| (row.user, row.role));
    let links: HashSet<Vec<String>> = edges
        .chain(grants)
        .map(|(below, above)| vec![below.to_string(), above.to_string()])
        .collect();
    enforcer.add_grouping_policies(links.into_iter().collect()).await?;
    Ok(enforcer)
}

fn by_casbin(enforcer: &Enforcer, question: &Question) -> anyhow::Result<bool> {
    Ok(enforcer.enforce((question.user.to_string(), question.permission.code))?)
}
