//! The access table: the scope and the kinds of caller that each operation takes, read from the OpenAPI document.
//!
//! The guard enforces what is published. An operation without a usable declaration stops the start.

use std::collections::HashMap;

use axum::http::Method;
use serde_json::Value;

use super::authority::CallerKind;
use crate::domain::scope::Scope;

/// What one operation requires of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessRule {
    Public,
    /// Credentials with the scope that the operation names for their kind of caller.
    Scoped(CallerScopes),
}

/// The scope that an operation requires of each kind of caller; `None` for the kinds that it does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallerScopes([Option<Scope>; CallerKind::ALL.len()]);

impl CallerScopes {
    /// The scope that is required of that kind of caller.
    pub(crate) fn of_kind(self, kind: CallerKind) -> Option<Scope> {
        CallerKind::ALL.into_iter().zip(self.0).find(|(known, _)| *known == kind).and_then(|(_, scope)| scope)
    }

    /// The first kind of caller that the operation takes, and the scope that it requires.
    pub(crate) fn first(self) -> Option<(CallerKind, Scope)> {
        CallerKind::ALL.into_iter().zip(self.0).find_map(|(kind, scope)| Some((kind, scope?)))
    }
}

/// Every operation and its rule.
pub(crate) struct AccessTable(HashMap<String, Vec<(Method, AccessRule)>>);

/// An operation whose `security` cannot be enforced.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path} declares no usable security")]
pub struct UndeclaredAccess {
    method: String,
    path: String,
}

impl AccessTable {
    /// Reads the table from an OpenAPI document.
    pub(crate) fn from_openapi(document: &Value) -> Result<Self, UndeclaredAccess> {
        let mut table: HashMap<String, Vec<(Method, AccessRule)>> = HashMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let undeclared = || UndeclaredAccess { method: method.to_uppercase(), path: path.clone() };
                let rule = parse_access_rule(&operation["security"]).ok_or_else(undeclared)?;
                let method = method.to_uppercase().parse().map_err(|_| undeclared())?;
                table.entry(path.clone()).or_default().push((method, rule));
            }
        }
        Ok(Self(table))
    }

    /// The rule of a path template and method. `HEAD` follows the rule of `GET`.
    pub(crate) fn find_rule(&self, path: &str, method: &Method) -> Option<AccessRule> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(path)?.iter().find(|(known, _)| known == method).map(|(_, rule)| *rule)
    }
}

/// `[{}]` is public. Otherwise each entry, such as `{"machine": [scope]}`, admits one kind of caller. Entries for tokens must
/// name the same scope; a person's permission may be another one.
fn parse_access_rule(security: &Value) -> Option<AccessRule> {
    let choices = security.as_array()?;
    if choices.iter().any(|choice| choice.as_object().is_some_and(serde_json::Map::is_empty)) {
        return Some(AccessRule::Public);
    }
    let scopes = CallerScopes(CallerKind::ALL.map(|kind| find_scope(choices, kind)));
    scopes.first()?;
    let of_tokens = (scopes.of_kind(CallerKind::Machine), scopes.of_kind(CallerKind::Flow));
    if matches!(of_tokens, (Some(machine), Some(flow)) if machine != flow) {
        return None;
    }
    Some(AccessRule::Scoped(scopes))
}

fn find_scope(choices: &[Value], kind: CallerKind) -> Option<Scope> {
    choices.iter().find_map(|choice| choice[kind.security_scheme()][0].as_str()).and_then(Scope::from_name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token_rule(scope: Scope, machine: bool, flow: bool) -> Option<AccessRule> {
        Some(AccessRule::Scoped(CallerScopes([machine.then_some(scope), flow.then_some(scope), None])))
    }

    #[test]
    fn rules_are_read_from_the_document_and_nothing_is_open_by_accident() {
        assert_eq!(parse_access_rule(&json!([{}])), Some(AccessRule::Public));
        let machine = parse_access_rule(&json!([{"machine": ["profiles:read"]}]));
        assert_eq!(machine, token_rule(Scope::ProfilesRead, true, false));
        let both = parse_access_rule(&json!([{"machine": ["files:read"]}, {"flow": ["files:read"]}]));
        assert_eq!(both, token_rule(Scope::FilesRead, true, true));
        let flow = parse_access_rule(&json!([{"flow": ["files:read"]}]));
        assert_eq!(flow, token_rule(Scope::FilesRead, false, true));
        let person = parse_access_rule(&json!([{"machine": ["files:read"]}, {"consoleSession": ["files:download"]}]));
        let scopes = CallerScopes([Some(Scope::FilesRead), None, Some(Scope::FilesDownload)]);
        assert_eq!(person, Some(AccessRule::Scoped(scopes)));
        for undeclared in [
            json!(null),
            json!([]),
            json!([{"machine": []}]),
            json!([{"machine": ["profiles:*"]}]),
            json!([{"machine": ["files:read"]}, {"flow": ["profiles:read"]}]),
        ] {
            assert!(parse_access_rule(&undeclared).is_none(), "{undeclared}");
        }
    }

    #[test]
    fn operation_without_security_stops_the_start() {
        let document =
            |security: Value| json!({"paths": {"/a": {"get": {"security": [{}]}, "put": {"security": security}}}});
        let table = AccessTable::from_openapi(&document(json!([{"machine": ["files:read"]}]))).unwrap();
        assert_eq!(table.find_rule("/a", &Method::HEAD), Some(AccessRule::Public));
        assert_eq!(table.find_rule("/a", &Method::PUT), token_rule(Scope::FilesRead, true, false));
        assert!(table.find_rule("/a", &Method::POST).is_none() && table.find_rule("/b", &Method::GET).is_none());
        let refused = AccessTable::from_openapi(&document(json!(null))).err().unwrap();
        assert_eq!(refused.to_string(), "PUT /a declares no usable security");
    }
}
