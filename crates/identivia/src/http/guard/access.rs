//! The guard: who may call what. The table it enforces is the `security` of the OpenAPI document, so what is published
//! is what holds; an operation that declares nothing stops the start.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::app::App;
use crate::domain::event::{Event, EventKind};
use crate::domain::profile::Profile;
use crate::domain::scope::Scope;
use crate::domain::token::Caller;
use crate::http::api::liveness;
use crate::http::error::ApiError;
use crate::http::pages::api_docs;
use crate::records::id::RecordId;
use crate::store::{OnlyIf, Refusal, Written};

/// The longest `Authorization` header, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What one operation asks of its caller.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Public,
    /// A token with that scope, of a kind that the operation names.
    Scope {
        scope: Scope,
        takes: Takes,
    },
}

/// The kinds of token that an operation takes.
#[derive(Clone, Copy, Debug)]
struct Takes {
    machine: bool,
    flow: bool,
}

/// Every operation and its rule.
pub(crate) struct AccessTable(HashMap<String, Vec<(Method, Rule)>>);

/// An operation whose `security` cannot be enforced.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path} declares no usable security")]
pub struct UndeclaredAccess {
    method: String,
    path: String,
}

impl AccessTable {
    /// Reads the table from an OpenAPI document.
    pub(crate) fn from_openapi(document: &Value) -> Result<Self, UndeclaredAccess> {
        let mut table: HashMap<String, Vec<(Method, Rule)>> = HashMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let undeclared = || UndeclaredAccess { method: method.to_uppercase(), path: path.clone() };
                let rule = rule(&operation["security"]).ok_or_else(undeclared)?;
                let method = method.to_uppercase().parse().map_err(|_| undeclared())?;
                table.entry(path.clone()).or_default().push((method, rule));
            }
        }
        Ok(Self(table))
    }

    fn rule(&self, path: &str, method: &Method) -> Option<Rule> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(path)?.iter().find(|(known, _)| known == method).map(|(_, rule)| *rule)
    }
}

/// `[{}]` is public; `[{"machine": [scope]}]` takes machine tokens; `{"flow": [scope]}` takes flow tokens, beside it or
/// alone.
fn rule(security: &Value) -> Option<Rule> {
    let choices = security.as_array()?;
    if choices.iter().any(|choice| choice.as_object().is_some_and(serde_json::Map::is_empty)) {
        return Some(Rule::Public);
    }
    let scope_of = |scheme: &str| choices.iter().find_map(|choice| choice[scheme][0].as_str()).and_then(Scope::named);
    let (machine, flow) = (scope_of("machine"), scope_of("flow"));
    let takes = Takes { machine: machine.is_some(), flow: flow.is_some() };
    match (machine, flow) {
        (Some(machine), Some(flow)) if flow != machine => None,
        _ => Some(Rule::Scope { scope: machine.or(flow)?, takes }),
    }
}

/// Lets a request through to its handler, with its [`Caller`], or answers it.
pub(crate) async fn guard(
    State((app, table)): State<(Arc<App>, Arc<AccessTable>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    match path.and_then(|path| table.rule(path.as_str(), request.method())) {
        // A method without a rule is one the path does not have: the router answers 405.
        None | Some(Rule::Public) => next.run(request).await,
        Some(Rule::Scope { scope, takes }) => match caller(&app, request.headers(), scope, takes) {
            Ok(caller) => {
                request.extensions_mut().insert(Arc::new(caller));
                next.run(request).await
            }
            Err(refusal) => api_docs::redirect_browser_to_docs(&request).unwrap_or_else(|| refusal.into_response()),
        },
    }
}

fn caller(app: &App, headers: &HeaderMap, scope: Scope, takes: Takes) -> Result<Caller, ApiError> {
    let caller = app.tokens.verify(bearer(headers)?, app.clock.now()).ok_or_else(ApiError::invalid_token)?;
    if !caller.is_flow() && !takes.machine {
        return Err(ApiError::insufficient_scope(scope.name())
            .advice("This is the person's own browser's to do; call it with the flow token of their link"));
    }
    if caller.is_flow() && !takes.flow {
        return Err(ApiError::insufficient_scope(scope.name())
            .advice("A flow token serves one person's verification; call this with a machine token"));
    }
    if !caller.scopes.has(scope) {
        return Err(ApiError::insufficient_scope(scope.name()));
    }
    Ok(caller)
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 §2.1). Tokens elsewhere are not looked at.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(ApiError::missing_token)?;
    if values.next().is_some() {
        return Err(ApiError::bad_request("More than one Authorization header", "Send exactly one"));
    }
    if value.len() > MAX_TOKEN_BYTES {
        return Err(ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Authorization header is too large")
            .advice("At most 8 KiB are taken"));
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(ApiError::missing_token)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(ApiError::missing_token());
    }
    Ok(token.trim())
}

/// The caller that the guard let through, and the request it is about.
pub(crate) struct By {
    pub(crate) caller: Arc<Caller>,
    pub(crate) request_id: Arc<str>,
}

impl By {
    /// A line for the audit trail in this caller's name. `detail` names fields, keys or statuses, never values.
    pub(crate) fn event(
        &self,
        app: &App,
        kind: EventKind,
        profile: Option<RecordId>,
        detail: impl Into<String>,
    ) -> Event {
        Event {
            id: RecordId::random(),
            at: app.clock.now(),
            kind,
            actor: self.caller.subject.clone(),
            profile,
            request_id: self.request_id.as_ref().to_owned(),
            detail: detail.into(),
        }
    }

    /// The condition for this caller's writes: a person's browser no longer changes what has been decided.
    pub(crate) fn only_if(&self) -> OnlyIf {
        if self.caller.is_flow() { OnlyIf::Undecided } else { OnlyIf::Always }
    }

    /// The profile, if this caller may write it now.
    pub(crate) async fn writable(&self, app: &App, id: RecordId) -> Result<Profile, ApiError> {
        let profile = app.store.profile(id, &self.caller.reach()).await?.ok_or_else(ApiError::no_profile)?;
        if self.caller.is_flow() && profile.is_decided() {
            return Err(self.refuse(app, id, "decided").await);
        }
        Ok(profile)
    }

    /// What became of a write, as the caller is told.
    pub(crate) async fn outcome<T>(&self, app: &App, id: RecordId, written: Written<T>) -> Result<T, ApiError> {
        let refusal = match written {
            Ok(value) => return Ok(value),
            Err(refusal) => refusal,
        };
        Err(match refusal {
            Refusal::Missing => ApiError::no_profile(),
            Refusal::Decided => self.refuse(app, id, "decided").await,
            Refusal::Stale => ApiError::conflict(
                "Status has changed",
                "previous_status is not the profile's current status; read the profile again",
            ),
            Refusal::UnknownVerification => {
                ApiError::invalid([("verification", "is no verification record of this profile".to_owned())].into())
            }
            Refusal::ForeignSession => liveness::invalid_session(),
            // Whoever offers a code draws another one first; this is the end of its patience.
            Refusal::CodeTaken => ApiError::unavailable("No code could be drawn; try again"),
            Refusal::SessionFinished => ApiError::conflict("Liveness session finished", "Its result stands"),
            Refusal::SessionUsed => {
                ApiError::conflict("Liveness session already used", "Each session serves one record; make a new one")
            }
        })
    }

    /// Refuses a browser's attempt to raise its own trust, and notes it in the audit trail.
    pub(crate) async fn refuse(&self, app: &App, profile: RecordId, detail: &str) -> ApiError {
        let event = self.event(app, EventKind::TrustRefused, Some(profile), detail);
        match app.store.note(event).await {
            Ok(()) => ApiError::forbidden(
                "Not allowed with a flow token",
                "A flow token may only move a profile to pending, and only until it is verified or rejected",
            ),
            Err(error) => error.into(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for By {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Only a route outside the guard could be without one: refuse rather than trust.
        let caller = parts.extensions.get::<Arc<Caller>>().cloned().ok_or_else(ApiError::missing_token)?;
        let request_id = parts.extensions.get::<RequestId>().map_or_else(|| Arc::from(""), |id| id.0.clone());
        Ok(Self { caller, request_id })
    }
}

/// The profile that a path names, which the caller may name: for a flow token its own. All else is the same 404.
pub(crate) struct ProfilePath(pub(crate) RecordId);

impl<S: Send + Sync> FromRequestParts<S> for ProfilePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let By { caller, .. } = By::from_request_parts(parts, state).await?;
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::no_profile())?;
        let id = RecordId::parse(&text).filter(|id| caller.may_name(*id));
        id.map(Self).ok_or_else(ApiError::no_profile)
    }
}

/// The id that this request goes by in answers and logs.
#[derive(Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// The whole request, for handlers that read the body themselves.
pub(crate) type Whole = axum::http::Request<Body>;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_read_from_the_document_and_nothing_is_open_by_accident() {
        assert!(matches!(rule(&json!([{}])), Some(Rule::Public)));
        let machine = rule(&json!([{"machine": ["profiles:read"]}]));
        let takes = |machine, flow| move |takes: Takes| (takes.machine, takes.flow) == (machine, flow);
        let is = |rule: Option<Rule>, wanted: Scope, takes: &dyn Fn(Takes) -> bool| matches!(rule, Some(Rule::Scope { scope, takes: found }) if scope == wanted && takes(found));
        assert!(is(machine, Scope::ProfilesRead, &takes(true, false)));
        let both = rule(&json!([{"machine": ["files:read"]}, {"flow": ["files:read"]}]));
        assert!(is(both, Scope::FilesRead, &takes(true, true)));
        let flow = rule(&json!([{"flow": ["files:read"]}]));
        assert!(is(flow, Scope::FilesRead, &takes(false, true)));
        for undeclared in [
            json!(null),
            json!([]),
            json!([{"machine": []}]),
            json!([{"machine": ["profiles:*"]}]),
            json!([{"machine": ["files:read"]}, {"flow": ["profiles:read"]}]),
        ] {
            assert!(rule(&undeclared).is_none(), "{undeclared}");
        }
    }

    #[test]
    fn an_operation_that_declares_nothing_stops_the_start() {
        let document =
            |security: Value| json!({"paths": {"/a": {"get": {"security": [{}]}, "put": {"security": security}}}});
        let table = AccessTable::from_openapi(&document(json!([{"machine": ["files:read"]}]))).unwrap();
        assert!(matches!(table.rule("/a", &Method::HEAD), Some(Rule::Public)));
        assert!(matches!(
            table.rule("/a", &Method::PUT),
            Some(Rule::Scope { takes: Takes { machine: true, flow: false }, .. })
        ));
        assert!(table.rule("/a", &Method::POST).is_none() && table.rule("/b", &Method::GET).is_none());
        let refused = AccessTable::from_openapi(&document(json!(null))).err().unwrap();
        assert_eq!(refused.to_string(), "PUT /a declares no usable security");
    }
}
