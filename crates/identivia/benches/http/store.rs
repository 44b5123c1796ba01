//! Where the measured server keeps its records: in its folder, or in a service that goes with this program.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, ensure};

use crate::server_binary::find_server_binary;

/// The store that is measured, with the service it needs, which ends when this is dropped.
pub(crate) struct BenchStore {
    /// The environment variables that lead the server to it.
    pub(crate) variables: BTreeMap<String, String>,
    service: Option<Child>,
    /// Where the service keeps its files.
    folder: Option<tempfile::TempDir>,
}

impl BenchStore {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let name = env::var("STORE").unwrap_or_default();
        if matches!(name.as_str(), "" | "sqlite") {
            return Ok(Self { variables: BTreeMap::new(), service: None, folder: None });
        }
        ensure!(
            matches!(name.as_str(), "postgres" | "pocketbase"),
            "STORE is sqlite, postgres or pocketbase, not {name}"
        );
        // On the same disk as the other folders; open to the user that PostgreSQL runs as.
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o711)).tempdir_in(folder)?;
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services.sh"));
        // With orders, so that it ends when its input does.
        command
            .args([name.as_str(), "--orders"])
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut service = command.spawn()?;
        let said = BufReader::new(service.stdout.take().context("its output is piped")?).lines();
        let said: Vec<String> = said.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let pairs = said.iter().filter_map(|line| line.split_once('='));
        let variables: BTreeMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        ensure!(!variables.is_empty(), "{}", said.join("\n"));
        let store = Self { variables, service: Some(service), folder: Some(folder) };
        if name == "pocketbase" {
            store.prepare_pocketbase()?;
        }
        Ok(store)
    }

    /// Makes the collections and turns the batch API on.
    fn prepare_pocketbase(&self) -> anyhow::Result<()> {
        let folder = self.folder.as_ref().context("the service has a folder")?;
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/with_pocketbase.sh"));
        command.arg(find_server_binary()?).arg("true").envs(&self.variables).env("TMPDIR", folder.path());
        ensure!(command.status()?.success(), "PocketBase could not be prepared");
        Ok(())
    }
}

impl Drop for BenchStore {
    fn drop(&mut self) {
        if let Some(service) = &mut self.service {
            drop(service.stdin.take());
            let _ = service.wait();
        }
    }
}
