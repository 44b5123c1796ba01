//! Settings for e-mail to the company's staff: the SMTP server, the sender, and a certificate to trust.

use std::net::IpAddr;
use std::path::PathBuf;

use email_address::EmailAddress;
use percent_encoding::percent_decode_str;
use url::Url;

use super::checks::Parsed;
use super::setting::{AnySetting as _, ConfigError, Settings, define_settings};
use super::storage::parse_path;

define_settings! {
    MAIL_SETTINGS, "E-mail to the staff";

    /// SMTP server for invitations and notices: smtps://user:password@host (TLS from the start) or smtp://user:password@host:587
    /// (STARTTLS, which must succeed unless the server is on this machine)
    SMTP_URL: Parsed<SmtpServer> = Parsed(parse_smtp_url), WhenUnset("no e-mail is sent");
    /// Sender of these e-mails: an address such as identivia@example.com
    MAIL_FROM: Parsed<String> = Parsed(parse_sender), WhenUnset("required with SMTP_URL");
    /// File with certificates (PEM) of authorities that are trusted for the SMTP server beside the public ones
    SMTP_CA_FILE: Parsed<PathBuf> = Parsed(parse_path), WhenUnset("none");
}

/// The SMTP server that takes our e-mail. Holds a password, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub encryption: SmtpEncryption,
    /// User and password.
    pub login: Option<(String, String)>,
}

/// How the connection to the SMTP server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpEncryption {
    /// TLS from the first byte (RFC 8314 §3.3).
    Implicit,
    /// STARTTLS (RFC 3207). Without it nothing is sent.
    StartTls,
    /// None: the server is on this machine.
    Loopback,
}

/// The settings of e-mail.
#[derive(Clone)]
pub struct MailSettings {
    pub server: SmtpServer,
    pub from: String,
    pub ca_file: Option<PathBuf>,
}

/// Reads the settings of e-mail; `None` where none is sent.
pub(super) fn read_mail_settings(settings: &Settings) -> Result<Option<MailSettings>, ConfigError> {
    let Some(server) = SMTP_URL.read_if_set(settings)? else { return Ok(None) };
    let Some(from) = MAIL_FROM.read_if_set(settings)? else {
        return Err(MAIL_FROM.to_error("must be set with SMTP_URL: the address that e-mails come from"));
    };
    Ok(Some(MailSettings { server, from, ca_file: SMTP_CA_FILE.read_if_set(settings)? }))
}

/// The settings of e-mail that have no effect without a server.
pub(super) fn has_smtp_url(settings: &Settings) -> bool {
    SMTP_URL.is_set(settings)
}

// The errors do not show the value: it may hold a password.
fn parse_smtp_url(text: &str) -> Result<SmtpServer, String> {
    const PROBLEM: &str = "must be smtps://user:password@host or smtp://user:password@host:587, without path and query";
    let url = Url::parse(text).map_err(|_| PROBLEM.to_owned())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(PROBLEM)?.to_owned();
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let encryption = match url.scheme() {
        "smtps" => SmtpEncryption::Implicit,
        "smtp" if is_loopback(&host) => SmtpEncryption::Loopback,
        "smtp" => SmtpEncryption::StartTls,
        _ => return Err(PROBLEM.to_owned()),
    };
    if !is_bare {
        return Err(PROBLEM.to_owned());
    }
    let default_port = if encryption == SmtpEncryption::Implicit { 465 } else { 587 };
    Ok(SmtpServer { port: url.port().unwrap_or(default_port), login: read_login(&url)?, host, encryption })
}

fn read_login(url: &Url) -> Result<Option<(String, String)>, String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) if !user.is_empty() => match (decode(user), decode(password)) {
            (Ok(user), Ok(password)) => Ok(Some((user, password))),
            _ => Err("must have its user and password as percent-encoded UTF-8".to_owned()),
        },
        _ => Err("must have both a user and a password, or neither".to_owned()),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn parse_sender(text: &str) -> Result<String, String> {
    let is_address = EmailAddress::is_valid(text) && text.is_ascii();
    is_address
        .then(|| text.to_owned())
        .ok_or_else(|| "must be an e-mail address such as identivia@example.com".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::problem;
    use super::*;

    #[test]
    fn plain_smtp_is_for_this_machine_alone() {
        for (text, host, port, encryption) in [
            ("smtps://mail.example.com", "mail.example.com", 465, SmtpEncryption::Implicit),
            ("smtp://mail.example.com", "mail.example.com", 587, SmtpEncryption::StartTls),
            ("smtp://mail.example.com:25/", "mail.example.com", 25, SmtpEncryption::StartTls),
            ("smtp://10.0.0.1", "10.0.0.1", 587, SmtpEncryption::StartTls),
            ("smtp://localhost.example.com", "localhost.example.com", 587, SmtpEncryption::StartTls),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, SmtpEncryption::Loopback),
            ("smtp://[::1]:2525", "[::1]", 2525, SmtpEncryption::Loopback),
            ("smtps://localhost", "localhost", 465, SmtpEncryption::Implicit),
        ] {
            let server = parse_smtp_url(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert_eq!((server.host.as_str(), server.port, server.encryption), (host, port, encryption), "{text}");
        }
        let login = parse_smtp_url("smtps://us%40er:p%3Ass@h").ok().and_then(|server| server.login);
        assert_eq!(login, Some(("us@er".to_owned(), "p:ss".to_owned())));
    }

    #[test]
    fn bad_mail_setting_names_the_variable_and_shows_no_password() {
        for (url, from) in [
            ("http://u:CANARY@h", "a@b.example"),
            ("smtp://u:CANARY@h/path", "a@b.example"),
            ("smtp://u:CANARY@h?tls=no", "a@b.example"),
            ("smtp://u@h", "a@b.example"),
            ("smtp://:CANARY@h", "a@b.example"),
            ("smtp://u:%FF@h", "a@b.example"),
            ("CANARY", "a@b.example"),
            ("smtps://h", ""),
            ("smtps://h", "CANARY"),
            ("smtps://h", "a@b.example\r\nBcc: c@d.example"),
        ] {
            let line = problem(&[("SMTP_URL", url), ("MAIL_FROM", from)]);
            assert!(line.starts_with("SMTP_URL: must ") || line.starts_with("MAIL_FROM: must "), "{url}: {line}");
            assert!(!line.contains("CANARY"), "{line}");
        }
        assert_eq!(problem(&[("SMTP_URL", "smtps://u:p@h"), ("MAIL_FROM", "a@b.example")]), "none");
    }
}
