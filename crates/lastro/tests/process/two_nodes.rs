//! Two nodes on one database. SQLite has one node; these tests are PostgreSQL's.

use std::time::Duration;

use crate::client::{Client, ORGANIZATIONS};
use crate::installation::{Installation, Server};
use crate::rows::{Locked, assert_holds, column, query, whole};
use crate::storm::Storm;
use crate::time::{SOON, Stopwatch, eventually};

/// What the operator's Prometheus asks with.
const SCRAPE: &str = "scrape-me";
/// How long a change of access may take to every node that reaches the database.
const SEEN_WITHIN: Duration = Duration::from_secs(1);

/// Starts two nodes at the same moment on an empty database.
fn start() -> Option<(Installation, [Server; 2])> {
    let first = Installation::on_postgres()?
        .with("LASTRO_METRICS_TOKEN", SCRAPE)
        .with("LASTRO_MASTER_KEY", &"0f".repeat(32));
    let second = first.another_node().with("LASTRO_METRICS_TOKEN", SCRAPE);
    let starting = [&first, &second].map(|node| node.start(&["serve", "--demo"]));
    let servers = starting.map(|process| Server::greeted(process, true));
    Some((first, servers))
}

#[test]
fn two_nodes_that_start_at_once_on_nothing_make_one_installation() {
    for _ in 0..3 {
        let Some((lastro, servers)) = start() else { return };
        for server in &servers {
            server.visitor().get("/health/ready").assert_status(200);
        }
        let mut expected: Vec<String> = lastro::app::migrations()
            .iter()
            .flat_map(|set| set.steps.iter().map(|step| format!("{}/{}", set.context, step.file)))
            .collect();
        expected.sort();
        let mut applied = column(lastro.url(), "SELECT context || '/' || name FROM schema_migrations");
        applied.sort();
        assert_eq!(applied, expected);
        let organizations = whole(lastro.url());
        assert_eq!(organizations.keys().collect::<Vec<_>>(), ["padaria-modelo", "platform"]);
        let seeds = query(
            lastro.url(),
            "SELECT CAST((SELECT count(*) FROM modules) AS text), CAST((SELECT count(*) FROM permissions) AS text)",
        );
        // Those of the contexts, and those of the built-in catalogue.
        let modules = lastro::app::modules();
        let permissions: usize = modules.iter().map(|module| module.manifest.permissions.len()).sum();
        let counts: Vec<usize> = seeds[0].iter().map(|count| count.parse().unwrap()).collect();
        assert!(counts[0] > modules.len() && counts[1] > permissions, "{counts:?}");

        // What one node makes is there for the other.
        let [one, other] = &servers;
        for (here, there, slug) in [(one, other, "made-by-one"), (other, one, "made-by-the-other")] {
            let id = here.operator().create(slug).assert_status(201).id();
            there
                .operator()
                .get(&format!("{ORGANIZATIONS}/{id}"))
                .assert_status(200);
        }
        // What one signed, the other accepts.
        Client::new(other.address, Some(one.token().to_owned()))
            .get(ORGANIZATIONS)
            .assert_status(200);
        servers.into_iter().for_each(Server::stop);
    }
}

#[test]
fn one_of_two_simultaneous_creations_is_told_that_the_slug_is_taken() {
    let Some((lastro, servers)) = start() else { return };
    for round in 0..10 {
        let slug = format!("wanted-{round}");
        let body = crate::client::organization(&slug);
        let post = format!("POST {ORGANIZATIONS}");
        let mut answers = std::thread::scope(|scope| {
            servers
                .each_ref()
                .map(|server| {
                    let mut client = server.operator();
                    let (post, body) = (&post, body.as_bytes());
                    scope.spawn(move || client.try_send(post, &[], body).expect("an answer"))
                })
                .map(|asking| asking.join().unwrap())
        });
        answers.sort_by_key(|answer| answer.status);
        let [made, refused] = &answers;
        assert_eq!((made.status, refused.status), (201, 409), "{answers:?}");
        assert_eq!(refused.code(), "CONFLICT_DUPLICATE");
        assert_eq!(refused.json()["error"]["details"][0]["field"], "slug");
    }
    assert_eq!(whole(lastro.url()).len(), 12);
    servers.into_iter().for_each(Server::stop);
}

/// How long the jobs of a node that is gone may take until another does them: its lease, a look, and the job itself.
const LEASES_MOVE_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_node_that_is_killed_leaves_the_other_at_work() {
    let Some(lastro) = Installation::on_postgres() else {
        return;
    };
    let lastro = lastro.with("LASTRO_MASTER_KEY", &"0f".repeat(32));
    let place = lastro.another_node();
    let doomed = lastro.serve(&["--demo"]);
    // It is in the middle of a job, which takes as long as it cannot look into this table.
    let sealing = "SELECT CAST(holder AS text), CAST(finished_at AS text) FROM jobs WHERE name = 'audit-sealing'";
    let look = || query(lastro.url(), sealing).swap_remove(0);
    let held = Locked::table(lastro.url(), "audit_sealed");
    let before = eventually("a job in the middle", SOON, || {
        Some(look()).filter(|job| !job[0].is_empty())
    });
    let other = place.serve(&["--demo"]);
    let (first, second) = (Storm::begin(&doomed, "doomed"), Storm::begin(&other, "other"));
    first.wait_for(10);
    second.wait_for(10);
    assert_eq!(look(), before, "it is still at it");

    doomed.kill();
    let watch = Stopwatch::start();
    drop(held);
    second.wait_for(20);
    let (lost, mut kept) = (first.end(), second.end());
    kept.assert_undisturbed();
    kept.acknowledged.extend(lost.acknowledged);
    // The same operator on another node: the keys are the installation's, not the node's.
    let mut client = other.operator();
    for slug in lost.unanswered {
        let made = client.create_again(&slug).assert_status(201);
        kept.acknowledged.insert(slug, made.id());
    }
    let organizations = whole(lastro.url());
    assert_holds(&organizations, &kept.acknowledged);
    assert_eq!(organizations.len(), kept.acknowledged.len() + 2);
    let rest = LEASES_MOVE_WITHIN.saturating_sub(watch.elapsed());
    eventually("the job, done by the other node", rest, || {
        (look()[1] != before[1]).then_some(())
    });
    other.stop();
}

/// How long ago the node began its last reading of the change feed.
fn age(client: &mut Client) -> Duration {
    let credential = format!("Bearer {SCRAPE}");
    let metrics = client.try_send("GET /metrics", &[("authorization", &credential)], b"");
    let metrics = metrics.expect("an answer").assert_status(200).body;
    let age = metrics
        .lines()
        .find_map(|line| line.strip_prefix("lastro_access_age_milliseconds ")?.parse().ok());
    Duration::from_millis(age.unwrap_or_else(|| panic!("no age in {metrics}")))
}

/// The other node's reaction itself cannot be shown yet: until people can log in there is no credential of a customer's
/// organization that could be refused. What is shown is all that the reaction needs: the deactivation leaves its row in the change
/// feed in its own transaction, and the other node has begun a reading after it within the time. What a reading does with a row is
/// tested where the feed is.
#[test]
fn a_deactivation_on_one_node_reaches_the_other_in_time() {
    let Some((lastro, servers)) = start() else { return };
    let [here, there] = &servers;
    let (mut operator, mut observer) = (here.operator(), there.operator());
    let mut prometheus = there.visitor();
    let mut best = Duration::MAX;
    for round in 0..5 {
        let id = operator.create(&format!("leaving-{round}")).assert_status(201).id();
        let path = format!("{ORGANIZATIONS}/{id}");
        let gone = operator.try_send(&format!("DELETE {path}"), &[], b"");
        let since = Stopwatch::start();
        let gone = gone.expect("an answer").status;
        assert!(matches!(gone, 200 | 204), "{gone}");

        let seen = observer.get(&path).assert_status(200).json();
        assert_eq!(seen["data"]["isActive"], false, "{seen}");
        let changes = column(
            lastro.url(),
            &format!("SELECT kind FROM access_changes WHERE organization_id = '{id}'"),
        );
        assert_eq!(changes, ["organization"]);
        let took = eventually("a reading of the feed that began after the change", SOON, || {
            let before = since.elapsed();
            // A whole millisecond more, for the age is rounded down.
            let age = age(&mut prometheus) + Duration::from_millis(1);
            (age < before).then(|| since.elapsed())
        });
        best = best.min(took);
    }
    // A machine that is busy with something else may be late once, not every time.
    assert!(best <= SEEN_WITHIN, "the other node took {best:?}");
    servers.into_iter().for_each(Server::stop);
}
