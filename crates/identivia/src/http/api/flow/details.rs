//! Draft of the document's details: stores what a person has typed, so that another device resumes with it.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::flow_change::change_profile;
use crate::domain::PARAGRAPH;
use crate::domain::event::EventKind;
use crate::domain::profile::{Gender, ProfileChange, Word as _};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::ApiError;
use crate::http::guard::profile_access::WritableProfile;
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::records::id::RecordId;
use crate::records::profile::Draft;

/// What a person has typed of their document so far. What is left out is unknown from then on.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"name": "Ana Ejemplo", "country": "ES", "gender": "female", "date_of_birth": "1990-01-15"}))]
pub(crate) struct PutDetails {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    address: RawField,
    #[serde(default)]
    #[schema(value_type = Option<Gender>)]
    gender: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "iso-date", max_length = 255)]
    date_of_birth: RawField,
}

/// The stored draft.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "name": "Ana Ejemplo", "document_number": "", "country": "ES", "address": "", "gender": "female",
    "date_of_birth": "1990-01-15",
}}))]
pub(crate) struct DetailsResponse {
    success: bool,
    data: Draft,
}

/// Keep what the person has typed so far
///
/// A draft, so that another device resumes with it. What counts is sent with the verification record.
#[utoipa::path(put, path = "/api/flow/{id}/details", tag = "Flow", security(("flow" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body = PutDetails,
    responses((status = 200, description = "Kept", body = DetailsResponse)))]
pub(crate) async fn put_flow_details(
    context: RequestContext,
    profile: WritableProfile,
    request: WholeRequest,
) -> Result<Json<DetailsResponse>, ApiError> {
    let draft = check_draft(json::read_json(request).await?)?;
    let change = ProfileChange { draft: Some(draft.clone()), ..ProfileChange::default() };
    let detail = change.field_names().join(" ");
    change_profile(&context, &profile, change, EventKind::ProfileChanged, detail).await?;
    Ok(Json(DetailsResponse { success: true, data: draft }))
}

fn check_draft(body: PutDetails) -> Result<Draft, ApiError> {
    let mut checks = FieldChecks::default();
    let gender = checks.line_or_empty("gender", body.gender);
    if !gender.is_empty() && Gender::of(&gender).is_none() {
        checks.add_problem("gender", "must be one of: male, female, unknown");
    }
    let draft = Draft {
        name: checks.line_or_empty("name", body.name),
        document_number: checks.line_or_empty("document_number", body.document_number),
        country: checks.line_or_empty("country", body.country),
        address: checks.optional_text("address", body.address, PARAGRAPH).unwrap_or_default(),
        gender,
        date_of_birth: checks.date_or_empty("date_of_birth", body.date_of_birth),
    };
    checks.finish()?;
    Ok(draft)
}
