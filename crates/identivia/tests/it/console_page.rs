//! The console's page: the same HTML at every path below `/console`, under a policy that lets nothing foreign in.

use identivia::http::pages::page_assets;
use reqwest::Method;

use crate::world::{World, answer};

#[tokio::test(flavor = "multi_thread")]
async fn every_console_path_serves_the_page_under_its_policy() {
    let world = World::new().await;
    let browser = world.bearing(None);
    let html = page_assets::console_index();
    let first = browser.get("/console").await;
    for path in
        ["/console", "/console/", "/console/queue", "/console/reviews/abcdefghijklmno?tab=faces", "/console/setup"]
    {
        let page = browser.get(path).await;
        assert_eq!(page.status, if html.is_some() { 200 } else { 501 }, "{path}");
        assert_eq!(page.bytes, first.bytes, "{path}");
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; \
                 connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(page.header(name), value, "{path}: {name}");
        }
    }
    answer(browser.request(Method::POST, "/console/queue")).await.expect(405);
    browser.get("/consoles").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn console_loads_only_files_of_this_server_whose_names_are_hashed() {
    let world = World::new().await;
    let Some(html) = page_assets::console_index() else { return };
    assert!(!html.contains("<style") && !html.contains("style=") && !html.contains("__BOOT__"), "{html}");
    let mut files = 0;
    for (_, rest) in html.match_indices("=\"").map(|(at, _)| html.split_at(at + 2)) {
        let value = rest.split('"').next().unwrap();
        assert!(!value.contains("//"), "the console names another host: {value}");
        if let Some(path) = value.strip_prefix("/app/") {
            let file = world.bearing(None).get(&format!("/app/{path}")).await;
            assert_eq!(
                (file.status, file.header("cache-control")),
                (200, "public, max-age=31536000, immutable"),
                "{path}"
            );
            files += 1;
        }
    }
    assert!(files >= 2, "a script and a style sheet");
}
