//! `identivia check`: prints what is on, what is off, why, and everything that would stop a start. Changes nothing.

use anyhow::bail;
use clap::Args;

use super::check_live::run_check_live;
use super::check_stores::inspect_start;
use super::configuration_warnings::list_warnings;
use super::{print_line, start_runtime};
use crate::config::{Config, FileLocation, LivenessSource, ReaderSource, RecordLocation, Settings};
use crate::http::pages::page_assets;
use crate::providers::local_engines::ENGINE_NAME;

/// Arguments of `identivia check`.
#[derive(Args)]
pub struct CheckArguments {
    /// Also call each provider once and print what is wrong with it. Costs a document reading. Exit status 1 if a call
    /// fails
    #[arg(long)]
    live: bool,
}

/// Prints the configuration in words.
///
/// # Errors
/// Everything that would stop a start, one line each; when standard output cannot be written, or a provider fails.
pub fn run_check(settings: &Settings, arguments: &CheckArguments) -> anyhow::Result<()> {
    let problems: Vec<String> = Config::list_problems(settings).iter().map(ToString::to_string).collect();
    refuse_problems(&problems)?;
    let config = &Config::new(settings)?;
    for (name, state) in describe_configuration(config) {
        print_line(&format!("{name:<14} {state}"))?;
    }
    let findings = start_runtime()?.block_on(inspect_start(config));
    let warnings = list_warnings(config).into_iter();
    let single_server = config.list_single_server_warnings().into_iter().map(str::to_owned);
    for note in warnings.chain(single_server).chain(findings.notes) {
        print_line(&format!("note           {note}"))?;
    }
    refuse_problems(&findings.problems)?;
    if arguments.live { run_check_live(config) } else { Ok(()) }
}

/// An error with a line for each problem, if there is any.
fn refuse_problems(problems: &[String]) -> anyhow::Result<()> {
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("\nidentivia: ")) }
}

fn describe_configuration(config: &Config) -> Vec<(&'static str, String)> {
    let address = format!("{}:{}", config.host, config.port);
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    vec![
        ("listens on", address),
        ("public URL", public_url.clone()),
        ("page URL", config.client_url.clone().unwrap_or(public_url)),
        ("page", describe_page(config)),
        ("token secret", describe_token_secret(config)),
        ("clients", describe_clients(config)),
        ("records", describe_records(config)),
        ("files", describe_files(config)),
        ("system key", config.system_key_path().display().to_string()),
        ("face liveness", describe_liveness(config)),
        ("documents", describe_documents(config)),
        ("fingerprint", describe_fingerprint(config)),
        ("engines", describe_engines(config)),
        ("metrics", describe_metrics(config)),
        ("proxies", describe_proxies(config)),
    ]
}

fn describe_page(config: &Config) -> String {
    if page_assets::index().is_none() {
        return "not in this binary: run `make web`, then build it again".to_owned();
    }
    let is_elsewhere = config.client_url.is_some() && config.client_url != config.public_url;
    let state = if is_elsewhere { "served here too, but links lead to CLIENT_URL" } else { "served here" };
    state.to_owned()
}

fn describe_token_secret(config: &Config) -> String {
    let source = match &config.jwt_secret {
        Some(_) => "JWT_SECRET",
        None => "generated and stored in DATA_DIR (JWT_SECRET is not set)",
    };
    source.to_owned()
}

fn describe_clients(config: &Config) -> String {
    match &config.clients {
        Some(clients) => clients.iter().map(|client| client.id.as_str()).collect::<Vec<_>>().join(", "),
        None => "one, generated and stored in DATA_DIR (JWT_CLIENTS_JSON is not set)".to_owned(),
    }
}

fn describe_records(config: &Config) -> String {
    match &config.records {
        RecordLocation::Sqlite => format!("SQLite in {}", config.data_dir.display()),
        RecordLocation::Postgres { .. } => {
            format!("PostgreSQL at DATABASE_URL, {} connections at most", config.database_connections)
        }
        RecordLocation::PocketBase(account) => format!("PocketBase at {}, as {}", account.url, account.email),
    }
}

fn describe_files(config: &Config) -> String {
    match (&config.records, &config.files) {
        (RecordLocation::PocketBase(_), _) => "in the file fields of PocketBase's records".to_owned(),
        (_, FileLocation::Folder) => format!("{}/files", config.data_dir.display()),
        (_, FileLocation::Bucket(bucket)) => bucket.to_string(),
    }
}

fn describe_liveness(config: &Config) -> String {
    let aws = match &config.liveness {
        LivenessSource::Aws(aws) => aws,
        LivenessSource::Local if config.liveness_rule.local_counts => return format!("{ENGINE_NAME}, on this machine"),
        LivenessSource::Local => return format!("{ENGINE_NAME}, on this machine; its results confirm nothing"),
        LivenessSource::Off => return "off: sessions get 501".to_owned(),
    };
    let region = aws.access.region.as_deref().unwrap_or("the region of the AWS tools");
    let challenges: Vec<&str> = aws.challenges.iter().map(|challenge| challenge.word()).collect();
    let credentials = match &aws.role {
        Some(role) => format!("credentials of {role}"),
        None => "credentials by federation token".to_owned(),
    };
    format!("AWS Rekognition in {region}: {}; {credentials}", challenges.join(", "))
}

fn describe_documents(config: &Config) -> String {
    match &config.reader {
        ReaderSource::Off => "off: readings get 501".to_owned(),
        ReaderSource::Local => format!("{ENGINE_NAME}, on this machine"),
        ReaderSource::OpenAi(openai) => format!("{} at {}", openai.model, openai.base_url),
    }
}

fn describe_fingerprint(config: &Config) -> String {
    match &config.fingerprint {
        None => "off: FINGERPRINT_SECRET_KEY is not set; visitor data stays a claim".to_owned(),
        Some(api) => format!("{} checks visitor data", api.base_url),
    }
}

fn describe_engines(config: &Config) -> String {
    let engines = &config.engines;
    let weights = match &engines.models {
        Some(folder) => format!("weights of {} replace embedded ones", folder.display()),
        None => "embedded weights".to_owned(),
    };
    let templates = if engines.keeps_templates { "stored" } else { "not stored" };
    format!("{weights}, {} threads; face templates are {templates}", engines.threads)
}

fn describe_metrics(config: &Config) -> String {
    match config.metrics_addr {
        Some(address) => format!("http://{address}/metrics"),
        None => "off: METRICS_ADDR is not set".to_owned(),
    }
}

fn describe_proxies(config: &Config) -> String {
    match config.trusted_proxies.len() {
        0 => "none trusted: X-Forwarded-For is ignored".to_owned(),
        count => format!("{count} trusted"),
    }
}
