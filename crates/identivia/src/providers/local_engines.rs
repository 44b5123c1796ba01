//! The local engines for faces and text: their weights are loaded once, and work runs on blocking threads within a limit.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vision::face::FaceEngine;
use vision::text::TextReader;
use vision::{EngineError, InferenceThreads, LoadError, ModelWeights, weights};

use super::http_call::{ProviderError, random_fraction};
use crate::records::checks::WeightsUsed;
use crate::work::cpu_ledger::CpuLedger;
use crate::work::fair_permits::{FairPermits, PermitUsage, WorkPermit};
use crate::work::holder::WorkHolder;

/// The name of the engines in answers and records.
pub const ENGINE_NAME: &str = concat!("identivia-vision ", env!("CARGO_PKG_VERSION"));

/// Permits that callers who have spent much leave to others.
const RESERVED_PERMITS: u32 = 1;
/// The longest a piece of work may run. The longest that was measured on a machine with two cores took 7 seconds.
const RUN_TIMEOUT: Duration = Duration::from_secs(45);
/// How long work waits for a permit. If that is not enough, this machine does not keep up.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a piece of work is thought to take before any was measured, in seconds.
const FIRST_GUESS_SECONDS: f64 = 3.0;
/// The weight of the newest measurement in the mean.
const NEWEST_SHARE: f64 = 0.2;
/// The longest wait that a caller is asked for, in seconds.
const MAX_EXPECTED_SECONDS: f64 = 120.0;

/// How long a caller that comes now would wait: for all that waits and for half of what runs.
fn expect_wait(usage: PermitUsage, usual_seconds: f64) -> f64 {
    let ahead = usage.waiting as f64 + f64::from(usage.in_use) / 2.0;
    ahead * usual_seconds / f64::from(usage.capacity.max(1))
}

/// The engines, with their weights.
pub struct LocalEngines {
    pub faces: FaceEngine,
    pub text: TextReader,
    permits: Arc<FairPermits>,
    /// How long the last pieces of work have taken, in seconds.
    usual_seconds: Mutex<f64>,
}

impl LocalEngines {
    /// Loads the weights: the embedded ones, except those that a folder's manifest replaces. `threads` limits both the
    /// threads of one inference and the work that runs at once. What the work costs is charged to the ledger.
    ///
    /// # Errors
    /// When the folder does not match its manifest.
    pub fn load(models: Option<&Path>, threads: usize, ledger: Arc<CpuLedger>) -> Result<Arc<Self>, LoadError> {
        if let Some(folder) = models {
            weights::check_models_folder(folder)?;
        }
        let inference = InferenceThreads::new(threads);
        Ok(Arc::new(Self {
            faces: FaceEngine::new(models, &inference)?,
            text: TextReader::new(models, &inference)?,
            permits: FairPermits::new(ledger, u32::try_from(threads.max(1)).unwrap_or(u32::MAX), RESERVED_PERMITS),
            usual_seconds: Mutex::new(FIRST_GUESS_SECONDS),
        }))
    }

    /// What the work of links and teams costs.
    #[must_use]
    pub fn ledger(&self) -> &Arc<CpuLedger> {
        self.permits.ledger()
    }

    /// Waits for the holder's turn.
    ///
    /// # Errors
    /// [`ProviderError::Overloaded`] when it does not come in time, with the wait that is to be expected then.
    pub async fn acquire_permit(&self, holder: WorkHolder) -> Result<WorkPermit, ProviderError> {
        if let Some(permit) = self.permits.acquire_within(holder, 1, PERMIT_TIMEOUT).await {
            return Ok(permit);
        }
        metrics::counter!("identivia_engine_refused_total").increment(1);
        let expected = expect_wait(self.usage(), self.lock_usual_seconds().to_owned());
        // Callers that were refused at the same time do not come back at the same time.
        let spread = expected * 0.5 * random_fraction();
        Err(ProviderError::Overloaded((expected + spread).ceil().clamp(1.0, MAX_EXPECTED_SECONDS) as u64))
    }

    /// How many pieces of work run and wait.
    #[must_use]
    pub fn usage(&self) -> PermitUsage {
        self.permits.usage()
    }

    fn lock_usual_seconds(&self) -> MutexGuard<'_, f64> {
        self.usual_seconds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_duration(&self, took: Duration) {
        let mut usual = self.lock_usual_seconds();
        *usual += (took.as_secs_f64() - *usual) * NEWEST_SHARE;
    }

    /// Runs work under a permit, which is returned with the result. The work goes on, and holds the permit, also when the
    /// caller is gone.
    ///
    /// # Errors
    /// The work's own.
    pub async fn run_with_permit<T: Send + 'static>(
        self: &Arc<Self>,
        permit: WorkPermit,
        work: impl FnOnce(&Self) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<(T, WorkPermit), ProviderError> {
        let engines = self.clone();
        let running = tokio::task::spawn_blocking(move || {
            let _work = permit.begin_work();
            let started = Instant::now();
            let outcome = vision::run_within(RUN_TIMEOUT, || work(&engines));
            engines.note_duration(started.elapsed());
            outcome.map(|result| (result, permit))
        });
        // A panic's own text may quote a document.
        running.await.unwrap_or_else(|_| Err(ProviderError::failed("an engine panicked")))
    }

    /// Waits for a permit and runs work.
    ///
    /// # Errors
    /// [`ProviderError::Overloaded`] when no permit becomes free in time; else the work's own.
    pub async fn run_work<T: Send + 'static>(
        self: &Arc<Self>,
        holder: WorkHolder,
        work: impl FnOnce(&Self) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let permit = self.acquire_permit(holder).await?;
        self.run_with_permit(permit, work).await.map(|(result, _)| result)
    }

    /// The weights that compare faces.
    #[must_use]
    pub fn face_weights(&self) -> Vec<WeightsUsed> {
        self.faces.face_models().into_iter().map(to_weights_used).collect()
    }

    /// The weights that read text.
    #[must_use]
    pub fn text_weights(&self) -> Vec<WeightsUsed> {
        self.text.text_models().into_iter().map(to_weights_used).collect()
    }
}

fn to_weights_used(weights: &ModelWeights) -> WeightsUsed {
    WeightsUsed { model: weights.entry.name.clone(), sha256: weights.entry.sha256.clone() }
}

impl From<EngineError> for ProviderError {
    fn from(error: EngineError) -> Self {
        Self::failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_wait_grows_with_the_queue_and_the_work() {
        let usage = |waiting, in_use| PermitUsage { capacity: 2, in_use, waiting };
        assert_eq!(expect_wait(usage(0, 0), 3.0), 0.0);
        assert_eq!(expect_wait(usage(0, 2), 3.0), 1.5);
        assert_eq!(expect_wait(usage(28, 2), 3.0), 43.5);
        assert_eq!(expect_wait(usage(28, 2), 0.5), 7.25);
    }
}
