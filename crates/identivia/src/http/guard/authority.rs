//! The authority of a caller: which records it reaches, whether its statements are facts, what it may write and see.
//!
//! The guard creates it once per request from the credentials. A new kind of caller is added in this file.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::body_limits::BodySender;
use crate::domain::console::reviewer::Reviewer;
use crate::domain::console::role::session_permissions;
use crate::domain::profile::Reach;
use crate::domain::reading::DocumentAnalysis;
use crate::domain::scope::ScopeSet;
use crate::domain::token::{TokenHolder, VerifiedToken};
use crate::http::error::ApiError;
use crate::records::audit_event::ActorKind;
use crate::records::console_session::ConsoleSession;
use crate::records::console_user::ConsoleUser;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::setting::Setting;
use crate::records::status_word::VerificationStatus;
use crate::records::time::Millis;
use crate::records::{FieldFlag, Record};
use crate::store::{ProfileWithEvidence, Refusal, WriteCondition};
use crate::work::holder::WorkHolder;

/// The kinds of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallerKind {
    /// A company's server, with a machine token.
    Machine,
    /// A person's browser, with the flow token of a link.
    Flow,
    /// A person who is signed in to the console.
    Console,
}

impl CallerKind {
    pub(crate) const ALL: [Self; 3] = [Self::Machine, Self::Flow, Self::Console];

    /// The security scheme in the OpenAPI document that admits this kind.
    pub(crate) const fn security_scheme(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Flow => "flow",
            Self::Console => "consoleSession",
        }
    }

    /// The kind of actor that the audit trail names.
    pub(crate) const fn actor_kind(self) -> ActorKind {
        match self {
            Self::Machine => ActorKind::Client,
            Self::Flow => ActorKind::Link,
            Self::Console => ActorKind::User,
        }
    }

    /// What an operation says that takes this kind to a caller of a kind that it does not take.
    pub(crate) const fn requirement(self) -> &'static str {
        match self {
            Self::Machine => "Requires a machine token",
            Self::Flow => "Requires a flow token",
            Self::Console => "Requires a session of the console",
        }
    }
}

/// Who calls, for the audit trail.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) kind: CallerKind,
    /// The token's subject, which is a client's id or a profile's; or the id of a user of the console.
    pub(crate) id: String,
}

/// How far the server believes what a caller states about liveness and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatementKind {
    /// The statement counts.
    Fact,
    /// The statement is kept as a claim; only the provider's finding counts.
    Claim,
}

/// How long a caller may write to a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WritePeriod {
    Always,
    /// Until the link has made its verification record, or the profile is verified or rejected.
    UntilSubmitted,
}

/// What a caller sees of the records that it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VisibleFields {
    Everything,
    /// What a person needs on their own page: no scores, no findings about their device, no private settings.
    OwnFlow,
    /// What people at the console see: records with masks in the place of what identifies a person.
    Masked,
}

/// What the caller of a request may do.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) actor: Actor,
    pub(crate) scopes: ScopeSet,
    /// When the credentials end.
    pub(crate) expires: Millis,
    /// The teams whose records the caller reaches.
    pub(crate) reach: Reach,
    /// The one profile that the caller is bound to.
    pub(crate) own_profile: Option<RecordId>,
    pub(crate) word: StatementKind,
    may_write: WritePeriod,
    sees: VisibleFields,
    /// For whom expensive work is done.
    holder: WorkHolder,
    /// The person at the console who makes the request.
    pub(crate) reviewer: Option<Arc<Reviewer>>,
}

impl Authority {
    /// The authority that a verified token gives. A flow token's work is charged to its profile's team.
    pub(crate) fn from_token(token: VerifiedToken, team_of_link: String) -> Self {
        let VerifiedToken { subject, scopes, holder, expires } = token;
        match holder {
            TokenHolder::Machine { team, .. } => Self {
                actor: Actor { kind: CallerKind::Machine, id: subject },
                holder: WorkHolder::Machine { team: team.clone() },
                scopes,
                expires,
                reach: team.map_or(Reach::Every, Reach::Team),
                own_profile: None,
                word: StatementKind::Fact,
                may_write: WritePeriod::Always,
                sees: VisibleFields::Everything,
                reviewer: None,
            },
            TokenHolder::Flow { profile, .. } => Self {
                actor: Actor { kind: CallerKind::Flow, id: subject },
                holder: WorkHolder::Link { profile, team: team_of_link },
                scopes,
                expires,
                reach: Reach::Every,
                own_profile: Some(profile),
                word: StatementKind::Claim,
                may_write: WritePeriod::UntilSubmitted,
                sees: VisibleFields::OwnFlow,
                reviewer: None,
            },
        }
    }

    /// The authority that a session of the console gives: the permissions and teams of its user.
    pub(crate) fn from_console_session(user: &ConsoleUser, session: &ConsoleSession) -> Self {
        let reach = user.teams.clone().map_or(Reach::Every, Reach::Teams);
        Self {
            actor: Actor { kind: CallerKind::Console, id: user.id.to_string() },
            scopes: session_permissions(user.role, user.senior, session.stage),
            expires: session.idle_until(),
            holder: WorkHolder::Machine { team: reach.only_team().map(str::to_owned) },
            reach,
            own_profile: None,
            word: StatementKind::Fact,
            may_write: WritePeriod::Always,
            sees: VisibleFields::Masked,
            reviewer: Some(Arc::new(Reviewer::new(user, session))),
        }
    }

    /// The team to which every profile belongs that the caller may write, if there is one. A team's console users may have
    /// several.
    pub(crate) fn team_of_actor(&self) -> Option<&str> {
        match &self.holder {
            WorkHolder::Link { team, .. } => Some(team).filter(|team| !team.is_empty()).map(String::as_str),
            _ => self.reach.only_team(),
        }
    }

    /// For whom expensive work of this caller is done.
    pub(crate) fn work_holder(&self) -> WorkHolder {
        self.holder.clone()
    }

    /// Whose limits the bodies of this caller count for.
    pub(crate) fn body_sender(&self) -> BodySender {
        match (self.own_profile, &self.reviewer) {
            (Some(profile), _) => BodySender::Link(profile),
            // A person's browser sends no more than a link's.
            (None, Some(reviewer)) => BodySender::Link(reviewer.user_id),
            (None, None) => BodySender::Client(self.actor.id.clone()),
        }
    }

    /// Says whether the caller may name that profile. The store checks the team.
    pub(crate) fn may_name_profile(&self, id: RecordId) -> bool {
        self.own_profile.is_none_or(|own| own == id)
    }

    /// Says whether the caller reaches a record that belongs to a team and to no profile.
    pub(crate) fn may_read_team_record(&self, team: &str) -> bool {
        self.own_profile.is_none() && self.reach.has_team(team)
    }

    /// The team of a record that the caller creates: its own one, or one of several that was asked for, or for an operator any
    /// one. `None` when it may not create a record there.
    pub(crate) fn choose_team(&self, asked: String) -> Option<String> {
        match self.reach.only_team() {
            _ if self.own_profile.is_some() => None,
            Some(own) if asked.is_empty() => Some(own.to_owned()),
            _ => Some(asked).filter(|asked| self.reach.has_team(asked)),
        }
    }

    /// The team whose settings the caller reaches: its own, or the one that an operator names. `None`: the operator's own. An
    /// error when the caller may not reach that team's.
    pub(crate) fn choose_settings_team(&self, named: Option<String>) -> Result<Option<String>, ApiError> {
        match (&self.reach, named) {
            (Reach::Every, named) => Ok(named),
            (reach, Some(named)) if reach.has_team(&named) => Ok(Some(named)),
            (reach, None) if reach.only_team().is_some() => Ok(reach.only_team().map(str::to_owned)),
            _ => Err(ApiError::forbidden("Not your team", "Name your own team; with one team it may be left out")),
        }
    }

    /// Says whether the caller sees the operator's private settings.
    pub(crate) fn sees_private_defaults(&self) -> bool {
        self.own_profile.is_none() && self.reach == Reach::Every
    }

    /// Says whether the caller may move a profile to that status: a claim may only ask for a review.
    pub(crate) fn may_set_status(&self, status: &str) -> bool {
        self.word == StatementKind::Fact || status == VerificationStatus::Pending.word()
    }

    /// Says why the caller may no longer write to that profile, if so.
    pub(crate) fn refuse_write(&self, profile: &Profile) -> Option<Refusal> {
        match self.may_write {
            WritePeriod::Always => None,
            WritePeriod::UntilSubmitted if profile.is_decided() => Some(Refusal::Decided),
            WritePeriod::UntilSubmitted => profile.closed_by.map(|_| Refusal::Submitted),
        }
    }

    /// The same as a condition that the store checks at the moment of writing.
    pub(crate) fn write_condition(&self) -> WriteCondition {
        match self.may_write {
            WritePeriod::Always => WriteCondition::Always,
            WritePeriod::UntilSubmitted => WriteCondition::Unsubmitted,
        }
    }

    /// The condition for the step to `pending` with which a link ends, also after it has submitted.
    pub(crate) fn last_step_condition(&self) -> WriteCondition {
        match self.may_write {
            WritePeriod::Always => WriteCondition::Always,
            WritePeriod::UntilSubmitted => WriteCondition::Undecided,
        }
    }

    /// Clears what the caller must not see. Only this makes an answer's [`Shown`].
    pub(crate) fn show<T: RestrictedView>(&self, mut value: T) -> Shown<T> {
        value.hide_internal();
        match self.sees {
            VisibleFields::Everything => {}
            VisibleFields::OwnFlow => value.hide_from_flow(),
            VisibleFields::Masked => value.mask_for_console(),
        }
        Shown(value)
    }
}

/// Something of which a person's link sees less than a company's server.
pub(crate) trait RestrictedView {
    /// Clears what no answer shows.
    fn hide_internal(&mut self) {}

    /// Clears what a flow token must not see.
    fn hide_from_flow(&mut self);

    /// Masks what identifies a person.
    fn mask_for_console(&mut self);
}

/// A value without what its caller must not see: [`Authority::show`] makes it.
pub(crate) struct Shown<T>(T);

impl<T> Shown<T> {
    /// The value, as the caller may see it.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }

    /// An answer made of the value.
    pub(crate) fn map<U>(self, to_answer: impl FnOnce(T) -> U) -> Shown<U> {
        Shown(to_answer(self.0))
    }
}

impl<T: Serialize> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(out)
    }
}

/// The description of a record says which of its fields no answer shows, and which a flow token must not see.
impl<R: Record> RestrictedView for R {
    fn hide_internal(&mut self) {
        self.clear_flagged(FieldFlag::Hidden);
    }

    fn hide_from_flow(&mut self) {
        self.clear_flagged(FieldFlag::NotForFlow);
    }

    fn mask_for_console(&mut self) {
        self.mask_fields();
    }
}

impl RestrictedView for ProfileWithEvidence {
    fn hide_internal(&mut self) {
        self.profile.hide_internal();
        if let Some(newest) = &mut self.verification {
            newest.hide_internal();
        }
    }

    fn hide_from_flow(&mut self) {
        self.profile.hide_from_flow();
        self.profile.hide_reviewers_status();
        if let Some(newest) = &mut self.verification {
            newest.hide_from_flow();
        }
    }

    fn mask_for_console(&mut self) {
        self.profile.mask_for_console();
        if let Some(newest) = &mut self.verification {
            newest.mask_for_console();
        }
    }
}

impl RestrictedView for DocumentAnalysis {
    fn hide_from_flow(&mut self) {
        self.reduce_to_advice();
    }

    /// No session of the console has documents read.
    fn mask_for_console(&mut self) {
        self.reduce_to_advice();
    }
}

impl RestrictedView for Vec<Setting> {
    fn hide_from_flow(&mut self) {
        self.retain(|setting| setting.public);
    }

    /// Settings say nothing about a person.
    fn mask_for_console(&mut self) {}
}
