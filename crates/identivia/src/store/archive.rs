//! Whole records, for moving house: every column of every kind, and how a store hands them out and takes them in.
//!
//! Notes of files on their way are no records, nor are codes on theirs to another device: they mean nothing elsewhere.

use async_trait::async_trait;
use serde_json::Value;

use super::{Attached, Collection, Result};
use crate::domain::liveness::session_key;
use crate::records::id::RecordId;

/// The kinds of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Profiles,
    LivenessSessions,
    VerificationHistory,
    StatusHistory,
    Settings,
    Events,
    LivenessFrames,
}

/// A column of a kind.
pub struct Column {
    pub name: &'static str,
    pub holds: Holds,
    /// The field's name in PocketBase.
    pub in_pocketbase: &'static str,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Text,
    /// JSON text or nothing, kept as it was sent.
    Document,
    /// A setting's value.
    Json,
    /// A number or nothing.
    Real,
    Time,
    Flag,
    /// The stored name of a file, or nothing.
    File,
    /// What the newest record of a history says. A store that takes the history in sees to it.
    Shown,
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    Number(i64),
    Real(Option<f64>),
    Json(Value),
}

/// A whole record: a cell for each column of its kind, the first of which tells it from others.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: Kind,
    pub cells: Vec<Cell>,
}

/// A store that can be copied.
#[async_trait]
pub trait Archive: Send + Sync {
    /// The ids of all records of a kind, in the order of their making.
    async fn ids(&self, kind: Kind) -> Result<Vec<String>>;
    /// Those of these records that are there, in any order.
    async fn records(&self, kind: Kind, ids: &[String]) -> Result<Vec<Record>>;
    /// Adds records of one kind in that order, and says of each whether it was added: where something is in its way, an
    /// id or another value that must be unique, nothing is changed. Files come with a single record.
    async fn keep(&self, records: Vec<Record>, attached: Attached) -> Result<Vec<bool>>;
    /// The columns of a kind that the store fills in by itself, whatever it is given.
    async fn filled_in(&self, kind: Kind) -> Result<Vec<&'static str>>;
}

const fn column(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, in_pocketbase: name }
}

const fn text(name: &'static str) -> Column {
    column(name, Holds::Text)
}

const fn renamed(name: &'static str, holds: Holds, in_pocketbase: &'static str) -> Column {
    Column { name, holds, in_pocketbase }
}

const PROFILES: &[Column] = &[
    text("id"),
    text("team"),
    renamed("user_id", Holds::Text, "userID"),
    text("name"),
    text("document_type"),
    text("document_number"),
    text("document_name"),
    text("country"),
    text("phone_number"),
    text("email"),
    text("security_level"),
    text("gender"),
    text("ip_address"),
    text("language"),
    renamed("verification_status", Holds::Text, "status"),
    column("recorded_status", Holds::Shown),
    column("newest_verification", Holds::Shown),
    renamed("liveness_session_id", Holds::Text, "face_liveness_session_id"),
    renamed("liveness_confidence", Holds::Real, "face_liveness_confidence"),
    renamed("liveness_status", Holds::Text, "face_liveness_status"),
    text("liveness_confirmed_by"),
    text("claimed_session_id"),
    column("claimed_confidence", Holds::Real),
    text("claimed_status"),
    renamed("claimed_result", Holds::Document, "face_liveness_result"),
    column("document_front", Holds::File),
    column("document_back", Holds::File),
    column("facial_photo", Holds::File),
    column("facial_video", Holds::File),
    column("consent", Holds::Document),
    column("details_draft", Holds::Document),
    text("redirect_url"),
    column("created", Holds::Time),
    column("updated", Holds::Time),
];

const LIVENESS_SESSIONS: &[Column] = &[
    renamed("id", Holds::Text, "session_id"),
    text("profile"),
    text("status"),
    column("confidence", Holds::Real),
    column("expires", Holds::Time),
    text("used_by"),
    text("team"),
    column("details", Holds::Document),
    column("reference_image", Holds::File),
    column("audit_image_1", Holds::File),
    column("audit_image_2", Holds::File),
    column("audit_image_3", Holds::File),
    column("audit_image_4", Holds::File),
];

const VERIFICATION_HISTORY: &[Column] = &[
    text("id"),
    text("profile"),
    text("status"),
    text("liveness_session_id"),
    column("liveness_confidence", Holds::Real),
    text("liveness_status"),
    text("liveness_confirmed_by"),
    column("claimed_confidence", Holds::Real),
    text("claimed_status"),
    text("document_type"),
    text("document_number"),
    text("country"),
    text("name"),
    text("address"),
    text("gender"),
    text("date_of_birth"),
    column("fingerprint", Holds::Document),
    text("fingerprint_status"),
    column("fingerprint_event", Holds::Document),
    text("ip_address"),
    column("facial_photo", Holds::File),
    column("document_front", Holds::File),
    column("document_back", Holds::File),
    text("created_by"),
    column("created", Holds::Time),
    column("updated", Holds::Time),
    text("checks_status"),
    column("checks", Holds::Document),
    column("checks_due", Holds::Time),
    column("checks_attempts", Holds::Real),
    column("face_templates", Holds::Document),
];

const STATUS_HISTORY: &[Column] = &[
    text("id"),
    text("profile"),
    text("updated_by"),
    text("previous_status"),
    text("new_status"),
    text("notes"),
    text("verification"),
    column("created", Holds::Time),
];

const SETTINGS: &[Column] =
    &[text("key"), column("value", Holds::Json), column("public", Holds::Flag), column("updated", Holds::Time)];

const EVENTS: &[Column] = &[
    text("id"),
    column("at", Holds::Time),
    text("kind"),
    text("actor"),
    text("profile"),
    text("request_id"),
    text("detail"),
];

const LIVENESS_FRAMES: &[Column] =
    &[text("id"), text("session"), text("imprint_key"), text("imprint"), column("created", Holds::Time)];

impl Kind {
    /// Every kind, those that others name first.
    pub const ALL: [Self; 7] = [
        Self::Profiles,
        Self::LivenessSessions,
        Self::VerificationHistory,
        Self::StatusHistory,
        Self::Settings,
        Self::Events,
        Self::LivenessFrames,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profiles => "profiles",
            Self::LivenessSessions => "liveness_sessions",
            Self::VerificationHistory => "verification_history",
            Self::StatusHistory => "status_history",
            Self::Settings => "settings",
            Self::Events => "events",
            Self::LivenessFrames => "liveness_frames",
        }
    }

    /// Its columns, the one that tells records apart first.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Profiles => PROFILES,
            Self::LivenessSessions => LIVENESS_SESSIONS,
            Self::VerificationHistory => VERIFICATION_HISTORY,
            Self::StatusHistory => STATUS_HISTORY,
            Self::Settings => SETTINGS,
            Self::Events => EVENTS,
            Self::LivenessFrames => LIVENESS_FRAMES,
        }
    }

    /// The collection of files that it owns, if it owns any.
    #[must_use]
    pub const fn collection(self) -> Option<Collection> {
        match self {
            Self::Profiles => Some(Collection::Profiles),
            Self::VerificationHistory => Some(Collection::VerificationHistory),
            Self::LivenessSessions => Some(Collection::LivenessSessions),
            _ => None,
        }
    }

    /// Says whether its ids are ours rather than a provider's or an operator's words.
    #[must_use]
    pub const fn has_record_ids(self) -> bool {
        !matches!(self, Self::LivenessSessions | Self::Settings)
    }
}

impl Record {
    /// What tells it from others of its kind.
    #[must_use]
    pub fn id(&self) -> &str {
        match self.cells.first() {
            Some(Cell::Text(id)) => id,
            _ => "",
        }
    }

    /// The id under which its files are kept: its own, or that of a record whose own is a provider's.
    #[must_use]
    pub fn files_id(&self) -> Option<RecordId> {
        match self.kind {
            Kind::LivenessSessions => Some(session_key(self.id())),
            _ => RecordId::parse(self.id()),
        }
    }

    /// Its columns and what is in them.
    pub fn columns(&self) -> impl Iterator<Item = (&'static Column, &Cell)> {
        self.kind.columns().iter().zip(&self.cells)
    }

    /// The text in a column; empty where there is none.
    #[must_use]
    pub fn text(&self, column: &str) -> &str {
        match self.columns().find(|(found, _)| found.name == column) {
            Some((_, Cell::Text(text))) => text,
            _ => "",
        }
    }

    /// The files that it names: column and stored name.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.columns().filter_map(|(column, cell)| match cell {
            Cell::Text(name) if column.holds == Holds::File && !name.is_empty() => Some((column.name, name.as_str())),
            _ => None,
        })
    }

    /// The names of the columns in which two records of a kind differ. Files count by whether there is one where the two
    /// stores give them names of their own.
    #[must_use]
    pub fn differences(&self, other: &Self, same_file_names: bool) -> Vec<&'static str> {
        let pairs = self.columns().zip(&other.cells);
        let differing = pairs.filter(|((column, cell), other)| match (column.holds, cell, other) {
            (Holds::File, Cell::Text(name), Cell::Text(other)) if !same_file_names => {
                name.is_empty() != other.is_empty()
            }
            (Holds::Document, Cell::Text(text), Cell::Text(other)) => document(text) != document(other),
            (Holds::Real, Cell::Real(Some(real)), Cell::Real(Some(other))) => !is_near(*real, *other),
            _ => cell != other,
        });
        differing.map(|((column, _), _)| column.name).collect()
    }
}

/// What a document says, however it is spaced: a JSON field of PocketBase's keeps no spaces.
fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// A number that has been written in decimal and read again may be off by its last bit.
fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= one.abs().max(other.abs()) * 2.0 * f64::EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(confidence: Option<f64>, fingerprint: &str, front: &str) -> Record {
        let cells = VERIFICATION_HISTORY.iter().map(|column| match (column.name, column.holds) {
            ("liveness_confidence", _) => Cell::Real(confidence),
            ("fingerprint", _) => Cell::Text(fingerprint.to_owned()),
            ("document_front", _) => Cell::Text(front.to_owned()),
            (_, Holds::Time) => Cell::Number(1),
            (_, Holds::Real) => Cell::Real(None),
            _ => Cell::Text("a".to_owned()),
        });
        Record { kind: Kind::VerificationHistory, cells: cells.collect() }
    }

    #[test]
    fn records_differ_by_what_they_mean() {
        let one = record(Some(0.1 + 0.2), "{\"a\": 1}", "a_1.png");
        assert_eq!(one.differences(&record(Some(0.3), "{\"a\":1}", "b_2.png"), false), [""; 0]);
        assert_eq!(one.differences(&record(Some(0.3), "{\"a\":1}", "b_2.png"), true), ["document_front"]);
        assert_eq!(one.differences(&record(Some(0.3), "", ""), false), ["fingerprint", "document_front"]);
        for other in [None, Some(0.30001), Some(0.0)] {
            assert_eq!(one.differences(&record(other, "{\"a\":1}", "a_1.png"), true), ["liveness_confidence"]);
        }
    }
}
