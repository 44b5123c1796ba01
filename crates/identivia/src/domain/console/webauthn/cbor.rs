//! CBOR as authenticators write it (RFC 8949; WebAuthn §2.3): lengths are known, and values are few and shallow.

/// The deepest nesting that is skipped. Authenticators write at most four levels.
const MAX_DEPTH: usize = 8;
/// The major types (RFC 8949 §3.1).
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// Reads one value after the other. `None` is the end of the input or a value of another type.
pub(super) struct CborReader<'a> {
    rest: &'a [u8],
}

impl<'a> CborReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes that are not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The number of entries of a map, which follow as key and value.
    pub(super) fn map(&mut self) -> Option<u64> {
        self.head_of(MAP)
    }

    /// A whole number.
    pub(super) fn int(&mut self) -> Option<i64> {
        match self.read_head()? {
            (UNSIGNED, value) => i64::try_from(value).ok(),
            (NEGATIVE, value) => i64::try_from(value).ok().map(|value| -1 - value),
            _ => None,
        }
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.head_of(BYTES)?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.head_of(TEXT)?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// Skips one value with all that is in it.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.skip_within(MAX_DEPTH)
    }

    fn skip_within(&mut self, depth: usize) -> Option<()> {
        let (major, value) = self.read_head()?;
        let inner = match major {
            BYTES | TEXT => return self.take(value).map(drop),
            ARRAY => value,
            MAP => value.checked_mul(2)?,
            TAG => 1,
            _ => return Some(()),
        };
        let depth = depth.checked_sub(1)?;
        // Each value takes at least a byte, so a false number ends with the input.
        (0..inner).try_for_each(|_| self.skip_within(depth))
    }

    fn head_of(&mut self, expected: u8) -> Option<u64> {
        self.read_head().filter(|(major, _)| *major == expected).map(|(_, value)| value)
    }

    /// The major type of the next value and its argument. Values without a known length are refused.
    fn read_head(&mut self) -> Option<(u8, u64)> {
        let first = self.take(1)?[0];
        let (major, short) = (first >> 5, first & 0x1f);
        let length = match short {
            0..=23 => return Some((major, u64::from(short))),
            24..=27 => 1_u64 << (short - 24),
            _ => return None,
        };
        let value = self.take(length)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        Some((major, value))
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of RFC 8949, appendix A.
    #[test]
    fn values_are_those_of_the_rfc() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x17], 23),
            (&[0x18, 0x64], 100),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], 1_000_000),
            (&[0x20], -1),
            (&[0x39, 0x03, 0xe7], -1_000),
        ] {
            assert_eq!(CborReader::new(bytes).int(), Some(value));
        }
        assert_eq!(CborReader::new(&[0x64, b'I', b'E', b'T', b'F']).text(), Some("IETF"));
        assert_eq!(CborReader::new(&[0x44, 1, 2, 3, 4]).bytes(), Some(&[1, 2, 3, 4][..]));
        // {"a": 1, "b": [2, 3]}, then a byte more.
        let mut reader = CborReader::new(&[0xa2, 0x61, 0x61, 0x01, 0x61, 0x62, 0x82, 0x02, 0x03, 0xff]);
        assert_eq!((reader.skip(), reader.rest()), (Some(()), &[0xff][..]));
    }

    #[test]
    fn cut_endless_and_deep_values_are_refused() {
        for bytes in [
            &[][..],
            &[0x18],
            &[0x44, 1, 2],
            &[0x5f, 0x41, 1, 0xff],
            &[0xbf, 0xff],
            &[0xbb, 255, 255, 255, 255, 255, 255, 255, 255],
        ] {
            assert_eq!(CborReader::new(bytes).skip(), None, "{bytes:?}");
        }
        assert_eq!(CborReader::new(&[0x81; 100]).skip(), None);
        assert_eq!(CborReader::new(&[0x3b, 255, 255, 255, 255, 255, 255, 255, 255]).int(), None);
    }

    proptest! {
        #[test]
        fn any_input_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = CborReader::new(&bytes);
            while reader.skip().is_some() {}
            prop_assert!(reader.rest().len() <= bytes.len());
        }
    }
}
