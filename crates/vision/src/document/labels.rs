//! Recognises printed field labels: in languages with Latin letters, and by the numbers of the European driving licence
//! (Directive 2006/126/EC, annex I).

use super::letters::{WordSpan, fold_to_ascii, split_words};

/// The field that a printed label announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum FieldLabel {
    Surname,
    GivenNames,
    /// A name whose label does not tell the part: `Name` is the surname in German and the whole name in English.
    Name,
    DateOfBirth,
    Expiry,
    Issued,
    DocumentNumber,
    Sex,
    Nationality,
    Address,
    /// A field that is not needed; its label still ends the field before it.
    Other,
}

/// Labels without marks, spaces and punctuation. Short ones must match exactly; with seven letters or more one may be
/// wrong.
const LABELS: [(FieldLabel, &str); 11] = [
    (
        FieldLabel::Surname,
        "SURNAME SURNAMES LASTNAME LASTNAMES FAMILYNAME NOM NOMDEFAMILLE NOMS APELLIDO APELLIDOS PRIMERAPELLIDO \
         COGNOME NACHNAME FAMILIENNAME APELIDO APELIDOS ACHTERNAAM NAZWISKO NAZWISKA EFTERNAMN EFTERNAVN ETTERNAVN \
         SUKUNIMI PRIJMENI PRIEZVISKO PREZIME PRIIMEK NUME NUMEDEFAMILIE SOYADI CSALADINEV CSALADIESUTONEV \
         PEREKONNANIMI UZVARDS PAVARDE COGNOM COGNOMS MBIEMRI EPONYMO LN",
    ),
    (
        FieldLabel::GivenNames,
        "GIVENNAMES GIVENNAME FIRSTNAME FIRSTNAMES FORENAME FORENAMES OTHERNAMES PRENOM PRENOMS NOMBRE NOMBRES VORNAME \
         VORNAMEN NOMEPROPRIO NOMESPROPRIOS VOORNAAM VOORNAMEN IMIE IMIONA FORNAMN FORNAVN FORNAVNE ETUNIMI ETUNIMET \
         JMENO MENO IME PRENUME ADI UTONEV EESNIMI EESNIMED VARDS VARDI VARDAS VARDAI EMRI ONOMA FN",
    ),
    (
        FieldLabel::Name,
        "NAME FULLNAME NOME NAAM NAMN NAVN NAMEINFULL NAMEOFHOLDER NOMETPRENOM NOMETPRENOMS APELLIDOSYNOMBRES",
    ),
    (
        FieldLabel::DateOfBirth,
        "DATEOFBIRTH BIRTHDATE DOB DATEDENAISSANCE NELE NEELE FECHADENACIMIENTO FECHANACIMIENTO FECHADENAC NACIDO \
         GEBURTSDATUM GEBURTSTAG GEBORENAM DATADINASCITA NATOIL NATOAIL NATAIL LUOGOEDATADINASCITA DATADENASCIMENTO \
         DATANASCIMENTO GEBOORTEDATUM DATAURODZENIA FODELSEDATUM FODELSEDATO FODSELSDATO FODSELSDATUM SYNTYMAAIKA \
         DATUMNAROZENI DATUMNARODENIA DATUMRODENJA DATUMRODJENJA DATUMROJSTVA DATANASTERII DOGUMTARIHI SZULETESIIDO \
         SZULETESIDATUM SUNNIAEG DZIMSANASDATUMS GIMIMODATA DATADENAIXEMENT DATELINDJA BORN DATEOFBIRTHDDMMYYYY",
    ),
    (
        FieldLabel::Expiry,
        "DATEOFEXPIRY DATEOFEXPIRATION EXPIRYDATE EXPIRATIONDATE EXPIRATION EXPIRY EXPIRES EXPIRESON EXP VALIDUNTIL \
         VALIDTHRU VALIDTO DATEDEXPIRATION EXPIRELE VALABLEJUSQUAU DATEDEFINDEVALIDITE FECHADECADUCIDAD CADUCIDAD \
         FECHADEVENCIMIENTO VENCIMIENTO VENCE VALIDEZ VALIDOHASTA FECHADEEXPIRACION GULTIGBIS GUELTIGBIS ABLAUFDATUM \
         DATADISCADENZA SCADENZA DATADEVALIDADE VALIDADE VALIDOATE GELDIGTOT VERVALDATUM DATAWAZNOSCI TERMINWAZNOSCI \
         WAZNYDO GILTIGTTILL SISTAGILTIGHETSDAG UDLOBSDATO GYLDIGTIL UTLOPSDATO GYLDIGTILOGMED \
         VIIMEINENVOIMASSAOLOPAIVA VOIMASSA PLATNOSTDO DATUMISTEKA VAZIDO VELJADO SONGECERLILIKTARIHI KEHTIVKUNI \
         DERIGALIDZ GALIOJAIKI",
    ),
    (
        FieldLabel::Issued,
        "DATEOFISSUE ISSUEDATE DATEISSUED ISSUEDON ISSUED ISS DATEDEDELIVRANCE DATEDEMISSION DELIVRELE \
         FECHADEEXPEDICION EXPEDICION EMISION FECHADEEMISION AUSSTELLUNGSDATUM AUSGESTELLTAM DATADIRILASCIO RILASCIO \
         DATADIEMISSIONE EMISSIONE DATADEEMISSAO DATAEMISSAO DATUMVANAFGIFTE AFGIFTEDATUM DATUMAFGIFTE DATAWYDANIA \
         UTFARDANDEDATUM UDSTEDELSESDATO UTSTEDELSESDATO MYONTAMISPAIVA DATUMVYDANI DATUMIZDAVANJA DATUMIZDAJE \
         VERILISTARIHI",
    ),
    (
        FieldLabel::DocumentNumber,
        "PASSPORTNO PASSPORTNUMBER PASSPORTN DOCUMENTNO DOCUMENTNUMBER DOCUMENTN DOCNO CARDNO CARDNUMBER IDNO \
         IDNUMBER IDENTITYCARDNO IDENTITYCARDNUMBER LICENCENO LICENSENO LICENCENUMBER LICENSENUMBER DRIVERLICENSENO \
         DRIVINGLICENCENO DLN DL DLNO LIC LICNO NODUPASSEPORT PASSEPORTNO PASSEPORTN NDUPASSEPORT NDEPASSEPORT \
         NUMERODEPASSEPORT NUMERODUDOCUMENT NDUDOCUMENT NODUDOCUMENT CARTENATIONALEDIDENTITEN DNI DNINUM NUMDNI \
         NUMERODEDOCUMENTO NODEDOCUMENTO NDOCUMENTO PASAPORTENO PASAPORTEN NDEPASAPORTE NUMERODEPASAPORTE \
         AUSWEISNUMMER DOKUMENTENNUMMER PASSNR PASSPORTNR PASSNUMMER REISEPASSNR NUMERODELDOCUMENTO PASSAPORTON \
         NUMERODOPASSAPORTE NUMERODODOCUMENTO NDODOCUMENTO DOCUMENTNUMMER PASPOORTNUMMER NUMERDOWODU NRDOWODU \
         NUMERPASZPORTU NRPASZPORTU KORTNR PASNR PASSIN NUMERDOKUMENTU PASSNUMERO NUMERODIDOCUMENTO IDCARDNO \
         DOCUMENTNR",
    ),
    (
        FieldLabel::Sex,
        "SEX SEXE SEXO GESCHLECHT SESSO GESLACHT PLEC KON KJONN KON SUKUPUOLI POHLAVI POHLAVIE SPOL SEXUL CINSIYET \
         GENDER SUGU DZIMUMS LYTIS NEME",
    ),
    (
        FieldLabel::Nationality,
        "NATIONALITY NATIONALITE NACIONALIDAD STAATSANGEHORIGKEIT CITTADINANZA NAZIONALITA NACIONALIDADE NATIONALITEIT \
         OBYWATELSTWO NATIONALITET MEDBORGARSKAP STATSBORGERSKAB STATSBORGERSKAP KANSALAISUUS STATNIOBCANSTVI \
         STATNAPRISLUSNOST DRZAVLJANSTVO CETATENIE CETATENIA UYRUGU CITIZENSHIP KODAKONDSUS ALLAMPOLGARSAG PILIETYBE",
    ),
    (
        FieldLabel::Address,
        "ADDRESS ADDR ADRESSE DOMICILIO DIRECCION ANSCHRIFT INDIRIZZO RESIDENZA ENDERECO MORADA ADRES DOMICILE ADRESA \
         ADRESZAMIESZKANIA ADRESSEDOMICILE LAKCIM",
    ),
    (
        FieldLabel::Other,
        "PLACEOFBIRTH LIEUDENAISSANCE LUGARDENACIMIENTO GEBURTSORT LUOGODINASCITA LOCALDENASCIMENTO NATURALIDADE \
         GEBOORTEPLAATS MIEJSCEURODZENIA FODELSEORT FODESTED FODESTED AUTHORITY ISSUINGAUTHORITY AUTORITE AUTORIDAD \
         BEHORDE AUTORITA AUTORIDADE AUTORITEIT ORGANWYDAJACY MYNDIGHET TYPE TYP TIPO TYPEOFDOCUMENT CODE COUNTRYCODE \
         CODEDUPAYS CODEOFISSUINGSTATE CODIGO KOD PERSONALNO PERSONALNUMBER PERSONNUMMER PESEL BSN NUMEROPERSONNEL \
         HEIGHT TAILLE GROSSE STATURA ALTURA LENGTE EYES COLOUROFEYES COLOROFEYES AUGENFARBE COULEURDESYEUX SIGNATURE \
         UNTERSCHRIFT FIRMA CLASS CATEGORIES RESTRICTIONS RESTR END ENDORSEMENTS DD HGT WGT HAIR REMARKS OBSERVATIONS \
         GEBURTSNAME BIRTHNAME NOMDUSAGE SEGUNDOAPELLIDO FATHERNAME MOTHERNAME FATHERSNAME MOTHERSNAME PLACEOFISSUE \
         ISSUINGCOUNTRY ISSUEDBY MIDDLENAME BLOODGROUP OCCUPATION PROFESSION CAN DONOR VETERAN SUPPORTNO",
    ),
];

/// The numbers of the European driving licence: 4d is a personal number, 5 the licence's, and 8 the address.
const LICENCE_NUMBERS: [(&str, FieldLabel); 11] = [
    ("1", FieldLabel::Surname),
    ("2", FieldLabel::GivenNames),
    ("3", FieldLabel::DateOfBirth),
    ("4A", FieldLabel::Issued),
    ("4B", FieldLabel::Expiry),
    ("4C", FieldLabel::Other),
    ("4D", FieldLabel::Other),
    ("5", FieldLabel::DocumentNumber),
    ("7", FieldLabel::Other),
    ("8", FieldLabel::Address),
    ("9", FieldLabel::Other),
];

/// The longest label, in words: `Gyldig til og med`, or `Date d'expiration` read with extra spaces.
const MOST_LABEL_WORDS: usize = 6;

/// A part of a line: a label, or the text between labels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LinePiece {
    pub(super) field: Option<FieldLabel>,
    pub(super) text: String,
    /// Where it begins and ends, as shares of the line's length.
    pub(super) from: f32,
    pub(super) to: f32,
}

/// Splits a line into labels and the text between them. `numbered` says whether the document numbers its fields as
/// European driving licences do.
pub(super) fn split_by_labels(line: &str, numbered: bool) -> Vec<LinePiece> {
    let words = split_words(line);
    let mut found: Vec<(Option<FieldLabel>, usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let (field, count) =
            find_label_at(line, words.get(at..).unwrap_or_default(), numbered && (at == 0 || is_field_4(word, line)));
        let end = words.get(at + count - 1).map_or(word.end, |word| word.end);
        match found.last_mut() {
            // A label in two languages is one piece, and so is adjacent text.
            Some((last, _, last_end)) if *last == field => *last_end = end,
            _ => found.push((field, word.start, end)),
        }
        at += count;
    }
    let share = |byte: usize| {
        let letters = line.get(..byte).map_or(0, |before| before.chars().count());
        letters as f32 / line.chars().count().max(1) as f32
    };
    let piece = |(field, start, end): (Option<FieldLabel>, usize, usize)| LinePiece {
        field,
        text: line.get(start..end).unwrap_or_default().to_owned(),
        from: share(start),
        to: share(end),
    };
    found.into_iter().map(piece).collect()
}

/// `4a` to `4d` may be side by side in one line; the other numbers begin a line.
fn is_field_4(word: &WordSpan, line: &str) -> bool {
    matches!(fold_to_ascii(word.text_in(line)).as_str(), "4A" | "4B" | "4C" | "4D")
}

/// The label with which these words begin, if any, and the number of words it takes: at least one.
fn find_label_at(line: &str, words: &[WordSpan], numbered: bool) -> (Option<FieldLabel>, usize) {
    for count in (1..=words.len().min(MOST_LABEL_WORDS)).rev() {
        let glued: String = words.iter().take(count).map(|word| fold_to_ascii(word.text_in(line))).collect();
        if let Some(field) = find_label(&glued) {
            return (Some(field), count);
        }
    }
    let number = words.first().map(|word| fold_to_ascii(word.text_in(line))).unwrap_or_default();
    let number = LICENCE_NUMBERS.iter().find(|(printed, _)| numbered && *printed == number);
    (number.map(|(_, field)| *field), 1)
}

fn find_label(glued: &str) -> Option<FieldLabel> {
    let fits =
        |known: &str| known == glued || (glued.len() >= 7 && known.len() >= 7 && differs_by_one_letter(glued, known));
    LABELS
        .iter()
        .find(|(_, names)| names.split_ascii_whitespace().any(|name| name == glued))
        .map(|(field, _)| *field)
        .or_else(|| LABELS.iter().find(|(_, names)| names.split_ascii_whitespace().any(fits)).map(|(field, _)| *field))
}

/// Whether changing, adding or removing one letter turns one text into the other.
fn differs_by_one_letter(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let tail = |bytes: &[u8], skipped: usize| bytes.get(same + skipped..).map(<[u8]>::to_vec);
    tail(one, 1) == tail(other, 1) || tail(one, 1) == tail(other, 0) || tail(one, 0) == tail(other, 1)
}

/// The fewest different field numbers at the beginning of lines that make a numbered document, if one of them is of
/// field 4.
const FEWEST_NUMBERS: usize = 4;

/// Whether some line has `4a` and some line has `4b`: driving licences do, European and American ones. Small field
/// numbers are misread at times, so several others and one of field 4 count as well.
pub(super) fn has_numbered_fields<'t>(lines: impl Iterator<Item = &'t str>) -> bool {
    let (mut issued, mut expiry) = (false, false);
    let mut numbers: Vec<&str> = Vec::new();
    for line in lines {
        for (at, word) in split_words(line).iter().enumerate() {
            let folded = fold_to_ascii(word.text_in(line));
            issued |= folded == "4A";
            expiry |= folded == "4B";
            let is_marked = line.get(word.end..).is_some_and(|rest| rest.starts_with('.'));
            let known = LICENCE_NUMBERS.iter().find(|(number, _)| at == 0 && is_marked && *number == folded);
            numbers.extend(known.map(|(number, _)| *number));
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    let has_field_4 = numbers.iter().any(|number| number.starts_with('4'));
    issued && expiry || has_field_4 && numbers.len() >= FEWEST_NUMBERS
}

/// Whether a label is the number of a field: its value is beside it.
pub(super) fn is_field_number(label: &str) -> bool {
    let folded = fold_to_ascii(label);
    LICENCE_NUMBERS.iter().any(|(number, _)| *number == folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, numbered: bool) -> Vec<(Option<FieldLabel>, String)> {
        split_by_labels(line, numbered).into_iter().map(|piece| (piece.field, piece.text)).collect()
    }

    #[test]
    fn labels_are_found_in_many_languages_and_despite_lost_spaces() {
        for (line, field) in [
            ("Surname / Nom (1)", FieldLabel::Surname),
            ("Né(e) le", FieldLabel::DateOfBirth),
            ("Geburtsdatum/Date of birth", FieldLabel::DateOfBirth),
            ("Date ofbirth", FieldLabel::DateOfBirth),
            ("Gültig bis", FieldLabel::Expiry),
            ("Gultigbis/Dateofexpiry", FieldLabel::Expiry),
            ("PRENOMS", FieldLabel::GivenNames),
            ("Passport No.", FieldLabel::DocumentNumber),
            ("Nr dowodu", FieldLabel::DocumentNumber),
            ("Date d'expiration", FieldLabel::Expiry),
            ("Natianality", FieldLabel::Nationality),
            ("Name", FieldLabel::Name),
        ] {
            assert_eq!(read(line, false).first().and_then(|piece| piece.0), Some(field), "{line}");
        }
    }

    #[test]
    fn line_is_split_into_labels_and_values() {
        assert_eq!(
            read("SEX F EXP 12/08/2030", false),
            [
                (Some(FieldLabel::Sex), "SEX".to_owned()),
                (None, "F".to_owned()),
                (Some(FieldLabel::Expiry), "EXP".to_owned()),
                (None, "12/08/2030".to_owned()),
            ]
        );
        assert_eq!(read("ERIKSSON, ANNA", false), [(None, "ERIKSSON, ANNA".to_owned())]);
    }

    #[test]
    fn numbers_are_labels_on_driving_licences_only() {
        assert!(has_numbered_fields(["4a. 01.01.2020 4c. X", "4b. 01.01.2030"].into_iter()));
        assert!(has_numbered_fields(["1.", "WEBER", "2.", "3. 14.09.88", "4b. 01.01.2030", "4."].into_iter()));
        assert!(!has_numbered_fields(["1. WEBER", "2. ANNA", "3. KOLN", "5. HAUS"].into_iter()));
        assert!(is_field_number("4a.") && is_field_number("5") && !is_field_number("Name"));
        assert_eq!(
            read("4a. 01.02.2020 4c. LONDON", true),
            [
                (Some(FieldLabel::Issued), "4a".to_owned()),
                (None, "01.02.2020".to_owned()),
                (Some(FieldLabel::Other), "4c".to_owned()),
                (None, "LONDON".to_owned()),
            ]
        );
        assert_eq!(read("1. ERIKSSON", true)[0].0, Some(FieldLabel::Surname));
        assert_eq!(read("1. ERIKSSON", false), [(None, "1. ERIKSSON".to_owned())]);
        assert_eq!(read("8. HIGH STREET 5", true)[1].1, "HIGH STREET 5");
    }
}
