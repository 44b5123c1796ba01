//! Fits the outline of a barcode to the ends of its bars.

use image::GrayImage;

use crate::warp::{Quad, straighten_quad};

/// A region is widened by this share of its height on every side: readers need a light margin.
const MARGIN: f32 = 0.08;
/// The width of a region while its outline is fitted, in pixels.
const PROBE_WIDTH: f32 = 512.0;
/// Number of probes along each side that look for the end of the bars.
const PROBES: usize = 12;

/// The height and the margin of a region at the given width.
fn flat_proportions(region: Quad, width: f32) -> (f32, f32) {
    let height = (region.height() * width / region.width().max(1.0)).clamp(16.0, width * 2.0);
    (height, (height * MARGIN).max(12.0))
}

/// Straightens a region with its margin to a rectangle of about that width, keeping its shape.
pub(super) fn flatten_region(luma: &GrayImage, region: Quad, width: f32) -> GrayImage {
    let (height, margin) = flat_proportions(region, width);
    straighten_quad(luma, region, (width, height), margin)
}

/// Fits the quadrilateral in which the bars of a region end, one line per side. Returns `None` if the bars do not end
/// within the region's surroundings.
pub(super) fn fit_outline(luma: &GrayImage, region: Quad) -> Option<Quad> {
    let flat = flatten_region(luma, region, PROBE_WIDTH);
    let (width, height) = (flat.width() as usize, flat.height() as usize);
    let edges = row_changes(&flat);
    // A codeword's bars and a row's height both fit well into such a window.
    let window = (width / 28).max(4);
    let level = edges.iter().sum::<f32>() / edges.len().max(1) as f32 * 0.5;
    let ends = |is_lying: bool| {
        let (length, across) = if is_lying { (width, height) } else { (height, width) };
        let probes = (0..PROBES).filter_map(|probe| {
            let (from, to) = (across * probe / PROBES, across * (probe + 1) / PROBES);
            let at = |place: usize| {
                let sum: f32 = (from..to)
                    .map(|other| if is_lying { other * width + place } else { place * width + other })
                    .filter_map(|at| edges.get(at))
                    .sum();
                sum / (to - from).max(1) as f32
            };
            let profile: Vec<f32> = (0..length).map(at).collect();
            let (start, end) = longest_run(&profile, window, level)?;
            Some(((from + to) as f32 / 2.0, start as f32, end as f32))
        });
        probes.collect::<Vec<_>>()
    };
    let (rows, columns) = (ends(true), ends(false));
    let line = |points: &[(f32, f32, f32)], is_start: bool| {
        fit_line(points.iter().map(|(at, start, end)| (*at, if is_start { *start } else { *end })).collect())
    };
    let (left, right) = (line(&rows, true)?, line(&rows, false)?);
    let (top, bottom) = (line(&columns, true)?, line(&columns, false)?);
    let corners =
        [cross_lines(left, top), cross_lines(right, top), cross_lines(right, bottom), cross_lines(left, bottom)];
    // Map back into the picture.
    let (height, margin) = flat_proportions(region, PROBE_WIDTH);
    let point = region.point_mapper();
    let quad = Quad { corners: corners.map(|(x, y)| point((x - margin) / PROBE_WIDTH, (y - margin) / height)) };
    let is_alike = quad.width() > region.width() * 0.5 && quad.height() > region.height() * 0.4;
    is_alike.then_some(quad)
}

/// The change of brightness along each row.
fn row_changes(flat: &GrayImage) -> Vec<f32> {
    let rows = flat.as_raw().chunks_exact(flat.width().max(1) as usize);
    rows.flat_map(|row| {
        let change = |pair: &[u8]| f32::from(pair[0].abs_diff(pair[1]));
        row.windows(2).map(change).chain(std::iter::once(0.0))
    })
    .collect()
}

/// The longest run in which the mean over a window stays above a level; short gaps are bridged.
fn longest_run(profile: &[f32], window: usize, level: f32) -> Option<(usize, usize)> {
    let is_full = |at: usize| {
        let part = profile.get(at.saturating_sub(window / 2)..(at + window / 2).min(profile.len())).unwrap_or_default();
        part.iter().sum::<f32>() > level * part.len() as f32
    };
    let mut best: Option<(usize, usize)> = None;
    let mut current: Option<(usize, usize)> = None;
    for at in (0..profile.len()).filter(|at| is_full(*at)) {
        current = match current {
            Some((start, end)) if at - end <= window => Some((start, at)),
            _ => Some((at, at)),
        };
        if let Some((start, end)) = current
            && best.is_none_or(|(from, to)| end - start > to - from)
        {
            best = current;
        }
    }
    best.filter(|(start, end)| end - start > profile.len() / 4)
}

/// Fits the line `offset + slope × place` through points; outliers are dropped.
fn fit_line(mut points: Vec<(f32, f32)>) -> Option<(f32, f32)> {
    let enough = PROBES / 2;
    loop {
        if points.len() < enough {
            return None;
        }
        let count = points.len() as f32;
        let mean = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / count, sum.1 + point.1 / count));
        let product: f32 = points.iter().map(|point| (point.0 - mean.0) * (point.1 - mean.1)).sum();
        let square: f32 = points.iter().map(|point| (point.0 - mean.0).powi(2)).sum();
        let slope = product / square.max(1e-3);
        let offset = mean.1 - slope * mean.0;
        let miss = |point: &(f32, f32)| (offset + slope * point.0 - point.1).abs();
        let worst = points.iter().map(miss).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        match worst {
            Some((place, miss)) if miss > 6.0 => _ = points.swap_remove(place),
            _ => return Some((offset, slope)),
        }
    }
}

/// The intersection of `x = a + b·y` and `y = c + d·x`.
fn cross_lines((a, b): (f32, f32), (c, d): (f32, f32)) -> (f32, f32) {
    let whole = 1.0 - b * d;
    let x = (a + b * c) / if whole.abs() < 0.05 { 0.05 } else { whole };
    (x, c + d * x)
}
