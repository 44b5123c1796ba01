//! Positions of the fields of a machine-readable zone (ICAO 9303 parts 4 to 7), and the characters allowed in each
//! cell.

use super::ZoneFormat;

/// A run of cells in one row: the row, its first cell and the cell after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellSpan {
    pub(crate) row: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl CellSpan {
    const fn new(row: usize, start: usize, end: usize) -> Self {
        Self { row, start, end }
    }

    pub(crate) fn cells(self) -> impl Iterator<Item = (usize, usize)> {
        (self.start..self.end).map(move |column| (self.row, column))
    }

    fn contains_cell(self, row: usize, column: usize) -> bool {
        self.row == row && (self.start..self.end).contains(&column)
    }
}

/// The positions of a format's fields. A date, the number and the optional data are each followed by their check digit.
#[derive(Debug)]
pub(crate) struct ZoneLayout {
    pub(crate) code: CellSpan,
    pub(crate) state: CellSpan,
    pub(crate) name: CellSpan,
    pub(crate) number: CellSpan,
    pub(crate) nationality: CellSpan,
    pub(crate) birth: CellSpan,
    pub(crate) sex: CellSpan,
    pub(crate) expiry: CellSpan,
    pub(crate) optional: &'static [CellSpan],
    /// Whether the optional data has a check digit of its own.
    pub(crate) optional_digit: bool,
    /// The cells that the composite check digit covers, and its own cell. Visas have none.
    pub(crate) composite: Option<(&'static [CellSpan], (usize, usize))>,
}

const TD1: ZoneLayout = ZoneLayout {
    code: CellSpan::new(0, 0, 2),
    state: CellSpan::new(0, 2, 5),
    number: CellSpan::new(0, 5, 14),
    birth: CellSpan::new(1, 0, 6),
    sex: CellSpan::new(1, 7, 8),
    expiry: CellSpan::new(1, 8, 14),
    nationality: CellSpan::new(1, 15, 18),
    name: CellSpan::new(2, 0, 30),
    optional: &[CellSpan::new(0, 15, 30), CellSpan::new(1, 18, 29)],
    optional_digit: false,
    composite: Some((
        &[CellSpan::new(0, 5, 30), CellSpan::new(1, 0, 7), CellSpan::new(1, 8, 15), CellSpan::new(1, 18, 29)],
        (1, 29),
    )),
};

const TD2: ZoneLayout = ZoneLayout {
    name: CellSpan::new(0, 5, 36),
    optional: &[CellSpan::new(1, 28, 35)],
    optional_digit: false,
    composite: Some((&[CellSpan::new(1, 0, 10), CellSpan::new(1, 13, 20), CellSpan::new(1, 21, 35)], (1, 35))),
    ..TD3
};

const TD3: ZoneLayout = ZoneLayout {
    code: CellSpan::new(0, 0, 2),
    state: CellSpan::new(0, 2, 5),
    name: CellSpan::new(0, 5, 44),
    number: CellSpan::new(1, 0, 9),
    nationality: CellSpan::new(1, 10, 13),
    birth: CellSpan::new(1, 13, 19),
    sex: CellSpan::new(1, 20, 21),
    expiry: CellSpan::new(1, 21, 27),
    optional: &[CellSpan::new(1, 28, 42)],
    optional_digit: true,
    composite: Some((&[CellSpan::new(1, 0, 10), CellSpan::new(1, 13, 20), CellSpan::new(1, 21, 43)], (1, 43))),
};

const MRV_A: ZoneLayout =
    ZoneLayout { optional: &[CellSpan::new(1, 28, 44)], optional_digit: false, composite: None, ..TD3 };

const MRV_B: ZoneLayout = ZoneLayout { optional: &[CellSpan::new(1, 28, 36)], composite: None, ..TD2 };

/// The characters that are allowed in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellAlphabet {
    /// One of these.
    OneOf(&'static [u8]),
    /// A to Z without V, the letter of visas.
    LetterButV,
    /// A to Z.
    Letter,
    /// A to Z and the filler.
    Letters,
    /// 0 to 9 and the filler.
    Digits,
    /// 0 to 9.
    Digit,
    /// All characters of a zone.
    Any,
}

impl CellAlphabet {
    pub(crate) fn allows(self, character: u8) -> bool {
        match self {
            Self::OneOf(characters) => characters.contains(&character),
            Self::LetterButV => character.is_ascii_uppercase() && character != b'V',
            Self::Letter => character.is_ascii_uppercase(),
            Self::Letters => character.is_ascii_uppercase() || character == b'<',
            Self::Digits => character.is_ascii_digit() || character == b'<',
            Self::Digit => character.is_ascii_digit(),
            Self::Any => character.is_ascii_uppercase() || character.is_ascii_digit() || character == b'<',
        }
    }
}

impl ZoneFormat {
    pub(crate) const ALL: [Self; 5] = [Self::Td3, Self::Td1, Self::Td2, Self::MrvA, Self::MrvB];

    /// Its name in ICAO 9303.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Td1 => "TD1",
            Self::Td2 => "TD2",
            Self::Td3 => "TD3",
            Self::MrvA => "MRV-A",
            Self::MrvB => "MRV-B",
        }
    }

    /// The number of its lines.
    #[must_use]
    pub fn row_count(self) -> usize {
        if self == Self::Td1 { 3 } else { 2 }
    }

    /// The number of characters in each line.
    #[must_use]
    pub fn column_count(self) -> usize {
        match self {
            Self::Td1 => 30,
            Self::Td2 | Self::MrvB => 36,
            Self::Td3 | Self::MrvA => 44,
        }
    }

    pub(crate) fn layout(self) -> &'static ZoneLayout {
        match self {
            Self::Td1 => &TD1,
            Self::Td2 => &TD2,
            Self::Td3 => &TD3,
            Self::MrvA => &MRV_A,
            Self::MrvB => &MRV_B,
        }
    }

    /// The cells that identify the holder's document: its number and both dates.
    pub(crate) fn identifying_cells(self) -> impl Iterator<Item = (usize, usize)> {
        let layout = self.layout();
        [layout.number, layout.birth, layout.expiry].into_iter().flat_map(CellSpan::cells)
    }

    /// The characters allowed in a cell. Part 5 names A, C and I for cards, but issuers use others: ME for people who
    /// seek asylum, RP and RR for residents, TA and L for travel documents, D for drivers. Only V is kept for visas:
    /// these have no composite digit. A document's second letter and its kind are the issuer's choice, and some issuers
    /// choose a digit (C1 and C2 on permanent residents' cards); passports have letters only. An issuer and a name begin
    /// with a letter: a filler before them means that the line was read with one character too many.
    pub(crate) fn alphabet_at(self, row: usize, column: usize) -> CellAlphabet {
        let layout = self.layout();
        let digit_after = |span: CellSpan| (row, column) == (span.row, span.end);
        let begins = |span: CellSpan| (row, column) == (span.row, span.start);
        match (row, column) {
            (0, 0) => match self {
                Self::MrvA | Self::MrvB => CellAlphabet::OneOf(b"V"),
                Self::Td1 => CellAlphabet::Letter,
                Self::Td2 | Self::Td3 => CellAlphabet::LetterButV,
            },
            (0, 1) if self == Self::Td3 => CellAlphabet::Letters,
            _ if layout.composite.is_some_and(|(_, digit)| digit == (row, column)) => CellAlphabet::Digit,
            _ if begins(layout.state) || begins(layout.name) => CellAlphabet::Letter,
            _ if layout.sex.contains_cell(row, column) => CellAlphabet::OneOf(b"MFX<"),
            _ if [layout.state, layout.nationality, layout.name].iter().any(|span| span.contains_cell(row, column)) => {
                CellAlphabet::Letters
            }
            _ if digit_after(layout.birth) || digit_after(layout.expiry) => CellAlphabet::Digit,
            _ if digit_after(layout.number) => CellAlphabet::Digits,
            _ if layout.optional_digit && layout.optional.iter().any(|span| digit_after(*span)) => CellAlphabet::Digits,
            _ if layout.birth.contains_cell(row, column) || layout.expiry.contains_cell(row, column) => {
                CellAlphabet::Digits
            }
            _ => CellAlphabet::Any,
        }
    }
}
