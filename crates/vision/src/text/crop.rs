//! Inputs of the text networks: the whole picture scaled for the detector, a straightened line for the recogniser.

use image::{RgbImage, imageops};
use rten_tensor::NdTensor;

use crate::warp::point_distance;

/// The height of a line in the recogniser's input, in pixels.
pub(crate) const HEIGHT: u32 = 48;
/// The maximum width of a line in the recogniser's input; longer lines are squeezed.
pub(crate) const WIDEST: u32 = 2560;
/// The maximum number of samples per pixel of a line along one axis: enough for lines 200 pixels high.
const SAMPLES: u32 = 4;

/// The picture with its longest side near `longest` and sides in multiples of 32, normalised for the detector
/// (ImageNet's mean and deviation). Returns also how many of the picture's pixels one of its pixels spans, along both
/// axes.
pub(crate) fn to_detector_input(picture: &RgbImage, longest: u32) -> (NdTensor<f32, 4>, (f32, f32)) {
    let (width, height) = picture.dimensions();
    let scale = longest as f32 / width.max(height).max(1) as f32;
    let side = |length: u32| ((length as f32 * scale / 32.0).round() as u32).max(1) * 32;
    let (wide, high) = (side(width), side(height));
    let scaled = if scale < 1.0 {
        imageops::thumbnail(picture, wide, high)
    } else {
        imageops::resize(picture, wide, high, imageops::FilterType::Triangle)
    };
    let back = (width as f32 / wide as f32, height as f32 / high as f32);
    (to_planes(&scaled, [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]), back)
}

/// The width of the line inside `corners` at the recogniser's height: a multiple of 8 pixels, at most `widest`.
pub(crate) fn line_width(corners: &[(f32, f32); 4], widest: u32) -> u32 {
    let (length, height) = longer_sides(corners);
    let eighths = (length / height * HEIGHT as f32 / 8.0).round();
    // Not `clamp`, which keeps NaN.
    eighths.max(4.0).min((widest / 8) as f32) as u32 * 8
}

/// The line inside `corners` (clockwise from its start), straightened to the recogniser's height and `wide` pixels, in
/// −1..1.
pub(crate) fn to_recogniser_input(picture: &RgbImage, corners: &[(f32, f32); 4], wide: u32) -> NdTensor<f32, 4> {
    to_planes(&straighten_area(picture, corners, wide, HEIGHT), [127.5; 3], [127.5; 3])
}

/// A picture's values as planes, blue first: (value − mean) / deviation, both given red first.
fn to_planes(picture: &RgbImage, mean: [f32; 3], deviation: [f32; 3]) -> NdTensor<f32, 4> {
    let (width, height) = picture.dimensions();
    let mut values = Vec::with_capacity(picture.as_raw().len());
    for ((channel, mean), deviation) in mean.iter().enumerate().zip(deviation).rev() {
        let plane = picture.as_raw().iter().skip(channel).step_by(3);
        values.extend(plane.map(|value| (f32::from(*value) - mean) / deviation));
    }
    NdTensor::from_data([1, 3, height as usize, width as usize], values)
}

/// Straightens the part of the picture inside `corners` (clockwise from the upper left of the result).
pub(crate) fn straighten_area(picture: &RgbImage, corners: &[(f32, f32); 4], wide: u32, high: u32) -> RgbImage {
    let (length, height) = longer_sides(corners);
    let samples = |pixels: f32| (pixels.round() as u32).clamp(1, SAMPLES);
    let (along, across) = (samples(length / wide.max(1) as f32), samples(height / high.max(1) as f32));
    let [start, end, below_end, below_start] = *corners;
    // Each column's ends are computed once, and each row's share.
    let columns: Vec<[(f32, f32); 2]> = sample_shares(wide, along)
        .map(|u| [interpolate_points(start, end, u), interpolate_points(below_start, below_end, u)])
        .collect();
    let rows: Vec<f32> = sample_shares(high, across).collect();
    let mut pixels = Vec::with_capacity(wide as usize * high as usize * 3);
    for rows in rows.chunks_exact(across as usize) {
        for columns in columns.chunks_exact(along as usize) {
            let mut sum = [0.0_f32; 3];
            for v in rows {
                for [top, bottom] in columns {
                    let colour = sample_colour(picture, interpolate_points(*top, *bottom, *v));
                    sum.iter_mut().zip(colour).for_each(|(sum, channel)| *sum += channel);
                }
            }
            pixels.extend(sum.map(|sum| (sum / (along * across) as f32).round() as u8));
        }
    }
    RgbImage::from_raw(wide, high, pixels).unwrap_or_default()
}

/// The places of all samples along a side of that many pixels, as shares of it.
fn sample_shares(length: u32, samples: u32) -> impl Iterator<Item = f32> {
    let parts = (0..length).flat_map(move |at| (0..samples).map(move |part| (at, part)));
    parts.map(move |(at, part)| (at as f32 + (part as f32 + 0.5) / samples as f32) / length as f32)
}

/// The point at (u, v) of the four-sided area, both 0..1 from its first corner.
pub(crate) fn point_inside(corners: &[(f32, f32); 4], (u, v): (f32, f32)) -> (f32, f32) {
    let [start, end, below_end, below_start] = *corners;
    interpolate_points(interpolate_points(start, end, u), interpolate_points(below_start, below_end, u), v)
}

/// The longer of its sides along and across; at least one pixel across.
fn longer_sides(corners: &[(f32, f32); 4]) -> (f32, f32) {
    let [start, end, below_end, below_start] = *corners;
    let length = point_distance(start, end).max(point_distance(below_start, below_end));
    (length, point_distance(start, below_start).max(point_distance(end, below_end)).max(1.0))
}

fn interpolate_points(a: (f32, f32), b: (f32, f32), part: f32) -> (f32, f32) {
    (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part)
}

/// The colour interpolated between pixels; beyond the edge, the edge's.
fn sample_colour(picture: &RgbImage, (x, y): (f32, f32)) -> [f32; 3] {
    let (x, y) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
    let right = picture.width().saturating_sub(1);
    let bottom = picture.height().saturating_sub(1);
    let (column, row) = ((x as u32).min(right), (y as u32).min(bottom));
    let (next, below) = ((column + 1).min(right), (row + 1).min(bottom));
    let (u, v) = ((x - column as f32).clamp(0.0, 1.0), (y - row as f32).clamp(0.0, 1.0));
    let pixels = picture.as_raw().as_chunks::<3>().0;
    let width = picture.width() as usize;
    let pixel = |column: u32, row: u32| pixels.get(row as usize * width + column as usize).copied().unwrap_or_default();
    let corners = [pixel(column, row), pixel(next, row), pixel(column, below), pixel(next, below)];
    let parts = [(1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v];
    let mut sum = [0.0_f32; 3];
    for (corner, part) in corners.iter().zip(parts) {
        for (sum, channel) in sum.iter_mut().zip(corner) {
            *sum += f32::from(*channel) * part;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use rten_tensor::Layout as _;

    use super::*;

    #[test]
    fn detector_input_keeps_proportions_in_steps_of_32() {
        let (input, back) = to_detector_input(&RgbImage::new(2000, 1300), 960);
        assert_eq!(input.shape(), [1, 3, 640, 960]);
        assert!((back.0 - 2.083).abs() < 0.01 && (back.1 - 2.031).abs() < 0.01, "{back:?}");
        assert_eq!(to_detector_input(&RgbImage::new(1, 1), 960).0.shape(), [1, 3, 960, 960]);
        assert_eq!(to_detector_input(&RgbImage::new(5000, 3), 960).0.shape(), [1, 3, 32, 960]);
    }

    #[test]
    fn line_is_cropped_in_the_direction_of_its_text() {
        // Red on the left half, blue on the right: upside-down, blue comes first.
        let picture = RgbImage::from_fn(100, 20, |x, _| image::Rgb(if x < 50 { [255, 0, 0] } else { [0, 0, 255] }));
        let upright = [(0.0, 0.0), (100.0, 0.0), (100.0, 20.0), (0.0, 20.0)];
        let turned = [upright[2], upright[3], upright[0], upright[1]];
        for (corners, first) in [(upright, -1.0), (turned, 1.0)] {
            let line = to_recogniser_input(&picture, &corners, line_width(&corners, WIDEST));
            assert_eq!(line.shape(), [1, 3, 48, 240]);
            assert_eq!(line[[0, 0, 24, 10]], first);
            assert_eq!(line[[0, 2, 24, 10]], -first);
        }
    }

    #[test]
    fn corners_outside_the_picture_use_its_edge() {
        let picture = RgbImage::from_pixel(8, 8, image::Rgb([255; 3]));
        let corners = [(-9.0, -9.0), (90.0, -9.0), (90.0, 9.0), (-9.0, f32::NAN)];
        let line = to_recogniser_input(&picture, &corners, line_width(&corners, WIDEST));
        assert_eq!(line[[0, 0, 0, 0]], 1.0);
    }

    #[test]
    fn line_width_is_bounded() {
        let corners = |length: f32| [(0.0, 0.0), (length, 0.0), (length, 12.0), (0.0, 12.0)];
        assert_eq!(line_width(&corners(100.0), WIDEST), 400);
        assert_eq!(line_width(&corners(1000.0), WIDEST), WIDEST);
        assert_eq!(line_width(&corners(1000.0), 1600), 1600);
        assert_eq!(line_width(&corners(0.0), WIDEST), 32);
        assert_eq!(line_width(&corners(f32::NAN), WIDEST), 32);
    }
}
