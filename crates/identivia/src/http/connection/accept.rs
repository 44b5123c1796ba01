//! The accept loop: limits the number of connections, serves HTTP/1.1 on each, and drains them at the end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::guarded_socket::{BusyFlag, GuardedSocket};

/// How long running requests may take to finish once the server stops.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server still accepts connections and requests once it stops: requests that are on their way are not
/// lost. Every answer tells its caller that the connection ends.
const STOP_GRACE: Duration = Duration::from_millis(250);
/// The largest read buffer of a connection, in bytes.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// How long to wait after a failed accept: the system may have no more sockets.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Answers the requests of connections.
pub trait RequestHandler: Clone + Send + Sync + 'static {
    /// Answers one request of that peer.
    fn handle_request(
        self,
        request: hyper::Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response> + Send;
}

/// Serves connections until `stop` becomes true, then lets running requests finish within [`DRAIN_TIMEOUT`].
pub async fn serve_connections(
    listener: TcpListener,
    handler: impl RequestHandler,
    max_connections: usize,
    mut stop: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(max_connections));
    let stopping = stop.clone();
    tokio::select! {
        () = accept_connections(&listener, &handler, &permits, &stopping) => {}
        () = wait_for_stop(&mut stop) => {}
    }
    let _ = tokio::time::timeout(STOP_GRACE, accept_connections(&listener, &handler, &permits, &stopping)).await;
    drop(listener);
    let all = u32::try_from(max_connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(DRAIN_TIMEOUT, permits.acquire_many(all)).await.is_err() {
        tracing::warn!("requests still running after the drain timeout were cut off");
    }
}

/// Waits for the stop signal. A dropped sender counts as a signal.
async fn wait_for_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept_connections(
    listener: &TcpListener,
    handler: &impl RequestHandler,
    permits: &Arc<Semaphore>,
    stop: &watch::Receiver<bool>,
) {
    // With every permit taken, callers wait in the system's queue, which takes no memory of this process.
    while let Ok(permit) = permits.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((socket, peer)) => {
                tokio::spawn(serve_connection(socket, peer, handler.clone(), permit, stop.clone()));
            }
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
    permit: OwnedSemaphorePermit,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small: waiting to fill a packet would only delay them.
    let _ = socket.set_nodelay(true);
    let busy = BusyFlag::new(AtomicBool::new(false));
    let socket = GuardedSocket::new(socket, busy.clone());
    let stopping = stop.clone();
    let service = service_fn(move |request| {
        let handler = handler.clone();
        let busy = busy.clone();
        let stopping = stopping.clone();
        async move {
            busy.store(true, Ordering::Relaxed);
            let mut response = handler.handle_request(request, peer).await;
            busy.store(false, Ordering::Relaxed);
            if *stopping.borrow() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_buf_size(READ_BUFFER_BYTES).header_read_timeout(None);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(socket), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = wait_for_stop(&mut stop) => match tokio::time::timeout(STOP_GRACE, connection.as_mut()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "connection ended early");
    }
    drop(permit);
}
