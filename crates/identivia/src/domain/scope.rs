//! Scopes of tokens (RFC 6749 §3.3): one for each right that an operation requires.

use crate::records::word_schema::describe_words;

/// A right that an operation requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    ProfilesRead,
    ProfilesWrite,
    HealthRead,
    LivenessRead,
    LivenessWrite,
    DocumentsAnalyze,
    AwsCredentials,
    SettingsRead,
    SettingsWrite,
    StatusHistoryRead,
    StatusHistoryWrite,
    VerificationHistoryRead,
    VerificationHistoryWrite,
    FilesRead,
    EventsRead,
    WebhooksRead,
    WebhooksWrite,
    /// Makes and changes machine clients, with any scope: for operators alone.
    ClientsManage,
    ReviewsRead,
    ReviewsDecide,
    AuditRead,
    AnalyticsRead,
    ReviewsSecond,
    ReviewsOverride,
    PiiReveal,
    FilesDownload,
    UsersManage,
    /// What every user of the console may do with their own account.
    ConsoleSelf,
    /// What a session may do that has not shown its second factor yet.
    ConsoleSignIn,
}

impl Scope {
    /// Every scope, in the order of the documentation.
    pub const ALL: [Self; 29] = [
        Self::ProfilesRead,
        Self::ProfilesWrite,
        Self::HealthRead,
        Self::LivenessRead,
        Self::LivenessWrite,
        Self::DocumentsAnalyze,
        Self::AwsCredentials,
        Self::SettingsRead,
        Self::SettingsWrite,
        Self::StatusHistoryRead,
        Self::StatusHistoryWrite,
        Self::VerificationHistoryRead,
        Self::VerificationHistoryWrite,
        Self::FilesRead,
        Self::EventsRead,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::ClientsManage,
        Self::ReviewsRead,
        Self::ReviewsDecide,
        Self::AuditRead,
        Self::AnalyticsRead,
        Self::ReviewsSecond,
        Self::ReviewsOverride,
        Self::PiiReveal,
        Self::FilesDownload,
        Self::UsersManage,
        Self::ConsoleSelf,
        Self::ConsoleSignIn,
    ];

    /// The scopes that a machine client may have. The others are permissions of people who are signed in to the console.
    pub const MACHINE: [Self; 22] = [
        Self::ProfilesRead,
        Self::ProfilesWrite,
        Self::HealthRead,
        Self::LivenessRead,
        Self::LivenessWrite,
        Self::DocumentsAnalyze,
        Self::AwsCredentials,
        Self::SettingsRead,
        Self::SettingsWrite,
        Self::StatusHistoryRead,
        Self::StatusHistoryWrite,
        Self::VerificationHistoryRead,
        Self::VerificationHistoryWrite,
        Self::FilesRead,
        Self::EventsRead,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::ClientsManage,
        Self::ReviewsRead,
        Self::ReviewsDecide,
        Self::AuditRead,
        Self::AnalyticsRead,
    ];

    /// The scopes of a flow token: what a person's browser needs for one verification.
    pub const FLOW: [Self; 10] = [
        Self::ProfilesRead,
        Self::ProfilesWrite,
        Self::LivenessRead,
        Self::LivenessWrite,
        Self::DocumentsAnalyze,
        Self::AwsCredentials,
        Self::SettingsRead,
        Self::StatusHistoryWrite,
        Self::VerificationHistoryWrite,
        Self::FilesRead,
    ];

    /// The scope's name in a token.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProfilesRead => "profiles:read",
            Self::ProfilesWrite => "profiles:write",
            Self::HealthRead => "health:read",
            Self::LivenessRead => "liveness:read",
            Self::LivenessWrite => "liveness:write",
            Self::DocumentsAnalyze => "documents:analyze",
            Self::AwsCredentials => "aws:credentials",
            Self::SettingsRead => "settings:read",
            Self::SettingsWrite => "settings:write",
            Self::StatusHistoryRead => "status_history:read",
            Self::StatusHistoryWrite => "status_history:write",
            Self::VerificationHistoryRead => "verification_history:read",
            Self::VerificationHistoryWrite => "verification_history:write",
            Self::FilesRead => "files:read",
            Self::EventsRead => "events:read",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::ClientsManage => "clients:manage",
            Self::ReviewsRead => "reviews:read",
            Self::ReviewsDecide => "reviews:decide",
            Self::AuditRead => "audit:read",
            Self::AnalyticsRead => "analytics:read",
            Self::ReviewsSecond => "reviews:second",
            Self::ReviewsOverride => "reviews:override",
            Self::PiiReveal => "pii:reveal",
            Self::FilesDownload => "files:download",
            Self::UsersManage => "users:manage",
            Self::ConsoleSelf => "console:self",
            Self::ConsoleSignIn => "console:sign_in",
        }
    }

    /// What it gives access to.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::ProfilesRead => "Read and list profiles",
            Self::ProfilesWrite => "Create and change profiles, and revoke their links",
            Self::HealthRead => "Read the detailed health report",
            Self::LivenessRead => "Read results of liveness sessions",
            Self::LivenessWrite => "Create liveness sessions",
            Self::DocumentsAnalyze => "Have documents read",
            Self::AwsCredentials => "Get temporary AWS credentials for a browser",
            Self::SettingsRead => "Read settings",
            Self::SettingsWrite => "Set and delete settings",
            Self::StatusHistoryRead => "List status records",
            Self::StatusHistoryWrite => "Record changes of status",
            Self::VerificationHistoryRead => "List verification records",
            Self::VerificationHistoryWrite => "Create verification records",
            Self::FilesRead => "Get stored files",
            Self::EventsRead => "List and stream events",
            Self::WebhooksRead => "Read webhooks and their deliveries",
            Self::WebhooksWrite => "Make, change, test and delete webhooks",
            Self::ClientsManage => "Make, change and delete machine clients, with any scope",
            Self::ReviewsRead => "List and read reviews",
            Self::ReviewsDecide => "Make reviews, claim and decide them",
            Self::AuditRead => "Read and export the audit trail",
            Self::AnalyticsRead => "Read statistics of verifications",
            Self::ReviewsSecond => "Decide as the second person",
            Self::ReviewsOverride => "Reopen, take over and end disagreements",
            Self::PiiReveal => "Show masked values of a review",
            Self::FilesDownload => "Download stored files",
            Self::UsersManage => "Invite, change and disable users of the console",
            Self::ConsoleSelf => "Use the own account",
            Self::ConsoleSignIn => "Finish signing in, and sign out",
        }
    }

    /// The scope of that exact name: no wildcards, no other case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// The scope of that exact name, if a machine client may have it.
    #[must_use]
    pub fn of_machine(name: &str) -> Option<Self> {
        Self::MACHINE.into_iter().find(|scope| scope.name() == name)
    }

    /// Says whether a person must have shown a second factor within minutes for a change with this permission.
    #[must_use]
    pub const fn needs_step_up(self) -> bool {
        matches!(self, Self::ClientsManage | Self::UsersManage)
    }

    /// Says whether a request with this permission shows that a person is there. The stream of events is opened by the page alone.
    #[must_use]
    pub const fn keeps_session_alive(self) -> bool {
        !matches!(self, Self::EventsRead)
    }
}

/// The scopes that one token carries, or the permissions of one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(u64);

impl ScopeSet {
    /// Reads a token's `scope` claim: names separated by single spaces. Unknown names grant nothing.
    #[must_use]
    pub fn parse(claim: &str) -> Self {
        claim.split(' ').filter_map(Scope::from_name).collect()
    }

    /// The set as the text of a `scope` claim.
    #[must_use]
    pub fn to_claim(self) -> String {
        let held: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| self.has(*scope)).collect();
        to_scope_claim(&held)
    }

    /// The scopes of the set, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// The scopes that both sets hold.
    #[must_use]
    pub const fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Says whether the token carries that scope.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u64) != 0
    }
}

describe_words!(Scope, "Scope", "A right that an operation requires.", Scope::MACHINE.map(Scope::name));

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | (1 << scope as u64)))
    }
}

/// Scopes as the text of a `scope` claim.
#[must_use]
pub fn to_scope_claim(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_exactly_what_the_claim_names() {
        let set = ScopeSet::parse("profiles:read files:read");
        let held: Vec<_> = Scope::ALL.into_iter().filter(|scope| set.has(*scope)).collect();
        assert_eq!(held, [Scope::ProfilesRead, Scope::FilesRead]);
        assert_eq!(set.to_claim(), "profiles:read files:read");
    }

    #[test]
    fn readme_names_every_scope_of_a_client() {
        let readme = include_str!("../../../../README.md");
        let row = readme.lines().find_map(|line| line.strip_prefix("| scopes | ")).unwrap();
        let named: Vec<&str> = row.split('`').filter(|word| word.contains(':')).collect();
        assert_eq!(named, Scope::MACHINE.map(Scope::name));
    }

    #[test]
    fn look_alikes_grant_nothing() {
        for claim in
            ["profiles:readx", "Profiles:read", "profiles:*", "*", "profiles:read\u{a0}x", "profiles:read,x", ""]
        {
            assert_eq!(ScopeSet::parse(claim), ScopeSet::default(), "{claim}");
        }
    }
}
