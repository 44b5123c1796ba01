//! Restores the characters of a barcode's text: its bytes are UTF-8, Windows-1252, or the code page of old systems.

/// The characters of code page 850 from 128 on.
const PAGE_850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\
    \u{AD}±‗¾¶§÷¸°¨·¹³²■\u{A0}";
/// The characters of Windows-1252 from 128 to 159; undefined ones are spaces.
const PAGE_1252: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// The text, given its bytes as one character each. Text with other characters is already decoded and stays as it is.
pub(super) fn restore_characters(text: &str) -> String {
    let bytes: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_ascii()) else { return text.to_owned() };
    if let Ok(decoded) = std::str::from_utf8(&bytes) {
        return decoded.to_owned();
    }
    let is_letter = |byte: u8| in_page_1252(byte).is_alphabetic() || in_page_1252(byte) == '’';
    // These codes are controls in ISO 8859-1 and signs in Windows-1252: no name has them, and code page 850 has letters.
    let is_old = bytes.iter().any(|byte| (0x80..0xA0).contains(byte) && !is_letter(*byte));
    bytes.iter().map(|byte| if is_old { in_page_850(*byte) } else { in_page_1252(*byte) }).collect()
}

fn in_page_850(byte: u8) -> char {
    let place = usize::from(byte).checked_sub(128);
    place.and_then(|place| PAGE_850.chars().nth(place)).unwrap_or(char::from(byte))
}

fn in_page_1252(byte: u8) -> char {
    let place = usize::from(byte).checked_sub(128);
    place.and_then(|place| PAGE_1252.chars().nth(place)).unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_bytes(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    }

    #[test]
    fn names_are_restored_in_every_character_set() {
        for (bytes, expected) in [
            (&b"RIVERA"[..], "RIVERA"),
            ("NÚÑEZ".as_bytes(), "NÚÑEZ"),
            (b"N\xDA\xD1EZ", "NÚÑEZ"),
            (b"C\x8CUR", "CŒUR"),
            (b"BEAULI\x90E", "BEAULIÉE"),
            (b"Fran\x87ois", "François"),
            (b"M\x9ALLER-\x80ELIK", "MÜLLER-ÇELIK"),
        ] {
            assert_eq!(restore_characters(&as_bytes(bytes)), expected);
        }
        assert_eq!(restore_characters("Łukasz"), "Łukasz");
        assert_eq!((PAGE_850.chars().count(), PAGE_1252.chars().count()), (128, 32));
    }
}
