//! Record kinds: what each record holds, described once. The rows of both SQL databases, PocketBase's fields, `copy`, the
//! API's answers and the data class of each field are derived from these descriptions.

pub mod analytics;
pub mod audit_event;
pub mod checks;
pub mod client;
pub mod console_challenge;
pub mod console_credential;
pub mod console_identity;
pub mod console_link;
pub mod console_session;
pub mod console_user;
pub mod document_reading;
mod field;
mod field_map;
pub mod file_intent;
pub mod finding_code;
pub mod id;
pub mod idempotency_key;
pub mod liveness_frame;
pub mod liveness_session;
pub mod masking;
pub mod outbox_event;
pub mod profile;
pub mod review;
pub mod revoked_token;
pub mod serde_forms;
pub mod setting;
pub mod status_record;
pub mod status_word;
pub mod time;
pub mod verification_record;
pub mod webhook_delivery;
pub mod webhook_endpoint;
pub mod word_schema;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use field::{DataClass, Field, FieldFlag, FieldType};
pub use field_map::FieldMap;

/// The kinds of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    Profiles,
    LivenessSessions,
    VerificationHistory,
    StatusHistory,
    Settings,
    AuditEvents,
    LivenessFrames,
    /// What happened, for webhooks and `GET /api/events`.
    OutboxEvents,
    Clients,
    RevokedTokens,
    WebhookEndpoints,
    /// Files that may be stored without a record. Only SQL stores have them.
    FileIntents,
    /// Keys of requests that may be repeated, with their answers. They last a day, and are not copied.
    IdempotencyKeys,
    /// What endpoints get. Only SQL stores have these three; with PocketBase a database in the data folder keeps them.
    WebhookDeliveries,
    WebhookAttempts,
    DeliveryProgress,
    /// Statistics. They are beside the deliveries, and are not copied.
    AnalyticsProfiles,
    AnalyticsDays,
    AnalyticsProgress,
    /// People who sign in to the console. With PocketBase these three are in a database in the data folder too.
    ConsoleUsers,
    ConsoleSessions,
    ConsoleLinks,
    /// Challenges for passkeys, and whose passkeys are. They are beside the users.
    ConsoleChallenges,
    ConsoleCredentials,
    /// Users at OpenID Connect providers, and sign-ins with these that are under way. They are beside the users.
    ConsoleIdentities,
    ConsoleSignIns,
    /// Verification records that people look at, and their notes.
    Reviews,
    ReviewNotes,
    /// What the local engines read on pictures. They are beside the deliveries, and are not copied.
    DocumentReadings,
    /// Which versions of reviews have been changed. Only PocketBase has them, and they are not copied. They are the last,
    /// because SQL tables are numbered by kind.
    ReviewVersions,
}

impl RecordKind {
    /// Every kind that `copy` moves between all stores, those that others name first.
    pub const COPIED: [Self; 13] = [
        Self::Profiles,
        Self::LivenessSessions,
        Self::VerificationHistory,
        Self::StatusHistory,
        Self::Settings,
        Self::AuditEvents,
        Self::LivenessFrames,
        Self::OutboxEvents,
        Self::Clients,
        Self::RevokedTokens,
        Self::WebhookEndpoints,
        Self::Reviews,
        Self::ReviewNotes,
    ];

    /// Every kind that `copy` moves between SQL stores only: PocketBase keeps none of them.
    pub const COPIED_BETWEEN_SQL: [Self; 3] = [Self::ConsoleUsers, Self::ConsoleCredentials, Self::ConsoleIdentities];

    /// Its name as an SQL table and as a PocketBase collection.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profiles => "profiles",
            Self::LivenessSessions => "liveness_sessions",
            Self::VerificationHistory => "verification_history",
            Self::StatusHistory => "status_history",
            Self::Settings => "settings",
            Self::AuditEvents => "audit_events",
            Self::LivenessFrames => "liveness_frames",
            Self::OutboxEvents => "outbox_events",
            Self::Clients => "clients",
            Self::RevokedTokens => "revoked_tokens",
            Self::FileIntents => "file_intents",
            Self::IdempotencyKeys => "idempotency_keys",
            Self::WebhookEndpoints => "webhook_endpoints",
            Self::WebhookDeliveries => "webhook_deliveries",
            Self::WebhookAttempts => "webhook_attempts",
            Self::DeliveryProgress => "delivery_progress",
            Self::AnalyticsProfiles => "analytics_profiles",
            Self::AnalyticsDays => "analytics_days",
            Self::AnalyticsProgress => "analytics_progress",
            Self::ConsoleUsers => "console_users",
            Self::ConsoleSessions => "console_sessions",
            Self::ConsoleLinks => "console_links",
            Self::ConsoleChallenges => "console_challenges",
            Self::ConsoleCredentials => "console_credentials",
            Self::ConsoleIdentities => "console_identities",
            Self::ConsoleSignIns => "console_sign_ins",
            Self::Reviews => "reviews",
            Self::ReviewNotes => "review_notes",
            Self::ReviewVersions => "review_versions",
            Self::DocumentReadings => "document_readings",
        }
    }

    /// Its fields. The first is the key, which tells records of one kind apart.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Profiles => profile::Profile::FIELDS,
            Self::LivenessSessions => liveness_session::LivenessSession::FIELDS,
            Self::VerificationHistory => verification_record::VerificationRecord::FIELDS,
            Self::StatusHistory => status_record::StatusRecord::FIELDS,
            Self::Settings => setting::Setting::FIELDS,
            Self::AuditEvents => audit_event::AuditEvent::FIELDS,
            Self::LivenessFrames => liveness_frame::LivenessFrame::FIELDS,
            Self::OutboxEvents => outbox_event::OutboxEvent::FIELDS,
            Self::Clients => client::ClientRecord::FIELDS,
            Self::RevokedTokens => revoked_token::RevokedToken::FIELDS,
            Self::FileIntents => file_intent::FileIntent::FIELDS,
            Self::IdempotencyKeys => idempotency_key::IdempotencyKey::FIELDS,
            Self::WebhookEndpoints => webhook_endpoint::WebhookEndpoint::FIELDS,
            Self::WebhookDeliveries => webhook_delivery::WebhookDelivery::FIELDS,
            Self::WebhookAttempts => webhook_delivery::WebhookAttempt::FIELDS,
            Self::DeliveryProgress => webhook_delivery::DeliveryProgress::FIELDS,
            Self::AnalyticsProfiles => analytics::AnalyticsProfile::FIELDS,
            Self::AnalyticsDays => analytics::AnalyticsDay::FIELDS,
            Self::AnalyticsProgress => analytics::AnalyticsProgress::FIELDS,
            Self::ConsoleUsers => console_user::ConsoleUser::FIELDS,
            Self::ConsoleSessions => console_session::ConsoleSession::FIELDS,
            Self::ConsoleLinks => console_link::ConsoleLink::FIELDS,
            Self::ConsoleChallenges => console_challenge::ConsoleChallenge::FIELDS,
            Self::ConsoleCredentials => console_credential::ConsoleCredential::FIELDS,
            Self::ConsoleIdentities => console_identity::ConsoleIdentity::FIELDS,
            Self::ConsoleSignIns => console_identity::ConsoleSignIn::FIELDS,
            Self::Reviews => review::Review::FIELDS,
            Self::ReviewNotes => review::ReviewNote::FIELDS,
            Self::ReviewVersions => review::ReviewVersion::FIELDS,
            Self::DocumentReadings => document_reading::StoredReading::FIELDS,
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The name of its key.
    #[must_use]
    pub const fn key_field(self) -> &'static str {
        self.fields()[0].name
    }

    /// Says whether its ids are drawn by this program. Other keys are a provider's id or an operator's word.
    #[must_use]
    pub const fn has_record_ids(self) -> bool {
        !matches!(self, Self::LivenessSessions | Self::Settings | Self::FileIntents)
    }

    /// Says whether it has a part for biometric data, which can be erased alone.
    #[must_use]
    pub fn has_biometric_part(self) -> bool {
        self.fields().iter().any(|field| field.class == DataClass::Biometric)
    }
}

/// The kinds of record that own files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FileCollection)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    Profiles,
    VerificationHistory,
    LivenessSessions,
}

impl Collection {
    /// Every collection.
    pub const ALL: [Self; 3] = [Self::Profiles, Self::VerificationHistory, Self::LivenessSessions];

    /// The kind of its records.
    #[must_use]
    pub const fn kind(self) -> RecordKind {
        match self {
            Self::Profiles => RecordKind::Profiles,
            Self::VerificationHistory => RecordKind::VerificationHistory,
            Self::LivenessSessions => RecordKind::LivenessSessions,
        }
    }

    /// Its name in paths and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.kind().name()
    }

    /// The collection of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collection| collection.name() == name)
    }
}

/// A record that stores keep.
pub trait Record: Serialize + DeserializeOwned + Send + 'static {
    const KIND: RecordKind;
    const FIELDS: &'static [Field];

    /// Clears every field with that flag, so that an answer leaves it out.
    fn clear_flagged(&mut self, flag: FieldFlag);

    /// Masks every field that identifies a person, and clears what gives access to something.
    fn mask_fields(&mut self);
}

/// Describes a record kind: the struct, and for each field its data class, what it holds, its flags, and its name in
/// PocketBase where that differs.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $kind:ident {
            $(
                $(#[$field_meta:meta])*
                $field:ident: $type:ty = $class:ident $holds:ident [$($flag:ident)*] $($in_pocketbase:literal)?,
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            /// The fields of this kind, the key first.
            pub(crate) const FIELDS: &'static [$crate::records::Field] = &[$(
                $crate::records::Field {
                    name: stringify!($field),
                    in_pocketbase: $crate::records::record!(@name $field $($in_pocketbase)?),
                    class: $crate::records::DataClass::$class,
                    holds: $crate::records::FieldType::$holds,
                    flags: &[$($crate::records::FieldFlag::$flag),*],
                }
            ),*];
        }

        impl $crate::records::Record for $name {
            const KIND: $crate::records::RecordKind = $crate::records::RecordKind::$kind;
            const FIELDS: &'static [$crate::records::Field] = Self::FIELDS;

            fn clear_flagged(&mut self, flag: $crate::records::FieldFlag) {
                $(
                    if [$($crate::records::FieldFlag::$flag),*].contains(&flag) {
                        $crate::records::record!(@clear self $field [$($flag)*]);
                    }
                )*
            }

            fn mask_fields(&mut self) {
                $($crate::records::record!(@mask $class self $field [$($flag)*]);)*
            }
        }
    };
    (@mask Fields $record:ident $field:ident [ShowsInitials $($rest:ident)*]) => { $crate::records::record!(@hide $record $field Initials) };
    (@mask Fields $record:ident $field:ident [ShowsLastThree $($rest:ident)*]) => { $crate::records::record!(@hide $record $field LastThree) };
    (@mask Fields $record:ident $field:ident [ShowsYear $($rest:ident)*]) => { $crate::records::record!(@hide $record $field YearOnly) };
    (@mask Fields $record:ident $field:ident [ShowsChecks $($rest:ident)*]) => { $crate::records::record!(@hide $record $field WithoutEvidence) };
    (@mask Fields $record:ident $field:ident [$other:ident $($rest:ident)*]) => {
        $crate::records::record!(@mask Fields $record $field [$($rest)*])
    };
    (@mask Fields $record:ident $field:ident []) => { $crate::records::record!(@hide $record $field Hide) };
    (@mask Biometric $record:ident $field:ident [$($flag:ident)*]) => { $record.$field = Default::default() };
    (@mask Secret $record:ident $field:ident [$($flag:ident)*]) => { $record.$field = Default::default() };
    (@mask $class:ident $record:ident $field:ident [$($flag:ident)*]) => {};
    (@hide $record:ident $field:ident $mask:ident) => {
        $crate::records::masking::Maskable::mask(&mut $record.$field, $crate::records::masking::Mask::$mask)
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $in_pocketbase:literal) => { $in_pocketbase };
    // Only fields that answers may leave out need an empty value.
    (@clear $record:ident $field:ident [Hidden $($rest:ident)*]) => { $record.$field = Default::default() };
    (@clear $record:ident $field:ident [NotForFlow $($rest:ident)*]) => { $record.$field = Default::default() };
    (@clear $record:ident $field:ident [$other:ident $($rest:ident)*]) => {
        $crate::records::record!(@clear $record $field [$($rest)*])
    };
    (@clear $record:ident $field:ident []) => {};
}
pub(crate) use record;

/// A record's fields by name.
///
/// # Errors
/// Never for records of this program: their fields are all JSON.
pub fn to_fields(record: &impl Record) -> serde_json::Result<FieldMap> {
    FieldMap::of_object(record)
}
