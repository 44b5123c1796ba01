//! Settings for the local engines: weights, threads, face templates.

use std::path::PathBuf;

use super::checks::{OneOf, Parsed, WholeNumber};
use super::setting::{ConfigError, Settings, define_settings};
use super::storage::parse_path;
use crate::work::count_processors;

define_settings! {
    ENGINE_SETTINGS, "Liveness and documents";

    /// Folder with weights that replace embedded ones, and a manifest.json that names them
    MODELS_DIR: Parsed<PathBuf> = Parsed(parse_path), WhenUnset("all embedded");
    /// Threads of the local engines, and pictures that they process at once
    ENGINE_THREADS: WholeNumber<usize> = WholeNumber { least: 1, most: 256 }, WhenUnset("the machine's cores");
    /// Whether a record keeps the biometric templates of compared faces
    FACE_TEMPLATES: OneOf<bool> = OneOf(&[("none", false), ("keep", true)]), DefaultText("none");
}

/// The local engines' weights and threads.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// A folder whose manifest names weights that replace embedded ones.
    pub models: Option<PathBuf>,
    pub threads: usize,
    /// Whether a record keeps biometric templates.
    pub keeps_templates: bool,
}

/// Reads the settings of the local engines.
pub(super) fn read_engines(settings: &Settings) -> Result<EngineSettings, ConfigError> {
    Ok(EngineSettings {
        models: MODELS_DIR.read_if_set(settings)?,
        threads: ENGINE_THREADS.read_if_set(settings)?.unwrap_or_else(count_processors),
        keeps_templates: FACE_TEMPLATES.read(settings)?,
    })
}
