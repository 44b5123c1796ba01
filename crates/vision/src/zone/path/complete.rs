//! Compares an aligned line with what the recogniser saw: a line that was bent to a format's length has characters that
//! are not printed, or lacks printed ones.

use super::{CharacterPitch, SYMBOLS, SymbolStay, SymbolStep};

/// From this probability on a character was surely seen.
const SURELY_SEEN: f32 = 0.5;
/// Below this probability a character was not seen.
const HARDLY_SEEN: f32 = 0.05;
/// The least distance, in characters' widths, in which an unseen character fits between two others: two widths, with
/// some tolerance.
const ROOM_FOR_CHARACTER: f32 = 1.5;
/// How far beyond the line's ends a character may belong to it, in characters' widths: from the nearest to the farthest.
const NEXT_CHARACTER: std::ops::Range<f32> = 0.6..1.6;

/// How much the characters' mean distance may differ from that of the seen ones. Between the formats' lengths it is a
/// fifth and more.
const MOST_UNEVEN: f32 = 0.12;

/// Consecutive steps that show one character.
#[derive(Clone, Copy, Debug)]
struct SeenRun {
    symbol: usize,
    first: usize,
    last: usize,
    peak: f32,
}

/// Whether the path has every character that was surely seen, and no unseen character without room for it. Fillers are
/// faint and stutter: inside a run of fillers one more or less is accepted.
pub(super) fn is_complete(steps: &[SymbolStep], path: &[SymbolStay], pitch: Option<CharacterPitch>) -> bool {
    let width = pitch.map_or(1.0, |pitch| pitch.each.max(1.0));
    if !is_evenly_spaced(steps, path) {
        return false;
    }
    let unused = list_unused_runs(steps, path);
    !unused.iter().any(|run| is_left_out(*run, path, width))
        && !(0..path.len()).any(|place| is_added(steps, path, place, width))
}

/// Whether all characters together take as much room as the seen ones do: a line that was stretched to another length
/// has its added fillers crowded, or more room than characters.
fn is_evenly_spaced(steps: &[SymbolStep], path: &[SymbolStay]) -> bool {
    let is_seen = |stay: &SymbolStay| {
        let steps = steps.get(stay.first..=stay.last).unwrap_or_default();
        steps.iter().filter_map(|step| step.symbols.get(stay.symbol)).any(|probability| *probability >= SURELY_SEEN)
    };
    let pairs = path.iter().zip(path.iter().skip(1)).filter(|(one, next)| is_seen(one) && is_seen(next));
    let distances: Vec<f32> = pairs.map(|(one, next)| middle_of(next) - middle_of(one)).collect();
    let (Some(first), Some(last)) = (path.first(), path.last()) else { return true };
    if distances.len() * 2 < path.len() {
        return true;
    }
    let seen_width = distances.iter().sum::<f32>() / distances.len() as f32;
    let width = (middle_of(last) - middle_of(first)) / (path.len().max(2) - 1) as f32;
    (width / seen_width.max(f32::EPSILON) - 1.0).abs() < MOST_UNEVEN
}

/// The runs that no stay of the path covers. A stay covers one run.
fn list_unused_runs(steps: &[SymbolStep], path: &[SymbolStay]) -> Vec<SeenRun> {
    let mut stays = path.iter().peekable();
    let mut unused = Vec::new();
    for run in list_seen_runs(steps) {
        while stays.next_if(|stay| stay.last < run.first).is_some() {}
        if stays.next_if(|stay| stay.first <= run.last).is_none() {
            unused.push(run);
        }
    }
    unused
}

fn list_seen_runs(steps: &[SymbolStep]) -> Vec<SeenRun> {
    let mut runs: Vec<SeenRun> = Vec::new();
    for (time, step) in steps.iter().enumerate() {
        let best = step.symbols.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let Some((symbol, probability)) = best.filter(|(_, probability)| **probability > step.none) else { continue };
        match runs.last_mut() {
            Some(run) if run.symbol == symbol && run.last + 1 == time => {
                run.last = time;
                run.peak = run.peak.max(*probability);
            }
            _ => runs.push(SeenRun { symbol, first: time, last: time, peak: *probability }),
        }
    }
    runs.retain(|run| run.peak >= SURELY_SEEN);
    runs
}

fn is_filler(symbol: usize) -> bool {
    SYMBOLS.get(symbol) == Some(&b'<')
}

fn middle_of(stay: &SymbolStay) -> f32 {
    (stay.first + stay.last) as f32 / 2.0
}

/// Whether a seen run is a printed character that the path lacks. Beyond the line's ends only a character at the line's
/// own pitch is one: anything else is print beside the line.
fn is_left_out(run: SeenRun, path: &[SymbolStay], width: f32) -> bool {
    let at = path.partition_point(|stay| stay.last < run.first);
    let (before, behind) = (at.checked_sub(1).and_then(|at| path.get(at)), path.get(at));
    let middle = (run.first + run.last) as f32 / 2.0;
    let is_next = |end: &SymbolStay| NEXT_CHARACTER.contains(&((middle - middle_of(end)).abs() / width));
    let beside_filler = |stay: &SymbolStay| is_filler(run.symbol) && is_filler(stay.symbol);
    match (before, behind) {
        (Some(before), Some(behind)) => !(beside_filler(before) && beside_filler(behind)),
        (Some(end), None) | (None, Some(end)) => is_next(end) && !beside_filler(end),
        (None, None) => true,
    }
}

/// Whether a character of the path is not printed there.
fn is_added(steps: &[SymbolStep], path: &[SymbolStay], place: usize, width: f32) -> bool {
    let Some(stay) = path.get(place) else { return false };
    let seen = steps.get(stay.first..=stay.last).unwrap_or_default();
    let highest = seen.iter().filter_map(|step| step.symbols.get(stay.symbol)).copied().fold(0.0, f32::max);
    if highest >= HARDLY_SEEN {
        return false;
    }
    // Where any character was surely seen, the stay is a substitution, which other rules judge.
    let any = seen.iter().map(|step| step.symbols.iter().copied().fold(0.0, f32::max)).fold(0.0, f32::max);
    if any >= SURELY_SEEN {
        return false;
    }
    let before = place.checked_sub(1).and_then(|place| path.get(place));
    let behind = path.get(place + 1);
    let is_beside_filler = [before, behind].into_iter().flatten().any(|stay| is_filler(stay.symbol));
    match (is_filler(stay.symbol), before, behind) {
        (true, ..) if is_beside_filler => false,
        (_, Some(before), Some(behind)) => middle_of(behind) - middle_of(before) < ROOM_FOR_CHARACTER * width,
        (is_filler, ..) => !is_filler,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::seen;
    use super::super::{align_cells, plain_text};
    use crate::mrz::CellAlphabet;

    fn is_complete(text: &str, alphabets: &[CellAlphabet]) -> bool {
        align_cells(&seen(text), alphabets).is_some_and(|line| line.is_complete)
    }

    #[test]
    fn line_of_its_own_length_is_complete() {
        for text in
            ["MED<<T220001293<<<<<<<<<<<<<<<", "D1NLD5123456789<<<<<<<<<<<<<<<", "I.UTOD231458907<<<<<<.<<<<<<<<"]
        {
            assert!(is_complete(text, &[CellAlphabet::Any; 30]), "{text}");
        }
    }

    #[test]
    fn bent_line_is_not_complete() {
        for text in [
            "MED<<T2200012934<<<<<<<<<<<<<<8",
            "MED<<T22000129<<<<<<<<<<<<<<8",
            "IDFRAMOREL<<<<<<<<<<<<<<<<<<<<750512",
            "AMF001D<<",
            "FACHE305003003006<<910417",
        ] {
            assert!(!is_complete(text, &[CellAlphabet::Any; 30]), "{text}");
        }
    }

    #[test]
    fn one_filler_more_or_less_is_accepted_inside_a_run_of_fillers() {
        assert_eq!(plain_text(&seen("ANNA<<<<<<")).len(), 10);
        assert!(is_complete("ANNA<<<<<<", &[CellAlphabet::Any; 9]));
        assert!(is_complete("ANNA<<<<<<", &[CellAlphabet::Any; 11]));
    }
}
