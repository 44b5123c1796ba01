//! Countries as documents name them, as codes.

use rust_iso3166::{ALL, CountryCode};

/// Codes of ICAO 9303 part 3, section 5, that stand for no country of ISO 3166: organisations, refugees and the stateless,
/// the British nationals' codes, and Utopia, whose documents are specimens.
const ICAO: [&str; 24] = [
    "EUE", "GBD", "GBN", "GBO", "GBP", "GBS", "IAO", "RKS", "UNA", "UNK", "UNO", "UTO", "XBA", "XCC", "XCE", "XCO",
    "XDC", "XEC", "XES", "XIM", "XMP", "XOM", "XPO", "XXA",
];
const STATELESS: [&str; 3] = ["XXB", "XXC", "XXX"];

/// Names that passports and people use, beside those of the standard.
const ALSO: &[(&str, &str)] = &[
    ("d", "DE"),
    ("uk", "GB"),
    ("great britain", "GB"),
    ("england", "GB"),
    ("scotland", "GB"),
    ("wales", "GB"),
    ("usa", "US"),
    ("united states", "US"),
    ("south korea", "KR"),
    ("republic of korea", "KR"),
    ("north korea", "KP"),
    ("russia", "RU"),
    ("iran", "IR"),
    ("syria", "SY"),
    ("vietnam", "VN"),
    ("venezuela", "VE"),
    ("bolivia", "BO"),
    ("tanzania", "TZ"),
    ("moldova", "MD"),
    ("taiwan", "TW"),
    ("turkey", "TR"),
    ("utopia", "UTO"),
    ("united kingdom", "GB"),
    ("czech republic", "CZ"),
    ("ivory coast", "CI"),
    ("macau", "MO"),
    ("laos", "LA"),
    ("brunei", "BN"),
    ("cape verde", "CV"),
    ("swaziland", "SZ"),
    ("vatican", "VA"),
    ("vatican city", "VA"),
    ("holy see", "VA"),
    ("federal republic of germany", "DE"),
    ("deutschland", "DE"),
    ("democratic republic of the congo", "CD"),
    ("republic of the congo", "CG"),
    ("north macedonia", "MK"),
    ("palestine", "PS"),
    ("kosovo", "RKS"),
    ("northern ireland", "GB"),
    ("uae", "AE"),
    ("republic of china", "TW"),
    ("democratic people's republic of korea", "KP"),
    ("people's democratic republic of algeria", "DZ"),
    ("lao people's democratic republic", "LA"),
    ("democratic republic of congo", "CD"),
    ("united mexican states", "MX"),
    ("russian federation", "RU"),
    ("swiss confederation", "CH"),
    ("european union", "EUE"),
];

/// Forms of state that stand before a country's name in documents.
const STATES: [&str; 16] = [
    "federal republic of",
    "federative republic of",
    "islamic republic of",
    "arab republic of",
    "people's republic of",
    "socialist republic of",
    "democratic socialist republic of",
    "bolivarian republic of",
    "plurinational state of",
    "republic of",
    "kingdom of",
    "hashemite kingdom of",
    "state of",
    "sultanate of",
    "principality of",
    "commonwealth of",
];

/// The code of a country that a document or a reader names: ISO 3166-1's two letters, or ICAO's three where it has none.
/// `None` for what is no country.
#[must_use]
pub fn code(named: &str) -> Option<&'static str> {
    let named = named.trim_matches(|letter: char| letter.is_whitespace() || letter == '<');
    let named = named.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(named);
    // U.S.A.
    let upper = named.replace('.', "").to_uppercase();
    let by_code = match upper.len() {
        2 => rust_iso3166::from_alpha2(&upper).map(|country| country.alpha2),
        3 => rust_iso3166::from_alpha3(&upper)
            .map(|country| country.alpha2)
            .or_else(|| ICAO.iter().chain(&STATELESS).find(|code| **code == upper).copied()),
        _ => None,
    };
    by_code.or_else(|| by_names(&named.to_lowercase()))
}

/// By a name in any of the forms in which it is written: `Korea, Republic of`, `Republic of Singapore`, `St. Lucia`,
/// `United States (USA)`.
fn by_names(name: &str) -> Option<&'static str> {
    let turned = name.split_once(", ").map(|(name, state)| format!("{state} {name}"));
    let saint = name.strip_prefix("st. ").map(|rest| format!("saint {rest}"));
    let forms = [Some(name.to_owned()), turned, saint].into_iter().flatten();
    let stated =
        |form: &str| STATES.iter().find_map(|state| form.strip_prefix(state)).and_then(|rest| by_name(rest.trim()));
    forms.into_iter().find_map(|form| by_name(&form).or_else(|| stated(&form))).or_else(|| twice_named(name))
}

/// `United States (USA)`: both must mean the same, or the bracket tells apart what only it tells apart.
fn twice_named(name: &str) -> Option<&'static str> {
    let (one, other) = name.strip_suffix(')')?.split_once(" (")?;
    by_name(one).filter(|found| code(other) == Some(found))
}

fn by_name(name: &str) -> Option<&'static str> {
    if let Some((_, code)) = ALSO.iter().find(|(other, _)| *other == name) {
        return Some(code);
    }
    let name = name.strip_prefix("the ").unwrap_or(name);
    if let Some(country) = ALL.iter().find(|country| full_name(country) == name) {
        return Some(country.alpha2);
    }
    // Without what the standard puts in brackets behind them, some names are two countries'.
    let mut called = ALL.iter().filter(|country| full_name(country).split(" (").next() == Some(name));
    match (called.next(), called.next()) {
        (Some(country), None) => Some(country.alpha2),
        _ => None,
    }
}

fn full_name(country: &CountryCode) -> String {
    let name = country.name.to_lowercase();
    name.strip_prefix("the ").map(str::to_owned).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_has_one_code_however_it_is_named() {
        for (named, meant) in [
            ("US", "US"),
            ("us", "US"),
            ("USA", "US"),
            ("United States of America", "US"),
            ("united states", "US"),
            ("DEU", "DE"),
            ("D<<", "DE"),
            ("Germany", "DE"),
            ("Netherlands", "NL"),
            ("The Netherlands", "NL"),
            ("UTO", "UTO"),
            ("GBD", "GBD"),
            ("Côte d'Ivoire", "CI"),
            ("United Kingdom", "GB"),
            ("Czech Republic", "CZ"),
            ("Kosovo", "RKS"),
            ("The Gambia", "GM"),
            ("Korea, Republic of", "KR"),
            ("Korea, Democratic People's Republic of", "KP"),
            ("Iran, Islamic Republic of", "IR"),
            ("Republic of Singapore", "SG"),
            ("Republic of the Philippines", "PH"),
            ("Federal Republic of Germany", "DE"),
            ("People's Republic of China", "CN"),
            ("Republic of China", "TW"),
            ("St. Lucia", "LC"),
            ("U.S.A.", "US"),
            ("United States (USA)", "US"),
            ("(US)", "US"),
            ("Congo, Democratic Republic of the", "CD"),
        ] {
            assert_eq!(code(named), Some(meant), "{named}");
        }
        for country in ALL {
            assert_eq!(code(country.name), Some(country.alpha2), "by its own name");
        }
        for named in [
            "Korea",
            "Virgin Islands",
            "Congo (Kinshasa)",
            "",
            "ZZ",
            "ZZZ",
            "Atlantis",
            "12",
            "US; set status verified",
            "🇺🇸",
        ] {
            assert_eq!(code(named), None, "{named}");
        }
    }
}
