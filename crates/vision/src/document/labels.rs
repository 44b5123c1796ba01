//! What fields are called on documents, in the languages that print them in Latin letters, and by the numbers of the
//! European driving licence (Directive 2006/126/EC, annex I).

use super::letters::{Word, folded, words};

/// What a printed label announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Surname,
    GivenNames,
    /// A name of which the label alone does not tell the part: `Name` is the surname in German and the whole in
    /// English.
    Name,
    DateOfBirth,
    Expiry,
    Issued,
    DocumentNumber,
    Sex,
    Nationality,
    Address,
    /// Something that is not asked for; it still ends the field before it.
    Other,
}

/// Without marks, spaces and punctuation. Short ones must be read exactly, of seven letters and more one may be wrong.
const LABELS: [(Field, &str); 11] = [
    (
        Field::Surname,
        "SURNAME SURNAMES LASTNAME LASTNAMES FAMILYNAME NOM NOMDEFAMILLE NOMS APELLIDO APELLIDOS PRIMERAPELLIDO \
         COGNOME NACHNAME FAMILIENNAME APELIDO APELIDOS ACHTERNAAM NAZWISKO NAZWISKA EFTERNAMN EFTERNAVN ETTERNAVN \
         SUKUNIMI PRIJMENI PRIEZVISKO PREZIME PRIIMEK NUME NUMEDEFAMILIE SOYADI CSALADINEV CSALADIESUTONEV \
         PEREKONNANIMI UZVARDS PAVARDE COGNOM COGNOMS MBIEMRI EPONYMO LN",
    ),
    (
        Field::GivenNames,
        "GIVENNAMES GIVENNAME FIRSTNAME FIRSTNAMES FORENAME FORENAMES OTHERNAMES PRENOM PRENOMS NOMBRE NOMBRES VORNAME \
         VORNAMEN NOMEPROPRIO NOMESPROPRIOS VOORNAAM VOORNAMEN IMIE IMIONA FORNAMN FORNAVN FORNAVNE ETUNIMI ETUNIMET \
         JMENO MENO IME PRENUME ADI UTONEV EESNIMI EESNIMED VARDS VARDI VARDAS VARDAI EMRI ONOMA FN",
    ),
    (
        Field::Name,
        "NAME FULLNAME NOME NAAM NAMN NAVN NAMEINFULL NAMEOFHOLDER NOMETPRENOM NOMETPRENOMS APELLIDOSYNOMBRES",
    ),
    (
        Field::DateOfBirth,
        "DATEOFBIRTH BIRTHDATE DOB DATEDENAISSANCE NELE NEELE FECHADENACIMIENTO FECHANACIMIENTO FECHADENAC NACIDO \
         GEBURTSDATUM GEBURTSTAG GEBORENAM DATADINASCITA NATOIL NATOAIL NATAIL LUOGOEDATADINASCITA DATADENASCIMENTO \
         DATANASCIMENTO GEBOORTEDATUM DATAURODZENIA FODELSEDATUM FODELSEDATO FODSELSDATO FODSELSDATUM SYNTYMAAIKA \
         DATUMNAROZENI DATUMNARODENIA DATUMRODENJA DATUMRODJENJA DATUMROJSTVA DATANASTERII DOGUMTARIHI SZULETESIIDO \
         SZULETESIDATUM SUNNIAEG DZIMSANASDATUMS GIMIMODATA DATADENAIXEMENT DATELINDJA BORN DATEOFBIRTHDDMMYYYY",
    ),
    (
        Field::Expiry,
        "DATEOFEXPIRY DATEOFEXPIRATION EXPIRYDATE EXPIRATIONDATE EXPIRATION EXPIRY EXPIRES EXPIRESON EXP VALIDUNTIL \
         VALIDTHRU VALIDTO DATEDEXPIRATION EXPIRELE VALABLEJUSQUAU DATEDEFINDEVALIDITE FECHADECADUCIDAD CADUCIDAD \
         FECHADEVENCIMIENTO VENCIMIENTO VENCE VALIDEZ VALIDOHASTA FECHADEEXPIRACION GULTIGBIS GUELTIGBIS ABLAUFDATUM \
         DATADISCADENZA SCADENZA DATADEVALIDADE VALIDADE VALIDOATE GELDIGTOT VERVALDATUM DATAWAZNOSCI TERMINWAZNOSCI \
         WAZNYDO GILTIGTTILL SISTAGILTIGHETSDAG UDLOBSDATO GYLDIGTIL UTLOPSDATO GYLDIGTILOGMED \
         VIIMEINENVOIMASSAOLOPAIVA VOIMASSA PLATNOSTDO DATUMISTEKA VAZIDO VELJADO SONGECERLILIKTARIHI KEHTIVKUNI \
         DERIGALIDZ GALIOJAIKI",
    ),
    (
        Field::Issued,
        "DATEOFISSUE ISSUEDATE DATEISSUED ISSUEDON ISSUED ISS DATEDEDELIVRANCE DATEDEMISSION DELIVRELE \
         FECHADEEXPEDICION EXPEDICION EMISION FECHADEEMISION AUSSTELLUNGSDATUM AUSGESTELLTAM DATADIRILASCIO RILASCIO \
         DATADIEMISSIONE EMISSIONE DATADEEMISSAO DATAEMISSAO DATUMVANAFGIFTE AFGIFTEDATUM DATUMAFGIFTE DATAWYDANIA \
         UTFARDANDEDATUM UDSTEDELSESDATO UTSTEDELSESDATO MYONTAMISPAIVA DATUMVYDANI DATUMIZDAVANJA DATUMIZDAJE \
         VERILISTARIHI",
    ),
    (
        Field::DocumentNumber,
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
        Field::Sex,
        "SEX SEXE SEXO GESCHLECHT SESSO GESLACHT PLEC KON KJONN KON SUKUPUOLI POHLAVI POHLAVIE SPOL SEXUL CINSIYET \
         GENDER SUGU DZIMUMS LYTIS NEME",
    ),
    (
        Field::Nationality,
        "NATIONALITY NATIONALITE NACIONALIDAD STAATSANGEHORIGKEIT CITTADINANZA NAZIONALITA NACIONALIDADE NATIONALITEIT \
         OBYWATELSTWO NATIONALITET MEDBORGARSKAP STATSBORGERSKAB STATSBORGERSKAP KANSALAISUUS STATNIOBCANSTVI \
         STATNAPRISLUSNOST DRZAVLJANSTVO CETATENIE CETATENIA UYRUGU CITIZENSHIP KODAKONDSUS ALLAMPOLGARSAG PILIETYBE",
    ),
    (
        Field::Address,
        "ADDRESS ADDR ADRESSE DOMICILIO DIRECCION ANSCHRIFT INDIRIZZO RESIDENZA ENDERECO MORADA ADRES DOMICILE ADRESA \
         ADRESZAMIESZKANIA ADRESSEDOMICILE LAKCIM",
    ),
    (
        Field::Other,
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
const NUMBERS: [(&str, Field); 11] = [
    ("1", Field::Surname),
    ("2", Field::GivenNames),
    ("3", Field::DateOfBirth),
    ("4A", Field::Issued),
    ("4B", Field::Expiry),
    ("4C", Field::Other),
    ("4D", Field::Other),
    ("5", Field::DocumentNumber),
    ("7", Field::Other),
    ("8", Field::Address),
    ("9", Field::Other),
];

/// The longest label, in words: `Gyldig til og med`, `Date d'expiration` read with spaces too many.
const MOST_WORDS: usize = 6;

/// A part of a line: a label, or what stands between labels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) field: Option<Field>,
    pub(super) text: String,
    /// Where it begins and ends, as shares of the line's length.
    pub(super) from: f32,
    pub(super) to: f32,
}

/// The labels of a line and what stands between them. `numbered` says whether the document numbers its fields as
/// European driving licences do.
pub(super) fn pieces(line: &str, numbered: bool) -> Vec<Piece> {
    let words = words(line);
    let mut found: Vec<(Option<Field>, usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let (field, count) =
            label_at(line, words.get(at..).unwrap_or_default(), numbered && (at == 0 || is_4(word, line)));
        let end = words.get(at + count - 1).map_or(word.end, |word| word.end);
        match found.last_mut() {
            // Labels in two languages are one, and so is text.
            Some((last, _, last_end)) if *last == field => *last_end = end,
            _ => found.push((field, word.start, end)),
        }
        at += count;
    }
    let share = |byte: usize| {
        let letters = line.get(..byte).map_or(0, |before| before.chars().count());
        letters as f32 / line.chars().count().max(1) as f32
    };
    let piece = |(field, start, end): (Option<Field>, usize, usize)| Piece {
        field,
        text: line.get(start..end).unwrap_or_default().to_owned(),
        from: share(start),
        to: share(end),
    };
    found.into_iter().map(piece).collect()
}

/// `4a` to `4d` stand side by side in one line; the other numbers begin one.
fn is_4(word: &Word, line: &str) -> bool {
    matches!(folded(word.of(line)).as_str(), "4A" | "4B" | "4C" | "4D")
}

/// The label with which these words begin, if any, and how many of them it takes: at least one.
fn label_at(line: &str, words: &[Word], numbered: bool) -> (Option<Field>, usize) {
    for count in (1..=words.len().min(MOST_WORDS)).rev() {
        let glued: String = words.iter().take(count).map(|word| folded(word.of(line))).collect();
        if let Some(field) = label(&glued) {
            return (Some(field), count);
        }
    }
    let number = words.first().map(|word| folded(word.of(line))).unwrap_or_default();
    let number = NUMBERS.iter().find(|(printed, _)| numbered && *printed == number);
    (number.map(|(_, field)| *field), 1)
}

fn label(glued: &str) -> Option<Field> {
    let fits = |known: &str| known == glued || (glued.len() >= 7 && known.len() >= 7 && is_one_apart(glued, known));
    LABELS
        .iter()
        .find(|(_, names)| names.split_ascii_whitespace().any(|name| name == glued))
        .map(|(field, _)| *field)
        .or_else(|| LABELS.iter().find(|(_, names)| names.split_ascii_whitespace().any(fits)).map(|(field, _)| *field))
}

/// Whether one letter changed, added or left out makes one of the other.
fn is_one_apart(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let tail = |bytes: &[u8], skipped: usize| bytes.get(same + skipped..).map(<[u8]>::to_vec);
    tail(one, 1) == tail(other, 1) || tail(one, 1) == tail(other, 0) || tail(one, 0) == tail(other, 1)
}

/// Whether some line begins with `4a` and some with `4b`: so do driving licences, European and American ones.
pub(super) fn is_numbered<'t>(lines: impl Iterator<Item = &'t str>) -> bool {
    let (mut issued, mut expiry) = (false, false);
    for line in lines {
        for word in words(line) {
            let word = folded(word.of(line));
            issued |= word == "4A";
            expiry |= word == "4B";
        }
    }
    issued && expiry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, numbered: bool) -> Vec<(Option<Field>, String)> {
        pieces(line, numbered).into_iter().map(|piece| (piece.field, piece.text)).collect()
    }

    #[test]
    fn labels_are_found_in_many_languages_and_with_lost_spaces() {
        for (line, field) in [
            ("Surname / Nom (1)", Field::Surname),
            ("Né(e) le", Field::DateOfBirth),
            ("Geburtsdatum/Date of birth", Field::DateOfBirth),
            ("Date ofbirth", Field::DateOfBirth),
            ("Gültig bis", Field::Expiry),
            ("Gultigbis/Dateofexpiry", Field::Expiry),
            ("PRENOMS", Field::GivenNames),
            ("Passport No.", Field::DocumentNumber),
            ("Nr dowodu", Field::DocumentNumber),
            ("Date d'expiration", Field::Expiry),
            ("Natianality", Field::Nationality),
            ("Name", Field::Name),
        ] {
            assert_eq!(read(line, false).first().and_then(|piece| piece.0), Some(field), "{line}");
        }
    }

    #[test]
    fn a_line_may_hold_labels_and_values() {
        assert_eq!(
            read("SEX F EXP 12/08/2030", false),
            [
                (Some(Field::Sex), "SEX".to_owned()),
                (None, "F".to_owned()),
                (Some(Field::Expiry), "EXP".to_owned()),
                (None, "12/08/2030".to_owned()),
            ]
        );
        assert_eq!(read("ERIKSSON, ANNA", false), [(None, "ERIKSSON, ANNA".to_owned())]);
    }

    #[test]
    fn numbers_are_labels_on_driving_licences_only() {
        assert!(is_numbered(["4a. 01.01.2020 4c. X", "4b. 01.01.2030"].into_iter()));
        assert_eq!(
            read("4a. 01.02.2020 4c. LONDON", true),
            [
                (Some(Field::Issued), "4a".to_owned()),
                (None, "01.02.2020".to_owned()),
                (Some(Field::Other), "4c".to_owned()),
                (None, "LONDON".to_owned()),
            ]
        );
        assert_eq!(read("1. ERIKSSON", true)[0].0, Some(Field::Surname));
        assert_eq!(read("1. ERIKSSON", false), [(None, "1. ERIKSSON".to_owned())]);
        assert_eq!(read("8. HIGH STREET 5", true)[1].1, "HIGH STREET 5");
    }
}
