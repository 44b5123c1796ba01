//! AWS, OpenAI and Fingerprint, which cannot be had in a test: stand-ins built from their published models
//! (`tests/providers`). One process serves all tests; each has keys of its own there, and with them a world of its own.

use std::sync::OnceLock;

use identivia::records::id::RecordId;
use serde_json::{Value, json};

use super::Service;

static SHARED: OnceLock<Service> = OnceLock::new();

/// The providers as one test sees them.
pub(crate) struct Providers {
    pub(crate) url: String,
    http: reqwest::Client,
    pub(crate) access_key: String,
    pub(crate) openai_key: String,
    pub(crate) fingerprint_key: String,
}

impl Providers {
    pub(crate) async fn of_this_test() -> Self {
        let start = || SHARED.get_or_init(|| Service::start("providers")).variable("PROVIDERS_URL");
        let url = tokio::task::spawn_blocking(start).await.unwrap();
        let name = RecordId::random();
        Self {
            url,
            http: reqwest::Client::new(),
            access_key: format!("AKIA{}", name.as_str().to_uppercase()),
            openai_key: format!("sk-{name}"),
            fingerprint_key: format!("fingerprint-{name}"),
        }
    }

    /// The same with keys that are themselves temporary.
    pub(crate) fn with_temporary_keys(self) -> Self {
        Self { access_key: self.access_key.replace("AKIA", "ASIA"), ..self }
    }

    /// What sends a server there: variables and their values.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("LIVENESS_PROVIDER", "aws".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL_REKOGNITION", self.url.clone()),
            ("AWS_ENDPOINT_URL_STS", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", self.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", format!("secret-of-{}", self.access_key)),
            ("OPENAI_BASE_URL", format!("{}/v1", self.url)),
            ("OPENAI_API_KEY", self.openai_key.clone()),
            ("FINGERPRINT_BASE_URL", self.url.clone()),
            ("FINGERPRINT_SECRET_KEY", self.fingerprint_key.clone()),
        ];
        if self.access_key.starts_with("ASIA") {
            variables.push(("AWS_SESSION_TOKEN", format!("token-of-{}", self.access_key)));
        }
        variables
    }

    /// What must not be in a log or an answer.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let secret = format!("secret-of-{}", self.access_key);
        vec![self.access_key.clone(), secret, self.openai_key.clone(), self.fingerprint_key.clone()]
    }

    fn key_of(&self, provider: &str) -> &str {
        match provider {
            "openai" => &self.openai_key,
            "fingerprint" => &self.fingerprint_key,
            _ => &self.access_key,
        }
    }

    async fn order(&self, what: &str, key: &str, body: Value) {
        let told = self.http.post(format!("{}/_/{what}?key={key}", self.url)).json(&body).send().await.unwrap();
        assert!(told.status().is_success(), "{what}: {}", told.text().await.unwrap());
    }

    /// The next calls of a provider come to these faults, each one call; what comes behind is well, or `then`.
    pub(crate) async fn script(&self, provider: &str, faults: &[&str], then: &str) {
        let body = json!({"provider": provider, "faults": faults, "then": then});
        self.order("script", self.key_of(provider), body).await;
    }

    /// The same for one operation of a provider.
    pub(crate) async fn script_of(&self, provider: &str, operation: &str, then: &str) {
        let body = json!({"provider": provider, "operation": operation, "faults": [], "then": then});
        self.order("script", self.key_of(provider), body).await;
    }

    /// From now on a provider answers that.
    pub(crate) async fn answer(&self, provider: &str, answer: Value) {
        let body = json!({"provider": provider, "faults": [], "then": "answer", "answer": answer});
        self.order("script", self.key_of(provider), body).await;
    }

    /// Says what has become of a session.
    pub(crate) async fn finish(&self, session: &str, results: Value) {
        self.order(&format!("sessions/{session}"), &self.access_key, results).await;
    }

    /// Lets Fingerprint know an event.
    pub(crate) async fn event(&self, event: Value) {
        self.order("events", &self.fingerprint_key, event).await;
    }

    /// What a provider has been asked, in order.
    pub(crate) async fn calls(&self, provider: &str) -> Vec<Value> {
        let url = format!("{}/_/calls?key={}", self.url, self.key_of(provider));
        let calls: Vec<Value> = self.http.get(url).send().await.unwrap().json().await.unwrap();
        calls.into_iter().filter(|call| call["provider"] == provider).collect()
    }

    /// The same of one operation.
    pub(crate) async fn calls_of(&self, provider: &str, operation: &str) -> Vec<Value> {
        let calls = self.calls(provider).await.into_iter();
        calls.filter(|call| call["operation"] == operation).collect()
    }

    /// Says whether a client has followed a redirect.
    pub(crate) async fn trapped(&self) -> bool {
        let hits = self.http.get(format!("{}/_/trap", self.url)).send().await.unwrap();
        hits.json::<Value>().await.unwrap() != 0
    }

    /// Every request that was sent keeps to the provider's published model.
    pub(crate) async fn assert_understood(&self) {
        for provider in ["rekognition", "sts", "openai", "fingerprint"] {
            for call in self.calls(provider).await {
                assert_eq!(call["problems"], json!([]), "{call:#}");
            }
        }
    }
}
