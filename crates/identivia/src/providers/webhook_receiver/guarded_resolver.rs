//! Looks up the names of receivers and hands only addresses to the connector that webhooks may reach. The connector connects to
//! exactly these: a name that changes its address between a check and the connection (DNS rebinding) gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::webhook::public_address::AddressRule;

/// Looks up the addresses of a name.
#[async_trait]
pub trait HostLookup: Send + Sync {
    /// All IPv4 and IPv6 addresses of a name.
    ///
    /// # Errors
    /// When there is none, or the name servers do not answer.
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own lookup.
pub struct SystemLookup;

#[async_trait]
impl HostLookup for SystemLookup {
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A lookup that refuses names with an address that webhooks may not reach.
pub(super) struct GuardedResolver {
    lookup: Arc<dyn HostLookup>,
    rule: AddressRule,
}

/// A name has an address that webhooks may not reach. Which one is not said: it would tell about the operator's network.
#[derive(Debug, thiserror::Error)]
#[error("refused: the name has a private or local address (the operator can allow networks with WEBHOOKS_ALLOW_NETS)")]
pub(super) struct RefusedAddress;

impl GuardedResolver {
    pub(super) fn new(lookup: Arc<dyn HostLookup>, rule: AddressRule) -> Self {
        Self { lookup, rule }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, rule) = (self.lookup.clone(), self.rule.clone());
        Box::pin(async move {
            let addresses = lookup.look_up(name.as_str()).await?;
            if addresses.iter().any(|address| !rule.admits(*address)) {
                return Err(RefusedAddress.into());
            }
            if addresses.is_empty() {
                return Err(io::Error::other("the name has no address").into());
            }
            // The connector replaces the port with that of the URL.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
