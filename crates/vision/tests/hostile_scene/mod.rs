//! Draws pictures that cost the engines as much as possible: noise, bars, dense glyphs, rows of fillers, crowds of faces,
//! extreme sizes. The same seed draws the same pictures.

use image::{DynamicImage, GenericImageView as _, ImageFormat, Rgb, RgbImage, imageops};

/// What a picture seems to show, which decides how much work it may cause.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SceneContent {
    Nothing,
    Patterns,
    Print,
    Faces,
}

/// A kind of picture, drawn anew for each number.
pub(crate) struct SceneKind {
    pub(crate) name: &'static str,
    pub(crate) content: SceneContent,
    draw: fn(&mut SceneRandom, &SceneParts) -> RgbImage,
}

/// All kinds.
pub(crate) const SCENE_KINDS: [SceneKind; 19] = [
    scene("one pixel", SceneContent::Nothing, |random, _| flat(random, 1, 1)),
    scene("sliver", SceneContent::Patterns, draw_sliver),
    scene("tiny noise", SceneContent::Patterns, |random, _| draw_noise(random, 64, 1)),
    scene("noise", SceneContent::Patterns, |random, _| pick_noise(random, 1)),
    scene("coarse noise", SceneContent::Patterns, |random, _| pick_noise(random, 9)),
    scene("solid colour", SceneContent::Nothing, |random, _| pick_flat(random)),
    scene("huge", SceneContent::Patterns, |random, _| draw_noise(random, 4_000, 50)),
    scene("gradient", SceneContent::Patterns, draw_gradient),
    scene("checkerboard", SceneContent::Patterns, draw_checkerboard),
    scene("circles", SceneContent::Patterns, draw_circles),
    scene("stripes", SceneContent::Patterns, draw_stripes),
    scene("many barcodes", SceneContent::Patterns, draw_barcodes),
    scene("specks", SceneContent::Patterns, draw_specks),
    scene("rows of glyphs", SceneContent::Print, |random, _| draw_glyph_rows(random, false)),
    scene("rows of fillers", SceneContent::Print, |random, _| draw_glyph_rows(random, true)),
    scene("zones of a passport", SceneContent::Print, draw_zones),
    scene("pieces of a page", SceneContent::Print, draw_pieces),
    scene("crowd of faces", SceneContent::Faces, draw_crowd),
    scene("small picture of a page", SceneContent::Print, draw_small_page),
];

const fn scene(
    name: &'static str,
    content: SceneContent,
    draw: fn(&mut SceneRandom, &SceneParts) -> RgbImage,
) -> SceneKind {
    SceneKind { name, content, draw }
}

/// Genuine pictures, from which some scenes take pieces.
pub(crate) struct SceneParts {
    pub(crate) page: RgbImage,
    pub(crate) zone: RgbImage,
    pub(crate) face: RgbImage,
}

/// Numbers that only depend on the seed.
pub(crate) struct SceneRandom {
    state: u64,
}

impl SceneRandom {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) };
        random.below(2);
        random
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as u32 % limit.max(1)
    }

    fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }

    fn colour(&mut self) -> Rgb<u8> {
        Rgb([0; 3].map(|_: u8| self.below(256) as u8))
    }
}

impl SceneKind {
    /// The file of one picture.
    pub(crate) fn encode(&self, seed: u64, parts: &SceneParts) -> Vec<u8> {
        let mut random = SceneRandom::new(seed);
        let mut picture = (self.draw)(&mut random, parts);
        if random.below(4) == 0 && picture.width() < 3_000 {
            picture = imageops::rotate90(&picture);
        }
        let format = random.pick(&[ImageFormat::Jpeg, ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP]);
        let mut bytes = std::io::Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(picture).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }
}

fn flat(random: &mut SceneRandom, width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, random.colour())
}

fn pick_size(random: &mut SceneRandom) -> (u32, u32) {
    let width = random.pick(&[320, 640, 1_000, 1_600, 2_400]);
    (width, width * random.pick(&[2, 3, 4]) / 4)
}

fn pick_flat(random: &mut SceneRandom) -> RgbImage {
    let (width, height) = pick_size(random);
    flat(random, width, height)
}

fn draw_sliver(random: &mut SceneRandom, _: &SceneParts) -> RgbImage {
    let (width, height) = random.pick(&[(5_000, 1), (1, 5_000), (4_000, 3), (5_000, 40), (30, 2_000)]);
    let (dark, bright) = (random.colour(), random.colour());
    RgbImage::from_fn(width, height, |_, _| if random.below(2) == 0 { dark } else { bright })
}

fn pick_noise(random: &mut SceneRandom, grain: u32) -> RgbImage {
    let side = random.between(65, 2_000);
    draw_noise(random, side, grain)
}

/// Grey or coloured noise in squares of `grain` pixels.
fn draw_noise(random: &mut SceneRandom, side: u32, grain: u32) -> RgbImage {
    let (is_grey, grains) = (random.below(2) == 0, side.div_ceil(grain));
    let squares = RgbImage::from_fn(grains, grains, |_, _| {
        let colour = random.colour();
        if is_grey { Rgb([colour.0[0]; 3]) } else { colour }
    });
    RgbImage::from_fn(side, side, |x, y| *squares.get_pixel(x / grain, y / grain))
}

fn draw_gradient(random: &mut SceneRandom, _: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let (a, b) = (random.colour().0, random.colour().0);
    RgbImage::from_fn(width, height, |x, y| {
        let share = f64::from(x + y) / f64::from(width + height);
        Rgb(std::array::from_fn(|at| (f64::from(a[at]) * share + f64::from(b[at]) * (1.0 - share)) as u8))
    })
}

fn draw_checkerboard(random: &mut SceneRandom, _: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let field = random.pick(&[1, 2, 3, 5, 8, 13, 40]);
    RgbImage::from_fn(width, height, |x, y| Rgb([if (x / field + y / field).is_multiple_of(2) { 20 } else { 235 }; 3]))
}

fn draw_circles(random: &mut SceneRandom, _: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let period = f64::from(random.between(3, 24));
    RgbImage::from_fn(width, height, |x, y| {
        let far = (f64::from(x) - f64::from(width) / 2.0).hypot(f64::from(y) - f64::from(height) / 3.0);
        Rgb([(127.0 + 120.0 * (far / period * 6.0).sin()) as u8; 3])
    })
}

/// Bars of random widths from edge to edge, straight or slanted.
fn draw_stripes(random: &mut SceneRandom, _: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let (module, slant) = (random.between(2, 8), random.below(3));
    let bars: Vec<u8> = (0..8_000).map(|_| random.pick(&[15, 240])).collect();
    RgbImage::from_fn(width, height, |x, y| Rgb([bars[((x + y * slant / 4) / module) as usize % bars.len()]; 3]))
}

/// Areas that look like PDF417: rows of random bars between solid start and stop bars.
fn draw_barcodes(random: &mut SceneRandom, _: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let mut picture = RgbImage::from_pixel(width, height, Rgb([250; 3]));
    let (module, columns) = (random.between(1, 4), random.between(60, 240));
    for top in (20..height.saturating_sub(60)).step_by(200) {
        let rows = random.between(12, 40);
        let bars: Vec<bool> = (0..rows * columns).map(|_| random.below(2) == 0).collect();
        for y in top..(top + rows * 4).min(height) {
            for x in 20..(20 + columns * module).min(width - 20) {
                let (row, column) = ((y - top) / 4, (x - 20) / module);
                if !(8..columns - 8).contains(&column) || bars[(row.min(rows - 1) * columns + column) as usize] {
                    picture.put_pixel(x, y, Rgb([10; 3]));
                }
            }
        }
    }
    picture
}

fn draw_specks(random: &mut SceneRandom, _: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let mut picture = RgbImage::from_pixel(width, height, Rgb([245; 3]));
    for _ in 0..width * height / 180 {
        let (left, top) = (random.below(width), random.below(height));
        let (wide, high) = (random.between(2, 9), random.between(2, 9));
        for y in top..(top + high).min(height) {
            for x in left..(left + wide).min(width) {
                picture.put_pixel(x, y, Rgb([30; 3]));
            }
        }
    }
    picture
}

/// Rows of made-up letters of 5 × 7 points, or of fillers (`<`) with some letters between them.
fn draw_glyph_rows(random: &mut SceneRandom, is_zone: bool) -> RgbImage {
    const FILLER: [u8; 7] = [0b00010, 0b00100, 0b01000, 0b10000, 0b01000, 0b00100, 0b00010];
    let (width, height) = pick_size(random);
    let (point, gap) = (random.between(1, 5), random.between(1, 3));
    let mut picture = RgbImage::from_pixel(width, height, Rgb([248; 3]));
    for top in (4..height).step_by((point * (7 + gap * 2)) as usize) {
        for left in (4..width).step_by((point * 6) as usize) {
            let letter = [0; 7].map(|_: u8| random.below(32) as u8);
            let glyph = if is_zone && random.below(5) > 0 { FILLER } else { letter };
            for bit in (0..35).filter(|bit| glyph[bit / 5] >> (bit % 5) & 1 == 1) {
                let (x, y) = (left + (4 - bit as u32 % 5) * point, top + bit as u32 / 5 * point);
                for (x, y) in (0..point * point).map(|at| (x + at % point, y + at / point)) {
                    if x < width && y < height {
                        picture.put_pixel(x, y, Rgb([25; 3]));
                    }
                }
            }
        }
    }
    picture
}

/// A page full of a genuine zone's lines.
fn draw_zones(random: &mut SceneRandom, parts: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let mut picture = RgbImage::from_pixel(width, height, Rgb([250; 3]));
    let zone = imageops::resize(
        &parts.zone,
        width,
        (parts.zone.height() * width / parts.zone.width()).max(1),
        imageops::FilterType::Triangle,
    );
    for top in (0..height).step_by(zone.height() as usize) {
        imageops::overlay(&mut picture, &zone, -i64::from(random.below(40)), i64::from(top));
    }
    picture
}

/// Pieces of a genuine page everywhere: the densest print that is still print.
fn draw_pieces(random: &mut SceneRandom, parts: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let mut picture = RgbImage::from_pixel(width, height, Rgb([250; 3]));
    for _ in 0..300 {
        let (wide, high) = (random.between(80, 320), random.between(20, 90));
        let left = random.below(parts.page.width() - wide);
        let piece = parts.page.view(left, random.below(parts.page.height() - high), wide, high).to_image();
        imageops::overlay(&mut picture, &piece, i64::from(random.below(width)), i64::from(random.below(height)));
    }
    picture
}

fn draw_crowd(random: &mut SceneRandom, parts: &SceneParts) -> RgbImage {
    let (width, height) = pick_size(random);
    let side = random.between(70, 200).min(width);
    let face = imageops::resize(&parts.face, side, side, imageops::FilterType::Triangle);
    let mut picture = RgbImage::from_pixel(width, height, Rgb([128; 3]));
    for top in (0..height).step_by(side as usize) {
        for left in (0..width).step_by(side as usize) {
            imageops::overlay(&mut picture, &face, i64::from(left), i64::from(top));
        }
    }
    picture
}

fn draw_small_page(random: &mut SceneRandom, parts: &SceneParts) -> RgbImage {
    let width = random.between(40, 190);
    let height = (parts.page.height() * width / parts.page.width()).max(1);
    imageops::resize(&parts.page, width, height, imageops::FilterType::Triangle)
}
