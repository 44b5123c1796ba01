//! The recogniser's output for a line: for each step the probability of every character, and the resulting text.

use std::sync::LazyLock;

use crate::weights::CHARACTERS;

/// The recogniser's characters by their position in its output. The first position is the blank between two characters,
/// the last one the space.
static ALPHABET: LazyLock<Vec<char>> = LazyLock::new(|| {
    let listed = CHARACTERS.lines().filter_map(|line| line.chars().next());
    std::iter::once('\0').chain(listed).chain(std::iter::once(' ')).collect()
});

/// All characters of the recogniser, including the blank.
pub(crate) fn recogniser_alphabet() -> &'static [char] {
    &ALPHABET
}

/// The recogniser's output for one line.
#[derive(Clone, Debug)]
pub(crate) struct RecogniserSteps {
    /// Step by step, a probability for each character of the alphabet.
    pub(crate) probabilities: Vec<f32>,
}

impl RecogniserSteps {
    /// The steps along the line, each a probability for every character.
    pub(crate) fn steps(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.probabilities.chunks_exact(ALPHABET.len())
    }

    /// The likeliest text with the mean probability of its characters (0 without characters). Of each step the
    /// likeliest character counts; repeated ones count once, blanks are left out.
    pub(crate) fn likeliest_text(&self) -> (String, f32) {
        let mut text = String::new();
        let (mut sum, mut count, mut last) = (0.0_f32, 0.0_f32, 0);
        for step in self.steps() {
            let best = step.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            let Some((place, probability)) = best else { continue };
            if place != 0 && place != last {
                text.extend(ALPHABET.get(place));
                sum += probability;
                count += 1.0;
            }
            last = place;
        }
        let kept = text.trim();
        (kept.to_owned(), if kept.is_empty() { 0.0 } else { sum / count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(text: &str) -> RecogniserSteps {
        let step = |wanted: char| ALPHABET.iter().map(move |have| if *have == wanted { 0.9 } else { 0.0 });
        RecogniserSteps { probabilities: text.chars().flat_map(step).collect() }
    }

    #[test]
    fn repeated_steps_are_one_character_unless_a_blank_separates_them() {
        assert_eq!(frames("AA\0AB\0").likeliest_text().0, "AAB");
        assert_eq!(frames("  A ").likeliest_text().0, "A");
        assert!((frames("AB").likeliest_text().1 - 0.9).abs() < 1e-6);
        assert_eq!(frames("\0\0").likeliest_text(), (String::new(), 0.0));
    }

    #[test]
    fn alphabet_matches_the_recogniser() {
        assert_eq!(ALPHABET.len(), 129);
        assert!(('A'..='Z').chain('0'..='9').chain(['<']).all(|needed| ALPHABET.contains(&needed)));
    }
}
