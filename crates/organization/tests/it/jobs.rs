//! Periodic work: who does it, and what operators see of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Job, Module};
use serde_json::json;
use testkit::{Engine, TestApp};

/// How often the counting job ran. Tests share it, so each looks at what it added.
static RUNS: AtomicU64 = AtomicU64::new(0);

const MINUTE: Duration = Duration::from_secs(60);

fn with_jobs() -> Module {
    Module {
        jobs: vec![
            Job {
                name: "counting",
                description: "Counts its runs",
                every: MINUTE,
                run: |_| {
                    Box::pin(async {
                        RUNS.fetch_add(1, Ordering::SeqCst);
                        Ok(3)
                    })
                },
            },
            Job {
                name: "failing",
                description: "Never succeeds",
                every: MINUTE,
                run: |_| Box::pin(async { Err("the printer is on fire".into()) }),
            },
            Job {
                name: "slow",
                description: "Takes a while",
                every: MINUTE,
                run: |_| {
                    Box::pin(async {
                        tokio::time::sleep(Duration::from_millis(1_500)).await;
                        RUNS.fetch_add(1000, Ordering::SeqCst);
                        Ok(0)
                    })
                },
            },
        ],
        ..organization::module()
    }
}

async fn start(engine: Engine) -> Option<TestApp> {
    TestApp::start(engine, vec![with_jobs(), audit::module()]).await
}

async fn declared(app: &TestApp) -> organization::Scheduler {
    let scheduler = organization::scheduler(app.edge().app().clone()).await.unwrap();
    scheduler.declare().await.unwrap();
    scheduler
}

async fn job(app: &TestApp, name: &str) -> serde_json::Value {
    let listed = app.operator().get("/jobs").send().await.expect(200);
    let jobs = listed.data().as_array().unwrap();
    jobs.iter().find(|job| job["name"] == name).unwrap().clone()
}

testkit::behaviours! {
    with start;

    async fn the_metrics_tell_which_jobs_are_late_and_which_fail(app: TestApp) {
        let scheduler = declared(&app).await;
        app.clock().advance(MINUTE * 3);
        scheduler.run_due().await.unwrap();
        let metrics = || app.edge().app().metrics().render().unwrap();
        // As they were found: two minutes late, and none had failed yet.
        assert!(metrics().contains("lastro_job_overdue_seconds{name=\"failing\"} 120\n"), "{}", metrics());
        assert!(metrics().contains("lastro_job_failing{name=\"failing\"} 0\n"));
        scheduler.run_due().await.unwrap();
        assert!(metrics().contains("lastro_job_overdue_seconds{name=\"counting\"} 0\n"), "{}", metrics());
        assert!(metrics().contains("lastro_job_failing{name=\"failing\"} 1\n"));
        assert!(metrics().contains("lastro_job_failing{name=\"counting\"} 0\n"));
    }

    async fn a_job_runs_when_it_is_due_and_tells_how_it_went(app: TestApp) {
        let scheduler = declared(&app).await;
        scheduler.run_due().await.unwrap();
        let before = job(&app, "counting").await;
        assert_eq!((&before["lastFinishedAt"], &before["every"]), (&json!(null), &json!("1m")));

        app.clock().advance(MINUTE);
        scheduler.run_due().await.unwrap();
        let counted = job(&app, "counting").await;
        assert_eq!(counted["lastDone"], 3);
        assert_eq!(counted["lastFailure"], json!(null));
        assert_eq!(counted["isRunning"], false);
        assert_eq!(counted["nextRunAt"], json!((testkit::BEGINNING.plus(MINUTE * 2)).to_string()));
        let failed = job(&app, "failing").await;
        assert_eq!(failed["lastFailure"], "the printer is on fire");
        assert_eq!(failed["lastDone"], json!(null));
    }

    async fn an_operator_makes_a_job_due_and_the_trail_says_so(app: TestApp) {
        let scheduler = declared(&app).await;
        let asked = app.operator().post("/jobs/failing/run").send().await.expect(202);
        assert_eq!(asked.data()["name"], "failing");
        scheduler.run_due().await.unwrap();
        assert_eq!(job(&app, "failing").await["lastFailure"], "the printer is on fire");
        let trail = app.operator().get("/audit-logs?action=job.requested").send().await.expect(200);
        assert_eq!(trail.data().as_array().unwrap().len(), 1);
        app.operator().post("/jobs/unknown/run").send().await.refused(404, "NOT_FOUND");
    }

    async fn of_many_nodes_one_does_it(app: TestApp) {
        declared(&app).await;
        app.clock().advance(MINUTE);
        let mut attempts = Vec::new();
        for _ in 0..6 {
            let scheduler = organization::scheduler(app.edge().app().clone()).await.unwrap();
            attempts.push(tokio::spawn(async move {
                let jobs = http::Jobs::of(&[with_jobs()]);
                scheduler.attempt(jobs.find("slow").unwrap()).await.unwrap()
            }));
        }
        let mut done = 0;
        for attempt in attempts {
            done += usize::from(matches!(attempt.await.unwrap(), organization::Ran::Done(_)));
        }
        assert_eq!(done, 1);
    }

    async fn the_job_of_a_node_that_died_is_taken_up(app: TestApp) {
        declared(&app).await;
        app.clock().advance(MINUTE);
        let jobs = http::Jobs::of(&[with_jobs()]);
        let slow = *jobs.find("slow").unwrap();
        let dying = organization::scheduler(app.edge().app().clone()).await.unwrap();
        // Dropped in the middle of its work, as by a kill -9: the lease stays behind.
        let begun = async {
            while job(&app, "slow").await["isRunning"] != true {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            ended = dying.attempt(&slow) => panic!("it ended first: {ended:?}"),
            () = begun => (),
        }
        assert_eq!(job(&app, "slow").await["isRunning"], true);
        let heir = organization::scheduler(app.edge().app().clone()).await.unwrap();
        assert!(matches!(heir.attempt(&slow).await.unwrap(), organization::Ran::NotNow));
        app.clock().advance(Duration::from_secs(20));
        assert!(matches!(heir.attempt(&slow).await.unwrap(), organization::Ran::Done(0)));
    }

    async fn jobs_are_the_operators_alone(app: TestApp) {
        let id = app.organization("padaria").await;
        app.administrator(id).get("/jobs").send().await.refused(403, "RBAC_FORBIDDEN");
        app.administrator(id).post("/jobs/counting/run").send().await.refused(403, "RBAC_FORBIDDEN");
        app.nobody().get("/jobs").send().await.refused(401, "AUTH_REQUIRED");
    }
}
