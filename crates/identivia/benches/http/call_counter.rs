//! Counts calls of PocketBase: they pass through here on their way.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What ends the first line of a request, and comes nowhere else in what we send.
const MARK: &[u8] = b" HTTP/1.1\r\n";

pub(crate) struct CallCounter {
    address: SocketAddr,
    /// What each connection has carried to PocketBase.
    carried: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl CallCounter {
    pub(crate) async fn start(url: &str) -> anyhow::Result<Self> {
        let upstream = url.strip_prefix("http://").context("PocketBase's address is plain HTTP")?.to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let counter = Self { address: listener.local_addr()?, carried: Arc::default() };
        let carried = counter.carried.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                // A connection that fails is one that the server reports.
                tokio::spawn(carry_connection(caller, upstream.clone(), carried.clone()));
            }
        });
        Ok(counter)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn count(&self) -> usize {
        let carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        carried.iter().map(|bytes| memchr::memmem::find_iter(bytes, MARK).count()).sum()
    }
}

async fn carry_connection(
    caller: TcpStream,
    upstream: String,
    carried: Arc<Mutex<Vec<Vec<u8>>>>,
) -> std::io::Result<()> {
    let (mut from_caller, mut to_caller) = caller.into_split();
    let (mut from_upstream, mut to_upstream) = TcpStream::connect(upstream).await?.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_upstream, &mut to_caller).await });
    let mut piece = vec![0; 16 * 1024];
    let place = {
        let mut carried = carried.lock().unwrap_or_else(PoisonError::into_inner);
        carried.push(Vec::new());
        carried.len() - 1
    };
    loop {
        let length = from_caller.read(&mut piece).await?;
        if length == 0 {
            return to_upstream.shutdown().await;
        }
        carried.lock().unwrap_or_else(PoisonError::into_inner)[place].extend_from_slice(&piece[..length]);
        to_upstream.write_all(&piece[..length]).await?;
    }
}
