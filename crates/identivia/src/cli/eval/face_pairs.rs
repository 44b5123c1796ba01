//! Lists of face pairs for `identivia eval face`: a CSV file, or the `pairs.txt` of Labeled Faces in the Wild (LFW).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

/// The header of a CSV list.
const HEADER: [&str; 3] = ["first", "second", "same"];

/// Two pictures, and whether they show one person.
pub(super) struct PicturePair {
    pub(super) first: PathBuf,
    pub(super) second: PathBuf,
    pub(super) is_same: bool,
}

/// Which face of a picture is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MeantFace {
    /// The largest one, as on a selfie.
    Largest,
    /// The one nearest to the picture's middle: LFW's pictures are cut around it, and others may be larger.
    Central,
}

pub(super) struct PairList {
    pub(super) pairs: Vec<PicturePair>,
    pub(super) meant_face: MeantFace,
}

/// Reads a list of pairs. Pictures are below `folder`, or else below the list's own folder.
///
/// # Errors
/// When the file cannot be read or is neither of both forms.
pub(super) fn read_pairs(list: &Path, folder: Option<&Path>) -> anyhow::Result<PairList> {
    let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let folder = folder.or_else(|| list.parent()).unwrap_or(Path::new("."));
    let first_line = text.lines().next().unwrap_or_default();
    let is_count = |word: &str| word.parse::<u32>().is_ok();
    let read = if !first_line.trim().is_empty() && first_line.split_whitespace().all(is_count) {
        read_lfw_pairs(&text, folder)
    } else {
        read_csv_pairs(&text, folder)
    };
    let list_name = || list.display().to_string();
    let pairs = read.with_context(list_name)?;
    ensure!(!pairs.pairs.is_empty(), "{} lists no pairs", list_name());
    Ok(pairs)
}

/// Reads lines `first,second,same`: two paths, and 1 or 0.
fn read_csv_pairs(text: &str, folder: &Path) -> anyhow::Result<PairList> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    ensure!(reader.headers()? == HEADER.as_slice(), "the first line must be: first,second,same");
    let mut pairs = Vec::new();
    for (index, row) in reader.records().enumerate() {
        let row = row?;
        let is_same = match &row[2] {
            "1" => true,
            "0" => false,
            other => bail!("line {}: same must be 1 or 0, not {other:?}", index + 2),
        };
        pairs.push(PicturePair { first: folder.join(&row[0]), second: folder.join(&row[1]), is_same });
    }
    Ok(PairList { pairs, meant_face: MeantFace::Largest })
}

/// Reads LFW's lines behind the first, which has the counts: `name 1 2` for two pictures of one person, and
/// `name 1 other 2` for two people.
fn read_lfw_pairs(text: &str, folder: &Path) -> anyhow::Result<PairList> {
    let mut pairs = Vec::new();
    for (index, line) in text.lines().enumerate().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (first, second, is_same) = match words.as_slice() {
            [] => continue,
            [name, one, other] => ((*name, *one), (*name, *other), true),
            [name, one, other_name, other] => ((*name, *one), (*other_name, *other), false),
            _ => bail!("line {}: not a pair: name 1 2, or name 1 other 2", index + 1),
        };
        let path = |(name, number): (&str, &str)| -> anyhow::Result<PathBuf> {
            let number: u32 = number.parse().with_context(|| format!("line {}: {number:?} is no number", index + 1))?;
            Ok(folder.join(name).join(format!("{name}_{number:04}.jpg")))
        };
        pairs.push(PicturePair { first: path(first)?, second: path(second)?, is_same });
    }
    Ok(PairList { pairs, meant_face: MeantFace::Central })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lfw_pairs_name_people_and_the_numbers_of_their_pictures() {
        let list = read_lfw_pairs("10\t300\nAda_Lee\t1\t12\n\nAda_Lee\t1\tBo\t3\n", Path::new("lfw")).unwrap();
        assert_eq!(list.meant_face, MeantFace::Central);
        let found: Vec<_> =
            list.pairs.iter().map(|pair| (pair.first.as_path(), pair.second.as_path(), pair.is_same)).collect();
        let first = Path::new("lfw/Ada_Lee/Ada_Lee_0001.jpg");
        assert_eq!(
            found,
            [(first, Path::new("lfw/Ada_Lee/Ada_Lee_0012.jpg"), true), (first, Path::new("lfw/Bo/Bo_0003.jpg"), false)]
        );
        for bad in ["1\nAda 1", "1\nAda 1 x", "1\nAda 1 Bo 2 3"] {
            assert!(read_lfw_pairs(bad, Path::new(".")).is_err(), "{bad}");
        }
    }
}
