//! The person's page: at every link the same, with the operator's branding, under a policy that lets nothing foreign in.

use identivia::http::pages::page_assets;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, World, answer};

const HTML: &str = "<!doctype html><script type=\"application/json\" id=\"boot\">__BOOT__</script><body>page</body>";
const NOBODY: &str = "/abcdefghijklmno";

fn text_of(answer: &Answer) -> String {
    String::from_utf8(answer.bytes.clone()).unwrap()
}

/// What the page starts with.
async fn read_boot_data(world: &World) -> Value {
    let page = text_of(&world.bearing(None).get(NOBODY).await);
    let (_, boot) = page.split_once("id=\"boot\">").unwrap();
    serde_json::from_str(boot.split_once("</script>").unwrap().0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_serves_the_same_uncached_page() {
    let world = World::with_page(&[], Some(HTML)).await;
    let (id, browser) = world.person("one").await;
    let token = browser.token.unwrap();
    let nobody = world.bearing(None);
    let page = nobody.get(NOBODY).await;
    assert_eq!(page.status, 200);
    assert_eq!(text_of(&page), HTML.replace("__BOOT__", r#"{"branding":{},"fingerprint":null,"processors":[]}"#));
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", "camera=(self)"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; \
             font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    let theirs = format!("/{id}?token={token}");
    for path in [theirs.as_str(), "/go", "/go?x=1"] {
        let same = nobody.get(path).await;
        assert_eq!((same.status, &same.bytes), (200, &page.bytes), "{path}");
    }
    let head = answer(nobody.request(Method::HEAD, NOBODY)).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length"), page.bytes.len().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn path_that_is_no_link_is_404() {
    let world = World::with_page(&[], Some(HTML)).await;
    let nobody = world.bearing(None);
    for path in
        ["/nope", "/ABCDEFGHIJKLMNO", "/abcdefghijklmn", "/abcdefghijklmno/", "/abcdefghijklmno/x", "/go/x", "/%ff"]
    {
        assert_eq!(nobody.get(path).await.expect(404)["error"], "Not found", "{path}");
    }
    let posted = answer(nobody.request(Method::POST, NOBODY)).await;
    assert_eq!(posted.header("allow"), "GET,HEAD");
    assert_eq!(posted.expect(405)["error"], "Method not allowed");
    answer(nobody.request(Method::POST, "/nope")).await.expect(404);
    answer(nobody.request(Method::POST, "/go")).await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn branding_appears_a_few_seconds_after_it_is_set() {
    let world = World::with_page(&[], Some(HTML)).await;
    let operator = world.operator();
    assert_eq!(read_boot_data(&world).await, json!({"branding": {}, "fingerprint": null, "processors": []}));
    let branding = json!({"name": "Acme </script><script>alert(1)</script>", "color": "#0a7fff", "color_dark": "red",
        "privacy_url": "javascript:alert(1)", "secret": "INTERNAL"});
    operator.put("/api/settings/branding", json!({"value": branding})).await.expect(200);
    operator.put("/api/settings/other", json!({"value": "INTERNAL", "public": true})).await.expect(200);
    assert_eq!(read_boot_data(&world).await["branding"], json!({}), "it is not read for every page");
    world.clock.advance(3);
    let expected = json!({"name": "Acme </script><script>alert(1)</script>", "color": "#0a7fff"});
    let page = text_of(&world.bearing(None).get(NOBODY).await);
    assert_eq!(page.matches("</script>").count(), 1, "{page}");
    assert!(!page.contains("INTERNAL") && !page.contains("javascript:"), "{page}");
    let (_, inside) = page.split_once("id=\"boot\">").unwrap();
    let boot_text = inside.split_once("</script>").unwrap().0;
    assert_eq!(serde_json::from_str::<Value>(boot_text).unwrap()["branding"], expected);

    operator.delete("/api/settings/branding").await.expect(200);
    world.clock.advance(3);
    assert_eq!(read_boot_data(&world).await["branding"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_allows_the_fingerprint_agent_only_with_a_public_key() {
    let flags = ["--fingerprint-secret-key", "k", "--fingerprint-base-url", "https://eu.api.fpjs.io"];
    let world = World::with_page(&flags, Some(HTML)).await;
    world.operator().put("/api/settings/fingerprint_public_key", json!({"value": "aBc123"})).await.expect(200);
    assert_eq!(read_boot_data(&world).await["fingerprint"], json!({"publicKey": "aBc123", "region": "eu"}));
    assert_eq!(read_boot_data(&world).await["processors"], json!(["Fingerprint"]));
    let policy = world.bearing(None).get("/go").await.header("content-security-policy").to_owned();
    assert!(policy.contains("script-src 'self' https://fpjscdn.net;"), "{policy}");
    assert!(
        policy.contains("connect-src 'self' https://fpjscdn.net https://api.fpjs.io https://*.api.fpjs.io;"),
        "{policy}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_allows_streaming_only_to_aws() {
    const AWS: [&str; 8] = [
        "--liveness-provider",
        "aws",
        "--aws-access-key-id",
        "AKIATEST",
        "--aws-secret-access-key",
        "x",
        "--aws-region",
        "eu-west-1",
    ];
    let local = ["--liveness-stream-url", "ws://127.0.0.1:9999/"];
    let configured: Vec<&str> = AWS.into_iter().chain(local).collect();
    for (flags, liveness, origin) in [
        (
            &AWS[..],
            json!({"provider": "aws", "region": "eu-west-1"}),
            "wss://streaming-rekognition.eu-west-1.amazonaws.com",
        ),
        (
            &configured,
            json!({"provider": "aws", "region": "eu-west-1", "stream": "ws://127.0.0.1:9999"}),
            "ws://127.0.0.1:9999",
        ),
    ] {
        let world = World::with_page(flags, Some(HTML)).await;
        let (id, browser) = world.person("one").await;
        assert_eq!(browser.get(&format!("/api/flow/{id}")).await.expect(200)["data"]["liveness"], liveness);
        let policy = world.bearing(None).get(NOBODY).await.header("content-security-policy").to_owned();
        assert!(policy.contains(&format!("connect-src 'self' {origin};")), "{policy}");
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.contains("style-src 'self';"), "{policy}");
        assert_eq!(
            read_boot_data(&world).await["processors"],
            json!(["Amazon Web Services"]),
            "a person agrees by name"
        );
    }
    let world = World::with_page(&[], Some(HTML)).await;
    let (id, browser) = world.person("one").await;
    let way = browser.get(&format!("/api/flow/{id}")).await.expect(200);
    assert_eq!(way["data"]["liveness"], json!({"provider": "local"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn page_is_served_while_the_store_is_unavailable() {
    let world = World::with_page(&[], Some(HTML)).await;
    let branding = json!({"value": {"name": "Acme"}});
    world.operator().put("/api/settings/branding", branding).await.expect(200);
    let before = read_boot_data(&world).await;
    assert_eq!(before["branding"]["name"], "Acme");
    if world.ground.stop() {
        world.clock.advance(10);
        assert_eq!(read_boot_data(&world).await, before, "as it was last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_assets_are_immutable_with_media_type_etag_and_gzip() {
    let world = World::new().await;
    let nobody = world.bearing(None);
    for path in page_assets::paths() {
        let (url, asset) = (format!("/app/{path}"), page_assets::asset(path).unwrap());
        let plain = nobody.get(&url).await;
        assert_eq!((plain.status, plain.bytes.as_slice()), (200, &asset.plain_bytes()[..]), "{path}");
        assert_eq!(plain.header("content-type"), asset.media_type, "{path}");
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        let tag = plain.header("etag").to_owned();
        let again = answer(nobody.request(Method::GET, &url).header("if-none-match", &tag)).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
        let head = answer(nobody.request(Method::HEAD, &url)).await;
        assert_eq!((head.status, head.bytes.len(), head.header("etag")), (200, 0, tag.as_str()), "{path}");
        let small = answer(nobody.request(Method::GET, &url).header("accept-encoding", "gzip")).await;
        assert_eq!(small.header("content-encoding") == "gzip", asset.is_gzipped, "{path}");
        assert_eq!(small.bytes, asset.embedded_bytes(), "{path}");
    }
    for path in ["/app/none.js", "/app/", "/app", "/app/..%2findex.html", "/app/%2e%2e/%2e%2e/Cargo.toml", "/app/%ff"] {
        assert_eq!(nobody.get(path).await.expect(404)["error"], "Not found", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn docs_page_and_its_files_have_their_type_policy_and_cache_time() {
    let world = World::new().await;
    let browser = world.bearing(None);
    let page = browser.get("/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(text_of(&page).contains("/openapi.json"));
    if page_assets::index().is_none() {
        assert_eq!(page.status, 501);
        assert!(text_of(&page).contains("make web"));
        return;
    }
    assert_eq!((page.status, page.header("cache-control")), (200, "public, max-age=3600"));
    for (name, media_type) in [
        ("docs.js", "text/javascript; charset=utf-8"),
        ("docs.css", "text/css; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
    ] {
        assert!(text_of(&page).contains(&format!("\"/docs/{name}\"")), "{name}");
        let file = browser.get(&format!("/docs/{name}")).await;
        assert_eq!((file.status, file.header("content-type")), (200, media_type), "{name}");
        assert_eq!(file.header("cache-control"), "public, max-age=3600", "{name}");
        assert!(file.header("content-security-policy").contains("default-src 'none'"), "{name}");
    }
    for path in ["/docs/", "/docs/index.html", "/docs/none.js"] {
        assert_eq!(browser.get(path).await.expect(404)["error"], "Not found", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_without_the_page_says_how_to_build_it() {
    let world = World::with_page(&[], None).await;
    for path in [NOBODY, "/go"] {
        let page = world.bearing(None).get(path).await;
        assert_eq!((page.status, page.header("content-type")), (501, "text/html; charset=utf-8"), "{path}");
        assert!(text_of(&page).contains("make web"), "{path}");
    }
    world.bearing(None).get("/nope").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_branding_is_that_of_the_profiles_team() {
    let world = World::with_page(&[], Some(HTML)).await;
    let (red, blue) = (world.team("red"), world.team("blue"));
    world.operator().put("/api/settings/branding", json!({"value": {"name": "Operator"}})).await.expect(200);
    red.put("/api/settings/branding", json!({"value": {"name": "Red"}})).await.expect(200);
    let mut pages = Vec::new();
    for team in [&red, &blue] {
        let made = team.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
        pages.push(text_of(&world.bearing(None).get(&format!("/{}", made["id"].as_str().unwrap())).await));
    }
    pages.push(text_of(&world.bearing(None).get(NOBODY).await));
    let names: Vec<bool> = pages.iter().map(|page| page.contains("\"Red\"")).collect();
    assert_eq!(names, [true, false, false]);
    assert!(pages[1].contains("\"Operator\"") && pages[2].contains("\"Operator\""));
}
