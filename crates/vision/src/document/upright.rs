//! Turns a picture of a document upright: the way in which its text is read is the way up of everything on it. The
//! orientation that the picture's tags name has no influence.

use std::borrow::Cow;

use image::{RgbImage, imageops};

use crate::intake::Photo;
use crate::text::TextPage;

/// A turn by quarters, clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuarterTurn {
    None,
    Right,
    Half,
    Left,
}

impl QuarterTurn {
    /// Every turn, first the one that changes nothing.
    pub(super) const ALL: [Self; 4] = [Self::None, Self::Right, Self::Half, Self::Left];

    /// The turn after which text of this direction runs from left to right.
    pub(super) fn for_text((x, y): (f32, f32)) -> Self {
        match (x.abs() >= y.abs(), x >= 0.0, y >= 0.0) {
            (true, true, _) => Self::None,
            (true, false, _) => Self::Half,
            (false, _, true) => Self::Left,
            (false, _, false) => Self::Right,
        }
    }

    pub(super) fn turn_image(self, image: &RgbImage) -> Option<RgbImage> {
        match self {
            Self::None => None,
            Self::Right => Some(imageops::rotate90(image)),
            Self::Half => Some(imageops::rotate180(image)),
            Self::Left => Some(imageops::rotate270(image)),
        }
    }

    /// The size of a picture after the turn.
    pub(super) fn turn_size(self, (width, height): (u32, u32)) -> (u32, u32) {
        if matches!(self, Self::None | Self::Half) { (width, height) } else { (height, width) }
    }

    /// The same point before the turn, both in shares of the picture's width and height.
    pub(super) fn undo_share(self, [x, y]: [f32; 2]) -> [f32; 2] {
        match self {
            Self::None => [x, y],
            Self::Right => [y, 1.0 - x],
            Self::Half => [1.0 - x, 1.0 - y],
            Self::Left => [1.0 - y, x],
        }
    }

    /// The same point after the turn, in a picture that had this size before it.
    fn turn_point(self, (x, y): (f32, f32), (width, height): (f32, f32)) -> (f32, f32) {
        match self {
            Self::None => (x, y),
            Self::Right => (height - y, x),
            Self::Half => (width - x, height - y),
            Self::Left => (y, width - x),
        }
    }
}

/// The photo after a turn.
pub(super) fn turn_photo(photo: &Photo, turn: QuarterTurn) -> Cow<'_, Photo> {
    let Some(image) = turn.turn_image(&photo.image) else { return Cow::Borrowed(photo) };
    let (width, height) =
        if turn == QuarterTurn::Half { (photo.width, photo.height) } else { (photo.height, photo.width) };
    Cow::Owned(Photo { image, width, height, kind: photo.kind, tags: photo.tags.clone() })
}

/// The photo with its text upright, and the page with the same places in that photo.
pub(super) fn turn_upright(photo: &Photo, mut page: TextPage) -> (Cow<'_, Photo>, TextPage) {
    let turn = QuarterTurn::for_text(page.direction);
    if turn == QuarterTurn::None {
        return (Cow::Borrowed(photo), page);
    }
    let size = (photo.image.width() as f32, photo.image.height() as f32);
    let turned = |corners: [(f32, f32); 4]| corners.map(|corner| turn.turn_point(corner, size));
    for line in &mut page.lines {
        line.corners = turned(line.corners);
    }
    if let Some(found) = &mut page.zone {
        found.corners = turned(found.corners);
    }
    page.direction = turn.turn_point(page.direction, (0.0, 0.0));
    (turn_photo(photo, turn), page)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn pictures_and_points_are_turned_alike() {
        let mut image = RgbImage::new(6, 4);
        image.put_pixel(1, 0, Rgb([255; 3]));
        for turn in QuarterTurn::ALL.into_iter().skip(1) {
            let turned = turn.turn_image(&image).unwrap();
            let (x, y) = turn.turn_point((1.5, 0.5), (6.0, 4.0));
            assert_eq!(turned.get_pixel(x as u32, y as u32), &Rgb([255; 3]), "{turn:?}");
        }
    }

    #[test]
    fn shares_of_a_turned_picture_are_those_of_the_sent_one() {
        for turn in QuarterTurn::ALL {
            let (x, y) = turn.turn_point((1.5, 0.5), (6.0, 4.0));
            let (width, height) = turn.turn_size((6, 4));
            assert_eq!(turn.undo_share([x / width as f32, y / height as f32]), [0.25, 0.125], "{turn:?}");
        }
    }

    #[test]
    fn text_runs_from_left_to_right_after_its_turn() {
        for (direction, turn) in [
            ((1.0, 0.0), QuarterTurn::None),
            ((0.9, -0.3), QuarterTurn::None),
            ((-1.0, 0.0), QuarterTurn::Half),
            ((0.2, 1.0), QuarterTurn::Left),
            ((-0.3, -0.9), QuarterTurn::Right),
        ] {
            assert_eq!(QuarterTurn::for_text(direction), turn);
            let (x, y) = turn.turn_point(direction, (0.0, 0.0));
            assert!(x > y.abs(), "{direction:?}");
        }
    }
}
