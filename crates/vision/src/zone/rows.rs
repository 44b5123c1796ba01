//! Selects the regions of a page that may be lines of a zone: joins pieces of one line, keeps long lines, from the
//! bottom up.

use crate::text::TextRegion;

/// The least ratio of length to height of a zone's line, including the detector's margins.
const LEAST_ASPECT: f32 = 7.0;
/// The least length of a zone's line, as a share of the longest line.
const LEAST_LENGTH: f32 = 0.6;
/// The largest gap between pieces of one line, in heights: fillers are faint, and gaps among them are wide.
const MOST_GAP: f32 = 3.0;
/// A line with a smaller detected share of the longest one is not one of the zone's.
const LEAST_PART: f32 = 0.3;

/// A line in coordinates along and across the page's lines: both of its ends, and its height.
#[derive(Clone, Copy)]
struct PlacedLine {
    start: (f32, f32),
    end: (f32, f32),
    height: f32,
}

impl PlacedLine {
    /// `None` for text in another direction than the page's.
    fn from_region(region: &TextRegion, direction: (f32, f32)) -> Option<Self> {
        let (axis, length, height) = region.text_axis(direction);
        let straight = axis.0 * direction.0 + axis.1 * direction.1 > 0.97;
        let end = |side: f32| {
            let (x, y) = (region.centre.0 + side * axis.0 * length, region.centre.1 + side * axis.1 * length);
            (x * direction.0 + y * direction.1, y * direction.0 - x * direction.1)
        };
        straight.then_some(Self { start: end(-0.5), end: end(0.5), height })
    }

    fn length(&self) -> f32 {
        self.end.0 - self.start.0
    }

    /// Its position across the lines, at a position along them.
    fn down_at(&self, along: f32) -> f32 {
        let slope = (self.end.1 - self.start.1) / self.length().max(1.0);
        self.start.1 + slope * (along - self.start.0)
    }

    /// Whether a piece that starts later continues this line.
    fn continues_with(&self, piece: &Self, gap: f32) -> bool {
        let height = self.height.max(piece.height);
        let alike = self.height.min(piece.height) > 0.5 * height;
        let level = (self.end.1 - piece.start.1).abs() < 0.4 * height;
        alike && level && piece.start.0 - self.end.0 < gap * height
    }

    fn join_with(&self, piece: &Self) -> Self {
        let all = (self.length() + piece.length()).max(f32::EPSILON);
        let height = (self.height * self.length() + piece.height * piece.length()) / all;
        let end = if piece.end.0 > self.end.0 { piece.end } else { self.end };
        Self { start: self.start, end, height }
    }

    fn to_text_region(self, direction: (f32, f32)) -> TextRegion {
        let (along, down) = (self.end.0 - self.start.0, self.end.1 - self.start.1);
        let length = along.hypot(down).max(f32::EPSILON);
        let turned = |(along, down): (f32, f32)| {
            (along * direction.0 - down * direction.1, along * direction.1 + down * direction.0)
        };
        TextRegion {
            centre: turned(((self.start.0 + self.end.0) / 2.0, (self.start.1 + self.end.1) / 2.0)),
            along: turned((along / length, down / length)),
            length,
            breadth: self.height,
        }
    }
}

/// A page's lines, joined from their pieces, longest first.
fn join_pieces(regions: &[TextRegion], direction: (f32, f32), gap: f32) -> Vec<PlacedLine> {
    let mut lines: Vec<PlacedLine> = Vec::new();
    let mut pieces: Vec<PlacedLine> =
        regions.iter().filter_map(|region| PlacedLine::from_region(region, direction)).collect();
    pieces.sort_by(|a, b| a.start.0.total_cmp(&b.start.0));
    for piece in pieces {
        match lines.iter_mut().find(|line| line.continues_with(&piece, gap)) {
            Some(line) => *line = line.join_with(&piece),
            None => lines.push(piece),
        }
    }
    lines.sort_by(|a, b| b.length().total_cmp(&a.length()));
    lines
}

/// The lines that may be a zone's, lowest first.
pub(crate) fn find_zone_rows(regions: &[TextRegion], direction: (f32, f32)) -> Vec<TextRegion> {
    let mut rows = join_pieces(regions, direction, MOST_GAP);
    rows.retain(|row| row.length() >= LEAST_ASPECT * row.height);
    let longest = rows.first().map_or(0.0, PlacedLine::length);
    rows.retain(|row| row.length() >= LEAST_LENGTH * longest);
    rows.sort_by(|a, b| b.end.1.total_cmp(&a.end.1));
    rows.iter().map(|row| row.to_text_region(direction)).collect()
}

/// The lines of an upright picture that shows a zone from side to side, lowest first. Each gets the picture's whole
/// width, even if only parts of it were found. Each gets the typical height, because other text touches a zone's first
/// line from above.
pub(crate) fn find_block_rows(regions: &[TextRegion], width: f32) -> Vec<TextRegion> {
    let mut rows = join_pieces(regions, (1.0, 0.0), f32::INFINITY);
    let longest = rows.first().map_or(0.0, PlacedLine::length);
    rows.retain(|row| row.length() >= LEAST_PART * longest);
    let mut heights: Vec<f32> = rows.iter().map(|row| row.height).collect();
    heights.sort_by(f32::total_cmp);
    let height = heights.get((heights.len().max(1) - 1) / 2).copied().unwrap_or_default();
    for row in &mut rows {
        let lower = (row.height - height).max(0.0) / 2.0;
        (row.start, row.end) = ((0.0, row.down_at(0.0) + lower), (width, row.down_at(width) + lower));
        row.height = row.height.min(height);
    }
    rows.sort_by(|a, b| b.end.1.total_cmp(&a.end.1));
    rows.iter().map(|row| row.to_text_region((1.0, 0.0))).collect()
}
