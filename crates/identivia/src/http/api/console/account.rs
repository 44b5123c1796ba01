//! `GET` and `PATCH /api/console/me`: the own account.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::console_call::{Person, user_refusal};
use super::console_state::SignInProvider;
use super::passkeys::PasskeyView;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::ApiError;
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_session::ConsoleSession;
use crate::records::console_user::{ConsoleRole, ConsoleUser};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::console::UserWrite;

/// The languages of the console's pages.
const LANGUAGES: [&str; 4] = ["en", "de", "es", "fr"];

/// The own account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountResponse {
    success: bool,
    data: Account,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConsoleAccount)]
struct Account {
    id: RecordId,
    name: String,
    email: String,
    role: ConsoleRole,
    /// The teams whose records are reached; `null`: every team's.
    #[schema(required = true)]
    teams: Option<Vec<String>>,
    senior: bool,
    permissions: Vec<&'static str>,
    /// Empty: the browser's.
    language: String,
    shortcuts: bool,
    /// Whether they get an e-mail when reviews are overdue, where the server sends e-mail.
    overdue_mail: bool,
    factors: Factors,
    session: SessionState,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConsoleFactors)]
struct Factors {
    totp: bool,
    recovery_codes_left: usize,
    /// In the order in which they were added.
    passkeys: Vec<PasskeyView>,
    /// Whether they can sign in with a password.
    password: bool,
    /// The provider that they can sign in with.
    #[schema(required = true)]
    provider: Option<SignInProvider>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConsoleSessionState)]
struct SessionState {
    id: RecordId,
    idle_until: Millis,
    ends_at: Millis,
    /// Until when the second factor counts for changes that need it.
    #[schema(required = true)]
    step_up_until: Option<Millis>,
}

/// The fields of the own account to change. Fields that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"language": "de"}))]
pub(crate) struct ChangeAccount {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    name: RawField,
    /// `en`, `de`, `es` or `fr`; empty: the browser's.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(en|de|es|fr)?$")]
    language: RawField,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    shortcuts: RawField,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    overdue_mail: RawField,
}

/// The user's provider. One that is no longer configured has its issuer as a name.
fn find_own_provider(person: &Person, user: &ConsoleUser) -> Option<SignInProvider> {
    let issuer = user.oidc_issuer.as_deref()?;
    let configured =
        person.call.app.oidc.find_by_issuer(issuer).map(|provider| SignInProvider::from(&provider.settings));
    Some(configured.unwrap_or_else(|| SignInProvider::of_unknown_issuer(issuer)))
}

fn to_account(person: &Person, user: ConsoleUser) -> Json<AccountResponse> {
    let session: &ConsoleSession = &person.session;
    let now = person.call.now();
    let permissions = user.role.permissions(user.senior).iter().map(crate::domain::scope::Scope::name).collect();
    let factors = Factors {
        totp: user.totp.is_some(),
        recovery_codes_left: user.recovery_codes.len(),
        passkeys: user.passkeys.iter().map(PasskeyView::from).collect(),
        password: user.password.is_some(),
        provider: find_own_provider(person, &user),
    };
    let session = SessionState {
        id: session.id,
        idle_until: ConsoleSession { last_seen: now, ..session.clone() }.idle_until(),
        ends_at: session.ends_at(),
        step_up_until: session.step_up_until(now),
    };
    let data = Account {
        id: user.id,
        name: user.name,
        email: user.email,
        role: user.role,
        teams: user.teams,
        senior: user.senior,
        permissions,
        language: user.language,
        shortcuts: user.shortcuts,
        overdue_mail: !user.mutes_overdue,
        factors,
        session,
    };
    Json(AccountResponse { success: true, data })
}

/// Get the own account
///
/// With the permissions of its role, its factors, and when the session ends.
#[utoipa::path(get, path = "/api/console/me", tag = "Console", security(("consoleSession" = ["console:self"])),
    responses((status = 200, description = "The account", body = AccountResponse)))]
pub(crate) async fn get_own_account(person: Person) -> Json<AccountResponse> {
    let user = person.user.clone();
    to_account(&person, user)
}

/// Change the own account
///
/// Its name, language, shortcuts and e-mails. Role and teams are changed by another user.
#[utoipa::path(patch, path = "/api/console/me", tag = "Console", security(("consoleSession" = ["console:self"])),
    request_body = ChangeAccount,
    responses((status = 200, description = "Changed", body = AccountResponse)))]
pub(crate) async fn change_own_account(
    person: Person,
    request: WholeRequest,
) -> Result<Json<AccountResponse>, ApiError> {
    let body: ChangeAccount = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let mut after = person.user.clone();
    if let Some(name) = checks.optional_text("name", body.name, LINE) {
        if name.trim().is_empty() {
            checks.add_problem("name", "must not be empty");
        }
        name.trim().clone_into(&mut after.name);
    }
    if let Some(language) = checks.optional_text("language", body.language, LINE) {
        if !language.is_empty() && !LANGUAGES.contains(&language.as_str()) {
            checks.add_problem("language", format!("must be empty or one of: {}", LANGUAGES.join(", ")));
        }
        after.language = language;
    }
    if let Some(shortcuts) = checks.optional_flag("shortcuts", body.shortcuts) {
        after.shortcuts = shortcuts;
    }
    if let Some(wanted) = checks.optional_flag("overdue_mail", body.overdue_mail) {
        after.mutes_overdue = !wanted;
    }
    checks.finish()?;
    let before = &person.user;
    let changes = [
        ("name", before.name != after.name),
        ("language", before.language != after.language),
        ("shortcuts", before.shortcuts != after.shortcuts),
        ("overdue_mail", before.mutes_overdue != after.mutes_overdue),
    ];
    let changed: Vec<&str> = changes.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect();
    if !changed.is_empty() {
        let audit = [person.audit_own(EventKind::AccountChanged, changed.join(", "))];
        let (console, now) = (&person.call.app.console, person.call.now());
        let written = console.replace_user(before, after, &UserWrite::default(), now, &audit).await?;
        after = written.map_err(user_refusal)?;
    }
    Ok(to_account(&person, after))
}
