//! Backups: made while a server writes, restored to an empty place, compared, and served from.

mod interruptions;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Running, profile, run, text, token};
use crate::forms::{passport_record_form, photo_form};
use crate::ground::Ground;

/// A server's data folder and settings, and a backup folder beside it.
struct Site {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    _ground: Ground,
}

impl Site {
    /// `None` for PocketBase, which has its own backup.
    async fn new() -> Option<Self> {
        let ground = Ground::wanted_without_tables().await;
        let folder = tempfile::tempdir().unwrap();
        let variables = ground.variables();
        (!matches!(ground, Ground::PocketBase(_))).then_some(Self { folder, variables, _ground: ground })
    }

    fn settings(&self) -> impl Fn(&mut Command) + '_ {
        |command| {
            let scopes = [
                "profiles:write",
                "profiles:read",
                "files:read",
                "verification_history:write",
                "verification_history:read",
            ];
            let clients = json!([{"client_id": "tester", "client_secret": "secret", "scopes": scopes}]);
            command.env("JWT_CLIENTS_JSON", clients.to_string()).env("RUST_LOG", "warn,identivia::server=info");
            command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        }
    }

    fn start(&self) -> Running {
        Running::start(self.folder.path(), self.settings())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(self.folder.path(), |command| {
            self.settings()(command);
            command.args(arguments);
        })
    }

    #[track_caller]
    fn run_well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    #[track_caller]
    fn run_badly(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        said
    }

    fn is_sqlite(&self) -> bool {
        self.variables.is_empty()
    }
}

async fn patch_photo(http: &reqwest::Client, url: &str, token: &str, id: &str, shade: u8) -> Option<String> {
    let sending = http.patch(format!("{url}/api/profiles/{id}")).bearer_auth(token).multipart(photo_form(shade));
    let answer = sending.send().await.ok()?;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    Some(body["data"]["facial_photo"].as_str().unwrap().to_owned())
}

async fn add_record(http: &reqwest::Client, url: &str, token: &str, id: &str) {
    let sending = http.post(format!("{url}/api/verification_history/{id}")).bearer_auth(token);
    let answer = sending.multipart(passport_record_form()).send().await.unwrap();
    assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
}

/// Replaces photos and adds records until it is stopped.
struct Load {
    stop: Arc<AtomicBool>,
    writes: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    async fn start(server: &Running) -> Self {
        let (stop, writes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let http = reqwest::Client::new();
        let token = token(&http, server).await;
        let mut tasks = Vec::new();
        for worker in 0..4 {
            let id = profile(&http, server, &token, &format!("load-{worker}")).await;
            let (http, url, token) = (http.clone(), server.url.clone(), token.clone());
            let (stop, writes) = (stop.clone(), writes.clone());
            tasks.push(tokio::spawn(async move {
                for round in 0_u32.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    patch_photo(&http, &url, &token, &id, (round % 200) as u8).await;
                    if round % 4 == 0 {
                        add_record(&http, &url, &token, &id).await;
                    }
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        Self { stop, writes, tasks }
    }

    /// Waits, boundedly, for that many more writes.
    async fn await_writes(&self, count: usize) {
        let from = self.writes.load(Ordering::Relaxed);
        for _ in 0..12_000 {
            if self.writes.load(Ordering::Relaxed) >= from + count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("only {} writes", self.writes.load(Ordering::Relaxed) - from);
    }

    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.writes.load(Ordering::Relaxed)
    }
}

fn list_objects(backup: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(backup.join("objects")).unwrap().map(|entry| entry.unwrap().path());
    folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
}

fn list_snapshots(backup: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        std::fs::read_dir(backup.join("snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// R20.
#[tokio::test(flavor = "multi_thread")]
async fn r20_backup_under_load_is_restored_whole_and_served() {
    let Some(site) = Site::new().await else { return };
    let server = site.start();
    let load = Load::start(&server).await;
    // Every profile has a record by then.
    load.await_writes(40).await;
    let backup = site.folder.path().join("backup");
    let to = backup.to_str().unwrap();
    let args = ["backup", to, "--with-secrets"];
    let said = tokio::task::block_in_place(|| site.run_well(&args));
    assert!(said.contains("files (") && said.contains("snapshot "), "{said}");
    load.await_writes(20).await;
    // The name of a snapshot has seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let said = tokio::task::block_in_place(|| site.run_well(&args));
    let (total, new) = said.split_once(" files (").unwrap();
    let total: usize = total.rsplit(' ').next().unwrap().parse().unwrap();
    let new: usize = new.split_once("of which ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(new > 0 && new < total, "the second backup reads only new files: {said}");
    let writes = load.end().await;
    assert!(writes >= 60, "{writes}");
    let said = tokio::task::block_in_place(|| site.run_well(&["verify", "--backup", to]));
    assert!(said.contains("no fault found"), "{said}");
    server.stop();

    for snapshot in list_snapshots(&backup) {
        let name = snapshot.file_name().unwrap().to_str().unwrap().to_owned();
        let restored = Site::new().await.unwrap();
        let said = tokio::task::block_in_place(|| restored.run_well(&["restore", to, "--snapshot", &name]));
        assert!(said.contains("restored snapshot") && said.contains("restored system.key"), "{said}");
        let verify = ["verify", "--backup", to, "--snapshot", name.as_str()];
        // A dump is older than the list of files: what was sent between the two is left to the sweep.
        let said = tokio::task::block_in_place(|| restored.run_well(&verify));
        assert!(said.contains("no fault found") && said.contains("are the same as in the backup"), "{said}");
        let server = restored.start();
        let http = reqwest::Client::new();
        let token = token(&http, &server).await;
        let listed = http.get(format!("{}/api/profiles", server.url)).bearer_auth(&token).send().await.unwrap();
        let listed: Value = listed.json().await.unwrap();
        let profiles = listed["data"].as_array().unwrap();
        assert_eq!(profiles.len(), 4, "{listed}");
        for profile in profiles {
            let id = profile["id"].as_str().unwrap();
            let url = format!("{}/api/verification_history/{id}", server.url);
            let records: Value = http.get(url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
            let record = &records["data"][0];
            let name = record["facial_photo"].as_str().unwrap_or_else(|| panic!("{records}"));
            let path = format!("verification_history/{}/{name}", record["id"].as_str().unwrap());
            let got = http.get(format!("{}/api/files/{path}", server.url)).bearer_auth(&token).send().await.unwrap();
            assert_eq!(got.status(), 200, "{path}");
        }
        server.stop();
        let said = tokio::task::block_in_place(|| restored.run_badly(&["restore", to]));
        assert!(said.contains("restore to an empty"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_what_is_missing_changed_or_unnamed() {
    let Some(site) = Site::new().await else { return };
    if !site.is_sqlite() {
        return;
    }
    let server = site.start();
    let http = reqwest::Client::new();
    let token = token(&http, &server).await;
    let id = profile(&http, &server, &token, "one").await;
    let name = patch_photo(&http, &server.url, &token, &id, 1).await.unwrap();
    add_record(&http, &server.url, &token, &id).await;
    let backup = site.folder.path().join("backup");
    let to = backup.to_str().unwrap();
    let run_well = |arguments: &[&str]| tokio::task::block_in_place(|| site.run_well(arguments));
    let run_badly = |arguments: &[&str]| tokio::task::block_in_place(|| site.run_badly(arguments));
    run_well(&["backup", to]);
    assert!(!list_snapshots(&backup)[0].join("secrets").exists(), "keys only on request");
    assert!(run_well(&["verify", "--backup", to]).contains("no fault found"));

    let photo = site.folder.path().join(format!("data/files/profiles/{id}/{name}"));
    let bytes = std::fs::read(&photo).unwrap();
    // A copy that shares its bytes by a hard link must not change with it.
    std::fs::remove_file(&photo).unwrap();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&photo, &changed).unwrap();
    assert!(run_well(&["verify"]).contains("no fault found"), "records hold no hash");
    assert!(run_badly(&["verify", "--backup", to]).contains(&format!("differs    profiles/{id}/{name}")));
    std::fs::write(&photo, b"").unwrap();
    assert!(run_badly(&["verify"]).contains(&format!("empty      profiles/{id}/{name} (facial_photo)")));
    std::fs::remove_file(&photo).unwrap();
    assert!(run_badly(&["verify"]).contains(&format!("missing    profiles/{id}/{name} (facial_photo)")));
    let said = run_badly(&["backup", &format!("{to}-2")]);
    assert!(said.contains(&format!("missing  profiles/{id}/{name}")) && said.contains("lacks 1 files"), "{said}");
    std::fs::write(&photo, &bytes).unwrap();

    let orphan = photo.with_file_name("left_abcdefghij1.png");
    std::fs::write(&orphan, &bytes).unwrap();
    let said = run_badly(&["verify"]);
    assert!(said.contains("orphan     profiles/") && said.contains("left_abcdefghij1.png"), "{said}");
    std::fs::remove_file(orphan).unwrap();
    assert!(run_well(&["verify"]).contains("no fault found"));

    let object = list_objects(&backup).remove(0);
    std::fs::write(&object, b"damaged").unwrap();
    assert!(run_badly(&["verify", "--backup", to]).contains("damaged    "));
    server.stop();
    let empty = Site::new().await.unwrap();
    let said = tokio::task::block_in_place(|| empty.run_badly(&["restore", to]));
    assert!(said.contains("damaged"), "{said}");
    let said = tokio::task::block_in_place(|| empty.run_badly(&["restore", "/nowhere"]));
    assert!(said.contains("is no backup folder"), "{said}");
    let refused = run(empty.folder.path(), empty.settings());
    assert!(text(&refused.stderr).contains("and this one is new"), "a server does not start on half of a restore");
}

/// Litestream holds a read transaction, so that no other program resets the log, and copies the log's pages into the database
/// itself: <https://litestream.io/how-it-works/>.
#[tokio::test(flavor = "multi_thread")]
async fn reader_that_holds_the_log_like_litestream_stops_neither_writes_nor_backups() {
    let Some(site) = Site::new().await else { return };
    if !site.is_sqlite() {
        return;
    }
    let server = site.start();
    let database = rusqlite::Connection::open(site.folder.path().join("data/identivia.db")).unwrap();
    database.busy_timeout(Duration::from_secs(1)).unwrap();
    database.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    let hold = || {
        database.execute_batch("begin; select count(*) from profiles").unwrap();
    };
    hold();
    let load = Load::start(&server).await;
    load.await_writes(20).await;
    // Its own checkpoint: it lets go, copies the pages and holds the log again.
    database.execute_batch("commit").unwrap();
    database.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(())).unwrap();
    hold();
    load.await_writes(20).await;
    let backup = site.folder.path().join("backup");
    let to = backup.to_str().unwrap();
    let said = tokio::task::block_in_place(|| site.run_well(&["backup", to]));
    assert!(said.contains("snapshot "), "{said}");
    load.await_writes(20).await;
    database.execute_batch("commit").unwrap();
    load.end().await;
    assert!(tokio::task::block_in_place(|| site.run_well(&["verify", "--backup", to])).contains("no fault found"));
    server.stop();
}
