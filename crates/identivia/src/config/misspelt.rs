//! Finds variables that look like settings of this program and are none. Only names are read, never values.

use super::setting::list_variables;

/// The beginnings of our variables that other programs do not use. `AWS_` belongs to the AWS tools.
const OWN_PREFIXES: [&str; 19] = [
    "CONSOLE_",
    "DOCUMENT_READER",
    "EMBED_",
    "ENGINE_",
    "EVENTS_",
    "FACE_",
    "FILES_",
    "FINGERPRINT_",
    "FLOW_TOKEN_",
    "JWT_",
    "LIVENESS_",
    "LOCAL_LIVENESS_",
    "METRICS_",
    "OIDC_",
    "OPENAI_",
    "PB_USER_",
    "POCKETBASE_",
    "SYSTEM_KEY_",
    "WEBHOOKS_",
];
/// The longest name that may be misspelt: longer ones are compared with none.
const MAX_NAME: usize = 64;

/// A variable that is no setting, and the setting that was probably meant.
#[derive(Debug, PartialEq, Eq)]
pub struct MisspeltVariable {
    pub name: String,
    pub meant: Option<&'static str>,
}

impl MisspeltVariable {
    /// The warning about it.
    #[must_use]
    pub fn to_warning(&self) -> String {
        match self.meant {
            Some(meant) => format!("{} is no setting and does nothing; did you mean {meant}?", self.name),
            None => format!("{} is no setting and does nothing; identivia --help lists the settings", self.name),
        }
    }
}

/// The variables among these that look like settings and are none, by name.
#[must_use]
pub fn list_misspelt_variables(names: impl Iterator<Item = String>) -> Vec<MisspeltVariable> {
    let known: Vec<&'static str> = list_variables().collect();
    let unknown = names.filter(|name| !known.contains(&name.as_str()) && !is_made_by_other_tools(name));
    let mut misspelt: Vec<MisspeltVariable> = unknown.filter_map(|name| find_meant(name, &known)).collect();
    misspelt.sort_by(|one, other| one.name.cmp(&other.name));
    misspelt
}

fn find_meant(name: String, known: &[&'static str]) -> Option<MisspeltVariable> {
    let distances = known.iter().map(|known| (count_edits(&name, known), *known));
    let nearest = distances.min_by_key(|(edits, _)| *edits).filter(|(edits, _)| *edits <= allowed_edits(&name));
    let meant = nearest.map(|(_, known)| known);
    let looks_like_ours = meant.is_some() || OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    looks_like_ours.then_some(MisspeltVariable { name, meant })
}

/// Every other short name is a letter or two from another: `HOST`, `POST` and `HOME`.
fn allowed_edits(name: &str) -> usize {
    match name.len() {
        0..=4 => 0,
        5..=7 => 1,
        8..=MAX_NAME => 2,
        _ => 0,
    }
}

/// Kubernetes and Docker name services in variables such as `POCKETBASE_SERVICE_HOST` and `POCKETBASE_PORT_8090_TCP`; the AWS
/// tools know an endpoint for each service.
fn is_made_by_other_tools(name: &str) -> bool {
    name.contains("_SERVICE_") || name.contains("_PORT") || name.starts_with("AWS_ENDPOINT_URL_")
}

/// The letters to insert, remove, replace or swap with their neighbour to get from one name to the other.
fn count_edits(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() > MAX_NAME || one.len().abs_diff(other.len()) > 2 {
        return usize::MAX;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, of_other) in other.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != of_other);
            let mut edits = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let is_swap = row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *of_other;
            if is_swap {
                edits = edits.min(before_last[column - 1] + 1);
            }
            current.push(edits);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> Option<MisspeltVariable> {
        list_misspelt_variables(std::iter::once(name.to_owned())).pop()
    }

    #[test]
    fn misspelt_settings_are_found_with_what_was_meant() {
        for (name, meant) in [
            ("JWT_SECRT", Some("JWT_SECRET")),
            ("JWT_SECERT", Some("JWT_SECRET")),
            ("DATABASEURL", Some("DATABASE_URL")),
            ("PUBLIC_ULR", Some("PUBLIC_URL")),
            ("TRUSTED_PROXYS", Some("TRUSTED_PROXIES")),
            ("AWS_REGON", Some("AWS_REGION")),
            ("PORTS", Some("PORT")),
            ("OIDC_REDIRECT", None),
            ("OPENAI_ORGANIZATION", None),
        ] {
            assert_eq!(found(name), Some(MisspeltVariable { name: name.to_owned(), meant }), "{name}");
        }
    }

    #[test]
    fn settings_and_variables_of_other_programs_are_not_misspelt() {
        for name in list_variables() {
            assert_eq!(found(name), None, "{name}");
        }
        for name in [
            "HOME",
            "POST",
            "PATH",
            "PWD",
            "TERM",
            "USER",
            "LANG",
            "SHELL",
            "HOSTNAME",
            "MAIL",
            "SHLVL",
            "LC_ALL",
            "TZ",
            "RUST_BACKTRACE",
            "CARGO_HOME",
            "AWS_PROFILE",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL_SQS",
            "NODE_ENV",
            "IDENTIVIA_PORT_8000_TCP",
            "POCKETBASE_SERVICE_HOST",
            "POCKETBASE_PORT",
            "DATABASE_HOST",
            "SSL_CERT_FILE",
        ] {
            assert_eq!(found(name), None, "{name}");
        }
    }
}
