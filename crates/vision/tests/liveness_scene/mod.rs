//! A small stage for tests: a portrait becomes a head in three dimensions or a flat print, and a camera films it.

use image::{Rgb, RgbImage};
use vision::face::Face;
use vision::liveness::{Frame, LivenessStep};

/// The camera's picture, in pixels, and its focal length: a web camera's view of about 60° across.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
const FOCAL: f32 = 560.0;
/// Between an adult's eyes, in millimetres.
const EYES: f32 = 63.0;

/// A thing of triangles: places in millimetres around its own middle (z grows away from the camera), and where each
/// corner lies on the portrait.
pub(crate) struct Model {
    portrait: RgbImage,
    places: Vec<[f32; 3]>,
    texture: Vec<[f32; 2]>,
    triangles: Vec<[usize; 3]>,
}

/// Where a model is and how it is turned, in millimetres and degrees; yaw as in `Pose`.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) distance: f32,
    pub(crate) yaw: f32,
    pub(crate) pitch: f32,
    pub(crate) roll: f32,
    pub(crate) right: f32,
    pub(crate) down: f32,
}

impl Place {
    pub(crate) fn at(distance: f32, yaw: f32) -> Self {
        Self { distance, yaw, pitch: 0.0, roll: 0.0, right: 0.0, down: 0.0 }
    }
}

impl Model {
    /// The head of a portrait's face: its landmarks in depth, with rings around them that fall away like a skull.
    pub(crate) fn head(portrait: &RgbImage, face: &Face) -> Self {
        let scale = EYES / face.eye_distance;
        let points = &face.landmarks;
        let count = points.len() as f32;
        let middle: [f32; 3] = std::array::from_fn(|axis| points.iter().map(|point| point[axis]).sum::<f32>() / count);
        let mut texture: Vec<[f32; 2]> = points.iter().map(|point| [point[0], point[1]]).collect();
        let mut depths: Vec<f32> = points.iter().map(|point| (point[2] - middle[2]) * scale).collect();
        let outline = hull(&texture);
        for (wider, deeper) in [(1.12, 18.0), (1.3, 55.0), (1.42, 100.0)] {
            for &corner in &outline {
                let [x, y] = texture[corner];
                texture.push([middle[0] + (x - middle[0]) * wider, middle[1] + (y - middle[1]) * wider]);
                depths.push(depths[corner] + deeper);
            }
        }
        let places = texture.iter().zip(&depths);
        // The neck's joint, about which a head turns, lies behind the face.
        let places =
            places.map(|(at, z)| [(at[0] - middle[0]) * scale, (at[1] - middle[1]) * scale, z - 70.0]).collect();
        let triangles = triangulation(&texture);
        Self { portrait: portrait.clone(), places, texture, triangles }
    }

    /// A print of the whole portrait, its face life-sized.
    pub(crate) fn print(portrait: &RgbImage, face: &Face) -> Self {
        Self::bent_print(portrait, face, 0.0)
    }

    /// A print bent like a cylinder about its upright middle line; `bend` in degrees from edge to edge.
    pub(crate) fn bent_print(portrait: &RgbImage, face: &Face, bend: f32) -> Self {
        let scale = EYES / face.eye_distance;
        let (width, height) = (portrait.width() as f32, portrait.height() as f32);
        let [x, y] = face.region.centre();
        let columns = 24;
        let (mut places, mut texture, mut triangles) = (Vec::new(), Vec::new(), Vec::new());
        for column in 0..=columns {
            let u = width * column as f32 / columns as f32;
            let across = (u - x) * scale;
            let turn = bend.to_radians() * (u / width - 0.5);
            let radius = if bend.abs() > 0.1 { width * scale / bend.to_radians() } else { f32::INFINITY };
            let (right, depth) =
                if radius.is_finite() { (radius * turn.sin(), radius * (1.0 - turn.cos())) } else { (across, 0.0) };
            for v in [0.0, height] {
                places.push([right, (v - y) * scale, depth]);
                texture.push([u, v]);
            }
        }
        for column in 0..columns {
            let first = column * 2;
            triangles.extend([[first, first + 1, first + 2], [first + 1, first + 2, first + 3]]);
        }
        Self { portrait: portrait.clone(), places, texture, triangles }
    }

    fn seen(&self, place: &Place) -> Vec<[f32; 3]> {
        let (yaw, pitch, roll) = (place.yaw.to_radians(), place.pitch.to_radians(), place.roll.to_radians());
        let seen = self.places.iter().map(|&[x, y, z]| {
            let (y, z) = (y * pitch.cos() + z * pitch.sin(), z * pitch.cos() - y * pitch.sin());
            let (x, z) = (x * yaw.cos() - z * yaw.sin(), z * yaw.cos() + x * yaw.sin());
            let (x, y) = (x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos());
            let z = z + place.distance;
            [WIDTH as f32 / 2.0 + FOCAL * (x + place.right) / z, HEIGHT as f32 / 2.0 + FOCAL * (y + place.down) / z, z]
        });
        seen.collect()
    }
}

/// One frame of a camera: the model before a room, with the sensor's own noise and an exposure (1 as the portrait).
pub(crate) fn frame(model: &Model, place: &Place, exposure: f32, seed: u32) -> RgbImage {
    let mut picture = room(seed / 1000);
    let mut depths = vec![f32::INFINITY; (WIDTH * HEIGHT) as usize];
    let seen = model.seen(place);
    for triangle in &model.triangles {
        draw(&mut picture, &mut depths, model, triangle.map(|corner| (seen[corner], model.texture[corner])));
    }
    let mut noise = Noise(seed.wrapping_mul(2_654_435_761) | 1);
    for pixel in picture.pixels_mut() {
        let grain = noise.next() * 5.0;
        pixel.0 =
            pixel.0.map(|value| (f32::from(value) * exposure + grain + noise.next() * 2.0).clamp(0.0, 255.0) as u8);
    }
    picture
}

/// Draws one triangle where nothing nearer is drawn yet, its texture in true perspective.
fn draw(picture: &mut RgbImage, depths: &mut [f32], model: &Model, corners: [([f32; 3], [f32; 2]); 3]) {
    let [(a, _), (b, _), (c, _)] = corners;
    let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    if area.abs() < 1e-6 || corners.iter().any(|(seen, _)| seen[2] < 20.0) {
        return;
    }
    let bound = |values: [f32; 3], size: u32| {
        let low = values.into_iter().fold(f32::MAX, f32::min).floor().clamp(0.0, size as f32) as u32;
        let high = values.into_iter().fold(f32::MIN, f32::max).ceil().clamp(0.0, size as f32) as u32;
        low..high
    };
    for row in bound([a[1], b[1], c[1]], HEIGHT) {
        for column in bound([a[0], b[0], c[0]], WIDTH) {
            let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
            let one = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area;
            let two = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area;
            let shares = [one, two, 1.0 - one - two];
            if shares.iter().any(|share| *share < -1e-4) {
                continue;
            }
            let near: [f32; 3] = std::array::from_fn(|corner| shares[corner] / corners[corner].0[2]);
            let depth = 1.0 / near.iter().sum::<f32>();
            let at = (row * WIDTH + column) as usize;
            if depth < depths[at] {
                depths[at] = depth;
                let along =
                    |axis: usize| (0..3).map(|corner| near[corner] * corners[corner].1[axis]).sum::<f32>() * depth;
                picture.put_pixel(column, row, colour(&model.portrait, along(0), along(1)));
            }
        }
    }
}

fn colour(portrait: &RgbImage, x: f32, y: f32) -> Rgb<u8> {
    let (x, y) =
        ((x - 0.5).clamp(0.0, portrait.width() as f32 - 1.01), (y - 0.5).clamp(0.0, portrait.height() as f32 - 1.01));
    let (left, top) = (x as u32, y as u32);
    let (across, down) = (x - left as f32, y - top as f32);
    let pixel = |dx: u32, dy: u32| portrait.get_pixel(left + dx, top + dy).0;
    let (a, b, c, d) = (pixel(0, 0), pixel(1, 0), pixel(0, 1), pixel(1, 1));
    Rgb(std::array::from_fn(|i| {
        let upper = f32::from(a[i]) * (1.0 - across) + f32::from(b[i]) * across;
        let lower = f32::from(c[i]) * (1.0 - across) + f32::from(d[i]) * across;
        (upper * (1.0 - down) + lower * down) as u8
    }))
}

/// A room: a wall that is lighter towards one side, with a few dull frames on it.
fn room(seed: u32) -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let wall = 120 + (x / 8) as u8 + (y / 16) as u8;
        let hung = (x + 37 * seed) % 190 < 70 && (40..150).contains(&y);
        if hung { Rgb([wall / 2, wall / 3 + 30, wall / 2 + 20]) } else { Rgb([wall, wall - 10, wall - 25]) }
    })
}

/// A repeatable noise, about −1..1.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32 * 2.0 - 1.0
    }
}

/// The points on the outer edge of all, in order around it.
fn hull(points: &[[f32; 2]]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|a, b| points[*a][0].total_cmp(&points[*b][0]).then(points[*a][1].total_cmp(&points[*b][1])));
    let mut outline: Vec<usize> = Vec::new();
    for pass in 0..2 {
        let start = outline.len();
        let half: Vec<usize> = if pass == 0 { order.clone() } else { order.iter().rev().copied().collect() };
        for next in half {
            while outline.len() >= start + 2 {
                let (a, b) = (points[outline[outline.len() - 2]], points[outline[outline.len() - 1]]);
                let c = points[next];
                if (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0.0 {
                    break;
                }
                outline.pop();
            }
            outline.push(next);
        }
        outline.pop();
    }
    outline
}

/// Triangles between points, none of which has another point within its circle (Delaunay, one point after another).
fn triangulation(points: &[[f32; 2]]) -> Vec<[usize; 3]> {
    let count = points.len();
    let mut all = points.to_vec();
    all.extend([[-1e5, -1e5], [1e5, -1e5], [0.0, 1e5]]);
    let mut triangles = vec![[count, count + 1, count + 2]];
    for point in 0..count {
        let (hit, kept): (Vec<[usize; 3]>, Vec<[usize; 3]>) =
            triangles.into_iter().partition(|triangle| in_circle(&all, triangle, all[point]));
        let edges: Vec<[usize; 2]> = hit.iter().flat_map(|&[a, b, c]| [[a, b], [b, c], [c, a]]).collect();
        triangles = kept;
        for &[a, b] in &edges {
            if !edges.contains(&[b, a]) {
                triangles.push([a, b, point]);
            }
        }
    }
    triangles.retain(|triangle| triangle.iter().all(|corner| *corner < count));
    triangles
}

fn in_circle(points: &[[f32; 2]], triangle: &[usize; 3], at: [f32; 2]) -> bool {
    let rows = triangle.map(|corner| {
        let (x, y) = (f64::from(points[corner][0] - at[0]), f64::from(points[corner][1] - at[1]));
        [x, y, x * x + y * y]
    });
    let [a, b, c] = rows;
    let determinant =
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
    determinant > 0.0
}

/// A script for one frame: what is asked, where the model is, how light it is.
pub(crate) type Shot = (LivenessStep, Place, f32);

/// What a person does who follows the steps: three frames a step, with the small movements of a living body.
pub(crate) fn followed(steps: &[LivenessStep], seed: u32) -> Vec<Shot> {
    let mut noise = Noise(seed.wrapping_mul(747_796_405) | 1);
    let mut shots = Vec::new();
    for step in steps {
        for turn in 0..3 {
            let sway = |noise: &mut Noise, most: f32| noise.next() * most;
            let (distance, yaw) = match step {
                LivenessStep::LookStraight => (620.0, 0.0),
                LivenessStep::TurnLeft => (620.0, 26.0 + 3.0 * turn as f32),
                LivenessStep::TurnRight => (620.0, -26.0 - 3.0 * turn as f32),
                LivenessStep::MoveCloser => (385.0, 0.0),
            };
            let place = Place {
                distance: distance + sway(&mut noise, 15.0),
                yaw: yaw + sway(&mut noise, 3.0),
                pitch: sway(&mut noise, 4.0),
                roll: sway(&mut noise, 4.0),
                right: sway(&mut noise, 25.0),
                down: sway(&mut noise, 20.0),
            };
            shots.push((*step, place, 1.0 + sway(&mut noise, 0.04)));
        }
    }
    shots
}

/// The frames of a script, some seven tenths of a second apart, as JPEG brings them.
pub(crate) fn filmed(model: &Model, shots: &[Shot], seed: u32) -> Vec<Frame> {
    let frames = shots.iter().enumerate().map(|(at, (step, place, exposure))| {
        let picture = frame(model, place, *exposure, seed * 1000 + at as u32);
        Frame { step: *step, at_ms: 700 * at as u64, picture: photographed(&picture) }
    });
    frames.collect()
}

/// The picture as it is after JPEG.
pub(crate) fn photographed(picture: &RgbImage) -> RgbImage {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85);
    picture.write_with_encoder(encoder).expect("a JPEG is written");
    image::load_from_memory(&bytes).expect("a JPEG is read").to_rgb8()
}
