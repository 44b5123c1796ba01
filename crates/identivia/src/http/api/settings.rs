//! Stored settings: key and value, of a team or of the operator. Flow tokens see only the keys marked public.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::embedding::{EMBED_ORIGINS_KEY, EmbedOrigins};
use crate::domain::event::EventKind;
use crate::domain::review_settings::{FOUR_EYES_KEY, ReviewSettings};
use crate::domain::setting::{settings_of_team, stored_key};
use crate::domain::staff_mail::{MAIL_TEMPLATES_KEY, check_mail_templates};
use crate::domain::{JSON_BYTES, LINE};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::ApiError;
use crate::http::guard::four_eyes::{TRIES, find_deciders, lonely_decider};
use crate::http::guard::profile_access::load_profile;
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::http::openapi;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::setting::Setting;

/// All settings the caller may see.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {"setting_key_1": "value_1", "setting_key_2": "value_2"}}))]
pub(crate) struct SettingsResponse {
    success: bool,
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// A setting's new value.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"value": "value_1", "public": true}))]
pub(crate) struct PutSetting {
    /// Any JSON but `null`, at most 64 KiB.
    #[schema(schema_with = openapi::not_null, required = true)]
    #[serde(default)]
    value: Option<Box<RawValue>>,
    /// Whether flow tokens see it; false when left out.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    public: RawField,
}

/// A saved setting.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Setting saved",
    "data": {"key": "setting_key_1", "value": "value_1", "public": true}}))]
pub(crate) struct SettingResponse {
    success: bool,
    message: &'static str,
    data: SettingData,
}

#[derive(Serialize, ToSchema)]
struct SettingData {
    key: String,
    value: Value,
    public: bool,
}

/// A removed setting.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Setting deleted"}))]
pub(crate) struct DeletedResponse {
    success: bool,
    message: &'static str,
}

/// Get settings
///
/// A team's own settings, and the operator's public ones where the team has none. A link sees the public ones of its
/// profile's team.
#[utoipa::path(get, path = "/api/settings", tag = "Settings",
    security(("machine" = ["settings:read"]), ("flow" = ["settings:read"]), ("consoleSession" = ["settings:read"])),
    params(("team" = Option<String>, Query, description = "With an operator's token: the team whose settings are meant")),
    responses((status = 200, description = "Key and value of each", body = SettingsResponse)))]
pub(crate) async fn get_settings(
    State(app): State<Arc<App>>,
    context: RequestContext,
    SettingsTeam(named): SettingsTeam,
) -> Result<Json<SettingsResponse>, ApiError> {
    let team = match context.authority.own_profile {
        Some(own) => Some(load_profile(&context, own).await?.team).filter(|team| !team.is_empty()),
        None => context.authority.choose_settings_team(named)?,
    };
    let sees_private = context.authority.sees_private_defaults() && team.is_none();
    let settings = settings_of_team(app.store.settings().await?, team.as_deref(), sees_private);
    let shown = context.authority.show(settings).into_inner();
    let data = shown
        .into_iter()
        .map(|setting| Ok((setting.key, serde_json::from_str(setting.value.get())?)))
        .collect::<Result<_, serde_json::Error>>()
        .map_err(ApiError::internal)?;
    Ok(Json(SettingsResponse { success: true, data }))
}

/// Set or replace a setting
///
/// A team's token sets its team's own. An operator's sets the default for all teams, or a team's with `team`.
/// `embed_origins` must be a list of origins.
#[utoipa::path(put, path = "/api/settings/{key}", tag = "Settings", security(("machine" = ["settings:write"]), ("consoleSession" = ["settings:write"])),
    params(("team" = Option<String>, Query, description = "With an operator's token: the team whose setting is meant"),
        ("key" = String, Path, pattern = "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$", description = "1 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`")),
    request_body = PutSetting,
    responses((status = 200, description = "Saved", body = SettingResponse)))]
pub(crate) async fn put_setting(
    State(app): State<Arc<App>>,
    context: RequestContext,
    SettingKey(key): SettingKey,
    SettingsTeam(named): SettingsTeam,
    request: WholeRequest,
) -> Result<Json<SettingResponse>, ApiError> {
    let team = context.authority.choose_settings_team(named)?;
    let body: PutSetting = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let public = match body.public {
        None | Some(Value::Null) => false,
        Some(Value::Bool(public)) => public,
        Some(_) => {
            checks.add_problem("public", "must be true or false");
            false
        }
    };
    let text = body.value.as_ref().map_or("null", |value| value.get());
    if text.len() > JSON_BYTES {
        checks.add_problem("value", format!("must have at most {} KiB", JSON_BYTES / 1024));
    }
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    if value.is_null() && !checks.has_problem("value") {
        checks.add_missing("value");
    } else if key == EMBED_ORIGINS_KEY {
        value = check_embed_origins(&value, &mut checks);
    } else if key == MAIL_TEMPLATES_KEY
        && let Err(problem) = check_mail_templates(&value)
    {
        checks.add_problem("value", problem);
    } else if let Some(problem) = ReviewSettings::find_problem(&key, &value) {
        checks.add_problem("value", problem);
    }
    let needs_deciders = key == FOUR_EYES_KEY && value == Value::Bool(true);
    if needs_deciders && find_deciders(&app, team.as_deref(), None).await?.is_none() {
        // With one eligible person nothing could ever be decided.
        checks.add_problem("value", "needs two people who may decide reviews, one of them as the second person");
    }
    checks.finish()?;
    let stored = stored_key(team.as_deref(), &key);
    let event = context.audit_event(EventKind::SettingChanged, None, stored.clone()).on(RecordKind::Settings, &*stored);
    let raw = RawValue::from_string(value.to_string()).map_err(ApiError::internal)?;
    let setting = Setting { key: stored, value: raw, public, updated: app.clock.now() };
    store_setting(&app, &setting, needs_deciders.then_some(team.as_deref()), event).await?;
    Ok(Json(SettingResponse { success: true, message: "Setting saved", data: SettingData { key, value, public } }))
}

/// Stores a setting. Where it needs two people who decide reviews of a team, they are still there at the moment of writing.
async fn store_setting(
    app: &App,
    setting: &Setting,
    needs_deciders: Option<Option<&str>>,
    event: AuditEvent,
) -> Result<(), ApiError> {
    for _ in 0..TRIES {
        let deciders = match needs_deciders {
            Some(team) => find_deciders(app, team, None).await?.ok_or_else(lonely_decider)?,
            None => Vec::new(),
        };
        // Where users are in another database, the write cannot name them.
        let named = if app.console.is_beside_records() { &deciders[..] } else { &[] };
        if app.store.put_setting(setting, named, event.clone()).await?.is_ok() {
            return Ok(());
        }
    }
    Err(ApiError::unavailable("Users are being changed at the same time; try again"))
}

/// Delete a setting
///
/// A team's token deletes its team's own: then the operator's holds again.
#[utoipa::path(delete, path = "/api/settings/{key}", tag = "Settings", security(("machine" = ["settings:write"]), ("consoleSession" = ["settings:write"])),
    params(("team" = Option<String>, Query, description = "With an operator's token: the team whose setting is meant"),
        ("key" = String, Path, pattern = "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$", description = "The setting's key")),
    responses((status = 200, description = "Deleted", body = DeletedResponse)))]
pub(crate) async fn delete_setting(
    State(app): State<Arc<App>>,
    context: RequestContext,
    SettingKey(key): SettingKey,
    SettingsTeam(named): SettingsTeam,
) -> Result<Json<DeletedResponse>, ApiError> {
    let team = context.authority.choose_settings_team(named)?;
    let stored = stored_key(team.as_deref(), &key);
    let event = context.audit_event(EventKind::SettingDeleted, None, stored.clone()).on(RecordKind::Settings, &*stored);
    if !app.store.delete_setting(&stored, event).await? {
        return Err(setting_not_found());
    }
    Ok(Json(DeletedResponse { success: true, message: "Setting deleted" }))
}

/// The origins as browsers write them, so that the answer shows which sites the setting means.
fn check_embed_origins(value: &Value, checks: &mut FieldChecks) -> Value {
    match EmbedOrigins::from_setting(value) {
        Ok(origins) => origins.as_slice().into(),
        Err(error) => {
            checks.add_problem("value", error.to_string());
            Value::Null
        }
    }
}

fn setting_not_found() -> ApiError {
    ApiError::not_found(
        "Setting not found",
        "A key is 1 to 64 of A-Z, a-z, 0-9, _, - and ., and must exist to be deleted",
    )
}

/// The team that a query names: `team`. Other parameters are ignored.
pub(crate) struct SettingsTeam(Option<String>);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for SettingsTeam {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "team");
        Ok(Self(named.map(|(_, team)| team.into_owned()).filter(|team| !team.is_empty() && team.len() <= LINE)))
    }
}

/// The key that a path names.
pub(crate) struct SettingKey(String);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for SettingKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, ApiError> {
        let Path(key) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| setting_not_found())?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let usable = (1..=64).contains(&key.len()) && key.bytes().all(plain) && !key.starts_with('.');
        if usable { Ok(Self(key)) } else { Err(setting_not_found()) }
    }
}
