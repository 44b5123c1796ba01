//! PocketBase: an empty one for each test that asks, with one superuser.

use std::path::{Path, PathBuf};

use identivia::clock::Clock;
use identivia::store::pocketbase::Account;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Service;
use crate::world::{Answer, answer};

pub(crate) struct PocketBase {
    service: Service,
    http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) email: String,
    pub(crate) password: String,
    /// Where it keeps everything.
    pub(crate) folder: PathBuf,
}

impl PocketBase {
    pub(crate) async fn start() -> Self {
        Self::of_service(tokio::task::spawn_blocking(|| Service::start("pocketbase")).await.unwrap())
    }

    /// Starts one with a copy of another one's data folder.
    async fn start_from(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let start = move || Service::start_with("pocketbase", &[("PB_TEMPLATE", folder.as_os_str())]);
        Self::of_service(tokio::task::spawn_blocking(start).await.unwrap())
    }

    fn of_service(service: Service) -> Self {
        Self {
            url: service.variable("POCKETBASE_URL"),
            email: service.variable("PB_USER_EMAIL"),
            password: service.variable("PB_USER_PASSWORD"),
            folder: service.variable("PB_DIR").into(),
            http: reqwest::Client::new(),
            service,
        }
    }

    /// The store that signs in as its superuser.
    pub(crate) fn store(&self) -> identivia::store::pocketbase::PocketBase {
        let (url, email, password) = (self.url.clone(), self.email.clone(), self.password.clone());
        let account = Account { url, email, password };
        identivia::store::pocketbase::PocketBase::new(account, b"a secret of the tests", Clock::default()).unwrap()
    }

    /// Kills it, as a power cut would.
    pub(crate) fn stop(&self) {
        self.service.stop();
    }

    /// Starts it on the same port and folder.
    pub(crate) fn start_again(&self) {
        self.service.start_again();
    }

    /// Freezes it: connections stay open, and nothing answers.
    pub(crate) fn pause(&self) {
        self.service.pause();
    }

    pub(crate) fn resume(&self) {
        self.service.resume();
    }

    pub(crate) async fn superuser_token(&self) -> String {
        let url = format!("{}/api/collections/_superusers/auth-with-password", self.url);
        let login = json!({"identity": self.email, "password": self.password});
        let body = answer(self.http.post(url).json(&login)).await.expect(200);
        body["token"].as_str().unwrap().to_owned()
    }

    /// Asks its own API as the superuser.
    pub(crate) async fn api(&self, method: Method, path: &str, body: Value) -> Answer {
        let token = self.superuser_token().await;
        answer(self.http.request(method, format!("{}{path}", self.url)).header("authorization", token).json(&body))
            .await
    }
}

/// An instance with our collections and the batch API on, and the store that uses it. It starts with a copy of the data
/// folder of one that was made so: making the collections takes much longer than all else in most tests.
pub(crate) async fn ready_made() -> (identivia::store::pocketbase::PocketBase, PocketBase) {
    static TEMPLATE: OnceCell<PocketBase> = OnceCell::const_new();
    let template = TEMPLATE.get_or_init(make_template).await;
    let service = PocketBase::start_from(&template.folder).await;
    (service.store(), service)
}

/// Makes an instance with our collections and the batch API on, and stops it. Its folder goes when the tests end.
async fn make_template() -> PocketBase {
    let service = PocketBase::start().await;
    service.api(Method::PATCH, "/api/settings", json!({"batch": {"enabled": true}})).await.expect(200);
    assert!(service.store().init_schema(None).await.unwrap().complete);
    service.stop();
    service
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn healthy(pocketbase: &PocketBase) -> bool {
        let health = pocketbase.http.get(format!("{}/api/health", pocketbase.url));
        health.timeout(Duration::from_millis(500)).send().await.is_ok_and(|response| response.status() == 200)
    }

    #[tokio::test]
    async fn pocketbase_answers_and_comes_back() {
        let pocketbase = PocketBase::start().await;
        assert!(healthy(&pocketbase).await);
        let batch = json!({"batch": {"enabled": true}});
        pocketbase.api(Method::PATCH, "/api/settings", batch).await.expect(200);
        pocketbase.stop();
        assert!(!healthy(&pocketbase).await);
        pocketbase.start_again();
        let settings = pocketbase.api(Method::GET, "/api/settings", Value::Null).await.expect(200);
        assert_eq!(settings["batch"]["enabled"], true);
        pocketbase.pause();
        assert!(!healthy(&pocketbase).await);
        pocketbase.resume();
        assert!(healthy(&pocketbase).await);
    }
}
