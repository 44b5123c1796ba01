//! Whether the whole document is in view: its four borders are looked for as straight lines (Hough), together a
//! quadrilateral that does not reach the picture's border.

mod lines;

use image::RgbImage;

use self::lines::{Edges, Line, crossing};
use super::Region;
use crate::intake::scale::scaled_down;
use crate::luma::luma;

/// The side on which borders are looked for, in pixels: print is fine there, and borders are not.
const LOOK: u32 = 400;
/// The side on which print is looked for, in pixels.
pub(super) const PRINT: u32 = 1_024;
/// The share of a side along which an edge must run. A finger or glare may hide a third.
const LEAST_COVER: f32 = 0.6;
/// The share of the picture that a document must take.
const LEAST_AREA: f32 = 0.08;
/// How far from the picture's border a corner must be, as a share of the longest side.
const MARGIN: f32 = 0.006;
/// How many edges what surrounds a document may have, as a share of those within it, each for its area.
const MOST_AROUND: f32 = 0.8;
/// The share of the picture's shorter side that a visible part of a cut border must have.
const LEAST_RUN: f32 = 0.3;
/// The same where one corner is all that is seen.
const LEAST_CORNER: f32 = 0.4;
/// The least difference between a document that is cut and what it lies on, in grey levels of one channel.
const LEAST_STEP: f32 = 20.0;
/// The fewest strokes of print on a picture's border that is otherwise plain, where print is cut off: two letters.
const LEAST_STROKES: usize = 6;
/// How much darker than paper print is, and how much paper differs from side to side, in grey levels.
const INK: u8 = 80;
const SAME_PAPER: u8 = 35;

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
    seen(image, &scaled_down(image, PRINT))
}

/// Looks for a document's borders in a picture of which a copy is at hand that is 1,024 pixels on its longest side.
pub(super) fn seen(image: &RgbImage, copy: &RgbImage) -> Document {
    let nothing = Document { framing: Framing::Unsure, corners: None, region: None };
    if copy.width() < 32 || copy.height() < 32 {
        return nothing;
    }
    let small = scaled_down(copy, LOOK);
    let edges = Edges::of(&small);
    let lines = edges.lines();
    let (lying, standing) = by_direction(&lines);
    let cut = runs_out(&edges, &lying, &standing)
        .max(runs_out(&edges, &standing, &lying))
        .max(corner_runs_out(&edges, &lying, &standing));
    let found = quadrilateral(&edges, &lying, &standing);
    // A document of which a part is seen has frames within it: its picture, or fields.
    if let Some(corners) = found.filter(|corners| area(corners) > cut && stands_out(&edges, corners)) {
        let corners = refined(&edges, corners);
        let scale = image.width() as f32 / small.width() as f32;
        let corners = corners.map(|(x, y)| (x * scale, y * scale));
        return Document { framing: Framing::Whole, corners: Some(corners), region: Some(around(corners, image)) };
    }
    let is_cut = cut > 0.0 || print_runs_out(copy);
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

/// Says whether less is to be seen around a quadrilateral than within it: otherwise it is a field of a document.
fn stands_out(edges: &Edges, corners: &[(f32, f32); 4]) -> bool {
    let (within, beyond) = edges.densities(corners);
    beyond < MOST_AROUND * within
}

/// The corners at which the sides' edges meet most exactly.
fn refined(edges: &Edges, corners: [(f32, f32); 4]) -> [(f32, f32); 4] {
    let [a, b, c, d] = corners;
    let sides = [(d, a), (a, b), (b, c), (c, d)].map(|(from, to)| edges.refined(from, to));
    let corner = |before: Option<Line>, behind: Option<Line>, rough| {
        before.zip(behind).and_then(|(before, behind)| crossing(before, behind)).unwrap_or(rough)
    };
    let [left, top, right, foot] = sides;
    [corner(left, top, a), corner(top, right, b), corner(right, foot, c), corner(foot, left, d)]
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

/// The area of the largest part of a document that runs out of the picture: two borders along each other, from a third
/// that joins them or through all of the picture. 0 where there is none.
fn runs_out(edges: &Edges, along: &[Line], across: &[Line]) -> f32 {
    let passes = |from, to| reaches(edges, midpoint(from, to), to) && reaches(edges, midpoint(from, to), from);
    let mut largest = 0.0_f32;
    for (one, other) in pairs(along) {
        let (Some((a, d)), Some((b, c))) = (edges.within(one), edges.within(other)) else { continue };
        let is_far = |from: (f32, f32), to: (f32, f32)| distance(from, to) > LEAST_RUN * edges.shorter();
        if !is_far(a, b) || !is_far(d, c) {
            continue;
        }
        if passes(a, d) && passes(b, c) && are_borders(edges, (a, d), (b, c)) {
            largest = largest.max(area(&[a, b, c, d]));
            continue;
        }
        for third in across {
            let (Some(near), Some(far)) = (crossing(one, *third), crossing(other, *third)) else { continue };
            if !edges.holds(near, MARGIN) || !edges.holds(far, MARGIN) || edges.cover(near, far) < LEAST_COVER {
                continue;
            }
            for (end, other_end) in [(a, b), (d, c)] {
                let size = area(&[near, far, other_end, end]);
                let is_seen = |corner, end| is_far(corner, end) && reaches(edges, corner, end);
                let are_seen = is_seen(near, end) && is_seen(far, other_end);
                if size > largest && are_seen && are_borders(edges, (near, end), (far, other_end)) {
                    largest = size;
                }
            }
        }
    }
    largest
}

/// Says whether an edge runs from a point to where it leaves the picture. A border that ends before is not cut, however
/// long it is: the last part must be seen by itself.
fn reaches(edges: &Edges, from: (f32, f32), end: (f32, f32)) -> bool {
    let last_quarter = midpoint(midpoint(from, end), end);
    edges.cover(from, end) > LEAST_COVER + 0.1 && edges.cover(last_quarter, end) > LEAST_COVER
}

/// Says whether what lies between two lines differs from what lies beyond them, and in the same way.
fn are_borders(edges: &Edges, one: ((f32, f32), (f32, f32)), other: ((f32, f32), (f32, f32))) -> bool {
    let one_step = edges.step(one.0, one.1, midpoint(other.0, other.1));
    let other_step = edges.step(other.0, other.1, midpoint(one.0, one.1));
    let alike = one_step.iter().zip(other_step).map(|(a, b)| if a * b > 0.0 { a.abs().min(b.abs()) } else { 0.0 });
    alike.fold(0.0, f32::max) > LEAST_STEP
}

/// The area of the largest part of a document of which one corner is seen, and both borders from it run out of the picture.
fn corner_runs_out(edges: &Edges, lying: &[Line], standing: &[Line]) -> f32 {
    let mut largest = 0.0_f32;
    for (one, other) in lying.iter().flat_map(|one| standing.iter().map(move |other| (*one, *other))) {
        let corner = crossing(one, other).filter(|corner| edges.holds(*corner, MARGIN));
        let (Some(corner), Some(ends), Some(other_ends)) = (corner, edges.within(one), edges.within(other)) else {
            continue;
        };
        for end in [ends.0, ends.1] {
            for other_end in [other_ends.0, other_ends.1] {
                let (length, other_length) = (distance(corner, end), distance(corner, other_end));
                let is_large = length.min(other_length) > LEAST_CORNER * edges.shorter();
                let size = length * other_length;
                let reach = || reaches(edges, corner, end) && reaches(edges, corner, other_end);
                if is_large && size > largest && reach() && are_borders(edges, (corner, end), (corner, other_end)) {
                    largest = size;
                }
            }
        }
    }
    largest
}

fn distance(a: (f32, f32), b: (f32, f32)) -> f32 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

fn midpoint(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
}

/// Says whether print stands on one side of the picture, while all sides are of the same paper and another is plain.
fn print_runs_out(copy: &RgbImage) -> bool {
    let flat = luma(copy);
    let (width, height) = flat.dimensions();
    let value = |x: u32, y: u32| flat.get_pixel_checked(x, y).map_or(0, |pixel| pixel[0]);
    let lines: [Vec<u8>; 4] = [
        (0..width).map(|x| value(x, 1)).collect(),
        (0..width).map(|x| value(x, height.saturating_sub(2))).collect(),
        (0..height).map(|y| value(1, y)).collect(),
        (0..height).map(|y| value(width.saturating_sub(2), y)).collect(),
    ];
    let sides = lines.map(|line| strokes(&line));
    let papers = sides.iter().map(|(paper, _)| *paper);
    let is_one_paper = papers.clone().max().unwrap_or(0) - papers.min().unwrap_or(0) < SAME_PAPER;
    let is_print = sides.iter().any(|(_, strokes)| (LEAST_STROKES..100).contains(strokes));
    is_one_paper && is_print && sides.iter().any(|(_, strokes)| *strokes == 0)
}

/// The median brightness along a line, and how often it turns much darker.
fn strokes(line: &[u8]) -> (u8, usize) {
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

fn around(corners: [(f32, f32); 4], image: &RgbImage) -> Region {
    let low = corners.iter().fold((f32::MAX, f32::MAX), |low, corner| (low.0.min(corner.0), low.1.min(corner.1)));
    let high = corners.iter().fold((0.0_f32, 0.0_f32), |high, corner| (high.0.max(corner.0), high.1.max(corner.1)));
    let (left, top) = (low.0.max(0.0) as u32, low.1.max(0.0) as u32);
    Region { left, top, width: (high.0 as u32).saturating_sub(left), height: (high.1 as u32).saturating_sub(top) }
        .within(image)
}
