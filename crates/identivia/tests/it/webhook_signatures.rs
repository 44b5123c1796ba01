//! Signatures of webhooks, verified by code that is not ours: the official libraries, and the examples of
//! `docs/webhook-signatures.md` in each language that this machine has.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identivia::clock::Clock;
use identivia::domain::webhook_signature::{WebhookKeyPair, WebhookSecret, sign_v1, sign_v1a};
use serde_json::json;
use tempfile::TempDir;

/// A webhook as a receiver gets it, and the key that the receiver has.
struct Webhook {
    key: String,
    id: String,
    timestamp: i64,
    signatures: String,
    body: String,
}

impl Webhook {
    fn to_json_line(&self) -> String {
        let Self { key, id, timestamp, signatures, body } = self;
        let timestamp = timestamp.to_string();
        let headers = json!({"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures});
        format!("{}\n", json!({"key": key, "headers": headers, "body": body}))
    }

    fn to_base64_lines(&self) -> String {
        let Self { key, id, timestamp, signatures, body } = self;
        let timestamp = timestamp.to_string();
        [key, id, &timestamp, signatures, body].map(|part| STANDARD.encode(part) + "\n").concat()
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn now_seconds() -> i64 {
    Clock::default().now().0 / 1_000
}

/// The example in that language, from the section of the documentation about that kind of signature.
fn read_example(kind: &str, language: &str) -> String {
    let text = std::fs::read_to_string(repository().join("docs/webhook-signatures.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n## Verify `{kind}`\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let (_, code) = section.split_once(&format!("\n```{language}\n")).unwrap();
    code.split_once("\n```\n").unwrap().0.to_owned() + "\n"
}

/// A folder with an example, a file that drives it, and the packages of Node.
fn write_example(kind: &str, language: &str, file: &str, driver: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tests = repository().join("tests/webhooks");
    std::fs::write(folder.path().join(file), read_example(kind, language)).unwrap();
    std::fs::copy(tests.join(driver), folder.path().join(driver)).unwrap();
    std::os::unix::fs::symlink(tests.join("node_modules"), folder.path().join("node_modules")).unwrap();
    folder
}

/// Runs a driver on these webhooks; what it prints for each.
fn run_driver(folder: &Path, program: impl AsRef<OsStr>, arguments: &[&str], webhooks: String) -> Vec<String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(webhooks.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "its errors are above; `make test-rust` installs what the tests need");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if !is_there {
        eprintln!("skipped: {name} is not installed");
    }
    is_there
}

fn python() -> PathBuf {
    repository().join(".venv/bin/python")
}

/// Bodies with emoji, letters of many scripts, and numbers that a JSON parser cannot represent.
fn odd_body(number: usize) -> String {
    let letters =
        ["🪪", "👩🏽‍🚀", "𝔘", "é", "e\u{301}", "ß", "漢字", "عربي", "\u{2028}", "\\u0000", "\\\"", "\u{feff}", " "];
    let text: String = (0..number % 17).map(|at| letters[(number * 7 + at * 5) % letters.len()]).collect();
    let digits = "9007199254740993123456789".repeat(number % 5 + 1);
    format!(
        "{{\"type\":\"a.b\", \"n\":{digits}{number},\"small\":-0.{digits},\"huge\":1e{},\"text\":\"{text}\"}}",
        number % 400
    )
}

/// A thousand signed webhooks, each followed by the same one with another body, and then some that are wrong otherwise.
fn signed_with_v1() -> (Vec<Webhook>, Vec<&'static str>) {
    let (mut webhooks, mut expected) = (Vec::new(), Vec::new());
    let timestamp = now_seconds();
    let sign = |secret: &WebhookSecret, id: &str, timestamp: i64, body: String| {
        let signatures = sign_v1(secret, id, timestamp, body.as_bytes());
        Webhook { key: secret.to_text(), id: id.to_owned(), timestamp, signatures, body }
    };
    for number in 0..1_000 {
        let secret = match number % 3 {
            0 => WebhookSecret::random(),
            1 => WebhookSecret::from_bytes(vec![number as u8; 24]).unwrap(),
            _ => WebhookSecret::from_bytes(vec![number as u8; 64]).unwrap(),
        };
        let signed = sign(&secret, &format!("evt_{number:026}"), timestamp, odd_body(number));
        let changed = sign(&secret, &signed.id, timestamp, odd_body(number));
        webhooks.push(signed);
        webhooks.push(Webhook { body: changed.body.replacen(' ', "", 1), ..changed });
        expected.extend(["accepted", "refused"]);
    }
    let (secret, old) = (WebhookSecret::random(), WebhookSecret::random());
    webhooks.push(sign(&secret, "evt_late", timestamp - 400, odd_body(1)));
    webhooks.push(Webhook { id: "evt_other".to_owned(), ..sign(&secret, "evt_a", timestamp, odd_body(2)) });
    webhooks.push(Webhook { key: old.to_text(), ..sign(&secret, "evt_a", timestamp, odd_body(3)) });
    // While a secret is rotated both sign, and a key pair may sign too.
    let mut rotated = sign(&old, "evt_a", timestamp, odd_body(4));
    let pair = WebhookKeyPair::random();
    rotated.signatures = [
        sign_v1(&secret, "evt_a", timestamp, rotated.body.as_bytes()),
        sign_v1a(&pair, "evt_a", timestamp, rotated.body.as_bytes()),
        rotated.signatures,
    ]
    .join(" ");
    webhooks.push(rotated);
    expected.extend(["refused", "refused", "refused", "accepted"]);
    (webhooks, expected)
}

/// Some webhooks that are right, and one of each kind that is wrong.
fn signed_with_v1a() -> (Vec<Webhook>, Vec<&'static str>) {
    let (pair, other, secret) = (WebhookKeyPair::random(), WebhookKeyPair::random(), WebhookSecret::random());
    let now = now_seconds();
    let sign = |timestamp: i64, number: usize| {
        let body = odd_body(number);
        let signatures = sign_v1a(&pair, "evt_a", timestamp, body.as_bytes());
        Webhook { key: pair.public_text(), id: "evt_a".to_owned(), timestamp, signatures, body }
    };
    let mut webhooks: Vec<Webhook> = (0..20).map(|number| sign(now, number)).collect();
    let mut expected = vec!["accepted"; webhooks.len()];
    let body = odd_body(5);
    let with_signatures = |signatures: String| Webhook { signatures, ..sign(now, 5) };
    let (own, v1) = (sign(now, 5).signatures, sign_v1(&secret, "evt_a", now, body.as_bytes()));
    let foreign = sign_v1a(&other, "evt_a", now, body.as_bytes());
    for (webhook, verdict) in [
        (with_signatures(format!("{v1} {foreign} {own}")), "accepted"),
        (with_signatures(format!("{v1} {foreign}")), "refused"),
        (with_signatures(own.replace("v1a,", "v1,")), "refused"),
        (with_signatures("v1a,AAAA".to_owned()), "refused"),
        (with_signatures(String::new()), "refused"),
        (Webhook { key: other.public_text(), ..sign(now, 5) }, "refused"),
        (Webhook { id: "evt_b".to_owned(), ..sign(now, 5) }, "refused"),
        (Webhook { body: odd_body(6), ..sign(now, 5) }, "refused"),
        (Webhook { timestamp: now - 1, ..sign(now, 5) }, "refused"),
        (sign(now - 400, 5), "refused"),
        (sign(now + 400, 5), "refused"),
    ] {
        webhooks.push(webhook);
        expected.push(verdict);
    }
    (webhooks, expected)
}

#[track_caller]
fn assert_verdicts(found: &[String], webhooks: &[Webhook], expected: &[&str]) {
    assert_eq!(found.len(), expected.len());
    for ((found, expected), webhook) in found.iter().zip(expected).zip(webhooks) {
        assert_eq!(found, expected, "{}", webhook.to_json_line());
    }
}

#[test]
fn official_python_library_verifies_a_thousand_v1_signatures_and_no_changed_body() {
    let (webhooks, expected) = signed_with_v1();
    let folder = write_example("v1", "python", "example.py", "drive_v1.py");
    let lines = webhooks.iter().map(Webhook::to_json_line).collect();
    assert_verdicts(&run_driver(folder.path(), python(), &["drive_v1.py"], lines), &webhooks, &expected);
}

#[test]
fn official_javascript_library_verifies_a_thousand_v1_signatures_and_no_changed_body() {
    let (webhooks, expected) = signed_with_v1();
    let folder = write_example("v1", "js", "example.mjs", "drive_v1.mjs");
    let lines = webhooks.iter().map(Webhook::to_json_line).collect();
    assert_verdicts(&run_driver(folder.path(), "node", &["drive_v1.mjs"], lines), &webhooks, &expected);
}

#[test]
fn v1a_example_in_python_accepts_only_what_the_key_has_signed() {
    let (webhooks, expected) = signed_with_v1a();
    let folder = write_example("v1a", "python", "example.py", "drive_v1a.py");
    let lines = webhooks.iter().map(Webhook::to_json_line).collect();
    assert_verdicts(&run_driver(folder.path(), python(), &["drive_v1a.py"], lines), &webhooks, &expected);
}

#[test]
fn v1a_example_in_javascript_accepts_only_what_the_key_has_signed() {
    let (webhooks, expected) = signed_with_v1a();
    let folder = write_example("v1a", "js", "example.mjs", "drive_v1a.mjs");
    let lines = webhooks.iter().map(Webhook::to_json_line).collect();
    assert_verdicts(&run_driver(folder.path(), "node", &["drive_v1a.mjs"], lines), &webhooks, &expected);
}

#[test]
fn v1a_example_in_go_accepts_only_what_the_key_has_signed() {
    if !has_program("go") {
        return;
    }
    let (webhooks, expected) = signed_with_v1a();
    let folder = write_example("v1a", "go", "example.go", "drive_v1a.go");
    let lines = webhooks.iter().map(Webhook::to_json_line).collect();
    let arguments = ["run", "example.go", "drive_v1a.go"];
    assert_verdicts(&run_driver(folder.path(), "go", &arguments, lines), &webhooks, &expected);
}

#[test]
fn v1a_example_in_java_accepts_only_what_the_key_has_signed() {
    if !has_program("javac") {
        return;
    }
    let (webhooks, expected) = signed_with_v1a();
    let folder = write_example("v1a", "java", "WebhookVerifier.java", "Drive.java");
    let compile = ["-encoding", "UTF-8", "WebhookVerifier.java", "Drive.java"];
    assert!(Command::new("javac").args(compile).current_dir(folder.path()).status().unwrap().success());
    let lines = webhooks.iter().map(Webhook::to_base64_lines).collect();
    assert_verdicts(&run_driver(folder.path(), "java", &["Drive"], lines), &webhooks, &expected);
}
