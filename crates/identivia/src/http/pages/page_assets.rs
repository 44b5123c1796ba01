//! The web pages embedded in this binary: the person's page and the documentation page, with the files that they load.

use std::collections::HashMap;
use std::sync::LazyLock;

use aws_lc_rs::digest;

/// A file as it is embedded: its path below `/app/`, its bytes, and where they are smaller its gzipped ones.
type Embedded = (&'static str, &'static [u8], Option<&'static [u8]>);

/// A file of the documentation page.
pub(crate) struct DocsFile {
    /// Its name below `/docs/`.
    pub(crate) name: &'static str,
    pub(crate) bytes: &'static [u8],
}

// INDEX, FILES and DOCS_FILES, written by build.rs.
include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// A file that the page loads.
pub struct Asset {
    pub media_type: &'static str,
    pub bytes: &'static [u8],
    /// Where it is smaller.
    pub gzipped: Option<&'static [u8]>,
    /// What tells these bytes from all others: hexadecimal.
    pub hash: String,
}

/// Every file by its path below `/app/`; hashed when the first one is asked for.
static ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| {
    let assets = FILES.iter().map(|(path, bytes, gzipped)| (*path, Asset::new(path, bytes, *gzipped)));
    assets.collect()
});

/// The page's HTML; `None` when this binary was built without it.
#[must_use]
pub fn index() -> Option<&'static str> {
    INDEX
}

/// The file at that path below `/app/`.
#[must_use]
pub fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.get(path)
}

/// The paths of all files below `/app/`.
pub fn paths() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(path, ..)| *path)
}

/// The files of the documentation page; empty when this binary was built without the pages.
pub(crate) fn docs_files() -> &'static [DocsFile] {
    DOCS_FILES
}

impl DocsFile {
    pub(crate) fn media_type(&self) -> &'static str {
        media_type(self.name)
    }
}

impl Asset {
    /// A file of that name.
    #[must_use]
    pub fn new(path: &str, bytes: &'static [u8], gzipped: Option<&'static [u8]>) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        let hash = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { media_type: media_type(path), bytes, gzipped, hash }
    }
}

/// The media type by a name's extension. Browsers insist on those of scripts, styles and WebAssembly.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_the_media_types_that_they_insist_on() {
        for (path, media_type) in [
            ("index-BTv2VEHO.js", "text/javascript; charset=utf-8"),
            ("a.b.css", "text/css; charset=utf-8"),
            ("liveness/38d5/tfjs-backend-wasm.wasm", "application/wasm"),
            ("liveness/38d5/group1-shard1of1.bin", "application/octet-stream"),
            ("none", "application/octet-stream"),
        ] {
            assert_eq!(Asset::new(path, b"", None).media_type, media_type, "{path}");
        }
    }

    #[test]
    fn what_is_embedded_can_be_served() {
        for path in paths() {
            let asset = asset(path).unwrap();
            assert!(asset.gzipped.is_none_or(|gzipped| gzipped.starts_with(b"\x1f\x8b")), "{path}");
        }
        if let Some(index) = index() {
            assert_eq!(index.matches("__BOOT__").count(), 1, "the place for what the page starts with");
            for piece in index.split("/app/").skip(1) {
                let path = piece.split('"').next().unwrap();
                assert!(asset(path).is_some(), "{path} is named and not there");
            }
        }
    }
}
