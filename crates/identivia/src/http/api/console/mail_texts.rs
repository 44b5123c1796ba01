//! The texts of e-mails to the staff: our own ones with their placeholders, and an example to the own address.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::console_call::Person;
use super::users::InvitationMail;
use crate::domain::LINE;
use crate::domain::staff_mail::{MAIL_LANGUAGES, MailKind};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::provider_test_turns::ProviderTestTurns;
use crate::http::guard::request_context::WholeRequest;

/// The turn of messages that users have sent to themselves.
const EXAMPLE_TURN: &str = "mail_example";

/// A kind of e-mail.
#[derive(Serialize, ToSchema)]
#[schema(as = MailKind)]
struct MailKindView {
    /// Its word in the setting `mail_templates`.
    kind: &'static str,
    /// What its texts may name in braces, each with an example.
    placeholders: Vec<Placeholder>,
    /// Our own text in each language, which counts where the setting has none.
    texts: Vec<MailTextView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MailPlaceholder)]
struct Placeholder {
    name: &'static str,
    example: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MailText)]
struct MailTextView {
    language: &'static str,
    subject: &'static str,
    text: &'static str,
}

/// The kinds of e-mail.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailKindsResponse {
    success: bool,
    data: Vec<MailKindView>,
}

/// List the kinds of e-mail to the staff
///
/// With our own texts and their placeholders. The setting `mail_templates` replaces the texts.
#[utoipa::path(get, path = "/api/console/mail_kinds", tag = "Console", security(("consoleSession" = ["settings:read"])),
    responses((status = 200, description = "The kinds", body = MailKindsResponse)))]
pub(crate) async fn list_mail_kinds() -> Json<MailKindsResponse> {
    let view = |kind: MailKind| MailKindView {
        kind: kind.word(),
        placeholders: kind.example_values().into_iter().map(|(name, example)| Placeholder { name, example }).collect(),
        texts: MAIL_LANGUAGES
            .into_iter()
            .map(|language| {
                let (subject, text) = kind.own_text(language);
                MailTextView { language, subject, text }
            })
            .collect(),
    };
    Json(MailKindsResponse { success: true, data: MailKind::ALL.into_iter().map(view).collect() })
}

/// Which text is sent.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"kind": "reviews_overdue", "language": "en"}))]
pub(crate) struct SendMailExample {
    #[serde(default)]
    #[schema(value_type = String, required = true, pattern = "^[a-z_]{1,64}$")]
    kind: RawField,
    /// `en`, `de`, `es` or `fr`.
    #[serde(default)]
    #[schema(value_type = String, required = true, pattern = "^(en|de|es|fr)$")]
    language: RawField,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailExampleResponse {
    success: bool,
    /// Whether the SMTP server has accepted it.
    mail: InvitationMail,
}

/// Send an example of an e-mail to the own address
///
/// The text that is stored now, with examples in the place of its placeholders. One in ten seconds.
#[utoipa::path(post, path = "/api/console/mail_kinds/example", tag = "Console", security(("consoleSession" = ["settings:write"])),
    request_body = SendMailExample,
    responses(
        (status = 200, description = "What became of it", body = MailExampleResponse),
        (status = 429, description = "One was sent just now", body = ErrorBody),
    ))]
pub(crate) async fn send_mail_example(
    State(turns): State<ProviderTestTurns>,
    person: Person,
    request: WholeRequest,
) -> Result<Json<MailExampleResponse>, ApiError> {
    let body: SendMailExample = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let kind = MailKind::from_word(&checks.required_text("kind", body.kind, LINE));
    if kind.is_none() && !checks.has_problem("kind") {
        let words: Vec<&str> = MailKind::ALL.into_iter().map(MailKind::word).collect();
        checks.add_problem("kind", format!("must be one of: {}", words.join(", ")));
    }
    let language = checks.required_text("language", body.language, LINE);
    if !MAIL_LANGUAGES.contains(&language.as_str()) && !checks.has_problem("language") {
        checks.add_problem("language", format!("must be one of: {}", MAIL_LANGUAGES.join(", ")));
    }
    checks.finish()?;
    let kind = kind.unwrap_or(MailKind::Invitation);
    let _turn = turns.begin(EXAMPLE_TURN, Instant::now()).map_err(too_soon)?;
    let mail = person.call.app.staff_mail.send_example(&person.user, kind, &language).await;
    Ok(Json(MailExampleResponse { success: true, mail: mail.into() }))
}

fn too_soon(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "An example was sent just now")
        .with_message("One is sent in ten seconds")
        .retry_after(seconds)
}
