//! `identivia check`: every wrong setting is one line with its remedy, all at once; and what stops a start stops it too.

use std::path::Path;
use std::process::Output;

use crate::command::{self, Running, text};
use crate::services::postgres;

/// Variables that are wrong together, the wrong one first, and the remedy that its line names.
const WRONG: [(&[(&str, &str)], &str); 29] = [
    (&[("JWT_SECRET", "CANARY-short")], "openssl rand -hex 32"),
    (&[("JWT_SECRET", "changeme-CANARY-0123456789abcdef0123")], "openssl rand -hex 32"),
    (&[("JWT_TTL_SECONDS", "5")], "a whole number from 60 to 86400"),
    (&[("JWT_CLIENTS_JSON", "{\"CANARY\":1}")], "must be a JSON array of"),
    (&[("HOST", "example")], "must be an IP address"),
    (&[("PORT", "70000")], "a whole number from 0 to 65535"),
    (&[("PUBLIC_URL", "ftp://CANARY")], "must be a URL such as https://"),
    (&[("CLIENT_URL", "https://user:CANARY@x")], "must be a URL such as https://"),
    (&[("REDIRECT_URLS", "http://shop.example")], "https unless it is on this machine"),
    (&[("EMBED_ORIGINS", "*")], "must be an origin such as https://shop.example"),
    (&[("TRUSTED_PROXIES", "everyone")], "such as 10.0.0.0/8"),
    (&[("MAX_CONNECTIONS", "0")], "a whole number from 1 to 100000"),
    (&[("METRICS_ADDR", "9100")], "such as 127.0.0.1:9100"),
    (&[("LOG_FORMAT", "xml")], "must be pretty or json"),
    (&[("DATABASE_URL", "mysql://u:CANARY@h/x")], "must be sqlite:"),
    (&[("DATABASE_CONNECTIONS", "1")], "a whole number from 2 to 1000"),
    (&[("FILES_URL", "ftp://CANARY")], "s3://bucket/prefix"),
    (&[("POCKETBASE_URL", "http://pb.example.com")], "set POCKETBASE_ALLOW_HTTP=true"),
    (&[("POCKETBASE_ALLOW_HTTP", "yes"), ("POCKETBASE_URL", "http://pb.example.com")], "must be true or false"),
    (&[("LIVENESS_PROVIDER", "azure")], "must be auto, aws, local or off"),
    (&[("FACE_LIVENESS_THRESHOLD", "10")], "from 30 to 100 with the local engines"),
    (&[("ENGINE_THREADS", "0")], "a whole number from 1 to 256"),
    (&[("OPENAI_BASE_URL", "http://192.0.2.1/v1"), ("OPENAI_API_KEY", "CANARY")], "set OPENAI_ALLOW_HTTP=true"),
    (&[("FINGERPRINT_BASE_URL", "ftp://x"), ("FINGERPRINT_SECRET_KEY", "CANARY")], "must be a URL such as https://"),
    (&[("MAIL_FROM", ""), ("SMTP_URL", "smtp://localhost")], "must be set with SMTP_URL"),
    (&[("OIDC_ISSUER", "http://login.example.com")], "must be https://"),
    (
        &[("AWS_SECRET_ACCESS_KEY", ""), ("AWS_ACCESS_KEY_ID", "AKIACANARY"), ("LIVENESS_PROVIDER", "aws")],
        "must be set where AWS_ACCESS_KEY_ID is",
    ),
    (&[("DATA_DIR", "/proc/nowhere")], "/proc"),
    (&[("MODELS_DIR", "nowhere")], "cannot read"),
];

fn run_command(folder: &Path, name: &str, variables: &[(&str, &str)]) -> Output {
    command::run(folder, |command| {
        command.arg(name).envs(variables.iter().copied());
    })
}

#[test]
fn each_wrong_setting_is_one_line_with_its_remedy_and_serve_refuses_it_too() {
    let folder = tempfile::tempdir().unwrap();
    for (variables, remedy) in WRONG {
        let (name, _) = variables[0];
        let output = run_command(folder.path(), "check", variables);
        let line = text(&output.stderr);
        assert_eq!((output.status.code(), line.lines().count()), (Some(1), 1), "{name}: {line}");
        assert!(line.starts_with(&format!("identivia: {name}: ")) && line.contains(remedy), "{name}: {line}");
        assert!(!line.contains("CANARY") && !text(&output.stdout).contains("CANARY"), "{name}: {line}");
        let served = run_command(folder.path(), "serve", variables);
        assert_eq!(served.status.code(), Some(1), "{name}: {}", text(&served.stderr));
    }
    assert!(!folder.path().join("data/identivia.db").exists(), "the command creates nothing");
}

#[test]
fn all_wrong_settings_are_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // Those that make another one pointless are left out.
    let pointless =
        ["POCKETBASE_URL", "POCKETBASE_ALLOW_HTTP", "LIVENESS_PROVIDER", "AWS_SECRET_ACCESS_KEY", "DATA_DIR"];
    let together: Vec<_> = WRONG.iter().filter(|(variables, _)| !pointless.contains(&variables[0].0)).collect();
    let variables: Vec<(&str, &str)> = together.iter().flat_map(|(variables, _)| variables.iter().copied()).collect();
    let output = run_command(folder.path(), "check", &variables);
    let lines = text(&output.stderr);
    let mut names: Vec<&str> = together.iter().map(|(variables, _)| variables[0].0).collect();
    names.dedup();
    names.retain(|name| *name != "MODELS_DIR");
    for name in &names {
        let own = lines.lines().filter(|line| line.starts_with(&format!("identivia: {name}: "))).count();
        assert_eq!(own, 1, "{name}: {lines}");
    }
    assert_eq!(lines.lines().count(), names.len(), "{lines}");
    assert!(names.len() >= 20 && !lines.contains("CANARY"), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_a_start_stops_check() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    std::fs::create_dir_all(folder.path().join("other")).unwrap();
    std::fs::write(folder.path().join("other/identivia.db"), "no database, but text that is long enough").unwrap();
    std::fs::create_dir_all(folder.path().join("newer")).unwrap();
    let newer = rusqlite::Connection::open(folder.path().join("newer/identivia.db")).unwrap();
    newer
        .execute_batch("create table migrations (name text primary key); insert into migrations values ('9999_later')")
        .unwrap();
    drop(newer);
    std::fs::write(folder.path().join("a.key"), "damaged").unwrap();
    std::process::Command::new("chmod").args(["600", "a.key"]).current_dir(folder.path()).status().unwrap();
    let cases: [(&str, &str, &str); 7] = [
        ("PORT", &port, "is in use"),
        ("DATA_DIR", "other", "file is not a database"),
        ("DATA_DIR", "newer", "made by a newer version"),
        ("SYSTEM_KEY_FILE", "a.key", "is damaged; restore it from a backup"),
        ("DATABASE_URL", "postgres://u:CANARY@127.0.0.1:1/x", "Connection refused"),
        ("POCKETBASE_URL", "http://127.0.0.1:1", "PB_USER_EMAIL"),
        ("MODELS_DIR", "other", "manifest"),
    ];
    for (name, value, problem) in cases {
        for command in ["check", "serve"] {
            let output = run_command(folder.path(), command, &[(name, value)]);
            let line = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command} {name}: {line}");
            if command == "check" {
                assert!(line.lines().count() == 1 && line.contains(name) && line.contains(problem), "{name}: {line}");
            }
            assert!(!line.contains("CANARY"), "{line}");
        }
    }
    let together =
        run_command(folder.path(), "check", &[("PORT", &port), ("DATA_DIR", "other"), ("MODELS_DIR", "other")]);
    let lines = text(&together.stderr);
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_of_good_stores_says_what_a_start_would_change_and_works_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let said = |variables: &[(&str, &str)]| {
        let output = run_command(folder.path(), "check", variables);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(said(&[]).contains("note           the first start creates the tables"));
    let url = postgres::database().await;
    let on_postgres = said(&[("DATABASE_URL", &url)]);
    assert!(on_postgres.contains("the first start creates the tables"), "{on_postgres}");
    assert!(!folder.path().join("data").exists());
    let server = Running::start(folder.path(), |_| ());
    let beside = said(&[]);
    assert!(beside.contains("a server uses this data folder") && !beside.contains("creates the tables"), "{beside}");
    server.stop();
    let migrated = rusqlite::Connection::open(folder.path().join("data/identivia.db")).unwrap();
    migrated.execute("delete from migrations where name = (select max(name) from migrations)", []).unwrap();
    let older = said(&[]);
    assert!(older.contains("the next start applies 1 migrations; back the database up before"), "{older}");
}

#[test]
fn misspelt_variables_and_links_that_no_phone_opens_are_notes_in_check_and_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("JWT_SECRT", "CANARY"), ("OIDC_TENANT", "CANARY"), ("HOST", "0.0.0.0")];
    let checked = run_command(folder.path(), "check", &variables);
    let said = text(&checked.stdout);
    let (_, _, log) = Running::start(folder.path(), |command| {
        command.envs(variables).env("PUBLIC_URL", "http://id.example.com").env("HOST", "127.0.0.1");
    })
    .stop();
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    for both in [
        "JWT_SECRT is no setting and does nothing; did you mean JWT_SECRET?",
        "OIDC_TENANT is no setting and does nothing; identivia --help lists the settings",
    ] {
        assert!(said.contains(both) && log.contains(both), "{both}: {said}{log}");
    }
    assert!(said.contains("http://0.0.0.0:0 is no address that a phone can open"), "{said}");
    assert!(log.contains("PUBLIC_URL http://id.example.com is http://"), "{log}");
    assert!(!said.contains("CANARY") && !log.contains("CANARY"), "{said}{log}");
    let help = text(&run_command(folder.path(), "--help", &[]).stdout);
    let help: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("0 to 100 with AWS, 30 to 100 with the local engines"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), |_| ());
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let ask = |host: &str| run_command(folder.path(), "health", &[("PORT", &port), ("HOST", host)]);
    assert_eq!(ask("127.0.0.1").status.code(), Some(0));
    assert_eq!(ask("0.0.0.0").status.code(), Some(0), "a server on every address is asked on this machine");
    server.stop();
    let gone = ask("127.0.0.1");
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stderr).contains("no answer from 127.0.0.1:"), "{}", text(&gone.stderr));
}
