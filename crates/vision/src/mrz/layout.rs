//! Where each field of a machine-readable zone stands (ICAO 9303 parts 4 to 7) and which characters may stand there.

use super::Format;

/// A run of cells in one row: the row, its first cell and the cell after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) row: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    const fn at(row: usize, start: usize, end: usize) -> Self {
        Self { row, start, end }
    }

    pub(crate) fn cells(self) -> impl Iterator<Item = (usize, usize)> {
        (self.start..self.end).map(move |column| (self.row, column))
    }

    fn holds(self, row: usize, column: usize) -> bool {
        self.row == row && (self.start..self.end).contains(&column)
    }
}

/// The places of a format's fields. A date, the number and the optional data are each followed by their check digit.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) code: Span,
    pub(crate) state: Span,
    pub(crate) name: Span,
    pub(crate) number: Span,
    pub(crate) nationality: Span,
    pub(crate) birth: Span,
    pub(crate) sex: Span,
    pub(crate) expiry: Span,
    pub(crate) optional: &'static [Span],
    /// Whether the optional data has a check digit of its own.
    pub(crate) optional_digit: bool,
    /// What the composite check digit covers, and where it stands. Visas have none.
    pub(crate) composite: Option<(&'static [Span], (usize, usize))>,
}

const TD1: Layout = Layout {
    code: Span::at(0, 0, 2),
    state: Span::at(0, 2, 5),
    number: Span::at(0, 5, 14),
    birth: Span::at(1, 0, 6),
    sex: Span::at(1, 7, 8),
    expiry: Span::at(1, 8, 14),
    nationality: Span::at(1, 15, 18),
    name: Span::at(2, 0, 30),
    optional: &[Span::at(0, 15, 30), Span::at(1, 18, 29)],
    optional_digit: false,
    composite: Some((&[Span::at(0, 5, 30), Span::at(1, 0, 7), Span::at(1, 8, 15), Span::at(1, 18, 29)], (1, 29))),
};

const TD2: Layout = Layout {
    name: Span::at(0, 5, 36),
    optional: &[Span::at(1, 28, 35)],
    optional_digit: false,
    composite: Some((&[Span::at(1, 0, 10), Span::at(1, 13, 20), Span::at(1, 21, 35)], (1, 35))),
    ..TD3
};

const TD3: Layout = Layout {
    code: Span::at(0, 0, 2),
    state: Span::at(0, 2, 5),
    name: Span::at(0, 5, 44),
    number: Span::at(1, 0, 9),
    nationality: Span::at(1, 10, 13),
    birth: Span::at(1, 13, 19),
    sex: Span::at(1, 20, 21),
    expiry: Span::at(1, 21, 27),
    optional: &[Span::at(1, 28, 42)],
    optional_digit: true,
    composite: Some((&[Span::at(1, 0, 10), Span::at(1, 13, 20), Span::at(1, 21, 43)], (1, 43))),
};

const MRV_A: Layout = Layout { optional: &[Span::at(1, 28, 44)], optional_digit: false, composite: None, ..TD3 };

const MRV_B: Layout = Layout { optional: &[Span::at(1, 28, 36)], composite: None, ..TD2 };

/// Which characters may stand in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// One of these.
    OneOf(&'static [u8]),
    /// A to Z.
    Letter,
    /// A to Z and the filler.
    Letters,
    /// 0 to 9 and the filler.
    Digits,
    /// 0 to 9.
    Digit,
    /// Whatever a zone may hold.
    Any,
}

impl Alphabet {
    pub(crate) fn holds(self, character: u8) -> bool {
        match self {
            Self::OneOf(characters) => characters.contains(&character),
            Self::Letter => character.is_ascii_uppercase(),
            Self::Letters => character.is_ascii_uppercase() || character == b'<',
            Self::Digits => character.is_ascii_digit() || character == b'<',
            Self::Digit => character.is_ascii_digit(),
            Self::Any => character.is_ascii_uppercase() || character.is_ascii_digit() || character == b'<',
        }
    }
}

impl Format {
    pub(crate) const ALL: [Self; 5] = [Self::Td3, Self::Td1, Self::Td2, Self::MrvA, Self::MrvB];

    /// How many lines it has.
    #[must_use]
    pub fn rows(self) -> usize {
        if self == Self::Td1 { 3 } else { 2 }
    }

    /// How many characters each of its lines has.
    #[must_use]
    pub fn columns(self) -> usize {
        match self {
            Self::Td1 => 30,
            Self::Td2 | Self::MrvB => 36,
            Self::Td3 | Self::MrvA => 44,
        }
    }

    pub(crate) fn layout(self) -> &'static Layout {
        match self {
            Self::Td1 => &TD1,
            Self::Td2 => &TD2,
            Self::Td3 => &TD3,
            Self::MrvA => &MRV_A,
            Self::MrvB => &MRV_B,
        }
    }

    /// The cells of the document's number and of both dates.
    pub(crate) fn telling(self) -> impl Iterator<Item = (usize, usize)> {
        let layout = self.layout();
        [layout.number, layout.birth, layout.expiry].into_iter().flat_map(Span::cells)
    }

    /// Which characters may stand in a cell. A document's second letter and its kind are the issuer's choice, and there are
    /// issuers that choose a digit (C1 and C2 on permanent residents' cards); passports have letters only. An issuer and a
    /// name begin with a letter: with a filler before them, a line was read with one character too many.
    pub(crate) fn alphabet(self, row: usize, column: usize) -> Alphabet {
        let layout = self.layout();
        let digit_after = |span: Span| (row, column) == (span.row, span.end);
        let begins = |span: Span| (row, column) == (span.row, span.start);
        match (row, column) {
            (0, 0) => Alphabet::OneOf(match self {
                Self::Td3 => b"P",
                Self::MrvA | Self::MrvB => b"V",
                Self::Td1 | Self::Td2 => b"ACI",
            }),
            (0, 1) if self == Self::Td3 => Alphabet::Letters,
            _ if layout.composite.is_some_and(|(_, digit)| digit == (row, column)) => Alphabet::Digit,
            _ if begins(layout.state) || begins(layout.name) => Alphabet::Letter,
            _ if layout.sex.holds(row, column) => Alphabet::OneOf(b"MFX<"),
            _ if [layout.state, layout.nationality, layout.name].iter().any(|span| span.holds(row, column)) => {
                Alphabet::Letters
            }
            _ if digit_after(layout.birth) || digit_after(layout.expiry) => Alphabet::Digit,
            _ if digit_after(layout.number) => Alphabet::Digits,
            _ if layout.optional_digit && layout.optional.iter().any(|span| digit_after(*span)) => Alphabet::Digits,
            _ if layout.birth.holds(row, column) || layout.expiry.holds(row, column) => Alphabet::Digits,
            _ => Alphabet::Any,
        }
    }
}
