//! Limits on the bodies that are being received: how many at once, how many bytes in memory and how many on disk, in total and
//! for each caller.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{Extensions, StatusCode};

use crate::http::error::{ApiError, RefusalKind};
use crate::records::id::RecordId;

const MIB: u64 = 1024 * 1024;
/// Bodies of one link at once: a browser sends one, and a retry may overlap.
const LINK_BODIES: usize = 4;
/// Bytes that all bodies together may hold in memory, and those of one link: a set of frames is 16 MiB.
const MEMORY_BYTES: u64 = 128 * MIB;
const LINK_MEMORY_BYTES: u64 = 24 * MIB;
/// Bytes that the bodies of all strangers may hold in memory.
const STRANGERS_MEMORY_BYTES: u64 = 8 * MIB;
/// Bytes that all bodies together may hold on disk before a record names them, and those of one link: four forms.
const STAGED_BYTES: u64 = 8 * 1024 * MIB;
const LINK_STAGED_BYTES: u64 = 320 * MIB;

/// Who sends a body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BodySender {
    /// A link, by its profile.
    Link(RecordId),
    /// A client with a machine token, by its id.
    Client(String),
    /// A stranger without a token, by the address that requests are counted by; `None` on this machine.
    Stranger(Option<IpAddr>),
}

/// Where the bytes of a body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyPlace {
    Memory,
    Disk,
}

/// What bodies hold.
#[derive(Clone, Copy, Default)]
struct HeldBodies {
    count: usize,
    memory: u64,
    staged: u64,
}

impl HeldBodies {
    fn bytes_mut(&mut self, place: BodyPlace) -> &mut u64 {
        match place {
            BodyPlace::Memory => &mut self.memory,
            BodyPlace::Disk => &mut self.staged,
        }
    }

    fn bytes(self, place: BodyPlace) -> u64 {
        match place {
            BodyPlace::Memory => self.memory,
            BodyPlace::Disk => self.staged,
        }
    }
}

#[derive(Default)]
struct BodyCounts {
    total: HeldBodies,
    strangers: HeldBodies,
    senders: HashMap<BodySender, HeldBodies>,
}

/// The limits, and what is held now.
pub(crate) struct BodyLimits {
    counts: Mutex<BodyCounts>,
    /// What all bodies may hold: fewer than there are connections, so that requests without a body are always served.
    total: HeldBodies,
    max_connections: usize,
}

/// A body that may be received. What it holds is given back when the answer is made.
pub(crate) struct BodyPermit {
    limits: Arc<BodyLimits>,
    sender: BodySender,
    held: Mutex<HeldBodies>,
}

impl BodyLimits {
    /// The limits of a server with so many connections.
    #[must_use]
    pub(crate) fn new(max_connections: usize) -> Arc<Self> {
        let total = HeldBodies { count: share_of(max_connections, 3, 4), memory: MEMORY_BYTES, staged: STAGED_BYTES };
        Arc::new(Self { counts: Mutex::default(), total, max_connections })
    }

    fn lock_counts(&self) -> MutexGuard<'_, BodyCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What one sender may hold.
    fn limit_of(&self, sender: &BodySender) -> HeldBodies {
        match sender {
            BodySender::Link(_) => {
                HeldBodies { count: LINK_BODIES, memory: LINK_MEMORY_BYTES, staged: LINK_STAGED_BYTES }
            }
            BodySender::Client(_) | BodySender::Stranger(None) => self.part_of_total(1, 2),
            BodySender::Stranger(Some(_)) => self.part_of_total(1, 8),
        }
    }

    fn part_of_total(&self, numerator: usize, denominator: usize) -> HeldBodies {
        let bytes = |all: u64| all * numerator as u64 / denominator as u64;
        HeldBodies {
            count: share_of(self.max_connections, numerator, denominator),
            memory: bytes(self.total.memory),
            staged: bytes(self.total.staged),
        }
    }

    /// Lets a body in, before a byte of it is read.
    ///
    /// # Errors
    /// 429 when the sender has too many bodies under way, 503 when all together have.
    pub(crate) fn admit_body(self: &Arc<Self>, sender: BodySender) -> Result<Arc<BodyPermit>, ApiError> {
        let mut counts = self.lock_counts();
        let limit = self.limit_of(&sender);
        let is_stranger = matches!(sender, BodySender::Stranger(_));
        let strangers = share_of(self.max_connections, 1, 4);
        if counts.total.count >= self.total.count || (is_stranger && counts.strangers.count >= strangers) {
            return Err(server_is_full());
        }
        let own = counts.senders.entry(sender.clone()).or_default();
        if own.count >= limit.count {
            return Err(sender_is_full(&sender));
        }
        own.count += 1;
        counts.total.count += 1;
        counts.strangers.count += usize::from(is_stranger);
        Ok(Arc::new(BodyPermit { limits: self.clone(), sender, held: Mutex::default() }))
    }
}

impl BodyPermit {
    /// The permit of a request's body: the guard has put it there.
    pub(crate) fn of_request(extensions: &Extensions) -> Option<Arc<Self>> {
        extensions.get::<Arc<Self>>().cloned()
    }

    /// Counts bytes that have arrived and are held until the answer is made.
    ///
    /// # Errors
    /// 429 when the sender holds too much, 503 when all together do.
    pub(crate) fn hold_bytes(&self, place: BodyPlace, count: usize) -> Result<(), ApiError> {
        let count = count as u64;
        let mut counts = self.limits.lock_counts();
        if counts.total.bytes(place) + count > self.limits.total.bytes(place) {
            return Err(server_is_full());
        }
        let is_stranger = matches!(self.sender, BodySender::Stranger(_));
        if is_stranger && counts.strangers.memory + count > STRANGERS_MEMORY_BYTES {
            return Err(server_is_full());
        }
        let limit = self.limits.limit_of(&self.sender).bytes(place);
        let own = counts.senders.entry(self.sender.clone()).or_default();
        if own.bytes(place) + count > limit {
            return Err(sender_is_full(&self.sender));
        }
        *own.bytes_mut(place) += count;
        *counts.total.bytes_mut(place) += count;
        if is_stranger {
            *counts.strangers.bytes_mut(place) += count;
        }
        *self.held.lock().unwrap_or_else(PoisonError::into_inner).bytes_mut(place) += count;
        Ok(())
    }
}

impl Drop for BodyPermit {
    fn drop(&mut self) {
        let held = *self.held.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut counts = self.limits.lock_counts();
        give_back(&mut counts.total, held);
        if matches!(self.sender, BodySender::Stranger(_)) {
            give_back(&mut counts.strangers, held);
        }
        if let Some(own) = counts.senders.get_mut(&self.sender) {
            give_back(own, held);
            if own.count == 0 {
                counts.senders.remove(&self.sender);
            }
        }
    }
}

fn give_back(from: &mut HeldBodies, held: HeldBodies) {
    from.count -= 1;
    from.memory -= held.memory;
    from.staged -= held.staged;
}

fn share_of(all: usize, numerator: usize, denominator: usize) -> usize {
    (all * numerator / denominator).max(1)
}

fn server_is_full() -> ApiError {
    ApiError::unavailable("The server receives as much as it can; try again when Retry-After has passed")
        .with_kind(RefusalKind::Bodies)
}

fn sender_is_full(sender: &BodySender) -> ApiError {
    let whose = match sender {
        BodySender::Link(_) => "this link",
        BodySender::Client(_) => "this client",
        BodySender::Stranger(_) => "this address",
    };
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
        .with_message(format!("Too much is being sent from {whose} at once; wait for an answer before you send more"))
        .retry_after(1)
        .with_kind(RefusalKind::Bodies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status<T>(outcome: Result<T, ApiError>) -> u16 {
        outcome.map_or_else(|refused| refused.status().as_u16(), |_| 200)
    }

    #[test]
    fn s70_link_has_four_bodies_at_once_and_others_are_served() {
        let limits = BodyLimits::new(40);
        let link = || BodySender::Link(RecordId::parse("aaaaaaaaaaaaaaa").unwrap());
        let mut held: Vec<_> = (0..4).map(|_| limits.admit_body(link()).unwrap()).collect();
        assert_eq!(status(limits.admit_body(link())), 429);
        assert_eq!(status(limits.admit_body(BodySender::Link(RecordId::random()))), 200);
        held.pop();
        assert_eq!(status(limits.admit_body(link())), 200);
        drop(held);
        assert!(limits.lock_counts().senders.is_empty() && limits.lock_counts().total.count == 0);
    }

    #[test]
    fn s70_bodies_leave_connections_for_requests_without_one() {
        let limits = BodyLimits::new(40);
        let links: Vec<_> = (0..30).map(|_| limits.admit_body(BodySender::Link(RecordId::random())).unwrap()).collect();
        assert_eq!(status(limits.admit_body(BodySender::Client("c".to_owned()))), 503);
        drop(links);
        let strangers: Vec<_> = (0..10).map(|_| limits.admit_body(BodySender::Stranger(None)).unwrap()).collect();
        assert_eq!(status(limits.admit_body(BodySender::Stranger(None))), 503, "a quarter of the connections");
        assert_eq!(status(limits.admit_body(BodySender::Client("c".to_owned()))), 200);
        drop(strangers);
        let address = || BodySender::Stranger(Some("192.0.2.1".parse().unwrap()));
        let _held: Vec<_> = (0..5).map(|_| limits.admit_body(address()).unwrap()).collect();
        assert_eq!(status(limits.admit_body(address())), 429);
    }

    #[test]
    fn s71_held_bytes_are_limited_for_each_sender_and_in_total() {
        let limits = BodyLimits::new(4_096);
        let link = || BodySender::Link(RecordId::random());
        let one = limits.admit_body(link()).unwrap();
        one.hold_bytes(BodyPlace::Memory, 24 * 1024 * 1024).unwrap();
        assert_eq!(status(one.hold_bytes(BodyPlace::Memory, 1)), 429);
        one.hold_bytes(BodyPlace::Disk, 1).unwrap();
        let others: Vec<_> = (0..4).map(|_| limits.admit_body(link()).unwrap()).collect();
        others.iter().for_each(|other| other.hold_bytes(BodyPlace::Memory, 24 * 1024 * 1024).unwrap());
        let last = limits.admit_body(link()).unwrap();
        assert_eq!(status(last.hold_bytes(BodyPlace::Memory, 9 * 1024 * 1024)), 503);
        drop(one);
        assert_eq!(status(last.hold_bytes(BodyPlace::Memory, 9 * 1024 * 1024)), 200);
        drop((last, others));
        let total = limits.lock_counts().total;
        assert_eq!((total.count, total.memory, total.staged), (0, 0, 0));
    }
}
