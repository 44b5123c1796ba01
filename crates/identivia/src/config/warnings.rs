//! Warnings about a configuration that works, and that an operator should know of.

use std::net::SocketAddr;

use super::console::NO_SECOND_FACTOR_WARNING;
use super::network::{has_unspecified_host, is_unencrypted};
use super::{Config, RecordLocation};

impl Config {
    /// Warns of links that a person's phone cannot open, or on which it gives no camera.
    #[must_use]
    pub fn list_link_warnings(&self) -> Vec<String> {
        let own_address = format!("http://{}", SocketAddr::new(self.host, self.port));
        let (name, url) = match (&self.client_url, &self.public_url) {
            (Some(url), _) => ("CLIENT_URL", url),
            (None, Some(url)) => ("PUBLIC_URL", url),
            (None, None) => ("PUBLIC_URL is not set, and the address", &own_address),
        };
        if has_unspecified_host(url) {
            return vec![format!(
                "{name} {url} is no address that a phone can open: set PUBLIC_URL to the https URL at which people reach this server"
            )];
        }
        if is_unencrypted(url) {
            return vec![format!(
                "{name} {url} is http://: browsers give no camera to such a page, except on this machine; serve it by https"
            )];
        }
        Vec::new()
    }

    /// Warns of a database on another machine whose certificate is not verified.
    #[must_use]
    pub fn unverified_database_warning(&self) -> Option<&'static str> {
        matches!(self.records, RecordLocation::Postgres { is_unverified: true, .. }).then_some(
            "DATABASE_ALLOW_UNVERIFIED_TLS is on: a machine that poses as the database can read and change every record",
        )
    }

    /// Warns of a console without second factors.
    #[must_use]
    pub fn second_factor_warning(&self) -> Option<&'static str> {
        (!self.console_requires_mfa).then_some(NO_SECOND_FACTOR_WARNING)
    }

    /// Warns of settings that work for one server, and not for several servers on the same records.
    #[must_use]
    pub fn list_single_server_warnings(&self) -> Vec<&'static str> {
        if matches!(self.records, RecordLocation::Sqlite) {
            return Vec::new();
        }
        let mut warnings = Vec::new();
        if self.jwt_secret.is_none() {
            warnings
                .push("JWT_SECRET is not set: a second server on these records would not accept this server's tokens");
        }
        if self.clients.is_none() {
            warnings.push(
                "JWT_CLIENTS_JSON is not set: a second server on these records would not know this server's clients",
            );
        }
        if self.system_key_file.is_none() {
            warnings.push(
                "SYSTEM_KEY_FILE is not set: a second server on these records could not read the secrets that this one encrypts",
            );
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn links_that_no_phone_opens_are_warned_of() {
        let warned = |texts: &[(&'static str, &str)]| {
            Config::new(&Settings::from_texts(texts)).unwrap().list_link_warnings().concat()
        };
        assert_eq!(warned(&[]), "");
        assert_eq!(warned(&[("HOST", "0.0.0.0"), ("PUBLIC_URL", "https://id.example.com")]), "");
        assert_eq!(warned(&[("PUBLIC_URL", "http://localhost:8000")]), "");
        assert!(warned(&[("HOST", "0.0.0.0")]).contains("http://0.0.0.0:8000 is no address that a phone can open"));
        assert!(warned(&[("PUBLIC_URL", "http://[::]:80")]).contains("PUBLIC_URL http://[::]:80 is no address"));
        assert!(warned(&[("HOST", "192.0.2.7")]).contains("no camera"));
        assert!(warned(&[("PUBLIC_URL", "http://id.example.com")]).contains("no camera"));
        let elsewhere = [("PUBLIC_URL", "http://id.example.com"), ("CLIENT_URL", "https://page.example.com")];
        assert_eq!(warned(&elsewhere), "", "people open the page at CLIENT_URL");
    }
}
