//! What the engines read on the sides of a document.

use std::borrow::Cow;

use image::RgbImage;

use super::plain::is_plain;
use super::upright::{self, QuarterTurn};
use super::{DocumentEngines, labels, portrait, print};
use crate::aamva::{self, License};
use crate::barcode::{self, Barcode, SearchEffort};
use crate::face::{Embedding, Face};
use crate::intake::Photo;
use crate::mrz;
use crate::quality::{PixelRect, Quality};
use crate::text::{TextLine, TextPage, TextReader};
use crate::weights::EngineError;
use crate::zone::FoundZone;

/// With this many lines of print outside, borders are those of a field.
const MOST_LINES_OUTSIDE: usize = 2;

/// A face, and whether it belongs to another person than the portrait.
#[derive(Clone, Debug)]
pub(super) struct SideFace {
    pub(super) face: Face,
    /// Its template; faces too small to be compared have none.
    pub(super) embedding: Option<Embedding>,
    pub(super) is_other_person: bool,
}

/// The barcode of one side.
#[derive(Clone, Debug)]
pub(super) enum ReadBarcode {
    None,
    /// A barcode that is not a licence's.
    Other,
    License(Box<License>),
}

impl ReadBarcode {
    fn from_barcode(found: Option<&Barcode>) -> Self {
        match found.map(|found| aamva::parse_license(&found.text)) {
            None => Self::None,
            Some(None) => Self::Other,
            Some(Some(license)) => Self::License(Box::new(license)),
        }
    }

    pub(super) fn license(&self) -> Option<&License> {
        if let Self::License(license) = self { Some(license) } else { None }
    }
}

/// Everything that the engines read on one side.
#[derive(Clone, Debug)]
pub(super) struct DocumentSide {
    pub(super) lines: Vec<TextLine>,
    pub(super) zone: Option<FoundZone>,
    pub(super) has_unread_zone: bool,
    pub(super) barcode: ReadBarcode,
    pub(super) faces: Vec<SideFace>,
    pub(super) quality: Quality,
    /// The document's longest side in pixels of the picture as sent.
    pub(super) resolution: u32,
    /// The eyes of the first face, in shares of the picture as sent.
    pub(super) eyes: Option<[[f32; 2]; 2]>,
}

impl DocumentSide {
    pub(super) fn has_valid_zone(&self) -> bool {
        self.zone.as_ref().is_some_and(|found| found.zone.is_valid())
    }
}

/// What the engines read on a document's sides, before any rule is applied. It depends on the pixels, the engines and their
/// weights alone: not on the day, and not on the tags of the pictures.
#[derive(Clone, Debug)]
pub struct SidesReading {
    pub(super) front: DocumentSide,
    pub(super) back: Option<DocumentSide>,
}

/// Reads a document's front and, where given, its back. What is searched on one side may depend on the other.
///
/// # Errors
/// When an engine's weights cannot be run; never because of what a picture shows.
pub fn read_sides(
    engines: &DocumentEngines<'_>,
    front: &Photo,
    back: Option<&Photo>,
) -> Result<SidesReading, EngineError> {
    let ReadSide { side: mut front_side, upright: upright_front, turn: front_turn, has_text } =
        read_side(engines, front)?;
    if has_text {
        front_side.faces = portrait::find_side_faces(engines.faces, &upright_front.image, front_side.zone.as_ref())?;
    }
    let mut face_turn = QuarterTurn::None;
    // Without any text nothing but a face says which way is up.
    if front_side.faces.is_empty() && front_side.lines.is_empty() {
        (front_side.faces, face_turn) = portrait::find_turned_faces(engines.faces, &upright_front)?;
    }
    let searched_front =
        SearchedPicture { size: face_turn.turn_size(upright_front.image.dimensions()), turns: [face_turn, front_turn] };
    front_side.eyes = searched_front.find_eyes(&front_side.faces);
    let mut back_side = None;
    if let Some(photo) = back {
        let read = read_side(engines, photo)?;
        let mut side = read.side;
        // The portrait is on the front; the back is searched only where the sides may be swapped.
        if front_side.faces.is_empty() {
            side.faces = portrait::find_side_faces(engines.faces, &read.upright.image, None)?;
            let turns = [QuarterTurn::None, read.turn];
            side.eyes = SearchedPicture { size: read.upright.image.dimensions(), turns }.find_eyes(&side.faces);
        }
        read_barcodes((&mut front_side, &upright_front.image), Some((&mut side, &read.upright.image)));
        back_side = Some(side);
    } else {
        read_barcodes((&mut front_side, &upright_front.image), None);
    }
    Ok(SidesReading { front: front_side, back: back_side })
}

/// The picture in which faces were searched: its size, and how it was turned, the last turn first.
struct SearchedPicture {
    size: (u32, u32),
    turns: [QuarterTurn; 2],
}

impl SearchedPicture {
    /// The eyes of the first face, in shares of the picture as it was sent.
    fn find_eyes(&self, faces: &[SideFace]) -> Option<[[f32; 2]; 2]> {
        Some(self.to_sent_shares(faces.first()?.face.eye_centres()?))
    }

    /// Points of this picture, in shares of the picture as it was sent.
    fn to_sent_shares(&self, points: [[f32; 2]; 2]) -> [[f32; 2]; 2] {
        let (width, height) = (self.size.0.max(1) as f32, self.size.1.max(1) as f32);
        points.map(|[x, y]| self.turns.iter().fold([x / width, y / height], |share, turn| turn.undo_share(share)))
    }
}

/// One side without its faces and its barcode.
struct ReadSide<'p> {
    side: DocumentSide,
    /// Its photo, turned so that its text is upright, and that turn.
    upright: Cow<'p, Photo>,
    turn: QuarterTurn,
    /// Whether something on it looks like text, legible or not.
    has_text: bool,
}

/// Reads one side, without its faces and its barcode.
fn read_side<'p>(engines: &DocumentEngines<'_>, photo: &'p Photo) -> Result<ReadSide<'p>, EngineError> {
    let page = if is_plain(&photo.image) { TextPage::without_text() } else { engines.text.read_page(&photo.image)? };
    let (turn, has_text) = (QuarterTurn::for_text(page.direction), page.has_regions);
    let (photo, mut page) = upright::turn_upright(photo, page);
    if page.zone.is_none() {
        reread_numbers(engines.text, &photo.image, &mut page.lines)?;
    }
    let quality = measure_quality(&photo, &page.lines);
    let scale =
        f64::from(photo.width.max(photo.height)) / f64::from(photo.image.width().max(photo.image.height()).max(1));
    let side = DocumentSide {
        lines: page.lines,
        zone: page.zone,
        has_unread_zone: page.has_unread_zone,
        barcode: ReadBarcode::None,
        faces: Vec::new(),
        resolution: (f64::from(quality.resolution) * scale).round() as u32,
        quality,
        eyes: None,
    };
    Ok(ReadSide { side, upright: photo, turn, has_text })
}

/// Reads the numbers of a licence with numbered fields again, from a wider copy of their lines: the recogniser loses a
/// thin letter between two others. Without a zone or barcode nothing else would find that.
fn reread_numbers(text: &TextReader, image: &RgbImage, lines: &mut [TextLine]) -> Result<(), EngineError> {
    if !labels::has_numbered_fields(lines.iter().map(|line| line.text.as_str())) {
        return Ok(());
    }
    for line in lines.iter_mut().filter(|line| print::is_mixed_number(&line.text)) {
        let wider = text.read_wider_line(image, line)?;
        if print::adds_thin_letters(&line.text, &wider.text) {
            *line = wider;
        }
    }
    Ok(())
}

/// Measures the document in the picture. If print lies outside the detected borders, these belong to a field, and the
/// whole picture is measured instead.
fn measure_quality(photo: &Photo, lines: &[TextLine]) -> Quality {
    Quality::measure(&photo.image, &photo.tags, |region| {
        lines.iter().filter(|line| line.corners.iter().all(|corner| is_outside(region, *corner, &photo.image))).count()
            < MOST_LINES_OUTSIDE
    })
}

/// Whether a point is outside a rectangle, by more than an inaccuracy of its borders.
fn is_outside(region: PixelRect, (x, y): (f32, f32), image: &RgbImage) -> bool {
    let margin = 0.02 * image.width().max(image.height()) as f32;
    let (left, top) = (region.left as f32 - margin, region.top as f32 - margin);
    let (right, bottom) = (left + region.width as f32 + 2.0 * margin, top + region.height as f32 + 2.0 * margin);
    x < left || x > right || y < top || y > bottom
}

fn is_passport_zone(found: &FoundZone) -> bool {
    found.zone.document_code.starts_with('P') && found.zone.format == mrz::ZoneFormat::Td3
}

/// Reads the barcodes of both sides, first where one is likelier: beside the zone, or on the back. The patterns of a card's
/// other side look like bars, so there only a clear barcode counts once the first side has a zone or a barcode.
fn read_barcodes(front: (&mut DocumentSide, &RgbImage), back: Option<(&mut DocumentSide, &RgbImage)>) {
    let Some(back) = back else { return read_side_barcode(front, SearchEffort::Thorough) };
    let (first, second) = if front.0.has_valid_zone() { (front, back) } else { (back, front) };
    read_side_barcode((&mut *first.0, first.1), SearchEffort::Thorough);
    let is_known = first.0.has_valid_zone() || !matches!(first.0.barcode, ReadBarcode::None);
    read_side_barcode(second, if is_known { SearchEffort::Clear } else { SearchEffort::Thorough });
}

fn read_side_barcode((side, image): (&mut DocumentSide, &RgbImage), effort: SearchEffort) {
    // A passport's page has no such barcode.
    let is_passport = side.zone.as_ref().is_some_and(|found| found.zone.is_valid() && is_passport_zone(found));
    if !is_passport {
        side.barcode = ReadBarcode::from_barcode(barcode::read_pdf417(image, effort).as_ref());
    }
}
