//! Sends e-mail to the company's staff by SMTP: one message, one address, with a limit of time and of messages at once.

use std::time::Duration;

use anyhow::Context as _;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::time::timeout;

use super::http_call::{CallPermits, HealthCheck, ProviderError};
use crate::config::{MailSettings, SmtpEncryption};
use crate::domain::staff_mail::MailText;

/// The most messages that are sent at once.
const MAX_MESSAGES: usize = 4;
/// For one command of the protocol.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole message, including the connection.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// The SMTP server that takes our e-mail.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    permits: CallPermits,
    health: HealthCheck,
}

impl Mailer {
    /// A mailer for these settings. The server is not called yet.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub fn open(settings: &MailSettings) -> anyhow::Result<Self> {
        let server = &settings.server;
        let tls = match server.encryption {
            SmtpEncryption::Implicit => Tls::Wrapper(read_trust(settings)?),
            SmtpEncryption::StartTls => Tls::Required(read_trust(settings)?),
            SmtpEncryption::Loopback => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.trim_matches(['[', ']']))
            .port(server.port)
            .tls(tls)
            .timeout(Some(COMMAND_TIMEOUT));
        let builder = match &server.login {
            Some((user, password)) => builder.credentials(Credentials::new(user.clone(), password.clone())),
            None => builder,
        };
        let from = settings.from.parse().context("MAIL_FROM")?;
        Ok(Self {
            transport: builder.build(),
            from,
            permits: CallPermits::new(MAX_MESSAGES),
            health: HealthCheck::new("mail"),
        })
    }

    /// Sends a message, and returns when the server has accepted it.
    ///
    /// # Errors
    /// When the address cannot receive mail, or the server does not accept the message in time. The error holds neither
    /// address nor text.
    pub async fn send(&self, to: &str, text: MailText) -> Result<(), ProviderError> {
        let to: Mailbox = to.parse().map_err(|_| ProviderError::failed("the address cannot receive e-mail"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(text.subject)
            // Programs that answer by themselves leave such a message alone (RFC 3834 §5).
            .raw_header(auto_submitted())
            .header(ContentType::TEXT_PLAIN)
            .body(text.body)
            .map_err(|_| ProviderError::failed("the message cannot be built"))?;
        let sending = async {
            let _permit = self.permits.acquire_permit().await?;
            match timeout(MESSAGE_TIMEOUT, self.transport.send(message)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(to_provider_error(&error)),
                Err(_) => Err(ProviderError::Timeout),
            }
        };
        self.health.observe_call(sending).await
    }
}

impl Mailer {
    /// Connects and signs in as for a message, and sends none.
    ///
    /// # Errors
    /// When a message could not be sent now.
    pub async fn check_health(&self) -> Result<(), ProviderError> {
        let _permit = self.permits.acquire_permit().await?;
        match timeout(MESSAGE_TIMEOUT, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(ProviderError::failed("it does not answer as a mail server does")),
            Ok(Err(error)) => Err(to_provider_error(&error)),
            Err(_) => Err(ProviderError::Timeout),
        }
    }
}

fn auto_submitted() -> lettre::message::header::HeaderValue {
    use lettre::message::header::{HeaderName, HeaderValue};
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

/// Which certificates of the server are trusted.
fn read_trust(settings: &MailSettings) -> anyhow::Result<TlsParameters> {
    let mut builder = TlsParameters::builder(settings.server.host.trim_matches(['[', ']']).to_owned());
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path).with_context(|| format!("SMTP_CA_FILE: {}", path.display()))?;
        let authority = Certificate::from_pem(&pem).context("SMTP_CA_FILE: no certificates (PEM)")?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build_rustls().context("SMTP_URL")
}

/// The failure in our own words: a server's text may quote the address.
fn to_provider_error(error: &lettre::transport::smtp::Error) -> ProviderError {
    match error.status() {
        Some(code) => ProviderError::refused(code.into(), ""),
        None if error.is_timeout() => ProviderError::Timeout,
        None if error.is_tls() => ProviderError::failed("its certificate or its TLS is not accepted"),
        None if error.is_client() => ProviderError::failed("it offers no encryption or no way to sign in that we use"),
        None => ProviderError::failed("it cannot be reached"),
    }
}
