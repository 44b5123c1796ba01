//! Copies between stores: how a test opens both sides, runs the command and reads its table.

mod contents;
mod differences;
mod every_store;
mod interruptions;
mod own_pocketbase;

use std::any::Any;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::ground::StoreKind;
use crate::services;
use crate::world::{self, World};

/// A store with its place for files, empty.
struct CopySide {
    /// As the command line names it.
    store: String,
    files: Option<String>,
    /// What makes a server use it.
    flags: Vec<String>,
    folder: TempDir,
    pocketbase: Option<services::pocketbase::PocketBase>,
    /// What a copy needs in its environment to reach the files.
    variables: Vec<(&'static str, String)>,
    _keep: Box<dyn Any>,
}

const EVERY_KIND: [StoreKind; 3] = [StoreKind::Sqlite, StoreKind::Postgres, StoreKind::PocketBase];

impl CopySide {
    async fn new(kind: StoreKind) -> Self {
        match kind {
            StoreKind::Sqlite => {
                let side = Self::with_store(String::new());
                Self { store: format!("sqlite:{}", side.data_dir()), ..side }
            }
            StoreKind::Postgres => {
                let url = services::postgres::database().await;
                let mut side = Self::with_store(url.clone());
                side.flags.extend(["--database-url".to_owned(), url]);
                Self { files: Some(format!("file:{}/files", side.data_dir())), ..side }
            }
            StoreKind::PocketBase => {
                let (kept, service) = services::pocketbase::ready_made().await;
                Self::on_pocketbase(service, kept)
            }
        }
    }

    /// A side of that store, as the command line names it, with a data folder of its own.
    fn with_store(store: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let side = Self {
            store,
            files: None,
            flags: Vec::new(),
            folder,
            pocketbase: None,
            variables: Vec::new(),
            _keep: Box::new(()),
        };
        Self { flags: vec!["--data-dir".to_owned(), side.data_dir()], ..side }
    }

    /// A side that stores everything in a PocketBase.
    fn on_pocketbase(service: services::pocketbase::PocketBase, keep: impl Any) -> Self {
        let mut side = Self::with_store(service.url.clone());
        for (flag, value) in [
            ("--pocketbase-url", &service.url),
            ("--pb-user-email", &service.email),
            ("--pb-user-password", &service.password),
        ] {
            side.flags.extend([flag.to_owned(), value.clone()]);
        }
        Self { pocketbase: Some(service), _keep: Box::new(keep), ..side }
    }

    fn data_dir(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    /// PostgreSQL with files in a bucket.
    async fn with_bucket() -> Self {
        let bucket = services::s3::bucket().await;
        let mut side = Self::new(StoreKind::Postgres).await;
        let files = format!("s3://{}/files", bucket.name);
        side.variables = vec![
            ("AWS_ENDPOINT_URL_S3", bucket.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", bucket.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", bucket.secret_key.clone()),
        ];
        let flag = |(name, value): &(&str, String)| [world::flag(name), value.clone()];
        side.flags.extend(side.variables.iter().flat_map(flag));
        side.flags.extend(["--files-url".to_owned(), files.clone()]);
        Self { files: Some(files), _keep: Box::new(bucket), ..side }
    }

    /// A server on it.
    async fn world(&self) -> World {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        World::with(&flags, true).await
    }
}

fn copy_command(from: &CopySide, to: &CopySide, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_identivia"));
    command.env_clear().current_dir(from.folder.path()).stdin(Stdio::null());
    for service in [&from.pocketbase, &to.pocketbase].into_iter().flatten() {
        command.env("PB_USER_EMAIL", &service.email).env("PB_USER_PASSWORD", &service.password);
    }
    command.envs([&from.variables, &to.variables].into_iter().flatten().cloned());
    command.args(["copy", "--from", &from.store, "--to", &to.store]);
    for (option, files) in [("--from-files", &from.files), ("--to-files", &to.files)] {
        if let Some(files) = files {
            command.args([option, files]);
        }
    }
    command.args(more);
    command
}

/// Runs a copy off the threads that serve.
async fn run_copy(from: &CopySide, to: &CopySide, more: &[&str]) -> Output {
    let mut command = copy_command(from, to, more);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn assert_same(output: &Output) -> String {
    let said = output_text(output);
    assert!(output.status.success() && said.contains("Both sides hold the same"), "{said}");
    said
}

/// The counts of a kind in the table: source, target, copied, already there, different.
fn read_counts(said: &str, kind: &str) -> Vec<usize> {
    let row = said.lines().find(|line| line.starts_with(&format!("{kind} ")) && !line.contains(':')).unwrap();
    row.split_whitespace().skip(1).map(|count| count.parse().unwrap()).collect()
}

/// Every file below a folder, by its bytes.
fn read_contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            // The index of the log, which every reader notes itself in.
            } else if !path.to_str().unwrap().ends_with("-shm") {
                found.push((path.to_str().unwrap().to_owned(), std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Stops a server and waits until it has let its folder go.
async fn close_server(world: World, side: &CopySide) {
    drop(world);
    let lock = std::fs::File::open(side.folder.path().join("data/lock")).unwrap();
    tokio::task::spawn_blocking(move || lock.lock().unwrap()).await.unwrap();
}
