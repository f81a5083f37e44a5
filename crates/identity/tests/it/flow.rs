//! A working day with one's tokens, from the first login to the logout.

use std::time::Duration;

use crate::people::{LoggedIn, PASSWORD, login, try_login, try_refresh, user};
use crate::start;

testkit::behaviours! {
    with start;

    async fn login_access_refresh_and_logout(app: TestApp) {
        // The organization and its first user.
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;

        // A wrong password says nothing; the right one opens a session.
        try_login(&app, "padaria", "ana@example.com", "tres tigres 4").await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let ana = LoggedIn::of(&try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200));

        // The access token opens what is hers, until it ends.
        let me = ana.client(&app).get("/auth/me").send().await.expect(200);
        assert_eq!(me.data()["email"], "ana@example.com");
        app.nobody().get("/auth/me").send().await.refused(401, "AUTH_REQUIRED");
        app.clock().advance(Duration::from_secs(16 * 60));
        ana.client(&app).get("/auth/me").send().await.refused(401, "AUTH_TOKEN_EXPIRED");

        // The refresh token continues the session, once.
        let next = try_refresh(&app, &ana.refresh).await.expect(200);
        let next = LoggedIn {
            access: next.data()["accessToken"].as_str().unwrap().to_owned(),
            refresh: next.data()["refreshToken"].as_str().unwrap().to_owned(),
            ..ana.clone()
        };
        assert_eq!(next.session(), ana.session(), "the same session");
        next.client(&app).get("/auth/me").send().await.expect(200);

        // A second device, and only the first logs out.
        let phone = login(&app, "padaria", "ana@example.com").await;
        next.client(&app).post("/auth/logout").send().await.expect(204);
        next.client(&app).get("/auth/me").send().await.refused(401, "AUTH_SESSION_REVOKED");
        try_refresh(&app, &next.refresh).await.refused(401, "AUTH_SESSION_REVOKED");
        phone.client(&app).get("/auth/me").send().await.expect(200);
    }
}
