//! Refuses a PostgreSQL on another machine whose certificate is not verified: passwords and passports would cross the network
//! readable for everybody who can pose as the database.

use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tracing::subscriber::{NoSubscriber, with_default};

/// What to do about an unverified connection.
pub(super) const UNVERIFIED_PROBLEM: &str = "the database is on another machine, and sslmode=verify-full is not set: add \
     ?sslmode=verify-full&sslrootcert=FILE, the certificate of its authority (without sslrootcert: the public ones); within \
     a network you trust set DATABASE_ALLOW_UNVERIFIED_TLS=true";

/// Says whether a URL leads beyond this machine without a verified certificate.
///
/// The library's own reading of the URL decides, because it also counts parameters such as `host` and `hostaddr`, and the
/// environment's `PGHOST` and `PGSSLMODE`. A URL that it cannot read leads nowhere.
pub(super) fn leads_to_unverified_database(url: &str) -> bool {
    // Its log lines may quote the URL, and with it the password.
    let parsed = with_default(NoSubscriber::default(), || url.parse::<PgConnectOptions>());
    parsed
        .is_ok_and(|options| !is_on_this_machine(&options) && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull))
}

/// Says whether the connection is a Unix socket or goes to a loopback address. Several hosts are one name to the library,
/// and no such address.
fn is_on_this_machine(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_matches(['[', ']']);
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::tests::problem;
    use super::*;

    #[test]
    fn s77_database_beyond_loopback_needs_a_verified_certificate() {
        for (url, is_unverified) in [
            ("postgres://u:p@127.0.0.1/d", false),
            ("postgres://u:p@127.9.9.9:5433/d?sslmode=disable", false),
            ("postgres://u:p@localhost/d", false),
            ("postgres://u:p@[::1]/d", false),
            ("postgres://u:p@%2Fvar%2Frun%2Fpostgresql/d", false),
            ("postgres:///d?host=/var/run/postgresql", false),
            ("postgres://u:p@db.example.com/d?host=127.0.0.1", false),
            ("postgres://u:p@db.example.com/d?sslmode=verify-full", false),
            ("postgres://u:p@db.example.com/d?sslmode=verify-full&sslrootcert=/ca.pem", false),
            ("postgresql://u:p@10.0.0.1/d?ssl-mode=verify-full", false),
            ("postgres://u:p@db.example.com/d", true),
            ("postgresql://u:p@db.example.com/d", true),
            ("postgres://u:p@localhost.example.com/d", true),
            ("postgres://u:p@10.0.0.1/d", true),
            ("postgres://u:p@[2001:db8::1]/d", true),
            ("postgres://u:p@0.0.0.0/d", true),
            ("postgres://u:p@db.example.com/d?sslmode=prefer", true),
            ("postgres://u:p@db.example.com/d?sslmode=require", true),
            ("postgres://u:p@db.example.com/d?sslmode=require&sslrootcert=/ca.pem", true),
            ("postgres://u:p@db.example.com/d?sslmode=verify-ca&sslrootcert=/ca.pem", true),
            ("postgres://u:p@db.example.com/d?sslmode=verify-full&sslmode=prefer", true),
            ("postgres://u:p@localhost/d?host=db.example.com", true),
            ("postgres://u:p@127.0.0.1/d?hostaddr=10.0.0.1", true),
            ("postgres://u:p@127.0.0.1/d?host=10.0.0.1", true),
            ("postgres://u:p@127.0.0.1,db.example.com/d", true),
            ("postgres:///d?host=127.0.0.1,db.example.com", true),
        ] {
            assert_eq!(leads_to_unverified_database(url), is_unverified, "{url}");
            let line = problem(&[("DATABASE_URL", url)]);
            assert_eq!(line == format!("DATABASE_URL: {UNVERIFIED_PROBLEM}"), is_unverified, "{url}: {line}");
            let allowed = problem(&[("DATABASE_URL", url), ("DATABASE_ALLOW_UNVERIFIED_TLS", "true")]);
            assert_eq!(allowed, "none", "{url}");
        }
        let other_word = problem(&[("DATABASE_URL", "postgres://db/d"), ("DATABASE_ALLOW_UNVERIFIED_TLS", "yes")]);
        assert!(other_word.starts_with("DATABASE_ALLOW_UNVERIFIED_TLS: must be true or false"), "{other_word}");
    }
}
