//! `POST /api/reviews/{id}/reveal`: shows masked values to the holder, with a reason and an audit record.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::access::{NamedReview, decider_of, refusal_answer};
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::verification_record::VerificationRecord;

/// The fields that can be revealed.
const REVEALABLE: [&str; 5] = ["document_number", "email", "address", "phone", "ip_address"];

/// The reasons that the audit trail names. Words beside them could name a person: they stay in the note.
const REASONS: [&str; 5] = ["compare_document", "contact_person", "suspected_fraud", "legal_request", "other"];

/// Which values are shown, and why.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"claim_id": "k3j5h7g9f1d2s4a6p8o0i2u4", "fields": ["document_number"], "reason": "compare_document: the registry has another number"}))]
pub(crate) struct RevealFields {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 64)]
    claim_id: RawField,
    /// Of `document_number`, `email`, `address`, `phone` and `ip_address`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = true, min_items = 1, max_items = 5)]
    fields: RawField,
    /// It becomes a note of the review. If it begins with `compare_document`, `contact_person`, `suspected_fraud`, `legal_request`
    /// or `other`, alone or before a colon, the audit record names that word, else `other`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    reason: RawField,
}

/// The values.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {"values": {"document_number": "A12345678"}}}))]
pub(crate) struct RevealedResponse {
    success: bool,
    data: RevealedFields,
}

#[derive(Serialize, ToSchema)]
struct RevealedFields {
    /// By name; empty where the person said nothing.
    #[schema(value_type = Object)]
    values: Map<String, Value>,
}

/// Reveal masked values
///
/// To the holder of the review. The audit trail names the fields and the kind of reason, never the values.
#[utoipa::path(post, path = "/api/reviews/{id}/reveal", tag = "Reviews", security(("consoleSession" = ["pii:reveal"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = RevealFields,
    responses(
        (status = 200, description = "The values", body = RevealedResponse),
        (status = 409, description = "The claim has ended", body = ErrorBody),
    ))]
pub(crate) async fn reveal_review_fields(
    named: NamedReview,
    request: WholeRequest,
) -> Result<Json<RevealedResponse>, ApiError> {
    let body: RevealFields = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let claim_id = checks.required_text("claim_id", body.claim_id, 64);
    let fields = read_fields(&mut checks, body.fields);
    let reason = checks.required_text("reason", body.reason, LINE);
    checks.finish()?;
    let by = decider_of(&named.context);
    named.review.require_claim(&by, &claim_id, named.now()).map_err(refusal_answer)?;
    let store = &named.context.app.store;
    let profile = store.profile(named.review.profile, &named.context.authority.reach).await?;
    let profile = profile.ok_or_else(ApiError::profile_not_found)?;
    let record = store.verification_record(named.review.verification).await?.ok_or_else(ApiError::profile_not_found)?;
    // The audit record comes first: what cannot be recorded is not shown.
    let event =
        named.audit(EventKind::ReviewRevealed, &format!("{}; reason: {}", fields.join(", "), name_reason(&reason)));
    store.add_review_note(&named.note(format!("Revealed {}: {reason}", fields.join(", "))), &event).await?;
    let values =
        fields.into_iter().map(|field| (field.to_owned(), value_of(field, &profile, &record).into())).collect();
    Ok(Json(RevealedResponse { success: true, data: RevealedFields { values } }))
}

fn read_fields(checks: &mut FieldChecks, raw: RawField) -> Vec<&'static str> {
    let Some(Value::Array(items)) = raw else {
        checks.add_missing("fields");
        return Vec::new();
    };
    let known = |item: &Value| REVEALABLE.into_iter().find(|field| item == field);
    let fields: Vec<&'static str> =
        REVEALABLE.into_iter().filter(|field| items.iter().any(|item| item == field)).collect();
    if fields.is_empty() || items.iter().any(|item| known(item).is_none()) {
        checks.add_problem("fields", format!("must be one or more of: {}", REVEALABLE.join(", ")));
    }
    fields
}

/// The value that the record gives, else the profile's.
fn value_of(field: &str, profile: &Profile, record: &VerificationRecord) -> String {
    let value = match field {
        "document_number" => record.document_number.as_ref().or(profile.document_number.as_ref()),
        "email" => profile.email.as_ref(),
        "address" => record.address.as_ref(),
        "phone" => profile.phone_number.as_ref(),
        "ip_address" => record.observed_ip.as_ref().or(record.ip_address.as_ref()).or(profile.ip_address.as_ref()),
        _ => None,
    };
    value.cloned().unwrap_or_default()
}

fn name_reason(reason: &str) -> &'static str {
    let word = reason.split(':').next().unwrap_or_default().trim();
    REASONS.into_iter().find(|known| *known == word).unwrap_or("other")
}
