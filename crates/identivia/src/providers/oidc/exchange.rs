//! Sends the browser to a provider, and exchanges the code that it comes back with for an ID token that is checked.

use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use url::Url;

use super::super::http_call::{
    AttemptError, CallTimeouts, HttpAnswer, ProviderError, call_with_retries, keep_plain_code,
};
use super::{OidcProvider, TIMEOUTS};
use crate::domain::console::oidc::claims::{ClaimProblem, ExpectedToken, ProviderPerson, check_claims};
use crate::domain::console::oidc::metadata::{ClientAuthMethod, ProviderMetadata};
use crate::domain::console::oidc::sign_in_secret::SignInSecret;
use crate::domain::console::oidc::signature::{SignatureProblem, SignedClaims};
use crate::records::time::Millis;

/// The largest answer of the token endpoint that is read, in bytes.
const MAX_TOKEN_ANSWER: usize = 256 * 1024;

/// Why a code gives no person.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error("{0}")]
    Provider(#[from] ProviderError),
    /// The ID token is not accepted.
    #[error("{0}")]
    Token(&'static str),
    /// Its times are not ours.
    #[error("{0}")]
    Clock(&'static str),
}

/// A sign-in whose code has come back.
pub struct CodeToExchange<'a> {
    pub code: &'a str,
    pub secret: &'a SignInSecret,
    pub redirect_uri: &'a str,
    pub begun: Millis,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
    #[serde(default)]
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

impl OidcProvider {
    /// The URL that the browser is sent to. `asks_again`: the provider asks the person who they are, signed in or not.
    #[must_use]
    pub fn authorization_url(
        &self,
        metadata: &ProviderMetadata,
        secret: &SignInSecret,
        redirect_uri: &str,
        asks_again: bool,
    ) -> Url {
        let mut url = metadata.authorization_endpoint.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &self.settings.scope)
            .append_pair("state", &secret.state())
            .append_pair("nonce", &secret.nonce())
            .append_pair("code_challenge", &secret.challenge())
            .append_pair("code_challenge_method", "S256");
        if asks_again {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        drop(query);
        url
    }

    /// Exchanges a code for the person that it stands for.
    ///
    /// # Errors
    /// When the provider refuses the code or does not answer, or its ID token is not accepted.
    pub async fn exchange_code(&self, sent: &CodeToExchange<'_>, now: Millis) -> Result<ProviderPerson, ExchangeError> {
        let metadata = self.metadata(now).await?;
        let answer = self.request_token(&metadata, sent).await;
        self.note_try(now, &answer);
        let answer = answer?;
        let signed = self.verify_signature(&metadata, &answer.id_token, now).await?;
        let nonce = sent.secret.nonce();
        let expected = ExpectedToken {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &nonce,
            access_token: answer.access_token.as_deref(),
            begun: sent.begun,
            now,
        };
        check_claims(signed, &expected).map_err(|problem| match problem {
            ClaimProblem::Clock(why) => ExchangeError::Clock(why),
            ClaimProblem::Wrong(why) => ExchangeError::Token(why),
        })
    }

    /// A code counts once, so the request has no time for more than one whole answer.
    async fn request_token(
        &self,
        metadata: &ProviderMetadata,
        sent: &CodeToExchange<'_>,
    ) -> Result<TokenAnswer, ProviderError> {
        let _permit = self.permits.acquire_permit().await?;
        let once = CallTimeouts { call: TIMEOUTS.attempt, ..TIMEOUTS };
        let read = |answer: &HttpAnswer| read_token_answer(answer).map_err(AttemptError::Final);
        call_with_retries(once, || self.build_token_request(metadata, sent), read).await
    }

    fn build_token_request(&self, metadata: &ProviderMetadata, sent: &CodeToExchange<'_>) -> RequestBuilder {
        let verifier = sent.secret.verifier();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", sent.code)
            .append_pair("redirect_uri", sent.redirect_uri)
            .append_pair("code_verifier", &verifier);
        let request = self.http.post(metadata.token_endpoint.clone()).header("accept", "application/json");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let (id, secret) = (&self.settings.client_id, &self.settings.client_secret);
        match metadata.authentication {
            // RFC 6749 §2.3.1: both are form-encoded before they go into the header.
            ClientAuthMethod::Basic => {
                let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request.basic_auth(encode(id), Some(encode(secret))).body(form.finish())
            }
            ClientAuthMethod::Post => {
                request.body(form.append_pair("client_id", id).append_pair("client_secret", secret).finish())
            }
        }
    }

    /// Verifies a signature. A key that is not known is looked for among new keys, at most once a minute.
    async fn verify_signature(
        &self,
        metadata: &ProviderMetadata,
        token: &str,
        now: Millis,
    ) -> Result<SignedClaims, ExchangeError> {
        const UNKNOWN_KEY: &str = "the ID token is signed with a key that the provider does not publish";
        let verified = match self.keys(metadata, now).await?.verify(token) {
            Err(SignatureProblem::UnknownKey) => match self.refresh_keys(metadata, now).await? {
                Some(keys) => keys.verify(token),
                None => Err(SignatureProblem::UnknownKey),
            },
            verified => verified,
        };
        verified.map_err(|problem| match problem {
            SignatureProblem::UnknownKey => ExchangeError::Token(UNKNOWN_KEY),
            SignatureProblem::Wrong(why) => ExchangeError::Token(why),
        })
    }
}

fn read_token_answer(answer: &HttpAnswer) -> Result<TokenAnswer, ProviderError> {
    if answer.body.len() > MAX_TOKEN_ANSWER {
        return Err(ProviderError::failed("its answer is larger than 256 KiB"));
    }
    if answer.status == StatusCode::OK {
        return serde_json::from_slice(&answer.body).map_err(|_| ProviderError::failed("its answer has no ID token"));
    }
    let error: Option<TokenError> = serde_json::from_slice(&answer.body).ok();
    let code = error.map(|error| keep_plain_code(&error.error).to_owned()).unwrap_or_default();
    Err(ProviderError::refused(answer.status.as_u16(), &code))
}
