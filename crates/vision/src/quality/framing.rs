//! Checks whether the whole document is in view: searches for its four borders as straight lines (Hough), which form a
//! quadrilateral inside the picture.

mod lines;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use self::lines::{EdgeMap, StraightLine, cross_straight_lines};
use super::PixelRect;
use crate::intake::scale::scale_copy;
use crate::luma::to_luma;
use crate::warp::point_distance;

/// The longest side at which borders are searched for, in pixels: print is fine at that size, and borders are not.
const BORDER_SIDE: u32 = 400;
/// The longest side at which print is searched for, in pixels.
pub(super) const PRINT_SIDE: u32 = 1_024;
/// The share of a side along which an edge must run. A finger or glare may hide a third.
const LEAST_COVER: f32 = 0.6;
/// The least share of the picture that a document takes.
const LEAST_AREA: f32 = 0.08;
/// The least distance of a corner from the picture's border, as a share of the longest side.
const MARGIN: f32 = 0.006;
/// The maximum density of edges outside a document, as a share of the density inside it.
const MOST_AROUND: f32 = 0.8;
/// The least visible length of a cut border, as a share of the picture's shorter side.
const LEAST_RUN: f32 = 0.3;
/// The same if only one corner is visible.
const LEAST_CORNER: f32 = 0.4;
/// The least difference between a cut document and its background, in grey levels of one channel.
const LEAST_STEP: f32 = 20.0;
/// The fewest strokes of cut-off print on a picture's border that is otherwise plain: two letters.
const LEAST_STROKES: usize = 6;
/// How much darker than paper print is, and how much paper may differ between sides, in grey levels.
const INK: u8 = 80;
const SAME_PAPER: u8 = 35;

/// Whether the whole document is in view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentFraming {
    /// All four borders are visible, with background around them.
    Whole,
    /// Borders, or print, run out of the picture.
    Cut,
    /// No borders are found: the document fills the picture, or does not differ from its background.
    Unsure,
}

/// The location of the document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocatedDocument {
    pub framing: DocumentFraming,
    /// Its corners in pixels of the picture, in sequence, if all are found.
    pub corners: Option<[(f32, f32); 4]>,
    /// The upright rectangle around it.
    pub region: Option<PixelRect>,
}

/// Locates a document's borders.
#[must_use]
pub fn locate_document(image: &RgbImage) -> LocatedDocument {
    locate_in_copy(image, &scale_copy(image, PRINT_SIDE))
}

/// Locates a document's borders, given a copy of the picture with 1,024 pixels on its longest side.
pub(super) fn locate_in_copy(image: &RgbImage, copy: &RgbImage) -> LocatedDocument {
    let nothing = LocatedDocument { framing: DocumentFraming::Unsure, corners: None, region: None };
    if copy.width() < 32 || copy.height() < 32 {
        return nothing;
    }
    let small = scale_copy(copy, BORDER_SIDE);
    let edges = EdgeMap::from_picture(&small);
    let lines = edges.find_lines();
    let (lying, standing) = split_by_direction(&lines);
    let cut = cut_part_area(&edges, &lying, &standing)
        .max(cut_part_area(&edges, &standing, &lying))
        .max(cut_corner_area(&edges, &lying, &standing));
    let found = find_quadrilateral(&edges, &lying, &standing);
    // A partly visible document has frames inside it: its portrait, or fields.
    if let Some(corners) = found.filter(|corners| quadrilateral_area(corners) > cut && stands_out(&edges, corners)) {
        let corners = refine_corners(&edges, corners);
        let scale = image.width() as f32 / small.width() as f32;
        let corners = corners.map(|(x, y)| (x * scale, y * scale));
        return LocatedDocument {
            framing: DocumentFraming::Whole,
            corners: Some(corners),
            region: Some(bounding_rect(corners, image)),
        };
    }
    let is_cut = cut > 0.0 || is_print_cut(copy);
    LocatedDocument { framing: if is_cut { DocumentFraming::Cut } else { DocumentFraming::Unsure }, ..nothing }
}

/// Splits lines into those along the strongest one and those across it.
fn split_by_direction(lines: &[StraightLine]) -> (Vec<StraightLine>, Vec<StraightLine>) {
    let Some(first) = lines.first() else { return (Vec::new(), Vec::new()) };
    lines.iter().copied().partition(|line| line.cosine_to(*first).abs() > std::f32::consts::FRAC_1_SQRT_2)
}

/// The largest quadrilateral with edges on all sides and corners inside the picture.
fn find_quadrilateral(edges: &EdgeMap, lying: &[StraightLine], standing: &[StraightLine]) -> Option<[(f32, f32); 4]> {
    let mut best: Option<(f32, [(f32, f32); 4])> = None;
    for (one, other) in list_line_pairs(lying) {
        for (third, fourth) in list_line_pairs(standing) {
            let corners =
                [(one, third), (one, fourth), (other, fourth), (other, third)].map(|(a, b)| cross_straight_lines(a, b));
            let [Some(a), Some(b), Some(c), Some(d)] = corners else { continue };
            let corners = [a, b, c, d];
            let size = quadrilateral_area(&corners);
            let is_larger = best.is_none_or(|(largest, _)| size > largest);
            if is_larger
                && size > LEAST_AREA * edges.pixel_count()
                && corners.iter().all(|corner| edges.contains_point(*corner, MARGIN))
            {
                let sides = [(a, b), (b, c), (c, d), (d, a)];
                if sides.iter().all(|(from, to)| edges.edge_cover(*from, *to) > LEAST_COVER) {
                    best = Some((size, corners));
                }
            }
        }
    }
    best.map(|(_, corners)| corners)
}

/// Whether a quadrilateral has fewer edges outside than inside: otherwise it is a field of a document.
fn stands_out(edges: &EdgeMap, corners: &[(f32, f32); 4]) -> bool {
    let (within, beyond) = edges.edge_densities(corners);
    beyond < MOST_AROUND * within
}

/// Moves the corners to the exact intersections of the sides' edges.
fn refine_corners(edges: &EdgeMap, corners: [(f32, f32); 4]) -> [(f32, f32); 4] {
    let [a, b, c, d] = corners;
    let sides = [(d, a), (a, b), (b, c), (c, d)].map(|(from, to)| edges.refine_line(from, to));
    let corner = |before: Option<StraightLine>, behind: Option<StraightLine>, rough| {
        before.zip(behind).and_then(|(before, behind)| cross_straight_lines(before, behind)).unwrap_or(rough)
    };
    let [left, top, right, foot] = sides;
    [corner(left, top, a), corner(top, right, b), corner(right, foot, c), corner(foot, left, d)]
}

fn list_line_pairs(lines: &[StraightLine]) -> impl Iterator<Item = (StraightLine, StraightLine)> {
    lines.iter().enumerate().flat_map(|(place, one)| lines.iter().skip(place + 1).map(|other| (*one, *other)))
}

/// The area of a quadrilateral whose sides do not cross; 0 for others.
fn quadrilateral_area(corners: &[(f32, f32); 4]) -> f32 {
    let [a, b, c, d] = *corners;
    let turn = |a: (f32, f32), b: (f32, f32), c: (f32, f32)| (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
    let turns = [turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)];
    let is_convex = turns.iter().all(|turn| *turn > 0.0) || turns.iter().all(|turn| *turn < 0.0);
    if is_convex { (turns[0] + turns[2]).abs() / 2.0 } else { 0.0 }
}

/// The area of the largest part of a document that runs out of the picture: two borders in one direction, from a third
/// that joins them or through the whole picture. 0 if there is none.
fn cut_part_area(edges: &EdgeMap, along: &[StraightLine], across: &[StraightLine]) -> f32 {
    let passes =
        |from, to| edge_reaches_end(edges, midpoint(from, to), to) && edge_reaches_end(edges, midpoint(from, to), from);
    let mut largest = 0.0_f32;
    for (one, other) in list_line_pairs(along) {
        let (Some((a, d)), Some((b, c))) = (edges.clip_line(one), edges.clip_line(other)) else { continue };
        let is_far = |from: (f32, f32), to: (f32, f32)| point_distance(from, to) > LEAST_RUN * edges.shorter_side();
        if !is_far(a, b) || !is_far(d, c) {
            continue;
        }
        if passes(a, d) && passes(b, c) && are_borders(edges, (a, d), (b, c)) {
            largest = largest.max(quadrilateral_area(&[a, b, c, d]));
            continue;
        }
        for third in across {
            let (Some(near), Some(far)) = (cross_straight_lines(one, *third), cross_straight_lines(other, *third))
            else {
                continue;
            };
            if !edges.contains_point(near, MARGIN)
                || !edges.contains_point(far, MARGIN)
                || edges.edge_cover(near, far) < LEAST_COVER
            {
                continue;
            }
            for (end, other_end) in [(a, b), (d, c)] {
                let size = quadrilateral_area(&[near, far, other_end, end]);
                let is_seen = |corner, end| is_far(corner, end) && edge_reaches_end(edges, corner, end);
                let are_seen = is_seen(near, end) && is_seen(far, other_end);
                if size > largest && are_seen && are_borders(edges, (near, end), (far, other_end)) {
                    largest = size;
                }
            }
        }
    }
    largest
}

/// Whether an edge runs from a point to the picture's border. A border that ends before is not cut, however long it is:
/// so its last quarter must be visible by itself.
fn edge_reaches_end(edges: &EdgeMap, from: (f32, f32), end: (f32, f32)) -> bool {
    let last_quarter = midpoint(midpoint(from, end), end);
    edges.edge_cover(from, end) > LEAST_COVER + 0.1 && edges.edge_cover(last_quarter, end) > LEAST_COVER
}

/// Whether the area between two lines differs from the areas beyond them, in the same way on both sides.
fn are_borders(edges: &EdgeMap, one: ((f32, f32), (f32, f32)), other: ((f32, f32), (f32, f32))) -> bool {
    let one_step = edges.colour_step(one.0, one.1, midpoint(other.0, other.1));
    let other_step = edges.colour_step(other.0, other.1, midpoint(one.0, one.1));
    let alike = one_step.iter().zip(other_step).map(|(a, b)| if a * b > 0.0 { a.abs().min(b.abs()) } else { 0.0 });
    alike.fold(0.0, f32::max) > LEAST_STEP
}

/// The area of the largest part of a document with one visible corner whose two borders run out of the picture.
fn cut_corner_area(edges: &EdgeMap, lying: &[StraightLine], standing: &[StraightLine]) -> f32 {
    let mut largest = 0.0_f32;
    for (one, other) in lying.iter().flat_map(|one| standing.iter().map(move |other| (*one, *other))) {
        let corner = cross_straight_lines(one, other).filter(|corner| edges.contains_point(*corner, MARGIN));
        let (Some(corner), Some(ends), Some(other_ends)) = (corner, edges.clip_line(one), edges.clip_line(other))
        else {
            continue;
        };
        for end in [ends.0, ends.1] {
            for other_end in [other_ends.0, other_ends.1] {
                let (length, other_length) = (point_distance(corner, end), point_distance(corner, other_end));
                let is_large = length.min(other_length) > LEAST_CORNER * edges.shorter_side();
                let size = length * other_length;
                let reach = || edge_reaches_end(edges, corner, end) && edge_reaches_end(edges, corner, other_end);
                if is_large && size > largest && reach() && are_borders(edges, (corner, end), (corner, other_end)) {
                    largest = size;
                }
            }
        }
    }
    largest
}

fn midpoint(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
}

/// Whether print reaches one side of the picture, while all sides show the same paper and another side is plain.
fn is_print_cut(copy: &RgbImage) -> bool {
    let flat = to_luma(copy);
    let (width, height) = flat.dimensions();
    let value = |x: u32, y: u32| flat.get_pixel_checked(x, y).map_or(0, |pixel| pixel[0]);
    let lines: [Vec<u8>; 4] = [
        (0..width).map(|x| value(x, 1)).collect(),
        (0..width).map(|x| value(x, height.saturating_sub(2))).collect(),
        (0..height).map(|y| value(1, y)).collect(),
        (0..height).map(|y| value(width.saturating_sub(2), y)).collect(),
    ];
    let sides = lines.map(|line| count_strokes(&line));
    let papers = sides.iter().map(|(paper, _)| *paper);
    let is_one_paper = papers.clone().max().unwrap_or(0) - papers.min().unwrap_or(0) < SAME_PAPER;
    let is_print = sides.iter().any(|(_, strokes)| (LEAST_STROKES..100).contains(strokes));
    is_one_paper && is_print && sides.iter().any(|(_, strokes)| *strokes == 0)
}

/// The median brightness along a line, and how often it turns much darker.
fn count_strokes(line: &[u8]) -> (u8, usize) {
    let mut sorted = line.to_vec();
    sorted.sort_unstable();
    let paper = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let (mut is_dark, mut count) = (false, 0);
    for level in line {
        if !is_dark && *level < paper.saturating_sub(INK) {
            is_dark = true;
            count += 1;
        } else if *level > paper.saturating_sub(INK / 2) {
            is_dark = false;
        }
    }
    (paper, count)
}

fn bounding_rect(corners: [(f32, f32); 4], image: &RgbImage) -> PixelRect {
    let low = corners.iter().fold((f32::MAX, f32::MAX), |low, corner| (low.0.min(corner.0), low.1.min(corner.1)));
    let high = corners.iter().fold((0.0_f32, 0.0_f32), |high, corner| (high.0.max(corner.0), high.1.max(corner.1)));
    let (left, top) = (low.0.max(0.0) as u32, low.1.max(0.0) as u32);
    PixelRect { left, top, width: (high.0 as u32).saturating_sub(left), height: (high.1 as u32).saturating_sub(top) }
        .clip_to_picture(image)
}
