//! `POST /api/health/providers/{name}/test`: makes one harmless call to a provider, and says in plain words what came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::provider_test_turns::ProviderTestTurns;
use crate::providers::http_call::ProviderError;

/// The longest time that a test takes.
const TEST_TIMEOUT: Duration = Duration::from_secs(15);

/// What can be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Provider {
    /// AWS Rekognition, where it judges liveness.
    Liveness,
    /// The OpenAI-compatible reader of documents.
    DocumentReader,
    Fingerprint,
    /// The SMTP server. No e-mail is sent.
    Mail,
    /// SQLite, PostgreSQL or PocketBase.
    Records,
    /// The folder, the bucket or PocketBase's file fields.
    Files,
}

impl Provider {
    const ALL: [Self; 6] =
        [Self::Liveness, Self::DocumentReader, Self::Fingerprint, Self::Mail, Self::Records, Self::Files];

    const fn word(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::DocumentReader => "document_reader",
            Self::Fingerprint => "fingerprint",
            Self::Mail => "mail",
            Self::Records => "records",
            Self::Files => "files",
        }
    }

    /// The settings to look at when it does not answer as it should.
    const fn settings(self) -> &'static str {
        match self {
            Self::Liveness => {
                "AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what that key is allowed (docs/providers.md)"
            }
            Self::DocumentReader => "OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL",
            Self::Fingerprint => "FINGERPRINT_BASE_URL and FINGERPRINT_SECRET_KEY",
            Self::Mail => "SMTP_URL, MAIL_FROM and SMTP_CA_FILE",
            Self::Records => "DATABASE_URL, POCKETBASE_URL or the disk of DATA_DIR",
            Self::Files => "FILES_URL and the AWS settings, POCKETBASE_URL, or the disk of DATA_DIR",
        }
    }
}

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TestResult {
    /// It answers, and accepts our credentials.
    Ok,
    Failed,
    /// Nothing was called: it is not set up, or this server does the work itself.
    NotConfigured,
}

/// A test of a provider.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"provider": "mail", "result": "failed", "duration_ms": 41, "problem": "it cannot be reached",
    "remedy": "Check SMTP_URL, MAIL_FROM and SMTP_CA_FILE; the log of this server has the cause"}))]
pub(crate) struct ProviderTest {
    provider: Provider,
    result: TestResult,
    /// How long the call took, in milliseconds.
    duration_ms: u64,
    /// What went wrong, in our words: never what the provider wrote.
    #[schema(required = true)]
    problem: Option<String>,
    /// What to do about it.
    #[schema(required = true)]
    remedy: Option<String>,
}

/// The answer to a test.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderTestResponse {
    success: bool,
    data: ProviderTest,
}

/// Test a provider
///
/// Makes one harmless call: nothing is sent to a person, and no document is read. One test of a provider runs at a time, and one
/// begins in ten seconds.
#[utoipa::path(post, path = "/api/health/providers/{name}/test", tag = "Health", operation_id = "testProvider",
    security(("machine" = ["settings:write"]), ("consoleSession" = ["settings:write"])),
    params(("name" = Provider, Path, description = "What is tested")),
    responses(
        (status = 200, description = "What came of it", body = ProviderTestResponse),
        (status = 404, description = "No such provider", body = ErrorBody),
        (status = 429, description = "It was tested just now", body = ErrorBody),
    ))]
pub(crate) async fn test_provider(
    State(app): State<Arc<App>>,
    State(turns): State<ProviderTestTurns>,
    Path(name): Path<String>,
) -> Result<Json<ProviderTestResponse>, ApiError> {
    let provider = Provider::ALL.into_iter().find(|provider| provider.word() == name).ok_or_else(unknown_provider)?;
    let started = Instant::now();
    let _running = turns.begin(provider.word(), started).map_err(too_soon)?;
    let outcome = timeout(TEST_TIMEOUT, call_provider(&app, provider)).await.unwrap_or(Some(Err(Problem::timeout())));
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (result, problem) = match outcome {
        None => (TestResult::NotConfigured, None),
        Some(Ok(())) => (TestResult::Ok, None),
        Some(Err(problem)) => (TestResult::Failed, Some(problem)),
    };
    let remedy = problem.as_ref().map(|problem| match problem.heals {
        true => "Wait a minute and test again".to_owned(),
        false => format!("Check {}; the log of this server has the cause", provider.settings()),
    });
    let problem = problem.map(|problem| problem.text);
    Ok(Json(ProviderTestResponse {
        success: true,
        data: ProviderTest { provider, result, duration_ms, problem, remedy },
    }))
}

/// What went wrong.
struct Problem {
    text: String,
    /// Whether it goes away by itself.
    heals: bool,
}

impl Problem {
    fn timeout() -> Self {
        Self { text: ProviderError::Timeout.to_string(), heals: false }
    }
}

impl From<ProviderError> for Problem {
    fn from(error: ProviderError) -> Self {
        let heals = matches!(error, ProviderError::Busy | ProviderError::Overloaded(_) | ProviderError::RateLimited(_));
        Self { text: error.to_string(), heals }
    }
}

/// Calls a provider once; `None` where there is none to call.
async fn call_provider(app: &App, provider: Provider) -> Option<Result<(), Problem>> {
    let called = match provider {
        Provider::Liveness => {
            app.liveness.provider().browser_endpoint()?;
            app.liveness.provider().check_health().await
        }
        Provider::DocumentReader if app.reader.is_local() || app.reader.is_off() => return None,
        Provider::DocumentReader => app.reader.check_health().await,
        Provider::Fingerprint => app.fingerprint.as_ref()?.check_health().await,
        Provider::Mail => app.staff_mail.check_server().await?,
        Provider::Records => {
            return Some(report_storage(app.store.check_ready().await, "records cannot be read or written"));
        }
        Provider::Files => return Some(report_storage(app.files.check_writable().await, "files cannot be written")),
    };
    Some(called.map_err(|error| {
        tracing::warn!(provider = provider.word(), %error, "a provider fails its test");
        error.into()
    }))
}

/// A storage's own text may name hosts and paths: it is for the log alone.
fn report_storage<E: std::fmt::Display>(checked: Result<(), E>, problem: &str) -> Result<(), Problem> {
    checked.map_err(|error| {
        tracing::warn!(%error, problem, "a storage fails its test");
        Problem { text: problem.to_owned(), heals: false }
    })
}

fn unknown_provider() -> ApiError {
    ApiError::not_found(
        "Provider cannot be tested",
        "The providers are liveness, document_reader, fingerprint, mail, records and files",
    )
}

fn too_soon(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Provider was tested just now")
        .with_message("One test of a provider runs at a time, and one begins in ten seconds")
        .retry_after(seconds)
}
