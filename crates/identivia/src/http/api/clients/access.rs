//! Who may manage clients, which client a path names, and what a client may not do to itself.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::managed_client::{Lockout, find_lockout};
use crate::domain::profile::Reach;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::http::state::HttpState;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::client::ClientRecord;
use crate::store::Refusal;

/// The context of an operator's request: a token of a team may not manage clients, even with the scope.
pub(crate) struct OperatorContext(pub(crate) RequestContext);

impl FromRequestParts<HttpState> for OperatorContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let context = RequestContext::from_request_parts(parts, state).await?;
        if context.authority.reach != Reach::Every {
            return Err(ApiError::forbidden("For operators only", "Use the token of a client without a team"));
        }
        Ok(Self(context))
    }
}

/// The client's id in a path.
pub(crate) struct ClientPath(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for ClientPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Path(parameters) = path.map_err(|_| client_not_found())?;
        let id = parameters.into_iter().find(|(name, _)| name == "id").map(|(_, id)| id);
        id.filter(|id| id.chars().count() <= LINE).map(Self).ok_or_else(client_not_found)
    }
}

/// 404 for a client that does not exist.
pub(super) fn client_not_found() -> ApiError {
    ApiError::not_found("Client not found", "GET /api/clients lists the clients")
}

impl OperatorContext {
    /// Reads a client that the API may change.
    pub(super) async fn load_managed_client(&self, id: &str) -> Result<ClientRecord, ApiError> {
        if self.0.app.clients.configured.find_client(id).is_some() {
            return Err(ApiError::conflict(
                "Client of the configuration",
                "Change JWT_CLIENTS_JSON and restart the server, or make another client with POST /api/clients",
            ));
        }
        self.0.app.store.client(id).await?.ok_or_else(client_not_found)
    }

    /// Refuses a change with which a client would end its own right to undo it.
    pub(super) fn refuse_lockout(&self, after: &ClientRecord) -> Result<(), ApiError> {
        if !self.is_own(&after.client_id) {
            return Ok(());
        }
        match find_lockout(after, self.0.client_ip) {
            None => Ok(()),
            Some(Lockout::Disabled) => Err(self_lockout("A client cannot disable itself: use another client for it")),
            Some(Lockout::ScopeRemoved) => {
                Err(self_lockout("A client cannot remove clients:manage from itself: use another client for it"))
            }
            Some(Lockout::AddressExcluded) => Err(self_lockout(
                "A client cannot exclude the address that it calls from: add it to allowed_addresses, or use another client",
            )),
        }
    }

    /// Says whether that client makes this request.
    pub(super) fn is_own(&self, client_id: &str) -> bool {
        self.0.authority.actor.id == client_id
    }

    /// An audit event about a client. `detail` names what has changed, never a secret.
    pub(super) fn client_event(&self, kind: EventKind, client_id: &str, detail: &str) -> AuditEvent {
        let separator = if detail.is_empty() { "" } else { ": " };
        let event = self.0.audit_event(kind, None, format!("{client_id}{separator}{detail}"));
        event.on(RecordKind::Clients, client_id)
    }
}

/// 409 for a change with which a client would lock itself out.
pub(super) fn self_lockout(message: &'static str) -> ApiError {
    ApiError::conflict("Client would lock itself out", message)
}

/// Maps a store refusal of a client's change to its API error.
pub(super) fn refusal_error(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Missing => client_not_found(),
        _ => ApiError::unavailable("The client was changed at the same time; try again"),
    }
}
