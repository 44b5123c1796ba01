//! Whether the service is well: a detailed report for operators, and three probes that tell nothing of the inside.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::readiness::{NotReady, Readiness};

/// The detailed report.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "status": "OK", "service": "Identivia Integration API with AWS Face Liveness",
    "timestamp": "2026-03-21T00:00:00.000Z", "uptime": 12345.67,
    "memory": {"rss": "120 MB", "heapTotal": "60 MB", "heapUsed": "45 MB"},
    "pocketbase_status": "authenticated", "pocketbase_url": "https://pocketbase.identivia.com",
    "pocketbase_user_email": "admin@example.com", "aws_faceliveness_status": "configured",
    "openai_model": "o4-mini", "openai_status": "configured", "faceliveness_threshold": 75,
    "fingerprint_status": "configured", "liveness_provider": "aws", "document_reader": "openai",
}))]
pub(crate) struct HealthReport {
    /// `OK`, or `DEGRADED` when `/readyz` is red.
    status: &'static str,
    service: &'static str,
    timestamp: String,
    /// Seconds since the start.
    uptime: f64,
    memory: Memory,
    /// `authenticated`, `unauthenticated`, `unreachable` or `not_configured`.
    pocketbase_status: &'static str,
    #[schema(required = true)]
    pocketbase_url: Option<String>,
    #[schema(required = true)]
    pocketbase_user_email: Option<String>,
    /// `configured`, `not_configured` or, when the provider does not answer as it should, `error`; so are the two below.
    aws_faceliveness_status: &'static str,
    openai_model: String,
    openai_status: &'static str,
    #[schema(value_type = f64)]
    faceliveness_threshold: Number,
    fingerprint_status: &'static str,
    /// `aws`, `local` or `off`.
    liveness_provider: &'static str,
    /// `openai`, `local` or `off`.
    document_reader: &'static str,
}

/// Memory of this process, from the system; `unknown` where it does not tell.
#[derive(Serialize, ToSchema)]
#[schema(as = MemoryUse)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memory {
    /// Resident memory (`VmRSS`).
    rss: String,
    /// Address space for data (`VmData`).
    heap_total: String,
    /// Resident memory that no file backs (`RssAnon`).
    heap_used: String,
}

/// A probe's answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "OK"}))]
pub(crate) struct Probe {
    status: &'static str,
}

/// Detailed health report
///
/// A browser without a token is sent to `/docs`.
#[utoipa::path(get, path = "/", tag = "Health", security(("machine" = ["health:read"]), ("consoleSession" = ["health:read"])),
    responses((status = 200, description = "The report", body = HealthReport)))]
pub(crate) async fn get_health_report(
    State(app): State<Arc<App>>,
    State(readiness): State<Arc<Readiness>>,
) -> Json<HealthReport> {
    let pocketbase = app.pocketbase.as_deref();
    let pocketbase_status = match pocketbase {
        Some(pocketbase) => pocketbase.connection_state().await.word(),
        None => "not_configured",
    };
    let uses_aws = app.liveness.provider().browser_endpoint().is_some();
    let uses_openai = !app.reader.is_local() && !app.reader.is_off();
    let (liveness, openai, fingerprint) = tokio::join!(
        provider_status(uses_aws.then(|| app.liveness.is_provider_healthy())),
        provider_status(uses_openai.then(|| {
            let reader = app.reader.clone();
            app.health.reader.is_healthy(async move { reader.check_health().await })
        })),
        provider_status(app.fingerprint.as_ref().map(|fingerprint| fingerprint.is_healthy())),
    );
    let uptime = (app.health.started.elapsed().as_secs_f64() * 100.0).round() / 100.0;
    Json(HealthReport {
        status: if check_readiness(&app, &readiness).await.is_ok() { "OK" } else { "DEGRADED" },
        service: "Identivia Integration API with AWS Face Liveness",
        timestamp: app.clock.now().rfc3339(),
        uptime,
        memory: read_memory(),
        pocketbase_status,
        pocketbase_url: pocketbase.map(|pocketbase| pocketbase.account().url.clone()),
        pocketbase_user_email: pocketbase.map(|pocketbase| pocketbase.account().email.clone()),
        aws_faceliveness_status: liveness,
        openai_model: app.health.openai_model.clone(),
        openai_status: openai,
        faceliveness_threshold: to_plain_number(app.liveness.rule().threshold),
        fingerprint_status: fingerprint,
        liveness_provider: app.liveness.provider().word(),
        document_reader: app.reader.word(),
    })
}

/// Whether the server answers
///
/// It says nothing of the stores behind it.
#[utoipa::path(get, path = "/health", tag = "Health", security(()),
    responses((status = 200, description = "It does", body = Probe)))]
pub(crate) async fn get_health() -> Json<Probe> {
    Json(Probe { status: "OK" })
}

/// Whether the process lives
///
/// Restart it when this fails.
#[utoipa::path(get, path = "/livez", tag = "Health", security(()),
    responses((status = 200, description = "It does", body = Probe)))]
pub(crate) async fn get_livez() -> Json<Probe> {
    Json(Probe { status: "OK" })
}

/// The answer of a server that can serve requests.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "OK"}))]
#[schema(as = Readiness)]
pub(crate) struct ReadyAnswer {
    status: &'static str,
    /// What an operator should look at, though requests are served: `webhooks_late` (see `docs/webhooks.md`). Left out where
    /// there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<&'static str>,
}

/// Whether requests can be served
///
/// Send no traffic while this fails. The answer comes within two seconds, also when a store hangs.
#[utoipa::path(get, path = "/readyz", tag = "Health", security(()),
    responses((status = 200, description = "They can", body = ReadyAnswer),
              (status = 503, description = "Records or files cannot be read or written", body = ErrorBody)))]
pub(crate) async fn get_readyz(
    State(app): State<Arc<App>>,
    State(readiness): State<Arc<Readiness>>,
) -> Result<Json<ReadyAnswer>, ApiError> {
    match check_readiness(&app, &readiness).await {
        Ok(()) => {
            let warnings = app.webhooks.is_late().then_some("webhooks_late");
            Ok(Json(ReadyAnswer { status: "OK", warnings: warnings.into_iter().collect() }))
        }
        Err(error) => {
            Err(ApiError::unavailable("Records or files cannot be read or written; the log says why").with_cause(error))
        }
    }
}

/// A number without a needless fraction: `75`, not `75.0`.
fn to_plain_number(number: f64) -> Number {
    let text = number.to_string();
    text.parse().unwrap_or_else(|_| Number::from(0))
}

/// A provider's word in the report, by a look at it that is half a minute old at most.
async fn provider_status(look: Option<impl Future<Output = bool>>) -> &'static str {
    let Some(look) = look else { return "not_configured" };
    if look.await { "configured" } else { "error" }
}

async fn check_readiness(app: &App, readiness: &Readiness) -> Result<(), NotReady> {
    readiness.check(&app.store, &app.files).await
}

fn read_memory() -> Memory {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{} MB", kib.div_ceil(1_024)))
    };
    Memory { rss: field("VmRSS"), heap_total: field("VmData"), heap_used: field("RssAnon") }
}
