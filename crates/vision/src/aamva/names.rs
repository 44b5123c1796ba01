//! Reads the holder's names in a licence's barcode: versions of the standard and issuers divide them differently.

/// The signs that divide names: the comma of versions 1 to 3, the dollar sign of magnetic stripes, the signs of state
/// formats, and the space.
const SEPARATORS: [char; 6] = [',', '$', '@', ';', '^', '<'];

/// Surname and given names, each of words with single spaces between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HolderNames {
    pub(super) surname: String,
    pub(super) given_names: String,
}

/// A name of which the surname comes first, as in `DAA` and on magnetic stripes. A fourth part is a suffix, which is not
/// a name.
pub(super) fn split_joined_name(name: &str) -> HolderNames {
    let mut parts = name.split(SEPARATORS).map(str::trim).filter(|part| !part.is_empty());
    let surname = clean_name(parts.next().unwrap_or_default());
    let given: Vec<&str> = parts.take(2).collect();
    HolderNames { surname, given_names: clean_name(&given.join(" ")) }
}

/// The names in elements of their own. Versions 2 and 3 write all given names as one, and some issuers repeat the last
/// of them as the second: only whole words are a repetition.
pub(super) fn join_given_names(first: &str, second: &str) -> String {
    let (first, second) = (clean_name(first), clean_name(second));
    let (words, more): (Vec<&str>, Vec<&str>) = (first.split(' ').collect(), second.split(' ').collect());
    if second.is_empty() || words.ends_with(&more) {
        return first;
    }
    format!("{first} {second}").trim().to_owned()
}

/// A name with single spaces in place of its separators.
pub(super) fn clean_name(name: &str) -> String {
    let words = name.split(|sign: char| SEPARATORS.contains(&sign) || sign.is_whitespace());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_names_are_split_at_every_separator() {
        for (name, surname, given) in [
            ("RIVERA,ELENA,MARIE", "RIVERA", "ELENA MARIE"),
            ("RIVERA$ELENA$MARIE$", "RIVERA", "ELENA MARIE"),
            ("RIVERA@ELENA@MARIE", "RIVERA", "ELENA MARIE"),
            ("RIVERA;ELENA;MARIE", "RIVERA", "ELENA MARIE"),
            ("RIVERA,$ELENA MARIE", "RIVERA", "ELENA MARIE"),
            ("RIVERA, ELENA  MARIE", "RIVERA", "ELENA MARIE"),
            ("RIVERA GOMEZ,ELENA,,", "RIVERA GOMEZ", "ELENA"),
            ("O'BRIEN-SMITH$MARY ANN", "O'BRIEN-SMITH", "MARY ANN"),
            ("PUBLIC,JOHN,QUINCY,JR", "PUBLIC", "JOHN QUINCY"),
            ("RIVERA", "RIVERA", ""),
            ("", "", ""),
        ] {
            let expected = HolderNames { surname: surname.to_owned(), given_names: given.to_owned() };
            assert_eq!(split_joined_name(name), expected, "{name}");
        }
    }

    #[test]
    fn second_name_is_a_repetition_only_as_whole_words() {
        for (first, second, expected) in [
            ("ELENA", "A", "ELENA A"),
            ("ELENA", "LENA", "ELENA LENA"),
            ("ELENA MARIE", "MARIE", "ELENA MARIE"),
            ("ELENA,MARIE", "MARIE", "ELENA MARIE"),
            ("ELENA MARIE ANN", "MARIE ANN", "ELENA MARIE ANN"),
            ("ROSEMARIE", "MARIE", "ROSEMARIE MARIE"),
            ("JEAN", "LUC,MARC", "JEAN LUC MARC"),
            ("ELENA", "", "ELENA"),
            ("", "MARIE", "MARIE"),
        ] {
            assert_eq!(join_given_names(first, second), expected, "{first} {second}");
        }
    }
}
