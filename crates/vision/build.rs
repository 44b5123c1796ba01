//! Compresses the model weights, which would be a quarter of the binary, and hashes the sources: a stored reading is good only
//! for the program that made it.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest as _, Sha256};

/// After so many bytes the codes are chosen anew. Weights hardly repeat, so the codes matter and the search for repetitions does not.
const BLOCK_BYTES: usize = 8 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo:rerun-if-changed=build.rs");
    compress_weights(&package.join("../../models"), Path::new(&env::var("OUT_DIR")?))?;
    println!("cargo:rustc-env=VISION_SOURCE_HASH={}", hash_sources(&package)?);
    Ok(())
}

/// Writes each model packed, unless that was done since it last changed. The two bytes of a 16-bit number are unlike: the
/// file's even bytes come before its odd ones, which deflates to a twentieth less.
fn compress_weights(models: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", models.display());
    let script_changed = fs::metadata("build.rs")?.modified()?;
    for entry in fs::read_dir(models)? {
        let file = entry?.path();
        if let Some(name) = file.file_name().filter(|_| file.extension().is_some_and(|end| end == "onnx")) {
            let (deflated, changed) = (out.join(name), fs::metadata(&file)?.modified()?.max(script_changed));
            if fs::metadata(&deflated).and_then(|made| made.modified()).is_ok_and(|made| made > changed) {
                continue;
            }
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            let bytes = fs::read(&file)?;
            for first in [0, 1] {
                let half: Vec<u8> = bytes.iter().skip(first).step_by(2).copied().collect();
                for block in half.chunks(BLOCK_BYTES) {
                    encoder.write_all(block)?;
                    encoder.flush()?;
                }
            }
            // Whole or not at all: a build that was stopped leaves none that looks made.
            let unfinished = deflated.with_extension("part");
            fs::write(&unfinished, encoder.finish()?)?;
            fs::rename(unfinished, deflated)?;
        }
    }
    Ok(())
}

/// The SHA-256 of all sources of this package, and of the file that names the version of every crate.
fn hash_sources(package: &Path) -> Result<String, Box<dyn Error>> {
    let (sources, versions) = (package.join("src"), package.join("../../Cargo.lock"));
    println!("cargo:rerun-if-changed={}", sources.display());
    println!("cargo:rerun-if-changed={}", versions.display());
    let mut files = vec![versions, package.join("../../models/ocr-characters.txt")];
    list_files(&sources, &mut files)?;
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.strip_prefix(package)?.to_string_lossy().as_bytes());
        hash.update(fs::read(&file)?);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn list_files(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
