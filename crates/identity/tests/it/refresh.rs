//! Continuing a session: rotation, the grace, reuse, forgery.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::people::{LoggedIn, ana, change, sql, try_refresh};
use crate::start;

testkit::behaviours! {
    with start;

    async fn a_refresh_rotates_and_its_repetition_gets_the_same_successor(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let second = try_refresh(&app, &ana.refresh).await.expect(200);
        assert_eq!(second.headers["cache-control"], "no-store");
        let second_token = second.data()["refreshToken"].as_str().unwrap().to_owned();
        assert_ne!(second_token, ana.refresh);
        assert_eq!(second.data()["tokenType"], "Bearer");
        assert!(second.data().get("user").is_none());
        app.clock().advance(Duration::from_secs(9));
        let again = try_refresh(&app, &ana.refresh).await.expect(200);
        assert_eq!(again.data()["refreshToken"], second_token);
        let access = again.data()["accessToken"].as_str().unwrap();
        app.with_credential(access).get("/auth/me").send().await.expect(200);
        let third = try_refresh(&app, &second_token).await.expect(200);
        assert_ne!(third.data()["refreshToken"], second_token);
    }

    async fn sixteen_refreshes_at_once_end_in_one_family(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let replies = futures_util::future::join_all((0..16).map(|_| try_refresh(&app, &ana.refresh))).await;
        let successors: BTreeSet<String> = replies
            .into_iter()
            .map(|reply| reply.expect(200).data()["refreshToken"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(successors.len(), 1, "unforked");
        let newest = successors.first().unwrap();
        try_refresh(&app, newest).await.expect(200);
        let rows = sql(&app, "SELECT CAST(generation AS text) FROM sessions").await;
        assert_eq!(rows, [[Some("3".to_owned())]]);
    }

    async fn reuse_after_the_grace_ends_the_session(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let second = try_refresh(&app, &ana.refresh).await.expect(200);
        let second = second.data()["refreshToken"].as_str().unwrap();
        app.clock().advance(Duration::from_secs(10));
        let reply = try_refresh(&app, &ana.refresh).await.refused(401, "AUTH_REFRESH_REUSED");
        assert!(reply.headers.contains_key("www-authenticate"));
        try_refresh(&app, second).await.refused(401, "AUTH_SESSION_REVOKED");
        ana.client(&app).get("/auth/me").send().await.refused(401, "AUTH_SESSION_REVOKED");
        let entries = sql(&app, "SELECT changes FROM audit_entries WHERE action = 'session.revoked'").await;
        assert!(entries[0][0].as_deref().unwrap().contains("refresh_reused"), "{entries:?}");
    }

    async fn an_older_token_than_the_predecessor_is_reuse_at_any_time(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let second = try_refresh(&app, &ana.refresh).await.expect(200);
        let second = second.data()["refreshToken"].as_str().unwrap();
        try_refresh(&app, second).await.expect(200);
        try_refresh(&app, &ana.refresh).await.refused(401, "AUTH_REFRESH_REUSED");
    }

    async fn a_forged_token_has_no_effect(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let mut flipped = ana.refresh.clone();
        let last = flipped.pop().unwrap();
        flipped.push(if last == 'A' { 'B' } else { 'A' });
        for forged in ["x", "lastro_refresh_", &flipped, &ana.refresh[1..], &ana.access] {
            try_refresh(&app, forged).await.refused(401, "AUTH_INVALID_TOKEN");
        }
        try_refresh(&app, "").await.refused(401, "AUTH_INVALID_TOKEN");
        try_refresh(&app, &ana.refresh).await.expect(200);
    }

    async fn a_refresh_token_ends_by_itself(app: TestApp) {
        let (_, ana) = ana(&app).await;
        app.clock().advance(Duration::from_secs(7 * 24 * 60 * 60));
        try_refresh(&app, &ana.refresh).await.refused(401, "AUTH_SESSION_REVOKED");
    }

    async fn a_deactivated_organization_refreshes_nothing(app: TestApp) {
        let (organization, ana) = ana(&app).await;
        let path = format!("/organizations/{organization}");
        app.operator().delete(&path).send().await.expect(204);
        try_refresh(&app, &ana.refresh).await.refused(403, "TENANT_INACTIVE");
        ana.client(&app).get("/auth/me").send().await.refused(403, "TENANT_INACTIVE");
        app.operator().post(&format!("{path}/activate")).send().await.expect(200);
        try_refresh(&app, &ana.refresh).await.expect(200);
    }

    async fn an_inactive_user_refreshes_nothing(app: TestApp) {
        let (_, ana) = ana(&app).await;
        change(&app, "UPDATE users SET is_active = false").await;
        try_refresh(&app, &ana.refresh).await.refused(401, "AUTH_SESSION_REVOKED");
    }

    async fn a_refresh_is_no_audit_entry(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let before = sql(&app, "SELECT CAST(count(*) AS text) FROM audit_entries").await;
        let second = try_refresh(&app, &ana.refresh).await.expect(200);
        let next = LoggedIn { refresh: second.data()["refreshToken"].as_str().unwrap().to_owned(), ..ana };
        try_refresh(&app, &next.refresh).await.expect(200);
        assert_eq!(sql(&app, "SELECT CAST(count(*) AS text) FROM audit_entries").await, before);
    }
}
