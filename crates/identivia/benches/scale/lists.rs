//! The lists that are measured: with each filter, with few matches, many and none, and with pairs that exclude each other.

use identivia::records::time::Millis;

/// The paths of the lists. Times are before `now`.
pub(crate) fn list_paths(now: i64) -> Vec<String> {
    let before = |days: i64| Millis(now - days * 86_400_000).to_string()[..10].to_owned();
    let (yesterday, last_month, long_ago, tomorrow) = (before(1), before(30), before(360), before(-2));
    let profiles = [
        String::new(),
        "status=verified".to_owned(),
        "status=in_review".to_owned(),
        "status=nothing".to_owned(),
        "verification_status=verified".to_owned(),
        "verification_status=pending".to_owned(),
        "verification_status=rejected".to_owned(),
        "country=DEU".to_owned(),
        "country=ISL".to_owned(),
        "country=ATA".to_owned(),
        "userID=user-4711".to_owned(),
        "userID=nobody".to_owned(),
        "q=anna".to_owned(),
        "q=zoe".to_owned(),
        "q=nobody".to_owned(),
        "q=p4711@example.com".to_owned(),
        "q=nobody@example.com".to_owned(),
        "q=zoe%20specimen".to_owned(),
        format!("created_after={yesterday}"),
        format!("created_after={tomorrow}"),
        format!("created_before={long_ago}"),
        format!("created_after={last_month}&created_before={yesterday}"),
        format!("updated_after={yesterday}"),
        format!("updated_after={last_month}"),
        format!("updated_after={tomorrow}"),
        "status=in_review&country=ISL".to_owned(),
        "status=verified&country=ISL".to_owned(),
        "status=archived&verification_status=pending".to_owned(),
        "status=verified&verification_status=rejected".to_owned(),
        "verification_status=rejected&country=DEU".to_owned(),
        "verification_status=pending&q=anna".to_owned(),
        "country=ISL&q=anna".to_owned(),
        "country=ISL&q=maria".to_owned(),
        "userID=user-4711&status=verified".to_owned(),
        format!("q=anna&created_before={long_ago}"),
        format!("q=zoe&created_after={yesterday}"),
        format!("q=anna&created_after={tomorrow}"),
        format!("status=verified&created_before={long_ago}"),
        format!("status=verified&created_after={tomorrow}"),
        format!("country=ISL&created_before={long_ago}"),
        format!("status=in_review&updated_after={last_month}"),
        format!("country=ISL&updated_after={yesterday}"),
        format!("q=anna&updated_after={yesterday}"),
        format!("updated_after={last_month}&created_before={long_ago}"),
    ];
    let audit = [
        String::new(),
        "kind=profile.created".to_owned(),
        "kind=client.created".to_owned(),
        "kind=client.deleted".to_owned(),
        "kind=client.created,client.deleted".to_owned(),
        "actor=client-1".to_owned(),
        "actor=nobody".to_owned(),
        "actor=client-1&kind=client.created".to_owned(),
        "profile=p00000000004711".to_owned(),
        "object=v00000000004711".to_owned(),
        "address=192.0.2.1".to_owned(),
        "address=198.51.100.1".to_owned(),
        "address=192.0.2.1&kind=client.created".to_owned(),
        format!("from={yesterday}"),
        format!("from={tomorrow}"),
        format!("to={long_ago}"),
        format!("kind=profile.created&to={long_ago}"),
    ];
    let reviews = [
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
    let of = |list: &str, filter: &str| format!("/api/{list}{}{filter}", if filter.is_empty() { "" } else { "?" });
    let profiles = profiles.iter().map(|filter| of("profiles", filter));
    let audit = audit.iter().map(|filter| of("audit_events", filter));
    let reviews = reviews.iter().map(|filter| of("reviews", filter));
    let histories = ["/api/status_history/p00000000004711", "/api/verification_history/p00000000004711"];
    profiles.chain(audit).chain(reviews).chain(histories.map(str::to_owned)).collect()
}
