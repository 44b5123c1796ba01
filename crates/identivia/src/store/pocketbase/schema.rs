//! `identivia pocketbase init` and the checks at the start: creates what PocketBase's schema lacks, and says what hinders
//! its use. Existing collections, fields and indexes are never changed.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use super::answers::{CallAnswer, RefusalReason, unexpected_answer};
use super::client::AccountRole;
use super::collection_gaps::{CollectionGaps, find_collection_gaps};
use super::collections::{KINDS, collection_description};
use super::field_mapping::{PROFILE_VERSION, fields_in_pocketbase, text_of};
use super::filter::{ANY_RECORD, text_literal};
use super::shape::fit::{Misfit, Severity, Signer, field_refusal};
use super::shape::{FieldForm, InstanceShape, companion_of};
use super::{PocketBase, records_path};
use crate::records::RecordKind;
use crate::store::{Result, StoreError};

/// What `pocketbase init` did, in lines for the person at the terminal.
pub struct SchemaReport {
    pub lines: Vec<String>,
    /// Whether everything that is needed exists now.
    pub complete: bool,
}

impl PocketBase {
    /// Creates the missing collections, fields and indexes, and changes nothing that exists. Superusers alone may use the
    /// collections that it creates, or also the user of that e-mail address.
    ///
    /// # Errors
    /// When PocketBase cannot be reached, refuses the sign-in or a collection.
    pub async fn init_schema(&self, service_user: Option<&str>) -> Result<SchemaReport> {
        let session = self.client.current_session().await?;
        if session.role != AccountRole::Superuser {
            return Ok(SchemaReport { lines: vec![manual_instructions()], complete: false });
        }
        let mut report = SchemaReport { lines: Vec::new(), complete: true };
        let rule = match service_user {
            None => None,
            Some(email) => Some(format!("@request.auth.id = \"{}\"", self.user_id(email).await?)),
        };
        let users = match service_user {
            None => Value::Null,
            Some(_) => self.get("/api/collections/users", &[]).await?.unwrap_or_default(),
        };
        let signer = users["id"].as_str().map_or(Signer::Superuser, Signer::UserOf);
        let mut profiles = String::new();
        for kind in KINDS {
            let created = match self.read_collection(kind).await? {
                None => self.create_collection(kind, &profiles, rule.as_deref(), &mut report).await?,
                Some(existing) => {
                    report.lines.extend(user_rule_note(kind, &existing, rule.as_deref()));
                    self.complete_collection(kind, existing, &profiles, signer, &mut report).await?
                }
            };
            if kind == RecordKind::Profiles {
                profiles = text_of(&created, "id");
            }
        }
        if !self.is_batch_on().await? {
            report.lines.push("note: the batch API is off: turn it on (Settings, Application, Batch API), so that records that belong together are written together".to_owned());
        }
        self.forget_shape();
        Ok(report)
    }

    /// Says what hinders the service, as far as this account may know it: one finding each, the worst first.
    ///
    /// # Errors
    /// When PocketBase cannot be reached or refuses the sign-in.
    pub async fn describe_problems(&self) -> Result<Vec<Misfit>> {
        if !self.is_batch_on().await? {
            self.note_that_batch_is_off();
        }
        let (missing, mut findings) = self.compare_schema().await?;
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let text = format!("missing are {missing}; make them with: identivia pocketbase init");
            findings.insert(0, Misfit::new(Severity::Fault, text));
        } else if !self.reads_literals(RecordKind::Settings.name()).await? {
            let text = "this PocketBase is older than 0.39.9 and reads filters in another way: update it";
            findings.push(Misfit::new(Severity::Fault, text));
        }
        let has_collections = !missing.iter().any(|missing| missing.starts_with("the collection"));
        if has_collections {
            findings.extend(find_weak_guarantees(&*self.instance_shape().await?));
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(findings)
    }

    /// Says what the schema lacks, as far as this account may know it.
    ///
    /// # Errors
    /// When PocketBase cannot be reached or refuses the sign-in.
    pub async fn list_missing_schema(&self) -> Result<Vec<String>> {
        Ok(self.compare_schema().await?.0)
    }

    /// The fields of a kind whose times PocketBase sets itself, as this program names them. A field that has a companion is
    /// none of them: the companion holds the time that was sent.
    pub(super) async fn list_automatic_fields(&self, kind: RecordKind) -> Result<Vec<&'static str>> {
        if self.client.current_session().await?.role != AccountRole::Superuser {
            return Ok(Vec::new());
        }
        let shape = self.instance_shape().await?;
        let collection = shape.of_kind(kind);
        let has_companion =
            |name: &str| companion_of(kind, name).is_some_and(|companion| collection.has_field(companion));
        let is_automatic = |name: &str| collection.field(name).form == FieldForm::Autodate;
        let fields =
            fields_in_pocketbase(kind).filter(|field| is_automatic(field.in_pocketbase) && !has_companion(field.name));
        Ok(fields.map(|field| field.name).collect())
    }

    /// What the schema lacks, and what hinders its use. PocketBase shows it to superusers only.
    async fn compare_schema(&self) -> Result<(Vec<String>, Vec<Misfit>)> {
        let (mut missing, mut findings) = (Vec::new(), Vec::new());
        if self.client.current_session().await?.role != AccountRole::Superuser {
            let text = "this account may not read how the collections are built: what does not fit shows when a write is \
                        refused; `identivia pocketbase init` as a superuser reports all of it";
            findings.push(Misfit::new(Severity::Note, text));
            return Ok((missing, findings));
        }
        for kind in KINDS {
            match self.read_collection(kind).await? {
                None => missing.push(format!("the collection {}", kind.name())),
                Some(existing) => {
                    let gaps = find_collection_gaps(kind, &existing, "", Signer::Superuser);
                    missing.extend(gaps.describe(kind));
                    findings.extend(gaps.findings);
                }
            }
        }
        Ok((missing, findings))
    }

    async fn create_collection(
        &self,
        kind: RecordKind,
        profiles: &str,
        rule: Option<&str>,
        report: &mut SchemaReport,
    ) -> Result<Value> {
        let body = collection_description(kind, profiles, rule);
        let answer = self.call(|client| Ok(client.request(Method::POST, "/api/collections").json(&body))).await?;
        let CallAnswer::Done(created) = answer else { return Err(schema_refusal(kind, &answer)) };
        report.lines.push(format!("made the collection {}", kind.name()));
        Ok(created)
    }

    async fn complete_collection(
        &self,
        kind: RecordKind,
        existing: Value,
        profiles: &str,
        signer: Signer<'_>,
        report: &mut SchemaReport,
    ) -> Result<Value> {
        let own = existing["id"].as_str().unwrap_or_default();
        let profiles = if kind == RecordKind::Profiles { own } else { profiles };
        let gaps = find_collection_gaps(kind, &existing, profiles, signer);
        report.lines.extend(describe_fit(kind, &gaps));
        if gaps.fields.is_empty() && gaps.indexes.is_empty() {
            return Ok(existing);
        }
        // The lists that are sent replace the existing ones, so they must hold all of those.
        let extended = |name: &str, more: Vec<Value>| {
            let existing = existing[name].as_array().cloned().unwrap_or_default();
            Value::Array(existing.into_iter().chain(more).collect())
        };
        let indexes = gaps.indexes.iter().map(|index| json!(index)).collect();
        let body = json!({"fields": extended("fields", gaps.fields.clone()), "indexes": extended("indexes", indexes)});
        let path = format!("/api/collections/{}", kind.name());
        let answer = self.call(|client| Ok(client.request(Method::PATCH, &path).json(&body))).await?;
        let CallAnswer::Done(changed) = answer else { return Err(schema_refusal(kind, &answer)) };
        for field in &gaps.fields {
            report.lines.push(format!("added the field {}.{}", kind.name(), text_of(field, "name")));
        }
        report.lines.extend(gaps.indexes.iter().map(|index| format!("added an index: {index}")));
        Ok(changed)
    }

    pub(super) async fn read_collection(&self, kind: RecordKind) -> Result<Option<Value>> {
        self.get(&format!("/api/collections/{}", kind.name()), &[]).await
    }

    async fn user_id(&self, email: &str) -> Result<String> {
        let filter = format!("email = {}", text_literal(email));
        if !self.reads_literals("users").await? {
            return Err(outdated_version());
        }
        let query = [("filter", filter.as_str()), ("perPage", "1"), ("skipTotal", "1"), ("fields", "id")];
        let found = self.get_items("users", &query).await?;
        let found = found.first().map(|user| text_of(user, "id"));
        found.ok_or_else(|| StoreError::Refused("no record of the collection users has that e-mail address".to_owned()))
    }

    /// Asks for an empty batch, which changes nothing.
    async fn is_batch_on(&self) -> Result<bool> {
        let body = json!({"requests": []});
        let asked = self.call(|client| Ok(client.request(Method::POST, "/api/batch").json(&body))).await?;
        Ok(!matches!(asked, CallAnswer::BatchOff))
    }

    /// Says whether PocketBase reads the literals of filters as this program writes them. Versions before 0.39.9 read a
    /// backslash in another way and would find another person's record. They cannot parse the filter that is asked here.
    pub(super) async fn reads_literals(&self, collection: &str) -> Result<bool> {
        let read = async |filter| {
            let query = [("filter", filter), ("perPage", "1"), ("skipTotal", "1"), ("fields", "id")];
            self.get(&records_path(collection), &query).await
        };
        let ask = async || match read("id != \"\\\\\"").await {
            Ok(_) => Ok(true),
            // The literal is the cause only if a plain one works.
            Err(error) => read(ANY_RECORD).await.map(|_| false).map_err(|_| error),
        };
        self.literals_are_read.get_or_try_init(ask).await.copied()
    }

    /// Says whether profiles have a field for the words by which they are found.
    pub(super) async fn has_profile_words(&self) -> Result<bool> {
        let path = records_path(RecordKind::Profiles.name());
        let read = async |filter| {
            let query = [("filter", filter), ("perPage", "1"), ("skipTotal", "1"), ("fields", "id")];
            self.get(&path, &query).await
        };
        let ask = async || match read(WORDS_FILTER).await {
            Ok(_) => Ok(true),
            // The field is the cause only if another filter works.
            Err(error) => read(ANY_RECORD).await.map(|_| false).map_err(|_| error),
        };
        self.has_words.get_or_try_init(ask).await.copied()
    }
}

/// A filter that PocketBase refuses where profiles have no field for their words.
const WORDS_FILTER: &str = "search_tokens != \"\"";

/// The error for a PocketBase that reads filters in another way.
pub(super) fn outdated_version() -> StoreError {
    StoreError::Unavailable("PocketBase is older than 0.39.9: update it".to_owned())
}

/// Says that the rules of an existing collection, which are not changed here, exclude the service user.
fn user_rule_note(kind: RecordKind, existing: &Value, rule: Option<&str>) -> Option<String> {
    let rule = rule.filter(|rule| existing["createRule"] != *rule)?;
    Some(format!("note: {}'s rules may keep that user out; this one lets them in: {rule}", kind.name()))
}

fn schema_refusal(kind: RecordKind, answer: &CallAnswer) -> StoreError {
    let CallAnswer::Refused { reason: RefusalReason::Invalid(faults), .. } = answer else { return unexpected_answer() };
    if faults.iter().any(|(field, _)| field == "indexes") {
        return StoreError::Refused(format!(
            "PocketBase refuses an index of {}: most likely records that are there already share a team and userID, or a \
             key; settle which is right, then run this again",
            kind.name()
        ));
    }
    field_refusal(&InstanceShape::default(), kind, faults)
}

/// The findings on an existing collection in lines, after one that says whether it fits.
fn describe_fit(kind: RecordKind, gaps: &CollectionGaps) -> Vec<String> {
    let name = kind.name();
    let must_change = gaps.findings.iter().filter(|finding| finding.severity > Severity::Note).count();
    let verdict = match must_change {
        0 => format!("the collection {name} is there and fits"),
        1 => format!("the collection {name} is there; one thing of it does not fit"),
        many => format!("the collection {name} is there; {many} things of it do not fit"),
    };
    let findings = gaps.findings.iter().map(|finding| {
        let weight = match finding.severity {
            Severity::Note | Severity::Limit => "note",
            Severity::Fault => "change",
            Severity::Stop => "change, or the server does not start",
        };
        format!("{weight}: {}", finding.text)
    });
    std::iter::once(verdict).chain(findings).collect()
}

/// Says which guarantees and answers an instance without certain fields cannot give.
fn find_weak_guarantees(shape: &InstanceShape) -> Vec<Misfit> {
    let remedy = "run identivia pocketbase init as a superuser";
    let mut findings = Vec::new();
    if !shape.of_kind(RecordKind::Profiles).has_field(PROFILE_VERSION) {
        let text =
            "profiles has no field version (json), so writes to one profile in the same moment are not kept apart";
        findings.push(Misfit::new(Severity::Limit, format!("{text}; {remedy}")));
    }
    if !shape.of_kind(RecordKind::Settings).has_field("public") {
        let text =
            "settings has no field public (bool), so links see no settings but what the person's page shows anyway";
        findings.push(Misfit::new(
            Severity::Limit,
            format!("{text}; {remedy} and tick public where links may see a setting"),
        ));
    }
    for kind in [RecordKind::Profiles, RecordKind::StatusHistory, RecordKind::VerificationHistory] {
        let collection = shape.of_kind(kind);
        let form = collection.field("created").form;
        if !matches!(form, FieldForm::Autodate | FieldForm::Unlearned) && !collection.has_field("added") {
            let name = kind.name();
            let text =
                format!("{name} has no autodate field, so a record added in the admin page has no time; {remedy}");
            findings.push(Misfit::new(Severity::Limit, text));
        }
    }
    findings
}

/// How a person with the rights to it creates the collections by hand.
fn manual_instructions() -> String {
    let mut text =
        "This account may not make collections. Sign in as a superuser (PB_USER_EMAIL, PB_USER_PASSWORD) and \
        run this again, or make these by hand, with the id of `profiles` for ID_OF_PROFILES:\n"
            .to_owned();
    for kind in KINDS {
        let _ = write!(text, "\n{:#}\n", collection_description(kind, "ID_OF_PROFILES", None));
    }
    text
}
