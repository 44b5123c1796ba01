//! An SMTP server that keeps what it accepts, parsed by Python's own e-mail library.

use identivia::config::{MailSettings, SmtpEncryption, SmtpServer};
use serde_json::Value;

use super::Service;

pub(crate) struct Smtp {
    service: Service,
}

impl Smtp {
    pub(crate) async fn start() -> Self {
        let service = tokio::task::spawn_blocking(|| Service::start("smtp")).await.unwrap();
        Self { service }
    }

    /// Settings for it, as an operator would make them.
    pub(crate) fn settings(&self, encryption: SmtpEncryption) -> MailSettings {
        let url = self.service.variable("SMTP_URL");
        let port = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap();
        MailSettings {
            // The name of its certificate, which is not asked for where nothing is encrypted.
            server: SmtpServer { host: "localhost".to_owned(), port, encryption, login: None },
            from: self.service.variable("MAIL_FROM"),
            ca_file: Some(self.service.variable("SMTP_CA_FILE").into()),
        }
    }

    /// The values of `--smtp-url` and `--mail-from` for it.
    pub(crate) fn flags(&self) -> (String, String) {
        (self.service.variable("SMTP_URL"), self.service.variable("MAIL_FROM"))
    }

    /// A user that it knows, and the password.
    pub(crate) fn login(&self) -> (String, String) {
        (self.service.variable("SMTP_USER"), self.service.variable("SMTP_PASSWORD"))
    }

    /// The messages that it has accepted.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let kept = std::fs::read_to_string(self.service.variable("SMTP_MESSAGES")).unwrap_or_default();
        kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Freezes it: connections stay open, and nothing answers.
    pub(crate) fn pause(&self) {
        self.service.pause();
    }
}
