//! Settles uncertain characters of a zone: only changes that a check digit proves are made.

use super::digits::{COMPOSITE, CheckDigit, list_check_digits};
use super::{Zone, ZoneFormat, build_zone, fits_format};

/// The recogniser's reading of one cell.
#[derive(Clone, Debug)]
pub(crate) struct ReadCell {
    pub(crate) read: u8,
    /// 0..1.
    pub(crate) probability: f32,
    /// The highest probability of a character that is not allowed here: 0..1.
    pub(crate) unfit: f32,
    /// Other allowed characters, each with its likelihood relative to `read`: 0..1.
    pub(crate) others: Vec<(u8, f32)>,
}

/// Other pairs of characters that blur, glare or wear make look alike. A character outside these pairs is never put in
/// place of the one that was read, however often that would make a check digit right.
const SIMILAR: &str = "0C 0U 08 06 09 OQ OD OC OU OG CG QG QD UV VY WV MN MW HN HM HW KX KR XY TY 1L 1T 17 1J IL IT IJ \
    TL 7T 7Z 27 38 3B 35 39 4A 49 56 58 59 68 6B 8S 89 EF EB PF PR PB RB RN SB S3 <K <C <L <X <Z <E <S";

/// Characters that printers and cameras make look alike.
const ALIKE: [(u8, u8); 8] =
    [(b'O', b'0'), (b'Q', b'0'), (b'D', b'0'), (b'I', b'1'), (b'B', b'8'), (b'S', b'5'), (b'Z', b'2'), (b'G', b'6')];
/// The likelihood of a look-alike that the recogniser did not consider.
const UNSEEN_LIKELIHOOD: f32 = 0.02;
/// From this probability on the recogniser is sure of a character. Then only a letter and a digit of the same shape are
/// confused: an issuer prints one of them, and the recogniser expects the other.
const SURE_PROBABILITY: f32 = 0.9;
const SAME_SHAPE: [(u8, u8); 2] = [(b'O', b'0'), (b'I', b'1')];
/// The least likelihood at which another character is tried.
const LEAST_LIKELIHOOD: f32 = 0.02;
/// The least likelihood at which two characters of one field are changed at once.
const LEAST_PAIR_LIKELIHOOD: f32 = 0.1;
/// A reading is proven if it is this many times as likely as any other that satisfies its check digit.
const CLEAR_RATIO: f32 = 2.0;

/// One character in place of another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CellChange {
    cell: (usize, usize),
    to: u8,
    likelihood: f32,
}

/// The zone that the cells make. A field with a wrong check digit is read again with characters that were almost as
/// likely. The new reading is accepted only if it satisfies the field's digit, no other reading is almost as likely,
/// and the composite digit agrees. A visa has no composite digit, so it stays as read. `None` if the cells do not fit
/// the format.
pub(crate) fn settle_zone(format: ZoneFormat, cells: &[Vec<ReadCell>]) -> Option<Zone> {
    let mut rows: Vec<Vec<u8>> = cells.iter().map(|row| row.iter().map(|cell| cell.read).collect()).collect();
    clear_after_name(format, &mut rows);
    if !fits_format(format, &rows) {
        return None;
    }
    let (composite, own): (Vec<CheckDigit>, Vec<CheckDigit>) =
        list_check_digits(format, &rows).into_iter().partition(|check| check.field == COMPOSITE);
    if composite.is_empty() {
        return Some(build_zone(format, &rows));
    }
    let mut proven = rows.clone();
    for check in own.iter().filter(|check| !check.is_right(&rows)) {
        let found = find_proven_changes(&rows, check, &list_possible_changes(format, cells, &check.depending_cells()));
        found.into_iter().for_each(|change| apply_change(&mut proven, change));
    }
    for composite in list_check_digits(format, &proven).into_iter().filter(|check| check.field == COMPOSITE) {
        if !composite.is_right(&proven) {
            let covered: Vec<(usize, usize)> = own.iter().flat_map(CheckDigit::depending_cells).collect();
            let alone: Vec<_> =
                composite.depending_cells().into_iter().filter(|cell| !covered.contains(cell)).collect();
            let found = find_proven_changes(&proven, &composite, &list_possible_changes(format, cells, &alone));
            found.into_iter().for_each(|change| apply_change(&mut proven, change));
        }
        if !composite.is_right(&proven) {
            return Some(build_zone(format, &rows));
        }
    }
    Some(build_zone(format, if fits_format(format, &proven) { &proven } else { &rows }))
}

/// Clears everything after three fillers in the name: those end it, and later characters are misread fillers.
fn clear_after_name(format: ZoneFormat, rows: &mut [Vec<u8>]) {
    let name = format.layout().name;
    let Some(field) = rows.get_mut(name.row).and_then(|row| row.get_mut(name.start..name.end)) else { return };
    if let Some(end) = field.windows(3).position(|three| three == b"<<<") {
        field.iter_mut().skip(end).for_each(|character| *character = b'<');
    }
}

fn apply_change(rows: &mut [Vec<u8>], change: CellChange) {
    let cell = rows.get_mut(change.cell.0).and_then(|row| row.get_mut(change.cell.1));
    if let Some(cell) = cell {
        *cell = change.to;
    }
}

/// The changes that satisfy a check digit: one, or two likely ones; empty if nothing is proven.
fn find_proven_changes(rows: &[Vec<u8>], check: &CheckDigit, possible: &[CellChange]) -> Vec<CellChange> {
    let likely: Vec<CellChange> =
        possible.iter().copied().filter(|change| change.likelihood >= LEAST_PAIR_LIKELIHOOD).collect();
    let pairs = likely.iter().enumerate().flat_map(|(place, first)| {
        let rest = likely.iter().skip(place + 1).filter(move |second| second.cell != first.cell);
        rest.map(move |second| vec![*first, *second])
    });
    let tried = possible.iter().map(|change| vec![*change]).chain(pairs);
    let satisfies = |changes: &Vec<CellChange>| {
        let mut rows = rows.to_vec();
        changes.iter().for_each(|change| apply_change(&mut rows, *change));
        check.is_right(&rows)
    };
    let likelihood = |changes: &Vec<CellChange>| changes.iter().map(|change| change.likelihood).product::<f32>();
    let mut satisfying: Vec<Vec<CellChange>> = tried.filter(satisfies).collect();
    satisfying.sort_by(|a, b| likelihood(b).total_cmp(&likelihood(a)));
    match satisfying.as_slice() {
        [] => Vec::new(),
        [best] => best.clone(),
        [best, second, ..] if likelihood(best) >= CLEAR_RATIO * likelihood(second) => best.clone(),
        _ => Vec::new(),
    }
}

/// Whether one character may be a misreading of the other.
fn is_similar(one: u8, other: u8) -> bool {
    let is_listed = |pair: &str| pair.as_bytes() == [one, other] || pair.as_bytes() == [other, one];
    SIMILAR.split_ascii_whitespace().any(is_listed)
}

fn is_pair(pair: (u8, u8), one: u8, other: u8) -> bool {
    pair == (one, other) || pair == (other, one)
}

/// The alternatives for the open cells.
fn list_possible_changes(format: ZoneFormat, cells: &[Vec<ReadCell>], open: &[(usize, usize)]) -> Vec<CellChange> {
    let mut possible = Vec::new();
    for place in open {
        let Some(cell) = cells.get(place.0).and_then(|row| row.get(place.1)) else { continue };
        let seen = |other: u8| cell.others.iter().find(|(seen, _)| *seen == other).map_or(0.0, |(_, likely)| *likely);
        let pairs: &[(u8, u8)] = if cell.probability >= SURE_PROBABILITY { &SAME_SHAPE } else { &ALIKE };
        let alike = pairs.iter().filter_map(|(a, b)| match cell.read {
            read if read == *a => Some(*b),
            read if read == *b => Some(*a),
            _ => None,
        });
        let alike = alike.map(|other| (other, seen(other).max(UNSEEN_LIKELIHOOD)));
        let is_other =
            |other: u8| is_similar(cell.read, other) || ALIKE.iter().any(|pair| is_pair(*pair, cell.read, other));
        let others = cell.others.iter().copied().filter(|(other, _)| is_other(*other));
        for (to, likelihood) in alike.chain(others) {
            let new = !possible.iter().any(|change: &CellChange| change.cell == *place && change.to == to);
            if new && likelihood >= LEAST_LIKELIHOOD && format.alphabet_at(place.0, place.1).allows(to) {
                possible.push(CellChange { cell: *place, to, likelihood });
            }
        }
    }
    possible
}

#[cfg(test)]
mod tests {
    use super::*;

    const TD3: [&str; 2] =
        ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];

    /// Cells of which the recogniser was sure.
    fn sure(lines: &[&str]) -> Vec<Vec<ReadCell>> {
        let cell = |read| ReadCell { read, probability: 0.99, unfit: 0.0, others: Vec::new() };
        lines.iter().map(|line| line.bytes().map(cell).collect()).collect()
    }

    /// The passport's zone with `seen` read in that column of its second line, and other characters almost as likely.
    fn zone_with(column: usize, seen: u8, others: &[(u8, f32)]) -> Zone {
        let mut cells = sure(&TD3);
        cells[1][column] = ReadCell { read: seen, probability: 0.6, unfit: 0.0, others: others.to_vec() };
        settle_zone(ZoneFormat::Td3, &cells).unwrap()
    }

    #[test]
    fn look_alike_is_corrected_when_the_check_digit_proves_it() {
        let zone = zone_with(5, b'O', &[]);
        assert!(zone.is_valid(), "{zone:?}");
        assert_eq!(zone.lines[1], TD3[1]);
    }

    #[test]
    fn second_likeliest_character_is_corrected_too() {
        for (column, seen, other) in [(13, b'1', b'7'), (1, b'B', b'8'), (42, b'7', b'1')] {
            let zone = zone_with(column, seen, &[(other, 0.3)]);
            assert_eq!((zone.is_valid(), zone.lines[1].as_str()), (true, TD3[1]));
        }
    }

    #[test]
    fn character_that_does_not_look_alike_is_never_substituted() {
        for (column, seen, other) in [(13, b'8', b'7'), (0, b'N', b'L'), (19, b'5', b'2')] {
            let zone = zone_with(column, seen, &[(other, 0.9)]);
            assert_eq!((zone.is_valid(), zone.lines[1].as_bytes()[column]), (false, seen));
        }
    }

    #[test]
    fn nothing_is_corrected_without_a_composite_digit() {
        let visa = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"];
        assert!(settle_zone(ZoneFormat::MrvA, &sure(&visa)).unwrap().is_valid());
        let mut cells = sure(&visa);
        cells[1][6] = ReadCell { read: b'O', probability: 0.6, unfit: 0.0, others: vec![(b'0', 0.9)] };
        let zone = settle_zone(ZoneFormat::MrvA, &cells).unwrap();
        assert!(!zone.is_valid(), "{zone:?}");
        assert_eq!(zone.document_number, "L89889O1C");
    }

    #[test]
    fn clearly_printed_wrong_character_is_never_corrected() {
        for (column, seen) in [(13, b'8'), (9, b'7'), (43, b'1'), (0, b'K')] {
            let zone = zone_with(column, seen, &[]);
            assert!(!zone.is_valid(), "{zone:?}");
            assert_eq!(zone.lines[1].as_bytes()[column], seen);
        }
    }

    #[test]
    fn two_equally_likely_readings_prove_nothing() {
        // 2 and 7 weigh the same in these places: the digit is right with either.
        let mut cells = sure(&TD3);
        for column in [13, 16] {
            cells[1][column] = ReadCell { read: b'1', probability: 0.6, unfit: 0.0, others: Vec::new() };
        }
        cells[1][13].others = vec![(b'2', 0.3), (b'7', 0.3)];
        let before = settle_zone(ZoneFormat::Td3, &cells).unwrap();
        assert!(!before.is_valid());
    }

    #[test]
    fn name_letters_are_not_corrected_but_fillers_end_the_name() {
        let mut cells = sure(&["P<UTOERIK550N<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", TD3[1]]);
        assert_eq!(settle_zone(ZoneFormat::Td3, &cells), None);
        cells = sure(&["P<UTOERIKSZON<<ANNA<MARIA<<<<<<<<K<<<<<C<<<<", TD3[1]]);
        let zone = settle_zone(ZoneFormat::Td3, &cells).unwrap();
        assert_eq!((zone.surname.as_str(), zone.given_names.as_str()), ("ERIKSZON", "ANNA MARIA"));
    }
}
