//! Finds text regions: rotated rectangles around the parts of the detector's probability map.

use rten_imageproc::{PointF, min_area_rect};

/// The detector marks the core of a line; its box grows by area × this / perimeter (PP-OCR's own figure).
const GROWTH: f32 = 1.6;
/// The least mean probability of a part that counts as text.
const LEAST_MEAN: f32 = 0.55;
/// Cores with a shorter side below this many pixels of the map are specks.
const SPECK_SIDE: f32 = 2.0;
/// The maximum number of regions, the largest first: more are noise, not a document's lines.
const MOST_REGIONS: usize = 200;

/// A rotated rectangle around one piece of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextRegion {
    pub(crate) centre: (f32, f32),
    /// Unit vector along the longer side. The direction of reading along it is not known here.
    pub(crate) along: (f32, f32),
    pub(crate) length: f32,
    pub(crate) breadth: f32,
}

impl TextRegion {
    /// The ratio of length to breadth, 1 or more.
    pub(crate) fn aspect_ratio(&self) -> f32 {
        self.length / self.breadth.max(1.0)
    }

    /// The same rectangle in a picture that is `scale` times as large and starts at `origin`.
    pub(crate) fn to_picture(self, scale: (f32, f32), origin: (f32, f32)) -> Self {
        let (centre, along) = (self.centre, self.along);
        let moved = (along.0 * scale.0, along.1 * scale.1);
        let stretch = moved.0.hypot(moved.1).max(f32::EPSILON);
        Self {
            centre: (origin.0 + centre.0 * scale.0, origin.1 + centre.1 * scale.1),
            along: (moved.0 / stretch, moved.1 / stretch),
            length: self.length * stretch,
            breadth: self.breadth * scale.0 * scale.1 / stretch,
        }
    }

    /// Its corners, clockwise from the start of text that runs towards `direction`, with a margin of `margin` pixels on each
    /// side.
    pub(crate) fn corners_along(&self, direction: (f32, f32), margin: f32) -> [(f32, f32); 4] {
        let (text, length, breadth) = self.text_axis(direction);
        let half = (length / 2.0 + margin, breadth / 2.0 + margin);
        let down = (-text.1, text.0);
        let corner = |along: f32, across: f32| {
            (
                self.centre.0 + text.0 * along * half.0 + down.0 * across * half.1,
                self.centre.1 + text.1 * along * half.0 + down.1 * across * half.1,
            )
        };
        [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)]
    }

    /// The distance of another line's middle from this line, measured across it.
    pub(crate) fn line_distance(&self, other: &Self) -> f32 {
        let between = (other.centre.0 - self.centre.0, other.centre.1 - self.centre.1);
        (between.0 * self.along.1 - between.1 * self.along.0).abs()
    }

    /// Extends the line to another one's ends where it is shorter by more than its height.
    pub(crate) fn extend_to(&self, other: &Self, direction: (f32, f32)) -> Self {
        let (axis, length, breadth) = self.text_axis(direction);
        let (_, other_length, _) = other.text_axis(direction);
        let middle = (other.centre.0 - self.centre.0) * axis.0 + (other.centre.1 - self.centre.1) * axis.1;
        let out = |end: f32, other: f32| if other - end > breadth { other } else { end };
        let start = -out(length / 2.0, other_length / 2.0 - middle);
        let end = out(length / 2.0, other_length / 2.0 + middle);
        let moved = (start + end) / 2.0;
        let centre = (self.centre.0 + axis.0 * moved, self.centre.1 + axis.1 * moved);
        Self { centre, along: axis, length: end - start, breadth }
    }

    /// The axis along which the text runs, pointing towards `direction`, with the lengths along and across it. A nearly
    /// square piece (a single letter, a short number) follows its page; a long one follows its own long side.
    pub(crate) fn text_axis(&self, direction: (f32, f32)) -> ((f32, f32), f32, f32) {
        let across = (-self.along.1, self.along.0);
        let dot = |axis: (f32, f32)| axis.0 * direction.0 + axis.1 * direction.1;
        let square = self.aspect_ratio() < 1.5 && dot(across).abs() > dot(self.along).abs();
        let (axis, length, breadth) =
            if square { (across, self.breadth, self.length) } else { (self.along, self.length, self.breadth) };
        let axis = if dot(axis) < 0.0 { (-axis.0, -axis.1) } else { axis };
        (axis, length, breadth)
    }
}

/// The regions of a map of `width` columns whose pixels give the probability that they belong to text.
pub(crate) fn find_regions(map: &[f32], width: usize, threshold: f32) -> Vec<TextRegion> {
    let mut seen = vec![false; map.len()];
    let mut found: Vec<TextRegion> = Vec::new();
    for start in 0..map.len() {
        if seen.get(start) == Some(&false) && map.get(start).is_some_and(|value| *value > threshold) {
            found.extend(to_region(&grow_part(map, &mut seen, width, threshold, start)));
        }
    }
    found.sort_by(|a, b| (b.length * b.breadth).total_cmp(&(a.length * a.breadth)));
    found.truncate(MOST_REGIONS);
    found
}

/// One connected part of the map: its outermost pixels of each row, and its mean probability.
struct ConnectedPart {
    outline: Vec<PointF>,
    mean: f32,
}

fn grow_part(map: &[f32], seen: &mut [bool], width: usize, threshold: f32, start: usize) -> ConnectedPart {
    let mut rows: std::collections::BTreeMap<usize, (usize, usize)> = std::collections::BTreeMap::new();
    let mut waiting = vec![start];
    let (mut sum, mut count) = (0.0_f32, 0.0_f32);
    while let Some(place) = waiting.pop() {
        let Some(value) = map.get(place).filter(|value| **value > threshold) else { continue };
        let Some(seen) = seen.get_mut(place).filter(|seen| !**seen) else { continue };
        *seen = true;
        sum += value;
        count += 1.0;
        let (row, column) = (place / width, place % width);
        let ends = rows.entry(row).or_insert((column, column));
        *ends = (ends.0.min(column), ends.1.max(column));
        let left = if column > 0 { Some(place - 1) } else { None };
        let right = if column + 1 < width { Some(place + 1) } else { None };
        waiting.extend([left, right, place.checked_sub(width), Some(place + width)].into_iter().flatten());
    }
    let outline = rows.into_iter().flat_map(|(row, (first, last))| {
        let (top, bottom) = (row as f32, row as f32 + 1.0);
        let (left, right) = (first as f32, last as f32 + 1.0);
        [(top, left), (top, right), (bottom, left), (bottom, right)].map(|(y, x)| PointF::from_yx(y, x))
    });
    ConnectedPart { outline: outline.collect(), mean: sum / count.max(1.0) }
}

fn to_region(part: &ConnectedPart) -> Option<TextRegion> {
    if part.mean < LEAST_MEAN {
        return None;
    }
    let rectangle = min_area_rect(&part.outline)?;
    let (width, height, up) = (rectangle.width(), rectangle.height(), rectangle.up_axis());
    if width.min(height) < SPECK_SIDE || !(up.x.is_finite() && up.y.is_finite()) {
        return None;
    }
    let growth = GROWTH * width * height / (width + height);
    let (across, centre) = ((up.x, up.y), (rectangle.center().x, rectangle.center().y));
    let (along, length, breadth) =
        if width >= height { ((-across.1, across.0), width, height) } else { (across, height, width) };
    Some(TextRegion { centre, along, length: length + growth, breadth: breadth + growth })
}

/// The axis along which a page's lines run: the mean of the regions' axes, weighted by length. Its sign is arbitrary.
pub(crate) fn page_axis(regions: &[TextRegion]) -> (f32, f32) {
    let mut sum = (0.0_f32, 0.0_f32);
    for region in regions.iter().filter(|region| region.aspect_ratio() > 2.0) {
        let angle = 2.0 * region.along.1.atan2(region.along.0);
        sum = (sum.0 + region.length * angle.cos(), sum.1 + region.length * angle.sin());
    }
    let angle = sum.1.atan2(sum.0) / 2.0;
    (angle.cos(), angle.sin())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map with a bar of 40 × 6 pixels, turned by `degrees` around its centre.
    fn bar(degrees: f32) -> Vec<f32> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let inside = |x: f32, y: f32| {
            let (x, y) = (x - 49.5, y - 49.5);
            (x * cos + y * sin).abs() < 20.0 && (y * cos - x * sin).abs() < 3.0
        };
        (0..10_000).map(|place| f32::from(inside((place % 100) as f32, (place / 100) as f32)) * 0.9).collect()
    }

    #[test]
    fn rotated_bar_is_found_with_its_angle() {
        for degrees in [0.0, 20.0, 90.0, 155.0] {
            let found = find_regions(&bar(degrees), 100, 0.3);
            assert_eq!(found.len(), 1, "{degrees}");
            let angle = found[0].along.1.atan2(found[0].along.0).to_degrees();
            let off = (angle - degrees).rem_euclid(180.0);
            assert!(off.min(180.0 - off) < 3.0, "{degrees}: {angle}");
            assert!((found[0].length - 48.0).abs() < 4.0, "{degrees}: {}", found[0].length);
            assert!((found[0].breadth - 14.0).abs() < 4.0, "{degrees}: {}", found[0].breadth);
        }
    }

    #[test]
    fn faint_parts_and_specks_are_ignored() {
        let faint: Vec<f32> = bar(0.0).iter().map(|value| value * 0.5).collect();
        assert!(find_regions(&faint, 100, 0.3).is_empty());
        let mut speck = vec![0.0; 10_000];
        speck[5050] = 1.0;
        assert!(find_regions(&speck, 100, 0.3).is_empty());
        assert!(find_regions(&[], 0, 0.3).is_empty());
    }

    #[test]
    fn line_extends_to_the_one_below_it() {
        let line = |x, y, length| TextRegion { centre: (x, y), along: (-1.0, 0.0), length, breadth: 10.0 };
        let (short, long) = (line(45.0, 80.0, 60.0), line(60.0, 100.0, 100.0));
        let corners = short.extend_to(&long, (1.0, 0.0)).corners_along((1.0, 0.0), 0.0);
        assert_eq!((corners[0], corners[2]), ((15.0, 75.0), (110.0, 85.0)), "five pixels of ten stay out, 35 come in");
        assert_eq!(
            long.extend_to(&short, (1.0, 0.0)).corners_along((1.0, 0.0), 0.0),
            long.corners_along((1.0, 0.0), 0.0)
        );
        assert_eq!((short.line_distance(&long), long.line_distance(&short)), (20.0, 20.0));
    }

    #[test]
    fn corners_begin_at_the_start_of_the_text() {
        let region = TextRegion { centre: (50.0, 50.0), along: (1.0, 0.0), length: 40.0, breadth: 10.0 };
        assert_eq!(region.corners_along((1.0, 0.0), 0.0)[0], (30.0, 45.0));
        assert_eq!(region.corners_along((-1.0, 0.0), 0.0)[0], (70.0, 55.0));
        let square = TextRegion { length: 10.0, ..region };
        assert_eq!(square.corners_along((0.0, 1.0), 0.0)[0], (55.0, 45.0));
    }
}
