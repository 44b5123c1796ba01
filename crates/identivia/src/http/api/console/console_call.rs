//! A request to the console's own operations: checked against other sites, with what passwords, attempts and audit records need.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef as _, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::domain::console::browser_name::name_browser;
use crate::domain::console::password::{PasswordChecks, hash_password};
use crate::domain::console::session::ConsoleToken;
use crate::domain::event::EventKind;
use crate::http::error::ApiError;
use crate::http::guard::blocked_addresses::{BlockedFor, warn_of_blocked_address};
use crate::http::guard::client_secrets::SecretChecks;
use crate::http::guard::console_session::{OpenSession, refuse_other_sites, set_cookie};
use crate::http::guard::request_context::{ClientIp, RequestContext, RequestId};
use crate::http::guard::sign_in_limits::{SignInAttempt, SignInLimits};
use crate::http::state::HttpState;
use crate::records::RecordKind;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::client::SecretHash;
use crate::records::console_session::{ConsoleSession, SessionStage};
use crate::records::console_user::ConsoleUser;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::Refusal;

/// A request to an operation of the console.
pub(super) struct ConsoleCall {
    pub(super) app: Arc<App>,
    limits: Arc<SignInLimits>,
    passwords: Arc<PasswordChecks>,
    hashes: Arc<SecretChecks>,
    client_ip: Option<ClientIp>,
    browser: String,
    request_id: Arc<str>,
}

impl FromRequestParts<HttpState> for ConsoleCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let app = Arc::<App>::from_ref(state);
        refuse_other_sites(&app, &parts.method, &parts.headers, has_body(&parts.headers))?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Ok(Self {
            limits: Arc::from_ref(state),
            passwords: Arc::from_ref(state),
            hashes: Arc::from_ref(state),
            client_ip: parts.extensions.get::<ClientIp>().copied(),
            browser: name_browser(agent),
            request_id: parts.extensions.get::<RequestId>().map_or_else(|| Arc::from(""), |id| id.0.clone()),
            app,
        })
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}

impl ConsoleCall {
    pub(super) fn now(&self) -> Millis {
        self.app.clock.now()
    }

    /// The address that attempts are counted for.
    pub(super) fn address_text(&self) -> String {
        self.client_ip.map(|ip| ip.network().to_string()).unwrap_or_default()
    }

    /// Begins an attempt for an account; refused after too many failures.
    pub(super) fn begin_attempt(&self, email: &str) -> Result<SignInAttempt<'_>, ApiError> {
        let address = self.client_ip.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), ClientIp::network);
        self.limits.begin_attempt(email, address, self.now()).inspect_err(|_| {
            warn_of_blocked_address(&self.app, BlockedFor::ConsoleSignIns, address);
        })
    }

    /// Forgets the failures of an account: its user has signed in with both factors.
    pub(super) fn complete_sign_in(&self, email: &str) {
        self.limits.forget_account(email);
    }

    /// Checks a password. Without a hash the same work is done, and the answer is no.
    pub(super) async fn is_password_right(&self, password: String, hash: Option<SecretHash>) -> Result<bool, ApiError> {
        let checks = self.passwords.clone();
        self.hashes.run_hash(move || checks.is_right(&password, hash.as_ref())).await
    }

    /// Hashes a new password.
    pub(super) async fn hash_password(&self, password: String) -> Result<SecretHash, ApiError> {
        self.hashes.run_hash(move || hash_password(&password)).await?.map_err(ApiError::internal)
    }

    /// An audit event of what a user does to a user.
    pub(super) fn audit(
        &self,
        kind: EventKind,
        actor: RecordId,
        user: RecordId,
        detail: impl Into<String>,
    ) -> AuditEvent {
        let event = AuditEvent::new(kind, self.now(), actor.to_string()).by(ActorKind::User);
        let event = event.on(RecordKind::ConsoleUsers, user.to_string()).with_detail(detail);
        let event = event.from_address(self.client_ip.map(|ip| ip.0));
        AuditEvent { request_id: self.request_id.as_ref().to_owned(), ..event }
    }

    /// Ends an attempt that has failed: counts it, and audits the first, the tenth and so on within an hour.
    pub(super) async fn refuse_attempt(
        &self,
        attempt: SignInAttempt<'_>,
        user: Option<RecordId>,
        step: &'static str,
    ) -> Result<ApiError, ApiError> {
        attempt.fail(&*self.app.store, self.now()).await;
        self.audit_failure(user, step).await?;
        Ok(wrong_credentials())
    }

    /// Audits a failed sign-in: the first, the tenth and so on within an hour.
    pub(super) async fn audit_failure(&self, user: Option<RecordId>, step: &str) -> Result<(), ApiError> {
        BlockedFor::ConsoleSignIns.count_failure();
        let key = user.unwrap_or_default();
        let Some(count) = self.app.repeated_refusals.count_refusal(key, step, self.now()) else { return Ok(()) };
        let detail = if count == 1 { step.to_owned() } else { format!("{step}, {count} times in an hour") };
        let event = match user {
            Some(user) => self.audit(EventKind::SignInFailed, user, user, detail),
            None => self.audit(EventKind::SignInFailed, key, key, format!("unknown account, {detail}")).anonymous(),
        };
        Ok(self.app.console.record_event(&event).await?)
    }

    /// A new session of a user who has shown their password.
    pub(super) fn begin_session(&self, user: &ConsoleUser) -> (ConsoleSession, ConsoleToken) {
        let address = self.client_ip.map(|ip| ip.0.to_string()).unwrap_or_default();
        let (stage, now) = (self.app.sign_in.stage_after_password(user), self.now());
        let (mut session, token) = ConsoleSession::begin(user, stage, address, self.browser.clone(), now);
        if stage == SessionStage::Full {
            session.password_only = true;
            session.factor_confirmed_at = Some(now);
        }
        (session, token)
    }

    /// The user once that session is open, and what the audit trail says if it is signed in.
    pub(super) fn note_sign_in(&self, session: &ConsoleSession, user: ConsoleUser) -> (ConsoleUser, Vec<AuditEvent>) {
        if session.stage != SessionStage::Full {
            return (user, Vec::new());
        }
        let audit = vec![self.audit(EventKind::SessionStarted, user.id, user.id, "password alone")];
        (ConsoleUser { last_sign_in: Some(self.now()), ..user }, audit)
    }

    /// A new session of a user who has shown a passkey, which is both factors.
    pub(super) fn begin_passkey_session(&self, user: &ConsoleUser) -> (ConsoleSession, ConsoleToken) {
        let address = self.client_ip.map(|ip| ip.0.to_string()).unwrap_or_default();
        let (stage, now) = (SessionStage::Full, self.now());
        let (session, token) = ConsoleSession::begin(user, stage, address, self.browser.clone(), now);
        (ConsoleSession { factor_confirmed_at: Some(now), ..session }, token)
    }

    /// A new session of a user whom a provider has named: the second factor is its part.
    pub(super) fn begin_provider_session(&self, user: &ConsoleUser) -> (ConsoleSession, ConsoleToken) {
        let (session, token) = self.begin_passkey_session(user);
        (ConsoleSession { factor_confirmed_at: None, ..session }, token)
    }

    /// The header that gives the browser the cookie of a session.
    pub(super) fn cookie_of(&self, token: &ConsoleToken) -> Result<HeaderValue, ApiError> {
        set_cookie(&self.app, token)
    }

    /// An answer that gives the browser the cookie of a session.
    pub(super) fn with_cookie(&self, token: &ConsoleToken, body: impl Serialize) -> Result<Response, ApiError> {
        let mut response = Json(body).into_response();
        response.headers_mut().insert(header::SET_COOKIE, set_cookie(&self.app, token)?);
        Ok(response)
    }
}

/// A request of a person who is signed in, as far as their session is.
pub(super) struct Person {
    pub(super) call: ConsoleCall,
    pub(super) context: RequestContext,
    pub(super) user: ConsoleUser,
    pub(super) session: ConsoleSession,
}

impl FromRequestParts<HttpState> for Person {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let call = ConsoleCall::from_request_parts(parts, state).await?;
        let context = RequestContext::from_request_parts(parts, state).await?;
        let OpenSession { user, session } = parts.extensions.get().cloned().ok_or_else(ApiError::not_signed_in)?;
        Ok(Self { call, context, user, session })
    }
}

impl Person {
    /// An audit event of what the person does to their own account.
    pub(super) fn audit_own(&self, kind: EventKind, detail: impl Into<String>) -> AuditEvent {
        self.call.audit(kind, self.user.id, self.user.id, detail)
    }

    /// Checks the person's present password, and counts the failure of a wrong one.
    pub(super) async fn check_own_password(&self, password: String) -> Result<(), ApiError> {
        let attempt = self.call.begin_attempt(&self.user.email)?;
        match self.call.is_password_right(password, self.user.password.clone()).await {
            Ok(true) => {
                attempt.pass();
                Ok(())
            }
            Ok(false) => Err(self.call.refuse_attempt(attempt, Some(self.user.id), "present password").await?),
            Err(error) => {
                attempt.pass();
                Err(error)
            }
        }
    }

    /// Refuses a change for which the second factor must have been shown within minutes.
    pub(super) fn require_fresh_factor(&self) -> Result<(), ApiError> {
        match self.session.step_up_until(self.call.now()) {
            Some(_) => Ok(()),
            None => Err(ApiError::step_up_required()),
        }
    }
}

/// The same answer for an unknown account, a wrong password and a wrong code.
pub(super) fn wrong_credentials() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "Wrong e-mail, password or code")
        .with_message("Check what you have typed, and try again")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Session"))
}

/// Maps a store refusal of a user's change to its API error.
pub(super) fn user_refusal(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::AlreadyExists => ApiError::conflict("E-mail address is taken", "There is a user with this address"),
        Refusal::Stale => last_super_admin(),
        Refusal::Missing => ApiError::not_signed_in(),
        _ => ApiError::unavailable("The user was changed at the same time; try again"),
    }
}

/// 409 for a change that would leave no super admin.
pub(super) fn last_super_admin() -> ApiError {
    ApiError::conflict("Last super admin", "Make another user a super admin first")
}
