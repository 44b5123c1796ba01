//! Which providers the configuration asks for: who judges liveness, who reads documents, who checks visitor data.

use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::config::Config;
use crate::fingerprint::Fingerprint;
use crate::liveness::Liveness;
use crate::liveness::rekognition::Rekognition;
use crate::reader::DocumentReader;
use crate::reader::openai::Reader;

/// The providers. `None`: nobody is asked, and what needs them says so.
#[derive(Default)]
pub struct Providers {
    pub liveness: Option<Arc<dyn Liveness>>,
    pub reader: Option<Arc<dyn DocumentReader>>,
    pub fingerprint: Option<Arc<Fingerprint>>,
}

impl Providers {
    /// The providers that the settings name. None need answer yet.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub async fn open(config: &Config, clock: &Clock) -> anyhow::Result<Self> {
        let mut providers = Self::default();
        if let Some(at) = &config.liveness {
            let rekognition = Rekognition::open(at).await.context("LIVENESS_PROVIDER")?;
            providers.liveness = Some(Arc::new(rekognition));
        }
        if let Some(at) = &config.openai {
            providers.reader = Some(Arc::new(Reader::new(at.clone(), clock.clone()).context("DOCUMENT_READER")?));
        }
        if let Some(at) = &config.fingerprint {
            providers.fingerprint = Some(Arc::new(Fingerprint::new(at.clone()).context("FINGERPRINT_SECRET_KEY")?));
        }
        Ok(providers)
    }
}
