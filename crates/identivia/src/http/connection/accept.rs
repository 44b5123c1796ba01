//! The accept loop: connections are counted, guarded and, at the end, drained.

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

use super::request_head::{Busy, Wire};

/// How long requests under way may take to finish once the server is told to stop.
pub const DRAIN: Duration = Duration::from_secs(10);
/// How long connections are still taken and requests still heard once the server is told to stop: what callers had sent
/// by then is not lost. Every answer tells them that the connection ends with it.
const LAST_CALL: Duration = Duration::from_millis(250);
/// The most of a request that is held in memory before somebody asks for it, in bytes.
const BUFFER: usize = 64 * 1024;
/// How long to wait when the system has no more sockets to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(100);

/// Something that answers requests.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Answers one request of that peer.
    fn answer(self, request: hyper::Request<Incoming>, peer: SocketAddr) -> impl Future<Output = Response> + Send;
}

/// Serves connections until `stop` becomes true, then lets those under way finish within [`DRAIN`].
pub async fn serve(
    listener: TcpListener,
    handler: impl Answer,
    max_connections: usize,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(max_connections));
    let stopping = stop.clone();
    tokio::select! {
        () = accept(&listener, &handler, &places, &stopping) => {}
        () = told(&mut stop) => {}
    }
    let _ = tokio::time::timeout(LAST_CALL, accept(&listener, &handler, &places, &stopping)).await;
    drop(listener);
    let all = u32::try_from(max_connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(DRAIN, places.acquire_many(all)).await.is_err() {
        tracing::warn!("some requests had not finished in time and were cut off");
    }
}

/// Waits until it is time to stop. A stop signal that can no longer be given counts as given.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept(listener: &TcpListener, handler: &impl Answer, places: &Arc<Semaphore>, stop: &watch::Receiver<bool>) {
    // With every place taken, callers wait in the system's queue rather than in our memory.
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((socket, peer)) => {
                tokio::spawn(connection(socket, peer, handler.clone(), place, stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(OUT_OF_SOCKETS).await;
            }
        }
    }
}

async fn connection(
    socket: TcpStream,
    peer: SocketAddr,
    handler: impl Answer,
    place: OwnedSemaphorePermit,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small and whole: waiting to fill a packet would only delay them.
    let _ = socket.set_nodelay(true);
    let busy = Busy::new(AtomicBool::new(false));
    let wire = Wire::new(socket, busy.clone());
    let stopping = stop.clone();
    let service = service_fn(move |request| {
        let handler = handler.clone();
        let busy = busy.clone();
        let stopping = stopping.clone();
        async move {
            busy.store(true, Ordering::Relaxed);
            let mut response = handler.answer(request, peer).await;
            busy.store(false, Ordering::Relaxed);
            if *stopping.borrow() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER).header_read_timeout(None);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(wire), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = told(&mut stop) => match tokio::time::timeout(LAST_CALL, connection.as_mut()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(place);
}
