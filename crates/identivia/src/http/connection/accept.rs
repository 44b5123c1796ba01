//! The accept loop: limits the number of connections, serves HTTP/1.1 on each, and drains them at the end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::answer_body::AnswerBody;
use super::connection_table::{ConnectionPlace, ConnectionTable};
use super::guarded_socket::GuardedSocket;

/// How long running requests may take to finish once the server stops.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server still accepts connections and requests once it stops: requests that are on their way are not
/// lost. Every answer tells its caller that the connection ends.
const STOP_GRACE: Duration = Duration::from_millis(250);
/// The largest read buffer of a connection, in bytes.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// How long to wait after a failed accept: the system may have no more sockets.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Where a request came from.
#[derive(Clone, Copy)]
pub struct RequestOrigin {
    pub peer: SocketAddr,
    /// Whether all connections are taken, and this one answers probes alone.
    pub is_for_probes: bool,
}

/// Answers the requests of connections.
pub trait RequestHandler: Clone + Send + Sync + Unpin + 'static {
    /// Answers one request.
    fn handle_request(
        self,
        request: hyper::Request<Incoming>,
        origin: RequestOrigin,
    ) -> impl Future<Output = Response> + Send;

    /// Says whether many callers come through that address, so that it has no limit of its own.
    fn is_shared_address(&self, address: IpAddr) -> bool;
}

/// Serves connections until `stop` becomes true, then lets running requests finish within [`DRAIN_TIMEOUT`].
pub async fn serve_connections(
    listener: TcpListener,
    handler: impl RequestHandler,
    max_connections: usize,
    mut stop: watch::Receiver<bool>,
) {
    let addresses = handler.clone();
    let table = ConnectionTable::new(max_connections, move |address| addresses.is_shared_address(address));
    let stopping = stop.clone();
    tokio::select! {
        () = accept_connections(&listener, &handler, &table, &stopping) => {}
        () = wait_for_stop(&mut stop) => {}
    }
    let _ = tokio::time::timeout(STOP_GRACE, accept_connections(&listener, &handler, &table, &stopping)).await;
    accept_last_connections(listener, &handler, &table, &stopping);
    let all_ended = async {
        while table.count_open() > 0 {
            table.ended.notified().await;
        }
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, all_ended).await.is_err() {
        tracing::warn!("requests still running after the drain timeout were cut off");
    }
}

/// Waits for the stop signal. A dropped sender counts as a signal.
async fn wait_for_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Accepts what waits in the system's queue and closes the listener at once: the system resets the connections that are left
/// there.
fn accept_last_connections(
    listener: TcpListener,
    handler: &impl RequestHandler,
    table: &Arc<ConnectionTable>,
    stop: &watch::Receiver<bool>,
) {
    let Ok(listener) = listener.into_std() else { return };
    let mut last = Vec::new();
    while let Ok(accepted) = listener.accept() {
        last.push(accepted);
    }
    drop(listener);
    for (socket, peer) in last {
        if socket.set_nonblocking(true).is_ok()
            && let Ok(socket) = TcpStream::from_std(socket)
        {
            spawn_connection(socket, peer, handler, table, stop);
        }
    }
}

fn spawn_connection(
    socket: TcpStream,
    peer: SocketAddr,
    handler: &impl RequestHandler,
    table: &Arc<ConnectionTable>,
    stop: &watch::Receiver<bool>,
) {
    // A connection without a place is closed at once.
    if let Some(place) = table.add_connection(peer.ip()) {
        tokio::spawn(serve_connection(socket, peer, handler.clone(), place, stop.clone()));
    }
}

async fn accept_connections(
    listener: &TcpListener,
    handler: &impl RequestHandler,
    table: &Arc<ConnectionTable>,
    stop: &watch::Receiver<bool>,
) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => spawn_connection(socket, peer, handler, table, stop),
            Err(error) => {
                tracing::warn!(%error, "connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

async fn serve_connection(
    socket: TcpStream,
    peer: SocketAddr,
    handler: impl RequestHandler,
    place: ConnectionPlace,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small: waiting to fill a packet would only delay them.
    let _ = socket.set_nodelay(true);
    let activity = place.activity.clone();
    let socket = GuardedSocket::new(socket, activity.clone());
    let origin = RequestOrigin { peer, is_for_probes: place.is_for_probes };
    let stopping = stop.clone();
    let service = service_fn(move |request| {
        let handler = handler.clone();
        let activity = activity.clone();
        let stopping = stopping.clone();
        // On the heap only while a request runs: thousands of connections may be open and idle.
        Box::pin(async move {
            activity.set_busy(true);
            let mut response = handler.handle_request(request, origin).await;
            if *stopping.borrow() || origin.is_for_probes {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, activity)))
        })
    });
    let mut builder = http1::Builder::new();
    builder.max_buf_size(READ_BUFFER_BYTES).header_read_timeout(None);
    let mut connection = builder.serve_connection(TokioIo::new(socket), service);
    let outcome = tokio::select! {
        outcome = poll_fn(|context| connection.poll_without_shutdown(context)) => outcome,
        () = place.activity.close.notified() => return,
        () = wait_for_stop(&mut stop) => {
            let last = poll_fn(|context| connection.poll_without_shutdown(context));
            match tokio::time::timeout(STOP_GRACE, last).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    Pin::new(&mut connection).graceful_shutdown();
                    poll_fn(|context| connection.poll_without_shutdown(context)).await
                }
            }
        },
    };
    match outcome {
        Ok(()) => {
            // The HTTP library's buffers go first: strangers who were refused may keep thousands of sockets open meanwhile.
            let mut socket = connection.into_parts().io.into_inner();
            tokio::select! {
                _ = socket.shutdown() => {}
                () = place.activity.close.notified() => {}
            }
        }
        Err(error) => tracing::debug!(%error, "connection ended early"),
    }
}
