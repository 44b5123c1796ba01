//! Embedding: which sites may show the person's page in a frame or a popup, and the loader script that they use.

use identivia::domain::event::EventKind;
use identivia::domain::setting::stored_key;
use identivia::http::pages::page_assets;
use identivia::records::audit_event::AuditEvent;
use identivia::records::setting::Setting;
use reqwest::Method;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::world::{Caller, World, answer};

const HTML: &str = "<!doctype html><script type=\"application/json\" id=\"boot\">__BOOT__</script><body>page</body>";
const NOBODY: &str = "/abcdefghijklmno";
const SETTING: &str = "/api/settings/embed_origins";
const DEFAULT_SITE: [&str; 2] = ["--embed-origins", "https://default.example, http://localhost:3000"];
/// How long a rendered page is served, in seconds.
const RENDER_SECONDS: i64 = 3;
/// The largest loader script, in bytes.
const MAX_LOADER_BYTES: usize = 3 * 1024;

/// Which sites a page allows, by all headers that decide it.
#[derive(Debug, PartialEq, Eq)]
struct Framing {
    ancestors: String,
    frame_options: String,
    opener: String,
    embed_origins: Value,
}

impl Framing {
    fn none() -> Self {
        Self {
            ancestors: "'none'".into(),
            frame_options: "DENY".into(),
            opener: "same-origin".into(),
            embed_origins: Value::Null,
        }
    }

    fn by(origins: &[&str]) -> Self {
        Self {
            ancestors: origins.join(" "),
            frame_options: String::new(),
            opener: "unsafe-none".into(),
            embed_origins: json!(origins),
        }
    }
}

async fn read_framing(world: &World, path: &str) -> Framing {
    let page = world.bearing(None).get(path).await;
    assert_eq!(page.status, 200, "{path}");
    for (name, value) in [("permissions-policy", "camera=(self)"), ("referrer-policy", "no-referrer")] {
        assert_eq!(page.header(name), value, "{path}: the camera works in a frame, and no address leaves it");
    }
    let policy = page.header("content-security-policy");
    let (_, ancestors) = policy.split_once("frame-ancestors ").unwrap();
    let html = String::from_utf8(page.bytes.clone()).unwrap();
    let (_, boot) = html.split_once("id=\"boot\">").unwrap();
    let boot: Value = serde_json::from_str(boot.split_once("</script>").unwrap().0).unwrap();
    Framing {
        ancestors: ancestors.to_owned(),
        frame_options: page.header("x-frame-options").to_owned(),
        opener: page.header("cross-origin-opener-policy").to_owned(),
        embed_origins: boot["embed_origins"].clone(),
    }
}

/// The path of a new profile's link.
async fn create_link(caller: &Caller<'_>) -> String {
    let made = caller.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    format!("/{}", made["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn page_without_a_setting_cannot_be_framed() {
    let world = World::with_page(&[], Some(HTML)).await;
    let link = create_link(&world.team("red")).await;
    for path in [&link, NOBODY, "/go"] {
        assert_eq!(read_framing(&world, path).await, Framing::none(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_variable_is_the_default_of_every_known_link() {
    let world = World::with_page(&DEFAULT_SITE, Some(HTML)).await;
    let default = ["https://default.example", "http://localhost:3000"];
    for caller in [world.team("red"), world.operator()] {
        let link = create_link(&caller).await;
        assert_eq!(read_framing(&world, &link).await, Framing::by(&default));
    }
    for path in [NOBODY, "/go"] {
        assert_eq!(read_framing(&world, path).await, Framing::none(), "{path}: no profile, no team");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_setting_holds_for_its_own_links_alone() {
    let world = World::with_page(&DEFAULT_SITE, Some(HTML)).await;
    let (red, blue) = (world.team("red"), world.team("blue"));
    let (of_red, of_blue) = (create_link(&red).await, create_link(&blue).await);
    let default = ["https://default.example", "http://localhost:3000"];
    red.put(SETTING, json!({"value": ["https://red.example", "https://red.example:8443"]})).await.expect(200);
    assert_eq!(
        read_framing(&world, &of_red).await,
        Framing::by(&["https://red.example", "https://red.example:8443"]),
        "it replaces the operator's"
    );
    assert_eq!(read_framing(&world, &of_blue).await, Framing::by(&default), "another team's");
    assert_eq!(read_framing(&world, NOBODY).await, Framing::none());

    red.put(SETTING, json!({"value": []})).await.expect(200);
    world.operator().put(SETTING, json!({"value": "https://operator.example"})).await.expect(200);
    world.clock.advance(RENDER_SECONDS);
    assert_eq!(read_framing(&world, &of_red).await, Framing::none(), "an empty list allows no site");
    assert_eq!(read_framing(&world, &of_blue).await, Framing::by(&["https://operator.example"]));
    assert_eq!(read_framing(&world, NOBODY).await, Framing::none());

    red.delete(SETTING).await.expect(200);
    world.clock.advance(RENDER_SECONDS);
    assert_eq!(read_framing(&world, &of_red).await, Framing::by(&["https://operator.example"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_stored_list_allows_no_site() {
    let world = World::with_page(&DEFAULT_SITE, Some(HTML)).await;
    let link = create_link(&world.team("red")).await;
    // As another program may write it into the database.
    for value in [json!(["https://red.example; script-src *"]), json!("*"), json!({"origins": []}), json!(null)] {
        let setting = Setting {
            key: stored_key(Some("red"), "embed_origins"),
            value: RawValue::from_string(value.to_string()).unwrap(),
            public: false,
            updated: world.clock.now(),
        };
        let event = AuditEvent::new(EventKind::SettingChanged, world.clock.now(), "test");
        world.app.store.put_setting(&setting, &[], event).await.unwrap().unwrap();
        assert_eq!(read_framing(&world, &link).await, Framing::none(), "{value}");
        world.clock.advance(RENDER_SECONDS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_are_checked_when_they_are_stored() {
    let world = World::with_page(&[], Some(HTML)).await;
    let red = world.team("red");
    let saved = red.put(SETTING, json!({"value": ["HTTPS://Shop.Example:443", "https://b\u{fc}cher.example"]})).await;
    let normal = json!(["https://shop.example", "https://xn--bcher-kva.example"]);
    assert_eq!(saved.expect(200)["data"]["value"], normal, "as browsers write them");
    for value in [
        json!(["https://shop.example", "*"]),
        json!(["null"]),
        json!(["http://shop.example"]),
        json!(["https://shop.example/path"]),
        json!(["https://user:CANARY@shop.example"]),
        json!(["https://*.shop.example"]),
        json!(["https://shop.example\r\nX-Injected: CANARY"]),
        json!(["https://shop.example; script-src *"]),
        json!(["https://[::1]"]),
        json!(""),
        json!(7),
        json!([["https://shop.example"]]),
        (0..21).map(|number| format!("https://shop{number}.example")).collect(),
    ] {
        let refused = red.put(SETTING, json!({ "value": value })).await.expect(400);
        let problem = refused["fields"]["value"].as_str().unwrap().to_owned();
        assert!(problem.contains("must "), "{value}: {problem}");
        assert!(!problem.contains("CANARY"), "{problem}");
    }
    assert_eq!(red.get("/api/settings").await.expect(200)["data"]["embed_origins"], normal, "nothing was stored");
    let second = red.put(SETTING, json!({"value": ["https://shop.example", "shop.example"]})).await.expect(400);
    assert!(second["fields"]["value"].as_str().unwrap().starts_with("entry 2 must be an origin such as"), "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn loader_script_is_small_cached_and_open_to_every_site() {
    let world = World::new().await;
    let site = world.bearing(None);
    let plain = answer(site.request(Method::GET, "/embed/v1.js").header("origin", "https://shop.example")).await;
    if page_assets::index().is_none() {
        assert_eq!(plain.status, 501);
        assert!(String::from_utf8(plain.bytes).unwrap().contains("make web"));
        return;
    }
    assert_eq!(plain.status, 200);
    assert!((1..=MAX_LOADER_BYTES).contains(&plain.bytes.len()), "{} bytes", plain.bytes.len());
    for (name, value) in [
        ("content-type", "text/javascript; charset=utf-8"),
        ("cache-control", "public, max-age=3600"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("access-control-allow-origin", "*"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(plain.header(name), value, "{name}");
    }
    let tag = plain.header("etag").to_owned();
    let again = answer(site.request(Method::GET, "/embed/v1.js").header("if-none-match", &tag)).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    assert_eq!(again.header("cross-origin-resource-policy"), "cross-origin");
    let asset = format!("/app/{}", page_assets::paths().next().unwrap());
    for path in ["/livez", "/docs", NOBODY, &asset] {
        let other = answer(site.request(Method::GET, path).header("origin", "https://shop.example")).await;
        assert_eq!(other.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(other.header("access-control-allow-origin"), "", "{path}");
    }
    for path in ["/embed", "/embed/", "/embed/v2.js", "/embed/v1.js/x"] {
        site.get(path).await.expect(404);
    }
}
