//! Logos and favicons: looked at when they come, served by their hash.

use std::sync::Arc;

use contracts::catalog::QuotaPeriod;
use contracts::usage::{QuotaExceeded, Quotas, ReserveError, STORAGE_BYTES};
use db::UnitOfWork;
use futures_util::future::BoxFuture;
use kernel::OrganizationId;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use testkit::{Client, Engine, Reply, TestApp};

const SVG: &str =
    r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path fill="#0B3D91" d="M0 0h9v9z"/></svg>"##;

/// Counts bytes, up to a limit, as the usage context would.
#[derive(Default)]
struct Counted {
    bytes: Mutex<i64>,
    limit: Mutex<Option<i64>>,
}

impl Quotas for Counted {
    fn reserve<'a>(
        &'a self,
        _: &'a UnitOfWork,
        _: OrganizationId,
        metric: &'a str,
        quantity: i64,
    ) -> BoxFuture<'a, Result<(), ReserveError>> {
        assert_eq!(metric, STORAGE_BYTES);
        let mut bytes = self.bytes.lock();
        let limit = self.limit.lock().unwrap_or(i64::MAX);
        let answer = if *bytes + quantity > limit {
            Err(ReserveError::Exceeded(QuotaExceeded {
                metric: metric.to_owned(),
                limit,
                used: *bytes,
                period: QuotaPeriod::Total,
                resets_at: None,
                resets_in: None,
            }))
        } else {
            *bytes += quantity;
            Ok(())
        };
        Box::pin(std::future::ready(answer))
    }
}

async fn start(engine: Engine) -> Option<TestApp> {
    let modules = vec![organization::module(), audit::module(), settings::module()];
    TestApp::start_with(engine, modules, |ports| {
        let counted = Arc::new(Counted::default());
        ports.provide(Arc::clone(&counted));
        ports.provide::<dyn Quotas>(counted);
    })
    .await
}

fn counted(app: &TestApp) -> Arc<Counted> {
    app.edge().app().port::<Counted>().unwrap()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&vec![0; width.div_ceil(8) as usize * height as usize])
        .unwrap();
    writer.finish().unwrap();
    bytes
}

async fn put(client: &Client, place: &str, kind: &str, bytes: impl Into<Vec<u8>>) -> Reply {
    client
        .put(&format!("/branding/{place}"))
        .raw(kind, bytes.into())
        .send()
        .await
}

/// Where a link of the installation leads, from the server's root.
fn path(link: &Value) -> String {
    link.as_str()
        .unwrap()
        .strip_prefix("http://127.0.0.1:8080")
        .unwrap()
        .to_owned()
}

testkit::behaviours! {
    with start;

    async fn a_png_is_served_as_it_came_by_its_hash(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let bytes = png(64, 64);
        let put = put(&administrator, "logo", "image/png", bytes.clone()).await.expect(200);
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let link = path(&put.data()["logoUrl"]);
        assert_eq!(link, format!("/api/v1/public/assets/{hash}"));
        assert_eq!(put.data()["faviconUrl"], Value::Null);
        let served = app.nobody().get(&link).send().await.expect(200);
        assert_eq!(served.bytes, bytes);
        for (header, value) in [
            ("content-type", "image/png"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("etag", &format!("\"{hash}\"")),
            ("cross-origin-resource-policy", "cross-origin"),
        ] {
            assert_eq!(served.header(header), value);
        }
        let policy = served.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.ends_with("sandbox"), "{policy}");
        app.nobody().get(&link).header("If-None-Match", served.header("etag")).send().await.expect(304);
        let public = app.nobody().get("/public/branding/padaria").send().await.expect(200);
        assert_eq!(public.data()["logoUrl"], put.data()["logoUrl"]);
    }

    async fn an_svg_is_written_anew(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let with_notes = SVG.replace("<path", "<!-- Ana's draft --><metadata>made by Ana</metadata><path");
        let put = put(&administrator, "favicon", "image/svg+xml; charset=utf-8", with_notes).await.expect(200);
        let served = app.nobody().get(&path(&put.data()["faviconUrl"])).send().await.expect(200);
        let text = String::from_utf8(served.bytes.clone()).unwrap();
        assert!(text.contains("M0 0h9v9z") && !text.contains("Ana"), "{text}");
        assert_eq!(served.header("content-type"), "image/svg+xml");
    }

    async fn what_is_no_picture_is_refused(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let script = SVG.replace("<path", "<script>alert(1)</script><path");
        let mut polyglot = png(1, 1);
        polyglot.extend_from_slice(b"<script>alert(1)</script>");
        let mut broken = png(64, 64);
        broken.truncate(60);
        for (kind, bytes) in [
            ("image/png", b"not a picture".to_vec()),
            ("image/png", Vec::new()),
            ("image/png", SVG.as_bytes().to_vec()),
            ("image/png", broken),
            ("image/png", polyglot),
            ("image/png", png(2_049, 2_049)),
            ("image/svg+xml", png(1, 1)),
            ("image/svg+xml", b"<html/>".to_vec()),
            ("image/svg+xml", script.into_bytes()),
            ("image/svg+xml", SVG.replace("<path", "<path onload=\"alert(1)\"").into_bytes()),
            ("image/svg+xml", SVG.replace("<path", "<foreignObject/><path").into_bytes()),
            ("image/svg+xml", SVG.replace("#0B3D91", "url(https://evil.example/x)").into_bytes()),
            ("image/svg+xml", format!("<!DOCTYPE svg [<!ENTITY a \"b\">]>{SVG}").into_bytes()),
        ] {
            let what = String::from_utf8_lossy(&bytes).into_owned();
            let refused = put(&administrator, "logo", kind, bytes).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (400, "VALIDATION_FAILED"), "{what}");
        }
        for kind in ["image/jpeg", "image/gif", "text/html", "application/json", ""] {
            put(&administrator, "logo", kind, png(1, 1)).await.refused(415, "VALIDATION_UNSUPPORTED_MEDIA_TYPE");
        }
        let too_much = vec![0; 512 * 1024 + 1];
        put(&administrator, "logo", "image/png", too_much).await.refused(413, "VALIDATION_PAYLOAD_TOO_LARGE");
        let branding = administrator.get("/branding").send().await.expect(200);
        assert_eq!(branding.data()["logoUrl"], Value::Null);
        assert_eq!(*counted(&app).bytes.lock(), 0, "nothing was stored");
    }

    async fn a_picture_that_nobody_shows_is_gone(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let (administrator, neighbour) = (app.administrator(mine), app.administrator(other));
        let (small, large) = (png(8, 8), png(900, 900));
        let total = |pictures: &[&Vec<u8>]| i64::try_from(pictures.iter().map(|bytes| bytes.len()).sum::<usize>()).unwrap();
        let bytes = counted(&app);
        let first = put(&administrator, "logo", "image/png", small.clone()).await.expect(200);
        let link = path(&first.data()["logoUrl"]);
        // The same picture in another place is stored once, in another organization once more.
        put(&administrator, "favicon", "image/png", small.clone()).await.expect(200);
        assert_eq!(*bytes.bytes.lock(), total(&[&small]));
        put(&neighbour, "logo", "image/png", small.clone()).await.expect(200);
        assert_eq!(*bytes.bytes.lock(), total(&[&small, &small]));
        put(&administrator, "logo", "image/png", large.clone()).await.expect(200);
        assert_eq!(*bytes.bytes.lock(), total(&[&small, &small, &large]));
        administrator.delete("/branding/favicon").send().await.expect(204);
        assert_eq!(*bytes.bytes.lock(), total(&[&small, &large]));
        app.nobody().get(&link).send().await.expect(200);
        neighbour.delete("/branding/logo").send().await.expect(204);
        app.nobody().get(&link).send().await.refused(404, "NOT_FOUND");
        assert_eq!(*bytes.bytes.lock(), total(&[&large]));
        let branding = administrator.get("/branding").send().await.expect(200);
        assert_eq!(branding.data()["faviconUrl"], Value::Null);
        app.nobody().get(&path(&branding.data()["logoUrl"])).send().await.expect(200);
        administrator.delete("/branding/favicon").send().await.expect(204);
    }

    async fn a_picture_beyond_the_quota_is_not_stored(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let bytes = png(64, 64);
        *counted(&app).limit.lock() = Some(i64::try_from(bytes.len()).unwrap() - 1);
        let refused = put(&administrator, "logo", "image/png", bytes).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert!(!refused.header("retry-after").is_empty());
        assert_eq!(administrator.get("/branding").send().await.expect(200).data()["logoUrl"], Value::Null);
    }

    async fn what_is_no_hash_is_not_found(app: TestApp) {
        for name in ["abc", &"A".repeat(64), &"0".repeat(64), &format!("{}.png", "0".repeat(64)), "..%2f..%2fetc%2fpasswd"] {
            app.nobody().get(&format!("/public/assets/{name}")).send().await.refused(404, "NOT_FOUND");
        }
    }

    async fn a_picture_needs_the_permission_before_it_is_looked_at(app: TestApp) {
        let mine = app.organization("padaria").await;
        put(&app.nobody(), "logo", "image/png", png(1, 1)).await.refused(401, "AUTH_REQUIRED");
        put(&app.stranger(mine), "logo", "image/png", b"not a picture".to_vec()).await.refused(403, "RBAC_FORBIDDEN");
        app.stranger(mine).delete("/branding/logo").send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn the_trail_tells_which_picture(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let shown = put(&administrator, "logo", "image/png", png(2, 2)).await.expect(200);
        put(&administrator, "logo", "image/png", png(2, 2)).await.expect(200);
        let hash = shown.data()["logoUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let trail = administrator.get("/audit-logs?action=branding.updated").send().await.expect(200);
        let changes: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["changes"]).collect();
        assert_eq!(changes, [&json!({ "logoUrl": { "from": null, "to": hash } })]);
    }
}
