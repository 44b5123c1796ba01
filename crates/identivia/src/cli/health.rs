//! `identivia health`: asks the running server whether it can serve requests, for containers without a shell.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::config::Config;

/// How long the server has for each step. It answers within two seconds.
const STEP_TIMEOUT: Duration = Duration::from_millis(2_500);
/// An answer is far shorter.
const MAX_ANSWER: u64 = 4_096;

/// Asks for `/readyz` on the address that the settings name.
///
/// # Errors
/// When the server does not answer, or cannot serve requests.
pub fn run_health(config: &Config) -> anyhow::Result<()> {
    let address = SocketAddr::new(reachable_address(config.host), config.port);
    let status = ask_readiness(address).with_context(|| format!("no answer from {address}"))?;
    if status != "200" {
        bail!("{address} answers {status} to /readyz: its log says why");
    }
    Ok(())
}

/// The address of this machine where the server listens on every address.
fn reachable_address(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

/// The status of the answer.
fn ask_readiness(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, STEP_TIMEOUT)?;
    stream.set_read_timeout(Some(STEP_TIMEOUT))?;
    stream.set_write_timeout(Some(STEP_TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    Ok(status.context("the answer is no HTTP")?.to_owned())
}
