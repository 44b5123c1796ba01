//! A streaming parser of multipart forms (RFC 7578, RFC 2046 §5.1): parts, and the pieces of their bodies.
//!
//! Written here because every step needs a limit. The available library buffers a part's header without limit and refuses
//! names that browsers send.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use memchr::memmem;

/// The largest part header, in bytes.
pub(crate) const PART_HEADER_BYTES: usize = 8 * 1024;
/// The longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;

/// Why a form could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormFault {
    #[error("the form is not well formed")]
    Malformed,
    #[error("a part's header is too large")]
    HeaderTooLarge,
    #[error("the form is too large")]
    TooLarge,
    #[error("the form came too slowly")]
    TooSlow,
}

/// The header of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PartHead {
    pub(crate) name: String,
    /// The client's name of the file; `None` for a text.
    pub(crate) file_name: Option<String>,
}

/// The parser's position.
#[derive(PartialEq, Eq)]
enum FormPosition {
    /// In a part's body, or before the first part.
    Body,
    /// Directly behind a delimiter.
    Delimiter,
    End,
}

/// A form being parsed. Ask for a part, then for its pieces; asking for the next part skips the rest of the current one.
pub(crate) struct MultipartParser<S> {
    stream: S,
    buffer: BytesMut,
    /// Line break, two hyphens, boundary.
    delimiter: Vec<u8>,
    position: FormPosition,
}

impl<S: Stream<Item = Result<Bytes, FormFault>> + Unpin> MultipartParser<S> {
    pub(crate) fn new(stream: S, boundary: &str) -> Self {
        // The first delimiter may be at the very beginning, without its line break.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Self { stream, buffer, delimiter: format!("\r\n--{boundary}").into_bytes(), position: FormPosition::Body }
    }

    /// The next part's head; `None` at the end of the form.
    pub(crate) async fn next_part(&mut self) -> Result<Option<PartHead>, FormFault> {
        while self.next_piece().await?.is_some() {}
        if self.position == FormPosition::End || self.is_last_delimiter().await? {
            self.position = FormPosition::End;
            return Ok(None);
        }
        let head = self.read_part_header().await?;
        self.position = FormPosition::Body;
        parse_part_header(&head).map(Some)
    }

    /// The next piece of the part's body; `None` at its end.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Bytes>, FormFault> {
        while self.position == FormPosition::Body {
            match memmem::find(&self.buffer, &self.delimiter) {
                Some(0) => {
                    let _ = self.buffer.split_to(self.delimiter.len());
                    self.position = FormPosition::Delimiter;
                }
                Some(at) => return Ok(Some(self.buffer.split_to(at).freeze())),
                None => {
                    // The last bytes may be the beginning of a delimiter.
                    let certain = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
                    if certain > 0 {
                        return Ok(Some(self.buffer.split_to(certain).freeze()));
                    }
                    self.read_more().await?;
                }
            }
        }
        Ok(None)
    }

    /// Says whether the delimiter was the last one: two hyphens follow it.
    async fn is_last_delimiter(&mut self) -> Result<bool, FormFault> {
        while self.buffer.len() < 2 {
            self.read_more().await?;
        }
        Ok(self.buffer.starts_with(b"--"))
    }

    /// A part's header: the rest of the delimiter's line, then lines up to an empty one.
    async fn read_part_header(&mut self) -> Result<BytesMut, FormFault> {
        loop {
            if has_bare_line_feed(&self.buffer) {
                return Err(FormFault::Malformed);
            }
            let end = memmem::find(&self.buffer, b"\r\n\r\n");
            if end.unwrap_or(self.buffer.len()) > PART_HEADER_BYTES {
                return Err(FormFault::HeaderTooLarge);
            }
            if let Some(end) = end {
                let head = self.buffer.split_to(end);
                let _ = self.buffer.split_to(4);
                return Ok(head);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), FormFault> {
        let bytes = self.stream.next().await.ok_or(FormFault::Malformed)??;
        self.buffer.extend_from_slice(&bytes);
        Ok(())
    }
}

/// Says whether a part's header has a line that ends without a carriage return: its lines end with both (RFC 2046 §5.1).
fn has_bare_line_feed(buffer: &[u8]) -> bool {
    let header = memmem::find(buffer, b"\r\n\r\n").map_or(buffer, |end| &buffer[..end]);
    memchr::memchr_iter(b'\n', header).any(|at| at == 0 || header[at - 1] != b'\r')
}

/// The boundary that a `Content-Type` names.
pub(crate) fn parse_boundary(content_type: &str) -> Option<String> {
    let boundary = header_parameter(content_type, "boundary")?;
    (1..=MAX_BOUNDARY).contains(&boundary.len()).then_some(boundary)
}

fn parse_part_header(head: &[u8]) -> Result<PartHead, FormFault> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    // Only blanks may be between the delimiter and the end of its line.
    if !lines.next().unwrap_or_default().trim_matches([' ', '\t']).is_empty() {
        return Err(FormFault::Malformed);
    }
    let disposition = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value.trim())
        .ok_or(FormFault::Malformed)?;
    let name = header_parameter(disposition, "name").ok_or(FormFault::Malformed)?;
    // Programs send `filename` beside it for those that do not know the extended form (RFC 6266 §4.3).
    let extended = header_parameter(disposition, "filename*").and_then(|value| decode_extended_value(&value));
    Ok(PartHead { name, file_name: extended.or_else(|| header_parameter(disposition, "filename")) })
}

/// A parameter of a header value such as `form-data; name="a"; filename="b"`.
fn header_parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, behind) = rest.split_once('=')?;
        let (text, behind) = match behind.trim_start().strip_prefix('"') {
            Some(quoted) => unquote_text(quoted)?,
            None => {
                let (token, behind) = behind.split_once(';').unwrap_or((behind, ""));
                (token.trim().to_owned(), behind)
            }
        };
        if name.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = behind;
    }
}

/// A quoted text up to its closing quote, and what follows. Only `\"` is an escape, since some browsers send whole Windows
/// paths; and not where the text ends there.
fn unquote_text(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((text, &quoted[at + 1..])),
            '\\' if is_escaped_quote(&quoted[at + 1..]) => {
                text.push('"');
                letters.next();
            }
            _ => text.push(letter),
        }
    }
    None
}

fn is_escaped_quote(behind: &str) -> bool {
    let Some(behind) = behind.strip_prefix('"') else { return false };
    let behind = behind.trim_start();
    !behind.is_empty() && !behind.starts_with(';')
}

/// The text of an extended value (RFC 8187): `utf-8''na%C3%AFve.jpg`. `None` where it is none, or of another character set:
/// then the plain parameter counts. An apostrophe that a program has not encoded belongs to the text.
fn decode_extended_value(extended: &str) -> Option<String> {
    let mut pieces = extended.splitn(3, '\'');
    let (charset, _language, encoded) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(encoded).collect();
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8(bytes).ok(),
        // RFC 5987 had this one too. Each of its bytes is the character of that number.
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts = Vec<(String, Option<String>, Vec<u8>)>;

    fn read(form: &[u8], cut: usize) -> Result<Parts, FormFault> {
        let pieces: Vec<_> = form.chunks(cut).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut multipart = MultipartParser::new(futures_util::stream::iter(pieces), "b-1");
        let reading = async {
            let mut parts = Vec::new();
            while let Some(head) = multipart.next_part().await? {
                let mut body = Vec::new();
                while let Some(piece) = multipart.next_piece().await? {
                    body.extend_from_slice(&piece);
                }
                parts.push((head.name, head.file_name, body));
            }
            Ok(parts)
        };
        // Everything is there already, so the future never waits.
        futures_util::FutureExt::now_or_never(reading).unwrap()
    }

    fn form(parts: &Parts) -> Vec<u8> {
        let mut form = Vec::new();
        for (name, file_name, body) in parts {
            let file = file_name.as_ref().map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
            let head = format!("--b-1\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            form.extend_from_slice(head.as_bytes());
            form.extend_from_slice(body);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(b"--b-1--\r\n");
        form
    }

    #[test]
    fn browser_file_names_are_read() {
        let name = |value: &str| header_parameter(value, "filename");
        assert_eq!(name("form-data; name=\"a\"; filename=\"C:\\dir\\x.jpg\"").unwrap(), "C:\\dir\\x.jpg");
        assert_eq!(name("form-data; name=a;filename=x.jpg").unwrap(), "x.jpg");
        assert_eq!(name("form-data; name=\"f; filename=no\"; filename=\"a\\\"b;c\"").unwrap(), "a\"b;c");
        assert_eq!(name("form-data; name=\"filename=no\""), None);
        assert_eq!(name("form-data; name=\"a\\\"; filename=\"C:\\\"").unwrap(), "C:\\");
        assert_eq!(name("form-data; filename=\"open"), None);
        let head = b"\r\nContent-Type: image/png\r\ncontent-disposition: form-data; name=\"p\"; filename*=utf-8''na%C3%AFve.jpg";
        assert_eq!(parse_part_header(head).unwrap().file_name.unwrap(), "naïve.jpg");
        let both = b"\r\nContent-Disposition: form-data; name=p; filename=\"=?utf-8?B?eA==?=\"; filename*=utf-8''na%C3%AFve.jpg";
        assert_eq!(parse_part_header(both).unwrap().file_name.unwrap(), "naïve.jpg");
    }

    #[test]
    fn extended_file_name_wins_where_it_can_be_read() {
        let name = |parameters: &str| {
            let head = format!("\r\nContent-Disposition: form-data; name=p; {parameters}");
            parse_part_header(head.as_bytes()).unwrap().file_name.unwrap()
        };
        for (parameters, expected) in [
            ("filename*=UTF-8'en'na%C3%AFve.jpg; filename=plain.jpg", "naïve.jpg"),
            ("filename*=\"utf-8''na%C3%AFve.jpg\"; filename=plain.jpg", "naïve.jpg"),
            ("FILENAME*=utf-8''o'neil.jpg", "o'neil.jpg"),
            ("filename=plain.jpg; filename*=ISO-8859-1''na%EFve.jpg", "naïve.jpg"),
            ("filename=plain.jpg; filename*=utf-8''na%EFve.jpg", "plain.jpg"),
            ("filename=plain.jpg; filename*=shift_jis''x.jpg", "plain.jpg"),
            ("filename=plain.jpg; filename*=naive.jpg", "plain.jpg"),
        ] {
            assert_eq!(name(parameters), expected, "{parameters}");
        }
    }

    #[test]
    fn bare_line_feeds_are_malformed() {
        let form = b"--b-1\nContent-Disposition: form-data; name=a; filename=x\n\nxyz\n--b-1--\n".to_vec();
        for cut in [1, 7, 40] {
            assert!(matches!(read(&form, cut), Err(FormFault::Malformed)), "{cut}");
        }
        let long = [b"--b-1\r\nContent-Disposition: form-data; name=a\n\n".as_slice(), &[b'x'; 20_000]].concat();
        assert!(matches!(read(&long, 4_000), Err(FormFault::Malformed)), "not a header that is too large");
    }

    #[test]
    fn boundary_has_one_to_seventy_letters() {
        assert_eq!(parse_boundary("multipart/form-data; charset=x; boundary=\"a b\"").unwrap(), "a b");
        assert_eq!(parse_boundary("multipart/form-data"), None);
        assert_eq!(parse_boundary("multipart/form-data; boundary="), None);
        assert_eq!(parse_boundary(&format!("multipart/form-data; boundary={}", "b".repeat(71))), None);
    }

    #[test]
    fn form_without_its_end_is_malformed() {
        let whole = form(&vec![("a".to_owned(), None, b"x".to_vec())]);
        for length in 0..whole.len() - 4 {
            assert!(read(&whole[..length], 7).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn form_is_read_the_same_for_every_split(
            cut in 1_usize..40,
            parts in proptest::collection::vec(
                ("[a-z_]{1,9}", proptest::option::of("[a-z. \0]{0,9}"), proptest::collection::vec(
                    prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), Just(b'1'), any::<u8>()], 0..60)),
                0..5),
        ) {
            prop_assume!(parts.iter().all(|(_, _, body)| memmem::find(body, b"\r\n--b-1").is_none()));
            prop_assert_eq!(read(&form(&parts), cut).unwrap(), parts);
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 1_usize..40) {
            let _ = read(&bytes, cut);
            let _ = read(&[b"--b-1\r\nContent-Disposition: ", bytes.as_slice(), b"\r\n\r\n"].concat(), cut);
            let _ = parse_boundary(&String::from_utf8_lossy(&bytes));
        }
    }
}
