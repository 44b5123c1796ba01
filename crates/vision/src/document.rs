//! Reads a document from pictures of both sides and checks it.
//!
//! Only [`read_sides`] calls engines; [`judge_sides`] applies all rules, which are in modules of their own and take plain
//! values. What a picture shows is data: printed text can only fill a field or contradict another.

mod agreement;
mod checks;
mod claims;
mod date;
mod expiry;
mod fields;
mod kept;
mod labels;
mod letters;
mod names;
mod numbers;
mod picture;
mod plain;
mod portrait;
mod print;
mod states;
mod upright;
mod verdict;

use std::borrow::Cow;

use crate::aamva::{self, License};
use crate::barcode::{self, Barcode, SearchEffort};
use crate::face::{Embedding, Face, FaceEngine};
use crate::finding::Finding;
use crate::intake::Photo;
use crate::mrz;
use image::RgbImage;

use crate::quality::{PixelRect, Quality, detect_editor};
use crate::text::{TextLine, TextPage, TextReader};
use crate::weights::EngineError;
use crate::zone::FoundZone;

use agreement::Agreement;
use checks::{DocumentDates, SideComparison};
use claims::SourceClaims;
use expiry::complete_expiry;
use picture::SidePicture;
use plain::is_plain;
use print::PrintedText;
use upright::QuarterTurn;
use verdict::weigh_authenticity;

pub use date::Date;
pub use fields::{FieldSource, ReadFields};
pub use kept::MAX_KEPT_BYTES;
pub use names::{is_latin, is_same_name, is_whole_name_of};
pub use verdict::Authenticity;

/// With this many lines of print outside, borders are those of a field.
const MOST_LINES_OUTSIDE: usize = 2;

/// The engines that read documents.
#[derive(Clone, Copy)]
pub struct DocumentEngines<'a> {
    pub text: &'a TextReader,
    pub faces: &'a FaceEngine,
}

/// The holder's face on the document.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Whether it is in the picture of the back.
    pub on_back: bool,
    /// Its places are in the picture as it is turned upright.
    pub face: Face,
    /// Its template.
    pub embedding: Embedding,
    /// The person's right and left eye, in shares of the picture as it was sent.
    pub eyes: Option<[[f32; 2]; 2]>,
}

/// The fields, the findings and the verdict.
#[derive(Clone, Debug)]
pub struct DocumentReading {
    pub fields: ReadFields,
    pub source: FieldSource,
    /// Whether that source is proved: a barcode, or a zone with right check digits.
    pub is_proven: bool,
    pub authenticity: Authenticity,
    /// One finding per check, always the same checks in the same sequence.
    pub findings: Vec<Finding>,
    pub portrait: Option<Portrait>,
    /// What each part of the document says by itself: the zone, the barcode, the print. Only parts that were found.
    pub readings: Vec<SourceReading>,
}

/// What one part of the document says, as it was read: not compared with the other parts, nor completed by them.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceReading {
    pub source: FieldSource,
    pub fields: ReadFields,
}

/// A face, and whether it belongs to another person than the portrait.
#[derive(Clone, Debug)]
struct SideFace {
    face: Face,
    /// Its template; faces too small to be compared have none.
    embedding: Option<Embedding>,
    is_other_person: bool,
}

/// The barcode of one side.
#[derive(Clone, Debug)]
enum ReadBarcode {
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

    fn license(&self) -> Option<&License> {
        if let Self::License(license) = self { Some(license) } else { None }
    }
}

/// Everything that the engines read on one side.
#[derive(Clone, Debug)]
struct DocumentSide {
    lines: Vec<TextLine>,
    zone: Option<FoundZone>,
    has_unread_zone: bool,
    barcode: ReadBarcode,
    faces: Vec<SideFace>,
    quality: Quality,
    /// The document's longest side in pixels of the picture as sent.
    resolution: u32,
    /// The eyes of the first face, in shares of the picture as sent.
    eyes: Option<[[f32; 2]; 2]>,
}

impl DocumentSide {
    fn has_valid_zone(&self) -> bool {
        self.zone.as_ref().is_some_and(|found| found.zone.is_valid())
    }
}

/// What the engines read on a document's sides, before any rule is applied. It depends on the pixels, the engines and their
/// weights alone: not on the day, and not on the tags of the pictures.
#[derive(Clone, Debug)]
pub struct SidesReading {
    front: DocumentSide,
    back: Option<DocumentSide>,
}

/// The programs that the pictures named when they were sent: [`crate::intake::Tags::software`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SideEditors<'a> {
    pub front: Option<&'a str>,
    pub back: Option<&'a str>,
}

/// Reads a document's front and, where given, its back, and judges it. `today` decides what has expired.
///
/// # Errors
/// When an engine's weights cannot be run; never because of what a picture shows.
pub fn read_document(
    engines: &DocumentEngines<'_>,
    front: &Photo,
    back: Option<&Photo>,
    today: Date,
) -> Result<DocumentReading, EngineError> {
    let editors = SideEditors {
        front: front.tags.software.as_deref(),
        back: back.and_then(|back| back.tags.software.as_deref()),
    };
    Ok(judge_sides(read_sides(engines, front, back)?, editors, today))
}

/// Applies all rules to what the engines read. Cheap and pure: it runs anew whenever a verdict is needed.
#[must_use]
pub fn judge_sides(mut sides: SidesReading, editors: SideEditors<'_>, today: Date) -> DocumentReading {
    sides.front.quality.editor = editors.front.and_then(detect_editor);
    if let Some(back) = &mut sides.back {
        back.quality.editor = editors.back.and_then(detect_editor);
    }
    assess_document(&sides.front, sides.back.as_ref(), today)
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

/// The text of one side: its zone, its barcode and its print.
struct SideText {
    zone: Option<SourceClaims>,
    barcode: Option<SourceClaims>,
    print: PrintedText,
}

impl SideText {
    fn from_side(side: &DocumentSide, today: Date) -> Self {
        let zone = side.zone.as_ref();
        Self {
            zone: zone.map(|found| SourceClaims::from_zone(&found.zone, found.confidence, today)),
            barcode: side.barcode.license().map(SourceClaims::from_license),
            print: PrintedText::from_lines(&side.lines, zone.map(|found| (found.corners, found.zone.lines.as_slice()))),
        }
    }

    fn to_comparison(&self) -> SideComparison<'_> {
        SideComparison { claims: self.zone.as_ref().or(self.barcode.as_ref()), print: &self.print }
    }
}

/// Applies all rules to what the engines read.
fn assess_document(front: &DocumentSide, back: Option<&DocumentSide>, today: Date) -> DocumentReading {
    let said_front = SideText::from_side(front, today);
    let said_back = back.map(|side| SideText::from_side(side, today));
    let print =
        said_back.as_ref().map_or_else(|| said_front.print.clone(), |back| said_front.print.clone().merge(&back.print));
    let found = choose_zone(front.zone.as_ref(), back.and_then(|side| side.zone.as_ref()));
    let zone = found.map(|found| SourceClaims::from_zone(&found.zone, found.confidence, today));
    let barcode = said_front.barcode.clone().or_else(|| said_back.as_ref().and_then(|back| back.barcode.clone()));
    let claims = choose_claims(zone.as_ref(), barcode.as_ref()).map(|claims| complete_expiry(claims, &print, today));
    let claims = claims.as_ref();
    let code = found.map(|found| found.zone.document_code.as_str());
    let kind = fields::detect_document_type(code, barcode.is_some(), &print);
    let (mut fields, source) = choose_fields(claims, &print, today);
    kind.clone_into(&mut fields.document_type);
    fields.other_numbers = numbers::find_other_numbers(claims, &print);

    let sides = [Some((false, front)), back.map(|side| (true, side))];
    let complete =
        claims.is_some_and(|claims| claims.proven && Agreement::compare_claims(claims, &print).is_sufficient());
    let pictures = sides.into_iter().flatten().map(|(on_back, side)| to_side_picture(side, on_back, complete));
    let pictures: Vec<SidePicture> = pictures.collect();
    let sides_match = checks::check_sides_match(
        &said_front.to_comparison(),
        said_back.as_ref().map(SideText::to_comparison).as_ref(),
    );
    let (portrait, portrait_present) = portrait::choose_portrait(front, back, sides_match.outcome);
    let dates = collect_dates(claims, &fields, &print);
    let mut findings = picture::check_pictures(&pictures);
    findings.extend([
        checks::check_zone_kind(found, sides.iter().flatten().any(|(_, side)| side.has_unread_zone)),
        checks::check_barcode_kind(choose_barcode(front, back)),
        checks::check_zone_digits(found, kind == "passport"),
        compare_with_print("mrz_matches_print", checks::ZONE_PHRASE, zone.as_ref(), &print),
        compare_with_print("barcode_matches_print", checks::BARCODE_PHRASE, barcode.as_ref(), &print),
        checks::check_zone_and_barcode(zone.as_ref(), barcode.as_ref()),
        sides_match,
        checks::check_expiry(&dates, today),
        checks::check_plausible_dates(&dates, today),
        checks::check_issuing_state(claims),
        checks::check_specimen(claims),
        portrait_present,
    ]);
    let is_proven = claims.is_some_and(|claims| claims.proven);
    let readings = list_readings(zone.as_ref(), barcode.as_ref(), &print, today);
    let authenticity = weigh_authenticity(&findings);
    DocumentReading { authenticity, fields, source, is_proven, findings, portrait, readings }
}

/// What each part says that was found.
fn list_readings(
    zone: Option<&SourceClaims>,
    barcode: Option<&SourceClaims>,
    print: &PrintedText,
    today: Date,
) -> Vec<SourceReading> {
    let zone = zone.map(|zone| (FieldSource::Mrz, ReadFields::from_source(zone)));
    let barcode = barcode.map(|barcode| (FieldSource::Barcode, ReadFields::from_source(barcode)));
    let print = (FieldSource::Print, ReadFields::from_print(print, today));
    let found = zone.into_iter().chain(barcode).chain([print]);
    let found = found.filter(|(_, fields)| *fields != ReadFields::default());
    found.map(|(source, fields)| SourceReading { source, fields }).collect()
}

/// The zone with right check digits, the front's before the back's; else the one read with more certainty.
fn choose_zone<'z>(front: Option<&'z FoundZone>, back: Option<&'z FoundZone>) -> Option<&'z FoundZone> {
    let (Some(one), Some(other)) = (front, back) else { return front.or(back) };
    let better = match (one.zone.is_valid(), other.zone.is_valid()) {
        (true, _) => one,
        (false, true) => other,
        (false, false) if other.confidence > one.confidence => other,
        (false, false) => one,
    };
    Some(better)
}

/// The licence's barcode, else any barcode.
fn choose_barcode<'b>(front: &'b DocumentSide, back: Option<&'b DocumentSide>) -> &'b ReadBarcode {
    let sides = || std::iter::once(front).chain(back).map(|side| &side.barcode);
    let any = || sides().find(|barcode| !matches!(barcode, ReadBarcode::None));
    sides().find(|barcode| barcode.license().is_some()).or_else(any).unwrap_or(&ReadBarcode::None)
}

/// A proven zone, else the barcode, else an unproven zone.
fn choose_claims<'c>(zone: Option<&'c SourceClaims>, barcode: Option<&'c SourceClaims>) -> Option<&'c SourceClaims> {
    zone.filter(|zone| zone.proven).or(barcode).or(zone)
}

/// The fields and their source. A zone with wrong digits only fills what print leaves open.
fn choose_fields(claims: Option<&SourceClaims>, print: &PrintedText, today: Date) -> (ReadFields, FieldSource) {
    let printed = ReadFields::from_print(print, today);
    let printed_source = if printed == ReadFields::default() { FieldSource::Nothing } else { FieldSource::Print };
    let Some(claims) = claims else { return (printed, printed_source) };
    let claims = &claims.without_doubtful_fields();
    let claimed = ReadFields::from_claims(claims, &Agreement::compare_claims(claims, print), print, today);
    match (claims.kind, claims.proven) {
        (claims::ClaimSource::Barcode, _) => (claimed.fill_missing_from(printed), FieldSource::Barcode),
        (claims::ClaimSource::Zone, true) => {
            (claimed.with_printed_given_names(&printed).fill_missing_from(printed), FieldSource::Mrz)
        }
        (claims::ClaimSource::Zone, false) if printed.name.is_empty() => {
            (printed.fill_missing_from(claimed), FieldSource::Mrz)
        }
        (claims::ClaimSource::Zone, false) => (printed.fill_missing_from(claimed), FieldSource::Print),
    }
}

fn to_side_picture(side: &DocumentSide, on_back: bool, complete: bool) -> SidePicture {
    SidePicture {
        on_back,
        quality: side.quality.clone(),
        resolution: side.resolution,
        readable: side.barcode.license().is_some() || checks::is_readable(&side.lines, side.zone.as_ref()),
        complete,
    }
}

/// The document's dates: from the proven source, else from print, which proves nothing.
fn collect_dates(claims: Option<&SourceClaims>, fields: &ReadFields, print: &PrintedText) -> DocumentDates {
    let printed = |date: Option<Date>| {
        date.map(|date| date::ClaimedDate {
            year: date.year(),
            month: Some(date.month()),
            day: Some(date.day()),
            full_year: true,
        })
    };
    let claimed =
        |own: fn(&SourceClaims) -> Option<date::ClaimedDate>| claims.filter(|claims| claims.proven).and_then(own);
    let birth = claimed(|claims| claims.date_of_birth);
    DocumentDates {
        // The fields already have an existing day with the century from print. Only a day that does not exist counts
        // against the source.
        birth: birth.filter(|birth| birth.to_exact_date().is_none()).or_else(|| printed(fields.date_of_birth)),
        expiry: claimed(|claims| claims.expiry).or_else(|| printed(fields.expiry)),
        issued: claimed(|claims| claims.issued).or_else(|| printed(fields.issued)),
        has_no_expiry: match claims.filter(|claims| claims.proven) {
            Some(claims) => claims.has_no_expiry,
            None => fields.expiry.is_none() && expiry::has_printed_no_end(print),
        },
        proven: claims.is_some_and(|claims| claims.proven),
        issued_proven: claimed(|claims| claims.issued).is_some(),
    }
}

fn compare_with_print(code: &'static str, source: &str, claims: Option<&SourceClaims>, print: &PrintedText) -> Finding {
    match claims {
        Some(claims) => agreement::agreement_finding(code, source, claims, &Agreement::compare_claims(claims, print)),
        None => Finding::new(
            code,
            crate::finding::Outcome::NotApplicable,
            format!("Nothing could be compared with the printed text: {source} was not found on the document."),
        ),
    }
}

#[cfg(test)]
mod tests;
