//! Which providers the configuration asks for: who judges liveness, who reads documents, who checks visitor data.

pub mod aws;
pub mod documents;
pub mod fingerprint;
pub mod http_call;
pub mod liveness;
pub mod local_engines;

use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::config::Config;
use crate::providers::documents::DocumentReader;
use crate::providers::documents::local::LocalReader;
use crate::providers::documents::openai::Reader;
use crate::providers::fingerprint::Fingerprint;
use crate::providers::liveness::Liveness;
use crate::providers::liveness::local::Local;
use crate::providers::liveness::rekognition::Rekognition;
use crate::providers::local_engines::Engines;

/// The providers.
pub struct Providers {
    pub liveness: Arc<dyn Liveness>,
    pub reader: Arc<dyn DocumentReader>,
    /// `None`: nobody is asked, and visitor data is kept as a claim.
    pub fingerprint: Option<Arc<Fingerprint>>,
}

impl Providers {
    /// The providers that the settings name: the local engines where they name none. None need answer yet.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub async fn open(config: &Config, clock: &Clock, engines: &Arc<Engines>) -> anyhow::Result<Self> {
        let liveness: Arc<dyn Liveness> = match &config.liveness {
            Some(at) => Arc::new(Rekognition::open(at).await.context("LIVENESS_PROVIDER")?),
            None => Arc::new(Local::new(engines.clone())),
        };
        let reader: Arc<dyn DocumentReader> = match &config.openai {
            Some(at) => Arc::new(Reader::new(at.clone(), clock.clone()).context("DOCUMENT_READER")?),
            None => Arc::new(LocalReader::new(engines.clone(), clock.clone())),
        };
        let fingerprint = match &config.fingerprint {
            Some(at) => Some(Arc::new(Fingerprint::new(at.clone()).context("FINGERPRINT_SECRET_KEY")?)),
            None => None,
        };
        Ok(Self { liveness, reader, fingerprint })
    }
}
