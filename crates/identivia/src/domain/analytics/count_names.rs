//! The names of what is counted. A name with a `/` ends with a word of a closed list.

/// The steps of the funnel, in order. Each is counted on the day on which its profile was created.
pub const FUNNEL: [&str; 8] = ["created", "opened", "consent", "document", "face", "sent", "decided", "verified"];

/// Before the name of a step of the funnel.
pub const OF_COHORT: &str = "cohort/";
/// Verification records that were made.
pub const RECORDS: &str = "records";
/// Profiles whose first final status was that.
pub const VERIFIED: &str = "verified";
pub const REJECTED: &str = "rejected";
/// Verified by their first record.
pub const FIRST_PASS: &str = "first_pass";
/// All final decisions, also of a profile that had one.
pub const DECISIONS: &str = "decisions";
/// Before who has made a final decision.
pub const DECIDED_BY: &str = "decided_by/";
/// Decided profiles that were opened again.
pub const REOPENED: &str = "reopened";
/// Requests of another try.
pub const RESUBMISSIONS: &str = "resubmissions";
/// Before a step or a reason of such a request.
pub const RESUBMISSION_STEP: &str = "resubmission_step/";
pub const RESUBMISSION_REASON: &str = "resubmission_reason/";
/// Before the code of a final rejection.
pub const REASON: &str = "reason/";
/// Before the code of a finding that is no pass.
pub const FINDING: &str = "finding/";
/// Before the outcome of checks.
pub const CHECKS: &str = "checks/";
/// Before the bucket of a duration from the first record to the first final status, without and with waiting for the person.
pub const DECISION_TIME: &str = "decision_time/";
pub const WAITING_TIME: &str = "waiting_time/";
/// Before the id of a console user, and what they did.
pub const REVIEWER: &str = "reviewer/";
/// The prefix of names that count handling times, before the bucket of the time.
pub const HANDLING_TIME: &str = "handling_time/";
/// Second looks, and those that did not agree.
pub const SECOND_LOOKS: &str = "second_looks";
pub const SECOND_LOOK_DISAGREEMENTS: &str = "second_look_disagreements";
/// Before a group, such as `group/country/UTO/verified`.
pub const GROUP: &str = "group/";
/// What profiles can be grouped by.
pub const GROUPS: [&str; 2] = ["country", "document_type"];

/// The group of what is known and in no closed list, and of what is not known.
pub const OTHER: &str = "other";
