//! The open connections: who holds them, which of them are idle, and which one is closed for a new one.
//!
//! No caller may hold all connections. One address has a quarter of them, unless it is this machine or a proxy that is listed.
//! Where all are taken, the one that has been idle longest is closed. Where none is idle, a few further connections are
//! accepted to answer probes, so that an orchestrator does not take a busy process for a dead one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::http::guard::request_context::ClientIp;

/// The connections beyond the limit that answer probes.
pub(super) const PROBE_CONNECTIONS: usize = 16;
/// The least time between two log lines about refused connections.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// The value of `idle_since` while a request is under way.
const NOT_IDLE: u64 = u64::MAX;

/// What a connection does. Its socket and its handler share this.
pub(super) struct ConnectionActivity {
    started: Instant,
    /// Milliseconds from `started` until the connection began to wait for a whole request head.
    idle_since: AtomicU64,
    /// Whether a request is in its handler.
    is_busy: AtomicBool,
    /// Wakes the connection to be closed.
    pub(super) close: Notify,
}

impl ConnectionActivity {
    fn new(started: Instant) -> Self {
        let idle_since = AtomicU64::new(to_millis(started.elapsed()));
        Self { started, idle_since, is_busy: AtomicBool::new(false), close: Notify::new() }
    }

    /// Notes that the connection waits for a request from now on.
    pub(super) fn begin_idling(&self) {
        self.idle_since.store(to_millis(self.started.elapsed()), Ordering::Relaxed);
    }

    /// Notes that a request's head has arrived.
    pub(super) fn end_idling(&self) {
        self.idle_since.store(NOT_IDLE, Ordering::Relaxed);
    }

    /// Notes that the connection only waits for its caller to close: it is closed before all others.
    pub(super) fn begin_closing(&self) {
        self.idle_since.store(0, Ordering::Relaxed);
    }

    pub(super) fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::Relaxed);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }

    /// Since when the connection is idle, if it is.
    fn idle_since(&self) -> Option<u64> {
        let since = self.idle_since.load(Ordering::Relaxed);
        (since != NOT_IDLE && !self.is_busy()).then_some(since)
    }
}

fn to_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NOT_IDLE - 1)
}

struct OpenConnection {
    address: IpAddr,
    is_for_probes: bool,
    activity: Arc<ConnectionActivity>,
}

#[derive(Default)]
struct OpenConnections {
    next_number: u64,
    connections: HashMap<u64, OpenConnection>,
    addresses: HashMap<IpAddr, usize>,
    for_probes: usize,
    /// Connections that were closed or refused since the last log line, and when that was.
    refused: u64,
    last_log: Option<Instant>,
}

/// The open connections of a listener.
pub(super) struct ConnectionTable {
    started: Instant,
    max_connections: usize,
    /// The most connections of one address.
    max_of_address: usize,
    /// Addresses that many callers share.
    is_shared: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    open: Mutex<OpenConnections>,
    /// Wakes the drain when a connection has ended.
    pub(super) ended: Notify,
}

/// A connection's place in the table. Dropping it frees the place.
pub(super) struct ConnectionPlace {
    table: Arc<ConnectionTable>,
    number: u64,
    pub(super) activity: Arc<ConnectionActivity>,
    /// Whether the connection answers probes alone.
    pub(super) is_for_probes: bool,
}

impl ConnectionTable {
    /// A table of so many connections. `is_shared` says which addresses have no limit of their own.
    pub(super) fn new(max_connections: usize, is_shared: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            max_connections,
            max_of_address: (max_connections / 4).max(1),
            is_shared: Box::new(is_shared),
            open: Mutex::default(),
            ended: Notify::new(),
        })
    }

    fn lock_open(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a new connection a place; `None` when its address has its share, or when nothing can be closed for it.
    pub(super) fn add_connection(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPlace> {
        let peer = peer.to_canonical();
        let address = ClientIp(peer).network();
        let mut open = self.lock_open();
        let held = open.addresses.get(&address).copied().unwrap_or_default();
        if held >= self.max_of_address && !(self.is_shared)(peer) && !open.close_idle_connection(Some(address), false) {
            open.report_refusal("one address holds its share of the connections");
            return None;
        }
        let is_full = open.connections.len() - open.for_probes >= self.max_connections;
        let is_for_probes = is_full && !open.close_idle_connection(None, false);
        if is_full {
            open.report_refusal("all connections are taken");
        }
        if is_for_probes && open.for_probes >= PROBE_CONNECTIONS && !open.close_idle_connection(None, true) {
            return None;
        }
        let number = open.next_number;
        open.next_number += 1;
        let activity = Arc::new(ConnectionActivity::new(self.started));
        *open.addresses.entry(address).or_default() += 1;
        open.for_probes += usize::from(is_for_probes);
        open.connections.insert(number, OpenConnection { address, is_for_probes, activity: activity.clone() });
        Some(ConnectionPlace { table: self.clone(), number, activity, is_for_probes })
    }

    /// How many connections are open.
    pub(super) fn count_open(&self) -> usize {
        self.lock_open().connections.len()
    }
}

impl OpenConnections {
    /// Closes the connection that has been idle longest, of an address or of all, and frees its place at once.
    fn close_idle_connection(&mut self, address: Option<IpAddr>, is_for_probes: bool) -> bool {
        let is_candidate = |connection: &OpenConnection| {
            connection.is_for_probes == is_for_probes && address.is_none_or(|address| connection.address == address)
        };
        let idle = self.connections.iter().filter(|(_, connection)| is_candidate(connection));
        let idle = idle.filter_map(|(number, connection)| Some((connection.activity.idle_since()?, *number)));
        let Some((_, number)) = idle.min() else { return false };
        if let Some(closed) = self.remove_connection(number) {
            closed.activity.close.notify_one();
        }
        true
    }

    fn remove_connection(&mut self, number: u64) -> Option<OpenConnection> {
        let removed = self.connections.remove(&number)?;
        self.for_probes -= usize::from(removed.is_for_probes);
        if let Some(held) = self.addresses.get_mut(&removed.address) {
            *held -= 1;
            if *held == 0 {
                self.addresses.remove(&removed.address);
            }
        }
        Some(removed)
    }

    /// Counts a connection that was refused or closed for another one; a log line tells of many.
    fn report_refusal(&mut self, cause: &'static str) {
        crate::telemetry::count_refusal("connections");
        self.refused += 1;
        if self.last_log.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
            tracing::warn!(refused = self.refused, cause, "connections refused or closed for others");
            self.refused = 0;
            self.last_log = Some(Instant::now());
        }
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        drop(self.table.lock_open().remove_connection(self.number));
        self.table.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn is_told_to_close(place: &ConnectionPlace) -> bool {
        place.activity.close.notified().now_or_never().is_some()
    }

    #[test]
    fn s70_address_has_a_quarter_and_its_own_idle_connections_make_room() {
        let table = ConnectionTable::new(8, |address| address.is_loopback());
        let one = table.add_connection(address(1)).unwrap();
        let two = table.add_connection(address(1)).unwrap();
        one.activity.end_idling();
        let three = table.add_connection(address(1)).unwrap();
        assert!(is_told_to_close(&two) && !is_told_to_close(&one));
        three.activity.end_idling();
        assert!(table.add_connection(address(1)).is_none());
        assert!(table.add_connection(address(2)).is_some());
        let here: Vec<_> = (0..4).map(|_| table.add_connection(IpAddr::from([127, 0, 0, 1])).unwrap()).collect();
        assert_eq!(here.len(), 4, "many callers may come through this machine's proxy");
    }

    #[test]
    fn s70_listed_proxy_with_an_ipv6_address_has_no_share_of_its_own() {
        let (proxy, other): (IpAddr, IpAddr) = ("2001:db8::5".parse().unwrap(), "2001:db8::6".parse().unwrap());
        let table = ConnectionTable::new(8, move |address| address == proxy);
        let busy = |place: ConnectionPlace| {
            place.activity.end_idling();
            place
        };
        let through_proxy: Vec<_> = (0..4).map(|_| busy(table.add_connection(proxy).unwrap())).collect();
        assert_eq!(through_proxy.len(), 4);
        assert!(table.add_connection(other).is_none(), "its network has its share");
    }

    #[test]
    fn s70_longest_idle_connection_is_closed_for_a_new_one() {
        let table = ConnectionTable::new(2, |_| true);
        let (one, two) = (table.add_connection(address(1)).unwrap(), table.add_connection(address(1)).unwrap());
        one.activity.idle_since.store(5, Ordering::Relaxed);
        two.activity.idle_since.store(9, Ordering::Relaxed);
        let three = table.add_connection(address(1)).unwrap();
        assert!(is_told_to_close(&one) && !is_told_to_close(&two) && !three.is_for_probes);
        assert_eq!(table.count_open(), 2);
    }

    #[test]
    fn s70_busy_connections_leave_some_for_probes() {
        let table = ConnectionTable::new(1, |_| true);
        let busy = table.add_connection(address(1)).unwrap();
        busy.activity.end_idling();
        let probes: Vec<_> = (0..PROBE_CONNECTIONS).map(|_| table.add_connection(address(1)).unwrap()).collect();
        assert!(probes.iter().all(|probe| probe.is_for_probes));
        let next = table.add_connection(address(1)).unwrap();
        assert!(next.is_for_probes && probes.iter().filter(|probe| is_told_to_close(probe)).count() == 1);
        drop((next, probes, busy));
        assert_eq!(table.count_open(), 0);
        assert!(!table.add_connection(address(1)).unwrap().is_for_probes);
    }
}
