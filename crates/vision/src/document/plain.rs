//! Recognises pictures that show nothing: no networks need to look at them.

use image::RgbImage;

/// The largest difference of a channel between pixels two apart, in levels: a slow gradient, or the traces of compression on
/// a plain picture. The print of a dark and blurred picture differs more.
const MOST_DIFFERENCE: u8 = 3;
/// Pixels that are compared are this far apart.
const DISTANCE: usize = 2;

/// Whether a picture has no edge at all. A picture of a document is recognised by its first rows.
pub(super) fn is_plain(image: &RgbImage) -> bool {
    let row_length = (image.width() as usize * 3).max(1);
    let rows: Vec<&[u8]> = image.as_raw().chunks_exact(row_length).collect();
    let below = rows.iter().skip(DISTANCE).map(Some).chain(std::iter::repeat(None));
    rows.iter().zip(below).all(|(row, below)| {
        let beside = row.get(DISTANCE * 3..).unwrap_or_default();
        largest_difference(row, beside) <= MOST_DIFFERENCE
            && below.is_none_or(|below| largest_difference(row, below) <= MOST_DIFFERENCE)
    })
}

fn largest_difference(one: &[u8], other: &[u8]) -> u8 {
    one.iter().zip(other).fold(0, |most, (a, b)| most.max(a.abs_diff(*b)))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn only_pictures_without_edges_are_plain() {
        let drawn = |level: fn(u32, u32) -> u32| {
            RgbImage::from_fn(90, 60, |x, y| Rgb([level(x, y) as u8, 40, (level(x, y) / 2) as u8]))
        };
        assert!(is_plain(&RgbImage::new(0, 0)) && is_plain(&RgbImage::new(1, 1)));
        assert!(is_plain(&drawn(|_, _| 7)) && is_plain(&drawn(|x, y| x + y)), "a gradient has no edge");
        assert!(is_plain(&drawn(|x, y| 90 + (x * 7 + y * 3) % 3)), "compression leaves small differences");
        for (name, image) in [
            ("faint stroke", drawn(|x, _| if x == 50 { 30 } else { 35 })),
            ("faint line", drawn(|_, y| if y == 58 { 30 } else { 35 })),
            ("faint point", drawn(|x, y| if (x, y) == (89, 59) { 30 } else { 35 })),
        ] {
            assert!(!is_plain(&image), "{name}");
        }
    }
}
