//! Aligns a recogniser's steps with a line of known length and known alphabets, by the likeliest path.
//!
//! The recogniser drops a character that is thin or is between equal ones. A zone's line has a fixed number of
//! characters at a fixed pitch. So the path must have exactly that number of characters, and a dropped character
//! returns where the recogniser saw a weak sign of it.

mod complete;

use std::sync::LazyLock;

use crate::mrz::{CellAlphabet, ReadCell};
use crate::text::recogniser_steps::{RecogniserSteps, recogniser_alphabet};

/// The zone's characters.
const SYMBOLS: &[u8; 37] = b"<0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SYMBOL_COUNT: usize = SYMBOLS.len();
/// A smaller probability carries no information.
const LEAST_PROBABILITY: f32 = 1e-6;
/// The least probability at which another character is kept beside the one read.
const LEAST_KEPT: f32 = 0.005;

/// The positions of each symbol in the recogniser's alphabet; small letters count as their capitals.
static PLACES: LazyLock<Vec<Vec<usize>>> = LazyLock::new(|| {
    let places = |symbol: &u8| {
        let symbol = char::from(*symbol);
        let same =
            recogniser_alphabet().iter().enumerate().filter(move |(_, have)| have.to_ascii_uppercase() == symbol);
        same.map(|(place, _)| place).collect()
    };
    SYMBOLS.iter().map(places).collect()
});

/// One step: each symbol's probability, and that of no symbol.
pub(crate) struct SymbolStep {
    symbols: [f32; SYMBOL_COUNT],
    none: f32,
}

/// A recogniser's steps, restricted to the zone's characters.
pub(crate) fn to_symbol_steps(frames: &RecogniserSteps) -> Vec<SymbolStep> {
    let probability = |step: &[f32], place: usize| step.get(place).copied().unwrap_or(0.0);
    let step = |step: &[f32]| {
        let mut symbols = [0.0; SYMBOL_COUNT];
        for (symbol, places) in symbols.iter_mut().zip(PLACES.iter()) {
            *symbol = places.iter().map(|place| probability(step, *place)).sum();
        }
        let space = probability(step, recogniser_alphabet().len() - 1);
        SymbolStep { symbols, none: probability(step, 0) + space }
    };
    frames.steps().map(step).collect()
}

/// The recogniser's text, restricted to the zone's characters.
pub(crate) fn plain_text(steps: &[SymbolStep]) -> String {
    let mut text = String::new();
    let mut last = None;
    for step in steps {
        let best = step.symbols.iter().zip(SYMBOLS).max_by(|a, b| a.0.total_cmp(b.0));
        let best = best.filter(|(probability, _)| **probability > step.none).map(|(_, symbol)| *symbol);
        if let Some(symbol) = best.filter(|_| best != last) {
            text.push(char::from(symbol));
        }
        last = best;
    }
    text
}

/// The positions of the characters: the first one's step, and the steps from one to the next.
#[derive(Clone, Copy, Debug)]
struct CharacterPitch {
    first: f32,
    each: f32,
}

/// A line as cells.
pub(crate) struct AlignedLine {
    pub(crate) cells: Vec<ReadCell>,
    /// The log likelihood of that reading.
    pub(crate) likelihood: f32,
    /// Whether the cells are the printed characters: none was left out, and none was added that is not there.
    pub(crate) is_complete: bool,
}

/// The likeliest cells for a line whose cells have these alphabets. `None` if the line has too few steps.
pub(crate) fn align_cells(steps: &[SymbolStep], alphabets: &[CellAlphabet]) -> Option<AlignedLine> {
    let (free, likelihood) = find_path(steps, alphabets, None)?;
    let (path, _) = find_path(steps, alphabets, estimate_pitch(&free))?;
    let cells = path.iter().map(|stay| to_cell(steps, stay)).collect();
    Some(AlignedLine { cells, likelihood, is_complete: complete::is_complete(steps, &path, estimate_pitch(&path)) })
}

/// The steps that show one character.
#[derive(Clone, Copy, Debug)]
struct SymbolStay {
    symbol: usize,
    first: usize,
    last: usize,
    alphabet: CellAlphabet,
}

fn to_cell(steps: &[SymbolStep], stay: &SymbolStay) -> ReadCell {
    let seen = steps.get(stay.first..=stay.last).unwrap_or_default();
    let highest = |symbol: usize| seen.iter().filter_map(|step| step.symbols.get(symbol)).copied().fold(0.0, f32::max);
    let probability = highest(stay.symbol);
    let seen = SYMBOLS.iter().enumerate().map(|(symbol, character)| (*character, highest(symbol)));
    let (fitting, unfit): (Vec<_>, Vec<_>) = seen.partition(|(character, _)| stay.alphabet.allows(*character));
    let read = SYMBOLS.get(stay.symbol).copied().unwrap_or(b'<');
    let others = fitting.into_iter().filter(|(character, likely)| *likely >= LEAST_KEPT && *character != read);
    let others = others.map(|(character, likely)| (character, (likely / probability.max(LEAST_PROBABILITY)).min(1.0)));
    let unfit = unfit.into_iter().map(|(_, likely)| likely).fold(0.0, f32::max);
    ReadCell { read, probability, unfit, others: others.collect() }
}

/// The medians of the distances between characters and of the resulting first position: a few misplaced characters do
/// not matter.
fn estimate_pitch(path: &[SymbolStay]) -> Option<CharacterPitch> {
    let middle = |stay: &SymbolStay| (stay.first + stay.last) as f32 / 2.0;
    let apart = path.len() / 2;
    let halves = path.iter().zip(path.iter().skip(apart));
    let each = median_of_floats(halves.map(|(early, late)| (middle(late) - middle(early)) / apart as f32).collect())?;
    let first =
        median_of_floats(path.iter().enumerate().map(|(place, stay)| middle(stay) - each * place as f32).collect())?;
    Some(CharacterPitch { first, each })
}

fn median_of_floats(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The previous state of a path.
#[derive(Clone, Copy)]
enum PathOrigin {
    /// The same character, or none, as in the step before.
    Same,
    /// No character.
    None,
    /// This other character.
    Symbol(u8),
}

/// The best paths to one number of characters, at one step: ending in none, or in each symbol.
#[derive(Clone)]
struct PathEnds {
    none: f32,
    symbols: [f32; SYMBOL_COUNT],
}

impl PathEnds {
    const NEVER: Self = Self { none: f32::NEG_INFINITY, symbols: [f32::NEG_INFINITY; SYMBOL_COUNT] };

    /// The best symbol except one, with its value.
    fn best_symbol_except(&self, but: usize) -> (usize, f32) {
        let others = self.symbols.iter().copied().enumerate().filter(|(symbol, _)| *symbol != but);
        others.fold((0, f32::NEG_INFINITY), |best, other| if other.1 > best.1 { other } else { best })
    }
}

/// The previous state of each path: in the form of [`PathEnds`].
#[derive(Clone)]
struct PathOrigins {
    none: PathOrigin,
    symbols: [PathOrigin; SYMBOL_COUNT],
}

/// The likeliest path with its log likelihood.
fn find_path(
    steps: &[SymbolStep],
    alphabets: &[CellAlphabet],
    pitch: Option<CharacterPitch>,
) -> Option<(Vec<SymbolStay>, f32)> {
    let count = alphabets.len();
    let allowed: Vec<[bool; SYMBOL_COUNT]> =
        alphabets.iter().map(|alphabet| SYMBOLS.map(|symbol| alphabet.allows(symbol))).collect();
    let mut before = vec![PathEnds::NEVER; count + 1];
    before.first_mut()?.none = 0.0;
    let mut history: Vec<Vec<PathOrigins>> = Vec::with_capacity(steps.len());
    for (time, step) in steps.iter().enumerate() {
        let mut now = vec![PathEnds::NEVER; count + 1];
        let mut froms =
            vec![PathOrigins { none: PathOrigin::Same, symbols: [PathOrigin::Same; SYMBOL_COUNT] }; count + 1];
        for number in 0..=count.min(time + 1) {
            let shorter = number.checked_sub(1);
            let away = pitch.zip(shorter).map_or(0.0, |(pitch, place)| pitch_penalty(pitch, place, time));
            let previous = shorter.and_then(|shorter| Some((before.get(shorter)?, allowed.get(shorter)?)));
            let (Some(same), Some(now), Some(froms)) = (before.get(number), now.get_mut(number), froms.get_mut(number))
            else {
                continue;
            };
            (*now, *froms) = advance_paths(step, same, previous, away);
        }
        before = now;
        history.push(froms);
    }
    let ends = before.last()?;
    let path = trace_path(&history, ends, alphabets)?;
    Some((path, ends.best_symbol_except(SYMBOL_COUNT).1.max(ends.none)))
}

/// The cost of a character that begins at `time`, away from its pitch: squared, in characters' widths.
fn pitch_penalty(pitch: CharacterPitch, place: usize, time: usize) -> f32 {
    let off = (time as f32 - pitch.first - pitch.each * place as f32) / pitch.each.max(1.0);
    -4.0 * off * off
}

/// The best paths to one number of characters after one more step.
fn advance_paths(
    step: &SymbolStep,
    same: &PathEnds,
    previous: Option<(&PathEnds, &[bool; SYMBOL_COUNT])>,
    away: f32,
) -> (PathEnds, PathOrigins) {
    let mut now = PathEnds::NEVER;
    let mut froms = PathOrigins { none: PathOrigin::Same, symbols: [PathOrigin::Same; SYMBOL_COUNT] };
    let log = |probability: f32| probability.max(LEAST_PROBABILITY).ln();
    let (seen, value) = same.best_symbol_except(SYMBOL_COUNT);
    if value > same.none {
        froms.none = PathOrigin::Symbol(seen as u8);
    }
    now.none = value.max(same.none) + log(step.none);
    let Some((previous, allowed)) = previous else { return (now, froms) };
    let best = previous.best_symbol_except(SYMBOL_COUNT);
    let second = previous.best_symbol_except(best.0);
    for symbol in (0..SYMBOL_COUNT).filter(|symbol| allowed[*symbol]) {
        let (other, value) = if best.0 == symbol { second } else { best };
        let (mut from, mut most) = (PathOrigin::Same, same.symbols[symbol]);
        if previous.none + away > most {
            (from, most) = (PathOrigin::None, previous.none + away);
        }
        if value + away > most {
            (from, most) = (PathOrigin::Symbol(other as u8), value + away);
        }
        now.symbols[symbol] = most + log(step.symbols[symbol]);
        froms.symbols[symbol] = from;
    }
    (now, froms)
}

/// Traces the best path back from its end.
fn trace_path(history: &[Vec<PathOrigins>], ends: &PathEnds, alphabets: &[CellAlphabet]) -> Option<Vec<SymbolStay>> {
    let mut number = alphabets.len();
    let (symbol, value) = ends.best_symbol_except(SYMBOL_COUNT);
    if value.max(ends.none) == f32::NEG_INFINITY {
        return None;
    }
    let mut at = if value > ends.none { Some(symbol) } else { None };
    let mut path: Vec<SymbolStay> = Vec::with_capacity(number);
    let mut last = history.len().checked_sub(1)?;
    for (time, froms) in history.iter().enumerate().rev() {
        let froms = froms.get(number)?;
        match (at, at.map_or(froms.none, |symbol| froms.symbols[symbol])) {
            (None, PathOrigin::Symbol(symbol)) => {
                at = Some(usize::from(symbol));
                last = time.saturating_sub(1);
            }
            (Some(_), PathOrigin::Same) | (None, _) => {}
            (Some(symbol), from) => {
                number = number.checked_sub(1)?;
                path.push(SymbolStay { symbol, first: time, last, alphabet: *alphabets.get(number)? });
                at = if let PathOrigin::Symbol(symbol) = from { Some(usize::from(symbol)) } else { None };
                last = time.saturating_sub(1);
            }
        }
    }
    path.reverse();
    (path.len() == alphabets.len()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps that show each character once and nothing in the steps between; `.` is a weak sign of a filler.
    pub(super) fn seen(text: &str) -> Vec<SymbolStep> {
        let step = |wanted: u8| {
            let (sought, probability) = if wanted == b'.' { (b'<', 0.01) } else { (wanted, 0.95) };
            let symbols = SYMBOLS.map(|symbol| if symbol == sought { probability } else { 0.0 });
            SymbolStep { symbols, none: 1.0 - probability }
        };
        let nothing = || SymbolStep { symbols: [0.0; SYMBOL_COUNT], none: 1.0 };
        text.bytes().flat_map(|character| [step(character), nothing(), nothing()]).collect()
    }

    fn read(text: &str, alphabets: &[CellAlphabet]) -> Option<String> {
        let line = align_cells(&seen(text), alphabets)?;
        Some(line.cells.iter().map(|cell| char::from(cell.read)).collect())
    }

    #[test]
    fn dropped_filler_is_restored_at_its_place() {
        assert_eq!(plain_text(&seen("I.UTOD231<<<")), "IUTOD231<<<");
        assert_eq!(read("I.UTOD231<<<", &[CellAlphabet::Any; 12]).unwrap(), "I<UTOD231<<<");
        assert_eq!(read("ANNA<.MARIA<<.<<", &[CellAlphabet::Any; 16]).unwrap(), "ANNA<<MARIA<<<<<");
    }

    #[test]
    fn cells_hold_only_allowed_characters() {
        let mut steps = seen("7408");
        steps[3].symbols = SYMBOLS.map(|symbol| match symbol {
            b'A' => 0.8,
            b'4' => 0.1,
            _ => 0.0,
        });
        let cells = align_cells(&steps, &[CellAlphabet::Digit; 4]).unwrap().cells;
        assert_eq!(cells.iter().map(|cell| cell.read).collect::<Vec<_>>(), b"7408");
        assert!((cells[1].unfit - 0.8).abs() < 1e-6 && (cells[1].probability - 0.1).abs() < 1e-6);
    }

    #[test]
    fn right_length_is_the_likeliest() {
        let likelihood =
            |count: usize| align_cells(&seen("ABCDEF<<"), &vec![CellAlphabet::Any; count]).map(|line| line.likelihood);
        assert!(likelihood(8) > likelihood(7) && likelihood(8) > likelihood(9));
        assert_eq!(likelihood(40), None);
        assert!(align_cells(&[], &[CellAlphabet::Any]).is_none());
    }
}
