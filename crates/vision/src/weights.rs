//! Model weights: embedded ones or an operator's own from a folder, with hash and threshold, loaded on first use.

mod depthwise;
mod staged;
mod threads;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::DeflateDecoder;
use rten::{ModelOptions, OpRegistry, op_registry};
use rten_tensor::{Layout as _, NdTensorView, Tensor};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::deadline::is_deadline_over;
use staged::StagedModel;

pub use threads::{InferenceThreads, ThreadShare};

/// The name of the manifest's file, in the embedded folder and in an operator's.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Names an embedded file, and includes what build.rs has made of it.
macro_rules! embedded {
    ($($file:literal)*) => {
        [$(($file, include_bytes!(concat!(env!("OUT_DIR"), "/", $file))),)*]
    };
}

/// The embedded files, packed by build.rs. The manifest describes them.
const EMBEDDED: [(&str, &[u8]); 7] = embedded![
    "face-detect.onnx" "face-landmarks.onnx" "face-embed.onnx" "face-embed-512.onnx" "face-passive-liveness.onnx"
    "ocr-detect.onnx" "ocr-recognize.onnx"
];
/// The characters that the text recogniser knows, one per line.
pub(crate) const CHARACTERS: &str = include_str!("../../../models/ocr-characters.txt");
const EMBEDDED_MANIFEST: &str = include_str!("../../../models/manifest.json");

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {file}: {source}")]
    File { file: String, source: std::io::Error },
    #[error("{file} is not a manifest: {reason}")]
    Manifest { file: String, reason: String },
    #[error("{file} has the SHA-256 {found}, but its manifest says {expected}")]
    Hash { file: String, expected: String, found: String },
    #[error("{file} is not a model that can be run: {reason}")]
    Model { file: String, reason: String },
    #[error("the manifest names a model {0:?}, which no engine uses")]
    UnknownModel(String),
}

/// Why an engine gave no answer. The weights or the machine are the cause, not the picture.
#[derive(Debug, thiserror::Error)]
#[error("the model {model} failed: {reason}")]
pub struct EngineError {
    pub model: String,
    pub reason: String,
}

/// A manifest's description of one model.
#[derive(Clone, Debug, Deserialize)]
pub struct ManifestEntry {
    /// The model that it describes, such as `face-embed`.
    pub name: String,
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The lowest score that counts. The engine that uses the model says what the score is.
    pub threshold: f32,
}

#[derive(Deserialize)]
struct ModelManifest {
    models: Vec<ManifestEntry>,
}

/// Where the bytes of a model are.
enum ModelSource {
    /// Packed by build.rs.
    Embedded(&'static [u8]),
    /// An operator's file; its hash is in the manifest entry.
    File(PathBuf),
}

/// One model with its manifest entry. The first run loads it, so that a server that reads nothing stays small.
pub struct ModelWeights {
    pub entry: ManifestEntry,
    source: ModelSource,
    /// The lock is held while the model loads: two first runs would otherwise load it twice.
    loaded: Mutex<Option<Arc<StagedModel>>>,
    threads: Arc<InferenceThreads>,
    share: ThreadShare,
    /// The values of all inputs so far.
    values_run: AtomicU64,
}

impl ModelWeights {
    /// Finds a model of that name: the operator's own where `folder` has a manifest that names it, else the embedded one.
    /// An operator's file is checked at once and not kept in memory.
    ///
    /// # Errors
    /// When the manifest or the file in the operator's folder is missing, differs from its hash or is not a model.
    pub fn new(
        name: &str,
        folder: Option<&Path>,
        threads: &Arc<InferenceThreads>,
        share: ThreadShare,
    ) -> Result<Self, LoadError> {
        let (entry, source) = match folder {
            Some(folder) => find_operator_model(name, folder)?,
            None => None,
        }
        .map_or_else(|| find_embedded_model(name), Ok)?;
        let threads = threads.clone();
        Ok(Self { entry, source, loaded: Mutex::new(None), threads, share, values_run: AtomicU64::new(0) })
    }

    /// The pixels of all inputs that the model was run on so far. Its cost is proportional to them, and unlike a time they do not
    /// depend on the machine.
    #[must_use]
    pub fn run_pixels(&self) -> u64 {
        self.values_run.load(Ordering::Relaxed) / 3
    }

    /// Whether the model is an operator's own.
    #[must_use]
    pub fn is_operators(&self) -> bool {
        matches!(self.source, ModelSource::File(_))
    }

    /// The first 64 bits of the SHA-256 of its file.
    #[must_use]
    pub fn short_hash(&self) -> u64 {
        // The start checked that the file has this hash, so it is one.
        self.entry.sha256.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }

    /// Whether the model takes its picture as planes (channels before rows) rather than pixel by pixel.
    ///
    /// # Errors
    /// When the model cannot be loaded.
    pub fn is_planar(&self) -> Result<bool, EngineError> {
        Ok(self.load_once()?.is_planar())
    }

    /// Runs the model on one input and gives its outputs, in the model's order.
    ///
    /// # Errors
    /// When the model cannot be loaded, does not fit its input, its outputs are not 32-bit numbers, or the work has taken too
    /// long.
    pub fn run(&self, input: NdTensorView<'_, f32, 4>) -> Result<Vec<Tensor<f32>>, EngineError> {
        if is_deadline_over() {
            return Err(self.to_engine_error("the work took too long"));
        }
        let model = self.load_once()?;
        self.values_run.fetch_add(input.len() as u64, Ordering::Relaxed);
        let outputs = self.threads.run_with(self.share, |threads| model.run(input, threads));
        outputs.map_err(|error| self.to_engine_error(error))
    }

    /// Loads the model at the first call. A failure is not kept: the next call tries again.
    fn load_once(&self) -> Result<Arc<StagedModel>, EngineError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*loaded {
            return Ok(model.clone());
        }
        let bytes = match &self.source {
            ModelSource::Embedded(packed) => unpack_weights(packed).map_err(|error| self.to_engine_error(error))?,
            // The file may have changed since the start.
            ModelSource::File(file) => {
                read_checked_file(file, &self.entry).map_err(|error| self.to_engine_error(error))?
            }
        };
        let model = StagedModel::load(&bytes, &prepacked_options()).map_err(|error| self.to_engine_error(error))?;
        let model = Arc::new(model);
        *loaded = Some(model.clone());
        Ok(model)
    }

    fn to_engine_error(&self, reason: impl std::fmt::Display) -> EngineError {
        EngineError { model: self.entry.name.clone(), reason: reason.to_string() }
    }
}

/// The operators that a model may use: those of the embedded models, and those of other networks of their kinds, which an
/// operator may train. All others stay out of the binary.
fn supported_operators() -> OpRegistry {
    op_registry!(
        Abs,
        Add,
        ArgMax,
        AveragePool,
        BatchNormalization,
        Cast,
        Clip,
        Concat,
        ConstantOfShape,
        Conv,
        ConvTranspose,
        Div,
        Equal,
        Erf,
        Exp,
        Expand,
        Flatten,
        Gather,
        Gelu,
        Gemm,
        GlobalAveragePool,
        HardSigmoid,
        HardSwish,
        Identity,
        InstanceNormalization,
        LayerNormalization,
        LeakyRelu,
        Log,
        MatMul,
        Max,
        MaxPool,
        Min,
        Mul,
        Neg,
        PRelu,
        Pad,
        Pow,
        Range,
        Reciprocal,
        ReduceMax,
        ReduceMean,
        ReduceSum,
        Relu,
        Reshape,
        Resize,
        Shape,
        Sigmoid,
        Slice,
        Softmax,
        Split,
        Sqrt,
        Squeeze,
        Sub,
        Tanh,
        Transpose,
        Unsqueeze,
        Where
    )
}

/// Lays weights out for multiplication once, when a model is loaded, and not with each picture.
fn prepacked_options() -> ModelOptions {
    let mut options = ModelOptions::with_ops(supported_operators());
    options.prepack_weights(true);
    options
}

/// Checks that an operator's folder names only known models, and that each file has its manifest's hash.
///
/// # Errors
/// When a model is unknown, or a file is missing or differs from its hash.
pub fn check_models_folder(folder: &Path) -> Result<(), LoadError> {
    let known = read_embedded_manifest()?.models;
    for entry in read_folder_manifest(folder)?.models {
        if !known.iter().any(|model| model.name == entry.name) {
            return Err(LoadError::UnknownModel(entry.name));
        }
        read_checked_file(&folder.join(&entry.file), &entry)?;
    }
    Ok(())
}

fn find_embedded_model(name: &str) -> Result<(ManifestEntry, ModelSource), LoadError> {
    let unknown = || LoadError::UnknownModel(name.to_owned());
    let entry = read_embedded_manifest()?.models.into_iter().find(|entry| entry.name == name).ok_or_else(unknown)?;
    let bytes = EMBEDDED.iter().find(|(file, _)| *file == entry.file).map(|(_, bytes)| *bytes).ok_or_else(unknown)?;
    Ok((entry, ModelSource::Embedded(bytes)))
}

/// The model that an operator's manifest names, if it does: its file has the right hash and parses. The parsed model is
/// dropped again; the first run loads it.
fn find_operator_model(name: &str, folder: &Path) -> Result<Option<(ManifestEntry, ModelSource)>, LoadError> {
    let Some(entry) = read_folder_manifest(folder)?.models.into_iter().find(|entry| entry.name == name) else {
        return Ok(None);
    };
    let file = folder.join(&entry.file);
    let parsed = ModelOptions::with_ops(supported_operators()).load(read_checked_file(&file, &entry)?);
    parsed.map_err(|error| LoadError::Model { file: entry.file.clone(), reason: error.to_string() })?;
    Ok(Some((entry, ModelSource::File(file))))
}

/// Undoes what build.rs did: inflates, and puts the second halves of 16-bit numbers back behind the first ones.
fn unpack_weights(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut halves = Vec::new();
    DeflateDecoder::new(packed).read_to_end(&mut halves)?;
    let (even, odd) = halves.split_at(halves.len().div_ceil(2));
    let mut bytes = vec![0; halves.len()];
    bytes.iter_mut().step_by(2).zip(even).for_each(|(byte, half)| *byte = *half);
    bytes.iter_mut().skip(1).step_by(2).zip(odd).for_each(|(byte, half)| *byte = *half);
    Ok(bytes)
}

fn read_embedded_manifest() -> Result<ModelManifest, LoadError> {
    parse_manifest(EMBEDDED_MANIFEST.as_bytes(), MANIFEST_FILE)
}

fn read_folder_manifest(folder: &Path) -> Result<ModelManifest, LoadError> {
    let file = folder.join(MANIFEST_FILE);
    let bytes = read_whole_file(&file)?;
    parse_manifest(&bytes, &file.display().to_string())
}

fn parse_manifest(bytes: &[u8], file: &str) -> Result<ModelManifest, LoadError> {
    let manifest = serde_json::from_slice(bytes);
    manifest.map_err(|error| LoadError::Manifest { file: file.to_owned(), reason: error.to_string() })
}

fn read_whole_file(file: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(file).map_err(|source| LoadError::File { file: file.display().to_string(), source })
}

fn read_checked_file(file: &Path, entry: &ManifestEntry) -> Result<Vec<u8>, LoadError> {
    let bytes = read_whole_file(file)?;
    let found = hash_to_hex(&bytes);
    if found != entry.sha256.to_ascii_lowercase() {
        return Err(LoadError::Hash { file: entry.file.clone(), expected: entry.sha256.clone(), found });
    }
    Ok(bytes)
}

fn hash_to_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_embedded_file(name: &str) -> Vec<u8> {
        let (_, packed) = EMBEDDED.iter().find(|(file, _)| *file == name).unwrap();
        unpack_weights(packed).unwrap()
    }

    #[test]
    fn embedded_models_match_the_manifest_and_load() {
        let threads = InferenceThreads::new(1);
        let manifest = read_embedded_manifest().unwrap();
        assert_eq!(manifest.models.len(), EMBEDDED.len());
        for entry in manifest.models {
            assert_eq!(hash_to_hex(&read_embedded_file(&entry.file)), entry.sha256, "{}", entry.file);
            ModelWeights::new(&entry.name, None, &threads, ThreadShare::One).unwrap().load_once().unwrap();
        }
    }

    /// Writes an operator's folder with that file in the place of a model.
    fn write_models_folder(name: &str, bytes: &[u8], sha256: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("identivia-models-{}-{sha256:.8}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("mine.onnx"), bytes).unwrap();
        let entry = format!(r#"{{"name": "{name}", "file": "mine.onnx", "sha256": "{sha256}", "threshold": 0.5}}"#);
        std::fs::write(folder.join(MANIFEST_FILE), format!(r#"{{"models": [{entry}]}}"#)).unwrap();
        folder
    }

    #[test]
    fn operator_model_replaces_only_its_namesake() {
        let threads = InferenceThreads::new(1);
        let other = read_embedded_file("face-passive-liveness.onnx");
        let mine = write_models_folder("face-embed", &other, &hash_to_hex(&other).to_uppercase());
        check_models_folder(&mine).unwrap();
        let loaded = ModelWeights::new("face-embed", Some(&mine), &threads, ThreadShare::One).unwrap();
        assert_eq!((loaded.entry.file.as_str(), loaded.entry.threshold), ("mine.onnx", 0.5));
        assert_eq!(
            ModelWeights::new("face-detect", Some(&mine), &threads, ThreadShare::One).unwrap().entry.file,
            "face-detect.onnx"
        );
        std::fs::remove_dir_all(mine).unwrap();
    }

    #[test]
    fn model_is_loaded_once_at_first_use() {
        let weights =
            ModelWeights::new("face-passive-liveness", None, &InferenceThreads::new(1), ThreadShare::One).unwrap();
        assert!(weights.loaded.lock().unwrap().is_none());
        weights.is_planar().unwrap();
        let first = weights.load_once().unwrap();
        assert!(Arc::ptr_eq(&first, &weights.load_once().unwrap()));
    }

    #[test]
    fn operator_file_changed_after_start_is_an_engine_error() {
        let bytes = read_embedded_file("face-passive-liveness.onnx");
        let mine = write_models_folder("face-passive-liveness", &bytes, &hash_to_hex(&bytes));
        let weights =
            ModelWeights::new("face-passive-liveness", Some(&mine), &InferenceThreads::new(1), ThreadShare::One)
                .unwrap();
        std::fs::write(mine.join("mine.onnx"), b"another model").unwrap();
        assert!(weights.is_planar().unwrap_err().to_string().contains("mine.onnx has the SHA-256"));
        // What was put right is read again.
        std::fs::write(mine.join("mine.onnx"), bytes).unwrap();
        assert!(weights.is_planar().is_ok());
        std::fs::remove_dir_all(mine).unwrap();
    }

    #[test]
    fn folder_differing_from_its_manifest_is_refused() {
        let refused = |name: &str, bytes: &[u8], hash: &str| {
            let folder = write_models_folder(name, bytes, hash);
            let threads = InferenceThreads::new(1);
            let said = check_models_folder(&folder)
                .and_then(|()| ModelWeights::new(name, Some(&folder), &threads, ThreadShare::One).map(drop));
            std::fs::remove_dir_all(folder).unwrap();
            said.unwrap_err().to_string()
        };
        assert!(refused("face-embed", b"a model", &"0".repeat(64)).contains("mine.onnx has the SHA-256"));
        assert!(
            refused("face-embed", b"a model", &hash_to_hex(b"a model"))
                .contains("mine.onnx is not a model that can be run")
        );
        assert!(refused("face-guess", b"a model", &hash_to_hex(b"a model")).contains("face-guess"));
        let nowhere = std::env::temp_dir().join("identivia-no-such-folder");
        assert!(check_models_folder(&nowhere).unwrap_err().to_string().contains("manifest.json"));
    }
}
