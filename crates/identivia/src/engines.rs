//! The local engines: loaded once, run off the async threads, so many at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use vision::face::FaceEngine;
use vision::text::TextReader;
use vision::{EngineError, LoadError, Weights, weights};

use crate::domain::checks::WeightsUsed;
use crate::outside::ProviderError;

/// What the engines call themselves in answers and records.
pub const NAME: &str = concat!("identivia-vision ", env!("CARGO_PKG_VERSION"));

/// How long work waits for its turn. Longer, and this machine is not keeping up.
const TURN: Duration = Duration::from_secs(10);

/// The engines, with their weights.
pub struct Engines {
    pub faces: FaceEngine,
    pub text: TextReader,
    turns: Arc<Semaphore>,
}

impl Engines {
    /// Loads the weights: the embedded ones, but for those that a folder's manifest replaces. `threads` is how many
    /// threads inference takes, and how much work runs at once.
    ///
    /// # Errors
    /// When the folder is not as its manifest says.
    pub fn load(models: Option<&Path>, threads: usize) -> Result<Arc<Self>, LoadError> {
        if let Some(folder) = models {
            weights::check_folder(folder)?;
        }
        let pool = Weights::pool(threads);
        Ok(Arc::new(Self {
            faces: FaceEngine::load(models, &pool)?,
            text: TextReader::load(models, &pool)?,
            turns: Arc::new(Semaphore::new(threads.max(1))),
        }))
    }

    /// Runs work when its turn comes. It goes on, and keeps its turn, also when whoever asked for it has gone.
    ///
    /// # Errors
    /// [`ProviderError::Busy`] when no turn comes up in time; else the work's own.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let turn = match timeout(TURN, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            _ => return Err(ProviderError::Busy),
        };
        let engines = self.clone();
        let running = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&engines)
        });
        running.await.unwrap_or_else(|error| Err(ProviderError::failed(format!("an engine broke off: {error}"))))
    }

    /// The weights that compare faces.
    #[must_use]
    pub fn face_weights(&self) -> Vec<WeightsUsed> {
        self.faces.weights().map(used).to_vec()
    }

    /// The weights that read text.
    #[must_use]
    pub fn text_weights(&self) -> Vec<WeightsUsed> {
        self.text.weights().into_iter().map(used).collect()
    }
}

fn used(weights: &Weights) -> WeightsUsed {
    WeightsUsed { model: weights.entry.name.clone(), sha256: weights.entry.sha256.clone() }
}

impl From<EngineError> for ProviderError {
    fn from(error: EngineError) -> Self {
        Self::failed(error.to_string())
    }
}
