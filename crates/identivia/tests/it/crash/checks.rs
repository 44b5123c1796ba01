//! What must be true of a data folder after a kill: every acknowledged record and file is there, and no file that none names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use rusqlite::{Connection, OpenFlags};
use tokio::time::sleep;

use super::server::{Api, data_folder};
use super::{CLIENTS, FIELDS, Profile, Sha256, StoredFile, sha256};
use crate::world::GIVEN_UP_WITHIN;

/// A replaced file may go a moment after the answer, so the folder is given this long to match the database.
const SWEPT_WITHIN: Duration = GIVEN_UP_WITHIN;

/// Every field that names a file.
const FILE_FIELDS: [(&str, &[&str]); 2] = [
    ("profiles", &["document_front", "document_back", "facial_photo", "facial_video"]),
    ("verification_history", &["facial_photo", "document_front", "document_back"]),
];

/// Decides what came of the PATCH that was under way: it holds wholly or not at all, and without one nothing changed.
pub(super) fn settle_updates(profiles: &mut [Profile], folder: &Path) -> anyhow::Result<()> {
    let database = open_database(folder)?;
    for profile in profiles {
        let current = read_current_files(&database, &profile.id)?;
        let in_doubt = std::mem::take(&mut profile.in_doubt);
        let mut replaced = BTreeMap::new();
        for (field, name) in current {
            if name.as_ref() == profile.files.get(field).map(|file| &file.name) {
                continue;
            }
            let (Some(name), Some(sha256)) = (name, in_doubt.get(field)) else {
                bail!("profile {}: {field} is not the acknowledged one", profile.id);
            };
            replaced.insert(field, StoredFile { name, sha256: sha256.clone() });
        }
        let whole = replaced.is_empty() || replaced.len() == in_doubt.len();
        ensure!(whole, "profile {}: an unanswered update took place in part", profile.id);
        profile.files.extend(replaced);
    }
    Ok(())
}

pub(crate) fn read_current_files(
    database: &Connection,
    id: &str,
) -> anyhow::Result<Vec<(&'static str, Option<String>)>> {
    let fields = FIELDS.map(|field| format!("body ->> '{field}'"));
    let query = format!("select {} from profiles where id = $1", fields.join(", "));
    let names = database.query_row(&query, [id], |row| {
        FIELDS.iter().enumerate().map(|(column, field)| Ok((*field, file_name(row.get(column)?)))).collect()
    });
    names.with_context(|| format!("profile {id} was acknowledged and is gone"))
}

pub(super) async fn check<'a>(api: &Api, profiles: impl Iterator<Item = &'a Profile>) -> anyhow::Result<()> {
    stream::iter(profiles).map(Ok).try_for_each_concurrent(CLIENTS, |profile| check_profile(api, profile)).await
}

async fn check_profile(api: &Api, profile: &Profile) -> anyhow::Result<()> {
    let id = &profile.id;
    api.get(&format!("/api/profiles/{id}")).await?;
    let status_records = api.listed_ids(&format!("/api/status_history/{id}")).await?;
    for record in &profile.status_records {
        ensure!(status_records.contains(record), "status record {record} of profile {id} was acknowledged and is gone");
    }
    let verifications = api.listed_ids(&format!("/api/verification_history/{id}")).await?;
    for record in &profile.verifications {
        ensure!(
            verifications.contains(&record.id),
            "verification {} of profile {id} was acknowledged and is gone",
            record.id
        );
        for file in &record.files {
            check_file(api, &format!("verification_history/{}/{}", record.id, file.name), &file.sha256).await?;
        }
    }
    for file in profile.files.values() {
        check_file(api, &format!("profiles/{id}/{}", file.name), &file.sha256).await?;
    }
    Ok(())
}

pub(crate) async fn check_file(api: &Api, path: &str, expected: &Sha256) -> anyhow::Result<()> {
    let bytes = api.get(&format!("/api/files/{path}")).await?;
    ensure!(sha256(&bytes) == *expected, "{path}: {} bytes, not the ones that were sent", bytes.len());
    Ok(())
}

/// Waits until the files on disk are those that records name: no more, no fewer.
pub(crate) async fn check_folder(folder: &Path) -> anyhow::Result<()> {
    let files = data_folder(folder).join("files");
    let deadline = Instant::now() + SWEPT_WITHIN;
    loop {
        let (on_disk, named) = (list_files_on_disk(&files)?, list_named_files(&open_database(folder)?)?);
        if on_disk == named {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "on disk but named by no record: {:?}; named by a record but not on disk: {:?}",
            on_disk.difference(&named).collect::<Vec<_>>(),
            named.difference(&on_disk).collect::<Vec<_>>()
        );
        sleep(Duration::from_millis(100)).await;
    }
}

fn list_files_on_disk(root: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder that the sweeper has just removed holds nothing.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry?;
            if entry.file_name() == "store-marker" {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(root)?.to_owned());
            }
        }
    }
    Ok(found)
}

fn list_named_files(database: &Connection) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut named = BTreeSet::new();
    for (collection, fields) in FILE_FIELDS {
        for field in fields {
            let mut query = database.prepare(&format!("select id, body ->> '{field}' from {collection}"))?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let id: String = row.get(0)?;
                named.extend(file_name(row.get(1)?).map(|name| Path::new(collection).join(id).join(name)));
            }
        }
    }
    Ok(named)
}

/// A field of files holds a bare name; null or empty means that there is none.
fn file_name(field: Option<String>) -> Option<String> {
    field.filter(|name| !name.is_empty())
}

/// The server's own database, beside it: no endpoint tells which files a profile has.
pub(crate) fn open_database(folder: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(data_folder(folder).join("identivia.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)
}
