//! Measures the quality of a document's picture. Figures from pixels are not proof: a warning asks for a review or
//! another picture.

mod fourier;
mod framing;
mod light;
mod screen;

use image::{GrayImage, RgbImage};

use crate::intake::Tags;
use crate::intake::scale::scale_copy;
use crate::luma::to_luma;
use crate::warp::{Quad, straighten_quad};

pub use framing::{DocumentFraming, LocatedDocument, locate_document};
pub use light::{measure_exposure, measure_glare, measure_sharpness};
pub use screen::score_screen;

/// Below this sharpness small print is hard to read. Drawn cards, 1,024 pixels wide, have 0.45 to 0.7 when sharp, 0.29
/// blurred by a deviation of 0.9 pixels, 0.18 by 1.6 (small print suffers), and 0.1 by 2.4 (unreadable).
pub const LEAST_SHARPNESS: f32 = 0.18;
/// Above this share of the document, glare hides something: a blob as large as a line of print.
pub const MOST_GLARE: f32 = 0.01;
/// Below this median brightness (0 black to 1 white) a picture is too dark.
pub const LEAST_BRIGHTNESS: f32 = 0.2;
/// Above this median brightness (0 to 1) a picture is too bright, unless its print is as dark as in a scan.
pub const MOST_BRIGHTNESS: f32 = 0.92;
/// From this distance between dark and bright (0 to 1) on, bright paper is normal.
pub const CONTRAST_OF_SCANS: f32 = 0.4;
/// Below this distance between dark and bright (0 to 1) print does not stand out.
pub const LEAST_CONTRAST: f32 = 0.2;
/// Below this many pixels on the document's longest side small print has fewer than 12 pixels of height.
pub const LEAST_RESOLUTION: u32 = 600;
/// Above this score the picture was probably taken of a screen. Drawn cards, prints and photographs stay below 0.35, simulated
/// screens mostly above 0.6.
pub const MOST_SCREEN: f32 = 0.5;

/// The longest side of the document when it is measured, in pixels.
const FLAT_SIDE: u32 = 1_024;

/// An upright rectangle in pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelRect {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// The figures of a document's picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Sharpness of the document's print; 0.4 and more if sharp, 0 without any contrast. See [`LEAST_SHARPNESS`].
    pub sharpness: f32,
    /// Share of the document, 0 to 1, that is blown out by glare.
    pub glare: f32,
    /// Median brightness of the document, 0 black to 1 white.
    pub brightness: f32,
    /// Distance between the document's dark and bright parts (5th and 95th percentile), 0 to 1.
    pub contrast: f32,
    /// The document's longest side in pixels of the picture.
    pub resolution: u32,
    /// Whether the whole document is in view.
    pub framing: DocumentFraming,
    /// How much the picture looks taken of a screen, 0 to 1. See [`MOST_SCREEN`].
    pub screen: f32,
    /// The editing program that the picture's tags name.
    pub editor: Option<&'static str>,
}

/// The warnings that a picture's figures give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QualityWarning {
    Blurred,
    Glare,
    TooDark,
    TooBright,
    Faint,
    TooSmall,
    /// A part of the document is out of view.
    Cut,
    /// The document's borders are not found.
    FramingUnsure,
    Screen,
    Edited,
}

impl Quality {
    /// Measures a picture: the document, if its borders are found and `is_document` accepts the rectangle around them, or
    /// else the whole picture.
    #[must_use]
    pub fn measure(image: &RgbImage, tags: &Tags, is_document: impl Fn(PixelRect) -> bool) -> Self {
        let copy = scale_copy(image, framing::PRINT_SIDE);
        let found = framing::locate_in_copy(image, &copy);
        let is_refused = found.region.is_some_and(|region| !is_document(region));
        let (flat, resolution) = match found.corners.filter(|_| !is_refused) {
            Some(corners) => straighten_document(image, Quad { corners }),
            None => (to_luma(&copy), image.width().max(image.height())),
        };
        let (brightness, contrast) = measure_exposure(&flat);
        Self {
            sharpness: measure_sharpness(&flat),
            glare: measure_glare(&flat),
            brightness,
            contrast,
            resolution,
            framing: if is_refused { DocumentFraming::Unsure } else { found.framing },
            screen: score_screen(image),
            editor: tags.software.as_deref().and_then(detect_editor),
        }
    }

    /// The warnings by the thresholds of this module.
    #[must_use]
    pub fn list_warnings(&self) -> Vec<QualityWarning> {
        let outcomes = [
            (self.sharpness < LEAST_SHARPNESS, QualityWarning::Blurred),
            (self.glare > MOST_GLARE, QualityWarning::Glare),
            (self.brightness < LEAST_BRIGHTNESS, QualityWarning::TooDark),
            (self.brightness > MOST_BRIGHTNESS && self.contrast < CONTRAST_OF_SCANS, QualityWarning::TooBright),
            (self.contrast < LEAST_CONTRAST, QualityWarning::Faint),
            (self.resolution < LEAST_RESOLUTION, QualityWarning::TooSmall),
            (self.framing == DocumentFraming::Cut, QualityWarning::Cut),
            (self.framing == DocumentFraming::Unsure, QualityWarning::FramingUnsure),
            (self.screen > MOST_SCREEN, QualityWarning::Screen),
            (self.editor.is_some(), QualityWarning::Edited),
        ];
        outcomes.into_iter().filter_map(|(is_so, warning)| is_so.then_some(warning)).collect()
    }
}

/// The document straightened.
fn straighten_document(image: &RgbImage, quad: Quad) -> (GrayImage, u32) {
    let longest = quad.width().max(quad.height());
    let scale = FLAT_SIDE as f32 / longest.max(FLAT_SIDE as f32);
    let size = (quad.width() * scale, quad.height() * scale);
    (straighten_quad(&to_luma(image), quad, size, 0.0), longest as u32)
}

impl PixelRect {
    /// The part of it inside the picture.
    fn clip_to_picture(self, image: &RgbImage) -> Self {
        let (left, top) = (self.left.min(image.width()), self.top.min(image.height()));
        let (width, height) = (self.width.min(image.width() - left), self.height.min(image.height() - top));
        Self { left, top, width, height }
    }
}

/// Programs that change a picture's content. Programs that only rotate, crop or send pictures, and a camera's firmware,
/// are not listed.
const EDITORS: [&str; 30] = [
    "Photoshop",
    "GIMP",
    "Lightroom",
    "Snapseed",
    "Affinity",
    "Pixelmator",
    "PicsArt",
    "Canva",
    "Facetune",
    "Paint.NET",
    "paint.net",
    "Microsoft Paint",
    "Krita",
    "Photopea",
    "Fotor",
    "PhotoScape",
    "Paint Shop Pro",
    "PaintShop",
    "Capture One",
    "Luminar",
    "darktable",
    "RawTherapee",
    "Illustrator",
    "CorelDRAW",
    "Corel PHOTO",
    "Inkscape",
    "Procreate",
    "BeFunky",
    "VSCO",
    "Polarr",
];

/// The editing program that a tag names, if it names one.
#[must_use]
pub fn detect_editor(software: &str) -> Option<&'static str> {
    let software = software.to_lowercase();
    EDITORS.into_iter().find(|name| software.contains(&name.to_lowercase()))
}
