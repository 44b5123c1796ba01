//! The invented people: who they are, when they came, and how far they got. Nothing is drawn by chance, so every run makes the
//! same people.

use crate::records::time::Millis;

/// How many there are.
pub(super) const PEOPLE: usize = 60;
/// The team of all of them.
pub(super) const TEAM: &str = "demo";
/// What their user ids begin with.
const USER_PREFIX: &str = "demo-person-";

/// Names that no family has.
const GIVEN_NAMES: [&str; 12] =
    ["Ada", "Bruno", "Chioma", "Dmitri", "Elif", "Fabio", "Greta", "Hiro", "Ines", "Jonas", "Kala", "Luca"];
const FAMILY_NAMES: [&str; 10] = [
    "Brindlewood",
    "Quillmarrow",
    "Oakenfern",
    "Tumbleby",
    "Harrowmist",
    "Silverpenn",
    "Windlethorpe",
    "Fennimoor",
    "Larkenshaw",
    "Pebblecott",
];
const COUNTRIES: [&str; 6] = ["UTO", "SE", "DE", "KE", "BR", "JP"];
const DOCUMENT_TYPES: [&str; 3] = ["passport", "national_id", "driving_license"];

/// How far a person got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DemoState {
    /// The link was made.
    Created,
    Opened,
    Consented,
    /// A picture of the document is there.
    Photographed,
    /// A record waits for a decision.
    Submitted,
    /// A reviewer has begun.
    InReview,
    OnHold,
    Verified,
    Rejected,
    /// Asked for another try.
    AskedAgain,
    /// Verified with the second record.
    VerifiedSecond,
}

/// How many people got how far, in the order of their numbers.
const STATES: [(DemoState, usize); 11] = [
    (DemoState::Created, 5),
    (DemoState::Opened, 4),
    (DemoState::Consented, 3),
    (DemoState::Photographed, 3),
    (DemoState::Submitted, 14),
    (DemoState::InReview, 3),
    (DemoState::OnHold, 2),
    (DemoState::Verified, 14),
    (DemoState::Rejected, 6),
    (DemoState::AskedAgain, 3),
    (DemoState::VerifiedSecond, 3),
];

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct DemoPerson {
    pub(super) number: usize,
    pub(super) state: DemoState,
}

impl DemoPerson {
    /// All of them.
    pub(super) fn list() -> Vec<Self> {
        let states = STATES.into_iter().flat_map(|(state, count)| std::iter::repeat_n(state, count));
        states.enumerate().map(|(number, state)| Self { number, state }).collect()
    }

    /// Says whether a profile is one of them.
    pub(super) fn is_profile_of_one(team: &str, user_id: &str) -> bool {
        team == TEAM && (0..PEOPLE).any(|number| user_id == user_id_of(number))
    }

    pub(super) fn user_id(&self) -> String {
        user_id_of(self.number)
    }

    pub(super) fn name(&self) -> String {
        let given = GIVEN_NAMES[self.number % GIVEN_NAMES.len()];
        // The lists have no common length, so no two people share a name.
        let family = FAMILY_NAMES[(self.number + self.number / 12) % FAMILY_NAMES.len()];
        format!("{given} {family}")
    }

    pub(super) fn email(&self) -> String {
        format!("{}@example.com", self.user_id())
    }

    pub(super) fn country(&self) -> &'static str {
        // More than half are of one country, so that its group is large enough to be shown.
        COUNTRIES[if self.number.is_multiple_of(2) { 0 } else { self.number % COUNTRIES.len() }]
    }

    pub(super) fn document_type(&self) -> &'static str {
        DOCUMENT_TYPES[(self.number / 2) % DOCUMENT_TYPES.len()]
    }

    pub(super) fn has_back(&self) -> bool {
        self.document_type() != "passport"
    }

    pub(super) fn document_number(&self) -> String {
        format!("SPEC{:05}", 10_007 + self.number * 1_213)
    }

    pub(super) fn date_of_birth(&self) -> String {
        let number = self.number;
        format!("{}-{:02}-{:02}", 1958 + number * 37 % 46, 1 + number * 5 % 12, 1 + number * 11 % 28)
    }

    pub(super) fn gender(&self) -> &'static str {
        if self.number.is_multiple_of(2) { "female" } else { "male" }
    }

    /// When the profile was made: within the last day if it waits for a reviewer, else within the last four weeks.
    pub(super) fn creation_time(&self, now: Millis) -> Millis {
        let number = i64::try_from(self.number).unwrap_or(0);
        match self.state {
            DemoState::Submitted | DemoState::InReview => now.plus_seconds(-3_600 - number * 2_400),
            DemoState::Opened | DemoState::Consented | DemoState::Photographed => {
                now.plus_seconds(-1_200 - number * 600)
            }
            _ => now.plus_seconds(-90_000 - number * 13 % 60 * 38_000),
        }
    }
}

fn user_id_of(number: usize) -> String {
    format!("{USER_PREFIX}{:02}", number + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn sixty_people_are_all_different() {
        let people = DemoPerson::list();
        assert_eq!(people.len(), PEOPLE);
        let count = |of: fn(&DemoPerson) -> String| people.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!((count(DemoPerson::name), count(DemoPerson::user_id)), (PEOPLE, PEOPLE));
        assert_eq!(count(DemoPerson::document_number), PEOPLE);
        let now = Millis(1_774_000_000_000);
        for person in &people {
            let age = now.0 - person.creation_time(now).0;
            assert!(age > 600_000 && age < 29 * 86_400_000, "{}: {age}", person.number);
            assert!(DemoPerson::is_profile_of_one(TEAM, &person.user_id()));
            assert!(crate::records::time::parse_iso_date(&person.date_of_birth()).is_some());
        }
        assert!(!DemoPerson::is_profile_of_one("", "demo-person-01"));
        assert!(!DemoPerson::is_profile_of_one(TEAM, "demo-person-61"));
    }
}
