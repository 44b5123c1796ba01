//! Identivia's local engines: images in, findings out. Synchronous, without network and database; the caller limits how
//! many calls run at once.

pub mod aamva;
pub mod barcode;
mod calendar;
mod deadline;
pub mod document;
pub mod face;
pub mod finding;
pub mod intake;
pub mod liveness;
mod luma;
pub mod mrz;
pub mod quality;
pub mod text;
mod warp;
pub mod weights;
pub mod zone;

pub use deadline::run_within;
pub use weights::{EngineError, InferenceThreads, LoadError, ModelWeights, ThreadShare};
