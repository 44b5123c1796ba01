//! Filters in PocketBase's language. Text enters one only through [`literal`] and [`containing`].

/// The longest filter that PocketBase takes, in bytes.
pub(super) const MAX_BYTES: usize = 3_500;

/// A text as a literal that means exactly it, in the dialect of PocketBase 0.39.9 and later.
///
/// Inside double quotes a backslash makes itself, a quote and some letters special, and nothing else is. NUL cannot be
/// written; no text of ours has one.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for letter in text.chars().filter(|letter| *letter != '\0') {
        if matches!(letter, '\\' | '"') {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal.push('"');
    literal
}

/// A pattern for `~` that finds a text anywhere, A to Z in any case.
pub(super) fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    literal(&pattern)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a literal as PocketBase's scanner does: `\\`, `\"`, `\'`, `\n`, `\r`, `\t` mean one character.
    fn read(literal: &str) -> Option<String> {
        let mut letters = literal.strip_prefix('"')?.chars();
        let mut text = String::new();
        loop {
            match letters.next()? {
                '"' => return letters.next().is_none().then_some(text),
                '\\' => match letters.next()? {
                    letter @ ('\\' | '"' | '\'') => text.push(letter),
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    't' => text.push('\t'),
                    other => text.extend(['\\', other]),
                },
                letter => text.push(letter),
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text in "[\\\\\"'a%_|&n\n\u{202E}é]{0,40}") {
            prop_assert_eq!(read(&literal(&text)), Some(text));
        }
    }

    #[test]
    fn wildcards_are_letters() {
        assert_eq!(containing("100%_a\\"), r#""%100\\%\\_a\\\\%""#);
    }
}
