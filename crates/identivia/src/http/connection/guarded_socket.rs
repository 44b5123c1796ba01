//! The socket under HTTP/1.1: feeds checked request heads to the HTTP library, and closes stalled or idle connections.
//!
//! The HTTP library has no limit for idle connections or unread answers. At the first fault in a head this socket gives
//! the library a byte that it must refuse: the library answers 400 and closes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::connection_table::ConnectionActivity;
use super::request_head::{ParserState, check_bytes, new_head};

/// The longest a request head may take, from its first byte or from the connection's start.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest a connection may idle between two requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// The longest a caller may leave an answer unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the socket discards what a refused caller still sends, so that a reset does not destroy the answer.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// How much is read at once of the first bytes of a request: the HTTP library's buffer grows with each read that fills it, and
/// strangers may hold thousands of connections.
const FIRST_READ_BYTES: usize = 4 * 1024;
/// From here on a request is an upload, which is read in large pieces.
const FIRST_BYTES: usize = 32 * 1024;
/// A byte that no request head may hold.
const INVALID_BYTE: u8 = 0;

/// A deadline that moves often; its timer is reset only when it fires early.
struct Deadline {
    at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        let at = Instant::now() + timeout;
        Self { at, sleep: Box::pin(tokio::time::sleep_until(at)) }
    }

    fn extend(&mut self, timeout: Duration) {
        self.at = Instant::now() + timeout;
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

/// A socket that checks request heads and gives up on callers who stall.
pub(super) struct GuardedSocket<S> {
    inner: S,
    state: ParserState,
    activity: Arc<ConnectionActivity>,
    /// The bytes of the request under way that have been read.
    request_bytes: usize,
    read_deadline: Deadline,
    write_deadline: Option<Deadline>,
    linger_deadline: Option<Deadline>,
}

impl<S> GuardedSocket<S> {
    pub(super) fn new(inner: S, activity: Arc<ConnectionActivity>) -> Self {
        let read_deadline = Deadline::after(HEAD_TIMEOUT);
        Self {
            inner,
            state: new_head(),
            activity,
            request_bytes: 0,
            read_deadline,
            write_deadline: None,
            linger_deadline: None,
        }
    }

    fn is_between_requests(&self) -> bool {
        matches!(&self.state, ParserState::Head { line, lines: 0, .. } if line.is_empty())
    }

    fn waits_for_head(&self) -> bool {
        matches!(self.state, ParserState::Head { .. })
    }

    /// Says whether the caller has stalled. A request in its handler, or a body being read (which has its own limits), is
    /// not a stall.
    fn has_stalled(&mut self, context: &mut Context<'_>) -> bool {
        while self.read_deadline.poll_passed(context) {
            if self.waits_for_head() && !self.activity.is_busy() {
                return true;
            }
            self.read_deadline.extend(HEAD_TIMEOUT);
        }
        false
    }
}

impl<S: AsyncRead + Unpin> GuardedSocket<S> {
    /// Reads into the buffer: little at once at the beginning of a request.
    fn poll_inner(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.request_bytes >= FIRST_BYTES || buffer.remaining() <= FIRST_READ_BYTES {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        }
        let mut first = ReadBuf::new(buffer.initialize_unfilled_to(FIRST_READ_BYTES));
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut first))?;
        let read = first.filled().len();
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = &mut *self;
        if socket.state == ParserState::Faulty {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if socket.poll_inner(context, buffer)?.is_pending() {
            let stalled = socket.has_stalled(context);
            return if stalled { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending };
        }
        let was_idle = socket.is_between_requests();
        let waited_for_head = socket.waits_for_head();
        let (passed, outcome) = check_bytes(&mut socket.state, &buffer.filled()[before..]);
        if outcome.is_err() {
            buffer.set_filled(before + passed);
            buffer.put_slice(&[INVALID_BYTE]);
        }
        if !socket.waits_for_head() {
            socket.activity.end_idling();
        } else if !waited_for_head {
            socket.activity.begin_idling();
        }
        socket.request_bytes += passed;
        if socket.is_between_requests() {
            socket.request_bytes = 0;
            socket.read_deadline.extend(IDLE_TIMEOUT);
        } else if was_idle {
            socket.read_deadline.extend(HEAD_TIMEOUT);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GuardedSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.check_write_deadline(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.check_write_deadline(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    /// Ends the server's side, then discards what a refused caller still sends: closing with unread bytes would reset the
    /// connection, and the caller would lose the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_shutdown(context))?;
        if self.is_between_requests() {
            return Poll::Ready(Ok(()));
        }
        let socket = &mut *self;
        socket.activity.begin_closing();
        let deadline = socket.linger_deadline.get_or_insert_with(|| Deadline::after(LINGER_TIMEOUT));
        let mut scratch = [0_u8; 16 * 1024];
        loop {
            if deadline.poll_passed(context) {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut socket.inner).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S> GuardedSocket<S> {
    /// Gives up on a caller who leaves an answer unread.
    fn check_write_deadline(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.write_deadline = None;
            if self.is_between_requests() {
                // A caller that reads a long answer is not idle.
                self.read_deadline.extend(IDLE_TIMEOUT);
                self.activity.begin_idling();
            }
            return written;
        }
        let deadline = self.write_deadline.get_or_insert_with(|| Deadline::after(WRITE_TIMEOUT));
        if deadline.poll_passed(context) { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending }
    }
}
