//! Face engine: finds faces, their pose and template, and scores whether one frame looks alive.

mod align;
mod detect;
mod embed;
mod landmarks;
mod passive;

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;

pub(crate) use align::{SimilarityTransform, crop_pixels};
use embed::AlignedFace;
pub use embed::Embedding;
pub(crate) use landmarks::bounding_box;

use crate::weights::{EngineError, InferenceThreads, LoadError, ModelWeights, ThreadShare};

/// The maximum number of faces of one picture that get landmarks, the largest first: this bounds the work per picture.
const MOST_FACES: usize = 8;

/// A rectangle in a picture, in pixels; it may extend beyond the picture's edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceBox {
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
}

impl FaceBox {
    /// Its area, in square pixels.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    /// Its middle, in pixels.
    #[must_use]
    pub fn centre(&self) -> [f32; 2] {
        [self.left + self.width / 2.0, self.top + self.height / 2.0]
    }
}

/// The rotation of a head, in degrees, each 0 for a face that looks straight into the camera.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Positive: turned to the person's own left, towards the right edge of an unmirrored picture.
    pub yaw: f32,
    /// Positive: the chin lifted.
    pub pitch: f32,
    /// Positive: leaning clockwise in the picture.
    pub roll: f32,
}

/// One face of a picture.
#[derive(Clone, Debug)]
pub struct Face {
    pub region: FaceBox,
    /// The detector's score, 0..1.
    pub score: f32,
    pub pose: Pose,
    /// The distance between the eyes' centres, in pixels.
    pub eye_distance: f32,
    /// 468 points (x, y in the picture's pixels; z on their scale, smaller is nearer), numbered as in MediaPipe's mesh.
    pub landmarks: Vec<[f32; 3]>,
    /// The landmark network's certainty that this is a face, 0..1.
    pub landmark_score: f32,
}

impl Face {
    /// The centres of the person's right and left eye, in the picture's pixels; `None` without landmarks.
    #[must_use]
    pub fn eye_centres(&self) -> Option<[[f32; 2]; 2]> {
        let is_whole = self.landmarks.len() == landmarks::POINT_COUNT;
        is_whole.then(|| landmarks::find_eye_centres(&self.landmarks))
    }
}

/// The networks for faces.
pub struct FaceEngine {
    detect: ModelWeights,
    landmarks: ModelWeights,
    embed: ModelWeights,
    /// `None` where an operator's `face-embed` stands alone.
    second_embed: Option<ModelWeights>,
    passive: ModelWeights,
}

impl FaceEngine {
    /// Finds the networks, an operator's own where `folder` has them. Each is loaded when it first runs. The embedded
    /// `face-embed-512` is measured with the embedded `face-embed` only: it does not run beside an operator's.
    ///
    /// # Errors
    /// When the operator's folder or a file in it is not as its manifest says.
    pub fn new(folder: Option<&Path>, threads: &Arc<InferenceThreads>) -> Result<Self, LoadError> {
        let weights = |name: &str| ModelWeights::new(name, folder, threads, ThreadShare::One);
        let (embed, second_embed) = (weights("face-embed")?, weights("face-embed-512")?);
        let stands_alone = embed.is_operators() && !second_embed.is_operators();
        Ok(Self {
            detect: weights("face-detect")?,
            landmarks: weights("face-landmarks")?,
            embed,
            second_embed: (!stands_alone).then_some(second_embed),
            passive: weights("face-passive-liveness")?,
        })
    }

    /// Finds the faces of a picture, the largest first. The first pass covers the whole picture. If it finds no certain
    /// face, further passes cover the picture with a margin (faces that fill it) and 2×2 overlapping tiles (small
    /// portraits on documents).
    ///
    /// # Errors
    /// When a network fails; a picture without a face is not an error.
    pub fn find_faces(&self, picture: &RgbImage) -> Result<Vec<Face>, EngineError> {
        let mut detections = detect::detect_faces(&self.detect, picture)?;
        detections.sort_by(|a, b| b.region.area().total_cmp(&a.region.area()));
        detections.truncate(MOST_FACES);
        let mut faces = Vec::new();
        for detection in detections {
            let found = landmarks::find_landmarks(&self.landmarks, picture, &detection.region)?;
            if found.score < self.landmarks.entry.threshold {
                continue;
            }
            faces.push(Face {
                region: detection.region,
                score: detection.score,
                pose: landmarks::measure_pose(&found.points),
                eye_distance: landmarks::measure_eye_distance(&found.points),
                landmarks: found.points,
                landmark_score: found.score,
            });
        }
        Ok(faces)
    }

    /// The detector's best score, 0..1, in one pass over the picture with a margin; 0 where it finds no face. A tenth of the work of
    /// [`Self::find_faces`].
    pub(crate) fn score_faces(&self, picture: &RgbImage) -> Result<f32, EngineError> {
        detect::score_faces(&self.detect, picture)
    }

    /// Computes a face's template for a decision: with both networks.
    ///
    /// # Errors
    /// When a network fails.
    pub fn compute_embedding(&self, picture: &RgbImage, face: &Face) -> Result<Embedding, EngineError> {
        let aligned = AlignedFace::new(picture, &face.landmarks);
        let second = self.second_embed.as_ref().map(|weights| aligned.compute_numbers(weights)).transpose()?;
        Ok(Embedding::new(aligned.compute_numbers(&self.embed)?, second))
    }

    /// Computes a face's template with `face-embed` alone: half the work, for the many frames of a liveness session and the
    /// other faces on a document.
    ///
    /// # Errors
    /// When the network fails.
    pub fn compute_frame_embedding(&self, picture: &RgbImage, face: &Face) -> Result<Embedding, EngineError> {
        Ok(Embedding::new(AlignedFace::new(picture, &face.landmarks).compute_numbers(&self.embed)?, None))
    }

    /// Scores how alive one frame looks, 0..1 (softmax). The signal is weak and only meaningful on frontal frames: it
    /// may lower confidence, but proves nothing.
    ///
    /// # Errors
    /// When the network fails.
    pub fn score_passive_liveness(&self, picture: &RgbImage, face: &Face) -> Result<f32, EngineError> {
        passive::score_liveness(&self.passive, picture, &face.region)
    }

    /// The similarity, −1..1, from which on two templates count as one person's; set by the manifest: by the entry of
    /// `face-embed-512` for both networks together, and by that of `face-embed` where it stands alone.
    #[must_use]
    pub fn match_threshold(&self) -> f32 {
        self.second_embed.as_ref().unwrap_or(&self.embed).entry.threshold
    }

    /// The same for [`Embedding::main_similarity`].
    #[must_use]
    pub fn main_match_threshold(&self) -> f32 {
        self.embed.entry.threshold
    }

    /// The networks in use, each with its manifest entry: name, hash and threshold.
    #[must_use]
    pub fn face_models(&self) -> Vec<&ModelWeights> {
        let second = self.second_embed.iter();
        [&self.detect, &self.landmarks, &self.embed].into_iter().chain(second).chain([&self.passive]).collect()
    }
}
