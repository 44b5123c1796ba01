//! Embeds the person's page where it has been built (`make web`): `web/dist/index.html` and every file of `web/dist/app`,
//! those that become smaller by it in a gzipped form too.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    let (manifest, out) = (env::var("CARGO_MANIFEST_DIR")?, PathBuf::from(env::var("OUT_DIR")?));
    let built = Path::new(&manifest).join("../../web/dist");
    // Cargo looks for changes below a folder; one that is not there counts as changed each time, and all would be compiled
    // anew. Where it cannot be made, that is what happens.
    let _ = fs::create_dir_all(&built);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", built.display());
    let mut code = String::new();
    let index = built.join("index.html");
    let mut files = Vec::new();
    if index.is_file() {
        writeln!(code, "static INDEX: Option<&str> = Some(include_str!({:?}));", index.canonicalize()?)?;
        find(&built.join("app"), "", &mut files)?;
    } else {
        writeln!(code, "static INDEX: Option<&str> = None;")?;
    }
    // The same files give the same binary.
    files.sort();
    writeln!(code, "static FILES: &[Embedded] = &[")?;
    for (number, (name, path)) in files.iter().enumerate() {
        let gzipped = match smaller(&fs::read(path)?)? {
            Some(bytes) => {
                let twin = out.join(format!("{number}.gz"));
                fs::write(&twin, bytes)?;
                format!("Some(include_bytes!({twin:?}))")
            }
            None => "None".to_owned(),
        };
        writeln!(code, "    ({name:?}, include_bytes!({path:?}), {gzipped}),")?;
    }
    writeln!(code, "];")?;
    fs::write(out.join("web.rs"), code)?;
    Ok(())
}

/// Every file below a folder, with its path from there.
fn find(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("{} is not UTF-8", name.display()))?;
        let (name, path) = (format!("{prefix}{name}"), entry.path().canonicalize()?);
        if path.is_dir() { find(&path, &format!("{name}/"), files)? } else { files.push((name, path)) }
    }
    Ok(())
}

/// The gzipped form, if it saves a tenth.
fn smaller(bytes: &[u8]) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    let gzipped = encoder.finish()?;
    Ok((gzipped.len() <= bytes.len() / 10 * 9).then_some(gzipped))
}
