//! The socket under HTTP/1.1: refuses request heads that two parsers could read in two ways, and callers who stall.
//!
//! The HTTP library accepts bare line feeds, folded headers and a `Content-Length` beside `Transfer-Encoding`, and knows
//! no limit for idle or unread connections. Proxies in front of us may read such heads differently (request smuggling,
//! RFC 9112 §11.2). So each head is looked at as its bytes arrive; at the first fault the library is fed a byte it must
//! refuse, answers 400 and closes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The longest a request head may take, from its first byte (or from the connection's start).
pub(crate) const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// The longest a connection may idle between two requests.
const IDLE_PATIENCE: Duration = Duration::from_secs(75);
/// The longest a caller may leave an answer unread.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// How long what a refused caller still sends is read over, so that the answer is not lost to a reset.
const LINGER: Duration = Duration::from_secs(2);
/// The longest line of a head, in bytes.
const MAX_LINE: usize = 128 * 1024;
/// A byte that no request head may hold.
const POISON: u8 = 0;

/// Says whether a request is being worked on; shared between a connection's socket and its handler.
pub(crate) type Busy = Arc<AtomicBool>;

/// Where in the stream of requests the next byte stands.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In a head; the line so far is kept.
    Head { line: Vec<u8>, lines: usize, framing: Framing },
    /// In a body of which that many bytes are left.
    Body(u64),
    /// In a chunked body. The connection ends with this request, so what follows is not looked at.
    Chunked,
    /// A fault was found.
    Poisoned,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Framing {
    /// HTTP/1.0 knows no `Host`.
    old: bool,
    host: bool,
    content_length: Option<u64>,
    chunked: bool,
}

/// A head that is not to be trusted.
#[derive(Debug, PartialEq, Eq)]
struct Fault;

fn new_head() -> Place {
    Place::Head { line: Vec::new(), lines: 0, framing: Framing::default() }
}

/// Looks at bytes as they arrive; gives how many of them may pass, and whether a fault follows.
fn look(place: &mut Place, mut bytes: &[u8]) -> (usize, Result<(), Fault>) {
    let whole = bytes.len();
    while !bytes.is_empty() {
        match place {
            Place::Chunked => break,
            Place::Poisoned => return (whole - bytes.len(), Err(Fault)),
            Place::Body(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                bytes = &bytes[taken..];
                if *left == 0 {
                    *place = new_head();
                }
            }
            Place::Head { line, lines, framing } => {
                let Some(end) = memchr(b'\n', bytes) else {
                    line.extend_from_slice(bytes);
                    if line.len() > MAX_LINE {
                        *place = Place::Poisoned;
                        return (whole - bytes.len(), Err(Fault));
                    }
                    break;
                };
                line.extend_from_slice(&bytes[..end]);
                let outcome = end_of_line(line, *lines, framing);
                line.clear();
                *lines += 1;
                match outcome {
                    Ok(None) => {}
                    Ok(Some(next)) => *place = next,
                    Err(fault) => {
                        *place = Place::Poisoned;
                        return (whole - bytes.len() + end, Err(fault));
                    }
                }
                bytes = &bytes[end + 1..];
            }
        }
    }
    (whole, Ok(()))
}

/// Judges a line (without its line feed); says where the stream stands after it, if the head ends here.
fn end_of_line(line: &[u8], lines: usize, framing: &mut Framing) -> Result<Option<Place>, Fault> {
    let Some((b'\r', line)) = line.split_last() else { return Err(Fault) };
    if memchr(b'\r', line).is_some() {
        return Err(Fault);
    }
    if line.is_empty() {
        // RFC 9112 §2.2: an empty line before the request line is passed over.
        return if lines == 0 { Ok(Some(new_head())) } else { end_of_head(framing).map(Some) };
    }
    if lines == 0 {
        framing.old = line.ends_with(b"HTTP/1.0");
    } else {
        header_line(line, framing)?;
    }
    Ok(None)
}

fn header_line(line: &[u8], framing: &mut Framing) -> Result<(), Fault> {
    // RFC 9112 §5.2: folded lines are refused.
    if matches!(line[0], b' ' | b'\t') {
        return Err(Fault);
    }
    let Some(colon) = memchr(b':', line) else { return Err(Fault) };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if name.eq_ignore_ascii_case(b"host") {
        // RFC 9112 §3.2: exactly one.
        if std::mem::replace(&mut framing.host, true) {
            return Err(Fault);
        }
    } else if name.eq_ignore_ascii_case(b"content-length") {
        let length = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = length.and_then(|text| text.parse().ok()).ok_or(Fault)?;
        if framing.content_length.replace(length).is_some() {
            return Err(Fault);
        }
    } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
        if framing.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Fault);
        }
        framing.chunked = true;
    }
    Ok(())
}

fn end_of_head(framing: &Framing) -> Result<Place, Fault> {
    if !framing.host && !framing.old {
        return Err(Fault);
    }
    match (framing.content_length, framing.chunked) {
        (Some(_), true) => Err(Fault),
        (None, true) => Ok(Place::Chunked),
        (Some(0) | None, false) => Ok(new_head()),
        (Some(length), false) => Ok(Place::Body(length)),
    }
}

/// A deadline that moves often and is slept on rarely.
struct Deadline {
    at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Deadline {
    fn after(patience: Duration) -> Self {
        let at = Instant::now() + patience;
        Self { at, sleep: Box::pin(tokio::time::sleep_until(at)) }
    }

    fn move_to(&mut self, patience: Duration) {
        self.at = Instant::now() + patience;
    }

    fn poll_passed(&mut self, context: &mut Context<'_>) -> bool {
        while self.sleep.as_mut().poll(context).is_ready() {
            if Instant::now() >= self.at {
                return true;
            }
            self.sleep.as_mut().reset(self.at);
        }
        false
    }
}

/// A guarded socket.
pub(crate) struct Wire<S> {
    inner: S,
    place: Place,
    busy: Busy,
    reading: Deadline,
    writing: Option<Deadline>,
    lingering: Option<Deadline>,
}

impl<S> Wire<S> {
    pub(crate) fn new(inner: S, busy: Busy) -> Self {
        let reading = Deadline::after(HEAD_PATIENCE);
        Self { inner, place: new_head(), busy, reading, writing: None, lingering: None }
    }

    fn stands_between_requests(&self) -> bool {
        matches!(&self.place, Place::Head { line, lines: 0, .. } if line.is_empty())
    }

    /// Says whether the caller has stalled. A request that is being worked on, or whose body is being read (which has
    /// limits of its own), is never a stall.
    fn has_stalled(&mut self, context: &mut Context<'_>) -> bool {
        while self.reading.poll_passed(context) {
            let waits_for_head = matches!(self.place, Place::Head { .. });
            if waits_for_head && !self.busy.load(Ordering::Relaxed) {
                return true;
            }
            self.reading.move_to(HEAD_PATIENCE);
        }
        false
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = &mut *self;
        if wire.place == Place::Poisoned {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if Pin::new(&mut wire.inner).poll_read(context, buffer)?.is_pending() {
            let stalled = wire.has_stalled(context);
            return if stalled { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending };
        }
        let was_idle = wire.stands_between_requests();
        let (passed, outcome) = look(&mut wire.place, &buffer.filled()[before..]);
        if outcome.is_err() {
            buffer.set_filled(before + passed);
            buffer.put_slice(&[POISON]);
        }
        if wire.stands_between_requests() {
            wire.reading.move_to(IDLE_PATIENCE);
        } else if was_idle {
            wire.reading.move_to(HEAD_PATIENCE);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    /// Ends our side, then reads over what a refused caller still sends: closing with unread bytes would reset the
    /// connection, and the answer with it.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_shutdown(context))?;
        if self.stands_between_requests() {
            return Poll::Ready(Ok(()));
        }
        let wire = &mut *self;
        let deadline = wire.lingering.get_or_insert_with(|| Deadline::after(LINGER));
        let mut scratch = [0_u8; 16 * 1024];
        loop {
            if deadline.poll_passed(context) {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut wire.inner).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S> Wire<S> {
    /// Gives up on a caller who leaves an answer unread.
    fn watch(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.writing = None;
            if self.stands_between_requests() {
                // A long answer that is being read is no idle connection.
                self.reading.move_to(IDLE_PATIENCE);
            }
            return written;
        }
        let deadline = self.writing.get_or_insert_with(|| Deadline::after(WRITE_PATIENCE));
        if deadline.poll_passed(context) { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(text: &str) -> Result<(), Fault> {
        look(&mut new_head(), text.as_bytes()).1
    }

    #[test]
    fn ordinary_requests_pass_one_behind_the_other() {
        let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na\nbGET / HTTP/1.0\r\n\r\n";
        assert_eq!(verdict(requests), Ok(()));
    }

    #[test]
    fn heads_that_can_be_read_in_two_ways_are_refused() {
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
            assert_eq!(verdict(head), Err(Fault), "{head:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_gathered() {
        let mut place = new_head();
        let line = vec![b'a'; MAX_LINE];
        assert_eq!(look(&mut place, &line).1, Ok(()));
        assert_eq!(look(&mut place, b"a").1, Err(Fault));
        assert_eq!(place, Place::Poisoned);
    }

    proptest! {
        /// However the bytes are cut into reads, the verdict and the bytes let through are the same.
        #[test]
        fn cuts_do_not_matter(
            cut in 1_usize..20,
            text in "(GET / HTTP/1.1\r\nHost: x\r\n(Content-Length: [0-9]{1,2}\r\n|A: b\r?\n| x\r\n){0,3}\r\n[a-z\r\n]{0,9}){1,3}",
        ) {
            let whole = look(&mut new_head(), text.as_bytes());
            let mut place = new_head();
            let mut passed = 0;
            let mut outcome = Ok(());
            for piece in text.as_bytes().chunks(cut) {
                let (taken, verdict) = look(&mut place, piece);
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
