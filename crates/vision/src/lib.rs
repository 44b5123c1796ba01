//! Identivia's local engines: images in, findings out. Synchronous, with no network and no database; what runs them bounds
//! how many run at once.

pub mod aamva;
pub mod barcode;
pub mod face;
pub mod intake;
mod luma;
pub mod quality;
pub mod weights;

pub use weights::{LoadError, Weights};
