//! What a person's page starts with: the operator's name and colours, and whom to ask. Operators set it, a stranger's browser
//! shows it, so each value is checked before it goes out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use email_address::EmailAddress;
use serde::Serialize;
use serde_json::Value;
use url::Url;

/// The setting that holds the branding, an object.
pub const BRANDING_KEY: &str = "branding";
/// The setting that holds the public key of Fingerprint's own agent.
pub const FINGERPRINT_PUBLIC_KEY: &str = "fingerprint_public_key";

/// The longest name, in characters, and the largest logo, in bytes of its `data:` URL.
const NAME_CHARACTERS: usize = 80;
const LOGO_BYTES: usize = 48 * 1024;
const URL_BYTES: usize = 2_000;
const KEY_BYTES: usize = 64;

/// What a person sees of the company that asks them to verify themselves.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Branding {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A picture as a `data:` URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    logo: Option<String>,
    /// `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    /// The same where the page is dark.
    #[serde(skip_serializing_if = "Option::is_none")]
    color_dark: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_url: Option<String>,
}

/// Fingerprint's own agent, where an operator has a key for it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FingerprintAgent {
    public_key: String,
    /// `us`, `eu` or `ap`.
    region: &'static str,
}

/// What the page starts with.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct PageStartData {
    pub branding: Branding,
    pub fingerprint: Option<FingerprintAgent>,
    /// Others who process what the person sends, by name: the person agrees to them by name.
    pub processors: Vec<&'static str>,
    /// The sites that the page posts messages to when it is in one of their frames or popups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embed_origins: Vec<String>,
}

impl PageStartData {
    /// Takes the valid parts of two settings, as JSON text, and names the invalid ones.
    #[must_use]
    pub fn from_settings(branding: Option<&str>, key: Option<&str>, region: &'static str) -> (Self, Vec<&'static str>) {
        let mut faults = Vec::new();
        let branding = branding.map(|text| Branding::from_setting(text, &mut faults)).unwrap_or_default();
        let public_key = key.and_then(|text| {
            let key: Option<String> = serde_json::from_str(text).ok();
            let key = key.filter(|key| is_key(key));
            if key.is_none() {
                faults.push(FINGERPRINT_PUBLIC_KEY);
            }
            key
        });
        let fingerprint = public_key.map(|public_key| FingerprintAgent { public_key, region });
        (Self { branding, fingerprint, ..Self::default() }, faults)
    }

    /// As JSON that can stand within a `script` element: nothing in it can end that, or begin a comment.
    #[must_use]
    pub fn to_html(&self) -> String {
        serde_json::to_string(self).unwrap_or_default().replace('<', "\\u003c")
    }
}

impl Branding {
    /// The valid parts of the setting, as JSON text. `faults` gets the names of the invalid ones.
    pub fn from_setting(text: &str, faults: &mut Vec<&'static str>) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
            faults.push("all of it");
            return Self::default();
        };
        let mut take = |name: &'static str, is_good: fn(&str) -> bool| {
            let value = fields.get(name).filter(|value| !value.is_null())?;
            let text = value.as_str().filter(|text| is_good(text));
            if text.is_none() {
                faults.push(name);
            }
            text.map(str::to_owned)
        };
        Self {
            name: take("name", is_name),
            logo: take("logo", is_logo),
            color: take("color", is_color),
            color_dark: take("color_dark", is_color),
            privacy_url: take("privacy_url", is_link),
            support_email: take("support_email", is_email),
            support_url: take("support_url", is_link),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= NAME_CHARACTERS && !text.chars().any(char::is_control)
}

/// Says whether a text is a picture as a `data:` URL in base64, and its bytes are what it says. A script in an SVG does not
/// run in an `img` element, and the page shows it in no other.
fn is_logo(text: &str) -> bool {
    let Some((kind, base64)) = text.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,")) else {
        return false;
    };
    let Ok(bytes) = STANDARD.decode(base64) else { return false };
    let is_kind = match kind {
        "png" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "jpeg" => bytes.starts_with(b"\xff\xd8\xff"),
        "webp" => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        "svg+xml" => {
            let text = std::str::from_utf8(&bytes).unwrap_or_default().trim_start();
            text.starts_with("<svg") || text.starts_with("<?xml") || text.starts_with("<!--")
        }
        _ => false,
    };
    is_kind && text.len() <= LOGO_BYTES
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Says whether a text is a link that a person may follow: https, without a user name in it.
fn is_link(text: &str) -> bool {
    let is_plain = text.len() <= URL_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.has_host());
    is_plain && url.is_some_and(|url| url.username().is_empty() && url.password().is_none())
}

fn is_email(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic()) && EmailAddress::is_valid(text)
}

/// Says whether a text could be one of Fingerprint's public keys. It stands in a URL's path.
fn is_key(text: &str) -> bool {
    (1..=KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data_url(kind: &str, bytes: &[u8]) -> String {
        format!("data:image/{kind};base64,{}", STANDARD.encode(bytes))
    }

    fn boot(branding: &Value) -> (Value, Vec<&'static str>) {
        let (boot, faults) = PageStartData::from_settings(Some(&branding.to_string()), None, "us");
        (serde_json::to_value(boot.branding).unwrap(), faults)
    }

    #[test]
    fn good_values_are_taken_and_others_left_out() {
        let good = json!({
            "name": "Acme & Söhne", "logo": data_url("svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            "color": "#0a7Fff", "color_dark": "#ffffff", "privacy_url": "https://acme.example/privacy?x=1#y",
            "support_email": "help@acme.example", "support_url": "https://acme.example/help",
        });
        assert_eq!(boot(&good), (good, vec![]));
        assert_eq!(boot(&json!({"name": null, "else": {"a": 1}, "Color": "red"})), (json!({}), vec![]));
        assert_eq!(PageStartData::from_settings(None, None, "us"), (PageStartData::default(), vec![]));
    }

    #[test]
    fn a_wrong_value_is_named_and_takes_no_other_with_it() {
        let large = data_url("png", &[b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 40 * 1024]].concat());
        let cases: Vec<(&str, Value)> = vec![
            ("name", json!("")),
            ("name", json!(" ")),
            ("name", json!("a\u{1b}[31m")),
            ("name", json!("a".repeat(81))),
            ("name", json!(["Acme"])),
            ("logo", json!("https://acme.example/logo.png")),
            ("logo", json!("data:text/html;base64,PHNjcmlwdD4=")),
            ("logo", json!("data:image/svg+xml,<svg/>")),
            ("logo", json!(data_url("png", b"<svg/>"))),
            ("logo", json!(data_url("svg+xml", b"\x89PNG\r\n\x1a\n"))),
            ("logo", json!(data_url("svg+xml", b"<html><script>alert(1)</script></html>"))),
            ("logo", json!(data_url("gif", b"GIF89a"))),
            ("logo", json!("data:image/png;base64,%%%")),
            ("logo", json!(data_url("svg+xml", format!("<svg>{}</svg>", "a".repeat(48 * 1024)).as_bytes()))),
            ("logo", json!(large)),
            ("color", json!("red")),
            ("color", json!("#fff")),
            ("color", json!("#12345g")),
            ("color", json!("#123456;background:url(//evil)")),
            ("color_dark", json!(123456)),
            ("privacy_url", json!("javascript:alert(1)")),
            ("privacy_url", json!("JaVaScRiPt:alert(1)")),
            ("privacy_url", json!("http://acme.example/")),
            ("privacy_url", json!("//acme.example/")),
            ("privacy_url", json!("https://user:secret@acme.example/")),
            ("support_url", json!("data:text/html,x")),
            ("support_url", json!(format!("https://acme.example/{}", "a".repeat(2_000)))),
            ("support_url", json!("https://acme.example/ x")),
            ("support_email", json!("not an address")),
            ("support_email", json!("a@b.example?cc=c@d.example\nBcc: x")),
            ("support_email", json!({})),
        ];
        for (name, value) in cases {
            let mut branding = json!({"name": "Acme", "color": "#000000"});
            branding[name] = value.clone();
            let mut expected = json!({"name": "Acme", "color": "#000000"});
            expected.as_object_mut().unwrap().remove(name);
            assert_eq!(boot(&branding), (expected, vec![name]), "{name}: {value}");
        }
        for text in ["[]", "7", "\"Acme\"", "no JSON"] {
            assert_eq!(
                PageStartData::from_settings(Some(text), None, "us"),
                (PageStartData::default(), vec!["all of it"]),
                "{text}"
            );
        }
    }

    #[test]
    fn an_agent_needs_a_key_that_could_be_one() {
        let agent = |key: &str| PageStartData::from_settings(None, Some(key), "eu");
        let (on, faults) = agent("\"aBc123\"");
        assert_eq!(
            (on.to_html().as_str(), faults),
            (r#"{"branding":{},"fingerprint":{"publicKey":"aBc123","region":"eu"},"processors":[]}"#, vec![])
        );
        for key in ["\"\"", "\"a/b\"", "\"a b\"", "7", "null", "\"<script>\"", &format!("\"{}\"", "a".repeat(65))] {
            assert_eq!(agent(key), (PageStartData::default(), vec![FINGERPRINT_PUBLIC_KEY]), "{key}");
        }
    }

    #[test]
    fn nothing_ends_the_element_that_it_stands_in() {
        let name = "</script><!--<script>alert(1)\u{2028}";
        let (boot, faults) = PageStartData::from_settings(Some(&json!({"name": name}).to_string()), None, "us");
        assert!(faults.is_empty());
        let html = boot.to_html();
        assert!(!html.contains('<'), "{html}");
        assert_eq!(serde_json::from_str::<Value>(&html).unwrap()["branding"]["name"], name);
    }
}
