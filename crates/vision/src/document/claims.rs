//! The content of a machine-readable source: of a zone or of a barcode.

use crate::aamva::{self, License};
use crate::mrz::{MrzDate, Sex, Zone};

use super::date::{ClaimedDate, Date, add_century};
use super::states;

/// The least mean probability of characters at which a reading is certain. Below it a wrong letter may be the picture's
/// fault. Blurred specimens stay below it, sharp ones exceed 0.95.
pub(super) const CERTAIN: f32 = 0.9;

/// The kind of machine-readable source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimSource {
    Zone,
    Barcode,
}

/// The fields of a zone or a barcode.
#[derive(Clone, Debug)]
pub(super) struct SourceClaims {
    pub(super) kind: ClaimSource,
    pub(super) surname: String,
    pub(super) given_names: String,
    /// Whether the name fills its field, so that its end may be missing.
    pub(super) cut: bool,
    pub(super) document_number: String,
    /// The issuer's other numbers: some cards print one of them as the document's number.
    pub(super) other_numbers: Vec<String>,
    pub(super) issuing_state: String,
    pub(super) nationality: String,
    pub(super) sex: Sex,
    pub(super) date_of_birth: Option<ClaimedDate>,
    pub(super) expiry: Option<ClaimedDate>,
    /// Whether the document does not expire.
    pub(super) has_no_expiry: bool,
    pub(super) issued: Option<ClaimedDate>,
    pub(super) address: String,
    /// Whether check digits or the barcode's error correction prove the content. A zone's names have no digit: see
    /// `sure`.
    pub(super) proven: bool,
    /// Fields whose own check digit is wrong: certainly misread, or changed.
    pub(super) wrong: Vec<&'static str>,
    /// Whether every letter was read with certainty.
    pub(super) sure: bool,
}

impl SourceClaims {
    /// The fields of a zone, with centuries chosen relative to today.
    pub(super) fn from_zone(zone: &Zone, confidence: f32, today: Date) -> Self {
        Self {
            kind: ClaimSource::Zone,
            surname: zone.surname.clone(),
            given_names: zone.given_names.clone(),
            cut: zone.is_name_cut(),
            document_number: zone.document_number.clone(),
            other_numbers: zone.optional.iter().filter(|number| !number.is_empty()).cloned().collect(),
            issuing_state: zone.issuing_state.clone(),
            nationality: zone.nationality.clone(),
            sex: zone.sex,
            date_of_birth: resolve_birth_date(zone.date_of_birth, today),
            expiry: to_claimed_date(zone.expiry, |year| add_century(year, today, 50)),
            has_no_expiry: false,
            issued: None,
            address: String::new(),
            proven: zone.is_valid(),
            wrong: zone.checks.iter().filter(|check| !check.passed).map(|check| check.field).collect(),
            sure: confidence >= CERTAIN,
        }
    }

    /// The fields of a licence's barcode. Its error correction guarantees that the text was read as written.
    pub(super) fn from_license(license: &License) -> Self {
        let country = license.country.clone().unwrap_or_default();
        let date = |date: Option<aamva::LicenseDate>| {
            date.map(|(year, month, day)| ClaimedDate {
                year,
                month: Some(month),
                day: (day > 0).then_some(day),
                full_year: true,
            })
        };
        Self {
            kind: ClaimSource::Barcode,
            surname: license.surname.clone(),
            given_names: license.given_names.clone(),
            cut: license.are_names_cut,
            document_number: license.document_number.clone(),
            other_numbers: Vec::new(),
            issuing_state: country,
            nationality: String::new(),
            sex: match license.sex {
                aamva::LicenseSex::Male => Sex::Male,
                aamva::LicenseSex::Female => Sex::Female,
                aamva::LicenseSex::Unspecified => Sex::Unspecified,
            },
            date_of_birth: date(license.date_of_birth),
            expiry: date(license.expiry),
            has_no_expiry: license.has_no_expiry,
            issued: date(license.issued),
            address: format_address(&license.address),
            proven: true,
            wrong: Vec::new(),
            sure: true,
        }
    }

    /// The claims without fields whose check digit is wrong, and without names that were not read with certainty.
    pub(super) fn without_doubtful_fields(&self) -> Self {
        let mut believed = self.clone();
        if !self.sure {
            believed.surname.clear();
            believed.given_names.clear();
        }
        for field in &self.wrong {
            match *field {
                "document_number" => believed.document_number.clear(),
                "date_of_birth" => believed.date_of_birth = None,
                "expiry" => believed.expiry = None,
                _ => {}
            }
        }
        believed
    }

    /// Whether both are zones, or both barcodes: then their numbers are of one kind.
    pub(super) fn is_same_source(&self, other: &Self) -> bool {
        self.kind == other.kind
    }

    /// Whether the issuing state is the one of specimens.
    pub(super) fn is_specimen(&self) -> bool {
        self.issuing_state == states::SPECIMEN_STATE
    }
}

/// Chooses the latest century in which the date is not after today, as far as the date is known.
fn resolve_birth_date(date: MrzDate, today: Date) -> Option<ClaimedDate> {
    let claimed = to_claimed_date(date, |year| add_century(year, today, 0))?;
    let first = (claimed.year, claimed.month.unwrap_or(1), claimed.day.unwrap_or(1));
    let ahead = first > (today.year(), today.month(), today.day());
    Some(ClaimedDate { year: claimed.year - if ahead { 100 } else { 0 }, ..claimed })
}

fn to_claimed_date(date: MrzDate, century: impl Fn(u16) -> u16) -> Option<ClaimedDate> {
    let year = century(u16::from(date.year?));
    Some(ClaimedDate { year, month: date.month, day: date.day, full_year: false })
}

fn format_address(address: &aamva::LicenseAddress) -> String {
    let region = [&address.state, &address.postal_code].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let parts = [address.street.clone(), address.street_2.clone(), address.city.clone(), Some(region)];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
