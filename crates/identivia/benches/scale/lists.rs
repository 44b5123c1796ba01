//! The lists that are measured: with each filter, with few matches, many and none, and with pairs that exclude each other.

use identivia::records::time::Millis;

/// The names of days in the filters below, and how many days ago they are.
const DAYS: [(&str, i64); 4] = [("YESTERDAY", 1), ("LAST_MONTH", 30), ("LONG_AGO", 360), ("TOMORROW", -1)];

/// Filters of profiles.
const PROFILE_FILTERS: [&str; 44] = [
    "",
    "status=verified",
    "status=in_review",
    "status=nothing",
    "verification_status=verified",
    "verification_status=pending",
    "verification_status=rejected",
    "country=DEU",
    "country=ISL",
    "country=ATA",
    "userID=user-4711",
    "userID=nobody",
    "q=anna",
    "q=zoe",
    "q=nobody",
    "q=p4711@example.com",
    "q=nobody@example.com",
    "q=zoe%20specimen",
    "created_after=YESTERDAY",
    "created_after=TOMORROW",
    "created_before=LONG_AGO",
    "created_after=LAST_MONTH&created_before=YESTERDAY",
    "updated_after=YESTERDAY",
    "updated_after=LAST_MONTH",
    "updated_after=TOMORROW",
    "status=in_review&country=ISL",
    "status=verified&country=ISL",
    "status=archived&verification_status=pending",
    "status=verified&verification_status=rejected",
    "verification_status=rejected&country=DEU",
    "verification_status=pending&q=anna",
    "country=ISL&q=anna",
    "country=ISL&q=maria",
    "userID=user-4711&status=verified",
    "q=anna&created_before=LONG_AGO",
    "q=zoe&created_after=YESTERDAY",
    "q=anna&created_after=TOMORROW",
    "status=verified&created_before=LONG_AGO",
    "status=verified&created_after=TOMORROW",
    "country=ISL&created_before=LONG_AGO",
    "status=in_review&updated_after=LAST_MONTH",
    "country=ISL&updated_after=YESTERDAY",
    "q=anna&updated_after=YESTERDAY",
    "updated_after=LAST_MONTH&created_before=LONG_AGO",
];

/// Filters of the audit trail.
const AUDIT_FILTERS: [&str; 17] = [
    "",
    "kind=profile.created",
    "kind=client.created",
    "kind=client.deleted",
    "kind=client.created,client.deleted",
    "actor=client-1",
    "actor=nobody",
    "actor=client-1&kind=client.created",
    "profile=p00000000004711",
    "object=v00000000004711",
    "address=192.0.2.1",
    "address=198.51.100.1",
    "address=192.0.2.1&kind=client.created",
    "from=YESTERDAY",
    "from=TOMORROW",
    "to=LONG_AGO",
    "kind=profile.created&to=LONG_AGO",
];

/// Filters of reviews.
const REVIEW_FILTERS: [&str; 9] = [
    "",
    "state=open",
    "state=decided",
    "state=second_look,escalated",
    "state=open&country=ISL",
    "country=ISL",
    "state=decided&document_type=driving_license",
    "state=waiting&q=anna",
    "assignee=me",
];

/// The paths of the lists. Days are counted from `now`.
pub(crate) fn list_paths(now: i64) -> Vec<String> {
    let lists = [("profiles", &PROFILE_FILTERS[..]), ("audit_events", &AUDIT_FILTERS), ("reviews", &REVIEW_FILTERS)];
    let filtered = lists.into_iter().flat_map(|(list, filters)| filters.iter().map(move |filter| (list, *filter)));
    let path = |(list, filter): (&str, &str)| {
        let separator = if filter.is_empty() { "" } else { "?" };
        format!("/api/{list}{separator}{}", name_days(filter, now))
    };
    let histories = ["/api/status_history/p00000000004711", "/api/verification_history/p00000000004711"];
    filtered.map(path).chain(histories.map(str::to_owned)).collect()
}

/// Puts dates in the places of the days' names.
fn name_days(filter: &str, now: i64) -> String {
    DAYS.iter().fold(filter.to_owned(), |filter, (name, days)| {
        let date: String = Millis(now - days * 86_400_000).to_string().chars().take(10).collect();
        filter.replace(name, &date)
    })
}
