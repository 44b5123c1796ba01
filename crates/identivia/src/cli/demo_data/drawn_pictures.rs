//! Drawn portraits and specimen documents of the invented people. No picture shows a person or a document that exists.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

use super::demo_person::DemoPerson;
use super::drawn_letters::draw_text;

const PORTRAIT_SIDE: u32 = 300;
const DOCUMENT_WIDTH: u32 = 640;
const DOCUMENT_HEIGHT: u32 = 410;

const INK: Rgb<u8> = Rgb([40, 44, 60]);
const PALE: Rgb<u8> = Rgb([206, 178, 178]);
const SKINS: [Rgb<u8>; 5] =
    [Rgb([244, 212, 186]), Rgb([224, 180, 144]), Rgb([192, 140, 104]), Rgb([144, 98, 70]), Rgb([96, 64, 48])];
const HAIRS: [Rgb<u8>; 5] =
    [Rgb([32, 26, 24]), Rgb([92, 58, 34]), Rgb([166, 116, 60]), Rgb([120, 120, 124]), Rgb([150, 58, 34])];
const GROUNDS: [Rgb<u8>; 4] = [Rgb([214, 224, 236]), Rgb([228, 222, 206]), Rgb([210, 230, 216]), Rgb([232, 214, 226])];

/// A part of a drawing: an upright ellipse in parts of the picture's side, from 0 to 1.
struct Ellipse {
    center: (f64, f64),
    radius: (f64, f64),
    color: Rgb<u8>,
}

/// A portrait as PNG.
pub(super) fn draw_portrait(person: &DemoPerson) -> image::ImageResult<Vec<u8>> {
    let mut image = RgbImage::new(PORTRAIT_SIDE, PORTRAIT_SIDE);
    paint_portrait(&mut image, (0, 0), PORTRAIT_SIDE, person.number);
    to_png(&image)
}

/// The front of a document as PNG.
pub(super) fn draw_document_front(person: &DemoPerson) -> image::ImageResult<Vec<u8>> {
    let mut image = blank_document(person);
    paint_portrait(&mut image, (32, 102), 180, person.number);
    let title = person.document_type().replace('_', " ");
    draw_text(&mut image, &format!("{} {title}", person.country()), (32, 32), 4, INK);
    let lines = [
        ("NAME", person.name()),
        ("NUMBER", person.document_number()),
        ("BORN", person.date_of_birth()),
        ("SEX", person.gender().to_owned()),
    ];
    for (row, (label, value)) in (0_u32..).zip(lines) {
        draw_text(&mut image, label, (236, 102 + row * 48), 1, INK);
        draw_text(&mut image, &value, (236, 114 + row * 48), 3, INK);
    }
    let zone = format!("P<{}{}<<SPECIMEN", person.country(), person.name().replace(' ', "<")).to_uppercase();
    draw_text(&mut image, &zone, (24, 350), 3, INK);
    to_png(&image)
}

/// The back of a document as PNG.
pub(super) fn draw_document_back(person: &DemoPerson) -> image::ImageResult<Vec<u8>> {
    let mut image = blank_document(person);
    draw_text(&mut image, "THIS DOCUMENT IS INVENTED", (32, 40), 3, INK);
    draw_text(&mut image, &person.document_number(), (32, 120), 3, INK);
    // Bars without a meaning.
    for bar in 0..72 {
        let width = 1 + (bar * 7 + u32::try_from(person.number).unwrap_or(0)) % 5;
        fill_rectangle(&mut image, (32 + bar * 8, 250), (width, 110), INK);
    }
    to_png(&image)
}

fn blank_document(person: &DemoPerson) -> RgbImage {
    let mut image = RgbImage::from_pixel(DOCUMENT_WIDTH, DOCUMENT_HEIGHT, GROUNDS[person.number % GROUNDS.len()]);
    for row in 0..3 {
        draw_text(&mut image, "SPECIMEN", (58 + row * 20, 70 + row * 115), 10, PALE);
    }
    image
}

fn paint_portrait(image: &mut RgbImage, corner: (u32, u32), side: u32, number: usize) {
    let pick = |colors: &[Rgb<u8>], factor: usize| colors[number * factor % colors.len()];
    let (skin, hair) = (pick(&SKINS, 3), pick(&HAIRS, 7));
    let tint = |factor: usize| u8::try_from(60 + number * factor % 120).unwrap_or(60);
    let shirt = Rgb([tint(37), tint(53), 110]);
    fill_rectangle(image, corner, (side, side), pick(&GROUNDS, 1));
    let jaw = 0.25 + f64::from(u32::try_from(number % 5).unwrap_or(0)) * 0.012;
    let eyes = 0.105 + f64::from(u32::try_from(number % 4).unwrap_or(0)) * 0.006;
    let ellipse = |center, radius, color| Ellipse { center, radius, color };
    let white = Rgb([250, 250, 250]);
    let parts = [
        ellipse((0.5, 1.05), (0.42, 0.28), shirt),
        ellipse((0.5, 0.42), (jaw + 0.05, 0.34), hair),
        ellipse((0.5, 0.82), (0.1, 0.12), skin),
        ellipse((0.5, 0.5), (jaw, 0.31), skin),
        ellipse((0.5, 0.2), (jaw + 0.01, 0.1), hair),
        ellipse((0.5 - eyes, 0.47), (0.045, 0.025), white),
        ellipse((0.5 + eyes, 0.47), (0.045, 0.025), white),
        ellipse((0.5 - eyes, 0.47), (0.02, 0.022), INK),
        ellipse((0.5 + eyes, 0.47), (0.02, 0.022), INK),
        ellipse((0.5 - eyes, 0.415), (0.055, 0.01), hair),
        ellipse((0.5 + eyes, 0.415), (0.055, 0.01), hair),
        ellipse((0.5, 0.57), (0.022, 0.035), darken_color(skin)),
        ellipse((0.5, 0.68), (0.075, 0.016), Rgb([170, 80, 80])),
    ];
    for part in parts {
        fill_ellipse(image, corner, side, &part);
    }
}

fn darken_color(color: Rgb<u8>) -> Rgb<u8> {
    Rgb(color.0.map(|part| part - part / 6))
}

fn fill_ellipse(image: &mut RgbImage, (left, top): (u32, u32), side: u32, part: &Ellipse) {
    let scale = f64::from(side);
    let columns = pixels_of(part.center.0, part.radius.0, side);
    for (x, y) in pixels_of(part.center.1, part.radius.1, side).flat_map(|y| columns.clone().map(move |x| (x, y))) {
        let dx = (f64::from(x) / scale - part.center.0) / part.radius.0;
        let dy = (f64::from(y) / scale - part.center.1) / part.radius.1;
        if dx * dx + dy * dy <= 1.0
            && let Some(pixel) = image.get_pixel_mut_checked(left + x, top + y)
        {
            *pixel = part.color;
        }
    }
}

/// The pixels of a line that an ellipse may cover.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are within the picture")]
fn pixels_of(center: f64, radius: f64, side: u32) -> std::ops::Range<u32> {
    let pixel = |place: f64| (place.clamp(0.0, 1.0) * f64::from(side)) as u32;
    pixel(center - radius)..pixel(center + radius)
}

fn fill_rectangle(image: &mut RgbImage, (left, top): (u32, u32), (width, height): (u32, u32), color: Rgb<u8>) {
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        if let Some(pixel) = image.get_pixel_mut_checked(left + x, top + y) {
            *pixel = color;
        }
    }
}

fn to_png(image: &RgbImage) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}
