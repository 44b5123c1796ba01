//! Lines of a page that need not be recognised for its print: the search for the zone has read them.

use super::{RecognisedLine, TextLine, crop};
use crate::zone::FoundZone;

/// How far corners may be from those of a line that was read, in pixels: they were computed in another way.
const SAME_CORNER: f32 = 0.1;

/// What is known of a page's lines.
#[derive(Default)]
pub(crate) struct KnownLines {
    /// Lines that were read, each with the width of its reading.
    read: Vec<(TextLine, u32)>,
    /// The zone, if its check digits are right.
    zone: Option<FoundZone>,
}

impl KnownLines {
    pub(crate) fn new(read: Vec<(TextLine, u32)>, zone: Option<&FoundZone>) -> Self {
        Self { read, zone: zone.filter(|found| found.zone.is_valid()).cloned() }
    }

    /// The line inside these corners, if it is known. A line of the zone is the zone's own: print is never compared with it.
    pub(super) fn find_line(&self, corners: [(f32, f32); 4]) -> Option<TextLine> {
        let width = crop::line_width(&corners, crop::WIDEST);
        let is_same = |(line, read_width): &&(TextLine, u32)| {
            let near = |(a, b): (&(f32, f32), &(f32, f32))| (a.0 - b.0).abs().max((a.1 - b.1).abs()) < SAME_CORNER;
            *read_width == width && line.corners.iter().zip(&corners).all(near)
        };
        let read = self.read.iter().find(is_same).map(|(line, _)| TextLine { corners, ..line.clone() });
        read.or_else(|| self.find_zone_line(corners))
    }

    fn find_zone_line(&self, corners: [(f32, f32); 4]) -> Option<TextLine> {
        let found = self.zone.as_ref()?;
        let rows = found.zone.lines.len();
        let row = find_row(&found.corners, middle_of_corners(&corners), rows)?;
        let text = found.zone.lines.get(row)?.clone();
        Some(TextLine { text, score: found.confidence, corners })
    }
}

impl RecognisedLine {
    /// The line with the width of its reading, which was at most `widest`.
    pub(crate) fn to_known_line(&self, widest: u32) -> (TextLine, u32) {
        (self.to_text_line(), crop::line_width(&self.corners, widest))
    }
}

fn middle_of_corners(corners: &[(f32, f32); 4]) -> (f32, f32) {
    let sum = corners.iter().fold((0.0, 0.0), |sum, corner| (sum.0 + corner.0, sum.1 + corner.1));
    (sum.0 / 4.0, sum.1 / 4.0)
}

/// The row of an area in which a point is, if it is inside. The area's corners are clockwise from the start of its first row.
fn find_row(area: &[(f32, f32); 4], point: (f32, f32), rows: usize) -> Option<usize> {
    let [start, end, _, below] = *area;
    let (along, down) = ((end.0 - start.0, end.1 - start.1), (below.0 - start.0, below.1 - start.1));
    let size = along.0 * down.1 - along.1 * down.0;
    let from = (point.0 - start.0, point.1 - start.1);
    let across = (from.0 * down.1 - from.1 * down.0) / size;
    let share = (along.0 * from.1 - along.1 * from.0) / size;
    let is_inside = (0.0..=1.0).contains(&across) && (0.0..=1.0).contains(&share);
    is_inside.then(|| ((share * rows as f32) as usize).min(rows.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_slanted_area_are_found() {
        let area = [(10.0, 10.0), (110.0, 30.0), (106.0, 50.0), (6.0, 30.0)];
        assert_eq!(find_row(&area, (50.0, 22.0), 2), Some(0));
        assert_eq!(find_row(&area, (50.0, 32.0), 2), Some(1));
        for outside in [(0.0, 20.0), (50.0, 10.0), (50.0, 45.0), (120.0, 40.0), (f32::NAN, 0.0)] {
            assert_eq!(find_row(&area, outside, 2), None, "{outside:?}");
        }
        assert_eq!(find_row(&[(5.0, 5.0); 4], (5.0, 5.0), 2), None);
    }

    #[test]
    fn line_is_known_only_with_its_corners_and_width() {
        let corners = |left: f32, length: f32| [(left, 0.0), (left + length, 0.0), (left + length, 10.0), (left, 10.0)];
        let line = |left, length| TextLine { text: "A".to_owned(), score: 0.9, corners: corners(left, length) };
        let known = KnownLines::new(vec![(line(0.0, 100.0), 480), (line(0.0, 500.0), 1_600)], None);
        assert!(known.find_line(corners(0.05, 100.0)).is_some());
        assert!(known.find_line(corners(1.0, 100.0)).is_none());
        assert!(known.find_line(corners(0.0, 500.0)).is_none(), "it was squeezed to 1,600 pixels");
    }
}
