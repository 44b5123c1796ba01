//! Links of the OpenAPI document: which operation goes on with what an answer says.

use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, RefOr};

/// The id of the profile that an answer names.
const NEW_PROFILE: (&str, &str) = ("id", "$response.body#/id");
/// The id of the profile that a request names.
const SAME_ID: (&str, &str) = ("id", "$request.path.id");

/// An operation, the statuses of its answers, and an operation that goes on with the answer, with its parameters.
struct LinkRule {
    from: &'static str,
    statuses: &'static [&'static str],
    to: &'static str,
    parameters: &'static [(&'static str, &'static str)],
}

const fn rule(
    from: &'static str,
    statuses: &'static [&'static str],
    to: &'static str,
    parameters: &'static [(&'static str, &'static str)],
) -> LinkRule {
    LinkRule { from, statuses, to, parameters }
}

const RULES: [LinkRule; 11] = [
    rule("createProfile", &["200", "201"], "getProfile", &[NEW_PROFILE]),
    rule("createProfile", &["200", "201"], "updateProfile", &[NEW_PROFILE]),
    rule("createProfile", &["200", "201"], "createVerificationRecord", &[NEW_PROFILE]),
    rule("updateProfile", &["200"], "getProfile", &[SAME_ID]),
    rule("createVerificationRecord", &["201"], "getProfile", &[SAME_ID]),
    rule("createVerificationRecord", &["201"], "listVerificationRecords", &[SAME_ID]),
    rule("createStatusRecord", &["200", "201"], "listStatusRecords", &[SAME_ID]),
    rule("createLivenessSession", &["200"], "getLivenessResults", &[("sessionId", "$response.body#/sessionId")]),
    rule("createClient", &["201"], "getClient", &[("id", "$response.body#/data/client_id")]),
    rule("createClient", &["201"], "createClientSecret", &[("id", "$response.body#/data/client_id")]),
    rule("createClientSecret", &["201"], "deleteClientSecret", &[SAME_ID, ("secretId", "$response.body#/data/id")]),
];

/// Adds the links to the answers that they start from.
pub(super) fn add_operation_links(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(add_links);
    }
}

fn add_links(operation: &mut Operation) {
    let Some(id) = operation.operation_id.as_deref() else { return };
    for rule in RULES.iter().filter(|rule| rule.from == id) {
        for status in rule.statuses {
            let Some(RefOr::T(response)) = operation.responses.responses.get_mut(*status) else { continue };
            let link = LinkBuilder::new().operation_id(rule.to);
            let link = rule.parameters.iter().fold(link, |link, (name, value)| link.parameter(*name, *value));
            response.links.insert(rule.to.to_owned(), RefOr::T(link.build()));
        }
    }
}
