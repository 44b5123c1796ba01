//! Drawn cards on drawn tables with one fault each: the fault shows in its own figure and in no other warning.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use image::{Rgb, RgbImage};
use vision::intake::Tags;
use vision::quality::{DocumentFraming, Quality, QualityWarning, detect_editor, locate_document, score_screen};

const WIDTH: u32 = 1_600;
const HEIGHT: u32 = 1_200;
const CARD: (f32, f32) = (1_180.0, 744.0);

/// Even numbers from 0 to 1, the same each time.
fn numbers() -> impl FnMut() -> f32 {
    let mut state = 99_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// The brightness of a card at a place on it: light paper with fine lines, lines of print, a dark picture and a band.
fn card(x: f32, y: f32) -> f32 {
    if y < 90.0 {
        return 90.0;
    }
    if (60.0..360.0).contains(&x) && (150.0..560.0).contains(&y) {
        return 60.0 + 40.0 * ((x / 37.0).sin() + (y / 53.0).cos());
    }
    let (line, column) = ((y / 40.0) as u32, (x / 16.0) as u32);
    let is_print = y < 700.0 && (x > 400.0 && x < 1_120.0 && y > 140.0 || y > 590.0 && x > 50.0 && x < 1_130.0);
    if is_print && y % 40.0 < 24.0 && x % 16.0 < 12.0 {
        // Strokes of three pixels, different for each letter.
        let letter = line.wrapping_mul(7_919).wrapping_add(column.wrapping_mul(104_729)) >> 3;
        let stroke = (x % 16.0 / 3.0) as u32 + 4 * (y % 40.0 / 6.0) as u32;
        if letter >> (stroke % 13) & 1 == 1 {
            return 30.0;
        }
    }
    let wave = ((y + 30.0 * (x / 120.0).sin()) / 7.0).sin();
    if wave > 0.85 { 200.0 } else { 226.0 }
}

#[derive(Clone, Copy)]
struct Scene {
    degrees: f32,
    /// The position of the card's middle, relative to the picture's.
    offset: (f32, f32),
    size: f32,
    table: f32,
}

const GOOD: Scene = Scene { degrees: 4.0, offset: (0.0, 0.0), size: 1.0, table: 140.0 };

fn brightness(scene: Scene, x: f32, y: f32) -> f32 {
    let (x, y) = (x - WIDTH as f32 / 2.0 - scene.offset.0, y - HEIGHT as f32 / 2.0 - scene.offset.1);
    let (sine, cosine) = scene.degrees.to_radians().sin_cos();
    let (x, y) = ((x * cosine + y * sine) / scene.size, (y * cosine - x * sine) / scene.size);
    let (x, y) = (x + CARD.0 / 2.0, y + CARD.1 / 2.0);
    let is_on_card = (0.0..CARD.0).contains(&x) && (0.0..CARD.1).contains(&y);
    if is_on_card { card(x, y) } else { scene.table + 10.0 * (x / 400.0).sin() }
}

/// A photograph: averaged over each pixel, a little noise, and squeezed.
fn taken(light: impl Fn(f32, f32) -> [f32; 3], blur: f32) -> RgbImage {
    let sharp = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let parts = (0..9).map(|part| light(x as f32 + (part % 3) as f32 / 3.0, y as f32 + (part / 3) as f32 / 3.0));
        let sum = parts.fold([0.0; 3], |sum, part| [sum[0] + part[0], sum[1] + part[1], sum[2] + part[2]]);
        Rgb(sum.map(|sum| (sum / 9.0) as u8))
    });
    let mut picture = image::imageops::blur(&sharp, blur);
    let mut number = numbers();
    for pixel in picture.pixels_mut() {
        let noise = (number() + number() - 1.0) * 6.0;
        pixel.0 = pixel.0.map(|value| (f32::from(value) + noise) as u8);
    }
    let mut jpeg = Vec::new();
    picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85)).unwrap();
    image::load_from_memory(&jpeg).unwrap().into_rgb8()
}

fn photographed(scene: Scene) -> RgbImage {
    taken(|x, y| [brightness(scene, x, y); 3], 0.6)
}

fn warnings(picture: &RgbImage) -> Vec<QualityWarning> {
    Quality::measure(picture, &Tags::default(), |_| true).list_warnings()
}

#[test]
fn good_photograph_has_no_warnings() {
    for scene in [
        GOOD,
        Scene { degrees: -14.0, ..GOOD },
        Scene { degrees: 0.0, table: 20.0, ..GOOD },
        Scene { degrees: 90.0, size: 0.9, ..GOOD },
    ] {
        assert_eq!(warnings(&photographed(scene)), [], "{} degrees", scene.degrees);
    }
}

#[test]
fn refused_borders_leave_the_whole_picture() {
    let picture = photographed(GOOD);
    let found = Quality::measure(&picture, &Tags::default(), |_| true);
    let refused = Quality::measure(&picture, &Tags::default(), |_| false);
    assert_eq!((found.framing, refused.framing), (DocumentFraming::Whole, DocumentFraming::Unsure));
    assert!(found.resolution < 1_300 && refused.resolution == WIDTH, "{} {}", found.resolution, refused.resolution);
}

#[test]
fn document_corners_are_found() {
    let found = locate_document(&photographed(Scene { degrees: 0.0, ..GOOD }));
    let expected = [(210.0, 228.0), (1_390.0, 228.0), (1_390.0, 972.0), (210.0, 972.0)];
    for (x, y) in expected {
        let is_near = |corner: &(f32, f32)| (corner.0 - x).hypot(corner.1 - y) < 12.0;
        assert!(found.corners.unwrap().iter().any(is_near), "{x} {y}: {found:?}");
    }
    let region = found.region.unwrap();
    assert!(region.left.abs_diff(210) < 12 && region.width.abs_diff(1_180) < 24, "{region:?}");
}

#[test]
fn blur_is_measured_and_even_table_is_ignored() {
    let figure = |blur: f32| {
        let picture = taken(|x, y| [brightness(GOOD, x, y); 3], blur);
        Quality::measure(&picture, &Tags::default(), |_| true).sharpness
    };
    let figures = [0.5, 1.2, 2.0, 3.5].map(figure);
    assert!(figures.is_sorted_by(|a, b| a > b), "{figures:?}");
    let small = photographed(Scene { size: 0.6, ..GOOD });
    assert!(!warnings(&small).contains(&QualityWarning::Blurred), "a card on a large table is as sharp");
    assert_eq!(warnings(&taken(|x, y| [brightness(GOOD, x, y); 3], 3.5)), [QualityWarning::Blurred]);
}

#[test]
fn glare_is_measured_and_white_paper_is_ignored() {
    let spot = |radius: f32| {
        move |x: f32, y: f32| {
            let distance = ((x - 700.0) / radius).powi(2) + ((y - 560.0) / radius * 1.5).powi(2);
            [(brightness(GOOD, x, y) + 500.0 * (-distance).exp()).min(255.0); 3]
        }
    };
    let glare = |picture: &RgbImage| Quality::measure(picture, &Tags::default(), |_| true).glare;
    let (small, large) = (glare(&taken(spot(60.0), 0.6)), glare(&taken(spot(160.0), 0.6)));
    assert!(large > small && large > 0.03, "{small} {large}");
    assert!(warnings(&taken(spot(160.0), 0.6)).contains(&QualityWarning::Glare));
    let scan = taken(|x, y| [(card(x * 0.7, y * 0.62) * 1.13).min(255.0); 3], 0.4);
    assert_eq!(glare(&scan), 0.0, "white paper");
    let window = taken(
        |x, y| {
            let is_box = (600.0..760.0).contains(&x) && (500.0..640.0).contains(&y);
            [if is_box { 255.0 } else { brightness(GOOD, x, y) * 0.8 }; 3]
        },
        0.4,
    );
    assert_eq!(glare(&window), 0.0, "a printed box ends sharply");
}

#[test]
fn dark_bright_and_faint_pictures_warn() {
    let lit = |factor: f32| taken(move |x, y| [(brightness(GOOD, x, y) * factor).min(255.0); 3], 0.6);
    assert!(warnings(&lit(0.15)).contains(&QualityWarning::TooDark));
    assert!(warnings(&lit(1.0)).is_empty());
    assert!(warnings(&lit(6.0)).contains(&QualityWarning::TooBright));
    let faint = taken(|x, y| [120.0 + brightness(GOOD, x, y) * 0.1; 3], 0.6);
    assert!(warnings(&faint).contains(&QualityWarning::Faint));
}

#[test]
fn cut_document_warns() {
    for (scene, name) in [
        (Scene { offset: (420.0, 0.0), ..GOOD }, "its right side is out"),
        (Scene { offset: (0.0, 420.0), ..GOOD }, "its foot is out"),
        (Scene { offset: (-420.0, 0.0), degrees: -7.0, ..GOOD }, "its left side is out"),
        (Scene { size: 1.6, degrees: 1.0, ..GOOD }, "both sides are out"),
        (Scene { offset: (-450.0, 350.0), size: 1.2, ..GOOD }, "one corner is in"),
    ] {
        assert_eq!(locate_document(&photographed(scene)).framing, DocumentFraming::Cut, "{name}");
    }
    let plain = RgbImage::from_pixel(900, 700, Rgb([200; 3]));
    assert_eq!(locate_document(&plain).framing, DocumentFraming::Unsure);
    let filled = taken(|x, y| [card(x * 0.7 + 20.0, y * 0.6 + 4.0); 3], 0.6);
    assert_ne!(locate_document(&filled).framing, DocumentFraming::Whole, "no border is seen");
}

#[test]
fn screen_picture_warns() {
    for (pitch, degrees) in [(1.7_f32, 3.0_f32), (2.4, 1.0), (3.3, 8.0), (4.7, -2.0)] {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        // Three stripes of one colour each a pixel, with dark gaps.
        let shown = move |x: f32, y: f32| {
            let (across, down) = ((x * cosine + y * sine) / pitch + 2_000.0, (y * cosine - x * sine) / pitch + 2_000.0);
            let light = brightness(GOOD, x, y);
            let (stripe, row) = (across.fract() * 3.0, down.fract());
            let is_lit = row > 0.15 && stripe.fract() > 0.15;
            [0.0, 1.0, 2.0].map(|colour| if is_lit && stripe.floor() == colour { light * 2.5 } else { 0.0 }.min(255.0))
        };
        let score = score_screen(&taken(shown, 0.6));
        assert!(score > 0.6, "pitch {pitch}, {degrees} degrees: {score}");
    }
    let score = score_screen(&photographed(GOOD));
    assert!(score < 0.35, "a card: {score}");
}

#[test]
fn editing_programs_are_distinguished_from_cameras() {
    assert_eq!(detect_editor("Adobe Photoshop 25.1 (Windows)"), Some("Photoshop"));
    assert_eq!(detect_editor("17.1.2; Snapseed 2.0"), Some("Snapseed"));
    assert_eq!(detect_editor("gimp 2.10"), Some("GIMP"));
    for firmware in
        ["17.1.2", "HDR+ 1.0.540104767zd", "G991BXXS9EWJ1", "Ver.1.00", "Windows Photo Viewer", "ViewNX 2.8"]
    {
        assert_eq!(detect_editor(firmware), None, "{firmware}");
    }
    let tags = Tags { software: Some("Canva".to_owned()), ..Tags::default() };
    let quality = Quality::measure(&RgbImage::new(64, 64), &tags, |_| true);
    assert!(quality.list_warnings().contains(&QualityWarning::Edited));
}

#[test]
fn any_size_is_measured_without_panic() {
    for (width, height) in [(0, 0), (1, 1), (3, 900), (900, 3), (31, 31), (33, 33), (257, 255), (256, 256)] {
        let picture = RgbImage::from_fn(width, height, |x, y| Rgb([(x * y % 256) as u8, x as u8, y as u8]));
        for is_document in [true, false] {
            let quality = Quality::measure(&picture, &Tags::default(), |_| is_document);
            assert!(quality.sharpness.is_finite() && quality.screen.is_finite(), "{width} x {height}");
        }
    }
}
