//! The Huffman codes of a JPEG (ITU-T T.81, annex C and F.2.2.3), and the bits of its coded pixels.

/// Codes of at most this many bits are found in one step.
const FAST_BITS: u32 = 9;

/// The most bits of a code with its value.
const LONGEST_VALUE: u32 = 16 + 15;

/// One table of codes.
pub(super) struct HuffmanCodes {
    /// By the next bits: the length of the code and its symbol; length 0 for a longer code.
    fast: Vec<(u8, u8)>,
    /// By length: the first code that is too large for it, and what leads from a code to its symbol.
    limits: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl HuffmanCodes {
    /// The codes of a table: how many there are of each length, and their symbols. `None` if there are more than fit.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut fast = vec![(0, 0); 1 << FAST_BITS];
        let mut limits = [(0, 0); 17];
        let (mut code, mut index) = (0_u32, 0_usize);
        for (length, count) in (1_u32..).zip(counts) {
            let (first, first_index) = (code, index);
            for _ in 0..*count {
                let symbol = *symbols.get(index)?;
                if length <= FAST_BITS {
                    let from = (code << (FAST_BITS - length)) as usize;
                    let same = fast.get_mut(from..from + (1 << (FAST_BITS - length)))?;
                    same.fill((length as u8, symbol));
                }
                code += 1;
                index += 1;
            }
            if code > 1 << length {
                return None;
            }
            limits[length as usize] = (code, first_index as i32 - first as i32);
            code <<= 1;
        }
        (index == symbols.len()).then(|| Self { fast, limits, symbols: symbols.to_vec() })
    }
}

/// Reads bits of coded pixels up to the next marker.
pub(super) struct CodedBits<'a> {
    bytes: &'a [u8],
    /// The next byte to be taken.
    at: usize,
    taken: u64,
    count: u32,
}

impl<'a> CodedBits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, taken: 0, count: 0 }
    }

    /// Takes bytes as long as there is room. A zero behind `FF` is stuffed; anything else is a marker, which ends the bits.
    fn fill(&mut self) {
        let ahead = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>);
        let word = ahead.map(|bytes| u64::from_be_bytes(*bytes)).filter(|word| !has_full_byte(*word));
        match (word, (64 - self.count) / 8) {
            (Some(word), 8) => (self.taken, self.at, self.count) = (word, self.at + 8, 64),
            (Some(word), room) => {
                self.taken = self.taken << (8 * room) | word >> (64 - 8 * room);
                (self.at, self.count) = (self.at + room as usize, self.count + 8 * room);
            }
            (None, _) => self.fill_by_bytes(),
        }
    }

    fn fill_by_bytes(&mut self) {
        while self.count <= 56 {
            let Some(byte) = self.bytes.get(self.at) else { return };
            if *byte == 0xFF {
                if self.bytes.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.taken = self.taken << 8 | u64::from(*byte);
            self.count += 8;
        }
    }

    /// Takes that many bits, at most 16; `None` where a marker or the end comes first.
    pub(super) fn take_bits(&mut self, count: u32) -> Option<u32> {
        if self.count < count {
            self.fill();
        }
        self.count = self.count.checked_sub(count)?;
        Some((self.taken >> self.count) as u32 & ((1 << count) - 1))
    }

    /// Takes the next code and returns its symbol.
    pub(super) fn take_symbol(&mut self, codes: &HuffmanCodes) -> Option<u8> {
        let (length, symbol) = self.find_code(codes)?;
        self.count = self.count.checked_sub(length)?;
        Some(symbol)
    }

    /// Takes the next code, and behind it as many bits as the low half of its symbol says: those of a value.
    pub(super) fn take_value(&mut self, codes: &HuffmanCodes) -> Option<u8> {
        let (length, symbol) = self.find_code(codes)?;
        self.count = self.count.checked_sub(length + u32::from(symbol & 15))?;
        Some(symbol)
    }

    /// The length of the next code, and its symbol.
    fn find_code(&mut self, codes: &HuffmanCodes) -> Option<(u32, u8)> {
        if self.count < LONGEST_VALUE {
            self.fill();
        }
        // Before a marker there may be fewer bits than the longest code has: zeros take their place.
        let next = if self.count >= 16 { self.taken >> (self.count - 16) } else { self.taken << (16 - self.count) };
        let next = next as u32 & 0xFFFF;
        let (length, symbol) = *codes.fast.get((next >> (16 - FAST_BITS)) as usize)?;
        if length > 0 {
            return Some((length.into(), symbol));
        }
        for length in FAST_BITS + 1..=16 {
            let (limit, to_index) = codes.limits[length as usize];
            let code = next >> (16 - length);
            if code < limit {
                let index = usize::try_from(code as i32 + to_index).ok()?;
                return Some((length, *codes.symbols.get(index)?));
            }
        }
        None
    }

    /// The place behind the last byte of which a bit was taken.
    pub(super) fn end(&self) -> usize {
        let mut end = self.at;
        for _ in 0..self.count / 8 {
            let is_stuffed = end >= 2 && self.bytes[end - 1] == 0 && self.bytes[end - 2] == 0xFF;
            end -= if is_stuffed { 2 } else { 1 };
        }
        end
    }
}

/// Whether one of eight bytes is `FF`.
fn has_full_byte(word: u64) -> bool {
    (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn full_byte_is_found(bytes: [u8; 8], place in 0_usize..9) {
            let mut bytes = bytes;
            bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte = 0xFF);
            prop_assert_eq!(has_full_byte(u64::from_be_bytes(bytes)), bytes.contains(&0xFF));
        }

        /// However many bits are taken at a time, and wherever a zero is stuffed, they are the same.
        #[test]
        fn bits_are_taken_in_sequence(
            bytes in proptest::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(0xFF_u8)], 0..60),
            counts in proptest::collection::vec(1_u32..17, 1..80),
        ) {
            let stuffed: Vec<u8> = bytes.iter().flat_map(|byte| if *byte == 0xFF { vec![0xFF, 0] } else { vec![*byte] }).collect();
            let all: Vec<u32> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1))).collect();
            let mut found = CodedBits::new(&stuffed, 0);
            let mut from = 0;
            for count in counts {
                let expected = all.get(from..from + count as usize);
                let expected = expected.map(|bits| bits.iter().fold(0, |sum, bit| sum << 1 | bit));
                prop_assert_eq!(found.take_bits(count), expected);
                if expected.is_none() {
                    break;
                }
                from += count as usize;
                let end = bytes[..from.div_ceil(8)].iter().map(|byte| if *byte == 0xFF { 2 } else { 1 }).sum::<usize>();
                prop_assert_eq!(found.end(), end);
            }
        }
    }
}
