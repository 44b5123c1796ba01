//! The console: people who are signed in to it, what their sessions may do and see, and what ends them.

mod sessions;
mod views;

use identivia::domain::console::session::ConsoleToken;
use identivia::records::console_session::{ConsoleSession, SessionStage};
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::records::id::RecordId;
use identivia::store::console::UserWrite;

use crate::world::{Caller, World};

/// A user of the console and the browser in which they are signed in, with a second factor shown just now.
pub(crate) struct SignedIn<'a> {
    pub(crate) user: ConsoleUser,
    pub(crate) session: ConsoleSession,
    pub(crate) browser: Caller<'a>,
}

impl World {
    /// The browser of a new user of that role, who reaches every team.
    pub(crate) async fn console(&self, role: ConsoleRole) -> Caller<'_> {
        self.sign_in(role, None).await.browser
    }

    /// A new user of that role who is signed in. Without teams they reach every team.
    pub(crate) async fn sign_in(&self, role: ConsoleRole, teams: Option<&[&str]>) -> SignedIn<'_> {
        self.sign_in_user(self.new_console_user(role, teams)).await
    }

    /// An active user that is not stored yet.
    pub(crate) fn new_console_user(&self, role: ConsoleRole, teams: Option<&[&str]>) -> ConsoleUser {
        let (id, now) = (RecordId::random(), self.clock.now());
        ConsoleUser {
            id,
            email: format!("{id}@example.com"),
            name: format!("Person {id}"),
            role,
            status: ConsoleUserStatus::Active,
            teams: teams.map(|teams| teams.iter().map(|team| (*team).to_owned()).collect()),
            senior: false,
            language: String::new(),
            shortcuts: true,
            epoch: 0,
            password: None,
            totp: None,
            pending_totp: None,
            recovery_codes: vec![],
            oidc_issuer: None,
            oidc_subject: None,
            last_sign_in: None,
            created: now,
            updated: now,
        }
    }

    /// Stores a user and signs them in.
    pub(crate) async fn sign_in_user(&self, user: ConsoleUser) -> SignedIn<'_> {
        let address = "192.0.2.1".to_owned();
        let (mut session, token) =
            ConsoleSession::begin(&user, SessionStage::Full, address, "Test".to_owned(), self.clock.now());
        session.factor_confirmed_at = Some(self.clock.now());
        let write = UserWrite { opens: Some(&session), ..UserWrite::default() };
        self.app.console.add_user(&user, &write, &[]).await.unwrap().unwrap();
        SignedIn { browser: self.browser_with(&token), user, session }
    }

    /// A browser that has the cookie of a session.
    pub(crate) fn browser_with(&self, token: &ConsoleToken) -> Caller<'_> {
        let name = if self.app.public_url.starts_with("https://") { "__Host-identivia" } else { "identivia" };
        self.with_cookie(&format!("{name}={}", token.as_text()))
    }
}
