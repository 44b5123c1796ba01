//! Profiles: created, read, listed and changed.

use serde_json::{Value, json};

use super::decisions::{add_decision_of_record, decide, decision_fields, still_newest};
use super::{
    Commit, CommitOutcome, Comparison, Condition, IfExists, Order, Page, PageRequest, Query, Reach, Refusal, Result,
    Store, StoreError, UploadedFiles, WriteCondition, WriteOutcome, fields_of, newest_record_fields, parse_record,
    record_from_fields,
};
use crate::domain::document_editors::editor_field;
use crate::domain::liveness::ConfirmedBy;
use crate::domain::outbox::{DecidedBy, EventBody};
use crate::domain::profile::{NewProfile, ProfileChange, ProfileFilter};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::profile::{Draft, Profile};
use crate::records::status_word::{DECIDED_WORDS, VerificationStatus};
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;
use crate::records::{FieldMap, RecordKind};

/// The profile of a userID: created just now, or there before.
pub struct CreatedProfile {
    pub id: RecordId,
    pub is_new: bool,
    /// The epoch of its links.
    pub epoch: u64,
}

/// A profile with the verification record that it shows: the one that its decision is about, else the newest.
pub struct ProfileWithEvidence {
    pub profile: Profile,
    pub verification: Option<VerificationRecord>,
}

/// The conditions under which a caller may write a profile.
pub(super) fn profile_conditions(reach: &Reach, condition: WriteCondition) -> Vec<Condition> {
    let mut conditions = vec![match reach.teams() {
        Some([team]) => Condition::new("team", Comparison::Is(team.as_str().into()), Refusal::Missing),
        Some(teams) => {
            let teams = teams.iter().map(|team| team.as_str().into()).collect();
            Condition::new("team", Comparison::In(teams), Refusal::Missing)
        }
        None => Condition::exists(RecordKind::Profiles, Refusal::Missing),
    }];
    if condition != WriteCondition::Always {
        let decided = || Comparison::NotIn(DECIDED_WORDS.map(Value::from).to_vec());
        conditions.push(Condition::new("verification_status", decided(), Refusal::Decided));
        conditions.push(Condition::new("recorded_status", decided(), Refusal::Decided));
    }
    if condition == WriteCondition::Unsubmitted {
        conditions.push(Condition::new("closed_by", Comparison::Is(Value::Null), Refusal::Submitted));
    }
    conditions
}

impl dyn Store + '_ {
    /// Creates the profile of a team's userID, or finds it: of all concurrent callers one creates it.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn create_profile(&self, mut new: NewProfile, event: AuditEvent) -> Result<CreatedProfile> {
        let identity = self.profile_identity(&new.team, &new.user_id, event.at).await?;
        new.team = identity.team;
        // An administrator may have given the profile with the derived id another userID: then any other id will do.
        for id in [identity.id, RecordId::random()] {
            let mut commit = Commit::default();
            commit.insert(&new.to_record(id, event.at), IfExists::Refuse(Refusal::AlreadyExists))?;
            // The statement that makes the profile cannot look its team up.
            let audit = AuditEvent { profile: Some(id), team: new.team.clone(), ..event.clone() };
            let status = VerificationStatus::Unverified.word();
            commit.report(&audit, id, vec![EventBody::Created { status }])?;
            if let CommitOutcome::Done(_) = self.commit(commit).await? {
                return Ok(CreatedProfile { id, is_new: true, epoch: 0 });
            }
            if let Some(existing) = self.find_profile_of_user(&new.team, &new.user_id).await? {
                return Ok(CreatedProfile { id: existing.id, is_new: false, epoch: existing.link_epoch() });
            }
        }
        Err(StoreError::Failed("a profile existed and is gone".to_owned()))
    }

    async fn find_profile_of_user(&self, team: &str, user_id: &str) -> Result<Option<Profile>> {
        let query = Query::of_kind(RecordKind::Profiles)
            .filter("team", Comparison::Is(team.into()))
            .filter("user_id", Comparison::Is(user_id.into()));
        self.read_one(query).await
    }

    /// Says whether a team has a profile.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn has_profiles_of_team(&self, team: &str) -> Result<bool> {
        let query = Query::of_kind(RecordKind::Profiles).filter("team", Comparison::Is(team.into())).limited(1);
        Ok(!self.read(Query { keys_only: true, ..query }).await?.is_empty())
    }

    /// Reads a profile within reach.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn profile(&self, id: RecordId, reach: &Reach) -> Result<Option<Profile>> {
        self.read_one(Query::by_key(RecordKind::Profiles, id.as_str()).within(reach)).await
    }

    /// Reads a profile within reach, with the verification record that it shows.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn profile_with_evidence(&self, id: RecordId, reach: &Reach) -> Result<Option<ProfileWithEvidence>> {
        let query = Query::by_key(RecordKind::Profiles, id.as_str()).within(reach);
        let stored = self.read(Query { with_newest_verification: true, ..query }).await?;
        let Some(stored) = stored.first() else { return Ok(None) };
        let mut verification: Option<VerificationRecord> =
            stored.newest_verification.as_deref().map(parse_record).transpose()?;
        let profile: Profile = parse_record(&stored.json)?;
        if let Some(decided) = profile.shown_decision()
            && verification.as_ref().is_none_or(|newest| newest.id != decided)
        {
            verification = self.read_record(decided.as_str()).await?;
        }
        Ok(Some(ProfileWithEvidence { profile, verification }))
    }

    /// Lists profiles, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_profiles(
        &self,
        reach: &Reach,
        filter: ProfileFilter,
        page: &PageRequest,
    ) -> Result<Page<Profile>> {
        self.read_page(filtered_profiles(reach, filter), page).await
    }

    /// Changes a profile. The files that it replaces are left to the sweeper. Returns the profile as it is then.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn change_profile(
        &self,
        id: RecordId,
        reach: &Reach,
        condition: WriteCondition,
        change: &ProfileChange,
        files: UploadedFiles,
        event: AuditEvent,
    ) -> Result<WriteOutcome<Profile>> {
        let mut commit = Commit { files, ..Commit::default() };
        let mut conditions = profile_conditions(reach, condition);
        let mut fields = changed_fields(change, event.at);
        let mut decision = None;
        if let Some(status) = change.verification_status {
            let Some(profile) = self.profile(id, reach).await? else { return Ok(Err(Refusal::Missing)) };
            if condition == WriteCondition::Always {
                match decide(&profile, status, change.verification, &event) {
                    Ok(decided) => decision = decided,
                    Err(refusal) => return Ok(Err(refusal)),
                }
            } else if status != profile.verification_status {
                if !profile.is_status_open_to_link() {
                    return Ok(Err(Refusal::ReviewersStatus));
                }
                let newest = Comparison::Is(json!(profile.newest_status));
                conditions.push(Condition::new("newest_status", newest, Refusal::Stale));
            }
        }
        if let Some(decision) = &decision {
            conditions.push(still_newest(decision.verification));
            fields.extend(decision_fields(&decision.new_status, decision.verification));
            fields.extend(newest_record_fields(RecordKind::StatusHistory, &fields_of(decision)?).unwrap_or_default());
        }
        commit.update(RecordKind::Profiles, id.as_str(), conditions, fields);
        if let Some(decision) = &decision {
            commit.insert(decision, IfExists::Refuse(Refusal::Changed))?;
            add_decision_of_record(&mut commit, decision);
            self.settle_reviews(&mut commit, decision).await?;
        }
        let bodies = decision.map(|decision| EventBody::list_of_status(&decision, DecidedBy::Client));
        commit.report(&event, id, bodies.unwrap_or_default())?;
        self.commit_and_read_first(commit).await
    }

    /// Notes that a person has opened their link for the first time; does nothing when it is noted already.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn note_start(&self, id: RecordId, event: AuditEvent) -> Result<()> {
        let unstarted = Condition::new("started", Comparison::Is(Value::Null), Refusal::Changed);
        let fields = FieldMap::from([("started", json!(event.at)), ("updated", json!(event.at))]);
        let mut commit = Commit::default();
        commit.update(RecordKind::Profiles, id.as_str(), vec![unstarted], fields);
        commit.report(&event, id, vec![EventBody::Started])?;
        self.commit(commit).await.map(drop)
    }

    /// Withdraws a person's consent, if it is still the one that stands.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn withdraw_consent(
        &self,
        id: RecordId,
        reach: &Reach,
        consent: RecordId,
        event: AuditEvent,
    ) -> Result<WriteOutcome<()>> {
        let fields = FieldMap::from([("consent", Value::Null), ("updated", json!(event.at))]);
        let mut commit = Commit::default();
        let mut conditions = profile_conditions(reach, WriteCondition::Always);
        conditions.push(Condition::new("consent", Comparison::IsNot(Value::Null), Refusal::Changed));
        commit.update(RecordKind::Profiles, id.as_str(), conditions, fields);
        commit.report(&event, id, vec![EventBody::ConsentWithdrawn { consent }])?;
        Ok(self.commit(commit).await?.into_result())
    }

    /// Makes a commit and returns its first change's record as it is stored then.
    pub(super) async fn commit_and_read_first<R: crate::records::Record>(
        &self,
        commit: Commit,
    ) -> Result<WriteOutcome<R>> {
        match self.commit(commit).await? {
            CommitOutcome::Refused(refusal) => Ok(Err(refusal)),
            CommitOutcome::Done(mut stored) => match stored.drain(..).next().flatten() {
                Some(fields) => record_from_fields(fields).map(Ok),
                None => Err(StoreError::Failed("a commit returned no record".to_owned())),
            },
        }
    }
}

/// The query of a list of profiles.
pub(super) fn filtered_profiles(reach: &Reach, filter: ProfileFilter) -> Query {
    let mut query = Query::of_kind(RecordKind::Profiles).ordered(Order::Newest).within(reach);
    if let Some(status) = filter.status {
        let shown = Comparison::FirstKnownIs("verification_status", status.as_str().into());
        query = query.filter("recorded_status", shown);
    }
    if let Some(status) = filter.verification_status {
        query = query.filter("verification_status", Comparison::Is(status.word().into()));
    }
    if let Some(country) = filter.country {
        query = query.filter("country", Comparison::Is(country.into()));
    }
    if let Some(user_id) = filter.user_id {
        query = query.filter("user_id", Comparison::Is(user_id.into()));
    }
    if let Some(after) = filter.created_after {
        query = query.filter("created", Comparison::After(after));
    }
    if let Some(before) = filter.created_before {
        query = query.filter("created", Comparison::Before(before));
    }
    if let Some(after) = filter.updated_after {
        query = query.filter("updated", Comparison::After(after));
    }
    Query { search: filter.q, ..query }
}

/// The fields that a change sets; others stay as they are.
fn changed_fields(change: &ProfileChange, now: Millis) -> FieldMap {
    let mut fields = FieldMap::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("updated", json!(now));
    if let Some(status) = change.verification_status {
        set("verification_status", json!(status));
    }
    let texts = [
        ("document_type", &change.document_type),
        ("document_number", &change.document_number),
        ("document_name", &change.document_name),
        ("country", &change.country),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            set(name, json!(text));
        }
    }
    for (field, name) in change.files.iter().filter(|(_, name)| !name.is_empty()) {
        set(field.name(), json!(name));
        if let Some(editor) = editor_field(field) {
            set(editor, json!(change.editors.get(field).unwrap_or_default()));
        }
    }
    if let Some(consent) = &change.consent {
        set("consent", json!(consent));
    }
    if let Some(draft) = &change.draft {
        // A cleared draft is unknown again.
        let is_cleared = *draft == Draft::default();
        set("details_draft", if is_cleared { Value::Null } else { json!(draft) });
    }
    let given = |name: &'static str, text: &str| (!text.is_empty()).then(|| (name, json!(text)));
    let number = |name: &'static str, number: Option<f64>| number.map(|number| (name, json!(number)));
    let mut claims = Vec::new();
    if let Some(claim) = &change.claim {
        claims.extend(given("claimed_session_id", &claim.session_id));
        claims.extend(number("claimed_confidence", claim.confidence));
        claims.extend(given("claimed_status", &claim.status));
        claims.extend(given("claimed_result", &change.claimed_result));
    }
    if let Some((session, confirmed)) = &change.confirmed {
        // The provider's finding replaces everything. A trusted server's word changes only what it names.
        if confirmed.by == ConfirmedBy::Provider {
            claims.extend(
                ["liveness_session_id", "liveness_confidence", "liveness_status"].map(|name| (name, Value::Null)),
            );
        }
        claims.extend(given("liveness_session_id", session));
        claims.extend(number("liveness_confidence", confirmed.confidence));
        claims.extend(given("liveness_status", &confirmed.status));
        claims.push(("liveness_confirmed_by", json!(confirmed.by.word())));
    }
    for (name, value) in claims {
        set(name, value);
    }
    fields
}
