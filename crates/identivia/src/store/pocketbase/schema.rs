//! The collections that records live in: what is there, what is missing, and the making of it.
//!
//! What is there is never changed: only whole collections, fields and indexes are added.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Answer, Role};
use super::{PocketBase, unexpected};
use crate::domain::PARAGRAPH;
use crate::domain::liveness::SESSION_FILES;
use crate::domain::media::{MAX_IMAGE_BYTES, MAX_VIDEO_BYTES};
use crate::store::{Result, StoreError};

/// Bytes of JSON that are kept of visitor data and of a liveness result, with room for escapes.
const DOCUMENT_CHARACTERS: usize = 100_000;
const IMAGE_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];
/// What PocketBase sees in the videos that we take.
const VIDEO_TYPES: [&str; 5] =
    ["video/webm", "video/mp4", "video/quicktime", "video/x-m4v", "application/octet-stream"];

/// The ids that PocketBase gives by itself, and the only ones that we take.
const ID_LENGTH: u64 = 15;
const ID_PATTERN: &str = "^[a-z0-9]+$";

/// The kinds of field that we use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text(usize),
    /// A number or nothing: PocketBase's own numbers cannot be unknown.
    Json,
    Bool,
    Date,
    /// The id of a profile.
    Profile,
    Image,
    Video,
    /// An image as a provider gave it, of whatever kind.
    Evidence,
}

/// A collection as we need it.
struct Wanted {
    name: &'static str,
    fields: Vec<(&'static str, Kind)>,
    /// A name and what follows `on <table>`.
    indexes: Vec<(&'static str, bool, &'static str)>,
}

const LINE: Kind = Kind::Text(crate::domain::LINE);

fn wanted() -> Vec<Wanted> {
    vec![
        profiles(),
        verification_history(),
        status_history(),
        settings(),
        liveness_sessions(),
        liveness_frames(),
        audit_events(),
    ]
}

fn lines(names: &[&'static str]) -> Vec<(&'static str, Kind)> {
    names.iter().map(|name| (*name, LINE)).collect()
}

fn profiles() -> Wanted {
    let mut fields = lines(&[
        "team",
        "userID",
        "name",
        "document_type",
        "document_number",
        "document_name",
        "country",
        "phone_number",
        "email",
        "security_level",
        "gender",
        "ip_address",
        "language",
        "status",
        "recorded_status",
        "face_liveness_session_id",
        "face_liveness_status",
        "liveness_confirmed_by",
        "claimed_session_id",
        "claimed_status",
    ]);
    fields.extend([
        ("face_liveness_confidence", Kind::Json),
        ("claimed_confidence", Kind::Json),
        ("face_liveness_result", Kind::Text(DOCUMENT_CHARACTERS)),
        ("document_front", Kind::Image),
        ("document_back", Kind::Image),
        ("facial_photo", Kind::Image),
        ("facial_video", Kind::Video),
        ("consent", Kind::Text(PARAGRAPH)),
        ("details_draft", Kind::Text(DOCUMENT_CHARACTERS)),
        ("redirect_url", Kind::Text(PARAGRAPH)),
        ("handoff_code", LINE),
        ("handoff_ends", Kind::Date),
        ("handoff_token_ends", Kind::Date),
        ("handoff_scope", Kind::Text(PARAGRAPH)),
        ("created", Kind::Date),
        ("updated", Kind::Date),
    ]);
    let indexes = vec![
        ("identivia_profiles_team_user", true, "(`team`, `userID`)"),
        ("identivia_profiles_created", false, "(`created`, `id`)"),
        ("identivia_profiles_handoff", true, "(`handoff_code`) WHERE `handoff_code` != ''"),
    ];
    Wanted { name: "profiles", fields, indexes }
}

fn verification_history() -> Wanted {
    let mut fields = vec![("profile", Kind::Profile)];
    fields.extend(lines(&[
        "status",
        "liveness_session_id",
        "session_claim",
        "liveness_status",
        "liveness_confirmed_by",
        "claimed_status",
        "document_type",
        "document_number",
        "country",
        "name",
        "gender",
        "date_of_birth",
        "ip_address",
        "created_by",
    ]));
    fields.extend([
        ("address", Kind::Text(PARAGRAPH)),
        ("liveness_confidence", Kind::Json),
        ("claimed_confidence", Kind::Json),
        ("fingerprint", Kind::Text(DOCUMENT_CHARACTERS)),
        ("fingerprint_status", LINE),
        ("fingerprint_event", Kind::Text(DOCUMENT_CHARACTERS)),
        ("checks_status", LINE),
        ("checks", Kind::Text(DOCUMENT_CHARACTERS)),
        ("checks_due", Kind::Date),
        ("checks_attempts", Kind::Json),
        ("face_templates", Kind::Text(DOCUMENT_CHARACTERS)),
        ("facial_photo", Kind::Image),
        ("document_front", Kind::Image),
        ("document_back", Kind::Image),
        ("created", Kind::Date),
        ("updated", Kind::Date),
    ]);
    let indexes = vec![
        ("identivia_verifications_profile", false, "(`profile`, `created`)"),
        ("identivia_verifications_checks", false, "(`checks_due`) WHERE `checks_status` = 'pending'"),
        // A liveness session serves one record: the second to claim it is refused.
        ("identivia_verifications_claim", true, "(`session_claim`) WHERE `session_claim` != ''"),
    ];
    Wanted { name: "verification_history", fields, indexes }
}

fn status_history() -> Wanted {
    let mut fields = vec![("profile", Kind::Profile)];
    fields.extend(lines(&["updated_by", "previous_status", "new_status", "verification", "follows"]));
    fields.extend([("notes", Kind::Text(PARAGRAPH)), ("created", Kind::Date), ("updated", Kind::Date)]);
    let indexes = vec![
        ("identivia_statuses_profile", false, "(`profile`, `created`)"),
        // Of two steps that start from the same record one is kept.
        ("identivia_statuses_follows", true, "(`profile`, `follows`) WHERE `follows` != ''"),
    ];
    Wanted { name: "status_history", fields, indexes }
}

fn settings() -> Wanted {
    let fields = vec![("key", LINE), ("value", Kind::Json), ("public", Kind::Bool), ("updated", Kind::Date)];
    Wanted { name: "settings", fields, indexes: vec![("identivia_settings_key", true, "(`key`)")] }
}

fn liveness_sessions() -> Wanted {
    let mut fields = lines(&["session_id", "profile", "team", "status", "used_by"]);
    fields.extend([("confidence", Kind::Json), ("expires", Kind::Date), ("details", Kind::Text(DOCUMENT_CHARACTERS))]);
    fields.extend(SESSION_FILES.map(|name| (name, Kind::Evidence)));
    let indexes = vec![("identivia_sessions_profile", false, "(`profile`, `expires`)")];
    Wanted { name: "liveness_sessions", fields, indexes }
}

/// Frames that have been judged: their ids are their hashes.
fn liveness_frames() -> Wanted {
    let mut fields = lines(&["session", "imprint_key"]);
    fields.extend([("imprint", Kind::Text(PARAGRAPH)), ("created", Kind::Date)]);
    let indexes =
        vec![("identivia_frames_key", false, "(`imprint_key`)"), ("identivia_frames_session", false, "(`session`)")];
    Wanted { name: "liveness_frames", fields, indexes }
}

fn audit_events() -> Wanted {
    let mut fields = lines(&["kind", "actor", "profile", "request_id"]);
    fields.extend([("detail", Kind::Text(PARAGRAPH)), ("at", Kind::Date)]);
    Wanted { name: "audit_events", fields, indexes: vec![("identivia_events_profile", false, "(`profile`, `at`)")] }
}

impl Kind {
    /// PocketBase's words for the type, ours first: another that holds the same does as well.
    const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Text(_) => &["text", "email", "select", "url", "editor", "json", "date", "relation"],
            Self::Json => &["json", "number"],
            Self::Bool => &["bool"],
            Self::Date => &["date", "autodate"],
            // Histories are read with their profile, which only a relation makes possible.
            Self::Profile => &["relation"],
            Self::Image | Self::Video | Self::Evidence => &["file"],
        }
    }

    fn field(self, name: &str, profiles: &str) -> Value {
        let mut field = json!({"name": name, "type": self.types()[0]});
        let file =
            |types: &[&str], size: u64| json!({"maxSelect": 1, "maxSize": size, "mimeTypes": types, "protected": true});
        let more = match self {
            Self::Text(most) => json!({"max": most}),
            Self::Json => json!({"maxSize": DOCUMENT_CHARACTERS}),
            Self::Bool | Self::Date => json!({}),
            Self::Profile => {
                json!({"required": true, "collectionId": profiles, "maxSelect": 1, "cascadeDelete": false})
            }
            Self::Image => file(&IMAGE_TYPES, MAX_IMAGE_BYTES),
            Self::Video => file(&VIDEO_TYPES, MAX_VIDEO_BYTES),
            Self::Evidence => file(&[], MAX_IMAGE_BYTES),
        };
        if let (Some(field), Value::Object(more)) = (field.as_object_mut(), more) {
            field.extend(more);
        }
        field
    }
}

impl Wanted {
    fn index(&self, (name, unique, columns): (&str, bool, &str)) -> String {
        let unique = if unique { "UNIQUE " } else { "" };
        format!("CREATE {unique}INDEX `{name}` ON `{}` {columns}", self.name)
    }

    /// The whole collection. `rule` is who may do anything with its records; nobody but superusers when there is none.
    fn whole(&self, profiles: &str, rule: Option<&str>) -> Value {
        let fields: Vec<Value> = self.fields.iter().map(|(name, kind)| kind.field(name, profiles)).collect();
        let indexes: Vec<String> = self.indexes.iter().map(|index| self.index(*index)).collect();
        json!({
            "name": self.name, "type": "base", "fields": fields, "indexes": indexes,
            "listRule": rule, "viewRule": rule, "createRule": rule, "updateRule": rule, "deleteRule": rule,
        })
    }

    /// What a collection lacks, and what is in the way, in words.
    fn compared(&self, there: &Value, profiles: &str) -> Lack {
        let mut lack = Lack::default();
        let fields = there["fields"].as_array().map_or(&[][..], Vec::as_slice);
        let id = fields.iter().find(|field| field["name"] == "id");
        if id.is_some_and(|id| id["min"] != ID_LENGTH || id["max"] != ID_LENGTH || id["pattern"] != ID_PATTERN) {
            lack.notes.push(format!(
                "{}'s ids are not PocketBase's own 15 of a-z and 0-9: no record can be kept there",
                self.name
            ));
        }
        for (name, kind) in &self.fields {
            let Some(field) = fields.iter().find(|field| field["name"] == *name) else {
                lack.fields.push(kind.field(name, profiles));
                continue;
            };
            let of_type = field["type"].as_str().unwrap_or_default();
            if !kind.types().contains(&of_type) {
                lack.notes
                    .push(format!("{}.{name} is of type {of_type}, which does not hold what is kept there", self.name));
            }
            if field["maxSelect"].as_u64().is_some_and(|most| most > 1) {
                lack.notes.push(format!("{}.{name} takes several values; set it to one, or none is read", self.name));
            }
            if of_type == "file" && field["protected"] != true {
                lack.notes.push(format!(
                    "{}.{name} is not protected: whoever has a file's address can open it; set Protected in its options",
                    self.name
                ));
            }
        }
        let indexes: Vec<String> =
            there["indexes"].as_array().into_iter().flatten().map(|index| plain(index.as_str())).collect();
        for (name, unique, columns) in &self.indexes {
            let ours = plain(Some(columns));
            let is_there = |index: &String| index.ends_with(&ours) && (!unique || index.contains("unique"));
            if !indexes.iter().any(is_there) {
                lack.indexes.push(self.index((name, *unique, columns)));
            }
        }
        for rule in ["listRule", "viewRule", "createRule", "updateRule", "deleteRule"] {
            if there[rule] == "" {
                lack.notes.push(format!("{}'s {rule} is empty: everybody may do that; lock it", self.name));
            }
        }
        lack
    }
}

/// An index's text without quotes, blanks and case: people write the same in many ways.
fn plain(index: Option<&str>) -> String {
    let letters =
        index.unwrap_or_default().chars().filter(|letter| !letter.is_whitespace() && !"`\"[]".contains(*letter));
    letters.collect::<String>().to_lowercase()
}

/// What a collection lacks.
#[derive(Default)]
struct Lack {
    fields: Vec<Value>,
    indexes: Vec<String>,
    notes: Vec<String>,
}

impl Lack {
    /// The fields and indexes, in words.
    fn named(&self, collection: &str) -> Vec<String> {
        let fields = self.fields.iter().map(|field| format!("the field {collection}.{}", super::text(field, "name")));
        fields.chain(self.indexes.iter().map(|index| format!("an index ({index})"))).collect()
    }
}

/// What came of the making of a schema, in lines for the person at the terminal.
pub struct Report {
    pub lines: Vec<String>,
    /// Whether everything that is needed is there now.
    pub complete: bool,
}

impl PocketBase {
    /// Makes what is missing of the schema, and changes nothing that is there. The collections it makes are for
    /// superusers alone, or for the user of that e-mail address too.
    ///
    /// # Errors
    /// When PocketBase cannot be reached, refuses the sign-in or what is to be made.
    pub async fn init(&self, service_user: Option<&str>) -> Result<Report> {
        let session = self.client.session().await?;
        if session.role != Role::Superuser {
            return Ok(Report { lines: vec![by_hand()], complete: false });
        }
        let mut report = Report { lines: Vec::new(), complete: true };
        let rule = match service_user {
            None => None,
            Some(email) => Some(format!("@request.auth.id = \"{}\"", self.user_id(email).await?)),
        };
        let mut profiles = String::new();
        for wanted in wanted() {
            let there = self.collection(wanted.name).await?;
            let made = match there {
                None => self.make(&wanted, &profiles, rule.as_deref(), &mut report).await?,
                Some(there) => {
                    report.lines.extend(shut_out(&wanted, &there, rule.as_deref()));
                    self.complete(&wanted, there, &profiles, &mut report).await?
                }
            };
            if wanted.name == "profiles" {
                profiles = made["id"].as_str().unwrap_or_default().to_owned();
            }
        }
        if !self.is_batch_on().await? {
            report.lines.push("note: the batch API is off: turn it on (Settings, Application, Batch API), so that records that belong together are written together".to_owned());
        }
        Ok(report)
    }

    /// Says what stands in the way of a good service, as far as this user may know it: one line each.
    ///
    /// # Errors
    /// When PocketBase cannot be reached or refuses the sign-in.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        if !self.is_batch_on().await? {
            self.note_that_batch_is_off();
        }
        let (missing, mut complaints) = self.compared().await?;
        if !missing.is_empty() {
            let missing = missing.join(", ");
            complaints.insert(0, format!("missing are {missing}; make them with: identivia pocketbase init"));
        } else if !self.reads_literals("settings").await? {
            complaints
                .push("this PocketBase is older than 0.39.9 and reads filters in another way: update it".to_owned());
        }
        Ok(complaints)
    }

    /// Says what of the schema is missing, as far as this user may know it.
    ///
    /// # Errors
    /// When PocketBase cannot be reached or refuses the sign-in.
    pub async fn missing(&self) -> Result<Vec<String>> {
        Ok(self.compared().await?.0)
    }

    /// What the schema lacks, and what in it is in the way. Only a superuser is shown it.
    async fn compared(&self) -> Result<(Vec<String>, Vec<String>)> {
        let (mut missing, mut notes) = (Vec::new(), Vec::new());
        if self.client.session().await?.role != Role::Superuser {
            return Ok((missing, notes));
        }
        for wanted in wanted() {
            match self.collection(wanted.name).await? {
                None => missing.push(format!("the collection {}", wanted.name)),
                Some(there) => {
                    let lack = wanted.compared(&there, "");
                    missing.extend(lack.named(wanted.name));
                    notes.extend(lack.notes);
                }
            }
        }
        Ok((missing, notes))
    }

    async fn make(&self, wanted: &Wanted, profiles: &str, rule: Option<&str>, report: &mut Report) -> Result<Value> {
        let body = wanted.whole(profiles, rule);
        let made = self.call(|client| Ok(client.request(Method::POST, "/api/collections").json(&body))).await?;
        let Answer::Done(made) = made else { return Err(not_made(wanted.name, &made)) };
        report.lines.push(format!("made the collection {}", wanted.name));
        Ok(made)
    }

    async fn complete(&self, wanted: &Wanted, there: Value, profiles: &str, report: &mut Report) -> Result<Value> {
        let own = there["id"].as_str().unwrap_or_default();
        let lack = wanted.compared(&there, if wanted.name == "profiles" { own } else { profiles });
        report.lines.extend(lack.notes.iter().map(|note| format!("note: {note}")));
        if lack.fields.is_empty() && lack.indexes.is_empty() {
            report.lines.push(format!("the collection {} is there", wanted.name));
            return Ok(there);
        }
        // What is sent replaces what is there, so it must hold all of that.
        let all = |name: &str, more: Vec<Value>| {
            let there = there[name].as_array().cloned().unwrap_or_default();
            Value::Array(there.into_iter().chain(more).collect())
        };
        let indexes = lack.indexes.iter().map(|index| json!(index)).collect();
        let body = json!({"fields": all("fields", lack.fields.clone()), "indexes": all("indexes", indexes)});
        let path = format!("/api/collections/{}", wanted.name);
        let made = self.call(|client| Ok(client.request(Method::PATCH, &path).json(&body))).await?;
        let Answer::Done(made) = made else { return Err(not_made(wanted.name, &made)) };
        for field in &lack.fields {
            report.lines.push(format!("added the field {}.{}", wanted.name, super::text(field, "name")));
        }
        report.lines.extend(lack.indexes.iter().map(|index| format!("added an index: {index}")));
        Ok(made)
    }

    async fn collection(&self, name: &str) -> Result<Option<Value>> {
        self.get(&format!("/api/collections/{name}"), &[]).await
    }

    async fn user_id(&self, email: &str) -> Result<String> {
        let filter = format!("email = {}", super::literal(email));
        let found = self.list("users", &filter, "email", 1).await?;
        let found = found.first().map(|user| super::text(user, "id"));
        found.ok_or_else(|| StoreError::Refused("no record of the collection users has that e-mail address".to_owned()))
    }

    /// Asks for an empty batch, which changes nothing.
    async fn is_batch_on(&self) -> Result<bool> {
        let body = json!({"requests": []});
        let asked = self.call(|client| Ok(client.request(Method::POST, "/api/batch").json(&body))).await?;
        Ok(!matches!(asked, Answer::BatchOff))
    }

    /// Versions before 0.39.9 read a backslash in a filter in another way, and would find somebody else's record. This
    /// filter is one that they cannot read at all.
    pub(super) async fn reads_literals(&self, collection: &str) -> Result<bool> {
        let read = async |filter| {
            let query = [("filter", filter), ("perPage", "1"), ("skipTotal", "1"), ("fields", "id")];
            self.get(&super::records_path(collection), &query).await
        };
        let ask = async || match read("id != \"\\\\\"").await {
            Ok(_) => Ok(true),
            // It is the literal only if a plain one works.
            Err(error) => read("id != \"\"").await.map(|_| false).map_err(|_| error),
        };
        self.reads_literals.get_or_try_init(ask).await.copied()
    }
}

/// Says that a collection's rules, which are not ours to change, keep the service user out.
fn shut_out(wanted: &Wanted, there: &Value, rule: Option<&str>) -> Option<String> {
    let rule = rule.filter(|rule| there["createRule"] != *rule)?;
    Some(format!("note: {}'s rules may keep that user out; this one lets them in: {rule}", wanted.name))
}

fn not_made(name: &str, answer: &Answer) -> StoreError {
    match answer {
        Answer::Invalid(faults) if faults.iter().any(|(field, _)| field == "indexes") => StoreError::Refused(format!(
            "PocketBase refuses an index of {name}: most likely records that are there already share a team and userID, \
             or a key; settle which is right, then run this again"
        )),
        Answer::Invalid(faults) => super::refused(faults),
        _ => unexpected(),
    }
}

/// What a person with the rights to it can make by hand.
fn by_hand() -> String {
    let collections: Vec<Value> = wanted().iter().map(|wanted| wanted.whole("ID_OF_PROFILES", None)).collect();
    let mut text =
        "This account may not make collections. Sign in as a superuser (PB_USER_EMAIL, PB_USER_PASSWORD) and \
        run this again, or make these by hand, with the id of `profiles` for ID_OF_PROFILES:\n"
            .to_owned();
    for collection in collections {
        let _ = write!(text, "\n{collection:#}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(wanted: &Wanted, field: &Value) -> String {
        let mut there = wanted.whole("p", None);
        let fields = there["fields"].as_array_mut().unwrap();
        fields.retain(|other| other["name"] != field["name"]);
        fields.push(field.clone());
        wanted.compared(&there, "p").notes.join("\n")
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let id =
            |length: u64| json!({"name": "id", "type": "text", "min": length, "max": length, "pattern": ID_PATTERN});
        assert_eq!(notes(&profiles(), &id(15)), "");
        assert!(notes(&profiles(), &id(20)).contains("profiles's ids"));
        let several = json!({"name": "document_front", "type": "file", "maxSelect": 5, "protected": true});
        assert!(notes(&profiles(), &several).contains("document_front takes several values"));
        assert!(notes(&status_history(), &json!({"name": "profile", "type": "text"})).contains("is of type text"));
    }

    #[test]
    fn an_index_over_some_records_does_not_stand_for_one_over_all() {
        let mut there = profiles().whole("p", None);
        there["indexes"] = json!(["CREATE UNIQUE INDEX a ON profiles (team, userID) WHERE active = 1"]);
        assert_eq!(profiles().compared(&there, "p").indexes.len(), 3);
        there["indexes"] = json!(["create unique index a on `profiles` (\"team\", [userID])"]);
        assert_eq!(profiles().compared(&there, "p").indexes.len(), 2);
    }
}
