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
mod sides;
mod states;
mod upright;
mod verdict;

use crate::face::{Embedding, Face, FaceEngine};
use crate::finding::Finding;
use crate::intake::Photo;
use crate::quality::detect_editor;
use crate::text::TextReader;
use crate::weights::EngineError;
use crate::zone::FoundZone;

use agreement::Agreement;
use checks::{DocumentDates, SideComparison};
use claims::SourceClaims;
use expiry::complete_expiry;
use picture::SidePicture;
use print::PrintedText;
use sides::{DocumentSide, ReadBarcode, SideFace};
use verdict::weigh_authenticity;

pub use date::Date;
pub use fields::{FieldSource, ReadFields};
pub use kept::MAX_KEPT_BYTES;
pub use names::{is_latin, is_same_name, is_whole_name_of};
pub use sides::{SidesReading, read_sides};
pub use verdict::Authenticity;

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
