//! How an organization looks, told to itself and to everybody.

use contracts::settings::Settings;
use serde_json::{Value, json};

use crate::start;

fn whole() -> Value {
    json!({
        "displayName": "Padaria São João",
        "primaryColor": "#0b3D91",
        "accentColor": "#B3261E",
        "primaryColorDark": "#9ECAFF",
        "accentColorDark": "#FFB4AB",
        "supportEmail": "ajuda@padaria.com.br",
        "supportUrl": "https://padaria.com.br/ajuda",
        "termsUrl": "https://padaria.com.br/termos",
        "privacyUrl": "https://padaria.com.br/privacidade",
    })
}

fn shown(of: &Value) -> Value {
    let mut shown = json!({
        "displayName": null, "logoUrl": null, "faviconUrl": null, "primaryColor": null, "accentColor": null,
        "primaryColorDark": null, "accentColorDark": null, "onPrimaryColor": null, "supportEmail": null,
        "supportUrl": null, "termsUrl": null, "privacyUrl": null,
    });
    for (name, value) in of.as_object().unwrap() {
        shown[name] = value.clone();
    }
    shown
}

testkit::behaviours! {
    with start;

    async fn a_put_replaces_all_words_and_colours(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        assert_eq!(administrator.get("/branding").send().await.expect(200).data(), &shown(&json!({})));
        let put = administrator.put("/branding").json(&whole()).send().await.expect(200);
        let mut expected = shown(&whole());
        expected["onPrimaryColor"] = json!("#FFFFFF");
        assert_eq!((put.data(), put.meta()), (&expected, &json!({ "warnings": [] })));
        let read = administrator.get("/branding").send().await.expect(200);
        assert_eq!((read.data(), read.header("etag")), (&expected, put.header("etag")));
        let less = json!({ "displayName": "Padaria", "primaryColor": "#FFEB3B" });
        let put = administrator.put("/branding").json(&less).send().await.expect(200);
        let mut expected = shown(&less);
        expected["onPrimaryColor"] = json!("#000000");
        assert_eq!(put.data(), &expected);
    }

    async fn a_colour_that_is_hard_to_read_is_a_warning(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let body = json!({ "primaryColor": "#FFEB3B", "accentColor": "#0B3D91", "accentColorDark": "#222222" });
        let put = administrator
            .put("/branding")
            .header("Accept-Language", "pt-BR")
            .json(&body)
            .send()
            .await
            .expect(200);
        let warnings = put.meta()["warnings"].as_array().unwrap();
        let told: Vec<_> = warnings.iter().map(|warning| (&warning["field"], &warning["code"])).collect();
        let low = json!("LOW_CONTRAST");
        assert_eq!(told, [(&json!("primaryColor"), &low), (&json!("accentColorDark"), &low)]);
        assert!(warnings[0]["message"].as_str().unwrap().contains("contraste"));
        let read = administrator.get("/branding").send().await.expect(200);
        assert_eq!(read.meta()["warnings"].as_array().unwrap().len(), 2);
    }

    async fn each_field_refuses_what_it_cannot_be(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        for (name, value, code) in [
            ("displayName", json!(""), "TOO_SHORT"),
            ("displayName", json!("x".repeat(121)), "TOO_LONG"),
            ("displayName", json!("a\u{202e}b"), "CONTROL_CHARACTER"),
            ("primaryColor", json!("red"), "INVALID_FORMAT"),
            ("primaryColor", json!("#fff"), "INVALID_FORMAT"),
            ("accentColor", json!("#12345g"), "INVALID_FORMAT"),
            ("primaryColorDark", json!(0), "INVALID_TYPE"),
            ("accentColorDark", json!("#0B3D91;}"), "INVALID_FORMAT"),
            ("supportEmail", json!("ajuda"), "INVALID_FORMAT"),
            ("supportUrl", json!("http://padaria.com.br"), "INVALID_FORMAT"),
            ("termsUrl", json!("javascript:alert(1)"), "INVALID_FORMAT"),
            ("privacyUrl", json!("https://ana:secret@padaria.com.br"), "INVALID_FORMAT"),
        ] {
            let refused = administrator
                .put("/branding")
                .json(&json!({ name: value }))
                .send()
                .await
                .refused(400, "VALIDATION_FAILED");
            assert_eq!(refused.problems(), [format!("{name}: {code}")], "{value}");
        }
        for read_only in ["logoUrl", "onPrimaryColor", "css"] {
            let body = json!({ read_only: "https://padaria.com.br/logo.png" });
            let refused = administrator.put("/branding").json(&body).send().await;
            assert_eq!(
                refused.refused(400, "VALIDATION_UNKNOWN_FIELD").problems(),
                [format!("{read_only}: UNKNOWN_FIELD")]
            );
        }
        assert_eq!(administrator.get("/branding").send().await.expect(200).data(), &shown(&json!({})));
    }

    async fn a_stale_version_changes_nothing(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let first = administrator.get("/branding").send().await.expect(200);
        let put = |name: &str| {
            let body = json!({ "displayName": name });
            administrator.put("/branding").header("If-Match", first.header("etag")).json(&body)
        };
        put("Padaria").send().await.expect(200);
        put("Outra").send().await.refused(412, "CONFLICT_VERSION");
        administrator.delete("/branding/logo").header("If-Match", first.header("etag")).send().await.refused(412, "CONFLICT_VERSION");
        assert_eq!(administrator.get("/branding").send().await.expect(200).data()["displayName"], "Padaria");
    }

    async fn everybody_sees_it_by_the_slug(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let public = app.nobody().get("/public/branding/padaria").send().await.expect(200);
        assert_eq!(public.data(), &shown(&json!({ "displayName": "Organization padaria" })), "its name until it says another");
        assert_eq!(public.header("cache-control"), "public, max-age=60");
        administrator.put("/branding").json(&whole()).send().await.expect(200);
        let known = public.header("etag").to_owned();
        let public = app.nobody().get("/public/branding/padaria").header("If-None-Match", &known).send().await.expect(200);
        assert_eq!(public.data(), administrator.get("/branding").send().await.expect(200).data());
        app.nobody().get("/public/branding/padaria").header("If-None-Match", public.header("etag")).send().await.expect(304);
        for unknown in ["outra", "Padaria", "padaria%00", "%FF"] {
            app.nobody().get(&format!("/public/branding/{unknown}")).send().await.refused(404, "NOT_FOUND");
        }
        app.operator().delete(&format!("/organizations/{mine}")).send().await.expect(204);
        app.nobody().get("/public/branding/padaria").send().await.refused(404, "NOT_FOUND");
    }

    async fn the_trail_tells_each_field_that_changed(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let body = json!({ "displayName": "Padaria", "primaryColor": "#0B3D91" });
        administrator.put("/branding").json(&body).send().await.expect(200);
        administrator.put("/branding").json(&body).send().await.expect(200);
        let trail = administrator.get("/audit-logs?action=branding.updated").send().await.expect(200);
        let entries = trail.data().as_array().unwrap();
        assert_eq!(entries.len(), 1, "the second changed nothing");
        assert_eq!(
            (&entries[0]["target"], &entries[0]["changes"]),
            (
                &json!({ "type": "branding", "id": mine.to_string() }),
                &json!({
                    "displayName": { "from": null, "to": "Padaria" },
                    "primaryColor": { "from": null, "to": "#0B3D91" },
                })
            )
        );
    }

    async fn other_contexts_hear_of_changes_at_once(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let administrator = app.administrator(mine);
        let port = app.edge().app().port::<dyn Settings>().unwrap();
        assert!(port.known(mine).is_none(), "nobody asked yet");
        assert_eq!(*port.of(mine).await.unwrap(), contracts::settings::OrganizationSettings::default());
        assert_eq!(*port.branding(mine).await.unwrap(), contracts::settings::Branding::default());
        administrator.put("/branding").json(&whole()).send().await.expect(200);
        administrator.patch("/settings").json(&json!({ "rateLimit": "5/min" })).send().await.expect(200);
        assert_eq!(port.known(mine).unwrap().rate_limit, "5/min".parse().ok());
        let branding = port.branding(mine).await.unwrap();
        assert_eq!(branding.display_name.as_deref(), Some("Padaria São João"));
        assert_eq!(branding.on_primary_color.as_deref(), Some("#FFFFFF"));
        assert_eq!(port.of(other).await.unwrap().rate_limit, None);
    }

    async fn who_asks_without_waiting_is_answered_soon(app: TestApp) {
        let mine = app.organization("padaria").await;
        let port = app.edge().app().port::<dyn Settings>().unwrap();
        let mut asked = 0;
        while port.known(mine).is_none() {
            asked += 1;
            assert!(asked < 500, "nothing was read");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(asked > 0, "nothing was in memory");
    }
}
