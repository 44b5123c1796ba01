//! The configuration: every setting, read and checked together at start. One file per subject defines its settings.

mod aws;
mod checks;
mod console;
mod database_tls;
mod documents;
mod engines;
mod events;
mod fingerprint;
mod liveness;
mod logging;
mod mail;
mod misspelt;
mod network;
mod oidc;
mod setting;
mod storage;
mod tokens;
mod unused;
mod warnings;
mod webhooks;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use tracing_subscriber::filter::Targets;

use crate::domain::client::Client;
use crate::domain::embedding::EmbedOrigins;
use crate::domain::liveness::LivenessRule;
use crate::domain::redirect::Redirects;
use crate::telemetry::{LogFormat, LoggedAddresses};

pub use crate::domain::network::Network;
pub use aws::{AwsAccess, AwsKeys, CredentialsActions};
pub use documents::{OpenAi, ReaderSource};
pub use engines::EngineSettings;
pub use fingerprint::FingerprintApi;
pub use liveness::{AwsLiveness, LivenessSource};
pub use mail::{MailSettings, SmtpEncryption, SmtpServer};
pub use misspelt::{MisspeltVariable, list_misspelt_variables};
pub use network::{has_unspecified_host, is_unencrypted, parse_web_url};
pub use oidc::OidcSettings;
pub use setting::{ConfigError, Settings};
pub use storage::{BucketLocation, FileLocation, PocketBaseAccount, RecordLocation};
pub use tokens::{MIN_SECRET_BYTES, list_unknown_scopes};
pub use webhooks::WebhookSettings;

use console::CONSOLE_REQUIRE_MFA;
use documents::{OPENAI_MODEL, read_reader_source};
use engines::read_engines;
use events::EVENTS_KEPT_DAYS;
use fingerprint::read_fingerprint;
use liveness::{read_liveness_rule, read_liveness_source};
use logging::{LOG_ADDRESSES, LOG_FORMAT, RUST_LOG};
use mail::read_mail_settings;
use network::{
    CLIENT_URL, EMBED_ORIGINS, HOST, MAX_CONNECTIONS, METRICS_ADDR, PORT, PUBLIC_URL, REDIRECT_URLS, TRUSTED_PROXIES,
};
use oidc::read_oidc_providers;
use storage::{
    ACCEPT_NEW_FILES_FOLDER, DATA_DIR, DATABASE_CONNECTIONS, SYSTEM_KEY_FILE, read_file_location, read_record_location,
};
use tokens::{
    FLOW_TOKEN_TTL_SECONDS, JWT_AUDIENCE, JWT_CLIENTS_JSON, JWT_ISSUER, JWT_SECRET, JWT_SECRET_PREVIOUS,
    JWT_TTL_SECONDS,
};
use webhooks::read_webhook_settings;

/// Every setting, as `--help` lists them.
const GROUPS: &[setting::SettingGroup] = &[
    tokens::TOKEN_SETTINGS,
    network::NETWORK_SETTINGS,
    logging::LOG_SETTINGS,
    storage::STORAGE_SETTINGS,
    liveness::LIVENESS_SETTINGS,
    documents::DOCUMENT_SETTINGS,
    engines::ENGINE_SETTINGS,
    fingerprint::FINGERPRINT_SETTINGS,
    events::EVENT_SETTINGS,
    webhooks::WEBHOOK_SETTINGS,
    console::CONSOLE_SETTINGS,
    mail::MAIL_SETTINGS,
    oidc::OIDC_SETTINGS,
    aws::AWS_SETTINGS,
];

/// The checked settings. Holds secrets, so it has neither `Debug` nor `Display`.
#[derive(Clone)]
pub struct Config {
    /// `None`: the one that the first start stored in `DATA_DIR`.
    pub jwt_secret: Option<Vec<u8>>,
    /// Verifies and never signs.
    pub jwt_secret_previous: Option<Vec<u8>>,
    pub jwt_issuer: String,
    pub jwt_audience: String,
    pub jwt_ttl_seconds: i64,
    pub flow_token_ttl_seconds: i64,
    /// `None`: the one that the first start stored in `DATA_DIR`.
    pub clients: Option<Vec<Client>>,
    pub host: IpAddr,
    pub port: u16,
    /// `None`: the address that the server listens on.
    pub public_url: Option<String>,
    /// `None`: the public URL.
    pub client_url: Option<String>,
    /// Allowed targets for a person's browser after the verification.
    pub redirects: Redirects,
    /// Sites that may embed the person's page, where a team has no setting of its own.
    pub embed_origins: EmbedOrigins,
    pub trusted_proxies: Vec<Network>,
    pub max_connections: usize,
    pub metrics_addr: Option<SocketAddr>,
    pub log_format: LogFormat,
    pub log_addresses: LoggedAddresses,
    pub log_filter: Targets,
    pub data_dir: PathBuf,
    /// `None`: `system.key` in the data folder.
    pub system_key_file: Option<PathBuf>,
    pub records: RecordLocation,
    pub database_connections: u32,
    pub files: FileLocation,
    /// Whether a file store without the known marker is accepted.
    pub accepts_new_files: bool,
    pub liveness_rule: LivenessRule,
    pub liveness: LivenessSource,
    /// The model's name in the health report.
    pub openai_model: String,
    pub reader: ReaderSource,
    pub engines: EngineSettings,
    pub events_kept_days: i64,
    pub webhooks: WebhookSettings,
    /// Whether passwords alone are not enough for the console.
    pub console_requires_mfa: bool,
    /// `None`: no e-mail is sent.
    pub mail: Option<MailSettings>,
    /// OpenID Connect providers that people can sign in to the console with.
    pub oidc_providers: Vec<OidcSettings>,
    /// `None`: visitor data stays a claim.
    pub fingerprint: Option<FingerprintApi>,
    /// The variables of settings that are set but have no effect.
    pub unused_settings: Vec<&'static str>,
}

impl Config {
    /// Checks all settings.
    ///
    /// # Errors
    /// The first setting that cannot be used. The text never holds a secret.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let liveness = read_liveness_source(settings)?;
        Ok(Self {
            liveness_rule: read_liveness_rule(settings, &liveness)?,
            liveness,
            openai_model: OPENAI_MODEL.read(settings)?,
            reader: read_reader_source(settings)?,
            fingerprint: read_fingerprint(settings)?,
            engines: read_engines(settings)?,
            events_kept_days: EVENTS_KEPT_DAYS.read(settings)?,
            webhooks: read_webhook_settings(settings)?,
            console_requires_mfa: CONSOLE_REQUIRE_MFA.read(settings)?,
            mail: read_mail_settings(settings)?,
            oidc_providers: read_oidc_providers(settings)?,
            data_dir: DATA_DIR.read(settings)?,
            system_key_file: SYSTEM_KEY_FILE.read_if_set(settings)?,
            records: read_record_location(settings)?,
            database_connections: DATABASE_CONNECTIONS.read(settings)?,
            files: read_file_location(settings)?,
            accepts_new_files: ACCEPT_NEW_FILES_FOLDER.read(settings)?,
            jwt_secret: JWT_SECRET.read_if_set(settings)?,
            jwt_secret_previous: JWT_SECRET_PREVIOUS.read_if_set(settings)?,
            jwt_issuer: JWT_ISSUER.read(settings)?,
            jwt_audience: JWT_AUDIENCE.read(settings)?,
            jwt_ttl_seconds: JWT_TTL_SECONDS.read(settings)?,
            flow_token_ttl_seconds: FLOW_TOKEN_TTL_SECONDS.read(settings)?,
            clients: JWT_CLIENTS_JSON.read_if_set(settings)?,
            host: HOST.read(settings)?,
            port: PORT.read(settings)?,
            public_url: PUBLIC_URL.read_if_set(settings)?,
            client_url: CLIENT_URL.read_if_set(settings)?,
            redirects: REDIRECT_URLS.read_if_set(settings)?.unwrap_or_default(),
            embed_origins: EMBED_ORIGINS.read_if_set(settings)?.unwrap_or_default(),
            trusted_proxies: TRUSTED_PROXIES.read_if_set(settings)?.unwrap_or_default(),
            max_connections: MAX_CONNECTIONS.read(settings)?,
            metrics_addr: METRICS_ADDR.read_if_set(settings)?,
            log_format: LOG_FORMAT.read(settings)?,
            log_addresses: LOG_ADDRESSES.read(settings)?,
            log_filter: RUST_LOG.read(settings)?,
            unused_settings: unused::list_unused_settings(settings),
        })
    }

    /// Checks all settings, and lists everything that is wrong, one problem for each setting. It is empty exactly if
    /// [`Self::new`] succeeds. No text holds a secret.
    #[must_use]
    pub fn list_problems(settings: &Settings) -> Vec<ConfigError> {
        let Err(first) = Self::new(settings) else { return Vec::new() };
        let unused = unused::list_unused_settings(settings);
        let own = setting::list_own_problems(settings).into_iter().filter(|problem| !unused.contains(&problem.name));
        let mut problems = list_joint_problems(settings);
        problems.extend(own);
        problems.push(first);
        let mut names = HashSet::new();
        problems.retain(|problem| names.insert(problem.name));
        problems
    }

    /// The file of the system key.
    #[must_use]
    pub fn system_key_path(&self) -> PathBuf {
        self.system_key_file.clone().unwrap_or_else(|| self.data_dir.join("system.key"))
    }
}

/// What is wrong with settings together. Each reader gives its first problem.
fn list_joint_problems(settings: &Settings) -> Vec<ConfigError> {
    let liveness = read_liveness_source(settings);
    let rule = liveness.as_ref().ok().map(|source| read_liveness_rule(settings, source).map(drop));
    let outcomes = [
        liveness.map(drop),
        rule.unwrap_or(Ok(())),
        read_reader_source(settings).map(drop),
        read_fingerprint(settings).map(drop),
        read_engines(settings).map(drop),
        read_webhook_settings(settings).map(drop),
        read_mail_settings(settings).map(drop),
        read_oidc_providers(settings).map(drop),
        read_record_location(settings).map(drop),
        read_file_location(settings).map(drop),
    ];
    outcomes.into_iter().filter_map(Result::err).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of a configuration with these settings, by variable.
    pub(super) fn problem(texts: &[(&'static str, &str)]) -> String {
        match Config::new(&Settings::from_texts(texts)) {
            Ok(_) => "none".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn nothing_set_is_a_good_configuration() {
        assert_eq!(problem(&[]), "none");
    }

    #[test]
    fn defaults_are_those_of_the_manual() {
        let config = Config::new(&Settings::default()).unwrap();
        assert_eq!((config.host.to_string().as_str(), config.port), ("127.0.0.1", 8_000));
        assert_eq!((config.jwt_ttl_seconds, config.flow_token_ttl_seconds), (3_600, 1_800));
        assert_eq!((config.jwt_issuer.as_str(), config.jwt_audience.as_str()), ("identivia", "identivia-api"));
        assert_eq!((config.max_connections, config.database_connections), (4_096, 16));
        assert!(matches!((&config.records, &config.files), (RecordLocation::Sqlite, FileLocation::Folder)));
        assert!(config.console_requires_mfa && config.second_factor_warning().is_none());
        assert_eq!((config.data_dir, config.openai_model.as_str()), (PathBuf::from("./data"), "o4-mini"));
        assert!(config.liveness_rule.threshold == 75.0 && config.liveness_rule.local_counts);
        assert!(!config.engines.keeps_templates && config.log_format == LogFormat::Pretty);
    }

    #[test]
    fn bad_value_is_one_line_that_names_the_variable() {
        let lines = [
            problem(&[("JWT_SECRET", "short")]),
            problem(&[("PORT", "70000")]),
            problem(&[("HOST", "example")]),
            problem(&[("CLIENT_URL", "ftp://x")]),
            problem(&[("REDIRECT_URLS", "https://shop.example, https://user:CANARY@shop.example")]),
            problem(&[("EMBED_ORIGINS", "https://shop.example, https://user:CANARY@shop.example")]),
            problem(&[("METRICS_ADDR", "9100")]),
            problem(&[("LOG_FORMAT", "xml")]),
            problem(&[("CONSOLE_REQUIRE_MFA", "no")]),
            problem(&[("FACE_LIVENESS_THRESHOLD", "NaN")]),
            problem(&[("TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.0/33")]),
            problem(&[("DATABASE_URL", "mysql://user:CANARY@host/x")]),
            problem(&[("POCKETBASE_URL", "http://pb.example.com")]),
            problem(&[("POCKETBASE_URL", "https://pb.example.com")]),
            problem(&[("POCKETBASE_URL", "http://[::1]:8090"), ("DATABASE_URL", "sqlite:")]),
            problem(&[("FILES_URL", "s3://user:CANARY@bucket")]),
            problem(&[("FILES_URL", "s3://bucket"), ("AWS_ACCESS_KEY_ID", "AKIACANARY")]),
            problem(&[("FILES_URL", "s3://bucket"), ("AWS_ENDPOINT_URL", "http://192.0.2.1:9000")]),
            problem(&[("JWT_CLIENTS_JSON", "[]")]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        JWT_SECRET: must be at least 32 bytes long (it has 5); try: openssl rand -hex 32
        PORT: must be a whole number from 0 to 65535, not "70000"
        HOST: must be an IP address to listen on, not "example"
        CLIENT_URL: must be a URL such as https://verify.example.com, without user, password or query
        REDIRECT_URLS: entry 2 must be an origin or a prefix such as https://shop.example/back, https unless it is on this machine, without user, query or fragment
        EMBED_ORIGINS: entry 2 must be an origin such as https://shop.example or https://shop.example:8443, https unless it is localhost or 127.0.0.1, without path, slash at the end, user, wildcard or IPv6 address (browsers match none)
        METRICS_ADDR: must be an address and a port such as 127.0.0.1:9100, not "9100"
        LOG_FORMAT: must be pretty or json, not "xml"
        CONSOLE_REQUIRE_MFA: must be true or false, not "no"
        FACE_LIVENESS_THRESHOLD: must be a number from 30 to 100 with the local engines, not "NaN"
        TRUSTED_PROXIES: "10.0.0.0/33" is no address or network such as 10.0.0.0/8
        DATABASE_URL: must be sqlite: (the database is in DATA_DIR) or postgres://user:password@host/database
        POCKETBASE_URL: must be https://, or passwords and passports cross the network in the clear; within a network you trust set POCKETBASE_ALLOW_HTTP=true
        PB_USER_EMAIL: must be set with POCKETBASE_URL: the server's account there, a superuser or a record of `users`
        DATABASE_URL: POCKETBASE_URL is set too, and PocketBase stores records and files; unset one of them
        FILES_URL: must be file: (the folder is in DATA_DIR) or s3://bucket/prefix, the bucket of 3 to 63 characters a-z 0-9 . -, the prefix of A-Z a-z 0-9 . _ - /
        AWS_SECRET_ACCESS_KEY: must be set where AWS_ACCESS_KEY_ID is
        AWS_ENDPOINT_URL: must be https://, or passports cross the network in the clear; within a network you trust set AWS_ENDPOINT_ALLOW_HTTP=true
        JWT_CLIENTS_JSON: names no client, so no machine token could be issued; add a client, or leave the setting out
        "#);
    }

    #[test]
    fn bad_value_of_a_provider_is_one_line_that_names_the_variable() {
        let with_keys = |more: (&'static str, &'static str)| {
            problem(&[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "CANARY"), more])
        };
        let with_openai = |more: (&'static str, &'static str)| problem(&[("OPENAI_API_KEY", "CANARY"), more]);
        let lines = [
            problem(&[("LIVENESS_PROVIDER", "azure")]),
            with_keys(("FACE_LIVENESS_CHALLENGES", "Smile")),
            with_keys(("FACE_LIVENESS_AUDIT_IMAGES", "5")),
            with_keys(("AWS_LIVENESS_ROLE_ARN", "identivia")),
            with_keys(("AWS_CREDENTIALS_ACTIONS", "all")),
            with_keys(("LIVENESS_STREAM_URL", "ws://192.0.2.1")),
            with_keys(("LIVENESS_STREAM_URL", "wss://user:CANARY@x")),
            with_keys(("LIVENESS_STREAM_URL", "CANARY")),
            with_keys(("LIVENESS_STREAM_URL", "wss://x;script-src")),
            with_keys(("AWS_ENDPOINT_URL_STS", "http://192.0.2.1")),
            problem(&[("DOCUMENT_READER", "openai")]),
            problem(&[("DOCUMENT_READER", "tesseract")]),
            problem(&[("ENGINE_THREADS", "0")]),
            problem(&[("FACE_TEMPLATES", "yes")]),
            with_openai(("OPENAI_BASE_URL", "http://192.0.2.1:11434/v1")),
            problem(&[("OPENAI_API_KEY", "CANARY two")]),
            with_openai(("OPENAI_IMAGE_SIDE", "20")),
            problem(&[("FINGERPRINT_SECRET_KEY", "CANARY"), ("FINGERPRINT_BASE_URL", "ftp://x")]),
        ];
        assert!(!lines.concat().contains("CANARY"), "{lines:?}");
        insta::assert_snapshot!(lines.join("\n"), @r#"
        LIVENESS_PROVIDER: must be auto, aws, local or off, not "azure"
        FACE_LIVENESS_CHALLENGES: must be one or both of FaceMovementAndLightChallenge and FaceMovementChallenge, not "Smile"
        FACE_LIVENESS_AUDIT_IMAGES: must be a whole number from 0 to 4, not "5"
        AWS_LIVENESS_ROLE_ARN: must be a role such as arn:aws:iam::123456789012:role/identivia-liveness
        AWS_CREDENTIALS_ACTIONS: must be start-and-results or start-only, not "all"
        LIVENESS_STREAM_URL: must be wss://, or faces cross the network in the clear; ws:// is for this machine alone
        LIVENESS_STREAM_URL: must be a URL such as wss://streaming.example.com, without user, password or query
        LIVENESS_STREAM_URL: must be a URL such as wss://streaming.example.com, without user, password or query
        LIVENESS_STREAM_URL: must be a URL such as wss://streaming.example.com, without user, password or query
        AWS_ENDPOINT_URL_STS: must be https://, or passports cross the network in the clear; within a network you trust set AWS_ENDPOINT_ALLOW_HTTP=true
        OPENAI_API_KEY: must be set with DOCUMENT_READER=openai; for a server that requires no key any word will do
        DOCUMENT_READER: must be auto, openai, local or off, not "tesseract"
        ENGINE_THREADS: must be a whole number from 1 to 256, not "0"
        FACE_TEMPLATES: must be none or keep, not "yes"
        OPENAI_BASE_URL: must be https://, or people's data cross the network in the clear; within a network you trust set OPENAI_ALLOW_HTTP=true
        OPENAI_API_KEY: must be one word without spaces
        OPENAI_IMAGE_SIDE: must be a whole number from 512 to 8192, not "20"
        FINGERPRINT_BASE_URL: must be a URL such as https://verify.example.com, without user, password or query
        "#);
    }

    #[test]
    fn every_wrong_setting_is_listed_once_and_unused_ones_are_not() {
        let texts = [
            ("JWT_SECRET", "CANARY"),
            ("PORT", "x"),
            ("FACE_LIVENESS_THRESHOLD", "200"),
            ("FILES_URL", "CANARY"),
            ("SMTP_URL", "smtp://localhost"),
            ("AWS_LIVENESS_ROLE_ARN", "CANARY"),
        ];
        let problems = Config::list_problems(&Settings::from_texts(&texts));
        let mut names: Vec<&str> = problems.iter().map(|problem| problem.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["FACE_LIVENESS_THRESHOLD", "FILES_URL", "JWT_SECRET", "MAIL_FROM", "PORT"]);
        assert!(!problems.iter().any(|problem| problem.to_string().contains("CANARY")));
        assert!(Config::list_problems(&Settings::from_texts(&[("OPENAI_IMAGE_SIDE", "20")])).is_empty());
    }

    #[test]
    fn settings_without_effect_are_listed() {
        let texts = [("PB_USER_EMAIL", "a@example.com"), ("AWS_REGION", "eu-west-1"), ("OPENAI_IMAGE_SIDE", "20")];
        let config = Config::new(&Settings::from_texts(&texts)).unwrap();
        assert_eq!(config.unused_settings, ["PB_USER_EMAIL", "AWS_REGION", "OPENAI_IMAGE_SIDE"]);
    }
}
