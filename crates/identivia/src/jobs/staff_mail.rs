//! E-mail to users of the console: invitations, and notices to those who can act on them. Without an SMTP server none is sent.

use std::sync::Arc;

use serde_json::Value;

use crate::domain::branding::{BRANDING_KEY, Branding};
use crate::domain::scope::Scope;
use crate::domain::staff_mail::{MAIL_TEMPLATES_KEY, MailKind, MailText};
use crate::providers::http_call::ProviderError;
use crate::providers::mail::Mailer;
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::records::setting::Setting;
use crate::store::console::ConsoleStore;
use crate::store::{PageRequest, Store, StoreError};

/// The most users that get one notice. The events that notices are about are in the console for everyone.
const MAX_RECIPIENTS: usize = 50;
/// Users that are read at once.
const USERS_AT_ONCE: usize = 100;
/// What the product is called where the operator has set no name.
const PLATFORM_NAME: &str = "Identivia";

/// What became of an e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailOutcome {
    /// No SMTP server is configured.
    Off,
    /// The SMTP server has accepted it.
    Sent,
    /// It has not; the log says why.
    Failed,
}

/// Sends e-mail to the staff.
pub struct StaffMail {
    mailer: Option<Arc<Mailer>>,
    console: Arc<ConsoleStore>,
    /// Holds the operator's texts and name.
    records: Arc<dyn Store>,
    /// Where the console is.
    console_url: String,
}

/// The operator's texts and name.
struct MailWording {
    templates: Option<Value>,
    platform: String,
}

impl StaffMail {
    /// E-mail by that server, if there is one.
    #[must_use]
    pub fn new(
        mailer: Option<Arc<Mailer>>,
        console: Arc<ConsoleStore>,
        records: Arc<dyn Store>,
        public_url: &str,
    ) -> Arc<Self> {
        Arc::new(Self { mailer, console, records, console_url: format!("{public_url}/console") })
    }

    /// Sends a user the link of their invitation, and returns when the server has accepted it or the time is over.
    pub async fn send_invitation(&self, user: &ConsoleUser, link: &str, hours: u16) -> MailOutcome {
        let Some(mailer) = &self.mailer else { return MailOutcome::Off };
        let wording = self.load_wording().await;
        let hours = hours.to_string();
        let name = if user.name.is_empty() { &user.email } else { &user.name };
        let values = [("platform", wording.platform.as_str()), ("name", name), ("link", link), ("hours", &hours)];
        send_to(mailer, MailKind::Invitation, user, &wording, &values).await
    }

    /// Says whether no SMTP server is configured.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.mailer.is_none()
    }

    /// Tells a user how many reviews are overdue; says whether the server has accepted the message.
    pub async fn send_overdue(&self, user: &ConsoleUser, count: &str) -> bool {
        let Some(mailer) = &self.mailer else { return false };
        let wording = self.load_wording().await;
        let link = format!("{}/queue?due=late", self.console_url);
        let values = [("platform", wording.platform.as_str()), ("count", count), ("link", &link)];
        send_to(mailer, MailKind::ReviewsOverdue, user, &wording, &values).await == MailOutcome::Sent
    }

    /// Sends a user the present text of a kind in that language, with examples in the place of its placeholders.
    pub async fn send_example(&self, user: &ConsoleUser, kind: MailKind, language: &str) -> MailOutcome {
        let Some(mailer) = &self.mailer else { return MailOutcome::Off };
        let wording = self.load_wording().await;
        let user = ConsoleUser { language: language.to_owned(), ..user.clone() };
        send_to(mailer, kind, &user, &wording, &kind.example_values()).await
    }

    /// Checks that the SMTP server would take a message; `None` without one.
    pub async fn check_server(&self) -> Option<Result<(), ProviderError>> {
        Some(self.mailer.as_ref()?.check_health().await)
    }

    /// Sends a notice to the active users who have that permission for the team, without waiting for it. `page` is where the
    /// console shows what it is about.
    pub fn send_notice(
        self: &Arc<Self>,
        kind: MailKind,
        scope: Scope,
        team: &str,
        page: &str,
        value: (&'static str, String),
    ) {
        let Some(mailer) = self.mailer.clone() else { return };
        let (mail, team, link) = (self.clone(), team.to_owned(), format!("{}/{page}", self.console_url));
        tokio::spawn(async move {
            let recipients = match mail.list_recipients(scope, &team).await {
                Ok(recipients) => recipients,
                Err(error) => {
                    tracing::warn!(%error, kind = kind.word(), "a notice was not sent: users cannot be read now");
                    return;
                }
            };
            let wording = mail.load_wording().await;
            let (name, value) = (value.0, value.1.as_str());
            let values = [("platform", wording.platform.as_str()), (name, value), ("link", &link)];
            for user in &recipients {
                send_to(&mailer, kind, user, &wording, &values).await;
            }
        });
    }

    async fn list_recipients(&self, scope: Scope, team: &str) -> Result<Vec<ConsoleUser>, StoreError> {
        let mut recipients = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.console.list_users(&PageRequest { limit: USERS_AT_ONCE, cursor }).await?;
            let concerned = page.items.into_iter().filter(|user| is_concerned(user, scope, team));
            recipients.extend(concerned.take(MAX_RECIPIENTS - recipients.len()));
            cursor = page.next;
            if cursor.is_none() || recipients.len() >= MAX_RECIPIENTS {
                return Ok(recipients);
            }
        }
    }

    /// The operator's texts and name. Where they cannot be read, our own serve.
    async fn load_wording(&self) -> MailWording {
        let settings = self.records.settings().await.unwrap_or_default();
        let find = |key: &str| settings.iter().find(|setting: &&Setting| setting.key == key);
        let templates = find(MAIL_TEMPLATES_KEY).and_then(|setting| serde_json::from_str(setting.value.get()).ok());
        let branding = find(BRANDING_KEY).map(|setting| Branding::from_setting(setting.value.get(), &mut Vec::new()));
        let name = branding.and_then(|branding| branding.name);
        MailWording { templates, platform: name.unwrap_or_else(|| PLATFORM_NAME.to_owned()) }
    }
}

/// Says whether a user can sign in, has that permission, and reaches that team.
fn is_concerned(user: &ConsoleUser, scope: Scope, team: &str) -> bool {
    let reaches = user.teams.as_ref().is_none_or(|teams| teams.iter().any(|own| own == team));
    user.status == ConsoleUserStatus::Active && reaches && user.role.permissions(user.senior).has(scope)
}

async fn send_to(
    mailer: &Mailer,
    kind: MailKind,
    user: &ConsoleUser,
    wording: &MailWording,
    values: &[(&str, &str)],
) -> MailOutcome {
    let text = MailText::new(kind, &user.language, wording.templates.as_ref(), values);
    match mailer.send(&user.email, text).await {
        Ok(()) => MailOutcome::Sent,
        Err(error) => {
            tracing::warn!(%error, kind = kind.word(), user = %user.id, "an e-mail was not sent: see SMTP_URL");
            MailOutcome::Failed
        }
    }
}
