//! The audit trail: who did what to which record, without personal data. Each kind of event is described here once.

use std::net::IpAddr;

use crate::domain::outbox::names_type;
use crate::records::RecordKind;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The kind of object of a stored file; its id is `collection/record/name`.
const FILE_OBJECT: &str = "files";

impl AuditEvent {
    /// A line of the audit trail of what this server did by itself. `detail` names fields, keys or statuses, never values.
    #[must_use]
    pub fn new(kind: EventKind, at: Millis, actor: impl Into<String>) -> Self {
        Self {
            id: RecordId::random_at(at),
            at,
            kind: kind.word().to_owned(),
            actor_kind: ActorKind::System,
            actor: actor.into(),
            team: String::new(),
            profile: None,
            object_kind: String::new(),
            object_id: String::new(),
            address: String::new(),
            request_id: String::new(),
            detail: String::new(),
        }
    }

    /// The same done by an actor of that kind.
    #[must_use]
    pub fn by(self, actor_kind: ActorKind) -> Self {
        Self { actor_kind, ..self }
    }

    /// The same by an unknown actor on an unknown object.
    #[must_use]
    pub fn anonymous(self) -> Self {
        let unknown = String::new();
        Self {
            actor: unknown.clone(),
            actor_kind: ActorKind::System,
            object_kind: unknown.clone(),
            object_id: unknown,
            ..self
        }
    }

    /// The same about a profile.
    #[must_use]
    pub fn about(self, profile: Option<RecordId>) -> Self {
        Self { profile, ..self }
    }

    /// The same done to a record.
    #[must_use]
    pub fn on(self, kind: RecordKind, id: impl Into<String>) -> Self {
        Self { object_kind: kind.name().to_owned(), object_id: id.into(), ..self }
    }

    /// The same done to a stored file.
    #[must_use]
    pub fn on_file(self, path: impl Into<String>) -> Self {
        Self { object_kind: FILE_OBJECT.to_owned(), object_id: path.into(), ..self }
    }

    /// The same from an observed address.
    #[must_use]
    pub fn from_address(self, address: Option<IpAddr>) -> Self {
        Self { address: address.map(|address| address.to_string()).unwrap_or_default(), ..self }
    }

    /// The same with a detail.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The line of what the person of that profile has done without a token.
    #[must_use]
    pub fn by_person(self, profile: RecordId) -> Self {
        Self { actor_kind: ActorKind::Link, actor: profile.to_string(), profile: Some(profile), ..self }
    }
}

/// Describes the kinds of event: for each its name here, its word in the table, and what happened.
macro_rules! event_kinds {
    ($($name:ident = $word:literal, $description:literal;)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventKind {
            $(#[doc = $description] $name,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its word in the table.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What happened, in a sentence without an end.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $description,)*
                }
            }
        }
    };
}

event_kinds! {
    ProfileCreated = "profile.created", "A profile was created";
    ProfileChanged = "profile.changed", "Fields of a profile were changed";
    ProfileStarted = "profile.started", "A person has opened their link for the first time";
    ConsentAccepted = "consent.accepted", "A person has agreed to a text";
    ConsentWithdrawn = "consent.withdrawn", "A person no longer agrees to a text";
    HandoffOffered = "handoff.offered", "A person was given a code with which another device goes on";
    HandoffTaken = "handoff.taken", "Another device has taken that code";
    LinksRevoked = "links.revoked", "A company's server has ended every link of a profile";
    StatusRecorded = "status.recorded", "A status record was made";
    VerificationRecorded = "verification.recorded", "A verification record was made";
    SettingChanged = "setting.changed", "A setting was changed";
    SettingDeleted = "setting.deleted", "A setting was deleted";
    ChecksEnded = "verification.checked", "The checks on a verification record have come to an end";
    SessionCreated = "liveness_session.created", "A liveness session was created";
    SessionBegun = "liveness_session.begun", "A person's frames have come in to be judged";
    CredentialsIssued = "aws_credentials.issued", "A browser or a server was given temporary credentials";
    SessionFinished = "liveness_session.finished", "A provider's result was kept";
    ProviderFailed = "provider.failed", "A provider could not serve a person: the detail names the provider and the cause";
    TrustRefused = "trust.refused", "A browser tried to raise its own trust, or to change what is decided";
    ClientCreated = "client.created", "A client was made";
    ClientChanged = "client.changed", "A client was changed";
    ClientDeleted = "client.deleted", "A client was deleted";
    ClientSecretCreated = "client_secret.created", "A client was given another secret";
    ClientSecretDeleted = "client_secret.deleted", "A secret of a client was ended";
    TokenRevoked = "token.revoked", "A client has ended a token of its own before its time";
    WebhookCreated = "webhook.created", "A webhook endpoint was made";
    WebhookChanged = "webhook.changed", "A webhook endpoint was changed";
    WebhookDeleted = "webhook.deleted", "A webhook endpoint was deleted";
    WebhookSecretRotated = "webhook_secret.rotated", "A webhook endpoint was given another secret";
    WebhookSecretShown = "webhook_secret.shown", "A console user has read the secrets of a webhook endpoint";
    WebhookSent = "webhook.sent", "A client has sent a webhook endpoint a test, or an event again";
    WebhookReplayed = "webhook.replayed", "A client has had the events of a time sent again";
    WebhookFailing = "webhook.failing", "Deliveries to a webhook endpoint fail";
    WebhookDisabled = "webhook.disabled", "The server has disabled a webhook endpoint";
    ReviewCreated = "review.created", "A client has a record looked at";
    ReviewOpened = "review.opened", "A console user has opened a review";
    ReviewsSearched = "reviews.searched", "A console user has searched reviews: the detail names the filters";
    ReviewClaimed = "review.claimed", "A review was claimed";
    ReviewTakenOver = "review.taken_over", "A claim was taken from another holder";
    ReviewReleased = "review.released", "A claim was given back";
    ReviewDeciding = "review.deciding", "A review was decided: the decision can still be undone";
    ReviewUndone = "review.undone", "A decision was taken back before it took effect";
    ReviewProposed = "review.proposed", "A decision was put before a second person: what it is stands in the row that ends the second look";
    ReviewEscalated = "review.escalated", "A second person did not agree with a decision, which the detail names";
    ReviewDecided = "review.decided", "A decision of a review has taken effect";
    ReviewResubmissionRequested = "review.resubmission_requested", "A reviewer has asked a person for another try";
    ReviewReopened = "review.reopened", "A decided review was opened again";
    ReviewNoted = "review.noted", "A note was added to a review";
    ReviewRevealed = "review.revealed", "Masked values were shown: the detail names the fields and the kind of reason, whose words are in a note of the review";
    ProfileOpened = "profile.opened", "A console user has opened a profile";
    ProfilesSearched = "profiles.searched", "A console user has listed profiles: the detail names the filters, not what they sought";
    FileViewed = "file.viewed", "A console user has viewed a stored file";
    ConsoleSetUp = "console.set_up", "The first user of the console was made";
    SignInFailed = "sign_in.failed", "Somebody could not sign in to the console: the detail says at which step, and how often in an hour";
    SessionStarted = "session.started", "A console user has signed in";
    SessionConfirmed = "session.confirmed", "A console user has shown the second factor again";
    SessionEnded = "session.ended", "A console user has signed out, or has ended another session of theirs";
    UserInvited = "user.invited", "A console user was invited, or was given another link";
    UserJoined = "user.joined", "A console user has accepted the invitation";
    UserChanged = "user.changed", "A console user was changed: the detail names the fields, and the roles before and after";
    UserDeleted = "user.deleted", "A console user was deleted";
    AccountChanged = "account.changed", "A console user has changed fields of their own account";
    PasswordChanged = "password.changed", "A console user has another password; their other sessions have ended";
    PasswordReset = "password.reset", "The password of a console user was removed on the server, and a link for a new one made";
    FactorAdded = "factor.added", "A console user has a new second factor";
    FactorRemoved = "factor.removed", "A console user has removed a second factor or a way of signing in of their own";
    PasskeyCounterWentBack = "passkey.counter_went_back", "A passkey was refused because its counter went backwards: it may have been copied";
    FactorsReset = "factor.reset", "The second factors of a console user were removed, and their sessions ended";
    RecoveryCodesDrawn = "recovery_codes.drawn", "A console user has new recovery codes";
    RecoveryCodeUsed = "recovery_codes.used", "A console user has used a recovery code";
    AuditExported = "audit.exported", "The audit trail was exported: the detail names the form and the filters";
}

impl EventKind {
    /// The kinds that a pattern names: a kind, a group such as `review.*`, or `*`. Empty when it names none.
    #[must_use]
    pub fn list_named(pattern: &str) -> Vec<Self> {
        Self::ALL.iter().copied().filter(|kind| names_type(pattern, kind.word())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_unique_and_patterns_name_groups() {
        let words: BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), EventKind::ALL.len());
        assert!(EventKind::ALL.iter().all(|kind| kind.word().contains('.') && !kind.description().ends_with('.')));
        let named = |pattern: &str| EventKind::list_named(pattern);
        assert_eq!(named("profile.created"), [EventKind::ProfileCreated]);
        assert_eq!(named("consent.*"), [EventKind::ConsentAccepted, EventKind::ConsentWithdrawn]);
        assert_eq!(named("*").len(), EventKind::ALL.len());
        for unknown in ["", "profile", "prof*", "consent.gone", "Profile.created"] {
            assert!(named(unknown).is_empty(), "{unknown}");
        }
    }
}
