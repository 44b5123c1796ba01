//! The audit trail: who did what to which record, without personal data.

use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::time::Millis;

impl AuditEvent {
    /// A line of the audit trail. `actor` is a token's `sub`; `detail` names fields, keys or statuses, never values.
    #[must_use]
    pub fn new(kind: EventKind, at: Millis, actor: impl Into<String>) -> Self {
        Self {
            id: RecordId::random(),
            at,
            kind: kind.word().to_owned(),
            actor: actor.into(),
            profile: None,
            request_id: String::new(),
            detail: String::new(),
        }
    }

    /// The same about a profile.
    #[must_use]
    pub fn about(self, profile: Option<RecordId>) -> Self {
        Self { profile, ..self }
    }

    /// The same with a detail.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The line of what the person of that profile has done without a token.
    #[must_use]
    pub fn by_person(self, profile: RecordId) -> Self {
        Self { actor: profile.to_string(), profile: Some(profile), ..self }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    ProfileCreated,
    ProfileChanged,
    /// A person has opened their link for the first time.
    ProfileStarted,
    /// A person has agreed to a text.
    ConsentAccepted,
    ConsentWithdrawn,
    /// A person was given a code with which another device goes on.
    HandoffOffered,
    /// Another device has taken that code.
    HandoffTaken,
    /// A company's server has ended every link of a profile.
    LinksRevoked,
    StatusRecorded,
    VerificationRecorded,
    SettingChanged,
    SettingDeleted,
    /// The checks on a verification record have come to an end.
    ChecksEnded,
    SessionCreated,
    /// A person's frames have come in to be judged.
    SessionBegun,
    /// A browser or a server was given temporary credentials.
    CredentialsIssued,
    /// A provider's result was kept.
    SessionFinished,
    /// A browser tried to raise its own trust, or to change what is decided.
    TrustRefused,
    ClientCreated,
    ClientChanged,
    ClientDeleted,
    /// A client was given another secret.
    ClientSecretCreated,
    /// A secret of a client was ended.
    ClientSecretDeleted,
    /// A client has ended a token of its own before its time.
    TokenRevoked,
    WebhookCreated,
    WebhookChanged,
    WebhookDeleted,
    WebhookSecretRotated,
    /// A client has sent a webhook endpoint a test, or an event again.
    WebhookSent,
    WebhookReplayed,
    /// Deliveries to a webhook endpoint fail.
    WebhookFailing,
    /// The server has disabled a webhook endpoint.
    WebhookDisabled,
}

impl EventKind {
    /// Its word in the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ProfileCreated => "profile.created",
            Self::ProfileChanged => "profile.changed",
            Self::ProfileStarted => "profile.started",
            Self::ConsentAccepted => "consent.accepted",
            Self::ConsentWithdrawn => "consent.withdrawn",
            Self::HandoffOffered => "handoff.offered",
            Self::HandoffTaken => "handoff.taken",
            Self::LinksRevoked => "links.revoked",
            Self::StatusRecorded => "status.recorded",
            Self::VerificationRecorded => "verification.recorded",
            Self::SettingChanged => "setting.changed",
            Self::SettingDeleted => "setting.deleted",
            Self::ChecksEnded => "verification.checked",
            Self::SessionBegun => "liveness_session.begun",
            Self::SessionCreated => "liveness_session.created",
            Self::CredentialsIssued => "aws_credentials.issued",
            Self::SessionFinished => "liveness_session.finished",
            Self::TrustRefused => "trust.refused",
            Self::ClientCreated => "client.created",
            Self::ClientChanged => "client.changed",
            Self::ClientDeleted => "client.deleted",
            Self::ClientSecretCreated => "client_secret.created",
            Self::ClientSecretDeleted => "client_secret.deleted",
            Self::TokenRevoked => "token.revoked",
            Self::WebhookCreated => "webhook.created",
            Self::WebhookChanged => "webhook.changed",
            Self::WebhookDeleted => "webhook.deleted",
            Self::WebhookSecretRotated => "webhook_secret.rotated",
            Self::WebhookSent => "webhook.sent",
            Self::WebhookReplayed => "webhook.replayed",
            Self::WebhookFailing => "webhook.failing",
            Self::WebhookDisabled => "webhook.disabled",
        }
    }
}
