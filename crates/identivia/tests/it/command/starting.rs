//! How the binary starts: its first client, settings that it refuses, and what it warns of.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use super::{Running, identivia_command, run, text};
use crate::world::SECRET;

#[test]
fn system_key_is_where_the_setting_says_and_must_be_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = keys.path().join("shared.key");
    let (code, _, log) = Running::start(folder.path(), |command| {
        command.env("SYSTEM_KEY_FILE", &key);
    })
    .stop();
    let made = std::fs::read_to_string(&key).unwrap();
    assert_eq!(code, Some(0));
    assert!(!log.contains(made.trim()) && !folder.path().join("data/system.key").exists(), "{log}");
    let start = |mode: u32, content: &str| {
        std::fs::write(&key, content).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let output = run(folder.path(), |command| {
            command.arg("serve").env("SYSTEM_KEY_FILE", &key);
        });
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let (readable, damaged) = (start(0o644, &made), start(0o600, "CANARY"));
    assert!(readable.contains("SYSTEM_KEY_FILE: ") && readable.contains("chmod 600"), "{readable}");
    assert!(damaged.contains("SYSTEM_KEY_FILE: ") && damaged.contains("are lost"), "{damaged}");
    assert!(!readable.contains(made.trim()) && !damaged.contains("CANARY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_start_shows_its_client_once_and_its_example_request_works() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), |_| ());
    let kept = folder.path().join("data/first-run.json");
    for secret in ["first-run.json", "system.key", "identivia.db", "identivia.db-wal"] {
        let mode = folder.path().join("data").join(secret).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    assert_eq!(folder.path().join("data").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let made: serde_json::Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    let body = json!({"client_id": made["client_id"], "client_secret": made["client_secret"]});
    let url = format!("{}/api/auth/token", server.url);
    let answer = reqwest::Client::new().post(&url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let (code, out, log) = server.stop();
    let secret = made["client_secret"].as_str().unwrap();
    assert_eq!(code, Some(0));
    assert!(out.contains(secret) && out.contains("curl -s http://127.0.0.1:"), "{out}");
    assert!(!log.contains(secret) && !log.contains(made["jwt_secret"].as_str().unwrap()), "{log}");

    let again = Running::start(folder.path(), |_| ());
    let (_, out, log) = again.stop();
    assert!(!out.contains(secret) && !log.contains(secret), "{out}{log}");

    std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = run(folder.path(), |_| ());
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("chmod 600"), "{}", text(&refused.stderr));
}

#[test]
fn bad_start_is_one_line_that_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    std::fs::write(folder.path().join("a-file"), "x").unwrap();
    let cases: [(&str, &str, &str); 9] = [
        ("PORT", &port, "PORT: 127.0.0.1:"),
        ("JWT_SECRET", "CANARY-short", "JWT_SECRET: "),
        ("JWT_CLIENTS_JSON", "{\"CANARY\":1}", "JWT_CLIENTS_JSON: "),
        ("DATA_DIR", "a-file", "DATA_DIR: "),
        ("DATA_DIR", "/proc/nowhere", "DATA_DIR: "),
        ("DATABASE_URL", "postgres://CANARY@x/y", "DATABASE_URL: "),
        ("TRUSTED_PROXIES", "everyone", "TRUSTED_PROXIES: "),
        ("MODELS_DIR", "nowhere", "MODELS_DIR: cannot read "),
        ("FACE_LIVENESS_THRESHOLD", "10", "FACE_LIVENESS_THRESHOLD: must be a number from 30"),
    ];
    for (name, value, start) in cases {
        let output = run(folder.path(), |command| {
            command.env(name, value);
        });
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {line}");
        assert!(line.starts_with(&format!("identivia: {start}")), "{name}: {line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{name}: {line}");
        assert!(!line.contains("CANARY"), "{name}: {line}");
    }
    std::fs::write(folder.path().join(".env"), "JWT_SECRET='CANARY\n").unwrap();
    let output = run(folder.path(), |_| ());
    assert!(text(&output.stderr).starts_with("identivia: .env: ") && !text(&output.stderr).contains("CANARY"));
}

#[test]
fn s24_start_is_refused_with_a_guessable_secret_or_a_readable_env_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    for secret in ["CANARY-short", "changeme-CANARY-0123456789abcdef0123", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"] {
        let output = run(folder.path(), |command| {
            command.env("JWT_SECRET", secret);
        });
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.starts_with("identivia: JWT_SECRET: ") && !line.contains("CANARY"), "{line}");
    }
    let file = folder.path().join(".env");
    std::fs::write(&file, "JWT_SECRET=CANARY-0123456789abcdef0123456789abcdef\n").unwrap();
    let check_with_mode = |mode: u32| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        run(folder.path(), |command| {
            command.arg("check");
        })
    };
    for mode in [0o644, 0o604, 0o602, 0o666] {
        let output = check_with_mode(mode);
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{mode:o}: {line}");
        assert!(line.contains("chmod o-rwx .env") && !line.contains("CANARY"), "{mode:o}: {line}");
    }
    for mode in [0o640, 0o600, 0o400] {
        assert_eq!(check_with_mode(mode).status.code(), Some(0), "{mode:o}");
    }
}

#[test]
fn s77_unverified_database_stops_serve_check_and_copy() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://identivia:CANARY@db.example.invalid/identivia?sslmode=require";
    let commands: [&[&str]; 4] = [
        &["serve"],
        &["check"],
        &["copy", "--from", "sqlite:data", "--to", "postgres", "--to-files", "file:files"],
        &["copy", "--from", url, "--from-files", "file:files", "--to", "sqlite:data"],
    ];
    for arguments in commands {
        let output = run(folder.path(), |command| {
            command.args(arguments).env("DATABASE_URL", url);
        });
        let line = text(&output.stderr);
        assert_eq!((output.status.code(), line.trim_end().lines().count()), (Some(1), 1), "{arguments:?}: {line}");
        assert!(line.contains("DATABASE_URL: ") && !line.contains("CANARY"), "{line}");
        for remedy in ["sslmode=verify-full", "sslrootcert=", "DATABASE_ALLOW_UNVERIFIED_TLS=true"] {
            assert!(line.contains(remedy), "{line}");
        }
    }
    let allowed = run(folder.path(), |command| {
        command.arg("check").env("DATABASE_URL", url).env("DATABASE_ALLOW_UNVERIFIED_TLS", "true");
    });
    let (said, line) = (text(&allowed.stdout), text(&allowed.stderr));
    assert!(said.contains("note           DATABASE_ALLOW_UNVERIFIED_TLS is on"), "{said}");
    assert!(line.starts_with("identivia: DATABASE_URL: ") && !line.contains("CANARY"), "no such host: {line}");
}

#[test]
fn second_server_on_one_data_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = Running::start(folder.path(), |_| ());
    let second = run(folder.path(), |_| ());
    assert!(text(&second.stderr).contains("in use by another identivia"), "{}", text(&second.stderr));
    first.stop();
}

#[test]
fn help_check_openapi_and_hash_secret_answer() {
    let folder = tempfile::tempdir().unwrap();
    let ask = |argument: &str| {
        let output = run(folder.path(), |command| {
            command.arg(argument).env("JWT_SECRET", SECRET).env("FINGERPRINT_BASE_URL", "https://eu.api.fpjs.io");
            command
                .env("AWS_ACCESS_KEY_ID", "AKIACANARY")
                .env("AWS_SECRET_ACCESS_KEY", "CANARY")
                .env("AWS_REGION", "eu-x-1");
        });
        assert!(output.status.success(), "{argument}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let help = ask("--help");
    for name in ["JWT_SECRET", "FACE_LIVENESS_THRESHOLD", "METRICS_ADDR", "Exit status", "Examples"] {
        assert!(help.contains(name), "{name} is not in the help");
    }
    let check = ask("check");
    assert!(check.contains("FINGERPRINT_BASE_URL is set but does nothing"), "{check}");
    assert!(check.contains("AWS Rekognition in eu-x-1"), "{check}");
    for secret in ["CANARY", SECRET] {
        assert!(!help.contains(secret) && !check.contains(secret));
    }
    assert!(!folder.path().join("data").exists(), "check only reads");
    serde_json::from_str::<serde_json::Value>(&ask("openapi")).unwrap();

    let mut child = identivia_command(folder.path());
    let mut child = child.arg("hash-secret").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a secret\n").unwrap();
    let hash = text(&child.wait_with_output().unwrap().stdout);
    assert!(identivia::domain::client::is_argon2id(hash.trim()), "{hash}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_records_warn_of_single_server_settings() {
    let url = crate::services::postgres::database().await;
    let folder = tempfile::tempdir().unwrap();
    let warnings = ["JWT_SECRET is not set", "JWT_CLIENTS_JSON is not set"];
    let (_, _, alone) = Running::start(folder.path(), |_| ()).stop();
    // The files of one database are not another's.
    let beside = tempfile::tempdir().unwrap();
    let (_, _, shared) = Running::start(beside.path(), |command| {
        command.env("DATABASE_URL", &url);
    })
    .stop();
    assert!(warnings.iter().all(|warning| shared.contains(warning) && !alone.contains(warning)), "{alone}{shared}");
    let checked = |url: &str, secret: &str| {
        let output = run(folder.path(), |command| {
            command.arg("check").env("DATABASE_URL", url).env("JWT_SECRET", secret);
        });
        text(&output.stdout)
    };
    let shared = checked(&url, SECRET);
    assert!(
        shared.contains("PostgreSQL at DATABASE_URL, 16 connections at most")
            && !shared.contains(crate::services::postgres::PASSWORD)
    );
    assert!(!shared.contains("note           JWT_SECRET") && shared.contains("note           JWT_CLIENTS"), "{shared}");
    assert!(!checked("", "").contains("a second server"));
}
