//! Whether the whole document is in view: its four borders are looked for as straight lines (Hough), together a
//! quadrilateral that does not reach the picture's border.

mod lines;

use image::RgbImage;

use self::lines::{Edges, Line, crossing};
use super::Region;
use crate::intake::scale::part;

/// The side on which borders are looked for, in pixels: print is fine there, and borders are not.
const LOOK: u32 = 400;
/// The share of a side along which an edge must run. A finger or glare may hide a third.
const LEAST_COVER: f32 = 0.6;
/// The share of the picture that a document must take.
const LEAST_AREA: f32 = 0.08;
/// How far from the picture's border a corner must be, as a share of the longest side.
const MARGIN: f32 = 0.006;
/// The share of the picture's shorter side that a visible part of a cut border must have.
const LEAST_RUN: f32 = 0.3;
/// The fewest strokes of print on a picture's border that is otherwise plain, where print is cut off: two letters.
const LEAST_STROKES: usize = 6;

/// Whether the whole document is in view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// All four borders are seen, with something else around them.
    Whole,
    /// Borders, or print, run out of the picture.
    Cut,
    /// No borders are found: the document fills the picture, or does not stand out from what it lies on.
    Unsure,
}

/// Where the document is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Document {
    pub framing: Framing,
    /// Its corners in pixels of the picture, in turn, where all are found.
    pub corners: Option<[(f32, f32); 4]>,
    /// The upright rectangle around it.
    pub region: Option<Region>,
}

/// Looks for a document's borders.
#[must_use]
pub fn document(image: &RgbImage) -> Document {
    let nothing = Document { framing: Framing::Unsure, corners: None, region: None };
    if image.width() < 32 || image.height() < 32 {
        return nothing;
    }
    let small = part(image, (0, 0, image.width(), image.height()), LOOK);
    let edges = Edges::of(&small);
    let lines = edges.lines();
    let (lying, standing) = by_direction(&lines);
    if let Some(corners) = quadrilateral(&edges, &lying, &standing) {
        let scale = image.width() as f32 / small.width() as f32;
        let corners = corners.map(|(x, y)| (x * scale, y * scale));
        return Document { framing: Framing::Whole, corners: Some(corners), region: Some(around(corners, image)) };
    }
    let is_cut = runs_out(&edges, &lying, &standing) || runs_out(&edges, &standing, &lying) || print_runs_out(image);
    Document { framing: if is_cut { Framing::Cut } else { Framing::Unsure }, ..nothing }
}

/// Lines along the strongest one, and those across it.
fn by_direction(lines: &[Line]) -> (Vec<Line>, Vec<Line>) {
    let Some(first) = lines.first() else { return (Vec::new(), Vec::new()) };
    lines.iter().copied().partition(|line| line.cosine(*first).abs() > std::f32::consts::FRAC_1_SQRT_2)
}

/// The largest quadrilateral all of whose sides are edges and whose corners are within the picture.
fn quadrilateral(edges: &Edges, lying: &[Line], standing: &[Line]) -> Option<[(f32, f32); 4]> {
    let mut best: Option<(f32, [(f32, f32); 4])> = None;
    for (one, other) in pairs(lying) {
        for (third, fourth) in pairs(standing) {
            let corners = [(one, third), (one, fourth), (other, fourth), (other, third)].map(|(a, b)| crossing(a, b));
            let [Some(a), Some(b), Some(c), Some(d)] = corners else { continue };
            let corners = [a, b, c, d];
            let size = area(&corners);
            let is_larger = best.is_none_or(|(largest, _)| size > largest);
            if is_larger
                && size > LEAST_AREA * edges.area()
                && corners.iter().all(|corner| edges.holds(*corner, MARGIN))
            {
                let sides = [(a, b), (b, c), (c, d), (d, a)];
                if sides.iter().all(|(from, to)| edges.cover(*from, *to) > LEAST_COVER) {
                    best = Some((size, corners));
                }
            }
        }
    }
    best.map(|(_, corners)| corners)
}

fn pairs(lines: &[Line]) -> impl Iterator<Item = (Line, Line)> {
    lines.iter().enumerate().flat_map(|(place, one)| lines.iter().skip(place + 1).map(|other| (*one, *other)))
}

/// The area of a quadrilateral whose sides do not cross; 0 of others.
fn area(corners: &[(f32, f32); 4]) -> f32 {
    let [a, b, c, d] = *corners;
    let turn = |a: (f32, f32), b: (f32, f32), c: (f32, f32)| (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
    let turns = [turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)];
    let is_convex = turns.iter().all(|turn| *turn > 0.0) || turns.iter().all(|turn| *turn < 0.0);
    if is_convex { (turns[0] + turns[2]).abs() / 2.0 } else { 0.0 }
}

/// Says whether two borders of a document run out of the picture, from a third that joins them or through all of it.
fn runs_out(edges: &Edges, along: &[Line], across: &[Line]) -> bool {
    pairs(along).any(|(one, other)| {
        let far = |from: (f32, f32), to: (f32, f32)| (from.0 - to.0).hypot(from.1 - to.1) > LEAST_RUN * edges.shorter();
        let (Some(whole_one), Some(whole_other)) = (edges.within(one), edges.within(other)) else { return false };
        if !far(whole_one.0, whole_other.0) || !far(whole_one.1, whole_other.1) {
            return false;
        }
        let is_edge = |from, to| edges.cover(from, to) > LEAST_COVER + 0.1;
        if is_edge(whole_one.0, whole_one.1) && is_edge(whole_other.0, whole_other.1) {
            return true;
        }
        across.iter().any(|third| {
            let (Some(a), Some(b)) = (crossing(one, *third), crossing(other, *third)) else { return false };
            let are_inside = edges.holds(a, MARGIN) && edges.holds(b, MARGIN);
            let goes = |corner, end| {
                let near_end = midpoint(midpoint(corner, end), end);
                far(corner, end) && is_edge(corner, end) && edges.cover(near_end, end) > LEAST_COVER
            };
            are_inside
                && edges.cover(a, b) > LEAST_COVER
                && (goes(a, whole_one.0) && goes(b, whole_other.0) || goes(a, whole_one.1) && goes(b, whole_other.1))
        })
    })
}

fn midpoint(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
}

/// Says whether strokes of print stand on a side of the picture while another side is plain, as paper is.
fn print_runs_out(image: &RgbImage) -> bool {
    let flat = crate::luma::luma(&part(image, (0, 0, image.width(), image.height()), 1_024));
    let (width, height) = flat.dimensions();
    let value = |x: u32, y: u32| flat.get_pixel_checked(x, y).map_or(0, |pixel| pixel[0]);
    let strokes = |line: Vec<u8>| {
        let mut is_dark = false;
        let mut count = 0;
        let paper = line.iter().copied().max().unwrap_or(0);
        for level in line {
            if !is_dark && level < paper.saturating_sub(90) {
                is_dark = true;
                count += 1;
            } else if level > paper.saturating_sub(50) {
                is_dark = false;
            }
        }
        count
    };
    let sides = [
        strokes((0..width).map(|x| value(x, 1)).collect()),
        strokes((0..width).map(|x| value(x, height.saturating_sub(2))).collect()),
        strokes((0..height).map(|y| value(1, y)).collect()),
        strokes((0..height).map(|y| value(width.saturating_sub(2), y)).collect()),
    ];
    let plain = sides.iter().filter(|strokes| **strokes == 0).count();
    let is_print = sides.iter().any(|strokes| (LEAST_STROKES..120).contains(strokes));
    is_print && plain >= 2
}

fn around(corners: [(f32, f32); 4], image: &RgbImage) -> Region {
    let low = corners.iter().fold((f32::MAX, f32::MAX), |low, corner| (low.0.min(corner.0), low.1.min(corner.1)));
    let high = corners.iter().fold((0.0_f32, 0.0_f32), |high, corner| (high.0.max(corner.0), high.1.max(corner.1)));
    let (left, top) = (low.0.max(0.0) as u32, low.1.max(0.0) as u32);
    Region { left, top, width: (high.0 as u32).saturating_sub(left), height: (high.1 as u32).saturating_sub(top) }
        .within(image)
}
