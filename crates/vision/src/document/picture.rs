//! The checks of the pictures themselves. A picture that is too small, blurred, glaring or cut asks for another picture
//! and says nothing against the document. A picture of a screen does not show a document at all.

use serde_json::Value;

use crate::finding::{Finding, Outcome};
use crate::quality::{
    DocumentFraming, LEAST_BRIGHTNESS, LEAST_CONTRAST, LEAST_RESOLUTION, LEAST_SHARPNESS, MOST_BRIGHTNESS, MOST_GLARE,
    MOST_SCREEN, Quality,
};

use super::checks::round_to_thousandth;

/// Below this many pixels on the document's longest side no zone was ever read: 44 characters of 6 pixels.
const UNREADABLE_RESOLUTION: u32 = 280;
/// Below this sharpness print is unreadable: drawn cards blurred by 3 pixels and more.
const UNREADABLE_SHARPNESS: f32 = 0.12;
/// Above this share of the document, glare hides whole fields.
const HIDING_GLARE: f32 = 0.1;
/// From this score on the picture counts as taken of a screen. A card with a fine woven ground has reached 0.71.
const SURE_SCREEN: f32 = 0.85;

/// One side's picture, as the checks need it.
#[derive(Clone, Debug)]
pub(super) struct SidePicture {
    pub(super) on_back: bool,
    pub(super) quality: Quality,
    /// The document's longest side in pixels of the picture as it was sent.
    pub(super) resolution: u32,
    /// Whether print or a zone was read with certainty: then the picture is sharp and large enough, independent of its
    /// figures.
    pub(super) readable: bool,
    /// Whether print agrees with a proven source: then nothing important is cut off. Documents that fill their picture,
    /// as in a scan, look cut.
    pub(super) complete: bool,
}

/// The result of one check: outcome, message, and the figure behind it.
type PictureResult = (Outcome, &'static str, Value);
type PictureCheck = fn(&SidePicture) -> PictureResult;

/// Runs all checks of the pictures, one finding each: of two sides the worse result counts.
pub(super) fn check_pictures(pictures: &[SidePicture]) -> Vec<Finding> {
    let checks: [(&'static str, PictureCheck); 7] = [
        ("picture_size", check_size),
        ("picture_sharp", check_sharpness),
        ("light", check_light),
        ("glare", check_glare),
        ("framing", check_framing),
        ("screen", check_screen),
        ("edited", check_editor),
    ];
    checks.into_iter().filter_map(|(code, check)| worst_finding(code, pictures, check)).collect()
}

fn worst_finding(code: &'static str, pictures: &[SidePicture], check: PictureCheck) -> Option<Finding> {
    let checked: Vec<(&SidePicture, PictureResult)> =
        pictures.iter().map(|picture| (picture, check(picture))).collect();
    let mut worst = checked.first()?;
    for other in &checked {
        if other.1.0.severity() > worst.1.0.severity() {
            worst = other;
        }
    }
    let (outcome, message, _) = &worst.1;
    let mut finding = Finding::new(code, *outcome, *message);
    for (picture, (_, _, figure)) in &checked {
        finding = finding.with_evidence(if picture.on_back { "back" } else { "front" }, figure.clone());
    }
    Some(finding)
}

fn check_size(picture: &SidePicture) -> PictureResult {
    let figure = picture.resolution.into();
    match picture.resolution {
        ..UNREADABLE_RESOLUTION if !picture.readable => {
            (Outcome::Fail, "The picture is too small to be read. Take it with a camera, from nearer.", figure)
        }
        ..LEAST_RESOLUTION => (Outcome::Warn, "The document is small in the picture. Take it from nearer.", figure),
        _ => (Outcome::Pass, "The picture is large enough.", figure),
    }
}

fn check_sharpness(picture: &SidePicture) -> PictureResult {
    let sharpness = picture.quality.sharpness;
    let figure = round_to_thousandth(sharpness).into();
    if sharpness < UNREADABLE_SHARPNESS && !picture.readable {
        (
            Outcome::Fail,
            "The picture is too blurred to be read. Hold still, wait for the focus and take it again.",
            figure,
        )
    } else if sharpness < LEAST_SHARPNESS {
        (Outcome::Warn, "The picture is not sharp. Hold still, wait for the focus and take it again.", figure)
    } else {
        (Outcome::Pass, "The picture is sharp enough.", figure)
    }
}

fn check_light(picture: &SidePicture) -> PictureResult {
    let Quality { brightness, contrast, .. } = picture.quality;
    let figure =
        serde_json::json!({ "brightness": round_to_thousandth(brightness), "contrast": round_to_thousandth(contrast) });
    if brightness < LEAST_BRIGHTNESS {
        (Outcome::Warn, "The picture is too dark. Take it with more light.", figure)
    } else if brightness > MOST_BRIGHTNESS && contrast < LEAST_CONTRAST * 2.0 {
        (Outcome::Warn, "The picture is too bright. Take it with less light.", figure)
    } else if contrast < LEAST_CONTRAST {
        (Outcome::Warn, "The print hardly stands out. Take the picture with even light.", figure)
    } else {
        (Outcome::Pass, "The light is right.", figure)
    }
}

fn check_glare(picture: &SidePicture) -> PictureResult {
    let glare = picture.quality.glare;
    let figure = round_to_thousandth(glare).into();
    if glare > HIDING_GLARE {
        (
            Outcome::Fail,
            "Glare hides a part of the document. Turn it away from the light and take the picture again.",
            figure,
        )
    } else if glare > MOST_GLARE {
        (Outcome::Warn, "There is glare on the document. Turn it away from the light.", figure)
    } else {
        (Outcome::Pass, "There is no glare on the document.", figure)
    }
}

fn check_framing(picture: &SidePicture) -> PictureResult {
    match picture.quality.framing {
        DocumentFraming::Whole => (Outcome::Pass, "The whole document is in view.", "whole".into()),
        DocumentFraming::Cut if picture.complete => {
            (Outcome::Warn, "A part of the document may be out of view. Keep a margin around it.", "cut".into())
        }
        DocumentFraming::Cut => (
            Outcome::Fail,
            "A part of the document is out of view. Take the picture with a margin around it.",
            "cut".into(),
        ),
        DocumentFraming::Unsure => {
            (Outcome::Warn, "The borders of the document were not seen. Keep a margin around it.", "unsure".into())
        }
    }
}

fn check_screen(picture: &SidePicture) -> PictureResult {
    let screen = picture.quality.screen;
    let figure = round_to_thousandth(screen).into();
    if screen >= SURE_SCREEN {
        (Outcome::Fail, "This is a picture of a screen. Take a picture of the document itself.", figure)
    } else if screen > MOST_SCREEN {
        (Outcome::Warn, "This may be a picture of a screen. Take a picture of the document itself.", figure)
    } else {
        (Outcome::Pass, "The picture shows no traces of a screen.", figure)
    }
}

/// A camera's own program crops and rotates too, so an editor's name is only a warning.
fn check_editor(picture: &SidePicture) -> PictureResult {
    match picture.quality.editor {
        Some(editor) => (
            Outcome::Warn,
            "The picture was saved by an editing program. Send it as the camera took it.",
            editor.into(),
        ),
        None => (Outcome::Pass, "The picture names no editing program.", Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tests::good_quality;

    fn outcomes(change: impl Fn(&mut SidePicture)) -> Vec<(&'static str, Outcome)> {
        let mut picture = SidePicture {
            on_back: false,
            quality: good_quality(),
            resolution: 1_200,
            readable: false,
            complete: false,
        };
        change(&mut picture);
        let wrong = check_pictures(&[picture]).into_iter().filter(|finding| finding.outcome != Outcome::Pass);
        wrong.map(|finding| (finding.code, finding.outcome)).collect()
    }

    #[test]
    fn picture_faults_are_named() {
        assert_eq!(outcomes(|_| {}), []);
        assert_eq!(outcomes(|picture| picture.resolution = 200), [("picture_size", Outcome::Fail)]);
        assert_eq!(outcomes(|picture| picture.resolution = 500), [("picture_size", Outcome::Warn)]);
        assert_eq!(outcomes(|picture| picture.quality.sharpness = 0.05), [("picture_sharp", Outcome::Fail)]);
        assert_eq!(outcomes(|picture| picture.quality.brightness = 0.1), [("light", Outcome::Warn)]);
        assert_eq!(outcomes(|picture| picture.quality.glare = 0.02), [("glare", Outcome::Warn)]);
        assert_eq!(outcomes(|picture| picture.quality.glare = 0.3), [("glare", Outcome::Fail)]);
        assert_eq!(outcomes(|picture| picture.quality.framing = DocumentFraming::Cut), [("framing", Outcome::Fail)]);
        assert_eq!(outcomes(|picture| picture.quality.framing = DocumentFraming::Unsure), [("framing", Outcome::Warn)]);
        assert_eq!(outcomes(|picture| picture.quality.screen = 0.6), [("screen", Outcome::Warn)]);
        assert_eq!(outcomes(|picture| picture.quality.screen = 0.9), [("screen", Outcome::Fail)]);
        assert_eq!(outcomes(|picture| picture.quality.editor = Some("GIMP")), [("edited", Outcome::Warn)]);
    }

    #[test]
    fn readable_picture_only_warns_of_blur_and_size() {
        let blurred = |picture: &mut SidePicture| {
            picture.readable = true;
            picture.resolution = 200;
            picture.quality.sharpness = 0.05;
        };
        assert_eq!(outcomes(blurred), [("picture_size", Outcome::Warn), ("picture_sharp", Outcome::Warn)]);
    }

    #[test]
    fn worse_side_counts_and_both_figures_are_shown() {
        let front =
            SidePicture { on_back: false, quality: good_quality(), resolution: 1_200, readable: true, complete: true };
        let mut back = SidePicture { on_back: true, ..front.clone() };
        back.quality.glare = 0.5;
        let findings = check_pictures(&[front, back]);
        let glare = findings.iter().find(|finding| finding.code == "glare").unwrap();
        assert_eq!(glare.outcome, Outcome::Fail);
        assert_eq!(glare.evidence, [("front", 0.0.into()), ("back", 0.5.into())]);
    }
}
