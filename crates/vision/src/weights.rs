//! The engines' weights: embedded, or an operator's own from a folder, each with its hash and threshold.

use std::path::Path;
use std::sync::Arc;

use rten::ThreadPool;
use rten::{Model, ModelOptions, NodeId, RunOptions, ValueOrView};
use rten_tensor::{NdTensorView, Tensor};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The manifest's name, in the embedded folder and in an operator's.
pub const MANIFEST: &str = "manifest.json";

/// The embedded files. A manifest names them; nothing else is known of them here.
const EMBEDDED: [(&str, &[u8]); 6] = [
    ("face-detect.onnx", include_bytes!("../../../models/face-detect.onnx")),
    ("face-landmarks.onnx", include_bytes!("../../../models/face-landmarks.onnx")),
    ("face-embed.onnx", include_bytes!("../../../models/face-embed.onnx")),
    ("face-passive-liveness.onnx", include_bytes!("../../../models/face-passive-liveness.onnx")),
    ("ocr-detect.onnx", include_bytes!("../../../models/ocr-detect.onnx")),
    ("ocr-recognize.onnx", include_bytes!("../../../models/ocr-recognize.onnx")),
];
/// The characters that the text recogniser knows, a line each.
pub(crate) const CHARACTERS: &str = include_str!("../../../models/ocr-characters.txt");
const EMBEDDED_MANIFEST: &str = include_str!("../../../models/manifest.json");

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {file}: {source}")]
    File { file: String, source: std::io::Error },
    #[error("{file} is no manifest: {reason}")]
    Manifest { file: String, reason: String },
    #[error("{file} has the SHA-256 {found}, and the manifest says {expected}")]
    Hash { file: String, expected: String, found: String },
    #[error("{file} is no model that can be run: {reason}")]
    Model { file: String, reason: String },
    #[error("the manifest names a model {0:?}, which no engine uses")]
    Unknown(String),
}

/// Why an engine gave no answer. Its cause is in the weights or the machine, not in the picture.
#[derive(Debug, thiserror::Error)]
#[error("the model {model} failed: {reason}")]
pub struct EngineError {
    pub model: String,
    pub reason: String,
}

/// What a manifest says of one model.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// Which of the engines' models it is, such as `face-embed`.
    pub name: String,
    pub file: String,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    /// From which score on this model's answer counts; what the score is, the engine that uses it says.
    pub threshold: f32,
}

#[derive(Deserialize)]
struct Manifest {
    models: Vec<Entry>,
}

/// One model, ready to run, with what the manifest says of it.
pub struct Weights {
    pub entry: Entry,
    model: Model,
    pool: Arc<ThreadPool>,
}

impl Weights {
    /// The threads that inference may take, shared by all engines.
    #[must_use]
    pub fn pool(threads: usize) -> Arc<ThreadPool> {
        Arc::new(ThreadPool::with_num_threads(threads.max(1)))
    }

    /// Loads a model of that name: the operator's own where `folder` has a manifest that names it, else the embedded one.
    ///
    /// # Errors
    /// When the operator's folder or file is not as its manifest says.
    pub fn load(name: &str, folder: Option<&Path>, pool: &Arc<ThreadPool>) -> Result<Self, LoadError> {
        if let Some(folder) = folder
            && let Some(entry) = manifest_of(folder)?.models.into_iter().find(|entry| entry.name == name)
        {
            let bytes = checked_file(folder, &entry)?;
            return Self::of(entry, options().load(bytes), pool);
        }
        let entry = embedded()?.models.into_iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| LoadError::Unknown(name.to_owned()))?;
        let bytes = EMBEDDED.iter().find(|(file, _)| *file == entry.file).map(|(_, bytes)| *bytes);
        let bytes = bytes.ok_or_else(|| LoadError::Unknown(name.to_owned()))?;
        Self::of(entry, options().load_static_slice(bytes), pool)
    }

    fn of<E: std::fmt::Display>(
        entry: Entry,
        model: Result<Model, E>,
        pool: &Arc<ThreadPool>,
    ) -> Result<Self, LoadError> {
        let model = model.map_err(|error| LoadError::Model { file: entry.file.clone(), reason: error.to_string() })?;
        Ok(Self { entry, model, pool: pool.clone() })
    }

    /// Says whether the model takes its picture as planes (channels before rows) rather than pixel by pixel.
    #[must_use]
    pub fn takes_planes(&self) -> bool {
        let shape = self.model.input_shape(0).unwrap_or_default();
        matches!(shape.get(1), Some(rten::Dimension::Fixed(3)))
    }

    /// Runs the model on one input and gives its outputs, in the model's order.
    ///
    /// # Errors
    /// When the model does not fit its input or its outputs are no 32-bit numbers.
    pub fn run(&self, input: NdTensorView<'_, f32, 4>) -> Result<Vec<Tensor<f32>>, EngineError> {
        let failed = |reason: String| EngineError { model: self.entry.name.clone(), reason };
        let id: NodeId = *self.model.input_ids().first().ok_or_else(|| failed("it takes no input".to_owned()))?;
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        let inputs = vec![(id, ValueOrView::from(input))];
        let outputs = self.model.run(inputs, self.model.output_ids(), Some(options));
        let outputs = outputs.map_err(|error| failed(error.to_string()))?;
        let numbers = outputs.into_iter().map(Tensor::<f32>::try_from);
        numbers.map(|number| number.map_err(|error| failed(error.to_string()))).collect()
    }
}

/// Weights are laid out for multiplication once, when they are loaded, and not with each picture.
fn options() -> ModelOptions {
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    options
}

/// Checks that an operator's folder names only models that are used, and that each file is what the manifest says.
///
/// # Errors
/// When it is not so.
pub fn check_folder(folder: &Path) -> Result<(), LoadError> {
    let known = embedded()?.models;
    for entry in manifest_of(folder)?.models {
        if !known.iter().any(|model| model.name == entry.name) {
            return Err(LoadError::Unknown(entry.name));
        }
        checked_file(folder, &entry)?;
    }
    Ok(())
}

fn embedded() -> Result<Manifest, LoadError> {
    parsed(EMBEDDED_MANIFEST.as_bytes(), MANIFEST)
}

fn manifest_of(folder: &Path) -> Result<Manifest, LoadError> {
    let file = folder.join(MANIFEST);
    let bytes = read(&file)?;
    parsed(&bytes, &file.display().to_string())
}

fn parsed(bytes: &[u8], file: &str) -> Result<Manifest, LoadError> {
    let manifest = serde_json::from_slice(bytes);
    manifest.map_err(|error| LoadError::Manifest { file: file.to_owned(), reason: error.to_string() })
}

fn read(file: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(file).map_err(|source| LoadError::File { file: file.display().to_string(), source })
}

fn checked_file(folder: &Path, entry: &Entry) -> Result<Vec<u8>, LoadError> {
    let bytes = read(&folder.join(&entry.file))?;
    let found = sha256(&bytes);
    if found != entry.sha256.to_ascii_lowercase() {
        return Err(LoadError::Hash { file: entry.file.clone(), expected: entry.sha256.clone(), found });
    }
    Ok(bytes)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_model_is_what_the_manifest_says_and_loads() {
        let pool = Weights::pool(1);
        let manifest = embedded().unwrap();
        assert_eq!(manifest.models.len(), EMBEDDED.len());
        for entry in manifest.models {
            let (_, bytes) = EMBEDDED.iter().find(|(file, _)| *file == entry.file).unwrap();
            assert_eq!(sha256(bytes), entry.sha256, "{}", entry.file);
            Weights::load(&entry.name, None, &pool).unwrap();
        }
    }

    /// A folder of an operator's with that file in the place of a model, and what its manifest says of it.
    fn folder(name: &str, bytes: &[u8], sha256: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("identivia-models-{}-{sha256:.8}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("mine.onnx"), bytes).unwrap();
        let entry = format!(r#"{{"name": "{name}", "file": "mine.onnx", "sha256": "{sha256}", "threshold": 0.5}}"#);
        std::fs::write(folder.join(MANIFEST), format!(r#"{{"models": [{entry}]}}"#)).unwrap();
        folder
    }

    #[test]
    fn an_operators_model_takes_the_place_of_an_embedded_one_and_of_no_other() {
        let pool = Weights::pool(1);
        let (_, other) = EMBEDDED.iter().find(|(file, _)| *file == "face-passive-liveness.onnx").unwrap();
        let mine = folder("face-embed", other, &sha256(other).to_uppercase());
        check_folder(&mine).unwrap();
        let loaded = Weights::load("face-embed", Some(&mine), &pool).unwrap();
        assert_eq!((loaded.entry.file.as_str(), loaded.entry.threshold), ("mine.onnx", 0.5));
        assert_eq!(Weights::load("face-detect", Some(&mine), &pool).unwrap().entry.file, "face-detect.onnx");
        std::fs::remove_dir_all(mine).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_as_its_manifest_says_is_refused() {
        let refused = |name: &str, bytes: &[u8], hash: &str| {
            let folder = folder(name, bytes, hash);
            let pool = Weights::pool(1);
            let said = check_folder(&folder).and_then(|()| Weights::load(name, Some(&folder), &pool).map(drop));
            std::fs::remove_dir_all(folder).unwrap();
            said.unwrap_err().to_string()
        };
        assert!(refused("face-embed", b"a model", &"0".repeat(64)).contains("mine.onnx has the SHA-256"));
        assert!(
            refused("face-embed", b"a model", &sha256(b"a model")).contains("mine.onnx is no model that can be run")
        );
        assert!(refused("face-guess", b"a model", &sha256(b"a model")).contains("face-guess"));
        let nowhere = std::env::temp_dir().join("identivia-no-such-folder");
        assert!(check_folder(&nowhere).unwrap_err().to_string().contains("manifest.json"));
    }
}
