//! The context of a request: its caller's authority, its id and address, its audit events, and refusals of its writes.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::Extensions;
use axum::http::request::Parts;

use super::authority::Authority;
use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, RefusalKind};
use crate::providers::http_call::ProviderError;
use crate::providers::liveness::sessions::SessionError;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::id::RecordId;
use crate::store::{Refusal, Store, StoreError, WriteOutcome};

/// The id of a request in answers and logs.
#[derive(Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// The address a request came from: the peer's, or the one a trusted proxy reports.
#[derive(Clone, Copy)]
pub(crate) struct ClientIp(pub(crate) IpAddr);

impl ClientIp {
    /// The network that requests are counted for: the holder of one IPv6 address usually holds its whole subnet of 2^64. This
    /// machine's own address stays what it is.
    pub(crate) fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V6(address) if !address.is_loopback() => {
                IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into())
            }
            _ => self.0,
        }
    }
}

/// The store for the write of a request with an idempotency key.
#[derive(Clone)]
pub(crate) struct RequestStore(pub(crate) Arc<dyn Store>);

/// The whole request, for handlers that read the body themselves.
pub(crate) type WholeRequest = axum::http::Request<Body>;

/// A request that the guard has let through: who calls, and under which id.
pub(crate) struct RequestContext {
    pub(crate) app: Arc<App>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) request_id: Arc<str>,
    /// Where the request came from.
    pub(crate) client_ip: Option<IpAddr>,
    /// The store for the one commit that the request is about: with an idempotency key it also writes the work's receipt.
    pub(crate) store: Arc<dyn Store>,
}

impl RequestContext {
    /// The context of a request that the guard has let through.
    pub(crate) fn from_extensions(app: Arc<App>, extensions: &Extensions) -> Result<Self, ApiError> {
        // A route outside the guard has no authority: refuse rather than trust.
        let authority = extensions.get::<Arc<Authority>>().cloned().ok_or_else(ApiError::missing_token)?;
        let request_id = extensions.get::<RequestId>().map_or_else(|| Arc::from(""), |id| id.0.clone());
        let client_ip = extensions.get::<ClientIp>().map(|ip| ip.0);
        let store = extensions.get::<RequestStore>().map_or_else(|| app.store.clone(), |store| store.0.clone());
        Ok(Self { app, authority, request_id, client_ip, store })
    }

    /// An audit event by this caller. `detail` names fields, keys or statuses, never values.
    pub(crate) fn audit_event(
        &self,
        kind: EventKind,
        profile: Option<RecordId>,
        detail: impl Into<String>,
    ) -> AuditEvent {
        let actor = &self.authority.actor;
        let event = AuditEvent::new(kind, self.app.clock.now(), actor.id.clone()).by(actor.kind.actor_kind());
        let event = event.about(profile).from_address(self.client_ip).with_detail(detail);
        let team = self.authority.team_of_actor().unwrap_or_default();
        AuditEvent { request_id: self.request_id.as_ref().to_owned(), team: team.to_owned(), ..event }
    }

    /// Runs a search of many records in the caller's turn.
    pub(crate) async fn run_search<T>(
        &self,
        search: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, ApiError> {
        match self.app.searches.run_in_turn(self.authority.work_holder(), search).await {
            Some(found) => Ok(found?),
            None => Err(ApiError::unavailable(
                "The search took longer than two seconds: narrow it with another filter or a rarer word, or try again",
            )),
        }
    }

    /// Audits that a console user reads personal data; the same read within a minute is audited once. Reads of machines and
    /// links are not: a company's server reads all day, and a link reads its own profile.
    pub(crate) async fn audit_read(&self, event: AuditEvent) -> Result<(), ApiError> {
        if event.actor_kind != ActorKind::User {
            return Ok(());
        }
        let profile = event.profile.map(|profile| profile.to_string()).unwrap_or_default();
        let read = [&*event.actor, &event.kind, &profile, &event.object_id, &event.detail].join(" ");
        if !self.app.repeated_reads.is_first(read.clone(), event.at) {
            return Ok(());
        }
        let recorded = self.app.store.record_event(&event).await;
        if recorded.is_err() {
            self.app.repeated_reads.forget(&read);
        }
        recorded.map_err(ApiError::from)
    }

    /// Refuses a person who has not shown a second factor within the last minutes, and every other kind of caller.
    pub(crate) fn require_fresh_factor(&self) -> Result<(), ApiError> {
        let now = self.app.clock.now();
        match self.authority.reviewer.as_ref().is_some_and(|reviewer| reviewer.has_fresh_factor(now)) {
            true => Ok(()),
            false => Err(ApiError::step_up_required()),
        }
    }

    /// The value of a write that the store has made, or the API error of its refusal.
    pub(crate) async fn resolve_write<T>(&self, profile: RecordId, written: WriteOutcome<T>) -> Result<T, ApiError> {
        match written {
            Ok(value) => Ok(value),
            Err(refusal) => Err(self.refusal_error(profile, refusal).await),
        }
    }

    /// Maps a store refusal to its API error.
    pub(crate) async fn refusal_error(&self, profile: RecordId, refusal: Refusal) -> ApiError {
        match refusal {
            Refusal::Missing => ApiError::profile_not_found(),
            // Concurrent writes of the same record: the caller's next try sees the other one.
            Refusal::AlreadyExists | Refusal::Changed | Refusal::AlreadyWritten | Refusal::DecidersChanged => {
                ApiError::unavailable("The record was changed at the same time; try again")
            }
            Refusal::Decided => self.refuse_claim(profile, "decided").await,
            Refusal::ReviewersStatus => self.refuse_claim(profile, "a reviewer's status").await,
            Refusal::Submitted => ApiError::already_submitted(),
            Refusal::EvidenceChanged => match self.app.store.profile(profile, &self.authority.reach).await {
                Ok(found) => ApiError::evidence_changed(found.and_then(|profile| profile.newest_verification)),
                Err(error) => error.into(),
            },
            Refusal::TooManyResubmissions => ApiError::conflict(
                "Too many resubmissions",
                "The person has been asked for another try max_resubmissions times; decide, or raise that setting",
            ),
            Refusal::TooManyClaims => {
                ApiError::conflict("Too many claims", "Decide or release one of those that you hold")
            }
            Refusal::Stale => ApiError::conflict(
                "Status has changed",
                "previous_status is not the profile's current status; read the profile again",
            ),
            Refusal::UnknownVerification => ApiError::unknown_verification(),
            Refusal::ForeignSession => ApiError::invalid_session(),
            // The handler has drawn several codes by now.
            Refusal::CodeTaken => ApiError::unavailable("No unused code was found; try again"),
            Refusal::SessionFinished => {
                ApiError::conflict("Liveness session finished", "Its result does not change any more")
            }
            Refusal::SessionUsed => ApiError::session_used(),
        }
    }

    /// Maps a provider's failure to its API error, after auditing it for the profile.
    pub(crate) async fn session_error(&self, profile: Option<RecordId>, error: SessionError) -> ApiError {
        if let SessionError::Provider(cause) = &error {
            self.audit_provider_failure(profile, "liveness", cause).await;
        }
        error.into()
    }

    /// Audits that a provider could not serve a person. Repeated failures are audited by their count. A request that has
    /// failed keeps its own error if the store does not answer.
    pub(crate) async fn audit_provider_failure(
        &self,
        profile: Option<RecordId>,
        provider: &'static str,
        error: &ProviderError,
    ) {
        let Some(profile) = profile else { return };
        let cause = format!("{provider}: {error}");
        let now = self.app.clock.now();
        let Some(count) = self.app.repeated_refusals.count_refusal(profile, &cause, now) else { return };
        let detail = if count == 1 { cause } else { format!("{cause}, {count} times in an hour") };
        let event = self.audit_event(EventKind::ProviderFailed, Some(profile), detail);
        if self.app.store.record_event(&event).await.is_err() {
            let id: &str = &self.request_id;
            tracing::warn!(request.id = id, provider, "a provider's failure is missing in the audit trail");
        }
    }

    /// Refuses a claim that would raise the caller's own trust or change a decided profile, and audits the attempt. Repeated
    /// attempts are audited by their count.
    pub(crate) async fn refuse_claim(&self, profile: RecordId, detail: &str) -> ApiError {
        let audited = match self.app.repeated_refusals.count_refusal(profile, detail, self.app.clock.now()) {
            None => Ok(()),
            Some(count) => {
                let detail = if count == 1 { detail.to_owned() } else { format!("{detail}, {count} times in an hour") };
                self.app.store.record_event(&self.audit_event(EventKind::TrustRefused, Some(profile), detail)).await
            }
        };
        match audited {
            Ok(()) => ApiError::forbidden(
                "Not allowed with a flow token",
                "A flow token may only move a profile to pending, and only until it is verified or rejected",
            )
            .with_kind(RefusalKind::LateWrite),
            Err(error) => error.into(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Self::from_extensions(Arc::from_ref(state), &parts.extensions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_ipv4_address_or_ipv6_subnet() {
        let of = |ip: &str| ClientIp(ip.parse().unwrap()).network().to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::1"), of("2001:db8:1:2::2"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::1"), "::1", "this machine");
    }
}
