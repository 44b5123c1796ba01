//! The console: people who are signed in to it, what their sessions may do and see, and what ends them.

mod access;
mod authenticator;
mod commands;
mod oidc;
mod passkey_factors;
mod passkeys;
mod second_factor_off;
mod sessions;
mod signing_in;
mod stream;
mod users;
mod views;
mod webhook_secret;

use identivia::domain::console::session::ConsoleToken;
use identivia::domain::console::totp::TotpSecret;
use identivia::records::console_session::{ConsoleSession, SessionStage};
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::records::id::RecordId;
use identivia::store::console::UserWrite;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, answer};

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
            mutes_overdue: false,
            overdue_mailed: None,
            epoch: 0,
            password: None,
            totp: None,
            pending_totp: None,
            passkeys: vec![],
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

/// A browser that keeps the console's cookie.
pub(crate) struct Browser<'a> {
    world: &'a World,
    pub(crate) caller: Caller<'a>,
}

impl<'a> Browser<'a> {
    /// A browser that is not signed in.
    pub(crate) fn new(world: &'a World) -> Self {
        Self { caller: world.bearing(None), world }
    }

    /// Sends a change as the console's page does, and keeps the cookie of the answer.
    pub(crate) async fn post(&mut self, path: &str, body: Value) -> Answer {
        let mut request = self.caller.request(Method::POST, path).json(&body);
        if self.caller.cookie.is_none() {
            request = request.header("sec-fetch-site", "same-origin").header("x-identivia-console", "1");
        }
        let answer = answer(request).await;
        if let Some(cookie) = answer.header("set-cookie").split(';').next().filter(|cookie| !cookie.is_empty()) {
            let has_value = !cookie.ends_with('=');
            self.caller = if has_value { self.world.with_cookie(cookie) } else { self.world.bearing(None) };
        }
        answer
    }

    /// Deletes something, and keeps the cookie of the answer.
    pub(crate) async fn delete(&mut self, path: &str) -> Answer {
        let answer = self.caller.delete(path).await;
        if let Some(cookie) = answer.header("set-cookie").split(';').next().filter(|cookie| !cookie.is_empty()) {
            self.caller = self.world.with_cookie(cookie);
        }
        answer
    }

    /// Signs in with a password, and a code of this secret.
    pub(crate) async fn sign_in(&mut self, email: &str, password: &str, secret: &TotpSecret) {
        let body = self.post("/api/console/login", json!({"email": email, "password": password})).await.expect(200);
        assert_eq!(body["data"]["stage"], "factor");
        let code = secret.code_at(self.world.clock.now());
        let body = self.post("/api/console/login/totp", json!({"code": code})).await.expect(200);
        assert_eq!(body["data"]["stage"], "full");
    }

    /// Enrols an authenticator app; gives its secret and the recovery codes.
    pub(crate) async fn enrol(&mut self) -> (TotpSecret, Vec<String>) {
        let started = self.post("/api/console/me/totp", json!({})).await.expect(200);
        let secret = read_base32(started["data"]["secret"].as_str().unwrap());
        let code = secret.code_at(self.world.clock.now());
        let body = self.post("/api/console/me/totp/confirm", json!({"code": code})).await.expect(200);
        assert_eq!(body["data"]["stage"], "full");
        (secret, serde_json::from_value(body["data"]["recovery_codes"].clone()).unwrap())
    }
}

/// The secret that an app reads from its Base32.
pub(crate) fn read_base32(text: &str) -> TotpSecret {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => u64::from(letter - b'A'),
        b'2'..=b'7' => u64::from(letter - b'2') + 26,
        _ => panic!("no Base32: {text}"),
    };
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(8) {
        let bits = group.iter().fold(0_u64, |bits, letter| bits << 5 | value(*letter));
        bytes.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    TotpSecret::from_bytes(&bytes).unwrap()
}

/// The token in a link.
pub(crate) fn token_of(url: &str) -> &str {
    url.split_once("#token=").unwrap().1
}
