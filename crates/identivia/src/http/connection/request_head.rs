//! Checks request heads as their bytes arrive: refuses those that two parsers could read in two ways.
//!
//! The HTTP library accepts bare line feeds, folded headers and a `Content-Length` beside `Transfer-Encoding`. A proxy in
//! front of the server may read such heads differently (request smuggling, RFC 9112 §11.2).

use memchr::memchr;

/// The longest line of a head, in bytes.
const MAX_LINE: usize = 128 * 1024;

/// The parser's state: the part of a request that the next byte belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParserState {
    /// In a head, with the current line so far.
    Head { line: Vec<u8>, lines: usize, framing: Framing },
    /// In a body with that many bytes left.
    Body(u64),
    /// In a chunked body. The connection ends with this request, so the rest is not parsed.
    Chunked,
    /// A fault was found.
    Faulty,
}

/// The headers that say where a request ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Framing {
    /// HTTP/1.0 requires no `Host`.
    is_http_1_0: bool,
    has_host: bool,
    content_length: Option<u64>,
    is_chunked: bool,
}

/// A head that two parsers could read in two ways.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AmbiguousHead;

/// The state at the start of a request.
pub(super) fn new_head() -> ParserState {
    ParserState::Head { line: Vec::new(), lines: 0, framing: Framing::default() }
}

/// Parses bytes as they arrive. Gives how many of them may pass, and whether a fault follows them.
pub(super) fn check_bytes(state: &mut ParserState, mut bytes: &[u8]) -> (usize, Result<(), AmbiguousHead>) {
    let whole = bytes.len();
    while !bytes.is_empty() {
        match state {
            ParserState::Chunked => break,
            ParserState::Faulty => return (whole - bytes.len(), Err(AmbiguousHead)),
            ParserState::Body(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                bytes = &bytes[taken..];
                if *left == 0 {
                    *state = new_head();
                }
            }
            ParserState::Head { line, lines, framing } => {
                let Some(end) = memchr(b'\n', bytes) else {
                    line.extend_from_slice(bytes);
                    if line.len() > MAX_LINE {
                        *state = ParserState::Faulty;
                        return (whole - bytes.len(), Err(AmbiguousHead));
                    }
                    break;
                };
                line.extend_from_slice(&bytes[..end]);
                let outcome = parse_line(line, *lines, framing);
                line.clear();
                *lines += 1;
                match outcome {
                    Ok(None) => {}
                    Ok(Some(next)) => *state = next,
                    Err(fault) => {
                        *state = ParserState::Faulty;
                        return (whole - bytes.len() + end, Err(fault));
                    }
                }
                bytes = &bytes[end + 1..];
            }
        }
    }
    (whole, Ok(()))
}

/// Parses a line without its line feed. Gives the next state if the head ends here.
fn parse_line(line: &[u8], lines: usize, framing: &mut Framing) -> Result<Option<ParserState>, AmbiguousHead> {
    let Some((b'\r', line)) = line.split_last() else { return Err(AmbiguousHead) };
    if memchr(b'\r', line).is_some() {
        return Err(AmbiguousHead);
    }
    if line.is_empty() {
        // RFC 9112 §2.2: an empty line before the request line is ignored.
        return if lines == 0 { Ok(Some(new_head())) } else { finish_head(framing).map(Some) };
    }
    if lines == 0 {
        framing.is_http_1_0 = line.ends_with(b"HTTP/1.0");
    } else {
        parse_header_line(line, framing)?;
    }
    Ok(None)
}

fn parse_header_line(line: &[u8], framing: &mut Framing) -> Result<(), AmbiguousHead> {
    // RFC 9112 §5.2: folded lines are refused.
    if matches!(line[0], b' ' | b'\t') {
        return Err(AmbiguousHead);
    }
    let Some(colon) = memchr(b':', line) else { return Err(AmbiguousHead) };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if name.eq_ignore_ascii_case(b"host") {
        // RFC 9112 §3.2: exactly one.
        if std::mem::replace(&mut framing.has_host, true) {
            return Err(AmbiguousHead);
        }
    } else if name.eq_ignore_ascii_case(b"content-length") {
        let length = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = length.and_then(|text| text.parse().ok()).ok_or(AmbiguousHead)?;
        if framing.content_length.replace(length).is_some() {
            return Err(AmbiguousHead);
        }
    } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
        if framing.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(AmbiguousHead);
        }
        framing.is_chunked = true;
    }
    Ok(())
}

/// Checks the framing of a whole head. Gives the state behind it.
fn finish_head(framing: &Framing) -> Result<ParserState, AmbiguousHead> {
    if !framing.has_host && !framing.is_http_1_0 {
        return Err(AmbiguousHead);
    }
    match (framing.content_length, framing.is_chunked) {
        (Some(_), true) => Err(AmbiguousHead),
        (None, true) => Ok(ParserState::Chunked),
        (Some(0) | None, false) => Ok(new_head()),
        (Some(length), false) => Ok(ParserState::Body(length)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(text: &str) -> Result<(), AmbiguousHead> {
        check_bytes(&mut new_head(), text.as_bytes()).1
    }

    #[test]
    fn ordinary_requests_pass_in_sequence() {
        let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na\nbGET / HTTP/1.0\r\n\r\n";
        assert_eq!(verdict(requests), Ok(()));
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        for head in [
            "GET / HTTP/1.1\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\ry: z\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        ] {
            assert_eq!(verdict(head), Err(AmbiguousHead), "{head:?}");
        }
    }

    #[test]
    fn endless_line_is_refused() {
        let mut state = new_head();
        let line = vec![b'a'; MAX_LINE];
        assert_eq!(check_bytes(&mut state, &line).1, Ok(()));
        assert_eq!(check_bytes(&mut state, b"a").1, Err(AmbiguousHead));
        assert_eq!(state, ParserState::Faulty);
    }

    proptest! {
        /// However the bytes are cut into reads, the verdict and the bytes let through are the same.
        #[test]
        fn verdict_is_the_same_for_every_split_into_reads(
            cut in 1_usize..20,
            text in "(GET / HTTP/1.1\r\nHost: x\r\n(Content-Length: [0-9]{1,2}\r\n|A: b\r?\n| x\r\n){0,3}\r\n[a-z\r\n]{0,9}){1,3}",
        ) {
            let whole = check_bytes(&mut new_head(), text.as_bytes());
            let mut state = new_head();
            let mut passed = 0;
            let mut outcome = Ok(());
            for piece in text.as_bytes().chunks(cut) {
                let (taken, verdict) = check_bytes(&mut state, piece);
                passed += taken;
                outcome = verdict;
                if outcome.is_err() {
                    break;
                }
            }
            prop_assert_eq!(whole, (passed, outcome));
        }
    }
}
