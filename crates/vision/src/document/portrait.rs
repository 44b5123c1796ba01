//! Chooses the holder's portrait among the faces in a picture, and detects another person.
//!
//! A person who lays their own photograph beside another person's document must not become its holder.

use image::RgbImage;

use super::plain::is_plain;
use super::upright::{QuarterTurn, turn_photo};
use super::{DocumentSide, Portrait, SideFace};
use crate::face::{Face, FaceEngine};
use crate::finding::{Finding, Outcome};
use crate::intake::Photo;
use crate::intake::scale::scale_copy;
use crate::weights::EngineError;
use crate::zone::FoundZone;

/// Faces with fewer pixels between the eyes are not compared: they are patterns and ghost images.
const LEAST_COMPARED_DISTANCE: f32 = 16.0;
/// The maximum number of faces of a side that are compared, the portrait included. A document shows its holder two or three times;
/// each further face counts as another person.
const MOST_COMPARED: usize = 5;
/// The longest side of the copies in which a face is searched for in every direction, in pixels: the detector takes 320.
const DIRECTION_SIDE: u32 = 640;
/// How far beside the zone's ends a portrait may reach, and how far above its first line, in parts of the zone's
/// length.
const BESIDE: f32 = 0.12;
const ABOVE: f32 = 0.95;

/// The faces of a side, the portrait first, with other people's faces marked.
pub(super) fn find_side_faces(
    engine: &FaceEngine,
    image: &RgbImage,
    zone: Option<&FoundZone>,
) -> Result<Vec<SideFace>, EngineError> {
    if is_plain(image) {
        return Ok(Vec::new());
    }
    let mut faces = engine.find_faces(image)?;
    // Within each group the order by size remains: the sort is stable.
    faces.sort_by_key(|face| !zone.is_none_or(|zone| is_above_zone(face, zone)));
    let Some(main) = faces.first() else { return Ok(Vec::new()) };
    let portrait = engine.compute_embedding(image, main)?;
    let mut seen = Vec::with_capacity(faces.len());
    for (at, face) in faces.iter().enumerate() {
        let embedding = match at {
            0 => Some(portrait.clone()),
            _ if face.eye_distance < LEAST_COMPARED_DISTANCE || at >= MOST_COMPARED => None,
            _ => Some(engine.compute_frame_embedding(image, face)?),
        };
        let similarity = embedding.as_ref().map(|other| portrait.main_similarity(other));
        let is_other_person = at > 0
            && match similarity {
                Some(similarity) => similarity < engine.main_match_threshold(),
                None => face.eye_distance >= LEAST_COMPARED_DISTANCE,
            };
        seen.push(SideFace { face: face.clone(), embedding, is_other_person });
    }
    Ok(seen)
}

/// The faces of a photo without legible text, and the turn that makes them upright. One pass over a small copy decides on each
/// direction: most pictures without text show no face either.
pub(super) fn find_turned_faces(
    engine: &FaceEngine,
    photo: &Photo,
) -> Result<(Vec<SideFace>, QuarterTurn), EngineError> {
    if is_plain(&photo.image) {
        return Ok((Vec::new(), QuarterTurn::None));
    }
    let small = scale_copy(&photo.image, DIRECTION_SIDE);
    let mut best = None;
    for turn in QuarterTurn::ALL {
        let turned = turn.turn_image(&small);
        let score = engine.score_faces(turned.as_ref().unwrap_or(&small))?;
        if score > best.map_or(0.0, |(score, _)| score) {
            best = Some((score, turn));
        }
    }
    let Some((_, turn)) = best else { return Ok((Vec::new(), QuarterTurn::None)) };
    Ok((find_side_faces(engine, &turn_photo(photo, turn).image, None)?, turn))
}

/// Whether a face is where a passport's page or a visa has its portrait: above its zone, between the zone's ends.
fn is_above_zone(face: &Face, zone: &FoundZone) -> bool {
    let [start, end, _, below] = zone.corners;
    let along = (end.0 - start.0, end.1 - start.1);
    let down = (below.0 - start.0, below.1 - start.1);
    let (length, height) = (along.0.hypot(along.1), down.0.hypot(down.1));
    if length < 1.0 || height < 1.0 {
        return true;
    }
    let [x, y] = face.region.centre();
    let place = (x - start.0, y - start.1);
    let share = |axis: (f32, f32), size: f32| (place.0 * axis.0 + place.1 * axis.1) / size;
    let (across, above) = (share(along, length) / length, -share(down, height) / length);
    (-BESIDE..=1.0 + BESIDE).contains(&across) && (-BESIDE..=ABOVE).contains(&above)
}

/// The portrait with the finding about it. A face on the back counts only if both sides are known to belong to one
/// document and are swapped: otherwise any person's picture could be sent as the back.
pub(super) fn choose_portrait(
    front: &DocumentSide,
    back: Option<&DocumentSide>,
    sides_match: Outcome,
) -> (Option<Portrait>, Finding) {
    let swapped = back.filter(|back| front.faces.is_empty() && !back.faces.is_empty());
    let portrait = |side: &DocumentSide, on_back: bool| {
        let seen = side.faces.first()?;
        Some(Portrait { on_back, face: seen.face.clone(), embedding: seen.embedding.clone()?, eyes: side.eyes })
    };
    match swapped {
        Some(back) if sides_match == Outcome::Pass => {
            (portrait(back, true), super::checks::check_portrait(&back.faces, true))
        }
        _ => (portrait(front, false), super::checks::check_portrait(&front.faces, false)),
    }
}
