//! Checks of the fields of a client that callers send: scopes, addresses, expiry.

use serde_json::Value;

use crate::domain::managed_client::{AllowedAddresses, MAX_ADDRESSES, is_beyond_team};
use crate::domain::network::Network;
use crate::domain::scope::{Scope, to_scope_claim};
use crate::domain::{LINE, PARAGRAPH};
use crate::http::body::field_checks::{FieldChecks, RawField, none_if_empty};
use crate::records::time::Millis;

/// Wrong entries of a list that an answer quotes, and how much of each, in characters.
const QUOTED_ENTRIES: usize = 5;
const QUOTED_CHARACTERS: usize = 64;

/// Scopes by name, each once. `None` when they were not sent, or are wrong.
pub(super) fn read_scopes(checks: &mut FieldChecks, raw: RawField) -> Option<Vec<Scope>> {
    let names = read_texts(checks, "scopes", raw)?;
    let unknown: Vec<&String> = names.iter().filter(|name| Scope::of_machine(name).is_none()).collect();
    if !unknown.is_empty() {
        let known = to_scope_claim(&Scope::MACHINE);
        checks.add_problem("scopes", format!("has unknown scopes: {}; known are: {known}", quote_entries(&unknown)));
        return None;
    }
    if names.is_empty() {
        checks.add_problem("scopes", "must name at least one scope");
        return None;
    }
    let mut scopes: Vec<Scope> = Vec::new();
    for scope in names.iter().filter_map(|name| Scope::of_machine(name)) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Some(scopes)
}

/// Refuses an operator's scope for a client of a team.
pub(super) fn check_team_scopes(checks: &mut FieldChecks, team: Option<&str>, scopes: &[Scope]) {
    if is_beyond_team(team, scopes) {
        checks.add_problem(
            "scopes",
            "must not hold clients:manage for a client with a team: it reaches every team; leave one of them out",
        );
    }
}

/// Addresses and networks; an empty list admits every address. `None` when they were not sent, or are wrong.
pub(super) fn read_addresses(checks: &mut FieldChecks, raw: RawField) -> Option<AllowedAddresses> {
    let texts = read_texts(checks, "allowed_addresses", raw)?;
    let wrong: Vec<&String> = texts.iter().filter(|text| Network::parse(text).is_none()).collect();
    if !wrong.is_empty() {
        let problem = format!("must hold addresses or networks such as 203.0.113.0/24, not {}", quote_entries(&wrong));
        checks.add_problem("allowed_addresses", problem);
        return None;
    }
    if texts.len() > MAX_ADDRESSES {
        checks.add_problem("allowed_addresses", format!("must have at most {MAX_ADDRESSES} entries"));
        return None;
    }
    let networks: Vec<Network> = texts.iter().filter_map(|text| Network::parse(text)).collect();
    Some(if networks.is_empty() { AllowedAddresses::All } else { AllowedAddresses::Some(networks) })
}

/// When a client ends. An empty text: never. `None` when it was not sent, or is wrong.
pub(super) fn read_expiry(checks: &mut FieldChecks, raw: RawField, now: Millis) -> Option<Option<Millis>> {
    let text = checks.optional_text("expires_at", raw, LINE)?;
    if text.is_empty() {
        return Some(None);
    }
    match Millis::parse(&text) {
        Some(end) if end > now => Some(Some(end)),
        Some(_) => {
            checks.add_problem("expires_at", "must be in the future; to end a client now, set disabled");
            None
        }
        None => {
            checks.add_problem("expires_at", "must be a time such as 2027-03-21T00:00:00Z, or a date");
            None
        }
    }
}

/// A description. An empty text: none. `None` when it was not sent, or is wrong.
pub(super) fn read_description(checks: &mut FieldChecks, raw: RawField) -> Option<Option<String>> {
    checks.optional_text("description", raw, PARAGRAPH).map(none_if_empty)
}

/// A list of texts.
fn read_texts(checks: &mut FieldChecks, name: &'static str, raw: RawField) -> Option<Vec<String>> {
    let raw = raw.filter(|value| !value.is_null())?;
    let texts: Option<Vec<String>> =
        raw.as_array().and_then(|list| list.iter().map(|entry| entry.as_str().map(str::to_owned)).collect());
    if texts.is_none() {
        checks.add_problem(name, "must be a list of texts");
    }
    texts
}

/// The first entries of a list, shortened.
fn quote_entries(entries: &[&String]) -> String {
    let shorten = |entry: &&String| Value::from(entry.chars().take(QUOTED_CHARACTERS).collect::<String>()).to_string();
    entries.iter().take(QUOTED_ENTRIES).map(shorten).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_scopes_are_named_and_shortened() {
        let mut checks = FieldChecks::default();
        let sent = json!(["profiles:read", "profiles:*", "x".repeat(1_000)]);
        assert_eq!(read_scopes(&mut checks, Some(sent)), None);
        let refusal = format!("{:?}", checks.finish().unwrap_err());
        assert!(refusal.contains("profiles:*") && refusal.contains("clients:manage"), "{refusal}");
        assert!(!refusal.contains(&"x".repeat(65)), "{refusal}");
    }

    #[test]
    fn each_scope_counts_once_in_the_order_of_the_caller() {
        let sent = json!(["profiles:write", "profiles:read", "profiles:write"]);
        let read = read_scopes(&mut FieldChecks::default(), Some(sent));
        assert_eq!(read, Some(vec![Scope::ProfilesWrite, Scope::ProfilesRead]));
    }

    #[test]
    fn empty_list_of_addresses_admits_all() {
        let read = |sent| read_addresses(&mut FieldChecks::default(), Some(sent));
        assert_eq!(read(json!([])), Some(AllowedAddresses::All));
        assert_eq!(read(json!(["10.0.0.0/8", "::1"])).unwrap().to_string(), "10.0.0.0/8 ::1");
        for wrong in [json!(["10.0.0.0/33"]), json!([""]), json!("10.0.0.1"), json!([7]), json!(vec!["::1"; 41])] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
