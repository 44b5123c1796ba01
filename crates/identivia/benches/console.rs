//! Times of the console with many rows: 100,000 reviews and 1,000,000 profiles, over HTTP: `make bench-console`.
//!
//! The rows are inserted by SQL before the server starts, with a spread over teams, states, countries and findings. Each line is
//! one request, sent 30 times, one after the other: the median, the longest, and the aim. `STORE=postgres` measures the same on
//! PostgreSQL, in a cluster that goes with this program.
//!
//! `CONSOLE_REVIEWS` and `CONSOLE_PROFILES` are the numbers of rows. A missed aim is printed and no failure; a request that fails is
//! one.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

#[path = "console/calls.rs"]
mod calls;
#[path = "console/database.rs"]
mod database;
#[path = "console/fill.rs"]
mod fill;
#[path = "http/server_binary.rs"]
mod server_binary;
#[path = "console/stage.rs"]
mod stage;
#[path = "console/totals.rs"]
mod totals;

use std::env;

use identivia::records::console_user::ConsoleRole;

use crate::calls::Caller;
use crate::database::Database;
use crate::fill::{Rows, fill_database};
use crate::stage::{RunningServer, Service, add_people, create_folder, read_load};

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without asking for a measurement.
    if !env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure_console())
}

async fn measure_console() -> anyhow::Result<()> {
    let number = |name: &str, usual: u64| env::var(name).map_or(Ok(usual), |text| text.parse());
    let now = identivia::clock::Clock::default().now();
    let rows =
        Rows { reviews: number("CONSOLE_REVIEWS", 100_000)?, profiles: number("CONSOLE_PROFILES", 1_000_000)?, now };
    let folder = create_folder()?;
    let data = folder.path().join("data");
    let service = Service::start(folder.path())?;
    let url = service.variables.get("DATABASE_URL");
    let people = vec![
        ("every team", ConsoleRole::Admin, None),
        ("two teams", ConsoleRole::Reviewer, Some(vec!["team-3".to_owned(), "team-4".to_owned()])),
    ];
    let callers = add_people(url, &data, people, now).await?;
    fill_database(&Database::find(url, &data), &rows).await?;

    let server = RunningServer::start(url, &data).await?;
    println!("{} reviews, {} profiles, load average {}", rows.reviews, rows.profiles, read_load());
    let callers = callers.into_iter().map(|(name, token)| Caller::new(name, &server.base, &token));
    let callers = callers.collect::<anyhow::Result<Vec<_>>>()?;
    for caller in &callers {
        calls::measure_queue(caller, now).await?;
    }
    for caller in &callers {
        calls::measure_reports(caller, now).await?;
    }
    println!("load average at the end {}", read_load());
    Ok(())
}
