//! Barcode reading: drawn licence barcodes, degraded as photographs degrade them, are read.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use image::{GrayImage, Luma, Rgb, RgbImage};
use rxing::pdf417::PDF417Writer;
use rxing::{BarcodeFormat, Writer as _};
use vision::barcode::{Barcode, SearchEffort};

const TEXT: &str = "@\n\x1e\rANSI 636000100101DL00310250DLDAQT64235789\nDCSSAMPLE\nDDEN\nDACMICHAEL\nDDFN\nDADJOHN\nDDGN\n\
    DCUJR\nDCAD\nDCBK\nDCDPH\nDBD06062019\nDBB06061986\nDBA12102034\nDBC1\nDAU068 in\nDAYBRO\nDAG2300 WEST BROAD STREET\n\
    DAIRICHMOND\nDAJVA\nDAK232690000  \nDCF2424244747474786102204\nDCGUSA\nDCK123456789\nDDAF\nDDB06062018\r";

/// The faults of a photograph of a card.
#[derive(Clone, Copy)]
struct Taken {
    /// Pixels per module of the barcode.
    module: f32,
    degrees: f32,
    /// How much narrower the far side is than the near one, as a share.
    perspective: f32,
    /// Standard deviations in pixels and grey levels.
    blur: f32,
    noise: f32,
    /// Grey levels between ink and paper.
    contrast: f32,
}

const GOOD: Taken = Taken { module: 3.0, degrees: 1.0, perspective: 0.0, blur: 0.8, noise: 3.0, contrast: 180.0 };

/// The modules of the barcode, true where there is ink.
fn modules() -> (u32, u32, Vec<bool>) {
    let matrix = PDF417Writer.encode(TEXT, &BarcodeFormat::PDF_417, 0, 0).unwrap();
    let (width, height) = (matrix.getWidth(), matrix.getHeight());
    let modules = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    (width, height, modules.map(|(x, y)| matrix.get(x, y)).collect())
}

/// The barcode on a card's paper on a darker table.
fn taken(how: Taken) -> RgbImage {
    let (width, height, modules) = modules();
    let (wide, high) = (width as f32 * how.module, height as f32 * how.module);
    let side = (wide.hypot(high) * 1.25) as u32;
    let (sine, cosine) = how.degrees.to_radians().sin_cos();
    let ink = |x: f32, y: f32| {
        let (x, y) = (x - side as f32 / 2.0, y - side as f32 / 2.0);
        let (x, y) = (x * cosine + y * sine, y * cosine - x * sine);
        let depth = 1.0 + how.perspective * x / wide;
        let (x, y) = (x / depth + wide / 2.0, y / depth + high / 2.0);
        let (column, row) = ((x / how.module).floor(), (y / how.module).floor());
        let is_on_card = (-30.0..wide + 30.0).contains(&x) && (-30.0..high + 30.0).contains(&y);
        if !is_on_card {
            return 0.6;
        }
        let is_inside = column >= 0.0 && row >= 0.0 && column < width as f32 && row < height as f32;
        let at = (row.max(0.0) * width as f32 + column.max(0.0)) as usize;
        if is_inside && modules[at] { 1.0 } else { 0.0 }
    };
    let paper = GrayImage::from_fn(side, side, |x, y| {
        let parts = (0..9).map(|part| ink(x as f32 + (part % 3) as f32 / 3.0, y as f32 + (part / 3) as f32 / 3.0));
        Luma([(128.0 + how.contrast / 2.0 - how.contrast * parts.sum::<f32>() / 9.0) as u8])
    });
    let blurred = image::imageops::blur(&paper, how.blur.max(0.1));
    let mut state = 7_u64;
    let mut noise = || {
        let mut even = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
        };
        (0..4).map(|_| even()).sum::<f32>() * 3.0_f32.sqrt()
    };
    RgbImage::from_fn(side, side, |x, y| {
        let value = f32::from(blurred.get_pixel(x, y)[0]) + noise() * how.noise;
        Rgb([value as u8; 3])
    })
}

fn squeezed(picture: &RgbImage, quality: u8) -> RgbImage {
    let mut jpeg = Vec::new();
    picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, quality)).unwrap();
    image::load_from_memory(&jpeg).unwrap().into_rgb8()
}

fn read_pdf417(picture: &RgbImage) -> Option<Barcode> {
    vision::barcode::read_pdf417(picture, SearchEffort::Thorough)
}

#[track_caller]
fn assert_read(picture: &RgbImage, name: &str) {
    let barcode = read_pdf417(picture).unwrap_or_else(|| panic!("{name} is not read"));
    assert_eq!(barcode.text, TEXT, "{name}");
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let is_inside = |(x, y): (f32, f32)| x > -20.0 && y > -20.0 && x < width + 20.0 && y < height + 20.0;
    assert!(barcode.corners.into_iter().all(is_inside), "{name}: {:?}", barcode.corners);
}

#[test]
fn barcode_is_read_at_any_rotation() {
    for degrees in [0.0, 7.0, -16.0, 45.0, 90.0, 171.0, -90.0] {
        assert_read(&taken(Taken { degrees, ..GOOD }), &format!("{degrees} degrees"));
    }
}

#[test]
fn barcode_is_read_from_poor_photographs() {
    assert_read(&taken(Taken { blur: 1.5, ..GOOD }), "blur");
    assert_read(&taken(Taken { noise: 25.0, ..GOOD }), "noise");
    assert_read(&taken(Taken { contrast: 40.0, ..GOOD }), "low contrast");
    assert_read(&taken(Taken { perspective: 0.15, degrees: 4.0, ..GOOD }), "perspective");
    assert_read(&taken(Taken { module: 1.8, blur: 0.5, ..GOOD }), "small modules");
    assert_read(&squeezed(&taken(GOOD), 25), "JPEG");
}

#[test]
fn pictures_without_a_barcode_are_none() {
    assert_eq!(read_pdf417(&RgbImage::new(1, 1)), None);
    assert_eq!(read_pdf417(&RgbImage::new(0, 0)), None);
    assert_eq!(read_pdf417(&RgbImage::from_pixel(900, 600, Rgb([200; 3]))), None);
    let stripes = RgbImage::from_fn(900, 600, |x, _| Rgb([if x % 9 < 4 { 30 } else { 220 }; 3]));
    assert_eq!(read_pdf417(&stripes), None, "bars alone are no barcode");
}

#[test]
fn clear_barcode_is_read_with_little_effort() {
    let clear = |how| vision::barcode::read_pdf417(&taken(how), SearchEffort::Clear);
    assert_eq!(clear(GOOD).unwrap().text, TEXT);
    assert_eq!(clear(Taken { noise: 60.0, ..GOOD }), None, "that takes treatments, if it can be read");
}
