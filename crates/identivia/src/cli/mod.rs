//! The command line: what each command does, in words of a manual page.

pub mod check_live;
pub mod copy;
pub mod eval;
pub mod progress;

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use tokio::sync::watch;

use self::copy::{Address, Job};
use self::eval::Bench;
use crate::cli::progress::Progress;
use crate::clock::Clock;
use crate::config::{self, Config, FilesAt, RecordsAt, Settings};
use crate::domain::client::hash_secret;
use crate::http;
use crate::http::pages::page_assets;
use crate::providers::local_engines;
use crate::providers::local_engines::Engines;
use crate::server::{Parts, Server};
use crate::store::pocketbase::PocketBase;
use crate::telemetry;

const EXAMPLES: &str = "\
Examples:
  identivia                                    serve on http://127.0.0.1:8000 with everything in ./data
  identivia serve --host 0.0.0.0 --port 80     serve to the network
  identivia check                              say what is on, what is off and why, and exit
  identivia check --live                       call each provider once and say what is wrong with it
  identivia hash-secret < secret.txt           make a client_secret_hash
  identivia openapi > openapi.json             print the API's description
  identivia copy --help                        move to another store
  identivia eval face --pairs pairs.csv        measure the face engine on pictures of your own

Settings are read from flags, then the environment, then a file `.env` in the current folder. Empty counts as not set.
Secrets are best set in the environment: a flag can be seen by others on the same machine.

Files:
  DATA_DIR/identivia.db      records (SQLite)
  DATA_DIR/files/            pictures and videos, unless FILES_URL names a bucket
  DATA_DIR/first-run.json    what the first start made: the signing secret and a client (mode 0600)

Exit status:
  0  done    1  a setting or its surroundings are wrong: one line on standard error says which    2  wrong usage";

const COPYING: &str = "\
Copy every record and file to another store, then compare both sides

The source is only read. The target may be empty, or what an earlier copy has left: whatever ended that, the same command \
goes on there and sends nothing again. A record that is there is never changed; one that differs is reported. At the end \
every record is compared column by column and every file by its SHA-256, read back from both sides.

Stop the servers on both stores first. What a server adds to the source meanwhile is not copied, and a data folder that a \
server uses is not written.

Stores:
  sqlite:FOLDER              a data folder: records in FOLDER/identivia.db, files in FOLDER/files
  postgres                   the database of DATABASE_URL; its files are at --from-files or --to-files,
                             file:FOLDER or s3://BUCKET/PREFIX (with the settings for AWS as a server has them)
  postgres://…               another database
  pocketbase                 the PocketBase of POCKETBASE_URL, PB_USER_EMAIL and PB_USER_PASSWORD
  https://…                  another PocketBase, with the same e-mail address and password

A URL with a password in it can be seen by others on this machine while the command runs: set DATABASE_URL and write \
postgres instead.

Copied are profiles, their histories, liveness sessions, settings, the audit trail, and every file that a record names, \
with all ids and times. PocketBase gives files names of its own; the others keep the names that files have. When two sides \
share one folder of files, the files stay where they are. Not copied are DATA_DIR/first-run.json (the signing secret and \
the client of a first start), codes that another device has yet to take, and other programs' collections and tables.";

const COPY_EXAMPLES: &str = "\
Examples:
  identivia copy --from sqlite:./data --to postgres --to-files file:./data/files
                                               records to PostgreSQL; the files stay
  identivia copy --from pocketbase --to sqlite:./data
                                               everything from PocketBase to a new data folder
  identivia copy --from sqlite:./data --to pocketbase --check
                                               say whether both hold the same

Exit status:
  0  both sides hold the same
  1  they do not, or the copy had to stop: the last line on standard error says which, and lines on standard output name \
the records";

/// Self-hosted identity verification.
///
/// Answers the Identivia HTTP API: a company's server gets a machine token, creates a profile and sends a person the
/// link; the person photographs a document and shows their face; the company reads the outcome and its evidence.
#[derive(Parser)]
#[command(name = "identivia", version, max_term_width = 110, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop (the default)
    Serve,
    /// Read the configuration and say what is on, what is off and why
    Check {
        /// Also call each provider once and say what is wrong with it; costs a document reading. Exit status 1 if any fails
        #[arg(long)]
        live: bool,
    },
    /// Print the API's description (OpenAPI 3.1) as JSON
    Openapi,
    /// Read a secret from standard input and print its Argon2id hash, for `client_secret_hash`
    HashSecret,
    /// Copy every record and file to another store, then compare both sides
    #[command(long_about = COPYING, after_help = COPY_EXAMPLES)]
    Copy {
        /// The store to copy: sqlite:FOLDER, postgres, pocketbase, or a URL of one of the latter
        #[arg(long, value_name = "STORE")]
        from: String,
        /// The store to copy to, in the same words
        #[arg(long, value_name = "STORE")]
        to: String,
        /// Where the files of `--from` are: file:FOLDER or s3://BUCKET/PREFIX. For PostgreSQL, which holds none
        #[arg(long, value_name = "PLACE")]
        from_files: Option<String>,
        /// The same for `--to`
        #[arg(long, value_name = "PLACE")]
        to_files: Option<String>,
        /// Copy nothing; only compare the two
        #[arg(long)]
        check: bool,
    },
    /// Measure the local engines on pictures of your own
    ///
    /// Calibrate on pictures of people who have agreed to it, taken as yours are. Nothing is kept or sent anywhere.
    Eval {
        #[command(subcommand)]
        of: Evaluation,
    },
    /// Work with the PocketBase that POCKETBASE_URL names
    Pocketbase {
        #[command(subcommand)]
        command: PocketbaseCommand,
    },
}

#[derive(Subcommand)]
enum Evaluation {
    /// How well faces are told apart: FAR, FRR and TAR at thresholds
    Face {
        /// A CSV file with the header first,second,same: two pictures, by paths from the file's own folder, and 1 or 0
        #[arg(long, value_name = "FILE")]
        pairs: std::path::PathBuf,
    },
    /// How many machine-readable zones are read with every check digit right
    Mrz {
        /// A folder of pictures. A text file beside one (passport.jpg, passport.txt) holds the lines to be found; empty, it
        /// says that there is no zone
        #[arg(long, value_name = "FOLDER")]
        dir: std::path::PathBuf,
    },
    /// How often liveness is deceived (APCER) and how often people are turned away (BPCER), as ISO/IEC 30107-3 has it
    Liveness {
        /// A folder with bona_fide/SESSION/ and attacks/SPECIES/SESSION/, each session with its frames and a session.json:
        /// {"steps": ["look_straight", …], "frames": [{"file": "1.jpg", "step": "look_straight", "time": 0}, …]}
        #[arg(long, value_name = "FOLDER")]
        dir: std::path::PathBuf,
    },
}

#[derive(Subcommand)]
enum PocketbaseCommand {
    /// Make the collections, fields and indexes that are missing; change nothing that is there
    ///
    /// PB_USER_EMAIL and PB_USER_PASSWORD must be a superuser's. Without the right to make collections, what to make is
    /// printed instead, and the exit status is 1.
    Init {
        /// A record of `users` that the server will sign in as: new collections let it in beside superusers
        #[arg(long, value_name = "EMAIL")]
        service_user: Option<String>,
    },
}

/// Runs one command.
///
/// # Errors
/// One line for the person at the terminal.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(Config::new(cli.settings)?),
        Command::Check { live } => check(&Config::new(cli.settings)?, live),
        Command::Openapi => say(&http::router::openapi_document().to_pretty_json()?),
        Command::HashSecret => hash(),
        Command::Copy { from, to, from_files, to_files, check } => {
            let address =
                |option, store: &str, files: Option<&str>| Address::parse(store, files, &cli.settings).context(option);
            let (from, to) =
                (address("--from", &from, from_files.as_deref())?, address("--to", &to, to_files.as_deref())?);
            copy(&Job { from, to, only_check: check })
        }
        Command::Eval { of } => evaluate(&Config::new(cli.settings)?, &of),
        Command::Pocketbase { command: PocketbaseCommand::Init { service_user } } => {
            init_pocketbase(&Config::new(cli.settings)?, service_user.as_deref())
        }
    }
}

fn copy(job: &Job) -> anyhow::Result<()> {
    let report = runtime()?.block_on(async { copy::run(job, &Progress::new()).await })?;
    for line in report.lines() {
        say(&line)?;
    }
    say(&report.verdict().map_err(anyhow::Error::msg)?)
}

fn evaluate(config: &Config, of: &Evaluation) -> anyhow::Result<()> {
    let at = &config.engines;
    let engines = Engines::load(at.models.as_deref(), at.threads).context("MODELS_DIR")?;
    let bench = Bench { engines, progress: Progress::new() };
    let lines = match of {
        Evaluation::Face { pairs } => eval::eval_faces(&bench, pairs),
        Evaluation::Mrz { dir } => eval::eval_zones(&bench, dir),
        Evaluation::Liveness { dir } => eval::eval_liveness(&bench, dir, config.face_liveness_threshold),
    }?;
    lines.iter().try_for_each(|line| say(line))
}

fn init_pocketbase(config: &Config, service_user: Option<&str>) -> anyhow::Result<()> {
    let RecordsAt::PocketBase(account) = &config.records else {
        bail!("POCKETBASE_URL: must be set, with PB_USER_EMAIL and PB_USER_PASSWORD of a superuser");
    };
    let report = runtime()?.block_on(async {
        PocketBase::new(account.clone(), &[], Clock::default())?.init(service_user).await.context("POCKETBASE_URL")
    })?;
    for line in &report.lines {
        say(line)?;
    }
    if !report.complete {
        bail!("nothing was made");
    }
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

fn serve(config: Config) -> anyhow::Result<()> {
    let _logs = telemetry::start_logs(&config.log_filter, config.log_format);
    let data_dir = config.data_dir.clone();
    for name in &config.unused {
        tracing::warn!("{name} is set but does nothing in this version");
    }
    if page_assets::index().is_none() {
        tracing::warn!("built without the page for people who verify themselves: run `make web`, then build it again");
    }
    for scope in config::unknown_scopes(config.clients.as_deref().unwrap_or_default()) {
        tracing::warn!("no operation asks for the scope {scope}; is it misspelt?");
    }
    let not_shared = config.not_shared();
    runtime()?.block_on(async {
        let server = Server::start(config, Parts::default()).await?;
        for line in not_shared {
            tracing::warn!("{line}");
        }
        if let Some(first_run) = &server.first_run {
            say(&first_run.welcome(&server.public_url, &data_dir))?;
        }
        server.run(stop_signal()?).await;
        Ok(())
    })
}

/// Becomes true on SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests under way have 10 seconds");
        let _ = stop.send(true);
    });
    Ok(stopped)
}

fn check(config: &Config, live: bool) -> anyhow::Result<()> {
    let made = "made and kept in DATA_DIR (JWT_SECRET is not set)";
    let clients = config.clients.as_deref().map_or_else(
        || "one, made and kept in DATA_DIR (JWT_CLIENTS_JSON is not set)".to_owned(),
        |clients| clients.iter().map(|client| client.id.as_str()).collect::<Vec<_>>().join(", "),
    );
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{}:{}", config.host, config.port));
    let lines = [
        ("listens on", format!("{}:{}", config.host, config.port)),
        ("reached at", public_url.clone()),
        ("people go to", config.client_url.clone().unwrap_or(public_url)),
        ("their page", their_page(config)),
        ("token secret", if config.jwt_secret.is_some() { "JWT_SECRET".to_owned() } else { made.to_owned() }),
        ("clients", clients),
        ("records", records(config)),
        ("files", files(config)),
        ("face liveness", liveness(config)),
        ("documents", documents(config)),
        ("fingerprint", fingerprint(config)),
        ("engines", local_engines(config)),
        (
            "metrics",
            config.metrics_addr.map_or("off: METRICS_ADDR is not set".to_owned(), |a| format!("http://{a}/metrics")),
        ),
        (
            "proxies",
            if config.trusted_proxies.is_empty() {
                "none trusted: X-Forwarded-For is ignored".to_owned()
            } else {
                format!("{} trusted", config.trusted_proxies.len())
            },
        ),
    ];
    for (name, state) in lines {
        say(&format!("{name:<14} {state}"))?;
    }
    for scope in config::unknown_scopes(config.clients.as_deref().unwrap_or_default()) {
        say(&format!("note           no operation asks for the scope {scope}"))?;
    }
    for name in &config.unused {
        say(&format!("note           {name} is set but does nothing in this version"))?;
    }
    for line in config.not_shared() {
        say(&format!("note           {line}"))?;
    }
    if live { check_providers(config) } else { Ok(()) }
}

fn their_page(config: &Config) -> String {
    if page_assets::index().is_none() {
        return "not in this binary: run `make web`, then build it again".to_owned();
    }
    let elsewhere = config.client_url.as_ref().filter(|url| Some(*url) != config.public_url.as_ref());
    elsewhere.map_or("served here".to_owned(), |_| "served here too, but CLIENT_URL sends people elsewhere".to_owned())
}

fn check_providers(config: &Config) -> anyhow::Result<()> {
    let findings = runtime()?.block_on(check_live::look(config));
    say("")?;
    for check_live::Finding { of, outcome } in &findings {
        match outcome {
            Ok(well) => say(&format!("{of:<14} works: {well}"))?,
            Err(wrong) => say(&format!("{of:<14} FAILS: {wrong}"))?,
        }
    }
    let failed = findings.iter().filter(|finding| finding.outcome.is_err()).count();
    if findings.is_empty() {
        return say("No outside provider is configured, so there is none to call.");
    }
    if failed > 0 {
        bail!("{failed} of {} looks at providers failed", findings.len());
    }
    Ok(())
}

fn liveness(config: &Config) -> String {
    let Some(aws) = &config.liveness else {
        return format!("{}, on this machine", local_engines::NAME);
    };
    let region = aws.access.region.as_deref().unwrap_or("the region of the AWS tools");
    let challenges: Vec<&str> = aws.challenges.iter().map(|challenge| challenge.word()).collect();
    let credentials = match &aws.role {
        Some(role) => format!("credentials of {role}"),
        None => "credentials by federation token".to_owned(),
    };
    format!("AWS Rekognition in {region}: {}; {credentials}", challenges.join(", "))
}

fn documents(config: &Config) -> String {
    match &config.openai {
        None => format!("{}, on this machine", local_engines::NAME),
        Some(openai) => format!("{} at {}", openai.model, openai.base_url),
    }
}

fn fingerprint(config: &Config) -> String {
    match &config.fingerprint {
        None => "off: FINGERPRINT_SECRET_KEY is not set; visitor data is kept as a claim".to_owned(),
        Some(at) => format!("visitor data is checked at {}", at.base_url),
    }
}

fn local_engines(config: &Config) -> String {
    let at = &config.engines;
    let weights = at.models.as_ref().map_or("embedded weights".to_owned(), |folder| {
        format!("weights of {} before embedded ones", folder.display())
    });
    let templates = if at.keeps_templates { "kept" } else { "not kept" };
    format!("{weights}, {} threads; face templates are {templates}", at.threads)
}

fn records(config: &Config) -> String {
    match &config.records {
        RecordsAt::Sqlite => format!("SQLite in {}", config.data_dir.display()),
        RecordsAt::Postgres(_) => {
            format!("PostgreSQL at DATABASE_URL, {} connections at most", config.database_connections)
        }
        RecordsAt::PocketBase(account) => format!("PocketBase at {}, as {}", account.url, account.email),
    }
}

fn files(config: &Config) -> String {
    match (&config.records, &config.files) {
        (RecordsAt::PocketBase(_), _) => "in the file fields of PocketBase's records".to_owned(),
        (_, FilesAt::Folder) => format!("{}/files", config.data_dir.display()),
        (_, FilesAt::Bucket(at)) => at.to_string(),
    }
}

fn hash() -> anyhow::Result<()> {
    if std::io::stdin().is_terminal() {
        eprint_line("Type the secret and press Enter (it is shown as you type; or send it by a pipe):");
    }
    let mut secret = String::new();
    std::io::stdin().lock().read_line(&mut secret).context("the secret could not be read")?;
    let secret = secret.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("no secret on standard input");
    }
    say(&hash_secret(secret).context("the secret could not be hashed")?)
}

fn eprint_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints a line. A reader that has gone away is no failure of ours to report.
fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
