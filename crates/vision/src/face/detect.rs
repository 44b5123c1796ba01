//! Detects faces: one pass over the whole picture, and closer passes over its parts if that finds none with certainty.

use image::RgbImage;

use super::FaceBox;
use super::align::{self, SimilarityTransform};
use crate::weights::{EngineError, ModelWeights};

/// The size of the detector's input, in pixels.
const WIDTH: usize = 320;
const HEIGHT: usize = 240;
/// Two boxes with a larger overlap (intersection over union) are one face.
const SAME_FACE: f32 = 0.4;
/// From this score on the parts of the picture are not searched.
const SURE_SCORE: f32 = 0.9;
/// The share of the picture that one of the 2×2 tiles covers along each side; the tiles overlap.
const TILE_PART: f32 = 0.6;
/// The share by which a margin widens the picture, for faces that fill it or are cut by its edge.
const MARGIN: f32 = 0.4;
/// The margin of the only pass that asks whether there is a face.
const SINGLE_PASS_MARGIN: f32 = 0.15;

/// A face's box and the detector's score, 0..1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaceDetection {
    pub(crate) region: FaceBox,
    pub(crate) score: f32,
}

/// The faces of a picture, unsorted.
pub(crate) fn detect_faces(weights: &ModelWeights, picture: &RgbImage) -> Result<Vec<FaceDetection>, EngineError> {
    let whole = FaceBox { left: 0.0, top: 0.0, width: picture.width() as f32, height: picture.height() as f32 };
    let mut found = detect_in_part(weights, picture, whole)?;
    if !found.iter().any(|detection| detection.score >= SURE_SCORE) {
        for closer in list_closer_parts(whole) {
            found.extend(detect_in_part(weights, picture, closer)?);
        }
    }
    Ok(remove_duplicates(found))
}

/// The best score of one pass over the picture with a margin; 0 where it finds no face.
pub(crate) fn score_faces(weights: &ModelWeights, picture: &RgbImage) -> Result<f32, EngineError> {
    let whole = FaceBox { left: 0.0, top: 0.0, width: picture.width() as f32, height: picture.height() as f32 };
    let found = detect_in_part(weights, picture, whole.widen_by(SINGLE_PASS_MARGIN))?;
    Ok(found.iter().map(|detection| detection.score).fold(0.0, f32::max))
}

/// The picture with a margin, then its four overlapping quarters.
fn list_closer_parts(whole: FaceBox) -> [FaceBox; 5] {
    let FaceBox { width, height, .. } = whole;
    let wider = whole.widen_by(MARGIN);
    let tile = |right: f32, low: f32| FaceBox {
        left: right * (1.0 - TILE_PART) * width,
        top: low * (1.0 - TILE_PART) * height,
        width: TILE_PART * width,
        height: TILE_PART * height,
    };
    [wider, tile(0.0, 0.0), tile(1.0, 0.0), tile(0.0, 1.0), tile(1.0, 1.0)]
}

/// Runs the detector on a part of the picture; the boxes are in the picture's pixels.
fn detect_in_part(
    weights: &ModelWeights,
    picture: &RgbImage,
    part: FaceBox,
) -> Result<Vec<FaceDetection>, EngineError> {
    let scale = (part.width / WIDTH as f32).max(part.height / HEIGHT as f32);
    let place = SimilarityTransform { turn: scale, lean: 0.0, x: part.left, y: part.top };
    let mut pixels = align::crop_pixels(picture, WIDTH, HEIGHT, &place);
    blacken_outside(&mut pixels, picture, &place);
    let inputs: Vec<[f32; 3]> = pixels.iter().map(|pixel| pixel.map(|value| (value - 127.0) / 128.0)).collect();
    let outputs = align::run_on_crop(weights, &inputs, WIDTH, HEIGHT)?;
    let [scores, boxes] = outputs.as_slice() else { return Ok(Vec::new()) };
    let (scores, boxes) = if scores.len() < boxes.len() { (scores, boxes) } else { (boxes, scores) };
    let mut found = Vec::new();
    for (score, corners) in scores.chunks_exact(2).zip(boxes.chunks_exact(4)) {
        let (&[_, score], &[left, top, right, bottom]) = (score, corners) else { continue };
        let (across, down) = (WIDTH as f32 * scale, HEIGHT as f32 * scale);
        let region = FaceBox {
            left: part.left + left * across,
            top: part.top + top * down,
            width: (right - left) * across,
            height: (bottom - top) * down,
        };
        if score >= weights.entry.threshold && region.width > 1.0 && region.height > 1.0 {
            found.push(FaceDetection { region, score });
        }
    }
    Ok(remove_duplicates(found))
}

/// Blackens the area beyond the picture: an extended edge could look like anything.
fn blacken_outside(pixels: &mut [[f32; 3]], picture: &RgbImage, place: &SimilarityTransform) {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    for (position, pixel) in pixels.iter_mut().enumerate() {
        let [x, y] = place.map_point((position % WIDTH) as f32 + 0.5, (position / WIDTH) as f32 + 0.5);
        if x < 0.0 || y < 0.0 || x >= width || y >= height {
            *pixel = [0.0; 3];
        }
    }
}

/// Keeps the best box of each face: of overlapping boxes, the one with the highest score.
fn remove_duplicates(mut found: Vec<FaceDetection>) -> Vec<FaceDetection> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<FaceDetection> = Vec::new();
    for detection in found {
        if kept.iter().all(|other| !detection.region.is_same_face(&other.region)) {
            kept.push(detection);
        }
    }
    kept
}

impl FaceBox {
    /// The box with a margin, given as a share of its sides.
    fn widen_by(self, margin: f32) -> Self {
        let Self { left, top, width, height } = self;
        let wider = 1.0 + 2.0 * margin;
        Self { left: left - margin * width, top: top - margin * height, width: width * wider, height: height * wider }
    }

    /// The share of both areas that both cover, 0..1 (intersection over union).
    #[must_use]
    pub fn overlap_ratio(&self, other: &Self) -> f32 {
        let shared = self.shared_area(other);
        let all = self.area() + other.area() - shared;
        if all > 0.0 { shared / all } else { 0.0 }
    }

    fn shared_area(&self, other: &Self) -> f32 {
        let along = |start: f32, length: f32, from: f32, size: f32| {
            ((start + length).min(from + size) - start.max(from)).max(0.0)
        };
        along(self.left, self.width, other.left, other.width) * along(self.top, self.height, other.top, other.height)
    }

    /// Whether two boxes show one face: they overlap, or one is almost inside the other (a tile shows a part of a
    /// face).
    fn is_same_face(&self, other: &Self) -> bool {
        let smaller = self.area().min(other.area());
        self.overlap_ratio(other) > SAME_FACE || (smaller > 0.0 && self.shared_area(other) / smaller > 0.8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: FaceBox = FaceBox { left: 10.0, top: 10.0, width: 20.0, height: 20.0 };

    #[test]
    fn overlapping_boxes_keep_the_highest_score() {
        let shifted = FaceBox { left: 13.0, ..HERE };
        let elsewhere = FaceBox { left: 60.0, ..HERE };
        let boxes = [(HERE, 0.7), (shifted, 0.9), (elsewhere, 0.65)];
        let found = remove_duplicates(boxes.map(|(region, score)| FaceDetection { region, score }).to_vec());
        let scores: Vec<f32> = found.iter().map(|detection| detection.score).collect();
        assert_eq!(scores, [0.9, 0.65]);
    }

    #[test]
    fn tiles_cover_the_picture_and_overlap() {
        let looks = list_closer_parts(FaceBox { left: 0.0, top: 0.0, width: 100.0, height: 50.0 });
        assert!(looks[1].overlap_ratio(&looks[2]) > 0.1);
        assert!((looks[4].left + looks[4].width - 100.0).abs() < 1e-3);
        assert!((looks[4].top + looks[4].height - 50.0).abs() < 1e-3);
        assert!(looks[0].left < 0.0 && looks[0].width > 100.0);
    }
}
