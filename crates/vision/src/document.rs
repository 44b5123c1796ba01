//! The document as a whole: both sides are read, and what was checked is said.
//!
//! Engines are called in [`read`] only; all rules are in rooms of their own and take plain values. What a picture shows
//! is data: nothing printed on it can do more than stand in a field or contradict another.

mod agreement;
mod checks;
mod claims;
mod date;
mod fields;
mod labels;
mod letters;
mod names;
mod picture;
mod portrait;
mod print;
mod states;
mod verdict;

use image::RgbImage;

use crate::aamva::{self, License};
use crate::face::{Face, FaceEngine};
use crate::finding::Finding;
use crate::intake::Photo;
use crate::quality::{self, Framing, Quality, Region};
use crate::text::{Line, TextReader};
use crate::weights::EngineError;
use crate::zone::FoundZone;
use crate::{barcode, mrz};

use agreement::Agreement;
use checks::{Dates, SideSays};
use claims::Claims;
use picture::Picture;
use print::Print;
use verdict::authenticity;

pub use date::Date;
pub use fields::{Fields, Source};
pub use names::{is_latin, is_same_name};
pub use verdict::Authenticity;

/// The engines that read documents.
#[derive(Clone, Copy)]
pub struct Engines<'a> {
    pub text: &'a TextReader,
    pub faces: &'a FaceEngine,
}

/// The holder's face on the document.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Whether it is in the picture of the back.
    pub on_back: bool,
    pub face: Face,
}

/// What was read, what was checked, and what that comes to.
#[derive(Clone, Debug)]
pub struct Document {
    pub fields: Fields,
    pub source: Source,
    /// Whether that source is proved: a barcode, or a zone whose check digits are right.
    pub is_proven: bool,
    pub authenticity: Authenticity,
    /// One entry a check, always the same checks in the same order.
    pub findings: Vec<Finding>,
    pub portrait: Option<Portrait>,
}

/// A face, and whether it is another person's than the portrait.
#[derive(Clone, Debug)]
struct SeenFace {
    face: Face,
    is_somebody_else: bool,
}

/// All that the engines saw on one side.
#[derive(Clone, Debug)]
struct Side {
    lines: Vec<Line>,
    zone: Option<FoundZone>,
    license: Option<License>,
    faces: Vec<SeenFace>,
    quality: Quality,
    /// The document's longest side in pixels of the picture as it was sent.
    resolution: u32,
}

/// Reads a document's front and, where given, its back. `today` decides what has expired.
///
/// # Errors
/// When an engine's weights cannot be run; never because of what a picture shows.
pub fn read(engines: &Engines<'_>, front: &Photo, back: Option<&Photo>, today: Date) -> Result<Document, EngineError> {
    let mut front = seen(engines, front)?;
    front.0.faces = portrait::faces(engines.faces, front.1, front.0.zone.as_ref())?;
    let back = match back {
        Some(photo) => {
            let (mut side, image) = seen(engines, photo)?;
            // The portrait is on the front; looked for on the back only where the sides may be swapped.
            if front.0.faces.is_empty() {
                side.faces = portrait::faces(engines.faces, image, None)?;
            }
            Some(side)
        }
        None => None,
    };
    Ok(judged(&front.0, back.as_ref(), today))
}

fn seen<'p>(engines: &Engines<'_>, photo: &'p Photo) -> Result<(Side, &'p RgbImage), EngineError> {
    let page = engines.text.read(&photo.image)?;
    let quality = quality_of(photo, &page.lines);
    // A passport's page has no such barcode, and looking for one is what costs most after its text.
    let is_passport = page.zone.as_ref().is_some_and(|found| found.zone.is_valid() && is_passport(found));
    let text = if is_passport { None } else { barcode::pdf417(&photo.image) };
    let scale =
        f64::from(photo.width.max(photo.height)) / f64::from(photo.image.width().max(photo.image.height()).max(1));
    let side = Side {
        lines: page.lines,
        zone: page.zone,
        license: text.and_then(|found| aamva::parse(&found.text)),
        faces: Vec::new(),
        resolution: (f64::from(quality.resolution) * scale).round() as u32,
        quality,
    };
    Ok((side, &photo.image))
}

/// The picture's figures, of the document in it. What was taken for its borders is not where print lies outside: then it is a
/// field, and the document may be anywhere.
fn quality_of(photo: &Photo, lines: &[Line]) -> Quality {
    let (width, height) = photo.image.dimensions();
    let found = quality::document(&photo.image).region;
    let is_outside = |region: Region, (x, y): (f32, f32)| {
        let margin = 0.02 * width.max(height) as f32;
        let (left, top) = (region.left as f32 - margin, region.top as f32 - margin);
        let (right, bottom) = (left + region.width as f32 + 2.0 * margin, top + region.height as f32 + 2.0 * margin);
        x < left || x > right || y < top || y > bottom
    };
    let outside = found.map_or(0, |region| {
        lines.iter().filter(|line| line.corners.iter().all(|corner| is_outside(region, *corner))).count()
    });
    if outside < 2 {
        return Quality::of(&photo.image, None, &photo.tags);
    }
    let whole = Region { left: 0, top: 0, width, height };
    Quality { framing: Framing::Unsure, ..Quality::of(&photo.image, Some(whole), &photo.tags) }
}

fn is_passport(found: &FoundZone) -> bool {
    found.zone.document_code.starts_with('P') && found.zone.format == mrz::Format::Td3
}

/// What a side says once it is read.
struct Said {
    zone: Option<Claims>,
    barcode: Option<Claims>,
    print: Print,
}

impl Said {
    fn of(side: &Side, today: Date) -> Self {
        let zone = side.zone.as_ref();
        Self {
            zone: zone.map(|found| Claims::of_zone(&found.zone, found.confidence, today)),
            barcode: side.license.as_ref().map(Claims::of_license),
            print: Print::of(&side.lines, zone.map(|found| (found.corners, found.zone.lines.as_slice()))),
        }
    }

    fn for_comparison(&self) -> SideSays<'_> {
        SideSays { claims: self.zone.as_ref().or(self.barcode.as_ref()), print: &self.print }
    }
}

/// All rules, on what the engines saw.
fn judged(front: &Side, back: Option<&Side>, today: Date) -> Document {
    let said_front = Said::of(front, today);
    let said_back = back.map(|side| Said::of(side, today));
    let print =
        said_back.as_ref().map_or_else(|| said_front.print.clone(), |back| said_front.print.clone().and(&back.print));
    let found = best_zone(front.zone.as_ref(), back.and_then(|side| side.zone.as_ref()));
    let zone = found.map(|found| Claims::of_zone(&found.zone, found.confidence, today));
    let barcode = said_front.barcode.clone().or_else(|| said_back.as_ref().and_then(|back| back.barcode.clone()));
    let claims = best_claims(zone.as_ref(), barcode.as_ref());
    let code = found.map(|found| found.zone.document_code.as_str());
    let kind = fields::document_type(code, barcode.is_some(), &print);
    let (mut fields, source) = best_fields(claims, &print, today);
    kind.clone_into(&mut fields.document_type);

    let sides = [Some((false, front)), back.map(|side| (true, side))];
    let complete = claims.is_some_and(|claims| claims.proven && Agreement::between(claims, &print).holds());
    let pictures = sides.into_iter().flatten().map(|(on_back, side)| picture(side, on_back, complete));
    let pictures: Vec<Picture> = pictures.collect();
    let sides_match =
        checks::sides(&said_front.for_comparison(), said_back.as_ref().map(Said::for_comparison).as_ref());
    let (portrait, portrait_present) = portrait::found(front, back, sides_match.outcome);
    let dates = dates(claims, &fields);
    let mut findings = picture::findings(&pictures);
    findings.extend([
        checks::check_digits(found, kind == "passport"),
        against_print("mrz_matches_print", checks::ZONE, zone.as_ref(), &print),
        against_print("barcode_matches_print", checks::BARCODE, barcode.as_ref(), &print),
        checks::zone_against_barcode(zone.as_ref(), barcode.as_ref()),
        sides_match,
        checks::expired(&dates, today),
        checks::plausible_dates(&dates, today),
        checks::issuing_state(claims),
        checks::specimen(claims),
        portrait_present,
    ]);
    let is_proven = claims.is_some_and(|claims| claims.proven);
    Document { authenticity: authenticity(&findings), fields, source, is_proven, findings, portrait }
}

/// A zone whose digits are right, the front's before the back's; else the one read with more certainty.
fn best_zone<'z>(front: Option<&'z FoundZone>, back: Option<&'z FoundZone>) -> Option<&'z FoundZone> {
    let (Some(one), Some(other)) = (front, back) else { return front.or(back) };
    let better = match (one.zone.is_valid(), other.zone.is_valid()) {
        (true, _) => one,
        (false, true) => other,
        (false, false) if other.confidence > one.confidence => other,
        (false, false) => one,
    };
    Some(better)
}

/// A proven zone, else the barcode, else a zone as it was read.
fn best_claims<'c>(zone: Option<&'c Claims>, barcode: Option<&'c Claims>) -> Option<&'c Claims> {
    zone.filter(|zone| zone.proven).or(barcode).or(zone)
}

/// The fields and where they come from. A zone whose digits are wrong fills only what print leaves open.
fn best_fields(claims: Option<&Claims>, print: &Print, today: Date) -> (Fields, Source) {
    let printed = Fields::of_print(print, today);
    let printed_source = if printed == Fields::default() { Source::Nothing } else { Source::Print };
    let Some(claims) = claims else { return (printed, printed_source) };
    let claims = &claims.believable();
    let claimed = Fields::of_claims(claims, &Agreement::between(claims, print), print, today);
    match (claims.kind, claims.proven) {
        (claims::Kind::Barcode, _) => (claimed.or(printed), Source::Barcode),
        (claims::Kind::Zone, true) => (claimed.or(printed), Source::Mrz),
        (claims::Kind::Zone, false) if printed.name.is_empty() => (printed.or(claimed), Source::Mrz),
        (claims::Kind::Zone, false) => (printed.or(claimed), Source::Print),
    }
}

fn picture(side: &Side, on_back: bool, complete: bool) -> Picture {
    Picture {
        on_back,
        quality: side.quality.clone(),
        resolution: side.resolution,
        readable: side.license.is_some() || checks::is_readable(&side.lines, side.zone.as_ref()),
        complete,
    }
}

/// The document's dates: a source's own, else what print says, which proves nothing.
fn dates(claims: Option<&Claims>, fields: &Fields) -> Dates {
    let printed = |date: Option<Date>| {
        date.map(|date| date::ClaimedDate {
            year: date.year(),
            month: Some(date.month()),
            day: Some(date.day()),
            full_year: true,
        })
    };
    let claimed = |own: fn(&Claims) -> Option<date::ClaimedDate>| claims.filter(|claims| claims.proven).and_then(own);
    let birth = claimed(|claims| claims.date_of_birth);
    Dates {
        // A day that is known has print's century in the fields; one that does not exist is held against the source.
        birth: birth.filter(|birth| birth.exact().is_none()).or_else(|| printed(fields.date_of_birth)),
        expiry: claimed(|claims| claims.expiry).or_else(|| printed(fields.expiry)),
        issued: claimed(|claims| claims.issued).or_else(|| printed(fields.issued)),
        proven: claims.is_some_and(|claims| claims.proven),
        issued_proven: claimed(|claims| claims.issued).is_some(),
    }
}

fn against_print(code: &'static str, source: &str, claims: Option<&Claims>, print: &Print) -> Finding {
    match claims {
        Some(claims) => agreement::finding(code, source, claims, &Agreement::between(claims, print)),
        None => Finding::new(
            code,
            crate::finding::Outcome::NotApplicable,
            format!("Nothing could be compared with the printed text: {source} was not found on the document."),
        ),
    }
}

#[cfg(test)]
mod tests;
