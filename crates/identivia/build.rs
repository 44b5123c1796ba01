//! Embeds the built web pages (`make web`): `web/dist/index.html` for the person's page, `web/dist/console.html` for the reviewers'
//! console, every file of `web/dist/app` for both, every file of `web/dist/docs` for the documentation page, and `web/dist/embed` for
//! sites that embed the person's page. Files are embedded gzipped where that is smaller.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

/// A built file: its path below its folder, and where it is.
type BuiltFile = (String, PathBuf);

fn main() -> Result<(), Box<dyn Error>> {
    let (manifest, out) = (env::var("CARGO_MANIFEST_DIR")?, PathBuf::from(env::var("OUT_DIR")?));
    let dist = Path::new(&manifest).join("../../web/dist");
    // Cargo watches this folder. A missing folder counts as changed at every build and would recompile the crate each time. If it
    // cannot be created, that is what happens.
    let _ = fs::create_dir_all(&dist);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", dist.display());

    let mut code = String::new();
    let is_built = write_page(&mut code, "INDEX", &dist.join("index.html"))?;
    write_page(&mut code, "CONSOLE_INDEX", &dist.join("console.html"))?;
    let app = if is_built { find_files(&dist.join("app"))? } else { Vec::new() };
    let find_built = |folder: &str| {
        let folder = dist.join(folder);
        if folder.is_dir() { find_files(&folder) } else { Ok(Vec::new()) }
    };
    write_files(&mut code, "APP_FILES", &app, &out)?;
    write_files(&mut code, "DOCS_FILES", &find_built("docs")?, &out)?;
    write_files(&mut code, "EMBED_FILES", &find_built("embed")?, &out)?;
    fs::write(out.join("web.rs"), code)?;
    Ok(())
}

/// Writes a page's HTML, or `None` where it has not been built. Says whether it has been.
fn write_page(code: &mut String, name: &str, page: &Path) -> Result<bool, Box<dyn Error>> {
    if page.is_file() {
        writeln!(code, "static {name}: Option<&str> = Some(include_str!({:?}));", page.canonicalize()?)?;
        return Ok(true);
    }
    writeln!(code, "static {name}: Option<&str> = None;")?;
    Ok(false)
}

/// Writes a list of files, each with its name, its bytes, and whether they are gzipped.
fn write_files(code: &mut String, list: &str, files: &[BuiltFile], out: &Path) -> Result<(), Box<dyn Error>> {
    writeln!(code, "static {list}: &[EmbeddedFile] = &[")?;
    for (number, (name, path)) in files.iter().enumerate() {
        match gzip_if_smaller(&fs::read(path)?)? {
            Some(bytes) => {
                let gzipped = out.join(format!("{list}.{number}.gz"));
                fs::write(&gzipped, bytes)?;
                writeln!(code, "    ({name:?}, include_bytes!({gzipped:?}), true),")?;
            }
            None => writeln!(code, "    ({name:?}, include_bytes!({path:?}), false),")?,
        }
    }
    writeln!(code, "];")?;
    Ok(())
}

/// Every file below a folder, sorted by its path: the same files give the same binary.
fn find_files(folder: &Path) -> Result<Vec<BuiltFile>, Box<dyn Error>> {
    let mut files = Vec::new();
    collect_files(folder, "", &mut files)?;
    files.sort();
    Ok(files)
}

fn collect_files(folder: &Path, prefix: &str, files: &mut Vec<BuiltFile>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("{} is not UTF-8", name.display()))?;
        let (name, path) = (format!("{prefix}{name}"), entry.path().canonicalize()?);
        if path.is_dir() { collect_files(&path, &format!("{name}/"), files)? } else { files.push((name, path)) }
    }
    Ok(())
}

/// The gzipped form, if it saves a tenth.
fn gzip_if_smaller(bytes: &[u8]) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    let gzipped = encoder.finish()?;
    Ok((gzipped.len() <= bytes.len() / 10 * 9).then_some(gzipped))
}
