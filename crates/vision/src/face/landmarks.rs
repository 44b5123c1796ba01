//! The 468 landmarks of a face, and its pose derived from them.

use image::RgbImage;

use super::align::{self, SimilarityTransform};
use super::{FaceBox, Pose};
use crate::weights::{EngineError, ModelWeights};

/// The size of the landmark network's input, in pixels.
const SIZE: usize = 192;
/// The side of the crop, in sides of the face's box.
const ROOM: f32 = 1.5;
/// The number of landmarks.
pub(crate) const POINT_COUNT: usize = 468;

/// The landmarks' numbers: the person's right eye is on the left of an unmirrored picture.
pub(crate) const RIGHT_EYE: [usize; 2] = [33, 133];
pub(crate) const LEFT_EYE: [usize; 2] = [362, 263];
pub(crate) const NOSE_TIP: usize = 1;
pub(crate) const MOUTH: [usize; 2] = [61, 291];
const FOREHEAD: usize = 10;
const CHIN: usize = 152;

/// The points of one face in the picture's pixels (z on the same scale, smaller is nearer) and the score, 0..1.
pub(crate) struct Landmarks {
    pub(crate) points: Vec<[f32; 3]>,
    pub(crate) score: f32,
}

/// The landmarks of the face in a box: found once on an upright crop, and again on a crop centred on the face and
/// level.
pub(crate) fn find_landmarks(
    weights: &ModelWeights,
    picture: &RgbImage,
    region: &FaceBox,
) -> Result<Landmarks, EngineError> {
    let [x, y] = region.centre();
    let first = find_landmarks_in_square(weights, picture, [x, y], ROOM * region.width.max(region.height), 0.0)?;
    let Some(region) = bounding_box(&first.points) else { return Ok(first) };
    let side = ROOM * region.width.max(region.height);
    find_landmarks_in_square(weights, picture, region.centre(), side, measure_roll(&first.points))
}

fn find_landmarks_in_square(
    weights: &ModelWeights,
    picture: &RgbImage,
    centre: [f32; 2],
    side: f32,
    roll: f32,
) -> Result<Landmarks, EngineError> {
    let place = SimilarityTransform::square_crop(centre, side.max(1.0), roll, SIZE);
    let pixels = align::crop_pixels(picture, SIZE, SIZE, &place);
    let inputs: Vec<[f32; 3]> = pixels.iter().map(|pixel| pixel.map(|value| value / 255.0)).collect();
    let outputs = align::run_on_crop(weights, &inputs, SIZE, SIZE)?;
    let mut found = Landmarks { points: Vec::new(), score: 0.0 };
    for output in outputs {
        if let [logit] = output.as_slice() {
            found.score = 1.0 / (1.0 + (-logit).exp());
        } else if output.len() == POINT_COUNT * 3 {
            found.points = output.chunks_exact(3).map(|point| to_picture_point(&place, point)).collect();
        }
    }
    let is_whole = found.points.len() == POINT_COUNT && found.points.iter().flatten().all(|value| value.is_finite());
    if is_whole { Ok(found) } else { Ok(Landmarks { points: Vec::new(), score: 0.0 }) }
}

fn to_picture_point(place: &SimilarityTransform, point: &[f32]) -> [f32; 3] {
    let &[x, y, z] = point else { return [f32::NAN; 3] };
    let [left, top] = place.map_point(x, y);
    [left, top, z * place.scale()]
}

/// The box around points; `None` without points.
pub(crate) fn bounding_box(points: &[[f32; 3]]) -> Option<FaceBox> {
    let first = points.first()?;
    let (mut low, mut high) = ([first[0], first[1]], [first[0], first[1]]);
    for point in points {
        low = [low[0].min(point[0]), low[1].min(point[1])];
        high = [high[0].max(point[0]), high[1].max(point[1])];
    }
    Some(FaceBox { left: low[0], top: low[1], width: high[0] - low[0], height: high[1] - low[1] })
}

/// The mean of some of the points; (0, 0) without points.
pub(crate) fn middle_of_points(points: &[[f32; 3]], of: &[usize]) -> [f32; 2] {
    let chosen: Vec<[f32; 2]> = of.iter().filter_map(|at| points.get(*at)).map(|point| [point[0], point[1]]).collect();
    align::mean_point(&chosen).unwrap_or_default()
}

/// The rotation of the eye line, in radians; clockwise in the picture is positive.
fn measure_roll(points: &[[f32; 3]]) -> f32 {
    let (right, left) = (middle_of_points(points, &RIGHT_EYE), middle_of_points(points, &LEFT_EYE));
    (left[1] - right[1]).atan2(left[0] - right[0])
}

/// The centres of the person's right and left eye.
pub(crate) fn find_eye_centres(points: &[[f32; 3]]) -> [[f32; 2]; 2] {
    let centre = |eye: &[usize; 2]| {
        let middle = middle_of_points(points, eye);
        [middle[0], middle[1]]
    };
    [centre(&RIGHT_EYE), centre(&LEFT_EYE)]
}

/// The distance between the eyes' centres, in pixels.
pub(crate) fn measure_eye_distance(points: &[[f32; 3]]) -> f32 {
    let [right, left] = find_eye_centres(points);
    (left[0] - right[0]).hypot(left[1] - right[1])
}

/// The pose: yaw is the depth slope of the eye line, pitch that of the line from forehead to chin.
pub(crate) fn measure_pose(points: &[[f32; 3]]) -> Pose {
    let roll = measure_roll(points);
    let slope = |from: usize, to: usize| match (points.get(from), points.get(to)) {
        (Some(from), Some(to)) => (to[2] - from[2]).atan2((to[0] - from[0]).hypot(to[1] - from[1])),
        _ => 0.0,
    };
    let yaw = slope(RIGHT_EYE[0], LEFT_EYE[1]);
    let pitch = -slope(FOREHEAD, CHIN);
    Pose { yaw: yaw.to_degrees(), pitch: pitch.to_degrees(), roll: roll.to_degrees() }
}
