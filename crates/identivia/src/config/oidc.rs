//! Settings for signing in to the console with OpenID Connect: providers, credentials, and the claim that gives a role.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::checks::{Parsed, parse_header_word, parse_printable_text};
use super::network::{is_unencrypted, parse_web_url};
use super::setting::{AnySetting as _, ConfigError, Settings, define_settings};
use crate::domain::console::oidc::role_claim::RoleClaim;
use crate::records::console_user::ConsoleRole;

define_settings! {
    OIDC_SETTINGS, "Sign-in with OpenID Connect";

    /// Issuer URL of the OpenID Connect provider that people can sign in to the console with, as its discovery document names it
    OIDC_ISSUER: Parsed<String> = Parsed(parse_issuer), WhenUnset("no provider");
    /// This server's client id at the provider. Its redirect URI is PUBLIC_URL/api/console/oidc/sso/callback
    OIDC_CLIENT_ID: Parsed<String> = Parsed(parse_word), WhenUnset("required with OIDC_ISSUER");
    /// Secret of that client
    OIDC_CLIENT_SECRET: Parsed<String> = Parsed(parse_header_word), WhenUnset("required with OIDC_ISSUER");
    /// Name of the provider on the button of the sign-in page
    OIDC_NAME: Parsed<String> = Parsed(parse_printable_text), WhenUnset("the issuer's host");
    /// Scopes to ask the provider for, with spaces between them; openid must be one
    OIDC_SCOPE: Parsed<String> = Parsed(parse_scope), DefaultText("openid profile email");
    /// Claim of the ID token whose values give roles, such as groups or realm_access.roles
    OIDC_ROLE_CLAIM: Parsed<String> = Parsed(parse_word), WhenUnset("people come by invitation only");
    /// Roles that values of that claim give: value=role pairs such as idv-admins=admin, separated by commas. Of several roles the
    /// highest counts
    OIDC_ROLES: Parsed<Vec<(String, ConsoleRole)>> = Parsed(parse_roles), WhenUnset("required with OIDC_ROLE_CLAIM");
    /// Claim of the ID token whose values are the teams that a user reaches, such as teams. It counts at each sign-in. Values that
    /// name no team here are ignored. Without the claim a user keeps the teams of the invitation
    OIDC_TEAMS_CLAIM: Parsed<String> = Parsed(parse_word), WhenUnset("teams are given at the console");
    /// Several providers, in place of the other OIDC settings: a JSON array of {"id", "issuer", "client_id", "client_secret", "name",
    /// "scope", "role_claim", "roles": {value: role}, "teams_claim"}; the id is in the redirect URI in place of sso
    OIDC_PROVIDERS_JSON: Parsed<Vec<OidcSettings>> = Parsed(parse_providers), WhenUnset("none");
}

/// The id of the provider of the single settings.
const SINGLE_ID: &str = "sso";
/// The most providers: each is a button on the sign-in page.
const MAX_PROVIDERS: usize = 10;

/// An OpenID Connect provider. Holds a secret, so it has no `Debug`.
#[derive(Clone)]
pub struct OidcSettings {
    /// Its name in paths.
    pub id: String,
    /// Its name on the button.
    pub name: String,
    /// Letter for letter as in its tokens.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    pub scope: String,
    /// `None`: people come by invitation only.
    pub role_claim: Option<RoleClaim>,
    /// The claim whose values are teams; `None`: teams are given at the console.
    pub teams_claim: Option<String>,
}

/// Reads the providers; none where none is configured.
pub(super) fn read_oidc_providers(settings: &Settings) -> Result<Vec<OidcSettings>, ConfigError> {
    let Some(issuer) = OIDC_ISSUER.read_if_set(settings)? else {
        return Ok(OIDC_PROVIDERS_JSON.read_if_set(settings)?.unwrap_or_default());
    };
    if OIDC_PROVIDERS_JSON.is_set(settings) {
        return Err(OIDC_PROVIDERS_JSON.to_error("OIDC_ISSUER is set too; move that provider into the list"));
    }
    let client_id = OIDC_CLIENT_ID.read_if_set(settings)?;
    let client_id = client_id.ok_or_else(|| OIDC_CLIENT_ID.to_error("must be set with OIDC_ISSUER"))?;
    let client_secret = OIDC_CLIENT_SECRET.read_if_set(settings)?;
    let client_secret = client_secret.ok_or_else(|| OIDC_CLIENT_SECRET.to_error("must be set with OIDC_ISSUER"))?;
    let role_claim = match (OIDC_ROLE_CLAIM.read_if_set(settings)?, OIDC_ROLES.read_if_set(settings)?) {
        (Some(claim), Some(roles)) => Some(RoleClaim { claim, roles }),
        (None, None) => None,
        (Some(_), None) => return Err(OIDC_ROLES.to_error("must be set with OIDC_ROLE_CLAIM")),
        (None, Some(_)) => return Err(OIDC_ROLE_CLAIM.to_error("must be set with OIDC_ROLES")),
    };
    let name = OIDC_NAME.read_if_set(settings)?.unwrap_or_else(|| host_of(&issuer));
    let (id, scope) = (SINGLE_ID.to_owned(), OIDC_SCOPE.read(settings)?);
    let teams_claim = OIDC_TEAMS_CLAIM.read_if_set(settings)?;
    Ok(vec![OidcSettings { id, name, issuer, client_id, client_secret, scope, role_claim, teams_claim }])
}

/// Says whether the settings of a single provider have an effect.
pub(super) fn has_oidc_issuer(settings: &Settings) -> bool {
    OIDC_ISSUER.is_set(settings)
}

fn host_of(issuer: &str) -> String {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}

/// The issuer is compared letter for letter, so a slash at its end stays.
fn parse_issuer(text: &str) -> Result<String, String> {
    parse_web_url(text)?;
    if text.contains('#') {
        return Err("must be a URL without a fragment".to_owned());
    }
    if is_unencrypted(text) {
        return Err(
            "must be https://: an attacker who changes the answers on the way could sign in as any user".to_owned()
        );
    }
    Ok(text.to_owned())
}

fn parse_word(text: &str) -> Result<String, String> {
    let is_word = text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_word.then(|| text.to_owned()).ok_or_else(|| "must be one word of at most 255 ASCII characters".to_owned())
}

fn parse_scope(text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_plain =
        words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte)));
    if !is_plain || !words.contains(&"openid") {
        return Err("must be words with spaces between them, and openid must be one".to_owned());
    }
    Ok(words.join(" "))
}

fn parse_roles(text: &str) -> Result<Vec<(String, ConsoleRole)>, String> {
    let pairs = text.split(',').map(|pair| pair.rsplit_once('=').ok_or_else(bad_roles));
    pairs.map(|pair| pair.and_then(|(value, word)| to_role_pair(value, word))).collect()
}

fn to_role_pair(value: &str, word: &str) -> Result<(String, ConsoleRole), String> {
    let role = ConsoleRole::from_word(word.trim()).ok_or_else(bad_roles)?;
    let value = value.trim();
    if value.is_empty() { Err(bad_roles()) } else { Ok((value.to_owned(), role)) }
}

fn bad_roles() -> String {
    "must be pairs such as idv-admins=admin with commas between them; the roles are super_admin, admin, reviewer and auditor"
        .to_owned()
}

/// One entry of `OIDC_PROVIDERS_JSON`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderEntry {
    id: String,
    issuer: String,
    client_id: String,
    client_secret: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    role_claim: Option<String>,
    #[serde(default)]
    roles: BTreeMap<String, String>,
    #[serde(default)]
    teams_claim: Option<String>,
}

fn parse_providers(json: &str) -> Result<Vec<OidcSettings>, String> {
    // The parser's message could quote a secret, so the error only names the position.
    let entries: Vec<ProviderEntry> = serde_json::from_str(json).map_err(|error| {
        format!(
            "must be a JSON array of {{\"id\", \"issuer\", \"client_id\", \"client_secret\"}}; it goes wrong at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    if entries.len() > MAX_PROVIDERS {
        return Err(format!("names {} providers; at most {MAX_PROVIDERS} are possible", entries.len()));
    }
    let providers: Vec<OidcSettings> = entries.into_iter().enumerate().map(to_provider).collect::<Result<_, _>>()?;
    for (index, provider) in providers.iter().enumerate() {
        if providers[..index].iter().any(|other| other.id == provider.id) {
            return Err(format!("names the provider {:?} twice", provider.id));
        }
    }
    Ok(providers)
}

fn to_provider((index, entry): (usize, ProviderEntry)) -> Result<OidcSettings, String> {
    let number = index + 1;
    let in_entry = |field: &str, problem: String| format!("entry {number}: {field} {problem}");
    let is_id = (1..=32).contains(&entry.id.len())
        && entry.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_id {
        return Err(in_entry("id", "must have 1 to 32 of a-z, 0-9 and -".to_owned()));
    }
    let issuer = parse_issuer(&entry.issuer).map_err(|problem| in_entry("issuer", problem))?;
    let client_id = parse_word(&entry.client_id).map_err(|problem| in_entry("client_id", problem))?;
    let client_secret =
        parse_header_word(&entry.client_secret).map_err(|problem| in_entry("client_secret", problem))?;
    if client_id.is_empty() || client_secret.is_empty() {
        return Err(in_entry("client_id", "and client_secret must not be empty".to_owned()));
    }
    let name = entry.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| host_of(&issuer));
    let name = parse_printable_text(&name).map_err(|problem| in_entry("name", problem))?;
    let scope = parse_scope(entry.scope.as_deref().unwrap_or(OIDC_SCOPE.default.0));
    let scope = scope.map_err(|problem| in_entry("scope", problem))?;
    let roles = entry.roles.iter().map(|(value, word)| to_role_pair(value, word)).collect::<Result<Vec<_>, _>>();
    let roles = roles
        .map_err(|_| in_entry("roles", "must map values to super_admin, admin, reviewer or auditor".to_owned()))?;
    let role_claim = match (entry.role_claim, roles.is_empty()) {
        (Some(claim), false) => {
            let claim = parse_word(&claim).map_err(|problem| in_entry("role_claim", problem))?;
            Some(RoleClaim { claim, roles })
        }
        (None, true) => None,
        _ => return Err(in_entry("role_claim", "and roles go together".to_owned())),
    };
    let teams_claim = entry.teams_claim.map(|claim| parse_word(&claim)).transpose();
    let teams_claim = teams_claim.map_err(|problem| in_entry("teams_claim", problem))?;
    Ok(OidcSettings { id: entry.id, name, issuer, client_id, client_secret, scope, role_claim, teams_claim })
}

#[cfg(test)]
mod tests {
    use super::super::tests::problem;
    use super::*;

    const ISSUER: (&str, &str) = ("OIDC_ISSUER", "https://login.example.com/realm/");
    const ID: (&str, &str) = ("OIDC_CLIENT_ID", "identivia");
    const SECRET: (&str, &str) = ("OIDC_CLIENT_SECRET", "CANARY");

    #[test]
    fn single_provider_has_its_host_as_name_and_keeps_the_slash_of_its_issuer() {
        let roles = [("OIDC_ROLE_CLAIM", "groups"), ("OIDC_ROLES", "a=b=admin, c = auditor")];
        let texts = [ISSUER, ID, SECRET, roles[0], roles[1], ("OIDC_TEAMS_CLAIM", "teams")];
        let Ok(providers) = read_oidc_providers(&Settings::from_texts(&texts)) else { panic!("refused") };
        let [provider] = &providers[..] else { panic!("{} providers", providers.len()) };
        assert_eq!((provider.id.as_str(), provider.name.as_str()), ("sso", "login.example.com"));
        assert_eq!((provider.issuer.as_str(), provider.scope.as_str()), (ISSUER.1, "openid profile email"));
        assert_eq!(provider.teams_claim.as_deref(), Some("teams"));
        let roles = &provider.role_claim.as_ref().unwrap().roles;
        assert_eq!(roles[..], [("a=b".to_owned(), ConsoleRole::Admin), ("c".to_owned(), ConsoleRole::Auditor)]);
        assert!(read_oidc_providers(&Settings::default()).is_ok_and(|providers| providers.is_empty()));
    }

    #[test]
    fn bad_provider_is_one_line_that_names_the_variable_and_shows_no_secret() {
        let entry = |more: &str| {
            format!(r#"[{{"id":"a","issuer":"https://a.example","client_id":"c","client_secret":"CANARY"{more}}}]"#)
        };
        let list = |json: &str| problem(&[("OIDC_PROVIDERS_JSON", json)]);
        let twice = entry("").repeat(2).replace("][", ",");
        let lines = [
            problem(&[("OIDC_ISSUER", "http://login.example.com"), ID, SECRET]),
            problem(&[ISSUER, SECRET]),
            problem(&[ISSUER, ID]),
            problem(&[ISSUER, ID, SECRET, ("OIDC_SCOPE", "email")]),
            problem(&[ISSUER, ID, SECRET, ("OIDC_ROLE_CLAIM", "groups")]),
            problem(&[ISSUER, ID, SECRET, ("OIDC_ROLES", "a=admin")]),
            problem(&[ISSUER, ID, SECRET, ("OIDC_ROLE_CLAIM", "groups"), ("OIDC_ROLES", "a=boss")]),
            problem(&[ISSUER, ID, SECRET, ("OIDC_PROVIDERS_JSON", "[]")]),
            list(r#"[{"id":"a","client_secret":"CANARY","issuer":1}]"#),
            list(&twice),
            list(&entry("").replace(r#""a""#, r#""A/""#)),
            list(&entry(r#","roles":{"x":"admin"}"#)),
            list(&entry(r#","role_claim":"g","roles":{"x":"boss"}"#)),
            list(&entry(r#","teams_claim":"two words""#)),
            problem(&[ISSUER, ID, SECRET, ("OIDC_TEAMS_CLAIM", "two words")]),
            list(&entry("").replace("https", "http")),
        ];
        assert!(!lines.concat().contains("CANARY"), "{lines:?}");
        assert!(lines.iter().all(|line| line.starts_with("OIDC_") && line.contains(": ")), "{lines:?}");
        assert_eq!(list(&entry(r#","role_claim":"g","roles":{"x":"admin"},"name":"A"}"#).replace("}}", "}")), "none");
        assert_eq!(problem(&[("OIDC_ISSUER", "http://127.0.0.1:9"), ID, SECRET]), "none", "this machine");
    }
}
