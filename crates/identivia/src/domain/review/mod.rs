//! The rules of reviews: who may hold one, decide it, agree and undo. Each rule is a function of the stored review and the
//! time; the store keeps what follows if the review has not changed meanwhile.

mod filter;
mod people;

use crate::records::id::{RecordId, random_text};
use crate::records::review::{
    Decider, DeciderKind, Proposal, Review, ReviewNote, ReviewOutcome, ReviewPriority, ReviewState,
};
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;

pub use filter::{ReviewFilter, StateFilter};
pub use people::is_same_person;

/// How long a claim lasts unless it is renewed, in seconds.
pub const CLAIM_SECONDS: i64 = 15 * 60;
/// The most reviews that one reviewer holds at once.
pub const MAX_CLAIMS: usize = 5;
/// The most notes of a review.
pub const MAX_NOTES: usize = 200;
/// The findings of a review that lists show.
pub const SHOWN_FINDINGS: usize = 5;
/// The most findings by which a review is found.
const SEARCHED_FINDINGS: usize = 50;

/// Why a review stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewRefusal {
    /// Another reviewer holds it.
    Claimed { holder: String, until: Option<Millis> },
    /// It has changed since it was read.
    Changed { version: u64 },
    /// The caller does not hold it any more.
    ClaimEnded,
    /// One who has decided of it already cannot be the other one, and a client never is.
    SameReviewer,
    /// That cannot be done in its state.
    WrongState(ReviewState),
    /// The caller holds as many as is allowed.
    TooManyClaims,
}

type Ruling = Result<(), ReviewRefusal>;

impl Review {
    /// A review of a verification record, due at that time.
    #[must_use]
    pub fn new(record: &VerificationRecord, team: &str, tries: u64, due_at: Millis, now: Millis) -> Self {
        Self {
            id: RecordId::random(),
            team: team.to_owned(),
            profile: record.profile,
            verification: record.id,
            state: ReviewState::Open,
            priority: ReviewPriority::Normal,
            due_at,
            assignee: None,
            assignee_name: None,
            claim_id: None,
            claim_until: None,
            decide_due: None,
            decide_attempts: None,
            undo_until: None,
            proposal: None,
            second: None,
            decision: None,
            outcome: None,
            decided_at: None,
            country: record.country.clone(),
            document_type: Some(record.document_type.clone()).filter(|kind| !kind.is_empty()),
            findings: Vec::new(),
            finding_words: String::new(),
            tries,
            reopened: 0,
            version: 1,
            created: now,
            updated: now,
        }
    }

    /// Notes what the checks have found: codes, the worst first.
    pub fn set_findings(&mut self, codes: Vec<String>) {
        let words = codes.iter().take(SEARCHED_FINDINGS).map(|code| finding_word(code));
        self.finding_words = words.collect::<Vec<_>>().join(" ");
        self.findings = codes.into_iter().take(SHOWN_FINDINGS).collect();
    }

    /// The state that is shown: a claim that has ended is none.
    #[must_use]
    pub fn shown_state(&self, now: Millis) -> ReviewState {
        match self.state {
            ReviewState::Claimed if !self.is_claim_good(now) => ReviewState::Open,
            state => state,
        }
    }

    fn is_claim_good(&self, now: Millis) -> bool {
        self.claim_until.is_some_and(|until| until > now)
    }

    /// Who holds it now.
    #[must_use]
    pub fn holder(&self, now: Millis) -> Option<&str> {
        let is_held = matches!(self.shown_state(now), ReviewState::Claimed | ReviewState::Deciding);
        self.assignee.as_deref().filter(|_| is_held)
    }

    /// Refuses a caller who has read an older version.
    ///
    /// # Errors
    /// When it has changed.
    pub fn require_version(&self, read: u64) -> Ruling {
        if self.version == read { Ok(()) } else { Err(ReviewRefusal::Changed { version: self.version }) }
    }

    /// Gives the review to a reviewer. `takes_over` also takes it from another holder.
    ///
    /// # Errors
    /// When another one holds it, or it is not to be claimed.
    pub fn claim(&mut self, by: &Decider, takes_over: bool, now: Millis) -> Ruling {
        match self.shown_state(now) {
            ReviewState::Open => {}
            ReviewState::Claimed if takes_over && self.assignee.as_deref() != Some(&by.id) => {}
            // Its holder may have lost the answer to the first claim.
            ReviewState::Claimed if self.assignee.as_deref() == Some(&by.id) => {}
            ReviewState::Claimed => {
                let holder = self.assignee_name.clone().unwrap_or_default();
                return Err(ReviewRefusal::Claimed { holder, until: self.claim_until });
            }
            state => return Err(ReviewRefusal::WrongState(state)),
        }
        self.state = ReviewState::Claimed;
        self.assignee = Some(by.id.clone());
        self.assignee_name = Some(by.name.clone());
        self.claim_id = Some(random_text::<24>());
        self.claim_until = Some(now.plus_seconds(CLAIM_SECONDS));
        Ok(())
    }

    /// Refuses a caller who does not hold the review with that claim.
    ///
    /// # Errors
    /// When the claim has ended, or is another one's.
    pub fn require_claim(&self, by: &Decider, claim_id: &str, now: Millis) -> Ruling {
        let is_own = self.assignee.as_deref() == Some(&by.id) && self.claim_id.as_deref() == Some(claim_id);
        match self.shown_state(now) {
            ReviewState::Claimed if is_own => Ok(()),
            ReviewState::Claimed if self.assignee.as_deref() != Some(&by.id) => Err(ReviewRefusal::Claimed {
                holder: self.assignee_name.clone().unwrap_or_default(),
                until: self.claim_until,
            }),
            ReviewState::Open | ReviewState::Claimed => Err(ReviewRefusal::ClaimEnded),
            state => Err(ReviewRefusal::WrongState(state)),
        }
    }

    /// Says whether the review is held now.
    #[must_use]
    pub fn is_held_by(&self, id: &str, now: Millis) -> bool {
        self.shown_state(now) == ReviewState::Claimed && self.assignee.as_deref() == Some(id)
    }

    /// Prolongs the holder's claim.
    pub fn renew_claim(&mut self, now: Millis) {
        self.claim_until = Some(now.plus_seconds(CLAIM_SECONDS));
    }

    /// Gives the review back.
    pub fn release(&mut self) {
        self.state = ReviewState::Open;
        self.end_claim();
        (self.assignee, self.assignee_name) = (None, None);
    }

    fn end_claim(&mut self) {
        (self.claim_id, self.claim_until) = (None, None);
    }

    /// Takes the holder's decision, which takes effect after the seconds in which it can be undone.
    pub fn start_decision(&mut self, proposal: Proposal, undo_seconds: u32) {
        let effective = proposal.at.plus_seconds(i64::from(undo_seconds));
        self.state = ReviewState::Deciding;
        self.claim_until = None;
        self.proposal = Some(proposal);
        (self.decide_due, self.undo_until, self.decide_attempts) = (Some(effective), Some(effective), None);
    }

    /// Takes back a decision that has not taken effect: its maker holds the review again.
    ///
    /// # Errors
    /// When another one has decided, or it has taken effect.
    pub fn undo_decision(&mut self, by: &Decider, now: Millis) -> Ruling {
        if self.state != ReviewState::Deciding || self.undo_until.is_none_or(|until| until <= now) {
            return Err(ReviewRefusal::WrongState(self.state));
        }
        if self.assignee.as_deref() != Some(&by.id) {
            let holder = self.assignee_name.clone().unwrap_or_default();
            return Err(ReviewRefusal::Claimed { holder, until: self.undo_until });
        }
        self.state = ReviewState::Claimed;
        self.claim_until = Some(now.plus_seconds(CLAIM_SECONDS));
        self.proposal = None;
        self.end_undo();
        Ok(())
    }

    fn end_undo(&mut self) {
        (self.decide_due, self.undo_until, self.decide_attempts) = (None, None, None);
    }

    /// Puts the holder's decision before a second person.
    ///
    /// # Errors
    /// When the first one is a client: that is no person.
    pub fn ask_second(&mut self, proposal: Proposal) -> Ruling {
        if proposal.by.kind != DeciderKind::User {
            return Err(ReviewRefusal::SameReviewer);
        }
        self.state = ReviewState::SecondLook;
        self.end_claim();
        self.proposal = Some(proposal);
        Ok(())
    }

    /// Refuses one who is no other person than those who have decided of it already.
    ///
    /// # Errors
    /// When they are the same person, or a client.
    pub fn require_other_person(&self, by: &Decider) -> Ruling {
        let earlier = [&self.proposal, &self.second].into_iter().flatten();
        let is_other = by.kind == DeciderKind::User && earlier.into_iter().all(|one| !is_same_person(&one.by, by));
        if is_other { Ok(()) } else { Err(ReviewRefusal::SameReviewer) }
    }

    /// Says whether a note belongs to what the first person has decided, or was written by them since.
    #[must_use]
    pub fn is_of_proposal(&self, note: &ReviewNote) -> bool {
        self.proposal.as_ref().is_some_and(|first| note.by == first.by.id && note.at >= first.at)
    }

    /// Keeps that a second person does not agree: a third one decides.
    pub fn escalate(&mut self, second: Proposal) {
        self.state = ReviewState::Escalated;
        self.second = Some(second);
    }

    /// Ends the review with a decision that has taken effect.
    pub fn finish(&mut self, outcome: ReviewOutcome, now: Millis) {
        let is_waiting = outcome == ReviewOutcome::RequestResubmission;
        self.state = if is_waiting { ReviewState::Waiting } else { ReviewState::Decided };
        self.outcome = Some(outcome);
        self.decided_at = Some(now);
        self.end_claim();
        self.end_undo();
    }

    /// Opens a review again whose decision cannot take effect.
    pub fn fail_decision(&mut self) {
        self.release();
        self.end_undo();
        self.proposal = None;
    }

    /// Ends a review that was decided elsewhere, or whose record is no longer the newest.
    pub fn withdraw(&mut self) {
        self.state = ReviewState::Withdrawn;
        self.end_claim();
        self.end_undo();
    }

    /// Opens a decided review again.
    ///
    /// # Errors
    /// When it is not decided.
    pub fn reopen(&mut self, due_at: Millis) -> Ruling {
        if self.state != ReviewState::Decided {
            return Err(ReviewRefusal::WrongState(self.state));
        }
        self.state = ReviewState::Open;
        self.due_at = due_at;
        self.reopened += 1;
        (self.proposal, self.second, self.decision) = (None, None, None);
        (self.outcome, self.decided_at) = (None, None);
        (self.assignee, self.assignee_name) = (None, None);
        Ok(())
    }
}

impl ReviewOutcome {
    /// The decision of a second person who does not agree.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Approve => Self::Reject,
            Self::Reject | Self::RequestResubmission => Self::Approve,
        }
    }
}

/// The search word of a finding: a code without the marks that would cut it into words.
#[must_use]
pub fn finding_word(code: &str) -> String {
    code.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect()
}

#[cfg(test)]
mod tests;
