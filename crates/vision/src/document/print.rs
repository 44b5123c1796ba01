//! The printed text of a document: lines without the machine-readable zone, and values next to their labels.

use crate::text::TextLine;

use super::date::find_printed_dates;
use super::fields::is_document_title;
use super::labels::{FieldLabel, has_numbered_fields, is_field_number, split_by_labels};
use super::letters::{MarkTolerance, fold_to_ascii, spelling_distance, split_words, to_capitals};

/// The maximum number of lines of one side, from the top; a card or a page has 20 to 60.
const MOST_LINES: usize = 200;
/// The maximum number of characters of a line.
const MOST_CHARACTERS: usize = 120;

/// The least number of characters of a line that is compared with the zone's lines.
const LEAST_ZONE_CHARACTERS: usize = 15;

/// One printed line that is not part of a zone.
#[derive(Clone, Debug)]
pub(super) struct PrintedLine {
    pub(super) text: String,
    pub(super) score: f32,
}

/// The text in the place that a label marks for a field.
#[derive(Clone, Debug)]
pub(super) struct LabelledValue {
    pub(super) field: FieldLabel,
    pub(super) text: String,
    pub(super) score: f32,
}

/// The zone's corners and its lines.
pub(super) type ZoneArea<'z> = ([(f32, f32); 4], &'z [String]);

/// What is printed on one side or both, without the machine-readable zone: otherwise the zone would confirm itself.
#[derive(Clone, Debug, Default)]
pub(super) struct PrintedText {
    pub(super) lines: Vec<PrintedLine>,
    pub(super) labelled: Vec<LabelledValue>,
}

impl PrintedText {
    /// The print of one side, given the zone on it.
    pub(super) fn from_lines(lines: &[TextLine], zone: Option<ZoneArea<'_>>) -> Self {
        let axis = text_direction(lines);
        let block = zone.map(|(corners, _)| LineArea::from_corners(&corners, axis));
        let zone_lines = zone.map(|(_, lines)| lines).unwrap_or_default();
        let mut kept: Vec<(LineArea, PrintedLine)> = Vec::new();
        for line in lines.iter().take(MOST_LINES) {
            let area = LineArea::from_corners(&line.corners, axis);
            let text: String = line.text.chars().take(MOST_CHARACTERS).collect();
            let inside = block.is_some_and(|block| block.contains_middle_of(area));
            if !inside && !is_zone_text(&text, zone_lines) {
                kept.push((area, PrintedLine { text, score: line.score }));
            }
        }
        let labelled = find_labelled_values(&kept);
        Self { lines: kept.into_iter().map(|(_, line)| line).collect(), labelled }
    }

    /// The print of both sides together.
    pub(super) fn merge(mut self, other: &Self) -> Self {
        self.lines.extend_from_slice(&other.lines);
        self.labelled.extend_from_slice(&other.labelled);
        self
    }

    /// The values next to a field's labels, the likeliest first.
    pub(super) fn values_for(&self, field: FieldLabel) -> impl Iterator<Item = &LabelledValue> {
        self.labelled.iter().filter(move |value| value.field == field)
    }
}

/// Whether a line looks like a zone's: it has fillers, begins as the zone does, or has most of the digits and letters
/// of a zone's line in their sequence. The whole name alone does not count: print has it as the zone has, apart from
/// fillers. Parts shorter than a number with a date are decided by their place instead.
fn is_zone_text(text: &str, zone_lines: &[String]) -> bool {
    if text.contains("<<") || text.chars().filter(|letter| *letter == '<').count() >= 3 {
        return true;
    }
    let glued: Vec<char> = fold_to_ascii(text).chars().collect();
    let digits = glued.iter().filter(|letter| letter.is_ascii_digit()).count();
    let alike = |zone_line: &String| {
        let line: Vec<char> = fold_to_ascii(zone_line).chars().collect();
        let begins = Some(zone_line) == zone_lines.first();
        let starts = if digits * 3 >= glued.len() { line.len().saturating_sub(glued.len()) + 1 } else { 0 };
        let alike_from = |start: usize| {
            let part = line.get(start..(start + glued.len()).min(line.len())).unwrap_or_default();
            spelling_distance(&glued, part, MarkTolerance::AsPrinted) * 5 <= glued.len()
        };
        glued.len() >= LEAST_ZONE_CHARACTERS && (begins && alike_from(0) || (0..starts).any(alike_from))
    };
    zone_lines.iter().any(alike)
}

/// The direction in which most text runs, as a unit vector. Lines are laid out along it, so that a turned card reads
/// like a level one.
fn text_direction(lines: &[TextLine]) -> (f32, f32) {
    let mut sum = (0.0_f32, 0.0_f32);
    for line in lines {
        let [start, end, ..] = line.corners;
        sum = (sum.0 + end.0 - start.0, sum.1 + end.1 - start.1);
    }
    let length = sum.0.hypot(sum.1);
    if length.is_finite() && length > 0.0 { (sum.0 / length, sum.1 / length) } else { (1.0, 0.0) }
}

/// A line's area once the text is level, in the picture's pixels.
#[derive(Clone, Copy, Debug)]
struct LineArea {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
}

impl LineArea {
    fn from_corners(corners: &[(f32, f32); 4], axis: (f32, f32)) -> Self {
        let along = corners.map(|(x, y)| x * axis.0 + y * axis.1);
        let down = corners.map(|(x, y)| y * axis.0 - x * axis.1);
        let least = |values: [f32; 4]| values.into_iter().fold(f32::INFINITY, f32::min);
        let most = |values: [f32; 4]| values.into_iter().fold(f32::NEG_INFINITY, f32::max);
        Self { left: least(along), right: most(along), top: least(down), bottom: most(down) }
    }

    fn height(&self) -> f32 {
        self.bottom - self.top
    }

    fn middle(&self) -> f32 {
        f32::midpoint(self.top, self.bottom)
    }

    /// Whether the middle of the other area is inside this one.
    fn contains_middle_of(&self, other: Self) -> bool {
        let across = f32::midpoint(other.left, other.right);
        (self.left..=self.right).contains(&across) && (self.top..=self.bottom).contains(&other.middle())
    }

    /// A part of it, with both ends as shares of its width.
    fn slice(&self, from: f32, to: f32) -> Self {
        let width = self.right - self.left;
        Self { left: self.left + width * from, right: self.left + width * to, ..*self }
    }
}

/// A label or a text with its area.
struct PlacedPiece {
    line: usize,
    field: Option<FieldLabel>,
    text: String,
    score: f32,
    area: LineArea,
}

/// How far below a label its value may begin, in heights of the larger of the two.
const BELOW: f32 = 1.6;
/// How far to the right of a label its value may begin, in heights of the larger of the two.
const BESIDE: f32 = 15.0;

fn find_labelled_values(lines: &[(LineArea, PrintedLine)]) -> Vec<LabelledValue> {
    let numbered = has_numbered_fields(lines.iter().map(|(_, line)| line.text.as_str()));
    let spots: Vec<PlacedPiece> = lines
        .iter()
        .enumerate()
        .flat_map(|(at, (area, line))| {
            let spot = move |piece: super::labels::LinePiece| PlacedPiece {
                line: at,
                field: piece.field,
                text: piece.text,
                score: line.score,
                area: area.slice(piece.from, piece.to),
            };
            split_by_labels(&line.text, numbered).into_iter().map(spot)
        })
        .collect();
    let mut assigned: Vec<(FieldLabel, &PlacedPiece, &PlacedPiece)> = Vec::new();
    for (at, label) in spots.iter().enumerate() {
        let Some(field) = label.field.filter(|field| *field != FieldLabel::Other) else { continue };
        let values = find_values(label, spots.get(at + 1), &spots, field);
        assigned.extend(values.into_iter().map(|value| (field, label, value)));
    }
    let is_kept = |(field, label, value): &(FieldLabel, &PlacedPiece, &PlacedPiece)| {
        !assigned.iter().any(|(other, other_label, other_value)| {
            let is_shared = std::ptr::eq(*value, *other_value) && is_date(*field) && is_date(*other) && field != other;
            is_shared && distance_of(other_label, value) < distance_of(label, value)
        })
    };
    let kept = assigned.iter().filter(|assignment| is_kept(assignment));
    kept.map(|(field, _, value)| LabelledValue { field: *field, text: value.text.clone(), score: value.score })
        .collect()
}

/// The values of a label: behind it in its line, else below it and beside it. The number of a field has its value beside
/// it; what is below belongs to the next number.
fn find_values<'s>(
    label: &PlacedPiece,
    next: Option<&'s PlacedPiece>,
    spots: &'s [PlacedPiece],
    field: FieldLabel,
) -> Vec<&'s PlacedPiece> {
    let is_within = |next: &&PlacedPiece| next.line == label.line && next.field.is_none();
    if let Some(value) = next.filter(is_within).filter(|next| can_be_value(field, &next.text)) {
        return vec![value];
    }
    let (below, beside) = (find_value_below(label, spots, field), find_value_beside(label, spots, field));
    if is_field_number(&label.text) && has_text_beside(label, spots) {
        return beside.into_iter().collect();
    }
    below.into_iter().chain(beside).collect()
}

fn is_date(field: FieldLabel) -> bool {
    matches!(field, FieldLabel::DateOfBirth | FieldLabel::Expiry | FieldLabel::Issued)
}

/// How far a value is from its label: a value beside the label is nearer than any below it.
fn distance_of(label: &PlacedPiece, value: &PlacedPiece) -> f32 {
    let height = label.area.height().max(value.area.height()).max(1.0);
    let down = (value.area.middle() - label.area.middle()).abs() / height;
    let across = (value.area.left - label.area.right).max(label.area.left - value.area.right).max(0.0) / height;
    down + across / BESIDE
}

/// Whether text of any kind is level with a label and to the right of it.
fn has_text_beside(label: &PlacedPiece, spots: &[PlacedPiece]) -> bool {
    spots.iter().any(|spot| is_beside(label, spot))
}

fn is_beside(label: &PlacedPiece, spot: &PlacedPiece) -> bool {
    let height = label.area.height().max(spot.area.height());
    let level = (spot.area.middle() - label.area.middle()).abs() < 0.6 * height;
    let gap = spot.area.left - label.area.right;
    level && spot.line != label.line && gap > -height && gap < BESIDE * height
}

/// The nearest text under a label, unless another field's label comes first.
fn find_value_below<'s>(label: &PlacedPiece, spots: &'s [PlacedPiece], field: FieldLabel) -> Option<&'s PlacedPiece> {
    let under = |spot: &&PlacedPiece| {
        let height = label.area.height().max(spot.area.height());
        let gap = spot.area.top - label.area.bottom;
        let overlaps = spot.area.left < label.area.right + height && spot.area.right > label.area.left - height;
        spot.line != label.line && spot.area.middle() > label.area.bottom && gap < BELOW * height && overlaps
    };
    let mut under: Vec<&PlacedPiece> = spots.iter().filter(under).collect();
    under.sort_by(|one, other| one.area.top.total_cmp(&other.area.top));
    // A label in two languages has its second half between its first half and the value.
    let mut candidates = under.into_iter().take_while(|spot| spot.field.is_none_or(|other| other == field));
    candidates.find(|spot| spot.field.is_none() && can_be_value(field, &spot.text))
}

/// The nearest text to the right of a label, unless another label comes first.
fn find_value_beside<'s>(label: &PlacedPiece, spots: &'s [PlacedPiece], field: FieldLabel) -> Option<&'s PlacedPiece> {
    let nearest = spots
        .iter()
        .filter(|spot| is_beside(label, spot))
        .min_by(|one, other| one.area.left.total_cmp(&other.area.left))?;
    (nearest.field.is_none() && can_be_value(field, &nearest.text)).then_some(nearest)
}

/// Whether a text has the form of such a field's value.
fn can_be_value(field: FieldLabel, text: &str) -> bool {
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    match field {
        FieldLabel::Surname | FieldLabel::GivenNames | FieldLabel::Name => {
            letters >= 2 && digits == 0 && !is_document_title(text)
        }
        FieldLabel::Nationality => letters >= 1 && digits == 0,
        FieldLabel::DateOfBirth | FieldLabel::Expiry | FieldLabel::Issued => !find_printed_dates(text).is_empty(),
        FieldLabel::DocumentNumber => parse_document_number(text).is_some(),
        FieldLabel::Sex => parse_sex_letter(text).is_some(),
        FieldLabel::Address => letters >= 2,
        FieldLabel::Other => false,
    }
}

/// The document number in a labelled text: the first words that make at least five characters with two digits among
/// them.
pub(super) fn parse_document_number(text: &str) -> Option<String> {
    if !find_printed_dates(text).is_empty() {
        return None;
    }
    let is_long = |number: &str| number.len() >= 5 && number.chars().filter(char::is_ascii_digit).count() >= 2;
    let parts = split_number_parts(text);
    // Numbers are printed in groups: join all if each has a digit, else take the first that can be a number alone.
    let grouped = parts.iter().all(|part| part.chars().any(|letter| letter.is_ascii_digit()));
    let glued = if grouped { parts.concat() } else { parts.into_iter().find(|part| is_long(part))? };
    is_long(&glued).then_some(glued)
}

/// The words of a number, as capitals. Hyphens join its parts, and a single letter at its end belongs to it:
/// `12345678-Z`, `X-1234567-L`, `12345678 Z`.
fn split_number_parts(text: &str) -> Vec<String> {
    let words = split_words(text);
    let mut parts: Vec<String> = Vec::new();
    let mut last_end = None;
    for (at, word) in words.iter().enumerate() {
        let part = fold_to_ascii(word.text_in(text));
        let is_joined = last_end.and_then(|end| text.get(end..word.start)).is_some_and(|between| between == "-");
        let is_last_letter = at + 1 == words.len() && part.len() == 1 && part.chars().all(char::is_alphabetic);
        match parts.last_mut() {
            Some(last) if is_joined || is_last_letter && last.ends_with(|letter: char| letter.is_ascii_digit()) => {
                last.push_str(&part);
            }
            _ => parts.push(part),
        }
        last_end = Some(word.end);
    }
    parts
}

/// The first word of a labelled text, if it is a letter for a sex.
pub(super) fn parse_sex_letter(text: &str) -> Option<char> {
    let first = split_words(text).first().map(|word| fold_to_ascii(word.text_in(text)))?;
    match first.as_str() {
        "M" | "MALE" => Some('M'),
        "F" | "FEMALE" | "K" | "V" | "W" => Some('F'),
        "X" => Some('X'),
        _ => None,
    }
}

/// The words of a text as capitals, marks kept.
pub(super) fn to_capital_words(text: &str) -> Vec<Vec<char>> {
    let capital = |word: &super::letters::WordSpan| to_capitals(word.text_in(text));
    split_words(text).iter().map(capital).filter(|word| !word.is_empty()).collect()
}

/// Whether a line is a number of letters and digits, perhaps behind the number of its field.
pub(super) fn is_mixed_number(text: &str) -> bool {
    let parts = split_number_parts(text);
    let is_long = |part: &String| part.len() >= 8 && part.chars().filter(char::is_ascii_digit).count() >= 3;
    let is_mixed = |part: &String| part.chars().any(char::is_alphabetic);
    parts.len() <= 3 && parts.iter().any(|part| is_long(part) && is_mixed(part))
}

/// Whether the wider reading is the first one with one or two thin letters added: I, J, L or 1.
pub(super) fn adds_thin_letters(first: &str, wider: &str) -> bool {
    const MOST_ADDED: usize = 2;
    let mut rest = first.chars().filter(|letter| !letter.is_whitespace()).peekable();
    let mut added: Vec<char> = Vec::new();
    for letter in wider.chars().filter(|letter| !letter.is_whitespace()) {
        if rest.next_if_eq(&letter).is_none() {
            added.push(letter);
        }
    }
    let are_thin = added.iter().all(|letter| matches!(letter, 'I' | 'J' | 'L' | '1'));
    rest.peek().is_none() && are_thin && (1..=MOST_ADDED).contains(&added.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tests::line;

    fn values(lines: &[TextLine], field: FieldLabel) -> Vec<String> {
        PrintedText::from_lines(lines, None).values_for(field).map(|value| value.text.clone()).collect()
    }

    #[test]
    fn values_are_found_below_their_labels() {
        let lines = [
            line("Surname/Nom", 100.0, 100.0, 12.0),
            line("ERIKSSON", 100.0, 120.0, 20.0),
            line("Given names/Prénoms", 100.0, 150.0, 12.0),
            line("ANNA MARIA", 100.0, 170.0, 20.0),
            line("Date of birth", 100.0, 200.0, 12.0),
            line("Sex", 300.0, 200.0, 12.0),
            line("12 AUG/AOUT 74", 100.0, 220.0, 20.0),
            line("F", 300.0, 220.0, 20.0),
        ];
        assert_eq!(values(&lines, FieldLabel::Surname), ["ERIKSSON"]);
        assert_eq!(values(&lines, FieldLabel::GivenNames), ["ANNA MARIA"]);
        assert_eq!(values(&lines, FieldLabel::DateOfBirth), ["12 AUG/AOUT 74"]);
        assert_eq!(values(&lines, FieldLabel::Sex), ["F"]);
    }

    #[test]
    fn values_are_found_beside_their_labels_on_level_and_turned_cards() {
        let upright = [
            line("Nachname", 100.0, 100.0, 20.0),
            line("MUSTERMANN", 320.0, 100.0, 20.0),
            line("Gültig bis", 100.0, 140.0, 20.0),
            line("31.10.2029", 320.0, 140.0, 20.0),
        ];
        let turned: Vec<TextLine> = upright
            .iter()
            .map(|line| TextLine { corners: line.corners.map(|(x, y)| (1_000.0 - y, x)), ..line.clone() })
            .collect();
        for lines in [upright.as_slice(), turned.as_slice()] {
            assert_eq!(values(lines, FieldLabel::Surname), ["MUSTERMANN"]);
            assert_eq!(values(lines, FieldLabel::Expiry), ["31.10.2029"]);
        }
    }

    #[test]
    fn other_label_ends_the_search() {
        let lines = [
            line("Surname", 100.0, 100.0, 12.0),
            line("Given names", 100.0, 120.0, 12.0),
            line("ANNA", 100.0, 140.0, 20.0),
        ];
        assert_eq!(values(&lines, FieldLabel::Surname), Vec::<String>::new());
        assert_eq!(values(&lines, FieldLabel::GivenNames), ["ANNA"]);
    }

    #[test]
    fn zone_lines_are_removed_from_print() {
        let zone = [
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<".to_owned(),
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10".to_owned(),
        ];
        let corners = [(0.0, 500.0), (900.0, 500.0), (900.0, 580.0), (0.0, 580.0)];
        let lines = [
            line("L898902C3", 600.0, 60.0, 20.0),
            line("P<UTOERIKSSON<<ANNA", 10.0, 510.0, 20.0),
            line("ERIKSSON", 10.0, 510.0, 20.0),
            line("L898902C36UT074081Z2F1204159ZE184226B", 10.0, 700.0, 20.0),
            line("PUTOERIKSSONANNAMARIA", 10.0, 740.0, 20.0),
            line("ERIKSSON,ANNAMARIA", 10.0, 300.0, 20.0),
        ];
        let print = PrintedText::from_lines(&lines, Some((corners, &zone)));
        assert_eq!(
            print.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["L898902C3", "ERIKSSON,ANNAMARIA"]
        );
    }

    #[test]
    fn only_thin_letters_are_added_by_a_wider_reading() {
        assert!(adds_thin_letters("HARGR859148EM9J35", "HARGR859148EM9IJ 35"));
        for wider in ["HARGR859148EM9J35", "HARGR859148EM9XJ35", "HARGR859148EMIJ35", "HARGR859148EM9"] {
            assert!(!adds_thin_letters("HARGR859148EM9J35", wider), "{wider}");
        }
        assert!(is_mixed_number("5. HARGR859148EM9IJ 35") && is_mixed_number("12345678-Z"));
        assert!(!is_mixed_number("12345678") && !is_mixed_number("12 ORCHARD LANE, LEEDS, LS1 4AP"));
    }

    #[test]
    fn document_numbers_are_extracted_from_labelled_text() {
        assert_eq!(parse_document_number("No. L898902C3 UTO").as_deref(), Some("L898902C3"));
        assert_eq!(parse_document_number("592 1234567 89").as_deref(), Some("592123456789"));
        for (text, expected) in [
            ("12345678-Z", "12345678Z"),
            ("12345678 Z", "12345678Z"),
            ("X-1234567-L", "X1234567L"),
            ("HARGR859148EM9IJ 35", "HARGR859148EM9IJ35"),
            ("J010000SD51", "J010000SD51"),
            ("AB-12-34567", "AB1234567"),
            ("00712345 6 ZX1", "007123456ZX1"),
        ] {
            assert_eq!(parse_document_number(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(parse_document_number("12 AUG 1974"), None);
        assert_eq!(parse_document_number("UTOPIA"), None);
    }
}
