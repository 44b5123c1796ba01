//! Roles of the console: the permissions of each, and who may manage whom.

use crate::domain::scope::{Scope, ScopeSet};
use crate::records::console_session::SessionStage;
use crate::records::console_user::ConsoleRole;

/// What every role may do.
const EVERYBODY: [Scope; 8] = [
    Scope::ProfilesRead,
    Scope::StatusHistoryRead,
    Scope::VerificationHistoryRead,
    Scope::ReviewsRead,
    Scope::AuditRead,
    Scope::AnalyticsRead,
    Scope::EventsRead,
    Scope::ConsoleSelf,
];
/// What reviewers may do beside that. They see files of the reviews that they have claimed, and reveal values there.
const REVIEWERS: [Scope; 3] = [Scope::FilesRead, Scope::ReviewsDecide, Scope::PiiReveal];
/// What admins may do beside what reviewers may.
const ADMINS: [Scope; 9] = [
    Scope::ReviewsSecond,
    Scope::ReviewsOverride,
    Scope::FilesDownload,
    Scope::UsersManage,
    Scope::SettingsRead,
    Scope::SettingsWrite,
    Scope::WebhooksRead,
    Scope::WebhooksWrite,
    Scope::HealthRead,
];

impl ConsoleRole {
    /// The permissions of the role. A senior reviewer may also decide as the second person.
    #[must_use]
    pub fn permissions(self, senior: bool) -> ScopeSet {
        let mut granted: Vec<Scope> = EVERYBODY.to_vec();
        match self {
            Self::SuperAdmin => {
                granted.extend(REVIEWERS);
                granted.extend(ADMINS);
                granted.push(Scope::ClientsManage);
            }
            Self::Admin => {
                granted.extend(REVIEWERS);
                granted.extend(ADMINS);
            }
            Self::Reviewer => {
                granted.extend(REVIEWERS);
                if senior {
                    granted.push(Scope::ReviewsSecond);
                }
            }
            Self::Auditor => granted.push(Scope::HealthRead),
        }
        granted.into_iter().collect()
    }

    /// Says whether a person of this role may invite, change and disable people of the other one.
    #[must_use]
    pub const fn may_manage(self, other: Self) -> bool {
        match self {
            Self::SuperAdmin => true,
            Self::Admin => matches!(other, Self::Reviewer | Self::Auditor),
            Self::Reviewer | Self::Auditor => false,
        }
    }
}

/// The permissions of a session: those of its role once the second factor was shown, before that only to show it.
#[must_use]
pub fn session_permissions(role: ConsoleRole, senior: bool, stage: SessionStage) -> ScopeSet {
    match stage {
        SessionStage::Factor | SessionStage::EnrolFactor => [Scope::ConsoleSignIn].into_iter().collect(),
        SessionStage::Full => role.permissions(senior).iter().chain([Scope::ConsoleSignIn]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_those_of_the_table() {
        use ConsoleRole::{Admin, Auditor, Reviewer, SuperAdmin};
        let table: [(Scope, &[ConsoleRole]); 20] = [
            (Scope::ProfilesRead, &[SuperAdmin, Admin, Reviewer, Auditor]),
            (Scope::ReviewsRead, &[SuperAdmin, Admin, Reviewer, Auditor]),
            (Scope::FilesRead, &[SuperAdmin, Admin, Reviewer]),
            (Scope::ReviewsDecide, &[SuperAdmin, Admin, Reviewer]),
            (Scope::ReviewsSecond, &[SuperAdmin, Admin]),
            (Scope::ReviewsOverride, &[SuperAdmin, Admin]),
            (Scope::PiiReveal, &[SuperAdmin, Admin, Reviewer]),
            (Scope::FilesDownload, &[SuperAdmin, Admin]),
            (Scope::UsersManage, &[SuperAdmin, Admin]),
            (Scope::SettingsWrite, &[SuperAdmin, Admin]),
            (Scope::WebhooksWrite, &[SuperAdmin, Admin]),
            (Scope::ClientsManage, &[SuperAdmin]),
            (Scope::AuditRead, &[SuperAdmin, Admin, Reviewer, Auditor]),
            (Scope::AnalyticsRead, &[SuperAdmin, Admin, Reviewer, Auditor]),
            (Scope::EventsRead, &[SuperAdmin, Admin, Reviewer, Auditor]),
            (Scope::ConsoleSelf, &[SuperAdmin, Admin, Reviewer, Auditor]),
            (Scope::ProfilesWrite, &[]),
            (Scope::StatusHistoryWrite, &[]),
            (Scope::VerificationHistoryWrite, &[]),
            (Scope::LivenessRead, &[]),
        ];
        for (scope, roles) in table {
            let having: Vec<_> =
                ConsoleRole::ALL.into_iter().filter(|role| role.permissions(false).has(scope)).collect();
            assert_eq!(having, roles, "{}", scope.name());
        }
        assert!(
            Reviewer.permissions(true).has(Scope::ReviewsSecond)
                && !Auditor.permissions(true).has(Scope::ReviewsSecond)
        );
    }

    #[test]
    fn session_without_its_second_factor_may_only_show_it() {
        for stage in [SessionStage::Factor, SessionStage::EnrolFactor] {
            let held: Vec<_> = session_permissions(ConsoleRole::SuperAdmin, true, stage).iter().collect();
            assert_eq!(held, [Scope::ConsoleSignIn]);
        }
    }

    #[test]
    fn admins_manage_reviewers_and_auditors_only() {
        let managed =
            |role: ConsoleRole| ConsoleRole::ALL.into_iter().filter(move |other| role.may_manage(*other)).count();
        assert_eq!(ConsoleRole::ALL.map(managed), [4, 2, 0, 0]);
        assert!(!ConsoleRole::Admin.may_manage(ConsoleRole::Admin));
    }
}
