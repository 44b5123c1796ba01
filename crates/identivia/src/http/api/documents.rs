//! Reading a document: the picture is checked and handed to the reader, and its word handed on. It decides nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::profile::FileField;
use crate::domain::reading::{DocumentAnalysis, DocumentFields, ReaderHints, TokenUsage};
use crate::files::picture::CheckedPicture;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::form::{self, FileDestination, ScratchFile};
use crate::http::body::form_schema::{Form, FormFields};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::authority::Shown;
use crate::http::guard::profile_access::OwnWritableProfile;
use crate::http::guard::provider_quotas::{ProviderOperation, ProviderQuotas};
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::providers::documents::{DocumentPicture, DocumentSides};
use crate::providers::http_call::ProviderError;
use crate::records::checks::Finding;

/// Pictures of a document: JPEG, PNG or WebP of at most 10 MiB and 50 megapixels. Of a card send the back too: its barcode
/// is read and compared with the front.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AnalysisFields {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_type_hint: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number_hint: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    full_name_hint: RawField,
}

impl FormFields for AnalysisFields {
    const FORM_NAME: &'static str = "AnalysisForm";
    const FILES: &'static [FileField] = &[FileField::DocumentFront, FileField::DocumentBack];
    const REQUIRED_FILES: &'static [FileField] = &[FileField::DocumentFront];
}

type AnalysisForm = Form<AnalysisFields>;

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
    #[schema(value_type = Analysis)]
    data: Shown<Analysis>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DocumentAnalysis)]
struct Analysis {
    model: String,
    /// The reader's own JSON, as text.
    analysis: String,
    analysis_json: DocumentFields,
    verification_history_fields: SuggestedFields,
    document: DocumentFile,
    usage: TokenUsage,
    /// The local reader's findings; empty where a language model has read the document. A link is shown the codes that help
    /// to take a better picture, without figures.
    findings: Vec<Finding>,
}

/// The fields in the form that `POST /api/verification_history/{id}` takes; `null` where nothing was found.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordFields)]
struct SuggestedFields {
    #[schema(required = true)]
    name: Option<String>,
    #[schema(required = true)]
    document_number: Option<String>,
    #[schema(required = true)]
    country: Option<String>,
    #[schema(required = true)]
    address: Option<String>,
    #[schema(required = true)]
    gender: Option<String>,
    /// `YYYY-MM-DD`.
    #[schema(required = true)]
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
///
/// The pictures are read and not stored. The answer has the fields in the form that a verification record takes.
#[utoipa::path(post, path = "/api/ollama/document-analysis", tag = "Documents",
    security(("machine" = ["documents:analyze"]), ("flow" = ["documents:analyze"])),
    request_body(content = AnalysisForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What the reader found", body = AnalysisResponse),
        (status = 429, description = "A link has had too many documents read; see `Retry-After`", body = ErrorBody),
        (status = 501, description = "`DOCUMENT_READER` is `off`", body = ErrorBody),
        (status = 502, description = "The reader failed, or its answer breaks the schema", body = ErrorBody),
        (status = 503, description = "The reader limits requests; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn analyze_document(
    State(app): State<Arc<App>>,
    State(quotas): State<Arc<ProviderQuotas>>,
    context: RequestContext,
    OwnWritableProfile(profile): OwnWritableProfile,
    request: WholeRequest,
) -> Result<Json<AnalysisResponse>, ApiError> {
    if app.reader.is_off() {
        let message = "DOCUMENT_READER is off: the operator of this server can turn it on";
        return Err(ApiError::not_configured("Document reader not configured", message));
    }
    quotas.charge(&context, ProviderOperation::ReadDocument).await?;
    let reading_permit = quotas.acquire_reading(&context)?;
    let engine_work = if app.reader.is_local() { quotas.acquire_engine_work(&context)? } else { None };
    let permits = (reading_permit, engine_work);
    let mut received = form::read_form::<AnalysisFields>(request, &app.files, FileDestination::Scratch).await?;
    let front = received.take_scratch_file(FileField::DocumentFront);
    let back = received.take_scratch_file(FileField::DocumentBack).map(|scratch| open_picture(scratch).0);
    let hints = check_hints(received.fields, received.checks, front.is_some())?;
    let (front, document) = open_picture(front.ok_or_else(|| ApiError::missing_fields(vec!["document_front"]))?);
    let (reader, health) = (app.reader.clone(), app.health.reader.clone());
    let holder = context.authority.work_holder();
    // In its own task, so that the permits are held until it ends, even when the browser no longer waits.
    let reading = tokio::spawn(async move {
        let _permits = permits;
        health.observe_call(reader.read_document(DocumentSides { front, back, profile }, &hints, holder)).await
    });
    let reading = reading.await.unwrap_or_else(|_| Err(ProviderError::failed("the reading broke off")));
    let advice = "Try again, or type the fields in";
    let reading = match reading {
        Ok(reading) => reading,
        Err(error) => {
            context.audit_provider_failure(profile, "document_reader", &error).await;
            return Err(ApiError::from_provider("Document reader", advice, error));
        }
    };
    let data = context.authority.show(reading).map(|reading| to_analysis(reading, document));
    Ok(Json(AnalysisResponse { success: true, data }))
}

fn check_hints(fields: AnalysisFields, mut checks: FieldChecks, document_sent: bool) -> Result<ReaderHints, ApiError> {
    let hints = ReaderHints {
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
    let ScratchFile { file, client_name, media, length, picture: CheckedPicture { pixels, editor } } = scratch;
    let document = DocumentFile { name: client_name, mimetype: media.mime(), size: length };
    (DocumentPicture { file, media, pixels, editor }, document)
}

fn to_analysis(reading: DocumentAnalysis, document: DocumentFile) -> Analysis {
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
