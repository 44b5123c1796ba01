//! The server that is measured, as a program of its own: the figures are those of the binary that is published.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::{env, fs, io};

use anyhow::Context as _;

/// The server that `IDENTIVIA_BIN` names, or the one that was built with this program.
pub(crate) fn find_server_binary() -> anyhow::Result<PathBuf> {
    let binary = PathBuf::from(env::var_os("IDENTIVIA_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_identivia").into()));
    fs::canonicalize(&binary).with_context(|| format!("no server at {}", binary.display()))
}

pub(crate) fn find_free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
