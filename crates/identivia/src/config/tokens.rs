//! Settings for tokens and machine clients: signing key, issuer, audience, lifetimes, client list.

use std::collections::HashSet;

use serde::Deserialize;

use super::checks::{Parsed, ParsedWithSpaces, WholeNumber, parse_printable_text};
use super::setting::define_settings;
use crate::domain::client::{Client, ClientSecret, is_argon2id};
use crate::domain::scope::Scope;

/// The shortest `JWT_SECRET`, in bytes: as long as the hash it keys (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The most characters of a client's id or team.
const MAX_NAME_CHARACTERS: usize = 255;

define_settings! {
    TOKEN_SETTINGS, "Tokens and clients";

    /// Key that signs tokens, at least 32 bytes. When not set, the first start generates one and stores it in DATA_DIR
    JWT_SECRET: ParsedWithSpaces<Vec<u8>> = ParsedWithSpaces(parse_secret), WhenUnset("");
    /// Previous JWT_SECRET, while it is rotated: it verifies tokens and never signs. Remove it once they have ended
    JWT_SECRET_PREVIOUS: ParsedWithSpaces<Vec<u8>> = ParsedWithSpaces(parse_secret), WhenUnset("");
    /// `iss` of every token
    JWT_ISSUER: Parsed<String> = Parsed(parse_printable_text), DefaultText("identivia");
    /// `aud` of machine tokens; flow tokens have `<JWT_AUDIENCE>/flow`
    JWT_AUDIENCE: Parsed<String> = Parsed(parse_printable_text), DefaultText("identivia-api");
    /// Lifetime of a machine token, in seconds
    JWT_TTL_SECONDS: WholeNumber<i64> = WholeNumber { least: 60, most: 86_400 }, DefaultText("3600");
    /// Machine clients: a JSON array of {"client_id", "client_secret" or "client_secret_hash", "scopes": [...],
    /// "team": optional, "disabled": optional}. The tokens of a client that is removed or disabled end with the next start.
    /// When not set, the first start generates one client and stores it in DATA_DIR
    JWT_CLIENTS_JSON: Parsed<Vec<Client>> = Parsed(parse_clients), WhenUnset("");
    /// Lifetime of a flow token, in seconds
    FLOW_TOKEN_TTL_SECONDS: WholeNumber<i64> = WholeNumber { least: 60, most: 86_400 }, DefaultText("1800");
}

fn parse_secret(text: &str) -> Result<Vec<u8>, String> {
    if text.len() < MIN_SECRET_BYTES {
        return Err(format!(
            "must be at least {MIN_SECRET_BYTES} bytes long (it has {}); try: openssl rand -hex 32",
            text.len()
        ));
    }
    if is_placeholder(text) {
        return Err("is a placeholder, which anyone could guess; try: openssl rand -hex 32".to_owned());
    }
    Ok(text.as_bytes().to_vec())
}

/// Says whether a secret is one of those that examples show, or repeats one character.
fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 6] = ["changeme", "change-me", "change_me", "placeholder", "your-secret", "your_secret"];
    let lower = text.to_ascii_lowercase();
    let first = text.chars().next();
    WORDS.iter().any(|word| lower.starts_with(word)) || text.chars().all(|letter| Some(letter) == first)
}

/// One entry of `JWT_CLIENTS_JSON`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    client_id: String,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    client_secret_hash: Option<String>,
    scopes: Vec<String>,
    #[serde(default)]
    team: Option<String>,
    #[serde(default)]
    disabled: bool,
}

fn parse_clients(json: &str) -> Result<Vec<Client>, String> {
    // The parser's message could quote a secret, so the error only names the position.
    let entries: Vec<ClientEntry> = serde_json::from_str(json).map_err(|error| {
        format!(
            "must be a JSON array of {{\"client_id\", \"client_secret\" or \"client_secret_hash\", \"scopes\"}}; it goes \
             wrong at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    if entries.is_empty() {
        return Err(
            "names no client, so no machine token could be issued; add a client, or leave the setting out".to_owned()
        );
    }
    let mut ids = HashSet::new();
    for entry in &entries {
        if !ids.insert(entry.client_id.as_str()) {
            return Err(format!("names the client {:?} twice", entry.client_id));
        }
    }
    let is_enabled: Vec<bool> = entries.iter().map(|entry| !entry.disabled).collect();
    let clients: Vec<Client> = entries.into_iter().map(parse_client).collect::<Result<_, _>>()?;
    Ok(clients.into_iter().zip(is_enabled).filter(|(_, is_enabled)| *is_enabled).map(|(client, _)| client).collect())
}

fn parse_client(entry: ClientEntry) -> Result<Client, String> {
    let id = entry.client_id;
    if id.is_empty() || id.chars().count() > MAX_NAME_CHARACTERS {
        return Err(format!("every client_id must have 1 to {MAX_NAME_CHARACTERS} characters"));
    }
    let secret = match (entry.client_secret, entry.client_secret_hash) {
        (Some(secret), None) if !secret.is_empty() => ClientSecret::Plain(secret),
        (None, Some(hash)) if is_argon2id(&hash) => ClientSecret::Argon2id(hash),
        (None, Some(_)) => {
            return Err(format!(
                "the client_secret_hash of {id:?} is no Argon2id hash; make one with: identivia hash-secret"
            ));
        }
        _ => return Err(format!("the client {id:?} needs either a client_secret or a client_secret_hash")),
    };
    check_grant(&id, &entry.scopes, entry.team.as_deref())?;
    Ok(Client { id, secret, scopes: entry.scopes, team: entry.team })
}

/// Checks what a client may do: its scopes, and the team whose records it reaches.
fn check_grant(id: &str, scopes: &[String], team: Option<&str>) -> Result<(), String> {
    let is_scope_text = |scope: &String| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
    if scopes.is_empty() || !scopes.iter().all(is_scope_text) {
        return Err(format!("the client {id:?} needs scopes, such as \"profiles:read\""));
    }
    let Some(team) = team else { return Ok(()) };
    if team.is_empty() || team.chars().count() > MAX_NAME_CHARACTERS {
        return Err(format!(
            "the team of {id:?} must have 1 to {MAX_NAME_CHARACTERS} characters; leave it out for an operator who sees all"
        ));
    }
    if scopes.iter().any(|scope| scope == Scope::ClientsManage.name()) {
        return Err(format!(
            "the client {id:?} has a team and the scope clients:manage, which reaches every team; leave one of them out"
        ));
    }
    Ok(())
}

/// Lists the scopes of configured clients that no operation requires: most likely they are misspelt.
#[must_use]
pub fn list_unknown_scopes(clients: &[Client]) -> Vec<String> {
    clients
        .iter()
        .flat_map(|client| client.scopes.iter().map(move |scope| (client, scope)))
        .filter(|(_, scope)| Scope::of_machine(scope).is_none())
        .map(|(client, scope)| format!("{scope} (client {})", client.id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::problem;

    #[test]
    fn s24_secret_is_neither_short_nor_a_placeholder() {
        let words = ["changeme", "ChangeMe", "change-me", "CHANGE_ME", "placeholder", "your-secret", "your_secret"];
        let placeholders = words.map(|word| format!("{word}-0123456789abcdef0123456789abcdef"));
        let repeated = ["a", "0", "é", " "].map(|letter| letter.repeat(40));
        for name in ["JWT_SECRET", "JWT_SECRET_PREVIOUS"] {
            for text in placeholders.iter().chain(&repeated) {
                assert!(problem(&[(name, text)]).starts_with(&format!("{name}: is a placeholder")), "{text}");
            }
            for short in ["x", "0123456789abcdef0123456789abcde"] {
                assert!(
                    problem(&[(name, short)]).starts_with(&format!("{name}: must be at least 32 bytes")),
                    "{short}"
                );
            }
            for good in ["0123456789abcdef0123456789abcdef", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"] {
                assert_eq!(problem(&[(name, good)]), "none", "{good}");
            }
        }
    }

    #[test]
    fn malformed_client_list_does_not_quote_the_secret() {
        let line = problem(&[("JWT_CLIENTS_JSON", r#"[{"client_id":"a","client_secret":"CANARY","scopes":"x"}]"#)]);
        assert!(line.starts_with("JWT_CLIENTS_JSON: ") && !line.contains("CANARY"), "{line}");
        // What the parser itself would quote: quoted twice, or in a place where it does not belong.
        for list in [r#""CANARY""#, r#"[{"client_id":"a","client_secret":"x","scopes":"CANARY"}]"#, r#"["CANARY"]"#] {
            let line = problem(&[("JWT_CLIENTS_JSON", list)]);
            assert!(line.starts_with("JWT_CLIENTS_JSON: ") && !line.contains("CANARY"), "{line}");
        }
    }

    #[test]
    fn client_without_unique_id_proof_or_bound_is_refused() {
        let one = |fields: &str| format!(r#"[{{"client_id":"a","scopes":["x"],{fields}}}]"#);
        let hash = crate::domain::client::hash_secret("chosen by a person").unwrap();
        for (clients, said) in [
            (one(r#""client_secret":"CANARY""#).repeat(2).replace("][", ","), "names the client \"a\" twice"),
            (one(r#""client_secret":"CANARY""#).replace("\"a\"", "\"\""), "every client_id must have 1 to 255"),
            (one(r#""client_secret":"""#), "needs either a client_secret or a client_secret_hash"),
            (one(r#""team":"red""#), "needs either a client_secret or a client_secret_hash"),
            (
                one(&format!(r#""client_secret":"CANARY","client_secret_hash":"{hash}""#)),
                "needs either a client_secret or",
            ),
            (one(r#""client_secret_hash":"CANARY""#), "is no Argon2id hash"),
            (one(&format!(r#""client_secret_hash":"{}""#, hash.replace("argon2id", "argon2i"))), "is no Argon2id hash"),
            (one(r#""client_secret":"CANARY","team":"""#), "the team of \"a\" must have 1 to 255"),
            (
                one(r#""client_secret":"CANARY","team":"red""#).replace("[\"x\"]", "[\"clients:manage\"]"),
                "has a team and the scope clients:manage",
            ),
            (one(r#""client_secret":"CANARY""#).replace("[\"x\"]", "[]"), "needs scopes"),
            (one(r#""client_secret":"CANARY""#).replace("[\"x\"]", "[\"x y\"]"), "needs scopes"),
        ] {
            let line = problem(&[("JWT_CLIENTS_JSON", &clients)]);
            assert!(line.starts_with("JWT_CLIENTS_JSON: ") && line.contains(said), "{line}");
            assert!(!line.contains("CANARY"), "{line}");
        }
        assert_eq!(problem(&[("JWT_CLIENTS_JSON", &one(&format!(r#""client_secret_hash":"{hash}""#)))]), "none");
    }
}
