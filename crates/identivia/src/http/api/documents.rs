//! Reading a document: the picture is checked and handed to the reader, and its word handed on. It decides nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::checks::Finding;
use crate::domain::profile::FileField;
use crate::domain::reading::{DocumentFields, Hints, Reading, Usage};
use crate::domain::token::CallerKind;
use crate::http::body::form::{self, Destination, Scratch};
use crate::http::body::json::{Checks, Raw};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::access::{By, Whole};
use crate::http::guard::provider_quotas::{self, Asked};
use crate::providers::documents::{Picture, Sides};
use crate::providers::http_call::ProviderError;

/// The files that are taken.
const SIDES: [FileField; 2] = [FileField::DocumentFront, FileField::DocumentBack];

/// Hints for the reader, beside the picture.
#[derive(Deserialize)]
struct HintFields {
    #[serde(default)]
    document_type_hint: Raw,
    #[serde(default)]
    document_number_hint: Raw,
    #[serde(default)]
    full_name_hint: Raw,
}

/// Pictures of a document: JPEG, PNG or WebP of at most 10 MiB and 50 megapixels.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the API's description; `form` reads it part by part")]
pub(crate) struct AnalysisForm {
    #[schema(value_type = String, format = Binary)]
    document_front: Raw,
    /// Of a card: what its barcode says is read too, and held against the front.
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    document_back: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_type_hint: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number_hint: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    full_name_hint: Raw,
}

/// What the reader found.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "model": "o4-mini", "analysis": "{ ... raw JSON string ... }",
    "analysis_json": {
        "name": "John Doe", "document_number": "A12345678", "country": "US", "document_type": "passport", "address": "",
        "gender": "male", "date_of_birth": "1990-01-15 00:00:00.000Z", "authenticity": "authentic",
    },
    "verification_history_fields": {
        "name": "John Doe", "document_number": "A12345678", "country": "US", "address": null, "gender": "male",
        "date_of_birth": "1990-01-15",
    },
    "document": {"name": "passport.jpg", "mimetype": "image/jpeg", "size": 102_400},
    "usage": {"prompt_tokens": 500, "completion_tokens": 120, "total_tokens": 620}, "findings": [],
}}))]
pub(crate) struct AnalysisResponse {
    success: bool,
    data: Analysis,
}

#[derive(Serialize, ToSchema)]
struct Analysis {
    model: String,
    /// The reader's own JSON, as text.
    analysis: String,
    analysis_json: DocumentFields,
    verification_history_fields: RecordFields,
    document: DocumentFile,
    usage: Usage,
    /// What the local reader looked at, one by one; empty where a language model has read.
    findings: Vec<Finding>,
}

/// The fields in the form that `POST /api/verification_history/{id}` takes; `null` where nothing was found.
#[derive(Serialize, ToSchema)]
struct RecordFields {
    name: Option<String>,
    document_number: Option<String>,
    country: Option<String>,
    address: Option<String>,
    gender: Option<String>,
    /// `YYYY-MM-DD`.
    date_of_birth: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct DocumentFile {
    name: String,
    mimetype: &'static str,
    /// Bytes.
    size: u64,
}

/// Analyse an identity document
#[utoipa::path(post, path = "/api/ollama/document-analysis", tag = "Documents",
    security(("machine" = ["documents:analyze"]), ("flow" = ["documents:analyze"])),
    request_body(content = AnalysisForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What the reader found", body = AnalysisResponse),
        (status = 429, description = "A link has had too many documents read; see `Retry-After`", body = ErrorBody),
        (status = 502, description = "The reader failed, or its answer breaks the schema", body = ErrorBody),
        (status = 503, description = "The reader asks for patience; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn analyze_document(
    State(app): State<Arc<App>>,
    by: By,
    request: Whole,
) -> Result<Json<AnalysisResponse>, ApiError> {
    if let CallerKind::Flow { profile } = by.caller.kind {
        by.writable(&app, profile).await?;
    }
    let mut received = form::read(request, &app.files, &SIDES, Destination::Scratch).await?;
    let fields: HintFields = received.body(&[])?;
    let front = received.scratch(FileField::DocumentFront);
    let back = received.scratch(FileField::DocumentBack).map(|scratch| picture(scratch).0);
    let hints = hints(fields, received.checks, front.is_some())?;
    provider_quotas::take(&app, &by, Asked::Reading).await?;
    let (front, document) = picture(front.ok_or_else(|| ApiError::missing(vec!["document_front"]))?);
    let held = (app.quotas.reading(&by)?, if app.uses.openai { None } else { app.quotas.engines(&by)? });
    let reader = app.reader.clone();
    // In a task of its own, so that the places are held for as long as it takes, whether or not the browser waits.
    let reading = tokio::spawn(async move {
        let _held = held;
        reader.read(Sides { front, back }, &hints).await
    });
    let reading = reading.await.unwrap_or_else(|_| Err(ProviderError::failed("the reading broke off")));
    let advice = "Try again, or type the fields in";
    let reading = reading.map_err(|error| ApiError::of_provider("Document reader", advice, error))?;
    Ok(Json(AnalysisResponse { success: true, data: analysis(reading, document) }))
}

fn hints(fields: HintFields, mut checks: Checks, document_sent: bool) -> Result<Hints, ApiError> {
    let hints = Hints {
        document_type: checks.line("document_type_hint", fields.document_type_hint),
        document_number: checks.line("document_number_hint", fields.document_number_hint),
        full_name: checks.line("full_name_hint", fields.full_name_hint),
    };
    if !document_sent && !checks.is_wrong("document_front") {
        checks.missing("document_front");
    }
    checks.finish()?;
    Ok(hints)
}

fn picture(scratch: Scratch) -> (Picture, DocumentFile) {
    let Scratch { file, client_name, media, length, pixels } = scratch;
    let document = DocumentFile { name: client_name, mimetype: media.mime(), size: length };
    (Picture { file, media, pixels }, document)
}

fn analysis(reading: Reading, document: DocumentFile) -> Analysis {
    let fields = reading.fields;
    let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Analysis {
        model: reading.model,
        analysis: reading.analysis.get().to_owned(),
        verification_history_fields: RecordFields {
            name: known(&fields.name),
            document_number: known(&fields.document_number),
            country: known(&fields.country),
            address: known(&fields.address),
            gender: known(&fields.gender),
            date_of_birth: known(fields.date_of_birth.get(..10).unwrap_or_default()),
        },
        analysis_json: fields,
        document,
        usage: reading.usage,
        findings: reading.findings,
    }
}
