//! The providers that the settings choose: for liveness, for reading documents, for checking visitor data.

pub mod aws;
pub mod documents;
pub mod fingerprint;
pub mod http_call;
pub mod liveness;
pub mod local_engines;
pub mod mail;
pub mod oidc;
pub mod webhook_receiver;

use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::config::{Config, LivenessSource, ReaderSource};
use crate::providers::documents::DocumentReader;
use crate::providers::documents::kept_readings::KeptReadings;
use crate::providers::documents::local::LocalReader;
use crate::providers::documents::off::NoReader;
use crate::providers::documents::openai::OpenAiReader;
use crate::providers::fingerprint::Fingerprint;
use crate::providers::liveness::LivenessProvider;
use crate::providers::liveness::local::LocalLiveness;
use crate::providers::liveness::off::NoLiveness;
use crate::providers::liveness::rekognition::Rekognition;
use crate::providers::local_engines::LocalEngines;
use crate::providers::mail::Mailer;
use crate::providers::oidc::OidcProviders;

/// The providers.
pub struct Providers {
    pub liveness: Arc<dyn LivenessProvider>,
    pub reader: Arc<dyn DocumentReader>,
    /// `None`: visitor data is not checked, and stays a claim.
    pub fingerprint: Option<Arc<Fingerprint>>,
    /// `None`: no e-mail is sent to the staff.
    pub mailer: Option<Arc<Mailer>>,
    /// Providers that people can sign in to the console with.
    pub oidc: OidcProviders,
}

impl Providers {
    /// Sets up the providers that the settings name, and the local engines where they name none. No provider is called
    /// yet.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub async fn open(
        config: &Config,
        clock: &Clock,
        engines: &Arc<LocalEngines>,
        readings: &Arc<KeptReadings>,
    ) -> anyhow::Result<Self> {
        let liveness: Arc<dyn LivenessProvider> = match &config.liveness {
            LivenessSource::Aws(at) => Arc::new(Rekognition::open(at).await.context("LIVENESS_PROVIDER")?),
            LivenessSource::Off => Arc::new(NoLiveness),
            LivenessSource::Local => Arc::new(LocalLiveness::new(engines.clone())),
        };
        let reader: Arc<dyn DocumentReader> = match &config.reader {
            ReaderSource::OpenAi(at) => {
                Arc::new(OpenAiReader::new(at.clone(), clock.clone()).context("DOCUMENT_READER")?)
            }
            ReaderSource::Off => Arc::new(NoReader),
            ReaderSource::Local => Arc::new(LocalReader::new(readings.clone())),
        };
        let fingerprint = match &config.fingerprint {
            Some(at) => Some(Arc::new(Fingerprint::new(at.clone()).context("FINGERPRINT_SECRET_KEY")?)),
            None => None,
        };
        let mailer = config.mail.as_ref().map(Mailer::open).transpose()?.map(Arc::new);
        let oidc = OidcProviders::open(&config.oidc_providers)?;
        Ok(Self { liveness, reader, fingerprint, mailer, oidc })
    }
}
