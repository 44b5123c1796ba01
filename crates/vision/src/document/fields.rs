//! The document's fields, taken from the best source.

use serde::Serialize;

use crate::mrz::Sex;

use super::agreement::{Agreement, add_printed_century};
use super::claims::SourceClaims;
use super::date::{ClaimedDate, Date, PrintedDate, find_printed_dates};
use super::labels::FieldLabel;
use super::letters::fold_to_ascii;
use super::print::{PrintedText, parse_document_number, parse_sex_letter};

/// The source of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldSource {
    Mrz,
    Barcode,
    Print,
    Nothing,
}

/// What the document states about itself and its holder; empty if it does not, or if it could not be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadFields {
    /// Given names and surname, or the whole name if print does not divide it.
    pub name: String,
    pub surname: String,
    pub given_names: String,
    /// Whether the end of a name may be missing: the zone had no room for it, and print does not show it.
    pub is_name_cut: bool,
    pub document_number: String,
    /// Other numbers that both the zone and the print have, such as the holder's personal number.
    pub other_numbers: Vec<String>,
    /// As on the document: ICAO 9303's code, such as `D`, `UTO` or `RKS`; `USA`, `CAN` or `MEX` for licences.
    pub issuing_state: String,
    /// ICAO 9303's code, or as it is printed.
    pub nationality: String,
    /// `passport`, `national_id`, `residence_permit`, `visa`, `driver_license`, or empty.
    pub document_type: String,
    pub address: String,
    pub sex: Option<Sex>,
    pub date_of_birth: Option<Date>,
    pub expiry: Option<Date>,
    pub issued: Option<Date>,
}

impl ReadFields {
    /// The fields of a zone or a barcode as it says them.
    pub(super) fn from_source(claims: &SourceClaims) -> Self {
        Self {
            name: join_names(&claims.given_names, &claims.surname),
            surname: claims.surname.clone(),
            given_names: claims.given_names.clone(),
            is_name_cut: claims.cut,
            document_number: claims.document_number.clone(),
            other_numbers: Vec::new(),
            issuing_state: claims.issuing_state.clone(),
            nationality: claims.nationality.clone(),
            document_type: String::new(),
            address: claims.address.clone(),
            sex: Some(claims.sex),
            date_of_birth: claims.date_of_birth.and_then(ClaimedDate::to_exact_date),
            expiry: claims.expiry.and_then(ClaimedDate::to_exact_date),
            issued: claims.issued.and_then(ClaimedDate::to_exact_date),
        }
    }

    /// The fields of a zone or a barcode, with names in the spelling of the print.
    pub(super) fn from_claims(claims: &SourceClaims, agreement: &Agreement, print: &PrintedText, today: Date) -> Self {
        let spelling = &agreement.spelling;
        let surname = spelling.surname.clone().unwrap_or_else(|| claims.surname.clone());
        let given_names = spelling.given_names.clone().unwrap_or_else(|| claims.given_names.clone());
        let birth = claims.date_of_birth.map(|birth| add_printed_century(birth, print, today));
        Self {
            name: join_names(&given_names, &surname),
            surname,
            given_names,
            is_name_cut: claims.cut && !agreement.spelling.is_whole,
            document_number: claims.document_number.clone(),
            other_numbers: Vec::new(),
            issuing_state: claims.issuing_state.clone(),
            nationality: claims.nationality.clone(),
            document_type: String::new(),
            address: claims.address.clone(),
            sex: Some(claims.sex),
            date_of_birth: birth.and_then(ClaimedDate::to_exact_date),
            expiry: claims.expiry.and_then(|expiry| expiry.to_exact_date().or_else(|| find_printed_day(expiry, print))),
            issued: claims.issued.and_then(ClaimedDate::to_exact_date),
        }
    }

    /// The printed values next to labels. Nothing is guessed: a field without a label stays empty.
    pub(super) fn from_print(print: &PrintedText, today: Date) -> Self {
        let text = |field| print.values_for(field).next().map(|value| value.text.trim().to_owned()).unwrap_or_default();
        let (mut surname, mut given_names, name) = (
            restore_capitals(&text(FieldLabel::Surname)),
            strip_form_of_address(&restore_capitals(&text(FieldLabel::GivenNames))),
            text(FieldLabel::Name),
        );
        // `Name` is the part that the document's other label leaves over.
        match (surname.is_empty(), given_names.is_empty()) {
            (true, false) => surname.clone_from(&name),
            (false, true) => given_names.clone_from(&name),
            _ => {}
        }
        let whole =
            if surname.is_empty() && given_names.is_empty() { name } else { join_names(&given_names, &surname) };
        let whole = strip_form_of_address(&whole);
        Self {
            name: whole,
            surname,
            given_names,
            is_name_cut: false,
            other_numbers: Vec::new(),
            document_number: print
                .values_for(FieldLabel::DocumentNumber)
                .find_map(|value| parse_document_number(&value.text))
                .unwrap_or_default(),
            issuing_state: String::new(),
            nationality: text(FieldLabel::Nationality),
            document_type: String::new(),
            address: text(FieldLabel::Address),
            sex: print.values_for(FieldLabel::Sex).find_map(|value| parse_sex_letter(&value.text)).map(|letter| {
                match letter {
                    'M' => Sex::Male,
                    'F' => Sex::Female,
                    _ => Sex::Unspecified,
                }
            }),
            date_of_birth: find_labelled_date(print, FieldLabel::DateOfBirth, today, 0),
            expiry: find_labelled_date(print, FieldLabel::Expiry, today, 50),
            issued: find_labelled_date(print, FieldLabel::Issued, today, 0),
        }
    }

    /// Adds the printed given names where the zone has only the surname, as on French licences.
    pub(super) fn with_printed_given_names(mut self, printed: &Self) -> Self {
        let is_holder =
            !self.surname.is_empty() && fold_to_ascii(&printed.surname).starts_with(&fold_to_ascii(&self.surname));
        if self.given_names.is_empty() && is_holder {
            self.given_names.clone_from(&printed.given_names);
            self.name = join_names(&self.given_names, &self.surname);
        }
        self
    }

    /// Fills empty fields from another source.
    pub(super) fn fill_missing_from(self, other: Self) -> Self {
        let text = |own: String, other: String| if own.is_empty() { other } else { own };
        let named = !self.name.is_empty();
        Self {
            surname: if named { self.surname } else { other.surname },
            given_names: if named { self.given_names } else { other.given_names },
            name: if named { self.name } else { other.name },
            is_name_cut: if named { self.is_name_cut } else { other.is_name_cut },
            other_numbers: self.other_numbers,
            document_number: text(self.document_number, other.document_number),
            issuing_state: text(self.issuing_state, other.issuing_state),
            nationality: text(self.nationality, other.nationality),
            document_type: text(self.document_type, other.document_type),
            address: text(self.address, other.address),
            sex: self.sex.or(other.sex),
            date_of_birth: self.date_of_birth.or(other.date_of_birth),
            expiry: self.expiry.or(other.expiry),
            issued: self.issued.or(other.issued),
        }
    }
}

fn join_names(given_names: &str, surname: &str) -> String {
    format!("{given_names} {surname}").trim().to_owned()
}

/// The printed date that a date without a day agrees with, if there is only one.
fn find_printed_day(claimed: ClaimedDate, print: &PrintedText) -> Option<Date> {
    let dates = print.lines.iter().flat_map(|line| find_printed_dates(&line.text)).flatten();
    let agreeing = dates.filter(|date| date.full_year && claimed.month.is_some() && claimed.agrees_with(*date));
    let days: Vec<Date> = agreeing.filter_map(|date| Date::new(date.year, date.month, date.day)).collect();
    days.first().copied().filter(|first| days.iter().all(|day| day == first))
}

/// A printed name in capitals if most of its letters are: recognisers read a marked capital as a small letter.
fn restore_capitals(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphabetic()).count();
    let capitals = name.chars().filter(|letter| letter.is_uppercase()).count();
    if capitals * 3 > letters * 2 { name.to_uppercase() } else { name.to_owned() }
}

/// The date next to a label, if it has one interpretation. A document writes all dates in one order, so another of its
/// dates may decide the order of day and month.
fn find_labelled_date(print: &PrintedText, field: FieldLabel, today: Date, ahead: u16) -> Option<Date> {
    let dates = print.values_for(field).flat_map(|value| find_printed_dates(&value.text)).next()?;
    let all: Vec<Vec<PrintedDate>> = print.lines.iter().flat_map(|line| find_printed_dates(&line.text)).collect();
    let sure =
        |month_first: bool| all.iter().any(|readings| readings.iter().all(|date| date.month_first == month_first));
    let reading = match (dates.as_slice(), sure(true), sure(false)) {
        ([reading], _, _) => Some(reading),
        (readings, true, false) => readings.iter().find(|date| date.month_first),
        (readings, false, true) => readings.iter().find(|date| !date.month_first),
        _ => None,
    };
    reading?.to_date(today, ahead)
}

/// Titles of documents, without marks and spaces.
const TITLES: [(&str, &str); 5] = [
    (
        "residence_permit",
        "RESIDENCEPERMIT AUFENTHALTSTITEL TITREDESEJOUR PERMISODERESIDENCIA PERMESSODISOGGIORNO \
         AUTORIZACAODERESIDENCIA TITULODERESIDENCIA VERBLIJFSTITEL VERBLIJFSDOCUMENT KARTAPOBYTU UPPEHALLSTILLSTAND \
         OPHOLDSTILLADELSE OLESKELULUPA PERMANENTRESIDENT RESIDENTCARD",
    ),
    (
        "driver_license",
        "DRIVINGLICENCE DRIVERLICENSE DRIVERSLICENSE DRIVERSLICENCE DRIVERLICENCE DRIVINGLICENSE FUHRERSCHEIN \
         FUEHRERSCHEIN PERMISDECONDUIRE PERMISODECONDUCCION LICENCIADECONDUCIR PATENTEDIGUIDA CARTADECONDUCAO \
         RIJBEWIJS PRAWOJAZDY KORKORT KOREKORT FORERKORT AJOKORTTI RIDICSKYPRUKAZ VODICSKYPREUKAZ VOZNISKODOVOLJENJE \
         PERMISDECONDUCERE",
    ),
    (
        "national_id",
        "IDENTITYCARD PERSONALAUSWEIS CARTENATIONALEDIDENTITE CARTEDIDENTITE DOCUMENTONACIONALDEIDENTIDAD \
         CARTADIDENTITA DOWODOSOBISTY IDENTITEITSKAART CARTAODECIDADAO CEDULADECIUDADANIA CEDULADEIDENTIDAD \
         NATIONELLTIDKORT HENKILOKORTTI OBCANSKYPRUKAZ OBCIANSKYPREUKAZ OSOBNAISKAZNICA OSEBNAIZKAZNICA \
         CARTEDEIDENTITATE SZEMELYIAZONOSITO IDENTIFICATIONCARD NATIONALID CARTEIRADEIDENTIDADE ASMENSTAPATYBES \
         ISIKUTUNNISTUS PERSONASAPLIECIBA",
    ),
    (
        "passport",
        "PASSPORT PASSEPORT REISEPASS PASAPORTE PASSAPORTO PASSAPORTE PASZPORT PASPOORT PASSI \
         PASAPORT UTLEVEL CESTOVNIPAS",
    ),
    ("visa", "VISA VISUM VISADO VISTO"),
];

/// The kind of document: by its barcode, by the zone's code (ICAO 9303 parts 4 to 7), or by its printed title.
pub(super) fn detect_document_type(code: Option<&str>, is_license: bool, print: &PrintedText) -> &'static str {
    let titled = find_title(print);
    if is_license {
        return titled.filter(|kind| *kind == "national_id").unwrap_or("driver_license");
    }
    match code.map(|code| code.chars().collect::<Vec<_>>()).as_deref() {
        Some(['P', ..]) => "passport",
        Some(['V', ..]) => "visa",
        Some(['D', ..]) => "driver_license",
        // `IR`, `AR` and `CR` are the codes of most residence permits in the European Union; others say so in print
        // only.
        Some([_, 'R', ..]) => "residence_permit",
        Some([..]) if titled == Some("residence_permit") => "residence_permit",
        Some([..]) => "national_id",
        None => titled.unwrap_or_default(),
    }
}

/// Countries as licences print them beside or above the holder's name.
const COUNTRIES: &str = "UK GB IRL UNITEDKINGDOM IRELAND EIRE ESPANA DEUTSCHLAND BUNDESREPUBLIKDEUTSCHLAND FRANCE \
    REPUBLIQUEFRANCAISE ITALIA REPUBBLICAITALIANA PORTUGAL REPUBLICAPORTUGUESA NEDERLAND BELGIE BELGIQUE BELGIEN \
    OSTERREICH REPUBLIKOSTERREICH POLSKA RZECZPOSPOLITAPOLSKA SUOMI SVERIGE DANMARK NORGE HRVATSKA REPUBLIKAHRVATSKA \
    SLOVENIJA REPUBLIKASLOVENIJA ROMANIA MAGYARORSZAG CESKAREPUBLIKA SLOVENSKO SLOVENSKAREPUBLIKA EESTI LATVIJA LIETUVA";

/// Whether a text is a document's title or the name of its country, or begins with a title.
pub(super) fn is_document_title(text: &str) -> bool {
    let folded = fold_to_ascii(text);
    let begins = |title: &str| if title.len() < 6 { folded == title } else { folded.starts_with(title) };
    let mut titles = TITLES.iter().flat_map(|(_, titles)| titles.split_ascii_whitespace());
    titles.any(begins) || COUNTRIES.split_ascii_whitespace().any(|country| country == folded)
}

/// Words before a name that are no part of it.
const FORMS_OF_ADDRESS: &str = "MR MRS MS MISS MX DR PROF SIR DAME LADY LORD REV HERR FRAU SR SRA DON DONA MME MLLE";

/// A name without the form of address before it, as British licences print one. A word alone is a name.
fn strip_form_of_address(name: &str) -> String {
    let Some((first, rest)) = name.split_once(' ') else { return name.to_owned() };
    let folded = fold_to_ascii(first);
    let is_form = FORMS_OF_ADDRESS.split_ascii_whitespace().any(|form| form == folded);
    if is_form && !rest.trim().is_empty() { strip_form_of_address(rest.trim()) } else { name.to_owned() }
}

fn find_title(print: &PrintedText) -> Option<&'static str> {
    let lines: Vec<String> = print.lines.iter().map(|line| fold_to_ascii(&line.text)).collect();
    let names = |titles: &str| {
        // Short titles are parts of other words, so they must be a whole line.
        let stands = |line: &String, title: &str| if title.len() < 6 { line == title } else { line.contains(title) };
        titles.split_ascii_whitespace().any(|title| lines.iter().any(|line| stands(line, title)))
    };
    TITLES.iter().find(|(_, titles)| names(titles)).map(|(kind, _)| *kind)
}
