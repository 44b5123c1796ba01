//! Reads a provider's discovery document and keys, and keeps them for an hour.

use std::sync::Arc;

use reqwest::StatusCode;

use super::super::http_call::{AttemptError, HttpAnswer, ProviderError, call_with_retries};
use super::{CACHE_SECONDS, CachedKeys, FAILURE_SECONDS, KEY_REFRESH_SECONDS, OidcProvider, TIMEOUTS};
use crate::domain::console::oidc::metadata::{ProviderMetadata, parse_metadata};
use crate::domain::console::oidc::signature::ProviderKeys;
use crate::records::time::Millis;

/// The largest discovery document and key set that are read, in bytes.
const MAX_DOCUMENT_BYTES: usize = 512 * 1024;

impl OidcProvider {
    /// What the provider announces of itself, from the last hour or read now.
    ///
    /// # Errors
    /// When it cannot be reached, or its document cannot be used. A failure is remembered for a few seconds.
    pub async fn metadata(&self, now: Millis) -> Result<Arc<ProviderMetadata>, ProviderError> {
        let known = self.with_cache(|cache| {
            if let Some((at, metadata)) = &cache.metadata
                && now < at.plus_seconds(CACHE_SECONDS)
            {
                return Some(Ok(metadata.clone()));
            }
            let failure = cache.failure.as_ref().filter(|(at, _)| now < at.plus_seconds(FAILURE_SECONDS));
            failure.map(|(_, error)| Err(error.clone()))
        });
        if let Some(known) = known {
            return known;
        }
        let url = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let issuer = &self.settings.issuer;
        let read = self.fetch(&url, |body| parse_metadata(body, issuer)).await.map(Arc::new);
        self.note_try(now, &read);
        self.with_cache(|cache| match &read {
            Ok(metadata) => {
                (cache.metadata, cache.failure) = (Some((now, metadata.clone())), None);
            }
            Err(error) => cache.failure = Some((now, error.clone())),
        });
        read
    }

    /// The provider's keys, from the last hour or read now.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) async fn keys(
        &self,
        metadata: &ProviderMetadata,
        now: Millis,
    ) -> Result<Arc<ProviderKeys>, ProviderError> {
        let known = self.with_cache(|cache| cache.keys.clone());
        match known.filter(|known| now < known.read_at.plus_seconds(CACHE_SECONDS)) {
            Some(known) => Ok(known.keys),
            None => self.read_keys(metadata, now).await,
        }
    }

    /// The keys read again, because a token names one that is not among them; `None` when that was done within a minute.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) async fn refresh_keys(
        &self,
        metadata: &ProviderMetadata,
        now: Millis,
    ) -> Result<Option<Arc<ProviderKeys>>, ProviderError> {
        // The time is taken before the call, so that of concurrent requests one reads.
        let is_due = self.with_cache(|cache| match &mut cache.keys {
            Some(known) if now < known.tried_at.plus_seconds(KEY_REFRESH_SECONDS) => false,
            Some(known) => {
                known.tried_at = now;
                true
            }
            None => true,
        });
        if is_due { self.read_keys(metadata, now).await.map(Some) } else { Ok(None) }
    }

    async fn read_keys(&self, metadata: &ProviderMetadata, now: Millis) -> Result<Arc<ProviderKeys>, ProviderError> {
        let read = self.fetch(metadata.jwks_uri.as_str(), ProviderKeys::parse).await;
        self.note_try(now, &read);
        let keys = Arc::new(read?);
        self.with_cache(|cache| cache.keys = Some(CachedKeys { read_at: now, tried_at: now, keys: keys.clone() }));
        Ok(keys)
    }

    /// Reads a document of the provider.
    async fn fetch<T>(&self, url: &str, parse: impl Fn(&[u8]) -> Result<T, &'static str>) -> Result<T, ProviderError> {
        let _permit = self.permits.acquire_permit().await?;
        let read = |answer: &HttpAnswer| match answer.status {
            StatusCode::OK if answer.body.len() > MAX_DOCUMENT_BYTES => {
                Err(AttemptError::Final(ProviderError::failed("its answer is larger than 512 KiB")))
            }
            StatusCode::OK => parse(&answer.body).map_err(|why| AttemptError::Final(ProviderError::failed(why))),
            status if status.is_server_error() => {
                Err(AttemptError::Retryable(ProviderError::refused(status.as_u16(), "")))
            }
            status => Err(AttemptError::Final(ProviderError::refused(status.as_u16(), ""))),
        };
        call_with_retries(TIMEOUTS, || self.http.get(url).header("accept", "application/json"), read).await
    }
}
