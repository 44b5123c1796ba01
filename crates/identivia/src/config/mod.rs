//! The settings, read and checked together at start.

mod providers;
mod settings;
mod storage;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use axum::http::Uri;
use serde::Deserialize;

use crate::domain::client::{Client, Secret, is_argon2id};
use crate::domain::redirect::Redirects;
use crate::domain::scope::Scope;
use storage::{files, records};

pub use providers::{AwsLiveness, CredentialsActions, EnginesAt, FingerprintAt, OpenAi};
pub use settings::Settings;
pub use storage::{AwsKeys, BucketAt, FilesAt, RecordsAt};

/// The shortest `JWT_SECRET`, in bytes: as long as the hash it keys (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;
const OPENAI_MODEL: &str = "o4-mini";

/// A setting that cannot be used: the variable's name and what is wrong with it, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct ConfigError {
    pub name: &'static str,
    pub problem: String,
}

fn wrong<T>(name: &'static str, problem: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError { name, problem: problem.into() })
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

/// The settings, checked. Holds secrets, so it has neither `Debug` nor `Display`.
#[derive(Clone)]
pub struct Config {
    /// `None`: the one kept in `DATA_DIR` is used.
    pub jwt_secret: Option<Vec<u8>>,
    pub jwt_issuer: String,
    pub jwt_audience: String,
    pub jwt_ttl_seconds: i64,
    pub flow_token_ttl_seconds: i64,
    /// `None`: the one kept in `DATA_DIR` is used.
    pub clients: Option<Vec<Client>>,
    pub host: IpAddr,
    pub port: u16,
    /// `None`: the address that is listened on.
    pub public_url: Option<String>,
    pub client_url: Option<String>,
    /// Where a person's browser may be sent when all is done.
    pub redirects: Redirects,
    pub trusted_proxies: Vec<Network>,
    pub max_connections: usize,
    pub metrics_addr: Option<SocketAddr>,
    pub log_format: LogFormat,
    pub log_filter: String,
    pub data_dir: PathBuf,
    pub records: RecordsAt,
    pub database_connections: u32,
    pub files: FilesAt,
    pub face_liveness_threshold: f64,
    /// `None`: the local engines judge liveness.
    pub liveness: Option<AwsLiveness>,
    /// The model's name in the health report.
    pub openai_model: String,
    /// `None`: the local engines read documents.
    pub openai: Option<OpenAi>,
    pub engines: EnginesAt,
    /// `None`: visitor data is kept as a claim.
    pub fingerprint: Option<FingerprintAt>,
    /// Settings that are set but do nothing in this version, by variable.
    pub unused: Vec<&'static str>,
}

impl Config {
    /// Checks all settings.
    ///
    /// # Errors
    /// The first setting that cannot be used. Secrets are never part of the text.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let unused = settings.unused();
        let (liveness, openai, fingerprint) = (settings.liveness()?, settings.openai()?, settings.fingerprint()?);
        let engines = settings.engines()?;
        let least = if liveness.is_none() { LOCAL_THRESHOLD } else { 0.0 };
        let pocketbase = settings.pocketbase()?;
        let files = files(&settings)?;
        let s = settings;
        Ok(Self {
            jwt_secret: jwt_secret(s.jwt_secret)?,
            jwt_issuer: text("JWT_ISSUER", s.jwt_issuer, "identivia")?,
            jwt_audience: text("JWT_AUDIENCE", s.jwt_audience, "identivia-api")?,
            jwt_ttl_seconds: number("JWT_TTL_SECONDS", s.jwt_ttl_seconds, 3_600, 60, 86_400)?,
            flow_token_ttl_seconds: number("FLOW_TOKEN_TTL_SECONDS", s.flow_token_ttl_seconds, 1_800, 60, 86_400)?,
            clients: given(s.jwt_clients_json).map(|json| clients(&json)).transpose()?,
            host: host(s.host)?,
            port: u16::try_from(number("PORT", s.port, 8_000, 0, 65_535)?).unwrap_or(8_000),
            public_url: given(s.public_url).map(|url| web_url("PUBLIC_URL", &url)).transpose()?,
            client_url: given(s.client_url).map(|url| web_url("CLIENT_URL", &url)).transpose()?,
            redirects: redirects(s.redirect_urls)?,
            trusted_proxies: networks(s.trusted_proxies)?,
            max_connections: usize::try_from(number("MAX_CONNECTIONS", s.max_connections, 4_096, 1, 100_000)?)
                .unwrap_or(4_096),
            metrics_addr: given(s.metrics_addr).map(|address| socket_address(&address)).transpose()?,
            log_format: log_format(s.log_format)?,
            log_filter: log_filter(s.rust_log)?,
            data_dir: PathBuf::from(given(s.data_dir).unwrap_or_else(|| "./data".to_owned())),
            records: match pocketbase {
                Some(account) => RecordsAt::PocketBase(account),
                None => records(s.database_url)?,
            },
            database_connections: u32::try_from(number("DATABASE_CONNECTIONS", s.database_connections, 16, 2, 1_000)?)
                .unwrap_or(16),
            files,
            face_liveness_threshold: threshold(s.face_liveness_threshold, least)?,
            liveness,
            openai_model: text("OPENAI_MODEL", s.openai_model, OPENAI_MODEL)?,
            openai,
            engines,
            fingerprint,
            unused,
        })
    }
}

impl Config {
    /// What is set in a way that works by itself and not beside other servers on the same records.
    #[must_use]
    pub fn not_shared(&self) -> Vec<&'static str> {
        if matches!(self.records, RecordsAt::Sqlite) {
            return Vec::new();
        }
        let missing = [
            (
                self.jwt_secret.is_none(),
                "JWT_SECRET is not set: a second server on these records would not accept this one's tokens",
            ),
            (
                self.clients.is_none(),
                "JWT_CLIENTS_JSON is not set: a second server on these records would not know this one's clients",
            ),
        ];
        missing.into_iter().filter(|(missing, _)| *missing).map(|(_, said)| said).collect()
    }
}

impl Settings {
    fn unused(&self) -> Vec<&'static str> {
        let set = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
        let no_pocketbase = !set(&self.pocketbase_url);
        let (s3, liveness) = (self.keeps_files_in_s3(), self.has_aws_liveness());
        let (no_aws, no_liveness) = (!s3 && !liveness, !liveness);
        let no_reader = !matches!(self.openai(), Ok(Some(_)));
        let no_fingerprint = !set(&self.fingerprint_secret_key);
        [
            ("PB_USER_EMAIL", no_pocketbase && set(&self.pb_user_email)),
            ("PB_USER_PASSWORD", no_pocketbase && set(&self.pb_user_password)),
            ("AWS_REGION", no_aws && set(&self.aws_region)),
            ("AWS_ACCESS_KEY_ID", no_aws && set(&self.aws_access_key_id)),
            ("AWS_SECRET_ACCESS_KEY", no_aws && set(&self.aws_secret_access_key)),
            ("AWS_SESSION_TOKEN", no_aws && set(&self.aws_session_token)),
            ("AWS_ENDPOINT_ALLOW_HTTP", no_aws && set(&self.aws_endpoint_allow_http)),
            ("AWS_ENDPOINT_URL", no_aws && set(&self.aws_endpoint_url)),
            ("AWS_ENDPOINT_URL_S3", !s3 && set(&self.aws_endpoint_url_s3)),
            ("AWS_ENDPOINT_URL_REKOGNITION", no_liveness && set(&self.aws_endpoint_url_rekognition)),
            ("AWS_ENDPOINT_URL_STS", no_liveness && set(&self.aws_endpoint_url_sts)),
            ("AWS_LIVENESS_ROLE_ARN", no_liveness && set(&self.aws_liveness_role_arn)),
            ("AWS_CREDENTIALS_ACTIONS", no_liveness && set(&self.aws_credentials_actions)),
            ("LIVENESS_STREAM_URL", no_liveness && set(&self.liveness_stream_url)),
            ("FACE_LIVENESS_CHALLENGES", no_liveness && set(&self.face_liveness_challenges)),
            ("FACE_LIVENESS_AUDIT_IMAGES", no_liveness && set(&self.face_liveness_audit_images)),
            ("OPENAI_BASE_URL", no_reader && set(&self.openai_base_url)),
            ("OPENAI_ALLOW_HTTP", no_reader && set(&self.openai_allow_http)),
            ("OPENAI_TIMEOUT_SECONDS", no_reader && set(&self.openai_timeout_seconds)),
            ("OPENAI_IMAGE_SIDE", no_reader && set(&self.openai_image_side)),
            ("FINGERPRINT_BASE_URL", no_fingerprint && set(&self.fingerprint_base_url)),
        ]
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| name)
        .collect()
    }
}

/// Empty counts as not set: compose files and shells pass unset variables on as empty ones.
fn given(value: Option<String>) -> Option<String> {
    value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn text(name: &'static str, value: Option<String>, default: &str) -> Result<String, ConfigError> {
    let text = given(value).unwrap_or_else(|| default.to_owned());
    if text.chars().any(char::is_control) { wrong(name, "must not hold control characters") } else { Ok(text) }
}

fn number(name: &'static str, value: Option<String>, default: i64, least: i64, most: i64) -> Result<i64, ConfigError> {
    let Some(text) = given(value) else { return Ok(default) };
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => wrong(name, format!("must be a whole number from {least} to {most}, not {text:?}")),
    }
}

fn jwt_secret(value: Option<String>) -> Result<Option<Vec<u8>>, ConfigError> {
    match value.filter(|secret| !secret.is_empty()) {
        Some(secret) if secret.len() < MIN_SECRET_BYTES => wrong(
            "JWT_SECRET",
            format!(
                "must be at least {MIN_SECRET_BYTES} bytes long (it has {}); try: openssl rand -hex 32",
                secret.len()
            ),
        ),
        secret => Ok(secret.map(String::into_bytes)),
    }
}

fn host(value: Option<String>) -> Result<IpAddr, ConfigError> {
    match given(value).as_deref() {
        None | Some("localhost") => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Some(text) => {
            text.parse().or_else(|_| wrong("HOST", format!("must be an IP address to listen on, not {text:?}")))
        }
    }
}

fn web_url(name: &'static str, text: &str) -> Result<String, ConfigError> {
    let url: Option<Uri> = text.parse().ok();
    let usable = url.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && url.query().is_none()
    });
    if !usable {
        // The value is not shown: it may hold a password.
        return wrong(name, "must be a URL such as https://verify.example.com, without user, password or query");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn redirects(value: Option<String>) -> Result<Redirects, ConfigError> {
    let Some(list) = given(value) else { return Ok(Redirects::default()) };
    // The value is not shown: it may hold a password.
    Redirects::parse(&list).or_else(|number| {
        wrong(
            "REDIRECT_URLS",
            format!(
                "entry {number} must be an origin or a prefix such as https://shop.example/back, https unless it is on \
                 this machine, without user, query or fragment"
            ),
        )
    })
}

fn socket_address(text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().or_else(|_| {
        wrong("METRICS_ADDR", format!("must be an address and a port such as 127.0.0.1:9100, not {text:?}"))
    })
}

fn log_format(value: Option<String>) -> Result<LogFormat, ConfigError> {
    match given(value).as_deref() {
        None | Some("pretty") => Ok(LogFormat::Pretty),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => wrong("LOG_FORMAT", format!("must be pretty or json, not {other:?}")),
    }
}

fn log_filter(value: Option<String>) -> Result<String, ConfigError> {
    let filter = given(value).unwrap_or_else(|| "info".to_owned());
    match filter.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => Ok(filter),
        Err(_) => wrong("RUST_LOG", format!("must be a level or a list such as info,identivia=debug, not {filter:?}")),
    }
}

/// The least threshold where liveness is judged here: below it a session that has failed would count as live.
const LOCAL_THRESHOLD: f64 = 30.0;

fn threshold(value: Option<String>, least: f64) -> Result<f64, ConfigError> {
    let Some(text) = given(value) else { return Ok(75.0) };
    match text.parse::<f64>() {
        Ok(number) if (least..=100.0).contains(&number) => Ok(number),
        _ => wrong("FACE_LIVENESS_THRESHOLD", format!("must be a number from {least} to 100, not {text:?}")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    client_id: String,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    client_secret_hash: Option<String>,
    scopes: Vec<String>,
    #[serde(default)]
    team: Option<String>,
}

fn clients(json: &str) -> Result<Vec<Client>, ConfigError> {
    const NAME: &str = "JWT_CLIENTS_JSON";
    let entries: Vec<ClientEntry> = match serde_json::from_str(json) {
        Ok(entries) => entries,
        // The parser's text could quote a secret, so only its place is told.
        Err(error) => {
            return wrong(
                NAME,
                format!(
                    "must be a JSON array of {{\"client_id\", \"client_secret\" or \"client_secret_hash\", \"scopes\"}}; it goes wrong at line {}, column {}",
                    error.line(),
                    error.column()
                ),
            );
        }
    };
    if entries.is_empty() {
        return wrong(NAME, "names no client, so nobody could get a token");
    }
    let mut seen = HashSet::new();
    entries
        .into_iter()
        .map(|entry| {
            if !seen.insert(entry.client_id.clone()) {
                return wrong(NAME, format!("names the client {:?} twice", entry.client_id));
            }
            client(entry).or_else(|problem| wrong(NAME, problem))
        })
        .collect()
}

fn client(entry: ClientEntry) -> Result<Client, String> {
    let id = entry.client_id;
    if id.is_empty() || id.chars().count() > 255 {
        return Err("every client_id must have 1 to 255 characters".to_owned());
    }
    let secret = match (entry.client_secret, entry.client_secret_hash) {
        (Some(secret), None) if !secret.is_empty() => Secret::Plain(secret),
        (None, Some(hash)) if is_argon2id(&hash) => Secret::Argon2id(hash),
        (None, Some(_)) => {
            return Err(format!(
                "the client_secret_hash of {id:?} is no Argon2id hash; make one with: identivia hash-secret"
            ));
        }
        _ => return Err(format!("the client {id:?} needs either a client_secret or a client_secret_hash")),
    };
    let well_formed = |scope: &String| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
    if entry.scopes.is_empty() || !entry.scopes.iter().all(well_formed) {
        return Err(format!("the client {id:?} needs scopes, such as \"profiles:read\""));
    }
    if entry.team.as_deref().is_some_and(|team| team.is_empty() || team.chars().count() > 255) {
        return Err(format!(
            "the team of {id:?} must have 1 to 255 characters; leave it out for an operator who sees all"
        ));
    }
    Ok(Client { id, secret, scopes: entry.scopes, team: entry.team })
}

/// The scopes of configured clients that no operation asks for: most likely misspelt.
#[must_use]
pub fn unknown_scopes(clients: &[Client]) -> Vec<String> {
    clients
        .iter()
        .flat_map(|client| client.scopes.iter().map(move |scope| (client, scope)))
        .filter(|(_, scope)| Scope::named(scope).is_none())
        .map(|(client, scope)| format!("{scope} (client {})", client.id))
        .collect()
}

/// A network in CIDR form (RFC 4632), or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads a network such as `10.0.0.0/8`, or one address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse().ok()?, Some(bits.parse().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let width = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Self { address, bits })
    }

    /// Says whether an address lies in this network.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                u32::from(network) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                u128::from(network) & mask == u128::from(address) & mask
            }
            _ => false,
        }
    }
}

fn networks(value: Option<String>) -> Result<Vec<Network>, ConfigError> {
    let Some(list) = given(value) else { return Ok(Vec::new()) };
    list.split(',')
        .map(str::trim)
        .map(|entry| {
            Network::parse(entry).map_or_else(
                || wrong("TRUSTED_PROXIES", format!("{entry:?} is no address or network such as 10.0.0.0/8")),
                Ok,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn problem(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        match Config::new(settings) {
            Ok(_) => "none".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    pub(super) fn set(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn nothing_set_is_a_good_configuration() {
        assert_eq!(problem(|_| ()), "none");
    }

    #[test]
    fn every_bad_value_is_one_line_that_names_the_variable() {
        let lines = [
            problem(|s| s.jwt_secret = set("short")),
            problem(|s| s.port = set("70000")),
            problem(|s| s.host = set("example")),
            problem(|s| s.client_url = set("ftp://x")),
            problem(|s| s.redirect_urls = set("https://shop.example, https://user:CANARY@shop.example")),
            problem(|s| s.metrics_addr = set("9100")),
            problem(|s| s.log_format = set("xml")),
            problem(|s| s.face_liveness_threshold = set("NaN")),
            problem(|s| s.trusted_proxies = set("10.0.0.0/8, 10.0.0.0/33")),
            problem(|s| s.database_url = set("mysql://user:CANARY@host/x")),
            problem(|s| s.pocketbase_url = set("http://pb.example.com")),
            problem(|s| s.pocketbase_url = set("https://pb.example.com")),
            problem(|s| (s.pocketbase_url, s.database_url) = (set("http://[::1]:8090"), set("sqlite:"))),
            problem(|s| s.files_url = set("s3://user:CANARY@bucket")),
            problem(|s| (s.files_url, s.aws_access_key_id) = (set("s3://bucket"), set("AKIACANARY"))),
            problem(|s| (s.files_url, s.aws_endpoint_url) = (set("s3://bucket"), set("http://192.0.2.1:9000"))),
            problem(|s| s.jwt_clients_json = set("[]")),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        JWT_SECRET: must be at least 32 bytes long (it has 5); try: openssl rand -hex 32
        PORT: must be a whole number from 0 to 65535, not "70000"
        HOST: must be an IP address to listen on, not "example"
        CLIENT_URL: must be a URL such as https://verify.example.com, without user, password or query
        REDIRECT_URLS: entry 2 must be an origin or a prefix such as https://shop.example/back, https unless it is on this machine, without user, query or fragment
        METRICS_ADDR: must be an address and a port such as 127.0.0.1:9100, not "9100"
        LOG_FORMAT: must be pretty or json, not "xml"
        FACE_LIVENESS_THRESHOLD: must be a number from 30 to 100, not "NaN"
        TRUSTED_PROXIES: "10.0.0.0/33" is no address or network such as 10.0.0.0/8
        DATABASE_URL: must be sqlite: (the database is in DATA_DIR) or postgres://user:password@host/database
        POCKETBASE_URL: must be https://, or passwords and passports cross the network in the clear; within a network you trust set POCKETBASE_ALLOW_HTTP=true
        PB_USER_EMAIL: must be set with POCKETBASE_URL: who signs in there, a superuser or a record of `users`
        DATABASE_URL: POCKETBASE_URL is set too, and it keeps records and files alike; unset one of them
        FILES_URL: must be file: (the folder is in DATA_DIR) or s3://bucket/prefix, the bucket of 3 to 63 characters a-z 0-9 . -, the prefix of A-Z a-z 0-9 . _ - /
        AWS_SECRET_ACCESS_KEY: must be set where AWS_ACCESS_KEY_ID is
        AWS_ENDPOINT_URL: must be https://, or passports cross the network in the clear; within a network you trust set AWS_ENDPOINT_ALLOW_HTTP=true
        JWT_CLIENTS_JSON: names no client, so nobody could get a token
        "#);
    }

    #[test]
    fn a_malformed_client_list_does_not_quote_the_secret() {
        let line =
            problem(|s| s.jwt_clients_json = set(r#"[{"client_id":"a","client_secret":"CANARY","scopes":"x"}]"#));
        assert!(line.starts_with("JWT_CLIENTS_JSON: ") && !line.contains("CANARY"), "{line}");
        // What the parser itself would quote: quoted twice, or in a place where it does not belong.
        for list in [r#""CANARY""#, r#"[{"client_id":"a","client_secret":"x","scopes":"CANARY"}]"#, r#"["CANARY"]"#] {
            let line = problem(|s| s.jwt_clients_json = set(list));
            assert!(line.starts_with("JWT_CLIENTS_JSON: ") && !line.contains("CANARY"), "{line}");
        }
    }

    #[test]
    fn a_client_without_a_name_of_its_own_a_proof_or_a_bound_is_refused() {
        let one = |fields: &str| format!(r#"[{{"client_id":"a","scopes":["x"],{fields}}}]"#);
        let hash = crate::domain::client::hash_secret("chosen by a person").unwrap();
        for (clients, said) in [
            (one(r#""client_secret":"CANARY""#).repeat(2).replace("][", ","), "names the client \"a\" twice"),
            (one(r#""client_secret":"CANARY""#).replace("\"a\"", "\"\""), "every client_id must have 1 to 255"),
            (one(r#""client_secret":"""#), "needs either a client_secret or a client_secret_hash"),
            (one(r#""team":"red""#), "needs either a client_secret or a client_secret_hash"),
            (
                one(&format!(r#""client_secret":"CANARY","client_secret_hash":"{hash}""#)),
                "needs either a client_secret or",
            ),
            (one(r#""client_secret_hash":"CANARY""#), "is no Argon2id hash"),
            (one(&format!(r#""client_secret_hash":"{}""#, hash.replace("argon2id", "argon2i"))), "is no Argon2id hash"),
            (one(r#""client_secret":"CANARY","team":"""#), "the team of \"a\" must have 1 to 255"),
            (one(r#""client_secret":"CANARY""#).replace("[\"x\"]", "[]"), "needs scopes"),
            (one(r#""client_secret":"CANARY""#).replace("[\"x\"]", "[\"x y\"]"), "needs scopes"),
        ] {
            let line = problem(|s| s.jwt_clients_json = set(&clients));
            assert!(line.starts_with("JWT_CLIENTS_JSON: ") && line.contains(said), "{line}");
            assert!(!line.contains("CANARY"), "{line}");
        }
        assert_eq!(problem(|s| s.jwt_clients_json = set(&one(&format!(r#""client_secret_hash":"{hash}""#)))), "none");
    }

    #[test]
    fn networks_hold_their_addresses() {
        let network = Network::parse("10.1.0.0/16").unwrap();
        assert!(network.holds("10.1.2.3".parse().unwrap()) && !network.holds("10.2.0.1".parse().unwrap()));
        assert!(network.holds("::ffff:10.1.2.3".parse().unwrap()));
        assert!(Network::parse("0.0.0.0/0").unwrap().holds("8.8.8.8".parse().unwrap()));
        assert!(!Network::parse("::1").unwrap().holds("::2".parse().unwrap()));
    }
}
