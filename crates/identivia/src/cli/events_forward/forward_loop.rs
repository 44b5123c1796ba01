//! Reads events and delivers them in order. Connects again after each cut, and goes on behind the last event.

use std::time::Duration;

use anyhow::anyhow;
use tokio::time::{Instant, sleep};

use super::receiver::Receiver;
use super::server_stream::{EventServer, ServerStream, StreamError};
use crate::cli::print_line;

/// The delay before the first new connection; it doubles with each failure in a row.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// A stream that lasted so long was a good one: a store that cannot be read ends a stream at once.
const GOOD_STREAM: Duration = Duration::from_secs(10);

/// Where to start.
#[derive(Clone)]
pub(super) enum ForwardStart {
    Oldest,
    Latest,
    After(String),
}

/// Forwards events until it is dropped.
pub(super) struct Forwarder {
    pub(super) server: EventServer,
    pub(super) receiver: Receiver,
    pub(super) start: ForwardStart,
    /// Failures since the last good stream.
    pub(super) failures: u32,
}

impl Forwarder {
    /// Forwards events. Returns only with what another attempt would not mend.
    pub(super) async fn forward_events(&mut self) -> anyhow::Result<()> {
        loop {
            let begun = Instant::now();
            let end = self.forward_one_stream().await;
            let problem = match end {
                Ok(()) => None,
                Err(ForwardError::Output(error)) => return Err(error),
                Err(ForwardError::Stream(StreamError::Final(problem))) => return Err(anyhow!(problem)),
                Err(ForwardError::Stream(StreamError::Retryable(problem))) => Some(problem),
            };
            if begun.elapsed() >= GOOD_STREAM {
                self.failures = 0;
                if problem.is_none() {
                    continue;
                }
            }
            let delay = (FIRST_DELAY * 2_u32.saturating_pow(self.failures.min(8))).min(LONGEST_DELAY);
            self.failures += 1;
            if let Some(problem) = problem {
                print_line(&format!("{problem}; trying again in {} s", delay.as_secs()))?;
            }
            sleep(delay).await;
        }
    }

    /// The event behind which another command goes on.
    pub(super) fn last_event(&self) -> Option<&str> {
        match &self.start {
            ForwardStart::After(id) => Some(id),
            _ => None,
        }
    }

    /// Forwards the events of one connection; ends well when the server ends the stream, or the token is to be renewed.
    async fn forward_one_stream(&mut self) -> Result<(), ForwardError> {
        let mut stream = self.open_stream().await?;
        while let Some(event) = stream.next_event().await? {
            self.receiver.deliver_event(&event).await.map_err(ForwardError::Output)?;
            self.start = ForwardStart::After(event.id);
            self.failures = 0;
        }
        Ok(())
    }

    /// Opens the stream. "Latest" becomes an event first: after a cut, it would skip what happened meanwhile.
    async fn open_stream(&mut self) -> Result<ServerStream, ForwardError> {
        if matches!(self.start, ForwardStart::Latest) {
            let newest = self.server.find_newest().await?;
            self.start = newest.map_or(ForwardStart::Oldest, ForwardStart::After);
        }
        let after = self.last_event().map(str::to_owned);
        let stream = self.server.open_stream(after.as_deref()).await?;
        print_line("Connected, waiting for events").map_err(ForwardError::Output)?;
        Ok(stream)
    }
}

/// Why a stream is not forwarded any more.
enum ForwardError {
    Stream(StreamError),
    /// Standard output cannot be written.
    Output(anyhow::Error),
}

impl From<StreamError> for ForwardError {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}
