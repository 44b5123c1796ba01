//! Reading a document: the picture is checked and handed to the reader, and its word handed on. It decides nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::profile::FileField;
use crate::domain::reading::{DocumentFields, Hints, Reading, Usage};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::form::{self, FileDestination, ScratchFile};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::profile_access::OwnWritableProfile;
use crate::http::guard::provider_quotas::{ProviderOperation, ProviderQuotas};
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::providers::documents::{DocumentPicture, DocumentSides};
use crate::providers::http_call::ProviderError;
use crate::records::checks::Finding;

/// The files that are taken.
const SIDES: [FileField; 2] = [FileField::DocumentFront, FileField::DocumentBack];

/// Hints for the reader, beside the picture.
#[derive(Deserialize)]
struct HintFields {
    #[serde(default)]
    document_type_hint: RawField,
    #[serde(default)]
    document_number_hint: RawField,
    #[serde(default)]
    full_name_hint: RawField,
}

/// Pictures of a document: JPEG, PNG or WebP of at most 10 MiB and 50 megapixels.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the API's description; `form` reads it part by part")]
pub(crate) struct AnalysisForm {
    #[schema(value_type = String, format = Binary)]
    document_front: RawField,
    /// Of a card: what its barcode says is read too, and held against the front.
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    document_back: RawField,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_type_hint: RawField,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number_hint: RawField,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    full_name_hint: RawField,
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
    verification_history_fields: SuggestedFields,
    document: DocumentFile,
    usage: Usage,
    /// The local reader's findings; empty where a language model has read the document.
    findings: Vec<Finding>,
}

/// The fields in the form that `POST /api/verification_history/{id}` takes; `null` where nothing was found.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordFields)]
struct SuggestedFields {
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
        (status = 503, description = "The reader limits requests; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn analyze_document(
    State(app): State<Arc<App>>,
    State(quotas): State<Arc<ProviderQuotas>>,
    context: RequestContext,
    _: OwnWritableProfile,
    request: WholeRequest,
) -> Result<Json<AnalysisResponse>, ApiError> {
    let mut received = form::read_form(request, &app.files, &SIDES, FileDestination::Scratch).await?;
    let fields: HintFields = received.take_fields(&[])?;
    let front = received.take_scratch_file(FileField::DocumentFront);
    let back = received.take_scratch_file(FileField::DocumentBack).map(|scratch| open_picture(scratch).0);
    let hints = check_hints(fields, received.checks, front.is_some())?;
    quotas.charge(&context, ProviderOperation::ReadDocument).await?;
    let (front, document) = open_picture(front.ok_or_else(|| ApiError::missing_fields(vec!["document_front"]))?);
    let reading_permit = quotas.acquire_reading(&context)?;
    let engine_work = if app.uses.openai { None } else { quotas.acquire_engine_work(&context)? };
    let permits = (reading_permit, engine_work);
    let reader = app.reader.clone();
    // In its own task, so that the permits are held until it ends, even when the browser no longer waits.
    let reading = tokio::spawn(async move {
        let _permits = permits;
        reader.read_document(DocumentSides { front, back }, &hints).await
    });
    let reading = reading.await.unwrap_or_else(|_| Err(ProviderError::failed("the reading broke off")));
    let advice = "Try again, or type the fields in";
    let reading = reading.map_err(|error| ApiError::from_provider("Document reader", advice, error))?;
    Ok(Json(AnalysisResponse { success: true, data: to_analysis(reading, document) }))
}

fn check_hints(fields: HintFields, mut checks: FieldChecks, document_sent: bool) -> Result<Hints, ApiError> {
    let hints = Hints {
        document_type: checks.line_or_empty("document_type_hint", fields.document_type_hint),
        document_number: checks.line_or_empty("document_number_hint", fields.document_number_hint),
        full_name: checks.line_or_empty("full_name_hint", fields.full_name_hint),
    };
    if !document_sent && !checks.has_problem("document_front") {
        checks.add_missing("document_front");
    }
    checks.finish()?;
    Ok(hints)
}

fn open_picture(scratch: ScratchFile) -> (DocumentPicture, DocumentFile) {
    let ScratchFile { file, client_name, media, length, pixels } = scratch;
    let document = DocumentFile { name: client_name, mimetype: media.mime(), size: length };
    (DocumentPicture { file, media, pixels }, document)
}

fn to_analysis(reading: Reading, document: DocumentFile) -> Analysis {
    let fields = reading.fields;
    let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Analysis {
        model: reading.model,
        analysis: reading.analysis.get().to_owned(),
        verification_history_fields: SuggestedFields {
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
