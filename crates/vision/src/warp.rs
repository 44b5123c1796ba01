//! Straightens areas of a picture to rectangles.

use image::GrayImage;

/// Four corners in pixels of the picture, in sequence: its width runs from the first to the second and from the fourth
/// to the third.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quad {
    pub(crate) corners: [(f32, f32); 4],
}

impl Quad {
    /// A rectangle about a centre, its rows running at that angle (radians).
    pub(crate) fn from_rectangle(centre: (f32, f32), half: (f32, f32), angle: f32) -> Self {
        let (sine, cosine) = angle.sin_cos();
        let corner = |x: f32, y: f32| (centre.0 + x * cosine - y * sine, centre.1 + x * sine + y * cosine);
        let (x, y) = half;
        Self { corners: [corner(-x, -y), corner(x, -y), corner(x, y), corner(-x, y)] }
    }

    pub(crate) fn width(&self) -> f32 {
        let [a, b, c, d] = self.corners;
        point_distance(a, b).max(point_distance(d, c))
    }

    pub(crate) fn height(&self) -> f32 {
        let [a, b, c, d] = self.corners;
        point_distance(a, d).max(point_distance(b, c))
    }

    pub(crate) fn turn(&self, degrees: f32) -> Self {
        let sum = self.corners.iter().fold((0.0, 0.0), |sum, corner| (sum.0 + corner.0, sum.1 + corner.1));
        let centre = (sum.0 / 4.0, sum.1 / 4.0);
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let corners = self.corners.map(|corner| {
            let (x, y) = (corner.0 - centre.0, corner.1 - centre.1);
            (centre.0 + x * cosine - y * sine, centre.1 + x * sine + y * cosine)
        });
        Self { corners }
    }

    /// Maps the unit square into the area by perspective (Heckbert 1989): its corners are at 0 and 1.
    pub(crate) fn point_mapper(&self) -> impl Fn(f32, f32) -> (f32, f32) {
        let [a, b, c, d] = self.corners;
        let sum = (a.0 - b.0 + c.0 - d.0, a.1 - b.1 + c.1 - d.1);
        let (right, down) = ((b.0 - c.0, b.1 - c.1), (d.0 - c.0, d.1 - c.1));
        let whole = right.0 * down.1 - down.0 * right.1;
        let whole = if whole.abs() < 1e-6 { 1e-6 } else { whole };
        let (g, h) = ((sum.0 * down.1 - down.0 * sum.1) / whole, (right.0 * sum.1 - sum.0 * right.1) / whole);
        let across = (b.0 - a.0 + g * b.0, b.1 - a.1 + g * b.1);
        let along = (d.0 - a.0 + h * d.0, d.1 - a.1 + h * d.1);
        move |u, v| {
            let depth = (g * u + h * v + 1.0).max(1e-3);
            ((across.0 * u + along.0 * v + a.0) / depth, (across.1 * u + along.1 * v + a.1) / depth)
        }
    }
}

/// The distance between two points, in pixels.
pub(crate) fn point_distance(a: (f32, f32), b: (f32, f32)) -> f32 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The area as a rectangle of that size in pixels, with a margin on every side. Where the picture has a finer
/// resolution, pixels are averaged.
pub(crate) fn straighten_quad(luma: &GrayImage, quad: Quad, (width, height): (f32, f32), margin: f32) -> GrayImage {
    let scale = width / quad.width().max(1.0);
    let (out_width, out_height) = ((width + 2.0 * margin) as u32, (height + 2.0 * margin) as u32);
    let point = quad.point_mapper();
    let samples = (0.55 / scale).round().clamp(1.0, 4.0);
    let positions = |length: u32, side: f32| -> Vec<f32> {
        let place = |at: u32, part: u32| (at as f32 + (part as f32 + 0.5) / samples - margin) / side;
        (0..length).flat_map(|at| (0..samples as u32).map(move |part| place(at, part))).collect()
    };
    let (columns, rows) = (positions(out_width, width), positions(out_height, height));
    let mut pixels = Vec::with_capacity(out_width as usize * out_height as usize);
    let count = (samples as usize).max(1);
    for rows in rows.chunks_exact(count) {
        for columns in columns.chunks_exact(count) {
            let mut sum = 0.0;
            for y in rows {
                for x in columns {
                    sum += sample_brightness(luma, point(*x, *y));
                }
            }
            pixels.push((sum / (samples * samples)) as u8);
        }
    }
    GrayImage::from_raw(out_width, out_height, pixels).unwrap_or_default()
}

/// The brightness interpolated between pixels; white beyond the picture.
fn sample_brightness(luma: &GrayImage, point: (f32, f32)) -> f32 {
    let (x, y) = (point.0 - 0.5, point.1 - 0.5);
    let width = luma.width() as usize;
    // Truncation equals rounding down: the values are not negative.
    let (left, top) = (x as usize, y as usize);
    if !(x >= 0.0 && y >= 0.0) || left + 1 >= width {
        return 255.0;
    }
    let at = top * width + left;
    let pixels = luma.as_raw();
    let (Some([a, b]), Some([c, d])) = (pixels.get(at..at + 2), pixels.get(at + width..at + width + 2)) else {
        return 255.0;
    };
    let (right, down) = (x - left as f32, y - top as f32);
    let above = f32::from(*a) * (1.0 - right) + f32::from(*b) * right;
    let below = f32::from(*c) * (1.0 - right) + f32::from(*d) * right;
    above * (1.0 - down) + below * down
}
