//! How much memory large uploads take, and how much of it the server still holds a minute later.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use tokio::time::sleep;

use crate::connection::Connection;
use crate::load::{build_upload_request, create_profile, draw_largest_jpeg, sign_in_client};
use crate::process::Process;

/// Uploads at once.
const UPLOADS: usize = 64;
/// How long the server may take to give memory back.
const REST: Duration = Duration::from_secs(60);
/// The most memory during the uploads and after the rest, in megabytes.
const AIMS: [f64; 2] = [250.0, 100.0];

/// Prints the server's memory before, during and after the uploads.
pub(crate) async fn measure_memory(parent: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(parent)?;
    let server = Process::start_server(folder.path(), &BTreeMap::new()).await?;
    let mut connection = Connection::open(server.address).await?;
    let bearer = sign_in_client(&mut connection).await?;
    let picture = draw_largest_jpeg()?;
    let mut requests = Vec::new();
    for serial in 0..UPLOADS {
        let profile = create_profile(&mut connection, &bearer, serial).await?;
        requests.push(build_upload_request(&profile, &bearer, &picture));
    }
    println!("{UPLOADS} uploads of {:.1} MB at once; MB of memory", picture.len() as f64 / 1e6);
    println!("{:<32}{:>9.0}", "before", server.memory()?);
    let uploads = requests.into_iter().map(|request| {
        let address = server.address;
        tokio::spawn(async move { Connection::open(address).await?.exchange(&request).await })
    });
    let (mut stored, mut postponed) = (0, 0);
    for upload in uploads.collect::<Vec<_>>() {
        match upload.await??.status {
            200 => stored += 1,
            429 | 503 => postponed += 1,
            status => anyhow::bail!("an upload was answered with {status}"),
        }
    }
    ensure!(stored > 0, "no upload was stored");
    println!("{stored} were stored, {postponed} were asked to come again");
    print_memory("most", server.peak_memory()?, AIMS[0]);
    sleep(REST).await;
    print_memory("a minute later", server.memory()?, AIMS[1]);
    Ok(())
}

fn print_memory(name: &str, megabytes: f64, aim: f64) {
    let verdict = if megabytes <= aim { "ok" } else { "MISSED" };
    println!("{name:<32}{megabytes:>9.0}   aim <= {aim:.0}   {verdict}");
}
