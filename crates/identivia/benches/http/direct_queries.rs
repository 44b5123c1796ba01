//! What PostgreSQL gives without our server: single statements through the library's own pool of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::measure::{Figures, Tally, WARM_UP, Window, compute_figures};
use crate::process::read_cpu_time;

/// As many as the server keeps when nothing else is set (`DATABASE_CONNECTIONS`).
const SERVERS_CONNECTIONS: u32 = 16;

/// What the server asks for `GET /api/profiles/:id`.
const SELECT: &str = "\
    select p.*, v.* from profiles p left join verification_history v on v.id = p.newest_verification where p.id = $1";

/// A new profile, without the audit event that the server adds.
const INSERT: &str = "\
    insert into raw_profiles (id, team, user_id, name, document_number, country, email, verification_status, created, \
        updated, body) \
    values ($1, '', $1, 'John Doe', 'A12345678', 'US', 'john@example.com', 'unverified', 1, 1, \
        '{\"document_type\":\"passport\",\"security_level\":\"high\",\"language\":\"en\"}')";

#[derive(Clone, Copy)]
pub(crate) enum DirectQuery {
    Select,
    Insert,
}

pub(crate) struct DirectQueries {
    pool: PgPool,
    profiles: Vec<String>,
    serial: AtomicU64,
}

impl DirectQueries {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Arc<Self>> {
        // It still asks the server once more whenever a connection comes back.
        let pool = PgPoolOptions::new().max_connections(SERVERS_CONNECTIONS).test_before_acquire(false).connect(url);
        let pool = pool.await?;
        sqlx::query("create table raw_profiles (like profiles including all)").execute(&pool).await?;
        let profiles = sqlx::query_scalar("select id from profiles where newest_verification is not null limit 64");
        let profiles = profiles.fetch_all(&pool).await?;
        Ok(Arc::new(Self { pool, profiles, serial: AtomicU64::new(1) }))
    }

    pub(crate) async fn measure(
        self: &Arc<Self>,
        work: DirectQuery,
        drivers: usize,
        length: Duration,
    ) -> anyhow::Result<Figures> {
        let start = Instant::now() + WARM_UP;
        let window = Window { start, end: start + length };
        let mut driving = JoinSet::new();
        for driver in 0..drivers {
            let raw = Arc::clone(self);
            driving.spawn(async move { raw.drive_queries(work, driver, window).await });
        }
        sleep_until(window.start.into()).await;
        let cpu = read_cpu_time("self")?;
        sleep_until(window.end.into()).await;
        let cpu = read_cpu_time("self")? - cpu;
        let mut tally = Tally::default();
        for driven in driving.join_all().await {
            tally = tally.merge(driven?);
        }
        compute_figures(tally, length, cpu, cpu.as_secs_f64() / length.as_secs_f64(), 0.0)
    }

    async fn drive_queries(&self, work: DirectQuery, driver: usize, window: Window) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let mut next = driver;
        while Instant::now() < window.end {
            let sent = Instant::now();
            match work {
                DirectQuery::Select => {
                    next += 1;
                    let id = self.profiles.get(next % self.profiles.len()).context("no profiles")?;
                    sqlx::query(SELECT).bind(id).fetch_one(&self.pool).await?;
                }
                DirectQuery::Insert => {
                    let id = format!("{:015}", self.serial.fetch_add(1, Ordering::Relaxed));
                    sqlx::query(INSERT).bind(id).execute(&self.pool).await?;
                }
            }
            let answered = Instant::now();
            if answered >= window.start && answered <= window.end {
                tally.latencies.push(answered - sent);
            }
        }
        Ok(tally)
    }
}
