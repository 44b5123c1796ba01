//! The sockets that a server listens on, and how many connections its limit of open files allows.

use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::config::ConfigError;

/// File handles reserved for the database, uploads and downloads.
const RESERVED_FILES: usize = 256;

/// Raises the process's limit of open files as far as it goes, and keeps connections within it: a server without file
/// handles can neither store nor read.
#[must_use]
pub fn limit_connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let files = if raised.is_ok() { limit.maximum } else { limit.current };
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    let usable = files.saturating_sub(RESERVED_FILES).max(files / 4).max(1);
    let connections = wanted.min(usable);
    if connections < wanted {
        tracing::warn!(
            connections,
            files,
            "fewer connections than MAX_CONNECTIONS: the limit of open files is too low"
        );
    }
    connections
}

/// Listens on an address; gives the one that the system has chosen where the port is 0.
///
/// # Errors
/// When it is taken or forbidden, in the words of that setting.
pub async fn bind_listener(name: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ConfigError> {
    let problem = |error: std::io::Error| ConfigError {
        name,
        problem: match error.kind() {
            std::io::ErrorKind::AddrInUse => format!("{address} is in use; stop the other program or set another port"),
            kind => format!("cannot listen on {address}: {kind}"),
        },
    };
    let listener = TcpListener::bind(address).await.map_err(problem)?;
    let bound = listener.local_addr().map_err(problem)?;
    Ok((listener, bound))
}
