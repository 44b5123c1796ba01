//! Counting of reviewers' work from the audit trail: what each has claimed and decided, and how long they held it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::count_names::{HANDLING_TIME, REVIEWER, SECOND_LOOK_DISAGREEMENTS, SECOND_LOOKS};
use super::event_counting::{Increment, day_of};
use super::histogram::bucket_of;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::time::Millis;

/// After how many milliseconds a claim lapses that was not ended. Its renewals are not in the audit trail.
const LEASE: i64 = 15 * 60_000;
/// The most reviews that are followed at once: beyond that the one that is held longest is forgotten.
const MAX_FOLLOWED: usize = 5_000;

/// A review that a reviewer holds, or that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedReview {
    /// Who has claimed it.
    holder: String,
    /// Since when they hold it; unknown while it waits for a second person.
    since: Option<Millis>,
}

/// The reviews that are followed, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FollowedReviews(BTreeMap<String, FollowedReview>);

impl FollowedReviews {
    /// Counts an event of a review. Each event must be counted once, in the order of their times.
    #[must_use]
    pub fn count_event(&mut self, event: &AuditEvent) -> Vec<Increment> {
        if event.actor_kind != ActorKind::User || event.object_id.is_empty() {
            return Vec::new();
        }
        let mut counts = CountedReviews { day: day_of(event.at), increments: Vec::new() };
        let (review, user) = (event.object_id.as_str(), event.actor.as_str());
        match event.kind.as_str() {
            "review.claimed" | "review.taken_over" => self.begin_claim(event, &mut counts),
            "review.released" => self.end_claim(review, event.at, &mut counts),
            "review.deciding" | "review.resubmission_requested" => {
                self.end_claim(review, event.at, &mut counts);
                counts.add_decision(user, event);
            }
            "review.proposed" => {
                self.end_claim(review, event.at, &mut counts);
                counts.add_of(user, "decisions");
                self.follow(review, FollowedReview { holder: user.to_owned(), since: None });
            }
            "review.undone" => {
                counts.add_of(user, "undone");
                self.follow(review, FollowedReview { holder: user.to_owned(), since: Some(event.at) });
            }
            "review.escalated" => {
                if let Some(FollowedReview { holder, since: None }) = self.0.remove(review) {
                    counts.add_outcome(&holder, event);
                }
                counts.add(SECOND_LOOK_DISAGREEMENTS);
                counts.add(SECOND_LOOKS);
                counts.add_of(user, "second_looks");
            }
            "review.decided" => self.count_decided(event, &mut counts),
            _ => {}
        }
        counts.increments
    }

    fn begin_claim(&mut self, event: &AuditEvent, counts: &mut CountedReviews) {
        if let Some(FollowedReview { holder, since: Some(since) }) = self.0.remove(&event.object_id) {
            let held = (event.at.0 - since.0).max(0);
            let is_taken = event.kind == "review.taken_over";
            counts.add_held(&holder, if is_taken { held } else { held.min(LEASE) });
        }
        counts.add_of(&event.actor, "claims");
        self.follow(&event.object_id, FollowedReview { holder: event.actor.clone(), since: Some(event.at) });
    }

    fn end_claim(&mut self, review: &str, at: Millis, counts: &mut CountedReviews) {
        if let Some(FollowedReview { holder, since: Some(since) }) = self.0.remove(review) {
            counts.add_held(&holder, (at.0 - since.0).max(0));
        }
    }

    /// A decision takes effect: the holder's own, a second person's, or one that was counted when it was made.
    fn count_decided(&mut self, event: &AuditEvent, counts: &mut CountedReviews) {
        match self.0.remove(&event.object_id) {
            Some(FollowedReview { holder, since: Some(since) }) => {
                counts.add_held(&holder, (event.at.0 - since.0).max(0));
                counts.add_decision(&event.actor, event);
            }
            Some(FollowedReview { holder, since: None }) => {
                counts.add_outcome(&holder, event);
                counts.add(SECOND_LOOKS);
                counts.add_of(&event.actor, "second_looks");
            }
            None => {}
        }
    }

    fn follow(&mut self, review: &str, followed: FollowedReview) {
        if self.0.len() >= MAX_FOLLOWED {
            let oldest = self.0.iter().min_by_key(|(_, followed)| followed.since).map(|(review, _)| review.clone());
            if let Some(oldest) = oldest {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(review.to_owned(), followed);
    }
}

/// What an event of a review adds on its day.
struct CountedReviews {
    day: Millis,
    increments: Vec<Increment>,
}

impl CountedReviews {
    fn add(&mut self, name: &str) {
        self.increments.push(Increment { day: self.day, name: name.to_owned() });
    }

    fn add_of(&mut self, user: &str, what: &str) {
        self.add(&format!("{REVIEWER}{user}/{what}"));
    }

    fn add_held(&mut self, user: &str, millis: i64) {
        let bucket = bucket_of(millis);
        self.add(&format!("{HANDLING_TIME}{bucket}"));
        self.add_of(user, &format!("{HANDLING_TIME}{bucket}"));
    }

    fn add_decision(&mut self, user: &str, event: &AuditEvent) {
        self.add_of(user, "decisions");
        self.add_outcome(user, event);
    }

    /// What a person has decided. Of a decision that another person looks at it is counted once that one has: before, the event
    /// does not name it.
    fn add_outcome(&mut self, user: &str, event: &AuditEvent) {
        let outcome = match event.detail.split(' ').next() {
            Some("approve") => "approvals",
            Some("reject") => "rejections",
            _ if event.kind == "review.resubmission_requested" => "resubmission_requests",
            _ => return,
        };
        self.add_of(user, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::EventKind;
    use crate::records::RecordKind;

    const START: Millis = Millis(1_774_000_000_000);

    /// Counts events of one review: kind, actor, minute and detail.
    fn count(events: &[(&str, &str, i64, &str)]) -> BTreeMap<String, usize> {
        let mut followed = FollowedReviews::default();
        let mut counted = BTreeMap::new();
        for (kind, actor, minute, detail) in events {
            let at = START.plus_seconds(minute * 60);
            let event = AuditEvent::new(EventKind::ProfileOpened, at, *actor).by(ActorKind::User);
            let event = AuditEvent { kind: (*kind).to_owned(), ..event.with_detail(*detail) };
            for Increment { name, .. } in followed.count_event(&event.on(RecordKind::Profiles, "review000000001")) {
                *counted.entry(name).or_insert(0) += 1;
            }
        }
        counted
    }

    fn handling(user: &str, minutes: i64) -> String {
        format!("reviewer/{user}/handling_time/{}", bucket_of(minutes * 60_000))
    }

    #[test]
    fn decision_ends_the_claim_and_is_counted_once() {
        let counted = count(&[
            ("review.claimed", "ada", 0, ""),
            ("review.deciding", "ada", 20, "approve"),
            ("review.decided", "ada", 21, "approve"),
        ]);
        assert_eq!(counted["reviewer/ada/claims"], 1);
        assert_eq!((counted["reviewer/ada/decisions"], counted["reviewer/ada/approvals"]), (1, 1));
        assert_eq!(counted[&handling("ada", 20)], 1);
        assert_eq!(counted[&format!("handling_time/{}", bucket_of(20 * 60_000))], 1);
        assert!(!counted.contains_key(SECOND_LOOKS));
    }

    #[test]
    fn lapsed_claim_counts_its_lease_and_a_taken_one_its_time() {
        let lapsed = count(&[("review.claimed", "ada", 0, ""), ("review.claimed", "bo", 90, "")]);
        assert_eq!(lapsed[&handling("ada", 15)], 1);
        let taken = count(&[("review.claimed", "ada", 0, ""), ("review.taken_over", "bo", 30, "")]);
        assert_eq!(taken[&handling("ada", 30)], 1);
    }

    #[test]
    fn second_person_has_a_second_look_and_no_decision() {
        let agreed = [
            ("review.claimed", "ada", 0, ""),
            ("review.proposed", "ada", 5, ""),
            ("review.decided", "bo", 9, "reject"),
        ];
        let counted = count(&agreed);
        assert_eq!((counted["reviewer/ada/rejections"], counted["reviewer/bo/second_looks"]), (1, 1));
        assert!(!counted.contains_key("reviewer/bo/decisions") && !counted.contains_key(SECOND_LOOK_DISAGREEMENTS));
        let disagreed = count(&[agreed[0], agreed[1], ("review.escalated", "bo", 9, "reject")]);
        assert_eq!((disagreed[SECOND_LOOK_DISAGREEMENTS], disagreed["reviewer/ada/rejections"]), (1, 1));
        let waiting = count(&agreed[..2]);
        assert_eq!((waiting["reviewer/ada/decisions"], waiting.get("reviewer/ada/rejections")), (1, None));
    }

    #[test]
    fn what_no_person_does_is_no_work_of_a_reviewer() {
        let mut followed = FollowedReviews::default();
        let event = AuditEvent::new(EventKind::ProfileOpened, START, "a client").by(ActorKind::Client);
        let event = AuditEvent { kind: "review.claimed".to_owned(), ..event.on(RecordKind::Profiles, "r") };
        assert!(followed.count_event(&event).is_empty());
    }
}
