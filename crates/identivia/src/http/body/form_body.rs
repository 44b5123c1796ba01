//! The body of a form as a stream, with limits on its size, its pauses and its average rate.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep};

use super::multipart::FormFault;

/// The largest form, in bytes.
pub(super) const FORM_BYTES: usize = 80 * 1024 * 1024;
/// The longest pause between two pieces of a form.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The fewest bytes a second, on average, once the first [`PAUSE_TIMEOUT`] is over.
const MIN_BYTES_PER_SECOND: u64 = 1024;

/// A body with limits on its size and its pauses.
pub(super) struct FormBody {
    body: BodyDataStream,
    started: Instant,
    received_bytes: usize,
    pause_timer: Pin<Box<Sleep>>,
}

impl FormBody {
    pub(super) fn new(body: Body) -> Self {
        let pause_timer = Box::pin(tokio::time::sleep(PAUSE_TIMEOUT));
        Self { body: body.into_data_stream(), started: Instant::now(), received_bytes: 0, pause_timer }
    }

    /// Says whether the caller sends too slowly on average.
    fn is_too_slow(&self) -> bool {
        let elapsed = self.started.elapsed();
        elapsed > PAUSE_TIMEOUT && (self.received_bytes as u64) < elapsed.as_secs() * MIN_BYTES_PER_SECOND
    }
}

impl Stream for FormBody {
    type Item = Result<Bytes, FormFault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.body.poll_next_unpin(context) {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(FormFault::Malformed))),
            Poll::Ready(Some(Ok(bytes))) => {
                self.received_bytes += bytes.len();
                let deadline = Instant::now() + PAUSE_TIMEOUT;
                self.pause_timer.as_mut().reset(deadline);
                Poll::Ready(Some(match bytes {
                    _ if self.received_bytes > FORM_BYTES => Err(FormFault::TooLarge),
                    _ if self.is_too_slow() => Err(FormFault::TooSlow),
                    bytes => Ok(bytes),
                }))
            }
            Poll::Pending => {
                ready!(self.pause_timer.as_mut().poll(context));
                Poll::Ready(Some(Err(FormFault::TooSlow)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const PIECE: usize = 16 * 1024;

    fn body(pieces: usize, started: Instant) -> FormBody {
        let piece = Bytes::from(vec![0; PIECE]);
        let pieces = stream::iter((0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
        FormBody { started, ..FormBody::new(Body::from_stream(pieces)) }
    }

    #[tokio::test]
    async fn form_without_length_ends_at_the_limit() {
        let most = FORM_BYTES / PIECE;
        let pieces: Vec<_> = body(most + 1, Instant::now()).collect().await;
        assert!(pieces[..most].iter().all(Result::is_ok));
        assert!(matches!(pieces[most..], [Err(FormFault::TooLarge)]));
    }

    #[tokio::test]
    async fn slow_form_is_refused_after_the_first_pause() {
        // 32 KiB in 40 seconds are less than 1 KiB a second, 48 KiB are more.
        let started = Instant::now().checked_sub(Duration::from_secs(40)).unwrap();
        let pieces: Vec<_> = body(3, started).collect().await;
        assert!(matches!(pieces[..], [Err(FormFault::TooSlow), Err(FormFault::TooSlow), Ok(_)]));
        let early = Instant::now().checked_sub(PAUSE_TIMEOUT / 2).unwrap();
        assert!(!body(0, early).is_too_slow(), "a first pause is forgiven");
    }
}
