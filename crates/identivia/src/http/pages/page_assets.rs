//! The web pages embedded in this binary: the person's page, the console and the documentation page, with the files that they load,
//! and the loader script for sites that embed the person's page.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use bytes::Bytes;
use flate2::read::GzDecoder;

/// A file as it is embedded: its path below `/app/`, `/docs/` or `/embed/`, its bytes, and whether they are gzipped.
type EmbeddedFile = (&'static str, &'static [u8], bool);

// INDEX, CONSOLE_INDEX, APP_FILES, DOCS_FILES and EMBED_FILES, written by build.rs.
include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// A file that a page loads.
pub struct Asset {
    pub media_type: &'static str,
    bytes: &'static [u8],
    pub is_gzipped: bool,
    /// What tells these bytes from all others: hexadecimal.
    pub hash: String,
}

/// The files by their paths below `/app/`, `/docs/` and `/embed/`; hashed when the first one is asked for.
static APP_ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| to_assets(APP_FILES));
static DOCS_ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| to_assets(DOCS_FILES));
static EMBED_ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| to_assets(EMBED_FILES));

fn to_assets(files: &[EmbeddedFile]) -> HashMap<&'static str, Asset> {
    files.iter().map(|(path, bytes, is_gzipped)| (*path, Asset::new(path, bytes, *is_gzipped))).collect()
}

/// The console's HTML; `None` when this binary was built without it.
#[must_use]
pub fn console_index() -> Option<&'static str> {
    CONSOLE_INDEX
}

/// The page's HTML; `None` when this binary was built without it.
#[must_use]
pub fn index() -> Option<&'static str> {
    INDEX
}

/// The file at that path below `/app/`.
#[must_use]
pub fn asset(path: &str) -> Option<&'static Asset> {
    APP_ASSETS.get(path)
}

/// The file at that path below `/docs/`.
pub(crate) fn docs_asset(path: &str) -> Option<&'static Asset> {
    DOCS_ASSETS.get(path)
}

/// The file at that path below `/embed/`.
#[must_use]
pub fn embed_asset(path: &str) -> Option<&'static Asset> {
    EMBED_ASSETS.get(path)
}

/// The paths of all files below `/app/`.
pub fn paths() -> impl Iterator<Item = &'static str> {
    APP_FILES.iter().map(|(path, ..)| *path)
}

/// The paths of all files below `/docs/`; none when this binary was built without the pages.
pub(crate) fn docs_paths() -> impl Iterator<Item = &'static str> {
    DOCS_FILES.iter().map(|(path, ..)| *path)
}

impl Asset {
    /// A file of that name.
    #[must_use]
    pub fn new(path: &str, bytes: &'static [u8], is_gzipped: bool) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        let hash = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { media_type: media_type(path), bytes, is_gzipped, hash }
    }

    /// The bytes as they are embedded.
    #[must_use]
    pub fn embedded_bytes(&self) -> Bytes {
        Bytes::from_static(self.bytes)
    }

    /// The file's own bytes. Few callers do not take gzip, so they are unpacked for each.
    #[must_use]
    pub fn plain_bytes(&self) -> Bytes {
        if !self.is_gzipped {
            return self.embedded_bytes();
        }
        let mut plain = Vec::new();
        // The build made these bytes: they unpack.
        let _ = GzDecoder::new(self.bytes).read_to_end(&mut plain);
        plain.into()
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
            assert_eq!(Asset::new(path, b"", false).media_type, media_type, "{path}");
        }
    }

    #[test]
    fn what_is_embedded_can_be_served() {
        for path in paths() {
            let asset = asset(path).unwrap();
            assert_eq!(asset.is_gzipped, asset.embedded_bytes().starts_with(b"\x1f\x8b"), "{path}");
            assert!(!asset.plain_bytes().is_empty(), "{path}");
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
