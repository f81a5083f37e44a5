//! Requests, which are counted from memory.

use std::sync::Arc;
use std::time::Duration;

use contracts::Ports;
use contracts::catalog::{Entitlements, QuotaMode, QuotaPeriod};
use contracts::usage::{API_REQUESTS, Metered, RequestMeter, ReserveError};
use db::{Db, DbConfig, Sql};
use futures_util::future::join_all;
use http::{Foundation, HttpConfig, Metrics};
use kernel::OrganizationId;
use serde_json::json;
use testkit::TestApp;
use tokio_util::sync::CancellationToken;

use crate::{Plans, contract, quota, start, use_of_quotas, used};

/// The status of a request of the organization.
async fn request(app: &TestApp, organization: OrganizationId) -> u16 {
    let client = app.administrator(organization);
    client.get("/organizations/current").send().await.status.as_u16()
}

/// How many of so many requests at once are let through; the others are refused for the quota.
async fn let_through(app: &TestApp, organization: OrganizationId, requests: usize) -> usize {
    let statuses = join_all((0..requests).map(|_| request(app, organization))).await;
    assert!(
        statuses.iter().all(|status| [200, 429].contains(status)),
        "{statuses:?}"
    );
    statuses.iter().filter(|status| **status == 200).count()
}

/// The ports of another node on the same database, which shares what organizations have contracted.
async fn another_node(app: &TestApp) -> Arc<Ports> {
    let ports = Arc::new(Ports::default());
    ports.provide::<dyn Entitlements>(app.edge().app().ports().get::<Plans>().unwrap());
    let generators = app.edge().app().generators().clone();
    let foundation = Foundation {
        db: Db::open(DbConfig::new(app.url()), generators.clone()).unwrap(),
        generators,
        ports: Arc::clone(&ports),
        platform: app.platform(),
        http: HttpConfig::default(),
        metrics: Metrics::new("test"),
    };
    (usage::module().start)(foundation).await.unwrap();
    ports
}

/// How many requests are taken from the organization's quotas, in the database.
async fn taken(app: &TestApp, organization: OrganizationId) -> i64 {
    const TAKEN: Sql = Sql::tenant(
        "SELECT used FROM usage_counters WHERE organization_id = $1 AND metric = 'api.requests' AND period = 'total'",
    );
    app.db()
        .scope(organization)
        .one(&TAKEN, &[], |row| row.get(0))
        .await
        .unwrap()
}

async fn counted(meter: &dyn RequestMeter, organization: OrganizationId) -> bool {
    let outcome = match meter.count(organization) {
        Metered::Known(outcome) => outcome.map_err(ReserveError::from),
        Metered::Asking(answer) => answer.await,
    };
    match outcome {
        Ok(()) => true,
        Err(ReserveError::Exceeded(_)) => false,
        Err(ReserveError::Storage(error)) => panic!("{error}"),
    }
}

testkit::behaviours! {
    with start;

    async fn requests_are_counted_where_nothing_limits_them(app: TestApp) {
        let mine = app.organization("padaria").await;
        assert_eq!(let_through(&app, mine, 20).await, 20);
        let today = "metric=api.requests&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";
        assert_eq!(used(&app, mine, today).await[0].1, 21, "the question itself is one");
        contract(&app, mine, vec![quota(API_REQUESTS, 10, QuotaPeriod::Day, QuotaMode::Soft)]).await;
        assert_eq!(let_through(&app, mine, 3).await, 3);
        assert_eq!(use_of_quotas(&app, mine).await[0].2, 25);
        let told = app.administrator(mine).get("/audit-logs?action=quota.threshold_reached").send().await.expect(200);
        assert_eq!(told.data().as_array().unwrap().len(), 2);
    }

    async fn requests_beyond_a_hard_quota_are_refused_until_it_resets(app: TestApp) {
        let mine = app.organization("padaria").await;
        let other = app.organization("mercado").await;
        contract(&app, mine, vec![quota(API_REQUESTS, 100, QuotaPeriod::Hour, QuotaMode::Hard)]).await;
        assert_eq!(let_through(&app, mine, 500).await, 100);
        assert_eq!(let_through(&app, other, 50).await, 50, "another organization goes on");
        let client = app.administrator(mine);
        let refused = client.get("/organizations/current").send().await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(
            refused.json["error"]["details"],
            json!({
                "metric": "api.requests", "limit": 100, "used": 100, "period": "hour",
                "resetsAt": "2026-11-21T13:00:00.000000Z",
            })
        );
        assert_eq!((refused.header("retry-after"), refused.header("ratelimit-remaining")), ("3600", "0"));
        app.nobody().get("/organizations/current").send().await.refused(401, "AUTH_REQUIRED");

        app.clock().advance(Duration::from_secs(60 * 60));
        assert_eq!(use_of_quotas(&app, mine).await[0].2, 1);
        assert_eq!(let_through(&app, mine, 200).await, 99);
    }

    async fn a_changed_quota_counts_for_the_next_request(app: TestApp) {
        let mine = app.organization("padaria").await;
        assert_eq!(let_through(&app, mine, 3).await, 3);
        contract(&app, mine, vec![quota(API_REQUESTS, 3, QuotaPeriod::Total, QuotaMode::Hard)]).await;
        // What was counted in memory is written down within seconds; a lower quota is held against that.
        app.administrator(app.platform()).get("/organizations").send().await.expect(200);
        assert_eq!(let_through(&app, mine, 20).await, 3);
        contract(&app, mine, vec![quota(API_REQUESTS, 8, QuotaPeriod::Total, QuotaMode::Hard)]).await;
        let raised = let_through(&app, mine, 20).await;
        assert!((2..=5).contains(&raised), "{raised}");
        contract(&app, mine, Vec::new()).await;
        assert_eq!(let_through(&app, mine, 30).await, 30);
    }

    async fn a_client_that_goes_away_takes_no_block_with_it(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota(API_REQUESTS, 320, QuotaPeriod::Day, QuotaMode::Hard)]).await;
        let meter: Arc<dyn RequestMeter> = app.edge().app().ports().get().unwrap();
        match meter.count(mine) {
            Metered::Asking(mut answer) => assert!(futures_util::poll!(&mut answer).is_pending()),
            Metered::Known(known) => panic!("{known:?}"),
        }
        assert_eq!(let_through(&app, mine, 400).await, 319, "its own request counts, and nothing else");
    }

    async fn a_node_that_stops_gives_back_what_it_did_not_use(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota(API_REQUESTS, 10_000, QuotaPeriod::Day, QuotaMode::Hard)]).await;
        assert_eq!(let_through(&app, mine, 7).await, 7);
        assert!(taken(&app, mine).await > 7, "a block was taken");
        let stop = CancellationToken::new();
        stop.cancel();
        for worker in usage::module().workers {
            (worker.run)(app.edge().app().clone(), stop.clone()).await;
        }
        assert_eq!(taken(&app, mine).await, 7);
        let today = "metric=api.requests&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";
        assert_eq!(used(&app, mine, today).await[0].1, 8, "and wrote down what it let through");
    }

    async fn two_nodes_together_never_exceed_a_quota(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota(API_REQUESTS, 1_000, QuotaPeriod::Day, QuotaMode::Hard)]).await;
        let nodes = [another_node(&app).await, another_node(&app).await, Arc::clone(app.edge().app().ports())];
        let meters: Vec<Arc<dyn RequestMeter>> = nodes.iter().map(|ports| ports.get().unwrap()).collect();
        let requests = (0..1_500).map(|turn| counted(meters[turn % 3].as_ref(), mine));
        let let_through = join_all(requests).await.into_iter().filter(|counted| *counted).count();
        assert!((960..=1_000).contains(&let_through), "{let_through}");
    }
}
