//! The local engines: loaded once, run off the async threads, so many at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use vision::face::FaceEngine;
use vision::text::TextReader;
use vision::{EngineError, LoadError, ModelWeights, create_thread_pool, weights};

use crate::domain::checks::WeightsUsed;
use crate::providers::http_call::ProviderError;

/// What the engines call themselves in answers and records.
pub const NAME: &str = concat!("identivia-vision ", env!("CARGO_PKG_VERSION"));

/// How long work waits for its turn. Longer, and this machine is not keeping up.
const TURN: Duration = Duration::from_secs(10);

/// One of the turns there are; dropping it lets the next one have it.
pub struct Turn(#[expect(dead_code, reason = "held, never looked at")] OwnedSemaphorePermit);

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
            weights::check_models_folder(folder)?;
        }
        let pool = create_thread_pool(threads);
        Ok(Arc::new(Self {
            faces: FaceEngine::new(models, &pool)?,
            text: TextReader::new(models, &pool)?,
            turns: Arc::new(Semaphore::new(threads.max(1))),
        }))
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`ProviderError::Busy`] when none comes up in time.
    pub async fn turn(&self) -> Result<Turn, ProviderError> {
        match timeout(TURN, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(Turn(turn)),
            _ => Err(ProviderError::Busy),
        }
    }

    /// Runs work in a turn, which comes back with what the work gives. It goes on, and keeps the turn, also when whoever
    /// asked for it has gone.
    ///
    /// # Errors
    /// The work's own.
    pub async fn run_in<T: Send + 'static>(
        self: &Arc<Self>,
        turn: Turn,
        work: impl FnOnce(&Self) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<(T, Turn), ProviderError> {
        let engines = self.clone();
        let running = tokio::task::spawn_blocking(move || work(&engines).map(|given| (given, turn)));
        // What a panic says may quote a document.
        running.await.unwrap_or_else(|_| Err(ProviderError::failed("an engine broke off")))
    }

    /// Runs work when its turn comes.
    ///
    /// # Errors
    /// [`ProviderError::Busy`] when no turn comes up in time; else the work's own.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let turn = self.turn().await?;
        self.run_in(turn, work).await.map(|(given, _)| given)
    }

    /// The weights that compare faces.
    #[must_use]
    pub fn face_weights(&self) -> Vec<WeightsUsed> {
        self.faces.face_models().map(used).to_vec()
    }

    /// The weights that read text.
    #[must_use]
    pub fn text_weights(&self) -> Vec<WeightsUsed> {
        self.text.text_models().into_iter().map(used).collect()
    }
}

fn used(weights: &ModelWeights) -> WeightsUsed {
    WeightsUsed { model: weights.entry.name.clone(), sha256: weights.entry.sha256.clone() }
}

impl From<EngineError> for ProviderError {
    fn from(error: EngineError) -> Self {
        Self::failed(error.to_string())
    }
}
