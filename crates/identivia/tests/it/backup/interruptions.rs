//! Backups that are killed or begun twice.

use std::path::{Path, PathBuf};

use super::{Site, list_objects, list_snapshots, patch_photo};
use crate::command::{profile, run, text, token};
use crate::step_killer::{StepKiller, choose_steps};

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_backup_goes_on_and_others_wait() {
    let Some(site) = Site::new().await else { return };
    let server = site.start();
    let http = reqwest::Client::new();
    let token = token(&http, &server).await;
    for number in 0..3 {
        let id = profile(&http, &server, &token, &format!("p{number}")).await;
        patch_photo(&http, &server.url, &token, &id, number).await.unwrap();
    }
    let backup = site.folder.path().join("backup");
    let to = backup.to_str().unwrap();
    let run_well = |arguments: &[&str]| tokio::task::block_in_place(|| site.run_well(arguments));
    assert!(run_well(&["backup", to]).contains("3 files"));
    // As after a kill: no snapshot, one object missing, a begun snapshot left behind.
    let snapshot = list_snapshots(&backup).remove(0);
    std::fs::rename(&snapshot, backup.join("snapshots/.incomplete")).unwrap();
    std::fs::remove_file(list_objects(&backup).remove(0)).unwrap();
    let said = tokio::task::block_in_place(|| site.run_badly(&["verify", "--backup", to]));
    assert!(said.contains("no complete snapshot"), "{said}");
    let said = run_well(&["backup", to]);
    assert!(said.contains("3 files") && said.contains("of which 1 are new"), "{said}");
    assert_eq!(list_snapshots(&backup).len(), 1);
    assert!(run_well(&["verify", "--backup", to]).contains("no fault found"));

    let lock = std::fs::OpenOptions::new().write(true).open(backup.join("lock")).unwrap();
    lock.lock().unwrap();
    let said = tokio::task::block_in_place(|| site.run_badly(&["backup", to]));
    assert!(said.contains("another backup to"), "{said}");
    let filled = site.folder.path().to_str().unwrap().to_owned();
    let said = tokio::task::block_in_place(|| site.run_badly(&["backup", &filled]));
    assert!(said.contains("neither empty nor a backup folder"), "{said}");
    server.stop();
}

/// Every entry below a folder.
fn list_entries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(list_entries(&path));
        }
        found.push(path);
    }
    found
}

/// Fault: files that were not whole had temporary names, and a killed backup left them behind.
#[tokio::test(flavor = "multi_thread")]
async fn killed_backup_leaves_no_temporary_file_and_the_next_one_is_whole() {
    let Some(site) = Site::new().await else { return };
    if !site.is_sqlite() {
        return;
    }
    let Some(killer) = StepKiller::build("killed_backup_leaves_no_temporary_file_and_the_next_one_is_whole") else {
        return;
    };
    let server = site.start();
    let http = reqwest::Client::new();
    let token = token(&http, &server).await;
    for number in 0..3 {
        let id = profile(&http, &server, &token, &format!("p{number}")).await;
        patch_photo(&http, &server.url, &token, &id, number).await.unwrap();
    }
    server.stop();
    let back_up = |backup: &Path, kill_at: i64| {
        killer.kill_at(kill_at);
        run(site.folder.path(), |command| {
            site.settings()(command);
            killer.watch(command);
            command.arg("backup").arg(backup);
        })
    };
    const NEVER: i64 = 1_000_000;
    let count_steps = |name: &str| {
        let whole = tokio::task::block_in_place(|| back_up(&site.folder.path().join(name), NEVER));
        assert!(whole.status.success(), "{}", text(&whole.stderr));
        NEVER - killer.steps_left()
    };
    // On a busy machine a run has some steps more: with the smaller count, nearly every chosen step is reached.
    let total = count_steps("whole").min(count_steps("whole-again"));
    assert!(total > 10, "{total}");
    let backup = site.folder.path().join("backup");
    let (mut kills, mut kept_objects) = (0, 0);
    for step in choose_steps(total, 12) {
        let _ = std::fs::remove_dir_all(&backup);
        let killed = tokio::task::block_in_place(|| back_up(&backup, step));
        kills += usize::from(killed.status.code().is_none());
        let left = if backup.exists() { list_entries(&backup) } else { Vec::new() };
        let is_temporary = |path: &&PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(".new-");
        assert_eq!(left.iter().find(is_temporary), None, "step {step} of {total}");
        kept_objects += left.iter().filter(|path| path.file_name().unwrap().len() == 64).count();
        // The last steps make it whole; within the same second there can be no other snapshot.
        let is_whole =
            left.iter().any(|path| path.ends_with("snapshot.json") && !path.to_str().unwrap().contains(".incomplete"));
        if !is_whole {
            let said = tokio::task::block_in_place(|| site.run_well(&["backup", backup.to_str().unwrap()]));
            assert!(said.contains("3 files"), "{said}");
        }
        let verify = ["verify", "--backup", backup.to_str().unwrap()];
        assert!(tokio::task::block_in_place(|| site.run_well(&verify)).contains("no fault found"), "step {step}");
    }
    assert!(kills >= 6 && kept_objects > 0, "{kills} kills, some of them after the first file: {kept_objects}");
}
